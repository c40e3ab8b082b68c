//! `cluster`: the AKS cluster. Overlay, Cilium and ACNS are what aksight builds, so there are no switches for the first two.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The AKS cluster: Azure CNI overlay with Cilium.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cluster {
    /// Name of the cluster. 1 to 63 letters, digits, `_` and `-`, with a letter or digit at both ends.
    pub name: String,
    /// Kubernetes version, `1.33` or `1.33.5`. Left out: Azure's default. ACNS needs 1.29 or newer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubernetes_version: Option<String>,
    /// Price tier of the control plane.
    #[serde(default)]
    pub tier: Tier,
    /// The first node pool.
    #[serde(default)]
    pub node_pool: NodePool,
    /// Address ranges and the way out.
    #[serde(default)]
    pub network: Network,
    /// Whether the API server has a private address only. Cannot be changed later.
    #[serde(default)]
    pub private: bool,
    /// Address ranges that may reach a public API server, in CIDR form. Empty: everybody, who then still has to sign in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorized_ip_ranges: Vec<String>,
    /// Advanced Container Networking Services, the source of the network metrics.
    #[serde(default)]
    pub acns: Acns,
    /// Sign-in to the cluster through Entra. Left out: Kubernetes accounts only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entra: Option<Entra>,
    /// Automatic upgrades of Kubernetes. Left out: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgrade_channel: Option<UpgradeChannel>,
    /// Automatic upgrades of the nodes' operating system.
    #[serde(default)]
    pub node_os_upgrade_channel: NodeOsUpgradeChannel,
}

/// Price tier of the control plane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Tier {
    /// No charge, no guaranteed uptime.
    #[default]
    Free,
    /// Guaranteed uptime.
    Standard,
    /// Guaranteed uptime and long-term support.
    Premium,
}

/// Automatic upgrades of Kubernetes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UpgradeChannel {
    /// The newest patch of the minor version.
    Patch,
    /// The newest patch of the newest minor version.
    Rapid,
    /// New node images only.
    NodeImage,
    /// The newest patch of the minor version before the newest.
    Stable,
}

/// Automatic upgrades of the nodes' operating system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum NodeOsUpgradeChannel {
    /// A new node image every week.
    #[default]
    NodeImage,
    /// Security patches as they appear.
    SecurityPatch,
    /// What the operating system does by itself.
    Unmanaged,
    /// Nothing.
    None,
}

/// The first node pool: a fixed `count`, or `min` and `max` for the cluster autoscaler.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct NodePool {
    /// Name of the pool. 1 to 12 lower-case letters and digits, a letter first.
    pub name: String,
    /// Size of the machines, such as `Standard_D4s_v5`.
    pub vm_size: String,
    /// Number of nodes, 1 to 1000. Left out: 2, or what the autoscaler wants when `min` and `max` are set.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub count: Option<u32>,
    /// Fewest nodes for the autoscaler, 1 to 1000.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub min: Option<u32>,
    /// Most nodes for the autoscaler, 1 to 1000.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub max: Option<u32>,
    /// Availability zones, from `1`, `2` and `3`. Empty: none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub zones: Vec<String>,
    /// Operating system. Left out: Azure's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub os_sku: Option<OsSku>,
    /// Most pods per node, 10 to 250. Left out: Azure's default, which is 250 with the overlay.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 10, max = 250))]
    pub max_pods: Option<u32>,
    /// Extra nodes during an upgrade: a number or a percentage.
    pub max_surge: String,
    /// Id of an existing subnet for the nodes. Left out: Azure creates a network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet_id: Option<String>,
}

impl Default for NodePool {
    fn default() -> Self {
        Self {
            name: "system".to_owned(),
            vm_size: "Standard_D4s_v5".to_owned(),
            count: None,
            min: None,
            max: None,
            zones: Vec::new(),
            os_sku: None,
            max_pods: None,
            max_surge: "10%".to_owned(),
            subnet_id: None,
        }
    }
}

/// Operating system of Linux nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OsSku {
    /// Ubuntu, in the version that goes with the Kubernetes version.
    Ubuntu,
    /// Ubuntu 22.04.
    Ubuntu2204,
    /// Ubuntu 24.04.
    Ubuntu2404,
    /// Azure Linux, in the version that goes with the Kubernetes version.
    AzureLinux,
    /// Azure Linux 3.
    AzureLinux3,
}

/// Address ranges and the way out. The ranges must not overlap each other or the nodes' network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Network {
    /// Addresses of pods, IPv4 in CIDR form. Every node takes a /24 of it.
    pub pod_cidr: String,
    /// Addresses of services, IPv4 in CIDR form, /12 or smaller.
    pub service_cidr: String,
    /// Address of the DNS service, within `serviceCidr` and not its first. Left out: the tenth address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns_service_ip: Option<String>,
    /// How nodes reach the internet.
    pub outbound_type: OutboundType,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            pod_cidr: "10.244.0.0/16".to_owned(),
            service_cidr: "10.0.0.0/16".to_owned(),
            dns_service_ip: None,
            outbound_type: OutboundType::default(),
        }
    }
}

/// How nodes reach the internet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OutboundType {
    /// Through the cluster's load balancer.
    #[default]
    #[serde(rename = "loadBalancer")]
    LoadBalancer,
    /// Through a NAT gateway that AKS manages.
    #[serde(rename = "managedNATGateway")]
    ManagedNatGateway,
    /// Through a NAT gateway on your own subnet; needs `nodePool.subnetId`.
    #[serde(rename = "userAssignedNATGateway")]
    UserAssignedNatGateway,
    /// Through your own routes; needs `nodePool.subnetId`.
    #[serde(rename = "userDefinedRouting")]
    UserDefinedRouting,
    /// Not at all. The metrics agents then need private links to the workspace.
    #[serde(rename = "none")]
    None,
}

/// Advanced Container Networking Services. A paid feature of AKS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Acns {
    /// Network metrics of pods and nodes: Hubble and Cilium.
    pub observability: bool,
    /// Network policies beyond addresses and ports.
    pub security: bool,
    /// What those policies can name; `FQDN` and `L7` need `security: true`. Left out: `FQDN` with security, `None` without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_mode: Option<PolicyMode>,
}

impl Default for Acns {
    fn default() -> Self {
        Self { observability: true, security: false, policy_mode: None }
    }
}

/// What network policies can name (contract §7.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PolicyMode {
    /// Addresses and ports only.
    None,
    /// DNS names as well.
    #[serde(rename = "FQDN")]
    Fqdn,
    /// DNS names, HTTP, gRPC and Kafka as well, through Envoy.
    L7,
}

impl PolicyMode {
    /// As ARM spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Fqdn => "FQDN",
            Self::L7 => "L7",
        }
    }
}

/// Sign-in to the cluster through Entra.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Entra {
    /// Whether Azure role assignments decide what somebody may do in the cluster.
    pub azure_rbac: bool,
    /// Object ids of groups whose members administer the cluster.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub admin_groups: Vec<String>,
    /// Whether the cluster keeps its own accounts beside Entra's.
    pub local_accounts: bool,
}

impl Default for Entra {
    fn default() -> Self {
        Self { azure_rbac: true, admin_groups: Vec::new(), local_accounts: true }
    }
}
