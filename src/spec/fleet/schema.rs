//! The JSON Schema of a fleet's file: the stack's own, with nothing required in a layer.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use super::shape::SECTIONS;
use crate::spec::schema;

static SCHEMA: LazyLock<Value> = LazyLock::new(build);

/// The JSON Schema (draft 2020-12) of a file of `kind: Fleet`.
#[must_use]
pub fn fleet_schema() -> &'static Value {
    &SCHEMA
}

fn build() -> Value {
    let mut whole = schema().clone();
    let section = |name: &&str| ((*name).to_owned(), whole["properties"][name].clone());
    let layer: Map<String, Value> = SECTIONS.iter().map(section).collect();
    let mut entry = layer.clone();
    for (name, told) in [
        ("name", json!({"type": "string", "description": "Name of the stack, unique in the fleet."})),
        (
            "file",
            json!({"type": "string", "description": "A file of its own instead; the path counts from this file's directory."}),
        ),
        (
            "overlays",
            json!({"type": "array", "items": {"type": "string"}, "description": "Overlays, in order; a later one wins."}),
        ),
        ("ring", json!({"type": "string", "description": "One of `rings`. Left out: the last."})),
    ] {
        entry.insert(name.to_owned(), told);
    }
    let closed =
        |properties: Map<String, Value>| json!({"type": "object", "properties": properties, "additionalProperties": false});
    let text = |about: &str| json!({"type": "string", "description": about});
    let count = |about: &str| json!({"type": "integer", "minimum": 1, "maximum": 256, "description": about});
    let mut entry = closed(entry);
    entry["required"] = json!(["name"]);
    whole["$id"] = json!("urn:aksight:fleet:v1");
    whole["title"] = json!("aksight fleet");
    whole["description"] = json!("Many stacks: defaults, overlays, and what each says itself.");
    whole["required"] = json!(["apiVersion", "kind", "metadata", "stacks"]);
    whole["properties"] = json!({
        "apiVersion": {"const": "aksight/v1", "description": "Version of this format."},
        "kind": {"const": "Fleet", "description": "What the file describes."},
        "metadata": closed(Map::from_iter([("name".to_owned(), text("Name of the fleet."))])),
        "defaults": closed(layer.clone()),
        "overlays": {"type": "object", "additionalProperties": closed(layer),
            "description": "Named layers between the defaults and a stack's own words."},
        "shared": {"type": "object", "additionalProperties": false, "description": "What stacks without a workspace or Grafana of their own use.",
            "properties": {"stack": text("The stack that makes them."), "workspaceId": text("An existing workspace."), "grafanaId": text("An existing Grafana.")}},
        "rings": {"type": "array", "items": {"type": "string"}, "description": "Groups of stacks, worked on one after the other."},
        "haltOnFailure": {"type": "boolean", "default": true, "description": "Whether a ring with a stack that fails keeps the next from starting."},
        "concurrency": closed(Map::from_iter([
            ("total".to_owned(), count("Stacks at the same time. Left out: 4.")),
            ("perSubscription".to_owned(), count("Of them in one subscription. Left out: 2.")),
        ])),
        "stacks": {"type": "array", "minItems": 1, "items": entry, "description": "The stacks."},
    });
    if let Some(all) = whole["$defs"].as_object_mut() {
        all.values_mut().for_each(relax);
    }
    whole
}

/// In a layer nothing is required, and null takes a value away.
fn relax(node: &mut Value) {
    if let Some(all) = node.as_object_mut() {
        all.remove("required");
    }
}
