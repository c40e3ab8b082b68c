//! Reads a Managed Grafana's ARM body (contract §2.3, §4.1).

use serde_json::Value;

use crate::base::{ArmId, ArmObject};

/// A Grafana's body, read.
#[derive(Clone, Copy, Debug)]
pub struct GrafanaView<'a>(pub &'a ArmObject);

impl<'a> GrafanaView<'a> {
    /// The object id of the identity that Grafana queries with: the system-assigned one, else the first user-assigned one by id.
    #[must_use]
    pub fn principal(&self) -> Option<&'a str> {
        let system = self.0.text("/identity/principalId").filter(|id| !id.is_empty());
        system.or_else(|| {
            let mut users: Vec<(&String, &Value)> = self.0.at("/identity/userAssignedIdentities")?.as_object()?.iter().collect();
            users.sort_by_key(|(id, _)| id.to_ascii_lowercase());
            users.first()?.1["principalId"].as_str()
        })
    }

    /// The web address.
    #[must_use]
    pub fn endpoint(&self) -> Option<&'a str> {
        self.0.text("/properties/endpoint")
    }

    /// The raw integration entries, in order, so that foreign ones are written back as they are.
    #[must_use]
    pub fn integration_entries(&self) -> Vec<Value> {
        let list = self.0.at("/properties/grafanaIntegrations/azureMonitorWorkspaceIntegrations").and_then(Value::as_array);
        list.cloned().unwrap_or_default()
    }

    /// The workspaces that are integrated.
    #[must_use]
    pub fn integrations(&self) -> Vec<ArmId> {
        let ids = self.integration_entries();
        ids.iter().filter_map(|entry| ArmId::parse(entry["azureMonitorWorkspaceResourceId"].as_str()?).ok()).collect()
    }
}
