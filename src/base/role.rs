//! Built-in role definitions that aksight assigns or looks for (contract §0.3), and what their holders are.

/// A built-in Azure role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Reads metrics of an Azure Monitor workspace: the data action that Contributor and Owner do not carry (contract §0.4).
    MonitoringDataReader,
    /// Reads monitoring data of a subscription; Grafana's Azure Monitor and Resource Graph panels need it (contract §4.2, A2).
    MonitoringReader,
    /// Administers a Managed Grafana.
    GrafanaAdmin,
    /// Edits dashboards of a Managed Grafana.
    GrafanaEditor,
    /// Looks at dashboards of a Managed Grafana.
    GrafanaViewer,
    /// Writes objects in clusters whose access Azure's roles decide (contract §0.3; the GUID is UNVERIFIED there).
    AksRbacWriter,
}

impl Role {
    /// The definition's GUID, the same in every tenant. Sources: az CLI `amg/link.py`, amg extension constants (contract §0.3).
    #[must_use]
    pub const fn guid(self) -> &'static str {
        match self {
            Self::MonitoringDataReader => "b0d8363b-8ddd-447d-831f-62ca05bff136",
            Self::MonitoringReader => "43d0d8ad-25c7-4714-9337-8ba259a9fe05",
            Self::GrafanaAdmin => "22926164-76b3-42b3-bc55-97df8dab3e41",
            Self::GrafanaEditor => "a79a5197-3a5c-4973-a920-486035ffd60f",
            Self::GrafanaViewer => "60921a7e-fef1-4a43-9b16-a26c52ad4769",
            Self::AksRbacWriter => "a7ffa36f-339b-4b5c-8bdf-e2c188b2c0eb",
        }
    }

    /// The display name, as the portal writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MonitoringDataReader => "Monitoring Data Reader",
            Self::MonitoringReader => "Monitoring Reader",
            Self::GrafanaAdmin => "Grafana Admin",
            Self::GrafanaEditor => "Grafana Editor",
            Self::GrafanaViewer => "Grafana Viewer",
            Self::AksRbacWriter => "Azure Kubernetes Service RBAC Writer",
        }
    }
}

/// What a principal is; Azure wants to be told (contract §4.3: without `principalType` fresh identities are not found).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum PrincipalKind {
    /// A person.
    User,
    /// A group.
    Group,
    /// An application or a managed identity.
    ServicePrincipal,
}

impl PrincipalKind {
    /// The spelling of `principalType`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
            Self::ServicePrincipal => "ServicePrincipal",
        }
    }
}

/// What somebody may do with everything in a scope, by one of Azure's general roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum General {
    /// Everything, roles too.
    Owner,
    /// Everything but roles.
    Contributor,
    /// Reads.
    Reader,
    /// Assigns roles, and reads.
    UserAccessAdministrator,
    /// Assigns roles, and reads; often only some roles, by a condition.
    RbacAdministrator,
}

impl General {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Owner, Self::Contributor, Self::Reader, Self::UserAccessAdministrator, Self::RbacAdministrator];

    /// The definition's GUID and display name (Azure built-in roles reference, "Privileged" and "General").
    #[must_use]
    pub const fn row(self) -> (&'static str, &'static str) {
        match self {
            Self::Owner => ("8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "Owner"),
            Self::Contributor => ("b24988ac-6180-42a0-ab88-20f7382dd24c", "Contributor"),
            Self::Reader => ("acdd72a7-3385-48ef-bd42-f606fba81ae7", "Reader"),
            Self::UserAccessAdministrator => ("18d7d88d-d35e-4fb5-a5c3-7773c20a72d9", "User Access Administrator"),
            Self::RbacAdministrator => ("f58310d9-a9f6-439a-9e8d-f62e7b41a168", "Role Based Access Control Administrator"),
        }
    }

    /// The role with this GUID.
    #[must_use]
    pub fn of(guid: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.row().0.eq_ignore_ascii_case(guid))
    }
}
