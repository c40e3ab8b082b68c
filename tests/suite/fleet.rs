//! A fleet: shared things first, rings, one table, the worst exit code.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::rehearsal::{Ended, Rehearsal};

fn example() -> String {
    std::fs::read_to_string(std::path::Path::new(crate::TOP).join("terraform/examples/fleet/aksight-fleet.yaml")).unwrap()
}

fn act(stage: &Rehearsal, command: &str, more: &[&str]) -> Ended {
    stage.act(command, &[&["--file", "aksight.yaml"], more].concat())
}

fn results(ended: &Ended) -> Vec<String> {
    let word = |line: &Value| format!("{} {}", line["name"].as_str().unwrap(), line["report"]["result"].as_str().unwrap_or("-"));
    ended.json()["stacks"].as_array().unwrap_or_else(|| panic!("{}", ended.all())).iter().map(word).collect()
}

fn world(stage: &Rehearsal) -> (PathBuf, Value) {
    let path = stage.home().join(".aksight/fleet-rehearsals/shops/azure/world.json");
    let world = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    (path, world)
}

#[test]
fn three_stacks_share_a_workspace_and_a_grafana_from_first_to_last() {
    let stage = Rehearsal::with(&example(), "shops");
    let made = act(&stage, "provision", &["--yes"]);
    assert_eq!(
        (made.code, results(&made)),
        (Some(0), vec!["hub changed".into(), "shop-a changed".into(), "shop-b changed".into()]),
        "{}",
        made.all()
    );
    assert!(made.json()["stacks"].as_array().unwrap().iter().all(|line| line["report"]["verified"] == true), "{}", made.all());
    let (path, mut changed) = world(&stage);
    let resources = changed["resources"].as_object_mut().unwrap();
    let of_type = |part: &str| resources.keys().filter(|id| id.contains(part) && id.split('/').count() == 9).count();
    assert_eq!((of_type("/microsoft.monitor/accounts/"), of_type("/microsoft.dashboard/grafana/")), (1, 1));
    let again = act(&stage, "provision", &["--yes"]);
    assert_eq!(results(&again), ["hub unchanged", "shop-a unchanged", "shop-b unchanged"], "{}", again.all());
    // Drift in one of them is that one's alone.
    let cluster = resources.iter_mut().find(|(id, _)| id.ends_with("managedclusters/aks-shop-b")).unwrap().1;
    cluster["properties"]["agentPoolProfiles"][0]["count"] = json!(7);
    std::fs::write(path, changed.to_string()).unwrap();
    let seen = act(&stage, "drift", &[]);
    assert_eq!(
        (seen.code, results(&seen)),
        (Some(2), vec!["hub unchanged".into(), "shop-a unchanged".into(), "shop-b drifted".into()]),
        "{}",
        seen.all()
    );
    let healed = act(&stage, "reconcile", &["--heal", "--only", "shop-b"]);
    assert_eq!((healed.code, results(&healed)), (Some(0), vec!["shop-b changed".into()]), "{}", healed.all());
    let table = stage.run(&["drift", "-f", "aksight.yaml", "--simulate", "--sim-pace", "0.002", "--quiet"]);
    assert!(table.stdout.contains("3 of 3 stacks well"), "{}", table.all());
    // The hub goes last; alone it would take the others' workspace away.
    let refused = act(&stage, "destroy", &["--yes", "--include-data", "--only", "hub"]);
    assert_eq!(refused.code, Some(10), "{}", refused.all());
    let gone = act(&stage, "destroy", &["--yes", "--include-data"]);
    assert_eq!(gone.code, Some(0), "{}", gone.all());
    assert_eq!(world(&stage).1["resources"], json!({}));
}

#[test]
fn a_ring_that_fails_keeps_the_next_from_starting() {
    let stage = Rehearsal::with(&example(), "shops");
    let fault = ["--yes", "--fault", "error:403:PUT:managedClusters/aks-shop-a:99"];
    let stopped = act(&stage, "provision", &fault);
    assert_eq!(stopped.code, Some(1), "{}", stopped.all());
    assert_eq!(results(&stopped), ["hub changed", "shop-a failed", "shop-b -"], "{}", stopped.all());
}

#[test]
fn what_is_wrong_with_a_fleet_is_said_before_any_call() {
    let stage = Rehearsal::with(&example().replace("aks-shop-b", "aks-shop-a"), "shops");
    let refused = act(&stage, "provision", &["--yes"]);
    assert_eq!(refused.code, Some(64), "{}", refused.all());
    assert!(refused.stdout.contains("cluster` label"), "{}", refused.all());
    let wrong = stage.run(&["validate", "-f", "aksight.yaml"]);
    assert_eq!(wrong.code, Some(64), "{}", wrong.all());
    let unknown = Rehearsal::with(&example(), "shops");
    assert_eq!(act(&unknown, "plan", &["--only", "nobody"]).code, Some(64));
    let valid = unknown.run(&["validate", "-f", "aksight.yaml"]);
    assert_eq!(
        (valid.code, valid.stdout.as_str()),
        (Some(0), "aksight.yaml: fleet `shops` with 3 stacks is valid\n"),
        "{}",
        valid.all()
    );
}
