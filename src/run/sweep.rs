//! A look at many stacks at once, out of Resource Graph: which of them are as wished, and which need a look of their own.
//!
//! Resource Graph lags behind and does not hold everything, so a difference that it shows is a reason to look and no finding. The
//! comparison is the same as that of a direct look. Stacks that are as wished cost neither requests of their own nor their lock, their
//! journal or their terraform directory.

use tokio_util::sync::CancellationToken;

use crate::azure::Azure;
use crate::base::Clock;
use crate::desired::{Desired, resolve};
use crate::event::{Action, Depth, DriftItem, DriftReport, Report, UnitLine, Winner};
use crate::observe::sweep::Sweeper;
use crate::observed::{GrafanaView, Observed, Sight};
use crate::plan;
use crate::spec::Spec;

/// So many stacks are gathered together, if their subscriptions are not larger: they fill a page of each question.
const AT_ONCE: usize = 1000;

/// What no sweep sees, whatever the stack.
pub const BLIND: [&str; 3] = [
    "the inside of the clusters: the settings ConfigMap and the metrics agents",
    "what changed in the last minutes: Resource Graph lags behind",
    "what the journals remember: how long and how often something drifted",
];

/// A stack that is looked at together with others.
#[derive(Clone, Copy, Debug)]
pub struct Swept<'a> {
    /// What it shall be.
    pub spec: &'a Spec,
    /// Its subscription's GUID.
    pub subscription: &'a str,
}

/// What a sweep says of a stack.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// As wished, as far as Resource Graph holds it.
    Clean {
        /// What could not be judged, and why.
        blind_spots: Vec<String>,
        /// What the proof needs, when it was asked for.
        seen: Option<Box<Seen>>,
    },
    /// It needs a direct look.
    Look {
        /// Why.
        why: String,
    },
}

/// What a sweep saw of a stack that is as wished: enough to go on to the proof that its data arrives.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Cluster, association, workspace and Grafana; of the rest nothing is kept, because stacks are many.
    pub(super) observed: Observed,
    /// The units that are as wished.
    pub(super) lines: Vec<UnitLine>,
    /// What could not be judged, and why.
    pub(super) blind_spots: Vec<String>,
    /// The connection through which all this was seen.
    pub(super) azure: Azure,
}

/// What a sweep is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To know which stacks need a look.
    Drift,
    /// To prove afterwards that the data of the others arrives.
    Proof,
}

/// What came of a sweep.
#[derive(Clone, Debug, Default)]
pub struct Sweep {
    /// One verdict per stack, in the order in which they were given.
    pub verdicts: Vec<Verdict>,
    /// How many requests it took.
    pub requests: usize,
    /// Why stacks must be looked at that say nothing themselves: Resource Graph or a subscription that does not answer.
    pub warnings: Vec<String>,
}

/// Looks at stacks that one identity can see. Nothing here is an error: whatever is in doubt gets a look of its own.
///
/// Memory is bounded by the stacks of the largest subscription, or [`AT_ONCE`].
pub async fn sweep(
    stacks: &[Swept<'_>],
    purpose: Purpose,
    azure: &Azure,
    clock: &dyn Clock,
    cancel: &CancellationToken,
) -> Sweep {
    let connection = (purpose == Purpose::Proof).then_some(azure);
    let sweeper = Sweeper::new(azure).await;
    let look = |why: &str| Verdict::Look { why: why.to_owned() };
    let mut swept = Sweep { verdicts: vec![look("the sweep was stopped"); stacks.len()], ..Sweep::default() };
    for batch in batches(stacks) {
        let wishes: Vec<Desired> =
            batch.iter().filter_map(|index| stacks.get(*index)).map(|stack| resolve(stack.spec, stack.subscription)).collect();
        let gathered = tokio::select! {
            () = cancel.cancelled() => break,
            gathered = sweeper.gather(&wishes, clock.now()) => gathered,
        };
        let verdicts: Vec<Verdict> = match gathered {
            Ok(rows) => wishes.iter().map(|wish| judge(wish, rows.observed(wish), connection)).collect(),
            Err(error) => {
                swept
                    .warnings
                    .push(format!("Resource Graph does not answer, so {} stacks are read directly: {error}", batch.len()));
                vec![look("Resource Graph does not answer"); batch.len()]
            }
        };
        for (index, verdict) in batch.into_iter().zip(verdicts) {
            if let Some(place) = swept.verdicts.get_mut(index) {
                *place = verdict;
            }
        }
    }
    swept.requests = sweeper.requests();
    swept
}

/// The report of a stack that a sweep found as wished. It has no run: nothing was opened.
#[must_use]
pub fn clean(command: &str, spec: &Spec, rehearsal: bool, blind_spots: &[String]) -> Report {
    let mut report = Report::new(command);
    report.stack = Some(spec.stack.metadata.name.clone());
    report.diagnostics.clone_from(&spec.warnings);
    report.rehearsal = rehearsal;
    report.plan.blind_spots = blind_spots.to_vec();
    report.drift = Some(DriftReport { depth: Depth::Fast, swept: true, items: Vec::new(), plan: None });
    report
}

/// The stacks by subscription, in groups that do not cut one.
fn batches(stacks: &[Swept<'_>]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..stacks.len()).collect();
    let subscription = |index: &usize| stacks.get(*index).map(|stack| stack.subscription.to_ascii_lowercase());
    order.sort_by_cached_key(subscription);
    let mut batches: Vec<Vec<usize>> = Vec::new();
    for same in order.chunk_by(|one, other| subscription(one) == subscription(other)) {
        match batches.last_mut() {
            Some(last) if last.len() + same.len() <= AT_ONCE => last.extend(same),
            _ => batches.push(same.to_vec()),
        }
    }
    batches
}

fn judge(desired: &Desired, observed: Observed, connection: Option<&Azure>) -> Verdict {
    if let Some(why) = observed.registrations.unknown() {
        return Verdict::Look { why: format!("its subscription cannot be read: {why}") };
    }
    let plan = match plan::draft(desired, &observed) {
        Ok(plan) => plan,
        Err(error) => return Verdict::Look { why: error.to_string() },
    };
    let items = plan::drift(desired, &observed, &plan);
    if let Some(item) = items.iter().find(|item| item.winner != Winner::Found) {
        return Verdict::Look { why: differs(item, items.len()) };
    }
    if connection.is_some() && !can_be_proven(&observed) {
        return Verdict::Look { why: "Resource Graph does not show where its data is asked for".to_owned() };
    }
    let lines = connection.map(|_| plan.lines());
    let blind_spots: Vec<String> = plan.blind_spots.into_iter().filter(|spot| !spot.starts_with("terraform:")).collect();
    let seen = connection.zip(lines).map(|(azure, lines)| {
        let lines = lines.into_iter().filter(|line| line.action == Action::Unchanged).collect();
        Box::new(Seen { observed: kept(observed), lines, blind_spots: blind_spots.clone(), azure: azure.clone() })
    });
    Verdict::Clean { blind_spots, seen }
}

/// Whether the addresses of the data planes are there.
fn can_be_proven(observed: &Observed) -> bool {
    let query = observed.workspace.seen().and_then(|workspace| workspace.text("/properties/metrics/prometheusQueryEndpoint"));
    let grafana = observed.grafana.seen().and_then(|grafana| GrafanaView(grafana).endpoint());
    query.is_some_and(|address| !address.is_empty()) && grafana.is_some()
}

/// What the proof needs. The rest was judged, and would be megabytes in a fleet.
fn kept(observed: Observed) -> Observed {
    let judged = || "a sweep has judged it".to_owned();
    Observed {
        registrations: Sight::Unknown(judged()),
        recommendations: Sight::Unknown(judged()),
        rule_groups: Sight::Unknown(judged()),
        assignments: std::collections::BTreeMap::new(),
        ..observed
    }
}

fn differs(item: &DriftItem, of: usize) -> String {
    let more = if of > 1 { format!(" and {} more", of - 1) } else { String::new() };
    format!("Resource Graph shows `{}` of {} differently{more}", item.field, item.unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> Spec {
        crate::spec::read(include_str!("../../terraform/examples/quickstart/aksight.yaml"), "aksight.yaml").unwrap()
    }

    fn sizes(counts: &[(&str, usize)]) -> Vec<usize> {
        let spec = spec();
        let stack = |subscription| Swept { spec: &spec, subscription };
        let stacks: Vec<Swept> = counts.iter().flat_map(|(name, count)| vec![stack(name); *count]).collect();
        let batches = batches(&stacks);
        let mut all: Vec<usize> = batches.iter().flatten().copied().collect();
        all.sort_unstable();
        assert_eq!(all, (0..stacks.len()).collect::<Vec<_>>());
        batches.iter().map(Vec::len).collect()
    }

    /// The daemon sweeps in tasks of its own.
    const _: fn(&Azure, &dyn Clock, &CancellationToken) = |azure, clock, cancel| {
        fn in_a_task(_: impl Future + Send) {}
        in_a_task(sweep(&[], Purpose::Proof, azure, clock, cancel));
    };

    #[test]
    fn subscriptions_are_gathered_until_a_page_is_full_and_never_cut() {
        assert_eq!(sizes(&[]), Vec::<usize>::new());
        assert_eq!(sizes(&[("b", 500), ("a", 400), ("c", 200)]), [900, 200]);
        assert_eq!(sizes(&[("a", 300), ("B", 300), ("A", 200)]), [800]);
        assert_eq!(sizes(&[("a", 10), ("b", 3000), ("c", 10)]), [10, 3000, 10]);
    }

    #[test]
    fn a_clean_stack_is_reported_as_a_look_that_found_nothing() {
        let report = clean("drift", &spec(), true, &["the inside of the cluster".to_owned()]);
        assert_eq!((report.exit_code, report.run, report.stack.as_deref()), (0, None, Some("quickstart")));
        assert_eq!(report.drift.unwrap().items, []);
        assert_eq!(report.plan.blind_spots, ["the inside of the cluster"]);
    }
}
