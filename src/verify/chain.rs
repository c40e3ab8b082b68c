//! The control plane's part of the way: cluster → association → rule → workspace ← Grafana (contract §6.1).

use super::query_endpoint;
use crate::desired::Desired;
use crate::event::{Check, CheckId};
use crate::observed::{ClusterView, GrafanaView, Observed};
use crate::plan::diff::association::leading_to;

const ID: CheckId = CheckId::ControlPlane;

/// Judges the chain from what was read last; nothing here is asked again.
#[must_use]
pub fn chain(desired: &Desired, observed: &Observed) -> Check {
    match broken(desired, observed) {
        None => Check::pass(ID, "cluster, association, rule, workspace and Grafana are connected"),
        Some((evidence, remedy)) => Check::fail(ID, evidence, remedy),
    }
}

fn broken(desired: &Desired, observed: &Observed) -> Option<(String, String)> {
    let again = || "run `aksight provision`".to_owned();
    let Some(cluster) = observed.cluster.seen() else {
        return Some((format!("cluster `{}` was not seen", desired.cluster.name()), again()));
    };
    let view = ClusterView(cluster);
    if !view.runs_cilium() || !view.observability() {
        return Some(("the cluster does not run Cilium with container network observability".into(), again()));
    }
    if observed.workspace.seen().is_none() {
        return Some((format!("workspace `{}` was not seen", desired.workspace.name()), again()));
    }
    if query_endpoint(observed).is_none() {
        return Some(("the workspace has no query endpoint".into(), "wait until the workspace is ready".into()));
    }
    let associations = observed.associations.seen().map_or(&[][..], Vec::as_slice);
    if leading_to(associations, &desired.workspace).is_none() {
        return Some((format!("no association leads from the cluster to `{}`", desired.workspace.name()), again()));
    }
    if !view.metrics_enabled() {
        return Some(("the metrics add-on is off".into(), again()));
    }
    let Some(grafana) = observed.grafana.seen().map(GrafanaView) else {
        return Some((format!("Grafana `{}` was not seen", desired.grafana.id.name()), again()));
    };
    if grafana.principal().is_none() {
        return Some(("Grafana has no identity".into(), again()));
    }
    (!grafana.integrations().contains(&desired.workspace)).then(|| ("Grafana does not list the workspace".to_owned(), again()))
}
