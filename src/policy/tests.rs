//! Every shipped rule is tested, tested rules are needed, and what cannot be judged does not pass.

use serde_json::json;

use super::*;

fn review(document: &serde_json::Value) -> Vec<String> {
    let found = Policies::embedded().unwrap().review(document).unwrap();
    found.into_iter().map(|finding| format!("{:?} {}", finding.level, finding.id)).collect()
}

fn module(text: &str) -> Module {
    Module { name: "own.rego".into(), text: text.into() }
}

#[test]
fn every_shipped_test_passes() {
    let results = test(&[]).unwrap();
    let failed: Vec<&TestResult> = results.iter().filter(|result| !result.passed).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(results.len() > 20, "{} tests", results.len());
}

/// Every rule has tests that need it: without its text some test fails.
#[test]
fn no_rule_can_go_unnoticed() {
    for rules in shipped::rules() {
        for level in ["deny contains", "warn contains"] {
            let count = rules.text.matches(level).count();
            for nth in 0..count {
                let text = without(&rules.text, level, nth);
                let mut engine = Engine::new();
                let mut failed = false;
                let others = shipped::rules().into_iter().filter(|other| other.name != rules.name);
                let changed = Module { name: rules.name.clone(), text };
                let mut tests = Vec::new();
                for module in others.chain([changed]).chain(shipped::tests()) {
                    let package = add(&mut engine, &module).unwrap();
                    tests.push((package, module.text));
                }
                for (package, text) in tests {
                    for line in text.lines().filter(|line| line.starts_with("test_")) {
                        let name = line.split_whitespace().next().unwrap();
                        failed |= !engine.eval_rule(format!("{package}.{name}")).is_ok_and(|value| value == Value::from(true));
                    }
                }
                assert!(failed, "{}: `{level}` number {nth} is not tested", rules.name);
            }
        }
    }
}

/// The text with one rule made impossible.
fn without(text: &str, level: &str, nth: usize) -> String {
    let at = text.match_indices(level).nth(nth).unwrap().0;
    let brace = at + text[at..].find("if {").unwrap() + "if {".len();
    format!("{} 1 == 2\n{}", &text[..brace], &text[brace..])
}

#[test]
fn the_quickstart_may_be_created_with_one_warning() {
    let spec = crate::spec::read(include_str!("../../terraform/examples/quickstart/aksight.yaml"), "aksight.yaml").unwrap();
    let document = json!({"spec": spec.stack, "terraform": null, "rest": [], "cluster": [],
        "resources": [{"address": "azurerm_kubernetes_cluster.this", "action": "create"}]});
    assert_eq!(review(&document), ["Warn AKS-POL-002"]);
}

#[test]
fn the_complete_example_passes_with_one_warning() {
    let spec = crate::spec::read(include_str!("../../terraform/examples/complete/aksight.yaml"), "aksight.yaml").unwrap();
    assert_eq!(
        review(&json!({"spec": spec.stack, "terraform": null, "rest": [], "cluster": [], "resources": []})),
        ["Warn AKS-POL-009"]
    );
}

#[test]
fn the_cost_guard_and_the_agents_know_the_same_defaults() {
    use crate::desired::fragment::{Plane, Target};
    use std::collections::BTreeSet;

    let mut engine = Engine::new();
    for rules in shipped::rules() {
        add(&mut engine, &rules).unwrap();
    }
    engine.set_input(Value::new_object());
    let listed = engine.eval_rule("data.aksight.ingestion.on_by_default".into()).unwrap();
    let listed: BTreeSet<String> = listed.as_set().unwrap().iter().map(|name| name.as_string().unwrap().to_string()).collect();
    let agents: BTreeSet<String> =
        Target::all(Plane::Data).filter(|target| target.on_by_default()).map(|target| target.name().to_owned()).collect();
    assert_eq!(listed, agents);
}

#[test]
fn a_file_that_judges_nothing_is_refused() {
    let judge = |texts: &[&str]| {
        let own: Vec<Module> = texts.iter().copied().map(module).collect();
        Policies::embedded()
            .unwrap()
            .with_modules(&own)
            .unwrap()
            .review(&json!({"spec": {"cluster": {"private": true}, "grafana": {"publicAccess": false}}}))
    };
    let misspelt = judge(&["package team.size\ndenny contains {\"id\": \"TEAM-1\"} if true"]);
    assert!(matches!(&misspelt, Err(Broken::Idle { package }) if package == "data.team.size"), "{misspelt:?}");
    let help = "package team.help\nmany := 5";
    let rule = "package team.size\nimport data.team.help\ndeny contains {\"id\": \"T\"} if input.spec.cluster.count > help.many";
    assert_eq!(judge(&[help, rule]).unwrap(), []);
    assert!(matches!(judge(&[help]), Err(Broken::Idle { .. })));
}

#[test]
fn denials_come_first_and_ignored_rules_last() {
    let spec = json!({"cluster": {}, "azure": {"location": "x"}, "policies": {"requiredTags": ["owner"]}});
    assert_eq!(review(&json!({"spec": spec})), ["Deny AKS-POL-005", "Warn AKS-POL-002"]);
    let spec = json!({"cluster": {}, "policies": {"requiredTags": ["owner"], "ignore": ["AKS-POL-005"]}});
    assert_eq!(review(&json!({"spec": spec})), ["Warn AKS-POL-002", "Ignored AKS-POL-005"]);
}

#[test]
fn own_rules_judge_too() {
    let own = module(
        "package team.size\ndeny contains {\"id\": \"TEAM-1\", \"message\": \"too big\", \"remedy\": \"smaller\"} if input.spec.cluster.nodePool.count > 5",
    );
    let policies = Policies::embedded().unwrap().with_modules(&[own]).unwrap();
    let document = json!({"spec": {"cluster": {"private": true, "nodePool": {"count": 9}}}});
    assert_eq!(policies.review(&document).unwrap()[0].id, "TEAM-1");
}

#[test]
fn what_cannot_be_judged_does_not_pass() {
    let with = |text: &str| Policies::embedded().unwrap().with_modules(&[module(text)]);
    let broken = with("package x\ndeny contains if {").unwrap_err().to_string();
    assert!(broken.contains("own.rego") && broken.contains(":2"), "{broken}");
    let shapeless = with("package x\ndeny contains \"no\" if true").unwrap().review(&json!({"spec": {}}));
    assert!(matches!(shapeless, Err(Broken::Shape { .. })), "{shapeless:?}");
    let no_set = with("package x\ndeny if true").unwrap().review(&json!({"spec": {}}));
    assert!(matches!(no_set, Err(Broken::Shape { .. })), "{no_set:?}");
}

/// The page is what people copy from.
#[test]
fn the_example_of_the_page_judges() {
    let page = include_str!("../../docs/policies.md");
    let example = page.split("```rego\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let policies = Policies::embedded().unwrap().with_modules(&[module(example)]).unwrap();
    let denied = |count: u32| {
        let document =
            json!({"spec": {"cluster": {"private": true, "nodePool": {"count": count}}, "grafana": {"publicAccess": false}}});
        policies.review(&document).unwrap().iter().any(|finding| finding.id == "TEAM-1" && finding.level == FindingLevel::Deny)
    };
    assert!(denied(6) && !denied(5));
}

#[test]
fn what_is_ignored_is_still_said_and_the_guard_never_is() {
    let document = json!({
        "spec": {"cluster": {}, "policies": {"ignore": ["AKS-POL-001", "AKS-POL-002"]}},
        "resources": [{"address": "azurerm_monitor_workspace.this", "action": "delete"}]});
    assert_eq!(review(&document), ["Deny AKS-POL-001", "Warn AKS-POL-001", "Ignored AKS-POL-002"]);
}
