//! The kinds of ARM resource that aksight reads or writes over REST, one row each: type and pinned api-version.
//!
//! Source of every row: contract §0.2. One api-version per type, in one place; a version that comes in a URL from the service
//! (poll URLs) is used verbatim and never copied from here.

use super::ArmId;

/// An ARM resource type with a pinned api-version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// `Microsoft.Resources/subscriptions`.
    Subscription,
    /// A resource provider registration of a subscription.
    ProviderRegistration,
    /// A resource group.
    ResourceGroup,
    /// An AKS cluster, its run-command and credential actions.
    ManagedCluster,
    /// An Azure Monitor workspace.
    MonitorWorkspace,
    /// A Managed Grafana.
    Grafana,
    /// A data collection endpoint (DCE).
    DataCollectionEndpoint,
    /// A data collection rule (DCR).
    DataCollectionRule,
    /// An association of a rule with a cluster (DCRA).
    DataCollectionRuleAssociation,
    /// A group of Prometheus recording or alert rules.
    PrometheusRuleGroup,
    /// Microsoft's recommended rules for a workspace.
    AlertRuleRecommendations,
    /// A role assignment.
    RoleAssignment,
    /// The Activity Log of a subscription.
    ActivityLog,
    /// Resource Graph, which is asked and not written.
    ResourceGraph,
    /// What the signed-in principal may do at a scope.
    Permissions,
    /// Sizes of machines, with where and to whom they are offered.
    ComputeSku,
    /// How much of its quotas of machines a subscription uses in a region.
    ComputeUsage,
    /// The same for networks.
    NetworkUsage,
}

impl Kind {
    /// The kind of a resource that aksight makes, by its id; a resource group's id counts too.
    #[must_use]
    pub fn of(id: &ArmId) -> Option<Self> {
        const MADE: [Kind; 9] = [
            Kind::ManagedCluster,
            Kind::MonitorWorkspace,
            Kind::Grafana,
            Kind::DataCollectionEndpoint,
            Kind::DataCollectionRule,
            Kind::DataCollectionRuleAssociation,
            Kind::PrometheusRuleGroup,
            Kind::RoleAssignment,
            Kind::ResourceGroup,
        ];
        let of_type = match id.resource_type() {
            Some(of_type) => of_type,
            None => id.group().map(|_| Kind::ResourceGroup.resource_type().to_owned())?,
        };
        MADE.into_iter().find(|kind| kind.resource_type().eq_ignore_ascii_case(&of_type))
    }

    /// The full type, in Azure's canonical spelling.
    #[must_use]
    pub const fn resource_type(self) -> &'static str {
        match self {
            Self::Subscription => "Microsoft.Resources/subscriptions",
            Self::ProviderRegistration => "Microsoft.Resources/providers",
            Self::ResourceGroup => "Microsoft.Resources/resourceGroups",
            Self::ManagedCluster => "Microsoft.ContainerService/managedClusters",
            Self::MonitorWorkspace => "Microsoft.Monitor/accounts",
            Self::Grafana => "Microsoft.Dashboard/grafana",
            Self::DataCollectionEndpoint => "Microsoft.Insights/dataCollectionEndpoints",
            Self::DataCollectionRule => "Microsoft.Insights/dataCollectionRules",
            Self::DataCollectionRuleAssociation => "Microsoft.Insights/dataCollectionRuleAssociations",
            Self::PrometheusRuleGroup => "Microsoft.AlertsManagement/prometheusRuleGroups",
            Self::AlertRuleRecommendations => "Microsoft.AlertsManagement/alertRuleRecommendations",
            Self::RoleAssignment => "Microsoft.Authorization/roleAssignments",
            Self::ActivityLog => "Microsoft.Insights/eventtypes/management/values",
            Self::ResourceGraph => "Microsoft.ResourceGraph/resources",
            Self::Permissions => "Microsoft.Authorization/permissions",
            Self::ComputeSku => "Microsoft.Compute/skus",
            Self::ComputeUsage => "Microsoft.Compute/locations/usages",
            Self::NetworkUsage => "Microsoft.Network/locations/usages",
        }
    }

    /// The pinned api-version (contract §0.2; subscriptions: §12 step 1).
    #[must_use]
    pub const fn api_version(self) -> &'static str {
        match self {
            Self::Subscription => "2022-12-01",
            Self::ProviderRegistration | Self::ResourceGroup => "2021-04-01",
            Self::ManagedCluster => "2026-06-01",
            Self::MonitorWorkspace => "2025-10-03",
            Self::Grafana => "2025-08-01",
            Self::DataCollectionEndpoint | Self::DataCollectionRule | Self::DataCollectionRuleAssociation => "2022-06-01",
            Self::PrometheusRuleGroup => "2023-03-01",
            Self::AlertRuleRecommendations => "2023-01-01-preview",
            // Azure REST reference, Permissions - List For Resource Group: the version of the assignments.
            Self::RoleAssignment | Self::Permissions => "2022-04-01",
            // Azure REST reference, Resource Skus - List: the newest version.
            Self::ComputeSku => "2021-07-01",
            // Azure REST reference, Usage - List.
            Self::ComputeUsage => "2024-07-01",
            // Azure REST reference, Usages - List.
            Self::NetworkUsage => "2024-05-01",
            // Azure REST reference, Activity Logs - List: the only version.
            Self::ActivityLog => "2015-04-01",
            // Contract §8.3.
            Self::ResourceGraph => "2024-04-01",
        }
    }
}
