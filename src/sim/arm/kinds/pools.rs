//! Agent pools: part of the cluster's body and resources of their own at once.

use serde_json::{Value, json};

use super::fill;
use crate::sim::arm::address::{Address, Place, read};
use crate::sim::arm::memory::Verb;
use crate::sim::arm::operations::{begin, busy, set_state};
use crate::sim::arm::reply::{Refusal, bare, body, page, refuse};
use crate::sim::arm::{Call, Reply, Setting};
use crate::sim::world::World;

const PUT_SECONDS: u32 = 60;
const POOLS: &str = "/properties/agentPoolProfiles";
/// Only the service writes these.
const READ_ONLY: [&str; 5] = ["eTag", "provisioningState", "currentOrchestratorVersion", "nodeImageVersion", "status"];

/// Checks the pools of a cluster that is written.
///
/// # Errors
/// There is none, none is for system pods, or one has a bad name.
pub fn check(cluster: &mut Value) -> Result<(), Refusal> {
    let Some(pools) = cluster.pointer_mut(POOLS).and_then(Value::as_array_mut).filter(|pools| !pools.is_empty()) else {
        return Err(refuse(400, "InvalidParameter", "Required parameter agentPoolProfiles is missing (null or empty)."));
    };
    for pool in &mut *pools {
        if let Some(pool) = pool.as_object_mut() {
            for name in READ_ONLY {
                pool.shift_remove(name);
            }
        }
        let name = pool["name"].as_str().unwrap_or_default();
        let sound = (1..=12).contains(&name.len())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
            && name.starts_with(|c: char| c.is_ascii_lowercase());
        if !sound {
            return Err(refuse(400, "InvalidParameter", format!("The agent pool name '{name}' is not valid.")));
        }
    }
    if !pools.iter().any(|pool| pool["mode"] == "System") {
        return Err(refuse(400, "InvalidParameter", "A cluster needs at least one agent pool of mode System."));
    }
    Ok(())
}

/// Fills in what the service makes of the pools.
pub fn complete(cluster: &mut Value, version: &str) {
    let wish = cluster["properties"]["kubernetesVersion"].clone();
    for pool in cluster.pointer_mut(POOLS).and_then(Value::as_array_mut).into_iter().flatten() {
        complete_one(pool, &wish, version);
    }
}

fn complete_one(pool: &mut Value, wish: &Value, version: &str) {
    let scaled = pool["enableAutoScaling"] == true;
    let count = if scaled { pool["minCount"].as_u64().unwrap_or(1) } else { 1 };
    let sku = pool["osSKU"].as_str().unwrap_or("Ubuntu").to_owned();
    let defaults = json!({"count": count, "vmSize": "Standard_D4s_v5", "mode": "User", "osType": "Linux", "osSKU": sku, "osDiskSizeGB": 128,
        "osDiskType": "Managed", "kubeletDiskType": "OS", "workloadRuntime": "OCIContainer", "maxPods": 250, "type": "VirtualMachineScaleSets",
        "enableAutoScaling": false, "scaleDownMode": "Delete", "powerState": {"code": "Running"}, "orchestratorVersion": wish,
        "enableNodePublicIP": false, "enableEncryptionAtHost": false, "enableUltraSSD": false, "enableFIPS": false,
        "upgradeSettings": {"maxSurge": "10%", "maxUnavailable": "0"}, "securityProfile": {"enableVTPM": false, "enableSecureBoot": false}});
    fill(pool, &defaults);
    pool["currentOrchestratorVersion"] = json!(version);
    pool["nodeImageVersion"] =
        json!(format!("AKS{}-gen2-202610.28.0", if sku.starts_with("Azure") { "AzureLinux-V3" } else { "Ubuntu-2404" }));
    pool["provisioningState"] = json!("Succeeded");
}

fn told(place_of_cluster: &str, pool: &Value) -> Value {
    let name = pool["name"].clone();
    let mut properties = pool.clone();
    if let Some(properties) = properties.as_object_mut() {
        properties.shift_remove("name");
    }
    json!({"id": format!("{place_of_cluster}/agentPools/{}", name.as_str().unwrap_or_default()), "name": name,
        "type": "Microsoft.ContainerService/managedClusters/agentPools", "properties": properties})
}

/// All pools of a cluster.
///
/// # Errors
/// The cluster is not there.
pub fn list(world: &World, cluster: &str) -> Result<Reply, Refusal> {
    let found =
        world.resources.get(cluster).ok_or_else(|| refuse(404, "ParentResourceNotFound", "The cluster was not found."))?;
    let id = found["id"].as_str().unwrap_or_default();
    Ok(page(found.pointer(POOLS).and_then(Value::as_array).into_iter().flatten().map(|pool| told(id, pool))))
}

/// Everything that can be asked of a pool.
///
/// # Errors
/// Cluster or pool are not there, are being changed, or the last system pool would go.
pub fn answer(world: &mut World, setting: &Setting, call: &Call, place: &Place) -> Result<Reply, Refusal> {
    let gone = || refuse(404, "ParentResourceNotFound", format!("The cluster of agent pool '{}' was not found.", place.name));
    let cluster = world.resources.get(&place.parent).cloned().ok_or_else(gone)?;
    let id = cluster["id"].as_str().unwrap_or_default().to_owned();
    let pools = cluster.pointer(POOLS).and_then(Value::as_array).cloned().unwrap_or_default();
    let at = pools.iter().position(|pool| pool["name"].as_str().is_some_and(|name| name.eq_ignore_ascii_case(&place.name)));
    let found = at.map(|at| pools[at].clone());
    if call.method == "GET" {
        let missing = || refuse(404, "NotFound", format!("Could not find agent pool '{}'.", place.name));
        return found.map(|pool| body(200, told(&id, &pool))).ok_or_else(missing);
    }
    if busy(world, &place.parent) {
        return Err(refuse(
            409,
            "OperationNotAllowed",
            "Operation is not allowed: another operation is in progress on the managed cluster.",
        ));
    }
    match call.method.as_str() {
        "PUT" => Ok(put(world, setting, call, place, &cluster, found.as_ref())),
        "DELETE" => delete(world, setting, place, at, &pools),
        _ => Err(refuse(405, "MethodNotAllowed", "The method is not allowed on an agent pool.")),
    }
}

fn put(world: &mut World, setting: &Setting, call: &Call, place: &Place, cluster: &Value, found: Option<&Value>) -> Reply {
    let mut pool = Value::Object(call.body["properties"].as_object().cloned().unwrap_or_default());
    pool["name"] = found.map_or_else(|| json!(place.name), |found| found["name"].clone());
    let version = cluster["properties"]["currentKubernetesVersion"].as_str().unwrap_or_default().to_owned();
    complete_one(&mut pool, &cluster["properties"]["kubernetesVersion"], &version);
    let answer = told(cluster["id"].as_str().unwrap_or_default(), &pool);
    let Some(pools) =
        world.resources.get_mut(&place.parent).and_then(|body| body.pointer_mut(POOLS)).and_then(Value::as_array_mut)
    else {
        return bare(404);
    };
    match pools.iter_mut().find(|there| there["name"] == pool["name"]) {
        Some(there) => *there = pool,
        None => pools.push(pool),
    }
    let headers = begin_on_cluster(world, setting, place);
    Reply { headers, ..body(if found.is_some() { 200 } else { 201 }, answer) }
}

fn delete(world: &mut World, setting: &Setting, place: &Place, at: Option<usize>, pools: &[Value]) -> Result<Reply, Refusal> {
    let Some(at) = at else { return Ok(bare(204)) };
    let left = pools.iter().enumerate().filter(|(index, pool)| *index != at && pool["mode"] == "System").count();
    if left == 0 {
        return Err(refuse(400, "OperationNotAllowed", "There has to be at least one system agent pool."));
    }
    if let Some(pools) =
        world.resources.get_mut(&place.parent).and_then(|body| body.pointer_mut(POOLS)).and_then(Value::as_array_mut)
    {
        pools.remove(at);
    }
    Ok(Reply { headers: begin_on_cluster(world, setting, place), ..bare(202) })
}

/// The pool's operation keeps the whole cluster busy.
fn begin_on_cluster(world: &mut World, setting: &Setting, place: &Place) -> Vec<(String, String)> {
    let Address::Resource(cluster) = read(&place.parent, false) else { return Vec::new() };
    set_state(world, &cluster.key, "Updating");
    begin(world, setting, &cluster, Verb::Put, PUT_SECONDS)
}
