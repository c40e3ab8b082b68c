//! Taking a stack away: all of ours, nothing of others, also when it is broken off.

use std::time::Duration;

use aksight::azure::Write;
use aksight::base::{ArmId, Kind};
use serde_json::json;

use crate::rehearsal::Rehearsal;

/// Everything that is left in the world.
fn left(stage: &Rehearsal) -> Vec<String> {
    stage.resources("/")
}

#[test]
fn everything_of_ours_goes_and_the_second_run_finds_nothing() {
    let stage = Rehearsal::new();
    stage.provision();
    let seen = stage.requests().len();
    let refused = stage.act("destroy", &["--yes"]);
    assert_eq!((refused.code, &refused.json()["result"]), (Some(10), &"denied".into()), "{}", refused.all());
    assert!(refused.stdout.contains("--include-data"), "{}", refused.all());
    assert_eq!(stage.writes_since(seen), Vec::<String>::new());
    let gone = stage.act("destroy", &["--yes", "--include-data"]);
    assert_eq!((gone.code, &gone.json()["result"]), (Some(0), &"changed".into()), "{}", gone.all());
    assert_eq!(left(&stage), Vec::<String>::new());
    // What cannot be made again from the file was copied before.
    let snapshots = std::fs::read_dir(stage.state().join("snapshots")).unwrap().next().unwrap().unwrap().path();
    for name in ["settings.json", "roles.json", "cluster.json", "workspace.json", "grafana.json"] {
        assert!(snapshots.join(name).exists(), "{name}");
    }
    let boards = std::fs::read_dir(&snapshots)
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("dashboard-"));
    assert!(boards.count() >= 6);
    let seen = stage.requests().len();
    let again = stage.act("destroy", &["--yes", "--include-data"]);
    assert_eq!((again.code, &again.json()["result"]), (Some(0), &"unchanged".into()), "{}", again.all());
    assert_eq!(stage.writes_since(seen), Vec::<String>::new());
    // And the same file makes it anew.
    stage.provision();
}

#[tokio::test]
async fn what_others_made_is_named_stops_it_and_is_never_touched() {
    let stage = Rehearsal::new();
    stage.provision();
    let writer = stage.second_writer().await;
    // By az-like means: in our group somebody's endpoint, and a rule elsewhere that uses our endpoint.
    let theirs = writer.id(Kind::DataCollectionEndpoint, "somebodys-endpoint");
    let body = json!({"location": "westeurope", "kind": "Linux", "properties": {}});
    writer.put(&theirs, Kind::DataCollectionEndpoint, body).await;
    let elsewhere = ArmId::of_group(writer.embedded.subscription(), "rg-others");
    writer.put(&elsewhere, Kind::ResourceGroup, json!({"location": "westeurope"})).await;
    let workspace = elsewhere.resource(Kind::MonitorWorkspace.resource_type(), "amw-others");
    writer.put(&workspace, Kind::MonitorWorkspace, json!({"location": "westeurope", "properties": {}})).await;
    let ours = writer.id(Kind::DataCollectionEndpoint, "MSProm-westeurope-aks-quickstart");
    let rule = elsewhere.resource(Kind::DataCollectionRule.resource_type(), "others-rule");
    let stream = "Microsoft-PrometheusMetrics";
    let body = json!({"location": "westeurope", "kind": "Linux", "properties": {
        "dataCollectionEndpointId": ours.to_string(),
        "dataSources": {"prometheusForwarder": [{"name": "p", "streams": [stream], "labelIncludeFilter": {}}]},
        "destinations": {"monitoringAccounts": [{"accountResourceId": workspace.to_string(), "name": "m"}]},
        "dataFlows": [{"streams": [stream], "destinations": ["m"]}]}});
    writer.put(&rule, Kind::DataCollectionRule, body).await;
    writer.leave().await;
    let seen = stage.requests().len();
    let stopped = stage.act("destroy", &["--yes", "--include-data"]);
    assert_eq!(stopped.code, Some(10), "{}", stopped.all());
    assert!(stopped.stdout.contains("somebodys-endpoint") && stopped.stdout.contains("others use it"), "{}", stopped.all());
    assert_eq!(stage.writes_since(seen), Vec::<String>::new());
    // They take theirs away and let go of ours.
    let writer = stage.second_writer().await;
    writer.write(Write::delete(theirs, Kind::DataCollectionEndpoint)).await;
    writer
        .change(&rule, Kind::DataCollectionRule, |body| {
            body["properties"].as_object_mut().unwrap().remove("dataCollectionEndpointId");
        })
        .await;
    writer.leave().await;
    let gone = stage.act("destroy", &["--yes", "--include-data"]);
    assert_eq!(gone.code, Some(0), "{}", gone.all());
    let left = left(&stage);
    assert!(left.iter().all(|id| id.contains("rg-others") || id.contains("ma_amw-others")), "{left:?}");
    assert!(left.iter().any(|id| id.ends_with("others-rule")), "{left:?}");
}

/// Roles go before Grafana: the second run can no longer read it, and need not, because the first has made the copy.
#[test]
fn an_operation_that_failed_is_made_good_by_the_next_run() {
    for fault in ["fail-operation:grafana", "error:403:DELETE:roleAssignments:1"] {
        let stage = Rehearsal::new();
        stage.provision();
        let failed = stage.act("destroy", &["--yes", "--include-data", "--fault", fault]);
        assert_eq!(failed.code, Some(1), "{fault}\n{}", failed.all());
        let again = stage.act("destroy", &["--yes", "--include-data"]);
        assert_eq!(again.code, Some(0), "{fault}\n{}", again.all());
        assert_eq!(left(&stage), Vec::<String>::new(), "{fault}");
    }
}

/// Not a wait for something to happen: the moment itself is what is tested.
#[expect(clippy::disallowed_methods, reason = "a random moment is no condition that could be awaited")]
fn wait(time: Duration) {
    std::thread::sleep(time);
}

#[test]
fn broken_off_at_any_moment_it_is_finished_by_the_next_run() {
    let whole = {
        let stage = Rehearsal::new();
        stage.provision();
        let began = std::time::Instant::now();
        assert_eq!(stage.act("destroy", &["--yes", "--include-data"]).code, Some(0));
        began.elapsed()
    };
    for share in 1..=4_u32 {
        let stage = Rehearsal::new();
        stage.provision();
        let mut run = stage.start("destroy", &["--yes", "--include-data"]);
        let moment = whole.mul_f64(f64::from(share) / 5.0);
        wait(moment);
        run.kill().unwrap();
        run.wait().unwrap();
        let again = stage.act("destroy", &["--yes", "--include-data"]);
        assert_eq!(again.code, Some(0), "killed after {moment:?}\n{}", again.all());
        assert_eq!(left(&stage), Vec::<String>::new(), "killed after {moment:?}");
    }
}

#[test]
fn a_provision_that_was_killed_leaves_nothing_that_destroy_does_not_find() {
    for share in 1..=4_u32 {
        let stage = Rehearsal::new();
        let mut run = stage.start("provision", &["--yes"]);
        let moment = Duration::from_millis(u64::from(share) * 900);
        wait(moment);
        run.kill().unwrap();
        run.wait().unwrap();
        let gone = stage.act("destroy", &["--yes", "--include-data"]);
        assert_eq!(gone.code, Some(0), "killed after {moment:?}\n{}", gone.all());
        assert_eq!(left(&stage), Vec::<String>::new(), "killed after {moment:?}");
    }
}

/// The metrics go, everything else stays, and what users had the agents scrape is copied before it vanishes with the add-on.
#[test]
fn metrics_alone_are_switched_off_and_on_again() {
    let stage = Rehearsal::new();
    stage.provision();
    let mut world = stage.world();
    let cluster = stage.only("managedclusters/aks-quickstart").0;
    let objects = &mut world["planes"]["clusters"][&cluster]["store"]["objects"];
    let mut monitor = objects["configmaps/kube-system/ama-metrics-settings-configmap"].clone();
    monitor["object"] = json!({"apiVersion": "azmonitoring.coreos.com/v1", "kind": "PodMonitor", "spec": {"selector": {}},
        "metadata": {"name": "web", "namespace": "shop", "uid": "1", "resourceVersion": "1", "labels": {"theirs": "x"}}});
    objects["podmonitors.azmonitoring.coreos.com/shop/web"] = monitor;
    std::fs::write(stage.state().join("azure/world.json"), world.to_string()).unwrap();
    let before = stage.resources("");
    let done = stage.act("disable", &["metrics"]);
    assert_eq!((done.code, &done.json()["result"]), (Some(0), &"changed".into()), "{}", done.all());
    // The workspace has a rule and an endpoint of its own, in a group that Azure manages.
    let managed = |id: &String| id.contains("/resourcegroups/ma_");
    let gone = |part: &str| assert!(stage.resources(part).iter().all(managed), "{part}");
    for part in ["datacollectionruleassociations/", "datacollectionrules/", "datacollectionendpoints/", "prometheusrulegroups/"] {
        gone(part);
    }
    assert_eq!(stage.only("managedclusters/aks-quickstart").1["properties"]["azureMonitorProfile"]["metrics"]["enabled"], false);
    let kept =
        before.iter().filter(|id| managed(id) || !(id.contains("/microsoft.insights/") || id.contains("/prometheusrulegroups/")));
    let now = stage.resources("");
    assert_eq!(kept.filter(|id| !now.contains(id)).collect::<Vec<_>>(), Vec::<&String>::new());
    // What vanished with the add-on can be applied again.
    let runs = std::fs::read_dir(stage.state().join("snapshots")).unwrap().map(|entry| entry.unwrap().path());
    let copies: Vec<serde_json::Value> = runs
        .map(|run| serde_json::from_str(&std::fs::read_to_string(run.join("custom-resources.json")).unwrap()).unwrap())
        .collect();
    let expected = json!([{"apiVersion": "azmonitoring.coreos.com/v1", "kind": "PodMonitor", "spec": {"selector": {}},
        "metadata": {"name": "web", "namespace": "shop", "labels": {"theirs": "x"}}}]);
    assert_eq!(copies.iter().map(|list| &list["items"]).collect::<Vec<_>>(), [&expected]);
    assert!(done.json()["next"][0].as_str().unwrap().contains("users' scrape configurations"), "{}", done.all());
    let again = stage.act("disable", &["metrics"]);
    assert_eq!((again.code, &again.json()["result"]), (Some(0), &"unchanged".into()), "{}", again.all());
    assert_eq!(stage.act("drift", &[]).code, Some(2));
    stage.provision();
}
