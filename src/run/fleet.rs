//! A command on many stacks: who makes what others share comes first, then ring after ring, so many at once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use futures::StreamExt as _;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::event::{FLEET_SCHEMA, FleetLine, FleetReport, Report};
use crate::spec::{Fleet, FleetStack};

/// In which order a fleet is worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum March {
    /// What is shared, then ring after ring.
    Forward,
    /// The other way round: what is taken away goes before what it hangs on.
    Backward,
}

/// Plays `work` on every stack. A stack that fails does not stop its ring; it keeps the next ring from starting, when the fleet says
/// so, and what everybody shares is neither passed over nor taken away after a failure.
pub async fn conduct<W>(command: &str, fleet: &Fleet, march: March, cancel: &CancellationToken, work: &W) -> FleetReport
where
    W: AsyncFn(&FleetStack) -> Report,
{
    let began = Instant::now();
    let mut reports: BTreeMap<usize, Report> = BTreeMap::new();
    let mut halted: Option<String> = None;
    let fences = fences(fleet);
    let last = fleet.stacks.iter().map(|stack| stack.ring + 1).max().unwrap_or(0);
    let mut waves: Vec<usize> = (0..=last).collect();
    if march == March::Backward {
        waves.reverse();
    }
    for wave in waves {
        let stacks = || fleet.stacks.iter().enumerate().filter(move |(_, stack)| wave_of(stack) == wave);
        if halted.is_some() || cancel.is_cancelled() {
            break;
        }
        let started = stacks().map(|(index, stack)| {
            let fence = fences.get(subscription(stack)).cloned();
            async move {
                let _turn = match &fence {
                    Some(fence) => fence.acquire().await.ok(),
                    None => None,
                };
                if cancel.is_cancelled() { None } else { Some((index, work(stack).await)) }
            }
        });
        let ended: Vec<Option<(usize, Report)>> = futures::stream::iter(started).buffer_unordered(fleet.at_once).collect().await;
        let failed = ended.iter().flatten().find(|(_, report)| !matches!(report.exit_code, 0 | 2));
        if let Some((index, _)) = failed.filter(|_| fleet.halt || wave == 0 || march == March::Backward) {
            halted = Some(format!("`{}` before it did not end well", fleet.stacks[*index].name()));
        }
        reports.extend(ended.into_iter().flatten());
    }
    let why = halted.unwrap_or_else(|| "the command was stopped".to_owned());
    let lines: Vec<FleetLine> = fleet
        .stacks
        .iter()
        .enumerate()
        .map(|(index, stack)| {
            let report = reports.remove(&index);
            let not_started = report.is_none().then(|| why.clone());
            FleetLine { name: stack.name().to_owned(), ring: fleet.rings.get(stack.ring).cloned(), report, not_started }
        })
        .collect();
    let stopped = if cancel.is_cancelled() { 130 } else { 0 };
    let codes = lines.iter().filter_map(|line| line.report.as_ref()).map(|report| report.exit_code);
    FleetReport {
        schema: FLEET_SCHEMA,
        aksight: env!("CARGO_PKG_VERSION"),
        command: command.to_owned(),
        fleet: fleet.name.clone(),
        exit_code: codes.fold(stopped, FleetReport::worse),
        stacks: lines,
        sweep: None,
        seconds: began.elapsed(),
    }
}

/// What is shared comes before the rings.
const fn wave_of(stack: &FleetStack) -> usize {
    if stack.first { 0 } else { stack.ring + 1 }
}

fn subscription(stack: &FleetStack) -> &str {
    stack.spec.stack.azure.subscription.as_deref().unwrap_or_default()
}

/// So many at once in each subscription.
fn fences(fleet: &Fleet) -> BTreeMap<String, Arc<Semaphore>> {
    let names = fleet.stacks.iter().map(|stack| subscription(stack).to_owned());
    names.map(|name| (name, Arc::new(Semaphore::new(fleet.at_once_per_subscription)))).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::spec::read_fleet;

    fn fleet(halt: bool) -> Fleet {
        let text = format!(
            "apiVersion: aksight/v1\nkind: Fleet\nmetadata: {{name: f}}\nhaltOnFailure: {halt}\nrings: [canary, wide]\n\
             defaults:\n  azure: {{location: westeurope}}\n  monitoring: {{workspace: {{name: amw-one}}}}\n  grafana: {{name: amg-one}}\nstacks:\n{}",
            ["a: canary", "b: wide", "c: wide"]
                .map(|line| {
                    let (name, ring) = line.split_once(": ").unwrap();
                    format!(
                        "  - {{name: {name}, ring: {ring}, azure: {{resourceGroup: rg-{name}}}, cluster: {{name: aks-{name}}}}}\n"
                    )
                })
                .concat()
        );
        read_fleet(&text, "fleet.yaml", &|_| unreachable!()).unwrap_or_else(|problems| panic!("{problems:#?}"))
    }

    async fn played(fleet: &Fleet, codes: &[(&str, u8)]) -> (Vec<String>, FleetReport) {
        let seen = Mutex::new(Vec::new());
        let work = async |stack: &FleetStack| {
            seen.lock().unwrap().push(stack.name().to_owned());
            let mut report = Report::new("provision");
            report.exit_code = codes.iter().find(|(name, _)| *name == stack.name()).map_or(0, |(_, code)| *code);
            report
        };
        let report = conduct("provision", fleet, March::Forward, &CancellationToken::new(), &work).await;
        (seen.into_inner().unwrap(), report)
    }

    #[tokio::test]
    async fn a_ring_that_fails_keeps_the_next_from_starting() {
        let (seen, report) = played(&fleet(true), &[("a", 11)]).await;
        assert_eq!((seen, report.exit_code), (vec!["a".to_owned()], 11));
        assert!(report.stacks[1].not_started.as_deref().unwrap().contains("`a`"));
        let (seen, report) = played(&fleet(false), &[("a", 11), ("c", 1)]).await;
        assert_eq!((seen.len(), report.exit_code), (3, 1));
        let (seen, report) = played(&fleet(true), &[("a", 2)]).await;
        assert_eq!((seen[0].as_str(), seen.len(), report.exit_code), ("a", 3, 2));
    }

    #[tokio::test]
    async fn who_is_stopped_starts_nothing() {
        let cancel = CancellationToken::new();
        cancel.cancel();
        let report = conduct("drift", &fleet(true), March::Forward, &cancel, &async |_: &FleetStack| Report::new("drift")).await;
        assert_eq!(report.exit_code, 130);
        assert!(report.stacks.iter().all(|line| line.report.is_none()));
    }
}
