//! `reconcile` of a stack that a sweep found as wished: nobody reads ARM again, the proof is asked for all the same. Whatever is in
//! doubt gets the ordinary look in the same run.

use std::time::Duration;

use super::reconcile::{Healing, once};
use super::setup::{Outside, Setup};
use super::stop::Stop;
use super::sweep::Seen;
use super::tally::Tally;
use super::{frame, outputs, verify};
use crate::desired::{Desired, resolve};
use crate::event::{Action, Depth, DriftReport, Outcome, Phase, Report, UnitLine};
use crate::observe;
use crate::observed::Observed;
use crate::plan::Unit;
use crate::plan::diff::{cluster, settings};
use crate::spec::Spec;
use crate::verify::shortcut;

/// What a sweep saw is good for so long: later it is an old story.
pub const LASTS: Duration = Duration::from_mins(10);

/// Whether anybody goes into the cluster, where no sweep sees: to the settings ConfigMap and the agents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inside {
    /// Yes: nobody else does.
    Looked,
    /// No: an ordinary look comes soon enough.
    Left,
}

/// Reconciles a stack once, and begins with what a sweep saw of it. The proof is asked for at once and not awaited; when it does not
/// pass, when the inside differs, or when an earlier run left something half done, the ordinary [`reconcile`](super::reconcile())
/// follows.
pub async fn reconcile_swept(spec: &Spec, setup: Setup, healing: &Healing, seen: &Seen, inside: Inside) -> Report {
    let setup = Setup { connection: Some(seen.azure.clone()), ..setup };
    let work = async |outside: &Outside, tally: &mut Tally| match proven(outside, spec, (seen, inside), healing, tally).await? {
        Some(outcome) => Ok(outcome),
        None => once(outside, spec, healing, tally).await,
    };
    frame::run(spec, setup, work).await
}

/// The proof alone; nothing when the ordinary look must follow.
async fn proven(
    outside: &Outside,
    spec: &Spec,
    (seen, inside): (&Seen, Inside),
    healing: &Healing,
    tally: &mut Tally,
) -> Result<Option<Outcome>, Stop> {
    let setup = outside.setup();
    let age = setup.clock.now().duration_since(seen.observed.at);
    if Duration::try_from(age).is_ok_and(|age| age > LASTS) || !outside.journal.open_intents().await?.is_empty() {
        return Ok(None);
    }
    let mut desired = resolve(spec, &setup.subscription);
    let known = outside.memory.known(outside, &desired);
    desired.verification.bound = Duration::ZERO;
    desired.verification.inside = inside == Inside::Looked;
    let (mut observed, mut lines, mut blind_spots) = (seen.observed.clone(), seen.lines.clone(), seen.blind_spots.clone());
    if inside == Inside::Looked {
        tally.start_lap();
        (observed.settings, observed.agents) = tokio::select! {
            () = setup.cancel.cancelled() => return Err(Stop::interrupted()),
            found = observe::inside(observed.cluster.seen(), &outside.door, known.taken_up.as_deref(), setup.clock.now()) => found,
        };
        tally.add_lap(Phase::Observe);
        blind_spots.retain(|spot| !spot.starts_with("the settings ConfigMap"));
        let Some(found) = as_wished(&desired, &observed, &mut blind_spots) else { return Ok(None) };
        lines.extend(found);
    }
    tally.looked(lines);
    tally.report.plan.blind_spots = blind_spots;
    tally.report.outputs = outputs::of(&desired, &observed, &setup.cloud);
    tally.report.drift = Some(DriftReport { depth: Depth::Fast, swept: true, items: Vec::new(), plan: None });
    let answered = verify::ask_shortly(outside, &desired, healing.verify).await;
    let first = answered.and_then(|answered| shortcut::judge(&answered, &desired, &observed));
    match verify::prove(outside, (&desired, &observed), healing.verify, first, tally).await {
        Ok(outcome) => Ok(Some(outcome)),
        Err(stop) if stop.outcome == Outcome::Unverified => Ok(None),
        Err(stop) => Err(stop),
    }
}

/// The lines of what is inside the cluster, if all of it is as wished.
fn as_wished(desired: &Desired, observed: &Observed, blind: &mut Vec<String>) -> Option<[UnitLine; 2]> {
    let settings = settings::unit(desired, observed, blind).ok()?;
    let pickup = settings::pickup(desired, &settings, &cluster::metrics(desired, observed), observed);
    let calm = |unit: &Unit| unit.action == Action::Unchanged;
    (calm(&settings) && calm(&pickup)).then(|| [settings.line(), pickup.line()])
}
