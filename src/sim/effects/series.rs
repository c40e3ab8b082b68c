//! Time series as a workspace holds them: labels, the spans during which samples arrived, and the value at any moment.

use std::collections::{BTreeMap, BTreeSet};
use std::f64::consts::TAU;

use jiff::{SignedDuration, Timestamp};

use super::catalogue::{METRICS, Metric, Needs, Over, Temper, instances};
use super::cluster::Cluster;
use super::delays::Delays;
use super::hash;
use super::life::Life;
use super::target::Target;
use super::workload::Pod;

/// Label names and values, without `__name__`.
pub type Labels = BTreeMap<String, String>;

/// A stretch of time during which samples arrived: from inclusive, to exclusive.
pub type Span = (Timestamp, Timestamp);

/// One series.
#[derive(Clone, Debug)]
pub struct Series {
    /// The metric's name in its own casing.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
    spans: Vec<Span>,
    step: SignedDuration,
    temper: Temper,
    born: Timestamp,
    phase: f64,
}

impl Series {
    /// A series with samples during `spans`, one every `step`.
    pub fn new(name: &str, labels: Labels, spans: Vec<Span>, step: SignedDuration, temper: Temper, born: Timestamp) -> Self {
        let mut words = vec![name];
        words.extend(labels.iter().flat_map(|(key, value)| [key.as_str(), value.as_str()]));
        #[allow(clippy::cast_precision_loss, reason = "a number below a thousand")]
        let phase = (hash(&words) % 1000) as f64 / 1000.0;
        // A step of nothing would make a series of infinitely many samples.
        let step = step.max(SignedDuration::from_millis(50));
        Self { name: name.to_owned(), labels, spans, step, temper, born, phase }
    }

    /// The latest sample at or before `moment` that is still valid there; nothing once the series has ended.
    pub fn latest(&self, moment: Timestamp) -> Option<(Timestamp, f64)> {
        let (from, _) = self.spans.iter().find(|(from, to)| *from <= moment && moment < *to)?;
        let age = moment.duration_since(*from).as_nanos() % self.step.as_nanos();
        let at = moment - SignedDuration::from_nanos(i64::try_from(age).unwrap_or(0));
        Some((at, self.value(at)))
    }

    /// The samples after `from` and up to `to`, oldest first, at most a thousand of them.
    pub fn samples(&self, from: Timestamp, to: Timestamp) -> Vec<(Timestamp, f64)> {
        let mut found = Vec::new();
        for (begin, end) in &self.spans {
            let mut at = *begin;
            if from > *begin {
                let whole = from.duration_since(*begin).as_nanos() / self.step.as_nanos() + 1;
                let skipped = self.step.as_nanos().saturating_mul(whole);
                at += SignedDuration::from_nanos(i64::try_from(skipped).unwrap_or(i64::MAX));
            }
            while at <= to && at < *end && found.len() < 1000 {
                found.push((at, self.value(at)));
                at += self.step;
            }
        }
        found
    }

    /// Whether any sample lies between the two moments.
    pub fn lives_within(&self, from: Timestamp, to: Timestamp) -> bool {
        self.spans.iter().any(|(begin, end)| *begin <= to && from < *end)
    }

    /// What a recording rule makes of this series from `first` on: another name, fewer labels, a level instead of a count.
    pub fn recorded(&self, name: &str, first: Timestamp) -> Option<Self> {
        const KEPT: [&str; 6] = ["cluster", "namespace", "pod", "container", "node", "instance"];
        let spans: Vec<Span> =
            self.spans.iter().filter(|(_, to)| *to > first).map(|(from, to)| ((*from).max(first), *to)).collect();
        let labels =
            self.labels.iter().filter(|(key, _)| KEPT.contains(&key.as_str())).map(|(key, value)| (key.clone(), value.clone()));
        let temper = match self.temper {
            Temper::PerSecond(rate) => Temper::Level(rate),
            other => other,
        };
        (!spans.is_empty()).then(|| Self::new(name, labels.collect(), spans, self.step, temper, self.born))
    }

    fn value(&self, at: Timestamp) -> f64 {
        let elapsed = at.duration_since(self.born).as_secs_f64().max(0.0);
        // Ten-minute waves, each series at its own point of them.
        let angle = TAU * (elapsed / 600.0 + self.phase);
        match self.temper {
            Temper::Constant(value) => value,
            Temper::Level(level) => level * (1.0 + 0.2 * angle.sin()),
            Temper::PerSecond(rate) => {
                let wave = 0.3 * 600.0 / TAU * ((TAU * self.phase).cos() - angle.cos());
                let count = rate * (0.5 + self.phase) * (elapsed + wave) + 1.0;
                if rate < 0.5 { count } else { count.floor() }
            }
        }
    }
}

/// Everything known about one cluster that its series depend on.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// The cluster as ARM knows it.
    pub cluster: &'a Cluster,
    /// Its inner life.
    pub life: &'a Life,
    /// The pace.
    pub delays: &'a Delays,
    /// The present: no sample lies after it.
    pub now: Timestamp,
}

impl Origin<'_> {
    /// The names of all metrics that ever reached the workspace up to now.
    pub fn names(&self, workspace: &str) -> BTreeSet<&'static str> {
        std::iter::once("up")
            .chain(METRICS.iter().map(|metric| metric.name))
            .filter(|name| Self::sources(name).any(|(target, needs)| !self.spans(target, needs, name, workspace).is_empty()))
            .collect()
    }

    fn sources(name: &str) -> Box<dyn Iterator<Item = (Target, Needs)> + '_> {
        if name == "up" {
            return Box::new(Target::ALL.iter().map(|target| (*target, Needs::Nothing)));
        }
        Box::new(METRICS.iter().filter(move |metric| metric.name == name).map(|metric| (metric.target, metric.needs)))
    }

    /// The series of a metric, named without regard to case, that reached the workspace (lower-case id).
    pub fn series(&self, name: &str, workspace: &str) -> Vec<Series> {
        let mut found = Vec::new();
        if name.eq_ignore_ascii_case("up") {
            for target in Target::ALL {
                let metric = Metric {
                    name: "up",
                    target: *target,
                    over: instances(*target),
                    temper: Temper::Constant(1.0),
                    labels: &[],
                    needs: Needs::Nothing,
                };
                self.push(&metric, workspace, &mut found);
            }
        }
        for metric in METRICS.iter().filter(|metric| metric.name.eq_ignore_ascii_case(name)) {
            self.push(metric, workspace, &mut found);
        }
        found
    }

    fn push(&self, metric: &Metric, workspace: &str, found: &mut Vec<Series>) {
        let spans = self.spans(metric.target, metric.needs, metric.name, workspace);
        if spans.is_empty() {
            return;
        }
        let step = self.step(metric.target);
        for labels in self.label_sets(metric) {
            // An alias renames the cluster from the moment it is taken up, so one metric may have two families.
            for (label, spans) in &spans {
                let mut labels = labels.clone();
                labels.insert("cluster".to_owned(), label.clone());
                labels.insert("job".to_owned(), metric.target.job().to_owned());
                found.push(Series::new(metric.name, labels, spans.clone(), step, metric.temper, self.life.born()));
            }
        }
    }

    fn step(&self, target: Target) -> SignedDuration {
        let seconds = self.life.settings(target, self.now).map_or(30, |settings| settings.interval(target));
        self.delays.second * i32::try_from(seconds).unwrap_or(30)
    }

    /// When samples of a metric arrived, by cluster label.
    fn spans(&self, target: Target, needs: Needs, name: &str, workspace: &str) -> BTreeMap<String, Vec<Span>> {
        let mut spans: BTreeMap<String, Vec<Span>> = BTreeMap::new();
        let points: Vec<Timestamp> = self.life.turning_points().into_iter().filter(|point| *point <= self.now).collect();
        for (index, from) in points.iter().enumerate() {
            // The last span reaches a little beyond now, so that now lies inside it.
            let to = points.get(index + 1).copied().unwrap_or(self.now + SignedDuration::from_secs(1));
            let Some(label) = self.label_if_arriving(target, needs, name, workspace, *from) else { continue };
            let family = spans.entry(label).or_default();
            match family.last_mut() {
                Some(last) if last.1 == *from => last.1 = to,
                _ => family.push((*from, to)),
            }
        }
        spans
    }

    fn label_if_arriving(&self, target: Target, needs: Needs, name: &str, workspace: &str, moment: Timestamp) -> Option<String> {
        let settings = self.life.settings(target, moment)?;
        let present = match target {
            Target::NetworkHubble => self.life.network(moment),
            Target::NetworkCilium => self.life.network(moment) && self.cluster.cilium,
            Target::NetworkRetina => self.life.network(moment) && !self.cluster.cilium,
            Target::KubeProxy => !self.cluster.cilium,
            // Nothing in a fresh cluster carries the annotations.
            Target::PodAnnotations => false,
            _ => true,
        };
        let possible = match needs {
            Needs::Nothing => true,
            Needs::DnsPolicy => self.life.dns(moment),
            Needs::L7Policy => self.life.l7(moment),
        };
        let arrives = present
            && possible
            && self.life.agents(moment)
            && self.life.reaches(workspace, moment)
            && settings.scrapes(target)
            && settings.keeps(target, name);
        arrives.then(|| settings.cluster_label(&self.cluster.name).to_owned())
    }

    fn label_sets(&self, metric: &Metric) -> Vec<Labels> {
        let pods = || self.life.pods(self.cluster, self.now);
        let bases = match metric.over {
            Over::Cluster => vec![labels(&[("instance", central(metric.target))])],
            Over::Nodes => {
                self.cluster.linux_nodes().map(|node| labels(&[("instance", &node.name), ("node", &node.name)])).collect()
            }
            Over::Pods => pods().iter().map(|pod| pod_labels(pod, metric.target)).collect(),
            Over::Containers => pods().iter().flat_map(|pod| container_labels(pod, metric.target)).collect(),
            Over::Flows => self.flow_labels(&pods()),
        };
        let mut sets = bases;
        for (key, values) in metric.labels {
            sets = sets
                .iter()
                .flat_map(|set| {
                    values.iter().map(|value| {
                        let mut set = set.clone();
                        set.insert((*key).to_owned(), (*value).to_owned());
                        set
                    })
                })
                .collect();
        }
        sets
    }

    /// Who talks to whom: every node's pods ask DNS and the node's agents call out.
    fn flow_labels(&self, pods: &[Pod]) -> Vec<Labels> {
        let of = |name: &str| {
            pods.iter().find(|pod| pod.workload.name == name).map_or(String::new(), |pod| format!("kube-system/{}", pod.name))
        };
        let (dns, server, tunnel) = (of("coredns"), of("metrics-server"), of("konnectivity-agent"));
        self.cluster
            .linux_nodes()
            .flat_map(|node| {
                [(&server, &dns), (&tunnel, &server)].map(|(source, destination)| {
                    labels(&[("instance", &node.name), ("source", source), ("destination", destination)])
                })
            })
            .collect()
    }
}

fn pod_labels(pod: &Pod, target: Target) -> Labels {
    let node = pod.node.clone().unwrap_or_default();
    let instance = if target == Target::KubeState { central(target) } else { &node };
    labels(&[("namespace", "kube-system"), ("pod", &pod.name), ("node", &node), ("instance", instance)])
}

fn container_labels(pod: &Pod, target: Target) -> Vec<Labels> {
    let base = pod_labels(pod, target);
    pod.workload
        .containers
        .iter()
        .map(|(container, image)| {
            let mut set = base.clone();
            set.insert("container".to_owned(), (*container).to_owned());
            if target == Target::Cadvisor {
                set.insert("image".to_owned(), (*image).to_owned());
            }
            set
        })
        .collect()
}

/// The `instance` of a target that is scraped in one place.
fn central(target: Target) -> &'static str {
    match target {
        Target::KubeState => "ama-metrics-ksm.kube-system.svc:8080",
        Target::CoreDns => "10.0.0.10:9153",
        _ => "10.0.0.1:443",
    }
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().filter(|(_, value)| !value.is_empty()).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::super::chain::sample::WORKSPACE;
    use super::super::life::{Causes, sample};
    use super::*;

    const FLOWS: &str = "hubble_flows_processed_total";

    fn t(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    fn count(changes: &[(i64, Causes)], name: &str, now: i64) -> usize {
        let delays = Delays::at_pace(1.0);
        let mut life = Life::default();
        for (second, causes) in changes {
            life.observe(t(*second), &delays, causes);
        }
        let cluster = &changes.last().unwrap().1.cluster;
        let origin = Origin { cluster, life: &life, delays: &delays, now: t(now) };
        origin.series(name, WORKSPACE).iter().filter(|series| series.latest(t(now)).is_some()).count()
    }

    fn with(change: impl FnOnce(&mut Causes)) -> Causes {
        let mut causes = sample::causes(true);
        change(&mut causes);
        causes
    }

    #[test]
    fn flows_need_every_link() {
        let hubble = || with(|causes| causes.settings = Some(sample::keep_hubble("hubble.*")));
        assert!(count(&[(0, hubble())], FLOWS, 600) > 0);
        assert_eq!(count(&[(0, hubble())], FLOWS, 60), 0, "too early");
        assert_eq!(count(&[(0, sample::causes(true))], FLOWS, 600), 0, "minimal profile");
        let mut no_chain = hubble();
        no_chain.reach.clear();
        assert_eq!(count(&[(0, no_chain)], FLOWS, 600), 0, "no association");
        let mut no_observability = hubble();
        no_observability.cluster.observability = false;
        assert_eq!(count(&[(0, no_observability)], FLOWS, 600), 0, "no ACNS");
        let mut off = hubble();
        off.cluster.metrics = false;
        assert_eq!(count(&[(0, off)], FLOWS, 600), 0, "no add-on");
    }

    #[test]
    fn one_bad_regex_opens_the_flood() {
        let bad = with(|causes| causes.settings = Some(sample::keep_hubble("hubble(")));
        assert!(count(&[(0, bad)], FLOWS, 600) > 0);
    }

    #[test]
    fn dns_needs_a_policy() {
        assert_eq!(count(&[(0, sample::causes(true))], "hubble_dns_queries_total", 600), 0);
        assert!(count(&[(0, with(|causes| causes.dns_policy = true))], "hubble_dns_queries_total", 600) > 0);
    }

    #[test]
    fn one_up_per_linux_node_and_none_after_the_add_on_is_off() {
        let delays = Delays::at_pace(1.0);
        let mut life = Life::default();
        life.observe(t(0), &delays, &sample::causes(true));
        life.observe(t(900), &delays, &sample::causes(false));
        let causes = sample::causes(false);
        let origin = Origin { cluster: &causes.cluster, life: &life, delays: &delays, now: t(1000) };
        let hubble: Vec<Series> =
            origin.series("UP", WORKSPACE).into_iter().filter(|s| s.labels["job"] == "networkobservability-hubble").collect();
        assert_eq!(hubble.len(), 2);
        assert!(hubble.iter().all(|s| s.latest(t(1000)).is_none()));
        assert!(hubble.iter().all(|s| s.latest(t(800)) == Some((t(780), 1.0))));
    }

    #[test]
    fn counters_only_grow() {
        let series =
            Series::new("x", Labels::new(), vec![(t(0), t(10_000))], SignedDuration::from_secs(30), Temper::PerSecond(0.2), t(0));
        let samples = series.samples(t(0), t(9_000));
        assert!(samples.len() > 200 && samples.windows(2).all(|pair| pair[0].1 < pair[1].1));
    }

    #[test]
    fn an_alias_renames_from_then_on() {
        let mut causes = sample::causes(true);
        causes.settings = Some([("prometheus-collector-settings".to_owned(), "cluster_alias = \"prod\"".to_owned())].into());
        let delays = Delays::at_pace(1.0);
        let mut life = Life::default();
        life.observe(t(0), &delays, &sample::causes(true));
        life.observe(t(1000), &delays, &causes);
        let origin = Origin { cluster: &causes.cluster, life: &life, delays: &delays, now: t(2000) };
        let at = |second: i64| -> BTreeSet<String> {
            let series = origin.series("kube_pod_info", WORKSPACE);
            series.iter().filter(|s| s.latest(t(second)).is_some()).map(|s| s.labels["cluster"].clone()).collect()
        };
        assert_eq!((at(900), at(1900)), (BTreeSet::from(["c1".to_owned()]), BTreeSet::from(["prod".to_owned()])));
    }
}
