//! The metrics that targets expose, with their labels and temper: enough to look real, each under its real name (contract §7.4).

use super::target::Target;

/// What a metric is measured on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// One series set for the whole cluster.
    Cluster,
    /// One per Linux node.
    Nodes,
    /// One per pod.
    Pods,
    /// One per container.
    Containers,
    /// One per pair of talking pods.
    Flows,
}

/// How values move.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Temper {
    /// Always the same.
    Constant(f64),
    /// Swings around a level by up to a fifth.
    Level(f64),
    /// Counts up, so much per second on average.
    PerSecond(f64),
}

/// What else must be true for the metric to exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing but its target.
    Nothing,
    /// A Cilium policy that looks at DNS names (contract §6.3).
    DnsPolicy,
    /// A Cilium policy that looks into HTTP.
    L7Policy,
}

/// One metric of one target.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// Who exposes it.
    pub target: Target,
    /// What it is measured on.
    pub over: Over,
    /// How it moves.
    pub temper: Temper,
    /// Further labels, every combination a series.
    pub labels: &'static [(&'static str, &'static [&'static str])],
    /// Its condition.
    pub needs: Needs,
}

type Labels = &'static [(&'static str, &'static [&'static str])];

const fn metric(name: &'static str, target: Target, over: Over, temper: Temper, labels: Labels) -> Metric {
    Metric { name, target, over, temper, labels, needs: Needs::Nothing }
}

const fn with_needs(metric: Metric, needs: Needs) -> Metric {
    Metric { needs, ..metric }
}

use Over::{Cluster, Containers, Flows, Nodes, Pods};
use Target::{
    ApiServer, Cadvisor, CollectorHealth, CoreDns, KubeState, Kubelet, NetworkCilium, NetworkHubble, NetworkRetina, Node,
};
use Temper::{Constant, Level, PerSecond};

const DIRECTIONS: Labels = &[("direction", &["EGRESS", "INGRESS"])];
const DROPS: Labels = &[("direction", &["EGRESS", "INGRESS"]), ("reason", &["Policy denied", "Unsupported L3 protocol"])];
const RESOURCES: Labels = &[("resource", &["cpu", "memory"])];
const DNS: Labels = &[("query", &["kubernetes.default.svc.cluster.local.", "mcr.microsoft.com."]), ("qtypes", &["A", "AAAA"])];
const DNS_ANSWERS: Labels = &[
    ("query", &["kubernetes.default.svc.cluster.local.", "mcr.microsoft.com."]),
    ("qtypes", &["A", "AAAA"]),
    ("rcode", &["No Error", "Non-Existent Domain"]),
    ("ips_returned", &["1"]),
];

/// Every metric except `up`, which every target has.
pub const METRICS: &[Metric] = &[
    metric("kubelet_running_pods", Kubelet, Nodes, Level(14.0), &[]),
    metric("kubelet_running_containers", Kubelet, Nodes, Level(22.0), &[("container_state", &["running"])]),
    metric("kubelet_node_name", Kubelet, Nodes, Constant(1.0), &[]),
    metric(
        "kubelet_runtime_operations_total",
        Kubelet,
        Nodes,
        PerSecond(3.0),
        &[("operation_type", &["container_status", "podsandbox_status"])],
    ),
    metric("kubelet_http_requests_total", Kubelet, Nodes, PerSecond(0.7), &[("method", &["GET", "POST"])]),
    metric("process_cpu_seconds_total", Kubelet, Nodes, PerSecond(0.04), &[]),
    metric("container_cpu_usage_seconds_total", Cadvisor, Containers, PerSecond(0.02), &[]),
    metric("container_memory_working_set_bytes", Cadvisor, Containers, Level(6.4e7), &[]),
    metric("container_memory_rss", Cadvisor, Containers, Level(4.1e7), &[]),
    metric("container_memory_cache", Cadvisor, Containers, Level(1.2e7), &[]),
    metric("container_memory_swap", Cadvisor, Containers, Constant(0.0), &[]),
    metric("container_tasks_state", Cadvisor, Containers, Constant(0.0), &[("state", &["running", "sleeping"])]),
    metric("container_network_receive_bytes_total", Cadvisor, Pods, PerSecond(5200.0), &[("interface", &["eth0"])]),
    metric("container_network_transmit_bytes_total", Cadvisor, Pods, PerSecond(3900.0), &[("interface", &["eth0"])]),
    metric("machine_memory_bytes", Cadvisor, Nodes, Constant(1.677e10), &[]),
    metric(
        "node_cpu_seconds_total",
        Node,
        Nodes,
        PerSecond(0.31),
        &[("cpu", &["0", "1", "2", "3"]), ("mode", &["idle", "user", "system"])],
    ),
    metric("node_memory_MemTotal_bytes", Node, Nodes, Constant(1.677e10), &[]),
    metric("node_memory_MemAvailable_bytes", Node, Nodes, Level(1.21e10), &[]),
    metric("node_load1", Node, Nodes, Level(0.6), &[]),
    metric("node_filesystem_size_bytes", Node, Nodes, Constant(1.33e11), &[("mountpoint", &["/"]), ("fstype", &["ext4"])]),
    metric("node_filesystem_avail_bytes", Node, Nodes, Level(1.02e11), &[("mountpoint", &["/"]), ("fstype", &["ext4"])]),
    metric("node_network_receive_bytes_total", Node, Nodes, PerSecond(91_000.0), &[("device", &["eth0"])]),
    metric("node_network_transmit_bytes_total", Node, Nodes, PerSecond(83_000.0), &[("device", &["eth0"])]),
    metric("node_network_receive_drop_total", Node, Nodes, PerSecond(0.01), &[("device", &["eth0"])]),
    metric("node_network_transmit_drop_total", Node, Nodes, PerSecond(0.01), &[("device", &["eth0"])]),
    metric("node_vmstat_pgmajfault", Node, Nodes, PerSecond(0.2), &[]),
    metric("node_disk_io_time_seconds_total", Node, Nodes, PerSecond(0.03), &[("device", &["sda"])]),
    metric("node_disk_io_time_weighted_seconds_total", Node, Nodes, PerSecond(0.05), &[("device", &["sda"])]),
    metric("node_uname_info", Node, Nodes, Constant(1.0), &[("sysname", &["Linux"])]),
    metric("node_entropy_available_bits", Node, Nodes, Constant(256.0), &[]),
    metric("kube_pod_info", KubeState, Pods, Constant(1.0), &[]),
    metric("kube_pod_owner", KubeState, Pods, Constant(1.0), &[]),
    metric("kube_pod_status_phase", KubeState, Pods, Constant(1.0), &[("phase", &["Running"])]),
    metric("kube_pod_created", KubeState, Pods, Constant(1.75e9), &[]),
    metric("kube_pod_container_status_restarts_total", KubeState, Containers, Constant(0.0), &[]),
    metric("kube_pod_container_resource_requests", KubeState, Containers, Level(0.1), RESOURCES),
    metric("kube_pod_container_resource_limits", KubeState, Containers, Level(0.5), RESOURCES),
    metric("kube_node_info", KubeState, Nodes, Constant(1.0), &[]),
    metric("kube_node_status_condition", KubeState, Nodes, Constant(1.0), &[("condition", &["Ready"]), ("status", &["true"])]),
    metric("kube_node_status_allocatable", KubeState, Nodes, Constant(3.86), RESOURCES),
    metric("kube_node_status_capacity", KubeState, Nodes, Constant(4.0), RESOURCES),
    metric(
        "kube_deployment_status_replicas",
        KubeState,
        Cluster,
        Constant(2.0),
        &[("deployment", &["coredns", "metrics-server"])],
    ),
    metric("coredns_build_info", CoreDns, Cluster, Constant(1.0), &[]),
    metric("coredns_dns_requests_total", CoreDns, Cluster, PerSecond(4.0), &[("type", &["A", "AAAA"])]),
    metric("coredns_dns_responses_total", CoreDns, Cluster, PerSecond(4.0), &[("rcode", &["NOERROR", "NXDOMAIN"])]),
    metric(
        "apiserver_request_total",
        ApiServer,
        Cluster,
        PerSecond(11.0),
        &[("verb", &["GET", "LIST", "WATCH"]), ("code", &["200"])],
    ),
    metric(
        "hubble_flows_processed_total",
        NetworkHubble,
        Flows,
        PerSecond(23.0),
        &[
            ("protocol", &["TCP", "UDP"]),
            ("subtype", &["to-endpoint", "to-network"]),
            ("type", &["Trace"]),
            ("verdict", &["FORWARDED"]),
        ],
    ),
    with_needs(
        metric(
            "hubble_flows_processed_total",
            NetworkHubble,
            Flows,
            PerSecond(6.0),
            &[("protocol", &["HTTP"]), ("subtype", &["HTTP"]), ("type", &["L7"]), ("verdict", &["FORWARDED"])],
        ),
        Needs::L7Policy,
    ),
    metric(
        "hubble_drop_total",
        NetworkHubble,
        Flows,
        PerSecond(0.2),
        &[("protocol", &["TCP", "UDP"]), ("reason", &["POLICY_DENIED"])],
    ),
    metric(
        "hubble_tcp_flags_total",
        NetworkHubble,
        Flows,
        PerSecond(2.0),
        &[("family", &["IPv4"]), ("flag", &["FIN", "RST", "SYN", "SYN-ACK"])],
    ),
    with_needs(metric("hubble_dns_queries_total", NetworkHubble, Flows, PerSecond(1.0), DNS), Needs::DnsPolicy),
    with_needs(metric("hubble_dns_responses_total", NetworkHubble, Flows, PerSecond(1.0), DNS_ANSWERS), Needs::DnsPolicy),
    metric("cilium_forward_count_total", NetworkCilium, Nodes, PerSecond(410.0), DIRECTIONS),
    metric("cilium_forward_bytes_total", NetworkCilium, Nodes, PerSecond(140_000.0), DIRECTIONS),
    metric("cilium_drop_count_total", NetworkCilium, Nodes, PerSecond(0.4), DROPS),
    metric("cilium_drop_bytes_total", NetworkCilium, Nodes, PerSecond(31.0), DROPS),
    metric("networkobservability_forward_count", NetworkRetina, Nodes, PerSecond(400.0), DIRECTIONS),
    metric("networkobservability_forward_bytes", NetworkRetina, Nodes, PerSecond(130_000.0), DIRECTIONS),
    metric("networkobservability_drop_count", NetworkRetina, Nodes, PerSecond(0.4), DROPS),
];

/// What a target is scraped on.
pub fn instances(target: Target) -> Over {
    match target {
        KubeState | CoreDns | ApiServer | CollectorHealth => Cluster,
        _ => Nodes,
    }
}
