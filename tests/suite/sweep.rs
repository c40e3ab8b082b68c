//! A fleet looked at out of Resource Graph: what it costs, what it finds, and that it never has the last word.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aksight::azure::{self, Azure, CredentialSource, Write};
use aksight::base::{ArmId, Kind};
use aksight::desired::{Desired, resolve};
use aksight::event::Winner;
use aksight::kube::{self, Door};
use aksight::run::{self, Purpose, RealClock, Swept, Verdict};
use aksight::sim::server as embedded;
use aksight::spec::{self, Spec};
use aksight::{observe, plan};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::copies::{Copy, Original};
use crate::rehearsal::{Ended, Rehearsal};

const OTHER: &str = "00000000-0000-4000-8000-000000000002";
const ADMINS: &str = "00000000-0000-0000-0000-00000000000c";
const GRAPH: &str = "/providers/Microsoft.ResourceGraph/resources";

/// The shipped fleet, with one of its stacks in another subscription.
fn fleet() -> String {
    let file = std::fs::read_to_string(Path::new(crate::TOP).join("terraform/examples/fleet/aksight-fleet.yaml")).unwrap();
    file.replace("{resourceGroup: rg-shop-b}", &format!("{{resourceGroup: rg-shop-b, subscription: {OTHER}}}"))
}

fn azure_home(stage: &Rehearsal) -> PathBuf {
    stage.home().join(".aksight/fleet-rehearsals/shops/azure")
}

/// What the fleet's Azure was asked, without sign-in and discovery: `METHOD path`.
fn asked(stage: &Rehearsal, from: usize) -> Vec<String> {
    let log = std::fs::read_to_string(azure_home(stage).join("requests.jsonl")).unwrap();
    let lines = log.lines().skip(from).map(|line| serde_json::from_str::<Value>(line).unwrap());
    let told = lines.map(|line| format!("{} {}", line["method"].as_str().unwrap(), line["path"].as_str().unwrap()));
    told.filter(|line| !line.contains("/oauth2/") && !line.contains("/metadata/endpoints")).collect()
}

fn requests(stage: &Rehearsal) -> usize {
    std::fs::read_to_string(azure_home(stage).join("requests.jsonl")).unwrap().lines().count()
}

fn edit(home: &Path, end: &str, change: impl FnOnce(&mut Value)) {
    let path = home.join("world.json");
    let mut world: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let found = world["resources"].as_object_mut().unwrap().iter_mut().find(|(id, _)| id.ends_with(end));
    change(found.unwrap_or_else(|| panic!("no `{end}`")).1);
    std::fs::write(path, world.to_string()).unwrap();
}

fn drift(stage: &Rehearsal, more: &[&str]) -> Ended {
    stage.act("drift", &[&["--file", "aksight.yaml"], more].concat())
}

fn results(ended: &Ended) -> Vec<String> {
    let word = |line: &Value| format!("{} {}", line["name"].as_str().unwrap(), line["report"]["result"].as_str().unwrap_or("-"));
    ended.json()["stacks"].as_array().unwrap_or_else(|| panic!("{}", ended.all())).iter().map(word).collect()
}

const CLEAN: [&str; 3] = ["hub unchanged", "shop-a unchanged", "shop-b unchanged"];

#[tokio::test]
async fn a_fleet_is_swept_and_only_what_differs_is_looked_at() {
    let stage = Rehearsal::with(&fleet(), "shops");
    let made = stage.act("provision", &["--file", "aksight.yaml", "--yes"]);
    assert_eq!(made.code, Some(0), "{}", made.all());
    let home = azure_home(&stage);

    // Nothing differs: one question per kind, and no stack is touched.
    let from = requests(&stage);
    let clean = drift(&stage, &[]);
    assert_eq!((clean.code, results(&clean)), (Some(0), CLEAN.map(str::to_owned).to_vec()), "{}", clean.all());
    let sent = asked(&stage, from);
    let questions = sent.iter().filter(|line| line.ends_with(GRAPH)).count();
    let asked = "groups, clusters, workspaces, Grafanas, associations, rules, endpoints, rule groups, roles";
    assert_eq!(questions, 9, "{asked}: {sent:#?}");
    assert_eq!(sent.len(), questions + 2 + 1, "registrations of two subscriptions, recommendations of one region: {sent:#?}");
    let sweep = &clean.json()["sweep"];
    assert_eq!((&sweep["stacks"], &sweep["requests"], &sweep["looked"]), (&3.into(), &sent.len().into(), &json!({})));
    for line in clean.json()["stacks"].as_array().unwrap() {
        let report = &line["report"];
        assert_eq!((&report["run"], &report["drift"]["items"]), (&Value::Null, &json!([])));
        assert!(report["plan"]["blind_spots"][0].as_str().unwrap().contains("settings ConfigMap"), "{report}");
    }

    // Somebody scales one cluster.
    edit(&home, "managedclusters/aks-shop-b", |body| body["properties"]["agentPoolProfiles"][0]["count"] = json!(7));
    let seen = drift(&stage, &[]);
    let expected = ["hub unchanged", "shop-a unchanged", "shop-b drifted"].map(str::to_owned).to_vec();
    assert_eq!((seen.code, results(&seen)), (Some(2), expected.clone()), "{}", seen.all());
    let report = seen.json();
    let items = report["stacks"][2]["report"]["drift"]["items"].as_array().unwrap();
    assert_eq!(
        (items.len(), &items[0]["field"], &items[0]["owner"]),
        (1, &"default_node_pool[0].node_count".into(), &"terraform".into())
    );
    assert!(report["stacks"][2]["report"]["run"].is_string(), "what drifted went through the ordinary run");
    assert_eq!(report["sweep"]["looked"].as_object().unwrap().keys().collect::<Vec<_>>(), ["shop-b"]);
    assert_eq!(report["sweep"]["unconfirmed"], 0);
    let each = drift(&stage, &["--each"]);
    assert_eq!((each.code, results(&each), &each.json()["sweep"]), (Some(2), expected, &Value::Null));
    edit(&home, "managedclusters/aks-shop-b", |body| body["properties"]["agentPoolProfiles"][0]["count"] = json!(3));

    // Throttled, it waits; without an answer, or without the subscription, it reads directly and says so.
    let throttled = drift(&stage, &["--fault", "throttle:POST:ResourceGraph:3"]);
    assert_eq!((throttled.code, &throttled.json()["sweep"]["looked"]), (Some(0), &json!({})), "{}", throttled.all());
    let broken = drift(&stage, &["--fault", "error:403:POST:ResourceGraph:9"]);
    assert_eq!((broken.code, results(&broken)), (Some(0), CLEAN.map(str::to_owned).to_vec()), "{}", broken.all());
    assert_eq!(broken.json()["sweep"]["unconfirmed"], 3);
    assert!(broken.stderr.contains("Resource Graph does not answer"), "{}", broken.all());
    let unread = drift(&stage, &["--fault", &format!("error:403:GET:{OTHER}/providers:1")]);
    assert_eq!(unread.json()["sweep"]["looked"].as_object().unwrap().keys().collect::<Vec<_>>(), ["shop-b"], "{}", unread.all());

    lag(&stage, &home).await;
}

/// Resource Graph still shows what was: the direct look has the last word.
async fn lag(stage: &Rehearsal, home: &Path) {
    edit(home, "resourcegroups/rg-shop-b", |body| body["tags"]["who"] = json!("somebody"));
    let served = Served::start(home, 1.0).await;
    let swept = |azure: Azure| async move { swept_fleet(&azure, &fleet()).await };
    let id = ArmId::of_group(OTHER, "rg-shop-b");
    let mut body = served.client.get(&id, Kind::ResourceGroup).await.unwrap().unwrap().body;
    body["tags"].as_object_mut().unwrap().remove("who");
    served.client.write(Write::put(id, Kind::ResourceGroup, body)).await.unwrap();
    // It is mended, and Resource Graph does not know yet.
    let verdicts = swept(served.client.clone()).await;
    assert!(matches!(&verdicts["shop-b"], Verdict::Look { why } if why.contains("tags.who")), "{verdicts:?}");
    let mut command = stage.command(&["drift", "--file", "aksight.yaml", "--output", "json", "--state-dir", "real"]);
    command.env("ARM_METADATA_HOSTNAME", served.azure.metadata_host()).env("SSL_CERT_FILE", served.azure.ca_bundle_file());
    command.env("ARM_TENANT_ID", served.azure.tenant()).env("ARM_CLIENT_ID", served.azure.client_id());
    command.env("ARM_CLIENT_SECRET", served.azure.client_secret().expose()).env("NO_PROXY", "localhost");
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let ended = Ended::of(&output);
    assert_eq!((ended.code, results(&ended)), (Some(0), CLEAN.map(str::to_owned).to_vec()), "{}", ended.all());
    assert_eq!(
        (ended.json()["sweep"]["looked"].as_object().unwrap().len(), &ended.json()["sweep"]["unconfirmed"]),
        (1, &1.into())
    );
    served.azure.stop().await;
}

async fn swept_fleet(azure: &Azure, file: &str) -> BTreeMap<String, Verdict> {
    let fleet = spec::read_fleet(file, "fleet.yaml", &|_| unreachable!()).unwrap();
    let stack = |spec| Swept { spec, subscription: spec.stack.azure.subscription.as_deref().unwrap() };
    let stacks: Vec<Swept> = fleet.stacks.iter().map(|one| stack(&one.spec)).collect();
    let swept = Box::pin(run::sweep(&stacks, Purpose::Drift, azure, &RealClock, &CancellationToken::new())).await;
    assert_eq!(swept.warnings, Vec::<String>::new());
    fleet.stacks.iter().map(|one| one.name().to_owned()).zip(swept.verdicts).collect()
}

/// An embedded Azure in this process, and a client of it.
struct Served {
    azure: embedded::Azure,
    client: Azure,
}

impl Served {
    async fn start(home: &Path, pace: f64) -> Self {
        let azure = embedded::Azure::start(embedded::Options {
            state_dir: home.to_owned(),
            fresh: false,
            pace,
            port: None,
            subscription: None,
            further_subscriptions: vec![OTHER.to_owned()],
            write_at_end: false,
            tenant: None,
            faults: Vec::new(),
            principals: Vec::new(),
        })
        .await
        .unwrap();
        let http = azure::http::client_trusting_only(&[azure.ca_file().to_owned()]).unwrap();
        let cloud = azure::discover(azure.metadata_host(), &http).await.unwrap();
        let credential = CredentialSource::ClientSecret {
            tenant: azure.tenant().to_owned(),
            client_id: azure.client_id().to_owned(),
            secret: azure.client_secret().clone(),
        };
        let client = Azure::connect(azure::Settings::new(cloud, credential, http, Arc::new(RealClock))).unwrap();
        Self { azure, client }
    }
}

/// A change past everything that ARM would refuse.
struct Change {
    what: String,
    /// The end of the resource's id, `NAME` standing for the copy's name.
    end: String,
    /// Where, as [`aksight::desired::declared::DeclaredField::pointer`]; nothing to take the resource away.
    pointer: Option<String>,
    to: Value,
}

/// Something else than what is there.
fn another(value: &Value) -> Value {
    match value {
        Value::Bool(truth) => json!(!truth),
        Value::Number(number) => json!(number.as_i64().unwrap_or(0) + 1),
        Value::String(_) => json!("somethingElse"),
        Value::Array(_) => json!(["9"]),
        Value::Object(_) => json!({"somebody": "else"}),
        Value::Null => json!("somethingNew"),
    }
}

/// Every declared field in turn, and everything that REST owns in ARM.
fn changes(wish: &Desired, world: &Value) -> Vec<Change> {
    let ends = BTreeMap::from([
        ("azurerm_resource_group.this", "resourcegroups/rg-NAME"),
        ("azurerm_kubernetes_cluster.this", "managedclusters/aks-NAME"),
        ("azurerm_monitor_workspace.this", "accounts/amw-NAME"),
        ("azurerm_dashboard_grafana.this", "grafana/amg-NAME"),
    ]);
    let resources = world["resources"].as_object().unwrap();
    let declared = wish.declared.iter().map(|field| {
        let end = ends[field.address];
        let body = resources.iter().find(|(id, _)| id.ends_with(&end.replace("NAME", "original"))).unwrap().1;
        Change {
            what: format!("{} {}", field.address, field.field),
            end: end.to_owned(),
            pointer: Some(field.pointer.clone()),
            to: another(field.found(body)),
        }
    });
    let cluster = "managedclusters/aks-NAME";
    let rest = [
        ("metrics off", cluster, "/properties/azureMonitorProfile/metrics/enabled", json!(false)),
        ("policy mode", cluster, "/properties/networkProfile/advancedNetworking/security/advancedNetworkPolicies", json!("None")),
        ("under way", cluster, "/properties/provisioningState", json!("Updating")),
        ("no integration", "grafana/amg-NAME", "/properties/grafanaIntegrations", json!({})),
        ("no identity", "grafana/amg-NAME", "/identity", json!({"type": "None"})),
        ("rule without flow", "datacollectionrules/msprom-westeurope-aks-NAME", "/properties/dataFlows", json!([])),
        (
            "association elsewhere",
            "datacollectionruleassociations/containerinsightsmetricsextension",
            "/properties/dataCollectionRuleId",
            json!("/subscriptions/s/resourceGroups/g/providers/Microsoft.Insights/dataCollectionRules/x"),
        ),
        ("rules changed", "prometheusrulegroups/noderecordingrulesrulegroup-aks-NAME", "/properties/rules", json!([])),
        ("rules off", "prometheusrulegroups/uxrecordingrulesrulegroup-aks-NAME", "/properties/enabled", json!(false)),
        // These are nobody's drift.
        ("node image", cluster, "/properties/agentPoolProfiles/name=system/nodeImageVersion", json!("newer")),
        ("patch version", cluster, "/properties/currentKubernetesVersion", json!("1.99.1")),
        ("immutable id of a rule", "datacollectionrules/msprom-westeurope-aks-NAME", "/properties/immutableId", json!("x")),
    ];
    let rest = rest.map(|(what, end, pointer, to)| Change {
        what: what.to_owned(),
        end: end.to_owned(),
        pointer: Some(pointer.to_owned()),
        to,
    });
    let gone = [
        "managedclusters/aks-NAME",
        "accounts/amw-NAME",
        "grafana/amg-NAME",
        "resourcegroups/rg-NAME",
        "datacollectionruleassociations/containerinsightsmetricsextension",
        "datacollectionrules/msprom-westeurope-aks-NAME",
        "datacollectionendpoints/msprom-westeurope-aks-NAME",
        "prometheusrulegroups/uxrecordingrulesrulegroup-aks-NAME",
    ];
    let gone = gone.map(|end| Change { what: format!("gone: {end}"), end: end.to_owned(), pointer: None, to: Value::Null });
    let roles: Vec<Change> = resources
        .keys()
        .filter(|id| id.contains("/roleassignments/") && id.contains(OTHER))
        .map(|id| {
            let (scope, _) = id.rsplit_once('/').unwrap();
            let end = scope.replace("original", "NAME");
            Change { what: format!("gone: {end}"), end: format!("{end}/*"), pointer: None, to: Value::Null }
        })
        .collect();
    declared.chain(rest).chain(gone).chain(roles).collect()
}

/// Writes a value at a pointer in which `name=x` picks an element of a list.
fn set(body: &mut Value, pointer: &str, to: Value) {
    let place = pointer.split('/').skip(1).fold(body, |value, part| match part.split_once('=') {
        Some((key, name)) => value.as_array_mut().unwrap().iter_mut().find(|item| item[key] == name).unwrap(),
        None => &mut value[part],
    });
    *place = to;
}

/// Makes a change to a copy. An assignment at the subscription is known by its holder, which is the copy's own.
fn make(change: &Change, name: &str, number: usize, resources: &mut serde_json::Map<String, Value>) {
    let end = change.end.replace("NAME", name);
    let belongs = |id: &String| match end.strip_suffix("/*") {
        Some(prefix) => id.starts_with(prefix) && (prefix.contains(name) || id.ends_with(&format!("{number:08x}"))),
        None => id.ends_with(&end) && id.contains(name),
    };
    let found: Vec<String> = resources.keys().filter(|id| belongs(id)).cloned().collect();
    let [id] = found.as_slice() else {
        // Of several assignments at a scope the first goes.
        resources.remove(found.first().unwrap_or_else(|| panic!("{}: {end}", change.what)));
        return;
    };
    match &change.pointer {
        Some(pointer) => set(resources.get_mut(id).unwrap(), pointer, change.to.clone()),
        None => drop(resources.remove(id)),
    }
}

/// Whatever the direct look finds in ARM is a reason for the sweep to look, and what is nobody's drift is none: every declared field
/// and every REST unit, each changed in a stack of its own.
#[tokio::test]
async fn the_sweep_misses_nothing_that_a_direct_look_finds_in_arm() {
    let stage = Rehearsal::with(&one("original"), "shops");
    let made = stage.act("provision", &["--file", "aksight.yaml", "--yes", "--no-verify"]);
    assert_eq!(made.code, Some(0), "{}", made.all());
    let home = azure_home(&stage);
    let world: Value = serde_json::from_str(&std::fs::read_to_string(home.join("world.json")).unwrap()).unwrap();
    let identity: Value = serde_json::from_str(&std::fs::read_to_string(home.join("identity.json")).unwrap()).unwrap();
    let changes = changes(&resolve(&specs(&[one("original")])[0], OTHER), &world);
    let copies: Vec<Copy> =
        (0..=changes.len()).map(|number| Copy { name: format!("copy{number:03}"), subscription: OTHER.into() }).collect();
    let [tenant, me] = ["tenant", "object_id"].map(|key| identity[key].as_str().unwrap());
    let foreign = [tenant, me, ADMINS];
    let original = Original { world: &world, subscription: OTHER, name: "original", foreign: &foreign };
    let mut world = original.copied(&copies);
    for (number, (change, copy)) in changes.iter().zip(&copies).enumerate() {
        make(change, &copy.name, number, world["resources"].as_object_mut().unwrap());
    }
    std::fs::write(home.join("world.json"), world.to_string()).unwrap();

    let served = Served::start(&home, 0.002).await;
    let specs = specs(&copies.iter().map(|copy| one(&copy.name)).collect::<Vec<_>>());
    let stacks: Vec<Swept> = specs.iter().map(|spec| Swept { spec, subscription: OTHER }).collect();
    let swept = Box::pin(run::sweep(&stacks, Purpose::Drift, &served.client, &RealClock, &CancellationToken::new())).await;
    let mut told = Vec::new();
    for (number, (spec, verdict)) in specs.iter().zip(&swept.verdicts).enumerate() {
        let found = looked(&served.client, spec).await;
        let what = changes.get(number).map_or("nothing", |change| change.what.as_str());
        assert_eq!(matches!(verdict, Verdict::Look { .. }), !found.is_empty(), "{what}: {verdict:?}, directly {found:?}");
        assert!(what != "nothing" || found.is_empty(), "an untouched copy: {found:?}, {verdict:?}");
        told.push((what, found.is_empty()));
    }
    let silent: Vec<&str> = told.iter().filter(|(_, clean)| *clean).map(|(what, _)| *what).collect();
    insta::assert_snapshot!(silent.join("\n"), @r"
    node image
    patch version
    immutable id of a rule
    nothing
    ");
    served.azure.stop().await;
}

/// A fleet of one stack in the second subscription, with every field of a cluster that is declared.
fn one(name: &str) -> String {
    format!(
        "apiVersion: aksight/v1
kind: Fleet
metadata: {{name: shops}}
stacks:
  - name: {name}
    azure: {{subscription: {OTHER}, location: westeurope, resourceGroup: rg-{name}, tags: {{team: platform}}}}
    cluster:
      name: aks-{name}
      kubernetesVersion: \"1.34\"
      tier: Premium
      nodePool: {{name: system, min: 3, max: 9, zones: [\"1\", \"2\"], osSku: AzureLinux, maxPods: 110, maxSurge: 33%}}
      network: {{outboundType: managedNATGateway}}
      acns: {{security: true, policyMode: L7}}
      entra: {{azureRbac: true, adminGroups: [{ADMINS}], localAccounts: false}}
    monitoring: {{workspace: {{name: amw-{name}}}}}
    grafana: {{name: amg-{name}, size: X1}}
"
    )
}

fn specs(files: &[String]) -> Vec<Spec> {
    let spec = |file: &String| {
        let fleet = spec::read_fleet(file, "fleet.yaml", &|_| unreachable!()).unwrap_or_else(|wrong| panic!("{wrong:#?}"));
        fleet.stacks[0].spec.clone()
    };
    files.iter().map(spec).collect()
}

/// What a direct look finds in ARM: nobody goes into the clusters, which the copies have empty.
async fn looked(azure: &Azure, spec: &Spec) -> Vec<String> {
    let desired = resolve(spec, OTHER);
    let door = Door::new(|_| async { Err(kube::Error::Unauthorized { message: "a test".to_owned() }) });
    let observed = Box::pin(observe::look(&desired, azure, &door, &observe::Known::default(), jiff::Timestamp::now())).await;
    let plan = plan::draft(&desired, &observed).unwrap();
    let items = plan::drift(&desired, &observed, &plan);
    items.iter().filter(|item| item.winner != Winner::Found).map(|item| format!("{} {}", item.unit, item.field)).collect()
}
