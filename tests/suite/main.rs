//! The binary as a user meets it: a cleared environment, a directory of its own, exit codes and both streams.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod asked;
mod browser;
mod bundle;
mod copies;
mod crash;
mod daemon;
mod deploy;
mod destroy;
mod doctor;
mod drift;
mod elsewhere;
mod every_field;
mod exit_codes;
mod fleet;
mod generate;
mod handoff;
mod hosts;
mod page;
mod pipelines;
mod policies;
mod postgres;
mod refusals;
mod rehearsal;
mod release;
mod replicas;
mod rights;
mod scenarios;
mod server;
mod sign_in;
mod store;
mod sweep;
mod swept;
mod traces;

use std::path::Path;
use std::process::{Command, Output};

pub(crate) const TOP: &str = env!("CARGO_MANIFEST_DIR");

pub(crate) fn aksight(directory: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_aksight")).args(args).current_dir(directory).env_clear().output().unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn the_quickstart_is_valid_and_so_is_every_example() {
    for example in ["quickstart", "complete"] {
        let done = aksight(Path::new(TOP), &["validate", "-f", &format!("terraform/examples/{example}/aksight.yaml")]);
        assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
        assert!(text(&done.stdout).contains("is valid"));
    }
}

#[test]
fn all_problems_come_at_once_with_their_places() {
    let home = tempfile::tempdir().unwrap();
    let good = std::fs::read_to_string(Path::new(TOP).join("terraform/examples/quickstart/aksight.yaml")).unwrap();
    let bad = good.replace("kind: Stack", "kind: Stack\nclustr: {}") + "delivery: pigeon\n";
    std::fs::write(home.path().join("aksight.yaml"), bad).unwrap();
    let done = aksight(home.path(), &["validate"]);
    let said = text(&done.stderr);
    assert_eq!(done.status.code(), Some(64), "{said}");
    assert!(said.contains("error[AKS-0104]") && said.contains("cluster"), "{said}");
    assert!(said.matches("aksight.yaml:").count() >= 2, "{said}");
    assert!(done.stdout.is_empty());
}

#[test]
fn no_file_is_a_clear_error() {
    let home = tempfile::tempdir().unwrap();
    let done = aksight(home.path(), &["validate"]);
    assert_eq!(done.status.code(), Some(64));
    assert!(text(&done.stderr).contains("`aksight.yaml` cannot be read"));
}

#[test]
fn bad_usage_is_64_and_help_is_0() {
    assert_eq!(aksight(Path::new(TOP), &["--nope"]).status.code(), Some(64));
    assert_eq!(aksight(Path::new(TOP), &["--help"]).status.code(), Some(0));
}

#[test]
fn explain_names_the_owner_and_the_reason() {
    let done = aksight(Path::new(TOP), &["explain", "monitor_metrics"]);
    let said = text(&done.stdout);
    assert!(said.contains("owner: rest") && said.contains("switches the add-on off"), "{said}");
    assert_eq!(aksight(Path::new(TOP), &["explain", "no such field"]).status.code(), Some(64));
}

#[test]
fn the_schema_is_the_committed_one() {
    let said: serde_json::Value = serde_json::from_slice(&aksight(Path::new(TOP), &["schema"]).stdout).unwrap();
    let kept = std::fs::read_to_string(Path::new(TOP).join("docs/reference/aksight.schema.json")).unwrap();
    assert_eq!(said, serde_json::from_str::<serde_json::Value>(&kept).unwrap());
}

#[test]
fn init_writes_a_valid_file_and_never_over_another() {
    let home = tempfile::tempdir().unwrap();
    let init = ["init", "--name", "shop", "--location", "westeurope"];
    assert_eq!(aksight(home.path(), &init).status.code(), Some(0));
    assert_eq!(aksight(home.path(), &["validate"]).status.code(), Some(0));
    let before = std::fs::read(home.path().join("aksight.yaml")).unwrap();
    assert_eq!(aksight(home.path(), &init).status.code(), Some(1));
    assert_eq!(std::fs::read(home.path().join("aksight.yaml")).unwrap(), before);
    let bad = aksight(
        home.path(),
        &["init", "--name", "shop", "--location", "westeurope", "--subscription", "none", "-o", "other.yaml"],
    );
    assert_eq!(bad.status.code(), Some(64), "{}", text(&bad.stderr));
    assert!(!home.path().join("other.yaml").exists());
}

#[test]
fn completions_know_the_commands() {
    assert!(text(&aksight(Path::new(TOP), &["completions", "bash"]).stdout).contains("validate"));
}

/// Every command that the README shows is one that is there; the first is run as it stands, without a file.
#[test]
fn the_readme_keeps_its_promises() {
    let readme = std::fs::read_to_string(Path::new(TOP).join("README.md")).unwrap();
    let block = readme.split("```").nth(1).unwrap();
    let line = |start: &str| block.lines().find(|line| line.starts_with(start)).unwrap().split('#').next().unwrap().trim();
    let args: Vec<&str> = line("cargo run --release --").split_whitespace().skip(4).collect();
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_aksight"));
    command.args(&args).current_dir(home.path()).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", home.path());
    let done = command.output().unwrap();
    assert_eq!(done.status.code(), Some(0), "{}\n{}", text(&done.stdout), text(&done.stderr));
    assert!(text(&done.stdout).contains("data is proven to arrive"), "{}", text(&done.stdout));
    let tests = Path::new(TOP).join(line("tests/run"));
    assert!(std::fs::read_to_string(tests).unwrap().contains("cargo nextest run"));
    for word in readme.split("`aksight ").skip(1).filter_map(|rest| rest.split(['`', ' ']).next()) {
        assert_eq!(aksight(Path::new(TOP), &[word, "--help"]).status.code(), Some(0), "`aksight {word}`");
    }
}
