//! What regions offer and how much a subscription has room for: resource types, Kubernetes, sizes of machines, quotas.
//!
//! Shapes: Azure REST reference (Providers - Get, Managed Clusters - List Kubernetes Versions, Resource Skus - List, Usage - List). The rows
//! are a small part of Azure's: a few sizes, the limits of a pay-as-you-go subscription, and one type that is not offered everywhere:
//! Managed Grafana, which Germany West Central does not have.

use serde_json::{Value, json};

use super::reply::{Refusal, body, page, refuse};
use super::subscription::REGIONS;
use super::{Call, Reply, Setting};
use crate::sim::world::World;

/// Types of resources with the api-versions in which they are offered, newest first.
const TYPES: [(&str, &[&str]); 17] = [
    ("Microsoft.ContainerService/managedClusters", &["2026-06-01", "2026-05-01", "2026-01-01", "2025-10-01", "2025-01-01"]),
    ("Microsoft.ContainerService/locations/kubernetesVersions", &["2026-06-01", "2025-10-01"]),
    ("Microsoft.Monitor/accounts", &["2025-10-03", "2023-04-03"]),
    ("Microsoft.Dashboard/grafana", &["2025-08-01", "2024-10-01", "2023-09-01"]),
    ("microsoft.insights/dataCollectionEndpoints", &["2023-03-11", "2022-06-01"]),
    ("microsoft.insights/dataCollectionRules", &["2023-03-11", "2022-06-01"]),
    ("microsoft.insights/dataCollectionRuleAssociations", &["2023-03-11", "2022-06-01"]),
    ("microsoft.insights/actionGroups", &["2023-01-01"]),
    ("Microsoft.AlertsManagement/prometheusRuleGroups", &["2023-03-01"]),
    ("Microsoft.AlertsManagement/alertRuleRecommendations", &["2023-01-01-preview"]),
    ("Microsoft.Compute/skus", &["2021-07-01"]),
    ("Microsoft.Compute/locations/usages", &["2024-07-01"]),
    ("Microsoft.Network/virtualNetworks", &["2024-05-01"]),
    ("Microsoft.Network/locations/usages", &["2024-05-01"]),
    ("Microsoft.Authorization/roleAssignments", &["2022-04-01"]),
    ("Microsoft.Authorization/roleDefinitions", &["2022-04-01"]),
    ("Microsoft.Authorization/permissions", &["2022-04-01"]),
];

/// Whether a type is offered in a region.
fn is_offered(of_type: &str, region: &str) -> bool {
    !(of_type.eq_ignore_ascii_case("Microsoft.Dashboard/grafana") && region == "germanywestcentral")
}

/// Nothing is made in a region that does not have it.
///
/// # Errors
/// 400 `LocationNotAvailableForResourceType`.
pub fn must_be_offered(of_type: &str, location: &str) -> Result<(), Refusal> {
    let region = location.replace(' ', "").to_ascii_lowercase();
    if is_offered(of_type, &region) {
        return Ok(());
    }
    let regions: Vec<&str> = REGIONS.iter().map(|(name, _)| *name).filter(|name| is_offered(of_type, name)).collect();
    let message = format!(
        "The provided location '{location}' is not available for resource type '{of_type}'. List of available regions for the resource type is '{}'.",
        regions.join(",")
    );
    Err(refuse(400, "LocationNotAvailableForResourceType", message))
}

/// The `resourceTypes` of a provider, with regions by the names that people read.
pub fn resource_types(namespace: &str) -> Value {
    let told = |(full, versions): &(&str, &[&str])| {
        let (owner, of_type) = full.split_once('/')?;
        owner.eq_ignore_ascii_case(namespace).then(|| {
            let regions = REGIONS.iter().filter(|(name, _)| is_offered(full, name)).map(|(_, display)| *display);
            let tenant_wide = owner == "Microsoft.Authorization";
            let regions: Vec<&str> = if tenant_wide { Vec::new() } else { regions.collect() };
            json!({"resourceType": of_type, "locations": regions, "apiVersions": versions, "capabilities": "None"})
        })
    };
    TYPES.iter().filter_map(told).collect()
}

/// A minor version with its patches, whether it is a preview and whether it is the default.
const KUBERNETES: [(&str, [&str; 2], bool, bool); 5] = [
    ("1.36", ["1.36.0", "1.36.1"], true, false),
    ("1.35", ["1.35.2", "1.35.4"], false, false),
    ("1.34", ["1.34.4", "1.34.6"], false, true),
    ("1.33", ["1.33.5", "1.33.8"], false, false),
    ("1.32", ["1.32.9", "1.32.11"], false, false),
];

/// `locations/{l}/kubernetesVersions`. The list is called `values`, unlike every other.
pub fn kubernetes_versions() -> Reply {
    let told = |(minor, patches, preview, default): &(&str, [&str; 2], bool, bool)| {
        let patches: serde_json::Map<String, Value> =
            patches.iter().map(|patch| ((*patch).to_owned(), json!({"upgrades": []}))).collect();
        let mut version = json!({"version": minor, "capabilities": {"supportPlan": ["KubernetesOfficial", "AKSLongTermSupport"]},
            "patchVersions": patches});
        // What is false is left out.
        for (name, set) in [("isPreview", *preview), ("isDefault", *default)] {
            if set {
                version[name] = json!(true);
            }
        }
        version
    };
    body(200, json!({"values": KUBERNETES.iter().map(told).collect::<Vec<_>>()}))
}

/// A size of machines: name, family, processors, memory in GB.
type Size = (&'static str, &'static str, u32, u32);

const SIZES: [Size; 8] = [
    ("Standard_B2s", "standardBSFamily", 2, 4),
    ("Standard_D2s_v5", "standardDSv5Family", 2, 8),
    ("Standard_D4s_v5", "standardDSv5Family", 4, 16),
    ("Standard_D8s_v5", "standardDSv5Family", 8, 32),
    ("Standard_D4s_v3", "standardDSv3Family", 4, 16),
    ("Standard_D4ds_v5", "standardDDSv5Family", 4, 16),
    ("Standard_E4s_v5", "standardESv5Family", 4, 32),
    ("Standard_M128s", "standardMSFamily", 128, 2048),
];
/// A size that new subscriptions may not use until they ask.
const CLOSED: &str = "Standard_M128s";

/// `Microsoft.Compute/skus`, in the region of the `$filter` or in all.
pub fn sizes(filter: Option<&str>) -> Reply {
    let wish = filter.and_then(|filter| filter.split('\'').nth(1)).map(str::to_ascii_lowercase);
    let regions = REGIONS.iter().filter(|(name, _)| wish.as_deref().is_none_or(|wish| wish == *name));
    let told = regions.flat_map(|(region, _)| SIZES.iter().map(move |size| one_size(size, region)));
    page(told)
}

fn one_size((name, family, processors, memory): &Size, region: &str) -> Value {
    let closed = json!([{"type": "Location", "values": [region], "restrictionInfo": {"locations": [region]}, "reasonCode": "NotAvailableForSubscription"}]);
    json!({"resourceType": "virtualMachines", "name": name, "tier": "Standard", "size": name.trim_start_matches("Standard_"),
        "family": family, "locations": [region], "locationInfo": [{"location": region, "zones": ["1", "2", "3"], "zoneDetails": []}],
        "capabilities": [{"name": "vCPUs", "value": processors.to_string()}, {"name": "MemoryGB", "value": memory.to_string()}],
        "restrictions": if *name == CLOSED { closed } else { json!([]) }})
}

/// Processors that a subscription may use in a region: of one family, and of all together.
const FAMILY_LIMIT: u32 = 100;
const REGION_LIMIT: u32 = 100;
/// Public addresses that it may have there.
const ADDRESSES: u32 = 20;

/// `locations/{l}/usages` of machines or of networks.
///
/// # Errors
/// There is no such region.
pub fn usages(world: &World, setting: &Setting, call: &Call, namespace: &str) -> Result<Reply, Refusal> {
    let parts: Vec<String> = call.path.to_ascii_lowercase().split('/').map(str::to_owned).collect();
    let region = parts.iter().skip_while(|part| *part != "locations").nth(1).cloned().unwrap_or_default();
    if REGIONS.iter().all(|(name, _)| *name != region) {
        let message = format!("The provided location '{region}' is not available for the resource type 'locations/usages'.");
        return Err(refuse(400, "LocationNotAvailableForResourceType", message));
    }
    let below = format!("/subscriptions/{}/", setting.subscription).to_ascii_lowercase();
    let clusters: Vec<&Value> = world
        .resources
        .iter()
        .filter(|(key, _)| key.starts_with(&below) && key.contains("/managedclusters/") && key.split('/').count() == 9)
        .map(|(_, body)| body)
        .filter(|body| body["location"].as_str().is_some_and(|here| here.replace(' ', "").eq_ignore_ascii_case(&region)))
        .collect();
    let row = |name: &str, title: &str, used: u32, limit: u32| json!({"unit": "Count", "currentValue": used, "limit": limit, "name": {"value": name, "localizedValue": title}});
    if namespace == "microsoft.network" {
        let used = u32::try_from(clusters.len()).unwrap_or(u32::MAX);
        return Ok(page([
            row("VirtualNetworks", "Virtual Networks", used, 1000),
            row("PublicIPAddresses", "Public IP Addresses", used, 1000),
            row("StandardSkuPublicIpAddresses", "Public IPv4 Addresses - Standard", used, ADDRESSES),
        ]));
    }
    let used = |family: Option<&str>| clusters.iter().map(|cluster| processors(cluster, family)).sum();
    let mut families: Vec<&str> = SIZES.iter().map(|(_, family, ..)| *family).collect();
    families.dedup();
    let mut rows = vec![row("cores", "Total Regional vCPUs", used(None), REGION_LIMIT)];
    rows.extend(families.into_iter().map(|family| {
        let title = format!("{} vCPUs", family.trim_end_matches("Family"));
        row(family, &title, used(Some(family)), if family == "standardMSFamily" { 0 } else { FAMILY_LIMIT })
    }));
    Ok(page(rows))
}

/// Processors of a cluster's nodes, of one family or of all.
fn processors(cluster: &Value, family: Option<&str>) -> u32 {
    let pools = cluster.pointer("/properties/agentPoolProfiles").and_then(Value::as_array).into_iter().flatten();
    let of_pool = |pool: &Value| {
        let size = pool["vmSize"].as_str().unwrap_or_default();
        let known = SIZES.iter().find(|(name, ..)| name.eq_ignore_ascii_case(size))?;
        let count = u32::try_from(pool["count"].as_u64().unwrap_or(0)).ok()?;
        family.is_none_or(|family| family == known.1).then(|| count.saturating_mul(known.2))
    };
    pools.filter_map(of_pool).sum()
}
