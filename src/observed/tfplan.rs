//! Gives meaning to `terraform show -json` and to the plan stream: terraform's own plan is one more observation.

use serde_json::Value;

use crate::event::{Action, Change};

/// What terraform means to do with one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourcePlan {
    /// The address, for example `azurerm_kubernetes_cluster.this`.
    pub address: String,
    /// What would happen.
    pub action: Action,
    /// The leaf fields that differ; sensitive values are replaced by a placeholder.
    pub changes: Vec<Change>,
    /// Fields that force a replacement.
    pub forced_by: Vec<String>,
    /// Whether terraform would first take the existing resource into its state.
    pub imported: bool,
}

/// A terraform plan.
#[derive(Clone, Debug, PartialEq)]
pub struct TerraformView {
    /// Whether applying it would do anything at all, outputs included.
    pub has_changes: bool,
    /// Every managed resource in the plan.
    pub resources: Vec<ResourcePlan>,
    /// Outputs that would change.
    pub outputs: Vec<String>,
    /// The whole `show -json` document, for the policies; null when there are no changes and it was not asked for.
    pub raw: Value,
}

impl TerraformView {
    /// Reads a `terraform show -json PLANFILE` document.
    #[must_use]
    pub fn read(document: Value) -> Self {
        let resources: Vec<ResourcePlan> = entries(&document, "resource_changes").filter_map(resource).collect();
        let outputs: Vec<String> = document["output_changes"]
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(_, change)| action(&change["actions"]) != Some(Action::Unchanged))
            .map(|(name, _)| name.clone())
            .collect();
        let has_changes = !outputs.is_empty() || resources.iter().any(|r| r.imported || r.action != Action::Unchanged);
        Self { has_changes, resources, outputs, raw: document }
    }

    /// A plan that changes nothing, over resources whose addresses are already known.
    #[must_use]
    pub fn unchanged(addresses: impl IntoIterator<Item = String>) -> Self {
        let resources = addresses
            .into_iter()
            .map(|address| ResourcePlan {
                address,
                action: Action::Unchanged,
                changes: Vec::new(),
                forced_by: Vec::new(),
                imported: false,
            })
            .collect();
        Self { has_changes: false, resources, outputs: Vec::new(), raw: Value::Null }
    }
}

fn entries<'a>(document: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    document[key].as_array().into_iter().flatten()
}

fn resource(entry: &Value) -> Option<ResourcePlan> {
    if entry["mode"].as_str() != Some("managed") {
        return None;
    }
    let change = &entry["change"];
    let action = action(&change["actions"])?;
    let forced_by = entries(change, "replace_paths").map(path_text).collect();
    let changes = if action == Action::Update || action == Action::Replace { leaf_changes(change) } else { Vec::new() };
    let imported = change["importing"].is_object();
    Some(ResourcePlan { address: entry["address"].as_str()?.to_owned(), action, changes, forced_by, imported })
}

fn action(actions: &Value) -> Option<Action> {
    let list: Vec<&str> = actions.as_array()?.iter().filter_map(Value::as_str).collect();
    Some(match list.as_slice() {
        ["no-op" | "read"] => Action::Unchanged,
        ["create"] => Action::Create,
        ["update"] => Action::Update,
        ["delete" | "forget"] => Action::Delete,
        ["delete", "create"] | ["create", "delete"] => Action::Replace,
        _ => return None,
    })
}

fn path_text(path: &Value) -> String {
    path.as_array().into_iter().flatten().fold(String::new(), |text, step| match step {
        Value::String(name) if text.is_empty() => name.clone(),
        Value::String(name) => format!("{text}.{name}"),
        other => format!("{text}[{other}]"),
    })
}

/// Differences of `before` and `after` by leaf. A field that is unknown until apply reads `(known after apply)`.
fn leaf_changes(change: &Value) -> Vec<Change> {
    let mut found = Vec::new();
    let sides = Sides {
        before: &change["before"],
        after: &change["after"],
        unknown: &change["after_unknown"],
        hidden: [&change["before_sensitive"], &change["after_sensitive"]],
    };
    sides.walk("", &mut found);
    found
}

struct Sides<'a> {
    before: &'a Value,
    after: &'a Value,
    unknown: &'a Value,
    hidden: [&'a Value; 2],
}

impl Sides<'_> {
    fn walk(&self, path: &str, found: &mut Vec<Change>) {
        if self.hidden.iter().any(|mark| mark.as_bool() == Some(true)) {
            if self.before != self.after {
                found.push(Change::new(path, Some("(sensitive)"), Some("(sensitive)")));
            }
            return;
        }
        if self.unknown.as_bool() == Some(true) {
            found.push(Change::new(path, text(self.before).as_deref(), Some("(known after apply)")));
            return;
        }
        let keys = child_keys(self.before, self.after, self.unknown);
        if keys.is_empty() {
            if self.before != self.after {
                found.push(Change::new(path, text(self.before).as_deref(), text(self.after).as_deref()));
            }
            return;
        }
        for key in keys {
            let child = Sides {
                before: key.of(self.before),
                after: key.of(self.after),
                unknown: key.of(self.unknown),
                hidden: [key.of(self.hidden[0]), key.of(self.hidden[1])],
            };
            child.walk(&key.join(path), found);
        }
    }
}

enum Key {
    Name(String),
    Index(usize),
}

static NULL: Value = Value::Null;

impl Key {
    fn of<'a>(&self, value: &'a Value) -> &'a Value {
        match self {
            Self::Name(name) => value.get(name),
            Self::Index(index) => value.get(index),
        }
        .unwrap_or(&NULL)
    }

    fn join(&self, path: &str) -> String {
        match self {
            Self::Name(name) if path.is_empty() => name.clone(),
            Self::Name(name) => format!("{path}.{name}"),
            Self::Index(index) => format!("{path}[{index}]"),
        }
    }
}

fn child_keys(before: &Value, after: &Value, unknown: &Value) -> Vec<Key> {
    let mut names: Vec<&String> =
        [before, after, unknown].into_iter().filter_map(Value::as_object).flat_map(|map| map.keys()).collect();
    names.sort();
    names.dedup();
    if !names.is_empty() {
        return names.into_iter().cloned().map(Key::Name).collect();
    }
    let length = [before, after, unknown].into_iter().filter_map(Value::as_array).map(Vec::len).max().unwrap_or(0);
    (0..length).map(Key::Index).collect()
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_replacement_names_what_forces_it() {
        let view = TerraformView::read(json!({"resource_changes": [{
            "address": "azurerm_dashboard_grafana.this", "mode": "managed",
            "change": {"actions": ["delete", "create"], "before": {"identity": [{"type": "SystemAssigned"}], "name": "g"},
                       "after": {"identity": [], "name": "g"}, "after_unknown": {"endpoint": true}, "replace_paths": [["identity"]]}}]}));
        let resource = &view.resources[0];
        assert_eq!((resource.action, resource.forced_by.as_slice()), (Action::Replace, ["identity".to_owned()].as_slice()));
        let fields: Vec<&str> = resource.changes.iter().map(|c| c.field.as_str()).collect();
        assert_eq!(fields, ["endpoint", "identity[0].type"]);
        assert!(view.has_changes);
    }

    #[test]
    fn sensitive_values_are_never_copied() {
        let view = TerraformView::read(json!({"resource_changes": [{"address": "a.b", "mode": "managed",
            "change": {"actions": ["update"], "before": {"kube_config": "old-secret"}, "after": {"kube_config": "new-secret"},
                       "before_sensitive": {"kube_config": true}, "after_sensitive": {"kube_config": true}}}]}));
        assert_eq!(view.resources[0].changes, [Change::new("kube_config", Some("(sensitive)"), Some("(sensitive)"))]);
    }

    #[test]
    fn outputs_alone_are_changes_too() {
        let view =
            TerraformView::read(json!({"resource_changes": [], "output_changes": {"cluster_id": {"actions": ["update"]}}}));
        assert_eq!((view.has_changes, view.outputs.as_slice()), (true, ["cluster_id".to_owned()].as_slice()));
    }
}
