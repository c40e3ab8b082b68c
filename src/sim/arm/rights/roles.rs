//! Built-in role definitions with what they allow, as Microsoft publishes them.
//!
//! Source: Azure's documentation, "Azure built-in roles" (pages privileged, general, monitor, containers; state of 2026-02-23). Its table has no
//! Monitoring Data Reader; the data action of that one is the one that the workspace names when it refuses a query (contract §6.3).

use serde_json::{Value, json};

/// A role definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Definition {
    /// The GUID by which assignments name it, lower-case.
    pub guid: &'static str,
    /// Its display name.
    pub name: &'static str,
    /// What it allows in ARM.
    pub actions: &'static [&'static str],
    /// What it takes away from that.
    pub not_actions: &'static [&'static str],
    /// What it allows on data planes.
    pub data_actions: &'static [&'static str],
}

/// Everything, and everybody's access.
pub const OWNER: Definition = Definition {
    guid: "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
    name: "Owner",
    actions: &["*"],
    not_actions: &[],
    data_actions: &[],
};

/// A role of data alone.
const fn of_data(guid: &'static str, name: &'static str, data_actions: &'static [&'static str]) -> Definition {
    Definition { guid, name, actions: &[], not_actions: &[], data_actions }
}

/// A role of ARM alone that takes nothing away.
const fn of_arm(guid: &'static str, name: &'static str, actions: &'static [&'static str]) -> Definition {
    Definition { guid, name, actions, not_actions: &[], data_actions: &[] }
}

/// What roles inside clusters allow in ARM.
const AROUND_CLUSTERS: [&str; 5] = [
    "Microsoft.Authorization/*/read",
    "Microsoft.Resources/subscriptions/operationresults/read",
    "Microsoft.Resources/subscriptions/read",
    "Microsoft.Resources/subscriptions/resourceGroups/read",
    "Microsoft.ContainerService/managedClusters/listClusterUserCredential/action",
];

/// The roles that are known here; an assignment of any other allows nothing.
pub const ALL: [Definition; 14] = [
    OWNER,
    Definition {
        guid: "b24988ac-6180-42a0-ab88-20f7382dd24c",
        name: "Contributor",
        actions: &["*"],
        not_actions: &[
            "Microsoft.Authorization/*/Delete",
            "Microsoft.Authorization/*/Write",
            "Microsoft.Authorization/elevateAccess/Action",
            "Microsoft.Blueprint/blueprintAssignments/write",
            "Microsoft.Blueprint/blueprintAssignments/delete",
            "Microsoft.Compute/galleries/share/action",
            "Microsoft.Purview/consents/write",
            "Microsoft.Purview/consents/delete",
            "Microsoft.Resources/deploymentStacks/manageDenySetting/action",
            "Microsoft.Subscription/cancel/action",
            "Microsoft.Subscription/enable/action",
        ],
        data_actions: &[],
    },
    of_arm("acdd72a7-3385-48ef-bd42-f606fba81ae7", "Reader", &["*/read"]),
    of_arm(
        "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
        "User Access Administrator",
        &["*/read", "Microsoft.Authorization/*", "Microsoft.Support/*"],
    ),
    of_arm(
        "f58310d9-a9f6-439a-9e8d-f62e7b41a168",
        "Role Based Access Control Administrator",
        &[
            "Microsoft.Authorization/roleAssignments/write",
            "Microsoft.Authorization/roleAssignments/delete",
            "*/read",
            "Microsoft.Support/*",
        ],
    ),
    of_arm(
        "43d0d8ad-25c7-4714-9337-8ba259a9fe05",
        "Monitoring Reader",
        &["*/read", "Microsoft.OperationalInsights/workspaces/search/action", "Microsoft.Support/*"],
    ),
    of_data("b0d8363b-8ddd-447d-831f-62ca05bff136", "Monitoring Data Reader", &["Microsoft.Monitor/accounts/data/metrics/read"]),
    of_data("22926164-76b3-42b3-bc55-97df8dab3e41", "Grafana Admin", &["Microsoft.Dashboard/grafana/ActAsGrafanaAdmin/action"]),
    of_data("a79a5197-3a5c-4973-a920-486035ffd60f", "Grafana Editor", &["Microsoft.Dashboard/grafana/ActAsGrafanaEditor/action"]),
    of_data("60921a7e-fef1-4a43-9b16-a26c52ad4769", "Grafana Viewer", &["Microsoft.Dashboard/grafana/ActAsGrafanaViewer/action"]),
    of_arm(
        "4abbcc35-e782-43d8-92c5-2d3f1bd2253f",
        "Azure Kubernetes Service Cluster User Role",
        &[
            "Microsoft.ContainerService/managedClusters/listClusterUserCredential/action",
            "Microsoft.ContainerService/managedClusters/read",
        ],
    ),
    of_arm(
        "0ab0b1a8-8aac-4efd-b8c2-3ee1fb270be8",
        "Azure Kubernetes Service Cluster Admin Role",
        &[
            "Microsoft.ContainerService/managedClusters/accessProfiles/listCredential/action",
            "Microsoft.ContainerService/managedClusters/listClusterAdminCredential/action",
            "Microsoft.ContainerService/managedClusters/read",
            "Microsoft.ContainerService/managedClusters/runcommand/action",
        ],
    ),
    Definition {
        guid: "b1ff04bb-8a4e-4dc4-8eb5-8693973ce19b",
        name: "Azure Kubernetes Service RBAC Cluster Admin",
        actions: &AROUND_CLUSTERS,
        not_actions: &[],
        data_actions: &["Microsoft.ContainerService/managedClusters/*"],
    },
    Definition {
        guid: "a7ffa36f-339b-4b5c-8bdf-e2c188b2c0eb",
        name: "Azure Kubernetes Service RBAC Writer",
        // The credential is not among them.
        actions: &[AROUND_CLUSTERS[0], AROUND_CLUSTERS[1], AROUND_CLUSTERS[2], AROUND_CLUSTERS[3]],
        not_actions: &[],
        // Of the published list, the kinds that a cluster here has.
        data_actions: &[
            "Microsoft.ContainerService/managedClusters/apps/daemonsets/*",
            "Microsoft.ContainerService/managedClusters/apps/deployments/*",
            "Microsoft.ContainerService/managedClusters/apps/replicasets/*",
            "Microsoft.ContainerService/managedClusters/apps/statefulsets/*",
            "Microsoft.ContainerService/managedClusters/configmaps/*",
            "Microsoft.ContainerService/managedClusters/endpoints/*",
            "Microsoft.ContainerService/managedClusters/namespaces/read",
            "Microsoft.ContainerService/managedClusters/pods/*",
            "Microsoft.ContainerService/managedClusters/secrets/*",
            "Microsoft.ContainerService/managedClusters/serviceaccounts/*",
            "Microsoft.ContainerService/managedClusters/services/*",
        ],
    },
];

/// The role that an assignment's `roleDefinitionId` names.
pub fn named_by(definition_id: &str) -> Option<&'static Definition> {
    let guid = definition_id.rsplit('/').next().unwrap_or_default();
    ALL.iter().find(|known| known.guid.eq_ignore_ascii_case(guid))
}

/// The role of a display name.
pub fn called(name: &str) -> Option<&'static Definition> {
    ALL.iter().find(|known| known.name.eq_ignore_ascii_case(name.trim()))
}

impl Definition {
    /// Whether it allows an action in ARM.
    pub fn allows(&self, action: &str) -> bool {
        let among = |patterns: &[&str]| patterns.iter().any(|pattern| covers(pattern, action));
        among(self.actions) && !among(self.not_actions)
    }

    /// As the permissions of a scope tell it.
    pub fn permissions(&self) -> Value {
        json!({"actions": self.actions, "notActions": self.not_actions, "dataActions": self.data_actions, "notDataActions": []})
    }

    /// As `roleDefinitions` tell it.
    pub fn body(&self) -> Value {
        json!({"id": format!("/providers/Microsoft.Authorization/roleDefinitions/{}", self.guid), "name": self.guid,
            "type": "Microsoft.Authorization/roleDefinitions", "properties": {"roleName": self.name, "type": "BuiltInRole",
            "assignableScopes": ["/"], "permissions": [self.permissions()]}})
    }
}

/// Whether a pattern covers an action: `*` stands for any text, slashes included, and case does not count.
pub fn covers(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.to_ascii_lowercase(), action.to_ascii_lowercase());
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = action.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text_and_case_does_not_count() {
        assert!(covers("*", "Microsoft.X/y/write") && covers("*/read", "microsoft.x/a/b/READ"));
        assert!(covers("Microsoft.Authorization/*/Write", "microsoft.authorization/roleassignments/write"));
        assert!(covers("a*b*c", "a1b2bc") && covers("a*", "a") && covers("Microsoft.X/y/read", "microsoft.x/Y/read"));
        for (pattern, action) in
            [("*/read", "Microsoft.X/y/readable"), ("Microsoft.X/*", "Microsoft.XY/z/read"), ("ab*ba", "aba")]
        {
            assert!(!covers(pattern, action), "{pattern} {action}");
        }
        assert!(!covers("Microsoft.Authorization/*/Write", "Microsoft.Authorization/write"));
    }

    #[test]
    fn roles_allow_what_their_names_promise() {
        let may = |name: &str, action: &str| called(name).unwrap().allows(action);
        let grant = "Microsoft.Authorization/roleAssignments/write";
        assert!(may("Owner", grant) && may("user access administrator", grant));
        assert!(may("Role Based Access Control Administrator", grant));
        assert!(!may("Contributor", grant) && may("Contributor", "Microsoft.Monitor/register/action"));
        assert!(may("Contributor", "Microsoft.Authorization/roleAssignments/read"));
        assert!(may("Reader", "Microsoft.Monitor/accounts/read") && !may("Reader", "Microsoft.Monitor/accounts/write"));
        assert!(!may("Reader", "Microsoft.ContainerService/managedClusters/listClusterUserCredential/action"));
        assert!(!may("Monitoring Data Reader", "Microsoft.Monitor/accounts/read"));
        assert_eq!(named_by("/subscriptions/s/providers/X/ACDD72A7-3385-48EF-BD42-F606FBA81AE7").unwrap().name, "Reader");
    }
}
