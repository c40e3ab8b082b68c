//! Reads the data collection chain: associations, rules, recommended rule groups (contract §3.5-§3.7).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Sight;
use crate::base::{ArmId, ArmObject};

/// The stream that carries Prometheus metrics (contract §3.5); compared without case.
pub const PROMETHEUS_STREAM: &str = "Microsoft-PrometheusMetrics";

/// An association of the cluster, and what it leads to. Found by what it points at, never by its name (contract §3.6).
#[derive(Clone, Debug, PartialEq)]
pub struct Association {
    /// The association's own id.
    pub id: ArmId,
    /// The rule it points at; nothing for the endpoint form (`configurationAccessEndpoint`).
    pub rule_id: Option<ArmId>,
    /// That rule.
    pub rule: Sight<ArmObject>,
}

impl Association {
    /// The workspaces to which this association sends Prometheus metrics.
    #[must_use]
    pub fn workspaces(&self) -> Vec<ArmId> {
        self.rule.seen().map(prometheus_workspaces).unwrap_or_default()
    }
}

/// The workspaces that a data collection rule sends the Prometheus stream to: a data flow with the stream, whose destination
/// names a monitoring account.
#[must_use]
pub fn prometheus_workspaces(rule: &ArmObject) -> Vec<ArmId> {
    let empty = Vec::new();
    let list = |pointer: &str| rule.at(pointer).and_then(Value::as_array).unwrap_or(&empty);
    let flows = list("/properties/dataFlows")
        .iter()
        .filter(|flow| names(flow, "streams").any(|s| s.eq_ignore_ascii_case(PROMETHEUS_STREAM)));
    let destinations: Vec<&str> = flows.flat_map(|flow| names(flow, "destinations")).collect();
    list("/properties/destinations/monitoringAccounts")
        .iter()
        .filter(|account| account["name"].as_str().is_some_and(|name| destinations.iter().any(|d| d.eq_ignore_ascii_case(name))))
        .filter_map(|account| ArmId::parse(account["accountResourceId"].as_str()?).ok())
        .collect()
}

fn names<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a str> {
    value[key].as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// A recommended group of recording rules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleTemplate {
    /// The template's name, for example `NodeRecordingRulesRuleGroup`.
    pub name: String,
    /// The rules, as the service gave them.
    pub rules: Vec<Value>,
}

impl RuleTemplate {
    /// Reads one entry of `alertRuleRecommendations`; nothing unless it is a Prometheus rule group made of recording rules
    /// only. Accepts the published and the live spelling of the template property (contract §3.7).
    #[must_use]
    pub fn read(entry: &Value) -> Option<Self> {
        let properties = &entry["properties"];
        let template = properties.get("rulesArmTemplate").or_else(|| properties.get("ruleArmTemplate"))?;
        let kind = "Microsoft.AlertsManagement/prometheusRuleGroups";
        if !properties["alertRuleType"].as_str()?.eq_ignore_ascii_case(kind) {
            return None;
        }
        let groups =
            template["resources"].as_array()?.iter().filter(|r| r["type"].as_str().is_some_and(|t| t.eq_ignore_ascii_case(kind)));
        let rules: Vec<Value> =
            groups.flat_map(|group| group["properties"]["rules"].as_array().into_iter().flatten()).cloned().collect();
        let recording = |rule: &Value| rule["record"].is_string() && rule["expression"].is_string();
        (!rules.is_empty() && rules.iter().all(recording))
            .then(|| Self { name: entry["name"].as_str().unwrap_or_default().to_owned(), rules })
            .filter(|template| !template.name.is_empty())
    }

    /// Whether the group is for Windows nodes, which are switched off unless asked for (contract §3.7).
    #[must_use]
    pub fn is_windows(&self) -> bool {
        self.name.to_ascii_lowercase().contains("win")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const AMW: &str = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Monitor/accounts/amw";

    fn rule(stream: &str, destination: &str) -> ArmObject {
        let body = json!({"properties": {
            "destinations": {"monitoringAccounts": [{"accountResourceId": AMW.to_lowercase(), "name": "MonitoringAccount1"}]},
            "dataFlows": [{"streams": [stream], "destinations": [destination]}]}});
        ArmObject {
            id: ArmId::parse("/subscriptions/s/resourceGroups/rg/providers/Microsoft.Insights/dataCollectionRules/r").unwrap(),
            body,
            etag: None,
        }
    }

    #[test]
    fn a_rule_counts_only_when_its_prometheus_flow_reaches_the_account() {
        let amw = ArmId::parse(AMW).unwrap();
        assert_eq!(prometheus_workspaces(&rule("microsoft-prometheusmetrics", "MonitoringAccount1")), vec![amw]);
        assert!(prometheus_workspaces(&rule("Microsoft-ContainerInsights", "MonitoringAccount1")).is_empty());
        assert!(prometheus_workspaces(&rule("Microsoft-PrometheusMetrics", "elsewhere")).is_empty());
    }

    #[test]
    fn templates_are_read_in_both_spellings_and_alerts_are_dropped() {
        let entry = |key: &str, rule: Value| {
            json!({"name": "NodeRecordingRulesRuleGroup", "properties": {
                "alertRuleType": "microsoft.alertsmanagement/prometheusRuleGroups",
                key: {"resources": [{"type": "Microsoft.AlertsManagement/prometheusRuleGroups", "properties": {"rules": [rule]}}]}}})
        };
        let recording = json!({"record": "r", "expression": "e"});
        assert!(RuleTemplate::read(&entry("rulesArmTemplate", recording.clone())).is_some());
        assert!(RuleTemplate::read(&entry("ruleArmTemplate", recording)).is_some());
        assert!(RuleTemplate::read(&entry("rulesArmTemplate", json!({"alert": "a", "expression": "e"}))).is_none());
    }
}
