//! Names of scrape targets (contract §5.3).

use super::{Report, shown};
use crate::diag::Code;
use crate::spec::suggest;

/// Targets in the cluster that can be switched.
pub const DATA: [&str; 20] = [
    "kubelet",
    "coredns",
    "cadvisor",
    "kubeproxy",
    "apiserver",
    "kubestate",
    "nodeexporter",
    "windowsexporter",
    "windowskubeproxy",
    "kappiebasic",
    "networkobservabilityRetina",
    "networkobservabilityHubble",
    "networkobservabilityCilium",
    "acstor-capacity-provisioner",
    "acstor-metrics-exporter",
    "local-csi-driver",
    "ztunnel",
    "istio-cni",
    "dcgmexporter",
    "prometheuscollectorhealth",
];

/// Pods with annotations: a keep-list and an interval, but no switch.
pub const POD_ANNOTATIONS: &str = "podannotations";

/// Targets of the managed control plane.
pub const CONTROL: [&str; 7] =
    ["apiserver", "etcd", "cluster-autoscaler", "node-auto-provisioning", "kube-scheduler", "kube-controller-manager", "istio"];

/// Reports a target that the agents would ignore.
pub(super) fn target(report: &mut Report<'_>, pointer: &str, name: &str, known: &[&str]) {
    if known.contains(&name) {
        return;
    }
    let what = format!("is not a scrape target, found {}", shown(name));
    if name == POD_ANNOTATIONS {
        let hint = "it has no switch: name the namespaces under `monitoring.metrics.podAnnotationNamespaces`";
        return report.error_hint(pointer, Code::SpecTarget, "cannot be switched", hint);
    }
    let hint = match suggest::nearest(name, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("targets are {}", suggest::list(known).replace(" or ", " and ")),
    };
    report.error_hint(pointer, Code::SpecTarget, &what, &hint);
}
