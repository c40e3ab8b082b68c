//! The action and the template as runners run them, against doubles of the hosts.

mod linters;
mod runner;

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use aksight::base::Secret;
use aksight::forge::{Error, Note, Posted, PullRequest, Repository};
use nix::sys::signal::{Signal, kill};
use runner::{Job, yaml};
use serde_json::json;

use crate::hosts::{FORK, Hosts, LONGEST, TOKEN};
use crate::rehearsal::{Ended, Rehearsal, pid};
use crate::{TOP, text};

fn job<'a>(stage: &'a Rehearsal, hosts: &'a Hosts, token: &'a str) -> Job<'a> {
    Job { stage, hosts, token, env: vec![("ARM_CLIENT_SECRET", "a-secret-of-the-job".to_owned())] }
}

/// Waits for a future outside of any runtime.
fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn repository(hosts: &Hosts, token: &str) -> Repository {
    let http = aksight::azure::http::client_for_notices().unwrap();
    Repository::new(http, &hosts.address, "acme/shop", Secret::new(token.into())).unwrap()
}

const MARKER: &str = "<!-- aksight:plan:1 -->";

const fn note(body: &str, clean: bool) -> Note<'_> {
    Note { marker: MARKER, body, clean }
}

#[test]
fn one_comment_is_found_again_behind_many_others_and_is_no_strangers() {
    let hosts = Hosts::open();
    let repository = repository(&hosts, TOKEN);
    let strange = json!({"id": 1, "body": format!("{MARKER}\nfake"), "user": {"type": "User"}, "author_association": "NONE"});
    hosts.world().comments.push(strange.clone());
    let chat = (2..250).map(|id| json!({"id": id, "body": "hm", "user": {"type": "User"}, "author_association": "MEMBER"}));
    hosts.world().comments.extend(chat);
    let post = |note: Note<'_>| wait(repository.comment(7, &note)).unwrap();
    assert_eq!(post(note("well", true)), Posted::Nothing);
    assert_eq!(hosts.writes(), Vec::<String>::new());
    assert_eq!(post(note("one", false)), Posted::Begun);
    assert_eq!(post(note("one", false)), Posted::Kept);
    assert_eq!(post(note("two", false)), Posted::Updated);
    assert_eq!(post(note("well", true)), Posted::Closed);
    let world = hosts.world();
    assert_eq!((world.comments.len(), &world.comments[0]), (250, &strange));
    assert_eq!(world.comments[249]["body"], format!("{MARKER}\nwell"));
}

#[test]
fn a_token_that_may_not_comment_is_no_error_and_a_wrong_one_is() {
    let hosts = Hosts::open();
    let refused = wait(repository(&hosts, FORK).comment(7, &note("x", false))).unwrap();
    assert_eq!(refused, Posted::Refused("Resource not accessible by integration".into()));
    let absent = wait(repository(&hosts, TOKEN).comment(8, &note("x", false))).unwrap();
    assert_eq!(absent, Posted::Refused("Not Found".into()), "a private repository says no more");
    let wrong = wait(repository(&hosts, "ghs_Stale").comment(7, &note("x", false))).unwrap_err();
    assert!(matches!(&wrong, Error::Answered { status: 401, .. }), "{wrong}");
    assert!(wrong.to_string().contains("Bad credentials") && !format!("{wrong:?}").contains("ghs_Stale"), "{wrong:?}");
    let http = aksight::azure::http::client_for_notices().unwrap();
    let elsewhere = Repository::new(http, "http://example.com", "acme/shop", Secret::new("t".into())).unwrap_err();
    assert!(matches!(elsewhere, Error::Address(_)), "a token goes to nobody in clear");
}

#[test]
fn one_issue_opens_and_closes() {
    let hosts = Hosts::open();
    let repository = repository(&hosts, TOKEN);
    let post = |note: Note<'_>| wait(repository.issue("shop needs a look", &note)).unwrap();
    let all = [note("well", true), note("a", false), note("b", false), note("well", true), note("well", true), note("c", false)];
    let ended: Vec<Posted> = all.into_iter().map(post).collect();
    assert_eq!(ended, [Posted::Nothing, Posted::Begun, Posted::Updated, Posted::Closed, Posted::Nothing, Posted::Begun]);
    let world = hosts.world();
    let states: Vec<&str> = world.issues.iter().map(|issue| issue["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["closed", "open"]);
    assert_eq!(world.issues[0]["labels"], json!(["aksight"]));
}

#[test]
fn one_thread_opens_closes_and_opens_again() {
    let hosts = Hosts::open();
    let pull = |token: &str| {
        let http = aksight::azure::http::client_for_notices().unwrap();
        let collection = format!("{}/acme/", hosts.address);
        PullRequest::new(http, &collection, ("My Shop", "r-1"), "7", Secret::new(token.into())).unwrap()
    };
    let post = |note: Note<'_>| wait(pull(TOKEN).thread(&note)).unwrap();
    let all = [note("well", true), note("a", false), note("a", false), note("well", true), note("well", true), note("b", false)];
    let ended: Vec<Posted> = all.into_iter().map(post).collect();
    assert_eq!(ended, [Posted::Nothing, Posted::Begun, Posted::Kept, Posted::Closed, Posted::Kept, Posted::Updated]);
    let threads = hosts.world().threads.clone();
    assert_eq!((threads.len(), &threads[0]["status"]), (1, &json!("active")));
    let refused = wait(pull(FORK).thread(&note("c", false))).unwrap();
    assert!(matches!(&refused, Posted::Refused(why) if why.contains("PullRequestContribute")), "{refused:?}");
    assert!(matches!(wait(pull("wrong").thread(&note("c", false))), Err(Error::Answered { status: 203, .. })));
}

/// The job's secrets are in nothing that a person can read, nor in any file that was left.
fn nothing_secret(stage: &Rehearsal, used: &runner::Used) {
    let seen = [&used.log, &used.summary, &used.ended.stderr, &format!("{:?}{:?}", used.outputs, used.commands)]
        .map(String::as_str)
        .concat();
    for secret in ["a-secret-of-the-job", TOKEN, FORK] {
        assert!(!seen.contains(secret), "{secret} is in the log");
        let found = std::process::Command::new("grep").args(["-rlF", secret, "."]).current_dir(stage.home()).output().unwrap();
        assert_eq!(text(&found.stdout), "", "{secret} is in a file");
    }
}

#[test]
fn the_action_plans_on_a_pull_request() {
    let (stage, hosts) = (Rehearsal::new(), Hosts::open());
    let job = job(&stage, &hosts, TOKEN);
    let inputs = [("command", "plan"), ("comment", "true"), ("sarif", "a.sarif"), ("junit", "TEST-aksight.xml")];
    let used = job.uses(&inputs);
    assert_eq!(used.ended.code, Some(0), "changes are no failure\n{}", used.ended.all());
    assert_eq!((used.output("result"), used.output("exit-code"), used.output("changes")), ("planned", "2", "true"));
    assert_eq!((used.output("destroy"), used.output("replace"), used.output("drift")), ("0", "0", "false"));
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(used.output("report-path")).unwrap()).unwrap();
    assert_eq!(report["plan"]["create"].to_string(), used.output("add"));
    assert!(used.summary.contains("azurerm\\_kubernetes\\_cluster.this") && used.summary.len() < 1024 * 1024);
    let comments = hosts.world().comments.clone();
    assert_eq!(comments.len(), 1);
    assert!(comments[0]["body"].as_str().unwrap().contains("stack quickstart has a plan"), "{comments:?}");
    assert!(used.commands.iter().any(|line| line.starts_with("::warning file=aksight.yaml,line=")), "{:?}", used.commands);
    assert!(used.commands.contains(&"::group::the plan".to_owned()) && used.log.contains("Plan for stack quickstart"));
    linters::sarif(&stage.home().join("a.sarif"));
    assert!(std::fs::read_to_string(stage.home().join("TEST-aksight.xml")).unwrap().contains("name=\"plan\""));
    nothing_secret(&stage, &used);
    let strict = job.uses(&[("command", "plan"), ("fail-on", "changes"), ("comment", "true")]);
    assert_eq!(strict.ended.code, Some(2), "{}", strict.ended.all());
    assert_eq!(hosts.world().comments.len(), 1, "one comment, not two");
}

#[test]
fn a_fork_and_a_missing_right_leave_the_summary() {
    let (stage, hosts) = (Rehearsal::new(), Hosts::open());
    let used = job(&stage, &hosts, FORK).uses(&[("command", "plan"), ("comment", "true")]);
    assert_eq!(used.ended.code, Some(0), "{}", used.ended.all());
    assert!(hosts.world().comments.is_empty() && used.summary.contains("has a plan"));
    let told = |line: &&String| line.starts_with("::warning") || line.starts_with("::error");
    let warnings: Vec<&String> = used.commands.iter().filter(told).collect();
    assert!(warnings.iter().all(|line| line.contains("AKS-POL")), "silently: {warnings:?}");
    assert!(used.log.contains("the token may not (Resource not accessible by integration)"), "{}", used.log);
    nothing_secret(&stage, &used);
}

#[test]
fn a_huge_plan_still_yields_a_comment() {
    let admins: Vec<String> = (0..700).map(|index| format!("    - 00000000-0000-4000-8000-{index:012}\n")).collect();
    let file = std::fs::read_to_string(std::path::Path::new(TOP).join("terraform/examples/quickstart/aksight.yaml")).unwrap();
    let stage = Rehearsal::with(&format!("{}\n  admins:\n{}", file.trim_end(), admins.concat()), "quickstart");
    let hosts = Hosts::open();
    let used = job(&stage, &hosts, TOKEN).uses(&[("command", "plan"), ("comment", "true")]);
    assert_eq!(used.ended.code, Some(0), "{}", used.ended.all());
    let comments = hosts.world().comments.clone();
    let body = comments[0]["body"].as_str().unwrap();
    assert!(body.chars().count() <= LONGEST && body.len() > LONGEST / 2, "{}", body.len());
    assert!(body.contains("entries are not shown here"), "{body}");
    assert!(used.summary.contains("000000000699") && !used.summary.contains("not shown here"), "the summary has room for all");
}

#[test]
fn a_file_that_is_wrong_is_annotated_at_its_line() {
    let stage = Rehearsal::with("apiVersion: aksight/v1\nkind: Stack\nmetadata:\n  name: UPPER\n", "quickstart");
    let hosts = Hosts::open();
    let used = job(&stage, &hosts, TOKEN).uses(&[("command", "plan"), ("comment", "true")]);
    assert_eq!(used.ended.code, Some(64), "{}", used.ended.all());
    assert_eq!((used.output("result"), used.output("exit-code")), ("failed", "64"));
    assert!(used.commands.iter().any(|line| line.starts_with("::error file=aksight.yaml,line=4,")), "{:?}", used.commands);
    assert!(used.summary.contains("AKS-0105") && hosts.world().comments.len() == 1, "{}", used.summary);
}

#[test]
fn drift_opens_one_issue_and_its_end_closes_it() {
    let (stage, hosts) = (Rehearsal::new(), Hosts::open());
    stage.provision();
    let job = job(&stage, &hosts, TOKEN);
    let inputs = [("command", "drift"), ("issue", "true")];
    let clean = job.uses(&inputs);
    assert_eq!((clean.ended.code, clean.output("drift")), (Some(0), "false"), "{}", clean.ended.all());
    assert!(hosts.writes().is_empty(), "silent when clean");
    let tag = |value: Option<&str>| {
        stage.edit("managedclusters/aks-quickstart", |cluster| match value {
            Some(value) => cluster["tags"]["team"] = json!(value),
            None => drop(cluster["tags"].as_object_mut().unwrap().remove("team")),
        });
    };
    tag(Some("::error::x"));
    let found = job.uses(&inputs);
    assert_eq!((found.ended.code, found.output("drift"), found.output("result")), (Some(0), "true", "drifted"));
    assert_eq!(hosts.world().issues[0]["state"], "open");
    assert!(found.commands.iter().any(|line| line.starts_with("::warning file=aksight.yaml")), "{:?}", found.commands);
    assert_eq!(job.uses(&[("command", "drift"), ("fail-on", "drift")]).ended.code, Some(2));
    // The same drift in Azure Pipelines: the step succeeds with issues.
    let azdo = job.uses_template(&[("command", "drift"), ("comment", "true")]);
    assert_eq!((azdo.ended.code, azdo.output("drift"), azdo.output("exit-code")), (Some(0), "true", "2"), "{}", azdo.ended.all());
    assert!(
        azdo.commands.iter().any(|line| line.starts_with("##vso[task.complete result=SucceededWithIssues;]")),
        "{:?}",
        azdo.commands
    );
    assert!(
        azdo.commands.iter().any(|line| line.contains("type=warning;sourcepath=aksight.yaml;linenumber=")),
        "{:?}",
        azdo.commands
    );
    assert_eq!(hosts.world().threads[0]["status"], "active");
    nothing_secret(&stage, &azdo);
    tag(None);
    let mended = job.uses(&inputs);
    assert_eq!((mended.ended.code, mended.output("result")), (Some(0), "unchanged"), "{}", mended.ended.all());
    assert_eq!(hosts.world().issues[0]["state"], "closed");
    let closed = job.uses_template(&[("command", "drift"), ("comment", "true")]);
    assert!(!closed.commands.iter().any(|line| line.contains("task.complete")), "{:?}", closed.commands);
    assert_eq!(hosts.world().threads[0]["status"], "closed");
}

#[test]
fn the_template_provisions_and_shows_its_proof() {
    let (stage, hosts) = (Rehearsal::new(), Hosts::open());
    let used =
        job(&stage, &hosts, TOKEN).uses_template(&[("command", "provision"), ("yes", "true"), ("junit", "TEST-aksight.xml")]);
    assert_eq!(used.ended.code, Some(0), "{}", used.ended.all());
    assert_eq!((used.output("result"), used.output("verified")), ("changed", "true"));
    assert!(used.output("grafana-endpoint").starts_with("https://"));
    assert!(used.summary.contains("Proof that data arrives"), "{}", used.summary);
    let junit = std::fs::read_to_string(stage.home().join("TEST-aksight.xml")).unwrap();
    assert!(junit.contains("tests=\"7\" failures=\"0\" skipped=\"0\""), "{junit}");
    let titles: Vec<&str> = used.log.lines().filter_map(|line| line.strip_prefix("##[group]")).collect();
    assert!(titles.contains(&"carrying out the plan") && titles.contains(&"asking whether data arrives"), "{titles:?}");
    nothing_secret(&stage, &used);
}

/// The runner signals the shell alone. aksight hears it, comes to a safe end and leaves no lease.
#[test]
fn a_cancelled_step_leaves_no_lease() {
    let (stage, hosts) = (Rehearsal::new(), Hosts::open());
    let job = job(&stage, &hosts, TOKEN);
    let inputs = [("command", "provision"), ("extra-args", "--simulate\n--sim-pace\n0.05")];
    let mut child =
        job.step("run", &inputs, env!("CARGO_BIN_EXE_aksight")).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut told = String::new();
    for line in lines.by_ref().map(Result::unwrap) {
        told += &line;
        told.push('\n');
        if line.contains("terraform") && line.ends_with("started") {
            kill(pid(&child), Signal::SIGINT).unwrap();
            break;
        }
    }
    told.extend(lines.map(|line| line.unwrap() + "\n"));
    let ended = child.wait_with_output().unwrap();
    let used = job.left(Ended { code: ended.status.code(), stdout: told, stderr: text(&ended.stderr) });
    assert_eq!(used.ended.code, Some(130), "{}", used.ended.all());
    assert_eq!(used.output("result"), "interrupted");
    let again = stage.act("provision", &[]);
    assert_eq!(again.code, Some(0), "the stack is free and goes on\n{}", again.all());
}

/// A program that writes down what it was started with, and ends as it is told.
fn recorder(stage: &Rehearsal, exit_code: u8) -> String {
    let program = stage.home().join("recorder");
    std::fs::write(&program, format!("#!/bin/sh\nprintf '%s\\n' \"$@\" > \"$HOME/args\"\nexit {exit_code}\n")).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    program.display().to_string()
}

#[test]
fn inputs_are_data_and_never_scripts() {
    let (stage, hosts) = (Rehearsal::new(), Hosts::open());
    let program = recorder(&stage, 0);
    let evil = "$(touch pwned) `touch pwned`; touch pwned \" ' \\";
    let inputs = [("command", "provision"), ("config", evil), ("sarif", evil), ("plan", evil), ("extra-args", evil)];
    let mut step = job(&stage, &hosts, TOKEN).step("run", &inputs, &program);
    assert!(step.output().unwrap().status.success());
    let args = std::fs::read_to_string(stage.home().join("args")).unwrap();
    let wanted = ["provision", "--output", "github", "--file", evil, "--sarif", evil, "--plan", evil, evil];
    assert_eq!(args.lines().collect::<Vec<_>>(), wanted);
    assert!(!stage.home().join("pwned").exists());
}

#[test]
fn fail_on_and_exit_codes_agree() {
    let (stage, hosts) = (Rehearsal::new(), Hosts::open());
    let ends = |exit_code: u8, command: &str, fail_on: &str| {
        let program = recorder(&stage, exit_code);
        let inputs = [("command", command), ("fail-on", fail_on)];
        let mut step = job(&stage, &hosts, TOKEN).step("run", &inputs, &program);
        step.output().unwrap().status.code().unwrap()
    };
    for (exit_code, command, ended) in [
        // none, unverified, drift, changes
        (0, "plan", [0, 0, 0, 0]),
        (2, "plan", [0, 0, 0, 2]),
        (2, "drift", [0, 0, 2, 2]),
        (2, "reconcile", [0, 0, 2, 2]),
        (11, "provision", [0, 11, 11, 11]),
        (13, "reconcile", [0, 13, 13, 13]),
        (1, "plan", [1, 1, 1, 1]),
        (10, "plan", [10, 10, 10, 10]),
        (12, "plan", [12, 12, 12, 12]),
        (64, "plan", [64, 64, 64, 64]),
    ] {
        let found = ["none", "unverified", "drift", "changes"].map(|fail_on| ends(exit_code, command, fail_on));
        assert_eq!(found, ended, "exit {exit_code} of {command}");
    }
    assert_eq!(ends(0, "rm", "none"), 64);
    assert_eq!(ends(0, "plan", "never"), 64);
}

/// The release is taken only if its digest is the expected one and somebody attests who built it.
#[test]
fn what_is_fetched_is_verified() {
    let (stage, hosts) = (Rehearsal::new(), Hosts::open());
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(yaml("action.yml")["inputs"]["version"]["default"], version);
    let name = format!("aksight-{version}-x86_64-unknown-linux-musl");
    std::fs::create_dir(stage.home().join(&name)).unwrap();
    std::fs::write(stage.home().join(&name).join("aksight"), "#!/bin/sh\necho it is me\n").unwrap();
    let tar = format!("chmod +x {name}/aksight && tar czf a.tar.gz {name} && rm -r {name} && sha256sum a.tar.gz");
    let packed = std::process::Command::new("bash").args(["-c", &tar]).current_dir(stage.home()).output().unwrap();
    let digest = text(&packed.stdout).split_whitespace().next().unwrap().to_owned();
    let archive = std::fs::read(stage.home().join("a.tar.gz")).unwrap();
    let publish = |sums: &str| {
        let mut world = hosts.world();
        world.release.insert(format!("{name}.tar.gz"), archive.clone());
        world.release.insert("SHA256SUMS".into(), sums.as_bytes().to_vec());
    };
    let bin = stage.home().join("bin");
    std::fs::create_dir(&bin).unwrap();
    let attest = |exit_code: u8| {
        std::fs::write(bin.join("gh"), format!("#!/bin/sh\necho \"$@\" > \"$HOME/gh-args\"\nexit {exit_code}\n")).unwrap();
        std::fs::set_permissions(bin.join("gh"), std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    let install = |inputs: &[(&str, &str)]| {
        let mut job = job(&stage, &hosts, TOKEN);
        job.env.push(("PATH", format!("{}:{}", bin.display(), std::env::var("PATH").unwrap())));
        let inputs = [&[("command", "plan")][..], inputs].concat();
        let mut step = job.step("install", &inputs, "");
        job.left(Ended::of(&step.output().unwrap()))
    };
    attest(0);
    publish(&format!("{digest}  {name}.tar.gz\n"));
    let good = install(&[]);
    assert_eq!(good.ended.code, Some(0), "{}", good.ended.all());
    let run = std::process::Command::new(good.output("program")).output().unwrap();
    assert_eq!(text(&run.stdout), "it is me\n");
    let asked = std::fs::read_to_string(stage.home().join("gh-args")).unwrap();
    assert_eq!(asked.trim(), format!("attestation verify {name}.tar.gz --repo acme/aksight"));
    assert_eq!(install(&[("digest", &digest)]).ended.code, Some(0));
    let wrong = "0".repeat(64);
    for (inputs, told) in [
        (vec![("digest", wrong.as_str())], "not the one that is expected"),
        (vec![("version", "9.9.9")], "cannot be fetched"),
        (vec![("version", "../../x")], "is no version"),
        (vec![("binary", "absent")], "names no program"),
    ] {
        let bad = install(&inputs);
        assert!(bad.ended.code == Some(1) && bad.ended.stdout.contains(told), "{inputs:?}\n{}", bad.ended.all());
    }
    publish(&format!("{wrong}  {name}.tar.gz\n"));
    assert_eq!(install(&[]).ended.code, Some(1), "checksums of another archive");
    publish("");
    assert!(install(&[]).ended.stdout.contains("do not name"));
    publish(&format!("{digest}  {name}.tar.gz\n"));
    attest(1);
    assert!(install(&[]).ended.stdout.contains("nobody attests"));
    assert_eq!(install(&[("attestation", "false")]).ended.code, Some(0));
}

/// Git's bash on a Windows runner has the same programs, but the runner's paths lean the other way, and the archive is a zip.
#[test]
fn a_windows_runner_gets_its_own_release() {
    let (stage, hosts) = (Rehearsal::new(), Hosts::open());
    let name = format!("aksight-{}-x86_64-pc-windows-msvc", env!("CARGO_PKG_VERSION"));
    std::fs::create_dir(stage.home().join(&name)).unwrap();
    std::fs::write(stage.home().join(&name).join("aksight.exe"), "#!/bin/sh\necho it is me\n").unwrap();
    let zip = format!("chmod +x {name}/aksight.exe && zip -q -r a.zip {name} && rm -r {name} && sha256sum a.zip");
    let packed = std::process::Command::new("bash").args(["-c", &zip]).current_dir(stage.home()).output().unwrap();
    let digest = text(&packed.stdout).split_whitespace().next().unwrap().to_owned();
    let archive = std::fs::read(stage.home().join("a.zip")).unwrap();
    hosts.world().release.insert(format!("{name}.zip"), archive);
    let mut job = job(&stage, &hosts, TOKEN);
    let temporary = stage.home().join("temporary").display().to_string().replace('/', "\\");
    job.env.extend([("RUNNER_OS", "Windows".to_owned()), ("RUNNER_TEMP", temporary)]);
    let inputs = [("command", "plan"), ("digest", digest.as_str()), ("attestation", "false")];
    let used = job.left(Ended::of(&job.step("install", &inputs, "").output().unwrap()));
    assert_eq!(used.ended.code, Some(0), "{}", used.ended.all());
    assert!(used.output("program").ends_with(&format!("/{name}/aksight.exe")), "{}", used.output("program"));
    let run = std::process::Command::new(used.output("program")).output().unwrap();
    assert_eq!(text(&run.stdout), "it is me\n");
    job.env.push(("RUNNER_ARCH", "ARM64".to_owned()));
    let none = Ended::of(&job.step("install", &inputs, "").output().unwrap());
    assert!(none.code == Some(1) && none.stdout.contains("no release for Windows on ARM64"), "{}", none.all());
}

#[test]
fn a_fleet_is_told_as_one() {
    let file = std::path::Path::new(TOP).join("terraform/examples/fleet/aksight-fleet.yaml");
    let stage = Rehearsal::with(&std::fs::read_to_string(file).unwrap(), "shops");
    let hosts = Hosts::open();
    let used = job(&stage, &hosts, TOKEN).uses(&[("command", "plan"), ("comment", "true"), ("junit", "TEST-aksight.xml")]);
    assert_eq!(used.ended.code, Some(0), "{}", used.ended.all());
    assert_eq!((used.output("result"), used.output("exit-code")), ("planned", "2"));
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(used.output("report-path")).unwrap()).unwrap();
    let created = report["stacks"].as_array().unwrap().iter().map(|line| line["report"]["plan"]["create"].as_u64().unwrap());
    assert_eq!(created.sum::<u64>().to_string(), used.output("add"));
    assert!(
        used.summary.contains("fleet shops has a plan") && used.summary.contains("- `shop-b` has a plan"),
        "{}",
        used.summary
    );
    assert_eq!(hosts.world().comments.len(), 1);
    let junit = std::fs::read_to_string(stage.home().join("TEST-aksight.xml")).unwrap();
    assert!(junit.contains("classname=\"aksight.shop-a\" name=\"plan\""), "{junit}");
    let places: Vec<&String> =
        used.commands.iter().filter(|line| line.starts_with("::warning file=aksight.yaml,line=")).collect();
    assert!(!places.is_empty(), "{:?}", used.commands);
}

#[test]
fn the_plan_that_was_reviewed_is_carried_out() {
    let (stage, hosts) = (Rehearsal::new(), Hosts::open());
    let job = job(&stage, &hosts, TOKEN);
    let planned = job.uses(&[("command", "plan"), ("plan", "reviewed.plan")]);
    assert_eq!(planned.ended.code, Some(0), "{}", planned.ended.all());
    let file = std::fs::canonicalize(stage.home()).unwrap().join("reviewed.plan");
    assert_eq!(std::fs::canonicalize(planned.output("plan-path")).unwrap(), file);
    let done = job.uses(&[("command", "provision"), ("plan", "reviewed.plan")]);
    assert_eq!((done.ended.code, done.output("verified")), (Some(0), "true"), "{}", done.ended.all());
    let read = |used: &runner::Used| -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(used.output("report-path")).unwrap()).unwrap()
    };
    let (before, after) = (read(&planned)["saved_plan"].clone(), read(&done)["saved_plan"].clone());
    assert_eq!((&after["applied"], &after["digest"]), (&true.into(), &before["digest"]), "{after}");
    assert!(done.summary.contains(before["digest"].as_str().unwrap()), "{}", done.summary);
}
