//! Names and addresses that people need after a run, and what the journal still knows of them.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use super::setup::{Outside, Store};
use crate::base::clock::Timestamp;
use crate::base::{ArmId, Cloud};
use crate::desired::Desired;
use crate::event::Check;
use crate::journal::{self, Journal, Run};
use crate::observed::{GrafanaView, Observed};

/// The journal's name for the last outputs.
const OUTPUTS: &str = "outputs";
/// The journal's name for the last verdicts.
const CHECKS: &str = "checks";

/// What a stack offers, as far as it was seen. Nothing in here is secret.
pub(super) fn of(desired: &Desired, observed: &Observed, cloud: &Cloud) -> BTreeMap<String, Value> {
    let in_portal = |id: &ArmId| json!(format!("{}/#resource{id}", cloud.portal));
    let mut all = BTreeMap::from([
        ("subscription_id", json!(desired.subscription.name())),
        ("resource_group", json!(desired.group.name())),
        ("cluster_id", json!(desired.cluster)),
        ("cluster_name", json!(desired.cluster.name())),
        ("cluster_label", json!(desired.cluster_label)),
        ("cluster_portal_url", in_portal(&desired.cluster)),
        ("workspace_portal_url", in_portal(&desired.workspace)),
        ("workspace_id", json!(desired.workspace)),
        ("grafana_id", json!(desired.grafana.id)),
    ]);
    if let Some(endpoint) = observed.grafana.seen().and_then(|grafana| GrafanaView(grafana).endpoint()) {
        all.insert("grafana_endpoint", json!(endpoint));
    }
    let query = observed.workspace.seen().and_then(|workspace| workspace.text("/properties/metrics/prometheusQueryEndpoint"));
    if let Some(endpoint) = query {
        all.insert("prometheus_query_endpoint", json!(endpoint));
    }
    all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Keeps outputs and verdicts for `outputs` and `status`, which ask nobody.
pub(super) async fn keep(outside: &Outside, outputs: &BTreeMap<String, Value>, checks: &[Check]) -> Result<(), journal::Error> {
    let now = outside.setup().clock.now();
    let checks = json!({"at": now, "checks": checks});
    outside.journal.put_outputs(&outside.run, &[(OUTPUTS, &json!(outputs)), (CHECKS, &checks)], now).await
}

/// When a run of this stack last came to its end.
pub(super) async fn last_kept(outside: &Outside) -> Result<Option<Timestamp>, journal::Error> {
    outside.journal.output_written(OUTPUTS).await
}

/// What the journal of a stack remembers.
#[derive(Clone, Debug)]
pub struct Remembered {
    /// The last runs, newest first.
    pub runs: Vec<Run>,
    /// The outputs of the last run that knew them.
    pub outputs: BTreeMap<String, Value>,
    /// The last verdicts, and when they were given.
    pub checks: Option<(Timestamp, Vec<Check>)>,
}

/// Reads the journal of a stack, in its directory or in the database that is shared; nothing when there is none. Asks neither Azure
/// nor terraform.
///
/// # Errors
/// The journal cannot be read.
pub async fn remembered(directory: &Path, store: &Store, most_runs: u32) -> Result<Option<Remembered>, journal::Error> {
    let path = super::setup::journal_file(directory);
    let journal = match store.shared() {
        Some(shared) => Journal::of(&shared.db, &shared.stack),
        None if path.exists() => Journal::open(&path).await?,
        None => return Ok(None),
    };
    let runs = journal.last_runs(most_runs).await?;
    if runs.is_empty() && store.shared().is_some() {
        return Ok(None);
    }
    let outputs = journal.output(OUTPUTS).await?.unwrap_or_default();
    let checks = journal.output(CHECKS).await?.unwrap_or_default();
    let remembered = Remembered { runs, outputs: serde_json::from_value(outputs).unwrap_or_default(), checks: given(&checks) };
    journal.close().await;
    Ok(Some(remembered))
}

fn given(kept: &Value) -> Option<(Timestamp, Vec<Check>)> {
    let at = kept["at"].as_str()?.parse().ok()?;
    Some((at, serde_json::from_value(kept["checks"].clone()).ok()?))
}
