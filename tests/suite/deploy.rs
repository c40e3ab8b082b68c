//! What people deploy around the daemon: alert rules before the real promtool, the dashboard, the page that explains both.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use promql_parser::label::Matchers;
use promql_parser::parser::{Expr, VectorSelector, parse};
use promql_parser::util::{ExprVisitor, walk_expr};
use serde_json::Value;

use crate::{TOP, text};

/// What the daemon serves: name, kind, labels of its own.
const METRICS: [(&str, &str, &[&str]); 17] = [
    ("aksight_arm_requests_total", "counter", &["code"]),
    ("aksight_arm_throttle_wait_seconds_total", "counter", &[]),
    ("aksight_build_info", "gauge", &["version"]),
    ("aksight_frozen", "gauge", &[]),
    ("aksight_leases_lost_total", "counter", &[]),
    ("aksight_queue_age_seconds", "gauge", &[]),
    ("aksight_run_duration_seconds", "histogram", &[]),
    ("aksight_runs_in_progress", "gauge", &[]),
    ("aksight_runs_total", "counter", &["stack", "result"]),
    ("aksight_stack_drift_items", "gauge", &["stack"]),
    ("aksight_stack_failures_in_a_row", "gauge", &["stack"]),
    ("aksight_stack_last_run_seconds", "gauge", &["stack"]),
    ("aksight_stack_last_verified_timestamp_seconds", "gauge", &["stack"]),
    ("aksight_stack_waiting", "gauge", &["stack"]),
    ("aksight_stacks", "gauge", &[]),
    ("aksight_store_up", "gauge", &[]),
    ("aksight_watched_files_usable", "gauge", &[]),
];

/// Labels that the scraper gives.
const OF_THE_TARGET: [&str; 4] = ["job", "instance", "namespace", "pod"];

fn deploy(path: &str) -> PathBuf {
    Path::new(TOP).join("docs/deploy").join(path)
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&read(&deploy(path))).unwrap()
}

/// The real promtool must be content.
fn promtool(args: &[&str]) {
    let done = Command::new("promtool").args(args).current_dir(deploy("prometheus")).output();
    let done = match done {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            panic!("`promtool` is missing: install the Debian package `prometheus` (apt-get install prometheus)")
        }
        done => done.unwrap(),
    };
    assert!(done.status.success(), "promtool {}\n{}{}", args.join(" "), text(&done.stdout), text(&done.stderr));
}

#[test]
fn promtool_is_content_with_the_rules_and_their_unit_tests() {
    promtool(&["check", "rules", "aksight-alerts.yaml"]);
    promtool(&["test", "rules", "aksight-alerts.test.yaml"]);
    promtool(&["check", "config", "--syntax-only", "prometheus.yaml"]);
}

/// The rules of all groups.
fn alerts() -> Vec<Value> {
    let groups = yaml("prometheus/aksight-alerts.yaml")["groups"].as_array().unwrap().clone();
    groups.iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
}

fn word<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("no `{key}` in {value}"))
}

#[test]
fn every_alert_says_what_to_do_and_is_seen_firing_and_silent() {
    let tests = yaml("prometheus/aksight-alerts.test.yaml")["tests"].as_array().unwrap().clone();
    let mut seen: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    for check in tests.iter().flat_map(|test| test["alert_rule_test"].as_array().unwrap()) {
        let (firing, silent) = seen.entry(word(check, "alertname").to_owned()).or_default();
        *(if check["exp_alerts"].as_array().unwrap().is_empty() { silent } else { firing }) += 1;
    }
    let page = read(&Path::new(TOP).join("docs/monitoring.md"));
    let explained: BTreeSet<&str> = page.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let alerts = alerts();
    for alert in &alerts {
        let name = word(alert, "alert");
        assert!(seen.get(name).is_some_and(|(firing, silent)| *firing > 0 && *silent > 0), "`{name}` lacks a test");
        assert_eq!(word(&alert["annotations"], "runbook"), format!("docs/monitoring.md#{}", name.to_lowercase()));
        assert!(["warning", "critical"].contains(&word(&alert["labels"], "severity")), "{name}");
        assert!(!word(alert, "for").is_empty() && !word(&alert["annotations"], "action").is_empty(), "{name}");
        uses_what_there_is(word(alert, "expr"));
    }
    let names: BTreeSet<&str> = alerts.iter().map(|alert| word(alert, "alert")).collect();
    assert_eq!((names.len(), &names), (alerts.len(), &explained));
    assert_eq!(seen.keys().map(String::as_str).collect::<BTreeSet<_>>(), names);
}

#[test]
fn the_page_lists_every_metric_with_its_kind_and_labels() {
    let page = read(&Path::new(TOP).join("docs/monitoring.md"));
    let listed: BTreeSet<String> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `aksight_")?.rsplit_once(" | "))
        .map(|row| row.0.to_owned())
        .collect();
    let known: BTreeSet<String> = METRICS
        .iter()
        .map(|(name, kind, labels)| {
            let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            format!("{}{labels}` | {kind}", name.trim_start_matches("aksight_"))
        })
        .collect();
    assert_eq!(listed, known);
}

/// Which metrics an expression asks for, and by which labels.
#[derive(Default)]
struct Asked {
    of: Vec<(String, Vec<String>)>,
}

impl Asked {
    fn note(&mut self, selector: &VectorSelector) {
        let Matchers { matchers, or_matchers } = &selector.matchers;
        let labels = matchers.iter().chain(or_matchers.iter().flatten()).map(|matcher| matcher.name.clone()).collect();
        self.of.push((selector.name.clone().unwrap_or_default(), labels));
    }
}

impl ExprVisitor for Asked {
    type Error = std::convert::Infallible;

    fn pre_visit(&mut self, expr: &Expr) -> Result<bool, Self::Error> {
        match expr {
            Expr::VectorSelector(selector) => self.note(selector),
            Expr::MatrixSelector(matrix) => self.note(&matrix.vs),
            _ => {}
        }
        Ok(true)
    }
}

/// The expression parses, and asks for nothing but what the daemon serves.
fn uses_what_there_is(expr: &str) {
    let parsed = parse(expr).unwrap_or_else(|why| panic!("{why}: {expr}"));
    let mut asked = Asked::default();
    let Ok(_) = walk_expr(&mut asked, &parsed);
    assert!(!asked.of.is_empty(), "asks for nothing: {expr}");
    for (name, labels) in asked.of {
        let own: &[&str] = if name == "up" {
            &[]
        } else {
            let known = |served: &&(&str, &str, &[&str])| match served.1 {
                "histogram" => name.strip_prefix(served.0).is_some_and(|end| ["_bucket", "_sum", "_count"].contains(&end)),
                _ => served.0 == name,
            };
            METRICS.iter().find(known).unwrap_or_else(|| panic!("nobody serves `{name}`: {expr}")).2
        };
        let strange = labels.iter().find(|label| ![own, &OF_THE_TARGET].concat().contains(&label.as_str()));
        assert!(strange.is_none(), "`{name}` has no label {strange:?}: {expr}");
    }
}
