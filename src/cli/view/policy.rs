//! Rules and their tests as text and as documents.

use aksight::event::FindingLevel;
use aksight::policy::{Rule, TestResult};
use serde_json::json;

use super::{Terminal, Tone, counted};

/// Versions of the documents.
const RULES_SCHEMA: &str = "aksight.policies/v1";
const TESTS_SCHEMA: &str = "aksight.policy-tests/v1";

/// Rules for people: level, id and package, then what the rule is about.
pub(crate) fn rules(rules: &[Rule], terminal: &Terminal) -> String {
    let told: String = rules.iter().map(|rule| one(rule, terminal)).collect();
    format!("{told}{}\n", counted(rules.len(), "rule"))
}

fn one(rule: &Rule, terminal: &Terminal) -> String {
    let level = match rule.level {
        FindingLevel::Deny => terminal.paint(Tone::Bad, "deny"),
        FindingLevel::Warn | FindingLevel::Ignored => terminal.paint(Tone::Change, "warn"),
    };
    let id = terminal.paint(Tone::Strong, rule.id.as_deref().unwrap_or("(id computed)"));
    let ignored = if rule.ignored { terminal.paint(Tone::Quiet, ", ignored by the file") } else { String::new() };
    let place = format!("{}:{}", rule.source, rule.line);
    let title = rule.title.as_ref().map(|title| terminal.paragraph("      ", title)).unwrap_or_default();
    format!("{level}  {id}  {}{ignored}\n{title}{}", rule.package, terminal.paint(Tone::Quiet, &format!("      {place}\n")))
}

/// Rules for programs.
pub(crate) fn rules_json(rules: &[Rule]) -> String {
    format!("{:#}\n", json!({"schema": RULES_SCHEMA, "rules": rules}))
}

/// Tests for people: one line each, and how many failed.
pub(crate) fn tests(results: &[TestResult], terminal: &Terminal) -> String {
    let line = |result: &TestResult| {
        let word = if result.passed { terminal.paint(Tone::Good, "pass") } else { terminal.paint(Tone::Bad, "FAIL") };
        let reason = result.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        format!("{word} {}.{}{reason}\n", result.package, result.name)
    };
    let told: String = results.iter().map(line).collect();
    format!("{told}{}, {} failed\n", counted(results.len(), "test"), failed(results))
}

/// Tests for programs.
pub(crate) fn tests_json(results: &[TestResult]) -> String {
    let failed = failed(results);
    format!("{:#}\n", json!({"schema": TESTS_SCHEMA, "passed": results.len() - failed, "failed": failed, "tests": results}))
}

fn failed(results: &[TestResult]) -> usize {
    results.iter().filter(|result| !result.passed).count()
}

#[cfg(test)]
mod tests {
    use super::super::sample::NARROW;
    use super::*;

    fn rule(id: Option<&str>, level: FindingLevel, title: Option<&str>, ignored: bool) -> Rule {
        Rule {
            id: id.map(str::to_owned),
            level,
            package: "team.size".into(),
            title: title.map(str::to_owned),
            source: "rules/size.rego".into(),
            line: 7,
            ignored,
        }
    }

    #[test]
    fn rules_read_at_sixty_columns() {
        let all = [
            rule(Some("T-1"), FindingLevel::Deny, Some("more nodes than the platform team has agreed to pay for"), false),
            rule(Some("T-2"), FindingLevel::Warn, Some("many nodes"), true),
            rule(None, FindingLevel::Warn, None, false),
        ];
        insta::assert_snapshot!(rules(&all, &NARROW), @r"
        deny  T-1  team.size
              more nodes than the platform team has agreed to pay
              for
              rules/size.rego:7
        warn  T-2  team.size, ignored by the file
              many nodes
              rules/size.rego:7
        warn  (id computed)  team.size
              rules/size.rego:7
        3 rules
        ");
    }

    #[test]
    fn tests_say_which_failed_and_why() {
        let result = |name: &str, passed, reason: Option<&str>| TestResult {
            package: "team.size_test".into(),
            name: name.into(),
            passed,
            reason: reason.map(str::to_owned),
        };
        let all = [result("test_a", true, None), result("test_b", false, None), result("test_c", false, Some("no such rule"))];
        insta::assert_snapshot!(tests(&all, &NARROW), @r"
        pass team.size_test.test_a
        FAIL team.size_test.test_b
        FAIL team.size_test.test_c: no such rule
        3 tests, 2 failed
        ");
        insta::assert_snapshot!(tests_json(&all[2..]), @r#"
        {
          "schema": "aksight.policy-tests/v1",
          "passed": 0,
          "failed": 1,
          "tests": [
            {
              "package": "team.size_test",
              "name": "test_c",
              "passed": false,
              "reason": "no such rule"
            }
          ]
        }
        "#);
    }
}
