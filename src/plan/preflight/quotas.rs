//! What the subscription has room for.

use super::Scene;
use crate::event::{Point, Topic};
use crate::observed::{Sight, Usage};
use crate::spec::file::OutboundType;

/// Nodes of a pool that names no number (the file's own default).
const NODES: u32 = 2;
/// The quota of all machines of a region together.
const ALL_CORES: &str = "cores";
/// Quotas of public addresses, the stricter first: the load balancer of a cluster takes one of the standard kind.
const ADDRESSES: [&str; 2] = ["StandardSkuPublicIpAddresses", "PublicIPAddresses"];

/// The points of the topic. A cluster that is there has its machines.
pub(super) fn points(scene: Scene<'_>) -> Vec<Point> {
    match &scene.observed.cluster {
        Sight::Present(_) => vec![Point::ok(Topic::Quotas, "cluster", "the cluster has its machines already")],
        Sight::Absent | Sight::Unknown(_) => machines(scene).into_iter().chain(addresses(scene)).collect(),
    }
}

fn machines(scene: Scene<'_>) -> Vec<Point> {
    let pool = &scene.spec.stack.cluster.node_pool;
    let nodes = pool.count.or(pool.min).unwrap_or(NODES);
    let unknown = |why: &str| vec![Point::unknown(Topic::Quotas, "machines", why)];
    let size = match &scene.preflight.size {
        Sight::Present(size) => size,
        // That there is no such size is said already.
        Sight::Absent => return Vec::new(),
        Sight::Unknown(why) => return unknown(why),
    };
    let usages = match &scene.preflight.compute {
        Sight::Present(usages) => usages,
        Sight::Absent => return unknown("the region tells no quotas"),
        Sight::Unknown(why) => return unknown(why),
    };
    let Some(each) = size.vcpus else { return unknown("Azure does not tell how many processors the size has") };
    let need = i64::from(nodes) * i64::from(each);
    let most = pool.max.map(|max| i64::from(max) * i64::from(each));
    let mut points = Vec::new();
    for name in [size.family.as_str(), ALL_CORES] {
        match usages.iter().find(|usage| usage.name.eq_ignore_ascii_case(name)) {
            Some(usage) => points.push(room(scene, usage, "vCPUs", (need, most))),
            None => points.push(Point::unknown(Topic::Quotas, name, "Azure does not tell this quota")),
        }
    }
    points
}

fn addresses(scene: Scene<'_>) -> Option<Point> {
    let takes =
        matches!(scene.spec.stack.cluster.network.outbound_type, OutboundType::LoadBalancer | OutboundType::ManagedNatGateway);
    if !takes {
        return None;
    }
    match &scene.preflight.network {
        Sight::Present(usages) => {
            let found = ADDRESSES.iter().find_map(|name| usages.iter().find(|usage| usage.name.eq_ignore_ascii_case(name)));
            Some(found.map_or_else(
                || Point::unknown(Topic::Quotas, ADDRESSES[1], "Azure does not tell this quota"),
                |usage| room(scene, usage, "public address", (1, None)),
            ))
        }
        Sight::Absent => Some(Point::unknown(Topic::Quotas, ADDRESSES[1], "the region tells no quotas")),
        Sight::Unknown(why) => Some(Point::unknown(Topic::Quotas, ADDRESSES[1], why)),
    }
}

fn room(scene: Scene<'_>, usage: &Usage, unit: &str, (need, most): (i64, Option<i64>)) -> Point {
    let free = usage.limit - usage.used;
    let (subject, region) = (usage.name.as_str(), &scene.desired.location);
    let seen = format!("{}: {} of {} are in use in {region}", usage.title, usage.used, usage.limit);
    let more = || "ask for more under `Quotas` in Azure's portal, or choose fewer or smaller nodes".to_owned();
    if need > free {
        let point = Point::missing(Topic::Quotas, subject, format!("{seen}; {need} {unit} are needed, {} are free", free.max(0)));
        return point.remedy(more());
    }
    match most {
        Some(most) if most > free => {
            Point::warning(Topic::Quotas, subject, format!("{seen}; the autoscaler may want {most} {unit}, {free} are free"))
                .remedy(more())
        }
        _ => Point::ok(Topic::Quotas, subject, format!("{seen}; {need} {unit} needed")),
    }
}
