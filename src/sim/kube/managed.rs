//! Field managers: who wrote which field last, as the API server keeps it in `metadata.managedFields`.
//!
//! Kept for config maps alone, per key of their data, labels and annotations: nobody here asks about other objects.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// Who writes, and when.
#[derive(Clone, Copy, Debug)]
pub struct Writer<'a> {
    /// The field manager.
    pub manager: &'a str,
    /// Whether it applies (`Apply`) instead of updating (`Update`).
    pub applies: bool,
    /// The hour.
    pub now: Timestamp,
}

/// A field: the names on the way to it.
type Field = Vec<String>;

const KEPT: [&[&str]; 4] = [&["data"], &["binaryData"], &["metadata", "labels"], &["metadata", "annotations"]];

fn fields(object: &Value) -> Vec<(Field, &Value)> {
    let within = |way: &&'static [&'static str]| {
        let map = way.iter().fold(object, |value, name| &value[*name]).as_object();
        let field = |(key, value)| (way.iter().copied().chain([key]).map(str::to_owned).collect(), value);
        map.into_iter().flatten().map(|(key, value)| (key.as_str(), value)).map(field).collect::<Vec<_>>()
    };
    KEPT.iter().flat_map(within).collect()
}

/// Writes down who owns what after a write. `before` is the object as it was, `after` what it became.
pub fn record(before: Option<&Value>, after: &mut Value, writer: Writer) {
    let was = before.map(fields).unwrap_or_default();
    let is = fields(after);
    let changed: BTreeSet<Field> = is.iter().filter(|field| !was.contains(field)).map(|(field, _)| field.clone()).collect();
    let gone: BTreeSet<Field> =
        was.iter().filter(|(field, _)| !is.iter().any(|(other, _)| other == field)).map(|(field, _)| field.clone()).collect();
    let mut entries: Vec<Value> =
        before.and_then(|before| before["metadata"]["managedFields"].as_array()).cloned().unwrap_or_default();
    if changed.is_empty() && gone.is_empty() {
        return;
    }
    let operation = if writer.applies { "Apply" } else { "Update" };
    let mine = |entry: &Value| entry["manager"] == writer.manager && entry["operation"] == operation;
    if !entries.iter().any(mine) && !changed.is_empty() {
        entries.push(json!({"manager": writer.manager, "operation": operation, "apiVersion": "v1", "time": null,
            "fieldsType": "FieldsV1", "fieldsV1": {}}));
    }
    for entry in &mut entries {
        let mut owned = read(&entry["fieldsV1"]);
        owned.retain(|field| !changed.contains(field) && !gone.contains(field));
        if mine(entry) {
            owned.extend(changed.iter().cloned());
            entry["time"] = json!(writer.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
        }
        entry["fieldsV1"] = written(&owned);
    }
    entries.retain(|entry| entry["fieldsV1"].as_object().is_some_and(|fields| !fields.is_empty()));
    after["metadata"]["managedFields"] = Value::Array(entries);
}

/// `FieldsV1` as fields.
fn read(tree: &Value) -> BTreeSet<Field> {
    fn walk(tree: &Value, way: &mut Field, found: &mut BTreeSet<Field>) {
        let inner = tree.as_object().into_iter().flatten().filter_map(|(key, value)| Some((key.strip_prefix("f:")?, value)));
        let mut leaf = true;
        for (key, value) in inner {
            leaf = false;
            way.push(key.to_owned());
            walk(value, way, found);
            way.pop();
        }
        if leaf && !way.is_empty() {
            found.insert(way.clone());
        }
    }
    let mut found = BTreeSet::new();
    walk(tree, &mut Vec::new(), &mut found);
    found
}

fn written(fields: &BTreeSet<Field>) -> Value {
    let mut tree = Value::Object(Map::new());
    for field in fields {
        let end = field.iter().fold(&mut tree, |tree, name| &mut tree[format!("f:{name}")]);
        *end = json!({});
    }
    tree
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(manager: &str, second: i64) -> Writer<'_> {
        Writer { manager, applies: false, now: Timestamp::from_second(second).unwrap() }
    }

    fn owners(object: &Value) -> Vec<(String, String)> {
        let entries = object["metadata"]["managedFields"].as_array().unwrap();
        entries.iter().map(|entry| (entry["manager"].as_str().unwrap().to_owned(), entry["fieldsV1"].to_string())).collect()
    }

    #[test]
    fn a_field_belongs_to_whoever_changed_it_last() {
        let mut first = json!({"metadata": {"labels": {"l": "1"}}, "data": {"a": "1", "b": "1"}});
        record(None, &mut first, by("one", 0));
        let mut second = json!({"metadata": {"labels": {"l": "1"}}, "data": {"a": "2", "b": "1", "c": "1"}});
        record(Some(&first), &mut second, by("two", 60));
        let told = |manager: &str, fields: &str| (manager.to_owned(), fields.to_owned());
        let expected = [
            told("one", r#"{"f:data":{"f:b":{}},"f:metadata":{"f:labels":{"f:l":{}}}}"#),
            told("two", r#"{"f:data":{"f:a":{},"f:c":{}}}"#),
        ];
        assert_eq!(owners(&second), expected);
        assert_eq!(second["metadata"]["managedFields"][1]["time"], "1970-01-01T00:01:00Z");
        let mut third = json!({"metadata": {}, "data": {"c": "1"}});
        record(Some(&second), &mut third, by("one", 61));
        assert_eq!(owners(&third), [told("two", r#"{"f:data":{"f:c":{}}}"#)]);
    }
}
