//! `grafana`: who sees the metrics, and where.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An Azure Managed Grafana: `name` to create one, or `id` to use one that exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Grafana {
    /// Name of the Grafana to create; it becomes part of its address, so it must be free in all of Azure. 2 to 23 letters,
    /// digits and `-`, a letter first, a letter or digit last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Id of an existing Grafana: `/subscriptions/…/providers/Microsoft.Dashboard/grafana/…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Major version to create, `12` or `13`. Left out: 12.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub major_version: Option<String>,
    /// Size to create. Left out: Azure's default. Cannot be changed later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<GrafanaSize>,
    /// Whether Grafana can be reached from the internet; signing in is always needed.
    #[serde(default = "yes")]
    pub public_access: bool,
    /// Who administers Grafana.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub admins: Vec<Principal>,
    /// Who may change dashboards.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub editors: Vec<Principal>,
    /// Who may look at dashboards.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub viewers: Vec<Principal>,
    /// Whether whoever runs aksight administers Grafana too. Without it the proof through Grafana needs one of `admins`,
    /// `editors` or `viewers` to be signed in.
    #[serde(default = "yes")]
    pub include_me: bool,
    /// Ids of further workspaces that this Grafana reads.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub integrations: Vec<String>,
}

/// Size of a Grafana.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum GrafanaSize {
    /// The smaller one.
    X1,
    /// Twice that.
    X2,
}

/// Somebody in Entra: the object id of a user, or an object id with its type and a name for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Principal {
    /// An object id, a GUID, of a user.
    Id(String),
    /// An object id with its type.
    Listed(ListedPrincipal),
}

/// An object id with its type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListedPrincipal {
    /// Object id, a GUID. For an application: the id of its service principal, not its client id.
    pub object_id: String,
    /// What it is.
    #[serde(rename = "type", default)]
    pub kind: PrincipalType,
    /// A name for people; Azure does not see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Principal {
    /// The object id.
    #[must_use]
    pub fn object_id(&self) -> &str {
        match self {
            Self::Id(id) => id,
            Self::Listed(listed) => &listed.object_id,
        }
    }

    /// What it is; a bare id is taken for a user.
    #[must_use]
    pub fn kind(&self) -> PrincipalType {
        match self {
            Self::Id(_) => PrincipalType::User,
            Self::Listed(listed) => listed.kind,
        }
    }

    /// A name for people.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Id(_) => None,
            Self::Listed(listed) => listed.name.as_deref(),
        }
    }
}

/// What a principal is; Azure refuses an assignment with the wrong one (contract §4.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum PrincipalType {
    /// A person.
    #[default]
    User,
    /// A group.
    Group,
    /// An application or a managed identity.
    ServicePrincipal,
}

const fn yes() -> bool {
    true
}
