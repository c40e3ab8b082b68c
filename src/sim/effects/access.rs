//! Who may do what on the data planes: role assignments that have had time to take effect (contract §4.5).

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::Resources;

/// Role definition GUIDs that open the data planes (contract §0.3). Owner and Contributor are not among them: they carry no data action.
pub mod role {
    /// Reads a workspace's metrics.
    pub const MONITORING_DATA_READER: &str = "b0d8363b-8ddd-447d-831f-62ca05bff136";
    /// Grafana's own roles, strongest first.
    pub const GRAFANA: [(&str, &str); 3] = [
        ("22926164-76b3-42b3-bc55-97df8dab3e41", "Admin"),
        ("a79a5197-3a5c-4973-a920-486035ffd60f", "Editor"),
        ("60921a7e-fef1-4a43-9b16-a26c52ad4769", "Viewer"),
    ];
    /// Writers of objects in clusters with Azure RBAC: cluster administrator, administrator, writer.
    pub const KUBERNETES_WRITERS: [&str; 3] =
        ["b1ff04bb-8a4e-4dc4-8eb5-8693973ce19b", "3498e952-d568-435e-9b2c-8d77e338d7f7", "a7ffa36f-339b-4b5c-8bdf-e2c188b2c0eb"];
}

/// A signed-in principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Object id.
    pub oid: String,
    /// Object ids of its groups.
    pub groups: Vec<String>,
    /// How it is called in messages.
    pub name: String,
}

/// Whether the caller holds a role, or one of its groups does, at the scope or above, for longer than `delay`.
pub fn holds(resources: &Resources, caller: &Caller, role: &str, scope: &str, now: Timestamp, delay: SignedDuration) -> bool {
    let principals: Vec<&str> = std::iter::once(caller.oid.as_str()).chain(caller.groups.iter().map(String::as_str)).collect();
    resources
        .iter()
        .filter_map(|(id, body)| Some((id.split_once("/providers/microsoft.authorization/roleassignments/")?.0, body)))
        .filter(|(at, _)| contains(at, &scope.to_ascii_lowercase()))
        .filter_map(|(_, body)| body.get("properties"))
        .any(|properties| {
            let text = |key: &str| properties.get(key).and_then(Value::as_str).unwrap_or_default();
            text("roleDefinitionId").to_ascii_lowercase().ends_with(role)
                && principals.iter().any(|principal| principal.eq_ignore_ascii_case(text("principalId")))
                && text("createdOn").parse::<Timestamp>().is_ok_and(|created| created + delay <= now)
        })
}

/// The caller's role in a Grafana, when it has one.
pub fn grafana_role(
    resources: &Resources,
    caller: &Caller,
    grafana: &str,
    now: Timestamp,
    delay: SignedDuration,
) -> Option<&'static str> {
    role::GRAFANA.iter().find(|(guid, _)| holds(resources, caller, guid, grafana, now, delay)).map(|(_, name)| *name)
}

/// Whether what is assigned at a scope holds for `id`, both lower-case. The one management group that there is stands above everything.
pub fn contains(scope: &str, id: &str) -> bool {
    scope.starts_with("/providers/microsoft.management/")
        || id.strip_prefix(scope.trim_end_matches('/')).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::chain::sample::WORKSPACE;
    use super::*;

    fn t(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    #[test]
    fn an_assignment_works_late_below_and_for_its_principal_only() {
        let caller = |oid: &str| Caller { oid: oid.to_owned(), groups: vec!["g1".into()], name: String::new() };
        let asked = |scope: &str, principal: &str, at: i64, who: &Caller| {
            let id = format!("{scope}/providers/microsoft.authorization/roleassignments/x");
            let body = json!({"properties": {
                "roleDefinitionId": format!("/providers/X/{}", role::MONITORING_DATA_READER.to_uppercase()),
                "principalId": principal, "createdOn": t(0).to_string(),
            }});
            let world = Resources::from([(id, body)]);
            holds(&world, who, role::MONITORING_DATA_READER, WORKSPACE, t(at), SignedDuration::from_secs(60))
        };
        let me = caller("me");
        assert!(asked(WORKSPACE, "ME", 60, &me));
        assert!(asked("/subscriptions/s1", "g1", 60, &me));
        assert!(asked("", "me", 60, &me) && asked("/providers/microsoft.management/managementgroups/t", "me", 60, &me));
        assert!(!asked(WORKSPACE, "me", 59, &me));
        assert!(!asked(WORKSPACE, "other", 60, &me));
        assert!(!asked("/subscriptions/s1/resourcegroups/rg", "me", 60, &me), "a longer name is another group");
    }
}
