//! The driver with the real terraform, on the built-in `terraform_data` only, so that no registry is needed; and with fakes.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::base::Class;

/// What the tests pass on of their own environment, with a CLI configuration that does not exist: the warning it
/// draws on every command is the noise that reading must survive.
fn environment() -> Environment {
    let mut all = Environment::from_snapshot(std::env::vars_os().filter(|(name, _)| name == "PATH" || name == "HOME"));
    all.set("TF_CLI_CONFIG_FILE", Value::Plain("/nonexistent/terraformrc".into()));
    all
}

async fn binary() -> Binary {
    let path = std::env::var_os("PATH");
    let cache = tempfile::tempdir().expect("a directory");
    find(Engine::Terraform, None, path.as_deref(), cache.path(), &environment()).await.expect("terraform on PATH")
}

/// Tokens and a place where events are kept.
#[derive(Debug, Default)]
struct Ear {
    cancel: CancellationToken,
    again: CancellationToken,
    heard: Mutex<Vec<Message>>,
}

impl Ear {
    fn hear(&self, message: Message) {
        self.heard.lock().expect("the ear").push(message);
    }

    fn has(&self, wanted: impl Fn(&Message) -> bool) -> bool {
        self.heard.lock().expect("the ear").iter().any(wanted)
    }
}

macro_rules! watch {
    ($ear:expr) => {
        Watch { on: &|message| $ear.hear(message), cancel: &$ear.cancel, again: &$ear.again }
    };
}

struct Bench {
    root: TempDir,
    work: Workdir,
}

impl Bench {
    async fn new(hcl: &str) -> Self {
        Self::with(hcl, binary().await)
    }

    fn with(hcl: &str, binary: Binary) -> Self {
        let root = tempfile::tempdir().expect("a directory");
        let dir = root.path().join("terraform");
        let work = Workdir::open(binary, &dir, environment(), Duration::ZERO, vec!["main.tf"]).expect("a work directory");
        fs::write(dir.join("main.tf"), hcl).expect("a configuration");
        Self { root, work }
    }

    fn plan_file(&self) -> PathBuf {
        self.root.path().join("plan")
    }
}

const ONE: &str = r#"
resource "terraform_data" "one" { input = "x" }
output "plain" { value = terraform_data.one.output }
output "hidden" {
  value     = "hunter2"
  sensitive = true
}
"#;

#[tokio::test]
async fn goes_the_whole_way_and_the_second_plan_changes_nothing() {
    let (bench, ear) = (Bench::new(ONE).await, Ear::default());
    let (work, file) = (&bench.work, bench.plan_file());
    assert!(work.needs_init());
    work.init(false, watch!(ear)).await.expect("init");
    assert!(!work.needs_init());
    assert_eq!(work.validate(watch!(ear)).await.expect("validate"), []);

    let planned = work.plan(&file, watch!(ear)).await.expect("plan");
    assert!(planned.changes);
    assert_eq!((planned.summary.add, planned.destroys().count()), (1, 0));
    let shown = work.show(&file, watch!(ear)).await.expect("show");
    assert_eq!(shown.pointer("/resource_changes/0/address"), Some(&"terraform_data.one".into()));

    let applied = work.apply(&file, watch!(ear)).await.expect("apply");
    assert_eq!((applied.operation.as_str(), applied.add), ("apply", 1));
    assert!(ear.has(|m| matches!(m, Message::Completed { address, id: Some(_), .. } if address == "terraform_data.one")));

    let outputs = work.output(watch!(ear)).await.expect("output");
    assert_eq!(outputs["plain"].value, "x");
    assert_eq!(outputs["hidden"].value, "hunter2");
    assert!(!format!("{outputs:?}").contains("hunter2"));
    let state = work.show_state(watch!(ear)).await.expect("show state");
    assert!(state.pointer("/values/root_module/resources/0").is_some());

    let again = work.plan(&file, watch!(ear)).await.expect("second plan");
    assert!(!again.changes && again.planned.is_empty());
    let destroyed = work.destroy(watch!(ear)).await.expect("destroy");
    assert_eq!(destroyed.remove, 1);
    assert!(!format!("{:?}", ear.heard).contains("hunter2"));
}

#[tokio::test]
async fn a_plan_that_was_overtaken_is_stale() {
    let (bench, ear) = (Bench::new(ONE).await, Ear::default());
    let (first, second) = (bench.plan_file(), bench.root.path().join("second"));
    bench.work.plan(&first, watch!(ear)).await.expect("plan");
    bench.work.plan(&second, watch!(ear)).await.expect("plan");
    bench.work.apply(&second, watch!(ear)).await.expect("apply");
    let error = bench.work.apply(&first, watch!(ear)).await.expect_err("stale");
    assert!(matches!(error, Error::StalePlan), "{error:?}");
    assert_eq!(error.class(), Class::Conflict);
}

#[tokio::test]
async fn diagnostics_point_at_file_and_line() {
    let (bench, ear) = (Bench::new("resource \"terraform_data\" \"a\" {\n  input = var.nope\n}\n").await, Ear::default());
    let from_plan = bench.work.plan(&bench.plan_file(), watch!(ear)).await.expect_err("a bad reference");
    let from_validate = bench.work.validate(watch!(ear)).await.expect_err("a bad reference");
    for error in [from_plan, from_validate] {
        let Error::Stopped { diagnostics, exit: Exit::Code(1), .. } = &error else { panic!("{error:?}") };
        assert_eq!((diagnostics[0].file.as_deref(), diagnostics[0].line), (Some("main.tf"), Some(2)));
    }
}

#[tokio::test]
async fn files_and_directories_are_closed_to_others() {
    use std::os::unix::fs::PermissionsExt as _;
    let (bench, ear) = (Bench::new(ONE).await, Ear::default());
    bench.work.plan(&bench.plan_file(), watch!(ear)).await.expect("plan");
    bench.work.plan(Path::new("beside"), watch!(ear)).await.expect("plan");
    let mode = |path: &Path| fs::metadata(path).expect("metadata").permissions().mode() & 0o777;
    assert_eq!((mode(bench.work.dir()), mode(&bench.plan_file())), (0o700, 0o600));
    assert_eq!(mode(&bench.work.dir().join("beside")), 0o600);
}

/// An apply that blocks until somebody writes into `gate`, which terraform's own child holds open for reading.
fn blocking(gate: &Path) -> String {
    format!(
        "resource \"terraform_data\" \"slow\" {{\n  provisioner \"local-exec\" {{ command = \"echo waiting; cat {}\" }}\n}}\n",
        gate.display()
    )
}

fn is_waiting(message: &Message) -> bool {
    matches!(message, Message::Provisioner { output, .. } if output == "waiting")
}

/// A work directory whose plan is made and whose apply will block until somebody opens the gate.
async fn slow_bench() -> (Bench, PathBuf) {
    let bench = Bench::new("").await;
    let gate = bench.root.path().join("gate");
    nix::unistd::mkfifo(&gate, nix::sys::stat::Mode::S_IRWXU).expect("a fifo");
    fs::write(bench.work.dir().join("main.tf"), blocking(&gate)).expect("a configuration");
    bench.work.plan(&bench.plan_file(), watch!(Ear::default())).await.expect("plan");
    (bench, gate)
}

#[tokio::test]
async fn an_interrupted_apply_is_awaited_and_releases_its_lock() {
    let (bench, _gate) = slow_bench().await;
    let ear = Ear::default();
    let on = |message: Message| {
        if is_waiting(&message) {
            ear.cancel.cancel();
        }
        if message == Message::Interrupting {
            ear.again.cancel();
        }
        ear.hear(message);
    };
    let watch = Watch { on: &on, cancel: &ear.cancel, again: &ear.again };
    let error = bench.work.apply(&bench.plan_file(), watch).await.expect_err("interrupted");
    assert_eq!(error.class(), Class::Cancelled, "{error:?}");
    assert!(ear.has(|m| matches!(m, Message::Note(text) if text.contains("Gracefully shutting down"))));
    let next = Ear::default();
    let planned = bench.work.plan(&bench.plan_file(), watch!(next)).await.expect("the lock is free");
    assert_eq!(planned.destroys().count(), 1, "the half-made resource is tainted and will be replaced");
}

#[tokio::test]
async fn a_held_lock_names_its_holder_and_a_dropped_apply_gives_it_back() {
    let (bench, _gate) = slow_bench().await;
    let (ear, begun) = (Ear::default(), tokio::sync::Notify::new());
    let on = |message: Message| {
        if is_waiting(&message) {
            begun.notify_one();
        }
    };
    let plan_file = bench.plan_file();
    let watch = Watch { on: &on, cancel: &ear.cancel, again: &ear.again };
    let mut apply = Box::pin(bench.work.apply(&plan_file, watch));
    tokio::select! {
        ended = &mut apply => panic!("ended early: {ended:?}"),
        () = begun.notified() => {}
    }
    let other = bench.root.path().join("other-plan");
    let error = bench.work.plan(&other, watch!(ear)).await.expect_err("locked");
    let Error::StateLocked(lock) = &error else { panic!("{error:?}") };
    assert_eq!((lock.operation.as_str(), error.class()), ("OperationTypeApply", Class::Locked));
    assert!(!lock.id.is_empty() && lock.who.contains('@') && lock.created.starts_with("20"));

    let patient = Workdir::open(binary().await, bench.work.dir(), environment(), Duration::from_secs(30), vec!["main.tf"])
        .expect("the same");
    let waiting = Ear::default();
    let on = |message: Message| {
        if message == Message::WaitingForLock {
            waiting.cancel.cancel();
        }
        waiting.hear(message);
    };
    let watch = Watch { on: &on, cancel: &waiting.cancel, again: &waiting.again };
    let cancelled = patient.plan(&other, watch).await.expect_err("cancelled while waiting for the lock");
    assert_eq!(cancelled.class(), Class::Cancelled, "{cancelled:?} {waiting:?}");

    drop(apply);
    patient.plan(&other, watch!(ear)).await.expect("the dropped apply was interrupted and gave the lock back");
}

/// An executable that behaves as `script` says.
fn fake(script: &str) -> (TempDir, Binary) {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("terraform");
    // Another process writes it: if we did, a fork by a neighbouring test could hold it open for writing, and starting it would fail.
    let mut writer = Command::new("/bin/sh");
    writer.args(["-c", "cat > \"$0\" && chmod 755 \"$0\""]).arg(&path).stdin(Stdio::piped());
    let mut writer = writer.spawn().expect("a shell");
    writer.stdin.take().expect("its input").write_all(format!("#!/bin/sh\n{script}\n").as_bytes()).expect("a script");
    assert!(writer.wait().expect("the shell").success());
    (dir, Binary { path, version: MINIMUM, engine: Engine::Terraform })
}

async fn find_fake(script: &str) -> Result<Binary, Error> {
    let (dir, _) = fake(script);
    find(Engine::Terraform, None, Some(dir.path().as_os_str()), &dir.path().join("cache"), &environment()).await
}

#[tokio::test]
async fn too_old_missing_and_strange_are_three_errors() {
    let old = find_fake(r#"echo '{"terraform_version":"1.8.5"}'"#).await.expect_err("too old");
    assert!(matches!(&old, Error::TooOld { found, .. } if found.minor == 8), "{old:?}");
    let strange = find_fake("echo hello").await.expect_err("strange");
    assert!(matches!(strange, Error::Unusable { .. }), "{strange:?}");
    let empty = tempfile::tempdir().expect("a directory");
    let search = empty.path().as_os_str();
    let missing = find(Engine::OpenTofu, None, Some(search), empty.path(), &environment()).await.expect_err("missing");
    assert!(matches!(&missing, Error::Missing { searched, .. } if searched == &[empty.path().join("tofu")]), "{missing:?}");
    let noisy = find_fake("printf '\\n╷\\n│ Warning: {}\\n╵\\n'; echo '{\"terraform_version\":\"1.12.0-rc1\"}'").await;
    assert_eq!(noisy.expect("behind noise").version.minor, 12);
}

#[tokio::test]
async fn an_old_binary_on_the_path_gives_way_to_a_cached_release() {
    let (old, _) = fake(r#"echo '{"terraform_version":"1.5.7"}'"#);
    let (fresh, _) = fake(r#"echo '{"terraform_version":"1.11.4"}'"#);
    let cache = tempfile::tempdir().expect("a cache");
    let place = cached_binary(cache.path(), Engine::Terraform, &PINNED);
    fs::create_dir_all(place.parent().expect("a parent")).expect("the cache");
    fs::rename(fresh.path().join("terraform"), &place).expect("installed");
    let found = find(Engine::Terraform, None, Some(old.path().as_os_str()), cache.path(), &environment()).await;
    assert_eq!(found.expect("the cached one").path, place);
    let explicit = old.path().join("terraform");
    let asked = find(Engine::Terraform, Some(&explicit), None, cache.path(), &environment()).await;
    assert!(matches!(asked, Err(Error::TooOld { .. })), "{asked:?}");
}

#[tokio::test]
async fn floods_on_both_streams_do_not_block_and_the_tail_is_kept() {
    let script = "i=0; while [ $i -lt 4000 ]; do echo \"out $i ................................\"; echo \"err $i ................................\" >&2; i=$((i+1)); done; exit 7";
    let ((_dir, binary), ear) = (fake(script), Ear::default());
    let bench = Bench::with("", binary);
    let error = bench.work.apply(&bench.plan_file(), watch!(ear)).await.expect_err("exit 7");
    let Error::Stopped { exit: Exit::Code(7), stderr, .. } = &error else { panic!("{error:?}") };
    assert!(stderr.ends_with("err 3999 ................................\n") && stderr.len() < 40_000);
    assert!(ear.has(|m| matches!(m, Message::Note(text) if text.starts_with("out 3999"))));
}

#[tokio::test]
async fn a_child_ended_by_a_signal_and_one_that_prints_rubbish_are_told() {
    let ((_dir, binary), ear) = (fake("[ \"$1\" = show ] && echo rubbish && exit 0; kill -TERM $$"), Ear::default());
    let bench = Bench::with("", binary);
    let ended = bench.work.destroy(watch!(ear)).await.expect_err("a signal");
    assert!(matches!(ended, Error::Stopped { exit: Exit::Signal(15), .. }), "{ended:?}");
    let garbled = bench.work.show_state(watch!(ear)).await.expect_err("rubbish");
    assert!(matches!(garbled, Error::Garbled { command: "show", .. }), "{garbled:?}");
}

#[tokio::test]
async fn boxed_errors_outside_the_json_are_understood() {
    let script = "printf '╷\\n│ Error: Backend initialization required, please run \"terraform init\"\\n│ \\n│ Reason: Initial configuration\\n╵\\n' >&2; exit 1";
    let ((_dir, binary), ear) = (fake(script), Ear::default());
    let bench = Bench::with("", binary);
    let error = bench.work.output(watch!(ear)).await.expect_err("needs init");
    assert!(matches!(error, Error::NeedsInit { .. }), "{error:?}");
}

#[tokio::test]
async fn a_grandchild_that_keeps_the_pipes_does_not_keep_us() {
    let dir = tempfile::tempdir().expect("a directory");
    let gate = dir.path().join("gate");
    nix::unistd::mkfifo(&gate, nix::sys::stat::Mode::S_IRWXU).expect("a fifo");
    let ((_dir, binary), ear) = (fake(&format!("(read line < {}) & echo '{{}}'; exit 0", gate.display())), Ear::default());
    let bench = Bench::with("", binary);
    bench.work.show_state(watch!(ear)).await.expect("the child itself has ended");
    fs::OpenOptions::new().write(true).open(&gate).expect("lets the grandchild go");
}

#[tokio::test]
async fn the_child_gets_secrets_and_no_arguments_from_the_environment() {
    let (_dir, binary) =
        fake("printf '{\"secret\":{\"value\":\"%s\"},\"args\":{\"value\":\"%s\"}}\\n' \"$TOKEN\" \"$TF_CLI_ARGS\"");
    let mut env =
        Environment::from_snapshot([("TF_CLI_ARGS".into(), "-lock=false".into()), ("PATH".into(), "/usr/bin:/bin".into())]);
    env.set("TOKEN", Value::Secret(crate::base::Secret::new("hunter2".into())));
    let (root, ear) = (tempfile::tempdir().expect("a directory"), Ear::default());
    let work = Workdir::open(binary, root.path(), env, Duration::ZERO, Vec::new()).expect("a work directory");
    let seen = work.output(watch!(ear)).await.expect("output");
    assert_eq!((seen["secret"].value.as_str(), seen["args"].value.as_str()), (Some("hunter2"), Some("")));
    assert!(!format!("{work:?}").contains("hunter2"));
}

#[test]
fn a_child_outlives_us_finishes_its_work_and_gives_the_lock_back() {
    let doomed = tokio::runtime::Runtime::new().expect("a runtime");
    let (bench, gate) = doomed.block_on(slow_bench());
    let (ear, begun, plan_file) = (Ear::default(), tokio::sync::Notify::new(), bench.plan_file());
    let on = |message: Message| {
        if is_waiting(&message) {
            begun.notify_one();
        }
    };
    let mut apply = Box::pin(bench.work.apply(&plan_file, Watch { on: &on, cancel: &ear.cancel, again: &ear.again }));
    doomed.block_on(async {
        tokio::select! {
            ended = &mut apply => panic!("ended early: {ended:?}"),
            () = begun.notified() => {}
        }
    });
    // As `kill -9` would: the owner of the child is gone without having said a word to it.
    doomed.shutdown_background();
    fs::OpenOptions::new().write(true).open(&gate).expect("the child's work can be done");
    let next = tokio::runtime::Runtime::new().expect("a runtime");
    let planned = next.block_on(async {
        let patient = Workdir::open(binary().await, bench.work.dir(), environment(), Duration::from_secs(30), Vec::new())
            .expect("the same");
        patient.plan(&plan_file, watch!(ear)).await.expect("the lock is given back")
    });
    assert!(!planned.changes, "what was being made is in the state: {planned:?}");
}

/// A provider in a mirror directory; `init` installs it without ever running it.
struct Mirror(TempDir);

impl Mirror {
    fn new() -> Self {
        let mirror = Self(tempfile::tempdir().expect("a directory"));
        let rc = format!(
            "provider_installation {{\n  filesystem_mirror {{\n    path = \"{}\"\n  }}\n}}\n",
            mirror.packages().display()
        );
        fs::write(mirror.configuration(), rc).expect("a CLI configuration");
        mirror.provide("one");
        mirror
    }

    fn configuration(&self) -> PathBuf {
        self.0.path().join("rc")
    }

    fn packages(&self) -> PathBuf {
        self.0.path().join("mirror")
    }

    fn provide(&self, content: &str) {
        let os = if cfg!(target_os = "macos") { "darwin" } else { "linux" };
        let arch = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
        let dir = self.packages().join(format!("example.com/acme/thing/1.0.0/{os}_{arch}"));
        fs::create_dir_all(&dir).expect("the mirror");
        fs::write(dir.join("terraform-provider-thing_v1.0.0"), content).expect("a provider");
    }

    async fn bench(&self, hcl: &str) -> Bench {
        let mut bench = Bench::new(hcl).await;
        let mut env = environment();
        env.set("TF_CLI_CONFIG_FILE", Value::Plain(self.configuration().into()));
        let dir = bench.work.dir().to_owned();
        bench.work = Workdir::open(binary().await, &dir, env, Duration::ZERO, vec!["main.tf"]).expect("a work directory");
        bench
    }
}

fn needs_thing(version: &str) -> String {
    format!(
        "terraform {{\n  required_providers {{\n    thing = {{\n      source  = \"example.com/acme/thing\"\n      version = \"{version}\"\n    }}\n  }}\n}}\nresource \"thing_x\" \"a\" {{}}\n"
    )
}

#[tokio::test]
async fn init_is_known_to_be_needed_and_a_swapped_provider_is_told_apart() {
    let (mirror, ear) = (Mirror::new(), Ear::default());
    let bench = mirror.bench(&needs_thing("1.0.0")).await;
    let (work, file) = (&bench.work, bench.plan_file());
    let before = work.plan(&file, watch!(ear)).await.expect_err("not initialised");
    assert!(matches!(before, Error::NeedsInit { .. }), "{before:?}");
    work.init(false, watch!(ear)).await.expect("init");
    assert!(!work.needs_init());

    mirror.provide("two");
    let planning = work.plan(&file, watch!(ear)).await.expect_err("another provider");
    assert!(matches!(planning, Error::LockFileMismatch { .. }), "{planning:?}");
    let again = work.init(false, watch!(ear)).await.expect_err("another provider");
    assert!(matches!(again, Error::LockFileMismatch { .. }), "{again:?}");
    work.forget_init().expect("forgotten");
    assert!(work.needs_init());
    work.init(false, watch!(ear)).await.expect("init from nothing");

    fs::write(work.dir().join("main.tf"), needs_thing("2.0.0")).expect("another constraint");
    assert!(work.needs_init());
    let newer = work.init(false, watch!(ear)).await.expect_err("locked to the older one");
    assert!(matches!(newer, Error::LockFileMismatch { .. }), "{newer:?}");
    fs::remove_dir_all(mirror.packages()).expect("removed");
    assert!(work.needs_init());
}

#[tokio::test]
async fn a_changed_backend_is_left_to_a_person() {
    let backend = |path: &str| format!("terraform {{\n  backend \"local\" {{\n    path = \"{path}\"\n  }}\n}}\n");
    let (bench, ear) = (Bench::new(&backend("here")).await, Ear::default());
    let reading = bench.work.output(watch!(ear)).await.expect_err("not initialised");
    assert!(matches!(reading, Error::NeedsInit { .. }), "{reading:?}");
    bench.work.init(false, watch!(ear)).await.expect("init");
    assert!(!bench.work.needs_init());
    fs::write(bench.work.dir().join("main.tf"), backend("there")).expect("another backend");
    assert!(bench.work.needs_init());
    let error = bench.work.init(false, watch!(ear)).await.expect_err("a decision");
    assert!(matches!(error, Error::BackendChanged { .. }), "{error:?}");
    assert_eq!(error.class(), Class::Refused);
}
