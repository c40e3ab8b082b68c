//! Drift found, told with who and when, and mended; what is nobody's business stays.

use aksight::base::Kind;
use serde_json::{Value, json};

use crate::rehearsal::{Ended, Rehearsal};

/// Fields of the report's drift that are to be acted upon: `unit field`.
fn to_mend(ended: &Ended) -> Vec<String> {
    let report = ended.json();
    let items = report["drift"]["items"].as_array().unwrap_or_else(|| panic!("no drift\n{}", ended.all())).clone();
    let ours = items.iter().filter(|item| item["winner"] == "file");
    ours.map(|item| format!("{} {}", item["unit"].as_str().unwrap(), item["field"].as_str().unwrap())).collect()
}

fn item(ended: &Ended, unit: &str) -> Value {
    let report = ended.json();
    let items = report["drift"]["items"].as_array().unwrap().clone();
    items.into_iter().find(|item| item["unit"] == unit).unwrap_or_else(|| panic!("no item of `{unit}`\n{}", ended.all()))
}

/// What is in the world, without what changes by itself.
fn lasting(stage: &Rehearsal) -> Value {
    let mut resources = stage.world()["resources"].clone();
    for body in resources.as_object_mut().unwrap().values_mut() {
        for field in ["systemData", "eTag", "etag"] {
            body.as_object_mut().unwrap().remove(field);
        }
        for stamp in ["createdOn", "updatedOn"] {
            body["properties"].as_object_mut().unwrap().remove(stamp);
        }
    }
    resources
}

/// A change that somebody makes.
type Edit = fn(&mut Value);

const CLUSTER: &str = "terraform:azurerm_kubernetes_cluster.this";

#[test]
fn drift_in_terraforms_fields_is_found_without_terraform_and_mended() {
    let stage = Rehearsal::new();
    stage.provision();
    let before = lasting(&stage);
    let clean = stage.act("drift", &[]);
    assert_eq!((clean.code, to_mend(&clean)), (Some(0), vec![]), "{}", clean.all());
    // Somebody scales, tags, opens and switches; the service brings an image and patches.
    stage.edit("managedclusters/aks-quickstart", |cluster| {
        let properties = &mut cluster["properties"];
        properties["agentPoolProfiles"][0]["count"] = json!(5);
        properties["agentPoolProfiles"][0]["nodeImageVersion"] = json!("AKSUbuntu-newer");
        properties["agentPoolProfiles"][0]["upgradeSettings"]["maxSurge"] = json!("33%");
        properties["currentKubernetesVersion"] = json!("1.34.9");
        properties["networkProfile"]["advancedNetworking"]["observability"]["enabled"] = json!(false);
        properties["autoUpgradeProfile"]["nodeOSUpgradeChannel"] = json!("None");
        cluster["sku"]["tier"] = json!("Standard");
    });
    stage.edit("grafana/amg-quickstart", |grafana| grafana["properties"]["publicNetworkAccess"] = json!("Disabled"));
    let expected = [
        "default_node_pool[0].node_count",
        "default_node_pool[0].upgrade_settings[0].max_surge",
        "network_profile[0].advanced_networking[0].observability_enabled",
        "node_os_upgrade_channel",
        "sku_tier",
    ];
    let mut expected: Vec<String> = expected.iter().map(|field| format!("{CLUSTER} {field}")).collect();
    expected.insert(0, "terraform:azurerm_dashboard_grafana.this public_network_access_enabled".to_owned());
    let started = stage.requests().len();
    let fast = stage.act("drift", &[]);
    assert_eq!((fast.code, to_mend(&fast)), (Some(2), expected.clone()), "{}", fast.all());
    assert_eq!(stage.writes_since(started), Vec::<String>::new());
    let deep = stage.act("drift", &["--deep"]);
    assert_eq!((deep.code, to_mend(&deep)), (Some(2), expected), "{}", deep.all());
    assert_eq!(item(&fast, CLUSTER)["owner"], "terraform");
    let healed = stage.act("reconcile", &["--heal"]);
    assert_eq!((healed.code, &healed.json()["result"]), (Some(0), &"changed".into()), "{}", healed.all());
    // What the service made stays, everything else is as before.
    let mut after = lasting(&stage);
    let (cluster, _) = stage.only("managedclusters/aks-quickstart");
    after[&cluster]["properties"]["agentPoolProfiles"][0]["nodeImageVersion"] =
        before[&cluster]["properties"]["agentPoolProfiles"][0]["nodeImageVersion"].clone();
    after[&cluster]["properties"]["currentKubernetesVersion"] =
        before[&cluster]["properties"]["currentKubernetesVersion"].clone();
    assert_eq!(after, before);
    let again = stage.act("reconcile", &[]);
    assert_eq!((again.code, &again.json()["verified"]), (Some(0), &true.into()), "{}", again.all());
}

#[tokio::test]
async fn drift_of_rest_units_is_found_in_turn_told_with_its_author_and_mended() {
    let stage = Rehearsal::new();
    stage.provision();
    let before = lasting(&stage);
    // Each change is found, with those before it.
    let changes: [(&str, &str, Edit); 4] = [
        ("metrics-addon", "managedclusters/aks-quickstart", |body| {
            body["properties"]["azureMonitorProfile"]["metrics"]["enabled"] = json!(false);
        }),
        ("dcr", "datacollectionrules/msprom-westeurope-aks-quickstart", |body| {
            body["properties"]["dataCollectionEndpointId"] =
                json!("/subscriptions/s/resourceGroups/g/providers/Microsoft.Insights/dataCollectionEndpoints/other");
        }),
        ("recording-rules", "noderecordingrulesrulegroup-aks-quickstart", |body| {
            body["properties"]["clusterName"] = json!("another");
        }),
        ("grafana-integration", "grafana/amg-quickstart", |body| {
            body["properties"]["grafanaIntegrations"]["azureMonitorWorkspaceIntegrations"] = json!([]);
        }),
    ];
    for (unit, part, change) in changes {
        stage.edit(part, change);
        let seen = stage.act("drift", &[]);
        assert_eq!((seen.code, item(&seen, unit)["owner"].as_str()), (Some(2), Some("rest")), "{}", seen.all());
    }
    // Somebody else deletes an assignment, the association and the endpoint, over ARM.
    let writer = stage.second_writer().await;
    let assignment = stage.resources("roleassignments").into_iter().find(|id| id.contains("accounts/amw")).unwrap();
    let gone = [
        (assignment, Kind::RoleAssignment),
        (stage.resources("datacollectionruleassociations")[0].clone(), Kind::DataCollectionRuleAssociation),
        (stage.resources("datacollectionendpoints/msprom")[0].clone(), Kind::DataCollectionEndpoint),
    ];
    for (id, kind) in gone {
        writer.write(aksight::azure::Write::delete(aksight::base::ArmId::parse(&id).unwrap(), kind)).await;
    }
    writer.leave().await;
    let seen = stage.act("drift", &[]);
    for unit in ["dce", "dcr", "dcra", "metrics-addon", "recording-rules", "grafana-integration"] {
        assert_eq!(item(&seen, unit)["class"], "drift", "{}", seen.all());
    }
    assert!(to_mend(&seen).iter().any(|line| line.starts_with("role:")), "{}", seen.all());
    // The Activity Log tells who wrote the cluster last, and when.
    let told = item(&seen, "metrics-addon");
    assert!(told["by"].is_string() && told["since"].is_string(), "{}", seen.all());
    let healed = stage.act("reconcile", &["--heal"]);
    assert_eq!(healed.code, Some(0), "{}", healed.all());
    assert_eq!(to_mend(&stage.act("drift", &["--deep"])), Vec::<String>::new());
    let (after, names) = (lasting(&stage), |world: &Value| world.as_object().unwrap().keys().cloned().collect::<Vec<_>>());
    assert_eq!(names(&after), names(&before));
}

/// A look that finds nothing asks little; what it does not ask again was shown before, and is asked once it no longer fits.
#[tokio::test]
async fn a_look_that_finds_nothing_asks_little_and_still_proves_the_data() {
    let stage = Rehearsal::new();
    stage.provision();
    let asked = |more: &[&str]| {
        let from = stage.requests().len();
        let ended = stage.act("reconcile", more);
        let all = stage.requests()[from..].to_vec();
        let paths: Vec<String> = all.iter().map(|request| request["path"].as_str().unwrap().to_owned()).collect();
        let signs_in = |path: &&String| path.contains("/oauth2/") || path.starts_with("/metadata/");
        (ended, paths.iter().filter(|path| !signs_in(path)).cloned().collect::<Vec<_>>())
    };
    let (quick, paths) = asked(&[]);
    assert_eq!((quick.code, &quick.json()["verified"]), (Some(0), &true.into()), "{}", quick.all());
    assert!(paths.len() <= 15, "{paths:#?}");
    let verdict = |ended: &Ended, id: &str| {
        let report = ended.json();
        let checks = report["checks"].as_array().unwrap();
        checks.iter().find(|check| check["id"] == id).unwrap()["verdict"].as_str().unwrap().to_owned()
    };
    assert_eq!(["agents", "hubble-flows", "grafana-query"].map(|id| verdict(&quick, id)), ["pass"; 3], "{}", quick.all());
    assert_eq!(verdict(&quick, "dashboards"), "skipped");
    // A deep look asks for everything.
    let (deep, _) = asked(&["--deep"]);
    assert_eq!((deep.code, verdict(&deep, "dashboards").as_str()), (Some(0), "pass"), "{}", deep.all());
    // Grafana's data source moved: the remembered address is no longer right, so the whole proof is asked for and finds the new one.
    let journal = aksight::journal::Journal::open(&stage.state().join("journal.db")).await.unwrap();
    let now = jiff::Timestamp::now();
    let start = aksight::journal::Start { command: "a test".to_owned(), version: String::new(), pid: 1 };
    let run = journal.begin(&start, now).await.unwrap();
    let mut memory = journal.output("memory").await.unwrap().unwrap();
    memory["shortcut"]["data_source"] = json!("elsewhere");
    journal.put_output(&run, "memory", &memory, now).await.unwrap();
    journal.end(&run, "unchanged", &json!({}), now).await.unwrap();
    journal.close().await;
    let (moved, _) = asked(&[]);
    assert_eq!((moved.code, verdict(&moved, "dashboards").as_str()), (Some(0), "pass"), "{}", moved.all());
    let (quick, paths) = asked(&[]);
    assert_eq!((quick.code, verdict(&quick, "dashboards").as_str()), (Some(0), "skipped"), "{}", quick.all());
    assert!(paths.len() <= 15, "{paths:#?}");
    // Somebody writes the settings anew, to the same effect: the agents are looked at again, and awaited if they must restart.
    let writer = stage.second_writer().await;
    let cluster = writer.id(Kind::ManagedCluster, "aks-quickstart");
    let note = "kubectl -n kube-system annotate configmap ama-metrics-settings-configmap note=x";
    writer.invoke(&cluster, note).await;
    writer.leave().await;
    let (touched, paths) = asked(&[]);
    assert!(paths.iter().any(|path| path.ends_with("/daemonsets/ama-metrics-node")), "{}\n{paths:#?}", touched.all());
}

#[tokio::test]
async fn the_settings_in_the_cluster_drift_too() {
    let stage = Rehearsal::new();
    stage.provision();
    let writer = stage.second_writer().await;
    let cluster = writer.id(Kind::ManagedCluster, "aks-quickstart");
    writer.invoke(&cluster, "kubectl -n kube-system delete configmap ama-metrics-settings-configmap").await;
    writer.leave().await;
    let seen = stage.act("drift", &[]);
    let settings = item(&seen, "settings-configmap");
    assert_eq!((seen.code, settings["owner"].as_str()), (Some(2), Some("cluster")), "{}", seen.all());
    let healed = stage.act("reconcile", &["--heal"]);
    assert_eq!((healed.code, &healed.json()["verified"]), (Some(0), &true.into()), "{}", healed.all());
}

/// The cluster tells who owns which key: each difference has its own author, what others keep is told with theirs, and stays.
#[tokio::test]
async fn the_settings_are_told_with_the_author_of_each_key() {
    let stage = Rehearsal::new();
    stage.provision();
    let writer = stage.second_writer().await;
    let cluster = writer.id(Kind::ManagedCluster, "aks-quickstart");
    let patch = |more: &str, data: &Value| {
        let patch = json!({ "data": data });
        format!("kubectl -n kube-system patch cm ama-metrics-settings-configmap --type=merge {more} -p '{patch}'")
    };
    let theirs = "default-targets-scrape-enabled: |-\n  networkobservabilityHubble = false\n  coredns = true";
    writer.invoke(&cluster, &patch("--field-manager=somebody", &json!({"cluster-metrics": theirs}))).await;
    writer.invoke(&cluster, &patch("", &json!({"ksm-config": "resources: {}"}))).await;
    writer.leave().await;
    let authors = |ended: &Ended| {
        let report = ended.json();
        let items = report["drift"]["items"].as_array().unwrap().clone();
        let settings = items.iter().filter(|item| item["unit"] == "settings-configmap");
        let text = |value: &Value| value.as_str().unwrap_or("unknown").to_owned();
        let told = settings.map(|item| format!("{} {} by {}", text(&item["winner"]), text(&item["field"]), text(&item["by"])));
        told.collect::<std::collections::BTreeSet<_>>().into_iter().collect::<Vec<_>>().join("\n")
    };
    let seen = stage.act("drift", &[]);
    assert_eq!(seen.code, Some(2), "{}", seen.all());
    insta::assert_snapshot!(authors(&seen), @r"
    file cluster-metrics/default-targets-metrics-keep-list/networkobservabilityHubble by somebody
    file cluster-metrics/default-targets-scrape-enabled/networkobservabilityHubble by somebody
    found cluster-metrics/default-targets-scrape-enabled/coredns by somebody
    found ksm-config by kubectl-patch
    ");
    let healed = stage.act("reconcile", &["--heal"]);
    assert_eq!(healed.code, Some(0), "{}", healed.all());
    // What stays is nobody's drift; the key that was mended belongs to aksight now.
    let after = stage.act("drift", &[]);
    assert_eq!(after.code, Some(0), "{}", after.all());
    insta::assert_snapshot!(authors(&after), @r"
    found cluster-metrics/default-targets-scrape-enabled/coredns by unknown
    found ksm-config by kubectl-patch
    ");
}

/// A role that is assigned above the subscription satisfies the wish below it, for the direct look and for the sweep.
#[tokio::test]
async fn a_role_at_a_management_group_or_in_the_whole_tenant_counts() {
    let stage = Rehearsal::new();
    stage.provision();
    let file = std::fs::read_to_string(stage.home().join("aksight.yaml")).unwrap();
    let spec = aksight::spec::read(&file, "aksight.yaml").unwrap();
    let identity = std::fs::read_to_string(stage.state().join("azure/identity.json")).unwrap();
    let tenant = serde_json::from_str::<Value>(&identity).unwrap()["tenant"].as_str().unwrap().to_owned();
    let whole = stage.world();
    let put = |world: &Value| std::fs::write(stage.state().join("azure/world.json"), world.to_string()).unwrap();
    let at_subscription = |id: &&String| id.contains("/roleassignments/") && !id.contains("/resourcegroups/");
    let (id, body) = whole["resources"].as_object().unwrap().iter().find(|(id, _)| at_subscription(id)).unwrap();
    let gone = |world: &mut Value| drop(world["resources"].as_object_mut().unwrap().remove(id));
    for scope in [None, Some(format!("/providers/Microsoft.Management/managementGroups/{tenant}")), Some("/".to_owned())] {
        let mut world = whole.clone();
        gone(&mut world);
        if let Some(scope) = &scope {
            let above = format!(
                "{}/providers/Microsoft.Authorization/roleAssignments/{}",
                scope.trim_end_matches('/'),
                body["name"].as_str().unwrap()
            );
            let mut body = body.clone();
            (body["id"], body["properties"]["scope"]) = (json!(above), json!(scope));
            world["resources"][above.to_lowercase()] = body;
        }
        put(&world);
        let code = if scope.is_some() { 0 } else { 2 };
        let seen = stage.act("drift", &[]);
        assert_eq!(seen.code, Some(code), "{scope:?}: {}", seen.all());
        let writer = stage.second_writer().await;
        let swept = aksight::run::Swept { spec: &spec, subscription: writer.embedded.subscription() };
        let cancel = tokio_util::sync::CancellationToken::new();
        let sweep = Box::pin(aksight::run::sweep(
            &[swept],
            aksight::run::Purpose::Drift,
            &writer.azure,
            &aksight::run::RealClock,
            &cancel,
        ))
        .await;
        assert_eq!(matches!(sweep.verdicts[0], aksight::run::Verdict::Clean { .. }), scope.is_some(), "{scope:?}: {sweep:?}");
        writer.leave().await;
    }
}

#[test]
fn what_healing_would_take_away_or_destroy_waits_for_approval() {
    let stage = Rehearsal::new();
    stage.provision();
    // A tag of somebody's: the file does not allow to take it away.
    stage.edit("managedclusters/aks-quickstart", |cluster| cluster["tags"] = json!({"cost-center": "42"}));
    let waiting = stage.act("reconcile", &["--heal"]);
    assert_eq!((waiting.code, &waiting.json()["result"]), (Some(13), &"waiting".into()), "{}", waiting.all());
    assert_eq!(item(&waiting, CLUSTER)["class"], "foreign-addition");
    let plan = waiting.json()["drift"]["plan"].as_str().unwrap().to_owned();
    // Approved is what was looked at: after another change it no longer fits.
    stage.edit("managedclusters/aks-quickstart", |cluster| cluster["tags"] = json!({"cost-center": "43"}));
    let moved = stage.act("reconcile", &["--heal", "--approve", &plan]);
    assert_eq!(moved.code, Some(13), "{}", moved.all());
    assert!(moved.stdout.contains("the world has moved"), "{}", moved.all());
    stage.edit("managedclusters/aks-quickstart", |cluster| cluster["tags"] = json!({"cost-center": "42"}));
    let done = stage.act("reconcile", &["--heal", "--approve", &plan]);
    assert_eq!((done.code, &done.json()["result"]), (Some(0), &"changed".into()), "{}", done.all());
    // A field that only a new cluster could have: never without somebody who names it.
    stage.edit("managedclusters/aks-quickstart", |cluster| {
        cluster["properties"]["networkProfile"]["podCidr"] = json!("10.200.0.0/16");
    });
    let started = stage.requests().len();
    let waiting = stage.act("reconcile", &["--heal"]);
    assert_eq!(waiting.code, Some(13), "{}", waiting.all());
    assert!(waiting.stdout.contains("azurerm_kubernetes_cluster.this"), "{}", waiting.all());
    assert_eq!(stage.writes_since(started), Vec::<String>::new());
}
