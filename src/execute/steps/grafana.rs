//! Grafana's identity and integrations: PATCH, wait, read back (contract §3.8, §4.1, C10, C11).

use std::time::Duration;

use serde_json::json;

use crate::azure::Write;
use crate::base::{ArmId, ArmObject, Kind};
use crate::event::UnitId;
use crate::execute::engine::Outcome;
use crate::execute::retry::patiently;
use crate::execute::{Error, Hands};
use crate::observed::GrafanaView;
use crate::plan::diff::grafana::{integration_patch, missing_integrations};

/// Contract §4.1: the principal is normally in the answer; give it two minutes.
const PRINCIPAL_POLLS: u32 = 24;
const PRINCIPAL_POLL: Duration = Duration::from_secs(5);

pub(super) async fn ensure_identity(unit: &UnitId, grafana: &ArmId, hands: &Hands) -> Result<Outcome, Error> {
    patiently(hands, unit, false, || async {
        let seen = hands.need(grafana, Kind::Grafana).await?;
        if GrafanaView(&seen).principal().is_none() {
            let body = json!({"identity": {"type": "SystemAssigned"}});
            hands.write(unit, patch(grafana, body)).await?;
        }
        Ok(())
    })
    .await?;
    principal(unit, grafana, hands)
        .await
        .map(|principal| Outcome::proven(format!("Grafana has an identity, principal {principal}")))
}

/// The object id of Grafana's identity, awaited for as long as replication takes.
pub(super) async fn principal(unit: &UnitId, grafana: &ArmId, hands: &Hands) -> Result<String, Error> {
    for _ in 0..PRINCIPAL_POLLS {
        let seen = hands.need(grafana, Kind::Grafana).await?;
        if let Some(principal) = GrafanaView(&seen).principal() {
            return Ok(principal.to_owned());
        }
        hands.events.progress(unit, "waiting for Grafana's identity to appear");
        hands.pause(PRINCIPAL_POLL).await?;
    }
    Err(Error::Patience { what: "Grafana's identity".into(), minutes: 2, last: "no principal id".into() })
}

pub(super) async fn integrate(unit: &UnitId, grafana: &ArmId, workspaces: &[ArmId], hands: &Hands) -> Result<Outcome, Error> {
    patiently(hands, unit, false, || async {
        let seen = hands.need(grafana, Kind::Grafana).await?;
        if missing_integrations(&seen, workspaces).is_empty() {
            return Ok(());
        }
        hands.write(unit, patch(grafana, integration_patch(&seen, workspaces))).await?;
        read_back(&hands.need(grafana, Kind::Grafana).await?, workspaces)
    })
    .await?;
    Ok(Outcome::proven("Grafana lists every wanted workspace"))
}

/// A write that a neighbour overtook shows here; the caller reads and merges again.
fn read_back(grafana: &ArmObject, workspaces: &[ArmId]) -> Result<(), Error> {
    match missing_integrations(grafana, workspaces).first() {
        None => Ok(()),
        Some(id) => Err(Error::NotReadBack { what: "Grafana's integrations".into(), shows: format!("no `{}`", id.name()) }),
    }
}

fn patch(grafana: &ArmId, body: serde_json::Value) -> Write {
    Write::patch(grafana.clone(), Kind::Grafana, body)
}
