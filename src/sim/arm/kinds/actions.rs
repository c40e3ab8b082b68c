//! POST actions: credentials and commands of clusters (contract §5.9, §5.10).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::sim::arm::address::Place;
use crate::sim::arm::operations::retry_headers;
use crate::sim::arm::reply::{Refusal, body, refuse};
use crate::sim::arm::{Call, Reply, Setting};
use crate::sim::effects::cluster::Cluster;
use crate::sim::kube::access::{Credential, Wanted, kubeconfig};
use crate::sim::planes::router::Audience;
use crate::sim::planes::{View, address_key};
use crate::sim::runcommand::api::take;
use crate::sim::world::World;

/// Answers an action.
///
/// # Errors
/// There is no such action, or the cluster refuses it.
pub fn answer(world: &mut World, setting: &Setting, call: &Call, place: &Place, action: &str) -> Result<Reply, Refusal> {
    if place.of_type != "managedclusters" {
        return Err(refuse(404, "InvalidAction", format!("There is no action '{action}' on '{}'.", place.of_type)));
    }
    if !world.resources.contains_key(&place.key) {
        return Err(refuse(404, "ResourceNotFound", format!("The Resource '{}' was not found.", place.id)));
    }
    match action {
        "listclusterusercredential" => credential(world, setting, place, Wanted::User, "clusterUser"),
        "listclusteradmincredential" => credential(world, setting, place, Wanted::Admin, "clusterAdmin"),
        "runcommand" => run_command(world, setting, call, place),
        _ => Err(refuse(404, "InvalidAction", format!("There is no action '{action}' on a managed cluster."))),
    }
}

fn credential(world: &World, setting: &Setting, place: &Place, wanted: Wanted, name: &str) -> Result<Reply, Refusal> {
    let missing = || refuse(404, "ResourceNotFound", format!("The Resource '{}' was not found.", place.id));
    let cluster = world.resources.get(&place.key).and_then(Cluster::read).ok_or_else(missing)?;
    let inside = world.planes.cluster(&place.key).ok_or_else(missing)?;
    let server = format!("{}/kube/{}", setting.base_url, address_key(&place.key));
    let text = kubeconfig(&cluster, inside, &server, &STANDARD.encode(setting.ca_pem), wanted)?;
    Ok(body(200, json!({"kubeconfigs": [{"name": name, "value": STANDARD.encode(text)}]})))
}

fn run_command(world: &mut World, setting: &Setting, call: &Call, place: &Place) -> Result<Reply, Refusal> {
    let token = match call.body["clusterToken"].as_str().filter(|text| !text.is_empty()) {
        None => Credential::None,
        Some(text) => {
            (setting.recognise)(text, Audience::Kubernetes).map_or_else(|| Credential::Token(text.to_owned()), Credential::Entra)
        }
    };
    let World { resources, planes, memory } = world;
    let view = View { resources, now: setting.now, delays: setting.delays };
    planes.observe(&view);
    let outcome = take(planes, &view, &place.key, &token, &call.body)?;
    let id = uuid::Uuid::new_v4().simple().to_string();
    memory.commands.insert(id.clone(), (place.key.clone(), outcome));
    let mut headers = retry_headers(setting);
    headers.push((
        "location".to_owned(),
        format!("{}{}/commandResults/{id}?api-version={}", setting.base_url, place.id, call.version()),
    ));
    Ok(Reply { headers, ..running(&id) })
}

fn running(id: &str) -> Reply {
    body(202, json!({"id": id, "properties": {"provisioningState": "Running"}}))
}

/// `commandResults/{id}`.
///
/// # Errors
/// There was no such command.
pub fn result(world: &World, setting: &Setting, place: &Place) -> Result<Reply, Refusal> {
    let Some((_, outcome)) = world.memory.commands.get(&place.name).filter(|(cluster, _)| *cluster == place.parent) else {
        return Err(refuse(404, "NotFound", format!("The command result '{}' was not found.", place.name)));
    };
    Ok(match outcome.body(&place.name, setting.now) {
        Some(result) => body(200, result),
        // az reads the state from the body, whatever the status says (azure-cli 2.91, acs/_polling.py).
        None => Reply { headers: retry_headers(setting), ..running(&place.name) },
    })
}
