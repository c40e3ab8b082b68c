//! What clients ask before they ask for objects: versions, groups, resources, and as much schema as kubectl's validation wants.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::kinds::{KINDS, Kind};

const VERBS: [&str; 7] = ["create", "delete", "get", "list", "patch", "update", "watch"];

/// The answer to a discovery path; nothing for any other path.
pub fn answer(segments: &[&str], version: &str) -> Option<Value> {
    match segments {
        ["version"] => {
            let mut parts = version.split('.');
            let (major, minor) = (parts.next().unwrap_or("1"), parts.next().unwrap_or("33"));
            Some(
                json!({"major": major, "minor": minor, "gitVersion": format!("v{version}"), "gitTreeState": "clean", "platform": "linux/amd64"}),
            )
        }
        ["api"] => Some(json!({"kind": "APIVersions", "versions": ["v1"]})),
        ["apis"] => Some(json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups()})),
        ["api", "v1"] => resources("", "v1"),
        ["apis", group] => groups().into_iter().find(|known| known["name"].as_str() == Some(group)),
        ["apis", group, version] => resources(group, version),
        ["openapi", "v3"] => Some(json!({"paths": schema_index()})),
        ["openapi", "v3", "api", "v1"] => schema("", "v1"),
        ["openapi", "v3", "apis", group, version] => schema(group, version),
        _ => None,
    }
}

fn versions() -> BTreeSet<(&'static str, &'static str)> {
    KINDS.iter().map(|kind| (kind.group, kind.version)).collect()
}

fn groups() -> Vec<Value> {
    versions()
        .into_iter()
        .filter(|(group, _)| !group.is_empty())
        .map(|(group, version)| {
            let version = json!({"groupVersion": format!("{group}/{version}"), "version": version});
            json!({"name": group, "versions": [version], "preferredVersion": version})
        })
        .collect()
}

fn of<'a>(group: &'a str, version: &'a str) -> impl Iterator<Item = &'static Kind> + 'a {
    KINDS.iter().filter(move |kind| kind.group == group && kind.version == version)
}

fn resources(group: &str, version: &str) -> Option<Value> {
    let name = of(group, version).next()?.api_version();
    let found: Vec<Value> = of(group, version)
        .map(|kind| {
            json!({
                "name": kind.plural, "singularName": kind.singular, "namespaced": kind.namespaced, "kind": kind.kind, "verbs": VERBS,
                "shortNames": kind.short,
            })
        })
        .collect();
    Some(json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": found}))
}

fn root(group: &str, version: &str) -> String {
    if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") }
}

fn schema_index() -> Value {
    let entries = versions().into_iter().map(|(group, version)| {
        let root = root(group, version);
        let url = json!({"serverRelativeURL": format!("/openapi/v3/{root}")});
        (root, url)
    });
    Value::Object(entries.collect())
}

/// kubectl only wants to know whether a patch takes `fieldValidation`; the server then validates.
fn schema(group: &str, version: &str) -> Option<Value> {
    of(group, version).next()?;
    let paths: Map<String, Value> = of(group, version)
        .map(|kind| {
            let place = if kind.namespaced { "namespaces/{namespace}/" } else { "" };
            let path = format!("/{}/{place}{}/{{name}}", root(group, version), kind.plural);
            let meaning = json!({"group": group, "version": version, "kind": kind.kind});
            let parameters = json!([{"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}]);
            let operation = json!({"parameters": parameters, "x-kubernetes-group-version-kind": meaning, "responses": {}});
            (path, json!({"patch": operation, "put": operation}))
        })
        .collect();
    Some(
        json!({"openapi": "3.0.0", "info": {"title": "Kubernetes", "version": version}, "paths": paths, "components": {"schemas": {}}}),
    )
}
