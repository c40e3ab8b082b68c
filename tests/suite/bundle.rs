//! Reviewed plans as files: what was reviewed is carried out, or nothing is, and the reason is told.

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use age::secrecy::ExposeSecret as _;
use base64::Engine as _;
use serde_json::{Value, json};

use crate::TOP;
use crate::rehearsal::{Ended, Rehearsal};

const FILE: &str = "reviewed.plan";
const CLUSTER: &str = "managedclusters/aks-quickstart";

/// A pair of age's keys: the public one, and a file with the other.
fn pair(stage: &Rehearsal, name: &str) -> (String, PathBuf) {
    let key = age::x25519::Identity::generate();
    let path = stage.home().join(name);
    std::fs::write(&path, format!("# test\n{}\n", key.to_string().expose_secret())).unwrap();
    (key.to_public().to_string(), path)
}

/// Saves a plan that must be one with changes.
fn saved(stage: &Rehearsal, more: &[&str]) -> Ended {
    let ended = stage.act("plan", &[&["--out", FILE], more].concat());
    assert_eq!((ended.code, &ended.json()["result"]), (Some(2), &json!("planned")), "{}", ended.all());
    ended
}

fn carried_out(stage: &Rehearsal, more: &[&str]) -> Ended {
    stage.act("provision", &[&["--plan", FILE], more].concat())
}

/// The first error's code, and the whole of it as text.
fn told(ended: &Ended) -> (String, String) {
    let report = ended.json();
    let first = report["diagnostics"].as_array().unwrap().iter().find(|one| one["severity"] == "error");
    let first = first.unwrap_or_else(|| panic!("no error\n{}", ended.all()));
    (first["code"].as_str().unwrap().to_owned(), first.to_string())
}

/// A provision under the plan must be refused with this code and these words, and must write nothing.
fn refused(stage: &Rehearsal, more: &[&str], (exit, code): (i32, &str), words: &[&str]) {
    let seen = stage.requests().len();
    let ended = carried_out(stage, more);
    assert_eq!(ended.code, Some(exit), "{}", ended.all());
    let (found, text) = told(&ended);
    assert_eq!(found, code, "{}", ended.all());
    for word in words {
        assert!(text.contains(word), "`{word}` is not told\n{}", ended.all());
    }
    assert_eq!(stage.writes_since(seen), Vec::<String>::new(), "{}", ended.all());
    assert_ne!(ended.json()["saved_plan"]["applied"], true);
    assert!(!stage.state().join("terraform/reviewed.tfplan").exists());
}

const MOVED: (i32, &str) = (13, "AKS-0703");
const UNUSABLE: (i32, &str) = (1, "AKS-0704");

/// A file of the stack's with something in it replaced.
fn rewrite(stage: &Rehearsal, from: &str, to: &str) {
    let path = stage.home().join("aksight.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(path, text.replacen(from, to, 1)).unwrap();
}

/// The bundle's two lines.
fn lines(stage: &Rehearsal) -> (Value, Value) {
    let text = std::fs::read_to_string(stage.home().join(FILE)).unwrap();
    let (head, body) = text.split_once('\n').unwrap();
    (serde_json::from_str(head).unwrap(), serde_json::from_str(body).unwrap())
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
        std::fs::copy(&entry, to.join(entry.file_name().unwrap())).unwrap();
    }
}

/// Everything that is in a plain bundle, terraform's archive unpacked.
fn everything(stage: &Rehearsal) -> String {
    let mut all = std::fs::read_to_string(stage.home().join(FILE)).unwrap();
    if let Some(text) = lines(stage).1["terraform"].as_str() {
        let bytes = base64::engine::general_purpose::STANDARD.decode(text).unwrap();
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
        for index in 0..archive.len() {
            let mut part = Vec::new();
            archive.by_index(index).unwrap().read_to_end(&mut part).unwrap();
            all.push_str(&String::from_utf8_lossy(&part));
        }
    }
    all
}

/// The whole way: saved, reviewed, carried out to the letter, told in the report, and then there is nothing left.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_reviewed_is_carried_out() {
    let stage = Rehearsal::new();
    let plan = saved(&stage, &[]);
    assert_eq!(stage.writes_since(0), Vec::<String>::new());
    let report = plan.json();
    let digest = report["saved_plan"]["digest"].as_str().unwrap();
    assert!(digest.starts_with("sha256:") && digest.len() == 71, "{digest}");
    let path = stage.home().join(FILE);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let (head, body) = lines(&stage);
    assert_eq!((&head["schema"], &head["digest"]), (&json!("aksight.plan/v1"), &report["saved_plan"]["digest"]));
    assert_eq!(body["units"]["metrics-addon"]["action"], "create", "{body:#}");
    // A first plan holds nothing that terraform calls sensitive, and no credential.
    let azure = stage.second_writer().await;
    let secret = azure.embedded.client_secret().expose().to_owned();
    azure.leave().await;
    let all = everything(&stage);
    assert!(all.contains("azurerm_kubernetes_cluster"), "the archive was not read");
    assert!(!all.contains(&secret) && !all.contains("BEGIN RSA"));

    // On another machine, as it were: nothing but the file is brought along, and Azure is the same at another address. Without `--yes`
    // and without a terminal, because the review was the consent.
    let elsewhere = Rehearsal::new();
    copy(&stage.state().join("azure"), &elsewhere.state().join("azure"));
    std::fs::copy(&path, elsewhere.home().join(FILE)).unwrap();
    let stage = elsewhere;
    let done = carried_out(&stage, &["--digest", digest]);
    let report = done.json();
    assert_eq!((done.code, &report["result"], &report["verified"]), (Some(0), &json!("changed"), &json!(true)), "{}", done.all());
    assert_eq!((&report["saved_plan"]["digest"], &report["saved_plan"]["applied"]), (&json!(digest), &json!(true)));
    let plan = plan.json();
    for unit in plan["units"].as_array().unwrap().iter().filter(|unit| unit["action"] != "unchanged") {
        let after = done.unit(unit["id"].as_str().unwrap());
        assert_eq!((&after["action"], &after["status"]), (&unit["action"], &json!("done")), "{}", done.all());
    }
    assert!(!stage.state().join("terraform/reviewed.tfplan").exists());
    let seen = stage.requests().len();
    let again = carried_out(&stage, &[]);
    assert_eq!((again.code, &again.json()["result"]), (Some(0), &json!("unchanged")), "{}", again.all());
    assert_eq!(again.json()["saved_plan"]["applied"], false);
    assert_eq!(stage.writes_since(seen), Vec::<String>::new());
}

/// Every way in which a plan of an empty Azure can cease to fit or to be usable, before terraform has a state.
#[test]
fn a_plan_that_does_not_fit_is_refused_and_the_reason_is_named() {
    let stage = Rehearsal::new();
    std::fs::create_dir(stage.home().join("rules")).unwrap();
    let path = stage.home().join("aksight.yaml");
    let file = std::fs::read_to_string(&path).unwrap() + "policies: {directories: [rules]}\n";
    std::fs::write(&path, &file).unwrap();
    saved(&stage, &[]);
    let bundle = std::fs::read(stage.home().join(FILE)).unwrap();

    // Age.
    refused(&stage, &["--max-age", "1ms"], MOVED, &["time: it was made at", "--max-age"]);
    // The file: what it says now, value by value.
    rewrite(&stage, "name: aks-quickstart", "name: aks-other");
    refused(&stage, &[], MOVED, &["moved: the file, cluster.name", "`aks-quickstart`", "`aks-other`"]);
    std::fs::write(&path, file.clone() + "# a comment changes nothing\n").unwrap();
    // Policies.
    let rule = stage.home().join("rules/own.rego");
    std::fs::write(&rule, "package team.own\n\nwarn contains {\"id\": \"T\", \"message\": \"m\", \"remedy\": \"r\"}\n").unwrap();
    refused(&stage, &[], MOVED, &["moved: policies"]);
    std::fs::remove_file(&rule).unwrap();
    // Another stack.
    rewrite(&stage, "name: quickstart", "name: another");
    let ended = carried_out(&stage, &[]);
    let (code, text) = told(&ended);
    assert_eq!((ended.code, code.as_str()), (Some(1), "AKS-0704"), "{}", ended.all());
    assert!(text.contains("stack: expected `quickstart`, now `another`"), "{text}");
    std::fs::write(&path, &file).unwrap();
    // Another subscription.
    rewrite(&stage, "\nazure:\n", "\nazure:\n  subscription: 11111111-1111-4111-8111-111111111111\n");
    refused(&stage, &[], UNUSABLE, &["subscription: expected", "11111111-1111-4111-8111-111111111111"]);
    std::fs::write(&path, &file).unwrap();
    // Another digest than the one that was reviewed.
    refused(&stage, &["--digest", "sha256:0"], UNUSABLE, &["sha256:0"]);

    // Each part edited, and the end lost.
    let (head, body) = lines(&stage);
    for part in body.as_object().unwrap().keys() {
        let mut other = body.clone();
        other[part] = json!("other");
        std::fs::write(stage.home().join(FILE), format!("{head}\n{other}\n")).unwrap();
        refused(&stage, &[], UNUSABLE, &[FILE]);
    }
    std::fs::write(stage.home().join(FILE), &bundle[..bundle.len() / 2]).unwrap();
    refused(&stage, &[], UNUSABLE, &["cut short"]);
    std::fs::write(stage.home().join(FILE), "no plan").unwrap();
    refused(&stage, &[], UNUSABLE, &["no plan of aksight's"]);
    std::fs::remove_file(stage.home().join(FILE)).unwrap();
    refused(&stage, &[], UNUSABLE, &["cannot read"]);

    // Versions and the parts' agreement, under digests that were made to fit.
    for (part, value, exit, words) in [
        ("/facts/aksight", json!("0.0.1"), MOVED, "version of aksight: expected `0.0.1`"),
        ("/facts/terraform", json!("Terraform 1.0.0"), MOVED, "terraform: expected `Terraform 1.0.0`"),
        ("/facts/providers", json!("x"), MOVED, "providers' lock file"),
        (
            "/facts/state",
            json!({"lineage": "theirs", "serial": 7}),
            MOVED,
            "terraform's state: expected `theirs` at serial 7, now none",
        ),
        ("/facts/rehearsal", json!(false), UNUSABLE, "a rehearsal"),
        ("/units/dcr/action", json!("delete"), MOVED, "`dcr`: expected delete, now create"),
        ("/facts/world", json!("x"), MOVED, "the world"),
        ("/terraform", Value::Null, UNUSABLE, "its plan file is not there"),
        ("/terraform", json!("AAAA"), UNUSABLE, "terraform cannot read its plan file"),
    ] {
        let mut other = body.clone();
        *other.pointer_mut(part).unwrap() = value;
        forge(&stage, &other);
        refused(&stage, &[], exit, &[words]);
    }
    // As it was written, it still fits.
    std::fs::write(stage.home().join(FILE), &bundle).unwrap();
    // An answer that is lost half-way is made good in a second round, which finishes what was reviewed.
    let done = carried_out(&stage, &["--no-verify", "--fault", "drop:PUT:grafana:1"]);
    assert!(done.stderr.contains("round 2: finishing what is left of the reviewed plan"), "{}", done.all());
    assert_eq!((done.code, &done.json()["result"]), (Some(0), &json!("changed")), "{}", done.all());
}

/// Writes a bundle as somebody would who knows the format.
fn forge(stage: &Rehearsal, body: &Value) {
    let body = body.to_string();
    let head = json!({"schema": "aksight.plan/v1", "digest": aksight::bundle::digest(body.as_bytes()), "bytes": body.len()});
    std::fs::write(stage.home().join(FILE), format!("{head}\n{body}\n")).unwrap();
}

/// Plans over a stack that is there: the world moves in ARM and in the cluster; terraform's plan holds a kubeconfig, and is kept from
/// whoever must not read it.
#[tokio::test(flavor = "multi_thread")]
async fn the_world_may_not_move_and_secrets_are_not_in_clear() {
    let stage = Rehearsal::new();
    stage.provision();
    let nothing = stage.act("plan", &["--out", FILE]);
    assert_eq!((nothing.code, &nothing.json()["saved_plan"]["applied"]), (Some(0), &json!(false)), "{}", nothing.all());
    assert_eq!(lines(&stage).1["terraform"], Value::Null);
    // ARM: nothing was to be done, and now something is.
    let rule = "datacollectionrules/msprom-westeurope-aks-quickstart";
    let (_, before) = stage.only(rule);
    stage.edit(rule, |body| {
        body["properties"]["dataCollectionEndpointId"] =
            json!("/subscriptions/s/resourceGroups/g/providers/Microsoft.Insights/dataCollectionEndpoints/other");
    });
    refused(&stage, &[], MOVED, &["moved: `dcr`: expected unchanged, now update"]);
    stage.edit(rule, |body| *body = before);
    // The cluster.
    let azure = stage.second_writer().await;
    let cluster = azure.id(aksight::base::Kind::ManagedCluster, "aks-quickstart");
    azure.invoke(&cluster, "kubectl -n kube-system delete configmap ama-metrics-settings-configmap").await;
    let secret = azure.embedded.client_secret().expose().to_owned();
    azure.leave().await;
    refused(&stage, &[], MOVED, &["moved: `settings-configmap`: expected unchanged, now create"]);
    // A plan without work for terraform has no secrets, and is carried out in the cluster alone.
    saved(&stage, &[]);
    assert!(!everything(&stage).contains(&secret));
    let done = carried_out(&stage, &[]);
    assert_eq!((done.code, &done.unit("settings-configmap")["status"]), (Some(0), &json!("done")), "{}", done.all());

    // Terraform has work: its plan holds the state, and the state a kubeconfig.
    stage.edit(CLUSTER, |cluster| cluster["tags"] = json!({"team": "theirs"}));
    std::fs::remove_file(stage.home().join(FILE)).unwrap();
    let clear = stage.act("plan", &["--out", FILE]);
    let (code, text) = told(&clear);
    assert_eq!((clear.code, code.as_str()), (Some(1), "AKS-0705"), "{}", clear.all());
    assert!(text.contains("azurerm_kubernetes_cluster.this.kube_config"), "{text}");
    assert!(!stage.home().join(FILE).exists());
    saved(&stage, &["--plain"]);
    assert!(everything(&stage).contains("kube_config_raw"), "a test of nothing");
    // The same, encrypted: nobody reads it, not even which stack it is for.
    let ((ours, key), (_, strangers)) = (pair(&stage, "key.txt"), pair(&stage, "strangers.txt"));
    let (key, strangers) = (key.to_str().unwrap(), strangers.to_str().unwrap());
    saved(&stage, &["--encrypt-to", &ours]);
    let bytes = std::fs::read(stage.home().join(FILE)).unwrap();
    assert!(!String::from_utf8_lossy(&bytes).contains("quickstart"));
    refused(&stage, &[], UNUSABLE, &["no identity was given", "AKSIGHT_IDENTITY"]);
    refused(&stage, &["--identity", strangers], UNUSABLE, &["encrypted to somebody else"]);
    std::fs::write(stage.home().join(FILE), &bytes[..bytes.len() - 1]).unwrap();
    refused(&stage, &["--identity", key], UNUSABLE, &["cut short or altered"]);
    std::fs::write(stage.home().join(FILE), &bytes).unwrap();
    // Other tags than those that were reviewed to be taken away.
    stage.edit(CLUSTER, |cluster| cluster["tags"] = json!({"team": "ours"}));
    refused(&stage, &["--identity", key], MOVED, &["`terraform:azurerm_kubernetes_cluster.this`", "theirs", "ours"]);
    stage.edit(CLUSTER, |cluster| cluster["tags"] = json!({"team": "theirs"}));
    let text = std::fs::read_to_string(key).unwrap();
    let done = stage.act_with("provision", &["--plan", FILE], &[("AKSIGHT_IDENTITY", &text)]);
    assert_eq!((done.code, &done.json()["saved_plan"]["encrypted"]), (Some(0), &json!(true)), "{}", done.all());
    assert_eq!(stage.only(CLUSTER).1["tags"], json!({}), "{}", done.all());

    // Terraform's state went on since: what was drawn from an older one is refused, even if it would come to the same.
    stage.edit(CLUSTER, |cluster| cluster["tags"] = json!({"team": "theirs"}));
    refused(&stage, &["--identity", key], MOVED, &["moved: terraform's state: expected"]);
}

/// What would be destroyed is named when the plan is made; a plan that is denied is not saved.
#[test]
fn a_denied_plan_is_not_saved_and_an_allowed_one_keeps_its_permission() {
    let stage = Rehearsal::new();
    stage.provision();
    rewrite(&stage, "name: amg-quickstart", "name: amg-renamed");
    let denied = stage.act("plan", &["--out", FILE]);
    assert_eq!(denied.code, Some(10), "{}", denied.all());
    assert!(!stage.home().join(FILE).exists() && denied.json()["saved_plan"].is_null());
    saved(&stage, &["--plain", "--allow-destroy", "azurerm_dashboard_grafana.this"]);
    let done = carried_out(&stage, &[]);
    assert_eq!((done.code, &done.json()["saved_plan"]["applied"]), (Some(0), &json!(true)), "{}", done.all());
    stage.only("grafana/amg-renamed");
    assert!(stage.resources("grafana/amg-quickstart").is_empty());
}

/// What the command line may not say.
#[test]
fn bad_usage_is_64() {
    let stage = Rehearsal::new();
    let fleet = std::fs::read_to_string(Path::new(TOP).join("terraform/examples/fleet/aksight-fleet.yaml")).unwrap();
    std::fs::write(stage.home().join("fleet.yaml"), fleet).unwrap();
    let (ours, key) = pair(&stage, "key.txt");
    let (secret, key) = (std::fs::read_to_string(&key).unwrap(), key.to_str().unwrap().to_owned());
    let secret = secret.lines().nth(1).unwrap().to_owned();
    for args in [
        &["plan", "--simulate", "-f", "fleet.yaml", "--out", FILE][..],
        &["provision", "--simulate", "-f", "fleet.yaml", "--plan", FILE],
        &["plan", "--simulate", "--encrypt-to", &ours],
        &["plan", "--simulate", "--out", FILE, "--plain", "--encrypt-to", &ours],
        &["plan", "--simulate", "--out", FILE, "--encrypt-to", "age1wrong"],
        &["plan", "--simulate", "--out", FILE, "--encrypt-to", &secret],
        &["provision", "--simulate", "--plan", FILE, "--allow-destroy", "x"],
        &["provision", "--simulate", "--plan", FILE, "--max-age", "soon"],
        &["provision", "--simulate", "--plan", FILE, "--identity", "nowhere"],
        &["provision", "--simulate", "--plan", FILE, "--identity", "aksight.yaml"],
        &["provision", "--simulate", "--digest", "sha256:0"],
    ] {
        let ended = stage.run(args);
        assert_eq!(ended.code, Some(64), "{args:?}\n{}", ended.all());
    }
    assert!(!stage.home().join(FILE).exists() && Path::new(&key).exists());
}
