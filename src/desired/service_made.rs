//! The catalogue of what Azure changes by itself. It is never drift: drift compares what is declared, and nothing of this is.

use super::address::{CLUSTER, GRAFANA, WORKSPACE};

/// A change that the service makes.
#[derive(Clone, Copy, Debug)]
pub struct ServiceMade {
    /// The resource's address in the generated HCL.
    pub address: &'static str,
    /// The field as a JSON pointer into its ARM body.
    pub pointer: &'static str,
    /// Why it changes.
    pub why: &'static str,
}

const fn made(address: &'static str, pointer: &'static str, why: &'static str) -> ServiceMade {
    ServiceMade { address, pointer, why }
}

/// The catalogue (contract §2.4, §3.2, §3.3, §3.8).
pub const SERVICE_MADE: &[ServiceMade] = &[
    made(CLUSTER, "/properties/agentPoolProfiles/0/nodeImageVersion", "the node OS channel brings new images"),
    made(CLUSTER, "/properties/agentPoolProfiles/0/currentOrchestratorVersion", "patch upgrades of the nodes"),
    made(CLUSTER, "/properties/currentKubernetesVersion", "patch upgrades of the control plane"),
    made(CLUSTER, "/properties/networkProfile/loadBalancerProfile/effectiveOutboundIPs", "addresses of the load balancer"),
    made(CLUSTER, "/properties/metricsProfile/costAnalysis/enabled", "filled in with a default"),
    made(CLUSTER, "/properties/windowsProfile/enableCSIProxy", "filled in with a default"),
    made(CLUSTER, "/systemData/lastModifiedAt", "ARM's own record"),
    made(WORKSPACE, "/properties/metrics/internalId", "given by the service"),
    made(GRAFANA, "/properties/grafanaVersion", "patch releases within the major version"),
    made(GRAFANA, "/properties/outboundIPs", "addresses of the service"),
];
