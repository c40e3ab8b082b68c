//! Principals and role assignments as they were read (contract §4.3-§4.6).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::{ArmId, Role};

/// What a principal is; Azure wants to be told (contract §4.3: without `principalType` fresh identities are not found).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum PrincipalKind {
    /// A person.
    User,
    /// A group.
    Group,
    /// An application or a managed identity.
    ServicePrincipal,
}

impl PrincipalKind {
    /// The spelling of `principalType`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
            Self::ServicePrincipal => "ServicePrincipal",
        }
    }
}

/// A principal in the resource tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Object id, a GUID; for an application that of its service principal.
    pub object_id: String,
    /// What it is.
    pub kind: PrincipalKind,
    /// A name for people, when one is known.
    pub name: Option<String>,
}

/// A role assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Its own id.
    pub id: ArmId,
    /// Where it holds.
    pub scope: ArmId,
    /// Who has it.
    pub principal: String,
    /// The role definition's GUID, lower case: the last segment of a definition id that comes in several spellings.
    pub role: String,
}

impl Assignment {
    /// Reads one entry of a role assignment list; nothing when it is not one.
    #[must_use]
    pub fn read(entry: &Value) -> Option<Self> {
        let properties = &entry["properties"];
        Some(Self {
            id: ArmId::parse(entry["id"].as_str()?).ok()?,
            scope: ArmId::parse(properties["scope"].as_str()?).ok()?,
            principal: properties["principalId"].as_str()?.to_owned(),
            role: properties["roleDefinitionId"].as_str()?.rsplit('/').next()?.to_ascii_lowercase(),
        })
    }

    /// Whether this assignment, direct or inherited, gives `role` at `scope` to `principal`.
    #[must_use]
    pub fn gives(&self, role: Role, scope: &ArmId, principal: &str) -> bool {
        self.role == role.guid() && self.principal.eq_ignore_ascii_case(principal) && self.scope.contains(scope)
    }
}
