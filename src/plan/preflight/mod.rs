//! Judging before a run whether it could succeed: registrations, rights, names, what the region offers, what there is room for.
//!
//! Everything is a comparison of what was seen with what is wished. Each question stands alone: one that nobody could answer becomes
//! an unknown with its reason, and the others are judged all the same.

mod names;
mod quotas;
mod region;
mod rights;

use crate::base::ArmId;
use crate::desired::Desired;
use crate::desired::address::{CLUSTER, GRAFANA, GROUP, WORKSPACE};
use crate::event::{Action, Owner, Point};
use crate::observed::{Observed, Preflight, Sight};
use crate::plan::{Draft, Plan, Unit};
use crate::spec::Spec;

/// What is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// The file.
    pub spec: &'a Spec,
    /// What it wishes.
    pub desired: &'a Desired,
    /// The stack as it is.
    pub observed: &'a Observed,
    /// What only a preflight asks.
    pub preflight: &'a Preflight,
}

/// Every point that can be judged. `plan` is the draft over the same look, without terraform's opinion.
#[must_use]
pub fn points(scene: Scene<'_>, plan: &Plan<Draft>) -> Vec<Point> {
    let mut points = rights::points(scene, plan);
    points.extend(names::points(scene));
    points.extend(region::points(scene));
    points.extend(quotas::points(scene));
    points
}

/// The units that a run would have: those of the draft, and one per resource of terraform's, as far as its files and ARM tell.
#[must_use]
pub fn units(desired: &Desired, observed: &Observed, plan: &Plan<Draft>) -> Vec<Unit> {
    let drift = super::drift(desired, observed, plan);
    let of_terraform = desired.terraform.iter().map(|(address, id)| {
        let unit = format!("terraform:{address}");
        let (action, why) = match sight(address, observed) {
            Sight::Absent => (Action::Create, "terraform creates it".to_owned()),
            Sight::Unknown(why) => (Action::Update, format!("it could not be read: {why}")),
            Sight::Present(()) if drift.iter().any(|item| item.counts() && item.unit.as_str() == unit) => {
                (Action::Update, "it differs from what is declared".to_owned())
            }
            Sight::Present(()) => (Action::Unchanged, "it is as declared".to_owned()),
        };
        Unit { action, ..Unit::unchanged(unit, address.clone(), Owner::Terraform, why).touching(id) }
    });
    of_terraform.chain(plan.units.iter().cloned()).collect()
}

/// Whether the resource at an address of the generated files is there.
fn sight(address: &str, observed: &Observed) -> Sight<()> {
    let seen = match address {
        GROUP => &observed.group,
        CLUSTER => &observed.cluster,
        WORKSPACE => &observed.workspace,
        GRAFANA => &observed.grafana,
        _ => return Sight::Unknown("nobody looks at it".to_owned()),
    };
    match seen {
        Sight::Present(_) => Sight::Present(()),
        Sight::Absent => Sight::Absent,
        Sight::Unknown(why) => Sight::Unknown(why.clone()),
    }
}

/// The existing subnet that the nodes go into.
fn subnet(spec: &Spec) -> Option<ArmId> {
    ArmId::parse(spec.stack.cluster.node_pool.subnet_id.as_deref()?).ok()
}

/// The scopes at which rights must be known.
#[must_use]
pub fn scopes(spec: &Spec, desired: &Desired) -> Vec<ArmId> {
    let mut scopes: Vec<ArmId> = vec![desired.subscription.clone(), desired.group.clone()];
    for id in [&desired.cluster, &desired.workspace, &desired.grafana.id] {
        // A neighbour's resource lies in a group, and perhaps a subscription, that is not the stack's.
        scopes.extend(id.group().zip(id.subscription()).map(|(group, subscription)| ArmId::of_group(subscription, group)));
        scopes.push(id.clone());
    }
    scopes.extend(subnet(spec));
    scopes.sort();
    scopes.dedup();
    scopes
}
