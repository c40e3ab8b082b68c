//! `aksight generate`, judged by the real terraform: its formatter, its parser, and azurerm's schema by way of the stand-in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use aksight::hcl::{self, State};
use aksight::sim::tfplugin;
use aksight::spec::{self, Spec};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use tempfile::TempDir;

use crate::{TOP, aksight, text};

fn example(name: &str) -> PathBuf {
    Path::new(TOP).join("terraform/examples").join(name).join("aksight.yaml")
}

fn generate(file: &Path, out: &Path, more: &[&str]) -> Output {
    let args = ["generate", "-f", file.to_str().unwrap(), "--out", out.to_str().unwrap()];
    aksight(Path::new(TOP), &[&args, more].concat())
}

/// The real terraform, with the stand-in as the only azurerm there is.
struct Bench {
    home: TempDir,
    rc: PathBuf,
}

impl Bench {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let rc = tfplugin::install_mirror(home.path(), Path::new(env!("CARGO_BIN_EXE_aksight"))).unwrap();
        Self { home, rc }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn terraform(&self, directory: &Path, args: &[&str]) -> Output {
        let path = std::env::var_os("PATH").unwrap();
        let mut command = Command::new("terraform");
        command.arg(format!("-chdir={}", directory.display())).args(args).env_clear().env("PATH", path);
        command.env("TF_CLI_CONFIG_FILE", &self.rc).env("HOME", self.home.path()).env("CHECKPOINT_DISABLE", "1");
        command.output().unwrap()
    }

    /// Stops unless the command ends well.
    fn good(&self, directory: &Path, args: &[&str]) -> String {
        let done = self.terraform(directory, args);
        assert!(done.status.success(), "terraform {args:?}\n{}{}", text(&done.stdout), text(&done.stderr));
        text(&done.stdout)
    }
}

/// The quickstart with lines more: below the cluster's name, and at the end.
fn stack(cluster: &str, end: &str) -> String {
    let quickstart = std::fs::read_to_string(example("quickstart")).unwrap();
    quickstart.replace("  name: aks-quickstart\n", &format!("  name: aks-quickstart\n{cluster}")) + end
}

/// Files that between them make every block and argument appear.
fn files() -> BTreeMap<&'static str, String> {
    let subnet = "/subscriptions/00000000-0000-0000-0000-000000000001/resourcegroups/net/providers/microsoft.network\
                  /virtualnetworks/hub/subnets/nodes";
    let existing =
        "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/shared/providers/Microsoft.Monitor/accounts/all";
    BTreeMap::from([
        ("quickstart", stack("", "")),
        ("complete", std::fs::read_to_string(example("complete")).unwrap()),
        ("sealed", stack("  private: true\n  tier: Premium\n  network: {outboundType: none}\n", "")),
        ("entra", stack("  entra: {localAccounts: false}\n  upgradeChannel: node-image\n", "")),
        (
            "own-network",
            stack(
                &format!("  nodePool: {{subnetId: {subnet}, count: 5}}\n  network: {{outboundType: userDefinedRouting}}\n"),
                "",
            ),
        ),
        ("no-metrics", stack("  acns: {observability: false}\n", "verification: {enabled: false}\n")),
        ("shared", stack("", "").replace("name: amw-quickstart", &format!("id: {existing}"))),
        ("older", stack("", "terraform: {providerVersion: \">= 4.62\"}\n")),
    ])
}

#[test]
fn what_is_generated_is_formatted_and_valid() {
    let bench = Bench::new();
    for (name, file) in files() {
        let (yaml, out) = (bench.path(&format!("{name}.yaml")), bench.path(name));
        std::fs::write(&yaml, file).unwrap();
        let done = generate(&yaml, &out, &[]);
        assert_eq!(done.status.code(), Some(0), "{name}: {}", text(&done.stderr));
        bench.good(&out, &["fmt", "-check", "-diff"]);
        bench.good(&out, &["init", "-backend=false", "-input=false", "-no-color"]);
        bench.good(&out, &["validate", "-no-color"]);
    }
}

/// What the stand-in refuses is refused here too: the test above can fail.
#[test]
fn an_argument_that_azurerm_does_not_have_is_refused() {
    let bench = Bench::new();
    let out = bench.path("bent");
    generate(&example("quickstart"), &out, &[]);
    let main = std::fs::read_to_string(out.join("main.tf")).unwrap();
    std::fs::write(out.join("main.tf"), main.replace("observability_enabled", "observability")).unwrap();
    bench.good(&out, &["init", "-backend=false", "-input=false", "-no-color"]);
    let refused = bench.terraform(&out, &["validate", "-no-color"]);
    assert!(!refused.status.success() && text(&refused.stderr).contains("Unsupported argument"), "{}", text(&refused.stderr));
}

/// The bootstrap module is written by hand. The stand-in does not know its resources, and says so of nothing else.
#[test]
fn the_bootstrap_module_is_formatted_and_holds_together() {
    let bench = Bench::new();
    let out = bench.path("bootstrap");
    std::fs::create_dir(&out).unwrap();
    for name in ["main.tf", "outputs.tf", "variables.tf", "versions.tf"] {
        std::fs::copy(Path::new(TOP).join("terraform/bootstrap").join(name), out.join(name)).unwrap();
    }
    bench.good(&out, &["fmt", "-check", "-diff"]);
    bench.good(&out, &["init", "-backend=false", "-input=false", "-no-color"]);
    let judged: serde_json::Value = serde_json::from_slice(&bench.terraform(&out, &["validate", "-json"]).stdout).unwrap();
    let found = judged["diagnostics"].as_array().unwrap();
    assert!(!found.is_empty() && found.iter().all(|one| one["summary"] == "Invalid resource type"), "{judged:#}");
}

/// Tags as nobody would write them; all are composed, since terraform composes what it reads.
fn tags(runner: &mut TestRunner, count: usize) -> BTreeMap<String, String> {
    let pattern = r#"([\$%{}"\\\n\r\t~a-c#/*<> é字🙂-]|👩‍💻|🇪🇺){1,12}"#;
    let mut word = || pattern.new_tree(runner).unwrap().current();
    (0..count).map(|_| (word(), word())).collect()
}

fn weird(tags: &BTreeMap<String, String>) -> Spec {
    let mut spec = spec::read(&stack("", ""), "aksight.yaml").unwrap();
    spec.stack.azure.tags.clone_from(tags);
    spec.stack.azure.resource_group.clone_from(tags.keys().next().unwrap());
    spec
}

#[test]
fn strange_text_is_formatted_too() {
    let (bench, mut runner) = (Bench::new(), TestRunner::deterministic());
    for number in 0..48 {
        let out = bench.path(&number.to_string());
        std::fs::create_dir(&out).unwrap();
        for file in hcl::render(&weird(&tags(&mut runner, 1 + number % 5)), &State::AsWritten) {
            std::fs::write(out.join(file.name), file.text).unwrap();
        }
    }
    bench.good(bench.home.path(), &["fmt", "-check", "-diff", "-recursive"]);
}

/// Terraform itself reads the text back as it was: not as a template, not as anything else.
#[test]
fn terraform_reads_the_text_that_was_written() {
    let (bench, mut runner) = (Bench::new(), TestRunner::deterministic());
    let tags = tags(&mut runner, 64);
    let out = bench.path("echo");
    std::fs::create_dir(&out).unwrap();
    for file in hcl::render(&weird(&tags), &State::Local) {
        if ["variables.tf", "terraform.tfvars"].contains(&file.name) {
            std::fs::write(out.join(file.name), file.text).unwrap();
        }
    }
    std::fs::write(out.join("echo.tf"), "output \"tags\" {\n  value = var.tags\n}\n").unwrap();
    bench.good(&out, &["apply", "-auto-approve", "-input=false", "-no-color"]);
    let echoed: BTreeMap<String, String> = serde_json::from_str(&bench.good(&out, &["output", "-json", "tags"])).unwrap();
    assert_eq!(echoed, tags);
}

#[test]
fn files_of_somebody_else_are_kept() {
    let home = tempfile::tempdir().unwrap();
    let out = home.path().join("out");
    assert_eq!(generate(&example("quickstart"), &out, &[]).status.code(), Some(0));
    // Ours may be written again, from another file.
    assert_eq!(generate(&example("complete"), &out, &[]).status.code(), Some(0));
    std::fs::write(out.join("main.tf"), "# mine\n").unwrap();
    let refused = generate(&example("quickstart"), &out, &[]);
    assert_eq!(refused.status.code(), Some(64));
    assert!(text(&refused.stderr).contains("main.tf") && text(&refused.stderr).contains("--force"), "{}", text(&refused.stderr));
    assert_eq!(std::fs::read_to_string(out.join("main.tf")).unwrap(), "# mine\n");
    assert!(std::fs::read_to_string(out.join("versions.tf")).unwrap().contains("backend \"azurerm\""), "half of it was written");
    assert_eq!(generate(&example("quickstart"), &out, &["--force"]).status.code(), Some(0));
    assert!(std::fs::read_to_string(out.join("main.tf")).unwrap().starts_with(hcl::MARK));
}

#[test]
fn a_directory_that_cannot_be_written_is_an_error() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("file"), "").unwrap();
    let done = generate(&example("quickstart"), &home.path().join("file/below"), &[]);
    assert_eq!(done.status.code(), Some(1), "{}", text(&done.stderr));
    assert!(text(&done.stderr).contains("cannot be written"), "{}", text(&done.stderr));
}
