//! The engine: runs ready units side by side, one writer per resource, and stops cleanly.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use super::{Error, Hands, steps};
use crate::base::{ArmId, SPANS, span};
use crate::event::{Event, UnitId, UnitLine, UnitStatus};
use crate::plan::{Approved, Order, Plan, Unit};

/// What came of a plan.
#[derive(Debug, Default)]
pub struct Execution {
    /// Every unit of the plan, in plan order.
    pub units: Vec<UnitLine>,
    /// The failures, in the order in which they happened.
    pub failures: Vec<(UnitId, Error)>,
}

impl Execution {
    /// Whether anything was brought to its end.
    #[must_use]
    pub fn has_done(&self) -> bool {
        self.units.iter().any(|unit| unit.status == UnitStatus::Done)
    }
}

/// How one step ended.
pub(super) struct Outcome {
    /// What proves it.
    pub(super) evidence: String,
}

impl Outcome {
    pub(super) fn proven(evidence: impl Into<String>) -> Self {
        Self { evidence: evidence.into() }
    }
}

/// How the lines within a unit ended, terraform's resources: they count, however the unit itself ends.
pub(super) type Within = BTreeMap<UnitId, (UnitStatus, Duration)>;

struct Ended {
    unit: UnitId,
    elapsed: Duration,
    result: Result<Outcome, Error>,
    within: Within,
}

impl Ended {
    fn is_withheld(&self) -> bool {
        self.result.as_ref().is_err_and(Error::is_withheld)
    }
}

/// Carries out an approved plan. Failures do not stop units that do not depend on them.
///
/// # Errors
/// [`Error::Moved`] when the plan has no order, before anything runs.
pub async fn run(plan: &Plan<Approved>, hands: &Hands) -> Result<Execution, Error> {
    let mut order = Order::of(&plan.units).map_err(|cycle| Error::Moved(cycle.to_string()))?;
    let writers: BTreeMap<ArmId, Arc<Mutex<()>>> =
        plan.units.iter().filter_map(|unit| unit.touches.clone()).map(|id| (id, Arc::default())).collect();
    let mut book = Book::open(plan);
    let mut running: JoinSet<Ended> = JoinSet::new();
    loop {
        if !hands.cancel.is_cancelled() {
            for unit in order.take_ready().iter().filter_map(|id| plan.unit(id)) {
                let writer = unit.touches.as_ref().and_then(|id| writers.get(id)).cloned();
                running.spawn(carry_out(unit.clone(), hands.clone(), writer).instrument(span_of(unit)));
            }
        }
        match running.join_next().await {
            None => break,
            Some(Ok(ended)) => {
                if ended.result.is_ok() {
                    order.done(&ended.unit);
                } else {
                    let why = match (ended.is_withheld(), hands.cancel.is_cancelled()) {
                        (true, _) => "a unit it needs waits",
                        (false, true) => "a unit it needs was stopped",
                        (false, false) => "a unit it needs failed",
                    };
                    for id in order.block_after(&ended.unit) {
                        book.mark(&id, UnitStatus::Blocked, why);
                    }
                }
                book.close(ended, hands);
            }
            Some(Err(panic)) => return Err(Error::Moved(format!("a step broke off: {panic}"))),
        }
    }
    order.drain().iter().for_each(|id| book.mark(id, UnitStatus::Cancelled, "not started"));
    Ok(book.finish())
}

fn span_of(unit: &Unit) -> Span {
    tracing::trace_span!(
        target: SPANS,
        "unit",
        otel.name = %format_args!("unit {}", unit.id),
        otel.status_code = Empty,
        otel.status_description = Empty,
        aksight.unit.id = unit.id.as_str(),
        aksight.unit.action = unit.action.as_str(),
        aksight.unit.resource = unit.touches.as_ref().map(ArmId::as_str),
    )
}

async fn carry_out(unit: Unit, hands: Hands, writer: Option<Arc<Mutex<()>>>) -> Ended {
    let guard = match &writer {
        Some(writer) => Some(writer.lock().await),
        None => None,
    };
    let started = Instant::now();
    hands.events.emit(Event::UnitStarted { unit: unit.id.clone(), title: unit.title.clone() });
    let within = std::sync::Mutex::default();
    let result = record_and_do(&unit, hands.clone(), &within).await;
    drop(guard);
    if let Err(error) = &result {
        span::failed(&Span::current(), chain(error));
    }
    Ended { unit: unit.id, elapsed: started.elapsed(), result, within: within.into_inner().unwrap_or_default() }
}

async fn record_and_do(unit: &Unit, mut hands: Hands, within: &std::sync::Mutex<Within>) -> Result<Outcome, Error> {
    let Some(step) = &unit.step else { return Ok(Outcome::proven(unit.reason.clone())) };
    if let Some(stack) = &hands.stack {
        let intent = stack.journal.intend(&stack.run, unit.id.as_str(), &json!(step), hands.clock.now()).await?;
        hands.intent = Some(intent);
    }
    let result = steps::perform(unit, step, &hands, within).await;
    if let (Some(stack), Some(intent)) = (&hands.stack, hands.intent) {
        let (outcome, evidence) = match &result {
            Ok(done) => ("done", done.evidence.clone()),
            Err(error) if error.is_withheld() => ("waiting", chain(error)),
            Err(error) => ("failed", chain(error)),
        };
        stack.journal.settle(intent, outcome, &json!(evidence), hands.clock.now()).await?;
    }
    result
}

/// An error with its causes, for one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// The lines of the report while they are being filled.
struct Book {
    lines: Vec<UnitLine>,
    within: BTreeMap<UnitId, UnitId>,
    failures: Vec<(UnitId, Error)>,
}

impl Book {
    fn open(plan: &Plan<Approved>) -> Self {
        let within = plan.units.iter().filter_map(|unit| Some((unit.id.clone(), unit.within.clone()?))).collect();
        Self { lines: plan.lines(), within, failures: Vec::new() }
    }

    fn mark(&mut self, id: &UnitId, status: UnitStatus, reason: &str) {
        let lines = self.lines.iter_mut().filter(|line| line.id == *id || self.within.get(&line.id) == Some(id));
        for line in lines.filter(|line| line.status == UnitStatus::Planned) {
            line.status = status;
            reason.clone_into(&mut line.reason);
        }
    }

    fn close(&mut self, ended: Ended, hands: &Hands) {
        let status = match &ended.result {
            Ok(_) => UnitStatus::Done,
            Err(Error::Cancelled) => UnitStatus::Cancelled,
            Err(Error::Withhold { .. }) => UnitStatus::Waiting,
            Err(error) if hands.cancel.is_cancelled() && error.class() == crate::base::Class::Cancelled => UnitStatus::Cancelled,
            Err(_) => UnitStatus::Failed,
        };
        let detail = match &ended.result {
            Ok(outcome) => outcome.evidence.clone(),
            Err(error) if error.is_withheld() => error.to_string(),
            Err(error) => chain(error),
        };
        let has_failed = ended.within.values().any(|(status, _)| *status == UnitStatus::Failed);
        for line in &mut self.lines {
            match ended.within.get(&line.id) {
                Some((status, elapsed)) => {
                    (line.status, line.elapsed) = (*status, *elapsed);
                    if *status != UnitStatus::Done {
                        line.reason.clone_from(&detail);
                    }
                }
                // What terraform did not come to because of another one.
                None if has_failed && self.within.get(&line.id) == Some(&ended.unit) && line.status == UnitStatus::Planned => {
                    line.status = UnitStatus::Blocked;
                    "a resource before it failed".clone_into(&mut line.reason);
                }
                None => {}
            }
        }
        for line in self.lines.iter_mut().filter(|line| line.id == ended.unit) {
            line.elapsed = ended.elapsed;
        }
        self.mark(&ended.unit, status, &detail);
        hands.events.emit(Event::UnitFinished { unit: ended.unit.clone(), status, detail, elapsed: ended.elapsed });
        if let Err(error) = ended.result {
            self.failures.push((ended.unit, error));
        }
    }

    fn finish(self) -> Execution {
        Execution { units: self.lines, failures: self.failures }
    }
}
