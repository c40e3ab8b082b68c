//! The API's description, OpenAPI 3.1, made from one table and the types that are really read and written.

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::act::{Choice, Look};
use crate::daemon::Row;
use crate::daemon::access::Role;

/// What one method of one path does.
struct Operation {
    method: &'static str,
    path: &'static str,
    role: Role,
    does: &'static str,
    body: Option<&'static str>,
    status: u16,
    /// The content type and the schema of the answer.
    answer: (&'static str, &'static str),
}

const JSON: &str = "application/json";

const fn reads(path: &'static str, does: &'static str, answer: &'static str) -> Operation {
    Operation { method: "get", path, role: Role::Read, does, body: None, status: 200, answer: (JSON, answer) }
}

const fn acts(path: &'static str, role: Role, does: &'static str, body: Option<&'static str>, status: u16) -> Operation {
    Operation { method: "post", path, role, does, body, status, answer: (JSON, "Document") }
}

/// Every operation that needs a token.
const OPERATIONS: [Operation; 16] = [
    Operation { answer: ("text/plain", "Text"), ..reads("/metrics", "Metrics in Prometheus' text format.", "Text") },
    reads("/api/v1/openapi.json", "This document.", "Document"),
    reads("/api/v1/me", "Who the token belongs to, and its role.", "Document"),
    reads("/api/v1/stacks", "Every stack in one line, and how the daemon fares.", "Stacks"),
    reads("/api/v1/stacks/{name}", "One stack with its last report, its links and its graph of units.", "Stack"),
    reads("/api/v1/stacks/{name}/drift", "What the last look found that is not as the file says.", "Document"),
    reads("/api/v1/stacks/{name}/checks", "What the last look proved.", "Document"),
    reads("/api/v1/stacks/{name}/runs", "The last fifty runs, newest first.", "Document"),
    reads("/api/v1/stacks/{name}/runs/{run}", "One run with its steps and its report.", "Document"),
    reads("/api/v1/stacks/{name}/plans/{plan}", "What a plan would mend, and whether it waits.", "Document"),
    Operation {
        answer: ("text/event-stream", "Text"),
        ..reads("/api/v1/events", "What changes, as it changes: `stack` with a row, `gone`, `daemon`, `reload`.", "Text")
    },
    acts("/api/v1/stacks/{name}/trigger", Role::Operate, "Ask for a look out of turn.", Some("Look"), 202),
    acts("/api/v1/freeze", Role::Operate, "Forbid healing.", None, 200),
    Operation { method: "delete", ..acts("/api/v1/freeze", Role::Operate, "Allow healing again.", None, 200) },
    acts(
        "/api/v1/stacks/{name}/approve",
        Role::Approve,
        "Carry out the plan that waits, if it is this one.",
        Some("Choice"),
        202,
    ),
    acts("/api/v1/stacks/{name}/reject", Role::Approve, "Ask nobody about this plan again.", Some("Choice"), 200),
];

/// The document as an answer.
pub(super) async fn document() -> Response {
    Json(describe()).into_response()
}

fn describe() -> Value {
    let mut generator = SchemaGenerator::new(schemars::generate::SchemaSettings::openapi3());
    let row = named::<Row>(&mut generator);
    let (look, choice) = (named::<Look>(&mut generator), named::<Choice>(&mut generator));
    let mut paths = Map::new();
    for operation in &OPERATIONS {
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        path[operation.method] = operation.describe();
    }
    for (path, does) in [("/healthz", "Whether the process is alive."), ("/readyz", "Whether it does its work.")] {
        paths.insert(
            path.to_owned(),
            json!({"get": {"summary": does, "security": [], "responses": {"200": {"description": "yes"}}}}),
        );
    }
    json!({
        "openapi": "3.1.0",
        "info": {"title": "aksight daemon", "version": env!("CARGO_PKG_VERSION"),
            "description": "Reports are described in docs/reference/report.md. Names of stacks of a fleet are `FLEET/STACK`, with `%2F` in paths."},
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {
                "Row": row, "Look": look, "Choice": choice,
                "Stacks": {"type": "object", "properties": {"schema": {"const": "aksight.daemon/v1"}, "frozen": {"type": "boolean"},
                    "problem": {"type": ["string", "null"]}, "now": {"type": "string", "format": "date-time"},
                    "replica": {"type": "string"}, "stacks": {"type": "array", "items": {"$ref": "#/components/schemas/Row"}}}},
                "Stack": {"allOf": [{"$ref": "#/components/schemas/Row"}, {"type": "object", "properties": {
                    "report": {"type": ["object", "null"]}, "links": {"type": "object"}, "graph": {"type": "array"}}}]},
                "Document": {}, "Text": {"type": "string"},
                "Error": {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]},
            },
        },
    })
}

fn named<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    T::json_schema(generator)
}

impl Operation {
    fn describe(&self) -> Value {
        let schema = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
        let names = self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        let parameters: Vec<Value> =
            names.map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}})).collect();
        let role = serde_json::to_value(self.role).unwrap_or_default();
        let (kind, answer) = self.answer;
        let mut responses = json!({
            self.status.to_string(): {"description": self.does, "content": {kind: {"schema": schema(answer)}}},
            "401": {"description": "no token, or an unknown one"},
            "403": {"description": "a token of another role"},
            "429": {"description": "too many requests; `Retry-After` says when"},
            "503": {"description": "the store cannot be used now", "content": {JSON: {"schema": schema("Error")}}},
        });
        if !parameters.is_empty() {
            responses["404"] =
                json!({"description": "there is none of this name", "content": {JSON: {"schema": schema("Error")}}});
        }
        if self.body == Some("Choice") {
            responses["409"] = json!({"description": "no such plan waits", "content": {JSON: {"schema": schema("Error")}}});
        }
        let mut told = json!({"summary": self.does, "x-role": role, "parameters": parameters, "responses": responses});
        if let Some(body) = self.body {
            told["requestBody"] = json!({"required": body == "Choice", "content": {JSON: {"schema": schema(body)}}});
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_leads_somewhere() {
        let document = describe();
        let text = document.to_string();
        for (at, _) in text.match_indices("#/components/schemas/") {
            let name: String = text[at + 21..].chars().take_while(char::is_ascii_alphanumeric).collect();
            assert!(document["components"]["schemas"].get(&name).is_some(), "{name}");
        }
        assert_eq!(document["paths"]["/api/v1/freeze"].as_object().map(Map::len), Some(2));
        assert!(document["components"]["schemas"]["Row"]["properties"]["verified_at"].is_object(), "{document:#}");
    }
}
