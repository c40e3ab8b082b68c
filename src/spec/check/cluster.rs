//! `cluster`, without its network.

use std::collections::BTreeSet;

use super::{Report, names, shown};
use crate::base::Location;
use crate::diag::Code;
use crate::spec::file::{Acns, Cluster, NodeOsUpgradeChannel, NodePool, PolicyMode, Stack, UpgradeChannel};

/// Oldest minor version with ACNS on Cilium (contract §7.5).
const OLDEST_MINOR: u32 = 29;

/// Where Azure's tools cut the name of the data collection endpoint (contract §3.3).
const ENDPOINT_CUT: usize = 44;

pub(super) fn check(stack: &Stack, report: &mut Report<'_>) {
    let cluster = &stack.cluster;
    names::name(report, "/cluster/name", &cluster.name, &names::CLUSTER);
    collision(stack, report);
    if let Some(version) = &cluster.kubernetes_version {
        kubernetes(version, report);
    }
    pool(&cluster.node_pool, report);
    channels(cluster, report);
    acns(cluster.acns, stack.verification.enabled, report);
    entra(stack, report);
}

fn collision(stack: &Stack, report: &mut Report<'_>) {
    let region = Location::new(&stack.azure.location);
    let name = format!("MSProm-{region}-{}", stack.cluster.name);
    let length = name.chars().count();
    if length > ENDPOINT_CUT {
        let kept = stack.cluster.name.chars().count().saturating_sub(length - ENDPOINT_CUT);
        let what = format!(
            "is long: the name of the data collection endpoint keeps its first {kept} characters only, and a cluster of this \
             resource group that begins alike would share the endpoint"
        );
        report.warning("/cluster/name", Code::SpecCollision, &what, "choose a shorter name, or one that differs earlier");
    }
}

fn kubernetes(version: &str, report: &mut Report<'_>) {
    let at = "/cluster/kubernetesVersion";
    let numbers: Option<Vec<u32>> = version.split('.').map(plain_number).collect();
    match numbers.as_deref() {
        Some([1, minor] | [1, minor, _]) if *minor < OLDEST_MINOR => {
            report.error(at, Code::SpecVersion, &format!("must be 1.{OLDEST_MINOR} or newer for ACNS, found `{version}`"));
        }
        Some([1, _] | [1, _, _]) => {}
        _ => {
            let hint = "`az aks get-versions -l REGION -o table` lists the versions";
            report.error_hint(
                at,
                Code::SpecVersion,
                &format!("must be a version such as `1.33` or `1.33.5`, found {}", shown(version)),
                hint,
            );
        }
    }
}

fn plain_number(text: &str) -> Option<u32> {
    (text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'))).then(|| text.parse().ok())?
}

fn pool(pool: &NodePool, report: &mut Report<'_>) {
    names::name(report, "/cluster/nodePool/name", &pool.name, &names::POOL);
    names::name(report, "/cluster/nodePool/vmSize", &pool.vm_size, &names::SIZE);
    let at = "/cluster/nodePool";
    match (pool.count, pool.min, pool.max) {
        (Some(_), Some(_), _) | (Some(_), _, Some(_)) => {
            report.error(at, Code::SpecConflict, "takes either `count`, or `min` and `max`, not both");
        }
        (None, Some(_), None) | (None, None, Some(_)) => {
            report.error(at, Code::SpecMissingKey, "needs both `min` and `max` for the autoscaler");
        }
        (_, Some(min), Some(max)) if min > max => {
            report.error(&format!("{at}/min"), Code::SpecValue, &format!("must not be above `max`, found {min} above {max}"));
        }
        _ => {}
    }
    let mut seen = BTreeSet::new();
    for (index, zone) in pool.zones.iter().enumerate() {
        let at = format!("{at}/zones/{index}");
        if !["1", "2", "3"].contains(&zone.as_str()) {
            report.error(&at, Code::SpecValue, &format!("must be one of `1`, `2` or `3`, found {}", shown(zone)));
        } else if !seen.insert(zone) {
            report.error(&at, Code::SpecValue, &format!("repeats zone `{zone}`"));
        }
    }
    let (digits, most) = pool.max_surge.strip_suffix('%').map_or((pool.max_surge.as_str(), 1000), |digits| (digits, 100));
    if !plain_number(digits).is_some_and(|number| (1..=most).contains(&number)) {
        let what =
            format!("must be a number of nodes such as `1` or a percentage such as `10%`, found {}", shown(&pool.max_surge));
        report.error("/cluster/nodePool/maxSurge", Code::SpecValue, &what);
    }
    if let Some(subnet) = &pool.subnet_id {
        names::resource_id(report, "/cluster/nodePool/subnetId", subnet, "Microsoft.Network/virtualNetworks/subnets");
    }
}

/// azurerm's rule: a cluster that gets node images only gets them from both channels.
fn channels(cluster: &Cluster, report: &mut Report<'_>) {
    let images = cluster.node_os_upgrade_channel == NodeOsUpgradeChannel::NodeImage;
    if cluster.upgrade_channel == Some(UpgradeChannel::NodeImage) && !images {
        let hint = "remove this line, or choose another `upgradeChannel`";
        let what = "must be `NodeImage` when `upgradeChannel` is `node-image`";
        report.error_hint("/cluster/nodeOsUpgradeChannel", Code::SpecConflict, what, hint);
    }
}

fn acns(acns: Acns, proven: bool, report: &mut Report<'_>) {
    if let Some(mode @ (PolicyMode::Fqdn | PolicyMode::L7)) = acns.policy_mode
        && !acns.security
    {
        let what = format!("`{}` needs ACNS security", mode.as_str());
        report.error_hint("/cluster/acns/policyMode", Code::SpecConflict, &what, "add `security: true` beside it");
    }
    if !acns.observability && proven {
        let what = "is off, so there are no network metrics and nothing to prove";
        let hint = "switch it on, or set `verification.enabled: false`";
        report.warning("/cluster/acns/observability", Code::SpecConflict, what, hint);
    }
}

fn entra(stack: &Stack, report: &mut Report<'_>) {
    let Some(entra) = &stack.cluster.entra else { return };
    for (index, group) in entra.admin_groups.iter().enumerate() {
        names::guid(report, &format!("/cluster/entra/adminGroups/{index}"), group, "the object id of a group");
    }
    if !entra.local_accounts && !entra.azure_rbac && entra.admin_groups.is_empty() {
        let hint = "name `adminGroups`, or set `azureRbac: true`";
        report.error_hint("/cluster/entra", Code::SpecConflict, "leaves nobody who may administer the cluster", hint);
    }
}
