//! A cluster's body as a cause: nodes, add-on, networking, access (contract §2.4).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::suffix;

/// A node of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Virtual machine scale set instance name, for example `aks-system-31245678-vmss000000`.
    pub name: String,
    /// Agent pool.
    pub pool: String,
    /// Internal IPv4 address.
    pub ip: String,
    /// Whether it runs Windows.
    pub windows: bool,
}

/// What matters about a managed cluster outside ARM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// The ARM id as spelled by ARM.
    pub id: String,
    /// Its last segment.
    pub name: String,
    /// Kubernetes version, three numbers.
    pub version: String,
    /// All nodes, in pool order.
    pub nodes: Vec<Node>,
    /// `azureMonitorProfile.metrics.enabled`.
    pub metrics: bool,
    /// Whether ACNS observability is on.
    pub observability: bool,
    /// Whether Cilium is the dataplane.
    pub cilium: bool,
    /// Whether the cluster is up: not stopped, not failed at birth, not being made.
    pub running: bool,
    /// Whether people sign in with Entra (`aadProfile.managed`).
    pub entra: bool,
    /// Whether Azure roles decide inside the cluster (`aadProfile.enableAzureRBAC`).
    pub azure_rbac: bool,
    /// Entra groups that are cluster administrators.
    pub admin_groups: Vec<String>,
    /// Whether static credentials are refused.
    pub local_accounts_off: bool,
    /// Whether run-command is refused.
    pub run_command_off: bool,
}

impl Cluster {
    /// Reads a `managedClusters` body; nothing when it has no id.
    pub fn read(body: &Value) -> Option<Self> {
        let id = body.get("id")?.as_str()?.to_owned();
        let name = id.rsplit('/').next()?.to_owned();
        let flag = |pointer: &str| body.pointer(pointer).and_then(Value::as_bool).unwrap_or(false);
        let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let state = text("/properties/provisioningState");
        Some(Self {
            version: full_version(body),
            nodes: nodes(body, &id),
            metrics: flag("/properties/azureMonitorProfile/metrics/enabled"),
            observability: flag("/properties/networkProfile/advancedNetworking/enabled")
                && flag("/properties/networkProfile/advancedNetworking/observability/enabled"),
            cilium: text("/properties/networkProfile/networkDataplane").eq_ignore_ascii_case("cilium"),
            running: !state.eq_ignore_ascii_case("Creating")
                && !text("/properties/powerState/code").eq_ignore_ascii_case("Stopped"),
            entra: flag("/properties/aadProfile/managed"),
            azure_rbac: flag("/properties/aadProfile/enableAzureRBAC"),
            admin_groups: body
                .pointer("/properties/aadProfile/adminGroupObjectIDs")
                .and_then(Value::as_array)
                .map(|ids| ids.iter().filter_map(Value::as_str).map(str::to_owned).collect())
                .unwrap_or_default(),
            local_accounts_off: flag("/properties/disableLocalAccounts"),
            run_command_off: flag("/properties/apiServerAccessProfile/disableRunCommand"),
            id,
            name,
        })
    }

    /// The nodes that run Linux.
    pub fn linux_nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| !node.windows)
    }
}

fn full_version(body: &Value) -> String {
    let read = |key: &str| body.pointer(&format!("/properties/{key}")).and_then(Value::as_str).filter(|text| !text.is_empty());
    let version = read("currentKubernetesVersion").or_else(|| read("kubernetesVersion")).unwrap_or("1.33");
    if version.split('.').count() >= 3 { version.to_owned() } else { format!("{version}.2") }
}

fn nodes(body: &Value, id: &str) -> Vec<Node> {
    let Some(pools) = body.pointer("/properties/agentPoolProfiles").and_then(Value::as_array) else { return Vec::new() };
    let scale_set: String = super::hash(&[&id.to_ascii_lowercase()]).to_string().chars().take(8).collect();
    let mut found = Vec::new();
    for pool in pools {
        let name = pool.get("name").and_then(Value::as_str).unwrap_or("nodepool1");
        let windows = pool.get("osType").and_then(Value::as_str).is_some_and(|os| os.eq_ignore_ascii_case("Windows"));
        let count = pool.get("count").and_then(Value::as_u64).unwrap_or(1).min(100);
        for index in 0..count {
            let ordinal = found.len() + 4;
            found.push(Node {
                name: if windows { format!("aks{name}{index:06}") } else { format!("aks-{name}-{scale_set}-vmss{index:06}") },
                pool: name.to_owned(),
                ip: format!("10.224.{}.{}", ordinal / 250, ordinal % 250),
                windows,
            });
        }
    }
    found
}

/// A stable id in the shape of a Kubernetes `uid`.
pub fn uid(words: &[&str]) -> String {
    let (high, low) = (super::hash(words), super::hash(&[&words.join("/"), "low"]));
    uuid::Uuid::from_u64_pair(high, low).to_string()
}

/// The hash that a replica set or a daemon set's pods carry for one version of their template.
pub fn template_hash(cluster: &str, workload: &str, generation: &str) -> String {
    suffix(&[cluster, workload, generation], 9)
}

#[cfg(test)]
pub mod sample {
    //! A cluster to test with.
    use serde_json::{Value, json};

    /// The id of the sample cluster.
    pub const ID: &str = "/subscriptions/s1/resourceGroups/rg1/providers/Microsoft.ContainerService/managedClusters/c1";

    /// Two Linux nodes, Cilium, ACNS observability, metrics add-on as asked.
    pub fn body(metrics: bool) -> Value {
        json!({"id": ID, "name": "c1", "location": "westeurope", "properties": {
            "provisioningState": "Succeeded", "powerState": {"code": "Running"}, "kubernetesVersion": "1.33",
            "agentPoolProfiles": [{"name": "system", "count": 2, "osType": "Linux", "mode": "System"}],
            "networkProfile": {"networkDataplane": "cilium", "advancedNetworking": {"enabled": true, "observability": {"enabled": true}}},
            "azureMonitorProfile": {"metrics": {"enabled": metrics}},
        }})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_read() {
        let cluster = Cluster::read(&sample::body(true)).unwrap();
        assert_eq!((cluster.name.as_str(), cluster.version.as_str()), ("c1", "1.33.2"));
        assert!(cluster.metrics && cluster.observability && cluster.cilium && cluster.running);
        assert_eq!(cluster.linux_nodes().count(), 2);
        assert!(cluster.nodes[0].name.starts_with("aks-system-"));
    }

    #[test]
    fn observability_needs_the_master_switch() {
        let mut body = sample::body(true);
        body["properties"]["networkProfile"]["advancedNetworking"]["enabled"] = false.into();
        assert!(!Cluster::read(&body).unwrap().observability);
    }
}
