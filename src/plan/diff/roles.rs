//! Role assignments (contract §4.2-§4.4).

use crate::base::ArmId;
use crate::desired::{Desired, RoleHolder, RoleWish};
use crate::event::{Action, Change, Owner};
use crate::observed::{Assignment, GrafanaView, Observed, Sight};
use crate::plan::draft::{self, GRAFANA_IDENTITY};
use crate::plan::{PrincipalRef, Step, Unit};

/// The assignment that already gives what is wished, direct or inherited.
#[must_use]
pub fn satisfied<'a>(assignments: &'a [Assignment], wish: (&ArmId, crate::base::Role, &str)) -> Option<&'a Assignment> {
    assignments.iter().find(|assignment| assignment.gives(wish.1, wish.0, wish.2))
}

/// One unit per wished role.
pub fn units(desired: &Desired, observed: &Observed, blind: &mut Vec<String>) -> Vec<Unit> {
    desired.roles.iter().filter_map(|wish| unit(desired, observed, wish, blind)).collect()
}

fn unit(desired: &Desired, observed: &Observed, wish: &RoleWish, blind: &mut Vec<String>) -> Option<Unit> {
    let id = format!("role:{}", wish.slug);
    let title = format!("{} on {}", wish.role.name(), scope_name(&wish.scope));
    let (reference, principal, who) = match &wish.holder {
        RoleHolder::Grafana => {
            let principal = observed.grafana.seen().and_then(|grafana| GrafanaView(grafana).principal()).map(str::to_owned);
            (PrincipalRef::GrafanaIdentity(desired.grafana.id.clone()), principal, "Grafana".to_owned())
        }
        RoleHolder::Me => match &observed.me {
            Sight::Present(me) => {
                let reference = PrincipalRef::Object { id: me.object_id.clone(), kind: me.kind };
                (reference, Some(me.object_id.clone()), me.name.clone().map_or("you".to_owned(), |name| format!("you ({name})")))
            }
            other => {
                blind.push(format!("{title} for you: {}", other.unknown().unwrap_or("nobody is signed in")));
                return None;
            }
        },
        RoleHolder::Listed { id, kind, name } => {
            let reference = PrincipalRef::Object { id: id.clone(), kind: *kind };
            (reference, Some(id.clone()), name.clone().unwrap_or_else(|| id.clone()))
        }
    };
    let title = format!("{title} for {who}");
    let known = observed.assignments.get(&wish.scope).and_then(Sight::seen).map_or(&[][..], Vec::as_slice);
    if let Some(why) = observed.assignments.get(&wish.scope).and_then(Sight::unknown) {
        blind.push(format!("role assignments at `{}`: {why}", wish.scope));
    }
    let found = principal.as_deref().and_then(|principal| satisfied(known, (&wish.scope, wish.role, principal)));
    let unit = if let Some(found) = found {
        Unit::unchanged(id, title, Owner::Rest, found.evidence(&wish.scope))
    } else {
        let step = Step::AssignRole { scope: wish.scope.clone(), role: wish.role, principal: reference };
        let change = Change::new("roleDefinition", None, Some(wish.role.name()));
        Unit::needing(id, title, Owner::Rest, Action::Create, wish.why, step).with_changes(vec![change])
    };
    let unit = unit.after(draft::TERRAFORM, "terraform creates the scope");
    Some(match wish.holder {
        RoleHolder::Grafana => unit.after(GRAFANA_IDENTITY, "the role goes to Grafana's identity"),
        RoleHolder::Me | RoleHolder::Listed { .. } => unit,
    })
}

/// A scope as people call it.
pub(in crate::plan) fn scope_name(scope: &ArmId) -> String {
    match scope.resource_type() {
        None if scope.group().is_none() => "the subscription".to_owned(),
        None => format!("resource group {}", scope.name()),
        Some(kind) if kind.eq_ignore_ascii_case("Microsoft.Monitor/accounts") => format!("workspace {}", scope.name()),
        Some(kind) if kind.eq_ignore_ascii_case("Microsoft.Dashboard/grafana") => format!("Grafana {}", scope.name()),
        Some(kind) if kind.eq_ignore_ascii_case("Microsoft.ContainerService/managedClusters") => {
            format!("cluster {}", scope.name())
        }
        Some(_) => scope.name().to_owned(),
    }
}
