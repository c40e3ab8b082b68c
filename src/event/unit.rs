//! Units of a plan: one line that a person recognises, with an owner and an action.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Names a unit within a stack, stable between runs: `provider:Microsoft.Monitor`, `terraform:azurerm_kubernetes_cluster.this`, `dcr`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnitId(String);

impl UnitId {
    /// Takes the id as given; ids come from code, never from users.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The id's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UnitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who writes a field or a unit (design §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Owner {
    /// The generated HCL, through the terraform binary.
    Terraform,
    /// aksight, over Azure's REST API.
    Rest,
    /// aksight, inside the cluster.
    Cluster,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Terraform => "terraform",
            Self::Rest => "rest",
            Self::Cluster => "cluster",
        })
    }
}

/// What a plan means to do with a unit, from harmless to destructive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// World and wish agree.
    Unchanged,
    /// Nothing is written; something that was written before must still take effect.
    Wait,
    /// The thing is not there yet.
    Create,
    /// The thing differs.
    Update,
    /// The thing must be destroyed and made again.
    Replace,
    /// The thing goes away.
    Delete,
}

impl Action {
    /// The action as it is written in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Wait => "wait",
            Self::Create => "create",
            Self::Update => "update",
            Self::Replace => "replace",
            Self::Delete => "delete",
        }
    }

    /// Whether carrying it out destroys something.
    #[must_use]
    pub const fn is_destructive(self) -> bool {
        matches!(self, Self::Replace | Self::Delete)
    }

    /// Whether it writes anything.
    #[must_use]
    pub const fn writes(self) -> bool {
        !matches!(self, Self::Unchanged | Self::Wait)
    }
}

/// How a unit ended, or where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnitStatus {
    /// Planned, not started.
    Planned,
    /// Nothing had to be done.
    Unchanged,
    /// Written and read back.
    Done,
    /// Stopped with an error.
    Failed,
    /// Azure refused it, because a right is missing: it waits for somebody who has that right.
    Waiting,
    /// Not started, because a unit it needs failed or waits.
    Blocked,
    /// Stopped by the user.
    Cancelled,
}

/// One difference: where, before, after. Values are short display texts; `None` means there is no value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The field, as its owner's documentation writes it.
    pub field: String,
    /// What is there now.
    pub before: Option<String>,
    /// What shall be there.
    pub after: Option<String>,
}

impl Change {
    /// A change of `field` from `before` to `after`.
    pub fn new(field: impl Into<String>, before: Option<&str>, after: Option<&str>) -> Self {
        Self { field: field.into(), before: before.map(str::to_owned), after: after.map(str::to_owned) }
    }
}

/// How serious a policy finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingLevel {
    /// The file says that this rule is not to be applied.
    Ignored,
    /// The plan may go on; a person should know.
    Warn,
    /// The plan must not be carried out.
    Deny,
}

/// What a policy rule says about a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule, for example `AKS-POL-001`.
    pub id: String,
    /// Deny or warn.
    pub level: FindingLevel,
    /// What is wrong, naming the thing.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
    /// The resource address or field it is about, when there is one.
    pub subject: Option<String>,
}
