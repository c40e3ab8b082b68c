//! Addresses of the resources in the generated HCL.

/// The resource group.
pub const GROUP: &str = "azurerm_resource_group.this";
/// The cluster.
pub const CLUSTER: &str = "azurerm_kubernetes_cluster.this";
/// The workspace.
pub const WORKSPACE: &str = "azurerm_monitor_workspace.this";
/// Grafana.
pub const GRAFANA: &str = "azurerm_dashboard_grafana.this";
