//! The resource group and the cluster.

use super::id::canonical;
use super::layout::Body;
use super::value::Value;
use crate::desired::declared::{DEFAULT_NODES, follows_channel};
use crate::desired::owner;
use crate::spec::Spec;
use crate::spec::file::{Cluster, Entra, OutboundType, Tier};

const CLUSTER: &str = "azurerm_kubernetes_cluster";

/// Adds the resource group.
pub(super) fn group(body: Body, spec: &Spec) -> Body {
    let group = Body::new()
        .set("name", Value::text(&spec.stack.azure.resource_group))
        .set("location", Value::Expression("var.location"))
        .set("tags", Value::Expression("var.tags"));
    body.block(&["resource", "azurerm_resource_group", "this"], group)
}

/// Adds the cluster.
pub(super) fn cluster(body: Body, spec: &Spec) -> Body {
    let cluster = &spec.stack.cluster;
    let arguments = Body::new()
        .set("name", Value::text(&cluster.name))
        .set("location", Value::Expression("azurerm_resource_group.this.location"))
        .set("resource_group_name", Value::Expression("azurerm_resource_group.this.name"))
        .set("dns_prefix", Value::text(dns_prefix(&cluster.name)))
        .set("kubernetes_version", Value::Expression("var.kubernetes_version"))
        .set("sku_tier", word(cluster.tier))
        .set_some("support_plan", (cluster.tier == Tier::Premium).then(|| Value::text("AKSLongTermSupport")))
        .set("private_cluster_enabled", Value::Bool(cluster.private))
        .set_some("automatic_upgrade_channel", cluster.upgrade_channel.map(word))
        .set("node_os_upgrade_channel", word(cluster.node_os_upgrade_channel))
        .set_some("local_account_disabled", cluster.entra.as_ref().map(|entra| Value::Bool(!entra.local_accounts)))
        .set("tags", Value::Expression("var.tags"))
        .part(&["default_node_pool"], node_pool(spec))
        .part(&["identity"], Body::new().set("type", Value::text("SystemAssigned")))
        .part(&["network_profile"], network(spec))
        .gap()
        .comment("Node auto-provisioning moves nodes by itself; this stack has a pool of its own.")
        .block(&["node_provisioning_profile"], Body::new().set("mode", Value::text("Manual")));
    let autoscaled = cluster.node_pool.min.is_some();
    let ignored = owner::ignored_by_terraform(CLUSTER, autoscaled, follows_channel(cluster));
    let arguments = options(arguments, cluster)
        .gap()
        .comment(
            "The metrics add-on is switched on by aksight once the data collection rule is associated; declared here, it would",
        )
        .comment("be rebuilt without what others set in it.")
        .block(&["lifecycle"], lifecycle(ignored));
    body.part(&["resource", CLUSTER, "this"], arguments)
}

/// The blocks that only some clusters have.
fn options(mut body: Body, cluster: &Cluster) -> Body {
    if cluster.network.outbound_type == OutboundType::None {
        body = body
            .gap()
            .comment("Without a way out, nodes take their images from a registry of Azure's; azurerm insists on it.")
            .block(&["bootstrap_profile"], Body::new().set("artifact_source", Value::text("Cache")));
    }
    if !cluster.authorized_ip_ranges.is_empty() {
        let ranges = Body::new().set("authorized_ip_ranges", Value::texts(&cluster.authorized_ip_ranges));
        body = body.part(&["api_server_access_profile"], ranges);
    }
    match &cluster.entra {
        Some(entra) => body.part(&["azure_active_directory_role_based_access_control"], sign_in(entra)),
        None => body,
    }
}

/// The list of groups is always written: azurerm refuses the block without it or a tenant, even when it is empty.
fn sign_in(entra: &Entra) -> Body {
    Body::new()
        .set("azure_rbac_enabled", Value::Bool(entra.azure_rbac))
        .set("admin_group_object_ids", Value::texts(&entra.admin_groups))
}

/// `ignore_changes`, as the ledger says.
pub(super) fn lifecycle(ignored: Vec<&'static str>) -> Body {
    Body::new().set("ignore_changes", Value::Lines(ignored))
}

fn node_pool(spec: &Spec) -> Body {
    let pool = &spec.stack.cluster.node_pool;
    let autoscaled = pool.min.is_some();
    Body::new()
        .set("name", Value::text(&pool.name))
        .set("vm_size", Value::text(&pool.vm_size))
        .set_some("auto_scaling_enabled", autoscaled.then_some(Value::Bool(true)))
        .set_some("min_count", pool.min.map(Value::Number))
        .set_some("max_count", pool.max.map(Value::Number))
        .set_some("node_count", (!autoscaled).then(|| Value::Number(pool.count.unwrap_or(DEFAULT_NODES))))
        .set_some("max_pods", pool.max_pods.map(Value::Number))
        .set_some("os_sku", pool.os_sku.map(word))
        .set_some("zones", (!pool.zones.is_empty()).then(|| Value::texts(&pool.zones)))
        .set_some("vnet_subnet_id", spec.subnet.as_ref().map(|id| Value::text(canonical(id))))
        .comment("Changes of the machines go by way of a pool of this name.")
        .set("temporary_name_for_rotation", Value::text("aksighttmp"))
        .part(&["upgrade_settings"], Body::new().set("max_surge", Value::text(&pool.max_surge)))
}

fn network(spec: &Spec) -> Body {
    let (network, acns) = (&spec.stack.cluster.network, &spec.stack.cluster.acns);
    let body = Body::new()
        .set("network_plugin", Value::text("azure"))
        .set("network_plugin_mode", Value::text("overlay"))
        .set("network_data_plane", Value::text("cilium"))
        .set("network_policy", Value::text("cilium"))
        .set("pod_cidr", Value::text(&network.pod_cidr))
        .set("service_cidr", Value::text(&network.service_cidr))
        .set("dns_service_ip", Value::text(spec.dns_service_ip.to_string()))
        .set_some("outbound_type", (network.outbound_type != OutboundType::LoadBalancer).then(|| word(network.outbound_type)));
    if !acns.observability && !acns.security {
        return body;
    }
    let advanced = Body::new()
        .set("observability_enabled", Value::Bool(acns.observability))
        .set("security_enabled", Value::Bool(acns.security));
    body.gap()
        .comment("Advanced Container Networking Services: Hubble's metrics come from here.")
        .block(&["advanced_networking"], advanced)
}

/// A choice of the file in Azure's spelling, which is its own.
pub(super) fn word(choice: impl serde::Serialize) -> Value {
    match serde_json::to_value(choice) {
        Ok(serde_json::Value::String(word)) => Value::Text(word),
        _ => Value::Text(String::new()),
    }
}

/// 1 to 54 letters, digits and hyphens, alphanumeric at both ends (azurerm's rule for `dns_prefix`).
fn dns_prefix(cluster: &str) -> String {
    let kept: String = cluster.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(54).collect();
    kept.trim_matches('-').to_owned()
}
