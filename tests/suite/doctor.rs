//! `aksight doctor`: what stands in the way of a provision is told before it, and nothing is written to find it out.

use std::path::Path;

use aksight::azure::Write;
use aksight::base::{ArmId, Kind};
use serde_json::{Value, json};

use crate::TOP;
use crate::rehearsal::{Ended, Rehearsal, Served};

/// The quickstart's file with something changed.
fn file(change: impl FnOnce(String) -> String) -> String {
    change(std::fs::read_to_string(Path::new(TOP).join("terraform/examples/quickstart/aksight.yaml")).unwrap())
}

/// Examines the stack as somebody, with a file of its own.
fn examine(stage: &Rehearsal, variables: &[(String, String)], file: &str) -> Ended {
    std::fs::write(stage.home().join("other.yaml"), file).unwrap();
    let mut command = stage.command(&["doctor", "--file", "other.yaml", "--output", "json"]);
    Ended::of(&command.envs(variables.iter().map(|(name, value)| (name, value))).output().unwrap())
}

/// The points of a topic that stand so, as `subject: detail`.
fn points(ended: &Ended, topic: &str, standing: &str) -> Vec<String> {
    let report = ended.json();
    let fits = |point: &&Value| point["topic"] == topic && point["standing"] == standing;
    let told = |point: &Value| format!("{}: {}", point["subject"].as_str().unwrap(), point["detail"].as_str().unwrap());
    report["points"].as_array().unwrap().iter().filter(fits).map(told).collect()
}

fn missing(ended: &Ended) -> Vec<String> {
    let report = ended.json();
    let missing = report["points"].as_array().unwrap().iter().filter(|point| point["standing"] == "missing");
    missing.map(|point| format!("{} {}", point["topic"].as_str().unwrap(), point["subject"].as_str().unwrap())).collect()
}

/// Every request that was no read, the sign-in aside.
fn writes(stage: &Rehearsal) -> Vec<String> {
    let log = std::fs::read_to_string(stage.home().join("azure/requests.jsonl")).unwrap();
    let requests = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let told = |request: Value| {
        let (method, path) = (request["method"].as_str().unwrap(), request["path"].as_str().unwrap());
        let reads = ["GET", "HEAD"].contains(&method) || (method == "POST" && path.ends_with("/oauth2/v2.0/token"));
        (!reads).then(|| format!("{method} {path}"))
    };
    requests.filter_map(told).collect()
}

#[test]
fn before_anything_is_there_each_is_told_what_it_lacks() {
    let stage = Rehearsal::new();
    let principals = ["--principal", "ci=Contributor", "--principal", "auditor=Reader", "--principal", "stranger"];
    let served = Served::start(&stage, &principals);
    let quickstart = file(|text| text);

    let owner = examine(&stage, &served.variables, &quickstart);
    assert_eq!((owner.code, missing(&owner)), (Some(0), Vec::new()), "{}", owner.all());
    let unknown = points(&owner, "quotas", "unknown");
    assert!(unknown.iter().any(|point| point.contains("Microsoft.Compute answers once it is registered")), "{unknown:?}");

    let ci = examine(&stage, &served.variables_of("ci"), &quickstart);
    assert_eq!(ci.code, Some(13), "{}", ci.all());
    let roles = ["grafana-reads-workspace", "grafana-reads-subscription", "me-administers-grafana", "me-reads-workspace"];
    let mut expected = roles.map(|role| format!("rights role:{role}")).to_vec();
    let mut lacks = missing(&ci);
    expected.sort();
    lacks.sort();
    assert_eq!(lacks, expected, "a contributor lacks the right to assign roles and nothing else: {}", ci.all());
    let report = ci.json();
    let lack = report["points"].as_array().unwrap().iter().find(|point| point["subject"] == "role:me-reads-workspace").unwrap();
    let scope = format!("/subscriptions/{}", served.subscription());
    assert_eq!(lack["right"]["action"], "Microsoft.Authorization/roleAssignments/write");
    assert_eq!(lack["right"]["role"], "Role Based Access Control Administrator");
    let remedy = lack["remedy"].as_str().unwrap();
    // The workspace is not there yet, so the role is asked for above it.
    assert!(remedy.contains("az role assignment create") && remedy.ends_with(&format!("--scope {scope}")), "{remedy}");

    let auditor = examine(&stage, &served.variables_of("auditor"), &quickstart);
    assert_eq!(auditor.code, Some(13), "{}", auditor.all());
    assert_eq!(points(&auditor, "providers", "missing").len(), 9, "{}", auditor.all());
    for unit in ["terraform:azurerm_kubernetes_cluster.this", "dce", "dcr", "dcra", "metrics-addon", "settings-configmap"] {
        let lacks = points(&auditor, "rights", "missing");
        assert!(lacks.iter().any(|point| point.starts_with(&format!("{unit}: "))), "{unit}: {lacks:?}");
    }

    let stranger = examine(&stage, &served.variables_of("stranger"), &quickstart);
    assert_eq!(stranger.code, Some(13), "{}", stranger.all());
    assert_eq!(points(&stranger, "names", "unknown").len(), 5, "{}", stranger.all());
    assert_eq!(points(&stranger, "providers", "unknown").len(), 1, "{}", stranger.all());

    let mut variables = served.variables.clone();
    variables.iter_mut().find(|(name, _)| name == "ARM_CLIENT_SECRET").unwrap().1 = "wrong".to_owned();
    let nobody = examine(&stage, &variables, &quickstart);
    assert_eq!((nobody.code, missing(&nobody)), (Some(1), vec!["sign-in client secret".to_owned()]), "{}", nobody.all());
    assert!(points(&nobody, "quotas", "unknown")[0].contains("nobody is signed in"), "{}", nobody.all());

    assert_eq!(writes(&stage), Vec::<String>::new());
    assert!(!stage.home().join(".aksight").exists(), "something was written here");
}

#[test]
fn whoever_puts_nodes_into_a_subnet_needs_a_right_there() {
    let stage = Rehearsal::new();
    let served = Served::start(&stage, &["--principal", "ci=Contributor", "--principal", "auditor=Reader"]);
    let scope = format!("/subscriptions/{}", served.subscription());
    let subnet = format!("{scope}/resourceGroups/net/providers/Microsoft.Network/virtualNetworks/v/subnets/nodes");
    let in_subnet = file(|text| text.replace("cluster:\n", &format!("cluster:\n  nodePool: {{subnetId: {subnet}}}\n")));
    let joins = examine(&stage, &served.variables_of("auditor"), &in_subnet);
    let lacks = points(&joins, "rights", "missing");
    assert!(lacks.iter().any(|point| point.starts_with("subnet nodes: ") && point.contains("subnets/join/action")), "{lacks:?}");
    let fine = points(&examine(&stage, &served.variables_of("ci"), &in_subnet), "rights", "ok");
    assert!(fine.iter().any(|point| point.starts_with("subnet nodes: ")), "{fine:?}");
}

#[test]
fn what_azure_would_refuse_is_told_with_what_to_do() {
    let stage = Rehearsal::new();
    let served = Served::start(&stage, &[]);
    served.register();
    let before = writes(&stage);
    let examine = |change: &dyn Fn(String) -> String| examine(&stage, &served.variables, &file(change));
    let fine = examine(&|text| text);
    assert_eq!((fine.code, fine.json()["result"].as_str()), (Some(0), Some("ok")), "{}", fine.all());
    assert!(points(&fine, "providers", "ok")[0].contains("9 resource providers are registered"), "{}", fine.all());

    let elsewhere = examine(&|text| text.replace("westeurope", "germanywestcentral"));
    assert_eq!((elsewhere.code, missing(&elsewhere)), (Some(1), vec!["region Microsoft.Dashboard/grafana".to_owned()]));
    assert!(elsewhere.stdout.contains("northeurope"), "it says where: {}", elsewhere.all());
    let nowhere = examine(&|text| text.replace("westeurope", "atlantis"));
    assert_eq!(nowhere.code, Some(1), "{}", nowhere.all());

    let pool = |more: &str| {
        let cluster = format!("cluster:\n  {more}\n");
        move |text: String| text.replace("cluster:\n", &cluster)
    };
    let many = examine(&pool("nodePool: {count: 40}"));
    assert_eq!((many.code, missing(&many)), (Some(1), vec!["quotas standardDSv5Family".to_owned(), "quotas cores".to_owned()]));
    assert!(many.stdout.contains("160 vCPUs are needed, 100 are free"), "{}", many.all());
    let perhaps = examine(&pool("nodePool: {min: 2, max: 30}"));
    assert_eq!((perhaps.code, points(&perhaps, "quotas", "warning").len()), (Some(0), 2), "{}", perhaps.all());
    let barred = examine(&pool("nodePool: {vmSize: Standard_M128s, count: 1}"));
    assert!(points(&barred, "region", "missing")[0].contains("NotAvailableForSubscription"), "{}", barred.all());
    let unheard = examine(&pool("nodePool: {vmSize: Standard_Z9}"));
    assert!(points(&unheard, "region", "missing")[0].contains("no such size"), "{}", unheard.all());
    let old = examine(&pool("kubernetesVersion: \"1.30\""));
    assert!(points(&old, "region", "missing")[0].contains("is not offered"), "{}", old.all());
    let patch = examine(&pool("kubernetesVersion: \"1.34.6\""));
    assert_eq!(patch.code, Some(0), "{}", patch.all());
    assert_eq!(writes(&stage), before, "doctor wrote something");

    // Somebody else has the names.
    let subscription = served.subscription().to_owned();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let azure = served.azure().await;
        let group = ArmId::of_group(&subscription, "rg-aksight-quickstart");
        let workspace = group.resource(Kind::MonitorWorkspace.resource_type(), "amw-quickstart");
        let here = json!({"location": "westeurope"});
        azure.write(Write::put(group, Kind::ResourceGroup, here.clone())).await.unwrap();
        azure.write(Write::put(workspace, Kind::MonitorWorkspace, here)).await.unwrap();
    });
    let taken = examine(&|text| text);
    let names = ["names resource group rg-aksight-quickstart", "names workspace amw-quickstart"];
    assert_eq!((taken.code, missing(&taken)), (Some(1), names.map(str::to_owned).to_vec()), "{}", taken.all());
    // Another cluster of the same name sends to the same workspace.
    tokio::runtime::Runtime::new().unwrap().block_on(neighbour(&served));
    let mixed = examine(&|text| text);
    assert!(points(&mixed, "names", "warning")[0].contains("their series would mix"), "{}", mixed.all());
    let alias = examine(&|text| text.replace("monitoring:\n", "monitoring:\n  clusterAlias: shop\n"));
    assert!(points(&alias, "names", "ok").iter().any(|point| point.starts_with("cluster label shop")), "{}", alias.all());
    let moved = examine(&|text| text.replace("westeurope", "northeurope"));
    assert!(points(&moved, "names", "missing")[0].contains("exists in westeurope"), "{}", moved.all());
}

/// A cluster in another group whose metrics go to the stack's workspace.
async fn neighbour(served: &Served) {
    let azure = served.azure().await;
    let workspace = ArmId::of_group(served.subscription(), "rg-aksight-quickstart")
        .resource(Kind::MonitorWorkspace.resource_type(), "amw-quickstart");
    let group = ArmId::of_group(served.subscription(), "rg-other");
    let cluster = group.resource(Kind::ManagedCluster.resource_type(), "aks-quickstart");
    let endpoint = group.resource(Kind::DataCollectionEndpoint.resource_type(), "theirs");
    let rule = group.resource(Kind::DataCollectionRule.resource_type(), "theirs");
    let association = cluster.resource(Kind::DataCollectionRuleAssociation.resource_type(), "theirs");
    let flow = json!({"streams": ["Microsoft-PrometheusMetrics"], "destinations": ["w"]});
    let rows = [
        (group, Kind::ResourceGroup, json!({"location": "westeurope"})),
        (
            cluster,
            Kind::ManagedCluster,
            json!({"location": "westeurope", "identity": {"type": "SystemAssigned"}, "properties": {"dnsPrefix": "c",
                "networkProfile": {"networkPlugin": "azure"}, "agentPoolProfiles": [{"name": "system", "mode": "System", "count": 1}]}}),
        ),
        (endpoint.clone(), Kind::DataCollectionEndpoint, json!({"location": "westeurope", "kind": "Linux", "properties": {}})),
        (
            rule.clone(),
            Kind::DataCollectionRule,
            json!({"location": "westeurope", "kind": "Linux", "properties": {"dataCollectionEndpointId": endpoint, "dataFlows": [flow],
                "dataSources": {"prometheusForwarder": [{"name": "p", "streams": ["Microsoft-PrometheusMetrics"]}]},
                "destinations": {"monitoringAccounts": [{"accountResourceId": workspace, "name": "w"}]}}}),
        ),
        (association, Kind::DataCollectionRuleAssociation, json!({"properties": {"dataCollectionRuleId": rule}})),
    ];
    for (id, kind, body) in rows {
        azure.write(Write::put(id, kind, body)).await.unwrap();
    }
}

/// The commands of the page, and a stack that stands.
#[test]
fn a_stack_that_stands_lacks_nothing() {
    let stage = Rehearsal::new();
    let first = stage.run(&["doctor", "--simulate", "--sim-pace", "0.002"]);
    assert_eq!(first.code, Some(0), "{}", first.all());
    assert!(first.stdout.contains("nothing was written"), "{}", first.all());
    stage.provision();
    let count = stage.requests().len();
    let ended = stage.act("doctor", &[]);
    assert_eq!((ended.code, ended.json()["result"].as_str()), (Some(0), Some("ok")), "{}", ended.all());
    let ours = points(&ended, "names", "ok");
    assert_eq!(ours.iter().filter(|point| point.contains("terraform's state holds it")).count(), 4, "{ours:?}");
    assert_eq!(stage.writes_since(count), Vec::<String>::new());
    let fleet = stage.run(&["doctor", "--simulate", "--output", "github"]);
    assert_eq!(fleet.code, Some(64), "{}", fleet.all());
}
