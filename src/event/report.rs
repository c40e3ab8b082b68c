//! The report: the one document that a command hands over when it ends, and the versioned JSON of `--output json`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

use super::{Action, Change, Check, Depth, DriftItem, Finding, HandedOff, Owner, UnitId, UnitStatus};
use crate::base::clock::Timestamp;
use crate::diag::Diagnostic;

/// Version of the report's JSON. Fields are only ever added within a version.
pub const REPORT_SCHEMA: &str = "aksight.report/v1";

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Something was written.
    Changed,
    /// Nothing had to be written.
    Unchanged,
    /// A plan with changes was drawn and not carried out.
    Planned,
    /// Drift was found and not mended.
    Drifted,
    /// Policy or the replace guard stopped it.
    Denied,
    /// Applied, but the data was not proven to arrive.
    Unverified,
    /// Another run holds the stack.
    Locked,
    /// It waits for approval or for somebody's privilege.
    Waiting,
    /// The user stopped it.
    Interrupted,
    /// It failed.
    Failed,
}

impl Outcome {
    /// The result as JSON spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
            Self::Planned => "planned",
            Self::Drifted => "drifted",
            Self::Denied => "denied",
            Self::Unverified => "unverified",
            Self::Locked => "locked",
            Self::Waiting => "waiting",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
        }
    }
}

/// Counts of a plan and what the policies found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PlanSummary {
    /// Units to create.
    pub create: usize,
    /// Units to update.
    pub update: usize,
    /// Units to destroy and make again.
    pub replace: usize,
    /// Units to delete.
    pub delete: usize,
    /// Units that only have to take effect.
    pub wait: usize,
    /// Units that agree with the world.
    pub unchanged: usize,
    /// Policy findings.
    pub findings: Vec<Finding>,
    /// What could not be judged, and why.
    pub blind_spots: Vec<String>,
}

impl PlanSummary {
    /// How many units will be written.
    #[must_use]
    pub const fn writes(&self) -> usize {
        self.create + self.update + self.replace + self.delete
    }

    /// Counts `action`.
    pub const fn count(&mut self, action: Action) {
        match action {
            Action::Unchanged => self.unchanged += 1,
            Action::Wait => self.wait += 1,
            Action::Create => self.create += 1,
            Action::Update => self.update += 1,
            Action::Replace => self.replace += 1,
            Action::Delete => self.delete += 1,
        }
    }
}

/// A unit in the report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnitLine {
    /// The unit's stable id.
    pub id: UnitId,
    /// What a person calls it.
    pub title: String,
    /// Who writes it.
    pub owner: Owner,
    /// What the plan meant to do.
    pub action: Action,
    /// How it ended.
    pub status: UnitStatus,
    /// The units that must be done before it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<UnitId>,
    /// Why: the evidence for an unchanged unit, the cause for a change or failure.
    pub reason: String,
    /// The differences.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// Real time it took, in seconds.
    #[serde(serialize_with = "seconds", rename = "seconds")]
    pub elapsed: Duration,
}

/// Real time per phase, in seconds in JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Durations {
    /// Reading the world, terraform's plan included.
    #[serde(serialize_with = "seconds")]
    pub observe: Duration,
    /// Carrying out the plan.
    #[serde(serialize_with = "seconds")]
    pub execute: Duration,
    /// Proving the data.
    #[serde(serialize_with = "seconds")]
    pub verify: Duration,
    /// The whole command.
    #[serde(serialize_with = "seconds")]
    pub total: Duration,
}

fn seconds<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
    // Milliseconds are all a reader can use, and they keep the document stable to read.
    to.serialize_f64((time.as_secs_f64() * 1000.0).round() / 1000.0)
}

/// What a look for drift found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DriftReport {
    /// How closely it was looked.
    pub depth: Depth,
    /// Whether a sweep through Resource Graph took the place of reading ARM.
    pub swept: bool,
    /// Every difference, what is to be acted upon first.
    pub items: Vec<DriftItem>,
    /// The name of the saved plan that would mend it, to be approved with `aksight reconcile --heal --approve ID`; nothing when
    /// there is nothing to mend.
    pub plan: Option<String>,
}

/// A plan in a file: written by `plan --out`, or named by `provision --plan`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SavedPlan {
    /// The file as the user named it.
    pub file: String,
    /// What tells it from every other: `sha256:` and 64 hex digits, of the content before encryption.
    pub digest: String,
    /// When it was drawn.
    pub made_at: Timestamp,
    /// Who drew it, `user@host`.
    pub made_by: String,
    /// Whether the file is encrypted.
    pub encrypted: bool,
    /// Whether this run carried it out, as far as it came.
    pub applied: bool,
}

/// What a command did.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// [`REPORT_SCHEMA`].
    pub schema: &'static str,
    /// aksight's version.
    pub aksight: &'static str,
    /// The command, for example `provision`.
    pub command: String,
    /// The stack's name; absent when the file could not be read.
    pub stack: Option<String>,
    /// The run's id in the journal.
    pub run: Option<String>,
    /// What groups the run's calls in Azure's Activity Log (`x-ms-correlation-request-id`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// The trace in which the run is, when traces are sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// Whether it ran against the embedded Azure.
    pub rehearsal: bool,
    /// How it ended.
    pub result: Outcome,
    /// Whether every check passed in this run.
    pub verified: bool,
    /// The process's exit code (design §6).
    pub exit_code: u8,
    /// The plan in numbers.
    pub plan: PlanSummary,
    /// The plan in a file, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saved_plan: Option<SavedPlan>,
    /// What is handed to somebody who has the rights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handoff: Option<HandedOff>,
    /// Every unit, in plan order.
    pub units: Vec<UnitLine>,
    /// Every check, in data-flow order.
    pub checks: Vec<Check>,
    /// What is not as the file says, when drift was looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift: Option<DriftReport>,
    /// Names and addresses people need: `grafana_endpoint`, `cluster_id`, …; never secret.
    pub outputs: BTreeMap<String, serde_json::Value>,
    /// Time per phase.
    pub durations: Durations,
    /// Errors and warnings.
    pub diagnostics: Vec<Diagnostic>,
    /// What to do next, one sentence each.
    pub next: Vec<String>,
}

impl Report {
    /// Whether something waits for somebody who has the right to do it.
    #[must_use]
    pub fn waits_for_rights(&self) -> bool {
        self.units.iter().any(|unit| unit.status == UnitStatus::Waiting)
    }

    /// An empty report of `command`, to be filled while it runs.
    pub fn new(command: impl Into<String>) -> Self {
        Self {
            schema: REPORT_SCHEMA,
            aksight: env!("CARGO_PKG_VERSION"),
            command: command.into(),
            stack: None,
            run: None,
            correlation_id: None,
            trace_id: None,
            rehearsal: false,
            result: Outcome::Unchanged,
            verified: false,
            exit_code: 0,
            plan: PlanSummary::default(),
            saved_plan: None,
            handoff: None,
            units: Vec::new(),
            checks: Vec::new(),
            drift: None,
            outputs: BTreeMap::new(),
            durations: Durations::default(),
            diagnostics: Vec::new(),
            next: Vec::new(),
        }
    }
}
