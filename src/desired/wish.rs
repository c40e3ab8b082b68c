//! What shall be: typed wishes, one per unit of the plan.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use super::declared::DeclaredField;
use super::fragment::Fragment;
use crate::base::{ArmId, Location, Role};
use crate::observed::{PROMETHEUS_STREAM, PrincipalKind};

/// The whole wish of one stack.
#[derive(Clone, Debug)]
pub struct Desired {
    /// The stack's name.
    pub stack: String,
    /// The subscription's id.
    pub subscription: ArmId,
    /// The resource group.
    pub group: ArmId,
    /// The cluster.
    pub cluster: ArmId,
    /// The Azure Monitor workspace, ours or an existing one.
    pub workspace: ArmId,
    /// The region of what we create.
    pub location: Location,
    /// Resource providers that must be registered, in Azure's spelling.
    pub providers: Vec<&'static str>,
    /// Whether the cluster takes Entra tokens.
    pub entra: bool,
    /// Grafana.
    pub grafana: GrafanaWish,
    /// The metrics add-on.
    pub metrics: MetricsWish,
    /// The network policy mode, when security is on and a mode was asked for.
    pub policy_mode: Option<String>,
    /// Whether the recommended recording rules are wanted, and how.
    pub recording_rules: Option<RecordingRulesWish>,
    /// Role assignments.
    pub roles: Vec<RoleWish>,
    /// What the features want in the settings ConfigMap.
    pub fragments: Vec<Fragment>,
    /// The value of the `cluster` label on this cluster's series.
    pub cluster_label: String,
    /// How data is proven.
    pub verification: VerificationWish,
    /// Every field that the generated HCL declares, and where ARM keeps it.
    pub declared: Vec<DeclaredField>,
    /// Addresses of the resources in the generated HCL, with the ARM id each stands for.
    pub terraform: BTreeMap<String, ArmId>,
}

/// Wishes about Grafana.
#[derive(Clone, Debug)]
pub struct GrafanaWish {
    /// The Grafana, ours or an existing one.
    pub id: ArmId,
    /// Workspaces that must be integrated, this stack's first.
    pub integrations: Vec<ArmId>,
}

/// The data collection endpoint (contract §3.4). It lies in the workspace's region, which for an existing workspace is only
/// known once it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EndpointWish {
    /// Its id.
    pub id: ArmId,
    /// The workspace's region.
    pub location: Location,
}

impl EndpointWish {
    /// The body of the PUT.
    #[must_use]
    pub fn body(&self) -> Value {
        json!({"location": self.location, "kind": "Linux", "properties": {}})
    }
}

/// The data collection rule (contract §3.5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleWish {
    /// Its id.
    pub id: ArmId,
    /// The workspace's region; a rule must lie where its workspace lies.
    pub location: Location,
    /// The endpoint it receives through.
    pub endpoint: ArmId,
    /// The workspace it sends to.
    pub workspace: ArmId,
}

impl RuleWish {
    /// The body of the PUT.
    #[must_use]
    pub fn body(&self) -> Value {
        json!({
            "location": self.location,
            "kind": "Linux",
            "properties": {
                "dataCollectionEndpointId": self.endpoint,
                "description": "Sends Prometheus metrics of the cluster to its Azure Monitor workspace",
                "dataSources": {"prometheusForwarder": [
                    {"name": "PrometheusDataSource", "streams": [PROMETHEUS_STREAM], "labelIncludeFilter": {}}]},
                "destinations": {"monitoringAccounts": [
                    {"accountResourceId": self.workspace, "name": "MonitoringAccount1"}]},
                "dataFlows": [{"streams": [PROMETHEUS_STREAM], "destinations": ["MonitoringAccount1"]}]
            }
        })
    }
}

/// The association of cluster and rule (contract §3.6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AssociationWish {
    /// The id it gets when none is found.
    pub id: ArmId,
    /// The rule it points at.
    pub rule: ArmId,
    /// The cluster it belongs to.
    pub cluster: ArmId,
    /// The workspace it must lead to.
    pub workspace: ArmId,
}

impl AssociationWish {
    /// The body of the PUT.
    #[must_use]
    pub fn body(&self) -> Value {
        json!({"properties": {
            "dataCollectionRuleId": self.rule,
            "description": "Connects the cluster's metrics agents to the data collection rule"}})
    }
}

/// The metrics add-on (contract §3.9, §3.10).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MetricsWish {
    /// The cluster.
    pub cluster: ArmId,
    /// `metricLabelsAllowlist`; left as it is when absent.
    pub labels: Option<String>,
    /// `metricAnnotationsAllowList`; left as it is when absent.
    pub annotations: Option<String>,
    /// Managed scraping of the control plane; left as it is when absent.
    pub control_plane: Option<bool>,
}

/// The recommended recording rules (contract §3.7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RecordingRulesWish {
    /// The group in which the rule groups lie: the cluster's.
    pub group: ArmId,
    /// The cluster they are about.
    pub cluster: ArmId,
    /// The workspace they write to.
    pub workspace: ArmId,
    /// The `cluster` label; rules die silently when it differs (contract §17 trap 10).
    pub cluster_label: String,
    /// Whether the groups for Windows nodes are switched on.
    pub windows: bool,
}

/// Who gets a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoleHolder {
    /// Grafana's managed identity.
    Grafana,
    /// Whoever is signed in.
    Me,
    /// A principal from the user's file.
    Listed {
        /// Object id.
        id: String,
        /// What it is.
        kind: PrincipalKind,
        /// A name for people.
        name: Option<String>,
    },
}

/// A role that somebody must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleWish {
    /// Stable part of the unit's id.
    pub slug: String,
    /// Where.
    pub scope: ArmId,
    /// What.
    pub role: Role,
    /// Who.
    pub holder: RoleHolder,
    /// Why it is needed, for the plan.
    pub why: &'static str,
}

/// How data is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerificationWish {
    /// Whether checks run at the end.
    pub enabled: bool,
    /// How long a pending check is awaited.
    pub bound: Duration,
    /// Whether the proof may go into the cluster when the look before did not see the agents.
    pub inside: bool,
}
