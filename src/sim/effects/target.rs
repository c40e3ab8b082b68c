//! The scrape targets of the metrics add-on (contract §5.3, §15): keys, jobs, defaults and minimal lists.

use serde::{Deserialize, Serialize};

/// A default target of the agents, as far as this simulator produces series for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Target {
    /// Kubelet on every Linux node.
    Kubelet,
    /// cAdvisor on every Linux node.
    Cadvisor,
    /// Node exporter on every Linux node.
    Node,
    /// kube-state-metrics, one instance.
    KubeState,
    /// `CoreDNS`, off unless asked for.
    CoreDns,
    /// kube-proxy, off unless asked for; absent with Cilium.
    KubeProxy,
    /// API server, off unless asked for.
    ApiServer,
    /// Hubble metrics of ACNS observability.
    NetworkHubble,
    /// Cilium's node metrics of ACNS observability.
    NetworkCilium,
    /// Retina, only without Cilium.
    NetworkRetina,
    /// Health of the collector itself, off unless asked for.
    CollectorHealth,
    /// Pods with `prometheus.io/scrape` annotations.
    PodAnnotations,
}

impl Target {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Kubelet,
        Self::Cadvisor,
        Self::Node,
        Self::KubeState,
        Self::CoreDns,
        Self::KubeProxy,
        Self::ApiServer,
        Self::NetworkHubble,
        Self::NetworkCilium,
        Self::NetworkRetina,
        Self::CollectorHealth,
        Self::PodAnnotations,
    ];

    /// The key in the settings map.
    pub fn key(self) -> &'static str {
        match self {
            Self::Kubelet => "kubelet",
            Self::Cadvisor => "cadvisor",
            Self::Node => "nodeexporter",
            Self::KubeState => "kubestate",
            Self::CoreDns => "coredns",
            Self::KubeProxy => "kubeproxy",
            Self::ApiServer => "apiserver",
            Self::NetworkHubble => "networkobservabilityHubble",
            Self::NetworkCilium => "networkobservabilityCilium",
            Self::NetworkRetina => "networkobservabilityRetina",
            Self::CollectorHealth => "prometheuscollectorhealth",
            Self::PodAnnotations => "podannotations",
        }
    }

    /// The `job` label.
    pub fn job(self) -> &'static str {
        match self {
            Self::Kubelet => "kubelet",
            Self::Cadvisor => "cadvisor",
            Self::Node => "node",
            Self::KubeState => "kube-state-metrics",
            Self::CoreDns => "kube-dns",
            Self::KubeProxy => "kube-proxy",
            Self::ApiServer => "kube-apiserver",
            Self::NetworkHubble => "networkobservability-hubble",
            Self::NetworkCilium => "networkobservability-cilium",
            Self::NetworkRetina => "networkobservability-retina",
            Self::CollectorHealth => "prometheus_collector_health",
            Self::PodAnnotations => "kubernetes-pods",
        }
    }

    /// Whether the code's default is to scrape it.
    pub fn on_by_default(self) -> bool {
        !matches!(self, Self::CoreDns | Self::KubeProxy | Self::ApiServer | Self::CollectorHealth | Self::PodAnnotations)
    }
}

/// What the minimal ingestion profile keeps of a target; nothing when the profile has no list for it.
///
/// Hubble, Cilium and Retina are exactly the agent's; the others are cut to the metrics that this simulator exposes.
pub fn minimal_list(target: Target) -> Option<&'static str> {
    Some(match target {
        Target::Kubelet => {
            "kubelet_volume_stats_used_bytes|kubelet_node_name|kubelet_running_pods|kubelet_running_containers|\
             kubelet_runtime_operations_total|kubernetes_build_info|process_cpu_seconds_total"
        }
        Target::Cadvisor => {
            "container_cpu_usage_seconds_total|container_memory_(working_set_bytes|rss|cache|swap)|\
             container_network_(receive|transmit)_(bytes|packets)_total|container_spec_cpu_quota|machine_memory_bytes"
        }
        Target::Node => {
            "node_cpu_seconds_total|node_memory_(MemAvailable|MemTotal|MemFree|Buffers|Cached)_bytes|node_load1|\
             node_filesystem_(avail|size)_bytes|node_network_(receive|transmit)_(bytes|drop)_total|node_vmstat_pgmajfault|\
             node_disk_io_time_(weighted_)?seconds_total|node_exporter_build_info|node_uname_info"
        }
        Target::KubeState => {
            "kube_pod_info|kube_pod_owner|kube_pod_status_phase|kube_pod_container_(status_restarts_total|resource_requests|\
             resource_limits|info)|kube_node_status_(condition|allocatable|capacity)|kube_node_info|kube_deployment_.*|\
             kube_daemonset_.*|kube_namespace_status_phase"
        }
        Target::CoreDns => "coredns_build_info|coredns_dns_requests_total|coredns_dns_responses_total|process_cpu_seconds_total",
        Target::KubeProxy => "kubeproxy_sync_proxy_rules_duration_seconds.*|process_cpu_seconds_total",
        Target::ApiServer => "apiserver_request_total|process_cpu_seconds_total",
        Target::NetworkHubble => "hubble_dns_queries_total|hubble_dns_responses_total|hubble_drop_total|hubble_tcp_flags_total",
        Target::NetworkCilium => "cilium_drop.*|cilium_forward.*",
        Target::NetworkRetina => "networkobservability.*",
        Target::CollectorHealth | Target::PodAnnotations => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_minimal_list_is_a_regex() {
        for list in Target::ALL.iter().filter_map(|target| minimal_list(*target)) {
            assert!(regex::Regex::new(list).is_ok(), "{list}");
        }
    }

    #[test]
    fn hubble_flows_are_not_in_the_minimal_list() {
        assert!(!minimal_list(Target::NetworkHubble).unwrap().contains("flows"));
    }
}
