//! Patches: JSON merge patch (RFC 7396), and strategic merge patch as far as its lists are concerned.

use serde_json::{Map, Value};

/// Applies a JSON merge patch: null deletes, objects merge, everything else replaces.
pub fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        target.clone_from(patch);
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(fields) = target else { return };
    for (key, change) in changes {
        if change.is_null() {
            fields.shift_remove(key);
        } else {
            merge(fields.entry(key.clone()).or_insert(Value::Null), change);
        }
    }
}

/// Applies a strategic merge patch: as a merge patch, but lists of named things are merged by their key and `$` directives obeyed.
pub fn strategic(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        target.clone_from(patch);
        return;
    };
    if changes.get("$patch").and_then(Value::as_str) == Some("replace") {
        let rest = changes.iter().filter(|(key, _)| !key.starts_with('$')).map(|(key, value)| (key.clone(), value.clone()));
        *target = Value::Object(rest.collect());
        return;
    }
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(fields) = target else { return };
    for (key, change) in changes.iter().filter(|(key, _)| !key.starts_with('$')) {
        match (change, merge_key(change)) {
            (Value::Null, _) => {
                fields.shift_remove(key);
            }
            (Value::Array(items), Some(by)) => {
                merge_list(fields.entry(key.clone()).or_insert(Value::Array(Vec::new())), items, by);
            }
            _ => strategic(fields.entry(key.clone()).or_insert(Value::Null), change),
        }
    }
}

/// The key by which the items of a list are told apart; nothing for a list that is replaced as a whole.
fn merge_key(list: &Value) -> Option<&'static str> {
    let items = list.as_array()?;
    ["name", "containerPort", "port", "type"]
        .into_iter()
        .find(|key| !items.is_empty() && items.iter().all(|item| item.get(key).is_some()))
}

fn merge_list(target: &mut Value, items: &[Value], by: &str) {
    let Value::Array(present) = target else {
        *target = Value::Array(items.to_vec());
        return;
    };
    for item in items {
        let same = present.iter().position(|other| other.get(by) == item.get(by));
        let delete = item.get("$patch").and_then(Value::as_str) == Some("delete");
        match (same.and_then(|index| present.get_mut(index)), delete) {
            (Some(_), true) => present.retain(|other| other.get(by) != item.get(by)),
            (Some(other), false) => strategic(other, item),
            (None, true) => {}
            (None, false) => present.push(item.clone()),
        }
    }
}

/// Applies a JSON patch (RFC 6902) with the operations `add`, `replace`, `remove` and `test`.
///
/// # Errors
/// The reason why an operation cannot be applied.
pub fn json_patch(target: &mut Value, operations: &Value) -> Result<(), String> {
    for operation in operations.as_array().ok_or("a JSON patch is a list of operations")? {
        let text = |key: &str| operation.get(key).and_then(Value::as_str).unwrap_or_default();
        let (path, value) = (text("path"), operation.get("value").cloned().unwrap_or(Value::Null));
        let (parent, last) = path.rsplit_once('/').ok_or_else(|| format!("`{path}` is not a path"))?;
        let last = last.replace("~1", "/").replace("~0", "~");
        if text("op") == "test" {
            if target.pointer(path) != Some(&value) {
                return Err(format!("testing value {path} failed"));
            }
            continue;
        }
        let place = target.pointer_mut(parent).ok_or_else(|| format!("`{parent}` is missing"))?;
        match (text("op"), place) {
            ("add" | "replace", Value::Object(fields)) => {
                fields.insert(last, value);
            }
            ("add", Value::Array(items)) if last == "-" => items.push(value),
            ("remove", Value::Object(fields)) => {
                fields.shift_remove(&last).ok_or_else(|| format!("`{path}` is missing"))?;
            }
            (other, _) => return Err(format!("the operation `{other}` on `{path}` is not supported")),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn null_deletes_and_the_rest_merges() {
        let mut value = json!({"a": 1, "b": {"c": 2, "d": 3}, "l": [1]});
        merge(&mut value, &json!({"a": null, "b": {"c": 4}, "l": [2, 3], "n": {"x": null, "y": 1}}));
        assert_eq!(value, json!({"b": {"c": 4, "d": 3}, "l": [2, 3], "n": {"y": 1}}));
    }

    #[test]
    fn named_lists_merge_by_name() {
        let mut value = json!({"containers": [{"name": "a", "image": "x"}, {"name": "b", "image": "y"}], "args": ["1"]});
        strategic(
            &mut value,
            &json!({"containers": [{"name": "b", "image": "z"}, {"name": "a", "$patch": "delete"}], "args": ["2"]}),
        );
        assert_eq!(value, json!({"containers": [{"name": "b", "image": "z"}], "args": ["2"]}));
    }

    #[test]
    fn json_patch_adds_and_removes() {
        let mut value = json!({"data": {"a": "1"}});
        let patch = json!([{"op": "test", "path": "/data/a", "value": "1"}, {"op": "add", "path": "/data/b~1c", "value": "2"}, {"op": "remove", "path": "/data/a"}]);
        assert_eq!(json_patch(&mut value, &patch), Ok(()));
        assert_eq!(value, json!({"data": {"b/c": "2"}}));
        assert!(json_patch(&mut value, &patch).is_err());
    }
}
