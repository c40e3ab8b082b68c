//! `plan`: one look, one plan, nothing written in Azure.

use tracing::Instrument as _;

use super::provision::look;
use super::saved::{self, Save};
use super::setup::{Outside, Setup};
use super::stop::Stop;
use super::survey::Next;
use super::tally::Tally;
use super::{judge, outputs, prepare, trace};
use crate::desired::resolve;
use crate::event::{Outcome, Phase, Report};
use crate::observed::Observed;
use crate::plan::{Checked, Plan};
use crate::spec::Spec;

/// Draws the plan of a stack, and saves it when that is wanted. The plan comes back even when policies deny it; the report then says
/// so, and nothing is saved: it could not be carried out.
pub async fn plan(spec: &Spec, setup: Setup, allow_destroy: &[String], save: Option<&Save>) -> (Option<Plan<Checked>>, Report) {
    let span = trace::run(&setup, spec);
    let work = async {
        let mut tally = Tally::new(&setup, spec);
        let outside = match Outside::open(setup, spec).await {
            Ok(outside) => outside,
            Err(error) => return (None, tally.close(None, Err(error.into())).await),
        };
        let (plan, ended) = match draw(&outside, spec, allow_destroy, &mut tally).await {
            Ok((plan, observed)) => {
                let mut ended = judged(&plan, allow_destroy);
                if let (Ok(_), Some(save)) = (&ended, save) {
                    let saved = saved::save(&outside, spec, (&plan, &observed), allow_destroy, save, &mut tally).await;
                    ended = saved.and(ended);
                }
                (Some(plan), ended)
            }
            Err(stop) => (None, Err(stop)),
        };
        (plan, tally.close(Some(&outside), ended).await)
    };
    Box::pin(work).instrument(span).await
}

pub(super) async fn draw(
    outside: &Outside,
    spec: &Spec,
    allowed: &[String],
    tally: &mut Tally,
) -> Result<(Plan<Checked>, Observed), Stop> {
    let setup = outside.setup();
    let desired = resolve(spec, &setup.subscription);
    let policies = judge::policies(spec, &setup.base)?;
    prepare::write_files(outside, spec)?;
    outside.azure.warm_up().await?;
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
