//! Acts that one person hands to another who has the rights for them: what `aksight handoff` writes down.

use serde::{Deserialize, Serialize};

use super::UnitId;
use crate::base::clock::Timestamp;
use crate::base::{ArmId, PrincipalKind, Role};

/// Version of the file's JSON. Another meaning of a field is another version.
pub const HANDOFF_SCHEMA: &str = "aksight.handoff/v1";

/// What is handed off, with everything that tells where it belongs. Nothing in it is secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Handoff {
    /// The stack.
    pub stack: String,
    /// When the world was looked at.
    pub made_at: Timestamp,
    /// Where it was made, `user@host`.
    pub made_by: String,
    /// Version of aksight.
    pub made_with: String,
    /// The tenant's GUID.
    pub tenant: String,
    /// The cloud, as `ARM_ENVIRONMENT` calls it.
    pub cloud: String,
    /// That cloud's ARM endpoint.
    pub arm: String,
    /// The stack's subscription, a GUID. Roles may be assigned in others, too: each act names its scope.
    pub subscription: String,
    /// Whether it was made against the embedded Azure.
    pub rehearsal: bool,
    /// Who asks: the principal that provisions the stack.
    pub asked_by: Asker,
    /// What can be done now, in the order in which it is best done.
    pub acts: Vec<Act>,
    /// What cannot be handed off yet.
    pub later: Vec<Later>,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asker {
    /// Object id in the tenant.
    pub object_id: String,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: PrincipalKind,
    /// Sign-in name or application id, for display only.
    pub name: Option<String>,
}

/// One privileged act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Act {
    /// The unit of the plan that it is.
    pub unit: UnitId,
    /// What a person calls it.
    pub title: String,
    /// What to do.
    #[serde(rename = "do")]
    pub doing: Doing,
    /// Why it is needed.
    pub why: String,
    /// Units of the plan that wait for it.
    pub waiting: Vec<UnitId>,
    /// The least right with which it can be done.
    pub needs: NeededRight,
    /// The same as a command of the az CLI.
    pub az: String,
    /// How to take it back, as a command of the az CLI.
    pub undo: String,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Doing {
    /// Register a resource provider (contract §1.2).
    RegisterProvider {
        /// The namespace.
        namespace: String,
        /// The subscription.
        scope: ArmId,
    },
    /// Assign a role (contract §4.3).
    AssignRole {
        /// Where.
        scope: ArmId,
        /// Which, as this file calls it.
        role: Role,
        /// Its name in the portal.
        role_name: String,
        /// Its definition's id.
        role_definition_id: String,
        /// To whom: an object id.
        principal_id: String,
        /// What the principal is, as ARM wants to be told.
        principal_type: PrincipalKind,
        /// Who that is.
        principal: Holder,
        /// The id that the assignment gets; one that exists under another name counts as well.
        assignment: ArmId,
    },
}

/// Who a principal is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Holder {
    /// The managed identity of a Grafana; whoever carries the act out can look it up there.
    GrafanaIdentity {
        /// The Grafana.
        of: ArmId,
    },
    /// Who asks.
    Asker,
    /// Somebody whom the stack's file lists.
    Listed {
        /// The name that the file gives.
        name: Option<String>,
    },
}

/// A right, and the smallest built-in role that carries it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NeededRight {
    /// Azure's action.
    pub action: String,
    /// Where.
    pub scope: ArmId,
    /// The built-in role with the fewest other rights.
    pub role: String,
}

/// An act that cannot be handed off yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Later {
    /// The unit of the plan.
    pub unit: UnitId,
    /// What a person calls it.
    pub title: String,
    /// What must be there first.
    pub why: String,
}

/// A handoff in a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HandedOff {
    /// The file as the user named it; nothing when none was written.
    pub file: Option<String>,
    /// What tells it from every other: `sha256:` and 64 hex digits.
    pub digest: String,
    /// What is handed off.
    #[serde(flatten)]
    pub content: Handoff,
}
