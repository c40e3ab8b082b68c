//! Whether the agents work with the settings as they are now (contract §5.8).
//!
//! An agent reads the settings when its container starts; after a change the kubelet restarts that container within two to three
//! minutes. So a pod has picked a change up when its container started after it. Nothing else proves it.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::SignedDuration;

use super::{AgentView, Pod, Workload};
use crate::base::clock::Timestamp;

/// How long the agents may take by themselves: the liveness probe needs up to three minutes, the kubelet one more to hand the new
/// file into the pod.
pub const USUALLY_WITHIN: Duration = Duration::from_mins(4);

/// What a change of the settings is about; decides who must pick it up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Concern {
    /// Targets on every node: Hubble, Cilium, Retina, kubelet (contract §5.6).
    Nodes,
    /// Annotated pods and targets of the whole cluster.
    Pods,
    /// The settings of kube-state-metrics.
    KubeState,
}

impl Concern {
    /// The workload that scrapes it.
    #[must_use]
    pub const fn workload(self) -> Workload {
        match self {
            Self::Nodes => Workload::Node,
            Self::Pods => Workload::Replica,
            Self::KubeState => Workload::Ksm,
        }
    }

    /// What a changed line is about, by its path in the settings map. Nothing when no agent in the cluster reads it.
    #[must_use]
    pub fn of_path(path: &str) -> Vec<Self> {
        let entry = path.rsplit('/').next().unwrap_or_default();
        if path.starts_with("controlplane-metrics/") || entry.starts_with("controlplane-") {
            return Vec::new();
        }
        match entry {
            _ if path.starts_with("ksm-config") => vec![Self::KubeState],
            "podannotations" | "podannotationnamespaceregex" | "kubestate" | "coredns" | "apiserver" | "kubeproxy" => {
                vec![Self::Pods]
            }
            "kubelet" | "cadvisor" | "nodeexporter" | "kappiebasic" => vec![Self::Nodes],
            _ if entry.starts_with("networkobservability") => vec![Self::Nodes],
            _ => vec![Self::Nodes, Self::Pods],
        }
    }
}

/// Whether a workload has picked the settings up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PickUp {
    /// All pods run with the settings.
    Done {
        /// How many pods.
        pods: usize,
        /// The earliest start among them.
        since: Timestamp,
    },
    /// Not yet, and nothing is wrong with that.
    Waiting {
        /// The pods that still run with the old settings.
        pods: Vec<String>,
        /// When a restart is due.
        due: Timestamp,
    },
    /// Not in time: restart the workload.
    Overdue {
        /// The pods that still run with the old settings.
        pods: Vec<String>,
    },
    /// Nobody can tell.
    Unknown {
        /// Why.
        why: &'static str,
    },
}

/// Judges one workload by what was seen. `changed` is when the settings were last written, `now` when the view was taken, `bound`
/// how long the agents may take by themselves ([`USUALLY_WITHIN`]).
#[must_use]
pub fn judge(view: &AgentView, workload: Workload, changed: Timestamp, now: Timestamp, bound: Duration) -> PickUp {
    let pods: Vec<&Pod> = view.pods.iter().filter(|pod| pod.workload == workload).collect();
    let Some(counts) = view.workloads.get(&workload) else {
        return PickUp::Unknown { why: "the workload does not exist: the metrics add-on is not there yet" };
    };
    if pods.is_empty() && counts.desired > 0 {
        return PickUp::Unknown { why: "its pods were not seen" };
    }
    // Kubernetes tells times in whole seconds, so the change is taken down to its second.
    let changed_second = changed.as_second();
    let fresh = |pod: &Pod| pod.ready && pod.started.is_some_and(|started| started.as_second() >= changed_second);
    let stale: Vec<String> = pods.iter().filter(|pod| !fresh(pod)).map(|pod| pod.name.clone()).collect();
    let all_there = u32::try_from(pods.len()).unwrap_or(u32::MAX) >= counts.desired;
    match pods.iter().filter_map(|pod| pod.started).min() {
        Some(since) if stale.is_empty() && all_there => return PickUp::Done { pods: pods.len(), since },
        None if stale.is_empty() && all_there => return PickUp::Unknown { why: "the workload is meant to have no pods" },
        _ => {}
    }
    let bound = SignedDuration::try_from(bound).unwrap_or(SignedDuration::MAX);
    let due = changed.checked_add(bound).unwrap_or(Timestamp::MAX);
    if now < due { PickUp::Waiting { pods: stale, due } } else { PickUp::Overdue { pods: stale } }
}

/// Which containers of a workload ran, by pod, and since when.
pub type Starts = BTreeSet<(String, Option<Timestamp>)>;

/// The containers of a workload that read the settings.
#[must_use]
pub fn starts(view: &AgentView, workload: Workload) -> Starts {
    view.pods.iter().filter(|pod| pod.workload == workload).map(|pod| (pod.name.clone(), pod.started)).collect()
}

/// Whether every container of a workload is another one than `before`: proof of a pick-up that asks no clock, for a machine whose own
/// is wrong.
#[must_use]
pub fn renewed(view: &AgentView, workload: Workload, before: &Starts) -> bool {
    let (now, desired) = (starts(view, workload), view.workloads.get(&workload).map_or(0, |counts| counts.desired));
    let ready = view.pods.iter().filter(|pod| pod.workload == workload).all(|pod| pod.ready && pod.started.is_some());
    ready && !now.is_empty() && u32::try_from(now.len()).unwrap_or(u32::MAX) >= desired && now.is_disjoint(before)
}

#[cfg(test)]
mod tests {
    use super::super::Counts;
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::new(1_790_000_000 + second, 500_000_000).unwrap()
    }

    fn view(starts: &[Option<i64>], desired: u32) -> AgentView {
        let pod = |(number, start): (usize, &Option<i64>)| Pod {
            name: format!("ama-metrics-node-{number}"),
            workload: Workload::Node,
            ready: true,
            restarts: 0,
            started: start.map(|second| Timestamp::from_second(1_790_000_000 + second).unwrap()),
        };
        AgentView {
            workloads: [(Workload::Node, Counts { desired, ready: desired })].into(),
            pods: starts.iter().enumerate().map(pod).collect(),
            ..AgentView::default()
        }
    }

    fn judged(view: &AgentView, now: i64) -> PickUp {
        judge(view, Workload::Node, at(100), at(now), USUALLY_WITHIN)
    }

    #[test]
    fn all_started_after_the_change() {
        assert!(matches!(judged(&view(&[Some(100), Some(250)], 2), 260), PickUp::Done { pods: 2, .. }));
    }

    #[test]
    fn one_old_container_is_waited_for_and_then_overdue() {
        let seen = view(&[Some(99), Some(250)], 2);
        let old = vec!["ama-metrics-node-0".to_owned()];
        assert_eq!(judged(&seen, 339), PickUp::Waiting { pods: old.clone(), due: at(340) });
        assert_eq!(judged(&seen, 340), PickUp::Overdue { pods: old });
        assert!(matches!(judged(&view(&[None], 1), 101), PickUp::Waiting { .. }));
    }

    #[test]
    fn a_missing_pod_is_waited_for() {
        assert!(matches!(judged(&view(&[Some(250)], 2), 260), PickUp::Waiting { .. }));
    }

    #[test]
    fn other_containers_are_a_proof_without_a_clock() {
        let before = starts(&view(&[Some(10), Some(20)], 2), Workload::Node);
        assert!(!renewed(&view(&[Some(10), Some(30)], 2), Workload::Node, &before));
        assert!(renewed(&view(&[Some(30), Some(31)], 2), Workload::Node, &before));
        // One that is missing, or does not run, has taken nothing up.
        assert!(!renewed(&view(&[Some(30)], 2), Workload::Node, &before));
        assert!(!renewed(&view(&[Some(30), None], 2), Workload::Node, &before));
        assert!(!renewed(&view(&[], 0), Workload::Node, &before));
    }

    #[test]
    fn what_was_not_seen_is_not_claimed() {
        assert!(matches!(judged(&AgentView::default(), 260), PickUp::Unknown { .. }));
        assert!(matches!(judged(&view(&[], 3), 260), PickUp::Unknown { .. }));
        assert!(matches!(judged(&view(&[], 0), 260), PickUp::Unknown { .. }));
    }

    #[test]
    fn each_line_concerns_those_who_read_it() {
        let path = |path: &str| Concern::of_path(path);
        assert_eq!(path("cluster-metrics/default-targets-metrics-keep-list/networkobservabilityHubble"), [Concern::Nodes]);
        assert_eq!(path("pod-annotation-based-scraping/podannotationnamespaceregex"), [Concern::Pods]);
        assert_eq!(path("cluster-metrics/minimal-ingestion-profile/enabled"), [Concern::Nodes, Concern::Pods]);
        assert_eq!(path("ksm-config"), [Concern::KubeState]);
        assert!(path("controlplane-metrics/default-targets-scrape-enabled/etcd").is_empty());
        assert!(path("default-scrape-settings-enabled/controlplane-etcd").is_empty());
        assert_eq!(Concern::Nodes.workload(), Workload::Node);
    }
}
