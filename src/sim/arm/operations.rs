//! Long-running operations (contract §9.2): begun with a write, over when their time has come, told to whoever asks.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::address::Place;
use super::memory::{Operation, Verb};
use super::reply::{Refusal, bare, body, refuse};
use super::{Reply, Setting};
use crate::sim::world::World;

/// Azure's time as time here.
pub fn scaled(setting: &Setting, seconds: u32) -> SignedDuration {
    SignedDuration::try_from_secs_f64(f64::from(seconds) * setting.pace).unwrap_or(SignedDuration::ZERO)
}

/// How long a client should wait: in seconds, and exactly for those who read milliseconds.
pub fn retry_headers(setting: &Setting) -> Vec<(String, String)> {
    let exact = (10_000.0 * setting.pace).clamp(20.0, 10_000.0).round();
    let seconds = (exact / 1000.0).ceil();
    vec![("retry-after".to_owned(), format!("{seconds}")), ("retry-after-ms".to_owned(), format!("{exact}"))]
}

/// Begins an operation of `seconds` of Azure's time; gives back the headers that lead to it.
pub fn begin(world: &mut World, setting: &Setting, place: &Place, verb: Verb, seconds: u32) -> Vec<(String, String)> {
    let id = uuid::Uuid::new_v4().to_string();
    let operation = Operation {
        resource: place.key.clone(),
        verb,
        started: setting.now,
        due: setting.now + scaled(setting, seconds),
        failure: world.memory.ordered_failure(&place.key),
        settled: false,
    };
    world.memory.operations.insert(id.clone(), operation);
    let location = world.resources.get(&place.key).and_then(|body| body["location"].as_str()).unwrap_or("global").to_owned();
    let namespace = &place.namespace;
    let at = format!("{}/subscriptions/{}/providers/{namespace}/locations/{location}", setting.base_url, setting.subscription);
    let mut headers = retry_headers(setting);
    headers.push(("azure-asyncoperation".to_owned(), format!("{at}/operations/{id}?api-version=2025-01-01")));
    headers.push(("location".to_owned(), format!("{at}/operationresults/{id}?api-version=2025-01-01")));
    headers
}

/// Whether something is being done to the resource.
pub fn busy(world: &World, key: &str) -> bool {
    world.memory.operations.values().any(|operation| !operation.settled && operation.resource == key)
}

/// Carries out the end of every operation whose time has come; says whether there was one.
pub fn settle(world: &mut World, now: Timestamp) -> bool {
    let due: Vec<(String, Operation)> = world
        .memory
        .operations
        .iter_mut()
        .filter(|(_, operation)| !operation.settled && operation.due <= now)
        .map(|(id, operation)| {
            operation.settled = true;
            (id.clone(), operation.clone())
        })
        .collect();
    let ended = !due.is_empty();
    for (_, operation) in due {
        match (operation.verb, &operation.failure) {
            (Verb::Put, None) => set_state(world, &operation.resource, "Succeeded"),
            (_, Some(_)) => set_state(world, &operation.resource, "Failed"),
            (Verb::Delete, None) => remove(world, &operation.resource),
        }
    }
    ended
}

/// Marks what is being done to a resource, and to the pools within it.
pub fn set_state(world: &mut World, key: &str, state: &str) {
    let Some(body) = world.resources.get_mut(key) else { return };
    body["properties"]["provisioningState"] = json!(state);
    if let Some(pools) = body.pointer_mut("/properties/agentPoolProfiles").and_then(Value::as_array_mut) {
        for pool in pools {
            pool["provisioningState"] = json!(state);
        }
    }
}

/// Removes a resource with everything below it, and what the service made for it elsewhere.
pub fn remove(world: &mut World, key: &str) {
    let managed = world.resources.get(key).and_then(managed_group);
    let below = format!("{key}/");
    world.resources.retain(|id| id != key && !id.starts_with(&below));
    if let Some(group) = managed {
        let below = format!("{group}/");
        world.resources.retain(|id| id != group && !id.starts_with(&below));
    }
}

/// The side group of a workspace or a cluster, lower-case.
fn managed_group(body: &Value) -> Option<String> {
    let id = body["id"].as_str()?;
    let subscription = id.split('/').nth(2)?;
    let nodes = body.pointer("/properties/nodeResourceGroup").and_then(Value::as_str).map(str::to_owned);
    let rule = body.pointer("/properties/defaultIngestionSettings/dataCollectionRuleResourceId").and_then(Value::as_str);
    let group = nodes.or_else(|| Some(rule?.split('/').nth(4)?.to_owned()))?;
    Some(format!("/subscriptions/{subscription}/resourcegroups/{group}").to_ascii_lowercase())
}

/// Answers who asks about an operation.
///
/// # Errors
/// 404 when there never was one.
pub fn look(world: &World, setting: &Setting, id: &str, result: bool) -> Result<Reply, Refusal> {
    let operation = world.memory.operations.get(id);
    let operation = operation.ok_or_else(|| refuse(404, "NotFound", format!("The operation `{id}` was not found.")))?;
    if !operation.settled {
        let told = json!({"id": format!("operations/{id}"), "name": id, "status": "InProgress", "startTime": operation.started.to_string()});
        let reply = if result { bare(202) } else { body(200, told) };
        return Ok(Reply { headers: retry_headers(setting), ..reply });
    }
    let status = if operation.failure.is_some() { "Failed" } else { "Succeeded" };
    let mut told = json!({"id": format!("operations/{id}"), "name": id, "status": status,
        "startTime": operation.started.to_string(), "endTime": operation.due.to_string(), "percentComplete": 100.0});
    if let Some((code, message)) = &operation.failure {
        told["error"] = json!({"code": code, "message": message});
    }
    if !result {
        return Ok(body(200, told));
    }
    match (&operation.failure, world.resources.get(&operation.resource)) {
        (Some((code, message)), _) => Err(refuse(409, code, message)),
        (None, Some(resource)) => Ok(body(200, resource.clone())),
        (None, None) => Ok(bare(204)),
    }
}
