//! Registrations of resource providers, and what the principal may do.

use super::{Scene, subnet, units};
use crate::base::Role;
use crate::event::{Action, Point, Topic};
use crate::observed::{Assignment, Sight};
use crate::plan::diff::roles::satisfied;
use crate::plan::rights::{Held, Judgement, Lack, Right, administers, joins, lacking, reads_data};
use crate::plan::{Draft, Plan, Step, Unit};

/// The points of both topics.
pub(super) fn points(scene: Scene<'_>, plan: &Plan<Draft>) -> Vec<Point> {
    let held = Held(&scene.preflight.permissions);
    let all = units(scene.desired, scene.observed, plan);
    let lacks = lacking(&all, held, &scene.desired.subscription, scene.spec.stack.delivery);
    let mut points = providers(scene, &all, &lacks);
    points.extend(of_units(scene, &all, &lacks));
    points.extend(of_subnet(scene, held));
    points.extend(of_data(scene, held, plan));
    points
}

fn registration(unit: &Unit) -> Option<&str> {
    unit.id.as_str().strip_prefix("provider:")
}

fn providers(scene: Scene<'_>, all: &[Unit], lacks: &[Lack]) -> Vec<Point> {
    if let Some(why) = scene.observed.registrations.unknown() {
        return vec![Point::unknown(Topic::Providers, "registrations", why).remedy("`Reader` on the subscription shows them")];
    }
    let mut points = Vec::new();
    let (mut registered, mut will_be) = (0, Vec::new());
    for (unit, namespace) in all.iter().filter_map(|unit| Some((unit, registration(unit)?))) {
        let lack = lacks.iter().find(|lack| lack.unit == unit.id);
        points.push(match (unit.action, lack.and_then(|lack| lack.rights.first()), lack.and_then(|lack| lack.unknown.as_ref())) {
            (Action::Unchanged, ..) => {
                registered += 1;
                continue;
            }
            (Action::Wait, ..) => Point::ok(Topic::Providers, namespace, "is being registered; a run waits for it"),
            (_, Some(right), _) => {
                let detail = format!("{}, and you may not register it", unit.reason);
                Point::missing(Topic::Providers, namespace, detail)
                    .remedy(format!(
                        "somebody with `Contributor` on the subscription runs: az provider register --namespace {namespace} --subscription {}",
                        scene.desired.subscription.name()
                    ))
                    .right(right.missing())
            }
            (_, None, Some(why)) => {
                Point::unknown(Topic::Providers, namespace, format!("{}; whether you may register it is not known: {why}", unit.reason))
            }
            (_, None, None) => {
                will_be.push(namespace);
                continue;
            }
        });
    }
    if !will_be.is_empty() {
        let detail = format!("not registered yet, a run registers them: {}", will_be.join(", "));
        points.insert(0, Point::ok(Topic::Providers, "to register", detail));
    }
    if registered > 0 {
        points.insert(0, Point::ok(Topic::Providers, "registered", format!("{registered} resource providers are registered")));
    }
    points
}

fn of_units(scene: Scene<'_>, all: &[Unit], lacks: &[Lack]) -> Vec<Point> {
    let mut points = Vec::new();
    let due = all.iter().filter(|unit| registration(unit).is_none() && unit.counts() && unit.action != Action::Unchanged);
    let mut fine = 0;
    for unit in due {
        let Some(lack) = lacks.iter().find(|lack| lack.unit == unit.id) else {
            fine += 1;
            continue;
        };
        let subject = lack.unit.to_string();
        points.extend(lack.rights.iter().map(|right| {
            let detail = format!("{}: you lack `{}` on {}", lack.title, right.action, right.scope);
            Point::missing(Topic::Rights, &subject, detail).remedy(grant(scene, right)).right(right.missing())
        }));
        if let (true, Some(why)) = (lack.rights.is_empty(), &lack.unknown) {
            points.push(Point::unknown(
                Topic::Rights,
                subject,
                format!("{}: what you may do could not be read: {why}", lack.title),
            ));
        }
    }
    if fine > 0 {
        points.insert(0, Point::ok(Topic::Rights, "plan", format!("every right that {fine} of the plan's units need is there")));
    } else if points.is_empty() {
        points.push(Point::ok(Topic::Rights, "plan", "nothing is to be written"));
    }
    points
}

/// Putting the nodes of a new cluster into somebody's subnet.
fn of_subnet(scene: Scene<'_>, held: Held<'_>) -> Option<Point> {
    let id = subnet(scene.spec).filter(|_| scene.observed.cluster.seen().is_none())?;
    let right = joins(&id);
    let subject = format!("subnet {}", id.name());
    Some(match held.judge(&right) {
        Judgement::Allowed => Point::ok(Topic::Rights, subject, "the nodes may be put into it"),
        Judgement::Denied(_) => Point::missing(Topic::Rights, subject, format!("you lack `{}` on {id}", right.action))
            .remedy(grant(scene, &right))
            .right(right.missing()),
        Judgement::Unknown(why) => {
            Point::unknown(Topic::Rights, subject, format!("what you may do with it could not be read: {why}"))
        }
    })
}

/// Rights on data planes: held, or assigned by the run itself.
fn of_data(scene: Scene<'_>, held: Held<'_>, plan: &Plan<Draft>) -> Vec<Point> {
    let desired = scene.desired;
    let verify = desired.verification.enabled.then(|| {
        let why = "proving the data asks the workspace";
        ("role:me-reads-workspace", Role::MonitoringDataReader, reads_data(&desired.workspace), why)
    });
    let include_me = scene.spec.stack.grafana.include_me;
    let grafana = include_me.then(|| {
        let why = "you could not sign in to Grafana without it";
        ("role:me-administers-grafana", Role::GrafanaAdmin, administers(&desired.grafana.id), why)
    });
    let judged = verify.into_iter().chain(grafana).map(|(unit, role, right, why)| {
        let planned = plan.units.iter().find(|one| one.id.as_str() == unit);
        let assigned = planned.is_some_and(|one| matches!(one.step, Some(Step::AssignRole { .. })));
        let name = role.name();
        match held.judge(&right) {
            Judgement::Allowed => Point::ok(Topic::Rights, name, format!("{name} is held: {why}")),
            Judgement::Denied(_) if listed(scene, role, &right) => {
                Point::ok(Topic::Rights, name, format!("{name} is assigned: {why}"))
            }
            // Whether the run may assign it is a point of its own.
            Judgement::Denied(_) if assigned => Point::ok(Topic::Rights, name, format!("{name} is assigned by the run; {why}")),
            Judgement::Denied(_) => Point::missing(Topic::Rights, name, format!("{why}, and you lack {name} on {}", right.scope))
                .remedy(grant(scene, &right))
                .right(right.missing()),
            Judgement::Unknown(why) => {
                Point::unknown(Topic::Rights, name, format!("whether you hold {name} could not be read: {why}"))
            }
        }
    });
    judged.collect()
}

/// Whether the list of assignments shows the role, which the permissions may not show yet.
fn listed(scene: Scene<'_>, role: Role, right: &Right) -> bool {
    let me = scene.observed.me.seen().map(|me| me.object_id.as_str());
    let known: &[Assignment] = scene.observed.assignments.get(&right.scope).and_then(Sight::seen).map_or(&[], Vec::as_slice);
    me.is_some_and(|me| satisfied(known, (&right.scope, role, me)).is_some())
}

/// The command that gives a right.
fn grant(scene: Scene<'_>, right: &Right) -> String {
    let who = scene.observed.me.seen().map_or("YOUR-OBJECT-ID", |me| me.object_id.as_str());
    // What does not exist yet cannot be a scope.
    let above =
        scene.preflight.permissions.iter().filter(|(scope, sight)| scope.contains(&right.scope) && sight.seen().is_some());
    let scope = above.map(|(scope, _)| scope).max_by_key(|scope| scope.as_str().len()).unwrap_or(&right.scope);
    format!("somebody who may, runs: az role assignment create --assignee {who} --role '{}' --scope {scope}", right.role)
}
