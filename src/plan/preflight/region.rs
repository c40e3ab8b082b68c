//! What the region offers: resource types, api-versions, versions of Kubernetes, sizes of machines.

use super::Scene;
use crate::base::{Kind, Location};
use crate::desired::address::{GRAFANA, WORKSPACE};
use crate::event::{Point, Topic};
use crate::observed::{MachineSize, Offer, Sight};
use crate::plan::draft::collection_wishes;

/// The points of the topic.
pub(super) fn points(scene: Scene<'_>) -> Vec<Point> {
    let mut points = offers(scene);
    points.extend(kubernetes(scene));
    points.push(size(scene));
    points
}

/// The kinds that a run makes, each with the region in which it makes it.
#[must_use]
fn made(scene: Scene<'_>) -> Vec<(Kind, Location)> {
    let desired = scene.desired;
    let here = desired.location.clone();
    let collection = collection_wishes(desired, scene.observed.workspace.seen()).0.location;
    let mut kinds = vec![(Kind::ManagedCluster, here.clone())];
    kinds.extend(desired.terraform.contains_key(WORKSPACE).then(|| (Kind::MonitorWorkspace, here.clone())));
    kinds.extend(desired.terraform.contains_key(GRAFANA).then(|| (Kind::Grafana, here.clone())));
    kinds.extend([Kind::DataCollectionEndpoint, Kind::DataCollectionRule].map(|kind| (kind, collection.clone())));
    kinds.extend(desired.recording_rules.is_some().then_some((Kind::PrometheusRuleGroup, collection)));
    kinds
}

fn offers(scene: Scene<'_>) -> Vec<Point> {
    let (mut points, mut fine) = (Vec::new(), Vec::new());
    for (kind, region) in made(scene) {
        let name = kind.resource_type();
        match scene.preflight.offers.get(&name.to_ascii_lowercase()).unwrap_or(&Sight::Absent) {
            Sight::Present(offer) => match unoffered(offer, kind, &region) {
                Some(point) => points.push(point),
                None => fine.push(name),
            },
            Sight::Absent => points.push(
                Point::missing(Topic::Region, name, "this cloud's resource provider does not have the type")
                    .remedy("check `azure.cloud` in the file, and whether the service exists in that cloud"),
            ),
            Sight::Unknown(why) => points.push(Point::unknown(Topic::Region, name, why)),
        }
    }
    if !fine.is_empty() {
        let detail = format!("offers what is made there, in the api-versions used: {}", fine.join(", "));
        points.insert(0, Point::ok(Topic::Region, scene.desired.location.to_string(), detail));
    }
    points
}

fn unoffered(offer: &Offer, kind: Kind, region: &Location) -> Option<Point> {
    let name = kind.resource_type();
    if !offer.locations.is_empty() && !offer.locations.contains(region) {
        let known: Vec<&str> = offer.locations.iter().map(Location::as_str).collect();
        return Some(
            Point::missing(Topic::Region, name, format!("is not offered in {region}"))
                .remedy(format!("choose a region that has it: {}", known.join(", "))),
        );
    }
    let version = kind.api_version();
    let offered = offer.versions.is_empty() || offer.versions.iter().any(|known| known.eq_ignore_ascii_case(version));
    (!offered).then(|| {
        let newest = offer.versions.iter().max().map_or("", String::as_str);
        Point::missing(Topic::Region, name, format!("api-version {version} is not offered here; the newest is {newest}"))
            .remedy("sovereign clouds lag behind: use an aksight that was made for the older version")
    })
}

fn kubernetes(scene: Scene<'_>) -> Option<Point> {
    let wanted = scene.spec.stack.cluster.kubernetes_version.as_deref()?;
    let subject = format!("Kubernetes {wanted}");
    let versions = match &scene.preflight.kubernetes {
        Sight::Present(versions) => versions,
        Sight::Absent => return Some(Point::unknown(Topic::Region, subject, "the region tells no versions")),
        Sight::Unknown(why) => return Some(Point::unknown(Topic::Region, subject, why)),
    };
    let found = versions.iter().find(|one| one.minor == wanted || one.patches.iter().any(|patch| patch == wanted));
    Some(match found {
        Some(one) if one.preview => Point::warning(Topic::Region, subject, "is offered as a preview")
            .remedy("choose a version that is generally available"),
        Some(_) => Point::ok(Topic::Region, subject, format!("is offered in {}", scene.desired.location)),
        // A cluster that is there keeps its version.
        None if scene.observed.cluster.seen().is_some() => {
            Point::warning(Topic::Region, subject, "is no longer offered to new clusters").remedy("plan an upgrade")
        }
        None => {
            let known: Vec<&str> = versions.iter().map(|one| one.minor.as_str()).collect();
            Point::missing(Topic::Region, subject, format!("is not offered in {}", scene.desired.location))
                .remedy(format!("offered are {}", known.join(", ")))
        }
    })
}

fn size(scene: Scene<'_>) -> Point {
    let pool = &scene.spec.stack.cluster.node_pool;
    let subject = format!("machines {}", pool.vm_size);
    let region = &scene.desired.location;
    match &scene.preflight.size {
        Sight::Unknown(why) => Point::unknown(Topic::Region, subject, why),
        Sight::Absent => Point::missing(Topic::Region, subject, format!("there is no such size in {region}"))
            .remedy(format!("choose one that `az vm list-skus --location {region} --resource-type virtualMachines` shows")),
        Sight::Present(MachineSize { restricted: Some(why), .. }) => {
            Point::missing(Topic::Region, subject, format!("this subscription may not use it in {region}: {why}"))
                .remedy("choose another size or region, or ask Azure's support for access to it")
        }
        Sight::Present(size) => {
            let closed: Vec<&str> = pool.zones.iter().filter(|zone| !size.zones.contains(zone)).map(String::as_str).collect();
            if closed.is_empty() {
                Point::ok(Topic::Region, subject, format!("is offered in {region}"))
            } else {
                Point::missing(Topic::Region, subject, format!("is not offered in zone {} of {region}", closed.join(", ")))
                    .remedy(format!("`cluster.nodePool.zones` may name {}", size.zones.join(", ")))
            }
        }
    }
}
