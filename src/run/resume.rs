//! Taking up what a killed run left half done.
//!
//! Terraform writes its state after a resource was created. When it dies in between, the resource exists and no state knows it. The
//! journal knows which creations were begun, so those, and only those, are imported; anything else that exists already belongs to
//! somebody else and is never taken.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use super::prepare;
use super::setup::Outside;
use super::stop::Stop;
use crate::base::{ArmId, Kind};
use crate::desired::Desired;
use crate::diag::{Code, Diagnostic};
use crate::event::{Action, UnitStatus};
use crate::execute::Execution;
use crate::hcl::{self, Import};
use crate::journal::Creation;
use crate::observed::tfplan::TerraformView;
use crate::observed::{Observed, Sight};
use crate::plan::Plan;
use crate::terraform::{Message, Watch};

/// Pause between two looks at a resource that is still being created.
const POLL: Duration = Duration::from_secs(10);
/// How long a creation that nobody watches any more is awaited: an AKS cluster has been seen to take 45 minutes (contract §3.9).
const BOUND: Duration = Duration::from_hours(1);
/// The kinds that terraform creates.
const CREATED: [Kind; 4] = [Kind::ResourceGroup, Kind::ManagedCluster, Kind::MonitorWorkspace, Kind::Grafana];

/// Before a plan: writes import blocks for creations that were begun, happened, and are in no state; removes them otherwise.
pub(super) async fn reclaim(outside: &Outside) -> Result<(), Stop> {
    let expected = outside.journal.expected_creations().await?;
    let mut imports = Vec::new();
    if !expected.is_empty() {
        prepare::init(outside).await?;
        let known = known(outside).await?;
        for creation in expected {
            match found(outside, &creation, &known).await? {
                Some(id) => imports.push(Import { address: creation.address, id }),
                None if known.contains(&creation.address) => outside.journal.settle_creation(&creation.address).await?,
                None => {}
            }
        }
    }
    if !imports.is_empty() {
        let names: Vec<&str> = imports.iter().map(|import| import.id.name()).collect();
        outside.setup().events.note(format!("taking up what an earlier run created: {}", names.join(", ")));
    }
    let file = hcl::render_imports(&imports);
    if imports.is_empty() { forget(outside, file.name) } else { prepare::write(outside.terraform.dir(), &file) }
}

/// The id to import a creation from, when it is needed.
async fn found(outside: &Outside, creation: &Creation, known: &BTreeSet<String>) -> Result<Option<ArmId>, Stop> {
    if known.contains(&creation.address) {
        return Ok(None);
    }
    let Some(id) = creation.id.as_deref().and_then(|id| ArmId::parse(id).ok()) else { return Ok(None) };
    Ok(at_rest(outside, &id).await?.then_some(id))
}

/// Whether the resource exists, once nothing happens to it any more.
async fn at_rest(outside: &Outside, id: &ArmId) -> Result<bool, Stop> {
    let setup = outside.setup();
    let of_type = id.resource_type().unwrap_or_default();
    let Some(kind) = CREATED.into_iter().find(|kind| kind.resource_type().eq_ignore_ascii_case(&of_type)) else {
        return Ok(false);
    };
    let started = setup.clock.now();
    loop {
        let Some(object) = outside.azure.get(id, kind).await? else { return Ok(false) };
        let state = object.provisioning_state().unwrap_or("Succeeded").to_owned();
        if ["Succeeded", "Failed", "Canceled"].contains(&state.as_str()) || setup.clock.passed(started) > BOUND {
            return Ok(true);
        }
        setup.events.note(format!("waiting for `{}`: an earlier run began to create it ({state})", id.name()));
        tokio::select! {
            () = setup.cancel.cancelled() => return Err(Stop::interrupted()),
            () = setup.clock.sleep(POLL) => {}
        }
    }
}

/// The addresses in terraform's state.
pub(super) async fn known(outside: &Outside) -> Result<BTreeSet<String>, Stop> {
    let setup = outside.setup();
    let silent = |_: Message| {};
    let watch = || Watch { on: &silent, cancel: &setup.cancel, again: &setup.again };
    let state = match outside.terraform.show_state(watch()).await {
        Ok(state) => state,
        Err(error) => {
            prepare::mend(outside, error).await?;
            outside.terraform.show_state(watch()).await?
        }
    };
    let resources = state.pointer("/values/root_module/resources").and_then(Value::as_array);
    Ok(resources.into_iter().flatten().filter_map(|entry| entry["address"].as_str().map(str::to_owned)).collect())
}

pub(super) fn forget(outside: &Outside, name: &str) -> Result<(), Stop> {
    let path = outside.terraform.dir().join(name);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Stop::failed(
            Diagnostic::error(Code::StateDirectory, format!("cannot remove `{}`", path.display())).caused_by(error.to_string()),
        )),
        _ => Ok(()),
    }
}

/// After a look: what terraform has in its state by now needs no import any more.
pub(super) async fn settle(outside: &Outside, observed: &Observed) -> Result<(), Stop> {
    let Sight::Present(view) = &observed.terraform else { return Ok(()) };
    for creation in outside.journal.expected_creations().await? {
        let resource = view.resources.iter().find(|resource| resource.address == creation.address);
        if !view.has_changes && resource.is_some_and(|resource| resource.action == Action::Unchanged) {
            outside.journal.settle_creation(&creation.address).await?;
        }
    }
    Ok(())
}

/// Before an apply: records what terraform is about to create.
pub(super) async fn expect<S: Sync>(outside: &Outside, desired: &Desired, plan: &Plan<S>) -> Result<(), Stop> {
    let created = plan.units.iter().filter(|unit| unit.within.is_some() && unit.action == Action::Create);
    let creation =
        |address: &str| Creation { address: address.to_owned(), id: desired.terraform.get(address).map(ToString::to_string) };
    let all: Vec<Creation> = created.filter_map(|unit| unit.id.as_str().strip_prefix("terraform:")).map(creation).collect();
    Ok(outside.journal.expect_creations(&outside.run, &all, outside.setup().clock.now()).await?)
}

/// After a round: what terraform was never started for was not begun, however long it waits now; whatever has its name by then is
/// somebody else's.
pub(super) async fn not_begun(outside: &Outside, execution: &Execution) -> Result<(), Stop> {
    let blocked = execution.units.iter().filter(|unit| unit.status == UnitStatus::Blocked && unit.action == Action::Create);
    for address in blocked.filter_map(|unit| unit.id.as_str().strip_prefix("terraform:")) {
        outside.journal.settle_creation(address).await?;
    }
    Ok(())
}

/// Refuses to create what is there already: it is not ours, or its state is lost, and only a person knows which.
pub(super) fn refuse_foreign(desired: &Desired, observed: &Observed) -> Result<(), Stop> {
    let Sight::Present(view) = &observed.terraform else { return Ok(()) };
    let seen = [&observed.group, &observed.cluster, &observed.workspace, &observed.grafana];
    let there: BTreeSet<&ArmId> = seen.into_iter().filter_map(|sight| sight.seen()).map(|object| &object.id).collect();
    let problems: Vec<Diagnostic> =
        taken(view, desired).filter(|(_, id)| there.contains(id)).map(|(address, id)| exists(address, id)).collect();
    if problems.is_empty() { Ok(()) } else { Err(Stop { outcome: crate::event::Outcome::Failed, problems }) }
}

fn taken<'a>(view: &'a TerraformView, desired: &'a Desired) -> impl Iterator<Item = (&'a str, &'a ArmId)> {
    let created = view.resources.iter().filter(|resource| resource.action == Action::Create && !resource.imported);
    created.filter_map(|resource| Some((resource.address.as_str(), desired.terraform.get(&resource.address)?)))
}

fn exists(address: &str, id: &ArmId) -> Diagnostic {
    Diagnostic::error(Code::AzureExists, format!("`{}` exists already, and terraform's state does not know it", id.name()))
        .about(id.to_string())
        .hint("if it is somebody else's: choose another name in aksight.yaml")
        .hint(format!("if it is this stack's and the state was lost: bring the state back, or `terraform import {address} {id}` in the stack's terraform directory"))
}
