//! Taking away what aksight made (contract §3.10, C20). Absent is done.

use serde_json::json;

use crate::azure::Write;
use crate::base::{ArmId, Kind};
use crate::event::UnitId;
use crate::execute::engine::Outcome;
use crate::execute::retry::patiently;
use crate::execute::{Error, Hands};
use crate::observed::{ClusterView, GrafanaView};
use crate::plan::diff::cluster::metrics_off_body;

/// Deletes a resource and looks whether it is gone.
pub(super) async fn remove(unit: &UnitId, id: &ArmId, hands: &Hands) -> Result<Outcome, Error> {
    let kind = Kind::of(id).ok_or_else(|| Error::Moved(format!("`{id}` is of a kind that aksight does not delete")))?;
    patiently(hands, unit, false, || async {
        if hands.azure.get(id, kind).await?.is_none() {
            return Ok(());
        }
        hands.write(unit, Write::delete(id.clone(), kind)).await?;
        match hands.azure.get(id, kind).await? {
            None => Ok(()),
            Some(_) => Err(Error::NotReadBack { what: id.name().to_owned(), shows: "it is still there".into() }),
        }
    })
    .await?;
    Ok(Outcome::proven("it is gone"))
}

/// Switches the add-on off; every other field of the cluster stays.
pub(super) async fn disable_metrics(unit: &UnitId, cluster: &ArmId, hands: &Hands) -> Result<Outcome, Error> {
    let on = |cluster: &crate::base::ArmObject| {
        ClusterView(cluster).metrics_enabled().then(|| "azureMonitorProfile.metrics.enabled".to_owned())
    };
    super::cluster::converge(unit, cluster, hands, on, metrics_off_body).await?;
    Ok(Outcome::proven("azureMonitorProfile.metrics is off"))
}

/// Takes one workspace out of Grafana's list; every other entry stays.
pub(super) async fn remove_integration(
    unit: &UnitId,
    grafana: &ArmId,
    workspace: &ArmId,
    hands: &Hands,
) -> Result<Outcome, Error> {
    patiently(hands, unit, false, || async {
        let seen = hands.need(grafana, Kind::Grafana).await?;
        let view = GrafanaView(&seen);
        if !view.integrations().contains(workspace) {
            return Ok(());
        }
        let ours = |entry: &serde_json::Value| crate::plan::diff::is_id(&entry["azureMonitorWorkspaceResourceId"], workspace);
        let kept: Vec<serde_json::Value> = view.integration_entries().into_iter().filter(|entry| !ours(entry)).collect();
        let body = json!({"properties": {"grafanaIntegrations": {"azureMonitorWorkspaceIntegrations": kept}}});
        hands.write(unit, Write::patch(grafana.clone(), Kind::Grafana, body)).await
    })
    .await?;
    Ok(Outcome::proven("Grafana no longer lists the workspace"))
}
