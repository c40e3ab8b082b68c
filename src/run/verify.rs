//! `verify`, and the end of `provision`: the proof that data arrives.

use tracing::Instrument as _;

use super::memory::Memory;
use super::setup::{Outside, Setup};
use super::stop::Stop;
use super::survey::{Next, questions, without_terraform};
use super::tally::Tally;
use super::{frame, outputs, problem, trace};
use crate::base::span;
use crate::desired::{Desired, resolve};
use crate::event::{Check, CheckId, Event, Outcome, Phase, Report};
use crate::observe::Known;
use crate::observed::{GrafanaView, Observed};
use crate::spec::Spec;
use crate::verify;
use crate::verify::shortcut::{self, Answered};

/// Asks whether data arrives, and changes nothing. `wait` is whether a pending check is awaited up to the file's bound.
pub async fn verify(spec: &Spec, setup: Setup, wait: bool) -> Report {
    frame::run(spec, setup, async |outside, tally| ask(outside, spec, wait, tally).await).await
}

async fn ask(outside: &Outside, spec: &Spec, wait: bool, tally: &mut Tally) -> Result<Outcome, Stop> {
    let setup = outside.setup();
    let mut desired = resolve(spec, &setup.subscription);
    desired.verification.enabled = true;
    if !wait {
        desired.verification.bound = std::time::Duration::ZERO;
    }
    outside.azure.warm_up().await?;
    tally.start_lap();
    let observed = trace::during("observe", without_terraform(outside, &desired, &Known::default(), Next::Work)).await?;
    tally.add_lap(Phase::Observe);
    tally.report.outputs = outputs::of(&desired, &observed, &outside.setup().cloud);
    prove(outside, (&desired, &observed), true, None, tally).await
}

/// Asks where the last proof found its answer; nothing when nobody wants a proof, or there was none.
pub(super) async fn ask_shortly(outside: &Outside, desired: &Desired, wanted: bool) -> Option<Answered> {
    let shortcut = outside.memory.shortcut.clone().filter(|_| wanted && desired.verification.enabled)?;
    shortcut::ask(shortcut, desired, &outside.azure).await
}

/// The proof, after the last look. `first` is what was asked since. What was written before decides between changed and unchanged.
pub(super) async fn prove(
    outside: &Outside,
    (desired, observed): (&Desired, &Observed),
    wanted: bool,
    first: Option<verify::Proof>,
    tally: &mut Tally,
) -> Result<Outcome, Stop> {
    let setup = outside.setup();
    let done = if tally.has_written() { Outcome::Changed } else { Outcome::Unchanged };
    let skipped = match (wanted, desired.verification.enabled) {
        (false, _) => Some("skipped by `--no-verify`"),
        (true, false) => Some("switched off by `verification.enabled` in the file"),
        (true, true) => None,
    };
    if let Some(why) = skipped {
        tally.checked(CheckId::ALL.into_iter().map(|id| Check::skipped(id, why)).collect());
        tally.report.next.push("nothing was proven; `aksight verify` asks whether data arrives".to_owned());
        outputs::keep(outside, &tally.report.outputs, &tally.report.checks).await?;
        Memory::keep(outside, desired, observed, None).await?;
        return Ok(done);
    }
    setup.events.emit(Event::Phase { phase: Phase::Verify });
    tally.start_lap();
    let span = trace::phase("verify");
    let questions = questions(outside, desired, observed);
    let proof = verify::run(&questions, first, desired.verification.bound).instrument(span.clone()).await;
    if let Some(broken) = verify::first_broken(&proof.checks) {
        span::failed(&span, &problem::of_check(broken).summary);
    }
    tally.add_lap(Phase::Verify);
    tally.checked(proof.checks);
    outputs::keep(outside, &tally.report.outputs, &tally.report.checks).await?;
    Memory::keep(outside, desired, observed, proof.shortcut).await?;
    if tally.report.verified {
        tally.report.next.extend(where_to_look(observed));
        return Ok(done);
    }
    if setup.cancel.is_cancelled() {
        return Err(Stop::interrupted());
    }
    let problems = verify::first_broken(&tally.report.checks).map(problem::of_check).into_iter().collect();
    Err(Stop { outcome: Outcome::Unverified, problems })
}

fn where_to_look(observed: &Observed) -> Option<String> {
    let endpoint = observed.grafana.seen().and_then(|grafana| GrafanaView(grafana).endpoint())?;
    Some(format!("open {endpoint} and look at the dashboards in the folder `Azure Managed Prometheus`"))
}
