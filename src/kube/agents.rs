//! The metrics agents as they are seen in the cluster (contract §5.8, §6.2).

use std::collections::BTreeMap;

use serde_json::Value;

use super::Workload;
use crate::base::clock::Timestamp;

/// The agents and what they depend on, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentView {
    /// The workloads that exist.
    pub workloads: BTreeMap<Workload, Counts>,
    /// The pods of [`Workload::Replica`] and [`Workload::Node`], by name.
    pub pods: Vec<Pod>,
    /// How many Linux nodes the cluster has; where nodes may not be listed, how many the node agent is meant for.
    pub linux_nodes: u32,
    /// Whether `kube-system/network-observability` has a port named `hubble`: proves that ACNS observability is on.
    pub hubble_port: bool,
    /// The daemon set `cilium`, if there is one.
    pub cilium: Option<Counts>,
}

/// Pods of a workload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// How many there should be.
    pub desired: u32,
    /// How many are ready.
    pub ready: u32,
}

impl Counts {
    /// Whether there is at least one and all are ready.
    #[must_use]
    pub fn all_ready(self) -> bool {
        self.desired > 0 && self.ready >= self.desired
    }
}

/// An agent's pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// Its name.
    pub name: String,
    /// What it belongs to.
    pub workload: Workload,
    /// Whether all its containers are ready.
    pub ready: bool,
    /// How often its containers were restarted, together.
    pub restarts: u32,
    /// When the container that reads the settings started; nothing while it does not run.
    pub started: Option<Timestamp>,
}

/// The container that reads the settings map.
const COLLECTOR: &str = "prometheus-collector";
pub(super) const CILIUM: &str = "cilium";
pub(super) const OBSERVABILITY_SERVICE: &str = "network-observability";

impl AgentView {
    /// Reads objects, or lists of them, in any order; what is not known is passed over. Without a count of nodes, because the
    /// caller may not list them (the writer roles of AKS allow namespaced objects only), the node agent's own count serves.
    pub(super) fn read(objects: &[Value], linux_nodes: Option<usize>) -> Self {
        let mut view = Self::default();
        for object in objects {
            match object["items"].as_array() {
                Some(items) => items.iter().for_each(|item| view.take(item)),
                None => view.take(object),
            }
        }
        view.pods.sort_by(|a, b| a.name.cmp(&b.name));
        view.pods.dedup_by(|a, b| a.name == b.name);
        view.linux_nodes = match linux_nodes {
            Some(counted) => u32::try_from(counted).unwrap_or(u32::MAX),
            None => view.workloads.get(&Workload::Node).map_or(0, |node| node.desired),
        };
        view
    }

    fn take(&mut self, object: &Value) {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let kind = object["kind"].as_str().unwrap_or_default();
        match kind {
            "Pod" => self.pods.extend(pod(name, object)),
            "DaemonSet" if name == CILIUM => self.cilium = Some(counts(kind, object)),
            "Service" if name == OBSERVABILITY_SERVICE => {
                let ports = object["spec"]["ports"].as_array();
                self.hubble_port = ports.is_some_and(|ports| ports.iter().any(|port| port["name"] == "hubble"));
            }
            _ => {
                let known = Workload::ALL.into_iter().find(|workload| workload.kind() == kind && workload.name() == name);
                self.workloads.extend(known.map(|workload| (workload, counts(kind, object))));
            }
        }
    }
}

fn number(value: &Value) -> u32 {
    value.as_u64().and_then(|number| u32::try_from(number).ok()).unwrap_or_default()
}

fn counts(kind: &str, object: &Value) -> Counts {
    let status = &object["status"];
    if kind == "DaemonSet" {
        return Counts { desired: number(&status["desiredNumberScheduled"]), ready: number(&status["numberReady"]) };
    }
    // An absent `replicas` means one.
    let desired = object["spec"]["replicas"].as_u64().map_or(1, |_| number(&object["spec"]["replicas"]));
    Counts { desired, ready: number(&status["readyReplicas"]) }
}

fn pod(name: &str, object: &Value) -> Option<Pod> {
    let labels = &object["metadata"]["labels"];
    let workload = if labels["dsName"] == Workload::Node.name() {
        Workload::Node
    } else if labels["rsName"] == Workload::Replica.name() {
        Workload::Replica
    } else {
        return None;
    };
    // A pod on its way out says nothing about the settings.
    if object["metadata"]["deletionTimestamp"].is_string() {
        return None;
    }
    let none = Vec::new();
    let containers = object["status"]["containerStatuses"].as_array().unwrap_or(&none);
    let started = |container: &Value| container["state"]["running"]["startedAt"].as_str()?.parse().ok();
    let collector = containers.iter().find(|container| container["name"] == COLLECTOR);
    Some(Pod {
        name: name.to_owned(),
        workload,
        ready: !containers.is_empty() && containers.iter().all(|container| container["ready"] == true),
        restarts: containers.iter().map(|container| number(&container["restartCount"])).sum(),
        started: match collector {
            Some(container) => started(container),
            None => containers.iter().filter_map(started).min(),
        },
    })
}
