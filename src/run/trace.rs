//! The spans of a run and of its phases.

use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use super::setup::Setup;
use super::stop::Stop;
use crate::base::{SPANS, span};
use crate::event::{Outcome, Report};
use crate::spec::Spec;

/// The span of a whole run. What is known at its end is added by [`end`].
pub(super) fn run(setup: &Setup, spec: &Spec) -> Span {
    tracing::trace_span!(
        target: SPANS,
        "run",
        otel.name = %format_args!("aksight {}", setup.command),
        otel.status_code = Empty,
        otel.status_description = Empty,
        aksight.command = setup.command.as_str(),
        aksight.stack = spec.stack.metadata.name.as_str(),
        aksight.rehearsal = setup.rehearsal,
        aksight.run = Empty,
        aksight.outcome = Empty,
        aksight.exit_code = Empty,
        az.subscription_id = setup.subscription.as_str(),
        az.correlation_id = Empty,
    )
}

/// Notes in the span of the run, which must be the current one, how it ended.
pub(super) fn end(report: &Report) {
    let span = Span::current();
    span.record("aksight.run", report.run.as_deref());
    span.record("aksight.outcome", report.result.as_str());
    span.record("aksight.exit_code", report.exit_code);
    span.record("az.correlation_id", report.correlation_id.as_deref());
    if is_error(report.result) {
        let first = report.diagnostics.iter().find(|problem| problem.is_error());
        span::failed(&span, first.map_or(report.result.as_str(), |problem| problem.summary.as_str()));
    }
}

/// Drift that was found, a plan that was drawn or that waits for somebody are what was asked for.
const fn is_error(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Changed | Outcome::Unchanged | Outcome::Planned | Outcome::Drifted | Outcome::Waiting => false,
        Outcome::Denied | Outcome::Unverified | Outcome::Locked | Outcome::Interrupted | Outcome::Failed => true,
    }
}

/// Does a phase of a run in a span of its own, which says so when the run stops there.
pub(super) async fn during<T>(name: &'static str, work: impl Future<Output = Result<T, Stop>>) -> Result<T, Stop> {
    let span = phase(name);
    let done = work.instrument(span.clone()).await;
    if let Err(stop) = &done {
        let first = stop.problems.first();
        span::failed(&span, first.map_or(stop.outcome.as_str(), |problem| problem.summary.as_str()));
    }
    done
}

/// The span of a phase: `observe`, `plan`, `execute`, `verify`; of taking the stack it is `claim`.
pub(super) fn phase(name: &'static str) -> Span {
    tracing::trace_span!(target: SPANS, "phase", otel.name = name, otel.status_code = Empty, otel.status_description = Empty)
}
