//! What each kind makes of a write: checks, defaults, how long it takes.

pub mod actions;
pub mod cluster;
pub mod collection;
pub mod grafana;
pub mod pools;
pub mod roles;
pub mod rule_groups;
pub mod workspace;

use serde_json::{Map, Value, json};

use super::address::Place;
use super::reply::{Refusal, refuse};
use super::{Call, Setting};
use crate::sim::world::World;

/// A body as it will be kept, and how long it takes to get there.
#[derive(Clone, Debug)]
pub struct Written {
    /// The body; id, name, type and marks are the caller's to add.
    pub body: Value,
    /// Seconds of Azure's time; nothing for what is done at once.
    pub takes: Option<u32>,
    /// Whether the kind has a `provisioningState`.
    pub has_state: bool,
}

impl Written {
    fn at_once(body: Value) -> Self {
        Self { body, takes: None, has_state: true }
    }

    fn within(body: Value, seconds: u32) -> Self {
        Self { body, takes: Some(seconds), has_state: true }
    }
}

/// A PUT.
///
/// # Errors
/// What the kind refuses.
pub fn write(
    world: &mut World,
    setting: &Setting,
    call: &Call,
    place: &Place,
    before: Option<&Value>,
    sent: Map<String, Value>,
) -> Result<Written, Refusal> {
    match (place.namespace.as_str(), place.of_type.as_str()) {
        ("microsoft.containerservice", "managedclusters") => cluster::write(world, setting, call, place, before, sent),
        ("microsoft.monitor", "accounts") => workspace::write(world, setting, place, before, sent),
        ("microsoft.dashboard", "grafana") => grafana::write(world, setting, place, before, sent),
        ("microsoft.insights", "datacollectionendpoints") => collection::endpoint(place, before, sent),
        ("microsoft.insights", "datacollectionrules") => collection::rule(world, place, before, sent),
        ("microsoft.insights", "datacollectionruleassociations") => collection::association(world, place, sent),
        ("microsoft.alertsmanagement", "prometheusrulegroups") => rule_groups::write(sent),
        ("microsoft.authorization", "roleassignments") => roles::write(world, setting, call, place, before, &sent),
        ("microsoft.network" | "microsoft.managedidentity" | "microsoft.insights" | "microsoft.storage", _) => {
            Ok(Written::at_once(with_properties(sent)))
        }
        _ => {
            let (namespace, of_type) = (&place.namespace, &place.of_type);
            Err(refuse(
                404,
                "InvalidResourceType",
                format!("The resource type '{of_type}' could not be found in the namespace '{namespace}'."),
            ))
        }
    }
}

/// A PATCH: a merge of what may be changed, then as a PUT.
///
/// # Errors
/// What the kind refuses.
pub fn patch(
    world: &mut World,
    setting: &Setting,
    call: &Call,
    place: &Place,
    before: &Value,
    sent: Map<String, Value>,
) -> Result<Written, Refusal> {
    if place.of_type == "managedclusters" && sent.keys().any(|key| key != "tags") {
        return Err(refuse(400, "InvalidRequestContent", "PATCH on a managed cluster accepts `tags` only."));
    }
    if place.of_type == "managedclusters" {
        let mut body = before.clone();
        body["tags"] = sent.get("tags").cloned().unwrap_or(Value::Null);
        return Ok(Written::at_once(body));
    }
    let mut merged = before.clone();
    json_patch::merge(&mut merged, &Value::Object(sent));
    let Value::Object(merged) = merged else { return Err(refuse(400, "InvalidRequestContent", "The body is no object.")) };
    let mut written = write(world, setting, call, place, Some(before), merged)?;
    written.takes = written.takes.map(|seconds| seconds.min(20));
    Ok(written)
}

/// How long a deletion takes, in seconds of Azure's time; nothing for what is gone at once.
pub fn takes_to_delete(place: &Place) -> Option<u32> {
    match place.of_type.as_str() {
        "managedclusters" => Some(180),
        "managedclusters/agentpools" | "grafana" => Some(60),
        "accounts" => Some(20),
        _ => None,
    }
}

/// A body with an object under `properties`.
fn with_properties(mut sent: Map<String, Value>) -> Value {
    let properties = sent.entry("properties").or_insert_with(|| json!({}));
    if !properties.is_object() {
        *properties = json!({});
    }
    Value::Object(sent)
}

/// A tracked resource has a region.
fn must_have_location(sent: &Map<String, Value>) -> Result<String, Refusal> {
    let location = sent.get("location").and_then(Value::as_str).map(|text| text.replace(' ', "").to_ascii_lowercase());
    location
        .filter(|location| !location.is_empty())
        .ok_or_else(|| refuse(400, "LocationRequired", "The location property is required for this definition."))
}

/// Fills what is missing from `defaults`, at every depth; what is there stays.
fn fill(body: &mut Value, defaults: &Value) {
    let (Value::Object(body), Value::Object(defaults)) = (body, defaults) else { return };
    for (key, default) in defaults {
        match body.get_mut(key) {
            Some(there) if there.is_object() => fill(there, default),
            Some(Value::Null) | None => {
                body.insert(key.clone(), default.clone());
            }
            Some(_) => {}
        }
    }
}

/// A managed identity: principals appear when it is switched on and go when it is switched off.
fn identify(world: &mut World, setting: &Setting, body: &mut Value, before: Option<&Value>) {
    let kind = |body: &Value| body.pointer("/identity/type").and_then(Value::as_str).unwrap_or("None").to_ascii_lowercase();
    let now = kind(body);
    if now == "none" {
        if body.get("identity").is_some() {
            body["identity"] = json!({"type": "None"});
        }
        return;
    }
    if now.contains("systemassigned") {
        let kept = before.filter(|before| kind(before).contains("systemassigned"));
        let kept = kept.and_then(|before| before.pointer("/identity/principalId").cloned()).filter(Value::is_string);
        body["identity"]["principalId"] = kept.unwrap_or_else(|| {
            let principal = uuid::Uuid::new_v4().to_string();
            world.memory.principals.insert(principal.clone(), setting.now);
            json!(principal)
        });
        body["identity"]["tenantId"] = json!(setting.tenant);
    } else if let Some(identity) = body["identity"].as_object_mut() {
        identity.shift_remove("principalId");
        identity.shift_remove("tenantId");
    }
    if let Some(Value::Object(users)) = body.pointer_mut("/identity/userAssignedIdentities") {
        for (id, entry) in users {
            let guid = |part: &str| {
                uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, format!("{}/{part}", id.to_ascii_lowercase()).as_bytes())
                    .to_string()
            };
            *entry = json!({"principalId": guid("principal"), "clientId": guid("client")});
        }
    }
}
