//! The one document that policies judge: spec, terraform plan, REST plan and cluster plan side by side.

use serde_json::{Value, json};

use super::redact::without_secrets;
use super::{Plan, Unit};
use crate::event::Owner;

/// Builds the policies' input. `spec` is the user's file as JSON with its defaults; `terraform` is `terraform show -json`, or
/// null when terraform has no changes; what it marks as sensitive is hidden.
///
/// Shape: `{spec, terraform, rest: [unit], cluster: [unit], resources: [{address, action}]}`, a unit being
/// `{id, title, action, reason, changes: [{field, before, after}], step}`.
#[must_use]
pub fn document<S>(plan: &Plan<S>, spec: &Value, terraform: &Value, allowed: &[String]) -> Value {
    let units = |owner: Owner| -> Vec<Value> { plan.units.iter().filter(|unit| unit.owner == owner).map(line).collect() };
    let resources: Vec<Value> = plan
        .units
        .iter()
        .filter_map(|unit| {
            unit.id.as_str().strip_prefix("terraform:").map(|address| json!({"address": address, "action": unit.action}))
        })
        .collect();
    json!({
        "allow_destroy": allowed,
        "spec": spec,
        "terraform": without_secrets(terraform),
        "resources": resources,
        "rest": units(Owner::Rest),
        "cluster": units(Owner::Cluster),
    })
}

fn line(unit: &Unit) -> Value {
    json!({
        "id": unit.id,
        "title": unit.title,
        "action": unit.action,
        "reason": unit.reason,
        "changes": unit.changes,
        "step": unit.step,
    })
}
