//! Terraform's own plan, as units: one umbrella that applies the plan file and one line per resource.

use crate::desired::Desired;
use crate::event::{Action, Change, Owner, UnitId};
use crate::observed::tfplan::{ResourcePlan, TerraformView};
use crate::observed::{Observed, Sight};
use crate::plan::draft::TERRAFORM;
use crate::plan::{Step, Unit};

/// The umbrella unit and one unit per resource.
pub fn units(desired: &Desired, observed: &Observed, blind: &mut Vec<String>) -> Vec<Unit> {
    match &observed.terraform {
        Sight::Present(view) => from_view(desired, view),
        Sight::Absent => Vec::new(),
        Sight::Unknown(why) => {
            blind.push(format!("terraform: {why}"));
            Vec::new()
        }
    }
}

fn from_view(desired: &Desired, view: &TerraformView) -> Vec<Unit> {
    let mut units = vec![umbrella(view)];
    // Providers first: azurerm 5 registers none, and a create fails in an unregistered namespace.
    let edges = desired.providers.iter().map(|namespace| super::providers::unit_id(namespace));
    units[0] = edges.fold(units[0].clone(), |unit, provider| unit.after(&provider, "terraform needs the resource provider"));
    units.extend(view.resources.iter().map(|resource| line(desired, resource)));
    units
}

fn umbrella(view: &TerraformView) -> Unit {
    if !view.has_changes {
        return Unit::unchanged(TERRAFORM, "terraform", Owner::Terraform, "terraform's plan, freshly refreshed, has no changes");
    }
    let action = view.resources.iter().map(|resource| resource.action).max().unwrap_or(Action::Update);
    let action = if action == Action::Unchanged { Action::Update } else { action };
    let why = "terraform's plan has changes";
    Unit::needing(TERRAFORM, "terraform", Owner::Terraform, action, why, Step::ApplyTerraform)
        .with_changes(view.outputs.iter().map(|name| Change::new(format!("output {name}"), None, Some("new value"))).collect())
}

fn line(desired: &Desired, resource: &ResourcePlan) -> Unit {
    let reason = match resource.action {
        Action::Unchanged if resource.imported => "it exists, and terraform takes it into its state".to_owned(),
        Action::Unchanged => "terraform's refresh found it as declared".to_owned(),
        Action::Create => "terraform does not have it in its state".to_owned(),
        Action::Replace if !resource.forced_by.is_empty() => format!("forced by {}", resource.forced_by.join(", ")),
        Action::Delete => "it is no longer declared".to_owned(),
        _ => "it differs from what is declared".to_owned(),
    };
    let mut unit = Unit::unchanged(format!("terraform:{}", resource.address), resource.address.clone(), Owner::Terraform, reason);
    unit.action = resource.action;
    unit.changes.clone_from(&resource.changes);
    unit.within = Some(UnitId::new(TERRAFORM));
    unit.touches = desired.terraform.get(&resource.address).cloned();
    unit
}
