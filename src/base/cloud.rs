//! Azure clouds: endpoints and token audiences (contract §9.8). No cloud's ARM endpoint is in `azure_core`, so the table is ours.

use serde::{Deserialize, Serialize};

/// One Azure cloud: a row of the table, or what a metadata host described.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cloud {
    /// What `ARM_ENVIRONMENT` and the provider's `environment` call it: `public`, `usgovernment`, `china`; `public` for a custom one.
    pub environment: String,
    /// ARM endpoint without trailing `/`.
    pub arm: String,
    /// Token scope for ARM.
    pub arm_scope: String,
    /// Entra authority without trailing `/`.
    pub authority: String,
    /// Portal without trailing `/`.
    pub portal: String,
    /// Token scope of the workspaces' Prometheus query API (contract §6.3).
    pub prometheus_scope: String,
    /// Token scope of Managed Grafana (contract §6.5; sovereign clouds UNVERIFIED).
    pub grafana_scope: String,
    /// Token scope of the AKS server application, the same in all clouds (contract §5.9).
    pub kubernetes_scope: String,
    /// Host given by `ARM_METADATA_HOSTNAME`, if this cloud was described by one; handed on to terraform.
    pub metadata_host: Option<String>,
}

/// The clouds that are known by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CloudName {
    /// The public cloud.
    #[default]
    Public,
    /// Azure US Government.
    UsGovernment,
    /// Azure operated by 21Vianet.
    China,
}

impl CloudName {
    /// The cloud that `ARM_ENVIRONMENT` calls so.
    #[must_use]
    pub fn named(environment: &str) -> Option<Self> {
        [Self::Public, Self::UsGovernment, Self::China].into_iter().find(|name| Cloud::named(*name).environment == environment)
    }
}

const GRAFANA_APP: &str = "ce34e7e5-485f-4d76-964f-b3d2b16d1e4f/.default";
const AKS_SERVER_APP: &str = "6dae42f8-4368-4678-94ff-3960e28e3630/.default";

impl Cloud {
    /// The table row of a named cloud.
    #[must_use]
    pub fn named(name: CloudName) -> Self {
        let (environment, arm, authority, prometheus, portal) = match name {
            CloudName::Public => (
                "public",
                "https://management.azure.com",
                "https://login.microsoftonline.com",
                "https://prometheus.monitor.azure.com",
                "https://portal.azure.com",
            ),
            CloudName::UsGovernment => (
                "usgovernment",
                "https://management.usgovcloudapi.net",
                "https://login.microsoftonline.us",
                "https://prometheus.monitor.azure.us",
                "https://portal.azure.us",
            ),
            CloudName::China => (
                "china",
                "https://management.chinacloudapi.cn",
                "https://login.chinacloudapi.cn",
                "https://prometheus.monitor.azure.cn",
                "https://portal.azure.cn",
            ),
        };
        Self {
            environment: environment.to_owned(),
            arm: arm.to_owned(),
            arm_scope: format!("{arm}/.default"),
            authority: authority.to_owned(),
            portal: portal.to_owned(),
            prometheus_scope: format!("{prometheus}/.default"),
            grafana_scope: GRAFANA_APP.to_owned(),
            kubernetes_scope: AKS_SERVER_APP.to_owned(),
            metadata_host: None,
        }
    }
}
