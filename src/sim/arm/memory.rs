//! What ARM remembers beside resources: registrations, running operations, command results, principals.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::graph::quota::Quota;
use crate::sim::runcommand::api::Outcome;

/// What ARM remembers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Memory {
    /// Resource providers that were asked to register, lower-case, with the moment from which they are.
    pub registered: BTreeMap<String, Timestamp>,
    /// Long-running operations by id, ended ones included: clients ask again.
    pub operations: BTreeMap<String, Operation>,
    /// Results of run-command by id, with the cluster's lower-case id.
    pub commands: BTreeMap<String, (String, Outcome)>,
    /// Principals of managed identities, with the moment of their birth.
    pub principals: BTreeMap<String, Timestamp>,
    /// The Activity Log, oldest first.
    #[serde(default)]
    pub activity: VecDeque<Activity>,
    /// What is left of each principal's quota of queries; a restart gives everybody a new one.
    #[serde(skip)]
    pub quotas: BTreeMap<String, Quota>,
    /// How many writes there have been: etags are made of it.
    pub writes: u64,
    /// Failures that were ordered for the next operation on a resource whose id contains the text (lower-case).
    #[serde(default)]
    pub ordered: Vec<(String, String, String)>,
}

impl Memory {
    /// Takes an ordered failure that fits, as code and message.
    pub(super) fn ordered_failure(&mut self, key: &str) -> Option<(String, String)> {
        let at = self.ordered.iter().position(|(part, ..)| key.contains(part.as_str()))?;
        let (_, code, message) = self.ordered.remove(at);
        Some((code, message))
    }

    /// A new version mark.
    pub(super) fn next_etag(&mut self) -> String {
        self.writes += 1;
        uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, &self.writes.to_be_bytes()).to_string()
    }
}

/// One line of the Activity Log.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Activity {
    /// Its own id.
    #[serde(default)]
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// Object id of the principal.
    pub caller: String,
    /// Client id of its application.
    #[serde(default)]
    pub application: String,
    /// The HTTP method.
    #[serde(default)]
    pub method: String,
    /// The resource, as it was addressed.
    pub resource: String,
    /// `Microsoft.ContainerService/managedClusters/write`.
    pub operation: String,
    /// The HTTP status of the answer.
    pub status: u16,
    /// What groups the calls of one run.
    pub correlation: String,
}

/// A long-running operation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Operation {
    /// What it works on, lower-case.
    pub resource: String,
    /// What it does.
    pub verb: Verb,
    /// When it began.
    pub started: Timestamp,
    /// When it is over.
    pub due: Timestamp,
    /// Code and message, when it will fail.
    pub failure: Option<(String, String)>,
    /// Whether its end was carried out.
    pub settled: bool,
}

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verb {
    /// Creates or updates.
    Put,
    /// Deletes.
    Delete,
}
