//! The fields that the generated HCL declares, and where ARM keeps each: with this table drift in them is seen without starting
//! terraform. A test in `hcl` keeps it complete: every argument that is rendered has a row.
//!
//! Places and spellings in ARM: contract §2, §3.2, §3.3, §3.8, §11.4-§11.6.

use serde::Serialize;
use serde_json::{Value, json};

use super::owner;
use crate::spec::file::{Cluster, NodePool, OutboundType, Tier, UpgradeChannel};
use crate::spec::{Placement, Spec};

use super::address::{CLUSTER, GRAFANA, GROUP, WORKSPACE};

/// One argument of the generated HCL.
#[derive(Clone, Debug, PartialEq)]
pub struct DeclaredField {
    /// The resource's address.
    pub address: &'static str,
    /// The argument, as terraform writes its path: `network_profile[0].pod_cidr`.
    pub field: String,
    /// Where ARM keeps it: a JSON pointer in which `name=x` picks the node pool whose `name` is `x`, or else the first system pool,
    /// which azurerm takes for the default one then.
    pub pointer: String,
    /// A switch above it, as a JSON pointer: while that is off, so is this one, whatever ARM keeps in its place.
    pub below: Option<&'static str>,
    /// What is declared, as ARM spells it; null when nothing is.
    pub expected: Value,
    /// What a value that is missing in ARM means.
    pub missing: Value,
    /// How two values are compared.
    pub alike: Alike,
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alike {
    /// As they are.
    Exactly,
    /// Texts without case.
    WithoutCase,
    /// Names of regions: without case and spaces.
    Region,
    /// Lists without order, texts without case.
    Set,
    /// Maps, key by key.
    Tags,
    /// `count` or `count%`, as text.
    Surge,
    /// Kubernetes versions: a minor version stands for each of its patches.
    Version,
}

/// Every field that the HCL of this file declares, in the order of `main.tf`. What the ledger lets others move is left out.
#[must_use]
pub fn fields(spec: &Spec) -> Vec<DeclaredField> {
    let mut all = Vec::new();
    let tags = json!(spec.stack.azure.tags);
    let common = |address: &'static str| {
        [row(address, "location", "/location", json!(spec.location)).alike(Alike::Region), {
            row(address, "tags", "/tags", tags.clone()).alike(Alike::Tags).missing(json!({}))
        }]
    };
    all.extend(common(GROUP));
    all.extend(common(CLUSTER));
    all.extend(cluster(spec));
    if matches!(spec.workspace, Placement::Create(_)) {
        all.extend(common(WORKSPACE));
    }
    if matches!(spec.grafana, Placement::Create(_)) {
        all.extend(common(GRAFANA));
        all.extend(grafana(spec));
    }
    let autoscaled = spec.stack.cluster.node_pool.min.is_some();
    let moved = owner::ignored_by_terraform("azurerm_kubernetes_cluster", autoscaled, follows_channel(&spec.stack.cluster));
    all.retain(|field| field.address != CLUSTER || !moved.contains(&field.field.as_str()));
    all
}

/// Whether an upgrade channel moves the Kubernetes version.
#[must_use]
pub fn follows_channel(cluster: &Cluster) -> bool {
    matches!(cluster.upgrade_channel, Some(UpgradeChannel::Patch | UpgradeChannel::Rapid | UpgradeChannel::Stable))
}

fn row(address: &'static str, field: &str, pointer: &str, expected: Value) -> DeclaredField {
    let (field, pointer) = (field.to_owned(), pointer.to_owned());
    DeclaredField { address, field, pointer, below: None, expected, missing: Value::Null, alike: Alike::Exactly }
}

impl DeclaredField {
    fn alike(self, alike: Alike) -> Self {
        Self { alike, ..self }
    }

    fn missing(self, missing: Value) -> Self {
        Self { missing, ..self }
    }

    fn word(self) -> Self {
        self.alike(Alike::WithoutCase)
    }

    /// A switch whose absence means off.
    fn switch(self) -> Self {
        self.missing(json!(false))
    }

    /// What ARM has in this place.
    #[must_use]
    pub fn found<'a>(&'a self, body: &'a Value) -> &'a Value {
        if self.below.and_then(|pointer| body.pointer(pointer)) == Some(&Value::Bool(false)) {
            return &self.missing;
        }
        let step = |value: &'a Value, part: &str| match (part.split_once('='), value) {
            (Some((key, name)), Value::Array(items)) => {
                let named = items.iter().find(|item| item[key] == name);
                named.or_else(|| items.iter().find(|item| item["mode"] == "System"))
            }
            _ => value.get(part),
        };
        let found = self.pointer.split('/').skip(1).try_fold(body, step);
        found.filter(|value| !value.is_null()).unwrap_or(&self.missing)
    }
}

/// A choice of the file in Azure's spelling, which is its own.
fn spelled(choice: impl Serialize) -> Value {
    serde_json::to_value(choice).unwrap_or(Value::Null)
}

fn cluster(spec: &Spec) -> Vec<DeclaredField> {
    let cluster = &spec.stack.cluster;
    let at = |field: &str, pointer: &str, expected: Value| row(CLUSTER, field, pointer, expected);
    let api = "/properties/apiServerAccessProfile";
    let mut all = vec![
        at("sku_tier", "/sku/tier", spelled(cluster.tier)).word(),
        at("private_cluster_enabled", &format!("{api}/enablePrivateCluster"), json!(cluster.private)).switch(),
        at("automatic_upgrade_channel", "/properties/autoUpgradeProfile/upgradeChannel", {
            cluster.upgrade_channel.map_or_else(|| json!("none"), spelled)
        })
        .missing(json!("none"))
        .word(),
        at(
            "node_os_upgrade_channel",
            "/properties/autoUpgradeProfile/nodeOSUpgradeChannel",
            spelled(cluster.node_os_upgrade_channel),
        )
        .word(),
        at("identity[0].type", "/identity/type", json!("SystemAssigned")).word(),
        at("node_provisioning_profile[0].mode", "/properties/nodeProvisioningProfile/mode", json!("Manual"))
            .missing(json!("Manual"))
            .word(),
        at("local_account_disabled", "/properties/disableLocalAccounts", {
            json!(cluster.entra.as_ref().is_some_and(|entra| !entra.local_accounts))
        })
        .switch(),
        at(
            "api_server_access_profile[0].authorized_ip_ranges",
            &format!("{api}/authorizedIPRanges"),
            json!(cluster.authorized_ip_ranges),
        )
        .missing(json!([]))
        .alike(Alike::Set),
    ];
    all.extend(
        cluster
            .kubernetes_version
            .as_ref()
            .map(|version| at("kubernetes_version", "/properties/kubernetesVersion", json!(version)).alike(Alike::Version)),
    );
    let premium = cluster.tier == Tier::Premium;
    all.extend(premium.then(|| at("support_plan", "/properties/supportPlan", json!("AKSLongTermSupport")).word()));
    if let Some(entra) = &cluster.entra {
        let block = "azure_active_directory_role_based_access_control[0]";
        all.push(
            at(&format!("{block}.azure_rbac_enabled"), "/properties/aadProfile/enableAzureRBAC", json!(entra.azure_rbac))
                .switch(),
        );
        let groups = at(
            &format!("{block}.admin_group_object_ids"),
            "/properties/aadProfile/adminGroupObjectIDs",
            json!(entra.admin_groups),
        );
        all.push(groups.missing(json!([])).alike(Alike::Set));
    }
    if cluster.network.outbound_type == OutboundType::None {
        all.push(
            at("bootstrap_profile[0].artifact_source", "/properties/bootstrapProfile/artifactSource", json!("Cache")).word(),
        );
    }
    all.extend(network(spec));
    all.extend(pool(&cluster.node_pool, spec));
    all
}

fn network(spec: &Spec) -> Vec<DeclaredField> {
    let (network, acns) = (&spec.stack.cluster.network, &spec.stack.cluster.acns);
    let at = |field: &str, name: &str, expected: Value| {
        row(CLUSTER, &format!("network_profile[0].{field}"), &format!("/properties/networkProfile/{name}"), expected)
    };
    let mut all = vec![
        at("network_plugin", "networkPlugin", json!("azure")).word(),
        at("network_plugin_mode", "networkPluginMode", json!("overlay")).word(),
        at("network_data_plane", "networkDataplane", json!("cilium")).word(),
        at("network_policy", "networkPolicy", json!("cilium")).word(),
        at("pod_cidr", "podCidr", json!(network.pod_cidr)),
        at("service_cidr", "serviceCidr", json!(network.service_cidr)),
        at("dns_service_ip", "dnsServiceIP", json!(spec.dns_service_ip.to_string())),
        at("outbound_type", "outboundType", spelled(network.outbound_type)).missing(json!("loadBalancer")).word(),
    ];
    let advanced = "advanced_networking[0]";
    for (field, part, on) in
        [("observability_enabled", "observability", acns.observability), ("security_enabled", "security", acns.security)]
    {
        let row = at(&format!("{advanced}.{field}"), &format!("advancedNetworking/{part}/enabled"), json!(on)).switch();
        all.push(DeclaredField { below: Some("/properties/networkProfile/advancedNetworking/enabled"), ..row });
    }
    all
}

fn pool(pool: &NodePool, spec: &Spec) -> Vec<DeclaredField> {
    let at = |field: &str, name: &str, expected: Value| {
        let pointer = format!("/properties/agentPoolProfiles/name={}/{name}", pool.name);
        row(CLUSTER, &format!("default_node_pool[0].{field}"), &pointer, expected)
    };
    let autoscaled = pool.min.is_some();
    let mut all = vec![
        at("name", "name", json!(pool.name)),
        at("vm_size", "vmSize", json!(pool.vm_size)).word(),
        at("auto_scaling_enabled", "enableAutoScaling", json!(autoscaled)).switch(),
        at("upgrade_settings[0].max_surge", "upgradeSettings/maxSurge", json!(pool.max_surge)).alike(Alike::Surge),
    ];
    if autoscaled {
        all.push(at("min_count", "minCount", json!(pool.min)));
        all.push(at("max_count", "maxCount", json!(pool.max)));
    } else {
        all.push(at("node_count", "count", json!(pool.count.unwrap_or(DEFAULT_NODES))));
    }
    all.extend(pool.max_pods.map(|pods| at("max_pods", "maxPods", json!(pods))));
    all.extend(pool.os_sku.map(|sku| at("os_sku", "osSKU", spelled(sku)).word()));
    if !pool.zones.is_empty() {
        all.push(at("zones", "availabilityZones", json!(pool.zones)).missing(json!([])).alike(Alike::Set));
    }
    all.extend(spec.subnet.as_ref().map(|id| at("vnet_subnet_id", "vnetSubnetID", json!(id)).word()));
    all
}

/// Two nodes are the fewest on which a flow between nodes can be seen.
pub const DEFAULT_NODES: u32 = 2;

fn grafana(spec: &Spec) -> Vec<DeclaredField> {
    let wish = &spec.stack.grafana;
    let at = |field: &str, pointer: &str, expected: Value| row(GRAFANA, field, pointer, expected);
    let reach = if wish.public_access { "Enabled" } else { "Disabled" };
    let mut all = vec![
        at("grafana_major_version", "/properties/grafanaMajorVersion", json!(spec.grafana_major)),
        at("public_network_access_enabled", "/properties/publicNetworkAccess", json!(reach)).missing(json!("Enabled")).word(),
    ];
    all.extend(wish.size.map(|size| at("sku_size", "/sku/size", spelled(size)).word()));
    all
}
