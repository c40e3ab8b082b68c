//! Who may do what in ARM: every request is judged by the role assignments of its caller at its scope and above.
//!
//! What a principal may do is the union over its roles, of each what it allows less what it takes away. The principal that the Azure
//! was made for owns every subscription without an assignment that a list would show. Not simulated: conditions, deny assignments,
//! custom roles, groups, locks, and permissions on resources that a body refers to.

pub mod action;
pub mod roles;

use serde_json::{Value, json};

use super::address::Address;
use super::reply::{Refusal, body, page, refuse};
use super::{Call, Reply, Setting};
use crate::sim::effects::access::{Caller, contains};
use crate::sim::world::World;
use action::Asked;
use roles::{Definition, OWNER};

const PART: &str = "/providers/microsoft.authorization/roleassignments/";

/// What a caller may do: its roles with the scopes that they were given at, lower-case.
#[derive(Clone, Debug)]
pub struct Rights {
    held: Vec<(String, &'static Definition)>,
}

impl Rights {
    /// The rights of a caller: assignments that have had time to take effect.
    pub fn of(world: &World, setting: &Setting, caller: &Caller) -> Self {
        if caller.oid.eq_ignore_ascii_case(setting.owner) {
            return Self { held: vec![(String::new(), &OWNER)] };
        }
        let held = world.resources.iter().filter_map(|(key, body)| {
            let scope = key.split_once(PART)?.0;
            let properties = &body["properties"];
            let mine = properties["principalId"].as_str().is_some_and(|id| {
                caller.oid.eq_ignore_ascii_case(id) || caller.groups.iter().any(|group| group.eq_ignore_ascii_case(id))
            });
            let since: jiff::Timestamp = properties["createdOn"].as_str()?.parse().ok()?;
            let works = mine && since + setting.delays.roles <= setting.now;
            works
                .then(|| roles::named_by(properties["roleDefinitionId"].as_str()?))
                .flatten()
                .map(|role| (scope.to_owned(), role))
        });
        Self { held: held.collect() }
    }

    /// The roles that hold at a lower-case scope.
    fn at<'a>(&'a self, scope: &'a str) -> impl Iterator<Item = &'static Definition> + 'a {
        self.held.iter().filter(move |(above, _)| contains(above, scope)).map(|(_, role)| *role)
    }

    /// Whether an action is allowed at a scope.
    pub fn allow(&self, action: &str, scope: &str) -> bool {
        self.at(&scope.to_ascii_lowercase()).any(|role| role.allows(action))
    }

    /// Whether the resource of this lower-case id may be read.
    pub fn show(&self, key: &str) -> bool {
        self.held.iter().any(|(scope, role)| scope.is_empty() && role.actions == ["*"]) || self.allow(&action::reading(key), key)
    }

    /// Whether anything was given at, above or below a scope: then the subscription is seen.
    pub fn reach(&self, scope: &str) -> bool {
        let scope = scope.to_ascii_lowercase();
        self.held.iter().any(|(held, _)| contains(held, &scope) || contains(&scope, held))
    }
}

/// Refuses what the caller may not do.
///
/// # Errors
/// 403 `AuthorizationFailed`.
pub fn judge(rights: &Rights, setting: &Setting, call: &Call, address: &Address) -> Result<(), Refusal> {
    match action::of(call, address, setting.subscription) {
        // Whoever has anything in a subscription sees the subscription itself.
        Some(asked) if matches!(address, Address::Subscription) && rights.reach(&asked.scope) => Ok(()),
        Some(asked) => must_be_allowed(rights, call, &asked.action, &asked.scope),
        None => Ok(()),
    }
}

/// Refuses an action at a scope that the caller may not do there.
///
/// # Errors
/// 403 `AuthorizationFailed`.
pub fn must_be_allowed(rights: &Rights, call: &Call, action: &str, scope: &str) -> Result<(), Refusal> {
    if rights.allow(action, scope) {
        Ok(())
    } else {
        Err(denied(&call.caller, &Asked { action: action.to_owned(), scope: scope.to_owned() }))
    }
}

fn denied(caller: &Caller, asked: &Asked) -> Refusal {
    refuse(
        403,
        "AuthorizationFailed",
        format!(
            "The client '{}' with object id '{}' does not have authorization to perform action '{}' over scope '{}' or the scope is invalid. If access was recently granted, please refresh your credentials.",
            caller.name, caller.oid, asked.action, asked.scope
        ),
    )
}

/// A list as far as it may be seen. Who sees nothing of it and could not ask for all of it is refused.
///
/// # Errors
/// 403 `AuthorizationFailed`.
pub fn shown(rights: &Rights, call: &Call, action: &str, scope: &str, mut reply: Reply) -> Result<Reply, Refusal> {
    if rights.allow(action, scope) {
        return Ok(reply);
    }
    let rows = reply.body.as_mut().and_then(|body| body["value"].as_array_mut());
    if let Some(rows) = rows {
        rows.retain(|row| row["id"].as_str().is_some_and(|id| rights.show(&id.to_ascii_lowercase())));
        if !rows.is_empty() || (scope.matches('/').count() == 2 && rights.reach(scope)) {
            return Ok(reply);
        }
    }
    Err(denied(&call.caller, &Asked { action: action.to_owned(), scope: scope.to_owned() }))
}

/// `GET {scope}/providers/Microsoft.Authorization/permissions`: one entry per role that holds here.
///
/// # Errors
/// The scope is not there.
pub fn permissions(world: &World, rights: &Rights, scope: &str) -> Result<Reply, Refusal> {
    if scope.contains("/resourcegroups/") && !world.resources.contains_key(scope) {
        let name = scope.split('/').nth(4).unwrap_or_default();
        return Err(if scope.contains("/providers/") {
            refuse(404, "ResourceNotFound", format!("The Resource '{scope}' was not found."))
        } else {
            refuse(404, "ResourceGroupNotFound", format!("Resource group '{name}' could not be found."))
        });
    }
    let mut reply = page(rights.at(scope).map(Definition::permissions));
    if let Some(body) = reply.body.as_mut() {
        body["nextLink"] = Value::Null;
    }
    Ok(reply)
}

/// Role definitions, all or those that a `$filter` by `roleName eq '…'` names.
pub fn definitions(filter: Option<&str>) -> Reply {
    let wish =
        filter.filter(|filter| filter.to_ascii_lowercase().contains("rolename")).and_then(|filter| filter.split('\'').nth(1));
    page(roles::ALL.iter().filter(|role| wish.is_none_or(|wish| wish.eq_ignore_ascii_case(role.name))).map(Definition::body))
}

/// One of them, by its GUID.
///
/// # Errors
/// It is not known here.
pub fn definition(guid: &str) -> Result<Reply, Refusal> {
    let found = roles::named_by(guid).map(|role| body(200, role.body()));
    found.ok_or_else(|| {
        refuse(404, "RoleDefinitionDoesNotExist", format!("The specified role definition with ID '{guid}' does not exist."))
    })
}

/// Writes an assignment down that was there before anything happened here; the same one again changes nothing.
pub fn grant(world: &mut World, principal: &str, role: &Definition, scope: &str, since: jiff::Timestamp) {
    let name = uuid::Uuid::new_v5(
        &uuid::Uuid::NAMESPACE_URL,
        format!("{principal}/{}/{scope}", role.guid).to_ascii_lowercase().as_bytes(),
    );
    let key = format!("{scope}{PART}{name}").to_ascii_lowercase();
    if world.resources.contains_key(&key) {
        return;
    }
    let since = since.to_string();
    let subscription = scope.split('/').nth(2).unwrap_or_default();
    let body = json!({"id": format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"), "name": name.to_string(),
        "type": "Microsoft.Authorization/roleAssignments", "properties": {
            "roleDefinitionId": format!("/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/{}", role.guid),
            "principalId": principal, "principalType": "ServicePrincipal", "scope": scope, "condition": null, "conditionVersion": null,
            "createdOn": since, "updatedOn": since, "createdBy": "", "updatedBy": "", "delegatedManagedIdentityResourceId": null}});
    world.resources.insert(key, body);
}

#[cfg(test)]
mod tests;
