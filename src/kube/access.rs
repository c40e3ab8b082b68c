//! What aksight does inside a cluster, and nothing more.

use std::fmt::{self, Debug};

use async_trait::async_trait;
use serde_json::Value;

use super::{AgentView, ConfigMap, Error};
use crate::base::clock::Timestamp;

/// A way into the cluster. Reads may be repeated; writes are safe to repeat because they carry the resource version they saw.
#[async_trait]
pub trait Access: Send + Sync + Debug {
    /// Reads a config map; nothing when it does not exist.
    async fn config_map(&self, namespace: &str, name: &str) -> Result<Option<ConfigMap>, Error>;

    /// Writes a config map as it stands and reads it back. One that was read carries its resource version; if somebody wrote in
    /// between, or created it first, the answer is [`Error::Conflict`] and nothing is written.
    async fn write_config_map(&self, map: &ConfigMap) -> Result<ConfigMap, Error>;

    /// Looks at the metrics agents and what they depend on.
    async fn agents(&self) -> Result<AgentView, Error>;

    /// The custom resources by which users have the agents scrape (`PodMonitor` and `ServiceMonitor` of `azmonitoring.coreos.com`, contract
    /// §5.7), in all namespaces; none when the add-on, which brings their kinds, is not there.
    async fn monitors(&self) -> Result<Vec<Value>, Error>;

    /// Rolls a workload over, as `kubectl rollout restart` does. `at` marks the restart.
    async fn restart(&self, workload: Workload, at: Timestamp) -> Result<(), Error>;
}

/// The workloads of the metrics add-on on Linux nodes, all in `kube-system` (contract §5.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Workload {
    /// Deployment `ama-metrics`: annotated pods, cluster-wide targets.
    Replica,
    /// Daemon set `ama-metrics-node`: node targets, Hubble and Cilium among them (contract §5.6).
    Node,
    /// Deployment `ama-metrics-ksm`.
    Ksm,
    /// Deployment `ama-metrics-operator-targets`.
    Targets,
}

impl Workload {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Replica, Self::Node, Self::Ksm, Self::Targets];

    /// The object's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Replica => "ama-metrics",
            Self::Node => "ama-metrics-node",
            Self::Ksm => "ama-metrics-ksm",
            Self::Targets => "ama-metrics-operator-targets",
        }
    }

    /// `deployment` or `daemonset`, as `kubectl` takes it.
    #[must_use]
    pub const fn resource(self) -> &'static str {
        match self {
            Self::Node => "daemonset",
            Self::Replica | Self::Ksm | Self::Targets => "deployment",
        }
    }

    /// The object's kind in JSON.
    pub(super) const fn kind(self) -> &'static str {
        match self {
            Self::Node => "DaemonSet",
            Self::Replica | Self::Ksm | Self::Targets => "Deployment",
        }
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.resource(), self.name())
    }
}

/// Passes a name that is a DNS subdomain, so that it can stand in a path or a command line.
pub(super) fn legal(name: &str) -> Result<&str, Error> {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    let edges = name.starts_with(['-', '.']) || name.ends_with(['-', '.']);
    if (1..=253).contains(&name.len()) && name.chars().all(legal) && !edges {
        Ok(name)
    } else {
        Err(Error::Name { name: name.to_owned() })
    }
}
