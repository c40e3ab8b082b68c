//! Floor 2: what was seen in Azure, in terraform and in the cluster. Dated, possibly partial.
//!
//! A collector that could not look says so with [`Sight::Unknown`]; a plan is then drawn from what is known and says what it
//! could not judge. Nothing in here decides anything.

mod cluster;
mod collection;
mod grafana;
mod permissions;
mod preflight;
mod roles;
mod surroundings;
pub mod tfplan;

use std::collections::BTreeMap;

use crate::base::{ArmId, ArmObject, clock::Timestamp};

pub use cluster::{Agents, ClusterView, SettingsMap};
pub use collection::{Association, PROMETHEUS_STREAM, RuleTemplate, prometheus_workspaces};
pub use grafana::GrafanaView;
pub use permissions::{Permission, covers};
pub use preflight::{KubernetesVersion, MachineSize, Offer, Preflight, Usage};
pub use roles::{Assignment, Principal, PrincipalKind, Scope};
pub use surroundings::Surroundings;

/// One look at one thing.
#[derive(Clone, Debug, PartialEq)]
pub enum Sight<T> {
    /// It is there.
    Present(T),
    /// It is not there.
    Absent,
    /// Nobody could look, for this reason.
    Unknown(String),
}

impl<T> Sight<T> {
    /// The thing, when it was seen.
    pub const fn seen(&self) -> Option<&T> {
        match self {
            Self::Present(thing) => Some(thing),
            Self::Absent | Self::Unknown(_) => None,
        }
    }

    /// Why nobody could look.
    pub fn unknown(&self) -> Option<&str> {
        match self {
            Self::Unknown(why) => Some(why),
            Self::Present(_) | Self::Absent => None,
        }
    }

    /// Turns an answer into a sight: nothing is `Absent`, an error is `Unknown`.
    pub fn from_answer<E: std::fmt::Display>(answer: Result<Option<T>, E>) -> Self {
        match answer {
            Ok(Some(thing)) => Self::Present(thing),
            Ok(None) => Self::Absent,
            Err(error) => Self::Unknown(error.to_string()),
        }
    }
}

/// Everything that one round of observation saw.
#[derive(Clone, Debug)]
pub struct Observed {
    /// When the look began.
    pub at: Timestamp,
    /// Registration state per resource provider, keys in lower case, values as the service spells them.
    pub registrations: Sight<BTreeMap<String, String>>,
    /// The resource group.
    pub group: Sight<ArmObject>,
    /// The cluster.
    pub cluster: Sight<ArmObject>,
    /// The Azure Monitor workspace.
    pub workspace: Sight<ArmObject>,
    /// The Managed Grafana.
    pub grafana: Sight<ArmObject>,
    /// The data collection endpoint under the name that aksight would give it.
    pub endpoint: Sight<ArmObject>,
    /// The data collection rule under the name that aksight would give it.
    pub rule: Sight<ArmObject>,
    /// The cluster's data collection rule associations, each with the rule it points at.
    pub associations: Sight<Vec<Association>>,
    /// Microsoft's recommended recording rule groups for the workspace.
    pub recommendations: Sight<Vec<RuleTemplate>>,
    /// Prometheus rule groups in the cluster's resource group.
    pub rule_groups: Sight<Vec<ArmObject>>,
    /// Role assignments by scope: every assignment at or above that scope that could be listed.
    pub assignments: BTreeMap<ArmId, Sight<Vec<Assignment>>>,
    /// Who is signed in.
    pub me: Sight<Principal>,
    /// The settings ConfigMap of the metrics agents.
    pub settings: Sight<SettingsMap>,
    /// The metrics agents.
    pub agents: Sight<Agents>,
    /// Terraform's own plan: one more observation.
    pub terraform: Sight<tfplan::TerraformView>,
}
