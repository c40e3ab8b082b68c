//! The proof in one request: a question through Grafana, at the address where the last whole proof found the answer.
//!
//! An answer shows the whole way at once: agents scrape, the rule carries, the workspace keeps, Grafana's identity reads. The
//! address is remembered, the answer is not: whatever does not pass here is asked in full.

use serde::{Deserialize, Serialize};

use super::data::{literal, to_f64};
use super::{Proof, chain, query_endpoint};
use crate::azure::Azure;
use crate::azure::grafana::Client;
use crate::azure::prometheus::Sample;
use crate::desired::Desired;
use crate::event::{Check, CheckId, Verdict};
use crate::observed::{ClusterView, GrafanaView, Observed};

/// The jobs that run on every Linux node (contract §6.3).
const NODE: &str = "node";
const HUBBLE: &str = "networkobservability-hubble";

/// Where the answer was found the last time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shortcut {
    /// Grafana's address.
    pub grafana: String,
    /// The uid of its data source that leads to the workspace.
    pub data_source: String,
    /// The workspace's query endpoint, to which that data source led.
    pub workspace: String,
}

/// What Grafana answered at a remembered address.
#[derive(Clone, Debug)]
pub struct Answered {
    asked: Shortcut,
    query: String,
    samples: Vec<Sample>,
}

/// Asks; nothing when there was no answer, for whatever reason: the whole proof will say it.
pub async fn ask(shortcut: Shortcut, desired: &Desired, azure: &Azure) -> Option<Answered> {
    let cluster = literal(&desired.cluster_label);
    // Each selector names one metric, as the store demands; the second has no label, so `or` keeps it beside the jobs.
    let query =
        format!("count by (job) (up{{cluster={cluster}}} == 1) or count(hubble_flows_processed_total{{cluster={cluster}}})");
    let samples = Client::new(azure, &shortcut.grafana).query_through(&shortcut.data_source, &query).await.ok()?;
    Some(Answered { asked: shortcut, query, samples })
}

/// Judges the answer by what was seen meanwhile; nothing unless it proves everything that it can.
#[must_use]
pub fn judge(answered: &Answered, desired: &Desired, observed: &Observed) -> Option<Proof> {
    let grafana = GrafanaView(observed.grafana.seen()?).endpoint()?;
    if (grafana, query_endpoint(observed)?) != (&answered.asked.grafana, &answered.asked.workspace) {
        return None;
    }
    let wired = chain(desired, observed);
    let nodes = ClusterView(observed.cluster.seen()?).linux_nodes().max(1);
    let value = |job: Option<&str>| {
        let sample = answered.samples.iter().find(|sample| sample.labels.get("job").map(String::as_str) == job);
        sample.map_or(0.0, |sample| sample.value)
    };
    let (node, hubble, flows) = (value(Some(NODE)), value(Some(HUBBLE)), value(None));
    let enough = to_f64(nodes);
    if wired.verdict != Verdict::Pass || node < enough || hubble < enough || flows <= 0.0 {
        return None;
    }
    let query = &answered.query;
    let checks = vec![
        wired,
        Check::pass(CheckId::Agents, format!("they scrape {node} of {nodes} Linux nodes, by their own series")),
        Check::pass(CheckId::ScrapeTarget, format!("`up` of job `{HUBBLE}` is 1 on {hubble} of {nodes} nodes")),
        Check::pass(CheckId::HubbleFlows, format!("{flows} series of hubble_flows_processed_total, within the last 5 minutes")),
        Check::pass(CheckId::GrafanaQuery, format!("Grafana answered `{query}` with its own identity")),
        Check::skipped(CheckId::Dashboards, "`aksight verify` and deep looks ask for them"),
    ];
    Some(Proof { checks, shortcut: Some(answered.asked.clone()) })
}
