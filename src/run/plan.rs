//! `plan`: one look, one plan, nothing written in Azure.

use super::provision::look;
use super::saved::{self, Save};
use super::setup::{Outside, Setup};
use super::stop::Stop;
use super::survey::Next;
use super::tally::Tally;
use super::{frame, judge, outputs, prepare};
use crate::desired::resolve;
use crate::event::{Outcome, Phase, Report};
use crate::observed::Observed;
use crate::plan::{Checked, Plan};
use crate::spec::Spec;

/// Draws the plan of a stack, and saves it when that is wanted. The plan comes back even when policies deny it; the report then says
/// so, and nothing is saved: it could not be carried out.
pub async fn plan(spec: &Spec, setup: Setup, allow_destroy: &[String], save: Option<&Save>) -> (Option<Plan<Checked>>, Report) {
    let mut drawn = None;
    let work = async |outside: &Outside, tally: &mut Tally| {
        let (plan, observed) = draw(outside, spec, allow_destroy, tally).await?;
        let plan = &*drawn.insert(plan);
        let outcome = judged(plan, allow_destroy)?;
        if let Some(save) = save {
            saved::save(outside, spec, (plan, &observed), allow_destroy, save, tally).await?;
        }
        Ok(outcome)
    };
    let report = frame::run(spec, setup, work).await;
    (drawn, report)
}

async fn draw(outside: &Outside, spec: &Spec, allowed: &[String], tally: &mut Tally) -> Result<(Plan<Checked>, Observed), Stop> {
    let setup = outside.setup();
    let desired = resolve(spec, &setup.subscription);
    let policies = judge::policies(spec, &setup.base)?;
    prepare::write_files(outside, spec)?;
    tally.start_lap();
    let (observed, _, plan) = look(outside, spec, &desired, &policies, (allowed, Next::Nothing)).await?;
    tally.add_lap(Phase::Observe);
    tally.planned(&plan);
    tally.report.outputs = outputs::of(&desired, &observed, &outside.setup().cloud);
    Ok((plan, observed))
}

fn judged(plan: &Plan<Checked>, allowed: &[String]) -> Result<Outcome, Stop> {
    if !plan.has_work() {
        return Ok(Outcome::Unchanged);
    }
    plan.clone().approve(allowed)?;
    Ok(Outcome::Planned)
}
