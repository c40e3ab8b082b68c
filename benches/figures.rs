//! The figures of docs/benchmarks.md, measured: `cargo bench`. Ratios are to something run beside it; nothing here can fail a build.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement may stop at the first surprise and prints what it found"
)]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use aksight::azure::{self, Azure, CredentialSource};
use aksight::desired::resolve;
use aksight::hcl::{self, State};
use aksight::policy::Policies;
use aksight::run::RealClock;
use aksight::sim::server as embedded;
use aksight::{observe, spec};

const TOP: &str = env!("CARGO_MANIFEST_DIR");
const ROUNDS: usize = 7;
/// So many of what is measured by turns.
const PAIRS: usize = 15;

fn main() {
    let home = tempfile::tempdir().unwrap();
    let file = std::fs::read_to_string(Path::new(TOP).join("terraform/examples/quickstart/aksight.yaml")).unwrap();
    std::fs::write(home.path().join("aksight.yaml"), &file).unwrap();
    help();
    pure(&file);
    let peak = first_light(home.path());
    println!("peak memory of a whole provision, embedded Azure included: {} MB (bound: 80 MB)", peak / 1024);
    requests(home.path());
    beside_terraform(home.path(), &[]);
    beside_terraform(home.path(), &["--fault", "slow:50"]);
    tokio::runtime::Runtime::new().unwrap().block_on(observation(home.path(), &file));
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn timed(mut work: impl FnMut()) -> Duration {
    let began = Instant::now();
    work();
    began.elapsed()
}

fn aksight(home: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aksight"));
    command.args(args).current_dir(home).env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", home);
    command
}

fn succeed(command: &mut Command) {
    assert!(command.status().unwrap().success(), "{command:?}");
}

/// Start to help text, beside the start of `true`.
fn help() {
    let home = Path::new(TOP);
    let ours = median((0..20).map(|_| timed(|| succeed(&mut aksight(home, &["--help"])))).collect());
    let nothing = median((0..20).map(|_| timed(|| succeed(&mut Command::new("true")))).collect());
    println!("start to help text: {:.1} ms (bound: 20 ms); starting `true`: {:.1} ms", millis(ours), millis(nothing));
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Reading the file, generating the Terraform and judging a plan, per stack.
fn pure(file: &str) {
    let stack = spec::read(file, "aksight.yaml").unwrap();
    let reading = median((0..50).map(|_| timed(|| drop(spec::read(file, "aksight.yaml")))).collect());
    let generating = median((0..50).map(|_| timed(|| drop(hcl::render(&stack, &State::AsWritten)))).collect());
    let compiling = median((0..20).map(|_| timed(|| drop(Policies::embedded()))).collect());
    let policies = Policies::embedded().unwrap();
    let document = serde_json::json!({"spec": stack.stack, "terraform": null, "rest": [], "cluster": [], "resources": []});
    let judging = median((0..20).map(|_| timed(|| drop(policies.review(&document)))).collect());
    println!(
        "per stack: reading the file {:.2} ms, generating Terraform {:.2} ms, compiling policies {:.2} ms, judging a plan {:.2} ms",
        millis(reading),
        millis(generating),
        millis(compiling),
        millis(judging)
    );
}

/// A whole first provision; gives back the peak resident memory in kB.
fn first_light(home: &Path) -> u64 {
    let began = Instant::now();
    let mut child = aksight(home, &["provision", "--simulate", "--sim-pace", "0.002"]).spawn().unwrap();
    let status = PathBuf::from(format!("/proc/{}/status", child.id()));
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let high = text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        peak = peak.max(high.unwrap_or(0));
        std::thread::yield_now();
    }
    println!("a first provision (rehearsal, pace 0.002): {:.1} s", began.elapsed().as_secs_f64());
    peak
}

/// A reconciliation that finds nothing: what it asks, in how many round trips.
fn requests(home: &Path) {
    let state = home.join(".aksight/rehearsals/quickstart");
    let run = |more: &[&str]| {
        timed(|| succeed(&mut aksight(home, &[&["reconcile", "--simulate", "--sim-pace", "0.002"], more].concat())))
    };
    let asked = || std::fs::read_to_string(state.join("azure/requests.jsonl")).unwrap();
    let before = asked().lines().count();
    run(&[]);
    let all: Vec<serde_json::Value> = asked().lines().skip(before).map(|line| serde_json::from_str(line).unwrap()).collect();
    let begins = |request: &&serde_json::Value| {
        let path = request["path"].as_str().unwrap();
        path.contains("/oauth2/") || path.starts_with("/metadata/")
    };
    let sign_in = all.iter().filter(begins).count();
    let delay = Duration::from_millis(50);
    let plain = median((0..ROUNDS).map(|_| run(&[])).collect());
    let slow = median((0..ROUNDS).map(|_| run(&["--fault", "slow:50"])).collect());
    // Before the stack is looked at come the metadata host, which only such a cloud has, and the sign-in, one round trip each.
    let trips = slow.saturating_sub(plain).as_secs_f64() / delay.as_secs_f64();
    println!(
        "no-op reconcile, fast: {} requests (bound: 15) beside {sign_in} to the metadata host and for the sign-in; {:.0} ms, with 50 ms per request {trips:.1} round trips more, those two among them",
        all.len() - sign_in,
        millis(plain),
    );
}

/// An embedded Azure in a process of its own, so that what it costs is nobody's.
struct Apart {
    process: Child,
    /// What `source env.sh` would set.
    variables: Vec<(String, String)>,
}

impl Apart {
    fn start(home: &Path, faults: &[&str]) -> Self {
        let args = ["simulate", "--state-dir", "azure", "--pace", "0.002"];
        let mut process = aksight(home, &[&args, faults].concat()).stdout(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(process.stdout.take().unwrap()).lines().nth(1).unwrap().unwrap();
        let script = std::fs::read_to_string(said.split_once("source ").unwrap().1).unwrap();
        let read = |line: &str| {
            let (name, value) = line.strip_prefix("export ")?.split_once('=')?;
            Some((name.to_owned(), value.trim_matches('\'').to_owned()))
        };
        Self { process, variables: script.lines().filter_map(read).collect() }
    }

    fn time(&self, command: &mut Command) -> Duration {
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        timed(|| succeed(command))
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// What finds nothing to do, beside a bare `terraform plan` in the same directory, by turns.
fn beside_terraform(home: &Path, faults: &[&str]) {
    let azure = Apart::start(home, faults);
    let ours = |args: &[&str]| azure.time(&mut aksight(home, args));
    ours(&["provision", "--yes"]);
    let bare = || {
        let mut command = Command::new("terraform");
        command.args(["plan", "-input=false", "-detailed-exitcode"]).env_clear().env("HOME", home);
        command.current_dir(home.join(".aksight/stacks/quickstart/terraform"));
        command.env("PATH", std::env::var_os("PATH").unwrap()).env("CHECKPOINT_DISABLE", "1");
        azure.time(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()))
    };
    let (mut provision, mut deep, mut plan) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..PAIRS {
        provision.push(ours(&["provision", "--yes"]));
        plan.push(bare());
        deep.push(ours(&["reconcile", "--deep"]));
        plan.push(bare());
    }
    let plan = median(plan);
    let told = |what: &str, time: Duration, bound: f64| {
        let ratio = time.as_secs_f64() / plan.as_secs_f64();
        println!("{what} {:.0} ms / bare terraform plan {:.0} ms = {ratio:.3} (bound: {bound})", millis(time), millis(plan));
    };
    println!("nothing to do{}:", if faults.is_empty() { "" } else { ", every answer 50 ms late" });
    told("  provision", median(provision), 1.2);
    told("  reconcile --deep", median(deep), 1.1);
}

fn served(home: &Path, faults: Vec<embedded::Fault>) -> embedded::Options {
    let state_dir = home.join(".aksight/rehearsals/quickstart/azure");
    embedded::Options {
        state_dir,
        fresh: false,
        pace: 0.002,
        port: None,
        subscription: None,
        further_subscriptions: Vec::new(),
        write_at_end: false,
        tenant: None,
        faults,
        principals: Vec::new(),
    }
}

/// Observation of all units with 50 ms per request, in round trips of wall time.
async fn observation(home: &Path, file: &str) {
    let delay = Duration::from_millis(50);
    let served = embedded::Azure::start(served(home, vec!["slow:50".parse().unwrap()])).await.unwrap();
    let stack = spec::read(file, "aksight.yaml").unwrap();
    let desired = resolve(&stack, served.subscription());
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let http = azure::http::client(&[served.ca_file().to_owned()]).unwrap();
        let cloud = azure::discover(served.metadata_host(), &http).await.unwrap();
        let credential = CredentialSource::ClientSecret {
            tenant: served.tenant().to_owned(),
            client_id: served.client_id().to_owned(),
            secret: served.client_secret().clone(),
        };
        let azure = Azure::connect(azure::Settings::new(cloud, credential, http, std::sync::Arc::new(RealClock))).unwrap();
        let cancel = tokio_util::sync::CancellationToken::new();
        let door = aksight::run::door::door(
            &aksight::run::door::Credential::new(&azure, desired.cluster.clone()),
            stack.stack.delivery,
            &cancel,
        );
        let began = Instant::now();
        azure.warm_up().await.unwrap();
        let seen = Box::pin(observe::look(&desired, &azure, &door, &observe::Known::default(), jiff::Timestamp::now())).await;
        times.push(began.elapsed());
        assert!(seen.settings.seen().is_some(), "{:?}", seen.settings);
    }
    let time = median(times);
    let trips = time.as_secs_f64() / delay.as_secs_f64();
    println!("observation of all units with 50 ms per request: {:.0} ms = {trips:.1} round trips (bound: 6)", millis(time));
    served.stop().await;
}
