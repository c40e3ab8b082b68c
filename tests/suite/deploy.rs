//! What people deploy around the daemon: alert rules before the real promtool, the dashboard, the page that explains both,
//! systemd's units, the image, Kubernetes' manifests.

mod image;
mod kubernetes;
mod live;
mod systemd;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use promql_parser::label::Matchers;
use promql_parser::parser::{Expr, VectorSelector, parse};
use promql_parser::util::{ExprVisitor, walk_expr};
use serde_json::{Value, json};

use crate::{TOP, aksight, text};

/// What the daemon serves: name, kind, labels of its own.
const METRICS: [(&str, &str, &[&str]); 19] = [
    ("aksight_arm_requests_total", "counter", &["code"]),
    ("aksight_arm_throttle_wait_seconds_total", "counter", &[]),
    ("aksight_build_info", "gauge", &["version"]),
    ("aksight_frozen", "gauge", &[]),
    ("aksight_leases_lost_total", "counter", &[]),
    ("aksight_queue_age_seconds", "gauge", &[]),
    ("aksight_run_duration_seconds", "histogram", &[]),
    ("aksight_runs_in_progress", "gauge", &[]),
    ("aksight_runs_swept_total", "counter", &[]),
    ("aksight_runs_total", "counter", &["stack", "result"]),
    ("aksight_stack_drift_items", "gauge", &["stack"]),
    ("aksight_stack_failures_in_a_row", "gauge", &["stack"]),
    ("aksight_stack_last_run_seconds", "gauge", &["stack"]),
    ("aksight_stack_last_verified_timestamp_seconds", "gauge", &["stack"]),
    ("aksight_stack_waiting", "gauge", &["stack"]),
    ("aksight_stacks", "gauge", &[]),
    ("aksight_store_up", "gauge", &[]),
    ("aksight_sweeps_total", "counter", &["result"]),
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

/// The command knows every option that it is deployed with.
fn knows(args: &[String]) {
    let done = aksight(Path::new(TOP), &[&args[0], "--help"]);
    let help = text(&done.stdout);
    for option in args.iter().filter(|arg| arg.starts_with("--")) {
        assert!(help.contains(&format!("{option} ")) || help.contains(&format!("{option}\n")), "{option} in {args:?}");
    }
    assert_eq!(done.status.code(), Some(0), "{args:?}");
}

/// The real promtool must be content. Gives back what it prints.
fn promtool(args: &[&str], input: &str) -> String {
    let mut command = Command::new("promtool");
    command.args(args).current_dir(deploy("prometheus")).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            panic!("`promtool` is missing: install the Debian package `prometheus` (apt-get install prometheus)")
        }
        started => started.unwrap(),
    };
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let done = child.wait_with_output().unwrap();
    assert!(done.status.success(), "promtool {}\n{}{}\n{input}", args.join(" "), text(&done.stdout), text(&done.stderr));
    text(&done.stdout)
}

#[test]
fn promtool_is_content_with_the_rules_and_their_unit_tests() {
    promtool(&["check", "rules", "aksight-alerts.yaml"], "");
    promtool(&["test", "rules", "aksight-alerts.test.yaml"], "");
    promtool(&["check", "config", "--syntax-only", "prometheus.yaml"], "");
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

fn dashboard() -> Value {
    serde_json::from_str(&read(&deploy("grafana/aksight.json"))).unwrap()
}

/// The expressions of all panels, as they are after a viewer chose a stack.
fn queries(dashboard: &Value) -> Vec<String> {
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let chosen = [("$__rate_interval", "5m"), ("$stack", "shop|till"), ("$job", "aksight")];
    targets.map(|target| chosen.iter().fold(word(target, "expr").to_owned(), |expr, (name, is)| expr.replace(name, is))).collect()
}

#[test]
fn the_dashboard_asks_for_what_is_served_and_for_all_of_it() {
    let dashboard = dashboard();
    let queries = queries(&dashboard);
    for expr in &queries {
        assert!(!expr.contains('$'), "a variable is left: {expr}");
        uses_what_there_is(expr);
    }
    for variable in dashboard["templating"]["list"].as_array().unwrap().iter().filter(|variable| variable["type"] == "query") {
        let inner = word(variable, "definition").strip_prefix("label_values(").and_then(|rest| rest.rsplit_once(", ")).unwrap();
        uses_what_there_is(&inner.0.replace("$job", "aksight"));
        assert_eq!(variable["query"]["query"], variable["definition"]);
    }
    let unseen = METRICS.iter().find(|(name, ..)| !queries.iter().any(|expr| expr.contains(name)));
    assert!(unseen.is_none(), "no panel shows {unseen:?}");
    // Prometheus itself is stricter than the parser: it knows which types a function takes.
    let rules: Vec<Value> =
        queries.iter().enumerate().map(|(at, expr)| json!({"record": format!("panel:{at}"), "expr": expr})).collect();
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("panels.json");
    std::fs::write(&file, json!({"groups": [{"name": "panels", "rules": rules}]}).to_string()).unwrap();
    promtool(&["check", "rules", file.to_str().unwrap()], "");
}

#[test]
fn the_dashboard_fits_any_grafana() {
    let dashboard = dashboard();
    assert_eq!(dashboard["id"], Value::Null);
    assert!(dashboard["schemaVersion"].as_u64() >= Some(41));
    let text = dashboard.to_string();
    for uid in text.split("\"uid\":\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(["aksight", "${datasource}", "-- Grafana --"].contains(&uid), "`{uid}` is somebody's own");
    }
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<u64> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len());
    let mut taken = BTreeSet::new();
    for panel in panels {
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap());
        assert!(x + w <= 24, "{panel}");
        for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            assert!(taken.insert(cell), "`{}` lies on another", word(panel, "title"));
        }
        if panel["type"] != "row" {
            assert!(!word(panel, "description").is_empty() && !word(&panel["fieldConfig"]["defaults"], "unit").is_empty());
        }
    }
}
