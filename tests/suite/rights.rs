//! Principals with fewer rights than an owner's, against an Azure that is only known by its metadata host.

use crate::rehearsal::{Ended, Rehearsal, Served};

/// A command of this principal's.
fn run(stage: &Rehearsal, variables: &[(String, String)], args: &[&str]) -> Ended {
    let mut command = stage.command(args);
    Ended::of(&command.envs(variables.iter().map(|(name, value)| (name, value))).output().unwrap())
}

/// Whatever would have changed ARM, and was allowed to.
fn writes(stage: &Rehearsal) -> Vec<String> {
    let log = std::fs::read_to_string(stage.home().join("azure/requests.jsonl")).unwrap();
    let requests = log.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let told = |request: serde_json::Value| {
        let (method, path) = (request["method"].as_str().unwrap(), request["path"].as_str().unwrap());
        let reads = ["GET", "HEAD"].contains(&method) || path.contains("/oauth2/");
        let done = request["status"].as_u64().unwrap() < 400;
        (!reads && done).then(|| format!("{method} {path}"))
    };
    requests.filter_map(told).collect()
}

#[test]
fn who_may_only_read_is_told_what_is_missing_and_changes_nothing() {
    let stage = Rehearsal::new();
    let served = Served::start(&stage, &["--principal", "auditor=Reader", "--principal", "stranger"]);
    let ended = run(&stage, &served.variables_of("auditor"), &["provision", "--yes", "--output", "json"]);
    assert_eq!(ended.code, Some(1), "{}", ended.all());
    assert!(
        ended.stdout.contains("AuthorizationFailed") && ended.stdout.contains("does not have authorization"),
        "{}",
        ended.all()
    );
    assert_eq!(writes(&stage), Vec::<String>::new());
    let plan = run(&stage, &served.variables_of("auditor"), &["plan", "--output", "json"]);
    assert_eq!(plan.code, Some(2), "who may read may plan: {}", plan.all());
    let stranger = run(&stage, &served.variables_of("stranger"), &["plan", "--output", "json"]);
    assert_eq!(stranger.code, Some(1), "{}", stranger.all());
    assert!(stranger.stdout.contains("/read"), "{}", stranger.all());
    assert_eq!(writes(&stage), Vec::<String>::new());
}

#[test]
fn terraform_is_refused_as_its_principal_and_says_so() {
    let stage = Rehearsal::new();
    let served = Served::start(&stage, &["--principal", "auditor=Reader"]);
    served.register();
    let before = writes(&stage);
    let ended = run(&stage, &served.variables_of("auditor"), &["provision", "--yes", "--output", "json"]);
    assert_eq!(ended.code, Some(1), "{}", ended.all());
    let report = ended.json();
    let told = &report["diagnostics"][0];
    let (code, text) = (told["code"].as_str().unwrap(), told.to_string());
    // Where terraform itself met the refusal, its words come through.
    assert!(["AKS-0305", "AKS-0402"].contains(&code), "{}", ended.all());
    assert!(text.contains("Microsoft.Resources/subscriptions/resourcegroups/write"), "{}", ended.all());
    assert!(text.contains("/subscriptions/") && text.contains("rg-aksight-quickstart"), "{}", ended.all());
    assert_eq!(writes(&stage), before);
}
