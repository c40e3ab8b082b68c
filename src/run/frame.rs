//! The frame of every run: its span, its report, and what it needs from outside, taken before the work and given back after it.

use tracing::Instrument as _;

use super::setup::{Outside, Setup};
use super::stop::Stop;
use super::tally::Tally;
use super::trace;
use crate::event::{Outcome, Report};
use crate::spec::Spec;

/// Takes the stack, does the work, gives the stack back. However it ends, the report tells it.
pub(super) async fn run(
    spec: &Spec,
    setup: Setup,
    work: impl AsyncFnOnce(&Outside, &mut Tally) -> Result<Outcome, Stop>,
) -> Report {
    let span = trace::run(&setup, spec);
    let framed = async {
        let mut tally = Tally::new(&setup, spec);
        match Outside::open(setup, spec).await {
            Ok(outside) => {
                let ended = work(&outside, &mut tally).await;
                tally.close(Some(&outside), ended).await
            }
            Err(error) => tally.close(None, Err(error.into())).await,
        }
    };
    Box::pin(framed).instrument(span).await
}
