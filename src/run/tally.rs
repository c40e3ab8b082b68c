//! The report while it is being filled.

use std::time::{Duration, Instant};

use super::setup::{Outside, Setup};
use super::stop::{Stop, exit_code};
use super::trace;
use crate::event::{Action, Check, Outcome, Phase, Report, UnitLine, UnitStatus};
use crate::execute::Execution;
use crate::plan::Plan;
use crate::spec::Spec;
use crate::telemetry;
use crate::verify::is_proven;

/// The report of a run and its stop-watches. Durations are real time.
pub(super) struct Tally {
    pub(super) report: Report,
    began: Instant,
    lap: Instant,
    has_plan: bool,
}

impl Tally {
    /// A report that begins with what the file warns of.
    pub(super) fn new(setup: &Setup, spec: &Spec) -> Self {
        let mut report = Report::new(&setup.command);
        report.stack = Some(spec.stack.metadata.name.clone());
        report.diagnostics.clone_from(&spec.warnings);
        report.rehearsal = setup.rehearsal;
        Self { report, began: Instant::now(), lap: Instant::now(), has_plan: false }
    }

    /// Begins to measure.
    pub(super) fn start_lap(&mut self) {
        self.lap = Instant::now();
    }

    /// Adds the time since the lap began to a phase.
    pub(super) fn add_lap(&mut self, phase: Phase) {
        let time = self.lap.elapsed();
        let durations = &mut self.report.durations;
        match phase {
            Phase::Observe => durations.observe += time,
            Phase::Execute => durations.execute += time,
            Phase::Verify => durations.verify += time,
        }
    }

    /// Takes the first plan's numbers and lines, and from later ones what they add.
    pub(super) fn planned<S>(&mut self, plan: &Plan<S>) {
        if std::mem::replace(&mut self.has_plan, true) {
            self.report.plan.findings.clone_from(&plan.findings);
        } else {
            self.report.plan = plan.summary();
        }
        self.take(plan.lines(), false);
    }

    /// Takes the lines of a look that plans nothing.
    pub(super) fn looked(&mut self, lines: Vec<UnitLine>) {
        self.take(lines, false);
    }

    /// Takes what came of a plan.
    pub(super) fn executed(&mut self, execution: &Execution) {
        self.take(execution.units.clone(), true);
    }

    /// A line that was carried out is never overwritten by a later one that had nothing to do.
    fn take(&mut self, lines: Vec<UnitLine>, final_word: bool) {
        for line in lines {
            match self.report.units.iter_mut().find(|known| known.id == line.id) {
                Some(known) if line.status == UnitStatus::Unchanged && known.status == UnitStatus::Done => {}
                Some(known) if final_word || known.status != UnitStatus::Done => *known = line,
                Some(_) => {}
                None => self.report.units.push(line),
            }
        }
    }

    /// Whether anything was written so far.
    pub(super) fn has_written(&self) -> bool {
        let wrote = |line: &UnitLine| line.status == UnitStatus::Done && !matches!(line.action, Action::Unchanged | Action::Wait);
        self.report.units.iter().any(wrote)
    }

    /// The plan in the file is being carried out.
    pub(super) fn applies_saved_plan(&mut self) {
        if let Some(saved) = &mut self.report.saved_plan {
            saved.applied = true;
        }
    }

    pub(super) fn checked(&mut self, checks: Vec<Check>) {
        self.report.verified = is_proven(&checks);
        self.report.checks = checks;
    }

    /// Ends the run: in the journal, and in the report.
    pub(super) async fn close(mut self, outside: Option<&Outside>, ended: Result<Outcome, Stop>) -> Report {
        let overtaken = outside.is_some_and(Outside::was_overtaken);
        let outcome = match ended {
            Ok(outcome) => outcome,
            Err(stop) if overtaken => {
                self.report.diagnostics.push(super::problem::overtaken());
                self.report.diagnostics.extend(stop.problems);
                Outcome::Locked
            }
            Err(stop) => {
                self.report.diagnostics.extend(stop.problems);
                stop.outcome
            }
        };
        self.report.result = outcome;
        self.report.exit_code = exit_code(outcome);
        self.report.trace_id = telemetry::trace_id();
        if let Some(outside) = outside {
            self.report.run = Some(outside.run.as_str().to_owned());
            self.report.correlation_id = Some(outside.azure.correlation_id().to_string());
            let now = outside.setup().clock.now();
            // The run has ended as it has; a journal that cannot say so is worth a warning, not another result.
            self.report.durations.total = self.began.elapsed().max(Duration::from_millis(1));
            let report = serde_json::to_value(&self.report).unwrap_or_default();
            if let Err(error) = outside.journal.end(&outside.run, outcome.as_str(), &report, now).await {
                self.report.diagnostics.push(super::problem::of_journal(&error));
            }
            outside.close().await;
        }
        self.report.durations.total = self.began.elapsed().max(Duration::from_millis(1));
        trace::end(&self.report);
        self.report
    }
}
