//! One function per step, reached by one match.

mod cluster;
mod collection;
mod grafana;
mod providers;
mod removal;
mod roles;
mod rule_groups;
mod settings;
mod terraform;

use std::sync::Mutex;

pub use settings::TAKEN_UP;

use super::engine::{Outcome, Within};
use super::{Error, Hands};
use crate::plan::{Step, Unit};

/// Carries out a step: read, compare, write what differs, wait, read back. Notes in `within` how what it consists of ended.
pub(super) async fn perform(unit: &Unit, step: &Step, hands: &Hands, within: &Mutex<Within>) -> Result<Outcome, Error> {
    let id = &unit.id;
    match step {
        Step::RegisterProvider { namespace } => providers::register(id, namespace, hands).await,
        Step::ApplyTerraform => terraform::apply(id, hands, within).await,
        Step::EnsureGrafanaIdentity { grafana } => grafana::ensure_identity(id, grafana, hands).await,
        Step::IntegrateWorkspaces { grafana, workspaces } => grafana::integrate(id, grafana, workspaces, hands).await,
        Step::PutEndpoint(wish) => collection::put_endpoint(id, wish, hands).await,
        Step::PutRule(wish) => collection::put_rule(id, wish, hands).await,
        Step::PutAssociation(wish) => collection::put_association(id, wish, hands).await,
        Step::EnableMetrics(wish) => cluster::enable_metrics(id, wish, hands).await,
        Step::SetPolicyMode { cluster, mode } => cluster::set_policy_mode(id, cluster, mode, hands).await,
        Step::PutRecordingRules(wish) => rule_groups::put(id, wish, hands).await,
        Step::AssignRole { scope, role, principal } => roles::assign(id, scope, *role, principal, hands).await,
        Step::MergeSettings { cluster, fragments } => settings::merge_settings(id, cluster, fragments, hands).await,
        Step::Remove { id: resource } => removal::remove(id, resource, hands).await,
        Step::DisableMetrics { cluster } => removal::disable_metrics(id, cluster, hands).await,
        Step::RemoveIntegration { grafana, workspace } => removal::remove_integration(id, grafana, workspace, hands).await,
        Step::AwaitPickup { cluster } => settings::await_pickup(id, cluster, hands).await,
    }
}
