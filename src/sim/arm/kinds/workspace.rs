//! Azure Monitor workspaces (contract §2.2).

use serde_json::{Map, Value, json};

use super::{Written, fill, must_have_location, with_properties};
use crate::sim::arm::Setting;
use crate::sim::arm::address::Place;
use crate::sim::arm::reply::{Refusal, refuse};
use crate::sim::planes::address_key;
use crate::sim::world::World;

/// A PUT: done at once, with a query endpoint and a side group that holds an endpoint and a rule.
///
/// # Errors
/// No region, or a name that is none.
pub fn write(
    world: &mut World,
    setting: &Setting,
    place: &Place,
    before: Option<&Value>,
    sent: Map<String, Value>,
) -> Result<Written, Refusal> {
    let location = must_have_location(&sent)?;
    if !(4..=63).contains(&place.name.len()) {
        return Err(refuse(
            400,
            "InvalidResourceName",
            format!("The workspace name '{}' must have 4 to 63 characters.", place.name),
        ));
    }
    let mut body = with_properties(sent);
    body["location"] = json!(location);
    let group = format!("ma_{}_{location}_managed", place.name.to_ascii_lowercase());
    let side = |kind: &str| {
        let name = &place.name;
        format!("/subscriptions/{}/resourceGroups/{group}/providers/Microsoft.Insights/{kind}/{name}", setting.subscription)
    };
    let guid = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, place.key.as_bytes()).to_string();
    if let Some(properties) = body["properties"].as_object_mut() {
        for made in ["accountId", "metrics", "defaultIngestionSettings", "provisioningState"] {
            properties.shift_remove(made);
        }
    }
    let defaults = json!({"tags": {}, "properties": {
        "accountId": guid, "publicNetworkAccess": "Enabled", "privateEndpointConnections": [],
        "metrics": {"prometheusQueryEndpoint": format!("{}/prometheus/{}", setting.base_url, address_key(&place.key)), "internalId": format!("mac_{guid}")},
        "defaultIngestionSettings": {"dataCollectionEndpointResourceId": side("dataCollectionEndpoints"), "dataCollectionRuleResourceId": side("dataCollectionRules")},
    }});
    fill(&mut body, &defaults);
    if before.is_none() {
        furnish(world, setting, &group, &location, &place.id, &[side("dataCollectionEndpoints"), side("dataCollectionRules")]);
    }
    Ok(Written::at_once(body))
}

/// The side group with its endpoint and rule.
fn furnish(world: &mut World, setting: &Setting, group: &str, location: &str, owner: &str, sides: &[String; 2]) {
    let id = format!("/subscriptions/{}/resourceGroups/{group}", setting.subscription);
    let body = json!({"id": id, "name": group, "type": "Microsoft.Resources/resourceGroups", "location": location, "managedBy": owner,
        "tags": {}, "properties": {"provisioningState": "Succeeded"}});
    world.resources.insert(id.to_ascii_lowercase(), body);
    for side in sides {
        let (of_type, name) = side.rsplit_once('/').unwrap_or_default();
        let of_type = of_type.rsplit_once("/providers/").unwrap_or_default().1;
        let mut properties = json!({"provisioningState": "Succeeded"});
        if of_type.ends_with("dataCollectionRules") {
            properties["dataCollectionEndpointId"] = json!(sides[0]);
            properties["destinations"] =
                json!({"monitoringAccounts": [{"accountResourceId": owner, "name": "MonitoringAccount1"}]});
            properties["dataFlows"] =
                json!([{"streams": ["Microsoft-PrometheusMetrics"], "destinations": ["MonitoringAccount1"]}]);
        }
        let body = json!({"id": side, "name": name, "type": of_type, "location": location, "properties": properties});
        world.resources.insert(side.to_ascii_lowercase(), body);
    }
}
