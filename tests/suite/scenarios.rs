//! Journeys through the real terraform and the embedded Azure: what a stack lives through.

use std::process::Command;

use aksight::azure::Write;
use aksight::base::{ArmId, Kind};
use serde_json::{Value, json};

use crate::rehearsal::{Ended, Rehearsal};

const CLUSTER: &str = "aks-quickstart";
const GRAFANA: &str = "amg-quickstart";

fn result(ended: &Ended) -> String {
    ended.json()["result"].as_str().unwrap().to_owned()
}

/// The second run believes nothing and finds nothing: no write, and terraform itself agrees.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_provision_has_nothing_to_do() {
    let stage = Rehearsal::new();
    let first = stage.provision();
    assert_eq!(result(&first), "changed");
    let seen = stage.requests().len();
    let second = stage.provision();
    assert_eq!(result(&second), "unchanged", "{}", second.all());
    assert_eq!(stage.writes_since(seen), Vec::<String>::new());
    let units = second.json()["units"].as_array().unwrap().clone();
    assert!(
        units.len() > 15 && units.iter().all(|unit| unit["status"] == "unchanged" && unit["reason"] != ""),
        "{}",
        second.all()
    );

    let azure = stage.second_writer().await;
    let plan = terraform(&stage, &azure, &["plan", "-detailed-exitcode", "-input=false", "-no-color"]);
    assert_eq!(plan.code, Some(0), "{}", plan.all());
    azure.leave().await;
}

/// Terraform in the stack's directory, signed in as the rehearsal is.
fn terraform(stage: &Rehearsal, azure: &crate::rehearsal::SecondWriter, args: &[&str]) -> Ended {
    let embedded = &azure.embedded;
    let mut command = Command::new("terraform");
    command.args(args).current_dir(stage.state().join("terraform")).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", stage.home());
    command.env("ARM_SUBSCRIPTION_ID", embedded.subscription()).env("ARM_TENANT_ID", embedded.tenant());
    command.env("ARM_CLIENT_ID", embedded.client_id()).env("ARM_CLIENT_SECRET", embedded.client_secret().expose());
    command.env("ARM_METADATA_HOSTNAME", embedded.metadata_host()).env("SSL_CERT_FILE", embedded.ca_bundle_file());
    command.env("TF_CLI_CONFIG_FILE", stage.state().join("provider/terraform.rc"));
    Ended::of(&command.output().unwrap())
}

/// Takes a line out of the generated `ignore_changes`, as if the ledger did not have it.
fn without_ignored(stage: &Rehearsal, field: &str) {
    let path = stage.state().join("terraform/main.tf");
    let text = std::fs::read_to_string(&path).unwrap();
    let kept: Vec<&str> = text.lines().filter(|line| line.trim().trim_end_matches(',') != field).collect();
    assert!(kept.len() < text.lines().count(), "`{field}` is not in ignore_changes:\n{text}");
    std::fs::write(&path, kept.join("\n") + "\n").unwrap();
}

/// The first disaster: somebody gives Grafana another identity, and terraform would destroy it to get the old one back.
#[tokio::test(flavor = "multi_thread")]
async fn grafana_is_never_replaced_for_its_identity() {
    let stage = Rehearsal::new();
    stage.provision();
    let azure = stage.second_writer().await;
    let grafana = azure.id(Kind::Grafana, GRAFANA);
    let foreign = "/subscriptions/x/resourcegroups/rg/providers/microsoft.managedidentity/userassignedidentities/theirs";
    let identity = json!({"identity": {"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": {foreign: {}}}});
    azure.write(Write::patch(grafana.clone(), Kind::Grafana, identity)).await;
    let before = azure.get(&grafana, Kind::Grafana).await;
    azure.leave().await;

    let again = stage.provision();
    assert!(!again.stdout.contains("\"replace\": 1"), "{}", again.all());
    let azure = stage.second_writer().await;
    let after = azure.get(&grafana, Kind::Grafana).await;
    assert_eq!(after["identity"], before["identity"], "somebody else's identity is left alone");
    assert_eq!(after["properties"]["endpoint"], before["properties"]["endpoint"]);

    // Without the ledger's row, terraform would do it: the test can fail.
    without_ignored(&stage, "identity");
    let plan = terraform(&stage, &azure, &["plan", "-input=false", "-no-color"]);
    assert!(plan.stdout.contains("must be replaced"), "{}", plan.all());
    azure.leave().await;
}

/// The second disaster: terraform plans the metrics add-on away, which aksight switched on.
#[tokio::test(flavor = "multi_thread")]
async fn the_metrics_add_on_is_never_planned_away() {
    let stage = Rehearsal::new();
    stage.provision();
    let again = stage.provision();
    assert_eq!(again.unit("metrics-addon")["status"], "unchanged", "{}", again.all());
    let azure = stage.second_writer().await;
    let cluster = azure.get(&azure.id(Kind::ManagedCluster, CLUSTER), Kind::ManagedCluster).await;
    assert_eq!(cluster["properties"]["azureMonitorProfile"]["metrics"]["enabled"], true);
    without_ignored(&stage, "monitor_metrics");
    let plan = terraform(&stage, &azure, &["plan", "-input=false", "-no-color"]);
    assert!(plan.stdout.contains("monitor_metrics") && plan.stdout.contains("1 to change"), "{}", plan.all());
    azure.leave().await;
}

/// What others put there survives, and nothing of it is doubled.
#[tokio::test(flavor = "multi_thread")]
async fn foreign_things_survive() {
    let stage = Rehearsal::new();
    stage.provision();
    let azure = stage.second_writer().await;
    let (cluster, grafana) = (azure.id(Kind::ManagedCluster, CLUSTER), azure.id(Kind::Grafana, GRAFANA));
    let other = azure.id(Kind::MonitorWorkspace, "amw-somebody-elses");
    azure.put(&other, Kind::MonitorWorkspace, json!({"location": "westeurope", "properties": {}})).await;
    let list = "/properties/grafanaIntegrations/azureMonitorWorkspaceIntegrations";
    azure
        .change(&grafana, Kind::Grafana, |body| {
            let all = body.pointer_mut(list).unwrap().as_array_mut().unwrap();
            all.push(json!({"azureMonitorWorkspaceResourceId": other.to_string()}));
        })
        .await;
    azure
        .change(&cluster, Kind::ManagedCluster, |body| {
            body["properties"]["azureMonitorProfile"]["metrics"]["controlPlane"] = json!({"enabled": true});
        })
        .await;
    let patch = r#"{"data":{"their-own-key":"keep = \"me\"","pod-annotation-based-scraping":"podannotationnamespaceregex = \"theirs.*\""}}"#;
    azure
        .invoke(&cluster, &format!("kubectl -n kube-system patch cm ama-metrics-settings-configmap --type=merge -p '{patch}'"))
        .await;
    azure.leave().await;

    let again = stage.provision();
    assert_eq!(result(&again), "unchanged", "what others add is no drift\n{}", again.all());
    let azure = stage.second_writer().await;
    let integrations = azure.get(&grafana, Kind::Grafana).await.pointer(list).unwrap().as_array().unwrap().len();
    assert_eq!(integrations, 2);
    let profile = azure.get(&cluster, Kind::ManagedCluster).await["properties"]["azureMonitorProfile"].clone();
    assert_eq!(profile["metrics"]["controlPlane"]["enabled"], true);
    let map = azure.invoke(&cluster, "kubectl -n kube-system get cm ama-metrics-settings-configmap -o json").await;
    assert!(map.contains("their-own-key") && map.contains("theirs.*") && map.contains("hubble"), "{map}");
    azure.leave().await;
}

/// The az CLI names rule and association otherwise: what leads to the workspace is taken as it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_rule_made_by_az_under_another_name_is_used_and_not_doubled() {
    let stage = Rehearsal::new();
    stage.provision();
    let azure = stage.second_writer().await;
    let cluster = azure.id(Kind::ManagedCluster, CLUSTER);
    let listed = azure.azure.list(&cluster, Kind::DataCollectionRuleAssociation, None).await.unwrap();
    let ours = ArmId::parse(listed[0]["id"].as_str().unwrap()).unwrap();
    let rule = ArmId::parse(listed[0]["properties"]["dataCollectionRuleId"].as_str().unwrap()).unwrap();
    let theirs = azure.id(Kind::DataCollectionRule, "MSProm-westeurope-by-az");
    let mut body = azure.get(&rule, Kind::DataCollectionRule).await;
    body.as_object_mut().unwrap().retain(|key, _| ["location", "properties", "kind", "tags"].contains(&key.as_str()));
    azure.put(&theirs, Kind::DataCollectionRule, body).await;
    azure.write(Write::delete(ours, Kind::DataCollectionRuleAssociation)).await;
    azure.write(Write::delete(rule.clone(), Kind::DataCollectionRule)).await;
    let by_az = cluster.resource(Kind::DataCollectionRuleAssociation.resource_type(), "by-az");
    azure
        .put(&by_az, Kind::DataCollectionRuleAssociation, json!({"properties": {"dataCollectionRuleId": theirs.to_string()}}))
        .await;
    azure.leave().await;

    let again = stage.provision();
    assert_eq!(result(&again), "unchanged", "{}", again.all());
    assert_eq!(stage.resources("/datacollectionruleassociations/").len(), 1);
    assert!(!stage.resources("/datacollectionrules/").contains(&rule.to_string().to_lowercase()));
}

/// A fault half-way is reported with its unit, and the same command again finishes the work.
#[test]
fn what_fails_is_named_and_the_next_run_goes_on() {
    let stage = Rehearsal::new();
    let failed = stage.act("provision", &["--fault", "error:400:PUT:dataCollectionRules:1"]);
    assert_eq!((failed.code, result(&failed).as_str()), (Some(1), "failed"), "{}", failed.all());
    assert_eq!(failed.unit("dcr")["status"], "failed", "{}", failed.all());
    assert_eq!(failed.unit("dcra")["status"], "blocked", "{}", failed.all());
    let healed = stage.provision();
    assert_eq!(result(&healed), "changed");
}

/// An answer that is lost half-way costs a round, not the run: what terraform could not write down is taken up.
#[test]
fn a_lost_answer_is_made_good_in_the_same_run() {
    let stage = Rehearsal::new();
    let done = stage.act("provision", &["--fault", "drop:PUT:grafana:1"]);
    assert_eq!((done.code, result(&done).as_str()), (Some(0), "changed"), "{}", done.all());
    assert!(done.stderr.contains("taking up what an earlier run created"), "{}", done.all());
    assert_eq!(result(&stage.provision()), "unchanged");
}

/// The plan alone changes nothing and says so with exit code 2; afterwards with 0.
#[test]
fn a_plan_is_only_a_plan() {
    let stage = Rehearsal::new();
    let plan = stage.act("plan", &[]);
    assert_eq!((plan.code, result(&plan).as_str()), (Some(2), "planned"), "{}", plan.all());
    assert_eq!(stage.writes_since(0), Vec::<String>::new());
    stage.provision();
    let plan = stage.act("plan", &[]);
    assert_eq!((plan.code, result(&plan).as_str()), (Some(0), "unchanged"), "{}", plan.all());
}

/// What would be destroyed stops the run with exit code 10, until it is named.
#[test]
fn a_replacement_needs_its_name() {
    let stage = Rehearsal::new();
    stage.provision();
    let file = stage.home().join("aksight.yaml");
    let text = std::fs::read_to_string(&file).unwrap().replace("name: amg-quickstart", "name: amg-renamed");
    std::fs::write(&file, text).unwrap();
    let seen = stage.requests().len();
    let refused = stage.act("provision", &[]);
    assert_eq!((refused.code, result(&refused).as_str()), (Some(10), "denied"), "{}", refused.all());
    assert!(refused.stdout.contains("--allow-destroy azurerm_dashboard_grafana.this"), "{}", refused.all());
    assert_eq!(stage.writes_since(seen), Vec::<String>::new());
}

/// Data that does not arrive is exit code 11, with the first broken link.
#[tokio::test(flavor = "multi_thread")]
async fn a_broken_link_is_named() {
    let stage = Rehearsal::new();
    stage.provision();
    let azure = stage.second_writer().await;
    let cluster = azure.id(Kind::ManagedCluster, CLUSTER);
    let map = "kubectl -n kube-system delete cm ama-metrics-settings-configmap";
    azure.invoke(&cluster, map).await;
    azure.invoke(&cluster, "kubectl -n kube-system rollout restart ds/ama-metrics-node").await;
    azure.leave().await;
    let broken = stage.act("verify", &["--no-wait"]);
    assert_eq!((broken.code, result(&broken).as_str()), (Some(11), "unverified"), "{}", broken.all());
    let checks: Vec<Value> = broken.json()["checks"].as_array().unwrap().clone();
    assert!(checks.iter().any(|check| check["verdict"] != "pass" && check["remedy"].is_string()), "{}", broken.all());
    let healed = stage.provision();
    assert_eq!(healed.unit("settings-configmap")["status"], "done", "{}", healed.all());
}

/// One run at a time: the second says who holds the stack.
#[tokio::test(flavor = "multi_thread")]
async fn a_stack_has_one_run_at_a_time() {
    let stage = Rehearsal::new();
    let mut first = stage.start("provision", &[]);
    // The lock is signed before anything else is asked.
    let lock = stage.state().join("lock.json");
    while std::fs::read_to_string(&lock).unwrap_or_default().is_empty() {
        assert!(first.try_wait().unwrap().is_none(), "the first run ended early");
        tokio::task::yield_now().await;
    }
    let second = stage.act("provision", &[]);
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!((second.code, result(&second).as_str()), (Some(12), "locked"), "{}", second.all());
    assert!(second.stdout.contains("process"), "{}", second.all());
}

/// Azure's roles decide inside the cluster, and the API server is open: the role that lets the settings be written is assigned in
/// the same run, and awaited until the cluster honours it.
#[test]
fn a_role_inside_the_cluster_is_awaited() {
    let file =
        std::fs::read_to_string(std::path::Path::new(crate::TOP).join("terraform/examples/quickstart/aksight.yaml")).unwrap();
    let entra = "name: aks-quickstart\n  entra:\n    localAccounts: false";
    let stage = Rehearsal::with(&file.replace("name: aks-quickstart", entra), "quickstart");
    let done = stage.provision();
    assert_eq!(done.unit("role:me-writes-settings")["status"], "done", "{}", done.all());
    assert_eq!(result(&stage.provision()), "unchanged");
}

/// What terraform made before it failed is told as made, and is there when the next run goes on.
#[test]
fn a_failed_apply_tells_what_was_made_before() {
    let stage = Rehearsal::new();
    let failed = stage.act("provision", &["--yes", "--fault", "error:403:PUT:managedClusters/aks-quickstart:99"]);
    assert_eq!(failed.code, Some(1), "{}", failed.all());
    let unit = |name: &str| failed.unit(&format!("terraform:azurerm_{name}.this"));
    let status = |name: &str| unit(name)["status"].as_str().unwrap().to_owned();
    let names = ["resource_group", "monitor_workspace", "dashboard_grafana", "kubernetes_cluster"];
    assert_eq!(names.map(status), ["done", "done", "done", "failed"], "{}", failed.all());
    assert!(unit("kubernetes_cluster")["reason"].as_str().unwrap().contains("terraform did not do it"), "{}", failed.all());
    assert_eq!(failed.unit("metrics-addon")["status"], "blocked", "{}", failed.all());
    stage.provision();
}
