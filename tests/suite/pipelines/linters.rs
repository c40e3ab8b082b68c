//! What the field's own tools say of the shipped files. `tests/run` installs them below `target/tools/pipelines`.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::{TOP, text};

fn tool(path: &str) -> PathBuf {
    let tool = Path::new(TOP).join("target/tools/pipelines").join(path);
    assert!(tool.exists(), "{} is missing: tests/run installs it", tool.display());
    tool
}

fn passes(program: &str, args: &[&str]) {
    let done = Command::new(tool(program)).args(args).current_dir(TOP).output().unwrap();
    assert!(done.status.success(), "{program} {args:?}\n{}{}", text(&done.stdout), text(&done.stderr));
}

/// Files of a directory, relative to the top.
fn files(directory: &str) -> Vec<String> {
    let entries = std::fs::read_dir(Path::new(TOP).join(directory)).unwrap();
    let mut found: Vec<String> = entries.map(|entry| format!("{directory}/{}", entry.unwrap().file_name().display())).collect();
    found.sort();
    found
}

/// A SARIF file is what OASIS's schema asks for.
pub(super) fn sarif(file: &Path) {
    let read = |path: &Path| -> Value { serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap() };
    let mut schema = read(&tool("package/lib/schemas/sarif-2.1.0-rtm.5.json"));
    // A bracket too many: no strict engine takes this pattern, and we write no language.
    for part in ["run", "toolComponent"] {
        let language = schema["definitions"][part]["properties"]["language"].as_object_mut().unwrap();
        assert!(language.remove("pattern").is_some());
    }
    let validator = jsonschema::validator_for(&schema).unwrap();
    let document = read(file);
    assert!(!document["runs"][0]["results"].as_array().unwrap().is_empty());
    let wrong: Vec<String> =
        validator.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    let mut broken = document;
    broken["runs"][0]["results"][0]["level"] = "dreadful".into();
    assert!(!validator.is_valid(&broken), "the schema bites");
}

#[test]
fn the_action_and_the_workflows_fit_their_schemas() {
    passes("bin/check-jsonschema", &["--builtin-schema", "vendor.github-actions", "action.yml"]);
    let workflows = files("docs/deploy/github");
    let workflows: Vec<&str> = workflows.iter().map(String::as_str).collect();
    passes("bin/check-jsonschema", &[&["--builtin-schema", "vendor.github-workflows"][..], &workflows].concat());
    passes("bin/zizmor", &[&["--offline", "--no-progress", "--format", "plain", "action.yml"][..], &workflows].concat());
}

#[test]
fn the_template_and_the_pipelines_fit_their_schema() {
    // The schema wants a name, not an expression that becomes one.
    let template = std::fs::read_to_string(Path::new(TOP).join("pipelines/azure-devops/aksight.yml")).unwrap();
    let home = tempfile::tempdir().unwrap();
    let named = home.path().join("aksight.yml");
    std::fs::write(&named, template.replace("name: ${{ parameters.name }}", "name: aksight")).unwrap();
    let pipelines = files("docs/deploy/azure-devops");
    let all: Vec<&str> = pipelines.iter().map(String::as_str).chain([named.to_str().unwrap()]).collect();
    let schema =
        ["--regex-variant", "python", "--data-transform", "azure-pipelines", "--builtin-schema", "vendor.azure-pipelines"];
    passes("bin/check-jsonschema", &[&schema[..], &all].concat());
}
