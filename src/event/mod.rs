//! Floor 1: the vocabulary of a run. Units, events, checks and the report; pure data, serialisable.
//!
//! Engines emit [`Event`]s while they work and hand over one [`Report`] at the end; only `cli::view` turns either into text.

mod check;
mod doctor;
mod drift;
mod fleet;
mod report;
mod unit;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

pub use check::{Check, CheckId, Verdict};
pub use doctor::{DOCTOR_SCHEMA, DoctorReport, MissingRight, Point, Standing, Topic};
pub use drift::{Depth, DriftClass, DriftItem, Winner};
pub use fleet::{FLEET_SCHEMA, FleetLine, FleetReport, SweepSummary};
pub use report::{DriftReport, Durations, Outcome, PlanSummary, REPORT_SCHEMA, Report, SavedPlan, UnitLine};
pub use unit::{Action, Change, Finding, FindingLevel, Owner, UnitId, UnitStatus};

/// One thing that happened. Durations are real time, not the clock's.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A phase of the run began.
    Phase {
        /// Which one.
        phase: Phase,
    },
    /// A unit's step began.
    UnitStarted {
        /// The unit.
        unit: UnitId,
        /// What a person calls it.
        title: String,
    },
    /// A unit is still at work and says what it waits for.
    UnitProgress {
        /// The unit.
        unit: UnitId,
        /// A short present-tense phrase, no full stop.
        message: String,
    },
    /// A unit ended.
    UnitFinished {
        /// The unit.
        unit: UnitId,
        /// How.
        status: UnitStatus,
        /// What proves it, or what went wrong.
        detail: String,
        /// Time since it started.
        elapsed: Duration,
    },
    /// A check has a new verdict.
    Checked(Check),
    /// Something worth a line, such as a fact that explains a wait.
    Note {
        /// The sentence.
        message: String,
    },
    /// Something that does not stop the run but that a person should read.
    Warning {
        /// The sentence.
        message: String,
    },
}

/// The phases of a run, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Reading Azure, terraform and the cluster.
    Observe,
    /// Carrying out an approved plan.
    Execute,
    /// Asking for the data.
    Verify,
}

/// Where events go. Cheap to clone; called from several tasks at once.
#[derive(Clone)]
pub struct Stream(Arc<dyn Fn(Event) + Send + Sync>);

impl Stream {
    /// A stream that hands each event to `sink`.
    pub fn new(sink: impl Fn(Event) + Send + Sync + 'static) -> Self {
        Self(Arc::new(sink))
    }

    /// A stream nobody listens to.
    #[must_use]
    pub fn silent() -> Self {
        Self::new(drop)
    }

    /// Hands over one event.
    pub fn emit(&self, event: Event) {
        (self.0)(event);
    }

    /// Emits a [`Event::Note`].
    pub fn note(&self, message: impl Into<String>) {
        self.emit(Event::Note { message: message.into() });
    }

    /// Emits a [`Event::Warning`].
    pub fn warn(&self, message: impl Into<String>) {
        self.emit(Event::Warning { message: message.into() });
    }

    /// Emits a [`Event::UnitProgress`].
    pub fn progress(&self, unit: &UnitId, message: impl Into<String>) {
        self.emit(Event::UnitProgress { unit: unit.clone(), message: message.into() });
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stream")
    }
}
