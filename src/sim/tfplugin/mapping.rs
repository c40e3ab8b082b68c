//! Between a resource's arguments and its ARM body, by the tables of [`schema`](super::schema).

use serde_json::{Map, Value as Json, json};

use super::plan::place;
use super::schema::{Attribute, Block, Codec, Nested, Nesting, Presence, Type};
use super::value::Value;

/// The taint azurerm's `only_critical_addons_enabled` stands for.
const CRITICAL: &str = "CriticalAddonsOnly=true:NoSchedule";

/// The state that an ARM body amounts to. What ARM does not tell comes from `prior`.
pub(super) fn flatten(block: &Block, arm: &Json, prior: &Value) -> Value {
    let attributes = block.attributes.iter().map(|attribute| {
        let value = if attribute.read { read(attribute, arm) } else { prior.get(attribute.name).clone() };
        (attribute.name.to_owned(), if value == Value::Unknown { Value::Null } else { value })
    });
    let blocks = block.blocks.iter().map(|nested| (nested.name.to_owned(), elements(nested, arm, prior.get(nested.name))));
    Value::Map(attributes.chain(blocks).collect())
}

fn elements(nested: &Nested, arm: &Json, prior: &Value) -> Value {
    if nested.nesting == Nesting::Single {
        return prior.clone();
    }
    if nested.presence == Presence::Apart {
        return Value::List(prior.items().to_vec());
    }
    let found: Vec<&Json> = match arm.pointer(&nested.pointer()) {
        Some(Json::Array(items)) if nested.array => items.iter().collect(),
        Some(object @ Json::Object(_)) => vec![object],
        _ => vec![],
    };
    let flat = found.into_iter().enumerate().filter_map(|(index, object)| {
        let before = prior.items().get(index).cloned().unwrap_or_default();
        let flat = flatten(nested.block, object, &before);
        present(nested, object, &flat, &before).then_some(flat)
    });
    Value::List(flat.collect())
}

fn present(nested: &Nested, object: &Json, flat: &Value, before: &Value) -> bool {
    match nested.presence {
        Presence::There => true,
        Presence::Enabled(pointer) => object.pointer(pointer) == Some(&Json::Bool(true)),
        Presence::Named => ["type", "mode"]
            .iter()
            .filter_map(|key| object.get(key)?.as_str())
            .any(|word| !word.eq_ignore_ascii_case("None") && !word.eq_ignore_ascii_case("Disabled")),
        Presence::Filled => matches!(flat, Value::Map(entries) if entries.values().any(|value| !value.is_zero())),
        Presence::Declared => *before != Value::Null,
        Presence::Apart => false,
    }
}

fn read(attribute: &Attribute, arm: &Json) -> Value {
    let Some(found) = arm.pointer(&attribute.pointer()).filter(|found| !found.is_null()) else { return Value::Null };
    let text = found.as_str().unwrap_or_default();
    match attribute.codec {
        Codec::Same if attribute.kind == Type::Text && !found.is_string() => Value::Text(found.to_string()),
        Codec::Same => Value::from_json(found),
        Codec::Switch => Value::Bool(text.eq_ignore_ascii_case("Enabled")),
        Codec::Inverse => Value::Bool(found != &Json::Bool(true)),
        Codec::Word => Value::Bool(text.eq_ignore_ascii_case("true")),
        Codec::Figure => serde_json::from_str(text).map_or(Value::Null, Value::Number),
        Codec::Place => Value::Text(place(text)),
        Codec::Lower => Value::Text(text.to_lowercase()),
        Codec::Unless(word) if text.eq_ignore_ascii_case(word) => Value::Null,
        Codec::Unless(_) => Value::Text(text.to_owned()),
        Codec::Keys => texts(found.as_object().into_iter().flat_map(Map::keys).cloned()),
        Codec::References => texts(each(found).filter_map(|item| Some(item.get("id")?.as_str()?.to_owned()))),
        Codec::Tags => Value::Map(each(found).filter_map(tag).collect()),
        Codec::Low | Codec::High => bound(text, attribute.codec == Codec::High),
        Codec::CriticalTaint => Value::Bool(each(found).any(|taint| taint.as_str() == Some(CRITICAL))),
        Codec::Gateway(mode) => Value::Bool(each(found).any(|gateway| gateway["mode"] == mode && gateway["enabled"] == true)),
        Codec::Identities => Value::List(vec![Value::from_json(&json!({
            "client_id": found.get("clientId"),
            "object_id": found.get("objectId"),
            "user_assigned_identity_id": found.get("resourceId"),
        }))]),
    }
}

fn each(found: &Json) -> impl Iterator<Item = &Json> {
    found.as_array().into_iter().flatten()
}

fn texts(items: impl Iterator<Item = String>) -> Value {
    Value::List(items.map(Value::Text).collect())
}

fn tag(item: &Json) -> Option<(String, Value)> {
    Some((item.get("ipTagType")?.as_str()?.to_owned(), Value::Text(item.get("tag")?.as_str()?.to_owned())))
}

fn bound(range: &str, high: bool) -> Value {
    let mut numbers = range.split_whitespace().filter_map(|number| number.parse::<i64>().ok());
    let number = if high { numbers.nth(1) } else { numbers.next() };
    number.map_or(Value::Null, |number| Value::Number(number.into()))
}

/// Writes what differs between `prior` (null for a new resource) and `planned` into `body`, one top-level name at a time, as
/// azurerm does: what did not change keeps the service's own form.
pub(super) fn expand(block: &Block, prior: &Value, planned: &Value, body: &mut Json) {
    let changed = |name: &str| *prior == Value::Null || prior.get(name) != planned.get(name);
    for attribute in block.attributes.iter().filter(|attribute| attribute.sent && changed(attribute.name)) {
        write(attribute, planned.get(attribute.name), body);
    }
    for nested in block.blocks.iter().filter(|nested| changed(nested.name)) {
        write_block(nested, planned.get(nested.name), body);
    }
}

fn write_block(nested: &Nested, value: &Value, body: &mut Json) {
    if nested.nesting == Nesting::Single || nested.presence == Presence::Apart || *value == Value::Unknown {
        return;
    }
    let pointer = nested.pointer();
    let Some(first) = value.items().first() else { return remove_block(nested, &pointer, body) };
    let target = slot(body, &pointer);
    if nested.array {
        let items = value.items().iter().map(|item| {
            let mut object = json!({});
            expand(nested.block, &Value::Null, item, &mut object);
            object
        });
        *target = Json::Array(items.collect());
        return;
    }
    expand(nested.block, &Value::Null, first, target);
    if let Presence::Enabled(enabled) = nested.presence {
        *slot(target, enabled) = Json::Bool(true);
    }
}

fn remove_block(nested: &Nested, pointer: &str, body: &mut Json) {
    match nested.presence {
        _ if nested.computed => {}
        _ if nested.array => *slot(body, pointer) = json!([]),
        Presence::Apart | Presence::Declared => {}
        Presence::Enabled(enabled) => {
            if body.pointer(pointer).is_some_and(|object| !object.is_null()) {
                *slot(body, &format!("{pointer}{enabled}")) = Json::Bool(false);
            }
        }
        Presence::Filled if body.pointer(pointer).is_some() => {
            expand(nested.block, &Value::Null, &Value::Null, slot(body, pointer));
        }
        Presence::There | Presence::Named | Presence::Filled => remove(body, pointer),
    }
}

fn write(attribute: &Attribute, value: &Value, body: &mut Json) {
    let pointer = attribute.pointer();
    if *value == Value::Unknown {
        return;
    }
    if *value == Value::Null {
        match (attribute.kind, attribute.codec, body.pointer(&pointer)) {
            (_, Codec::Unless(word), _) => *slot(body, &pointer) = json!(word),
            // Switching off is said, not left out: an update that omits a truth value leaves it as it is.
            (Type::Bool, Codec::Same, Some(_)) => *slot(body, &pointer) = Json::Bool(false),
            (_, Codec::CriticalTaint | Codec::Gateway(_) | Codec::Low | Codec::High, _) | (.., None) => {}
            (.., Some(_)) if attribute.computed => {}
            (.., Some(_)) => remove(body, &pointer),
        }
        return;
    }
    let target = slot(body, &pointer);
    let before = std::mem::take(target);
    *target = encoded(attribute.codec, value, &before);
}

fn encoded(codec: Codec, value: &Value, before: &Json) -> Json {
    let plain = value.to_json();
    let list = |item: fn(&Value) -> Json| Json::Array(value.items().iter().map(item).collect());
    match codec {
        Codec::Same | Codec::Unless(_) | Codec::Identities | Codec::Lower => plain,
        Codec::Switch => json!(if value.is_true() { "Enabled" } else { "Disabled" }),
        Codec::Inverse => json!(!value.is_true()),
        Codec::Word | Codec::Figure => json!(plain.to_string()),
        Codec::Place => json!(place(value.text().unwrap_or_default())),
        Codec::Keys => Json::Object(value.items().iter().filter_map(|id| Some((id.text()?.to_owned(), json!({})))).collect()),
        Codec::References => list(|id| json!({ "id": id.to_json() })),
        Codec::Tags => match plain {
            Json::Object(tags) => tags.into_iter().map(|(key, tag)| json!({ "ipTagType": key, "tag": tag })).collect(),
            _ => Json::Null,
        },
        Codec::Low => json!(format!("{plain} {}", before.as_str().and_then(|range| range.split(' ').nth(1)).unwrap_or("60999"))),
        Codec::High => json!(format!("{} {plain}", before.as_str().and_then(|range| range.split(' ').next()).unwrap_or("32768"))),
        Codec::CriticalTaint if value.is_true() => json!([CRITICAL]),
        Codec::CriticalTaint => json!([]),
        Codec::Gateway(mode) => {
            let mut gateways: Vec<Json> = each(before).filter(|gateway| gateway["mode"] != mode).cloned().collect();
            gateways.push(json!({ "mode": mode, "enabled": value.is_true() }));
            Json::Array(gateways)
        }
    }
}

/// The place at `pointer`, made on the way; a segment `0` makes a list.
pub(super) fn slot<'a>(body: &'a mut Json, pointer: &str) -> &'a mut Json {
    pointer.split('/').skip(1).fold(body, |here, segment| {
        if segment == "0" {
            if !here.is_array() {
                *here = json!([]);
            }
            if here.as_array().is_some_and(Vec::is_empty) {
                *here = json!([{}]);
            }
            return &mut here[0];
        }
        if !here.is_object() {
            *here = json!({});
        }
        &mut here[segment]
    })
}

/// Removes what is at `pointer`.
pub(super) fn remove(body: &mut Json, pointer: &str) {
    let Some((parent, last)) = pointer.rsplit_once('/') else { return };
    if let Some(Json::Object(parent)) = body.pointer_mut(parent) {
        parent.shift_remove(last);
    }
}

#[cfg(test)]
mod tests {
    use super::super::schema::{CLUSTER, GRAFANA, MONITOR_WORKSPACE, RESOURCE_GROUP};
    use super::*;

    /// Every argument written once, with some value of its type.
    fn everything(block: &Block) -> Value {
        let attributes = block.attributes.iter().map(|attribute| {
            let value = match attribute.kind {
                Type::Text => json!("x"),
                Type::Bool => json!(true),
                Type::Number => json!(7),
                Type::TextList | Type::TextSet => json!(["x", "y"]),
                Type::NumberSet => json!([7]),
                Type::TextMap => json!({"k": "v"}),
                Type::Objects(_) => json!([]),
            };
            (attribute.name.to_owned(), if attribute.sent { Value::from_json(&value) } else { Value::Null })
        });
        let blocks = block.blocks.iter().map(|nested| {
            let value = match (nested.nesting, nested.presence) {
                (Nesting::Single, _) => Value::Null,
                (_, Presence::Apart) => Value::List(vec![]),
                _ => Value::List(vec![everything(nested.block)]),
            };
            (nested.name.to_owned(), value)
        });
        Value::Map(attributes.chain(blocks).collect())
    }

    #[test]
    fn what_is_sent_is_read_back() {
        for block in [&CLUSTER, &GRAFANA, &MONITOR_WORKSPACE, &RESOURCE_GROUP] {
            let written = everything(block);
            let mut body = json!({});
            expand(block, &Value::Null, &written, &mut body);
            let read = flatten(block, &body, &written);
            // Collected name by name, so that a failure names the argument.
            let (Value::Map(read), Value::Map(written)) = (read, written) else { unreachable!() };
            for (name, value) in written {
                assert_eq!(read.get(&name), Some(&value), "{name}");
            }
        }
    }

    #[test]
    fn an_update_writes_only_what_changed() {
        let prior = everything(&CLUSTER);
        let mut planned = prior.clone();
        planned.put("sku_tier", Value::Text("Premium".into()));
        planned.put("workload_identity_enabled", Value::Null);
        planned.put("oms_agent", Value::List(vec![]));
        let mut body = json!({"foreign": 1, "sku": {"tier": "x", "name": "Base"}, "properties": {
            "securityProfile": {"workloadIdentity": {"enabled": true}, "foreign": 2},
            "addonProfiles": {"omsagent": {"enabled": true, "config": {"foreign": "3"}}}
        }});
        expand(&CLUSTER, &prior, &planned, &mut body);
        assert_eq!(
            body,
            json!({"foreign": 1, "sku": {"tier": "Premium", "name": "Base"}, "properties": {
                "securityProfile": {"workloadIdentity": {"enabled": false}, "foreign": 2},
                "addonProfiles": {"omsagent": {"enabled": false, "config": {"foreign": "3"}}}
            }})
        );
    }

    #[test]
    fn blocks_that_are_off_are_not_there() {
        let state = |body: Json| flatten(&CLUSTER, &json!({ "properties": body }), &Value::Null);
        let off = state(
            json!({"azureMonitorProfile": {"metrics": {"enabled": false}}, "networkProfile": {"advancedNetworking": {"enabled": false}}}),
        );
        assert!(off.get("monitor_metrics").items().is_empty());
        assert!(off.only("network_profile").get("advanced_networking").items().is_empty());
        let on = state(
            json!({"azureMonitorProfile": {"metrics": {"enabled": true}}, "apiServerAccessProfile": {"enablePrivateCluster": false}}),
        );
        assert_eq!(on.get("monitor_metrics").items().len(), 1);
        assert!(on.get("api_server_access_profile").items().is_empty());
        let nobody = flatten(&GRAFANA, &json!({"identity": {"type": "None"}}), &Value::Null);
        assert!(nobody.get("identity").items().is_empty());
    }
}
