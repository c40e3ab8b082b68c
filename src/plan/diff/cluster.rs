//! What REST owns on the cluster: the metrics add-on and the network policy mode (contract §3.9, §7.5).

use serde_json::{Value, json};

use crate::base::ArmObject;
use crate::desired::{Desired, MetricsWish};
use crate::event::{Action, Change, Owner};
use crate::observed::{ClusterView, Observed};
use crate::plan::draft::{self, DCRA, METRICS, POLICY_MODE};
use crate::plan::{Step, Unit};

/// The add-on's unit.
pub fn metrics(desired: &Desired, observed: &Observed) -> Unit {
    let title = "metrics add-on of the cluster";
    let wish = &desired.metrics;
    let step = || Step::EnableMetrics(wish.clone());
    let unit = match observed.cluster.seen() {
        Some(cluster) => {
            let changes = metrics_differences(wish, cluster);
            if changes.is_empty() {
                Unit::unchanged(METRICS, title, Owner::Rest, "azureMonitorProfile.metrics is as wished")
            } else {
                let on = ClusterView(cluster).metrics_enabled();
                let why = if on { "its settings differ" } else { "it is off" };
                Unit::needing(METRICS, title, Owner::Rest, if on { Action::Update } else { Action::Create }, why, step())
                    .with_changes(changes)
            }
        }
        None => Unit::needing(METRICS, title, Owner::Rest, Action::Create, "a new cluster has it off", step())
            .with_changes(vec![Change::new("azureMonitorProfile.metrics.enabled", None, Some("true"))]),
    };
    unit.touching(&wish.cluster)
        .after(draft::TERRAFORM, "terraform creates the cluster")
        .after(DCRA, "agents without an association idle and restart every 15 minutes")
}

/// The policy mode's unit, when a mode was asked for.
pub fn policy_mode(desired: &Desired, observed: &Observed) -> Option<Unit> {
    let mode = desired.policy_mode.as_deref()?;
    let title = "network policy mode of the cluster";
    let step = || Step::SetPolicyMode { cluster: desired.cluster.clone(), mode: mode.to_owned() };
    let unit = match observed.cluster.seen() {
        Some(cluster) => {
            let now = ClusterView(cluster).policy_mode();
            if now.is_some_and(|now| now.eq_ignore_ascii_case(mode)) {
                Unit::unchanged(POLICY_MODE, title, Owner::Rest, format!("advancedNetworkPolicies is {mode}"))
            } else {
                let why = format!("advancedNetworkPolicies is {}", now.unwrap_or("not set"));
                Unit::needing(POLICY_MODE, title, Owner::Rest, Action::Update, why, step()).with_changes(vec![Change::new(
                    "advancedNetworkPolicies",
                    now,
                    Some(mode),
                )])
            }
        }
        None => Unit::needing(POLICY_MODE, title, Owner::Rest, Action::Update, "terraform cannot express it", step()),
    };
    Some(
        unit.touching(&desired.cluster)
            .after(draft::TERRAFORM, "terraform creates the cluster and may reset the mode")
            .after(METRICS, "one write to the cluster at a time"),
    )
}

/// What of the wish the cluster does not fulfil. A field that the wish leaves open is no difference.
#[must_use]
pub fn metrics_differences(wish: &MetricsWish, cluster: &ArmObject) -> Vec<Change> {
    let view = ClusterView(cluster);
    let path = "azureMonitorProfile.metrics";
    let mut changes = Vec::new();
    if !view.metrics_enabled() {
        changes.push(Change::new(format!("{path}.enabled"), Some("false"), Some("true")));
    }
    for (field, wanted) in [("metricLabelsAllowlist", &wish.labels), ("metricAnnotationsAllowList", &wish.annotations)] {
        let now = view.kube_state_metrics(field);
        if let Some(wanted) = wanted.as_deref().filter(|wanted| *wanted != now) {
            changes.push(Change::new(format!("{path}.kubeStateMetrics.{field}"), Some(now), Some(wanted)));
        }
    }
    if let Some(wanted) = wish.control_plane.filter(|wanted| *wanted != view.control_plane_metrics()) {
        let now = (!wanted).to_string();
        changes.push(Change::new(format!("{path}.controlPlane.enabled"), Some(&now), Some(&wanted.to_string())));
    }
    changes
}

/// The body of the full PUT that fulfils the wish: everything as read, minus what the service refuses to take back, plus our
/// fields (contract §3.9). `controlPlane`, `containerInsights` and `appMonitoring` stay as they are.
#[must_use]
pub fn metrics_body(wish: &MetricsWish, cluster: &ArmObject) -> Value {
    let view = ClusterView(cluster);
    let keep =
        |field: &str, wanted: Option<&String>| wanted.cloned().unwrap_or_else(|| view.kube_state_metrics(field).to_owned());
    let mut metrics = json!({"enabled": true, "kubeStateMetrics": {
        "metricLabelsAllowlist": keep("metricLabelsAllowlist", wish.labels.as_ref()),
        "metricAnnotationsAllowList": keep("metricAnnotationsAllowList", wish.annotations.as_ref())}});
    if let Some(wanted) = wish.control_plane {
        metrics["controlPlane"] = json!({"enabled": wanted});
    }
    merged(cluster, &json!({"properties": {"azureMonitorProfile": {"metrics": metrics}}}))
}

/// The body of the full PUT that switches the add-on off (contract §3.10).
#[must_use]
pub fn metrics_off_body(cluster: &ArmObject) -> Value {
    merged(cluster, &json!({"properties": {"azureMonitorProfile": {"metrics": {"enabled": false}}}}))
}

/// The body of the full PUT that sets the policy mode, leaving every sibling as read.
#[must_use]
pub fn policy_mode_body(mode: &str, cluster: &ArmObject) -> Value {
    merged(
        cluster,
        &json!({"properties": {"networkProfile": {"advancedNetworking": {"security": {"advancedNetworkPolicies": mode}}}}}),
    )
}

/// The writable body with a merge patch applied (RFC 7386).
fn merged(cluster: &ArmObject, patch: &Value) -> Value {
    let mut body = writable(&cluster.body);
    json_patch::merge(&mut body, patch);
    body
}

/// Whether the cluster may be written now: its provisioning state is terminal (contract §3.9).
#[must_use]
pub fn is_settled(cluster: &ArmObject) -> bool {
    let state = cluster.provisioning_state().unwrap_or("Succeeded");
    ["Succeeded", "Failed", "Canceled"].iter().any(|terminal| state.eq_ignore_ascii_case(terminal))
}

/// The body without what the service fills in and refuses to take back (contract §3.9).
fn writable(body: &Value) -> Value {
    let mut body = body.clone();
    strip(&mut body, "", &["id", "name", "type", "systemData", "eTag", "etag"]);
    strip(&mut body, "/properties", READ_ONLY);
    strip(&mut body, "/identity", &["principalId", "tenantId"]);
    if let Some(identities) = body.pointer_mut("/identity/userAssignedIdentities").and_then(Value::as_object_mut) {
        identities.values_mut().for_each(|details| *details = json!({}));
    }
    for pool in body.pointer_mut("/properties/agentPoolProfiles").and_then(Value::as_array_mut).into_iter().flatten() {
        strip(pool, "", &["eTag", "provisioningState", "currentOrchestratorVersion", "nodeImageVersion", "powerState", "status"]);
    }
    body
}

const READ_ONLY: &[&str] = &[
    "provisioningState",
    "powerState",
    "maxAgentPools",
    "currentKubernetesVersion",
    "fqdn",
    "privateFQDN",
    "azurePortalFQDN",
    "resourceUID",
    "status",
];

fn strip(value: &mut Value, pointer: &str, names: &[&str]) {
    if let Some(map) = value.pointer_mut(pointer).and_then(Value::as_object_mut) {
        for name in names {
            map.remove(*name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ArmId;

    fn cluster(body: Value) -> ArmObject {
        let id =
            ArmId::parse("/subscriptions/s/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/c").unwrap();
        ArmObject { id, body, etag: Some("1".into()) }
    }

    fn wish() -> MetricsWish {
        MetricsWish { cluster: cluster(Value::Null).id, labels: None, annotations: None, control_plane: None }
    }

    #[test]
    fn siblings_of_the_add_on_survive() {
        let seen = cluster(json!({"id": "x", "eTag": "1", "location": "westeurope", "properties": {
            "provisioningState": "Succeeded", "fqdn": "f",
            "azureMonitorProfile": {"metrics": {"enabled": false, "controlPlane": {"enabled": true}}, "containerInsights": {"enabled": true}},
            "networkProfile": {"advancedNetworking": {"security": {"advancedNetworkPolicies": "L7"}}},
            "agentPoolProfiles": [{"name": "system", "eTag": "2", "nodeImageVersion": "v"}]}}));
        let wanted = json!({"location": "westeurope", "properties": {
            "azureMonitorProfile": {
                "metrics": {"enabled": true, "controlPlane": {"enabled": true},
                    "kubeStateMetrics": {"metricLabelsAllowlist": "", "metricAnnotationsAllowList": ""}},
                "containerInsights": {"enabled": true}},
            "networkProfile": {"advancedNetworking": {"security": {"advancedNetworkPolicies": "L7"}}},
            "agentPoolProfiles": [{"name": "system"}]}});
        assert_eq!(metrics_body(&wish(), &seen), wanted);
    }

    #[test]
    fn a_field_left_open_is_no_difference() {
        let on = cluster(json!({"properties": {"azureMonitorProfile": {"metrics": {
            "enabled": true, "kubeStateMetrics": {"metricLabelsAllowlist": "pods=[app]"}, "controlPlane": {"enabled": true}}}}}));
        assert!(metrics_differences(&wish(), &on).is_empty());
        let wanted = MetricsWish { labels: Some("pods=[*]".into()), ..wish() };
        assert_eq!(metrics_differences(&wanted, &on).len(), 1);
    }

    #[test]
    fn an_etag_never_travels_in_the_body() {
        let body = policy_mode_body("L7", &cluster(json!({"eTag": "1", "etag": "1", "properties": {"networkProfile": null}})));
        assert_eq!(
            body,
            json!({"properties": {"networkProfile": {"advancedNetworking": {"security": {"advancedNetworkPolicies": "L7"}}}}})
        );
    }
}
