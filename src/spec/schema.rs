//! The JSON Schema of the file, and finding one's way in it.

use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::file::Stack;
use super::source::unescape;

/// What the schema calls itself; it is handed out by `aksight schema`, not fetched.
const ID: &str = "urn:aksight:stack:v1";

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Stack>();
    schema.insert("$id".to_owned(), ID.into());
    schema.insert("title".to_owned(), "aksight stack".into());
    schema.to_value()
});

/// The JSON Schema (draft 2020-12) of `aksight.yaml`, generated from `spec::file`.
#[must_use]
pub fn schema() -> &'static Value {
    &SCHEMA
}

/// The schema of the field at `pointer`, references followed.
pub(super) fn at(pointer: &str) -> Option<&'static Value> {
    pointer.split('/').skip(1).try_fold(follow(&SCHEMA), |node, segment| step(node, &unescape(segment)).map(follow))
}

fn step(node: &'static Value, segment: &str) -> Option<&'static Value> {
    let mut found = node.get("properties").and_then(|all| all.get(segment));
    found = found.or_else(|| node.get("additionalProperties").filter(|any| any.is_object()));
    found = found.or_else(|| node.get("items").filter(|_| segment.parse::<usize>().is_ok()));
    found.or_else(|| branches(node).find_map(|branch| step(branch, segment)))
}

/// The alternatives of a node, references followed, without `null`.
pub(super) fn branches(node: &'static Value) -> impl Iterator<Item = &'static Value> {
    let all = node.get("anyOf").or_else(|| node.get("oneOf")).and_then(Value::as_array);
    all.into_iter().flatten().map(follow).filter(|branch| branch["type"] != "null")
}

/// The node that a `$ref` stands for; an optional one is what it is when it is there.
pub(super) fn follow(node: &'static Value) -> &'static Value {
    if let Some(name) = node["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/")) {
        return SCHEMA["$defs"].get(name).map_or(node, follow);
    }
    let optional = node.get("anyOf").and_then(Value::as_array);
    match optional.map(Vec::as_slice) {
        Some([only, null]) if null["type"] == "null" => follow(only),
        _ => node,
    }
}

/// Keys that a mapping may have.
pub(super) fn keys(node: &'static Value) -> Vec<&'static str> {
    let own = node.get("properties").and_then(Value::as_object);
    let mut all: Vec<&str> = own.into_iter().flat_map(|all| all.keys().map(String::as_str)).collect();
    all.extend(branches(node).flat_map(keys));
    all
}

/// Values that are allowed, when they can be listed.
pub(super) fn choices(node: &'static Value) -> Vec<&'static str> {
    let listed = node.get("enum").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    listed.chain(node["const"].as_str()).chain(branches(node).flat_map(choices)).collect()
}

/// The places at which a key exists, as pointers.
pub(super) fn homes(key: &str) -> Vec<String> {
    let end = format!("/{key}");
    fields().into_iter().filter(|(pointer, _)| pointer.ends_with(&end)).map(|(pointer, _)| pointer).collect()
}

/// Every field that is not a mapping with fields of its own.
#[cfg(test)]
pub(super) fn leaves() -> Vec<String> {
    fields().into_iter().filter(|(_, node)| node.get("properties").is_none()).map(|(pointer, _)| pointer).collect()
}

fn fields() -> Vec<(String, &'static Value)> {
    let mut found = Vec::new();
    collect(&SCHEMA, "", &mut found);
    found
}

fn collect(node: &'static Value, at: &str, found: &mut Vec<(String, &'static Value)>) {
    for (name, child) in node.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let (here, child) = (format!("{at}/{name}"), follow(child));
        collect(child, &here, found);
        found.push((here, child));
    }
}

/// What the field at `pointer` is, in the words of its doc comment.
pub(super) fn described(pointer: &str) -> Option<&'static str> {
    let (parent, key) = pointer.rsplit_once('/')?;
    let field = at(parent)?.get("properties")?.get(unescape(key))?;
    field["description"].as_str().or_else(|| follow(field)["description"].as_str())
}
