//! The plan that takes a stack away: first what terraform does not know, in the order in which it hangs together, then terraform's
//! own destruction, so that the resource group is empty when its turn comes.

use std::collections::BTreeSet;
use std::marker::PhantomData;

use serde_json::Value;

use super::diff::roles::scope_name;
use super::diff::{is_id, terraform};
use super::draft::{self, Undrawable, collection_wishes};
use super::graph;
use super::{Draft, Plan, Step, Unit};
use crate::base::ArmId;
use crate::desired::address::{CLUSTER, GRAFANA, WORKSPACE};
use crate::desired::{Desired, RoleHolder, role_assignment_name};
use crate::event::{Action, Owner};
use crate::observed::{ClusterView, GrafanaView, Observed, Sight, Surroundings, prometheus_workspaces};

/// Addresses that hold data nobody can bring back.
pub const WITH_DATA: [&str; 2] = [WORKSPACE, GRAFANA];

/// What the resource group holds, or the workspace serves, that is not this stack's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// The resource.
    pub id: ArmId,
    /// Why it is in the way.
    pub why: String,
}

/// Draws the plan. `observed.terraform` is terraform's plan to destroy; `orphans` are resources that an earlier run began to create
/// and that terraform's state does not know.
///
/// # Errors
/// A mistake in this program.
pub fn teardown(
    desired: &Desired,
    observed: &Observed,
    around: &Surroundings,
    orphans: &[ArmId],
) -> Result<Plan<Draft>, Undrawable> {
    let mut blind = Vec::new();
    let mut units = collection(desired, observed, around, &mut blind);
    units.extend(rule_groups(desired, around, &mut blind).into_iter().map(|id| remove("rules", &id, "recording rules")));
    units.extend(roles(desired, observed, &mut blind));
    units.extend(metrics(desired, observed));
    units.extend(integration(desired, observed));
    let first: Vec<String> = units.iter().map(|unit| unit.id.as_str().to_owned()).collect();
    let group_last = |unit: Unit, id: &ArmId| {
        if *id == desired.group { unit.after(draft::TERRAFORM, "the group goes when it is empty") } else { unit }
    };
    units.extend(orphans.iter().map(|id| {
        let unit = remove("orphan", id, "begun by an earlier run");
        let unit = first.iter().fold(unit, |unit, other| unit.after(other, "what hangs on it goes first"));
        group_last(unit, id)
    }));
    let before: Vec<String> = units
        .iter()
        .filter(|unit| unit.after.iter().all(|edge| edge.unit.as_str() != draft::TERRAFORM))
        .map(|unit| unit.id.as_str().to_owned())
        .collect();
    for mut unit in terraform::units(desired, observed, &mut blind) {
        unit.after.clear();
        if unit.step.is_some() {
            unit = before
                .iter()
                .fold(unit, |unit, other| unit.after(other, "terraform does not know it and its group must be empty"));
        }
        if unit.action == Action::Delete {
            "terraform made it".clone_into(&mut unit.reason);
        }
        units.push(unit);
    }
    Ok(Plan {
        stack: desired.stack.clone(),
        seen_at: observed.at,
        units: graph::sort(&units)?,
        blind_spots: blind,
        findings: Vec::new(),
        stage: PhantomData,
    })
}

/// Draws the plan that switches the metrics off and leaves everything else: the reversal of the units of that name.
///
/// # Errors
/// A mistake in this program.
pub fn without_metrics(desired: &Desired, observed: &Observed, around: &Surroundings) -> Result<Plan<Draft>, Undrawable> {
    let mut blind = Vec::new();
    let mut units = collection(desired, observed, around, &mut blind);
    units.extend(rule_groups(desired, around, &mut blind).into_iter().map(|id| remove("rules", &id, "recording rules")));
    units.extend(metrics(desired, observed));
    Ok(Plan {
        stack: desired.stack.clone(),
        seen_at: observed.at,
        units: graph::sort(&units)?,
        blind_spots: blind,
        findings: Vec::new(),
        stage: PhantomData,
    })
}

fn remove(kind: &str, id: &ArmId, title: &str) -> Unit {
    let step = Step::Remove { id: id.clone() };
    let name = format!("remove:{kind}:{}", id.name());
    Unit::needing(name, format!("{title} `{}`", id.name()), Owner::Rest, Action::Delete, "aksight made it", step).touching(id)
}

/// Association, rule and endpoint under our names; rule and endpoint only when nobody else uses them.
fn collection(desired: &Desired, observed: &Observed, around: &Surroundings, blind: &mut Vec<String>) -> Vec<Unit> {
    let (endpoint, rule, _) = collection_wishes(desired, observed.workspace.seen());
    let mut units: Vec<Unit> = Vec::new();
    let to_ours = observed.associations.seen().into_iter().flatten().filter(|one| one.rule_id.as_ref() == Some(&rule.id));
    units.extend(to_ours.map(|one| remove("association", &one.id, "association of cluster and rule")));
    let associations: Vec<String> = units.iter().map(|unit| unit.id.as_str().to_owned()).collect();
    let on_cluster = |id: &ArmId| desired.cluster.contains(id);
    let others: Option<Vec<&ArmId>> = around.rule_users.seen().map(|users| users.iter().filter(|id| !on_cluster(id)).collect());
    let rule_goes = match (observed.rule.seen(), others) {
        (Some(_), Some(others)) if others.is_empty() => true,
        (Some(_), Some(others)) => {
            blind.push(format!("the data collection rule `{}` stays: {} uses it", rule.id.name(), others[0]));
            false
        }
        (Some(_), None) => {
            blind.push(format!("the data collection rule `{}` stays: nobody could say who uses it", rule.id.name()));
            false
        }
        (None, _) => false,
    };
    if rule_goes {
        let unit = remove("rule", &rule.id, "data collection rule");
        units.push(associations.iter().fold(unit, |unit, other| unit.after(other, "an associated rule is in use")));
    }
    if observed.endpoint.seen().is_some() {
        let is_ours = |other: &Value| is_id(other, &endpoint.id);
        let user = around.rules.seen().map(|rules| {
            let other = |one: &&crate::base::ArmObject| !rule_goes || one.id != rule.id;
            rules.iter().filter(other).find(|one| one.at("/properties/dataCollectionEndpointId").is_some_and(is_ours))
        });
        match user {
            Some(None) => {
                let unit = remove("endpoint", &endpoint.id, "data collection endpoint");
                let rule = format!("remove:rule:{}", rule.id.name());
                units.push(if rule_goes { unit.after(&rule, "the rule names its endpoint") } else { unit });
            }
            Some(Some(user)) => {
                blind.push(format!("the data collection endpoint `{}` stays: `{}` uses it", endpoint.id.name(), user.id.name()));
            }
            None => {
                blind.push(format!("the data collection endpoint `{}` stays: nobody could say who uses it", endpoint.id.name()));
            }
        }
    }
    units
}

/// The recommended groups of this cluster, under either spelling of their names.
fn rule_groups(desired: &Desired, around: &Surroundings, blind: &mut Vec<String>) -> Vec<ArmId> {
    if let Some(why) = around.rule_groups.unknown() {
        blind.push(format!("recording rules: {why}"));
    }
    let cluster = desired.cluster.name().to_lowercase();
    let ours = |id: &ArmId| {
        let name = id.name().to_lowercase();
        let template = name.strip_suffix(&cluster).and_then(|rest| rest.strip_suffix('-').or_else(|| rest.strip_suffix("- ")));
        template.is_some_and(|template| template.contains("recordingrulesrulegroup"))
    };
    let groups = around.rule_groups.seen().into_iter().flatten();
    groups
        .filter(|group| {
            let scopes = group.at("/properties/scopes").and_then(Value::as_array).into_iter().flatten();
            ours(&group.id) && scopes.into_iter().any(|scope| is_id(scope, &desired.cluster))
        })
        .map(|group| group.id.clone())
        .collect()
}

/// Assignments under our deterministic names; those of others give the same right and stay.
fn roles(desired: &Desired, observed: &Observed, blind: &mut Vec<String>) -> Vec<Unit> {
    let grafana = observed.grafana.seen().and_then(|grafana| GrafanaView(grafana).principal()).map(str::to_owned);
    let mut units = Vec::new();
    for wish in &desired.roles {
        let (principal, who) = match &wish.holder {
            RoleHolder::Grafana => (grafana.clone(), "Grafana".to_owned()),
            RoleHolder::Me => (observed.me.seen().map(|me| me.object_id.clone()), "you".to_owned()),
            RoleHolder::Listed { id, name, .. } => (Some(id.clone()), name.clone().unwrap_or_else(|| id.clone())),
        };
        let Some(principal) = principal else { continue };
        let title = format!("{} on {} for {who}", wish.role.name(), scope_name(&wish.scope));
        // Stacks that share a workspace or a Grafana share its assignments, too: they have the same names.
        let ours = desired.terraform.values().any(|id| *id == wish.scope && *id != desired.group);
        let grafanas = matches!(wish.holder, RoleHolder::Grafana) && desired.terraform.contains_key(GRAFANA);
        if !ours && !grafanas {
            continue;
        }
        match observed.assignments.get(&wish.scope) {
            Some(Sight::Unknown(why)) => blind.push(format!("role assignments at `{}`: {why}", wish.scope)),
            Some(Sight::Present(known)) => {
                let names = [0, 1].map(|salt| role_assignment_name(&wish.scope, &principal, wish.role, salt).to_string());
                let ours = known
                    .iter()
                    .filter(|one| one.scope.is(&wish.scope) && names.iter().any(|name| one.id.name().eq_ignore_ascii_case(name)));
                units.extend(ours.map(|one| Unit { title: title.clone(), ..remove("role", &one.id, "role") }));
            }
            Some(Sight::Absent) | None => {}
        }
    }
    units
}

/// The add-on, off before its cluster goes.
fn metrics(desired: &Desired, observed: &Observed) -> Option<Unit> {
    let cluster = observed.cluster.seen().filter(|cluster| ClusterView(cluster).metrics_enabled())?;
    if !ClusterView(cluster).running() || !desired.terraform.contains_key(CLUSTER) {
        return None;
    }
    let step = Step::DisableMetrics { cluster: desired.cluster.clone() };
    let unit = Unit::needing(
        "remove:metrics-addon",
        "metrics add-on of the cluster",
        Owner::Rest,
        Action::Delete,
        "aksight switched it on",
        step,
    );
    Some(unit.touching(&desired.cluster))
}

/// Our workspace in a Grafana that stays.
fn integration(desired: &Desired, observed: &Observed) -> Option<Unit> {
    let grafana = observed.grafana.seen()?;
    let goes = desired.terraform.contains_key(WORKSPACE);
    if desired.terraform.contains_key(GRAFANA) || !goes || !GrafanaView(grafana).integrations().contains(&desired.workspace) {
        return None;
    }
    let step = Step::RemoveIntegration { grafana: desired.grafana.id.clone(), workspace: desired.workspace.clone() };
    let why = "its workspace goes away";
    let unit =
        Unit::needing("remove:integration", "Grafana integration with the workspace", Owner::Rest, Action::Delete, why, step);
    Some(unit.touching(&desired.grafana.id))
}

/// What is in the way: somebody else's resources in a group that would go, somebody else's data in a workspace that would go.
#[must_use]
pub fn foreign<S>(desired: &Desired, observed: &Observed, around: &Surroundings, plan: &Plan<S>) -> Vec<Foreign> {
    let removed: BTreeSet<&ArmId> =
        plan.units.iter().filter(|unit| unit.action == Action::Delete).filter_map(|unit| unit.touches.as_ref()).collect();
    let ours = |id: &ArmId| removed.contains(id) || desired.terraform.values().any(|own| own == id);
    let (endpoint, rule, _) = collection_wishes(desired, observed.workspace.seen());
    let why = |id: &ArmId| {
        let unsure = around.rules.unknown().is_some() || around.rule_users.unknown().is_some();
        let why = if (*id == endpoint.id || *id == rule.id) && unsure {
            "it could not be read who else uses it, and it lies in the resource group, which goes as a whole"
        } else if *id == endpoint.id || *id == rule.id {
            "others use it, and it lies in the resource group, which goes as a whole"
        } else {
            "it lies in the resource group, which goes as a whole, and this stack did not make it"
        };
        why.to_owned()
    };
    let in_group = around.in_group.seen().into_iter().flatten().filter(|id| !ours(id));
    let mut found: Vec<Foreign> = in_group.map(|id| Foreign { id: id.clone(), why: why(id) }).collect();
    if desired.terraform.contains_key(WORKSPACE) && observed.workspace.seen().is_some() {
        let managed = |id: &ArmId| id.group().is_some_and(|group| group.to_lowercase().starts_with("ma_"));
        let senders = around.rules.seen().into_iter().flatten().filter(|rule| {
            prometheus_workspaces(rule).contains(&desired.workspace) && !removed.contains(&rule.id) && !managed(&rule.id)
        });
        found.extend(senders.map(|rule| Foreign {
            id: rule.id.clone(),
            why: format!("it sends metrics to `{}`, which would go", desired.workspace.name()),
        }));
    }
    found.sort_by(|a, b| a.id.cmp(&b.id));
    found.dedup_by(|a, b| a.id == b.id);
    found
}
