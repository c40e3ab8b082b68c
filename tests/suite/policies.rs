//! Policies as a user meets them: listed, tested, in force, and ignored.

use std::path::Path;

use serde_json::{Value, json};

use crate::rehearsal::Rehearsal;
use crate::{TOP, aksight, text};

const RULE: &str =
    "package team.never\n\ndeny contains {\"id\": \"TEAM-1\", \"message\": \"not today\", \"remedy\": \"tomorrow\"}\n";
const TEST: &str = "package team.never_test\n\nimport data.team.never\n\ntest_never if count(never.deny) == 1\n\ntest_always if count(never.deny) == 0\n";

/// The quickstart with a section `policies`.
fn quickstart(policies: &str) -> String {
    let path = Path::new(TOP).join("terraform/examples/quickstart/aksight.yaml");
    std::fs::read_to_string(path).unwrap() + "policies: " + policies + "\n"
}

/// A directory with a rule and its tests, one of which fails.
fn with_rules(home: &Path) {
    std::fs::create_dir_all(home.join("rules/team")).unwrap();
    std::fs::write(home.join("rules/team/never.rego"), RULE).unwrap();
    std::fs::write(home.join("rules/team/never_test.rego"), TEST).unwrap();
}

/// A rule of the user's own, in a directory below the named one, judges; what it denies is exit 10 and nothing is changed.
#[test]
fn a_policy_that_denies() {
    let stage = Rehearsal::with(&quickstart("{directories: [rules]}"), "quickstart");
    with_rules(stage.home());
    let ended = stage.act("provision", &[]);
    assert_eq!(ended.code, Some(10), "{}", ended.all());
    assert!(ended.stdout.contains("TEAM-1") && ended.stdout.contains("AKS-0601"), "{}", ended.all());
    assert_eq!(stage.writes_since(0), Vec::<String>::new());
}

/// What is ignored stays in the report; the guard cannot be ignored, and to try is told.
#[test]
fn findings_that_are_ignored_are_still_reported() {
    let stage = Rehearsal::with(&quickstart("{ignore: [AKS-POL-001, AKS-POL-002]}"), "quickstart");
    let told = stage.run(&["plan", "--simulate", "--output", "json"]).json();
    let findings = told["plan"]["findings"].as_array().unwrap();
    let said: Vec<(&Value, &Value)> = findings.iter().map(|finding| (&finding["id"], &finding["level"])).collect();
    assert_eq!(said, [(&json!("AKS-POL-001"), &json!("warn")), (&json!("AKS-POL-002"), &json!("ignored"))], "{told:#}");
    assert_eq!(findings[0]["subject"], "policies.ignore");
}

#[test]
fn rules_are_listed_with_those_of_a_file() {
    let home = tempfile::tempdir().unwrap();
    with_rules(home.path());
    std::fs::write(home.path().join("own.yaml"), quickstart("{directories: [rules], ignore: [AKS-POL-002]}")).unwrap();
    let list = |args: &[&str]| {
        let done = aksight(home.path(), &[&["policy", "list"], args].concat());
        assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
        text(&done.stdout)
    };
    let shipped = list(&[]);
    assert!(shipped.contains("deny  AKS-POL-001  aksight.destroy\n") && !shipped.contains("TEAM-1"), "{shipped}");
    let told: Value = serde_json::from_str(&list(&["-f", "own.yaml", "--output", "json"])).unwrap();
    assert_eq!(told["schema"], "aksight.policies/v1");
    let rules = told["rules"].as_array().unwrap();
    let ignored: Vec<&Value> = rules.iter().filter(|rule| rule["ignored"] == true).map(|rule| &rule["id"]).collect();
    assert_eq!(ignored, [&json!("AKS-POL-002")]);
    let mut own = rules.iter().find(|rule| rule["id"] == "TEAM-1").unwrap().clone();
    let source = own["source"].take();
    assert!(source.as_str().unwrap().ends_with("rules/team/never.rego"), "{source}");
    assert_eq!(
        own,
        json!({"id": "TEAM-1", "level": "deny", "package": "team.never", "title": "not today", "source": null, "line": 3, "ignored": false})
    );
    let by_directory = list(&["rules"]);
    assert!(
        by_directory.contains("TEAM-1  team.never\n      not today\n") && by_directory.contains("never.rego:3"),
        "{by_directory}"
    );
}

#[test]
fn tests_of_rules_are_told_to_programs_too() {
    let home = tempfile::tempdir().unwrap();
    with_rules(home.path());
    let done = aksight(home.path(), &["policy", "test", "rules", "--output", "json"]);
    assert_eq!(done.status.code(), Some(1), "{}", text(&done.stderr));
    let told: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!((&told["schema"], &told["failed"]), (&json!("aksight.policy-tests/v1"), &json!(1)));
    let tests = told["tests"].as_array().unwrap();
    assert_eq!(told["passed"], tests.len() - 1);
    let failed = tests.iter().find(|test| test["passed"] == false).unwrap();
    assert_eq!(failed, &json!({"package": "team.never_test", "name": "test_always", "passed": false, "reason": null}));
    assert_eq!(aksight(home.path(), &["policy", "test"]).status.code(), Some(0));
}

/// What cannot be read or compiled is an error in both forms, and never an empty list.
#[test]
fn policies_that_cannot_be_read_are_refused() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("own.yaml"), quickstart("{directories: [nowhere]}")).unwrap();
    std::fs::write(home.path().join("fleet.yaml"), "apiVersion: aksight/v1\nkind: Fleet\n").unwrap();
    std::fs::create_dir(home.path().join("broken")).unwrap();
    std::fs::write(home.path().join("broken/x.rego"), "package x\ndeny contains if {").unwrap();
    for (args, exit, words) in [
        (&["list", "nowhere"][..], 64, "nowhere"),
        (&["test", "nowhere"], 64, "nowhere"),
        (&["list", "-f", "own.yaml"], 64, "policies.directories"),
        (&["list", "-f", "absent.yaml"], 64, "absent.yaml"),
        (&["list", "-f", "fleet.yaml"], 64, "fleet"),
        (&["list", "broken"], 1, "x.rego"),
        (&["test", "broken"], 1, "x.rego"),
    ] {
        let people = aksight(home.path(), &[&["policy"], args].concat());
        assert_eq!(people.status.code(), Some(exit), "{args:?}");
        assert!(people.stdout.is_empty() && text(&people.stderr).contains(words), "{args:?}\n{}", text(&people.stderr));
        let programs = aksight(home.path(), &[&["policy"], args, &["--output", "json"]].concat());
        let told: Value = serde_json::from_slice(&programs.stdout).unwrap();
        assert_eq!((&told["result"], &told["exit_code"]), (&json!("failed"), &json!(exit)), "{args:?}");
        assert!(told["diagnostics"].to_string().contains(words), "{told:#}");
    }
}
