//! Principals and role assignments as they were read (contract §4.3-§4.6).

use std::fmt;

use serde_json::Value;

use crate::base::{ArmId, PrincipalKind, Role};

/// A principal in the resource tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Object id, a GUID; for an application that of its service principal.
    pub object_id: String,
    /// What it is.
    pub kind: PrincipalKind,
    /// A name for people, when one is known.
    pub name: Option<String>,
}

/// Where an assignment holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// In a subscription, or in something that lies in one.
    Within(ArmId),
    /// In every subscription below this management group.
    ManagementGroup(ArmId),
    /// In the whole tenant: `/`.
    Tenant,
}

impl Scope {
    /// Reads `properties.scope`; nothing when it is not one.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        if text.trim() == "/" {
            return Some(Self::Tenant);
        }
        let id = ArmId::parse(text).ok()?;
        Some(match id.subscription() {
            Some(_) => Self::Within(id),
            None => Self::ManagementGroup(id),
        })
    }

    /// Whether what holds here holds at `other` (contract §4.4). Which subscriptions lie below a management group is not written
    /// in any id: whoever collects assignments must have asked for those that reach `other`, as ARM lists them at a scope.
    #[must_use]
    pub fn reaches(&self, other: &ArmId) -> bool {
        match self {
            Self::Within(id) => id.contains(other),
            Self::ManagementGroup(_) | Self::Tenant => true,
        }
    }

    /// Whether it is `other` itself.
    #[must_use]
    pub fn is(&self, other: &ArmId) -> bool {
        matches!(self, Self::Within(id) if id == other)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Within(id) | Self::ManagementGroup(id) => id.fmt(f),
            Self::Tenant => f.write_str("/"),
        }
    }
}

/// A role assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Its own id.
    pub id: ArmId,
    /// Where it holds.
    pub scope: Scope,
    /// Who has it.
    pub principal: String,
    /// The role definition's GUID, lower case: the last segment of a definition id that comes in several spellings.
    pub role: String,
}

impl Assignment {
    /// Reads one entry of a role assignment list; nothing when it is not one.
    #[must_use]
    pub fn read(entry: &Value) -> Option<Self> {
        let properties = &entry["properties"];
        Some(Self {
            id: ArmId::parse(entry["id"].as_str()?).ok()?,
            scope: Scope::read(properties["scope"].as_str()?)?,
            principal: properties["principalId"].as_str()?.to_owned(),
            role: properties["roleDefinitionId"].as_str()?.rsplit('/').next()?.to_ascii_lowercase(),
        })
    }

    /// How it gives what is wanted at a scope.
    #[must_use]
    pub fn evidence(&self, scope: &ArmId) -> String {
        if self.scope.is(scope) {
            format!("assigned as `{}`", self.id.name())
        } else {
            format!("inherited from `{}`", self.scope)
        }
    }

    /// Whether this assignment, direct or inherited, gives `role` at `scope` to `principal`.
    #[must_use]
    pub fn gives(&self, role: Role, scope: &ArmId, principal: &str) -> bool {
        self.role == role.guid() && self.principal.eq_ignore_ascii_case(principal) && self.scope.reaches(scope)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ROLE: Role = Role::MonitoringReader;

    fn at(scope: &str) -> Assignment {
        let name = "22222222-2222-4222-8222-222222222222";
        let id = format!("{}/providers/Microsoft.Authorization/roleAssignments/{name}", scope.trim_end_matches('/'));
        let definition = format!("/providers/Microsoft.Authorization/roleDefinitions/{}", ROLE.guid().to_uppercase());
        let entry = json!({"id": id, "properties": {"scope": scope, "principalId": "P", "roleDefinitionId": definition}});
        Assignment::read(&entry).unwrap()
    }

    #[test]
    fn what_is_given_above_holds_below() {
        let group = ArmId::of_group("s", "rg");
        let above = [
            "/",
            "/providers/Microsoft.Management/managementGroups/corp",
            "/subscriptions/S",
            "/subscriptions/s/resourcegroups/RG",
        ];
        for scope in above {
            assert!(at(scope).gives(ROLE, &group, "p"), "{scope}");
            assert_eq!(at(scope).scope.to_string(), scope);
        }
        for scope in
            ["/subscriptions/other", "/subscriptions/s/resourceGroups/r", "/subscriptions/s/resourceGroups/rg/providers/a/b/c"]
        {
            assert!(!at(scope).gives(ROLE, &group, "p"), "{scope}");
        }
        assert!(!at("/").gives(ROLE, &group, "somebody else") && !at("/").gives(Role::GrafanaAdmin, &group, "p"));
    }
}
