//! Stacks that are due at about the same time are seen together, out of Resource Graph, before each is played: those that are as wished
//! need nobody who reads ARM again, only their proof.
//!
//! The first worker whose stack has no fresh answer sweeps for all that are due by now or within the minute; the others wait for it.
//! Nothing in here is an error: who gets no answer looks directly.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use tokio_util::sync::CancellationToken;

use super::Target;
use super::book::Book;
use super::row::Summary;
use super::schedule::Timetable;
use crate::event::Outcome;
use crate::run::{LASTS, Seen};

/// What came of a sweep that the face made.
#[derive(Debug, Default)]
pub struct Swept {
    /// The stacks that are as wished, by name; all others need a direct look.
    pub seen: HashMap<String, Seen>,
    /// How many requests it took.
    pub requests: usize,
    /// What did not answer.
    pub warnings: Vec<String>,
}

/// Sweeps stacks; the token asks it to stop.
pub type Sweep = Arc<dyn Fn(Vec<Target>, CancellationToken) -> BoxFuture<'static, Swept> + Send + Sync>;

/// Fewer stacks than this are looked at directly: a sweep asks nine questions, whatever their number.
const FEW: usize = 5;
/// So many are swept together: the longest due, so that memory is bounded and nobody waits for the whole of a large fleet.
const MOST: usize = 1000;
/// A stack that becomes due so soon is swept with those that are: the answer is good for that long after it was given.
const SHARED_FOR: Duration = Duration::from_mins(1);
/// Resource Graph shows a write within minutes; until then a sweep would tell of the world before it.
const LAG: SignedDuration = SignedDuration::from_mins(10);
/// A sweep that takes longer is given up.
const BOUND: Duration = Duration::from_mins(2);
/// After a sweep that failed there is none for so long.
const REST: Duration = Duration::from_mins(5);

/// A look that a sweep may answer.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    pub(super) target: Target,
    /// What its file says, in short.
    pub(super) digest: String,
    /// Since when it is due, by this machine's steady clock; nothing when that was before it ran.
    pub(super) due: Option<Instant>,
}

/// What is known of a stack when its turn comes.
pub(super) struct Known<'a> {
    pub(super) name: &'a str,
    /// What its last look would have to have looked for.
    pub(super) wish: &'a str,
    pub(super) looks: u32,
    pub(super) failures: u32,
    pub(super) last: Option<&'a Value>,
}

/// Whether a sweep may answer a stack's next look: the last one found it as it still shall be, nothing was written of late, and it is
/// not the turn of a direct look.
pub(super) fn may_answer(times: &Timetable, known: &Known<'_>, now: Timestamp) -> bool {
    let settled = |last: Summary| {
        let calm = match last.result {
            Outcome::Unchanged => true,
            Outcome::Changed => now.duration_since(last.at) >= LAG,
            _ => false,
        };
        calm && last.exit_code == 0 && last.drift == 0 && last.wish.as_deref() == Some(known.wish)
    };
    known.failures == 0
        && !times.is_direct(known.name, known.looks)
        && !times.is_deep(known.looks)
        && known.last.and_then(Summary::read).is_some_and(settled)
}

/// What was said of a stack.
struct Answer {
    began: Instant,
    digest: String,
    seen: Option<Seen>,
}

impl Answer {
    fn fits(&self, turn: &Turn) -> bool {
        let after_due = turn.due.is_none_or(|due| self.began >= due);
        self.digest == turn.digest && self.is_kept() && (after_due || self.began.elapsed() <= SHARED_FOR)
    }

    fn is_kept(&self) -> bool {
        self.began.elapsed() <= LASTS
    }
}

#[derive(Default)]
struct State {
    answers: HashMap<String, Answer>,
    rests_until: Option<Instant>,
    /// Whether the last sweep failed: one warning tells of all that fail after it.
    failed: bool,
}

/// The sweeps of a daemon.
pub(super) struct Sweeps {
    sweep: Option<Sweep>,
    times: Timetable,
    state: tokio::sync::Mutex<State>,
    /// The looks at work here that have no answer yet.
    awaited: Mutex<HashMap<String, Turn>>,
}

impl Sweeps {
    pub(super) fn of(sweep: Option<Sweep>, times: &Timetable) -> Self {
        Self { sweep, times: times.clone(), state: tokio::sync::Mutex::default(), awaited: Mutex::default() }
    }

    fn awaited(&self) -> MutexGuard<'_, HashMap<String, Turn>> {
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that a look will ask for an answer, so that whoever sweeps before it does sweeps for it, too.
    pub(super) fn expect(&self, turn: &Turn) {
        self.awaited().insert(turn.target.name.clone(), turn.clone());
    }

    /// What a sweep saw of a stack that is as wished; nothing when it must be looked at directly.
    pub(super) async fn answer(&self, book: &Book, turn: Turn, cancel: &CancellationToken) -> Option<Seen> {
        let seen = self.asked(book, &turn, cancel).await;
        self.awaited().remove(&turn.target.name);
        seen
    }

    async fn asked(&self, book: &Book, turn: &Turn, cancel: &CancellationToken) -> Option<Seen> {
        let sweep = self.sweep.as_ref()?;
        let mut state = tokio::select! {
            () = cancel.cancelled() => return None,
            state = self.state.lock() => state,
        };
        let name = &turn.target.name;
        if let Some(answer) = state.answers.remove(name).filter(|answer| answer.fits(turn)) {
            return answer.seen;
        }
        if state.rests_until.is_some_and(|until| Instant::now() < until) {
            return None;
        }
        let mut all = book.due_soon(&self.times, SHARED_FOR, MOST).await.unwrap_or_default();
        let awaited: Vec<Turn> = self.awaited().values().cloned().collect();
        all.retain(|other| awaited.iter().all(|one| one.target.name != other.target.name));
        all.extend(awaited);
        if all.len() < FEW {
            return None;
        }
        state.take(book, sweep, all, cancel).await;
        state.answers.remove(name)?.seen
    }
}

impl State {
    async fn take(&mut self, book: &Book, sweep: &Sweep, all: Vec<Turn>, cancel: &CancellationToken) {
        let began = Instant::now();
        let targets: Vec<Target> = all.iter().map(|turn| turn.target.clone()).collect();
        let mut found = tokio::time::timeout(BOUND, sweep(targets, cancel.clone())).await.unwrap_or_else(|_| Swept {
            warnings: vec![format!("Resource Graph did not answer within {} s", BOUND.as_secs())],
            ..Swept::default()
        });
        if cancel.is_cancelled() {
            return;
        }
        book.swept(found.warnings.is_empty());
        self.tell(&found, all.len());
        self.rests_until = self.failed.then(|| began + REST);
        self.answers.retain(|_, answer| answer.is_kept());
        self.answers.extend(all.into_iter().map(|turn| {
            let seen = found.seen.remove(&turn.target.name);
            (turn.target.name, Answer { began, digest: turn.digest, seen })
        }));
    }

    /// Tells of a sweep, and of the first in a row that failed; the metrics count the others.
    fn tell(&mut self, found: &Swept, stacks: usize) {
        let failed_before = std::mem::replace(&mut self.failed, !found.warnings.is_empty());
        match found.warnings.first() {
            None => {
                tracing::info!(stacks, clean = found.seen.len(), requests = found.requests, "swept");
            }
            Some(why) if !failed_before => {
                tracing::warn!(stacks, "no sweep: stacks are looked at directly until it works again: {why}");
            }
            Some(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;
    use crate::daemon::Config;

    const NOW: &str = "2026-03-28T12:00:00Z";

    fn last(more: &Value) -> Value {
        let mut last = json!({"run": null, "at": "2026-03-28T11:59:00Z", "result": "unchanged", "exit_code": 0, "verified": true,
            "depth": "fast", "drift": 0, "plan": null, "problem": null, "seconds": 1.0, "wish": "w"});
        last.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        last
    }

    fn times(schedule: &str) -> Timetable {
        let text = format!("files = [\"a.yaml\"]\n[schedule]\n{schedule}\n");
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("aksightd.toml");
        std::fs::write(&path, text).unwrap();
        Timetable::of(&Config::read(Path::new(&path)).unwrap().schedule)
    }

    fn may(more: &Value, failures: u32) -> bool {
        let last = last(more);
        let known = Known { name: "a", wish: "w", looks: 0, failures, last: Some(&last) };
        may_answer(&times("direct_every = 1000000\ndeep_every = 0"), &known, NOW.parse().unwrap())
    }

    #[test]
    fn only_what_was_right_and_untouched_is_swept() {
        assert!(may(&json!({}), 0));
        assert!(!may(&json!({}), 1), "the last look failed");
        assert!(!may(&json!({"wish": "x"}), 0), "the file says something else since");
        assert!(!may(&json!({"wish": null}), 0), "an older version noted it");
        for result in ["drifted", "waiting", "unverified", "failed", "denied", "locked", "interrupted"] {
            assert!(!may(&json!({"result": result}), 0), "{result}");
        }
        assert!(!may(&json!({"drift": 1}), 0));
        assert!(!may(&json!({"result": "changed"}), 0), "written a minute ago");
        assert!(may(&json!({"result": "changed", "at": "2026-03-28T11:50:00Z"}), 0));
        let known = Known { name: "a", wish: "w", looks: 0, failures: 0, last: None };
        assert!(!may_answer(&times(""), &known, NOW.parse().unwrap()), "never looked at");
    }

    #[test]
    fn every_so_often_a_stack_is_looked_at_directly_and_not_all_at_once() {
        let (times, calm) = (times("direct_every = 4\ndeep_every = 0"), last(&json!({})));
        let directly = |name: &str| -> Vec<u32> {
            let known = |looks| Known { name, wish: "w", looks, failures: 0, last: Some(&calm) };
            (0..12).filter(|looks| !may_answer(&times, &known(*looks), NOW.parse().unwrap())).collect()
        };
        let first: std::collections::BTreeSet<u32> = (0..40)
            .map(|number| directly(&format!("s{number}")))
            .map(|turns| {
                assert_eq!((turns.len(), turns[1] - turns[0], turns[2] - turns[1]), (3, 4, 4), "{turns:?}");
                turns[0]
            })
            .collect();
        assert_eq!(first.len(), 4);
        assert!(self::times("direct_every = 1").is_direct("a", 7), "1 means always");
    }

    #[test]
    fn an_answer_is_good_from_when_it_was_due_or_for_a_minute() {
        let now = Instant::now();
        let spec = crate::spec::read(include_str!("../../terraform/examples/quickstart/aksight.yaml"), "aksight.yaml").unwrap();
        let target = Target { name: "a".into(), fleet: None, base: "".into(), directory: "".into(), spec };
        let turn = |due| Turn { target: target.clone(), digest: "d".into(), due };
        let ago = |seconds| now.checked_sub(Duration::from_secs(seconds));
        let given = |seconds| Answer { began: ago(seconds).unwrap(), digest: "d".into(), seen: None };
        assert!(given(200).fits(&turn(ago(300))), "asked for after it was due");
        assert!(!given(200).fits(&turn(ago(100))), "due after it was asked for, and old");
        assert!(given(30).fits(&turn(ago(1))), "young enough for whoever comes");
        assert!(!given(700).fits(&turn(ago(900))), "an old story");
        assert!(!given(1).fits(&Turn { digest: "e".into(), ..turn(ago(5)) }), "another wish");
    }
}
