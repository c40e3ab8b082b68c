//! Which workspaces a cluster's samples reach: cluster, association, rule, data flow, endpoint, workspace (contract §3.4-§3.6).

use std::collections::BTreeSet;

use serde_json::Value;

use super::Resources;

const STREAM: &str = "Microsoft-PrometheusMetrics";

/// The workspaces, as lower-case ids, that the cluster's agents are told to send to. Names of the links do not matter.
pub fn reached(resources: &Resources, cluster: &str) -> BTreeSet<String> {
    let prefix = format!("{}/providers/microsoft.insights/datacollectionruleassociations/", cluster.to_ascii_lowercase());
    resources
        .range(prefix.clone()..)
        .take_while(|(id, _)| id.starts_with(&prefix))
        .filter_map(|(_, association)| lookup(resources, association.pointer("/properties/dataCollectionRuleId")))
        .flat_map(|rule| destinations(resources, rule))
        .collect()
}

fn lookup<'a>(resources: &'a Resources, id: Option<&Value>) -> Option<&'a Value> {
    resources.get(&id?.as_str()?.to_ascii_lowercase())
}

/// The workspaces a rule forwards to; none when its endpoint is missing.
fn destinations(resources: &Resources, rule: &Value) -> Vec<String> {
    if lookup(resources, rule.pointer("/properties/dataCollectionEndpointId")).is_none() {
        return Vec::new();
    }
    let list = |pointer: &str| rule.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let named: BTreeSet<&str> = list("/properties/dataFlows")
        .iter()
        .filter(|flow| texts(flow, "streams").any(|stream| stream.eq_ignore_ascii_case(STREAM)))
        .flat_map(|flow| texts(flow, "destinations"))
        .collect();
    list("/properties/destinations/monitoringAccounts")
        .iter()
        .filter(|account| account.get("name").and_then(Value::as_str).is_some_and(|name| named.contains(name)))
        .filter_map(|account| Some(account.get("accountResourceId")?.as_str()?.to_ascii_lowercase()))
        .filter(|account| resources.contains_key(account))
        .collect()
}

fn texts<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a str> {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default().iter().filter_map(Value::as_str)
}

#[cfg(test)]
pub mod sample {
    //! A complete chain to test with.
    use serde_json::json;

    use super::super::{Resources, cluster};

    /// The sample workspace, lower-case.
    pub const WORKSPACE: &str = "/subscriptions/s1/resourcegroups/rg1/providers/microsoft.monitor/accounts/amw1";
    /// The sample endpoint, lower-case.
    pub const ENDPOINT: &str = "/subscriptions/s1/resourcegroups/rg1/providers/microsoft.insights/datacollectionendpoints/e";
    /// The sample rule, lower-case.
    pub const RULE: &str = "/subscriptions/s1/resourcegroups/rg1/providers/microsoft.insights/datacollectionrules/r";

    /// The association of the sample cluster, lower-case.
    pub fn association() -> String {
        format!("{}/providers/microsoft.insights/datacollectionruleassociations/any-name", cluster::sample::ID.to_lowercase())
    }

    /// Cluster, association, rule, endpoint and workspace.
    pub fn resources(metrics: bool) -> Resources {
        [
            (cluster::sample::ID.to_lowercase(), cluster::sample::body(metrics)),
            (WORKSPACE.to_owned(), json!({"id": WORKSPACE, "name": "amw1", "location": "westeurope", "properties": {}})),
            (ENDPOINT.to_owned(), json!({"properties": {}})),
            (
                RULE.to_owned(),
                json!({"properties": {"dataCollectionEndpointId": ENDPOINT.to_uppercase(),
                "destinations": {"monitoringAccounts": [{"name": "m", "accountResourceId": WORKSPACE.to_uppercase()}]},
                "dataFlows": [{"streams": ["microsoft-prometheusmetrics"], "destinations": ["m"]}]}}),
            ),
            (association(), json!({"properties": {"dataCollectionRuleId": RULE.to_uppercase()}})),
        ]
        .into_iter()
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::cluster::sample::ID;
    use super::*;

    #[test]
    fn a_complete_chain_reaches() {
        assert_eq!(reached(&sample::resources(true), ID).into_iter().collect::<Vec<_>>(), [sample::WORKSPACE]);
    }

    #[test]
    fn every_missing_link_breaks_it() {
        for gone in [sample::WORKSPACE.to_owned(), sample::ENDPOINT.to_owned(), sample::RULE.to_owned(), sample::association()] {
            let mut resources = sample::resources(true);
            resources.remove(&gone);
            assert!(reached(&resources, ID).is_empty(), "{gone}");
        }
    }

    #[test]
    fn another_stream_carries_nothing() {
        let mut resources = sample::resources(true);
        let rule = resources.get_mut(sample::RULE).unwrap();
        rule["properties"]["dataFlows"][0]["streams"][0] = "Microsoft-ContainerLogV2".into();
        assert!(reached(&resources, ID).is_empty());
    }
}
