//! What a configuration makes of a state, the way azurerm's older plugin SDK plans it.
//!
//! Defaults are written out; what the service settles keeps its value, or is unknown while the resource is new; an argument that
//! the configuration does not mention counts as null, so that what somebody else switched on is planned away. Values that are
//! empty either way (null, "", false, 0) never differ.

use std::collections::BTreeMap;

use super::schema::{Attribute, Block, Codec, Default, Force, Nested, Nesting, Presence, Type};
use super::value::Value;

/// One step of a path into a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// An attribute or a block by name.
    Name(&'static str),
    /// An element of a list.
    Index(usize),
}

/// A planned state and the paths that force a new resource.
#[derive(Debug, PartialEq)]
pub(super) struct Plan {
    pub(super) state: Value,
    pub(super) replace: Vec<Vec<Step>>,
}

/// Plans `config` over `prior`, which is null for a new resource.
pub(super) fn plan(block: &Block, prior: &Value, config: &Value) -> Plan {
    let state = level(block, prior, config, *prior != Value::Null);
    let mut replace = Vec::new();
    if *prior != Value::Null {
        forced(block, prior, &state, &mut Vec::new(), &mut replace);
    }
    Plan { state, replace }
}

/// `old` says whether the service has already settled what this level leaves open.
fn level(block: &Block, prior: &Value, config: &Value, old: bool) -> Value {
    let attributes = block.attributes.iter().map(|attribute| {
        (attribute.name.to_owned(), argument(attribute, prior.get(attribute.name), config.get(attribute.name), old))
    });
    let blocks = block
        .blocks
        .iter()
        .map(|nested| (nested.name.to_owned(), repeated(nested, prior.get(nested.name), config.get(nested.name), old)));
    Value::Map(attributes.chain(blocks).collect::<BTreeMap<_, _>>())
}

fn argument(attribute: &Attribute, prior: &Value, config: &Value, old: bool) -> Value {
    match config {
        Value::Null => match attribute.default {
            Default::Text(text) => Value::Text(text.to_owned()),
            Default::Bool(truth) => Value::Bool(truth),
            Default::Number(number) => Value::Number(number.into()),
            Default::None if attribute.computed && !old => Value::Unknown,
            Default::None if attribute.computed || prior.is_zero() => prior.clone(),
            Default::None => Value::Null,
        },
        written if same(attribute, prior, written) => prior.clone(),
        // azurerm keeps regions in one spelling, in the plan too.
        Value::Text(written) if attribute.codec == Codec::Place => Value::Text(place(written)),
        written => written.clone(),
    }
}

/// Whether the service's spelling and the configuration's mean the same.
fn same(attribute: &Attribute, prior: &Value, written: &Value) -> bool {
    match (attribute.codec, prior.text(), written.text()) {
        (Codec::Place, Some(prior), Some(written)) => place(prior) == place(written),
        (Codec::Lower, Some(prior), Some(written)) => prior.eq_ignore_ascii_case(written),
        _ if matches!(attribute.kind, Type::TextSet | Type::NumberSet) => {
            let (prior, written) = (prior.items(), written.items());
            prior.len() == written.len() && written.iter().all(|item| prior.contains(item))
        }
        _ => false,
    }
}

/// A region in the spelling that azurerm keeps.
pub(super) fn place(text: &str) -> String {
    text.replace(' ', "").to_lowercase()
}

fn repeated(nested: &Nested, prior: &Value, config: &Value, old: bool) -> Value {
    match (nested.nesting, config) {
        (Nesting::Single, _) | (_, Value::Unknown) => config.clone(),
        (_, config) if config.items().is_empty() && nested.computed => {
            if old {
                Value::List(prior.items().to_vec())
            } else {
                Value::Unknown
            }
        }
        (_, config) => Value::List(
            config
                .items()
                .iter()
                .enumerate()
                .map(|(index, item)| {
                    let prior = prior.items().get(index).cloned().unwrap_or_default();
                    let known = old && prior != Value::Null;
                    level(nested.block, &prior, item, known || nested.presence == Presence::Apart && old)
                })
                .collect(),
        ),
    }
}

fn forced(block: &Block, prior: &Value, planned: &Value, path: &mut Vec<Step>, replace: &mut Vec<Vec<Step>>) {
    for attribute in block.attributes {
        let (was, is) = (prior.get(attribute.name), planned.get(attribute.name));
        if forces(attribute.force, was, is) {
            replace.push(extended(path, Step::Name(attribute.name)));
        }
    }
    for nested in block.blocks {
        let (was, is) = (prior.get(nested.name), planned.get(nested.name));
        let appeared = was.items().len() != is.items().len() && *is != Value::Unknown;
        if nested.fixed && was != is && (appeared || !was.items().is_empty()) || nested.fixed_presence && appeared {
            replace.push(extended(path, Step::Name(nested.name)));
        }
        path.push(Step::Name(nested.name));
        for (index, (was, is)) in was.items().iter().zip(is.items()).enumerate() {
            path.push(Step::Index(index));
            forced(nested.block, was, is, path, replace);
            path.pop();
        }
        path.pop();
    }
}

fn forces(force: Force, was: &Value, is: &Value) -> bool {
    if was == is || was.is_zero() && is.is_zero() {
        return false;
    }
    match force {
        Force::Never => false,
        Force::Always => true,
        Force::Leaving(old) => !was.is_zero() && was.text() != Some(old),
        Force::Entering(new) => !is.text().is_some_and(|is| is.eq_ignore_ascii_case(new)),
    }
}

fn extended(path: &[Step], step: Step) -> Vec<Step> {
    path.iter().cloned().chain([step]).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value as Json, json};

    use super::super::schema::{CLUSTER, GRAFANA};
    use super::*;

    fn config(block: &Block, json: &Json) -> Value {
        Value::from_json(json).fitted(block)
    }

    fn grafana() -> Json {
        json!({
            "name": "g", "resource_group_name": "rg", "location": "West Europe", "grafana_major_version": "12",
            "identity": [{"type": "SystemAssigned"}], "azure_monitor_workspace_integrations": [{"resource_id": "/amw"}]
        })
    }

    fn cluster() -> Json {
        json!({
            "name": "c", "resource_group_name": "rg", "location": "westeurope", "dns_prefix": "c",
            "identity": [{"type": "SystemAssigned"}], "node_provisioning_profile": [{"mode": "Manual"}],
            "default_node_pool": [{"name": "system", "vm_size": "D4", "zones": ["1", "2"]}], "monitor_metrics": [{}],
            "network_profile": [{"network_plugin": "azure", "network_data_plane": "cilium", "network_policy": "cilium"}]
        })
    }

    /// What the service makes of a plan: it settles everything that was left to it.
    fn settled(value: &Value) -> Value {
        match value {
            Value::Unknown => Value::List(vec![]),
            Value::List(items) => Value::List(items.iter().map(settled).collect()),
            Value::Map(entries) => Value::Map(entries.iter().map(|(key, value)| (key.clone(), settled(value))).collect()),
            other => other.clone(),
        }
    }

    /// The plan that follows when the configuration changes after an apply.
    fn after(block: &Block, before: &Json, now: &Json) -> Plan {
        let state = settled(&plan(block, &Value::Null, &config(block, before)).state);
        plan(block, &state, &config(block, now))
    }

    fn names(plan: &Plan) -> Vec<String> {
        let step = |step: &Step| match step {
            Step::Name(name) => (*name).to_owned(),
            Step::Index(index) => index.to_string(),
        };
        plan.replace.iter().map(|path| path.iter().map(step).collect::<Vec<_>>().join(".")).collect()
    }

    fn changed(mut base: Json, pointer: &str, value: Json) -> Json {
        *base.pointer_mut(pointer).unwrap() = value;
        base
    }

    #[test]
    fn a_new_resource_has_defaults_and_unknowns() {
        let plan = plan(&GRAFANA, &Value::Null, &config(&GRAFANA, &grafana()));
        assert_eq!(plan.replace, Vec::<Vec<Step>>::new());
        let shown = |name: &str| plan.state.get(name).clone();
        assert_eq!(shown("sku"), Value::Text("Standard".into()));
        assert_eq!(shown("location"), Value::Text("westeurope".into()));
        assert_eq!(shown("endpoint"), Value::Unknown);
        assert_eq!(shown("sku_size"), Value::Null);
        assert_eq!(*plan.state.only("identity").get("principal_id"), Value::Unknown);
    }

    #[test]
    fn a_second_plan_is_empty() {
        for (block, json) in [(&GRAFANA, grafana()), (&CLUSTER, cluster())] {
            let state = settled(&plan(block, &Value::Null, &config(block, &json)).state);
            assert_eq!(after(block, &json, &json), Plan { state, replace: vec![] });
        }
    }

    #[test]
    fn spelling_and_order_are_no_change() {
        let now = changed(changed(cluster(), "/location", json!("West EUROPE")), "/default_node_pool/0/zones", json!(["2", "1"]));
        assert_eq!(after(&CLUSTER, &cluster(), &now), after(&CLUSTER, &cluster(), &cluster()));
    }

    #[test]
    fn a_grafana_without_its_identity_is_replaced() {
        assert_eq!(names(&after(&GRAFANA, &grafana(), &changed(grafana(), "/identity", json!([])))), ["identity"]);
        let mut state =
            settled(&plan(&GRAFANA, &Value::Null, &config(&GRAFANA, &changed(grafana(), "/identity", json!([])))).state);
        state.put("identity", Value::from_json(&json!([{"type": "SystemAssigned", "principal_id": "p", "tenant_id": "t"}])));
        let silent = plan(&GRAFANA, &state, &config(&GRAFANA, &changed(grafana(), "/identity", json!([]))));
        assert_eq!(names(&silent), ["identity"]);
    }

    #[test]
    fn metrics_and_integrations_that_are_not_written_are_planned_away() {
        let plan = after(&CLUSTER, &cluster(), &changed(cluster(), "/monitor_metrics", json!([])));
        assert_eq!((plan.state.get("monitor_metrics").items().len(), names(&plan).len()), (0, 0));
        let plan = after(&GRAFANA, &grafana(), &changed(grafana(), "/azure_monitor_workspace_integrations", json!([])));
        assert_eq!((plan.state.get("azure_monitor_workspace_integrations").items().len(), names(&plan).len()), (0, 0));
    }

    #[test]
    fn blocks_that_the_service_settles_stay() {
        let mut state = settled(&plan(&CLUSTER, &Value::Null, &config(&CLUSTER, &cluster())).state);
        let identity = Value::from_json(&json!([{"client_id": "c", "object_id": "o", "user_assigned_identity_id": "u"}]));
        state.put("kubelet_identity", identity.clone());
        assert_eq!(*plan(&CLUSTER, &state, &config(&CLUSTER, &cluster())).state.get("kubelet_identity"), identity);
    }

    #[test]
    fn only_azurerms_changes_replace() {
        let to = |pointer: &str, value: &str| names(&after(&CLUSTER, &cluster(), &changed(cluster(), pointer, json!(value))));
        assert_eq!(to("/dns_prefix", "d"), ["dns_prefix"]);
        assert_eq!(to("/location", "northeurope"), ["location"]);
        assert_eq!(to("/network_profile/0/network_plugin", "kubenet"), ["network_profile.0.network_plugin"]);
        assert_eq!(to("/network_profile/0/network_data_plane", "azure"), ["network_profile.0.network_data_plane"]);
        assert_eq!(to("/network_profile/0/network_policy", "calico"), ["network_profile.0.network_policy"]);
        assert_eq!(to("/default_node_pool/0/vm_size", "D8"), Vec::<String>::new());
        let azure = changed(cluster(), "/network_profile/0/network_data_plane", json!("azure"));
        assert_eq!(names(&after(&CLUSTER, &azure, &cluster())), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn whatever_is_written_settles(
            sku in prop::option::of("[A-Z]{1,3}"),
            key in prop::option::of(any::<bool>()),
            ids in prop::option::of(prop::collection::btree_set("[a-z]{1,3}", 0..3)),
            links in prop::collection::vec("[a-z]{1,3}", 0..3),
            tags in prop::option::of(prop::collection::btree_map("[a-z]", "[a-z]{0,2}", 0..2)),
        ) {
            let json = json!({
                "name": "g", "location": "West Europe", "sku": sku, "api_key_enabled": key, "tags": tags,
                "identity": ids.map_or_else(|| json!([]), |ids| json!([{"type": "UserAssigned", "identity_ids": ids}])),
                "azure_monitor_workspace_integrations": links.iter().map(|link| json!({"resource_id": link})).collect::<Vec<_>>(),
            });
            let again = after(&GRAFANA, &json, &json);
            prop_assert_eq!(&again.replace, &Vec::<Vec<Step>>::new());
            prop_assert_eq!(again.state, settled(&plan(&GRAFANA, &Value::Null, &config(&GRAFANA, &json)).state));
        }
    }
}
