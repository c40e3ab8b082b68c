//! One cluster's inner life: which agents run, with which settings, sending where, since when.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::cluster::Cluster;
use super::delays::Delays;
use super::history::History;
use super::settings::Settings;
use super::target::Target;
use super::workload::{Pod, Workload, workloads};

/// Everything that can change a cluster's inner life, as it is now.
#[derive(Clone, Debug, PartialEq)]
pub struct Causes {
    /// The cluster as ARM knows it.
    pub cluster: Cluster,
    /// Workspaces at the end of its associations, lower-case ids.
    pub reach: BTreeSet<String>,
    /// `data` of the settings map, when there is one.
    pub settings: Option<BTreeMap<String, String>>,
    /// The `restartedAt` annotation of each workload that has one.
    pub restarted: BTreeMap<String, String>,
    /// Whether a Cilium policy looks at DNS names, which makes Hubble see DNS.
    pub dns_policy: bool,
    /// Whether a Cilium policy looks into HTTP, which makes Hubble see layer 7.
    pub l7_policy: bool,
}

/// The workload whose pods do the scraping of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Scraper {
    /// Daemon set `ama-metrics-node`.
    Node,
    /// Deployment `ama-metrics`.
    Replica,
}

impl Scraper {
    /// Who scrapes a target (contract §5.6).
    pub fn of(target: Target) -> Self {
        match target {
            Target::KubeState | Target::CoreDns | Target::ApiServer | Target::CollectorHealth | Target::PodAnnotations => {
                Self::Replica
            }
            _ => Self::Node,
        }
    }

    /// The workload's name.
    pub fn workload(self) -> &'static str {
        match self {
            Self::Node => "ama-metrics-node",
            Self::Replica => "ama-metrics",
        }
    }
}

/// What was and will be.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Life {
    born: Option<Timestamp>,
    seen_settings: Option<BTreeMap<String, String>>,
    seen_reach: BTreeSet<String>,
    seen_agents: bool,
    restarted: BTreeMap<String, String>,
    /// Since when each workload has its present template.
    rolled: BTreeMap<String, Timestamp>,
    agents: History<bool>,
    reach: History<BTreeSet<String>>,
    network: History<bool>,
    dns: History<bool>,
    l7: History<bool>,
    settings: BTreeMap<Scraper, History<Settings>>,
    restarts: BTreeMap<Scraper, History<u32>>,
}

impl Life {
    /// Takes note of the causes at `now` and writes down what they will bring about.
    pub fn observe(&mut self, now: Timestamp, delays: &Delays, causes: &Causes) {
        self.born.get_or_insert(now);
        let agents = causes.cluster.metrics && causes.cluster.running;
        if agents != self.seen_agents {
            self.seen_agents = agents;
            // Pods take a while to come and none to go.
            self.agents.set(if agents { now + delays.agents } else { now }, agents);
            for scraper in [Scraper::Node, Scraper::Replica] {
                self.settings.entry(scraper).or_default().set(now, Settings::read(causes.settings.as_ref()));
                self.restarts.entry(scraper).or_default().set(now, 0);
            }
            self.seen_settings.clone_from(&causes.settings);
        }
        if causes.reach != self.seen_reach {
            self.reroute(now, delays, &causes.reach);
        }
        self.network.set(now, causes.cluster.observability && causes.cluster.running);
        self.dns.set(now, causes.dns_policy);
        self.l7.set(now, causes.l7_policy);
        if causes.settings != self.seen_settings {
            self.seen_settings.clone_from(&causes.settings);
            self.restart_containers(now, delays);
        }
        for (workload, stamp) in &causes.restarted {
            if self.restarted.get(workload) != Some(stamp) {
                self.restarted.insert(workload.clone(), stamp.clone());
                self.roll(now, delays, workload);
            }
        }
    }

    /// Samples stop at once for a workspace that is no longer at the end of the chain and start late for a new one.
    fn reroute(&mut self, now: Timestamp, delays: &Delays, reach: &BTreeSet<String>) {
        let kept: BTreeSet<String> = self.reach.at(now).unwrap_or(&BTreeSet::new()).intersection(reach).cloned().collect();
        self.reach.set(now, kept);
        self.reach.set(now + delays.reach, reach.clone());
        self.seen_reach.clone_from(reach);
    }

    /// The liveness probes notice the changed map and restart the containers in place (contract §5.8).
    fn restart_containers(&mut self, now: Timestamp, delays: &Delays) {
        let settings = Settings::read(self.seen_settings.as_ref());
        let running = self.agents.at(now) == Some(&true);
        let taken_up = if running { now + delays.pickup } else { now };
        for scraper in [Scraper::Node, Scraper::Replica] {
            self.settings.entry(scraper).or_default().set(taken_up, settings.clone());
            if running {
                let restarts = self.restarts.entry(scraper).or_default();
                let count = restarts.at(now).copied().unwrap_or(0);
                restarts.set(taken_up, count + 1);
            }
        }
    }

    /// New pods of one workload read the map as it is now.
    fn roll(&mut self, now: Timestamp, delays: &Delays, workload: &str) {
        let ready = now + delays.rollout;
        self.rolled.insert(workload.to_owned(), ready);
        for scraper in [Scraper::Node, Scraper::Replica] {
            if scraper.workload() == workload {
                self.settings.entry(scraper).or_default().set(ready, Settings::read(self.seen_settings.as_ref()));
                self.restarts.entry(scraper).or_default().set(ready, 0);
            }
        }
    }

    /// When the cluster was first seen.
    pub fn born(&self) -> Timestamp {
        self.born.unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Whether the agents' pods run.
    pub fn agents(&self, moment: Timestamp) -> bool {
        self.agents.at(moment) == Some(&true)
    }

    /// Whether the add-on is on, so that the agents' workloads exist, with or without running pods.
    pub fn agents_wanted(&self) -> bool {
        self.seen_agents
    }

    /// Whether service `kube-system/network-observability` exists.
    pub fn network(&self, moment: Timestamp) -> bool {
        self.network.at(moment) == Some(&true)
    }

    /// Whether Hubble sees DNS.
    pub fn dns(&self, moment: Timestamp) -> bool {
        self.dns.at(moment) == Some(&true)
    }

    /// Whether Hubble sees layer 7.
    pub fn l7(&self, moment: Timestamp) -> bool {
        self.l7.at(moment) == Some(&true)
    }

    /// The settings the scraper of a target runs with.
    pub fn settings(&self, target: Target, moment: Timestamp) -> Option<&Settings> {
        self.settings.get(&Scraper::of(target))?.at(moment)
    }

    /// Whether samples of this cluster reach a workspace (lower-case id).
    pub fn reaches(&self, workspace: &str, moment: Timestamp) -> bool {
        self.reach.at(moment).is_some_and(|reach| reach.contains(workspace))
    }

    /// Whether samples ever reached the workspace or will.
    pub fn concerns(&self, workspace: &str) -> bool {
        self.reach.changes().any(|moment| self.reaches(workspace, moment))
    }

    /// All moments at which something that series depend on changes.
    pub fn turning_points(&self) -> BTreeSet<Timestamp> {
        self.agents
            .changes()
            .chain(self.reach.changes())
            .chain(self.network.changes())
            .chain(self.dns.changes())
            .chain(self.l7.changes())
            .chain(self.settings.values().flat_map(History::changes))
            .collect()
    }

    /// Whether a workload has new pods under way at `moment`.
    pub fn rolling(&self, workload: &str, moment: Timestamp) -> bool {
        self.rolled.get(workload).is_some_and(|ready| *ready > moment)
    }

    /// Every pod at `moment`.
    pub fn pods(&self, cluster: &Cluster, moment: Timestamp) -> Vec<Pod> {
        let present = workloads(cluster, self.agents(moment));
        present.iter().flat_map(|workload| self.pods_of(cluster, workload, moment)).collect()
    }

    fn pods_of(&self, cluster: &Cluster, workload: &Workload, moment: Timestamp) -> Vec<Pod> {
        let rolled = self.rolled.get(workload.name).filter(|ready| **ready <= moment);
        let generation = rolled.and_then(|_| self.restarted.get(workload.name)).map_or("", String::as_str);
        let began = if workload.agent() {
            self.agents.changes().filter(|change| *change <= moment).last().unwrap_or(self.born())
        } else {
            self.born()
        };
        let since = rolled.map_or(began, |ready| (*ready).max(began));
        let scraper = [Scraper::Node, Scraper::Replica].into_iter().find(|scraper| scraper.workload() == workload.name);
        let history = scraper.and_then(|scraper| self.restarts.get(&scraper));
        let restarts = history.and_then(|history| history.at(moment).copied()).unwrap_or(0);
        let last = history.and_then(|history| history.changes().filter(|change| *change <= moment).last());
        let restarted = last.filter(|_| restarts > 0);
        let pods = workload.pods(cluster, generation, since, restarts);
        pods.into_iter().map(|pod| Pod { restarted, ..pod }).collect()
    }
}

#[cfg(test)]
pub mod sample {
    //! Causes to test with.
    use std::collections::{BTreeMap, BTreeSet};

    use super::super::{chain, cluster};
    use super::Causes;

    /// The sample cluster with its chain complete and no settings map.
    pub fn causes(metrics: bool) -> Causes {
        Causes {
            cluster: super::Cluster::read(&cluster::sample::body(metrics)).unwrap(),
            reach: BTreeSet::from([chain::sample::WORKSPACE.to_owned()]),
            settings: None,
            restarted: BTreeMap::new(),
            dns_policy: false,
            l7_policy: false,
        }
    }

    /// A v2 settings map with this Hubble keep-list.
    pub fn keep_hubble(regex: &str) -> BTreeMap<String, String> {
        [
            ("schema-version", "v2".to_owned()),
            ("cluster-metrics", format!("default-targets-metrics-keep-list: |-\n  networkobservabilityHubble = \"{regex}\"\n")),
        ]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::chain::sample::WORKSPACE;
    use super::*;

    const FLOWS: &str = "hubble_flows_processed_total";

    fn t(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    fn keeps_flows(life: &Life, moment: Timestamp) -> bool {
        life.settings(Target::NetworkHubble, moment).unwrap().keeps(Target::NetworkHubble, FLOWS)
    }

    #[test]
    fn pods_come_late_and_go_at_once() {
        let (mut life, delays) = (Life::default(), Delays::at_pace(1.0));
        life.observe(t(0), &delays, &sample::causes(false));
        assert!(!life.agents(t(1000)));
        life.observe(t(1000), &delays, &sample::causes(true));
        assert!(!life.agents(t(1030)) && life.agents(t(1090)));
        life.observe(t(2000), &delays, &sample::causes(false));
        assert!(!life.agents(t(2000)));
    }

    #[test]
    fn a_changed_map_is_taken_up_after_the_probe_and_counted() {
        let (mut life, delays) = (Life::default(), Delays::at_pace(1.0));
        life.observe(t(0), &delays, &sample::causes(true));
        let mut causes = sample::causes(true);
        causes.settings = Some(sample::keep_hubble("hubble.*"));
        life.observe(t(1000), &delays, &causes);
        assert!(!keeps_flows(&life, t(1100)) && keeps_flows(&life, t(1151)));
        let restarts =
            |moment| life.pods(&causes.cluster, moment).iter().find(|p| p.workload.name == "ama-metrics-node").unwrap().restarts;
        assert_eq!((restarts(t(1100)), restarts(t(1151))), (0, 1));
        let restarted =
            |moment| life.pods(&causes.cluster, moment).iter().find(|p| p.workload.name == "ama-metrics-node").unwrap().restarted;
        assert_eq!((restarted(t(1100)), restarted(t(1151))), (None, Some(t(1150))));
    }

    #[test]
    fn a_rollout_restart_is_faster_but_only_for_its_workload() {
        let (mut life, delays) = (Life::default(), Delays::at_pace(1.0));
        life.observe(t(0), &delays, &sample::causes(true));
        let mut causes = sample::causes(true);
        causes.settings = Some(sample::keep_hubble("hubble.*"));
        causes.restarted.insert("ama-metrics".into(), "2026-01-01T00:00:00Z".into());
        life.observe(t(1000), &delays, &causes);
        assert!(!keeps_flows(&life, t(1030)), "the replicas do not scrape Hubble");
        causes.restarted.insert("ama-metrics-node".into(), "2026-01-01T00:00:01Z".into());
        life.observe(t(1040), &delays, &causes);
        assert!(keeps_flows(&life, t(1070)));
    }

    #[test]
    fn a_map_that_is_there_before_the_agents_needs_no_restart() {
        let (mut life, delays) = (Life::default(), Delays::at_pace(1.0));
        let mut causes = sample::causes(true);
        causes.settings = Some(sample::keep_hubble("hubble.*"));
        life.observe(t(0), &delays, &causes);
        assert!(keeps_flows(&life, t(80)));
    }

    #[test]
    fn the_chain_starts_late_and_breaks_at_once() {
        let (mut life, delays) = (Life::default(), Delays::at_pace(1.0));
        life.observe(t(0), &delays, &sample::causes(true));
        assert!(!life.reaches(WORKSPACE, t(100)) && life.reaches(WORKSPACE, t(200)));
        let mut causes = sample::causes(true);
        causes.reach.clear();
        life.observe(t(300), &delays, &causes);
        assert!(!life.reaches(WORKSPACE, t(300)) && life.reaches(WORKSPACE, t(250)));
    }
}
