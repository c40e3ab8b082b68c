//! Drift: what is not as the file says, who should win, and what would mend it.

use serde::{Deserialize, Serialize};

use super::{Owner, UnitId};
use crate::base::clock::Timestamp;

/// What kind of difference it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DriftClass {
    /// Something that aksight manages is not as the file says.
    Drift,
    /// Somebody added something beside ours.
    ForeignAddition,
    /// It is on its way: something that was written still takes effect.
    Pending,
}

/// Which side wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Winner {
    /// The file: healing writes it again.
    File,
    /// What was found: it is left alone.
    Found,
    /// Nobody: it has to be waited for.
    Time,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriftItem {
    /// The unit of the plan that would mend it.
    pub unit: UnitId,
    /// What it is about: an ARM id or, in the cluster, `namespace/name`.
    pub resource: String,
    /// The field, as its owner writes it: a terraform argument, a REST property or a ConfigMap key. `*` is the whole thing.
    pub field: String,
    /// Who owns the field by the ledger.
    pub owner: Owner,
    /// What kind of difference it is.
    pub class: DriftClass,
    /// What the file says; nothing when it says that there is nothing.
    pub expected: Option<String>,
    /// What is there; nothing when nothing is.
    pub found: Option<String>,
    /// Who wins.
    pub winner: Winner,
    /// Why that side wins.
    pub why: String,
    /// When the resource was last written by somebody, as far as can be read.
    pub since: Option<Timestamp>,
    /// Who wrote it then: a principal of Azure or a field manager of the cluster. Nothing when that cannot be read.
    pub by: Option<String>,
    /// How often this very field drifted in the last seven days, this time included.
    pub times_this_week: u32,
}

impl DriftItem {
    /// Whether it is something to act upon.
    #[must_use]
    pub const fn counts(&self) -> bool {
        matches!(self.winner, Winner::File)
    }

    /// What makes it the same drift another time: the unit and the field, not the values.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{} {}", self.unit, self.field)
    }
}

/// How closely drift was looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Depth {
    /// ARM and the cluster, read directly and compared with what is declared; terraform is not started.
    #[default]
    Fast,
    /// The same, and terraform's own plan.
    Deep,
}
