//! What the journal holds, as values.

use std::fmt;

use crate::base::clock::Timestamp;
use serde_json::Value;

/// A run's name: start time and eight random digits, for example `20261120T224300Z-5f0c1a2b`. Sorts by start.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct RunId(String);

impl RunId {
    /// A new name for a run that starts at `now`.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        let random = uuid::Uuid::new_v4().simple().to_string();
        Self(format!("{}-{}", now.strftime("%Y%m%dT%H%M%SZ"), &random[..8]))
    }

    pub(super) fn stored(text: String) -> Self {
        Self(text)
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is known when a run starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// The command, for example `provision`.
    pub command: String,
    /// The version of this program.
    pub version: String,
    /// The process id.
    pub pid: u32,
}

/// A run as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its name.
    pub id: RunId,
    /// When it started.
    pub started: Timestamp,
    /// How it was started.
    pub start: Start,
    /// When it ended; nothing while it runs, and for ever if it was killed.
    pub ended: Option<Timestamp>,
    /// How it ended, in the caller's words.
    pub outcome: Option<String>,
}

/// The number of an intent, unique in the file and growing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IntentId(pub(super) i64);

/// A step that was about to be done, without a result yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Intent {
    /// Its number.
    pub id: IntentId,
    /// The run that intended it.
    pub run: RunId,
    /// The unit of the plan.
    pub unit: String,
    /// The step as data.
    pub step: Value,
    /// When it was written, just before the call.
    pub started: Timestamp,
}

/// What came of an intent.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The run.
    pub run: RunId,
    /// The unit of the plan.
    pub unit: String,
    /// How it ended, in the caller's words.
    pub outcome: String,
    /// What proves it.
    pub evidence: Value,
    /// When it started.
    pub started: Timestamp,
    /// When it ended; the difference is how long it took.
    pub ended: Timestamp,
}

/// The number of a long-running operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationId(pub(super) i64);

/// A long-running operation that was started and is not known to have ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// Its number.
    pub id: OperationId,
    /// The intent that started it.
    pub intent: IntentId,
    /// The unit of the plan.
    pub unit: String,
    /// What it takes to poll it: URL, resource and style, in the form of the room that polls.
    pub handle: Value,
    /// When it was accepted.
    pub started: Timestamp,
}

/// A resource that terraform was about to create. If terraform was killed before it could write its state, the resource exists
/// without being in the state, and must be imported instead of created again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Creation {
    /// The address in the configuration, for example `azurerm_monitor_workspace.this`.
    pub address: String,
    /// The id that it will have, when that is known beforehand.
    pub id: Option<String>,
}

/// Drift that a look saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What makes it the same drift another time.
    pub key: String,
    /// Who caused it, when that could be read.
    pub by: Option<String>,
}

/// One occurrence of a drift: from the look that first saw it to the look that no longer did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Episode {
    /// When it was first seen.
    pub began: Timestamp,
    /// How many occurrences of the same drift began within the asked time, this one included.
    pub times: u32,
}
