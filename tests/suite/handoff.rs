//! A principal that may not assign roles or register providers, and somebody who may: what the one cannot do waits, is written down,
//! done by the other, and the same command goes on.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use aksight::azure::{Accepted, Write};
use aksight::base::{ArmId, Kind, Role};
use serde_json::{Value, json};

use crate::TOP;
use crate::asked::{NO, YES, asked};
use crate::rehearsal::{Ended, Rehearsal, Served};

const FILE: &str = "handoff.json";

/// A stage on which principals with different rights act.
pub(crate) struct Split {
    pub(crate) stage: Rehearsal,
    served: Served,
}

impl Split {
    pub(crate) fn with(principals: &[&str]) -> Self {
        Self::on(Rehearsal::new(), principals)
    }

    fn on(stage: Rehearsal, principals: &[&str]) -> Self {
        let split = Self::unregistered(stage, principals);
        split.served.register();
        split
    }

    /// With none of the providers registered.
    fn unregistered(stage: Rehearsal, principals: &[&str]) -> Self {
        let options: Vec<&str> = principals.iter().flat_map(|one| ["--principal", one]).collect();
        let served = Served::start(&stage, &options);
        Self { stage, served }
    }

    /// A command of somebody's.
    fn run(&self, who: &str, args: &[&str]) -> Ended {
        Ended::of(&self.command(who, args).output().unwrap())
    }

    pub(crate) fn command(&self, who: &str, args: &[&str]) -> std::process::Command {
        let mut command = self.stage.command(args);
        command.envs(self.served.variables_of(who));
        command
    }

    /// The report of somebody's command, which must end with this code.
    pub(crate) fn report(&self, who: &str, args: &[&str], code: i32) -> Value {
        let ended = self.run(who, &[args, &["--output", "json"]].concat());
        let report = ended.json();
        assert_eq!((ended.code, &report["exit_code"]), (Some(code), &json!(code)), "{}", ended.all());
        report
    }

    /// Whatever changed ARM.
    fn writes(&self) -> Vec<String> {
        let log = std::fs::read_to_string(self.stage.home().join("azure/requests.jsonl")).unwrap();
        // A line that is still being written has no end.
        let whole = log.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        let requests = whole.map(|line| serde_json::from_str::<Value>(line).unwrap());
        let told = |request: Value| {
            let (method, path) = (request["method"].as_str().unwrap(), request["path"].as_str().unwrap());
            let asks = ["/oauth2/", "/api/", "Credential"];
            let reads = ["GET", "HEAD"].contains(&method) || asks.iter().any(|part| path.contains(part));
            let done = request["status"].as_u64().unwrap() < 400;
            (!reads && done).then(|| format!("{method} {path}"))
        };
        requests.filter_map(told).collect()
    }

    /// A PUT of the owner's.
    fn put(&self, id: &str, kind: Kind, body: Value) {
        self.write(Write::put(ArmId::parse(id).unwrap(), kind, body));
    }

    /// Something that the owner does.
    fn write(&self, write: Write) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let azure = self.served.azure().await;
            if let Accepted::Running(operation) = azure.write(write).await.unwrap() {
                let cancel = tokio_util::sync::CancellationToken::new();
                azure.await_operation(operation, Duration::from_mins(1), &cancel, |_, _| {}).await.unwrap();
            }
        });
    }

    /// Id and body of what is there and fits.
    fn found(&self, fits: impl Fn(&str, &Value) -> bool) -> Vec<(String, Value)> {
        let world = std::fs::read_to_string(self.stage.home().join("azure/world.json")).unwrap();
        let world: Value = serde_json::from_str(&world).unwrap();
        let all = world["resources"].as_object().unwrap().iter().filter(|(id, body)| fits(id, body));
        all.map(|(id, body)| (id.clone(), body.clone())).collect()
    }

    fn file(&self) -> PathBuf {
        self.stage.home().join(FILE)
    }

    fn handoff(&self) -> Value {
        serde_json::from_str(&std::fs::read_to_string(self.file()).unwrap()).unwrap()
    }
}

/// Ids of the units with this status.
fn units(report: &Value, status: &str) -> Vec<String> {
    let all = report["units"].as_array().unwrap().iter().filter(|unit| unit["status"] == status);
    all.map(|unit| unit["id"].as_str().unwrap().to_owned()).collect()
}

fn codes(report: &Value) -> Vec<&str> {
    let errors = report["diagnostics"].as_array().unwrap().iter().filter(|one| one["severity"] == "error");
    errors.map(|one| one["code"].as_str().unwrap()).collect()
}

/// The text with what differs from run to run taken out.
fn steady(text: &str, split: &Split) -> String {
    let host = format!("on {}", split.handoff()["content"]["made_by"].as_str().unwrap());
    let guid = regex(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}");
    let known =
        ["b0d8363b-8ddd-447d-831f-62ca05bff136", "43d0d8ad-25c7-4714-9337-8ba259a9fe05", "22926164-76b3-42b3-bc55-97df8dab3e41"];
    let mut told = text.replace(&host, "on HOST");
    let ids: Vec<String> = guid(&told);
    for id in ids.iter().filter(|id| !known.contains(&id.as_str())) {
        told = told.replace(id, "GUID");
    }
    for digest in regex(r"sha256:[0-9a-f]{64}")(&told) {
        told = told.replace(&digest, "DIGEST");
    }
    for address in regex(r"https://localhost:[0-9]+")(&told) {
        told = told.replace(&address, "ARM");
    }
    for time in regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z")(&told) {
        told = told.replace(&time, "TIME");
    }
    for name in ["made_by", "made_with"] {
        for found in regex(&format!(r#""{name}": "[^"]*""#))(&told) {
            told = told.replace(&found, &format!(r#""{name}": "…""#));
        }
    }
    told.lines().filter(|line| !line.trim_start().starts_with("time: ")).collect::<Vec<_>>().join("\n")
}

/// Finds all matches of a pattern.
fn regex(pattern: &str) -> impl Fn(&str) -> Vec<String> {
    let pattern = regex::Regex::new(pattern).unwrap();
    move |text| pattern.find_iter(text).map(|found| found.as_str().to_owned()).collect()
}

const ROLES: [&str; 4] =
    ["role:grafana-reads-subscription", "role:grafana-reads-workspace", "role:me-administers-grafana", "role:me-reads-workspace"];

/// What the first run did, and what it left.
fn everything_else_is_done(waiting: &Value) {
    assert_eq!(waiting["result"], "waiting", "{waiting:#}");
    let mut left = units(waiting, "waiting");
    left.sort();
    assert_eq!(left, ROLES);
    for status in ["failed", "blocked", "planned", "cancelled"] {
        assert_eq!(units(waiting, status), Vec::<String>::new(), "{waiting:#}");
    }
    let done = units(waiting, "done");
    for unit in ["terraform:azurerm_kubernetes_cluster.this", "dcra", "metrics-addon", "recording-rules", "settings-configmap"] {
        assert!(done.contains(&unit.to_owned()), "{unit}: {waiting:#}");
    }
    assert_eq!(codes(waiting), ["AKS-0414"; 4], "{waiting:#}");
    let (action, next) = ("Microsoft.Authorization/roleAssignments/write", "aksight handoff --out handoff.json");
    for word in [action, "accounts/amw-quickstart", "grafana/amg-quickstart", "AuthorizationFailed", "correlation_id", next] {
        assert!(waiting.to_string().contains(word), "{word}: {waiting:#}");
    }
}

/// The file, the screen and the report say the same, and no secret.
fn it_is_written_down(split: &Split) {
    let wide = |args: &[&str]| Ended::of(&split.command("ci", args).env("COLUMNS", "400").output().unwrap());
    let shown = wide(&["handoff", "--out", FILE]);
    assert_eq!(shown.code, Some(13), "{}", shown.all());
    insta::assert_snapshot!("screen", steady(&shown.stdout, split));
    assert_eq!(std::fs::metadata(split.file()).unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(split.file()).unwrap();
    insta::assert_snapshot!("file", steady(&text, split));
    for who in ["ci", "admin", "half"] {
        let secret = split.served.variables_of(who).into_iter().find(|(name, _)| name == "ARM_CLIENT_SECRET").unwrap().1;
        assert!(!text.contains(&secret) && !shown.all().contains(&secret), "the secret of {who} was told");
    }
    let printed = wide(&["handoff", "--out", "-"]);
    let content: Value = serde_json::from_str(&printed.stdout).unwrap();
    assert_eq!((printed.code, &content["content"]["acts"]), (Some(13), &split.handoff()["content"]["acts"]), "{}", printed.all());
    assert_eq!(split.report("ci", &["handoff"], 13)["handoff"]["acts"], content["content"]["acts"]);
}

#[test]
fn roles_wait_for_somebody_who_may_assign_them_and_the_run_goes_on_after_that() {
    let half = "half=User Access Administrator@rg-aksight-quickstart,Reader";
    let split = Split::with(&["ci=Contributor", "admin=User Access Administrator,Reader", half]);
    // Everything else is done, and one run is enough for that. As long as nobody acts, nothing moves.
    everything_else_is_done(&split.report("ci", &["provision", "--yes"], 13));
    let before = split.writes();
    split.report("ci", &["provision", "--yes"], 13);
    split.report("ci", &["reconcile", "--heal"], 13);
    it_is_written_down(&split);
    assert_eq!(split.writes(), before, "waiting and looking write nothing");

    // Who lacks the right as well, and who is not asked, change nothing.
    let lacking = split.report("ci", &["handoff", "apply", FILE, "--yes"], 13);
    assert_eq!((units(&lacking, "waiting").len(), codes(&lacking)), (4, vec!["AKS-0414"; 4]), "{lacking:#}");
    let mut proposal = split.command("admin", &["handoff", "apply", FILE, "--quiet"]);
    let proposal = Ended::of(&proposal.env("COLUMNS", "400").output().unwrap());
    insta::assert_snapshot!("proposal", steady(&proposal.stderr, &split));
    let unasked = split.report("admin", &["handoff", "apply", FILE], 13);
    assert_eq!(codes(&unasked), ["AKS-0206"], "{unasked:#}");
    let (code, said) = asked(&split.command("admin", &["handoff", "apply", FILE]), "Carry out 4 acts?").answered(NO);
    assert_eq!(code, Some(2), "{said}");
    assert_eq!(split.writes(), before);
    // Half of it, then the rest; a third time there is nothing left.
    let half = split.report("half", &["handoff", "apply", FILE, "--yes"], 13);
    assert_eq!((units(&half, "done").len(), units(&half, "waiting")), (3, vec![ROLES[0].to_owned()]), "{half:#}");
    let (code, said) = asked(&split.command("admin", &["handoff", "apply", FILE]), "Carry out 1 act?").answered(YES);
    assert!(code == Some(0) && said.matches("nothing is to be done").count() == 3, "{said}");
    assert!(said.contains("created: Monitoring Reader on the subscription for Grafana"), "{said}");
    let (again, written) = (split.run("admin", &["handoff", "apply", FILE, "--yes"]), split.writes());
    assert!(again.code == Some(0) && again.stdout.contains("is there already"), "{}", again.all());
    assert_eq!(written.len(), before.len() + 4, "each act was done once: {written:#?}");

    // The first one goes on, proves it, and has nothing to hand off any more.
    let done = split.report("ci", &["provision", "--yes"], 0);
    assert_eq!((&done["verified"], units(&done, "waiting")), (&json!(true), Vec::new()), "{done:#}");
    let nothing = split.run("ci", &["handoff", "--out", "none.json"]);
    assert!(nothing.code == Some(0) && nothing.stdout.contains("nothing waits"), "{}", nothing.all());
    assert!(!split.stage.home().join("none.json").exists());
    assert_eq!(split.writes(), written);
}

/// Drift of what it may mend is mended; a role that somebody took away waits for who may assign it.
#[test]
fn healing_does_what_it_may_and_leaves_the_rest_to_others() {
    let split = Split::with(&["ci=Contributor", "admin=User Access Administrator,Reader"]);
    split.report("ci", &["provision", "--yes"], 13);
    split.report("ci", &["handoff", "--out", FILE], 13);
    split.report("admin", &["handoff", "apply", FILE, "--yes"], 0);
    let grafana = split.found(|id, _| id.ends_with("/grafana/amg-quickstart")).remove(0).1;
    let reads = |id: &str, body: &Value| {
        id.contains("/accounts/amw-quickstart/") && body["properties"]["principalId"] == grafana["identity"]["principalId"]
    };
    let lost = ArmId::parse(&split.found(reads).remove(0).0).unwrap();
    split.write(Write::delete(lost, Kind::RoleAssignment));
    let cluster = || split.found(|id, _| id.ends_with("/managedclusters/aks-quickstart")).remove(0);
    let (id, mut body) = cluster();
    body["properties"]["networkProfile"]["advancedNetworking"]["observability"]["enabled"] = json!(false);
    split.put(&id, Kind::ManagedCluster, body);
    let healed = split.report("ci", &["reconcile", "--heal"], 13);
    assert_eq!((codes(&healed), units(&healed, "waiting")), (vec!["AKS-0414"], vec![ROLES[1].to_owned()]), "{healed:#}");
    assert_eq!(cluster().1["properties"]["networkProfile"]["advancedNetworking"]["observability"]["enabled"], true);
}

/// In a fleet what waits is as unproven as what failed: the next ring starts when somebody did it. Each stack has a handoff of its own.
#[test]
fn a_fleet_waits_where_rights_end_and_goes_on_from_there() {
    let fleet = std::fs::read_to_string(Path::new(TOP).join("terraform/examples/fleet/aksight-fleet.yaml")).unwrap();
    let split = Split::on(Rehearsal::with(&fleet, "shops"), &["ci=Contributor", "admin=User Access Administrator,Reader"]);
    let file = fleet.replace("00000000-0000-4000-8000-000000000001", split.served.subscription());
    std::fs::write(split.stage.home().join("aksight.yaml"), file).unwrap();
    let results = |report: &Value| {
        let one = |line: &Value| line["report"]["result"].as_str().unwrap_or("-").to_owned();
        report["stacks"].as_array().unwrap().iter().map(one).collect::<Vec<_>>()
    };
    let waiting = split.report("ci", &["provision", "--yes"], 13);
    assert_eq!(results(&waiting), ["waiting", "-", "-"], "{waiting:#}");
    let again = split.run("ci", &["provision", "--yes", "--quiet"]);
    assert!(again.code == Some(13) && again.stdout.contains("aksight handoff --only hub --out hub.json"), "{}", again.all());
    let written = split.run("ci", &["handoff", "--only", "hub", "--out", "hub.json"]);
    assert!(written.code == Some(13) && written.stdout.contains("handoff apply hub.json --digest"), "{}", written.all());
    split.report("admin", &["handoff", "apply", "hub.json", "--yes"], 0);
    let done = split.report("ci", &["provision", "--yes"], 0);
    assert_eq!(results(&done), ["unchanged", "changed", "changed"], "{done:#}");
    let nothing = split.run("ci", &["handoff"]);
    assert!(nothing.code == Some(0) && nothing.stdout.matches("nothing waits").count() == 3, "{}", nothing.all());
}

/// What depends on a role is left, and is done once the role is there: one handoff is enough here, too.
#[test]
fn what_needs_a_role_is_left_until_somebody_assigned_it() {
    let file = std::fs::read_to_string(Path::new(TOP).join("terraform/examples/quickstart/aksight.yaml")).unwrap();
    let entra = "name: aks-quickstart\n  entra:\n    localAccounts: false";
    let stage = Rehearsal::with(&file.replace("name: aks-quickstart", entra), "quickstart");
    let split = Split::on(stage, &["ci=Contributor", "admin=Role Based Access Control Administrator,Reader"]);
    let waiting = split.report("ci", &["provision", "--yes"], 13);
    assert_eq!((units(&waiting, "waiting").len(), units(&waiting, "failed")), (5, Vec::new()), "{waiting:#}");
    assert_eq!(units(&waiting, "blocked"), ["settings-configmap", "agents-pickup"], "{waiting:#}");
    let handoff = split.report("ci", &["handoff", "--out", FILE], 13);
    let acts = handoff["handoff"]["acts"].as_array().unwrap();
    let settings = acts.iter().find(|act| act["unit"] == "role:me-writes-settings").unwrap();
    assert_eq!(settings["waiting"], json!(["settings-configmap"]), "{handoff:#}");
    split.report("admin", &["handoff", "apply", FILE, "--yes"], 0);
    let done = split.report("ci", &["provision", "--yes"], 0);
    assert_eq!(done["verified"], true, "{done:#}");
}

/// Whoever makes them, under whatever names: an assignment is known by principal, role and scope.
#[test]
fn what_somebody_did_with_the_commands_in_the_file_counts_as_well() {
    let split = Split::with(&["ci=Contributor"]);
    split.report("ci", &["provision", "--yes"], 13);
    split.report("ci", &["handoff", "--out", FILE], 13);
    let acts = split.handoff()["content"]["acts"].as_array().unwrap().clone();
    for (number, act) in acts.iter().enumerate() {
        let az: Vec<&str> = act["az"].as_str().unwrap().split(' ').collect();
        let after = |name: &str| az[az.iter().position(|word| *word == name).unwrap() + 1];
        // As az would, but for the name: a person may leave it out, and az makes one up.
        let id = format!(
            "{}/providers/Microsoft.Authorization/roleAssignments/00000000-0000-4000-9000-00000000000{number}",
            after("--scope")
        );
        let body = json!({"properties": {"principalId": after("--assignee-object-id"), "principalType": after("--assignee-principal-type"),
            "roleDefinitionId": format!("/providers/Microsoft.Authorization/roleDefinitions/{}", after("--role"))}});
        split.put(&id, Kind::RoleAssignment, body);
    }
    let before = split.writes();
    let done = split.report("ci", &["provision", "--yes"], 0);
    assert_eq!(done["verified"], true, "{done:#}");
    assert_eq!(split.writes(), before, "nothing was assigned a second time");
}

/// Without the registrations terraform is not started; with them a reviewed plan goes on as it was reviewed.
#[test]
fn registrations_wait_before_anything_is_made_and_a_reviewed_plan_survives_that() {
    let split = Split::unregistered(
        Rehearsal::new(),
        &["ci=Contributor@rg-aksight-quickstart,Reader", "boss=Contributor,User Access Administrator"],
    );
    split.report("ci", &["plan", "--out", "reviewed.plan"], 2);
    let waiting = split.report("ci", &["provision", "--plan", "reviewed.plan"], 13);
    let left = units(&waiting, "waiting");
    assert!(left.len() == 9 && left.iter().all(|unit| unit.starts_with("provider:")), "{waiting:#}");
    assert_eq!(units(&waiting, "done"), Vec::<String>::new(), "{waiting:#}");
    assert!(waiting["diagnostics"].to_string().contains("Microsoft.Dashboard/register/action"), "{waiting:#}");
    assert_eq!(split.writes(), Vec::<String>::new(), "something was half made");
    // What cannot be handed off yet is said.
    let first = split.report("ci", &["handoff", "--out", FILE], 13);
    let later = first["handoff"]["later"].as_array().unwrap();
    assert_eq!((first["handoff"]["acts"].as_array().unwrap().len(), later.len()), (9, 4), "{first:#}");
    assert!(later.iter().all(|one| one["why"].as_str().unwrap().ends_with("does not exist yet")), "{first:#}");
    let registered = split.report("boss", &["handoff", "apply", FILE, "--yes"], 0);
    assert_eq!(units(&registered, "done").len(), 9, "{registered:#}");
    // The plan that waited for it goes on, and waits for the roles.
    let waiting = split.report("ci", &["provision", "--plan", "reviewed.plan"], 13);
    assert_eq!((units(&waiting, "waiting").len(), codes(&waiting)), (4, vec!["AKS-0414"; 4]), "{waiting:#}");
    let digest = split.report("ci", &["handoff", "--out", FILE], 13)["handoff"]["digest"].as_str().unwrap().to_owned();
    split.report("boss", &["handoff", "apply", FILE, "--yes", "--digest", &digest], 0);
    let done = split.report("ci", &["provision", "--plan", "reviewed.plan"], 0);
    assert_eq!(done["verified"], true, "{done:#}");
}

/// What was planned and never begun is not taken for ours when somebody makes it while the run waits.
#[test]
fn what_somebody_made_while_it_waited_is_not_taken_over() {
    let split = Split::unregistered(Rehearsal::new(), &["ci=Contributor@rg-aksight-quickstart,Reader"]);
    split.report("ci", &["provision", "--yes"], 13);
    split.served.register();
    let group = ArmId::of_group(split.served.subscription(), "rg-aksight-quickstart");
    split.put(group.as_str(), Kind::ResourceGroup, json!({"location": "westeurope"}));
    let before = split.writes();
    let refused = split.report("ci", &["provision", "--yes"], 1);
    assert_eq!(codes(&refused), ["AKS-0413"], "{refused:#}");
    assert_eq!(split.writes(), before);
}

/// A handoff that is killed while it is carried out is carried out by the next run, and nothing is done twice.
#[test]
fn who_is_killed_while_acting_leaves_nothing_half_done() {
    let split = Split::with(&["ci=Contributor", "admin=User Access Administrator,Reader"]);
    split.report("ci", &["provision", "--yes"], 13);
    split.report("ci", &["handoff", "--out", FILE], 13);
    let before = split.writes().len();
    let mut acting =
        split.command("admin", &["handoff", "apply", FILE, "--yes"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while split.writes().len() == before && acting.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    acting.kill().unwrap();
    acting.wait().unwrap();
    let done = split.report("admin", &["handoff", "apply", FILE, "--yes"], 0);
    assert_eq!(units(&done, "done").len() + units(&done, "unchanged").len(), 4, "{done:#}");
    assert_eq!(split.writes().len(), before + 4);
    assert_eq!(split.report("ci", &["provision", "--yes"], 0)["verified"], true);
}

#[test]
fn what_is_no_handoff_for_here_and_now_is_refused() {
    let split = Split::with(&["ci=Contributor", "admin=User Access Administrator,Reader"]);
    split.report("ci", &["provision", "--yes"], 13);
    split.report("ci", &["handoff", "--out", FILE], 13);
    let before = split.writes();
    let text = std::fs::read_to_string(split.file()).unwrap();
    let refused = |text: &str, more: &[&str], word: &str| {
        std::fs::write(split.file(), text).unwrap();
        let report = split.report("admin", &[&["handoff", "apply", FILE, "--yes"], more].concat(), 1);
        assert_eq!(codes(&report), ["AKS-0706"], "{report:#}");
        assert!(report["diagnostics"].to_string().contains(word), "{word}: {report:#}");
    };
    // A digest that was made to fit, as a forger would.
    let forged = |change: &dyn Fn(&mut Value)| {
        let mut file: Value = serde_json::from_str(&text).unwrap();
        change(&mut file["content"]);
        file["digest"] = aksight::bundle::digest(file["content"].to_string().as_bytes()).into();
        file.to_string()
    };
    refused(&text.replacen("Monitoring Data Reader on", "Monitoring Reader on", 1), &[], "altered after it was written");
    refused(&text[..text.len() / 2], &[], "cut short");
    refused("no handoff", &[], "no JSON document");
    refused(&text.replace("handoff/v1", "handoff/v9"), &[], "aksight.handoff/v9");
    refused(&text, &["--digest", "sha256:0"], "altered after it was written");
    refused(&text, &["--max-age", "1ms"], "time:");
    refused(&forged(&|content| content["made_at"] = json!("2999-01-01T00:00:00Z")), &[], "still to come");
    refused(&forged(&|content| content["tenant"] = json!("00000000-0000-4000-8000-00000000dead")), &[], "tenant: it is for");
    refused(&forged(&|content| content["arm"] = json!("https://management.azure.com")), &[], "cloud: it is for");
    refused(&forged(&|content| content["rehearsal"] = json!(true)), &[], "made in a rehearsal");
    refused(&forged(&|content| content["acts"][0]["az"] = json!("rm -rf /")), &[], "say different things");
    // Grafana was made anew since, or somebody put another principal in its place.
    let other = text.replace(
        text.split("\"principal_id\": \"").nth(1).unwrap().split('"').next().unwrap(),
        "00000000-0000-4000-8000-0000000000cc",
    );
    let other: Value = serde_json::from_str(&other).unwrap();
    assert_ne!(other["content"]["acts"], split_acts(&text));
    refused(&forged(&|content| *content = renamed(&other["content"])), &[], "and not `00000000-0000-4000-8000-0000000000cc`");
    std::fs::remove_file(split.file()).unwrap();
    let gone = split.report("admin", &["handoff", "apply", FILE], 1);
    assert!(codes(&gone) == ["AKS-0706"] && gone["diagnostics"].to_string().contains("cannot read"), "{gone:#}");
    assert_eq!(split.writes(), before);
}

/// Who may do all of it has nothing to hand off, unless that is wanted: a rehearsal's principal is an owner.
#[test]
fn who_may_do_it_hands_nothing_off() {
    let stage = Rehearsal::new();
    let nothing = stage.act("handoff", &["--out", FILE]);
    assert_eq!((nothing.code, &nothing.json()["result"]), (Some(0), &json!("unchanged")), "{}", nothing.all());
    assert!(!stage.home().join(FILE).exists());
    let all = stage.act("handoff", &["--all", "--out", FILE]);
    let handoff = &all.json()["handoff"];
    assert_eq!((all.code, &handoff["rehearsal"]), (Some(13), &json!(true)), "{}", all.all());
    assert_eq!((handoff["acts"].as_array().unwrap().len(), handoff["later"].as_array().unwrap().len()), (9, 4), "{}", all.all());
    let fleet = std::fs::read_to_string(Path::new(TOP).join("terraform/examples/fleet/aksight-fleet.yaml")).unwrap();
    std::fs::write(stage.home().join("fleet.yaml"), fleet).unwrap();
    let of_fleet =
        |more: &[&str]| stage.act("handoff", &[&["--file", "fleet.yaml", "--all", "--out", "hub.json"], more].concat()).code;
    assert_eq!((of_fleet(&[]), of_fleet(&["--only", "hub"])), (Some(64), Some(13)));
    assert!(std::fs::read_to_string(stage.home().join("hub.json")).unwrap().contains("\"stack\": \"hub\""));
    let both = stage.run(&["handoff", "--simulate", "--out", "-", "--output", "json"]);
    assert_eq!(both.code, Some(64), "{}", both.all());
}

fn split_acts(text: &str) -> Value {
    serde_json::from_str::<Value>(text).unwrap()["content"]["acts"].clone()
}

/// The acts with the names of assignments that follow from them.
fn renamed(content: &Value) -> Value {
    let mut text = content.to_string();
    for act in content["acts"].as_array().unwrap() {
        let what = &act["do"];
        let scope = ArmId::parse(what["scope"].as_str().unwrap()).unwrap();
        let role: Role = serde_json::from_value(what["role"].clone()).unwrap();
        let name = aksight::desired::role_assignment_name(&scope, what["principal_id"].as_str().unwrap(), role, 0).to_string();
        text = text.replace(what["assignment"].as_str().unwrap().rsplit('/').next().unwrap(), &name);
    }
    serde_json::from_str(&text).unwrap()
}

/// Every command of the page is run above, or is one that is there.
#[test]
fn the_page_shows_commands_that_work() {
    let page = std::fs::read_to_string(Path::new(TOP).join("docs/handoff.md")).unwrap();
    let blocks = page.split("```").skip(1).step_by(2);
    let lines: Vec<&str> = blocks.flat_map(str::lines).filter(|line| line.starts_with("aksight ")).collect();
    let commands: Vec<&str> = lines.iter().map(|line| line.split('#').next().unwrap().trim()).collect();
    assert_eq!(
        commands,
        [
            "aksight provision --yes",
            "aksight handoff --out handoff.json",
            "aksight handoff apply handoff.json",
            "aksight provision --yes"
        ]
    );
}
