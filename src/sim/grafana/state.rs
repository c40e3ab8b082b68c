//! What one Grafana holds.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::sim::effects::access::Caller;
use crate::sim::effects::suffix;
use crate::sim::planes::View;

/// The folder that an integration brings.
pub const MANAGED_FOLDER: (&str, &str) = ("azure-managed-prometheus", "Azure Managed Prometheus");

/// The dashboards of the network that an integration brings: title and grafana.com id (contract §6.5).
pub const NETWORK_DASHBOARDS: [(&str, u32); 6] = [
    ("Kubernetes / Networking / Clusters", 18814),
    ("Kubernetes / Networking / DNS (Cluster)", 20925),
    ("Kubernetes / Networking / DNS (Workload)", 20926),
    ("Kubernetes / Networking / Drops (Workload)", 20927),
    ("Kubernetes / Networking / Pod Flows (Namespace)", 20928),
    ("Kubernetes / Networking / Pod Flows (Workload)", 20929),
];

/// A folder.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Folder {
    /// Its unique id.
    pub uid: String,
    /// Its title.
    pub title: String,
}

/// A dashboard with what Grafana knows about it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Dashboard {
    /// Number, unique in this Grafana.
    pub id: u64,
    /// The model as it was saved, with `id`, `uid` and `version` of the last save.
    pub model: Value,
    /// Its folder; empty for the root.
    pub folder: String,
    /// Version, from 1.
    pub version: u64,
    /// Whether it came with an integration and cannot be saved.
    pub provisioned: bool,
}

/// A workspace as a data source.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its unique id.
    pub uid: String,
    /// `Managed_Prometheus_{workspace}`.
    pub name: String,
    /// The workspace, lower-case id.
    pub workspace: String,
}

/// One Grafana's inside.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Instance {
    /// Workspace (lower-case id) and the moment its data source appears.
    integrations: BTreeMap<String, Timestamp>,
    /// Folders made by people.
    pub folders: Vec<Folder>,
    /// Dashboards made by people, by uid.
    pub dashboards: BTreeMap<String, Dashboard>,
    /// The last number given to a dashboard.
    pub last_id: u64,
}

impl Instance {
    /// Takes note of the integrations in the ARM body.
    pub fn observe(&mut self, view: &View, body: &Value) {
        let listed: Vec<String> = body
            .pointer("/properties/grafanaIntegrations/azureMonitorWorkspaceIntegrations")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.get("azureMonitorWorkspaceResourceId")?.as_str()?.to_ascii_lowercase()))
            .filter(|workspace| view.resources.contains_key(workspace))
            .collect();
        self.integrations.retain(|workspace, _| listed.contains(workspace));
        for workspace in listed {
            self.integrations.entry(workspace).or_insert(view.now + view.delays.integration);
        }
    }

    /// The data sources there are at `now`.
    pub fn sources(&self, now: Timestamp) -> Vec<Source> {
        self.integrations
            .iter()
            .filter(|(_, from)| **from <= now)
            .map(|(workspace, _)| Source {
                uid: format!("managed-prometheus-{}", suffix(&[workspace], 8)),
                name: format!("Managed_Prometheus_{}", workspace.rsplit('/').next().unwrap_or_default()),
                workspace: workspace.clone(),
            })
            .collect()
    }

    /// All folders at `now`.
    pub fn all_folders(&self, now: Timestamp) -> Vec<Folder> {
        let managed = (!self.sources(now).is_empty())
            .then(|| Folder { uid: MANAGED_FOLDER.0.to_owned(), title: MANAGED_FOLDER.1.to_owned() });
        managed.into_iter().chain(self.folders.iter().cloned()).collect()
    }

    /// All dashboards at `now`, by uid.
    pub fn all_dashboards(&self, now: Timestamp) -> BTreeMap<String, Dashboard> {
        let mut all = self.dashboards.clone();
        if self.sources(now).is_empty() {
            return all;
        }
        for (index, (title, gnet)) in (1_u64..).zip(NETWORK_DASHBOARDS) {
            let uid = format!("aks-{}", suffix(&[title], 10));
            let model = json!({
                "id": index, "uid": uid, "title": title, "tags": ["k8s:network-observability"], "gnetId": gnet, "version": 1,
                "schemaVersion": 39, "editable": false, "panels": [], "templating": {"list": []},
            });
            let dashboard = Dashboard { id: index, model, folder: MANAGED_FOLDER.0.to_owned(), version: 1, provisioned: true };
            all.insert(uid, dashboard);
        }
        all
    }
}

/// The principal that Grafana itself is, when it has an identity: the system's, else the first assigned one.
pub fn identity(body: &Value) -> Option<Caller> {
    let assigned = || {
        let identities = body.pointer("/identity/userAssignedIdentities")?.as_object()?;
        let first = identities.keys().min()?;
        identities.get(first)?.get("principalId")?.as_str()
    };
    let kind = body.pointer("/identity/type").and_then(Value::as_str).unwrap_or_default();
    if kind.is_empty() || kind.eq_ignore_ascii_case("None") {
        return None;
    }
    let oid = body.pointer("/identity/principalId").and_then(Value::as_str).or_else(assigned)?;
    Some(Caller { oid: oid.to_owned(), groups: Vec::new(), name: oid.to_owned() })
}
