//! What is asked before a run and by no run: rights, offers and quotas. All of it only read.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Permission, Sight};
use crate::base::{ArmId, Location};

/// What was seen.
#[derive(Clone, Debug)]
pub struct Preflight {
    /// What the signed-in principal may do, by scope; a scope that is not there is absent.
    pub permissions: BTreeMap<ArmId, Sight<Vec<Permission>>>,
    /// What resource providers offer, by type in lower case (`microsoft.monitor/accounts`).
    pub offers: BTreeMap<String, Sight<Offer>>,
    /// The versions of Kubernetes that the region offers.
    pub kubernetes: Sight<Vec<KubernetesVersion>>,
    /// The size of the nodes in the region; absent when the region has none of this name.
    pub size: Sight<MachineSize>,
    /// Quotas of machines in the region.
    pub compute: Sight<Vec<Usage>>,
    /// Quotas of networks in the region.
    pub network: Sight<Vec<Usage>>,
    /// Every cluster of the workspace's subscription whose metrics a rule sends to the workspace.
    pub senders: Sight<Vec<ArmId>>,
    /// Ids that terraform's state holds; absent when there is no state yet, unknown when it is kept elsewhere.
    pub state: Sight<Vec<ArmId>>,
}

/// Where a resource type is offered, and in which api-versions (contract §1.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// Regions. Empty for types without one.
    pub locations: Vec<Location>,
    /// Api-versions.
    pub versions: Vec<String>,
}

impl Offer {
    /// Every type of a provider, with its name in lower case.
    pub fn read_all(provider: &Value) -> impl Iterator<Item = (String, Self)> + '_ {
        let namespace = provider["namespace"].as_str().unwrap_or_default();
        provider["resourceTypes"].as_array().into_iter().flatten().filter_map(move |entry| {
            let name = format!("{namespace}/{}", entry["resourceType"].as_str()?).to_ascii_lowercase();
            let texts = |key: &str| entry[key].as_array().into_iter().flatten().filter_map(Value::as_str);
            let locations = texts("locations").map(Location::new).collect();
            Some((name, Self { locations, versions: texts("apiVersions").map(str::to_owned).collect() }))
        })
    }
}

/// A minor version of Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubernetesVersion {
    /// `1.33`.
    pub minor: String,
    /// `1.33.5`, … in no order.
    pub patches: Vec<String>,
    /// Whether it is a preview.
    pub preview: bool,
}

impl KubernetesVersion {
    /// Reads the answer to `kubernetesVersions` (Azure REST reference, Managed Clusters - List Kubernetes Versions).
    #[must_use]
    pub fn read_all(answer: &Value) -> Vec<Self> {
        let read = |entry: &Value| {
            Some(Self {
                minor: entry["version"].as_str()?.to_owned(),
                patches: entry["patchVersions"].as_object().into_iter().flatten().map(|(patch, _)| patch.clone()).collect(),
                preview: entry["isPreview"].as_bool().unwrap_or(false),
            })
        };
        answer["values"].as_array().into_iter().flatten().filter_map(read).collect()
    }
}

/// A size of machines in a region.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MachineSize {
    /// `Standard_D4s_v5`.
    pub name: String,
    /// The quota that it counts against, `standardDSv5Family`.
    pub family: String,
    /// Virtual processors, when that is told.
    pub vcpus: Option<u32>,
    /// Zones in which this subscription may use it.
    pub zones: Vec<String>,
    /// Why this subscription may not use it in the region at all.
    pub restricted: Option<String>,
}

impl MachineSize {
    /// Reads an entry of `skus` (Azure REST reference, Resource Skus - List); nothing when it is no size of machines of this name.
    #[must_use]
    pub fn read(entry: &Value, name: &str) -> Option<Self> {
        let text = |key: &str| entry[key].as_str().unwrap_or_default();
        if !text("resourceType").eq_ignore_ascii_case("virtualMachines") || !text("name").eq_ignore_ascii_case(name) {
            return None;
        }
        let list = |value: &Value| -> Vec<String> {
            value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let restrictions = || entry["restrictions"].as_array().into_iter().flatten();
        let of_type = |kind: &'static str| {
            restrictions().filter(move |one| one["type"].as_str().is_some_and(|t| t.eq_ignore_ascii_case(kind)))
        };
        let barred: Vec<String> = of_type("Zone").flat_map(|one| list(&one["restrictionInfo"]["zones"])).collect();
        let zones = entry["locationInfo"].as_array().into_iter().flatten().flat_map(|info| list(&info["zones"]));
        let capability = |wanted: &str| {
            let all = entry["capabilities"].as_array().into_iter().flatten();
            all.filter(|one| one["name"] == wanted).find_map(|one| one["value"].as_str()?.parse().ok())
        };
        Some(Self {
            name: text("name").to_owned(),
            family: text("family").to_owned(),
            vcpus: capability("vCPUs"),
            zones: zones.filter(|zone| !barred.contains(zone)).collect(),
            restricted: of_type("Location").next().map(|one| one["reasonCode"].as_str().unwrap_or("restricted").to_owned()),
        })
    }
}

/// A quota and how much of it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Its name, `standardDSv5Family` or `cores`.
    pub name: String,
    /// The name for people.
    pub title: String,
    /// In use.
    pub used: i64,
    /// The most.
    pub limit: i64,
}

impl Usage {
    /// Reads an entry of `usages` (Azure REST reference, Usage - List).
    #[must_use]
    pub fn read(entry: &Value) -> Option<Self> {
        let name = entry["name"]["value"].as_str()?.to_owned();
        let title = entry["name"]["localizedValue"].as_str().unwrap_or(&name).to_owned();
        Some(Self { title, used: entry["currentValue"].as_i64()?, limit: entry["limit"].as_i64()?, name })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_size_is_read_with_where_it_may_be_used() {
        let entry = json!({"resourceType": "virtualMachines", "name": "Standard_D4s_v5", "family": "standardDSv5Family",
            "locationInfo": [{"location": "westeurope", "zones": ["1", "2", "3"]}],
            "capabilities": [{"name": "vCPUs", "value": "4"}, {"name": "MemoryGB", "value": "16"}],
            "restrictions": [{"type": "Zone", "values": ["westeurope"], "restrictionInfo": {"zones": ["2"]}, "reasonCode": "NotAvailableForSubscription"}]});
        let size = MachineSize::read(&entry, "standard_d4s_V5").unwrap();
        assert_eq!((size.vcpus, size.zones, size.restricted), (Some(4), vec!["1".to_owned(), "3".to_owned()], None));
        assert_eq!(MachineSize::read(&entry, "Standard_D2s_v5"), None);
        let barred = json!({"resourceType": "virtualMachines", "name": "a", "restrictions": [{"type": "Location", "reasonCode": "QuotaId"}]});
        assert_eq!(MachineSize::read(&barred, "a").unwrap().restricted.as_deref(), Some("QuotaId"));
    }
}
