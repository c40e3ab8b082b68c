//! Grafana's identity and its integrations (contract §3.8, §4.1).

use serde_json::{Value, json};

use crate::base::{ArmId, ArmObject};
use crate::desired::Desired;
use crate::event::{Action, Change, Owner};
use crate::observed::{GrafanaView, Observed};
use crate::plan::draft::{self, GRAFANA_IDENTITY, INTEGRATION};
use crate::plan::{Step, Unit};

/// The identity: ensured, never the first cause, since azurerm replaces Grafana over it.
pub fn identity(desired: &Desired, observed: &Observed) -> Unit {
    let title = "Grafana's managed identity";
    let step = || Step::EnsureGrafanaIdentity { grafana: desired.grafana.id.clone() };
    match observed.grafana.seen() {
        Some(grafana) => match GrafanaView(grafana).principal() {
            Some(principal) => {
                Unit::unchanged(GRAFANA_IDENTITY, title, Owner::Rest, format!("Grafana has an identity, principal {principal}"))
            }
            None => Unit::needing(GRAFANA_IDENTITY, title, Owner::Rest, Action::Create, "Grafana has no identity", step())
                .with_changes(vec![Change::new("identity.type", Some("None"), Some("SystemAssigned"))]),
        },
        // Terraform declares the identity at birth, so a Grafana that terraform is about to create needs no repair.
        None => Unit::unchanged(GRAFANA_IDENTITY, title, Owner::Rest, "terraform creates Grafana with an identity"),
    }
    .touching(&desired.grafana.id)
    .after(draft::TERRAFORM, "terraform creates Grafana")
}

/// The integrations: every wanted workspace is listed, whatever else is.
pub fn integration(desired: &Desired, observed: &Observed) -> Unit {
    let title = "Grafana integration with the workspace";
    let wanted = &desired.grafana.integrations;
    let step = || Step::IntegrateWorkspaces { grafana: desired.grafana.id.clone(), workspaces: wanted.clone() };
    let unit = match observed.grafana.seen() {
        Some(grafana) => {
            let missing = missing_integrations(grafana, wanted);
            if missing.is_empty() {
                Unit::unchanged(INTEGRATION, title, Owner::Rest, "Grafana lists every wanted workspace")
            } else {
                let changes =
                    missing.iter().map(|id| Change::new("azureMonitorWorkspaceIntegrations", None, Some(id.as_str()))).collect();
                let why =
                    format!("{} not listed", missing.iter().map(|id| format!("`{}`", id.name())).collect::<Vec<_>>().join(", "));
                Unit::needing(INTEGRATION, title, Owner::Rest, Action::Update, why, step()).with_changes(changes)
            }
        }
        None if wanted.len() == 1 => {
            Unit::unchanged(INTEGRATION, title, Owner::Rest, "terraform creates Grafana with the integration")
        }
        None => Unit::needing(
            INTEGRATION,
            title,
            Owner::Rest,
            Action::Update,
            "more workspaces are wanted than terraform adds",
            step(),
        ),
    };
    unit.touching(&desired.grafana.id)
        .after(draft::TERRAFORM, "terraform creates Grafana and the workspace")
        .after(GRAFANA_IDENTITY, "one write to Grafana at a time, the identity first")
}

/// The wanted workspaces that Grafana does not list.
#[must_use]
pub fn missing_integrations<'a>(grafana: &ArmObject, wanted: &'a [ArmId]) -> Vec<&'a ArmId> {
    let listed = GrafanaView(grafana).integrations();
    wanted.iter().filter(|id| !listed.contains(id)).collect()
}

/// The body of the PATCH: every entry that is there, untouched, and the missing ones. ARM replaces arrays, so the whole list
/// is sent (contract §2.3).
#[must_use]
pub fn integration_patch(grafana: &ArmObject, wanted: &[ArmId]) -> Value {
    let mut entries = GrafanaView(grafana).integration_entries();
    entries.extend(missing_integrations(grafana, wanted).into_iter().map(|id| json!({"azureMonitorWorkspaceResourceId": id})));
    json!({"properties": {"grafanaIntegrations": {"azureMonitorWorkspaceIntegrations": entries}}})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_entries_survive_and_casing_is_no_difference() {
        let amw = |name: &str| {
            ArmId::parse(&format!("/subscriptions/s/resourceGroups/rg/providers/Microsoft.Monitor/accounts/{name}")).unwrap()
        };
        let body = json!({"properties": {"grafanaIntegrations": {"azureMonitorWorkspaceIntegrations": [
            {"azureMonitorWorkspaceResourceId": amw("theirs").as_str().to_lowercase(), "extra": 1}]}}});
        let grafana = ArmObject { id: amw("g"), body, etag: None };
        assert!(missing_integrations(&grafana, &[amw("theirs")]).is_empty());
        let patch = integration_patch(&grafana, &[amw("ours"), amw("theirs")]);
        let entries = &patch["properties"]["grafanaIntegrations"]["azureMonitorWorkspaceIntegrations"];
        assert_eq!(entries.as_array().unwrap().len(), 2);
        assert_eq!(entries[0]["extra"], 1);
    }
}
