//! Floor 6: collectors that only read.
//!
//! [`look`] asks for everything that does not depend on another answer at once, and for what does as soon as that answer is there:
//! with the token that is five round trips of wall time whatever the number of units. What could not be read becomes [`Sight::Unknown`] with its reason.

mod cluster;
mod surroundings;
pub mod sweep;
mod terraform;

use std::collections::BTreeMap;

use futures::future::join_all;
use serde_json::Value;

use crate::azure::{self, Azure, ResourceManager as _};
use crate::base::{ArmId, ArmObject, Class, Kind, clock::Timestamp};
use crate::desired::{Desired, RoleHolder};
use crate::kube::Door;
use crate::observed::{Assignment, Association, GrafanaView, Observed, Principal, PrincipalKind, RuleTemplate, Sight};
use crate::plan::draft::collection_wishes;

pub use cluster::look as inside;
pub use surroundings::surroundings;
pub use terraform::{terraform, terraform_destroy};

/// Looks at Azure and at the cluster. Terraform's opinion is asked for apart ([`terraform`]) and put in by the caller.
pub async fn look(desired: &Desired, azure: &Azure, door: &Door, at: Timestamp) -> Observed {
    let get = |id, kind| async move { sight(azure.get(id, kind).await) };
    let me = sight(azure.who_am_i().await.map(|me| Some(principal(me))));
    // Each chain goes on as soon as its own first answer is there.
    let inside = async {
        let cluster = get(&desired.cluster, Kind::ManagedCluster).await;
        let inside = cluster::look(cluster.seen(), door, at).await;
        (cluster, inside)
    };
    let collection = async {
        let workspace = get(&desired.workspace, Kind::MonitorWorkspace).await;
        let wishes = collection_wishes(desired, workspace.seen());
        let (endpoint, rule) = tokio::join!(
            azure.get(&wishes.0.id, Kind::DataCollectionEndpoint),
            azure.get(&wishes.1.id, Kind::DataCollectionRule)
        );
        (workspace, sight(endpoint), sight(rule))
    };
    let access = async {
        let grafana = get(&desired.grafana.id, Kind::Grafana).await;
        let assignments = assignments(desired, azure, me.seen(), grafana.seen()).await;
        (grafana, assignments)
    };
    let (registrations, group, inside, collection, access, associations, rule_groups, recommendations) = tokio::join!(
        registrations(desired, azure),
        get(&desired.group, Kind::ResourceGroup),
        inside,
        collection,
        access,
        associations(desired, azure),
        rule_groups(desired, azure),
        recommendations(desired, azure),
    );
    let (cluster, (settings, agents)) = inside;
    let (workspace, endpoint, rule) = collection;
    let (grafana, assignments) = access;
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

async fn associations(desired: &Desired, azure: &Azure) -> Sight<Vec<Association>> {
    let listed = match azure.list(&desired.cluster, Kind::DataCollectionRuleAssociation, None).await {
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

async fn recommendations(desired: &Desired, azure: &Azure) -> Sight<Vec<RuleTemplate>> {
    if desired.recording_rules.is_none() {
        return Sight::Unknown("recording rules are not asked for".into());
    }
    let listed = azure.list(&desired.workspace, Kind::AlertRuleRecommendations, None).await;
    sight(listed.map(|all| Some(all.iter().filter_map(RuleTemplate::read).collect())))
}

/// The assignments of everybody we care about, by scope. One request per scope and principal, all at once.
async fn assignments(
    desired: &Desired,
    azure: &Azure,
    me: Option<&Principal>,
    grafana: Option<&ArmObject>,
) -> BTreeMap<ArmId, Sight<Vec<Assignment>>> {
    let mut asked: Vec<(ArmId, String)> =
        desired.roles.iter().filter_map(|wish| Some((wish.scope.clone(), holder(&wish.holder, me, grafana)?))).collect();
    asked.sort();
    asked.dedup();
    let answers = join_all(asked.into_iter().map(|(scope, principal)| async move {
        let filter = format!("principalId eq '{}'", principal.replace('\'', "''"));
        let listed = azure.list(&scope, Kind::RoleAssignment, Some(&filter)).await;
        (scope, sight(listed.map(|all| Some(all.iter().filter_map(Assignment::read).collect::<Vec<_>>()))))
    }));
    answers.await.into_iter().fold(BTreeMap::new(), |mut all, (scope, answer)| {
        let joined = match (all.remove(&scope), answer) {
            (Some(Sight::Present(mut before)), Sight::Present(more)) => {
                before.extend(more);
                Sight::Present(before)
            }
            (Some(unknown @ Sight::Unknown(_)), _) => unknown,
            (_, answer) => answer,
        };
        all.insert(scope, joined);
        all
    })
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
