//! What a report says beside its words: where to look, and how the units hang together.

use serde_json::{Value, json};

/// Addresses in Grafana and in the portal; nothing where the last report knew none.
pub(super) fn of(report: Option<&Value>) -> Value {
    let output =
        |name: &str| report.and_then(|report| report["outputs"][name].as_str()).filter(|url| url.starts_with("https://"));
    json!({"grafana": output("grafana_endpoint"), "portal": output("cluster_portal_url"), "workspace": output("workspace_portal_url")})
}

/// The units of the last report and what each needs.
pub(super) fn graph(report: Option<&Value>) -> Value {
    let units = report.and_then(|report| report["units"].as_array()).map(Vec::as_slice).unwrap_or_default();
    let needs = |unit: &Value| unit.get("needs").cloned().unwrap_or_else(|| json!([]));
    units.iter().map(|unit| json!({"unit": unit["id"], "needs": needs(unit)})).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_is_a_link() {
        let report = json!({"outputs": {"grafana_endpoint": "https://g", "cluster_portal_url": "javascript:alert(1)"}, "units": [{"id": "dcr"}]});
        assert_eq!(of(Some(&report)), json!({"grafana": "https://g", "portal": null, "workspace": null}));
        assert_eq!(graph(Some(&report)), json!([{"unit": "dcr", "needs": []}]));
        assert_eq!((of(None)["portal"].clone(), graph(None)), (Value::Null, json!([])));
    }
}
