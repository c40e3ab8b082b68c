//! The workflows, which run elsewhere: actions pinned, few rights, nothing pasted into scripts, and the same pins everywhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::TOP;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(TOP).join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn workflow(name: &str) -> Value {
    serde_saphyr::from_str(&read(&format!(".github/workflows/{name}"))).unwrap()
}

fn names() -> Vec<String> {
    let entries = fs::read_dir(Path::new(TOP).join(".github/workflows")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn jobs(workflow: &Value) -> Vec<(String, Value)> {
    workflow["jobs"].as_object().unwrap().iter().map(|(name, job)| (name.clone(), job.clone())).collect()
}

fn steps(job: &Value) -> Vec<Value> {
    job["steps"].as_array().unwrap().clone()
}

#[test]
fn actions_are_githubs_own_and_pinned_by_commit() {
    assert!(names().len() >= 2);
    for name in names() {
        let text = read(&format!(".github/workflows/{name}"));
        let uses: Vec<&str> =
            text.lines().filter_map(|line| line.trim().trim_start_matches("- ").strip_prefix("uses: ")).collect();
        assert!(!uses.is_empty(), "{name}");
        for line in uses {
            let (action, version) = line.split_once(" # v").unwrap_or_else(|| panic!("{name}: no version beside `{line}`"));
            let (owner, commit) = action.split_once('@').unwrap();
            assert!(owner.starts_with("actions/"), "{name}: {action}");
            assert!(commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}: {action}");
            assert!(version.split('.').count() == 3, "{name}: {line}");
        }
    }
}

#[test]
fn jobs_may_do_little_and_paste_nothing_into_scripts() {
    for name in names() {
        let workflow = workflow(&name);
        let common = workflow["permissions"].as_object().unwrap_or_else(|| panic!("{name} does not say what it may do"));
        assert!(common.values().all(|right| right == "read"), "{name}");
        for (job_name, job) in jobs(&workflow) {
            assert!(job["timeout-minutes"].as_u64().is_some(), "{name}/{job_name}");
            let writes = job["permissions"].as_object().is_some_and(|rights| rights.values().any(|right| right == "write"));
            for step in steps(&job) {
                let run = step["run"].as_str().unwrap_or_default();
                assert!(!run.contains("${{"), "{name}/{job_name} pastes a value into a script:\n{run}");
                assert!(!writes || !run.contains("cargo"), "{name}/{job_name} compiles, with the right to write");
                if step["uses"].as_str().is_some_and(|action| action.starts_with("actions/checkout@")) {
                    assert_eq!(step["with"]["persist-credentials"], false, "{name}/{job_name}");
                }
            }
        }
    }
}

/// What is built is what the page promises, each by itself and tried; and what is published was attested before.
#[test]
fn a_release_is_built_tried_attested_and_published() {
    let release = workflow("release.yml");
    let built: BTreeSet<&str> = release["jobs"]["build"]["strategy"]["matrix"]["include"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|row| row["target"].as_str())
        .collect();
    let page = read("docs/install.md");
    let promised = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    assert_eq!(built, promised);
    let scripts = |job: &str| {
        steps(&release["jobs"][job]).iter().filter_map(|step| step["run"].as_str().map(str::to_owned)).collect::<String>()
    };
    assert!(scripts("build").contains("provision --simulate") && scripts("package").contains(".ci/package"));
    assert_eq!(
        (&release["jobs"]["package"]["needs"], &release["jobs"]["publish"]["needs"]),
        (&"build".into(), &"package".into())
    );
    let publish = steps(&release["jobs"]["publish"]);
    let place =
        |part: &str| publish.iter().position(|step| step.to_string().contains(part)).unwrap_or_else(|| panic!("no {part}"));
    assert!(place("attest-build-provenance@") < place("gh release create"));
}

/// One Rust and one terraform, wherever they are named.
#[test]
fn the_pins_agree() {
    let (ci, release, image) = (workflow("ci.yml"), workflow("release.yml"), read("image/Containerfile"));
    let rust = release["env"]["RUSTUP_TOOLCHAIN"].as_str().unwrap();
    assert_eq!(ci["jobs"]["elsewhere"]["env"]["RUSTUP_TOOLCHAIN"], rust);
    let container = ci["jobs"]["everything"]["container"].as_str().unwrap();
    assert_eq!(container, format!("rust:{}-bookworm", rust.rsplit_once('.').unwrap().0));
    let bases: Vec<&str> = image.lines().filter_map(|line| line.strip_prefix("FROM rust:")).collect();
    assert!(bases.len() == 2 && bases.iter().all(|base| container.ends_with(base.split(' ').next().unwrap())), "{bases:?}");
    let set = &ci["jobs"]["everything"]["env"];
    assert_eq!(set["TERRAFORM_VERSION"], aksight::terraform::PINNED.to_string());
    assert!(image.contains(&format!("ARG TERRAFORM_SHA256_AMD64={}\n", set["TERRAFORM_SHA256"].as_str().unwrap())));
    let tools = steps(&ci["jobs"]["everything"]);
    assert!(tools.iter().any(|step| step["run"] == ".ci/run"));
}
