//! Terraform's plan without what it marks as sensitive: policies judge shapes and names, and their messages are printed.

use serde_json::Value;

/// Stands for a value that is not shown.
const HIDDEN: &str = "(sensitive)";

/// A `terraform show -json` document in which every value that terraform marks as sensitive is replaced (Terraform JSON output
/// format 1.2: `before_sensitive`, `after_sensitive`, `sensitive_values`, `sensitive`).
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
            for (value, marks) in [("before", "before_sensitive"), ("after", "after_sensitive"), ("values", "sensitive_values")] {
                if let Some(marks) = all.get(marks).cloned()
                    && let Some(value) = all.get_mut(value)
                {
                    hide(value, &marks);
                }
            }
            if all.get("sensitive") == Some(&Value::Bool(true))
                && let Some(value) = all.get_mut("value")
            {
                *value = Value::from(HIDDEN);
            }
            all.values_mut().for_each(walk);
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// A value and marks of its shape; every marked text is `secret`, every other `open`.
    fn marked() -> impl Strategy<Value = (Value, Value)> {
        let leaf = any::<bool>().prop_map(|secret| (json!(if secret { "secret" } else { "open" }), json!(secret)));
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(|all| {
                    let (values, marks): (Vec<Value>, Vec<Value>) = all.into_iter().unzip();
                    (json!(values), json!(marks))
                }),
                prop::collection::btree_map("[a-d]", inner, 0..4).prop_map(|all| {
                    let values: serde_json::Map<String, Value> =
                        all.iter().map(|(key, (value, _))| (key.clone(), value.clone())).collect();
                    let marks: serde_json::Map<String, Value> = all.into_iter().map(|(key, (_, mark))| (key, mark)).collect();
                    (json!(values), json!(marks))
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn nothing_marked_survives_and_all_else_does((value, marks) in marked()) {
            let document = json!({"resource_changes": [{"change": {"before": value, "before_sensitive": marks, "after": value, "after_sensitive": marks}}],
                "planned_values": {"root_module": {"child_modules": [{"resources": [{"values": value, "sensitive_values": marks}]}]}}});
            let shown = without_secrets(&document).to_string();
            prop_assert!(!shown.contains("\"secret\""));
            prop_assert_eq!(shown.matches("\"open\"").count(), document.to_string().matches("\"open\"").count());
        }
    }

    #[test]
    fn outputs_and_variables_are_hidden_by_their_own_marks() {
        let document = json!({"variables": {"a": {"value": "x"}, "b": {"value": "y"}},
            "configuration": {"root_module": {"variables": {"a": {"sensitive": true}, "b": {}}}},
            "planned_values": {"outputs": {"o": {"sensitive": true, "value": "z"}, "p": {"sensitive": false, "value": "q"}}}});
        let shown = without_secrets(&document);
        assert_eq!((&shown["variables"]["a"]["value"], &shown["variables"]["b"]["value"]), (&json!(HIDDEN), &json!("y")));
        assert_eq!(shown["planned_values"]["outputs"]["o"]["value"], HIDDEN);
        assert_eq!(shown["planned_values"]["outputs"]["p"]["value"], "q");
    }
}
