//! The data planes as one piece of state: what clusters, workspaces and Grafanas hold beyond their ARM bodies.
//!
//! The frame calls [`Planes::observe`] after every write to ARM and before every answer, keeps the state with the world, and hands
//! requests to the `api` modules of the rooms beside this one, which are plain functions from request to answer.

pub mod exchange;
pub mod http;
pub mod router;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::sim::effects::chain::reached;
use crate::sim::effects::cluster::Cluster;
use crate::sim::effects::delays::Delays;
use crate::sim::effects::life::{Causes, Life};
use crate::sim::effects::rules::{RuleBook, in_force};
use crate::sim::effects::{Resources, suffix};
use crate::sim::grafana::state::Instance;
use crate::sim::kube::store::Store;
use crate::sim::kube::{policy_mentions, restarted, settings_data, system};

/// The present, as every answer needs it.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Every ARM resource's body by its lower-case id.
    pub resources: &'a Resources,
    /// The hour.
    pub now: Timestamp,
    /// The pace.
    pub delays: &'a Delays,
}

/// One cluster's inside.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClusterPlane {
    /// Its objects.
    pub store: Store,
    /// Its inner life.
    pub life: Life,
    /// The static credential of its local account.
    token: String,
    /// What its objects cause, and at which revision of them that was read.
    #[serde(skip)]
    inside: Option<(u64, Inside)>,
    /// When its objects last followed, at which revision of them, and what the cluster was then.
    #[serde(skip)]
    followed: Option<(Timestamp, u64, Cluster)>,
}

/// Somebody who looks around asks several things at once; what cannot have changed in between is not made anew for each.
const AT_ONCE: SignedDuration = SignedDuration::from_millis(20);

/// What a cluster's own objects cause.
#[derive(Clone, Debug)]
struct Inside {
    settings: Option<BTreeMap<String, String>>,
    restarted: BTreeMap<String, String>,
    dns_policy: bool,
    l7_policy: bool,
}

impl Inside {
    fn of(store: &Store) -> Self {
        Self {
            settings: settings_data(store),
            restarted: restarted(store),
            dns_policy: policy_mentions(store, &["toFQDNs", "dns"]),
            l7_policy: policy_mentions(store, &["http"]),
        }
    }
}

/// All data planes, by lower-case ARM id.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Planes {
    clusters: BTreeMap<String, ClusterPlane>,
    workspaces: BTreeMap<String, RuleBook>,
    grafanas: BTreeMap<String, Instance>,
    /// The revision of the resources that was last taken note of.
    #[serde(skip)]
    noted: Option<u64>,
}

/// The resource types that have a data plane, lower-case.
pub mod types {
    /// Managed clusters.
    pub const CLUSTER: &str = "/providers/microsoft.containerservice/managedclusters/";
    /// Azure Monitor workspaces.
    pub const WORKSPACE: &str = "/providers/microsoft.monitor/accounts/";
    /// Managed Grafanas.
    pub const GRAFANA: &str = "/providers/microsoft.dashboard/grafana/";
}

/// The part of a data-plane address that stands for a resource: its name and a few letters of its id, as real host names have them.
pub fn address_key(id: &str) -> String {
    let id = id.to_ascii_lowercase();
    format!("{}-{}", id.rsplit('/').next().unwrap_or_default(), suffix(&[&id], 4))
}

/// The resource of a type (see [`types`]) behind an address key, as its lower-case id.
pub fn resolve(resources: &Resources, of_type: &str, key: &str) -> Option<String> {
    of_kind(resources, of_type).find(|id| address_key(id) == key).map(str::to_owned)
}

fn of_kind<'a>(resources: &'a Resources, of_type: &'a str) -> impl Iterator<Item = &'a str> {
    resources.keys().map(String::as_str).filter(move |id| id.rsplit_once(of_type).is_some_and(|(_, name)| !name.contains('/')))
}

impl Planes {
    /// As [`Planes::observe`], unless nothing has changed in ARM since: what only time brings is not noted, it is looked up.
    pub fn observe_changes(&mut self, view: &View, revision: u64) {
        if self.noted.replace(revision) != Some(revision) {
            self.observe(view);
        }
    }

    /// Lets every data plane take note of its causes; resources that are gone lose their inside. What a cluster holds follows when
    /// somebody looks into it, because looking into all of them is dear in a large world.
    pub fn observe(&mut self, view: &View) {
        self.clusters.retain(|id, _| view.resources.contains_key(id));
        self.workspaces.retain(|id, _| view.resources.contains_key(id));
        self.grafanas.retain(|id, _| view.resources.contains_key(id));
        for id in of_kind(view.resources, types::CLUSTER) {
            if let Some(cluster) = view.resources.get(id).and_then(Cluster::read) {
                self.cluster_entry(id).note(view, cluster);
            }
        }
        let mut rules = in_force(view.resources);
        for id in of_kind(view.resources, types::WORKSPACE) {
            let rules = rules.remove(id).unwrap_or_default();
            self.workspaces.entry(id.to_owned()).or_default().observe(view.now, view.delays.rules, rules);
        }
        for id in of_kind(view.resources, types::GRAFANA) {
            let body = view.resources.get(id).unwrap_or(&serde_json::Value::Null);
            self.grafanas.entry(id.to_owned()).or_default().observe(view, body);
        }
    }

    fn cluster_entry(&mut self, id: &str) -> &mut ClusterPlane {
        self.clusters.entry(id.to_owned()).or_insert_with(|| ClusterPlane {
            store: Store::default(),
            life: Life::default(),
            token: uuid::Uuid::new_v4().simple().to_string(),
            inside: None,
            followed: None,
        })
    }

    /// A cluster's inside.
    pub fn cluster(&self, id: &str) -> Option<&ClusterPlane> {
        self.clusters.get(id)
    }

    /// A cluster's inside, to be changed.
    pub fn cluster_mut(&mut self, id: &str) -> Option<&mut ClusterPlane> {
        self.clusters.get_mut(id)
    }

    /// Every cluster's inside.
    pub fn clusters(&self) -> impl Iterator<Item = (&str, &ClusterPlane)> {
        self.clusters.iter().map(|(id, plane)| (id.as_str(), plane))
    }

    /// The recording rules of a workspace.
    pub fn rules(&self, workspace: &str) -> Option<&RuleBook> {
        self.workspaces.get(workspace)
    }

    /// A Grafana's inside.
    pub fn grafana(&self, id: &str) -> Option<&Instance> {
        self.grafanas.get(id)
    }

    /// A Grafana's inside, to be changed.
    pub fn grafana_mut(&mut self, id: &str) -> Option<&mut Instance> {
        self.grafanas.get_mut(id)
    }
}

impl ClusterPlane {
    /// The static credential.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Takes note of the causes, then lets the cluster's own objects follow.
    pub fn observe(&mut self, view: &View, cluster: Cluster) {
        let cluster = self.note(view, cluster);
        let fresh = |(at, revision, then): &(Timestamp, u64, Cluster)| {
            *at <= view.now && view.now < *at + AT_ONCE && *revision == self.store.revision() && *then == cluster
        };
        if self.followed.as_ref().is_some_and(fresh) {
            return;
        }
        if !cluster.metrics {
            // Their kinds are the add-on's, and go with it.
            self.store.forget_group("azmonitoring.coreos.com");
        }
        self.store.sync(system::objects(&cluster, &self.life, view.now));
        self.followed = Some((view.now, self.store.revision(), cluster));
    }

    fn note(&mut self, view: &View, cluster: Cluster) -> Cluster {
        let revision = self.store.revision();
        let inside = match self.inside.take() {
            Some((read, inside)) if read == revision => inside,
            _ => Inside::of(&self.store),
        };
        self.inside = Some((revision, inside.clone()));
        let Inside { settings, restarted, dns_policy, l7_policy } = inside;
        let reach = reached(view.resources, &cluster.id);
        let causes = Causes { cluster, reach, settings, restarted, dns_policy, l7_policy };
        self.life.observe(view.now, view.delays, &causes);
        causes.cluster
    }
}

#[cfg(test)]
pub mod sample {
    //! A world of the sample chain, observed over time.
    use jiff::Timestamp;

    use super::{Planes, View};
    use crate::sim::effects::Resources;
    use crate::sim::effects::delays::Delays;

    /// A moment, in seconds after the sample world began.
    pub fn t(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    /// The planes of a world that has been like this since the beginning, seen at `second`.
    pub fn settled(resources: &Resources, second: i64) -> Planes {
        let (mut planes, delays) = (Planes::default(), Delays::at_pace(1.0));
        for moment in [0, second] {
            let view = View { resources, now: t(moment), delays: &delays };
            planes.observe(&view);
            for (id, plane) in &mut planes.clusters {
                if let Some(cluster) = resources.get(id).and_then(super::Cluster::read) {
                    plane.observe(&view, cluster);
                }
            }
        }
        planes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::effects::chain::sample::{WORKSPACE, resources};
    use crate::sim::effects::cluster::sample::ID;
    use crate::sim::kube::kinds::meant;
    use crate::sim::kube::managed::Writer;

    #[test]
    fn pods_appear_because_the_add_on_is_on() {
        let count = |planes: Planes| {
            let store = &planes.cluster(&ID.to_lowercase()).unwrap().store;
            store
                .list(meant("pods").unwrap(), Some("kube-system"))
                .iter()
                .filter(|pod| pod.to_string().contains("ama-metrics-node"))
                .count()
        };
        assert_eq!(count(sample::settled(&resources(true), 100)), 2);
        assert_eq!(count(sample::settled(&resources(true), 10)), 0);
        assert_eq!(count(sample::settled(&resources(false), 100)), 0);
    }

    #[test]
    fn the_state_survives_being_stored() {
        let planes = sample::settled(&resources(true), 100);
        let text = serde_json::to_string(&planes).unwrap();
        let back: Planes = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&back).unwrap(), text);
    }

    #[test]
    fn addresses_lead_back() {
        let world = resources(true);
        assert_eq!(resolve(&world, types::WORKSPACE, &address_key(&WORKSPACE.to_uppercase())).as_deref(), Some(WORKSPACE));
        assert_eq!(resolve(&world, types::WORKSPACE, "amw1"), None);
        assert_eq!(resolve(&world, types::CLUSTER, &address_key(ID)), Some(ID.to_lowercase()));
    }

    /// The whole path: nothing, then targets, then flows once the keep-list lets them through, seen in the workspace and through Grafana.
    #[test]
    fn flows_arrive_when_everything_is_right_and_not_before() {
        use serde_json::{Value, json};

        use crate::sim::effects::access::{Caller, role};
        use crate::sim::grafana;
        use crate::sim::kube::access::Credential;
        use crate::sim::planes::exchange::Request;
        use crate::sim::planes::sample::t;
        use crate::sim::prometheus;
        use crate::sim::runcommand::api::take;

        const GRAFANA: &str = "/subscriptions/s1/resourcegroups/rg1/providers/microsoft.dashboard/grafana/g1";
        let (cluster, delays) = (ID.to_lowercase(), Delays::at_pace(0.1));
        let mut world = resources(false);
        world.insert(
            GRAFANA.into(),
            json!({"identity": {"type": "SystemAssigned", "principalId": "msi"}, "properties": {
            "grafanaIntegrations": {"azureMonitorWorkspaceIntegrations": [{"azureMonitorWorkspaceResourceId": WORKSPACE}]}}}),
        );
        for (index, (scope, role, principal)) in [
            (WORKSPACE, role::MONITORING_DATA_READER, "me"),
            (WORKSPACE, role::MONITORING_DATA_READER, "msi"),
            (GRAFANA, role::GRAFANA[2].0, "me"),
        ]
        .into_iter()
        .enumerate()
        {
            let assignment =
                json!({"properties": {"roleDefinitionId": role, "principalId": principal, "createdOn": t(0).to_string()}});
            world.insert(format!("{scope}/providers/microsoft.authorization/roleassignments/{index}"), assignment);
        }
        let me = Caller { oid: "me".into(), groups: Vec::new(), name: "me".into() };
        let get = |path: &str, query: &str| Request {
            method: "GET".into(),
            path: path.into(),
            query: vec![("query".into(), query.into())],
            ..Request::default()
        };
        let mut planes = Planes::default();
        let count = |planes: &mut Planes, world: &Resources, second: i64, metric: &str| {
            let view = View { resources: world, now: t(second), delays: &delays };
            planes.observe(&view);
            let query = format!("count({metric}{{cluster=\"c1\"}})");
            let direct = prometheus::api::answer(planes, &view, WORKSPACE, Some(&me), &get("/api/v1/query", &query)).document();
            let source = planes.grafana(GRAFANA).unwrap().sources(view.now).into_iter().next();
            let path = format!("/api/datasources/proxy/uid/{}/api/v1/query", source.map(|source| source.uid).unwrap_or_default());
            let proxied = grafana::api::answer(planes, &view, GRAFANA, Some(&me), &get(&path, &query)).document();
            let number = |answer: &Value| {
                answer["data"]["result"][0]["value"][1].as_str().and_then(|text| text.parse::<u32>().ok()).unwrap_or(0)
            };
            (number(&direct), number(&proxied))
        };
        assert_eq!(count(&mut planes, &world, 0, "up"), (0, 0));
        assert_eq!(count(&mut planes, &world, 100, "up"), (0, 0), "the add-on is off");
        world.get_mut(&cluster).unwrap()["properties"]["azureMonitorProfile"]["metrics"]["enabled"] = json!(true);
        assert_eq!(count(&mut planes, &world, 101, "up").0, 0, "pods take a while");
        let (up, through_grafana) = count(&mut planes, &world, 120, "up");
        assert!(up > 0 && up == through_grafana, "{up} {through_grafana}");
        assert_eq!(count(&mut planes, &world, 120, "hubble_flows_processed_total"), (0, 0), "the minimal profile keeps them out");

        let map = "kubectl -n kube-system patch cm ama-metrics-settings-configmap --type=merge -p \
                   '{\"data\":{\"default-targets-metrics-keep-list\":\"networkobservabilityHubble = \\\"hubble.*\\\"\"}}'";
        let view = View { resources: &world, now: t(121), delays: &delays };
        let missing = take(&mut planes, &view, &cluster, &Credential::None, &json!({"command": map})).unwrap();
        assert_eq!(missing.exit_code, 1, "{}", missing.logs);
        let body =
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "ama-metrics-settings-configmap"}, "data": {}});
        let plane = planes.cluster_mut(&cluster).unwrap();
        let by = Writer { manager: "me", applies: false, now: t(121) };
        plane.store.create(meant("cm").unwrap(), "kube-system", body, by).unwrap();
        let patched = take(&mut planes, &view, &cluster, &Credential::None, &json!({"command": map})).unwrap();
        assert_eq!(patched.exit_code, 0, "{}", patched.logs);
        assert_eq!(count(&mut planes, &world, 125, "hubble_flows_processed_total").0, 0, "the probe has not noticed");
        let (flows, through_grafana) = count(&mut planes, &world, 140, "hubble_flows_processed_total");
        assert!(flows > 0 && flows == through_grafana, "{flows} {through_grafana}");
    }
}
