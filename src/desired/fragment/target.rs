//! What the agents can scrape (contract §5.3).

use std::fmt;

/// Where a target is scraped: by the add-on's agents in the cluster or by the service beside the control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Plane {
    /// Agents in the cluster.
    Data,
    /// The managed control plane.
    Control,
}

/// A scrape target, spelled as the agents spell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
pub struct Target {
    plane: Plane,
    name: &'static str,
}

/// Name and whether the agents scrape it when the map says nothing (contract §5.3, code defaults).
const DATA: [(&str, bool); 21] = [
    ("kubelet", true),
    ("coredns", false),
    ("cadvisor", true),
    ("kubeproxy", false),
    ("apiserver", false),
    ("kubestate", true),
    ("nodeexporter", true),
    ("windowsexporter", false),
    ("windowskubeproxy", false),
    ("kappiebasic", true),
    ("networkobservabilityRetina", true),
    ("networkobservabilityHubble", true),
    ("networkobservabilityCilium", true),
    ("acstor-capacity-provisioner", true),
    ("acstor-metrics-exporter", true),
    ("local-csi-driver", true),
    ("ztunnel", false),
    ("istio-cni", false),
    ("dcgmexporter", true),
    ("prometheuscollectorhealth", false),
    ("podannotations", false),
];

const CONTROL: [(&str, bool); 7] = [
    ("apiserver", true),
    ("etcd", true),
    ("cluster-autoscaler", false),
    ("node-auto-provisioning", false),
    ("kube-scheduler", false),
    ("kube-controller-manager", false),
    ("istio", false),
];

impl Target {
    /// Hubble's flows, drops and DNS, scraped by `ama-metrics-node` (contract §5.6).
    pub const HUBBLE: Self = Self { plane: Plane::Data, name: "networkobservabilityHubble" };
    /// Cilium's forwarded and dropped packets per node.
    pub const CILIUM: Self = Self { plane: Plane::Data, name: "networkobservabilityCilium" };
    /// Retina, the same on nodes without Cilium.
    pub const RETINA: Self = Self { plane: Plane::Data, name: "networkobservabilityRetina" };
    /// Pods that ask for it by annotation: has a keep-list and an interval, and a regex of namespaces instead of a switch.
    pub const POD_ANNOTATIONS: Self = Self { plane: Plane::Data, name: "podannotations" };

    /// The target of this exact name, for example `networkobservabilityHubble`, `etcd`.
    #[must_use]
    pub fn named(plane: Plane, name: &str) -> Option<Self> {
        table(plane).iter().find(|(known, _)| *known == name).map(|(name, _)| Self { plane, name })
    }

    /// All targets of a plane, in Azure's order.
    pub fn all(plane: Plane) -> impl Iterator<Item = Self> {
        table(plane).iter().map(move |(name, _)| Self { plane, name })
    }

    /// Where it is scraped.
    #[must_use]
    pub fn plane(self) -> Plane {
        self.plane
    }

    /// The agents' name for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.name
    }

    /// Whether it is scraped when the map says nothing about it.
    #[must_use]
    pub fn on_by_default(self) -> bool {
        table(self.plane).iter().any(|(name, on)| *name == self.name && *on)
    }
}

fn table(plane: Plane) -> &'static [(&'static str, bool)] {
    match plane {
        Plane::Data => &DATA,
        Plane::Control => &CONTROL,
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_rows_of_the_table() {
        for target in [Target::HUBBLE, Target::CILIUM, Target::RETINA, Target::POD_ANNOTATIONS] {
            assert_eq!(Target::named(Plane::Data, target.name()), Some(target));
        }
        assert!(Target::HUBBLE.on_by_default());
        assert_eq!(Target::named(Plane::Data, "etcd"), None);
        assert!(Target::named(Plane::Control, "etcd").is_some_and(Target::on_by_default));
    }
}
