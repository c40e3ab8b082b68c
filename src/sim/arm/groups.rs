//! Resource groups (contract §2.1).

use serde_json::{Value, json};

use super::address::Place;
use super::memory::Verb;
use super::operations::begin;
use super::reply::{Refusal, bare, body, page, refuse};
use super::{Call, Reply, Setting};
use crate::sim::world::World;

const DELETION_SECONDS: u32 = 60;

fn absent(place: &Place) -> Refusal {
    refuse(404, "ResourceGroupNotFound", format!("Resource group '{}' could not be found.", place.name))
}

/// All groups of the subscription.
pub fn list(world: &World, setting: &Setting) -> Reply {
    let below = format!("/subscriptions/{}/resourcegroups/", setting.subscription).to_ascii_lowercase();
    let found = world.resources.range(below.clone()..).take_while(|(key, _)| key.starts_with(&below));
    page(found.filter(|(key, _)| key.split('/').count() == 5).map(|(_, body)| body.clone()))
}

/// Everything that can be asked of a group.
///
/// # Errors
/// It is not there, lies elsewhere, or the body is wrong.
pub fn answer(world: &mut World, setting: &Setting, call: &Call, place: &Place) -> Result<Reply, Refusal> {
    let before = world.resources.get(&place.key).cloned();
    match call.method.as_str() {
        "HEAD" => Ok(bare(if before.is_some() { 204 } else { 404 })),
        "GET" => before.map(|found| body(200, found)).ok_or_else(|| absent(place)),
        "PUT" => put(world, call, place, before.as_ref()),
        "PATCH" => {
            let mut found = before.ok_or_else(|| absent(place))?;
            if let Some(tags) = call.body.get("tags") {
                found["tags"] = tags.clone();
            }
            world.resources.insert(place.key.clone(), found.clone());
            Ok(body(200, found))
        }
        "DELETE" => {
            let Some(mut found) = before else { return Err(absent(place)) };
            found["properties"]["provisioningState"] = json!("Deleting");
            world.resources.insert(place.key.clone(), found);
            let headers = begin(world, setting, place, Verb::Delete, DELETION_SECONDS);
            let headers = headers.into_iter().filter(|(name, _)| name != "azure-asyncoperation").collect();
            Ok(Reply { headers, ..bare(202) })
        }
        _ => Err(refuse(405, "MethodNotAllowed", "The method is not allowed on a resource group.")),
    }
}

fn put(world: &mut World, call: &Call, place: &Place, before: Option<&Value>) -> Result<Reply, Refusal> {
    let plain = |value: &Value| value.as_str().map(|text| text.replace(' ', "").to_ascii_lowercase());
    let Some(location) = plain(&call.body["location"]) else {
        return Err(refuse(400, "LocationRequired", "The location property is required for this definition."));
    };
    let here = before.and_then(|before| plain(&before["location"]));
    if here.as_ref().is_some_and(|here| *here != location) {
        let message = format!(
            "Invalid resource group location '{location}'. The Resource group already exists in location '{}'.",
            here.unwrap_or_default()
        );
        return Err(refuse(409, "InvalidResourceGroupLocation", message));
    }
    let stored = json!({"id": before.map_or_else(|| json!(place.id), |before| before["id"].clone()), "name": place.name,
        "type": "Microsoft.Resources/resourceGroups", "location": location, "tags": call.body.get("tags").cloned().unwrap_or_else(|| json!({})),
        "properties": {"provisioningState": "Succeeded"}});
    world.resources.insert(place.key.clone(), stored.clone());
    Ok(body(if before.is_some() { 200 } else { 201 }, stored))
}
