//! Who else is served by a sweep: a daemon that keeps twelve stacks, and `reconcile` on a fleet. What it costs, what it finds, how soon.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use aksight::azure::{self, Azure, CredentialSource, Write};
use aksight::base::{ArmId, Kind, Secret, digest::sha256_hex};
use aksight::run::RealClock;
use nix::sys::signal::{Signal, kill};
use serde_json::{Value, json};

use crate::daemon::READ;
use crate::rehearsal::{Ended, Rehearsal, Served, pid};
use crate::replicas::{fleet, multiplied, name, world};

const STACKS: usize = 12;
/// No stack's turn for a direct look comes in a test.
const NEVER: u32 = 1_000_000_000;

/// Twelve stacks, one of which was really provisioned: in Azure, in terraform's states, in the fleet's file.
struct Many {
    stage: Rehearsal,
    served: Option<Served>,
    looks: u64,
}

/// What a round of looks did.
struct Round {
    /// The rows by stack.
    rows: BTreeMap<String, Value>,
    /// `METHOD path` of everything that ARM was asked.
    asked: Vec<String>,
    /// Everything else that was asked, sign-ins left out.
    beside: usize,
    metrics: String,
    log: String,
}

impl Round {
    fn metric(&self, name: &str) -> u64 {
        let line = self.metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name}\n{}", self.metrics)).parse().unwrap()
    }

    /// The stacks whose look no sweep answered.
    fn directly(&self) -> BTreeSet<&str> {
        self.rows.iter().filter(|(_, row)| row["swept"] == false).map(|(name, _)| name.as_str()).collect()
    }

    fn results(&self) -> BTreeMap<&str, usize> {
        self.rows.values().fold(BTreeMap::new(), |mut counts, row| {
            *counts.entry(row["result"].as_str().unwrap_or("-")).or_default() += 1;
            counts
        })
    }
}

fn stack(number: usize) -> String {
    format!("soak/{}", name(number))
}

impl Many {
    fn new() -> Self {
        let stage = Rehearsal::new();
        std::fs::write(stage.home().join("fleet.yaml"), fleet(1)).unwrap();
        let served = Served::start(&stage, &[]);
        let mut command = stage.command(&["provision", "-f", "fleet.yaml", "--yes", "--output", "json"]);
        command.envs(served.variables.iter().map(|(name, value)| (name, value)));
        let done = Ended::of(&command.output().unwrap());
        assert_eq!(done.code, Some(0), "{}", done.all());
        let foreign: Vec<String> =
            served.variables.iter().filter(|(name, _)| name.ends_with("_ID")).map(|(_, value)| value.clone()).collect();
        drop(served);
        let before = world(stage.home());
        let caller = before["memory"]["activity"][0]["caller"].as_str().unwrap().to_owned();
        let foreign: Vec<&str> = foreign.iter().map(String::as_str).chain([caller.as_str()]).collect();
        std::fs::write(stage.home().join("azure/world.json"), multiplied(&before, &foreign, STACKS).to_string()).unwrap();
        std::fs::write(stage.home().join("fleet.yaml"), fleet(STACKS)).unwrap();
        let kept = |number| stage.home().join(".aksight/fleets/soak").join(name(number)).join("terraform/terraform.tfstate");
        let text = std::fs::read_to_string(kept(0)).unwrap();
        for number in 1..STACKS {
            std::fs::create_dir_all(kept(number).parent().unwrap()).unwrap();
            std::fs::write(kept(number), text.replace(&name(0), &name(number))).unwrap();
        }
        Self { stage, served: None, looks: 0 }
    }

    /// Serves the Azure.
    fn serve(&mut self, pace: &str, more: &[&str]) {
        self.served = None;
        self.served = Some(Served::at_pace(&self.stage, pace, more));
    }

    /// Changes the world past everything that ARM would refuse.
    fn edit(&mut self, change: impl FnOnce(&mut Value)) {
        self.served = None;
        let mut world = world(self.stage.home());
        change(&mut world);
        std::fs::write(self.stage.home().join("azure/world.json"), world.to_string()).unwrap();
    }

    fn requests(&self) -> Vec<Value> {
        let log = std::fs::read_to_string(self.stage.home().join("azure/requests.jsonl")).unwrap();
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// A daemon looks once at every stack, and ends.
    fn round(&mut self, schedule: &str) -> Round {
        let from = self.requests().len();
        self.looks += 1;
        let text = format!(
            "files = [\"fleet.yaml\"]\n[schedule]\ncron = \"0 0 1 1 *\"\nat_once = 3\ndeep_every = 0\n{schedule}\n\
             [http]\nlisten = \"unix:d.sock\"\n[[http.token]]\nname = \"read\"\nrole = \"read\"\nsha256 = \"{}\"\n",
            sha256_hex(READ.as_bytes())
        );
        std::fs::write(self.stage.home().join("aksightd.toml"), text).unwrap();
        let mut command = self.stage.command(&["daemon"]);
        let variables = &self.served.as_ref().unwrap().variables;
        let log = self.stage.home().join("daemon.log");
        command.envs(variables.iter().map(|(name, value)| (name, value))).stdout(Stdio::null());
        let mut daemon = Running(command.stderr(std::fs::File::create(&log).unwrap()).spawn().unwrap());
        let rows = self.awaited(&log);
        let metrics = self.ask("/metrics").unwrap();
        kill(pid(&daemon.0), Signal::SIGTERM).unwrap();
        assert_eq!(daemon.0.wait().unwrap().code(), Some(0));
        let told = |line: &Value| format!("{} {}", line["method"].as_str().unwrap(), line["path"].as_str().unwrap());
        let all: Vec<String> = self.requests()[from..].iter().map(told).collect();
        let is_arm = |line: &&String| [" /subscriptions/", " /providers/"].iter().any(|start| line.contains(start));
        let asked: Vec<String> = all.iter().filter(is_arm).cloned().collect();
        let beside =
            all.iter().filter(|line| [" /kube/", " /prometheus/", " /grafana/"].iter().any(|start| line.contains(start)));
        Round { rows, asked, beside: beside.count(), metrics, log: std::fs::read_to_string(log).unwrap() }
    }

    /// Waits until every stack was looked at once more, and nobody is at work.
    #[expect(clippy::disallowed_methods, reason = "another process is asked until it says so")]
    fn awaited(&self, log: &std::path::Path) -> BTreeMap<String, Value> {
        let began = Instant::now();
        loop {
            let rows: Vec<Value> = self
                .ask("/api/v1/stacks")
                .and_then(|text| serde_json::from_str::<Value>(&text).ok()?["stacks"].as_array().cloned())
                .unwrap_or_default();
            let done = |row: &&Value| row["looks"].as_u64() >= Some(self.looks) && row["running_since"].is_null();
            if rows.iter().filter(done).count() == STACKS {
                return rows.into_iter().map(|row| (row["name"].as_str().unwrap().to_owned(), row)).collect();
            }
            assert!(began.elapsed() < Duration::from_mins(4), "{rows:#?}\n{}", std::fs::read_to_string(log).unwrap());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn ask(&self, path: &str) -> Option<String> {
        let mut stream = UnixStream::connect(self.stage.home().join("d.sock")).ok()?;
        write!(stream, "GET {path} HTTP/1.0\r\nhost: d\r\nauthorization: Bearer {READ}\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer.split_once("\r\n\r\n")?.1.to_owned())
    }

    /// A client of the Azure that is served.
    async fn client(&self) -> Azure {
        let served = self.served.as_ref().unwrap();
        let of = |name: &str| served.variables.iter().find(|(known, _)| known == name).unwrap().1.clone();
        let http = azure::http::client_trusting_only(&[self.stage.home().join("azure/ca.pem")]).unwrap();
        let cloud = azure::discover(&of("ARM_METADATA_HOSTNAME"), &http).await.unwrap();
        let credential = CredentialSource::ClientSecret {
            tenant: of("ARM_TENANT_ID"),
            client_id: of("ARM_CLIENT_ID"),
            secret: Secret::new(of("ARM_CLIENT_SECRET")),
        };
        Azure::connect(azure::Settings::new(cloud, credential, http, Arc::new(RealClock))).unwrap()
    }
}

/// Figures, for whoever reads the log of the tests.
fn tell(what: &str) {
    std::io::stderr().write_all(format!("requests: {what}\n").as_bytes()).unwrap();
}

/// A daemon that ends with its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn resource<'a>(world: &'a mut Value, end: &str) -> &'a mut Value {
    let all = world["resources"].as_object_mut().unwrap();
    all.iter_mut().find(|(id, _)| id.ends_with(end)).unwrap_or_else(|| panic!("no `{end}`")).1
}

fn nodes(world: &Value, end: &str) -> Value {
    let found = world["resources"].as_object().unwrap().iter().find(|(id, _)| id.ends_with(end));
    found.unwrap().1["properties"]["agentPoolProfiles"][0]["count"].clone()
}

/// The settings of a cluster let less through than they shall, and still what the proof asks for.
fn narrow(world: &mut Value, cluster: &str) {
    let clusters = world["planes"]["clusters"].as_object_mut().unwrap();
    let found = clusters.iter_mut().find(|(id, _)| id.ends_with(cluster)).unwrap().1;
    let map = &mut found["store"]["objects"]["configmaps/kube-system/ama-metrics-settings-configmap"]["object"];
    let text = map["data"].to_string();
    assert!(text.contains("hubble.*"), "{text}");
    map["data"] = serde_json::from_str(&text.replace("hubble.*", "hubble_flows_processed_total")).unwrap();
}

#[test]
fn a_daemon_sweeps_what_is_due_and_looks_only_at_what_differs() {
    let mut many = Many::new();
    many.serve("0.002", &[]);
    let sweeping = format!("direct_every = {NEVER}\nheal = true");

    // Nobody has seen the stacks before: each gets a direct look, as each always did.
    let direct = many.round(&sweeping);
    assert_eq!(
        (direct.results(), direct.metric("aksight_runs_swept_total")),
        ([("unchanged", STACKS)].into(), 0),
        "{}",
        direct.log
    );
    // From then on a sweep answers for ARM, and every stack gets its proof.
    let swept = many.round(&sweeping);
    assert_eq!((swept.results(), swept.directly()), ([("unchanged", STACKS)].into(), BTreeSet::new()), "{}", swept.log);
    assert!(swept.rows.values().all(|row| row["verified"] == true && row["run"].is_string()), "{:#?}", swept.rows);
    for (name, row) in &swept.rows {
        let before = &direct.rows[name]["verified_at"];
        assert!(row["verified_at"].as_str() > before.as_str(), "{name}: the proof is a new one: {row}");
    }
    assert_eq!(swept.metric("aksight_runs_swept_total"), STACKS as u64);
    assert_eq!(swept.metric("aksight_sweeps_total{result=\"complete\"}"), 1);
    let told = (direct.asked.len(), direct.beside, swept.asked.len(), swept.beside);
    tell(&format!("{STACKS} stacks: directly {} of ARM and {} beside, swept {} and {}", told.0, told.1, told.2, told.3));
    assert!(swept.asked.len() * 10 <= direct.asked.len(), "{told:?}\n{:#?}", swept.asked);
    assert!(swept.beside <= 6 * STACKS, "{told:?}");

    // Somebody scales a cluster: Resource Graph shows it first, a direct look confirms it, and it is mended.
    many.edit(|world| resource(world, "managedclusters/aks-s005")["properties"]["agentPoolProfiles"][0]["count"] = json!(4));
    many.serve("0.002", &[]);
    let healed = many.round(&sweeping);
    assert_eq!(healed.results(), [("changed", 1), ("unchanged", STACKS - 1)].into(), "{}", healed.log);
    assert_eq!((healed.directly(), &healed.rows[&stack(5)]["result"]), ([stack(5).as_str()].into(), &"changed".into()));
    assert!(healed.log.contains("Resource Graph shows `default_node_pool[0].node_count`"), "{}", healed.log);
    // What was written a moment ago is not left to Resource Graph, which lags behind.
    let after = many.round(&sweeping);
    assert_eq!(
        (after.directly(), after.results()),
        ([stack(5).as_str()].into(), [("unchanged", STACKS)].into()),
        "{}",
        after.log
    );
    many.served = None;
    assert_eq!(nodes(&world(many.stage.home()), "managedclusters/aks-s005"), 2);

    // Inside a cluster no sweep sees, and the proof passes all the same: the direct look's turn finds it.
    many.edit(|world| narrow(world, "managedclusters/aks-s007"));
    many.serve("0.002", &[]);
    let unseen = many.round(&sweeping);
    assert_eq!((unseen.directly(), unseen.results()), (BTreeSet::new(), [("unchanged", STACKS)].into()), "{}", unseen.log);
    let turns: Vec<Round> = (0..2).map(|_| many.round("direct_every = 2\nheal = true")).collect();
    let found: Vec<&Round> = turns.iter().filter(|round| round.rows[&stack(7)]["result"] == "changed").collect();
    assert_eq!(found.len(), 1, "{}\n{}", turns[0].log, turns[1].log);
    assert!(found[0].directly().contains(stack(7).as_str()));
    let both: BTreeSet<&str> = turns.iter().flat_map(Round::directly).collect();
    assert_eq!(both.len(), STACKS, "in two rounds each had its direct look");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_gets_along_with_a_graph_that_lags_or_refuses() {
    let mut many = tokio::task::spawn_blocking(Many::new).await.unwrap();
    let sweeping = format!("direct_every = {NEVER}\nheal = false");
    many.serve("0.002", &[]);
    let first = tokio::task::block_in_place(|| many.round(&sweeping));
    assert_eq!(first.results(), [("unchanged", STACKS)].into(), "{}", first.log);

    // Refused, it warns once and looks directly.
    many.serve("0.002", &["--fault", "error:403:POST:ResourceGraph:99"]);
    let refused = tokio::task::block_in_place(|| many.round(&sweeping));
    assert_eq!((refused.directly().len(), refused.results()), (STACKS, [("unchanged", STACKS)].into()), "{}", refused.log);
    assert_eq!(refused.log.matches("no sweep:").count(), 1, "{}", refused.log);
    assert_eq!(refused.metric("aksight_sweeps_total{result=\"failed\"}"), 1);
    assert!(refused.rows.values().all(|row| row["verified"] == true));

    // The file says something else: what was seen for the old wish counts no more. (Without proofs, because time is about to slow down.)
    let file = std::fs::read_to_string(many.stage.home().join("fleet.yaml")).unwrap();
    let unproven = file.replace("defaults:\n", "defaults:\n  verification: {enabled: false}\n");
    std::fs::write(many.stage.home().join("fleet.yaml"), unproven).unwrap();
    many.serve("0.002", &[]);
    let other = tokio::task::block_in_place(|| many.round(&sweeping));
    assert_eq!((other.directly().len(), other.results()), (STACKS, [("unchanged", STACKS)].into()), "{}", other.log);
    let proven =
        |round: &Round| round.rows.iter().map(|(name, row)| (name.clone(), row["verified_at"].clone())).collect::<Vec<_>>();

    // Somebody's tag was there and is gone again, which Resource Graph does not know yet: a direct look has the last word.
    many.edit(|world| resource(world, "resourcegroups/rg-s002")["tags"]["who"] = json!("somebody"));
    many.serve("1", &[]);
    let subscription =
        many.served.as_ref().unwrap().variables.iter().find(|(name, _)| name == "ARM_SUBSCRIPTION_ID").unwrap().1.clone();
    let (client, id) = (many.client().await, ArmId::of_group(&subscription, "rg-s002"));
    let mut body = client.get(&id, Kind::ResourceGroup).await.unwrap().unwrap().body;
    body["tags"].as_object_mut().unwrap().remove("who");
    client.write(Write::put(id, Kind::ResourceGroup, body)).await.unwrap();
    let lagging = tokio::task::block_in_place(|| many.round(&sweeping));
    assert_eq!(
        (lagging.directly(), lagging.results()),
        ([stack(2).as_str()].into(), [("unchanged", STACKS)].into()),
        "{}",
        lagging.log
    );
    assert!(lagging.log.contains("tags.who"), "{}", lagging.log);
    // Nothing was proven, and nobody says so.
    assert_eq!((proven(&other), proven(&lagging)), (proven(&refused), proven(&refused)));
}

/// The requests of a fleet's rehearsal, sign-ins and discovery left out: those to ARM, and those to the data planes and clusters.
fn counted(stage: &Rehearsal, from: &mut usize) -> (Vec<String>, usize) {
    let log = std::fs::read_to_string(stage.home().join(".aksight/fleet-rehearsals/shops/azure/requests.jsonl")).unwrap();
    let all: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told = |line: &Value| format!("{} {}", line["method"].as_str().unwrap(), line["path"].as_str().unwrap());
    let new: Vec<String> = all[*from..].iter().map(told).collect();
    *from = all.len();
    let of = |starts: [&'static str; 3]| move |line: &&String| starts.iter().any(|start| line.contains(start));
    let arm = new.iter().filter(of([" /subscriptions/", " /providers/", " /providers/"])).cloned().collect();
    (arm, new.iter().filter(of([" /kube/", " /prometheus/", " /grafana/"])).count())
}

#[test]
fn reconcile_on_a_fleet_sweeps_and_proves_each_stack() {
    let file =
        std::fs::read_to_string(std::path::Path::new(crate::TOP).join("terraform/examples/fleet/aksight-fleet.yaml")).unwrap();
    let stage = Rehearsal::with(&file, "shops");
    let reconcile = |more: &[&str]| stage.act("reconcile", &[&["--file", "aksight.yaml"], more].concat());
    let made = stage.act("provision", &["--file", "aksight.yaml", "--yes"]);
    assert_eq!(made.code, Some(0), "{}", made.all());
    let mut from = 0;
    counted(&stage, &mut from);
    let each = reconcile(&["--each"]);
    assert_eq!((each.code, &each.json()["sweep"]), (Some(0), &Value::Null), "{}", each.all());
    let (direct, direct_beside) = counted(&stage, &mut from);
    let swept = reconcile(&[]);
    let (asked, beside) = counted(&stage, &mut from);
    assert_eq!((swept.code, &swept.json()["sweep"]["looked"]), (Some(0), &json!({})), "{}", swept.all());
    for line in swept.json()["stacks"].as_array().unwrap() {
        let report = &line["report"];
        assert_eq!(
            (&report["verified"], &report["drift"]["swept"], &report["result"]),
            (&true.into(), &true.into(), &"unchanged".into())
        );
        assert!(
            report["run"].is_string()
                && report["checks"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .all(|check| check["verdict"] == "pass" || check["id"] == "dashboards"),
            "{report}"
        );
        assert!(report["units"].as_array().unwrap().iter().any(|unit| unit["id"] == "settings-configmap"), "{report}");
    }
    tell(&format!("3 stacks: directly {} of ARM and {direct_beside} beside, swept {} and {beside}", direct.len(), asked.len()));
    // Eleven for the sweep of one subscription, and the way into each cluster.
    assert!(asked.len() <= 11 + 3 && asked.len() * 2 <= direct.len(), "{} of {}: {asked:#?}", asked.len(), direct.len());
    // The ConfigMap and the question that proves the data.
    assert!(beside <= 2 * 3 && beside <= direct_beside, "{beside} of {direct_beside}");

    // Inside a cluster: nobody else looks there, so this does.
    let azure = stage.home().join(".aksight/fleet-rehearsals/shops/azure/world.json");
    let edit = |change: &dyn Fn(&mut Value)| {
        let mut world: Value = serde_json::from_str(&std::fs::read_to_string(&azure).unwrap()).unwrap();
        change(&mut world);
        std::fs::write(&azure, world.to_string()).unwrap();
    };
    edit(&|world| narrow(world, "managedclusters/aks-shop-a"));
    let inside = reconcile(&[]);
    let word = |ended: &Ended, at: usize| ended.json()["stacks"][at]["report"]["result"].clone();
    assert_eq!((inside.code, word(&inside, 1)), (Some(2), "drifted".into()), "{}", inside.all());
    let healed = reconcile(&["--heal"]);
    assert_eq!((healed.code, word(&healed, 1)), (Some(0), "changed".into()), "{}", healed.all());

    // The way of the data is cut where neither Resource Graph nor a direct look sees it, behind somebody else's rule: the proof does.
    edit(&|world| {
        let all = world["resources"].as_object_mut().unwrap();
        let id = |end: &str| all.keys().find(|id| id.contains("aks-shop-b") && id.contains(end)).unwrap().clone();
        let (ours, association) = (id("/datacollectionrules/"), id("/datacollectionruleassociations/"));
        let theirs = ours.replace("/msprom-", "/somebodys-");
        let mut rule = all[&ours].clone();
        rule["id"] = json!(theirs);
        rule["name"] = json!(theirs.rsplit('/').next().unwrap());
        rule["properties"]["dataCollectionEndpointId"] = json!(format!("{theirs}-endpoint"));
        all[&association]["properties"]["dataCollectionRuleId"] = json!(theirs);
        all.insert(theirs, rule);
    });
    let cut = reconcile(&[]);
    assert_eq!((cut.code, word(&cut, 2)), (Some(11), "unverified".into()), "{}", cut.all());
    assert_eq!(cut.json()["stacks"][2]["report"]["verified"], false);
    assert_eq!((word(&cut, 0), word(&cut, 1)), ("unchanged".into(), "unchanged".into()));
}
