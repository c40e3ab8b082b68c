//! The look at all stacks of a fleet together, before `drift` looks at some of them one by one.

use std::collections::BTreeMap;

use aksight::azure::{self, Azure};
use aksight::event::{FleetReport, SweepSummary};
use aksight::run::{self, Setup, Verdict};
use aksight::spec::FleetStack;

use super::fleet::Heads;
use crate::cli::stage::{self, Strike};

/// What a sweep said of each stack.
#[derive(Default)]
pub(super) struct Swept {
    verdicts: BTreeMap<String, Verdict>,
    requests: usize,
}

impl Swept {
    /// The blind spots of a stack that is as wished; nothing for one that needs a look.
    pub(super) fn clean(&self, name: &str) -> Option<&[String]> {
        match self.verdicts.get(name)? {
            Verdict::Clean { blind_spots } => Some(blind_spots),
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
            line.and_then(|line| line.report.as_ref()).is_some_and(|report| report.exit_code == 0)
        };
        (!self.verdicts.is_empty()).then(|| SweepSummary {
            stacks: self.verdicts.len(),
            requests: self.requests,
            unconfirmed: looked.keys().filter(|name| clean(name)).count(),
            looked,
            blind_spots: run::BLIND.map(str::to_owned).to_vec(),
        })
    }
}

/// Sweeps the stacks, those of one cloud and tenant together. Stacks for which that is not possible are left out: they are looked
/// at directly.
pub(super) async fn all(heads: &Heads<'_>, theatre: &Strike) -> Swept {
    let mut swept = Swept::default();
    let mut companies: Vec<Vec<&FleetStack>> = Vec::new();
    let seen_by = |stack: &FleetStack| (stack.spec.stack.azure.cloud, stack.spec.stack.azure.tenant.clone());
    for stack in &heads.script.fleet.stacks {
        match companies.iter_mut().find(|company| company.first().is_some_and(|first| seen_by(first) == seen_by(stack))) {
            Some(company) => company.push(stack),
            None => companies.push(vec![stack]),
        }
    }
    for company in companies {
        if let Err(why) = Box::pin(together(heads, theatre, &company, &mut swept)).await {
            heads.events.warn(format!("{} stacks are read one by one: {why}", company.len()));
        }
    }
    swept
}

async fn together(heads: &Heads<'_>, theatre: &Strike, company: &[&FleetStack], swept: &mut Swept) -> Result<(), String> {
    // The environment's subscription is needed for stacks that name none: such a one is asked for the way, if there is one.
    let nameless = company.iter().find(|stack| stack.spec.stack.azure.subscription.is_none());
    let Some(guide) = nameless.or(company.first()) else { return Ok(()) };
    let script = heads.script.script(guide);
    let set = stage::set(heads.command, heads.args, &script, (heads.events.clone(), heads.stops), Some(theatre)).await;
    let (setup, _nothing_to_strike) = set.map_err(|refused| {
        refused.problems.first().map_or_else(|| "there is no way to Azure".to_owned(), |problem| problem.summary.clone())
    })?;
    let azure = connect(&setup).await.map_err(|error| error.to_string())?;
    let stacks: Vec<run::Swept> = company
        .iter()
        .map(|stack| {
            let subscription = stack.spec.stack.azure.subscription.as_deref().unwrap_or(&setup.subscription);
            run::Swept { spec: &stack.spec, subscription }
        })
        .collect();
    let found = Box::pin(run::sweep(&stacks, &azure, setup.clock.as_ref(), &setup.cancel)).await;
    for warning in &found.warnings {
        heads.events.warn(warning.clone());
    }
    swept.requests += found.requests;
    swept.verdicts.extend(company.iter().map(|stack| stack.name().to_owned()).zip(found.verdicts));
    Ok(())
}

async fn connect(setup: &Setup) -> Result<Azure, azure::Error> {
    let settings = azure::Settings::new(setup.cloud.clone(), setup.credential.clone(), setup.http.clone(), setup.clock.clone());
    let azure = Azure::connect(settings)?;
    azure.warm_up().await?;
    Ok(azure)
}
