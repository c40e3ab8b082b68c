//! A plan reduced to what would be done, so that two looks can be compared: no times, no evidence, no order of listing.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Plan, Unit};
use crate::base::digest;
use crate::event::Action;
use crate::observed::tfplan::TerraformView;

/// What a plan comes down to, by unit id: owner, action, differences, step, resource and order. `terraform` is the view from which it
/// was drawn: what it would make and what it would touch enter with digest or id, because they have no line of their own in the plan.
#[must_use]
pub fn canonical<S>(plan: &Plan<S>, terraform: Option<&TerraformView>) -> BTreeMap<String, Value> {
    let made: BTreeMap<&str, String> = terraform.into_iter().flat_map(made).collect();
    let one = |unit: &Unit| {
        let address = unit.id.as_str().strip_prefix("terraform:");
        let after: BTreeSet<&str> = unit.after.iter().map(|edge| edge.unit.as_str()).collect();
        json!({
            "owner": unit.owner,
            "action": unit.action,
            "changes": unit.changes,
            "step": unit.step,
            "touches": unit.touches,
            "within": unit.within,
            "after": after,
            "values": address.and_then(|address| made.get(address)),
        })
    };
    plan.units.iter().map(|unit| (unit.id.as_str().to_owned(), one(unit))).collect()
}

/// What terraform's own plan says beside the differences, by address: of what it would make, a digest of all values; of what it would
/// change or delete, the id. Its keys come sorted, so equal values are equal text.
fn made(view: &TerraformView) -> BTreeMap<&str, String> {
    let has = |entry: &Value, action: &str| {
        entry["change"]["actions"].as_array().is_some_and(|all| all.iter().any(|one| one == action))
    };
    let told = |entry: &'_ Value| {
        let change = &entry["change"];
        let id = change["before"]["id"].as_str().unwrap_or_default();
        if !has(entry, "create") {
            return id.to_owned();
        }
        digest::sha256_hex(json!([id, change["after"], change["after_unknown"]]).to_string().as_bytes())
    };
    let entries = view.raw["resource_changes"].as_array().into_iter().flatten().filter(|entry| !has(entry, "no-op"));
    entries.filter_map(|entry| Some((entry["address"].as_str()?, told(entry)))).collect()
}

/// What of a plan is not as it was, one sentence for each unit: `expected` was reviewed, `now` was drawn anew.
#[must_use]
pub fn moved(expected: &BTreeMap<String, Value>, now: &BTreeMap<String, Value>) -> Vec<String> {
    let ids: BTreeSet<&String> = expected.keys().chain(now.keys()).collect();
    ids.into_iter().filter_map(|id| Some(format!("`{id}`: {}", difference(expected.get(id), now.get(id))?))).collect()
}

/// What was reviewed, with the privileged acts as they are now that somebody has done in the meantime: a run that waited for them goes on
/// under the plan that it waited with. Everything else is as it was reviewed.
#[must_use]
pub fn settled(expected: &BTreeMap<String, Value>, now: &BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    let is_act = |unit: &Value| ["register-provider", "assign-role"].iter().any(|step| unit["step"]["step"] == *step);
    let one = |(id, unit): (&String, &Value)| {
        let done = now.get(id).filter(|now| is_act(unit) && now["action"] == json!(Action::Unchanged));
        (id.clone(), done.unwrap_or(unit).clone())
    };
    expected.iter().map(one).collect()
}

fn difference(expected: Option<&Value>, now: Option<&Value>) -> Option<String> {
    let (expected, now) = match (expected, now) {
        (Some(expected), Some(now)) => (expected, now),
        (Some(expected), None) => return Some(format!("expected {}, now no part of the plan", word(expected))),
        (None, Some(now)) => return Some(format!("expected no such unit, now {}", word(now))),
        (None, None) => return None,
    };
    if expected["action"] != now["action"] {
        return Some(format!("expected {}, now {}", word(expected), word(now)));
    }
    let differing = leaves(expected, now);
    let told = differing.iter().take(MOST).map(ToString::to_string).collect::<Vec<_>>().join("; ");
    let more = differing.len().saturating_sub(MOST);
    match (differing.is_empty(), more) {
        (true, _) => None,
        (false, 0) => Some(told),
        (false, more) => Some(format!("{told}; and {more} more")),
    }
}

/// So many differences of one unit are told.
const MOST: usize = 4;

/// The action, with the fields that it is about.
fn word(unit: &Value) -> String {
    let action = unit["action"].as_str().unwrap_or("nothing");
    let side = |value: &Value| value.as_str().unwrap_or("nothing").to_owned();
    let changes = unit["changes"].as_array().into_iter().flatten();
    let fields = changes.map(|one| format!("{} {} → {}", side(&one["field"]), side(&one["before"]), side(&one["after"])));
    let fields: Vec<String> = fields.take(MOST).collect();
    if fields.is_empty() { action.to_owned() } else { format!("{action} ({})", fields.join(", ")) }
}

/// One value that is not as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// Where, with dots and indices.
    pub path: String,
    /// What was expected.
    pub expected: Option<String>,
    /// What is there now.
    pub now: Option<String>,
}

impl std::fmt::Display for Leaf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let side = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
        write!(f, "{}: expected {}, now {}", self.path, side(&self.expected), side(&self.now))
    }
}

/// Where two documents differ, leaf by leaf. The order of keys means nothing, that of lists does.
#[must_use]
pub fn leaves(expected: &Value, now: &Value) -> Vec<Leaf> {
    let mut found = Vec::new();
    walk("", expected, now, &mut found);
    found
}

fn walk(path: &str, expected: &Value, now: &Value, found: &mut Vec<Leaf>) {
    if expected == now {
        return;
    }
    match (expected, now) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let below = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                walk(&below, a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null), found);
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            for index in 0..a.len().max(b.len()) {
                let (a, b) = (a.get(index).unwrap_or(&Value::Null), b.get(index).unwrap_or(&Value::Null));
                walk(&format!("{path}[{index}]"), a, b, found);
            }
        }
        _ => found.push(Leaf { path: path.to_owned(), expected: text(expected), now: text(now) }),
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(format!("`{text}`")),
        other => Some(format!("`{other}`")),
    }
}

/// What of a later plan the reviewed one does not cover: work on a unit that it had no work for, or other work. Finishing what was
/// reviewed is covered: the same work again, waiting for it, and what is left of a creation.
#[must_use]
pub fn beyond(reviewed: &BTreeMap<String, Value>, now: &BTreeMap<String, Value>) -> Vec<String> {
    let works = |unit: &&Value| unit["action"] != json!(Action::Unchanged);
    let covered = |id: &str, unit: &Value| reviewed.get(id).filter(works).is_some_and(|before| finishes(id, before, unit));
    now.iter()
        .filter(|(id, unit)| works(unit) && !covered(id, unit))
        .map(|(id, unit)| format!("`{id}`: {}", word(unit)))
        .collect()
}

/// Whether a unit's work is what is left of the work that was reviewed.
fn finishes(id: &str, before: &Value, unit: &Value) -> bool {
    let same = |part: &str| before[part] == unit[part];
    // Terraform's own step has no content: what it does are the resources, each judged by itself.
    if id == super::draft::TERRAFORM || unit["action"] == json!(Action::Wait) {
        return unit["step"].is_null() || same("step");
    }
    if before["action"] == json!(Action::Create) {
        // How the rest is made may depend on what is there by now: a rule's content, an id.
        let goes_on = [json!(Action::Create), json!(Action::Update)].contains(&unit["action"]);
        return goes_on && before["step"]["step"] == unit["step"]["step"] && same("touches");
    }
    let known = before["changes"].as_array().map(Vec::as_slice).unwrap_or_default();
    let same_end = |change: &Value| known.iter().any(|one| one["field"] == change["field"] && one["after"] == change["after"]);
    same("action") && same("step") && same("values") && unit["changes"].as_array().is_none_or(|all| all.iter().all(same_end))
}

#[cfg(test)]
mod tests;
