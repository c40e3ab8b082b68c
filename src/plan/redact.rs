//! Terraform's plan without what it marks as sensitive: policies judge shapes and names, and their messages are printed.

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
