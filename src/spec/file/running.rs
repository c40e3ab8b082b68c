//! `terraform`, `delivery`, `verification`, `policies`, `reconcile`: how aksight works.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How Terraform runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Terraform {
    /// Which program.
    pub engine: Engine,
    /// Versions of the program that are accepted, as Terraform writes constraints. 1.9 or newer.
    pub version: String,
    /// Versions of the azurerm provider that are accepted: `~> 5.2`, or `>= 4.62, < 5.0`.
    pub provider_version: String,
    /// Where Terraform keeps its state.
    pub backend: Backend,
    /// Further input variables, declared and set in the generated files. Never secrets: those belong into `TF_VAR_…` variables of the
    /// environment.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
}

impl Default for Terraform {
    fn default() -> Self {
        Self {
            engine: Engine::default(),
            version: ">= 1.9".to_owned(),
            provider_version: "~> 5.2".to_owned(),
            backend: Backend::default(),
            variables: BTreeMap::new(),
        }
    }
}

/// Which program runs the generated files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// Terraform, by its makers.
    #[default]
    Terraform,
    /// OpenTofu, the open fork.
    OpenTofu,
}

/// Where Terraform keeps its state. All keys but `type` belong to `azurerm`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Backend {
    /// Kind of backend.
    #[serde(rename = "type")]
    pub kind: BackendType,
    /// Resource group of the storage account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_group: Option<String>,
    /// Storage account. 3 to 24 lower-case letters and digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_account: Option<String>,
    /// Blob container. 3 to 63 lower-case letters, digits and single hyphens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// Name of the blob. Left out: `{stack}.tfstate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Whether the storage account is reached with the Entra sign-in instead of its access key.
    pub use_entra: bool,
}

impl Default for Backend {
    fn default() -> Self {
        Self {
            kind: BackendType::Local,
            resource_group: None,
            storage_account: None,
            container: None,
            key: None,
            use_entra: true,
        }
    }
}

/// Kind of backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BackendType {
    /// A file in the state directory.
    #[default]
    Local,
    /// A blob in an Azure storage account, for teams and pipelines.
    Azurerm,
}

/// How settings reach the cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Delivery {
    /// Through the Kubernetes API when it can be reached, through Azure otherwise.
    #[default]
    Auto,
    /// Through Azure (AKS run-command); works for private clusters.
    RunCommand,
    /// Through the Kubernetes API.
    Kubernetes,
}

/// How it is proven that metrics arrive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Verification {
    /// Whether a run ends with the proof. Without it no run says that metrics arrive.
    pub enabled: bool,
    /// How long a run waits for metrics, such as `20m`.
    pub bound: String,
}

impl Default for Verification {
    fn default() -> Self {
        Self { enabled: true, bound: "20m".to_owned() }
    }
}

/// What no plan may do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Policies {
    /// Directories with further Rego policies, relative to this file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub directories: Vec<String>,
    /// Regions in which something may be created. Empty: all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_regions: Vec<String>,
    /// Tags that everything must carry.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub required_tags: Vec<String>,
    /// Guards against the cost of metrics.
    pub ingestion: Ingestion,
    /// Ids of policies that are not to be applied.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<String>,
}

/// Guards against the cost of metrics.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Ingestion {
    /// Shortest time between two scrapes of a target.
    pub min_interval: String,
    /// Whether a target may send everything it has: `minimalProfile: false` without a keep-list.
    pub allow_unfiltered: bool,
}

impl Default for Ingestion {
    fn default() -> Self {
        Self { min_interval: "15s".to_owned(), allow_unfiltered: false }
    }
}

/// What a reconciliation may mend.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Reconcile {
    /// What `aksight reconcile --heal` mends without asking. What is not healed waits for approval. Replacing or deleting anything, and
    /// what a policy denies, always waits.
    pub heal: Heal,
}

/// Classes of drift that are healed without asking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Heal {
    /// What aksight manages and somebody changed.
    pub drift: bool,
    /// What somebody added where Terraform owns the whole, such as a tag: healing takes it away.
    pub foreign_additions: bool,
}

impl Default for Heal {
    fn default() -> Self {
        Self { drift: true, foreign_additions: false }
    }
}
