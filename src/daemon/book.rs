//! What the daemon knows: its stacks, when each is due, what the last look found. Small on purpose: thousands of stacks fit; the whole
//! story of each is in its journal.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use super::Target;
use super::schedule::Timetable;
use crate::event::{Depth, DriftItem, Outcome, Report};

/// What somebody asked for out of turn.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Trigger {
    /// Heal, whatever the schedule says; a freeze still holds.
    pub heal: bool,
    /// Ask terraform, too.
    pub deep: bool,
    /// The plan that was approved.
    #[serde(skip)]
    pub approved: Option<String>,
}

/// What the last look at a stack found.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// The run in the stack's journal.
    pub run: Option<String>,
    /// When it ended.
    pub at: Timestamp,
    /// How.
    pub result: Outcome,
    /// Its exit code.
    pub exit_code: u8,
    /// Whether data was proven to arrive.
    pub verified: bool,
    /// How closely drift was looked for.
    pub depth: Depth,
    /// What is not as the file says.
    pub drift: Vec<DriftItem>,
    /// The plan that waits, or would mend it.
    pub plan: Option<String>,
    /// What went wrong, one sentence each.
    pub problems: Vec<String>,
    /// Real time it took, in seconds.
    pub seconds: f64,
}

/// A stack in the book.
#[derive(Clone, Debug, Serialize)]
pub struct StackState {
    /// Its name.
    pub name: String,
    /// The fleet it belongs to.
    pub fleet: Option<String>,
    /// When it is looked at next.
    pub due: Timestamp,
    /// Since when it is being worked on.
    pub running_since: Option<Timestamp>,
    /// How often it was looked at since the daemon started.
    pub looks: u32,
    /// How often in a row that failed.
    pub failures: u32,
    /// When data was last proven to arrive.
    pub verified_at: Option<Timestamp>,
    /// What the last look found.
    pub last: Option<Summary>,
    #[serde(skip)]
    target: Target,
    #[serde(skip)]
    trigger: Option<Trigger>,
}

/// A look that is due.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) target: Target,
    pub(super) deep: bool,
    pub(super) asked_to_heal: bool,
    pub(super) look_only: bool,
    pub(super) approved: Option<String>,
}

/// The book. Shared between the loop and the HTTP door.
#[derive(Debug, Default)]
pub struct Book {
    inner: Mutex<Inner>,
    asked: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    stacks: BTreeMap<String, StackState>,
    frozen: bool,
    ready: bool,
    closing: bool,
    reload_problem: Option<String>,
    files: BTreeMap<PathBuf, (SystemTime, u64)>,
    ended: BTreeMap<(String, &'static str), u64>,
}

impl Book {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the stacks that the watched files describe. Those that are known keep their history and their turn; a changed one is
    /// due at once.
    pub(super) fn take(&self, targets: Vec<Target>, times: &Timetable, now: Timestamp) {
        let mut inner = self.inner();
        let names: BTreeSet<String> = targets.iter().map(|target| target.name.clone()).collect();
        inner.stacks.retain(|name, _| names.contains(name));
        for target in targets {
            if let Some(known) = inner.stacks.get_mut(&target.name) {
                if known.target.spec.stack != target.spec.stack {
                    known.due = now;
                }
                known.target = target;
                continue;
            }
            let state = StackState {
                name: target.name.clone(),
                fleet: target.fleet.clone(),
                due: times.first(&target.name, now),
                running_since: None,
                looks: 0,
                failures: 0,
                verified_at: None,
                last: None,
                trigger: None,
                target,
            };
            inner.stacks.insert(state.name.clone(), state);
        }
    }

    pub(super) fn ready(&self) {
        self.inner().ready = true;
    }

    pub(super) fn closing(&self) {
        self.inner().closing = true;
    }

    pub(super) fn reload_failed(&self, problem: Option<String>) {
        self.inner().reload_problem = problem;
    }

    /// Takes out as many due stacks as there is room for, those that were asked for first, then the longest due.
    pub(super) fn take_due(&self, times: &Timetable, now: Timestamp, room: usize) -> Vec<Job> {
        let mut inner = self.inner();
        let mut due: Vec<&mut StackState> = inner
            .stacks
            .values_mut()
            .filter(|stack| stack.running_since.is_none() && (stack.trigger.is_some() || stack.due <= now))
            .collect();
        due.sort_by_key(|stack| (stack.trigger.is_none(), stack.due));
        let job = |stack: &mut StackState| {
            stack.running_since = Some(now);
            let trigger = stack.trigger.take();
            let turn = times.deep_every > 0 && (stack.looks + 1).is_multiple_of(times.deep_every);
            Job {
                target: stack.target.clone(),
                deep: trigger.as_ref().map_or(turn, |asked| asked.deep),
                asked_to_heal: trigger.as_ref().is_some_and(|asked| asked.heal || asked.approved.is_some()),
                look_only: trigger.as_ref().is_some_and(|asked| !asked.heal && asked.approved.is_none()),
                approved: trigger.and_then(|asked| asked.approved),
            }
        };
        due.into_iter().take(room).map(job).collect()
    }

    /// Takes the report of a look.
    pub(super) fn ended(&self, name: &str, report: &Report, times: &Timetable, now: Timestamp) {
        let mut inner = self.inner();
        *inner.ended.entry((name.to_owned(), word(report.result))).or_default() += 1;
        let Some(stack) = inner.stacks.get_mut(name) else { return };
        stack.running_since = None;
        stack.looks += 1;
        stack.failures = if matches!(report.exit_code, 1 | 11 | 12) { stack.failures + 1 } else { 0 };
        stack.due = times.next(name, now, stack.failures);
        if report.verified {
            stack.verified_at = Some(now);
        }
        let drift = report.drift.as_ref();
        stack.last = Some(Summary {
            run: report.run.clone(),
            at: now,
            result: report.result,
            exit_code: report.exit_code,
            verified: report.verified,
            depth: drift.map(|found| found.depth).unwrap_or_default(),
            drift: drift.map(|found| found.items.clone()).unwrap_or_default(),
            plan: drift.and_then(|found| found.plan.clone()),
            problems: report.diagnostics.iter().map(|problem| format!("{}: {}", problem.code, problem.summary)).collect(),
            seconds: report.durations.total.as_secs_f64(),
        });
    }

    /// How long until something is due.
    pub(super) fn sleep_until_due(&self, now: Timestamp) -> Duration {
        let inner = self.inner();
        let next = inner.stacks.values().filter(|stack| stack.running_since.is_none()).map(|stack| stack.due).min();
        next.map_or(Duration::MAX, |due| Duration::try_from(due.duration_since(now)).unwrap_or(Duration::ZERO))
    }

    /// Whether the watched files are others, or others are in them, than when this was last asked.
    pub(super) fn files_changed(&self, names: &BTreeSet<PathBuf>) -> bool {
        let seen = |path: &PathBuf| {
            let meta = std::fs::metadata(path).ok()?;
            Some((path.clone(), (meta.modified().ok()?, meta.len())))
        };
        let now: BTreeMap<PathBuf, (SystemTime, u64)> = names.iter().filter_map(seen).collect();
        let mut inner = self.inner();
        let first = inner.files.is_empty();
        let changed = inner.files != now;
        inner.files = now;
        changed && !first
    }

    /// Waits until somebody asks for a look.
    pub(super) async fn asked(&self) {
        self.asked.notified().await;
    }

    /// Asks for a look out of turn; false when there is no such stack.
    pub fn trigger(&self, name: &str, trigger: Trigger) -> bool {
        let mut inner = self.inner();
        let Some(stack) = inner.stacks.get_mut(name) else { return false };
        stack.trigger = Some(trigger);
        drop(inner);
        self.asked.notify_one();
        true
    }

    /// The plan that waits at a stack, and how closely was looked when it was made.
    #[must_use]
    pub fn waiting_plan(&self, name: &str) -> Option<(String, Depth)> {
        let inner = self.inner();
        let last = inner.stacks.get(name)?.last.as_ref()?;
        Some((last.plan.clone()?, last.depth))
    }

    /// Forbids healing, or allows it again.
    pub fn freeze(&self, frozen: bool) {
        self.inner().frozen = frozen;
    }

    /// Whether healing is forbidden over the API.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        self.inner().frozen
    }

    /// Whether the daemon does its work: the files were read, and it is not on its way out.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let inner = self.inner();
        inner.ready && !inner.closing
    }

    /// What is wrong with the watched files, since they were last changed.
    #[must_use]
    pub fn reload_problem(&self) -> Option<String> {
        self.inner().reload_problem.clone()
    }

    /// Every stack.
    #[must_use]
    pub fn stacks(&self) -> Vec<StackState> {
        self.inner().stacks.values().cloned().collect()
    }

    /// One stack.
    #[must_use]
    pub fn stack(&self, name: &str) -> Option<StackState> {
        self.inner().stacks.get(name).cloned()
    }

    /// How many looks ended how, by stack and result.
    #[must_use]
    pub fn ended_by_result(&self) -> Vec<(String, &'static str, u64)> {
        self.inner().ended.iter().map(|((name, result), count)| (name.clone(), *result, *count)).collect()
    }
}

/// The result as JSON spells it.
const fn word(result: Outcome) -> &'static str {
    match result {
        Outcome::Changed => "changed",
        Outcome::Unchanged => "unchanged",
        Outcome::Planned => "planned",
        Outcome::Drifted => "drifted",
        Outcome::Denied => "denied",
        Outcome::Unverified => "unverified",
        Outcome::Locked => "locked",
        Outcome::Waiting => "waiting",
        Outcome::Interrupted => "interrupted",
        Outcome::Failed => "failed",
    }
}
