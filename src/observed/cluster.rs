//! Reads the cluster: its ARM body, and what was seen inside it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::base::{ArmObject, clock::Timestamp};

/// A cluster's ARM body, read (contract §2.4).
#[derive(Clone, Copy, Debug)]
pub struct ClusterView<'a>(pub &'a ArmObject);

impl<'a> ClusterView<'a> {
    /// `azureMonitorProfile.metrics.enabled`.
    #[must_use]
    pub fn metrics_enabled(&self) -> bool {
        self.flag("/properties/azureMonitorProfile/metrics/enabled")
    }

    /// `azureMonitorProfile.metrics.controlPlane.enabled`.
    #[must_use]
    pub fn control_plane_metrics(&self) -> bool {
        self.flag("/properties/azureMonitorProfile/metrics/controlPlane/enabled")
    }

    /// A text of `azureMonitorProfile.metrics.kubeStateMetrics`, empty when absent.
    #[must_use]
    pub fn kube_state_metrics(&self, field: &str) -> &'a str {
        self.0.text(&format!("/properties/azureMonitorProfile/metrics/kubeStateMetrics/{field}")).unwrap_or_default()
    }

    /// `networkProfile.networkDataplane` is `cilium`.
    #[must_use]
    pub fn runs_cilium(&self) -> bool {
        self.0.text("/properties/networkProfile/networkDataplane").is_some_and(|plane| plane.eq_ignore_ascii_case("cilium"))
    }

    /// Container network observability is on: the master switch and its own.
    #[must_use]
    pub fn observability(&self) -> bool {
        self.flag("/properties/networkProfile/advancedNetworking/enabled")
            && self.flag("/properties/networkProfile/advancedNetworking/observability/enabled")
    }

    /// Container network security is on.
    #[must_use]
    pub fn security(&self) -> bool {
        self.flag("/properties/networkProfile/advancedNetworking/security/enabled")
    }

    /// `advancedNetworkPolicies`: `None`, `FQDN` or `L7`, as spelled; absent when the service did not say.
    #[must_use]
    pub fn policy_mode(&self) -> Option<&'a str> {
        self.0.text("/properties/networkProfile/advancedNetworking/security/advancedNetworkPolicies")
    }

    /// Whether the cluster's identity is managed by Entra, so that Kubernetes wants an Entra token.
    #[must_use]
    pub fn entra(&self) -> bool {
        self.0.at("/properties/aadProfile/managed").and_then(Value::as_bool).unwrap_or(false)
    }

    /// Whether AKS run-command is switched off.
    #[must_use]
    pub fn run_command_disabled(&self) -> bool {
        self.flag("/properties/apiServerAccessProfile/disableRunCommand")
    }

    /// Whether the API server may be out of reach from here: private, or restricted to address ranges.
    #[must_use]
    pub fn api_server_fenced(&self) -> bool {
        let ranges = self.0.at("/properties/apiServerAccessProfile/authorizedIPRanges").and_then(Value::as_array);
        self.flag("/properties/apiServerAccessProfile/enablePrivateCluster") || ranges.is_some_and(|list| !list.is_empty())
    }

    /// `powerState.code` is `Running`, or the service did not say.
    #[must_use]
    pub fn running(&self) -> bool {
        self.0.text("/properties/powerState/code").is_none_or(|code| code.eq_ignore_ascii_case("Running"))
    }

    /// How many Linux nodes the pools say they have. Nodes that the service adds by itself lie in no pool.
    #[must_use]
    pub fn linux_nodes(&self) -> usize {
        let pools = self.0.at("/properties/agentPoolProfiles").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let linux = pools.iter().filter(|pool| !pool["osType"].as_str().is_some_and(|os| os.eq_ignore_ascii_case("windows")));
        linux.filter_map(|pool| usize::try_from(pool["count"].as_u64()?).ok()).sum()
    }

    fn flag(self, pointer: &str) -> bool {
        self.0.at(pointer).and_then(Value::as_bool).unwrap_or(false)
    }
}

/// The settings ConfigMap as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsMap {
    /// Its data keys, untouched.
    pub data: BTreeMap<String, String>,
    /// Which object, and which version of it: another one after every write and after every re-creation.
    pub version: String,
    /// Which field manager wrote last and when, when the API server told.
    pub written: Option<(String, Timestamp)>,
    /// Which field managers have written each of its data keys and when, oldest first, when the API server told.
    pub writers: BTreeMap<String, Vec<(String, Timestamp)>>,
}

/// The metrics agents as they were seen (contract §6.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agents {
    /// `(workload, ready pods, wanted pods)` of each agent workload that exists.
    pub workloads: Vec<(String, usize, usize)>,
    /// Linux nodes.
    pub linux_nodes: usize,
    /// The `network-observability` service has a port named `hubble`: container network observability is at work.
    pub hubble_service: bool,
    /// Whether the agents that scrape Hubble have taken up the settings that are there now; nothing when it cannot be told.
    pub settings_taken_up: Option<bool>,
}

impl Agents {
    /// Whether every workload exists that the contract names for a Linux cluster, with all pods ready.
    #[must_use]
    pub fn all_ready(&self) -> bool {
        ["ama-metrics", "ama-metrics-ksm", "ama-metrics-node"]
            .iter()
            .all(|name| self.workloads.iter().any(|(workload, ready, wanted)| workload == name && *wanted > 0 && ready >= wanted))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::base::ArmId;

    #[test]
    fn nodes_of_windows_are_none_of_linux() {
        let id =
            ArmId::parse("/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerService/managedClusters/c").unwrap();
        let nodes = |pools| {
            let body = json!({"properties": {"agentPoolProfiles": pools}});
            ClusterView(&ArmObject { id: id.clone(), body, etag: None }).linux_nodes()
        };
        let pools =
            json!([{"count": 3, "osType": "Linux"}, {"count": 2, "osType": "Windows"}, {"count": 1}, {"osType": "Linux"}]);
        assert_eq!((nodes(pools), nodes(json!(null))), (4, 0));
    }
}
