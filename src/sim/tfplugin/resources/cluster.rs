//! What azurerm does to a cluster beyond its table (contract §11.4 and §11.6).

use serde_json::{Value as Json, json};

use super::{Id, Kind, ResourceError, kubeconfig, set_text};
use crate::sim::tfplugin::arm::Arm;
use crate::sim::tfplugin::mapping::{expand, slot};
use crate::sim::tfplugin::schema::{CLUSTER, Presence};
use crate::sim::tfplugin::value::Value;

/// Changes of these replace the pool's machines.
const ROTATING: [&str; 17] = [
    "fips_enabled",
    "host_encryption_enabled",
    "kubelet_config",
    "kubelet_disk_type",
    "linux_os_config",
    "max_pods",
    "node_public_ip_enabled",
    "only_critical_addons_enabled",
    "os_disk_size_gb",
    "os_disk_type",
    "os_sku",
    "pod_subnet_id",
    "snapshot_id",
    "ultra_ssd_enabled",
    "vm_size",
    "vnet_subnet_id",
    "zones",
];

/// Fills in what azurerm sends with every new cluster.
pub(super) fn complete(planned: &Value, body: &mut Json) -> Result<(), ResourceError> {
    refuse_apart(&Value::Null, planned)?;
    if planned.get("identity").items().is_empty() && planned.get("service_principal").items().is_empty() {
        return Err(ResourceError::Combination(
            "either an `identity` or `service_principal` block must be specified for cluster authentication",
        ));
    }
    check_versions(planned)?;
    set_text(body, "/sku/name", "Base");
    set_text(body, "/properties/agentPoolProfiles/0/mode", "System");
    set_text(body, "/properties/agentPoolProfiles/0/osType", "Linux");
    if !planned.get("identity").items().is_empty() {
        set_text(body, "/properties/servicePrincipalProfile/clientId", "msi");
    }
    monitor(planned, body);
    if !planned.get("azure_active_directory_role_based_access_control").items().is_empty() {
        *slot(body, "/properties/aadProfile/managed") = json!(true);
    }
    if planned.get("edge_zone").text().is_some() {
        set_text(body, "/extendedLocation/type", "EdgeZone");
    }
    Ok(())
}

/// Builds the monitoring profile anew: off, or on with both lists, empty when the block does not name them.
fn monitor(planned: &Value, body: &mut Json) {
    let block = planned.only("monitor_metrics");
    let list = |name: &str| block.get(name).text().unwrap_or_default().to_owned();
    *slot(body, "/properties/azureMonitorProfile") = match block {
        Value::Null => json!({ "metrics": { "enabled": false } }),
        _ => json!({ "metrics": { "enabled": true, "kubeStateMetrics": {
            "metricAnnotationsAllowList": list("annotations_allowed"),
            "metricLabelsAllowlist": list("labels_allowed"),
        } } }),
    };
}

/// AKS makes the first pool with the control plane's version whatever is asked for, so azurerm refuses a difference.
fn check_versions(planned: &Value) -> Result<(), ResourceError> {
    let control = planned.get("kubernetes_version").text();
    let pool = planned.only("default_node_pool").get("orchestrator_version").text();
    if matches!((control, pool), (Some(control), Some(pool)) if control != pool) {
        return Err(ResourceError::Combination(
            "version mismatch between the control plane and the default node pool, they must use the same kubernetes versions",
        ));
    }
    Ok(())
}

/// Prepares an update: two objects are built anew when their block changes, which drops what the program wrote beside them.
pub(super) fn rebuild(prior: &Value, planned: &Value, body: &mut Json) -> Result<(), ResourceError> {
    refuse_apart(prior, planned)?;
    if prior.get("monitor_metrics") != planned.get("monitor_metrics") {
        monitor(planned, body);
    }
    let advanced = |state: &Value| state.only("network_profile").get("advanced_networking").clone();
    if advanced(prior) != advanced(planned) {
        let off = json!({ "enabled": false, "observability": { "enabled": false }, "security": { "enabled": false } });
        *slot(body, "/properties/networkProfile/advancedNetworking") = off;
    }
    Ok(())
}

/// Blocks that are resources of their own in ARM are not carried out; better said than dropped.
fn refuse_apart(prior: &Value, planned: &Value) -> Result<(), ResourceError> {
    let touched = |name: &str| prior.get(name).items() != planned.get(name).items();
    match CLUSTER.blocks.iter().find(|nested| nested.presence == Presence::Apart && touched(nested.name)) {
        Some(nested) => Err(ResourceError::NotCarriedOut(nested.name)),
        None => Ok(()),
    }
}

/// Brings the pool that the state knows to the front, and hides the service principal that stands for "managed identity".
pub(super) fn arrange(body: &mut Json, state: &Value) {
    let known = state.only("default_node_pool").get("name").text().map(str::to_owned);
    if let Some(Json::Array(pools)) = body.pointer_mut("/properties/agentPoolProfiles") {
        let at = known.and_then(|name| pools.iter().position(|pool| pool["name"] == name.as_str()));
        let at = at.or_else(|| pools.iter().position(|pool| pool["mode"] == "System"));
        if let Some(at) = at {
            pools.swap(0, at);
        }
    }
    if body.pointer("/properties/servicePrincipalProfile/clientId").is_some_and(|id| id == "msi") {
        crate::sim::tfplugin::mapping::remove(body, "/properties/servicePrincipalProfile");
    }
}

/// Fills in what the cluster's body does not hold: the node group's id and the kubeconfigs.
pub(super) async fn dress(arm: &Arm, id: &Id, body: &Json, state: &mut Value) -> Result<(), ResourceError> {
    let nodes = body.pointer("/properties/nodeResourceGroup").and_then(Json::as_str);
    let nodes =
        nodes.map_or(Value::Null, |group| Value::Text(format!("/subscriptions/{}/resourceGroups/{group}", id.subscription)));
    state.put("node_resource_group_id", nodes);
    let admin = !state.get("azure_active_directory_role_based_access_control").items().is_empty()
        && !state.get("local_account_disabled").is_true();
    for (attribute, action, wanted) in
        [("kube_config", "listClusterUserCredential", true), ("kube_admin_config", "listClusterAdminCredential", admin)]
    {
        let text = if wanted { credential(arm, id, action).await } else { None };
        state.put(attribute, text.as_deref().map_or_else(|| Value::List(vec![]), kubeconfig::flatten));
        state.put(&format!("{attribute}_raw"), text.map_or(Value::Null, Value::Text));
    }
    Ok(())
}

/// A kubeconfig, or nothing when the caller may not have one.
async fn credential(arm: &Arm, id: &Id, action: &str) -> Option<String> {
    let api = Kind::of(id.kind)?.api;
    let answer = arm.post(&format!("{}/{action}", id.path()), api).await.ok()?;
    kubeconfig::decode(answer.pointer("/kubeconfigs/0/value")?.as_str()?)
}

/// Updates the default pool, which is a resource of its own; a change of its machines goes by way of a temporary pool.
pub(super) async fn update_pool(arm: &Arm, id: &Id, prior: &Value, planned: &Value) -> Result<(), ResourceError> {
    let (Some(kind), Some(nested)) = (Kind::of(id.kind), CLUSTER.nested("default_node_pool")) else { return Ok(()) };
    let name = prior.get("name").text().unwrap_or_default();
    let path = |name: &str| format!("{}/agentPools/{name}", id.path());
    if prior == planned {
        return Ok(());
    }
    let before = id.failed("retrieving default node pool of", "", arm.get(&path(name), kind.api).await)?;
    let mut body = json!({ "properties": before["properties"] });
    expand(nested.block, prior, planned, &mut body["properties"]);
    super::super::mapping::remove(&mut body, "/properties/name");
    if body["properties"] == before["properties"] {
        return Ok(());
    }
    let put = async |name: &str| {
        let put = arm.put(&path(name), kind.api, &body, kind.limit).await;
        id.failed("updating Default Node Pool of", "CreateOrUpdate", put)
    };
    let delete = async |name: &str| {
        let delete = arm.delete(&path(name), kind.api, kind.limit).await;
        id.failed("deleting Default Node Pool of", "Delete", delete)
    };
    let rotating: Vec<&str> = ROTATING.into_iter().filter(|key| prior.get(key) != planned.get(key)).collect();
    if rotating.is_empty() {
        return put(name).await;
    }
    let Some(temporary) = planned.get("temporary_name_for_rotation").text() else {
        return Err(ResourceError::Rotation(rotating.join(", ")));
    };
    put(temporary).await?;
    delete(name).await?;
    put(name).await?;
    delete(temporary).await
}
