//! Names: free, ours, or somebody else's.

use super::Scene;
use crate::base::{ArmId, ArmObject, Location};
use crate::desired::address::{CLUSTER, GRAFANA, GROUP, WORKSPACE};
use crate::event::{Point, Topic};
use crate::observed::Sight;

/// The points of the topic.
pub(super) fn points(scene: Scene<'_>) -> Vec<Point> {
    let (desired, observed) = (scene.desired, scene.observed);
    let rows = [
        (GROUP, "resource group", &desired.group, &observed.group),
        (CLUSTER, "cluster", &desired.cluster, &observed.cluster),
        (WORKSPACE, "workspace", &desired.workspace, &observed.workspace),
        (GRAFANA, "Grafana", &desired.grafana.id, &observed.grafana),
    ];
    let points = rows.into_iter().map(|(address, what, id, sight)| point(scene, address, what, (id, sight)));
    points.chain(label(scene)).collect()
}

/// The `cluster` label tells the series of clusters apart that share a workspace. Another's label is its name, unless it has an alias.
fn label(scene: Scene<'_>) -> Option<Point> {
    let label = &scene.desired.cluster_label;
    let subject = format!("cluster label {label}");
    let others = match &scene.preflight.senders {
        Sight::Present(senders) => senders.iter().filter(|sender| **sender != scene.desired.cluster),
        Sight::Absent => return None,
        Sight::Unknown(why) => return Some(Point::unknown(Topic::Names, subject, why)),
    };
    let others: Vec<&ArmId> = others.collect();
    let twin = others.iter().find(|other| other.name().eq_ignore_ascii_case(label));
    Some(match (twin, others.len()) {
        (Some(twin), _) => Point::warning(
            Topic::Names,
            subject,
            format!("`{twin}` sends to the same workspace and has that name: their series would mix"),
        )
        .remedy("set `monitoring.clusterAlias` to something else"),
        (None, 0) => return None,
        (None, count) => {
            Point::ok(Topic::Names, subject, format!("differs from the names of {count} others that send to the workspace"))
        }
    })
}

fn point(scene: Scene<'_>, address: &str, what: &str, (id, sight): (&ArmId, &Sight<ArmObject>)) -> Point {
    let subject = format!("{what} {}", id.name());
    let created = scene.desired.terraform.contains_key(address);
    match sight {
        Sight::Unknown(why) => Point::unknown(Topic::Names, subject, why),
        Sight::Absent if created => Point::ok(Topic::Names, subject, "does not exist; the name is free here"),
        Sight::Absent => {
            Point::missing(Topic::Names, subject, format!("the file names it as an existing one, and `{id}` is not there"))
                .remedy("correct the id in the file, or let aksight create one: give a name instead")
        }
        Sight::Present(_) if !created => Point::ok(Topic::Names, subject, "exists, and is used as it is"),
        Sight::Present(found) => existing(scene, subject, found),
    }
}

/// Something that terraform is to create is there already.
fn existing(scene: Scene<'_>, subject: String, found: &ArmObject) -> Point {
    let wished = &scene.desired.location;
    let region = found.location().filter(|region| region != wished && *region != Location::new(""));
    if let Some(region) = region {
        return Point::missing(Topic::Names, subject, format!("exists in {region}, and the file wants it in {wished}"))
            .remedy("write the region that it has into the file, or choose another name: nothing moves between regions");
    }
    match &scene.preflight.state {
        Sight::Present(ids) if ids.contains(&found.id) => {
            Point::ok(Topic::Names, subject, "exists and is ours: terraform's state holds it")
        }
        Sight::Present(_) | Sight::Absent => Point::missing(
            Topic::Names,
            subject,
            "exists, and terraform's state here does not know it: terraform refuses to create it",
        )
        .remedy("choose another name, or run where the state of this stack is"),
        Sight::Unknown(why) => {
            Point::warning(Topic::Names, subject, format!("exists; whether it is this stack's is not known: {why}"))
                .remedy("if another stack or person made it, choose another name")
        }
    }
}
