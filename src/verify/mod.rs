//! Floor 6: proof that data arrives.
//!
//! Six questions along the way of the data; the first that does not pass is the first broken link. What may still come is awaited
//! up to a bound, because roles take up to ten minutes and first data up to fifteen (contract §4.5, §6.3).

mod chain;
mod data;
mod grafana;
pub mod shortcut;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::azure::Azure;
use crate::base::Clock;
use crate::desired::Desired;
use crate::event::{Check, CheckId, Event, Stream, Verdict};
use crate::kube::Door;
use crate::observed::Observed;

pub use chain::chain;
pub use shortcut::Shortcut;

/// Pause between two rounds of questions: half a scrape interval.
const POLL: Duration = Duration::from_secs(15);

/// What asking needs.
#[derive(Clone, Debug)]
pub struct Questions<'a> {
    /// The wish.
    pub desired: &'a Desired,
    /// The world as it was seen after the last write.
    pub observed: &'a Observed,
    /// Azure and the data planes.
    pub azure: &'a Azure,
    /// The way into the cluster.
    pub door: &'a Door,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Where verdicts go.
    pub events: Stream,
    /// The user wants to stop.
    pub cancel: CancellationToken,
}

/// What came of the questions.
#[derive(Clone, Debug, Default)]
pub struct Proof {
    /// The checks, in order.
    pub checks: Vec<Check>,
    /// Where Grafana answered, if it did: the next proof may begin there.
    pub shortcut: Option<Shortcut>,
}

/// Asks until every check passes, one fails for good, the bound is reached or the user stops. The checks come in order; a check
/// behind a broken link is asked all the same, because its answer helps to find the cause. `first` is what was asked already, since the
/// last write: if it proves the data, it is the answer.
pub async fn run(questions: &Questions<'_>, first: Option<Proof>, bound: Duration) -> Proof {
    let started = questions.clock.now();
    let mut told: Vec<Check> = Vec::new();
    let mut proof = match first.filter(|first| is_proven(&first.checks)) {
        Some(first) => first,
        None => ask(questions).await,
    };
    loop {
        tell(&proof.checks, &told, &questions.events);
        told.clone_from(&proof.checks);
        let settled = |check: &Check| matches!(check.verdict, Verdict::Pass | Verdict::Skipped);
        let hopeless = proof.checks.iter().any(|check| check.verdict == Verdict::Fail);
        if proof.checks.iter().all(settled) || hopeless || questions.clock.passed(started) >= bound {
            return proof;
        }
        tokio::select! {
            () = questions.cancel.cancelled() => return proof,
            () = questions.clock.sleep(POLL) => proof = ask(questions).await,
        }
    }
}

/// Where the workspace answers queries, when it is there and ready.
fn query_endpoint(observed: &Observed) -> Option<&str> {
    observed.workspace.seen()?.text("/properties/metrics/prometheusQueryEndpoint").filter(|endpoint| !endpoint.is_empty())
}

/// The first check that did not pass, in the order of the data's way.
#[must_use]
pub fn first_broken(checks: &[Check]) -> Option<&Check> {
    checks.iter().find(|check| matches!(check.verdict, Verdict::Pending | Verdict::Fail))
}

/// Whether every check that was asked passed, and at least one was.
#[must_use]
pub fn is_proven(checks: &[Check]) -> bool {
    first_broken(checks).is_none() && checks.iter().any(|check| check.verdict == Verdict::Pass)
}

/// Asks the six questions once.
pub async fn ask(questions: &Questions<'_>) -> Proof {
    let (agents, target, flows, (through, shortcut), dashboards) = tokio::join!(
        data::agents(questions),
        data::scrape_target(questions),
        data::hubble_flows(questions),
        grafana::query(questions),
        grafana::dashboards(questions),
    );
    Proof { checks: vec![chain(questions.desired, questions.observed), agents, target, flows, through, dashboards], shortcut }
}

fn tell(checks: &[Check], told: &[Check], events: &Stream) {
    let known = |id: CheckId| told.iter().find(|check| check.id == id).map(|check| check.verdict);
    for check in checks.iter().filter(|check| known(check.id) != Some(check.verdict)) {
        events.emit(Event::Checked(check.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skipping_everything_proves_nothing() {
        assert!(!is_proven(&[]));
        assert!(!is_proven(&[Check::skipped(CheckId::HubbleFlows, "asked to")]));
        assert!(is_proven(&[Check::pass(CheckId::HubbleFlows, "5 series"), Check::skipped(CheckId::Dashboards, "asked to")]));
    }

    #[test]
    fn the_first_broken_link_is_named() {
        let checks = [
            Check::pass(CheckId::ControlPlane, ""),
            Check::pending(CheckId::ScrapeTarget, "no series yet", "wait"),
            Check::fail(CheckId::GrafanaQuery, "", "assign the role"),
        ];
        assert_eq!(first_broken(&checks).map(|check| check.id), Some(CheckId::ScrapeTarget));
    }
}
