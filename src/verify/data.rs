//! Agents, scrape target and series (contract §6.2, §6.3).

use super::{Questions, query_endpoint};
use crate::azure::prometheus::{Client, Error};
use crate::base::Class;
use crate::event::{Check, CheckId};
use crate::kube::{AgentView, Workload};
use crate::observed::ClusterView;

/// A PromQL string literal. Cluster labels are checked names, yet nothing that came from a file is ever pasted bare.
pub(super) fn literal(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

pub(super) async fn agents(questions: &Questions<'_>) -> Check {
    let id = CheckId::Agents;
    let Some(cluster) = questions.observed.cluster.seen() else {
        return Check::fail(id, "there is no cluster to look into", "run `aksight provision`");
    };
    // The look that came just before saw them; only what was not yet right then is worth another.
    if let Some(agents) = questions.observed.agents.seen().filter(|agents| agents.all_ready() && agents.hubble_service) {
        return ready(id, agents.linux_nodes);
    }
    if !questions.desired.verification.inside {
        return Check::skipped(id, "nobody went into the cluster: a sweep saw the rest, and what the agents send is asked for");
    }
    let seen = match questions.door.open(cluster).await {
        Ok(access) => access.agents().await,
        Err(error) => Err(error),
    };
    match seen {
        Ok(view) => judge_agents(&view),
        Err(error) if matches!(error.class(), Class::Transient | Class::NotYet | Class::Busy) => {
            Check::pending(id, error.to_string(), "it is asked again")
        }
        Err(error) => Check::fail(id, error.to_string(), "see `delivery` in aksight.yaml: run-command or kubernetes"),
    }
}

fn judge_agents(view: &AgentView) -> Check {
    let id = CheckId::Agents;
    let waiting: Vec<String> = [Workload::Replica, Workload::Node, Workload::Ksm]
        .into_iter()
        .filter(|workload| !view.workloads.get(workload).is_some_and(|counts| counts.desired > 0 && counts.all_ready()))
        .map(|workload| {
            let seen = view
                .workloads
                .get(&workload)
                .map_or("absent".into(), |counts| format!("{}/{} ready", counts.ready, counts.desired));
            format!("`{}` {seen}", workload.name())
        })
        .collect();
    if !waiting.is_empty() {
        return Check::pending(id, waiting.join(", "), "look at `kubectl -n kube-system describe ds ama-metrics-node`");
    }
    if !view.hubble_port {
        let remedy = "container network observability may still be rolling out; check `acns.observability`";
        return Check::pending(id, "service `network-observability` has no port `hubble`", remedy);
    }
    ready(id, view.linux_nodes as usize)
}

fn ready(id: CheckId, nodes: usize) -> Check {
    Check::pass(id, format!("agents ready on {nodes} Linux nodes, Hubble's port is served"))
}

pub(super) async fn scrape_target(questions: &Questions<'_>) -> Check {
    let id = CheckId::ScrapeTarget;
    let cluster = literal(&questions.desired.cluster_label);
    let query = format!("count(up{{cluster={cluster},job=\"networkobservability-hubble\"}} == 1)");
    // Where nobody went into the cluster, its pools know best.
    let of_pools = || questions.observed.cluster.seen().map_or(1, |cluster| ClusterView(cluster).linux_nodes().max(1));
    let nodes = questions.observed.agents.seen().map_or_else(of_pools, |agents| agents.linux_nodes.max(1));
    match value(questions, &query).await {
        Ok(Some(up)) if up >= to_f64(nodes) => Check::pass(id, format!("`{query}` is {up} of {nodes} nodes")),
        Ok(Some(up)) => {
            Check::pending(id, format!("`{query}` is {up} of {nodes} nodes"), "look at the agents on the missing nodes")
        }
        Ok(None) => Check::pending(id, format!("`{query}` is empty"), "first data may take 15 minutes after enabling"),
        Err(error) => refused(id, &error),
    }
}

pub(super) async fn hubble_flows(questions: &Questions<'_>) -> Check {
    let id = CheckId::HubbleFlows;
    let query = flows_query(questions);
    match value(questions, &query).await {
        Ok(Some(series)) if series > 0.0 => Check::pass(id, format!("`{query}` is {series}, within the last 5 minutes")),
        Ok(_) => {
            Check::pending(id, format!("`{query}` is empty"), "the keep-list of `networkobservabilityHubble` must let it through")
        }
        Err(error) => refused(id, &error),
    }
}

/// The question whose answer proves the settings: the default keep-list drops this series (contract §5.4).
pub(super) fn flows_query(questions: &Questions<'_>) -> String {
    format!("count(hubble_flows_processed_total{{cluster={}}})", literal(&questions.desired.cluster_label))
}

async fn value(questions: &Questions<'_>, query: &str) -> Result<Option<f64>, Error> {
    let endpoint = query_endpoint(questions.observed).unwrap_or_default();
    let samples = Client::new(questions.azure, endpoint).query(query).await?;
    Ok(samples.first().map(|sample| sample.value))
}

/// A refusal may be a role that is not effective yet; anything that waiting cannot cure is a failure.
fn refused(id: CheckId, error: &Error) -> Check {
    match error.class() {
        Class::Permission => {
            Check::pending(id, error.to_string(), "Monitoring Data Reader takes up to 10 minutes to take effect")
        }
        Class::Transient | Class::Throttled(_) | Class::NotYet => Check::pending(id, error.to_string(), "it is asked again"),
        _ => Check::fail(id, error.to_string(), "check the workspace's public access and your sign-in"),
    }
}

/// Node counts are small; the conversion is exact.
pub(super) fn to_f64(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_never_ends_its_literal() {
        assert_eq!(literal("a\"} or up{x=\"\\"), r#""a\"} or up{x=\"\\""#);
    }
}
