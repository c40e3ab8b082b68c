//! Three daemons, one PostgreSQL, two hundred stacks, an Azure that breaks by chance, and somebody who kills, freezes and cuts off the
//! daemons while they work.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use aksight::sim::planes::address_key;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use regex::Regex;
use serde_json::{Map, Value, json};

use crate::postgres::{PASSWORD, Postgres};
use crate::rehearsal::{Ended, Rehearsal, Served};

/// As many as the issue of a fleet is about.
const STACKS: usize = 200;
/// How long daemons are tormented, and how long they may then take to be done.
const TORMENT: Duration = Duration::from_mins(1);
const PATIENCE: Duration = Duration::from_mins(8);
/// What a lease lasts in this test.
const LEASE: Duration = Duration::from_secs(5);

/// The fleet's file.
pub(crate) fn fleet(count: usize) -> String {
    let mut text = "apiVersion: aksight/v1\nkind: Fleet\nmetadata: {name: soak}\nconcurrency: {total: 8, perSubscription: 8}\n\
        defaults:\n  azure: {location: westeurope}\n  cluster: {nodePool: {count: 2}}\nstacks:\n"
        .to_owned();
    for number in 0..count {
        let name = name(number);
        writeln!(
            text,
            "  - {{name: {name}, azure: {{resourceGroup: rg-{name}}}, cluster: {{name: aks-{name}}}, \
             monitoring: {{workspace: {{name: amw-{name}}}}}, grafana: {{name: amg-{name}}}}}"
        )
        .unwrap();
    }
    text
}

pub(crate) fn name(number: usize) -> String {
    format!("s{number:03}")
}

/// A way to the database that can be cut.
struct Cable {
    port: u16,
    cut: Arc<AtomicBool>,
}

impl Cable {
    fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (own, cut) = (listener.local_addr().unwrap().port(), Arc::new(AtomicBool::new(false)));
        let is_cut = cut.clone();
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let Ok(far) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                for (from, to) in [(near.try_clone(), far.try_clone()), (far.try_clone(), near.try_clone())] {
                    let is_cut = is_cut.clone();
                    std::thread::spawn(move || pump(&mut from.unwrap(), &mut to.unwrap(), &is_cut));
                }
            }
        });
        Self { port: own, cut }
    }
}

/// Carries bytes until either side ends. While the cable is cut it carries nothing and closes nothing, as a broken network does.
fn pump(from: &mut TcpStream, to: &mut TcpStream, is_cut: &AtomicBool) {
    use std::io::Read as _;
    let mut piece = [0; 16 << 10];
    while let Ok(read) = from.read(&mut piece) {
        while is_cut.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        if read == 0 || to.write_all(&piece[..read]).is_err() {
            break;
        }
    }
    drop(to.shutdown(std::net::Shutdown::Both));
}

/// One of the daemons, which can be killed and started again.
struct Replica<'a> {
    stage: &'a Rehearsal,
    number: usize,
    variables: &'a [(String, String)],
    child: Option<Child>,
}

impl<'a> Replica<'a> {
    fn start(stage: &'a Rehearsal, number: usize, variables: &'a [(String, String)], address: &str) -> Self {
        std::fs::write(stage.home().join(format!("store{number}")), address).unwrap();
        let config = format!(
            "files = [\"fleet.yaml\"]\nstate_dir = \"replica{number}\"\n[schedule]\ncron = \"0 0 1 1 *\"\nheal = true\nat_once = 3\n\
             [store]\nurl_file = \"store{number}\"\nlease = \"{}s\"\n",
            LEASE.as_secs()
        );
        std::fs::write(stage.home().join(format!("replica{number}.toml")), config).unwrap();
        let mut replica = Self { stage, number, variables, child: None };
        replica.resume();
        replica
    }

    /// The third one's clock is wrong by a quarter of an hour.
    fn command(&self) -> Command {
        let mut command = self.stage.command(&["daemon", "--config", &format!("replica{}.toml", self.number)]);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        if self.number == 2 {
            command.env("LD_PRELOAD", wrong_clock()).env("FAKETIME", "+15m").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        }
        command
    }

    fn resume(&mut self) {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log()).unwrap();
        // A group of its own: what a killed daemon leaves behind is killed with it.
        let mut command = self.command();
        let spawned = command.process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        self.child = Some(spawned.unwrap());
    }

    fn log(&self) -> PathBuf {
        self.stage.home().join(format!("replica{}.log", self.number))
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.as_ref().unwrap().id()).unwrap())
    }

    fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    /// kill -9 of the daemon alone: its terraform goes on for a moment, as it would.
    fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        self.child.take().unwrap().wait().unwrap();
    }

    /// Asks it to end, and tells how it did.
    fn end(&mut self) -> Option<i32> {
        self.signal(Signal::SIGTERM);
        self.child.take().unwrap().wait().unwrap().code()
    }
}

impl Drop for Replica<'_> {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// The library that makes a clock wrong.
fn wrong_clock() -> PathBuf {
    let places = std::fs::read_dir("/usr/lib").unwrap().flatten().map(|entry| entry.path().join("faketime/libfaketime.so.1"));
    let found = places.into_iter().find(|path| path.exists());
    found.unwrap_or_else(|| panic!("libfaketime is missing (Debian: apt-get install faketime)"))
}

/// The world with the only stack of it many times under other names, each with an inside, a workspace and a Grafana of its own.
pub(crate) fn multiplied(world: &Value, foreign: &[&str], count: usize) -> Value {
    let guid = Regex::new("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").unwrap();
    let definition = Regex::new("roleDefinitions/([0-9a-f-]{36})").unwrap();
    let text = world["resources"].to_string();
    let mut kept: Vec<String> = foreign.iter().map(|text| (*text).to_owned()).collect();
    kept.extend(definition.captures_iter(&text).map(|found| found[1].to_owned()));
    let renamed = |text: &str, number: usize| {
        let other = |found: &regex::Captures<'_>| {
            if kept.iter().any(|kept| *kept == found[0]) {
                found[0].to_owned()
            } else {
                format!("{}{number:08x}", &found[0][..28])
            }
        };
        guid.replace_all(text, other).replace(&name(0), &name(number))
    };
    // The addresses of data planes end in a few letters that are made of the resource's id.
    let planes = ["clusters", "workspaces", "grafanas"]
        .map(|kind| world["planes"][kind].as_object().unwrap().keys().cloned().collect::<Vec<_>>());
    let planes = planes.concat();
    let copied = |text: &str, number: usize| {
        planes.iter().fold(renamed(text, number), |text, id| {
            text.replace(&renamed(&address_key(id), number), &address_key(&renamed(id, number)))
        })
    };
    let mut many = world.clone();
    for pointer in ["/resources", "/planes/clusters", "/planes/workspaces", "/planes/grafanas", "/memory/principals"] {
        let text = world.pointer(pointer).unwrap().to_string();
        let mut all = Map::new();
        for number in 0..count {
            let copy: Map<String, Value> = serde_json::from_str(&copied(&text, number)).unwrap();
            all.extend(copy);
        }
        *many.pointer_mut(pointer).unwrap() = Value::Object(all);
    }
    // As API servers tell it; the embedded ones do not, and then nobody knows when settings changed that an earlier life has written.
    for cluster in many["planes"]["clusters"].as_object_mut().unwrap().values_mut() {
        let settings =
            &mut cluster["store"]["objects"]["configmaps/kube-system/ama-metrics-settings-configmap"]["object"]["metadata"];
        settings["managedFields"] = json!([{"manager": "aksight", "operation": "Update", "time": settings["creationTimestamp"]}]);
    }
    many["memory"]["operations"] = json!({});
    many["memory"]["activity"] = json!([]);
    many
}

/// What somebody did to the stacks: their ids in the world, changed.
fn drifted(world: &mut Value) {
    let resources = world["resources"].as_object_mut().unwrap();
    let ids: Vec<String> = resources.keys().cloned().collect();
    let of = |number: usize, part: &str| {
        let (name, part) = (name(number), part.to_lowercase());
        ids.iter().find(|id| id.contains(&name) && id.contains(&part)).unwrap_or_else(|| panic!("{name} {part}")).clone()
    };
    for number in (0..STACKS).step_by(20) {
        resources.remove(&of(number, "datacollectionruleassociations/")).unwrap();
        let cluster = of(number + 5, "managedclusters/aks-").split("/providers/microsoft.insights").next().unwrap().to_owned();
        resources[&cluster]["properties"]["agentPoolProfiles"][0]["count"] = json!(4);
    }
    for number in (10..STACKS).step_by(40) {
        let assignments: Vec<&String> =
            ids.iter().filter(|id| id.contains(&name(number)) && id.contains("/roleassignments/")).collect();
        resources.remove(assignments[0]).unwrap();
    }
}

/// Every role of every principal at every scope, and how often it is assigned.
fn assignments(world: &Value) -> BTreeMap<String, usize> {
    let mut all = BTreeMap::new();
    for (id, body) in world["resources"].as_object().unwrap() {
        if let Some((scope, _)) = id.split_once("/providers/microsoft.authorization/roleassignments/") {
            let properties = &body["properties"];
            let role = properties["roleDefinitionId"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
            *all.entry(format!("{scope} {role} {}", properties["principalId"])).or_default() += 1;
        }
    }
    all
}

pub(crate) fn world(home: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(home.join("azure/world.json")).unwrap()).unwrap()
}

/// One stack is provisioned for real, and is then there two hundred times: in Azure and in terraform's states.
fn seeded(stage: &Rehearsal, postgres: &Postgres) -> Value {
    std::fs::write(stage.home().join("fleet.yaml"), fleet(1)).unwrap();
    let served = Served::start(stage, &[]);
    let mut command = stage.command(&["provision", "-f", "fleet.yaml", "--yes", "--no-verify", "--output", "json"]);
    command.envs(served.variables.iter().map(|(name, value)| (name, value))).env("AKSIGHT_STORE", postgres.address().expose());
    let done = Ended::of(&command.output().unwrap());
    assert_eq!(done.code, Some(0), "{}", done.all());
    let foreign: Vec<String> =
        served.variables.iter().filter(|(name, _)| name.ends_with("_ID")).map(|(_, value)| value.clone()).collect();
    drop(served);
    let before = world(stage.home());
    let caller = before["memory"]["activity"][0]["caller"].as_str().unwrap().to_owned();
    let foreign: Vec<&str> = foreign.iter().map(String::as_str).chain([caller.as_str()]).collect();
    let whole = multiplied(&before, &foreign, STACKS);
    let mut changed = whole.clone();
    drifted(&mut changed);
    std::fs::write(stage.home().join("azure/world.json"), changed.to_string()).unwrap();
    std::fs::write(stage.home().join("fleet.yaml"), fleet(STACKS)).unwrap();
    postgres.ask(&format!(
        "DO $$
         DECLARE source text; target text; copy text;
         BEGIN
           SELECT nspname INTO source FROM pg_namespace WHERE nspname LIKE 'tf_soak_s000_%';
           FOR number IN 1..{} LOOP
             copy := 's' || lpad(number::text, 3, '0');
             target := 'tf_soak_' || copy || '_' || substr(encode(sha256(('soak/' || copy)::bytea), 'hex'), 1, 8);
             EXECUTE format('CREATE SCHEMA %I', target);
             EXECUTE format('CREATE TABLE %I.states (LIKE %I.states INCLUDING ALL)', target, source);
             EXECUTE format('INSERT INTO %I.states SELECT id + %s, name, replace(data, ''s000'', %L) FROM %I.states', target, number, copy, source);
           END LOOP;
         END $$",
        STACKS - 1
    ));
    whole
}

/// How many stacks are as their file says, and proven.
fn converged(postgres: &Postgres) -> usize {
    let query = "SELECT count(*) FROM stacks WHERE kept = 1 AND verified IS NOT NULL AND until IS NULL AND asked IS NULL
                 AND last::jsonb ->> 'result' IN ('unchanged', 'changed')";
    postgres.ask(query)[0].parse().unwrap()
}

#[expect(clippy::disallowed_methods, reason = "a torment takes time")]
fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// What happens to the daemons, one thing after the other.
fn torment(replicas: &mut [Replica<'_>], postgres: &mut Postgres, cable: &Cable) -> BTreeMap<&'static str, usize> {
    let (began, mut counts) = (Instant::now(), BTreeMap::new());
    for turn in 0.. {
        if began.elapsed() > TORMENT {
            break;
        }
        let victim = turn % replicas.len();
        let what = match turn % 7 {
            2 => {
                replicas[victim].signal(Signal::SIGSTOP);
                pause(LEASE + Duration::from_secs(3));
                replicas[victim].signal(Signal::SIGCONT);
                "frozen for longer than a lease"
            }
            4 => {
                cable.cut.store(true, Ordering::SeqCst);
                pause(LEASE + Duration::from_secs(2));
                cable.cut.store(false, Ordering::SeqCst);
                "cut off from the database"
            }
            6 => {
                postgres.stop();
                postgres.resume();
                "database restarts"
            }
            _ => {
                pause(Duration::from_secs(3));
                replicas[victim].kill();
                replicas[victim].resume();
                "kill -9"
            }
        };
        *counts.entry(what).or_default() += 1;
    }
    counts
}

#[test]
fn three_replicas_keep_two_hundred_stacks_through_everything() {
    let (stage, mut postgres) = (Rehearsal::new(), Postgres::start());
    let whole = seeded(&stage, &postgres);
    let served =
        Served::start(&stage, &["--write-at-end", "--fault", "chaos:15:7", "--fault", "fail-operation:managedclusters:2"]);
    let (variables, cable) = (served.variables.clone(), Cable::to(postgres.port()));
    let ways = [postgres.port(), cable.port, postgres.port()];
    let mut replicas: Vec<Replica<'_>> =
        (0..3).map(|number| Replica::start(&stage, number, &variables, postgres.address_at(ways[number]).expose())).collect();
    let began = Instant::now();
    let counts = torment(&mut replicas, &mut postgres, &cable);
    let during = converged(&postgres);
    // A look that failed by chance is tried again after a minute or more; nobody waits for that here.
    while converged(&postgres) < STACKS {
        assert!(began.elapsed() < PATIENCE, "{} of {STACKS} converged: {:?}", converged(&postgres), left(&postgres));
        postgres.ask("UPDATE stacks SET due = 0 WHERE kept = 1 AND until IS NULL AND (verified IS NULL OR last::jsonb ->> 'result' NOT IN ('unchanged', 'changed'))");
        pause(Duration::from_secs(1));
    }
    let codes: Vec<Option<i32>> = replicas.iter_mut().map(Replica::end).collect();
    assert_eq!(codes, [Some(0); 3]);
    tell(&postgres, &counts, (during, began.elapsed()));
    // No lock is left, neither ours nor terraform's.
    assert_eq!(postgres.ask("SELECT name FROM stacks WHERE until IS NOT NULL"), Vec::<String>::new());
    assert_eq!(postgres.ask("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), ["0"]);
    // Every stack is whole, and nothing is there twice.
    let requests = std::fs::read_to_string(stage.home().join("azure/requests.jsonl")).unwrap();
    drop(served);
    let after = world(stage.home());
    let here = |world: &Value| {
        let ids = world["resources"].as_object().unwrap().keys().filter(|id| !id.contains("/roleassignments/"));
        ids.cloned().collect::<BTreeSet<_>>()
    };
    assert_eq!(here(&after).symmetric_difference(&here(&whole)).collect::<Vec<_>>(), Vec::<&String>::new());
    assert_eq!(assignments(&after), assignments(&whole));
    let pools = |world: &Value| {
        let all = world["resources"].as_object().unwrap().iter();
        let of =
            |(id, body): (&String, &Value)| Some((id.clone(), body["properties"]["agentPoolProfiles"].get(0)?["count"].clone()));
        all.filter_map(of).collect::<BTreeMap<_, _>>()
    };
    assert_eq!((pools(&after), pools(&after).len()), (pools(&whole), STACKS));
    // A cluster's pool was scaled once for each that had drifted, or once more where the operation was ordered to fail.
    let scaled = requests.lines().filter(|line| line.contains("\"PUT\"") && line.contains("/agentPools/")).count();
    assert!(scaled <= 3 * STACKS / 20, "{scaled} writes of pools");
    let told: String = (0..3).map(|number| std::fs::read_to_string(replicas[number].log()).unwrap()).collect();
    assert!(!told.contains(PASSWORD), "the password was logged");
}

fn left(postgres: &Postgres) -> Vec<String> {
    postgres.ask("SELECT name, looks, holder, last FROM stacks WHERE verified IS NULL OR until IS NOT NULL OR last::jsonb ->> 'result' NOT IN ('unchanged', 'changed') LIMIT 5")
}

/// The counts, for whoever reads the log of the tests.
fn tell(postgres: &Postgres, counts: &BTreeMap<&'static str, usize>, (during, took): (usize, Duration)) {
    let number = |query: &str| postgres.ask(query).join(", ");
    let looks = number("SELECT sum(looks) FROM stacks");
    let fences = number("SELECT sum(fence) FROM stacks");
    let runs = number("SELECT coalesce(outcome, 'killed') || ' ' || count(*) FROM runs GROUP BY outcome ORDER BY outcome");
    let steps = number("SELECT coalesce(outcome, 'open') || ' ' || count(*) FROM steps GROUP BY outcome ORDER BY outcome");
    let told = format!(
        "soak: {STACKS} stacks, {during} converged under torment, all after {took:?}; {counts:?}; {looks} looks noted of {fences} leases; \
         runs: {runs}; steps: {steps}\n"
    );
    std::io::stderr().write_all(told.as_bytes()).unwrap();
}
