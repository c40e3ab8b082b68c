//! What the daemon knows: the stacks that its files describe, and the roster in which it and its replicas note when each is due, who
//! works on it and what the last look found. The whole story of a stack is in its journal.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::Target;
use super::config::Config;
use super::row::{Row, Summary};
use super::schedule::Timetable;
use super::sweep::{Known, Turn, may_answer};
use crate::base::digest;
use crate::event::{Depth, Report};
use crate::journal::{self, Claim, Database, Ending, Journal, Kept, Lease, Owner, Roster};

/// The setting that forbids healing to every replica.
const FROZEN: &str = "frozen";
/// How soon a stack that another replica's files describe otherwise is looked at again.
const ELSEWHERE: Duration = Duration::from_secs(5);

/// What somebody asked for out of turn.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Trigger {
    /// Heal, whatever the schedule says; a freeze still holds.
    pub heal: bool,
    /// Ask terraform, too.
    pub deep: bool,
    /// The plan that was approved. Nobody can ask for this without the role.
    pub approved: Option<String>,
}

/// A look that is due.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) target: Target,
    pub(super) lease: Lease,
    pub(super) deep: bool,
    pub(super) asked_to_heal: bool,
    pub(super) look_only: bool,
    pub(super) approved: Option<String>,
    pub(super) now: Timestamp,
    /// What its file says, in short.
    pub(super) digest: String,
    /// The look that a sweep may answer.
    pub(super) sweepable: Option<Turn>,
}

/// The book. Shared between the loop and the HTTP door.
#[derive(Debug)]
pub struct Book {
    roster: Roster,
    owner: Owner,
    /// How long a stack stays with a replica that is not heard of.
    lasts: Duration,
    inner: Mutex<Inner>,
    asked: Notify,
    leases_lost: AtomicU64,
    freeze_file: Option<PathBuf>,
}

#[derive(Debug, Default)]
struct Inner {
    targets: BTreeMap<String, (String, Target)>,
    ready: bool,
    closing: bool,
    reload_problem: Option<String>,
    files: Option<BTreeMap<PathBuf, (SystemTime, u64)>>,
    ended: BTreeMap<(String, &'static str), u64>,
    durations: Durations,
    swept_looks: u64,
    sweeps: Sweeps,
}

/// How many sweeps were made.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sweeps {
    pub(super) complete: u64,
    pub(super) failed: u64,
}

/// Upper bounds of the histogram of run durations, in seconds.
pub(super) const BOUNDS: [f64; 9] = [1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0];

/// How long runs took.
#[derive(Clone, Debug, Default)]
pub(super) struct Durations {
    /// How many took at most so long, by [`BOUNDS`].
    pub(super) within: [u64; BOUNDS.len()],
    pub(super) count: u64,
    pub(super) sum: f64,
}

impl Durations {
    fn add(&mut self, seconds: f64) {
        for (bound, within) in BOUNDS.iter().zip(&mut self.within) {
            *within += u64::from(seconds <= *bound);
        }
        self.count += 1;
        self.sum += seconds;
    }
}

impl Book {
    /// An empty book over a roster, as a configuration wants it.
    #[must_use]
    pub fn new(roster: Roster, owner: Owner, config: &Config) -> Self {
        let (inner, asked) = (Mutex::default(), Notify::new());
        let (lasts, freeze_file) = (config.lease, config.freeze_file.clone());
        Self { roster, owner, lasts, inner, asked, leases_lost: AtomicU64::new(0), freeze_file }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The database that replicas share.
    pub(super) const fn database(&self) -> &Database {
        self.roster.database()
    }

    /// Who this replica is: `user@host`, with its process.
    pub(super) fn replica(&self) -> String {
        replica(&self.owner)
    }

    /// The time, by the database's clock.
    pub(super) async fn now(&self) -> Result<Timestamp, journal::Error> {
        self.roster.now().await
    }

    /// Takes the stacks that the watched files describe. Those that are known keep their history and their turn; a changed one is
    /// due at once.
    pub(super) async fn take(&self, targets: Vec<Target>, times: &Timetable) -> Result<Vec<Kept>, journal::Error> {
        let now = self.roster.now().await?;
        let mut kept = Vec::new();
        let mut known = BTreeMap::new();
        for target in targets {
            let digest = digest_of(&target);
            let due = times.first(&target.name, now);
            kept.push(Kept { name: target.name.clone(), fleet: target.fleet.clone(), digest: digest.clone(), due });
            known.insert(target.name.clone(), (digest, target));
        }
        self.inner().targets = known;
        self.roster.take(&kept).await?;
        Ok(kept)
    }

    /// Begins the work: what was due while no daemon was there is looked at now or passed over, as the schedule says.
    pub(super) async fn begin(&self, targets: Vec<Target>, times: &Timetable) -> Result<(), journal::Error> {
        let kept = self.take(targets, times).await?;
        if times.run_at_start && !self.database().is_shared() {
            // Of several replicas one starts all the time.
            self.roster.rush().await?;
        } else if !times.run_missed {
            self.roster.skip_missed(&kept).await?;
        }
        self.inner().ready = true;
        Ok(())
    }

    pub(super) fn closing(&self) {
        self.inner().closing = true;
    }

    pub(super) fn reload_failed(&self, problem: Option<String>) {
        self.inner().reload_problem = problem;
    }

    /// Takes out as many due stacks as there is room for, those that were asked for first, then the longest due.
    pub(super) async fn take_due(&self, times: &Timetable, room: usize) -> Result<Vec<Job>, journal::Error> {
        let mut jobs = Vec::new();
        for claim in self.roster.claim(&self.owner, self.lasts, room).await? {
            let target = self.inner().targets.get(&claim.name).filter(|(digest, _)| *digest == claim.digest).cloned();
            if let Some((_, target)) = target {
                jobs.push(job(claim, target, times));
                continue;
            }
            tracing::warn!(stack = %claim.name, "another replica's files say something else of it; it is left to that one");
            let soon = claim.now + ELSEWHERE;
            self.roster.put_back(&claim.name, claim.lease, soon).await?;
        }
        Ok(jobs)
    }

    /// Takes the report of a look and gives the stack back.
    pub(super) async fn ended(
        &self,
        (name, digest): (&str, &str),
        lease: Lease,
        report: &Report,
        times: &Timetable,
    ) -> Result<(), journal::Error> {
        {
            let mut inner = self.inner();
            inner.swept_looks += u64::from(report.drift.as_ref().is_some_and(|found| found.swept));
            *inner.ended.entry((name.to_owned(), report.result.as_str())).or_default() += 1;
            inner.durations.add(report.durations.total.as_secs_f64());
        }
        let now = self.roster.now().await?;
        let failed = matches!(report.exit_code, 1 | 11 | 12);
        let failures = self.roster.one(name).await?.map_or(0, |entry| entry.failures);
        let due = times.next(name, now, if failed { failures + 1 } else { 0 });
        let summary = Summary::of(report, now, wish(digest));
        let ending = Ending { due, failed, verified: report.verified, last: serde_json::to_value(summary).unwrap_or_default() };
        if !self.roster.end(name, lease, &ending).await? {
            self.leases_lost.fetch_add(1, Ordering::Relaxed);
            tracing::error!(stack = name, "the stack had been taken over; what was found is not noted");
        }
        Ok(())
    }

    /// How long until something is due.
    pub(super) async fn sleep_until_due(&self) -> Result<Duration, journal::Error> {
        Ok(self.roster.next_due().await?.unwrap_or(Duration::MAX))
    }

    /// Whether the watched files are others, or others are in them, than when this was last asked.
    pub(super) fn files_changed(&self, names: &BTreeSet<PathBuf>) -> bool {
        let seen = |path: &PathBuf| {
            let meta = std::fs::metadata(path).ok()?;
            Some((path.clone(), (meta.modified().ok()?, meta.len())))
        };
        let now: BTreeMap<PathBuf, (SystemTime, u64)> = names.iter().filter_map(seen).collect();
        let mut inner = self.inner();
        let before = inner.files.replace(now);
        before.is_some_and(|before| Some(before) != inner.files)
    }

    /// Waits until somebody asks this replica for a look.
    pub(super) async fn asked(&self) {
        self.asked.notified().await;
    }

    /// Asks for a look out of turn; false when there is no such stack.
    pub(super) async fn trigger(&self, name: &str, trigger: &Trigger) -> Result<bool, journal::Error> {
        let known = self.roster.ask(name, &serde_json::to_value(trigger).unwrap_or_default()).await?;
        self.asked.notify_one();
        Ok(known)
    }

    /// Asks for the plan that waits at a stack to be carried out, if it is still this one; false when it is not.
    pub(super) async fn approve(&self, name: &str, plan: &str) -> Result<bool, journal::Error> {
        let Some(depth) = self.waiting(name, plan).await? else { return Ok(false) };
        // The name is made of what that look saw: another depth would see it under another name.
        let trigger = Trigger { heal: true, deep: depth == Depth::Deep, approved: Some(plan.to_owned()) };
        self.trigger(name, &trigger).await
    }

    /// Remembers that nobody shall be asked about a plan again; false when no such plan waits.
    pub(super) async fn reject(&self, name: &str, plan: &str, by: &str) -> Result<bool, journal::Error> {
        if self.waiting(name, plan).await?.is_none() {
            return Ok(false);
        }
        let at = self.roster.now().await?;
        self.roster.reject(name, &json!({"plan": plan, "by": by, "at": at})).await
    }

    /// The plan that somebody rejected last: `plan`, `by`, `at`.
    pub(super) async fn rejected(&self, name: &str) -> Result<Option<Value>, journal::Error> {
        Ok(self.roster.one(name).await?.and_then(|entry| entry.rejected))
    }

    /// How closely was looked when the plan was made that waits at a stack, if it is this one.
    async fn waiting(&self, name: &str, plan: &str) -> Result<Option<Depth>, journal::Error> {
        let last = self.roster.one(name).await?.and_then(|entry| Summary::read(entry.last.as_ref()?));
        Ok(last.filter(|last| last.plan.as_deref() == Some(plan)).map(|last| last.depth))
    }

    /// Forbids healing, or allows it again.
    pub(super) async fn freeze(&self, frozen: bool) -> Result<(), journal::Error> {
        self.roster.set(FROZEN, &json!(frozen)).await
    }

    /// Whether healing is forbidden, over the API or by the file that this replica sees.
    pub(super) async fn is_frozen(&self) -> Result<bool, journal::Error> {
        Ok(self.freeze_file.as_ref().is_some_and(|file| file.exists())
            || self.roster.setting(FROZEN).await?.is_some_and(|frozen| frozen == json!(true)))
    }

    /// Whether the daemon does its work: the files were read, and it is not on its way out.
    #[must_use]
    pub(super) fn is_ready(&self) -> bool {
        let inner = self.inner();
        inner.ready && !inner.closing
    }

    /// What is wrong with the watched files, since they were last changed.
    #[must_use]
    pub(super) fn reload_problem(&self) -> Option<String> {
        self.inner().reload_problem.clone()
    }

    /// Every stack.
    pub(super) async fn rows(&self) -> Result<Vec<Row>, journal::Error> {
        Ok(self.roster.all().await?.into_iter().map(Row::of).collect())
    }

    /// One stack.
    pub(super) async fn row(&self, name: &str) -> Result<Option<Row>, journal::Error> {
        Ok(self.roster.one(name).await?.map(Row::of))
    }

    /// What changed at or after a moment of the database's clock, in milliseconds.
    pub(super) async fn changed_since(&self, moment: i64) -> Result<Vec<journal::StackEntry>, journal::Error> {
        self.roster.changed_since(moment).await
    }

    /// The journal of a stack, to be read; nothing when it never had one.
    pub(super) async fn journal(&self, name: &str) -> Result<Option<Journal>, journal::Error> {
        let directory = self.inner().targets.get(name).map(|(_, target)| target.directory.clone());
        let Some(directory) = directory else { return Ok(None) };
        if self.database().is_shared() {
            return Ok(Some(Journal::of(self.database(), name)));
        }
        let path = crate::run::journal_file(&directory);
        if path.exists() { Journal::open(&path).await.map(Some) } else { Ok(None) }
    }

    /// Whether a stack is still kept here.
    pub(super) fn keeps(&self, name: &str) -> bool {
        self.inner().targets.contains_key(name)
    }

    /// How many looks ended how here, by stack and result.
    pub(super) fn ended_by_result(&self) -> Vec<(String, &'static str, u64)> {
        self.inner().ended.iter().map(|((name, result), count)| (name.clone(), *result, *count)).collect()
    }

    /// How long runs took here.
    pub(super) fn durations(&self) -> Durations {
        self.inner().durations.clone()
    }

    /// How many looks here were answered by a sweep.
    pub(super) fn swept_looks(&self) -> u64 {
        self.inner().swept_looks
    }

    /// How many sweeps were made here.
    pub(super) fn sweeps(&self) -> Sweeps {
        self.inner().sweeps
    }

    /// Counts a sweep.
    pub(super) fn swept(&self, complete: bool) {
        let mut inner = self.inner();
        let count = if complete { &mut inner.sweeps.complete } else { &mut inner.sweeps.failed };
        *count += 1;
    }

    /// The looks that are due within a time, nobody's yet, and that a sweep may answer; the longest due first.
    pub(super) async fn due_soon(&self, times: &Timetable, within: Duration, most: usize) -> Result<Vec<Turn>, journal::Error> {
        let now = self.roster.now().await?;
        let entries = self.roster.soon(within, most).await?;
        let inner = self.inner();
        let turn = |entry: journal::StackEntry| {
            let (digest, target) = inner.targets.get(&entry.name)?;
            let known = Known {
                name: &entry.name,
                wish: &wish(digest),
                looks: entry.looks,
                failures: entry.failures,
                last: entry.last.as_ref(),
            };
            may_answer(times, &known, now).then(|| Turn { target: target.clone(), digest: digest.clone(), due: None })
        };
        Ok(entries.into_iter().filter_map(turn).collect())
    }

    /// How many leases were lost here.
    pub(super) fn leases_lost(&self) -> u64 {
        self.leases_lost.load(Ordering::Relaxed)
    }

    pub(super) fn lease_was_lost(&self) {
        self.leases_lost.fetch_add(1, Ordering::Relaxed);
    }
}

fn job(claim: Claim, target: Target, times: &Timetable) -> Job {
    let trigger: Option<Trigger> = claim.asked.and_then(|asked| serde_json::from_value(asked).ok());
    let wish = wish(&claim.digest);
    let known = Known { name: &claim.name, wish: &wish, looks: claim.looks, failures: claim.failures, last: claim.last.as_ref() };
    let sweepable = (trigger.is_none() && may_answer(times, &known, claim.now)).then(|| {
        let late = Duration::try_from(claim.now.duration_since(claim.due)).unwrap_or_default();
        Turn { target: target.clone(), digest: claim.digest.clone(), due: Instant::now().checked_sub(late) }
    });
    Job {
        target,
        lease: claim.lease,
        deep: trigger.as_ref().map_or(times.is_deep(claim.looks), |asked| asked.deep),
        digest: claim.digest,
        sweepable,
        asked_to_heal: trigger.as_ref().is_some_and(|asked| asked.heal || asked.approved.is_some()),
        look_only: trigger.as_ref().is_some_and(|asked| !asked.heal && asked.approved.is_none()),
        approved: trigger.and_then(|asked| asked.approved),
        now: claim.now,
    }
}

/// What a target wishes, in short.
fn digest_of(target: &Target) -> String {
    let wish = serde_json::to_string(&target.spec.stack).unwrap_or_default();
    digest::sha256_hex(wish.as_bytes())[..16].to_owned()
}

/// A wish, and who understands it: another version may mean more by the same file.
fn wish(digest: &str) -> String {
    format!("{digest} {}", env!("CARGO_PKG_VERSION"))
}

/// A replica's name.
pub(super) fn replica(owner: &Owner) -> String {
    format!("{}:{}", owner.who, owner.pid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_histogram_counts_what_is_within_each_bound() {
        let mut durations = Durations::default();
        for seconds in [0.5, 5.0, 6.0, 9000.0] {
            durations.add(seconds);
        }
        assert_eq!(durations.within[..3], [1, 2, 3]);
        assert_eq!((durations.count, durations.within[8]), (4, 3));
    }
}
