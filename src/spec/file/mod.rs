//! The wire types of `aksight.yaml`: what can be written, with what stands when it is not. `spec::schema` and the reference
//! page are generated from here, so the doc comments speak to the user of the file.
//!
//! These types hold text as it was written; `spec::Spec` holds what was checked.

mod azure;
mod cluster;
mod grafana;
mod monitoring;
mod running;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use azure::Azure;
pub use cluster::{
    Acns, Cluster, Entra, Network, NodeOsUpgradeChannel, NodePool, OsSku, OutboundType, PolicyMode, Tier, UpgradeChannel,
};
pub use grafana::{Grafana, GrafanaSize, ListedPrincipal, Principal, PrincipalType};
pub use monitoring::{ControlPlane, KubeStateMetrics, Metrics, Monitoring, RecordingRules, Workspace};
pub use running::{Backend, BackendType, Delivery, Engine, Heal, Ingestion, Policies, Reconcile, Terraform, Verification};

/// One stack: a cluster, the workspace that stores its metrics, and the Grafana that shows them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Stack {
    /// Version of this format.
    pub api_version: ApiVersion,
    /// What the file describes.
    pub kind: Kind,
    /// What the stack is called.
    pub metadata: Metadata,
    /// Where in Azure.
    pub azure: Azure,
    /// The AKS cluster: Azure CNI overlay with Cilium.
    pub cluster: Cluster,
    /// Where metrics go and which.
    pub monitoring: Monitoring,
    /// Who sees them, and where.
    pub grafana: Grafana,
    /// How Terraform runs.
    #[serde(default)]
    pub terraform: Terraform,
    /// How settings reach the cluster.
    #[serde(default)]
    pub delivery: Delivery,
    /// How it is proven that metrics arrive.
    #[serde(default)]
    pub verification: Verification,
    /// What no plan may do.
    #[serde(default)]
    pub policies: Policies,
    /// What a reconciliation may mend.
    #[serde(default)]
    pub reconcile: Reconcile,
}

/// Version of the format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ApiVersion {
    /// The only version so far.
    #[default]
    #[serde(rename = "aksight/v1")]
    V1,
}

/// Kind of document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Kind {
    /// A stack.
    #[default]
    Stack,
}

/// What the stack is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metadata {
    /// Name of the stack: its state directory and its lock are named after it. 1 to 63 lower-case letters, digits and
    /// hyphens, with a letter or digit at both ends.
    pub name: String,
}
