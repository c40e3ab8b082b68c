//! The objects a cluster has by itself, drawn from its inner life: namespaces, nodes, services, workloads, pods (contract §6.2).

use jiff::Timestamp;
use serde_json::{Value, json};

use super::kinds::{Kind, meant};
use crate::sim::effects::cluster::{Cluster, Node};
use crate::sim::effects::life::Life;
use crate::sim::effects::workload::{Pod, Workload, workloads};

type Object = (&'static Kind, &'static str, Value, Timestamp);

const SYSTEM: &str = "kube-system";

/// All of them at `now`.
pub fn objects(cluster: &Cluster, life: &Life, now: Timestamp) -> Vec<Object> {
    let mut found = Vec::new();
    let born = life.born();
    let mut push = |word: &str, namespace: &'static str, object: Value, since: Timestamp| {
        if let Some(kind) = meant(word) {
            found.push((kind, namespace, object, since));
        }
    };
    for name in ["default", SYSTEM, "kube-public", "kube-node-lease"] {
        push(
            "namespace",
            "",
            json!({"metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}}, "status": {"phase": "Active"}}),
            born,
        );
    }
    push("service", "default", service("kubernetes", "10.0.0.1", &[("https", 443)], None), born);
    push("service", SYSTEM, service("kube-dns", "10.0.0.10", &[("dns", 53)], Some(("k8s-app", "kube-dns"))), born);
    if !cluster.running {
        return found;
    }
    for node in &cluster.nodes {
        push("node", "", self::node(cluster, node), born);
    }
    if life.network(now) {
        // The ports that the agents' service discovery looks for (contract §5.6).
        let ports: &[(&str, u16)] =
            if cluster.cilium { &[("hubble", 9965), ("cilium", 9962)] } else { &[("retina", 10093), ("hubble", 9965)] };
        push("service", SYSTEM, service("network-observability", "10.0.116.9", ports, Some(("k8s-app", "cilium"))), born);
    }
    for workload in workloads(cluster, life.agents(now)) {
        let word = if workload.daemon() { "daemonset" } else { "deployment" };
        push(word, SYSTEM, self::workload(cluster, life, &workload, now), born);
    }
    for pod in life.pods(cluster, now) {
        push("pod", SYSTEM, self::pod(cluster, &pod), pod.since);
    }
    found
}

fn service(name: &str, address: &str, ports: &[(&str, u16)], selector: Option<(&str, &str)>) -> Value {
    let ports: Vec<Value> =
        ports.iter().map(|(name, port)| json!({"name": name, "port": port, "targetPort": port, "protocol": "TCP"})).collect();
    json!({
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"clusterIP": address, "type": "ClusterIP", "ports": ports, "selector": selector.map(|(key, value)| json!({key: value}))},
        "status": {"loadBalancer": {}},
    })
}

fn node(cluster: &Cluster, node: &Node) -> Value {
    let os = if node.windows { "windows" } else { "linux" };
    json!({
        "metadata": {"name": node.name, "labels": {
            "kubernetes.io/hostname": node.name, "kubernetes.io/os": os, "agentpool": node.pool, "kubernetes.azure.com/agentpool": node.pool,
        }},
        "spec": {},
        "status": {
            "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}],
            "addresses": [{"type": "InternalIP", "address": node.ip}, {"type": "Hostname", "address": node.name}],
            "nodeInfo": {"kubeletVersion": format!("v{}", cluster.version), "operatingSystem": os, "architecture": "amd64"},
        },
    })
}

fn containers(workload: &Workload) -> Vec<Value> {
    workload.containers.iter().map(|(name, image)| json!({"name": name, "image": image})).collect()
}

fn workload(cluster: &Cluster, life: &Life, workload: &Workload, now: Timestamp) -> Value {
    let (key, value) = workload.label;
    let wanted = workload.wanted(cluster);
    let schedulable =
        life.pods(cluster, now).iter().filter(|pod| pod.workload.name == workload.name && pod.node.is_some()).count();
    // During a rollout the old pods still serve while the new ones come up.
    let updated = if life.rolling(workload.name, now) { 0 } else { schedulable };
    let template = json!({"metadata": {"labels": {key: value}}, "spec": {"containers": containers(workload)}});
    let mut spec = json!({"selector": {"matchLabels": {key: value}}, "template": template});
    let status = if workload.daemon() {
        spec["updateStrategy"] = json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}});
        json!({
            "desiredNumberScheduled": wanted, "currentNumberScheduled": wanted, "numberReady": schedulable, "numberAvailable": schedulable,
            "updatedNumberScheduled": updated, "numberMisscheduled": 0, "observedGeneration": 1,
        })
    } else {
        spec["replicas"] = json!(wanted);
        json!({
            "replicas": wanted, "readyReplicas": schedulable, "availableReplicas": schedulable, "updatedReplicas": updated, "observedGeneration": 1,
            "conditions": [{"type": "Available", "status": if schedulable == wanted { "True" } else { "False" }}],
        })
    };
    json!({"metadata": {"name": workload.name, "labels": {key: value}}, "spec": spec, "status": status})
}

fn pod(cluster: &Cluster, pod: &Pod) -> Value {
    let (key, value) = pod.workload.label;
    let hash_label = if pod.workload.daemon() { "controller-revision-hash" } else { "pod-template-hash" };
    let (owner, owner_name) = if pod.workload.daemon() {
        ("DaemonSet", pod.workload.name.to_owned())
    } else {
        ("ReplicaSet", format!("{}-{}", pod.workload.name, pod.template))
    };
    let ready = pod.node.is_some();
    let statuses: Vec<Value> = pod
        .workload
        .containers
        .iter()
        .enumerate()
        .map(|(index, (name, image))| {
            let restarts = if index == 0 { pod.restarts } else { 0 };
            // A container that was restarted in place began anew, its pod did not.
            let started = pod.restarted.filter(|_| index == 0).unwrap_or(pod.since);
            json!({
                "name": name, "image": image, "ready": ready, "started": ready, "restartCount": restarts,
                "state": {"running": {"startedAt": started.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()}},
            })
        })
        .collect();
    let node = cluster.nodes.iter().find(|node| Some(&node.name) == pod.node.as_ref());
    let host = node.map(|node| node.ip.clone());
    json!({
        "metadata": {
            "name": pod.name, "generateName": format!("{}-", pod.workload.name),
            "labels": {key: value, hash_label: pod.template},
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": owner, "name": owner_name, "controller": true,
                "uid": crate::sim::effects::cluster::uid(&[&cluster.id, &owner_name]),
            }],
        },
        "spec": {"nodeName": pod.node, "containers": containers(&pod.workload)},
        "status": {
            "phase": if ready { "Running" } else { "Pending" }, "podIP": pod.ip, "hostIP": host,
            "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }}],
            "containerStatuses": if ready { statuses } else { Vec::new() },
        },
    })
}
