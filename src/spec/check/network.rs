//! `cluster.network` and who may reach the API server. AKS cannot change ranges later, so they are checked with care.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::{Report, shown};
use crate::diag::Code;
use crate::spec::file::{OutboundType, Stack};

const POD: &str = "/cluster/network/podCidr";
const SERVICE: &str = "/cluster/network/serviceCidr";

/// Ranges that AKS keeps for itself.
const RESERVED: [(&str, Ipv4Addr, u8); 4] = [
    ("169.254.0.0/16", Ipv4Addr::new(169, 254, 0, 0), 16),
    ("172.30.0.0/16", Ipv4Addr::new(172, 30, 0, 0), 16),
    ("172.31.0.0/16", Ipv4Addr::new(172, 31, 0, 0), 16),
    ("192.0.2.0/24", Ipv4Addr::new(192, 0, 2, 0), 24),
];

/// The network that AKS creates for nodes when no subnet is given.
const OWN_NETWORK: (Ipv4Addr, u8) = (Ipv4Addr::new(10, 224, 0, 0), 12);

/// The overlay gives every node a /24 of the pod range.
const POD_BLOCK: u8 = 24;

pub(super) fn check(stack: &Stack, report: &mut Report<'_>) {
    let network = &stack.cluster.network;
    let pods = range(report, POD, &network.pod_cidr);
    let services = range(report, SERVICE, &network.service_cidr);
    for (pointer, found) in [(POD, pods), (SERVICE, services)] {
        if let Some(found) = found {
            against_azure(stack, report, pointer, found);
        }
    }
    if let (Some(pods), Some(services)) = (pods, services)
        && overlap(pods, services)
    {
        report.error(SERVICE, Code::SpecNetwork, &format!("overlaps `cluster.network.podCidr`: `{services}` and `{pods}`"));
    }
    if let Some(pods) = pods {
        room(stack, report, pods);
    }
    if let Some(services) = services {
        if services.prefix_len() < 12 || services.prefix_len() > 28 {
            report.error(SERVICE, Code::SpecNetwork, &format!("must be between /12 and /28, found `{services}`"));
        }
        dns(stack, report, services);
    }
    way_out(stack, report);
    reach(stack, report);
}

fn overlap(a: Ipv4Net, b: Ipv4Net) -> bool {
    a.contains(&b) || b.contains(&a)
}

fn range(report: &mut Report<'_>, pointer: &str, text: &str) -> Option<Ipv4Net> {
    let Ok(found) = text.parse::<Ipv4Net>() else {
        let what = format!("must be an IPv4 range such as `10.244.0.0/16`, found {}", shown(text));
        report.error(pointer, Code::SpecNetwork, &what);
        return None;
    };
    if found != found.trunc() {
        let what = format!("must start at the first address of its range, found `{found}`");
        report.error_hint(pointer, Code::SpecNetwork, &what, &format!("write `{}`", found.trunc()));
        return None;
    }
    Some(found)
}

fn against_azure(stack: &Stack, report: &mut Report<'_>, pointer: &str, found: Ipv4Net) {
    for (name, address, length) in RESERVED {
        if Ipv4Net::new(address, length).is_ok_and(|reserved| overlap(reserved, found)) {
            report.error(pointer, Code::SpecNetwork, &format!("must not overlap `{name}`, which AKS reserves; found `{found}`"));
        }
    }
    let own = Ipv4Net::new(OWN_NETWORK.0, OWN_NETWORK.1);
    if stack.cluster.node_pool.subnet_id.is_none() && own.is_ok_and(|own| overlap(own, found)) {
        let what = format!("must not overlap `10.224.0.0/12`, the network that AKS creates for the nodes; found `{found}`");
        report.error(pointer, Code::SpecNetwork, &what);
    }
}

/// Whether every node gets its block.
fn room(stack: &Stack, report: &mut Report<'_>, pods: Ipv4Net) {
    let pool = &stack.cluster.node_pool;
    let nodes = u64::from(pool.max.or(pool.count).unwrap_or(2));
    let blocks = if pods.prefix_len() > POD_BLOCK { 0 } else { 1_u64 << (POD_BLOCK - pods.prefix_len()) };
    if blocks < nodes {
        let what = format!("has room for {blocks} nodes of a /{POD_BLOCK} each, but the pool may have {nodes}; found `{pods}`");
        report.error_hint(POD, Code::SpecNetwork, &what, "choose a larger range, such as a /16 for 256 nodes");
    } else if blocks == nodes {
        let what = format!("has room for {blocks} nodes and none for upgrades, which add nodes for a while");
        report.warning(POD, Code::SpecNetwork, &what, "choose a larger range");
    }
}

fn dns(stack: &Stack, report: &mut Report<'_>, services: Ipv4Net) {
    let Some(text) = &stack.cluster.network.dns_service_ip else { return };
    let at = "/cluster/network/dnsServiceIp";
    let Ok(address) = text.parse::<Ipv4Addr>() else {
        let what = format!("must be an IPv4 address within `{services}`, found {}", shown(text));
        return report.error(at, Code::SpecNetwork, &what);
    };
    if !services.contains(&address) {
        report.error(
            at,
            Code::SpecNetwork,
            &format!("must lie within `cluster.network.serviceCidr` (`{services}`), found `{address}`"),
        );
    } else if address == services.network() || u32::from(address) == u32::from(services.network()) + 1 {
        let what = format!("must not be the first address of the range, which is the Kubernetes API's; found `{address}`");
        report.error(at, Code::SpecNetwork, &what);
    } else if address == services.broadcast() {
        report.error(at, Code::SpecNetwork, &format!("must not be the last address of the range, found `{address}`"));
    }
}

fn way_out(stack: &Stack, report: &mut Report<'_>) {
    let at = "/cluster/network/outboundType";
    let has_subnet = stack.cluster.node_pool.subnet_id.is_some();
    match stack.cluster.network.outbound_type {
        OutboundType::UserDefinedRouting | OutboundType::UserAssignedNatGateway if !has_subnet => {
            let hint = "add `cluster.nodePool.subnetId`, or choose `loadBalancer`";
            report.error_hint(at, Code::SpecConflict, "needs a subnet of your own, which has the routes or the gateway", hint);
        }
        OutboundType::ManagedNatGateway if has_subnet => {
            let hint = "choose `userAssignedNATGateway` or `loadBalancer`";
            report.error_hint(at, Code::SpecConflict, "cannot be combined with a subnet of your own", hint);
        }
        OutboundType::None => {
            let hint = "have private links to the workspace ready, or no data arrives";
            report.warning(at, Code::SpecConflict, "leaves the metrics agents without a way to the workspace", hint);
        }
        _ => {}
    }
}

fn reach(stack: &Stack, report: &mut Report<'_>) {
    let at = "/cluster/authorizedIpRanges";
    let ranges = &stack.cluster.authorized_ip_ranges;
    if stack.cluster.private && !ranges.is_empty() {
        let hint = "a private API server has no public address to protect: remove one of the two";
        report.error_hint(at, Code::SpecConflict, "excludes `cluster.private: true`", hint);
    }
    if ranges.len() > 200 {
        report.error(at, Code::SpecNetwork, &format!("may hold 200 ranges at most, found {}", ranges.len()));
    }
    for (index, text) in ranges.iter().enumerate() {
        let at = format!("{at}/{index}");
        match text.parse::<Ipv4Net>() {
            Ok(found) if found == found.trunc() => {}
            Ok(found) => {
                let what = format!("must start at the first address of its range, found `{found}`");
                report.error_hint(&at, Code::SpecNetwork, &what, &format!("write `{}`", found.trunc()));
            }
            Err(_) if text.parse::<Ipv4Addr>().is_ok() => {
                report.error_hint(
                    &at,
                    Code::SpecNetwork,
                    &format!("must be a range, found `{text}`"),
                    &format!("write `{text}/32`"),
                );
            }
            Err(_) => {
                report.error(
                    &at,
                    Code::SpecNetwork,
                    &format!("must be an IPv4 range such as `203.0.113.0/24`, found {}", shown(text)),
                );
            }
        }
    }
}
