//! Floor 6: collectors that only read.
//!
//! [`look`] asks for everything that does not depend on another answer at once, and for what does as soon as that answer is there.
//! What is asked under the names that aksight gives needs no answer before it, so a stack that is as wished is read in two round
//! trips after the sign-in, whatever the number of units. What could not be read becomes [`Sight::Unknown`] with its reason.

mod assignments;
mod cluster;
mod preflight;
mod surroundings;
pub mod sweep;
mod terraform;

use std::collections::BTreeMap;

use futures::future::join_all;
use serde_json::Value;

use crate::azure::{self, Azure, ResourceManager as _};
use crate::base::{ArmId, ArmObject, Class, Kind, clock::Timestamp};
use crate::desired::{AssociationWish, Desired, EndpointWish, RoleHolder, RuleWish};
use crate::kube::Door;
use crate::observed::{Association, GrafanaView, Observed, Principal, PrincipalKind, RuleTemplate, Sight};
use crate::plan::draft::collection_wishes;

pub use cluster::look as inside;
pub use preflight::{permissions, preflight};
pub use surroundings::surroundings;
pub use terraform::{terraform, terraform_destroy};

/// What is known from before and need not be asked again.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The settings ([`SettingsMap::version`](crate::observed::SettingsMap::version)) that the agents were seen to have taken up. That cannot be undone: agents that
    /// start later read the same map, or a newer one, which has another version.
    pub taken_up: Option<String>,
    /// Microsoft's recommended recording rules, which change with Microsoft's releases and not with the stack.
    pub recommended: Option<Vec<RuleTemplate>>,
}

/// Looks at Azure and at the cluster. Terraform's opinion is asked for apart ([`terraform`]) and put in by the caller.
pub async fn look(desired: &Desired, azure: &Azure, door: &Door, known: &Known, at: Timestamp) -> Observed {
    let get = |id, kind| async move { sight(azure.get(id, kind).await) };
    let me = sight(azure.who_am_i().await.map(|me| Some(principal(me))));
    // Each chain goes on as soon as its own first answer is there.
    let inside = async {
        let cluster = get(&desired.cluster, Kind::ManagedCluster).await;
        let inside = cluster::look(cluster.seen(), door, known.taken_up.as_deref(), at).await;
        (cluster, inside)
    };
    let (registrations, group, inside, collection, (grafana, assignments), rule_groups, recommendations) = tokio::join!(
        registrations(desired, azure),
        get(&desired.group, Kind::ResourceGroup),
        inside,
        collection(desired, azure),
        assignments::with_grafana(desired, azure, me.seen()),
        rule_groups(desired, azure),
        recommendations(desired, azure, known),
    );
    let (cluster, (settings, agents)) = inside;
    let Collection { workspace, endpoint, rule, associations } = collection;
    Observed {
        at,
        registrations,
        group,
        cluster,
        workspace,
        grafana,
        endpoint,
        rule,
        associations,
        recommendations,
        rule_groups,
        assignments,
        me,
        settings,
        agents,
        terraform: Sight::Unknown("terraform was not asked".into()),
    }
}

/// An answer as a sight. A parent that is not there means that the thing is not there either.
fn sight<T>(answer: Result<Option<T>, azure::Error>) -> Sight<T> {
    match answer {
        Err(error) if error.class() == Class::Absent => Sight::Absent,
        other => Sight::from_answer(other),
    }
}

async fn registrations(desired: &Desired, azure: &Azure) -> Sight<BTreeMap<String, String>> {
    let manager = match azure.resource_manager(desired.subscription.name()) {
        Ok(manager) => manager,
        Err(error) => return Sight::Unknown(error.to_string()),
    };
    sight(manager.provider_states().await.map(Some))
}

/// The workspace and what leads to it.
struct Collection {
    workspace: Sight<ArmObject>,
    endpoint: Sight<ArmObject>,
    rule: Sight<ArmObject>,
    associations: Sight<Vec<Association>>,
}

/// Endpoint and rule are asked for under the names that they have in the region in which terraform creates a workspace; only when
/// the workspace turns out to lie elsewhere are they asked for again.
async fn collection(desired: &Desired, azure: &Azure) -> Collection {
    let (here, there) = (collection_wishes(desired, None), |workspace: &ArmObject| collection_wishes(desired, Some(workspace)));
    let endpoint_and_rule = |wishes: (EndpointWish, RuleWish, AssociationWish)| async move {
        let (endpoint, rule) = tokio::join!(
            azure.get(&wishes.0.id, Kind::DataCollectionEndpoint),
            azure.get(&wishes.1.id, Kind::DataCollectionRule)
        );
        (sight(endpoint), sight(rule))
    };
    let (workspace, (mut endpoint, mut rule), listed) = tokio::join!(
        azure.get(&desired.workspace, Kind::MonitorWorkspace),
        endpoint_and_rule(here.clone()),
        azure.list(&desired.cluster, Kind::DataCollectionRuleAssociation, None),
    );
    let workspace = sight(workspace);
    let mut asked = here.1.id.clone();
    if let Some(elsewhere) = workspace.seen().map(there).filter(|wishes| wishes.1.id != asked) {
        asked = elsewhere.1.id.clone();
        (endpoint, rule) = endpoint_and_rule(elsewhere).await;
    }
    let associations = associations(azure, listed, (&asked, &rule)).await;
    Collection { workspace, endpoint, rule, associations }
}

/// Follows each association to its rule. `known` is a rule that was read already.
async fn associations(
    azure: &Azure,
    listed: Result<Vec<Value>, azure::Error>,
    known: (&ArmId, &Sight<ArmObject>),
) -> Sight<Vec<Association>> {
    let listed = match listed {
        Ok(listed) => listed,
        Err(error) => return sight(Err(error)),
    };
    let read = |entry: &Value| {
        let id = ArmId::parse(entry["id"].as_str()?).ok()?;
        Some((id, ArmId::parse(entry["properties"]["dataCollectionRuleId"].as_str().unwrap_or_default()).ok()))
    };
    let pairs: Vec<(ArmId, Option<ArmId>)> = listed.iter().filter_map(read).collect();
    let follow = pairs.into_iter().map(|(id, rule_id)| async move {
        let rule = match &rule_id {
            Some(rule_id) if rule_id == known.0 => known.1.clone(),
            Some(rule_id) => sight(azure.get(rule_id, Kind::DataCollectionRule).await),
            None => Sight::Absent,
        };
        Association { id, rule_id, rule }
    });
    Sight::Present(join_all(follow).await)
}

async fn rule_groups(desired: &Desired, azure: &Azure) -> Sight<Vec<ArmObject>> {
    if desired.recording_rules.is_none() {
        return Sight::Unknown("recording rules are not asked for".into());
    }
    let listed = azure.list(&desired.group, Kind::PrometheusRuleGroup, None).await;
    let object = |body: Value| Some(ArmObject { id: ArmId::parse(body["id"].as_str()?).ok()?, body, etag: None });
    sight(listed.map(|all| Some(all.into_iter().filter_map(object).collect())))
}

async fn recommendations(desired: &Desired, azure: &Azure, known: &Known) -> Sight<Vec<RuleTemplate>> {
    if desired.recording_rules.is_none() {
        return Sight::Unknown("recording rules are not asked for".into());
    }
    if let Some(known) = &known.recommended {
        return Sight::Present(known.clone());
    }
    let listed = azure.list(&desired.workspace, Kind::AlertRuleRecommendations, None).await;
    sight(listed.map(|all| Some(all.iter().filter_map(RuleTemplate::read).collect())))
}

/// The object id of who shall hold a role, when it is known.
fn holder(holder: &RoleHolder, me: Option<&Principal>, grafana: Option<&ArmObject>) -> Option<String> {
    match holder {
        RoleHolder::Grafana => grafana.and_then(|grafana| GrafanaView(grafana).principal()).map(str::to_owned),
        RoleHolder::Me => me.map(|me| me.object_id.clone()),
        RoleHolder::Listed { id, .. } => Some(id.clone()),
    }
}

fn principal(me: azure::Principal) -> Principal {
    let kind = match me.kind {
        azure::PrincipalKind::User => PrincipalKind::User,
        azure::PrincipalKind::ServicePrincipal => PrincipalKind::ServicePrincipal,
    };
    Principal { object_id: me.object_id, kind, name: me.display }
}
