//! A stack as the API, the page and the metrics show it: one flat line.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::book::replica;
use crate::event::{Depth, Outcome, Report};
use crate::journal::StackEntry;

/// What the last look at a stack found, as the roster keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Summary {
    pub(super) run: Option<String>,
    pub(super) at: Timestamp,
    pub(super) result: Outcome,
    pub(super) exit_code: u8,
    pub(super) verified: bool,
    pub(super) depth: Depth,
    pub(super) drift: usize,
    pub(super) plan: Option<String>,
    pub(super) problem: Option<String>,
    pub(super) seconds: f64,
    /// Whether a sweep took the place of reading ARM.
    #[serde(default)]
    pub(super) swept: bool,
    /// The wish that was looked for, in short, and the version that did.
    #[serde(default)]
    pub(super) wish: Option<String>,
}

impl Summary {
    /// Of a report.
    pub(super) fn of(report: &Report, at: Timestamp, wish: String) -> Self {
        let drift = report.drift.as_ref();
        Self {
            run: report.run.clone(),
            at,
            result: report.result,
            exit_code: report.exit_code,
            verified: report.verified,
            depth: drift.map(|found| found.depth).unwrap_or_default(),
            drift: drift.map_or(0, |found| found.items.iter().filter(|item| item.counts()).count()),
            // Only what still waits can be approved: a plan that was carried out is none any more.
            plan: drift
                .and_then(|found| found.plan.clone())
                .filter(|_| matches!(report.result, Outcome::Waiting | Outcome::Drifted) && !report.waits_for_rights()),
            problem: report.diagnostics.first().map(|problem| format!("{}: {}", problem.code, problem.summary)),
            seconds: report.durations.total.as_secs_f64(),
            swept: drift.is_some_and(|found| found.swept),
            wish: Some(wish),
        }
    }

    /// As the roster kept it.
    pub(super) fn read(kept: &Value) -> Option<Self> {
        Summary::deserialize(kept).ok()
    }
}

/// A stack, in one line.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Row {
    /// Its name: `NAME`, or `FLEET/NAME`.
    pub name: String,
    /// The fleet it belongs to.
    pub fleet: Option<String>,
    /// When it is looked at next.
    #[schemars(with = "String")]
    pub due: Timestamp,
    /// Since when it is being worked on.
    #[schemars(with = "Option<String>")]
    pub running_since: Option<Timestamp>,
    /// The replica that works on it.
    pub running_on: Option<String>,
    /// How often it was looked at.
    pub looks: u32,
    /// How often in a row that failed.
    pub failures: u32,
    /// When data was last proven to arrive.
    #[schemars(with = "Option<String>")]
    pub verified_at: Option<Timestamp>,
    /// Differences to be mended, at the last look.
    pub drift: usize,
    /// How the last look ended, as in a report.
    #[schemars(with = "Option<String>")]
    pub result: Option<Outcome>,
    /// With which exit code.
    pub exit_code: Option<u8>,
    /// Whether data was proven to arrive then.
    pub verified: Option<bool>,
    /// How closely was looked: `fast` or `deep`.
    #[schemars(with = "Option<String>")]
    pub depth: Option<Depth>,
    /// Whether a sweep through Resource Graph took the place of reading ARM.
    pub swept: Option<bool>,
    /// The plan that would mend it; with the result `waiting` it waits for somebody's approval.
    pub plan: Option<String>,
    /// Whether somebody has rejected that plan.
    pub rejected: bool,
    /// The last run, in the stack's journal.
    pub run: Option<String>,
    /// When it ended.
    #[schemars(with = "Option<String>")]
    pub at: Option<Timestamp>,
    /// How long it took, in seconds.
    pub seconds: Option<f64>,
    /// The first thing that went wrong, in one line.
    pub problem: Option<String>,
}

impl Row {
    /// Of what the roster knows.
    pub(super) fn of(entry: StackEntry) -> Self {
        let last = entry.last.as_ref().and_then(Summary::read);
        let (since, owner) = entry.running.map_or((None, None), |(since, owner)| (Some(since), owner));
        let rejected = entry.rejected.as_ref().and_then(|rejected| rejected["plan"].as_str().map(str::to_owned));
        let plan = last.as_ref().and_then(|last| last.plan.clone());
        Self {
            name: entry.name,
            fleet: entry.fleet,
            due: entry.due,
            running_since: since,
            running_on: owner.as_ref().map(replica),
            looks: entry.looks,
            failures: entry.failures,
            verified_at: entry.verified,
            drift: last.as_ref().map_or(0, |last| last.drift),
            result: last.as_ref().map(|last| last.result),
            exit_code: last.as_ref().map(|last| last.exit_code),
            verified: last.as_ref().map(|last| last.verified),
            depth: last.as_ref().map(|last| last.depth),
            swept: last.as_ref().map(|last| last.swept),
            rejected: plan.is_some() && rejected == plan,
            plan,
            run: last.as_ref().and_then(|last| last.run.clone()),
            at: last.as_ref().map(|last| last.at),
            seconds: last.as_ref().map(|last| last.seconds),
            problem: last.and_then(|last| last.problem),
        }
    }

    /// Whether somebody is asked.
    pub(super) fn waits(&self) -> bool {
        self.result == Some(Outcome::Waiting) && !self.rejected
    }
}
