//! The look at many stacks together, before some of them are looked at one by one: a fleet's for `drift` and `reconcile`, a daemon's.

use std::collections::BTreeMap;

use aksight::azure::{self, Azure};
use aksight::event::{FleetReport, Outcome, SweepSummary};
use aksight::run::{self, Purpose, Seen, Setup, Sweep, Verdict};
use aksight::spec::{FleetStack, Spec};

use super::fleet::Heads;
use crate::cli::stage::{self, Refused, Strike};

/// What a sweep said of each stack of a fleet.
#[derive(Default)]
pub(super) struct Swept {
    verdicts: BTreeMap<String, Verdict>,
    requests: usize,
    /// Whether the clusters are gone into afterwards.
    goes_inside: bool,
}

impl Swept {
    /// The blind spots of a stack that is as wished, and what its proof needs; nothing for one that needs a look.
    pub(super) fn clean(&self, name: &str) -> Option<(&[String], Option<&Seen>)> {
        match self.verdicts.get(name)? {
            Verdict::Clean { blind_spots, seen } => Some((blind_spots, seen.as_deref())),
            Verdict::Look { .. } => None,
        }
    }

    /// What there is to tell, now that the doubtful stacks were looked at.
    pub(super) fn summary(&self, report: &FleetReport) -> Option<SweepSummary> {
        let looked: BTreeMap<String, String> = self
            .verdicts
            .iter()
            .filter_map(|(name, verdict)| match verdict {
                Verdict::Look { why } => Some((name.clone(), why.clone())),
                Verdict::Clean { .. } => None,
            })
            .collect();
        let clean = |name: &String| {
            let line = report.stacks.iter().find(|line| line.name == *name);
            let told = line.and_then(|line| line.report.as_ref());
            told.is_some_and(|report| report.exit_code == 0 && report.result == Outcome::Unchanged)
        };
        (!self.verdicts.is_empty()).then(|| SweepSummary {
            stacks: self.verdicts.len(),
            requests: self.requests,
            unconfirmed: looked.keys().filter(|name| clean(name)).count(),
            looked,
            blind_spots: run::BLIND.iter().skip(usize::from(self.goes_inside)).map(|spot| (*spot).to_owned()).collect(),
        })
    }
}

/// Sweeps the stacks of a fleet, those of one cloud and tenant together. Stacks for which that is not possible are left out: they are
/// looked at directly.
pub(super) async fn all(heads: &Heads<'_>, purpose: Purpose, theatre: &Strike) -> Swept {
    let mut swept = Swept { goes_inside: purpose == Purpose::Proof, ..Swept::default() };
    let stacks: Vec<&FleetStack> = heads.script.fleet.stacks.iter().collect();
    for company in companies(&stacks, |stack| &stack.spec) {
        let specs: Vec<&Spec> = company.iter().map(|stack| &stack.spec).collect();
        let Some(guide) = company.get(guide(&specs)) else { continue };
        let script = heads.script.script(guide);
        let set = stage::set(heads.command, heads.args, &script, (heads.events.clone(), heads.stops), Some(theatre)).await;
        let found = match set {
            Ok((setup, _nothing_to_strike)) => Box::pin(together(&specs, purpose, &setup)).await,
            Err(refused) => Err(first(&refused)),
        };
        match found {
            Ok(found) => {
                found.warnings.iter().for_each(|warning| heads.events.warn(warning.clone()));
                swept.requests += found.requests;
                swept.verdicts.extend(company.iter().map(|stack| stack.name().to_owned()).zip(found.verdicts));
            }
            Err(why) => heads.events.warn(format!("{} stacks are read one by one: {why}", company.len())),
        }
    }
    swept
}

/// Stacks that one identity can see: those of one cloud and tenant.
pub(super) fn companies<'a, S>(stacks: &[&'a S], spec: impl Fn(&'a S) -> &'a Spec) -> Vec<Vec<&'a S>> {
    let seen_by = |stack: &'a S| (spec(stack).stack.azure.cloud, spec(stack).stack.azure.tenant.as_deref());
    let mut companies: Vec<Vec<&S>> = Vec::new();
    for stack in stacks {
        match companies.iter_mut().find(|company| company.first().is_some_and(|first| seen_by(first) == seen_by(stack))) {
            Some(company) => company.push(stack),
            None => companies.push(vec![stack]),
        }
    }
    companies
}

/// Which of a company is asked for the way to Azure: the environment's subscription is needed for stacks that name none.
pub(super) fn guide(company: &[&Spec]) -> usize {
    company.iter().position(|spec| spec.stack.azure.subscription.is_none()).unwrap_or(0)
}

/// Why the way to Azure is closed.
pub(super) fn first(refused: &Refused) -> String {
    refused.problems.first().map_or_else(|| "there is no way to Azure".to_owned(), |problem| problem.summary.clone())
}

/// Sweeps a company over the way that was found for its guide.
pub(super) async fn together(company: &[&Spec], purpose: Purpose, setup: &Setup) -> Result<Sweep, String> {
    let azure = connect(setup).await.map_err(|error| error.to_string())?;
    let stacks: Vec<run::Swept> = company
        .iter()
        .map(|spec| {
            let subscription = spec.stack.azure.subscription.as_deref().unwrap_or(&setup.subscription);
            run::Swept { spec, subscription }
        })
        .collect();
    Ok(Box::pin(run::sweep(&stacks, purpose, &azure, setup.clock.as_ref(), &setup.cancel)).await)
}

async fn connect(setup: &Setup) -> Result<Azure, azure::Error> {
    let settings = azure::Settings {
        meter: setup.meter.clone(),
        ..azure::Settings::new(setup.cloud.clone(), setup.credential.clone(), setup.http.clone(), setup.clock.clone())
    };
    let azure = Azure::connect(settings)?;
    azure.warm_up().await?;
    Ok(azure)
}
