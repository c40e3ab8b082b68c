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
    find(Engine::Terraform, None, path.as_deref(), Path::new("/nonexistent"), &environment()).await.expect("terraform on PATH")
}

/// Tokens and a place where events are kept.
#[derive(Default)]
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
    let mode = |path: &Path| fs::metadata(path).expect("metadata").permissions().mode() & 0o777;
    assert_eq!((mode(bench.work.dir()), mode(&bench.plan_file())), (0o700, 0o600));
}
