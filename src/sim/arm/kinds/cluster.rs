//! AKS clusters (contract §2.4, §3.9): what a PUT replaces, what the service fills in, what it refuses.

use serde_json::{Map, Value, json};

use super::{Written, fill, identify, must_have_location, pools, with_properties};
use crate::sim::arm::address::Place;
use crate::sim::arm::reply::{Refusal, refuse};
use crate::sim::arm::{Call, Setting, versions};
use crate::sim::world::World;

const CREATION_SECONDS: u32 = 240;
const UPDATE_SECONDS: u32 = 90;
/// The version of a cluster that asks for none.
const DEFAULT_VERSION: &str = "1.34";
/// Versions on offer: minor and newest patch.
const VERSIONS: [(&str, &str); 4] = [("1.32", "1.32.9"), ("1.33", "1.33.5"), ("1.34", "1.34.2"), ("1.35", "1.35.0")];
/// Only the service writes these.
const READ_ONLY: [&str; 9] = [
    "provisioningState",
    "maxAgentPools",
    "currentKubernetesVersion",
    "fqdn",
    "privateFQDN",
    "azurePortalFQDN",
    "resourceUID",
    "status",
    "identityProfile",
];
/// These never change after birth.
const FIXED: [&str; 5] = [
    "/dnsPrefix",
    "/nodeResourceGroup",
    "/networkProfile/networkPlugin",
    "/networkProfile/serviceCidr",
    "/apiServerAccessProfile/enablePrivateCluster",
];

/// A PUT: every object that is sent replaces the one that is there, what is not sent stays as it is.
///
/// # Errors
/// What AKS refuses: combinations, versions, changes of what is fixed.
pub fn write(
    world: &mut World,
    setting: &Setting,
    call: &Call,
    place: &Place,
    before: Option<&Value>,
    sent: Map<String, Value>,
) -> Result<Written, Refusal> {
    let location = must_have_location(&sent)?;
    let mut body = with_properties(sent);
    body["location"] = json!(location);
    if let Some(properties) = body["properties"].as_object_mut() {
        for name in READ_ONLY {
            properties.shift_remove(name);
        }
    }
    if let Some(before) = before {
        inherit(&mut body, before);
        versions::keep_unknown(before, &mut body, call.version());
        must_stay(before, &body)?;
    }
    pools::check(&mut body)?;
    let version = version_of(&body)?;
    complete(setting, place, &mut body, &version);
    must_fit(&body)?;
    identify(world, setting, &mut body, before);
    Ok(Written::within(body, if before.is_some() { UPDATE_SECONDS } else { CREATION_SECONDS }))
}

/// Takes over what was not sent.
fn inherit(body: &mut Value, before: &Value) {
    let (Some(body), Some(before)) = (body.as_object_mut(), before.as_object()) else { return };
    for (key, value) in before {
        if key == "properties" {
            let Some(properties) = body.get_mut("properties").and_then(Value::as_object_mut) else { continue };
            for (name, kept) in value.as_object().into_iter().flatten() {
                properties.entry(name.clone()).or_insert_with(|| kept.clone());
            }
        } else {
            body.entry(key.clone()).or_insert_with(|| value.clone());
        }
    }
}

fn must_stay(before: &Value, body: &Value) -> Result<(), Refusal> {
    let at =
        |body: &Value, pointer: &str| body.pointer(&format!("/properties{pointer}")).cloned().filter(|value| !value.is_null());
    for pointer in FIXED {
        if let (Some(old), Some(new)) = (at(before, pointer), at(body, pointer))
            && old != new
        {
            let name = format!("properties{}", pointer.replace('/', "."));
            return Err(refuse(400, "PropertyChangeNotAllowed", format!("Changing property '{name}' is not allowed.")));
        }
    }
    Ok(())
}

/// The full version that a wish leads to.
fn version_of(body: &Value) -> Result<String, Refusal> {
    let wish = body
        .pointer("/properties/kubernetesVersion")
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
        .unwrap_or(DEFAULT_VERSION);
    let minor: String = wish.split('.').take(2).collect::<Vec<_>>().join(".");
    let offered = VERSIONS.into_iter().find(|(known, _)| *known == minor);
    match offered {
        Some(_) if wish.split('.').count() == 3 => Ok(wish.to_owned()),
        Some((_, newest)) => Ok(newest.to_owned()),
        None => Err(refuse(
            400,
            "AgentPoolK8sVersionNotSupported",
            format!(
                "Version {wish} is not supported in this region. Please use [az aks get-versions] command to get the supported version list."
            ),
        )),
    }
}

/// Fills in what the service makes.
fn complete(setting: &Setting, place: &Place, body: &mut Value, version: &str) {
    let group = place.id.split('/').nth(4).unwrap_or_default().to_owned();
    let location = body["location"].as_str().unwrap_or_default().to_owned();
    let prefix = body.pointer("/properties/dnsPrefix").and_then(Value::as_str).unwrap_or(&place.name).to_owned();
    let mark = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, place.key.as_bytes()).simple().to_string();
    let host = format!("{prefix}-{}.hcp.{location}.azmk8s.io", &mark[..8]);
    let asked =
        body.pointer("/properties/kubernetesVersion").and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
    body["properties"]["kubernetesVersion"] = json!(asked.unwrap_or_else(|| version.to_owned()));
    body["properties"]["currentKubernetesVersion"] = json!(version);
    let nodes = format!("MC_{group}_{}_{location}", place.name);
    let kubelet = format!(
        "/subscriptions/{}/resourcegroups/{nodes}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{}-agentpool",
        setting.subscription, place.name
    );
    let guid = |part: &str| uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, format!("{}{part}", place.key).as_bytes()).to_string();
    let defaults = json!({"tags": {}, "sku": {"name": "Base", "tier": "Free"}, "properties": {
        "powerState": {"code": "Running"}, "dnsPrefix": prefix, "fqdn": host, "azurePortalFQDN": host.replace(".hcp.", ".portal.hcp."),
        "nodeResourceGroup": nodes, "enableRBAC": true, "supportPlan": "KubernetesOfficial", "maxAgentPools": 100, "resourceUID": mark,
        "disableLocalAccounts": false, "servicePrincipalProfile": {"clientId": "msi"}, "securityProfile": {},
        "networkProfile": {"networkPlugin": "azure", "networkPolicy": "none", "networkDataplane": "azure", "loadBalancerSku": "standard",
            "loadBalancerProfile": {"managedOutboundIPs": {"count": 1}, "backendPoolType": "nodeIPConfiguration"},
            "podCidr": "10.244.0.0/16", "serviceCidr": "10.0.0.0/16", "dnsServiceIP": "10.0.0.10", "outboundType": "loadBalancer", "ipFamilies": ["IPv4"]},
        "identityProfile": {"kubeletidentity": {"resourceId": kubelet, "clientId": guid("client"), "objectId": guid("object")}},
        "oidcIssuerProfile": {"enabled": false}, "workloadAutoScalerProfile": {}, "metricsProfile": {"costAnalysis": {"enabled": false}},
        "autoUpgradeProfile": {"nodeOSUpgradeChannel": "NodeImage"}, "nodeProvisioningProfile": {"mode": "Manual", "defaultNodePools": "Auto"},
        "storageProfile": {"diskCSIDriver": {"enabled": true}, "fileCSIDriver": {"enabled": true}, "snapshotController": {"enabled": true}},
        "bootstrapProfile": {"artifactSource": "Direct"},
    }});
    fill(body, &defaults);
    let single = |key: &str| body.pointer(&format!("/properties/networkProfile/{key}")).cloned().unwrap_or_default();
    let lists = json!({"podCidrs": [single("podCidr")], "serviceCidrs": [single("serviceCidr")]});
    fill(&mut body["properties"]["networkProfile"], &lists);
    pools::complete(body, version);
}

/// Combinations that AKS refuses (contract §7.5).
fn must_fit(body: &Value) -> Result<(), Refusal> {
    let at = |pointer: &str| body.pointer(&format!("/properties{pointer}"));
    let on = |pointer: &str| at(pointer).and_then(Value::as_bool).unwrap_or(false);
    let word = |pointer: &str| at(pointer).and_then(Value::as_str).unwrap_or_default();
    let cilium = word("/networkProfile/networkDataplane").eq_ignore_ascii_case("cilium");
    let security = on("/networkProfile/advancedNetworking/enabled") && on("/networkProfile/advancedNetworking/security/enabled");
    if security && !cilium {
        return Err(refuse(400, "BadRequest", "Advanced Container Networking Services security requires the Cilium data plane."));
    }
    let mode = word("/networkProfile/advancedNetworking/security/advancedNetworkPolicies");
    if !["", "None", "none"].contains(&mode) && !security {
        return Err(refuse(
            400,
            "BadRequest",
            "advancedNetworkPolicies requires Advanced Container Networking Services security.",
        ));
    }
    if cilium && word("/networkProfile/networkPlugin") != "azure" {
        return Err(refuse(400, "InvalidParameter", "The Cilium data plane requires the network plugin azure."));
    }
    let principal = body.pointer("/identity/type").and_then(Value::as_str).unwrap_or("None");
    if on("/azureMonitorProfile/metrics/enabled") && principal.eq_ignore_ascii_case("None") {
        return Err(refuse(
            400,
            "AzureMonitorProfileNotSupported",
            "Azure Monitor metrics requires a cluster with a managed identity.",
        ));
    }
    Ok(())
}
