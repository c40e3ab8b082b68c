//! Many stacks seen at once: Resource Graph's rows instead of a dozen reads per stack (contract §8.3).
//!
//! [`Sweeper::gather`] asks one question per kind of resource for a group of stacks; [`Rows::observed`] makes of the answers what
//! [`look`](super::look) would have seen of ARM. What Resource Graph does not hold stays unknown: the inside of the clusters. Registrations and
//! recommended rules are no resources: they are read directly, once per subscription and once per region.

mod query;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::join_all;
use serde_json::Value;
use tokio::sync::Mutex;

use super::sight;
use crate::azure::graph::{Graph, Question};
use crate::azure::{self, Azure, ResourceManager as _};
use crate::base::{ArmId, ArmObject, Kind, clock::Timestamp};
use crate::desired::Desired;
use crate::observed::{Assignment, Association, Observed, Principal, RuleTemplate, Scope, Sight};
use crate::plan::diff::endpoint;
use crate::plan::draft::collection_wishes;

/// What Resource Graph cannot know.
const NOT_HELD: &str = "Resource Graph does not hold it";
/// Things that are few are asked for by id, and kept for the groups of stacks to come: they are what a fleet shares.
const FEW: usize = 100;

type Objects = HashMap<ArmId, ArmObject>;

/// What holds from one group of stacks to the next.
#[derive(Debug)]
pub struct Sweeper {
    azure: Azure,
    graph: Graph,
    me: Sight<Principal>,
    shared: Mutex<HashMap<ArmId, Option<ArmObject>>>,
    recommended: Mutex<BTreeMap<String, Sight<Vec<RuleTemplate>>>>,
    /// Direct reads that were sent.
    reads: AtomicUsize,
}

/// The rows that concern a group of stacks, by lower-case id.
#[derive(Debug)]
pub struct Rows {
    at: Timestamp,
    me: Sight<Principal>,
    objects: Objects,
    associations: HashMap<ArmId, Vec<(ArmId, Option<ArmId>)>>,
    rules: Objects,
    rule_groups: HashMap<ArmId, Vec<ArmObject>>,
    assignments: Assignments,
    registrations: HashMap<String, Sight<BTreeMap<String, String>>>,
    recommended: BTreeMap<String, Sight<Vec<RuleTemplate>>>,
}

impl Sweeper {
    /// Begins a sweep. Sends nothing but, at most, a sign-in.
    pub async fn new(azure: &Azure) -> Self {
        Self {
            azure: azure.clone(),
            graph: Graph::new(azure),
            me: sight(azure.who_am_i().await.map(|me| Some(super::principal(me)))),
            shared: Mutex::default(),
            recommended: Mutex::default(),
            reads: 0.into(),
        }
    }

    /// How many requests were sent so far; what was throttled and sent again counts once.
    pub fn requests(&self) -> usize {
        self.graph.pages() + self.reads.load(Ordering::Relaxed)
    }

    /// Asks for everything that concerns these stacks. Holds in memory what concerns them, and one page beside it.
    ///
    /// # Errors
    /// Any [`azure::Error`] of Resource Graph. A subscription that cannot be read is no error: its registrations are unknown.
    pub async fn gather(&self, stacks: &[Desired], at: Timestamp) -> Result<Rows, azure::Error> {
        let all = |id: fn(&Desired) -> &ArmId| stacks.iter().map(id).cloned().collect::<BTreeSet<_>>();
        let (groups, clusters) = (all(|wish| &wish.group), all(|wish| &wish.cluster));
        let (workspaces, grafanas) = (all(|wish| &wish.workspace), all(|wish| &wish.grafana.id));
        let collection = async {
            let associations = self.associations(&clusters).await?;
            let rules: BTreeSet<ArmId> = associations.values().flatten().filter_map(|(_, rule)| rule.clone()).collect();
            let rules = self.objects(Kind::DataCollectionRule, rules, stacks).await?;
            let endpoints: BTreeSet<ArmId> = rules.values().filter_map(query::endpoint).collect();
            let endpoints = self.objects(Kind::DataCollectionEndpoint, endpoints, stacks).await?;
            Ok::<_, azure::Error>((rules, endpoints, associations))
        };
        let (groups, clusters, workspaces, grafanas, collection, rule_groups, assignments, registrations) = tokio::try_join!(
            self.objects(Kind::ResourceGroup, groups, stacks),
            self.objects(Kind::ManagedCluster, clusters.clone(), stacks),
            self.objects(Kind::MonitorWorkspace, workspaces, stacks),
            self.objects(Kind::Grafana, grafanas, stacks),
            collection,
            self.rule_groups(stacks),
            self.assignments(stacks),
            async { Ok(self.registrations(stacks).await) },
        )?;
        let recommended = self.recommended(stacks, &workspaces).await;
        let (rules, endpoints, associations) = collection;
        let objects = groups.into_iter().chain(clusters).chain(workspaces).chain(grafanas).chain(endpoints).collect();
        let me = self.me.clone();
        Ok(Rows { at, me, objects, associations, rules, rule_groups, assignments, registrations, recommended })
    }

    async fn ask(&self, subscriptions: &[String], query: &str, take: impl FnMut(Value) + Send) -> Result<(), azure::Error> {
        self.graph.rows(&Question { subscriptions, query, inherited: false }, take).await
    }

    /// Those of these resources that are there. Few are asked for by id, many by their kind.
    async fn objects(&self, kind: Kind, ids: BTreeSet<ArmId>, stacks: &[Desired]) -> Result<Objects, azure::Error> {
        let few = ids.len() <= FEW;
        let mut found = Objects::new();
        let mut asked = ids;
        if few {
            let known = self.shared.lock().await;
            asked.retain(|id| match known.get(id) {
                Some(object) => {
                    found.extend(object.clone().map(|object| (id.clone(), object)));
                    false
                }
                None => true,
            });
        }
        if asked.is_empty() {
            return Ok(found);
        }
        let query = query::objects(kind, stacks, few.then_some(&asked));
        let mut fresh = Objects::new();
        self.ask(&subscriptions(&asked), &query, |row| {
            if let Some(object) = query::object(row).filter(|object| asked.contains(&object.id)) {
                fresh.insert(object.id.clone(), object);
            }
        })
        .await?;
        if few {
            let mut known = self.shared.lock().await;
            known.extend(asked.into_iter().map(|id| (id.clone(), fresh.get(&id).cloned())));
        }
        found.extend(fresh);
        Ok(found)
    }

    /// What is associated with each cluster: the association's own id, and the rule that it points at.
    async fn associations(
        &self,
        clusters: &BTreeSet<ArmId>,
    ) -> Result<HashMap<ArmId, Vec<(ArmId, Option<ArmId>)>>, azure::Error> {
        let mut found: HashMap<ArmId, Vec<_>> = HashMap::new();
        self.ask(&subscriptions(clusters), &query::associations(), |row| {
            let Some(id) = query::id(&row) else { return };
            let Some(cluster) = query::parent(&id).filter(|cluster| clusters.contains(cluster)) else { return };
            let rule = row["p_dataCollectionRuleId"].as_str().and_then(|rule| ArmId::parse(rule).ok());
            found.entry(cluster).or_default().push((id, rule));
        })
        .await?;
        Ok(found)
    }

    /// The Prometheus rule groups in the groups of those stacks that want recording rules.
    async fn rule_groups(&self, stacks: &[Desired]) -> Result<HashMap<ArmId, Vec<ArmObject>>, azure::Error> {
        let groups: BTreeSet<ArmId> =
            stacks.iter().filter(|wish| wish.recording_rules.is_some()).map(|wish| wish.group.clone()).collect();
        let mut found: HashMap<ArmId, Vec<_>> = HashMap::new();
        if groups.is_empty() {
            return Ok(found);
        }
        let query = query::objects(Kind::PrometheusRuleGroup, stacks, None);
        self.ask(&subscriptions(&groups), &query, |row| {
            let Some(object) = query::object(row) else { return };
            if let Some(group) = query::group(&object.id).filter(|group| groups.contains(group)) {
                found.entry(group).or_default().push(object);
            }
        })
        .await?;
        Ok(found)
    }

    async fn assignments(&self, stacks: &[Desired]) -> Result<Assignments, azure::Error> {
        let scopes: BTreeSet<ArmId> = stacks.iter().flat_map(|wish| &wish.roles).map(|wish| wish.scope.clone()).collect();
        let mut found = Assignments::default();
        if scopes.is_empty() {
            return Ok(found);
        }
        let around: BTreeSet<ArmId> = scopes.iter().flat_map(query::around).collect();
        let query = query::assignments(stacks, (around.len() <= FEW).then_some(&around));
        let subscriptions = subscriptions(&scopes);
        let question = Question { subscriptions: &subscriptions, query: &query, inherited: true };
        self.graph.rows(&question, |row| query::assignment(row).into_iter().for_each(|one| found.take(one))).await?;
        if found.of_management_groups() {
            let question = query::ancestors();
            self.ask(&subscriptions, &question, |row| found.ancestors.extend(query::chain(&row))).await?;
        }
        Ok(found)
    }

    /// Registrations by subscription. They also show whether the subscription can be read at all: Resource Graph would only be
    /// silent about one that cannot.
    async fn registrations(&self, stacks: &[Desired]) -> HashMap<String, Sight<BTreeMap<String, String>>> {
        let of: BTreeMap<&str, &Desired> = stacks.iter().map(|wish| (wish.subscription.name(), wish)).collect();
        self.reads.fetch_add(of.len(), Ordering::Relaxed);
        let read = |name: String| async move {
            let states = match self.azure.resource_manager(&name) {
                Ok(manager) => sight(manager.provider_states().await.map(Some)),
                Err(error) => Sight::Unknown(error.to_string()),
            };
            (name.to_ascii_lowercase(), states)
        };
        join_all(of.into_keys().map(str::to_owned).map(read)).await.into_iter().collect()
    }

    /// Microsoft's recommended rules by region. They are the service's, not the workspace's: one workspace of each region is asked.
    async fn recommended(&self, stacks: &[Desired], workspaces: &Objects) -> BTreeMap<String, Sight<Vec<RuleTemplate>>> {
        let mut known = self.recommended.lock().await;
        for wish in stacks.iter().filter(|wish| wish.recording_rules.is_some()) {
            let Some(region) = workspaces.get(&wish.workspace).and_then(ArmObject::location) else { continue };
            if let Entry::Vacant(place) = known.entry(region.to_string()) {
                self.reads.fetch_add(1, Ordering::Relaxed);
                place.insert(super::recommendations(wish, &self.azure, &super::Known::default()).await);
            }
        }
        known.clone()
    }
}

/// The subscriptions of these things, each once.
fn subscriptions(ids: &BTreeSet<ArmId>) -> Vec<String> {
    let names: BTreeSet<String> = ids.iter().filter_map(ArmId::subscription).map(str::to_ascii_lowercase).collect();
    names.into_iter().collect()
}

/// Role assignments by principal and scope.
#[derive(Debug, Default)]
struct Assignments {
    at: HashMap<(String, ArmId), Vec<Assignment>>,
    /// Those of a management group or of the whole tenant, by principal.
    above: HashMap<String, Vec<Assignment>>,
    /// The names of the management groups above each subscription, all lower-case: Resource Graph tells what lies above any of
    /// the subscriptions that were asked about, not above which.
    ancestors: HashMap<String, BTreeSet<String>>,
}

impl Assignments {
    fn take(&mut self, assignment: Assignment) {
        let principal = assignment.principal.to_ascii_lowercase();
        let list = match &assignment.scope {
            Scope::Within(id) => self.at.entry((principal, id.clone())).or_default(),
            Scope::ManagementGroup(_) | Scope::Tenant => self.above.entry(principal).or_default(),
        };
        list.push(assignment);
    }

    fn of_management_groups(&self) -> bool {
        self.above.values().flatten().any(|one| matches!(one.scope, Scope::ManagementGroup(_)))
    }

    /// Whether what is assigned above all subscriptions holds in that of `scope`.
    fn reaches(&self, assignment: &Assignment, scope: &ArmId) -> bool {
        let Scope::ManagementGroup(group) = &assignment.scope else { return true };
        let chain = scope.subscription().and_then(|name| self.ancestors.get(&name.to_ascii_lowercase()));
        chain.is_some_and(|chain| chain.contains(&group.name().to_ascii_lowercase()))
    }

    /// What a principal has at a scope or above it.
    fn of(&self, principal: &str, scope: &ArmId) -> Vec<Assignment> {
        let principal = principal.to_ascii_lowercase();
        let above = self.above.get(&principal).into_iter().flatten().filter(|one| self.reaches(one, scope));
        let around = query::around(scope).collect::<BTreeSet<_>>();
        let at = around.into_iter().filter_map(|scope| self.at.get(&(principal.clone(), scope))).flatten();
        at.chain(above).cloned().collect()
    }
}

impl Rows {
    /// What a look at this stack would have seen, as far as rows tell.
    #[must_use]
    pub fn observed(&self, desired: &Desired) -> Observed {
        let there = |id: &ArmId| self.objects.get(id).cloned().map_or(Sight::Absent, Sight::Present);
        let unseen = || NOT_HELD.to_owned();
        let (cluster, grafana, workspace) = (there(&desired.cluster), there(&desired.grafana.id), there(&desired.workspace));
        let wants_rules = desired.recording_rules.is_some();
        let wishes = collection_wishes(desired, workspace.seen());
        let rule = self.rules.get(&wishes.1.id).cloned().map_or_else(|| Sight::Unknown(unseen()), Sight::Present);
        let of_region = workspace.seen().and_then(ArmObject::location);
        let recommendations = match of_region.and_then(|region| self.recommended.get(region.as_str())) {
            Some(known) if wants_rules => known.clone(),
            _ => Sight::Unknown("recording rules are not asked for".to_owned()),
        };
        let rule_groups = self.rule_groups.get(&desired.group).cloned().unwrap_or_default();
        let registrations = self.registrations.get(&desired.subscription.name().to_ascii_lowercase());
        Observed {
            at: self.at,
            registrations: registrations.cloned().unwrap_or_else(|| Sight::Unknown("nobody asked".to_owned())),
            group: there(&desired.group),
            endpoint: self.endpoint(&wishes.0.id, rule.seen()),
            rule,
            associations: if cluster.seen().is_some() { Sight::Present(self.associated(desired)) } else { Sight::Absent },
            recommendations,
            rule_groups: if wants_rules { Sight::Present(rule_groups) } else { Sight::Unknown(unseen()) },
            assignments: self.assigned(desired, grafana.seen()),
            cluster,
            workspace,
            grafana,
            me: self.me.clone(),
            settings: Sight::Unknown(unseen()),
            agents: Sight::Unknown(unseen()),
            terraform: Sight::Unknown("terraform was not asked".to_owned()),
        }
    }

    /// An endpoint of ours, which was asked for if our rule names it.
    fn endpoint(&self, id: &ArmId, rule: Option<&ArmObject>) -> Sight<ArmObject> {
        if rule.and_then(query::endpoint).as_ref() != Some(id) {
            return Sight::Unknown(NOT_HELD.to_owned());
        }
        match self.objects.get(id) {
            Some(found) if !endpoint::matches(found) => Sight::Unknown(NOT_HELD.to_owned()),
            found => found.cloned().map_or(Sight::Absent, Sight::Present),
        }
    }

    fn associated(&self, desired: &Desired) -> Vec<Association> {
        let rule = |rule_id: &Option<ArmId>| match rule_id.as_ref().map(|id| self.rules.get(id)) {
            Some(Some(rule)) => Sight::Present(rule.clone()),
            // A rule that carries no Prometheus stream, or one that is gone or may not be read: the association leads nowhere.
            Some(None) => Sight::Unknown("no rule for metrics is shown under this id".to_owned()),
            None => Sight::Absent,
        };
        let found = self.associations.get(&desired.cluster).into_iter().flatten();
        found.map(|(id, rule_id)| Association { id: id.clone(), rule_id: rule_id.clone(), rule: rule(rule_id) }).collect()
    }

    fn assigned(&self, desired: &Desired, grafana: Option<&ArmObject>) -> BTreeMap<ArmId, Sight<Vec<Assignment>>> {
        let mut all: BTreeMap<ArmId, Vec<Assignment>> = BTreeMap::new();
        for wish in &desired.roles {
            if let Some(principal) = super::holder(&wish.holder, self.me.seen(), grafana) {
                all.entry(wish.scope.clone()).or_default().extend(self.assignments.of(&principal, &wish.scope));
            }
        }
        all.into_iter().map(|(scope, found)| (scope, Sight::Present(found))).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_assigned_above_counts_where_it_reaches() {
        let assignment = |scope: &str| {
            let id = format!("{}/providers/Microsoft.Authorization/roleAssignments/a", scope.trim_end_matches('/'));
            let row = json!({"id": id, "p_scope": scope, "p_principalId": "P", "p_roleDefinitionId": "/roleDefinitions/r"});
            query::assignment(row).unwrap()
        };
        let chain = |subscription: &str, names: &[&str]| {
            let chain: Vec<Value> = names.iter().map(|name| json!({"name": name, "displayName": "x"})).collect();
            query::chain(&json!({"id": format!("/subscriptions/{subscription}"), "p_managementGroupAncestorsChain": chain}))
        };
        let mut all = Assignments::default();
        all.take(assignment("/subscriptions/s1"));
        assert!(!all.of_management_groups());
        all.take(assignment("/providers/Microsoft.Management/managementGroups/Corp"));
        assert!(all.of_management_groups());
        all.ancestors.extend(chain("S1", &["corp", "root"]));
        all.ancestors.extend(chain("s2", &["root"]));
        let count = |all: &Assignments, subscription: &str| all.of("p", &ArmId::of_group(subscription, "rg")).len();
        assert_eq!((count(&all, "s1"), count(&all, "s2"), count(&all, "s3")), (2, 0, 0));
        all.take(assignment("/"));
        assert_eq!((count(&all, "s1"), count(&all, "s2"), count(&all, "s3")), (3, 1, 1));
    }
}
