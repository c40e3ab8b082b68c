//! The daemon: its door, its looks, healing, freezing, approving, and how it stops.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use aksight::base::digest::sha256_hex;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::handoff::Split;
use crate::rehearsal::Rehearsal;

pub(crate) const READ: &str = "aksd_read";
pub(crate) const OPERATE: &str = "aksd_operate";
pub(crate) const APPROVE: &str = "aksd_approve";

/// A daemon that ends with its test.
pub(crate) struct Daemon<'a> {
    stage: &'a Rehearsal,
    child: Child,
}

impl Drop for Daemon<'_> {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn configured(stage: &Rehearsal, more: &str) {
    configured_at(stage, "unix:d.sock", more);
}

/// Writes a daemon's configuration.
pub(crate) fn configured_at(stage: &Rehearsal, listen: &str, more: &str) {
    let token = |role: &str, secret: &str| {
        format!("[[http.token]]\nname = \"{role}\"\nrole = \"{role}\"\nsha256 = \"{}\"\n", sha256_hex(secret.as_bytes()))
    };
    let tokens = [("read", READ), ("operate", OPERATE), ("approve", APPROVE)].map(|(role, secret)| token(role, secret)).concat();
    let text = format!(
        "files = [\"aksight.yaml\"]\nfreeze_file = \"freeze\"\n{more}\n[schedule]\ncron = \"0 0 1 1 *\"\nheal = false\n\
         [http]\nlisten = \"{listen}\"\n{tokens}"
    );
    std::fs::write(stage.home().join("aksightd.toml"), text).unwrap();
}

impl<'a> Daemon<'a> {
    pub(crate) fn start(stage: &'a Rehearsal) -> Self {
        Self::of(stage, stage.command(&["daemon", "--simulate", "--sim-pace", "0.002"]))
    }

    fn of(stage: &'a Rehearsal, mut command: Command) -> Self {
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Self { stage, child }
    }

    /// Status and body; nothing while nobody answers.
    fn ask(&self, method: &str, path: &str, token: Option<&str>, body: &str) -> Option<(u16, String)> {
        let mut stream = UnixStream::connect(self.stage.home().join("d.sock")).ok()?;
        let token = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
        let kind = if body.is_empty() { "" } else { "content-type: application/json\r\n" };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: d\r\nconnection: close\r\n{token}{kind}content-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).ok()?;
        // A body that is too large is refused before it is read to its end.
        drop(stream.write_all(body.as_bytes()));
        let mut answer = String::new();
        drop(stream.read_to_string(&mut answer));
        let status = answer.split(' ').nth(1)?.parse().ok()?;
        Some((status, answer.split_once("\r\n\r\n")?.1.to_owned()))
    }

    fn status(&self, method: &str, path: &str, token: Option<&str>, body: &str) -> u16 {
        self.ask(method, path, token, body).map_or(0, |answer| answer.0)
    }

    fn stack(&self) -> Option<Value> {
        serde_json::from_str(&self.ask("GET", "/api/v1/stacks/quickstart", Some(READ), "")?.1).ok()
    }

    /// Waits for the end of the `looks`th look; gives back what it found.
    #[expect(clippy::disallowed_methods, reason = "another process is asked until it says so")]
    fn after(&self, looks: u64) -> Value {
        let began = Instant::now();
        loop {
            if let Some(stack) = self.stack().filter(|stack| stack["looks"].as_u64() >= Some(looks)) {
                return stack;
            }
            assert!(began.elapsed() < Duration::from_mins(1), "no look ended: {:?}", self.stack());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until what is wrong with the watched files is as wanted; an answer that is none, such as "too often", counts as none.
    #[expect(clippy::disallowed_methods, reason = "another process is asked until it says so")]
    fn until_problem(&self, wanted: impl Fn(&Value) -> bool) {
        let began = Instant::now();
        loop {
            let answer = self.ask("GET", "/api/v1/stacks", Some(READ), "").filter(|(status, _)| *status == 200);
            let problem = answer.map(|(_, body)| serde_json::from_str::<Value>(&body).unwrap()["problem"].clone());
            if problem.as_ref().is_some_and(&wanted) {
                return;
            }
            assert!(began.elapsed() < Duration::from_mins(1), "{problem:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// How it ended by itself.
    #[expect(clippy::disallowed_methods, reason = "another process is awaited, and not for ever")]
    fn ended(&mut self) -> Option<i32> {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(began.elapsed() < Duration::from_mins(1), "it does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn trigger(&self, body: &Value) {
        let path = "/api/v1/stacks/quickstart/trigger";
        assert_eq!(self.status("POST", path, Some(OPERATE), &body.to_string()), 202);
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), signal).unwrap();
    }
}

fn scale(stage: &Rehearsal, count: u32) {
    stage.edit("managedclusters/aks-quickstart", |cluster| {
        cluster["properties"]["agentPoolProfiles"][0]["count"] = json!(count);
    });
}

#[test]
fn it_looks_and_heals_unless_it_is_frozen() {
    let stage = Rehearsal::new();
    stage.provision();
    configured(&stage, "");
    let checked = stage.run(&["daemon", "--check"]);
    assert_eq!((checked.code, checked.stdout.as_str()), (Some(0), "aksightd.toml: 1 stack is valid\n"), "{}", checked.all());
    let daemon = Daemon::start(&stage);
    let first = daemon.after(1);
    assert_eq!((&first["result"], &first["verified"]), (&"unchanged".into(), &true.into()), "{first}");
    assert_eq!((daemon.status("GET", "/healthz", None, ""), daemon.status("GET", "/readyz", None, "")), (200, 200));
    let metrics = daemon.ask("GET", "/metrics", Some(READ), "").unwrap().1;
    for line in ["aksight_stacks 1", "aksight_stack_drift_items{stack=\"quickstart\"} 0", "result=\"unchanged\"} 1"] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
    // Drift is told; a frozen daemon heals nothing, whoever asks.
    scale(&stage, 5);
    daemon.trigger(&json!({}));
    assert_eq!(daemon.after(2)["result"], "drifted");
    assert_eq!(daemon.status("POST", "/api/v1/freeze", Some(OPERATE), ""), 200);
    daemon.trigger(&json!({"heal": true}));
    assert_eq!(daemon.after(3)["result"], "drifted");
    assert_eq!(daemon.status("DELETE", "/api/v1/freeze", Some(OPERATE), ""), 200);
    std::fs::write(stage.home().join("freeze"), "").unwrap();
    daemon.trigger(&json!({"heal": true}));
    assert_eq!(daemon.after(4)["result"], "drifted");
    std::fs::remove_file(stage.home().join("freeze")).unwrap();
    daemon.trigger(&json!({"heal": true}));
    let healed = daemon.after(5);
    assert_eq!((&healed["result"], &healed["plan"]), (&"changed".into(), &Value::Null), "{healed}");
}

#[test]
fn it_carries_out_what_is_approved_and_stops_in_order() {
    let stage = Rehearsal::new();
    stage.provision();
    configured(&stage, "");
    let mut daemon = Daemon::start(&stage);
    daemon.after(1);
    // A plan that waits is carried out when somebody who may approves just this one.
    stage.edit("managedclusters/aks-quickstart", |cluster| cluster["tags"] = json!({"whose": "theirs"}));
    daemon.trigger(&json!({"heal": true}));
    let waiting = daemon.after(2);
    assert_eq!(waiting["result"], "waiting", "{waiting}");
    let path = "/api/v1/stacks/quickstart/approve";
    let approval = json!({"plan": waiting["plan"]}).to_string();
    assert_eq!(daemon.status("POST", path, Some(OPERATE), &approval), 403);
    assert_eq!(daemon.status("POST", path, Some(APPROVE), r#"{"plan": "another"}"#), 409);
    assert_eq!(daemon.status("POST", path, Some(APPROVE), &approval), 202);
    assert_eq!(daemon.after(3)["result"], "changed");
    // A mistake in the file keeps the last good state.
    let sound = std::fs::read(stage.home().join("aksight.yaml")).unwrap();
    std::fs::write(stage.home().join("aksight.yaml"), "kind: [").unwrap();
    daemon.signal(Signal::SIGHUP);
    daemon.until_problem(Value::is_string);
    assert!(daemon.stack().is_some());
    // So does a file that is away for a while; it is taken up again when it is back, unasked.
    let file = stage.home().join("aksight.yaml");
    std::fs::remove_file(&file).unwrap();
    daemon.until_problem(|problem| problem.as_str().is_some_and(|told| told.contains("cannot be read")));
    std::fs::write(&file, &sound).unwrap();
    daemon.until_problem(Value::is_null);
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.child.wait().unwrap().code(), Some(0));
    assert!(!stage.home().join("d.sock").exists());
}

#[test]
fn a_socket_that_was_left_is_replaced_and_nothing_else() {
    let stage = Rehearsal::new();
    stage.provision();
    configured(&stage, "");
    let path = stage.home().join("d.sock");
    std::fs::write(&path, "precious").unwrap();
    let child = stage.command(&["daemon", "--simulate"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut refused = Daemon { stage: &stage, child };
    assert_eq!(refused.ended(), Some(1));
    let mut told = String::new();
    refused.child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert!(told.contains("is there and is no socket"), "{told}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    std::fs::remove_file(&path).unwrap();
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    Daemon::start(&stage).after(1);
}

#[test]
fn who_has_no_business_is_refused_and_the_daemon_unharmed() {
    let stage = Rehearsal::new();
    stage.provision();
    configured(&stage, "");
    let daemon = Daemon::start(&stage);
    daemon.after(1);
    let stacks = "/api/v1/stacks";
    for (wanted, method, path, token) in [
        (401, "GET", stacks, None),
        (401, "GET", stacks, Some("aksd_wrong")),
        (401, "GET", "/metrics", None),
        (401, "POST", "/api/v1/freeze", None),
        (403, "POST", "/api/v1/freeze", Some(READ)),
        (403, "POST", "/api/v1/stacks/quickstart/trigger", Some(READ)),
        (403, "POST", "/api/v1/stacks/quickstart/approve", Some(OPERATE)),
        (404, "GET", "/api/v1/stacks/nobody", Some(READ)),
        (404, "GET", "/api/v1/stacks/..%2f..%2fetc%2fpasswd", Some(READ)),
        (404, "GET", "/api/v1/stacks/quickstart/../../../etc/passwd", Some(READ)),
        (404, "GET", "/index.html", None),
        (405, "DELETE", stacks, Some(READ)),
    ] {
        assert_eq!(daemon.status(method, path, token, ""), wanted, "{method} {path}");
    }
    let trigger = "/api/v1/stacks/quickstart/trigger";
    assert_eq!(daemon.status("POST", trigger, Some(OPERATE), &format!("{{\"heal\": \"{}\"}}", "x".repeat(100_000))), 413);
    assert_eq!(daemon.status("POST", trigger, Some(OPERATE), r#"{"hael": true}"#), 422);
    // Somebody who never ends his request holds a place, not the daemon.
    let mut slow: Vec<UnixStream> = (0..20).map(|_| UnixStream::connect(stage.home().join("d.sock")).unwrap()).collect();
    for stream in &mut slow {
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost:").unwrap();
    }
    assert_eq!(daemon.status("GET", "/healthz", None, ""), 200);
    assert_eq!(daemon.stack().unwrap()["looks"], 1);
}

#[test]
fn the_door_describes_itself_rejects_and_tells_what_changes() {
    let stage = Rehearsal::new();
    stage.provision();
    configured(&stage, "");
    let daemon = Daemon::start(&stage);
    daemon.after(1);
    // Every operation of the description is there, and only for who has a token.
    let document: Value = serde_json::from_str(&daemon.ask("GET", "/api/v1/openapi.json", Some(READ), "").unwrap().1).unwrap();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let path = path.replace("{name}", "quickstart").replace("{run}", "r").replace("{plan}", "p");
        for method in methods.as_object().unwrap().keys() {
            // Whoever has no token is soon told that he comes too often.
            let wanted: &[u16] = if path.ends_with('z') { &[200] } else { &[401, 429] };
            let answer = daemon.status(&method.to_uppercase(), &path, None, "");
            assert!(wanted.contains(&answer), "{method} {path}: {answer}");
        }
    }
    // A listener hears of the look that finds drift, and of the plan that waits.
    let mut listener = UnixStream::connect(stage.home().join("d.sock")).unwrap();
    let request = format!("GET /api/v1/events HTTP/1.1\r\nhost: d\r\nauthorization: Bearer {READ}\r\n\r\n");
    listener.write_all(request.as_bytes()).unwrap();
    stage.edit("managedclusters/aks-quickstart", |cluster| cluster["tags"] = json!({"whose": "theirs"}));
    daemon.trigger(&json!({"heal": true}));
    let heard = BufReader::new(listener)
        .lines()
        .map_while(Result::ok)
        .filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok());
    let waiting = heard.into_iter().find(|row| row["result"] == "waiting").unwrap();
    assert_eq!((&waiting["name"], &waiting["rejected"]), (&"quickstart".into(), &false.into()), "{waiting}");
    // Rejected, it is no longer asked about; another world would make another plan.
    let plan = waiting["plan"].as_str().unwrap();
    let told = |path: &str| serde_json::from_str::<Value>(&daemon.ask("GET", path, Some(READ), "").unwrap().1).unwrap();
    assert_eq!(told(&format!("/api/v1/stacks/quickstart/plans/{plan}"))["items"][0]["field"], "tags.whose");
    let reject = "/api/v1/stacks/quickstart/reject";
    assert_eq!(daemon.status("POST", reject, Some(OPERATE), &json!({"plan": plan}).to_string()), 403);
    assert_eq!(daemon.status("POST", reject, Some(APPROVE), r#"{"plan": "another"}"#), 409);
    assert_eq!(daemon.status("POST", reject, Some(APPROVE), &json!({"plan": plan}).to_string()), 200);
    assert_eq!(told(&format!("/api/v1/stacks/quickstart/plans/{plan}"))["rejected"]["by"], "approve");
    let metrics = daemon.ask("GET", "/metrics", Some(READ), "").unwrap().1;
    assert!(metrics.contains("aksight_stack_waiting{stack=\"quickstart\"} 0"), "{metrics}");
    // The last run, with its steps and its report.
    let runs = told("/api/v1/stacks/quickstart/runs");
    let run = runs["runs"][0]["id"].as_str().unwrap();
    assert_eq!(told(&format!("/api/v1/stacks/quickstart/runs/{run}"))["report"]["result"], "waiting");
    assert_eq!(daemon.status("GET", "/api/v1/stacks/quickstart/runs/none", Some(READ), ""), 404);
}

#[test]
fn elsewhere_it_opens_with_a_certificate_only_and_not_too_often() {
    let stage = Rehearsal::new();
    stage.provision();
    let azure = stage.state().join("azure");
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let tls = format!("0.0.0.0:{port}\"\ntls_certificate = \"server.pem\"\ntls_key = \"server.key\"\nrequests_per_second = 1 #");
    configured_at(&stage, &format!("0.0.0.0:{port}"), "");
    let refused = stage.run(&["daemon", "--check"]);
    assert_eq!(refused.code, Some(64), "{}", refused.all());
    configured_at(&stage, &tls, "");
    for name in ["server.pem", "server.key"] {
        std::fs::copy(azure.join(name), stage.home().join(name)).unwrap();
    }
    let _daemon = Daemon::start(&stage);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let authority = reqwest::Certificate::from_pem(&std::fs::read(azure.join("ca.pem")).unwrap()).unwrap();
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([authority]).build().unwrap();
    let ask = |path: &str| {
        let request = client.get(format!("https://localhost:{port}{path}")).bearer_auth(READ);
        runtime.block_on(async { request.send().await.map(|answer| answer.status().as_u16()) })
    };
    let began = Instant::now();
    while ask("/healthz").is_err() {
        assert!(began.elapsed() < Duration::from_mins(1), "the door does not open");
    }
    let answers: Vec<u16> = (0..8).map(|_| ask("/api/v1/me").unwrap()).collect();
    assert!(answers[0] == 200 && answers.contains(&429), "{answers:?}");
    // Without TLS nobody is heard.
    let plain = runtime.block_on(async { client.get(format!("http://localhost:{port}/healthz")).send().await });
    assert!(plain.is_err());
}

/// Takes so many messages and answers each.
fn received(listener: &TcpListener, count: usize) -> Vec<Value> {
    let mut all = Vec::new();
    while all.len() < count {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut text, mut piece) = (String::new(), [0; 4096]);
        loop {
            let read = stream.read(&mut piece).unwrap();
            text.push_str(std::str::from_utf8(&piece[..read]).unwrap());
            if let Some(body) = text.split_once("\r\n\r\n").map(|(_, body)| body)
                && let Ok(message) = serde_json::from_str(body)
            {
                all.push(message);
                break;
            }
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
    }
    all
}

#[test]
fn troubles_are_told_once_and_once_more_when_they_are_over() {
    let stage = Rehearsal::new();
    stage.provision();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    std::fs::write(stage.home().join("hook"), format!("http://{}/secret\n", listener.local_addr().unwrap())).unwrap();
    configured(&stage, "notify = [{url_file = \"hook\"}]");
    let daemon = Daemon::start(&stage);
    daemon.after(1);
    scale(&stage, 5);
    for look in 2..=3 {
        daemon.trigger(&json!({}));
        assert_eq!(daemon.after(look)["result"], "drifted");
    }
    daemon.trigger(&json!({"heal": true}));
    assert_eq!(daemon.after(4)["result"], "changed");
    let told = received(&listener, 2);
    assert_eq!((&told[0]["resolved"], &told[0]["stack"]), (&false.into(), &"quickstart".into()), "{told:?}");
    assert!(told[0]["lines"][0].as_str().unwrap().contains("node_count"), "{told:?}");
    assert_eq!(told[1]["resolved"], true, "{told:?}");
}

/// What it has no right to do is told as that, and not as a plan to approve; once somebody did it, everything is well.
#[test]
fn it_waits_for_who_has_the_right_and_goes_on_by_itself() {
    let split = Split::with(&["ci=Contributor", "admin=User Access Administrator,Reader"]);
    split.report("ci", &["provision", "--yes"], 13);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    std::fs::write(split.stage.home().join("hook"), format!("http://{}/secret\n", listener.local_addr().unwrap())).unwrap();
    configured(&split.stage, "notify = [{url_file = \"hook\"}]");
    let receiver = std::thread::spawn(move || received(&listener, 3));
    let daemon = Daemon::of(&split.stage, split.command("ci", &["daemon"]));
    daemon.after(1);
    daemon.trigger(&json!({"heal": true}));
    let waiting = daemon.after(2);
    assert_eq!((&waiting["result"], &waiting["plan"]), (&"waiting".into(), &Value::Null), "{waiting}");
    split.report("ci", &["handoff", "--out", "handoff.json"], 13);
    split.report("admin", &["handoff", "apply", "handoff.json", "--yes"], 0);
    daemon.trigger(&json!({"heal": true}));
    let done = daemon.after(3);
    assert_eq!((&done["result"], &done["verified"]), (&"unchanged".into(), &true.into()), "{done}");
    let told = receiver.join().unwrap();
    assert!(told[1]["title"].to_string().contains("waits for somebody who has the right"), "{told:#?}");
    assert_eq!(told[2]["resolved"], true, "{told:#?}");
}

#[test]
fn mistakes_are_told_before_anything_begins() {
    let stage = Rehearsal::new();
    configured(&stage, "sleep = 1");
    let wrong = stage.run(&["daemon", "--check"]);
    assert_eq!(wrong.code, Some(64), "{}", wrong.all());
    assert!(wrong.stderr.contains("sleep"), "{}", wrong.all());
    let token = stage.run(&["daemon", "--new-token", "operate"]);
    assert_eq!(token.code, Some(0), "{}", token.all());
    assert!(token.stderr.contains(&sha256_hex(token.stdout.trim().as_bytes())), "{}", token.all());
}
