//! Checks: questions asked of the running system after a plan was carried out.

use serde::{Deserialize, Serialize};

/// The checks, in the order in which data flows; the first one that fails is the first broken link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckId {
    /// Cluster, workspace, Grafana, association, rule and add-on, each by its own GET (contract §6.1).
    ControlPlane,
    /// The agents run and have taken up the settings (contract §6.2, §5.8).
    Agents,
    /// `up` of the Hubble job is 1 on every Linux node (contract §6.3).
    ScrapeTarget,
    /// `hubble_flows_processed_total` of this cluster is fresh in the workspace: the series that the default keep-list drops
    /// (contract §5.4), so it proves the settings and not only the pipe.
    HubbleFlows,
    /// The same series through Grafana's data source, with Grafana's own identity (contract §6.5).
    GrafanaQuery,
    /// The six networking dashboards are there (contract §6.5).
    Dashboards,
}

impl CheckId {
    /// All checks, in order.
    pub const ALL: [Self; 6] =
        [Self::ControlPlane, Self::Agents, Self::ScrapeTarget, Self::HubbleFlows, Self::GrafanaQuery, Self::Dashboards];

    /// The id as JSON and people write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ControlPlane => "control-plane",
            Self::Agents => "agents",
            Self::ScrapeTarget => "scrape-target",
            Self::HubbleFlows => "hubble-flows",
            Self::GrafanaQuery => "grafana-query",
            Self::Dashboards => "dashboards",
        }
    }

    /// What it asks, as a short phrase.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::ControlPlane => "cluster is wired to the workspace",
            Self::Agents => "metrics agents run with the settings",
            Self::ScrapeTarget => "Hubble is scraped on every node",
            Self::HubbleFlows => "network flows arrive in the workspace",
            Self::GrafanaQuery => "Grafana can read them",
            Self::Dashboards => "networking dashboards are present",
        }
    }
}

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Proven.
    Pass,
    /// Not yet; waiting may help.
    Pending,
    /// No, and waiting will not help.
    Fail,
    /// Not asked, for a stated reason.
    Skipped,
}

/// A check with its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Which question.
    pub id: CheckId,
    /// The answer.
    pub verdict: Verdict,
    /// What was seen: numbers, names, query results.
    pub evidence: String,
    /// What to do when it is not a pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Check {
    /// A passed check.
    pub fn pass(id: CheckId, evidence: impl Into<String>) -> Self {
        Self { id, verdict: Verdict::Pass, evidence: evidence.into(), remedy: None }
    }

    /// A check that may pass later.
    pub fn pending(id: CheckId, evidence: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { id, verdict: Verdict::Pending, evidence: evidence.into(), remedy: Some(remedy.into()) }
    }

    /// A failed check.
    pub fn fail(id: CheckId, evidence: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { id, verdict: Verdict::Fail, evidence: evidence.into(), remedy: Some(remedy.into()) }
    }

    /// A check that was not asked.
    pub fn skipped(id: CheckId, why: impl Into<String>) -> Self {
        Self { id, verdict: Verdict::Skipped, evidence: why.into(), remedy: None }
    }
}
