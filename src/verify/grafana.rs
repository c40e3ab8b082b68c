//! Through Grafana's eyes: the same series with Grafana's own identity, and the dashboards (contract §6.5).

use super::data::flows_query;
use super::{Questions, Shortcut, query_endpoint};
use crate::azure::grafana::{Client, DataSource, Error};
use crate::base::Class;
use crate::event::{Check, CheckId, Verdict};
use crate::observed::GrafanaView;

/// The built-in networking dashboards, by title: their uids in Managed Grafana are UNVERIFIED (contract §6.5).
const DASHBOARDS: [&str; 6] = [
    "Kubernetes / Networking / Clusters",
    "Kubernetes / Networking / DNS (Cluster)",
    "Kubernetes / Networking / DNS (Workload)",
    "Kubernetes / Networking / Drops (Workload)",
    "Kubernetes / Networking / Pod Flows (Namespace)",
    "Kubernetes / Networking / Pod Flows (Workload)",
];

/// The answer, and where it was found.
pub(super) async fn query(questions: &Questions<'_>) -> (Check, Option<Shortcut>) {
    let id = CheckId::GrafanaQuery;
    let Some(endpoint) = endpoint(questions) else { return (no_address(id), None) };
    let client = Client::new(questions.azure, endpoint);
    let sources = match client.data_sources().await {
        Ok(sources) => sources,
        Err(error) => return (refused(id, &error), None),
    };
    let Some(source) = sources.iter().find(|source| leads_to_workspace(source, questions)) else {
        let remedy = "it appears minutes after the integration";
        return (Check::pending(id, "Grafana has no data source for the workspace yet", remedy), None);
    };
    let check = through(&client, source, &flows_query(questions)).await;
    let found = Shortcut {
        grafana: endpoint.to_owned(),
        data_source: source.uid.clone(),
        workspace: query_endpoint(questions.observed).unwrap_or_default().to_owned(),
    };
    let answered = check.verdict == Verdict::Pass;
    (check, answered.then_some(found))
}

async fn through(client: &Client, source: &DataSource, query: &str) -> Check {
    let id = CheckId::GrafanaQuery;
    match client.query_through(&source.uid, query).await {
        Ok(samples) => match samples.first() {
            Some(sample) if sample.value > 0.0 => {
                Check::pass(id, format!("`{query}` through `{}` is {}", source.name, sample.value))
            }
            _ => Check::pending(
                id,
                format!("`{query}` through `{}` is empty", source.name),
                "it follows once the workspace has the series",
            ),
        },
        Err(error) => refused(id, &error),
    }
}

pub(super) async fn dashboards(questions: &Questions<'_>) -> Check {
    let id = CheckId::Dashboards;
    let Some(endpoint) = endpoint(questions) else { return no_address(id) };
    let found = match Client::new(questions.azure, endpoint).search_dashboards().await {
        Ok(found) => found,
        Err(error) => return refused(id, &error),
    };
    let missing: Vec<&str> =
        DASHBOARDS.into_iter().filter(|title| !found.iter().any(|dashboard| dashboard.title == *title)).collect();
    match missing.as_slice() {
        [] => Check::pass(id, "all six networking dashboards are there"),
        missing => Check::pending(id, format!("missing: {}", missing.join(", ")), "they appear minutes after the integration"),
    }
}

fn endpoint<'a>(questions: &Questions<'a>) -> Option<&'a str> {
    GrafanaView(questions.observed.grafana.seen()?).endpoint()
}

fn no_address(id: CheckId) -> Check {
    Check::fail(id, "Grafana has no address", "run `aksight provision`")
}

/// Compared by address, because the name has two spellings (contract §17 trap 6).
fn leads_to_workspace(source: &DataSource, questions: &Questions<'_>) -> bool {
    let endpoint = query_endpoint(questions.observed).unwrap_or_default();
    let bare = |url: &str| url.trim_end_matches('/').to_ascii_lowercase();
    source.kind.eq_ignore_ascii_case("prometheus") && !endpoint.is_empty() && bare(&source.url) == bare(endpoint)
}

fn refused(id: CheckId, error: &Error) -> Check {
    match error.class() {
        Class::Permission => Check::pending(id, error.to_string(), "roles in Grafana take up to 10 minutes to take effect"),
        Class::Transient | Class::Throttled(_) | Class::NotYet => Check::pending(id, error.to_string(), "it is asked again"),
        _ => Check::fail(id, error.to_string(), "open Grafana and test its data source"),
    }
}
