//! `monitoring`: where metrics go and which.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where metrics go and which.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Monitoring {
    /// The Azure Monitor workspace that stores the metrics.
    pub workspace: Workspace,
    /// Which metrics, how often.
    #[serde(default)]
    pub metrics: Metrics,
    /// Microsoft's recommended recording rules, which most dashboards read.
    #[serde(default)]
    pub recording_rules: RecordingRules,
    /// Value of the `cluster` label on this cluster's metrics. Left out: the cluster's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_alias: Option<String>,
}

/// An Azure Monitor workspace: `name` to create one, or `id` to use one that exists.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Workspace {
    /// Name of the workspace to create. 4 to 63 letters, digits and `-`, with a letter or digit at both ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Id of an existing workspace: `/subscriptions/…/providers/Microsoft.Monitor/accounts/…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// Which metrics, how often. What is left out stays as it is in the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Metrics {
    /// Scrape targets to switch on or off, by name: `coredns: true`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub targets: BTreeMap<String, bool>,
    /// Metrics to keep, per target: a regular expression (RE2) that matches the whole name. The flows of Hubble, which the
    /// dashboards need, are kept without being listed here.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub keep_lists: BTreeMap<String, String>,
    /// Time between two scrapes, per target, such as `30s`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub intervals: BTreeMap<String, String>,
    /// Whether only the metrics of Microsoft's dashboards are kept, plus the keep-lists. Without it a target without a
    /// keep-list sends everything it has.
    pub minimal_profile: bool,
    /// Namespaces whose pods are scraped when they carry the `prometheus.io/scrape` annotation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pod_annotation_namespaces: Vec<String>,
    /// Labels and annotations of Kubernetes objects that become labels of metrics.
    pub kube_state_metrics: KubeStateMetrics,
    /// Metrics of the managed control plane. Left out: they stay as they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control_plane: Option<ControlPlane>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            targets: BTreeMap::new(),
            keep_lists: BTreeMap::new(),
            intervals: BTreeMap::new(),
            minimal_profile: true,
            pod_annotation_namespaces: Vec::new(),
            kube_state_metrics: KubeStateMetrics::default(),
            control_plane: None,
        }
    }
}

/// Labels and annotations of Kubernetes objects that become labels of metrics: `pods=[app,team],namespaces=[*]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct KubeStateMetrics {
    /// Kubernetes labels. Left out: they stay as they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<String>,
    /// Kubernetes annotations. Left out: they stay as they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotations: Option<String>,
}

/// Metrics of the managed control plane, scraped every 30 s.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ControlPlane {
    /// Whether they are scraped.
    pub enabled: bool,
    /// Targets to switch on or off, by name: `kube-scheduler: true`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub targets: BTreeMap<String, bool>,
    /// Metrics to keep, per target: a regular expression (RE2) that matches the whole name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub keep_lists: BTreeMap<String, String>,
}

impl Default for ControlPlane {
    fn default() -> Self {
        Self { enabled: true, targets: BTreeMap::new(), keep_lists: BTreeMap::new() }
    }
}

/// Microsoft's recommended recording rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RecordingRules {
    /// Whether they exist.
    pub enabled: bool,
    /// Whether those for Windows nodes are on.
    pub windows: bool,
}

impl Default for RecordingRules {
    fn default() -> Self {
        Self { enabled: true, windows: false }
    }
}
