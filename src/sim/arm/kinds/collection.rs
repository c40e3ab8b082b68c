//! Data collection endpoints, rules and associations (contract §3.4-§3.6). All are done at once.

use serde_json::{Map, Value, json};

use super::{Written, fill, must_have_location, with_properties};
use crate::sim::arm::address::Place;
use crate::sim::arm::reply::{Refusal, page, refuse};
use crate::sim::arm::{Call, Reply};
use crate::sim::world::World;

/// The one name under which an endpoint is associated (contract §3.6).
const ENDPOINT_ASSOCIATION: &str = "configurationAccessEndpoint";

fn immutable(place: &Place, prefix: &str) -> String {
    format!("{prefix}-{}", uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, place.key.as_bytes()).simple())
}

/// A data collection endpoint.
///
/// # Errors
/// No region, or a bad name.
pub fn endpoint(place: &Place, _before: Option<&Value>, sent: Map<String, Value>) -> Result<Written, Refusal> {
    let location = must_have_location(&sent)?;
    let name = &place.name;
    if !(3..=44).contains(&name.len()) || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Err(refuse(400, "InvalidResourceName", format!("The data collection endpoint name '{name}' is not valid.")));
    }
    let mut body = with_properties(sent);
    body["location"] = json!(location);
    let host = |service: &str| json!({"endpoint": format!("https://{}-abcd.{location}-1.{service}.monitor.azure.com", name.to_ascii_lowercase())});
    let defaults = json!({"properties": {"immutableId": immutable(place, "dce"), "configurationAccess": host("handler.control"),
        "logsIngestion": host("ingest"), "metricsIngestion": host("metrics.ingest"), "networkAcls": {"publicNetworkAccess": "Enabled"}}});
    fill(&mut body, &defaults);
    Ok(Written::at_once(body))
}

/// A data collection rule: its endpoint and its workspaces must be there, in its own region.
///
/// # Errors
/// They are not, or the flows name destinations that there are none of.
pub fn rule(world: &World, place: &Place, _before: Option<&Value>, sent: Map<String, Value>) -> Result<Written, Refusal> {
    let location = must_have_location(&sent)?;
    let mut body = with_properties(sent);
    body["location"] = json!(location);
    let id = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).map(str::to_ascii_lowercase);
    if let Some(endpoint) = id("/properties/dataCollectionEndpointId")
        && !world.resources.contains_key(&endpoint)
    {
        return Err(refuse(400, "InvalidPayload", format!("The data collection endpoint '{endpoint}' does not exist.")));
    }
    let accounts =
        body.pointer("/properties/destinations/monitoringAccounts").and_then(Value::as_array).cloned().unwrap_or_default();
    for account in &accounts {
        let workspace = account["accountResourceId"].as_str().unwrap_or_default().to_ascii_lowercase();
        let Some(found) = world.resources.get(&workspace) else {
            return Err(refuse(400, "InvalidDestination", format!("The monitoring account '{workspace}' does not exist.")));
        };
        if found["location"].as_str().is_some_and(|home| home != location) {
            let message = "The data collection rule must be in the region of its monitoring account.";
            return Err(refuse(400, "InvalidPayload", message));
        }
    }
    let named = |name: &Value| accounts.iter().any(|account| account["name"] == *name) || has_other_destination(&body, name);
    let flows = body.pointer("/properties/dataFlows").and_then(Value::as_array).cloned().unwrap_or_default();
    let unknown =
        flows.iter().flat_map(|flow| flow["destinations"].as_array().cloned().unwrap_or_default()).find(|name| !named(name));
    if let Some(name) = unknown {
        return Err(refuse(400, "InvalidPayload", format!("The data flow names a destination that is not declared: {name}.")));
    }
    if let Some(accounts) = body.pointer_mut("/properties/destinations/monitoringAccounts").and_then(Value::as_array_mut) {
        for account in accounts {
            let workspace = account["accountResourceId"].as_str().unwrap_or_default().to_ascii_lowercase();
            account["accountId"] =
                world.resources.get(&workspace).map_or(Value::Null, |found| found["properties"]["accountId"].clone());
        }
    }
    fill(&mut body, &json!({"properties": {"immutableId": immutable(place, "dcr")}}));
    Ok(Written::at_once(body))
}

fn has_other_destination(body: &Value, name: &Value) -> bool {
    let all = body.pointer("/properties/destinations").and_then(Value::as_object);
    let lists = all.into_iter().flatten().filter(|(kind, _)| *kind != "monitoringAccounts").map(|(_, list)| list);
    lists.flat_map(|list| list.as_array().cloned().unwrap_or_default()).any(|entry| entry["name"] == *name)
}

/// An association: what it points at must be there.
///
/// # Errors
/// It is not.
pub fn association(world: &World, place: &Place, sent: Map<String, Value>) -> Result<Written, Refusal> {
    let mut body = with_properties(sent);
    if let Some(body) = body.as_object_mut() {
        body.shift_remove("location");
    }
    let target = |key: &str| body["properties"][key].as_str().map(str::to_ascii_lowercase);
    let (rule, endpoint) = (target("dataCollectionRuleId"), target("dataCollectionEndpointId"));
    let reserved = place.name.eq_ignore_ascii_case(ENDPOINT_ASSOCIATION);
    if endpoint.is_some() && (!reserved || rule.is_some()) {
        let message = format!("An association of data collection endpoint must be named '{ENDPOINT_ASSOCIATION}'.");
        return Err(refuse(400, "InvalidEndpointAssociationName", message));
    }
    match rule.or(endpoint) {
        None => Err(refuse(400, "InvalidPayload", "The association names neither a rule nor an endpoint.")),
        Some(target) if !world.resources.contains_key(&target) => {
            Err(refuse(404, "ResourceNotFound", format!("The resource '{target}' that the association points at was not found.")))
        }
        Some(_) => Ok(Written { has_state: false, ..Written::at_once(body) }),
    }
}

/// `{rule}/associations`: whoever uses a rule (Azure REST reference, Data Collection Rule Associations - List By Rule).
///
/// # Errors
/// There is no such rule.
pub fn users(world: &World, rule: &str) -> Result<Reply, Refusal> {
    if !world.resources.contains_key(rule) {
        return Err(refuse(404, "ResourceNotFound", format!("The Resource '{rule}' was not found.")));
    }
    let all = world.resources.iter().filter(|(key, _)| key.contains("/datacollectionruleassociations/"));
    let uses = |body: &Value| body["properties"]["dataCollectionRuleId"].as_str().is_some_and(|id| id.eq_ignore_ascii_case(rule));
    Ok(page(all.filter(|(_, body)| uses(body)).map(|(_, body)| body.clone())))
}

/// Makes a rule ready to go: associations keep it, unless they are to go with it (`deleteAssociations`, since 2023-03-11). The code
/// of the refusal is not documented.
///
/// # Errors
/// There are associations.
pub fn release_rule(world: &mut World, call: &Call, place: &Place) -> Result<(), Refusal> {
    let points =
        |body: &Value| body["properties"]["dataCollectionRuleId"].as_str().is_some_and(|id| id.eq_ignore_ascii_case(&place.key));
    let held: Vec<String> = world
        .resources
        .iter()
        .filter(|(key, body)| key.contains("/datacollectionruleassociations/") && points(body))
        .map(|(key, _)| key.clone())
        .collect();
    let along = call.parameter("deleteAssociations").is_some_and(|wish| wish.eq_ignore_ascii_case("true"));
    if along || held.is_empty() {
        world.resources.retain(|key| !held.iter().any(|gone| gone == key));
        return Ok(());
    }
    let count = held.len();
    let message = format!("The data collection rule '{}' cannot be deleted: it still has {count} association(s).", place.name);
    Err(refuse(409, "Conflict", message))
}
