//! The sweep's figures of docs/benchmarks.md, measured: `cargo bench --bench sweep`. Nothing here can fail a build.
//!
//! A fleet of two is provisioned in a rehearsal: a hub with workspace and Grafana, and a stack that uses them. That stack is copied in
//! the embedded Azure's file, which is then served by a process of its own, so that the memory measured is the client's.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement may stop at the first surprise and prints what it found"
)]

#[path = "../tests/suite/copies.rs"]
mod copies;

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use copies::{Copy, Original};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

const SUBSCRIPTIONS: usize = 10;
const HUB: &str = "00000000-0000-4000-8000-0000000000ff";
const TEMPLATE: &str = "00000000-0000-4000-8000-0000000000fe";
/// As the copies are named; the original comes first.
const NAME: &str = "original";

/// Who makes the workspaces and Grafanas.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// One stack for all.
    Shared,
    /// Each stack its own.
    Own,
}

fn main() {
    for (layout, counts) in [(Layout::Shared, &[500, 5000][..]), (Layout::Own, &[5000])] {
        let home = tempfile::tempdir().unwrap();
        let stage = Stage::provisioned(home.path(), layout);
        for (count, pace) in counts.iter().flat_map(|count| [(*count, "fast"), (*count, "realistic")]) {
            stage.swept(home.path(), count, pace);
        }
    }
}

fn subscription(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// A fleet's file: the hub, when there is one, and stacks in their subscriptions.
fn fleet(layout: Layout, stacks: &[Copy]) -> String {
    let mut text = "apiVersion: aksight/v1\nkind: Fleet\nmetadata: {name: many}\nconcurrency: {total: 8, perSubscription: 4}\n\
         defaults: {azure: {location: westeurope, tags: {team: platform}}, cluster: {tier: Standard}}\n"
        .to_owned();
    if layout == Layout::Shared {
        text += "shared: {stack: hub}\n";
    }
    text += "stacks:\n";
    if layout == Layout::Shared {
        let _infallible = writeln!(
            text,
            "  - {{name: hub, azure: {{subscription: {HUB}, resourceGroup: rg-hub}}, cluster: {{name: aks-hub}}, \
             monitoring: {{workspace: {{name: amw-hub}}}}, grafana: {{name: amg-hub}}}}"
        );
    }
    for Copy { name, subscription } in stacks {
        let _infallible = write!(
            text,
            "  - {{name: {name}, azure: {{subscription: {subscription}, resourceGroup: rg-{name}}}, cluster: {{name: aks-{name}}}"
        );
        if layout == Layout::Own {
            let _infallible = write!(text, ", monitoring: {{workspace: {{name: amw-{name}}}}}, grafana: {{name: amg-{name}}}");
        }
        text += "}\n";
    }
    text
}

fn aksight(home: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aksight"));
    command.args(args).current_dir(home).env_clear().stdin(Stdio::null()).stderr(Stdio::null());
    command.env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", home);
    command
}

/// An Azure with one stack to be copied, and what a direct look at it costs.
struct Stage {
    layout: Layout,
    azure: PathBuf,
    provisioned: Value,
    identity: Value,
    direct: usize,
}

impl Stage {
    fn provisioned(home: &Path, layout: Layout) -> Self {
        let original = Copy { name: NAME.to_owned(), subscription: TEMPLATE.to_owned() };
        std::fs::write(home.join("fleet.yaml"), fleet(layout, &[original])).unwrap();
        let rehearsed = |args: &[&str]| {
            let common = ["--file", "fleet.yaml", "--simulate", "--sim-pace", "0.002", "--output", "json"];
            let output = aksight(home, &[args, &common].concat()).output().unwrap();
            assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stdout));
        };
        rehearsed(&["provision", "--yes"]);
        let azure = home.join(".aksight/fleet-rehearsals/many/azure");
        let asked = || {
            let log = std::fs::read_to_string(azure.join("requests.jsonl")).unwrap();
            log.lines().filter(|line| !line.contains("/oauth2/") && !line.contains("/metadata/")).count()
        };
        let before = asked();
        rehearsed(&["drift", "--each", "--only", NAME]);
        let direct = asked() - before;
        let read = |name: &str| serde_json::from_str(&std::fs::read_to_string(azure.join(name)).unwrap()).unwrap();
        Self { layout, provisioned: read("world.json"), identity: read("identity.json"), azure, direct }
    }

    /// Sweeps so many copies.
    fn swept(&self, home: &Path, count: usize, pace: &str) {
        let copies: Vec<Copy> = (0..count)
            .map(|number| Copy { name: format!("stack{number:04}"), subscription: subscription(number % SUBSCRIPTIONS) })
            .collect();
        let foreign = ["tenant", "object_id", "client_id"].map(|key| self.identity[key].as_str().unwrap());
        let original = Original { world: &self.provisioned, subscription: TEMPLATE, name: NAME, foreign: &foreign };
        std::fs::write(self.azure.join("world.json"), original.copied(&copies).to_string()).unwrap();
        std::fs::write(home.join("fleet.yaml"), fleet(self.layout, &copies)).unwrap();
        let served = Served::start(home, &self.azure, pace);
        let began = Instant::now();
        let report = std::fs::File::create(home.join("report.json")).unwrap();
        let mut command = aksight(home, &["drift", "--file", "fleet.yaml", "--output", "json", "--state-dir", "real"]);
        let mut child = command.envs(served.variables.clone()).stdout(report).spawn().unwrap();
        let peak = peak(&mut child);
        let time = began.elapsed();
        let report: Value = serde_json::from_str(&std::fs::read_to_string(home.join("report.json")).unwrap()).unwrap();
        assert_eq!(report["sweep"]["looked"], serde_json::json!({}), "every copy is as wished");
        self.tell(count, pace, &report, (time, peak));
    }

    fn tell(&self, count: usize, pace: &str, report: &Value, (time, peak): (Duration, u64)) {
        let requests = u32::try_from(report["sweep"]["requests"].as_u64().unwrap()).unwrap();
        let each = u32::try_from(self.direct * count).unwrap();
        println!(
            "{count} stacks in {SUBSCRIPTIONS} subscriptions, {}, {}: {requests} requests ({} x {count} = {each} directly, \
             {:.2} %; bound: 1 %), {:.1} s{}, peak memory {} MB (bound: 200 MB)",
            if self.layout == Layout::Shared { "one workspace and Grafana for all" } else { "each with its own" },
            if pace == "fast" { "quota a hundred times faster" } else { "15 pages in 5 seconds" },
            self.direct,
            100.0 * f64::from(requests) / f64::from(each),
            time.as_secs_f64(),
            if pace == "fast" { " (bound: 10 s)" } else { "" },
            peak / 1024
        );
    }
}

/// Waits for a process; gives back its peak resident memory in kB.
fn peak(child: &mut Child) -> u64 {
    let status = PathBuf::from(format!("/proc/{}/status", child.id()));
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let high = text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        peak = peak.max(high.unwrap_or(0));
        std::thread::park_timeout(Duration::from_millis(2));
    }
    peak
}

/// The embedded Azure in a process of its own.
struct Served {
    child: Child,
    variables: Vec<(String, String)>,
}

impl Served {
    fn start(home: &Path, azure: &Path, pace: &str) -> Self {
        let azure = azure.to_str().unwrap();
        let mut command = aksight(home, &["simulate", "--state-dir", azure, "--pace", pace, "--subscription", HUB]);
        for number in 0..SUBSCRIPTIONS {
            command.args(["--subscription", &subscription(number)]);
        }
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let said = lines.nth(1).unwrap().unwrap();
        let script = std::fs::read_to_string(said.split_once("source ").unwrap().1).unwrap();
        let read = |line: &str| {
            let (name, value) = line.strip_prefix("export ")?.split_once('=')?;
            Some((name.to_owned(), value.trim_matches('\'').to_owned()))
        };
        let variables = script.lines().filter_map(read).filter(|(name, _)| name != "ARM_SUBSCRIPTION_ID").collect();
        Self { child, variables }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), Signal::SIGTERM).unwrap();
        self.child.wait().unwrap();
    }
}
