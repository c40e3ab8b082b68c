//! Reading, writing and deleting resources: what is the same for all kinds.

use serde_json::{Map, Value, json};

use super::address::{Place, spelled};
use super::kinds::{self, Written};
use super::memory::Verb;
use super::offers::must_be_offered;
use super::operations::{begin, busy, remove, set_state};
use super::reply::{Refusal, bare, body, page, refuse};
use super::subscription::{must_be_registered, root_group};
use super::{Call, Reply, Setting, versions};
use crate::sim::world::World;

fn absent(place: &Place) -> Refusal {
    let group = place.id.split('/').nth(4).unwrap_or_default();
    let full = spelled(&format!("{}/{}", place.namespace, place.of_type)).to_owned();
    let name = &place.name;
    refuse(
        404,
        "ResourceNotFound",
        format!(
            "The Resource '{full}/{name}' under resource group '{group}' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix"
        ),
    )
}

/// GET.
///
/// # Errors
/// It is not there.
pub fn get(world: &World, call: &Call, place: &Place) -> Result<Reply, Refusal> {
    let found = world.resources.get(&place.key).ok_or_else(|| absent(place))?;
    Ok(told(200, found, call))
}

/// A resource's body as the asked version knows it, with its etag as a header too.
fn told(status: u16, found: &Value, call: &Call) -> Reply {
    let reply = body(status, versions::seen_by(found, call.version()));
    let etag = found.get("eTag").or_else(|| found.get("etag")).and_then(Value::as_str);
    let headers = etag.map(|etag| ("etag".to_owned(), format!("\"{etag}\""))).into_iter().collect();
    Reply { headers, ..reply }
}

/// GET of a collection.
///
/// # Errors
/// What it would hang on is not there.
pub fn list(world: &World, call: &Call, scope: &str, of_type: &str) -> Result<Reply, Refusal> {
    if scope.contains("/resourcegroups/") && !world.resources.contains_key(scope) {
        let group = scope.split('/').nth(4).unwrap_or_default();
        let gone = scope.split('/').take(5).collect::<Vec<_>>().join("/");
        return Err(if world.resources.contains_key(&gone) {
            refuse(
                404,
                "ParentResourceNotFound",
                format!("Can not perform requested operation on nested resource. Parent resource '{scope}' not found."),
            )
        } else {
            refuse(404, "ResourceGroupNotFound", format!("Resource group '{group}' could not be found."))
        });
    }
    let below = format!("{scope}/");
    let fits = |key: &str| {
        let Some((at, rest)) = key.rsplit_once("/providers/") else { return false };
        let mut parts = rest.split('/');
        let namespace = parts.next().unwrap_or_default();
        let chain: Vec<&str> = parts.collect();
        let kind = chain.iter().step_by(2).copied().collect::<Vec<_>>().join("/");
        let attached = at == scope;
        of_type == format!("{namespace}/{kind}") && (attached || (!at.contains("/providers/") && key.starts_with(&below)))
    };
    let version = call.version();
    let found = world.resources.iter().filter(|(key, _)| fits(key)).map(|(_, body)| versions::seen_by(body, version));
    Ok(page(found))
}

/// Every resource below a scope, as the generic list tells it; what hangs on others is not in it.
pub fn everything(world: &World, scope: &str) -> Reply {
    let below = format!("{scope}/");
    let plain = |key: &str| {
        key.matches("/providers/").count() == 1 && key.split('/').count() == 9 && !key.contains("microsoft.authorization")
    };
    let told = |body: &Value| json!({"id": body["id"], "name": body["name"], "type": body["type"], "location": body["location"], "tags": body["tags"]});
    page(world.resources.iter().filter(|(key, _)| key.starts_with(&below) && plain(key)).map(|(_, body)| told(body)))
}

/// PUT.
///
/// # Errors
/// Whatever ARM or the kind refuses.
pub fn put(world: &mut World, setting: &Setting, call: &Call, place: &Place) -> Result<Reply, Refusal> {
    let Value::Object(sent) = &call.body else {
        return Err(refuse(400, "InvalidRequestContent", "The request content was invalid and could not be deserialized."));
    };
    must_have_parents(world, setting, place)?;
    let before = world.resources.get(&place.key).cloned();
    must_match(call, before.as_ref())?;
    must_be_free(world, place)?;
    must_stay(place, sent, before.as_ref())?;
    let full = format!("{}/{}", place.namespace, place.of_type);
    must_be_offered(spelled(&full), sent.get("location").and_then(Value::as_str).unwrap_or_default())?;
    let written = kinds::write(world, setting, call, place, before.as_ref(), sent.clone())?;
    Ok(keep(world, setting, call, place, before.as_ref(), written))
}

/// PATCH.
///
/// # Errors
/// It is not there, or the kind refuses.
pub fn patch(world: &mut World, setting: &Setting, call: &Call, place: &Place) -> Result<Reply, Refusal> {
    let before = world.resources.get(&place.key).cloned().ok_or_else(|| absent(place))?;
    must_match(call, Some(&before))?;
    must_be_free(world, place)?;
    let Value::Object(sent) = &call.body else {
        return Err(refuse(400, "InvalidRequestContent", "The request content was invalid and could not be deserialized."));
    };
    let written = kinds::patch(world, setting, call, place, &before, sent.clone())?;
    Ok(keep(world, setting, call, place, Some(&before), written))
}

/// Puts what was written into the world and answers.
fn keep(world: &mut World, setting: &Setting, call: &Call, place: &Place, before: Option<&Value>, written: Written) -> Reply {
    let mut stored = written.body;
    let now = setting.now.to_string();
    stored["id"] = before.map_or_else(|| json!(place.id), |before| before["id"].clone());
    stored["name"] = before.map_or_else(|| json!(place.name), |before| before["name"].clone());
    stored["type"] = json!(spelled(&format!("{}/{}", place.namespace, place.of_type)));
    let born = before.and_then(|before| before.pointer("/systemData/createdAt").cloned()).unwrap_or_else(|| json!(now));
    stored["systemData"] = json!({"createdAt": born, "createdBy": call.caller.oid, "createdByType": "Application",
        "lastModifiedAt": now, "lastModifiedBy": call.caller.oid, "lastModifiedByType": "Application"});
    let etag = world.memory.next_etag();
    let field = if place.of_type.starts_with("managedclusters") { "eTag" } else { "etag" };
    stored[field] = json!(etag);
    world.resources.insert(place.key.clone(), stored);
    let mut headers = Vec::new();
    if let Some(seconds) = written.takes {
        set_state(world, &place.key, if before.is_some() { "Updating" } else { "Creating" });
        headers = begin(world, setting, place, Verb::Put, seconds);
    } else if written.has_state {
        set_state(world, &place.key, "Succeeded");
    }
    let status = if before.is_some() { 200 } else { 201 };
    let stored = world.resources.get(&place.key).cloned().unwrap_or_default();
    let reply = told(status, &stored, call);
    Reply { headers: [reply.headers.clone(), headers].concat(), ..reply }
}

/// DELETE.
///
/// # Errors
/// Something is being done to it.
pub fn delete(world: &mut World, setting: &Setting, call: &Call, place: &Place) -> Result<Reply, Refusal> {
    let Some(before) = world.resources.get(&place.key).cloned() else { return Ok(bare(204)) };
    must_match(call, Some(&before))?;
    must_be_free(world, place)?;
    if place.of_type == "datacollectionrules" {
        kinds::collection::release_rule(world, call, place)?;
    }
    let Some(seconds) = kinds::takes_to_delete(place) else {
        remove(world, &place.key);
        return Ok(if place.of_type == "roleassignments" { body(200, before) } else { bare(200) });
    };
    set_state(world, &place.key, "Deleting");
    let headers = begin(world, setting, place, Verb::Delete, seconds);
    Ok(Reply { headers, ..bare(202) })
}

fn must_have_parents(world: &World, setting: &Setting, place: &Place) -> Result<(), Refusal> {
    if let Some(group) = place.key.split_once("/resourcegroups/").map(|(_, rest)| rest.split('/').next().unwrap_or_default()) {
        let at = format!("/subscriptions/{}/resourcegroups/{group}", setting.subscription).to_ascii_lowercase();
        let Some(found) = world.resources.get(&at) else {
            return Err(refuse(404, "ResourceGroupNotFound", format!("Resource group '{group}' could not be found.")));
        };
        if found.pointer("/properties/provisioningState").is_some_and(|state| state == "Deleting") {
            let message = format!("The resource group '{group}' is in deprovisioning state and cannot perform this operation.");
            return Err(refuse(409, "ResourceGroupBeingDeleted", message));
        }
    }
    if place.namespace != "microsoft.authorization" {
        must_be_registered(world, setting, &place.namespace)?;
    }
    let is_root = place.parent == root_group(setting.tenant);
    if place.parent.contains("/providers/") && !is_root && !world.resources.contains_key(&place.parent) {
        let parent = &place.parent;
        return Err(refuse(
            404,
            "ParentResourceNotFound",
            format!("Can not perform requested operation on nested resource. Parent resource '{parent}' not found."),
        ));
    }
    Ok(())
}

/// `If-Match` and `If-None-Match` (contract §3.9).
fn must_match(call: &Call, before: Option<&Value>) -> Result<(), Refusal> {
    let bare = |text: &str| text.trim().trim_matches('"').to_owned();
    let etag = before.and_then(|before| before.get("eTag").or_else(|| before.get("etag"))).and_then(Value::as_str);
    if call.header("if-none-match").is_some_and(|wish| wish.trim() == "*") && before.is_some() {
        return Err(refuse(412, "PreconditionFailed", "The resource exists already."));
    }
    match call.header("if-match") {
        Some(wish) if wish.trim() == "*" && before.is_some() => Ok(()),
        Some(wish) if etag.is_none_or(|etag| etag != bare(wish)) => {
            Err(refuse(412, "EtagMismatch", "The etag does not match: the resource was changed in between."))
        }
        _ => Ok(()),
    }
}

fn must_be_free(world: &World, place: &Place) -> Result<(), Refusal> {
    let within = if place.of_type.contains('/') { &place.parent } else { &place.key };
    if !busy(world, &place.key) && !busy(world, within) {
        return Ok(());
    }
    Err(if place.namespace == "microsoft.containerservice" {
        refuse(
            409,
            "OperationNotAllowed",
            "Operation is not allowed: another operation is in progress on the managed cluster; wait for it to finish.",
        )
    } else {
        refuse(409, "AnotherOperationInProgress", format!("Another operation is in progress on '{}'.", place.id))
    })
}

/// Regions never change.
fn must_stay(place: &Place, sent: &Map<String, Value>, before: Option<&Value>) -> Result<(), Refusal> {
    let plain = |value: &Value| value.as_str().map(|text| text.replace(' ', "").to_ascii_lowercase());
    let here = before.and_then(|before| plain(&before["location"]));
    match (here, sent.get("location").and_then(plain)) {
        (Some(here), Some(wish)) if here != wish => {
            let name = &place.name;
            Err(refuse(
                409,
                "InvalidResourceLocation",
                format!(
                    "The resource '{name}' already exists in location '{here}'. A resource with the same name cannot be created in location '{wish}'."
                ),
            ))
        }
        _ => Ok(()),
    }
}
