//! kill -9 at any moment, then the same command again: as if nothing had happened.

use std::time::Duration;

use serde_json::Value;

use crate::rehearsal::Rehearsal;

/// Moments are spread over the time that an undisturbed run takes; where within its share each lies differs from run to run.
const KILLS: u32 = 20;

/// An undisturbed run's time, measured beside it.
fn undisturbed() -> Duration {
    let stage = Rehearsal::new();
    let began = std::time::Instant::now();
    stage.provision();
    began.elapsed()
}

fn kill_and_go_on(share: u32, of: Duration) {
    let stage = Rehearsal::new();
    let mut run = stage.start("provision", &["--yes"]);
    let jitter = f64::from(uuid::Uuid::new_v4().as_fields().0 % 1000) / 1000.0;
    let moment = of.mul_f64((f64::from(share) + jitter) / f64::from(KILLS));
    wait(moment);
    run.kill().unwrap();
    run.wait().unwrap();

    // A terraform that outlived its master may hold its lock and finish its work; the next run waits for it.
    let again = stage.act("provision", &["--yes"]);
    assert_eq!(again.code, Some(0), "killed after {moment:?}\n{}", again.all());
    assert_eq!(again.json()["verified"], true, "killed after {moment:?}\n{}", again.all());
    let seen = stage.requests().len();
    let third = stage.act("provision", &[]);
    assert_eq!(third.json()["result"], "unchanged", "killed after {moment:?}\n{}", third.all());
    assert_eq!(stage.writes_since(seen), Vec::<String>::new(), "killed after {moment:?}");
    nothing_is_doubled(&stage, moment);
}

/// Not a wait for something to happen: the moment itself is what is tested.
#[expect(clippy::disallowed_methods, reason = "a random moment is no condition that could be awaited")]
fn wait(time: Duration) {
    std::thread::sleep(time);
}

fn nothing_is_doubled(stage: &Rehearsal, moment: Duration) {
    let world = stage.world();
    let resources = world["resources"].as_object().unwrap();
    let mut assignments: Vec<String> = resources
        .iter()
        .filter(|(id, _)| id.contains("/roleassignments/"))
        .map(|(_, body)| {
            format!(
                "{} {} {}",
                body["properties"]["scope"], body["properties"]["roleDefinitionId"], body["properties"]["principalId"]
            )
            .to_lowercase()
        })
        .collect();
    let all = assignments.len();
    assignments.sort();
    assignments.dedup();
    assert_eq!(assignments.len(), all, "a role is assigned twice, killed after {moment:?}");
    assert_eq!(stage.resources("/datacollectionruleassociations/").len(), 1, "killed after {moment:?}");
    let grafana = resources.iter().find(|(id, _)| id.contains("/grafana/") && !id.contains("/roleassignments/")).unwrap().1;
    let list = &grafana["properties"]["grafanaIntegrations"]["azureMonitorWorkspaceIntegrations"];
    assert_eq!(list.as_array().map(Vec::len), Some(1), "killed after {moment:?}");
    assert_eq!(grafana["properties"]["provisioningState"], Value::from("Succeeded"));
}

fn quarter(number: u32) {
    let whole = undisturbed();
    for share in (number * KILLS / 4)..((number + 1) * KILLS / 4) {
        kill_and_go_on(share, whole);
    }
}

#[test]
fn killed_in_the_first_quarter() {
    quarter(0);
}

#[test]
fn killed_in_the_second_quarter() {
    quarter(1);
}

#[test]
fn killed_in_the_third_quarter() {
    quarter(2);
}

#[test]
fn killed_in_the_last_quarter() {
    quarter(3);
}
