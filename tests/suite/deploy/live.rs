//! A real Prometheus reads a real daemon, by the configuration that is shipped.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use aksight::base::digest::sha256_hex;
use serde_json::{Value, json};

use super::{METRICS, alerts, dashboard, deploy, promtool, queries, yaml};
use crate::rehearsal::Rehearsal;

const TOKEN: &str = "aksd_prometheus";

/// A process that ends with its test.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A port that is free, as far as one can know.
fn port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The body of a page, if it is there.
fn page(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.lines().next()?.contains(" 200 ").then(|| body.to_owned())
}

/// Asks until there is an answer.
#[expect(clippy::disallowed_methods, reason = "another process is asked until it answers")]
fn await_some<T>(what: &str, ask: impl Fn() -> Option<T>) -> T {
    let since = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(since.elapsed() < Duration::from_mins(1), "in vain: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A daemon that keeps one stack and does not look at it, and the port of its door.
fn daemon(stage: &Rehearsal) -> (Running, u16) {
    let port = port();
    let config = format!(
        "files = [\"aksight.yaml\"]\n[schedule]\ncron = \"0 0 1 1 *\"\nrun_at_start = false\n[http]\nlisten = \"127.0.0.1:{port}\"\n\
         [[http.token]]\nname = \"prometheus\"\nrole = \"read\"\nsha256 = \"{}\"\n",
        sha256_hex(TOKEN.as_bytes())
    );
    std::fs::write(stage.home().join("aksightd.toml"), config).unwrap();
    (Running::start(&mut stage.command(&["daemon", "--simulate"])), port)
}

#[test]
fn the_daemon_serves_what_the_table_says() {
    let stage = Rehearsal::new();
    let (_daemon, port) = daemon(&stage);
    let page = await_some("metrics", || page(port, "/metrics").filter(|page| page.contains("aksight_stacks 1\n")));
    let served: BTreeSet<(&str, &str)> = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect();
    let known: BTreeSet<(&str, &str)> = METRICS.iter().map(|(name, kind, _)| (*name, *kind)).collect();
    assert_eq!(served, known);
    promtool(&["check", "metrics"], &page);
}

/// The shipped configuration, for the daemon at `port`.
fn configured(home: &Path, port: u16) {
    let mut config = yaml("prometheus/prometheus.yaml");
    let job = &mut config["scrape_configs"][0];
    assert_eq!(job["static_configs"][0]["targets"], json!(["127.0.0.1:7350"]));
    job["static_configs"][0]["targets"] = json!([format!("127.0.0.1:{port}")]);
    job["authorization"]["credentials_file"] = json!("token");
    config["scrape_configs"].as_array_mut().unwrap().truncate(1);
    config["global"] = json!({"scrape_interval": "1s", "evaluation_interval": "1s"});
    std::fs::write(home.join("prometheus.json"), config.to_string()).unwrap();
    std::fs::write(home.join("token"), TOKEN).unwrap();
    let rules = "aksight-alerts.yaml";
    std::fs::copy(deploy("prometheus").join(rules), home.join(rules)).unwrap();
}

#[test]
fn prometheus_reads_the_daemon_and_takes_rules_and_panels() {
    let stage = Rehearsal::new();
    let (_daemon, door) = daemon(&stage);
    configured(stage.home(), door);
    // It says which package is missing, if one is.
    promtool(&["check", "rules", "aksight-alerts.yaml"], "");
    let port = port();
    let mut prometheus = Command::new("prometheus");
    prometheus.args(["--config.file=prometheus.json", "--storage.tsdb.path=data"]).current_dir(stage.home());
    let _prometheus = Running::start(prometheus.arg(format!("--web.listen-address=127.0.0.1:{port}")));
    let server = format!("http://127.0.0.1:{port}");
    await_some("Prometheus", || page(port, "/-/ready"));
    let ask = |expr: &str| promtool(&["query", "instant", &server, expr], "");
    await_some("a stack", || Some(ask("aksight_stacks{job=\"aksight\"}")).filter(|answer| answer.contains("=> 1 ")));
    assert!(ask("up{job=\"aksight\"}").contains("=> 1 "));
    for expr in queries(&dashboard()) {
        ask(&expr);
    }
    let rules = await_some("all rules", || {
        let rules: Value = serde_json::from_str(&page(port, "/api/v1/rules")?).unwrap();
        let groups = rules["data"]["groups"].as_array()?.clone();
        let rules: Vec<Value> = groups.iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect();
        (!rules.iter().any(|rule| rule["health"] == "unknown")).then_some(rules)
    });
    assert_eq!(rules.len(), alerts().len());
    for rule in rules {
        assert_eq!((&rule["health"], &rule["state"] == "firing"), (&json!("ok"), false), "{rule}");
    }
}
