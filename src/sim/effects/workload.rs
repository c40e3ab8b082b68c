//! The workloads a cluster runs by itself, and their pods (contract §5.8, §6.2).

use jiff::Timestamp;

use super::cluster::{Cluster, Node, template_hash};
use super::suffix;

/// Where a workload's pods run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// A deployment of so many replicas.
    Replicas(u32),
    /// A daemon set on Linux nodes.
    EveryLinuxNode,
    /// A daemon set on Windows nodes.
    EveryWindowsNode,
}

/// A deployment or daemon set in `kube-system`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Its name.
    pub name: &'static str,
    /// Its kind, told by where it runs.
    pub placement: Placement,
    /// Its selector, which its pods carry as a label.
    pub label: (&'static str, &'static str),
    /// Its containers: name and image.
    pub containers: &'static [(&'static str, &'static str)],
}

const COLLECTOR: (&str, &str) =
    ("prometheus-collector", "mcr.microsoft.com/azuremonitor/containerinsights/ciprod/prometheus-collector/images:7.1.0");
const TOKENS: (&str, &str) = ("addon-token-adapter", "mcr.microsoft.com/aks/msi/addon-token-adapter:master.250902.1");

const ALWAYS: &[Workload] = &[
    Workload {
        name: "coredns",
        placement: Placement::Replicas(2),
        label: ("k8s-app", "kube-dns"),
        containers: &[("coredns", "mcr.microsoft.com/oss/v2/kubernetes/coredns:v1.12.1")],
    },
    Workload {
        name: "konnectivity-agent",
        placement: Placement::Replicas(2),
        label: ("app", "konnectivity-agent"),
        containers: &[("konnectivity-agent", "mcr.microsoft.com/oss/v2/kubernetes/apiserver-network-proxy/agent:v0.31.4")],
    },
    Workload {
        name: "metrics-server",
        placement: Placement::Replicas(2),
        label: ("k8s-app", "metrics-server"),
        containers: &[("metrics-server", "mcr.microsoft.com/oss/v2/kubernetes/metrics-server:v0.7.2")],
    },
    Workload {
        name: "cloud-node-manager",
        placement: Placement::EveryLinuxNode,
        label: ("k8s-app", "cloud-node-manager"),
        containers: &[("cloud-node-manager", "mcr.microsoft.com/oss/v2/kubernetes/azure-cloud-node-manager:v1.33.2")],
    },
];

const CILIUM: Workload = Workload {
    name: "cilium",
    placement: Placement::EveryLinuxNode,
    label: ("k8s-app", "cilium"),
    containers: &[("cilium-agent", "mcr.microsoft.com/containernetworking/cilium/cilium:v1.17.7")],
};

const KUBE_PROXY: Workload = Workload {
    name: "kube-proxy",
    placement: Placement::EveryLinuxNode,
    label: ("component", "kube-proxy"),
    containers: &[("kube-proxy", "mcr.microsoft.com/oss/kubernetes/kube-proxy:v1.33.2")],
};

const AGENTS: &[Workload] = &[
    Workload {
        name: "ama-metrics",
        placement: Placement::Replicas(2),
        label: ("rsName", "ama-metrics"),
        containers: &[COLLECTOR, TOKENS],
    },
    Workload {
        name: "ama-metrics-ksm",
        placement: Placement::Replicas(1),
        label: ("app.kubernetes.io/name", "ama-metrics-ksm"),
        containers: &[("ama-metrics-ksm", "mcr.microsoft.com/oss/v2/kubernetes/kube-state-metrics:v2.15.0")],
    },
    Workload {
        name: "ama-metrics-operator-targets",
        placement: Placement::Replicas(1),
        label: ("rsName", "ama-metrics-operator-targets"),
        containers: &[
            (
                "targetallocator",
                "mcr.microsoft.com/azuremonitor/containerinsights/ciprod/prometheus-collector/images:7.1.0-targetallocator",
            ),
            ("config-reader", "mcr.microsoft.com/azuremonitor/containerinsights/ciprod/prometheus-collector/images:7.1.0-cfg"),
        ],
    },
    Workload {
        name: "ama-metrics-node",
        placement: Placement::EveryLinuxNode,
        label: ("dsName", "ama-metrics-node"),
        containers: &[COLLECTOR, TOKENS],
    },
];

const WINDOWS_AGENT: Workload = Workload {
    name: "ama-metrics-win-node",
    placement: Placement::EveryWindowsNode,
    label: ("dsName", "ama-metrics-win-node"),
    containers: &[COLLECTOR, TOKENS],
};

/// What runs on the cluster, with the agents or without.
pub fn workloads(cluster: &Cluster, agents: bool) -> Vec<Workload> {
    let mut found = ALWAYS.to_vec();
    found.push(if cluster.cilium { CILIUM } else { KUBE_PROXY });
    if agents {
        found.extend_from_slice(AGENTS);
        if cluster.nodes.iter().any(|node| node.windows) {
            found.push(WINDOWS_AGENT);
        }
    }
    found
}

/// A pod of a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// Generated name.
    pub name: String,
    /// The workload it belongs to.
    pub workload: Workload,
    /// The template hash in its labels.
    pub template: String,
    /// The node it runs on; none while nothing can hold it.
    pub node: Option<String>,
    /// Its address.
    pub ip: String,
    /// Restarts of its first container.
    pub restarts: u32,
    /// When it was created.
    pub since: Timestamp,
    /// When its first container was last restarted in place.
    pub restarted: Option<Timestamp>,
}

impl Workload {
    /// Whether it is a daemon set.
    pub fn daemon(&self) -> bool {
        !matches!(self.placement, Placement::Replicas(_))
    }

    /// Whether the metrics add-on brought it.
    pub fn agent(&self) -> bool {
        self.name.starts_with("ama-metrics")
    }

    /// How many pods it wants on this cluster.
    pub fn wanted(&self, cluster: &Cluster) -> usize {
        match self.placement {
            Placement::Replicas(count) => usize::try_from(count).unwrap_or(1),
            Placement::EveryLinuxNode => cluster.linux_nodes().count(),
            Placement::EveryWindowsNode => cluster.nodes.iter().filter(|node| node.windows).count(),
        }
    }

    /// Its pods for one version of its template.
    pub fn pods(&self, cluster: &Cluster, generation: &str, since: Timestamp, restarts: u32) -> Vec<Pod> {
        let template = template_hash(&cluster.id, self.name, generation);
        let on_windows = self.placement == Placement::EveryWindowsNode;
        let nodes: Vec<&Node> = cluster.nodes.iter().filter(|node| node.windows == on_windows).collect();
        (0..self.wanted(cluster))
            .map(|index| {
                let node = nodes.get(index % nodes.len().max(1)).copied();
                let tail = suffix(&[&cluster.id, self.name, generation, &index.to_string()], 5);
                Pod {
                    name: if self.daemon() {
                        format!("{}-{tail}", self.name)
                    } else {
                        format!("{}-{template}-{tail}", self.name)
                    },
                    workload: *self,
                    template: template.clone(),
                    node: node.map(|node| node.name.clone()),
                    ip: format!("10.244.{}.{}", index % 250, super::hash(&[self.name, &tail]) % 250 + 2),
                    restarts,
                    since,
                    restarted: None,
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::cluster::sample;
    use super::*;

    #[test]
    fn agents_follow_the_add_on_and_windows_the_nodes() {
        let mut body = sample::body(true);
        let names = |cluster: &Cluster, agents| workloads(cluster, agents).iter().map(|w| w.name).collect::<Vec<_>>().join(" ");
        let cluster = Cluster::read(&body).unwrap();
        assert!(!names(&cluster, false).contains("ama-"));
        assert!(
            names(&cluster, true).ends_with("cilium ama-metrics ama-metrics-ksm ama-metrics-operator-targets ama-metrics-node")
        );
        body["properties"]["agentPoolProfiles"][0]["osType"] = "Windows".into();
        assert!(names(&Cluster::read(&body).unwrap(), true).ends_with("ama-metrics-win-node"));
    }

    #[test]
    fn a_new_template_means_new_pods() {
        let cluster = Cluster::read(&sample::body(true)).unwrap();
        let node_agent = AGENTS[3];
        let first = node_agent.pods(&cluster, "", Timestamp::UNIX_EPOCH, 0);
        let second = node_agent.pods(&cluster, "2026", Timestamp::UNIX_EPOCH, 0);
        assert_eq!(first.len(), 2);
        assert_ne!(first[0].name, second[0].name);
        assert_ne!(first[0].name, first[1].name);
    }
}
