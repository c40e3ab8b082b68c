//! What an api-version does not know: hidden from who reads with it, kept when it writes (contract §2.4, §11.5).

use serde_json::Value;

/// Fields of a cluster that came with 2026-05-01.
const NEWER: [&str; 5] = [
    "/properties/azureMonitorProfile/metrics/controlPlane",
    "/properties/azureMonitorProfile/containerInsights",
    "/properties/azureMonitorProfile/appMonitoring",
    "/properties/networkProfile/advancedNetworking/security/transitEncryption",
    "/properties/networkProfile/advancedNetworking/performance",
];
const SINCE: &str = "2026-05-01";

fn is_older(body: &Value, version: &str) -> bool {
    let cluster =
        body["type"].as_str().is_some_and(|of_type| of_type.eq_ignore_ascii_case("Microsoft.ContainerService/managedClusters"));
    cluster && version < SINCE
}

/// A body as a version shows it.
pub fn seen_by(body: &Value, version: &str) -> Value {
    let mut seen = body.clone();
    if is_older(body, version) {
        for pointer in NEWER {
            if let Some((parent, name)) = pointer.rsplit_once('/')
                && let Some(Value::Object(parent)) = seen.pointer_mut(parent)
            {
                parent.shift_remove(name);
            }
        }
    }
    seen
}

/// Puts back what a write with an older version could not know, wherever its parent is still there.
pub fn keep_unknown(before: &Value, written: &mut Value, version: &str) {
    if !is_older(before, version) {
        return;
    }
    for pointer in NEWER {
        if let (Some(kept), Some((parent, name))) = (before.pointer(pointer), pointer.rsplit_once('/'))
            && let Some(Value::Object(parent)) = written.pointer_mut(parent)
        {
            parent.insert(name.to_owned(), kept.clone());
        }
    }
}
