//! The privileged acts of a plan, taken out of it for somebody who has the rights; and back into a plan that does nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;

use uuid::Uuid;

use super::rights::Right;
use super::{Draft, Plan, PrincipalRef, Step, Unit};
use crate::base::clock::Timestamp;
use crate::base::{ArmId, Kind, PrincipalKind, Role};
use crate::desired::{Desired, RoleHolder, role_assignment_name};
use crate::event::{Act, Action, Asker, Change, Doing, Handoff, Holder, Later, NeededRight, Owner, UnitId};
use crate::observed::{GrafanaView, Observed, Sight};

/// The right that a privileged act takes, which Contributor does not carry everywhere; nothing for every other step.
fn right(step: &Step, subscription: &ArmId) -> Option<Right> {
    match step {
        Step::RegisterProvider { namespace } => Some(Right::to_register(namespace, subscription)),
        Step::AssignRole { scope, .. } => Some(Right::to_assign(scope)),
        _ => None,
    }
}

/// The scopes at which it must be known what somebody may do, to tell which acts are to be handed off.
#[must_use]
pub fn scopes(desired: &Desired) -> Vec<ArmId> {
    let all: BTreeSet<&ArmId> = desired.roles.iter().map(|wish| &wish.scope).chain([&desired.subscription]).collect();
    all.into_iter().cloned().collect()
}

/// What of a plan is to be handed off: what can be done now, and what cannot be done yet. `lacks` says which rights are missing.
pub fn acts<S>(plan: &Plan<S>, desired: &Desired, observed: &Observed, lacks: impl Fn(&Right) -> bool) -> (Vec<Act>, Vec<Later>) {
    let (mut now, mut later) = (Vec::new(), Vec::new());
    for unit in plan.units.iter().filter(|unit| unit.action.writes()) {
        let Some(step) = unit.step.as_ref().filter(|step| right(step, &desired.subscription).is_some_and(|right| lacks(&right)))
        else {
            continue;
        };
        match doing(step, unit, plan, desired, observed) {
            Ok(doing) => {
                let waits = plan.units.iter().filter(|other| other.step.is_some());
                let waits = waits.filter(|other| other.after.iter().any(|edge| edge.unit == unit.id));
                let waits = waits.map(|other| other.id.clone()).collect();
                now.push(act(unit.id.clone(), unit.title.clone(), unit.reason.clone(), waits, doing));
            }
            Err(why) => later.push(Later { unit: unit.id.clone(), title: unit.title.clone(), why }),
        }
    }
    (now, later)
}

/// The act that a step is, or what must be there first.
fn doing<S>(step: &Step, unit: &Unit, plan: &Plan<S>, desired: &Desired, observed: &Observed) -> Result<Doing, String> {
    let (scope, role, principal) = match step {
        Step::AssignRole { scope, role, principal } => (scope, *role, principal),
        Step::RegisterProvider { namespace } => {
            return Ok(Doing::RegisterProvider { namespace: namespace.clone(), scope: desired.subscription.clone() });
        }
        _ => return Err("it is no act for somebody else".to_owned()),
    };
    let sights = [
        (&desired.cluster, &observed.cluster),
        (&desired.workspace, &observed.workspace),
        (&desired.grafana.id, &observed.grafana),
    ];
    let replaced = |id: &ArmId| plan.units.iter().any(|unit| unit.touches.as_ref() == Some(id) && unit.action == Action::Replace);
    let absent = |id: &ArmId| sights.iter().any(|(wished, sight)| *wished == id && **sight == Sight::Absent) || replaced(id);
    if absent(scope) {
        return Err(format!("`{}` does not exist yet", scope.name()));
    }
    let (id, kind) = match principal {
        PrincipalRef::Object { id, kind } => (id.clone(), *kind),
        PrincipalRef::GrafanaIdentity(grafana) => {
            let known = observed.grafana.seen().filter(|_| !replaced(grafana)).and_then(|seen| GrafanaView(seen).principal());
            let id = known.ok_or_else(|| format!("the identity of Grafana `{}` does not exist yet", grafana.name()))?;
            (id.to_owned(), PrincipalKind::ServicePrincipal)
        }
    };
    Ok(assign(scope, role, (id, kind), holder(unit, principal, desired)))
}

/// Who the principal is.
fn holder(unit: &Unit, principal: &PrincipalRef, desired: &Desired) -> Holder {
    if let PrincipalRef::GrafanaIdentity(of) = principal {
        return Holder::GrafanaIdentity { of: of.clone() };
    }
    let slug = unit.id.as_str().strip_prefix("role:");
    match desired.roles.iter().find(|wish| Some(wish.slug.as_str()) == slug).map(|wish| &wish.holder) {
        Some(RoleHolder::Listed { name, .. }) => Holder::Listed { name: name.clone() },
        _ => Holder::Asker,
    }
}

fn assign(scope: &ArmId, role: Role, (principal_id, principal_type): (String, PrincipalKind), principal: Holder) -> Doing {
    let name = role_assignment_name(scope, &principal_id, role, 0).to_string();
    Doing::AssignRole {
        scope: scope.clone(),
        role,
        role_name: role.name().to_owned(),
        role_definition_id: format!(
            "{}/providers/Microsoft.Authorization/roleDefinitions/{}",
            scope.subscription().map_or_else(String::new, |id| format!("/subscriptions/{id}")),
            role.guid()
        ),
        principal_id,
        principal_type,
        principal,
        assignment: scope.resource(Kind::RoleAssignment.resource_type(), &name),
    }
}

/// An act, with everything that follows from what is to be done.
fn act(unit: UnitId, title: String, why: String, waiting: Vec<UnitId>, doing: Doing) -> Act {
    let (right, az, undo) = match &doing {
        Doing::RegisterProvider { namespace, scope } => {
            let command = |verb, more: &[&str]| {
                let words = ["az", "provider", verb, "--namespace", namespace, "--subscription", scope.name()];
                words_of(&[&words, more].concat())
            };
            let right = Right::to_register(namespace, scope);
            (right, command("register", &["--wait"]), command("unregister", &[]))
        }
        Doing::AssignRole { scope, role, principal_id, principal_type, assignment, .. } => {
            let create = ["az", "role", "assignment", "create", "--name", assignment.name(), "--role", role.guid()];
            let whom = ["--assignee-object-id", principal_id, "--assignee-principal-type", principal_type.as_str()];
            let az = words_of(&[&create[..], &whom, &["--scope", scope.as_str()]].concat());
            let undo = words_of(&["az", "role", "assignment", "delete", "--ids", assignment.as_str()]);
            (Right::to_assign(scope), az, undo)
        }
    };
    let needs = NeededRight { action: right.action, scope: right.scope, role: right.role.to_owned() };
    Act { unit, title, doing, why, waiting, needs, az, undo }
}

/// A command for a POSIX shell.
fn words_of(words: &[&str]) -> String {
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// A word that the shell takes as it stands.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// What contradicts itself in a handoff that was read: somebody else may have written it. Empty when it holds together.
///
/// Everything that follows from an act is made anew and compared, so that what is read, what is carried out and the commands say the
/// same; only roles that aksight assigns can be in it at all.
#[must_use]
pub fn contradictions(handoff: &Handoff) -> Vec<String> {
    let mut found = Vec::new();
    let guid = |text: &str| Uuid::try_parse(text).is_ok();
    let Asker { object_id, name, .. } = &handoff.asked_by;
    for (what, text) in
        [("tenant", &handoff.tenant), ("subscription", &handoff.subscription), ("object id of who asks", object_id)]
    {
        if !guid(text) {
            found.push(format!("the {what} is no GUID"));
        }
    }
    let mut texts = vec![&handoff.stack, &handoff.made_by, &handoff.made_with, &handoff.cloud, &handoff.arm];
    texts.extend(name);
    texts.extend(handoff.later.iter().flat_map(|later| [&later.title, &later.why]));
    texts.extend(handoff.acts.iter().flat_map(|act| [&act.title, &act.why]));
    texts.extend(handoff.acts.iter().filter_map(|act| match &act.doing {
        Doing::AssignRole { principal: Holder::Listed { name }, .. } => name.as_ref(),
        _ => None,
    }));
    let units = handoff.acts.iter().flat_map(|act| act.waiting.iter().chain([&act.unit]));
    let units = units.chain(handoff.later.iter().map(|later| &later.unit)).map(UnitId::as_str);
    // Such characters would let a text pass for something else on a terminal.
    if texts.into_iter().map(String::as_str).chain(units).any(|text| text.chars().any(is_deceiving)) {
        found.push("a text holds characters that cannot be shown".to_owned());
    }
    let mut seen = BTreeSet::new();
    for one in &handoff.acts {
        let again = match &one.doing {
            Doing::RegisterProvider { namespace, scope } => {
                let is_namespace = !namespace.is_empty() && namespace.chars().all(|c| c.is_ascii_alphanumeric() || c == '.');
                let here = *scope == ArmId::of_subscription(&handoff.subscription);
                (is_namespace && here).then(|| one.doing.clone())
            }
            Doing::AssignRole { scope, role, principal_id, principal_type, principal, .. } => {
                let asks = *principal != Holder::Asker || principal_id.eq_ignore_ascii_case(object_id);
                let holds = guid(principal_id) && scope.subscription().is_some() && asks;
                holds.then(|| assign(scope, *role, (principal_id.clone(), *principal_type), principal.clone()))
            }
        };
        let again = again.map(|doing| act(one.unit.clone(), one.title.clone(), one.why.clone(), one.waiting.clone(), doing));
        if !seen.insert(&one.unit) || again.as_ref() != Some(one) {
            found.push(format!("act `{}`: its parts say different things", shown(one.unit.as_str())));
        }
    }
    found
}

/// Whether a character does more on a terminal than be shown: controls, and those that turn the direction of writing.
fn is_deceiving(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| !is_deceiving(*c)).take(80).collect()
}

/// The plan that carries out a handoff and nothing else. `there` names the acts that need not be done any more, with the evidence.
#[must_use]
pub fn plan(handoff: &Handoff, there: &BTreeMap<UnitId, String>, at: Timestamp) -> Plan<Draft> {
    let unit = |act: &Act| match there.get(&act.unit) {
        Some(evidence) => Unit::unchanged(act.unit.as_str(), act.title.as_str(), Owner::Rest, evidence.as_str()),
        None => needing(act),
    };
    Plan {
        stack: handoff.stack.clone(),
        seen_at: at,
        units: handoff.acts.iter().map(unit).collect(),
        blind_spots: Vec::new(),
        findings: Vec::new(),
        stage: PhantomData,
    }
}

fn needing(act: &Act) -> Unit {
    let (step, change) = match &act.doing {
        Doing::RegisterProvider { namespace, .. } => {
            (Step::RegisterProvider { namespace: namespace.clone() }, Change::new("registrationState", None, Some("Registered")))
        }
        Doing::AssignRole { scope, role, principal_id, principal_type, .. } => {
            let principal = PrincipalRef::Object { id: principal_id.clone(), kind: *principal_type };
            let step = Step::AssignRole { scope: scope.clone(), role: *role, principal };
            (step, Change::new("roleDefinition", None, Some(role.name())))
        }
    };
    let unit = Unit::needing(act.unit.as_str(), act.title.as_str(), Owner::Rest, Action::Create, act.why.as_str(), step);
    unit.with_changes(vec![change])
}

#[cfg(test)]
pub(crate) mod tests;
