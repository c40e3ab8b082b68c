//! Drawing the plan: every unit of the stack, each compared by its own file in `diff`.

use std::marker::PhantomData;

use super::diff::{association, cluster, endpoint, grafana, providers, roles, rule, rule_groups, settings, terraform};
use super::graph::{self, Cycle};
use super::{Draft, Plan, Unit};
use crate::base::{ArmObject, Kind};
use crate::desired::fragment::MergeError;
use crate::desired::{
    AssociationWish, Desired, EndpointWish, RuleWish, association_name, collection_endpoint_name, collection_rule_name,
};
use crate::observed::{Association, Observed};

/// The unit that applies terraform's plan.
pub const TERRAFORM: &str = "terraform";
/// Grafana's identity.
pub const GRAFANA_IDENTITY: &str = "grafana-identity";
/// Grafana's integrations.
pub const INTEGRATION: &str = "grafana-integration";
/// The data collection endpoint.
pub const DCE: &str = "dce";
/// The data collection rule.
pub const DCR: &str = "dcr";
/// The association of cluster and rule.
pub const DCRA: &str = "dcra";
/// The metrics add-on.
pub const METRICS: &str = "metrics-addon";
/// The network policy mode.
pub const POLICY_MODE: &str = "policy-mode";
/// The recommended recording rules.
pub const RULES: &str = "recording-rules";
/// The settings ConfigMap.
pub const SETTINGS: &str = "settings-configmap";
/// The agents' pick-up.
pub const PICKUP: &str = "agents-pickup";

/// Why no plan can be drawn.
#[derive(Debug, thiserror::Error)]
pub enum Undrawable {
    /// The settings ConfigMap cannot hold what is wished.
    #[error("the settings ConfigMap cannot be planned")]
    Settings(#[from] MergeError),
    /// A mistake in this program.
    #[error("the plan has no order")]
    Order(#[from] Cycle),
}

/// Compares wish and world. Units come out in the order in which they would run.
///
/// # Errors
/// [`Undrawable`] when the settings cannot be merged.
pub fn draft(desired: &Desired, observed: &Observed) -> Result<Plan<Draft>, Undrawable> {
    let mut blind = Vec::new();
    let mut units = providers::units(desired, observed, &mut blind);
    units.extend(terraform::units(desired, observed, &mut blind));
    units.push(grafana::identity(desired, observed));
    units.extend(roles::units(desired, observed, &mut blind));
    units.extend(collection(desired, observed, &mut blind));
    let metrics = cluster::metrics(desired, observed);
    let settings = settings::unit(desired, observed, &mut blind)?;
    let pickup = settings::pickup(desired, &settings, &metrics, observed);
    units.push(metrics);
    units.extend(cluster::policy_mode(desired, observed));
    units.push(grafana::integration(desired, observed));
    units.extend(desired.recording_rules.as_ref().map(|wish| rule_groups::unit(wish, observed, &mut blind)));
    units.extend([settings, pickup]);
    Ok(Plan {
        stack: desired.stack.clone(),
        seen_at: observed.at,
        units: graph::sort(&units)?,
        blind_spots: blind,
        findings: Vec::new(),
        stage: PhantomData,
    })
}

/// Endpoint, rule and association. When an association under any name already leads to the workspace through a rule of somebody
/// else's, that rule and its endpoint do the work and none of ours is needed.
fn collection(desired: &Desired, observed: &Observed, blind: &mut Vec<String>) -> Vec<Unit> {
    let none = Vec::new();
    let associations: &Vec<Association> = observed.associations.seen().unwrap_or(&none);
    if let Some(why) = observed.associations.unknown() {
        blind.push(format!("data collection rule associations: {why}"));
    }
    let wishes = collection_wishes(desired, observed.workspace.seen());
    let found = association::leading_to(associations, &desired.workspace).and_then(|found| found.rule.seen());
    let found = found.filter(|rule| rule.id != wishes.1.id);
    let through = found.map(|rule| rule.text("/properties/dataCollectionEndpointId").unwrap_or("the workspace's own endpoint"));
    let through = through.map(|id| id.rsplit('/').next().unwrap_or(id));
    vec![
        endpoint::unit(&wishes.0, &observed.endpoint, through),
        rule::unit(&wishes.1, &observed.rule, found),
        association::unit(&wishes.2, associations, blind),
    ]
}

/// What the collection chain shall be. Endpoint and rule lie in the workspace's region: that of the workspace as it was read,
/// else that in which terraform creates it.
#[must_use]
pub fn collection_wishes(desired: &Desired, workspace: Option<&ArmObject>) -> (EndpointWish, RuleWish, AssociationWish) {
    let location = workspace.and_then(ArmObject::location).unwrap_or_else(|| desired.location.clone());
    let cluster = desired.cluster.name();
    let named = |kind: Kind, name: &str| desired.group.resource(kind.resource_type(), name);
    let endpoint = named(Kind::DataCollectionEndpoint, &collection_endpoint_name(&location, cluster));
    let rule = named(Kind::DataCollectionRule, &collection_rule_name(&location, cluster));
    let association = desired.cluster.resource(Kind::DataCollectionRuleAssociation.resource_type(), association_name());
    (
        EndpointWish { id: endpoint.clone(), location: location.clone() },
        RuleWish { id: rule.clone(), location, endpoint, workspace: desired.workspace.clone() },
        AssociationWish { id: association, rule, cluster: desired.cluster.clone(), workspace: desired.workspace.clone() },
    )
}
