//! The Kubernetes API of each cluster: an object store with an API server's rules, and the objects that clusters have by themselves.

pub mod access;
pub mod api;
pub mod discovery;
pub mod kinds;
pub mod managed;
pub mod patch;
pub mod selector;
pub mod status;
pub mod store;
pub mod system;

use std::collections::BTreeMap;

use serde_json::Value;

use store::Store;

/// Namespace of the settings map and of the agents.
pub const SYSTEM_NAMESPACE: &str = "kube-system";
/// Name of the settings map (contract §5.1).
pub const SETTINGS_MAP: &str = "ama-metrics-settings-configmap";

/// Whether a name is a legal RFC 1123 subdomain.
pub fn legal_name(name: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(part)
}

/// What the cluster's objects cause: the settings map's data.
pub fn settings_data(store: &Store) -> Option<BTreeMap<String, String>> {
    let map = store.get(kinds::meant("configmap")?, SYSTEM_NAMESPACE, SETTINGS_MAP).ok()?;
    let data = map.get("data").and_then(Value::as_object);
    Some(data.into_iter().flatten().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect())
}

/// What the cluster's objects cause: the `restartedAt` annotation of each workload in `kube-system` that has one.
pub fn restarted(store: &Store) -> BTreeMap<String, String> {
    ["deployment", "daemonset"]
        .into_iter()
        .filter_map(kinds::meant)
        .flat_map(|kind| store.list(kind, Some(SYSTEM_NAMESPACE)))
        .filter_map(|object| {
            let stamp = object.pointer("/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt")?.as_str()?;
            Some((object.pointer("/metadata/name")?.as_str()?.to_owned(), stamp.to_owned()))
        })
        .collect()
}

/// What the cluster's objects cause: whether some Cilium policy has a rule of this name (`dns`, `http`) or looks at names (`toFQDNs`).
pub fn policy_mentions(store: &Store, words: &[&str]) -> bool {
    ["ciliumnetworkpolicies", "ciliumclusterwidenetworkpolicies"]
        .into_iter()
        .filter_map(kinds::meant)
        .flat_map(|kind| store.list(kind, None))
        .any(|object| mentions(object, words))
}

fn mentions(value: &Value, words: &[&str]) -> bool {
    match value {
        Value::Object(fields) => fields.iter().any(|(key, value)| words.contains(&key.as_str()) || mentions(value, words)),
        Value::Array(items) => items.iter().any(|item| mentions(item, words)),
        _ => false,
    }
}
