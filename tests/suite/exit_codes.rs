//! Every exit code, reached through the binary in a rehearsal; and which one a fleet ends with.

use std::path::Path;
use std::process::Child;

use nix::sys::signal::{Signal, kill};
use serde_json::json;

use crate::rehearsal::{Ended, Rehearsal, pid};

/// Code of the process, and what the report says: they never differ.
fn ended(ended: &Ended) -> (Option<i32>, String) {
    let report = ended.json();
    assert_eq!(report["exit_code"].as_i64(), ended.code.map(i64::from), "{}", ended.all());
    (ended.code, report["result"].as_str().unwrap_or_default().to_owned())
}

fn expect(done: &Ended, code: i32, result: &str) {
    assert_eq!(ended(done), (Some(code), result.to_owned()), "{}", done.all());
}

/// A provision that is under way: it holds the stack's lock.
fn under_way(stage: &Rehearsal) -> Child {
    let mut child = stage.start("provision", &[]);
    let lock = stage.state().join("lock.json");
    while std::fs::read_to_string(&lock).unwrap_or_default().is_empty() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it began");
        std::thread::yield_now();
    }
    child
}

fn stopped(child: Child, by: Signal) -> Ended {
    kill(pid(&child), by).unwrap();
    Ended::of(&child.wait_with_output().unwrap())
}

/// A stack's life, one code after the other.
#[test]
fn a_stack_reaches_every_code() {
    let stage = Rehearsal::new();
    let file = stage.home().join("aksight.yaml");
    let text = std::fs::read_to_string(&file).unwrap();

    std::fs::write(&file, text.replace("kind: Stack", "kind: Pile")).unwrap();
    expect(&stage.act("provision", &[]), 64, "failed");
    std::fs::write(&file, &text).unwrap();
    assert_eq!(stage.act("provision", &["--no-such-option"]).code, Some(64));

    expect(&stage.act("plan", &[]), 2, "planned");
    expect(&stage.act("provision", &["--fault", "error:403:PUT:resourceGroups:9"]), 1, "failed");

    let first = under_way(&stage);
    expect(&stage.act("provision", &[]), 12, "locked");
    expect(&stopped(first, Signal::SIGINT), 130, "interrupted");
    expect(&stopped(under_way(&stage), Signal::SIGTERM), 143, "interrupted");

    // What was interrupted is taken up.
    expect(&stage.act("provision", &[]), 0, "changed");
    expect(&stage.act("drift", &[]), 0, "unchanged");

    std::fs::write(&file, text.replace("name: amg-quickstart", "name: amg-renamed")).unwrap();
    expect(&stage.act("provision", &[]), 10, "denied");
    std::fs::write(&file, &text).unwrap();

    let found = stage.world();
    stage.edit("managedclusters/aks-quickstart", |cluster| cluster["tags"] = json!({"cost-center": "42"}));
    expect(&stage.act("drift", &[]), 2, "drifted");
    expect(&stage.act("reconcile", &["--heal"]), 13, "waiting");
    std::fs::write(stage.state().join("azure/world.json"), found.to_string()).unwrap();

    stage.edit("grafana/amg-quickstart", |grafana| {
        grafana["properties"]["grafanaIntegrations"]["azureMonitorWorkspaceIntegrations"] = json!([]);
    });
    expect(&stage.act("verify", &["--no-wait"]), 11, "unverified");
}

/// The fleet's code, of those of the stacks that were worked on.
fn aggregated(done: &Ended, code: i32, of: &[i64]) {
    let report = done.json();
    let lines = report["stacks"].as_array().unwrap();
    let codes: Vec<i64> = lines.iter().filter_map(|line| line["report"]["exit_code"].as_i64()).collect();
    assert_eq!((done.code, &report["exit_code"], codes.as_slice()), (Some(code), &json!(code), of), "{}", done.all());
}

/// 130 and 143 beat 1, which beats 10 to 13, which beat 2. That 2 beats 0, the life of a fleet shows (`fleet.rs`).
#[test]
fn a_fleet_ends_with_the_worst() {
    let fleet = std::fs::read_to_string(Path::new(crate::TOP).join("terraform/examples/fleet/aksight-fleet.yaml")).unwrap();
    let fleet = fleet.replace("\nrings:", "\nhaltOnFailure: false\nrings:");
    let with = |fleet: &str, stack: &str, policies: &str| {
        let cluster = format!("cluster: {{name: aks-{stack}}}");
        assert!(fleet.contains(&cluster));
        fleet.replace(&cluster, &format!("{cluster}\n    policies: {policies}"))
    };
    // A rule denies whatever shop-a wants; one of shop-b's is no Rego.
    let denied = with(&fleet, "shop-a", "{requiredTags: [owner]}");
    let failing = with(&denied, "shop-b", "{directories: [rules]}");
    let stage = Rehearsal::with(&denied, "shops");
    let write = |fleet: &str| std::fs::write(stage.home().join("aksight.yaml"), fleet).unwrap();
    std::fs::create_dir(stage.home().join("rules")).unwrap();
    std::fs::write(stage.home().join("rules/broken.rego"), "package broken\n\nthis is no rule\n").unwrap();
    let act = |command: &str, more: &[&str]| stage.act(command, &[&["--file", "aksight.yaml"], more].concat());

    aggregated(&act("provision", &["--yes", "--no-verify", "--only", "hub"]), 0, &[0]);
    aggregated(&act("plan", &[]), 10, &[0, 10, 2]);
    write(&failing);
    aggregated(&act("plan", &[]), 1, &[0, 10, 1]);
    write(&fleet);

    let log = stage.home().join(".aksight/fleet-rehearsals/shops/azure/requests.jsonl");
    let asked = || std::fs::metadata(&log).unwrap().len();
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let before = asked();
        let mut child = stage.start("provision", &["--file", "aksight.yaml", "--yes"]);
        while asked() <= before {
            assert!(child.try_wait().unwrap().is_none(), "it ended before it began");
            std::thread::yield_now();
        }
        let done = stopped(child, signal);
        assert_eq!((done.code, &done.json()["exit_code"]), (Some(code), &json!(code)), "{}", done.all());
    }
}
