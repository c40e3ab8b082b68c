//! Role assignments (contract §4.3-§4.5).

use serde_json::{Map, Value, json};

use super::Written;
use crate::sim::arm::address::Place;
use crate::sim::arm::operations::scaled;
use crate::sim::arm::reply::{Refusal, page, refuse};
use crate::sim::arm::{Call, Reply, Setting};
use crate::sim::effects::access;
use crate::sim::world::World;

const PART: &str = "/providers/microsoft.authorization/roleassignments/";
/// A principal that is younger than this is not everywhere in the directory yet.
const REPLICATION_SECONDS: u32 = 20;

/// A PUT.
///
/// # Errors
/// The same assignment under another name, a name that stands for another one, a principal that nobody knows.
pub fn write(
    world: &World,
    setting: &Setting,
    call: &Call,
    place: &Place,
    before: Option<&Value>,
    sent: &Map<String, Value>,
) -> Result<Written, Refusal> {
    let properties = sent.get("properties").cloned().unwrap_or_default();
    let text = |key: &str| properties[key].as_str().unwrap_or_default().to_owned();
    let (role, principal) = (text("roleDefinitionId"), text("principalId"));
    if uuid::Uuid::parse_str(&place.name).is_err() {
        return Err(refuse(
            400,
            "InvalidRoleAssignmentId",
            format!("The role assignment ID '{}' is not valid. The role assignment ID must be a GUID.", place.name),
        ));
    }
    if role.is_empty() || uuid::Uuid::parse_str(&principal).is_err() {
        return Err(refuse(
            400,
            "InvalidPrincipalId",
            "A valid principal ID and role definition must be provided for role assignment.",
        ));
    }
    let scope = place.key.split_once(PART).map(|(scope, _)| scope.to_owned()).unwrap_or_default();
    let same = |body: &Value| {
        last(&body["properties"]["roleDefinitionId"]) == last(&json!(role))
            && body["properties"]["principalId"].as_str().is_some_and(|id| id.eq_ignore_ascii_case(&principal))
    };
    if let Some(before) = before {
        if same(before) {
            return Ok(Written { has_state: false, ..Written::at_once(before.clone()) });
        }
        return Err(refuse(
            400,
            "RoleAssignmentUpdateNotPermitted",
            "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.",
        ));
    }
    let elsewhere = world.resources.keys().any(|key| key.ends_with(&format!("{PART}{}", place.name.to_ascii_lowercase())));
    if elsewhere {
        return Err(refuse(
            400,
            "RoleAssignmentUpdateNotPermitted",
            "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.",
        ));
    }
    let twin = world.resources.iter().find(|(key, body)| key.split_once(PART).is_some_and(|(at, _)| at == scope) && same(body));
    if let Some((key, _)) = twin {
        let name = key.rsplit('/').next().unwrap_or_default();
        return Err(refuse(
            409,
            "RoleAssignmentExists",
            format!(
                "The role assignment already exists. The ID of the conflicting role assignment is {}.",
                name.replace('-', "")
            ),
        ));
    }
    let born = world.memory.principals.get(&principal).copied();
    let young = born.is_some_and(|born| born + scaled(setting, REPLICATION_SECONDS) > setting.now);
    if text("principalType").is_empty() && (young || (born.is_none() && principal != call.caller.oid)) {
        return Err(refuse(
            400,
            "PrincipalNotFound",
            format!(
                "Principal {} does not exist in the directory {}. Check that you have the correct principal ID. If you are creating this principal and then immediately assigning a role, this error might be related to a replication delay. In this case, set the role assignment principalType property to a value, such as ServicePrincipal, User, or Group.",
                principal.replace('-', ""),
                setting.tenant
            ),
        ));
    }
    let now = setting.now.to_string();
    let kind = if text("principalType").is_empty() { "ServicePrincipal".to_owned() } else { text("principalType") };
    let spelled = place.id.rsplit_once("/providers/").map(|(scope, _)| scope).unwrap_or_default();
    let spelled = if spelled.is_empty() { "/" } else { spelled };
    let body = json!({"properties": {"roleDefinitionId": role, "principalId": principal, "principalType": kind, "scope": spelled,
        "condition": null, "conditionVersion": null, "description": properties["description"], "createdOn": now, "updatedOn": now,
        "createdBy": call.caller.oid, "updatedBy": call.caller.oid, "delegatedManagedIdentityResourceId": null}});
    Ok(Written { has_state: false, ..Written::at_once(body) })
}

/// The last segment of an id, lower-case: roles are compared by it.
fn last(id: &Value) -> String {
    id.as_str().and_then(|id| id.rsplit('/').next()).unwrap_or_default().to_ascii_lowercase()
}

/// Assignments at, above and below a scope, as `$filter` limits them.
pub fn list(world: &World, scope: &str, filter: Option<&str>) -> Reply {
    let filter = filter.unwrap_or_default();
    let quoted = filter.split('\'').nth(1).map(str::to_ascii_lowercase);
    let above_only = filter.to_ascii_lowercase().contains("atscope") || filter.to_ascii_lowercase().contains("assignedto");
    let reaches = |at: &str| access::contains(at, scope) || (!above_only && at.starts_with(&format!("{scope}/")));
    let of = |body: &Value| {
        quoted
            .as_ref()
            .is_none_or(|wish| body["properties"]["principalId"].as_str().is_some_and(|id| id.eq_ignore_ascii_case(wish)))
    };
    let found = world.resources.iter().filter(|(key, body)| key.split_once(PART).is_some_and(|(at, _)| reaches(at)) && of(body));
    page(found.map(|(_, body)| body.clone()))
}
