//! Terraform's plan without what it marks as sensitive: policies judge shapes and names, and their messages are printed.

use std::collections::BTreeSet;

use serde_json::Value;

/// Stands for a value that is not shown.
const HIDDEN: &str = "(sensitive)";

/// Where values stand, and the marks beside them (Terraform JSON output format 1.2).
const MARKED: [(&str, &str); 3] = [("before", "before_sensitive"), ("after", "after_sensitive"), ("values", "sensitive_values")];

/// A `terraform show -json` document in which every value that terraform marks as sensitive is replaced: values of resources and
/// outputs by the marks beside them, variables by their declaration, together with their defaults.
#[must_use]
pub(super) fn without_secrets(document: &Value) -> Value {
    let mut shown = document.clone();
    walk(&mut shown);
    let variables = document.pointer("/configuration/root_module/variables").and_then(Value::as_object);
    for (name, _) in variables.into_iter().flatten().filter(|(_, variable)| variable["sensitive"] == true) {
        if let Some(value) = shown["variables"][name].get_mut("value") {
            *value = Value::from(HIDDEN);
        }
    }
    shown
}

fn walk(node: &mut Value) {
    match node {
        Value::Object(all) => {
            let mut judged = Vec::new();
            for (value, marks) in MARKED {
                if let Some(marks) = all.get(marks).cloned()
                    && let Some(value) = all.get_mut(value)
                {
                    hide(value, &marks);
                }
                if all.contains_key(marks) {
                    judged.extend([value, marks]);
                }
            }
            // An output, or the declaration of a variable.
            if all.get("sensitive") == Some(&Value::Bool(true)) {
                for key in ["value", "default"] {
                    if let Some(value) = all.get_mut(key) {
                        *value = Value::from(HIDDEN);
                    }
                }
            }
            // What has marks of its own may have any keys: they mean nothing here.
            all.iter_mut().filter(|(key, _)| !judged.contains(&key.as_str())).for_each(|(_, value)| walk(value));
        }
        Value::Array(all) => all.iter_mut().for_each(walk),
        _ => {}
    }
}

/// Hides what `marks` marks: `true` for the whole, or a shape like the value's with `true` in it.
fn hide(value: &mut Value, marks: &Value) {
    match (value, marks) {
        (value, Value::Bool(true)) => *value = Value::from(HIDDEN),
        (Value::Object(all), Value::Object(marks)) => {
            for (key, mark) in marks {
                if let Some(value) = all.get_mut(key) {
                    hide(value, mark);
                }
            }
        }
        (Value::Array(all), Value::Array(marks)) => all.iter_mut().zip(marks).for_each(|(value, mark)| hide(value, mark)),
        _ => {}
    }
}

/// Where a `terraform show -json` document has values that terraform marks as sensitive, by name: `ADDRESS.ATTRIBUTE`, `output.NAME`,
/// `var.NAME`. What is marked and has no value yet is not among them.
#[must_use]
pub fn secrets(document: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    search(document, "", &mut found);
    let declared = document.pointer("/configuration/root_module/variables").and_then(Value::as_object);
    for (name, _) in declared.into_iter().flatten().filter(|(_, variable)| variable["sensitive"] == true) {
        if has_value(&document["variables"][name]["value"]) {
            found.insert(format!("var.{name}"));
        }
    }
    found
}

/// `about` is the resource or output in which `node` lies.
fn search(node: &Value, about: &str, found: &mut BTreeSet<String>) {
    match node {
        Value::Object(all) => {
            let about = all.get("address").and_then(Value::as_str).unwrap_or(about);
            for (value, marks) in MARKED {
                if let (Some(value), Some(marks)) = (all.get(value), all.get(marks)) {
                    name_marked(value, marks, about, found);
                }
            }
            if all.get("sensitive") == Some(&Value::Bool(true)) && all.get("value").is_some_and(has_value) {
                found.insert(about.to_owned());
            }
            let judged =
                |key: &str| MARKED.iter().any(|(value, marks)| key == *marks || key == *value && all.contains_key(*marks));
            for (key, below) in all.iter().filter(|(key, _)| !judged(key)) {
                let outputs = ["outputs", "output_changes"].contains(&key.as_str());
                match below.as_object().filter(|_| outputs) {
                    Some(outputs) => outputs.iter().for_each(|(name, one)| search(one, &format!("output.{name}"), found)),
                    None => search(below, about, found),
                }
            }
        }
        Value::Array(all) => all.iter().for_each(|one| search(one, about, found)),
        _ => {}
    }
}

/// Adds the attributes of a resource in which something is marked and has a value.
fn name_marked(value: &Value, marks: &Value, about: &str, found: &mut BTreeSet<String>) {
    match (value, marks) {
        (Value::Object(value), Value::Object(marks)) => {
            let hit = |(key, mark): &(&String, &Value)| value.get(*key).is_some_and(|value| is_marked(value, mark));
            found.extend(marks.iter().filter(hit).map(|(key, _)| format!("{about}.{key}")));
        }
        _ if is_marked(value, marks) => {
            found.insert(about.to_owned());
        }
        _ => {}
    }
}

fn is_marked(value: &Value, marks: &Value) -> bool {
    match (value, marks) {
        (value, Value::Bool(true)) => has_value(value),
        (Value::Object(value), Value::Object(marks)) => {
            marks.iter().any(|(key, mark)| value.get(key).is_some_and(|value| is_marked(value, mark)))
        }
        (Value::Array(value), Value::Array(marks)) => value.iter().zip(marks).any(|(value, mark)| is_marked(value, mark)),
        _ => false,
    }
}

/// Whether there is anything to be kept secret: nothing, an empty text and what holds no more than these are not.
fn has_value(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(all) => all.iter().any(has_value),
        Value::Object(all) => all.values().any(has_value),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// A value, marks of its shape, and what may be seen of it. Keys are those that mean something elsewhere in the document, too.
    fn marked() -> impl Strategy<Value = [Value; 3]> {
        // `true` too: as the value of a key `sensitive` it would be a mark, were it not a resource's own.
        let plain = prop_oneof![any::<u16>().prop_map(|number| json!(number)), Just(json!(true))];
        let leaf = (any::<bool>(), plain)
            .prop_map(|(secret, value)| [value.clone(), json!(secret), if secret { json!(HIDDEN) } else { value }]);
        let key = prop::sample::select(vec!["a", "b", "value", "values", "sensitive", "default", "before", "before_sensitive"]);
        leaf.prop_recursive(4, 24, 4, move |inner| {
            let whole = inner.clone().prop_map(|[value, ..]| [value, json!(true), json!(HIDDEN)]);
            let list = prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|all| [0, 1, 2].map(|which| all.iter().map(|parts| parts[which].clone()).collect()));
            let map = prop::collection::btree_map(key.clone(), inner, 0..4).prop_map(|all| {
                [0, 1, 2].map(|which| all.iter().map(|(key, parts)| ((*key).to_owned(), parts[which].clone())).collect())
            });
            prop_oneof![1 => whole, 3 => list, 3 => map]
        })
    }

    /// Every place in which terraform shows values of resources and outputs.
    fn everywhere(value: &Value, marks: &Value) -> Value {
        let change =
            json!({"actions": ["update"], "before": value, "before_sensitive": marks, "after": value, "after_sensitive": marks});
        let resources = json!({"resources": [{"address": "x", "values": value, "sensitive_values": marks}]});
        let values = json!({"root_module": {"resources": resources["resources"], "child_modules": [resources]}});
        json!({"resource_changes": [{"change": change}], "resource_drift": [{"change": change}], "output_changes": {"o": change},
            "planned_values": values, "prior_state": {"values": values}})
    }

    proptest! {
        #[test]
        fn what_is_marked_is_hidden_and_all_else_stays([value, marks, seen] in marked()) {
            prop_assert_eq!(without_secrets(&everywhere(&value, &marks)), everywhere(&seen, &marks));
        }

        /// What is hidden is also found, unless it is empty: numbers and truths never are.
        #[test]
        fn what_is_hidden_is_found([value, marks, seen] in marked()) {
            let hides = seen.to_string().contains(HIDDEN);
            let found = secrets(&everywhere(&value, &marks));
            prop_assert!(hides || found.is_empty(), "{found:?}");
            prop_assert!(!is_marked(&value, &marks) || found.iter().any(|name| name.starts_with('x')), "{found:?}");
        }
    }

    #[test]
    fn secrets_are_named() {
        let marks = json!({"kube_config": true, "name": false, "sp": [{"secret": true}], "later": true, "empty": true});
        let values = json!({"kube_config": [{"password": "p"}], "name": "n", "sp": [{"secret": "s"}], "later": null, "empty": [{"x": ""}]});
        let document = json!({"prior_state": {"values": {"root_module": {"resources": [
                {"address": "a.b", "values": values, "sensitive_values": marks}]},
                "outputs": {"o": {"sensitive": true, "value": "x"}, "p": {"sensitive": false, "value": "y"}}}},
            "output_changes": {"q": {"after": "z", "after_sensitive": true, "before": null, "before_sensitive": false}},
            "variables": {"v": {"value": "w"}}, "configuration": {"root_module": {"variables": {"v": {"sensitive": true}}}}});
        let found: Vec<String> = secrets(&document).into_iter().collect();
        assert_eq!(found, ["a.b.kube_config", "a.b.sp", "output.o", "output.q", "var.v"]);
        assert!(secrets(&without_marks(&document)).is_empty());
    }

    fn without_marks(document: &Value) -> Value {
        serde_json::from_str(&document.to_string().replace("true", "false")).unwrap()
    }

    #[test]
    fn outputs_and_variables_are_hidden_by_their_own_marks() {
        let declared = json!({"a": {"sensitive": true, "default": "x"}, "b": {"default": "y"}});
        let document = |a: &str, z: &str| {
            let mut declared = declared.clone();
            declared["a"]["default"] = json!(a);
            let modules = json!({"m": {"module": {"variables": declared}}});
            json!({"variables": {"a": {"value": a}, "b": {"value": "y"}},
                "configuration": {"root_module": {"variables": declared, "module_calls": modules}},
                "planned_values": {"outputs": {"o": {"sensitive": true, "value": z}, "p": {"sensitive": false, "value": "q"}}}})
        };
        assert_eq!(without_secrets(&document("x", "z")), document(HIDDEN, HIDDEN));
    }
}
