//! The reference page, generated from the schema and so from the doc comments of `spec::file`.

use serde_json::{Map, Value};

use super::schema::{branches, follow, schema};

const HEAD: &str = "\
# aksight.yaml

Every key, what it takes and what stands when it is left out. This page is generated from the types in `src/spec/file`; the
same types give the JSON Schema beside it (`aksight.schema.json`, or `aksight schema`). A short file is in
`terraform/examples/quickstart`, one with every key in `terraform/examples/complete`.";

/// The reference of the file as Markdown.
#[must_use]
pub fn reference_markdown() -> String {
    let mut lines = vec![HEAD.to_owned()];
    section(schema(), "", &mut lines);
    lines.join("\n") + "\n"
}

fn section(node: &'static Value, path: &str, page: &mut Vec<String>) {
    let Some(fields) = node["properties"].as_object() else { return };
    if !path.is_empty() {
        page.extend([format!("\n## {path}\n"), text(node)]);
    }
    page.push("\n| Key | Takes | Left out | Meaning |\n|---|---|---|---|".to_owned());
    for (name, field) in fields {
        let row = [format!("`{name}`"), takes(field, &join(path, name)), left_out(node, name, field), meaning(field)];
        page.push(format!("| {} |", row.map(|cell| cell.replace('|', "\\|")).join(" | ")));
    }
    for (name, field) in fields {
        values(name, follow(field), page);
    }
    for (name, field) in fields {
        let below = follow(field);
        section(below, &join(path, name), page);
        let items = follow(&below["items"]);
        for branch in branches(items) {
            section(branch, &format!("{}[]", join(path, name)), page);
        }
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn text(node: &Value) -> String {
    node["description"].as_str().unwrap_or_default().replace('\n', " ")
}

fn meaning(field: &'static Value) -> String {
    let own = text(field);
    if own.is_empty() { text(follow(field)) } else { own }
}

fn takes(field: &'static Value, path: &str) -> String {
    let node = follow(field);
    if node.get("properties").is_some() {
        return format!("[mapping](#{})", path.replace('.', "").to_lowercase());
    }
    let choices = super::schema::choices(node);
    if !choices.is_empty() {
        return choices.iter().map(|choice| format!("`{choice}`")).collect::<Vec<_>>().join(", ");
    }
    match plain_type(node) {
        "array" => format!("list of {}", item(follow(&node["items"]))),
        "object" => format!("mapping of names to {}", item(follow(&node["additionalProperties"]))),
        other => item_name(other).to_owned(),
    }
}

fn item(node: &'static Value) -> &'static str {
    if branches(node).count() > 1 { "text or mapping" } else { item_name(plain_type(node)) }
}

fn plain_type(node: &Value) -> &str {
    let listed = node["type"].as_array().and_then(|all| all.iter().find_map(|one| one.as_str().filter(|one| *one != "null")));
    listed.or_else(|| node["type"].as_str()).unwrap_or_default()
}

fn item_name(kind: &str) -> &'static str {
    match kind {
        "boolean" => "`true`, `false`",
        "integer" => "whole number",
        _ => "text",
    }
}

fn left_out(node: &Value, name: &str, field: &Value) -> String {
    let required = node["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
    match field.get("default") {
        _ if required => "**required**".to_owned(),
        None | Some(Value::Null) => String::new(),
        Some(Value::Object(all)) if all.is_empty() => "none".to_owned(),
        Some(Value::Array(all)) if all.is_empty() => "none".to_owned(),
        Some(Value::Object(_)) => "defaults below".to_owned(),
        Some(Value::String(text)) => format!("`{text}`"),
        Some(other) => format!("`{other}`"),
    }
}

/// The meaning of each listed value, when the types say it.
fn values(name: &str, node: &'static Value, page: &mut Vec<String>) {
    let told: Vec<&Map<String, Value>> = branches(node)
        .filter_map(Value::as_object)
        .filter(|one| one.contains_key("const") && one.contains_key("description"))
        .collect();
    if told.len() < 2 {
        return;
    }
    page.push(format!("\n`{name}`:\n"));
    for one in told {
        let (value, meaning) = (one["const"].as_str().unwrap_or_default(), one["description"].as_str().unwrap_or_default());
        page.push(format!("- `{value}`: {}", meaning.replace('\n', " ")));
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// Compares a generated text with the committed one; `UPDATE=1` writes it.
    fn committed(path: &str, generated: &str) {
        let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&file, generated).unwrap();
        }
        let there = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(there == generated, "{path} is stale: run the tests once with UPDATE=1");
    }

    #[test]
    fn the_page_is_up_to_date() {
        committed("docs/reference/spec.md", &reference_markdown());
    }

    #[test]
    fn the_schema_is_up_to_date() {
        committed("docs/reference/aksight.schema.json", &format!("{:#}\n", schema()));
        committed("docs/reference/aksight-fleet.schema.json", &format!("{:#}\n", crate::spec::fleet_schema()));
    }
}
