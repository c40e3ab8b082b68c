//! Prometheus rule groups, and the ones that are recommended for a workspace (contract §3.7).

use serde_json::{Map, Value, json};

use super::{Written, fill, must_have_location, with_properties};
use crate::sim::arm::reply::{Refusal, refuse};

const MOST_RULES: usize = 20;

/// A PUT.
///
/// # Errors
/// No region, no scope, no rules or too many.
pub fn write(sent: Map<String, Value>) -> Result<Written, Refusal> {
    let location = must_have_location(&sent)?;
    let mut body = with_properties(sent);
    body["location"] = json!(location);
    let count = |key: &str| body["properties"][key].as_array().map_or(0, Vec::len);
    if count("scopes") == 0 {
        return Err(refuse(400, "BadRequest", "A Prometheus rule group needs the workspace among its scopes."));
    }
    if !(1..=MOST_RULES).contains(&count("rules")) {
        return Err(refuse(400, "BadRequest", format!("A Prometheus rule group has 1 to {MOST_RULES} rules.")));
    }
    fill(&mut body, &json!({"tags": {}, "properties": {"enabled": true, "interval": "PT1M"}}));
    Ok(Written { has_state: false, ..Written::at_once(body) })
}

/// Template, record, expression: the beginning of what Microsoft recommends, enough to see a rule at work.
const RECOMMENDED: [(&str, &[(&str, &str)]); 4] = [
    (
        "NodeRecordingRulesRuleGroup",
        &[
            ("instance:node_num_cpu:sum", "count without (cpu, mode) (node_cpu_seconds_total{job=\"node\",mode=\"idle\"})"),
            ("instance:node_load1_per_cpu:ratio", "node_load1{job=\"node\"} / instance:node_num_cpu:sum{job=\"node\"}"),
        ],
    ),
    (
        "KubernetesRecordingRulesRuleGroup",
        &[
            (
                "namespace_cpu:kube_pod_container_resource_requests:sum",
                "sum by (namespace, cluster) (kube_pod_container_resource_requests{resource=\"cpu\"})",
            ),
            ("node_namespace_pod:kube_pod_info:", "max by (cluster, node, namespace, pod) (kube_pod_info)"),
        ],
    ),
    ("NodeRecordingRulesRuleGroup-Win", &[("node:windows_node:sum", "count (windows_system_boot_time_timestamp_seconds)")]),
    (
        "UXRecordingRulesRuleGroup",
        &[("ux:pod_cpu_usage:sum_irate", "sum by (namespace, pod, cluster) (irate(container_cpu_usage_seconds_total[5m]))")],
    ),
];

/// `alertRuleRecommendations` of a workspace.
pub fn recommended() -> Vec<Value> {
    let of_type = "Microsoft.AlertsManagement/prometheusRuleGroups";
    let entry = |(name, rules): &(&str, &[(&str, &str)])| {
        let rules: Vec<Value> =
            rules.iter().map(|(record, expression)| json!({"record": record, "expression": expression})).collect();
        json!({"name": name, "type": "Microsoft.AlertsManagement/alertRuleRecommendations", "properties": {"alertRuleType": of_type,
            "displayInformation": {"ruleInfo": name}, "rulesArmTemplate": {"contentVersion": "1.0.0.0",
            "resources": [{"name": name, "type": of_type, "apiVersion": "2023-03-01", "properties": {"rules": rules, "interval": "PT1M"}}]}}})
    };
    RECOMMENDED.iter().map(entry).collect()
}
