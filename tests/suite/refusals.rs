//! Bad inputs and bad surroundings: each a clear error and the right exit code, and nothing changed.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::rehearsal::{Ended, Rehearsal};
use crate::{TOP, aksight, text};

fn quickstart() -> String {
    std::fs::read_to_string(Path::new(TOP).join("terraform/examples/quickstart/aksight.yaml")).unwrap()
}

/// A file with one thing wrong: exit 64 before any call, with the place, the code and the words.
fn refused(change: (&str, &str), code: &str, words: &[&str]) {
    let good = quickstart();
    let bad = good.replace(change.0, change.1);
    assert_ne!(good, bad, "`{}` is not in the file", change.0);
    let stage = Rehearsal::with(&bad, "quickstart");
    let ended = stage.run(&["provision", "--simulate"]);
    assert_eq!(ended.code, Some(64), "{}", ended.all());
    assert!(ended.stderr.contains(code) && ended.stderr.contains("aksight.yaml:"), "{}", ended.all());
    assert!(words.iter().all(|word| ended.stderr.contains(word)), "{words:?}\n{}", ended.all());
    assert!(!stage.home().join(".aksight").exists(), "something was made");
    let told = stage.run(&["provision", "--simulate", "--output", "json"]).json();
    assert_eq!((&told["result"], &told["exit_code"]), (&"failed".into(), &64.into()));
    assert_eq!(told["diagnostics"][0]["code"], code);
}

#[test]
fn a_grafana_version_that_the_provider_does_not_know() {
    refused(("name: amg-quickstart", "name: amg-quickstart\n  majorVersion: \"11\""), "AKS-0115", &["12"]);
}

#[test]
fn networks_that_overlap() {
    let network = "name: aks-quickstart\n  network:\n    podCidr: 10.0.0.0/14\n    serviceCidr: 10.1.0.0/16";
    refused(("name: aks-quickstart", network), "AKS-0110", &["10.1.0.0/16"]);
}

#[test]
fn a_keep_list_that_would_switch_all_of_them_off() {
    let metrics = "name: amw-quickstart\n  metrics:\n    keepLists:\n      kubelet: \"kubelet_(\"";
    refused(("name: amw-quickstart", metrics), "AKS-0111", &[]);
}

#[test]
fn an_unknown_key() {
    refused(("cluster:", "clusterr:"), "AKS-0104", &["cluster"]);
}

#[test]
fn yaml_that_is_none() {
    refused(("kind: Stack", "kind: [Stack"), "AKS-0101", &[]);
}

#[test]
fn a_name_that_is_too_long() {
    refused(("name: amg-quickstart", "name: amg-quickstart-with-a-name-far-too-long"), "AKS-0108", &["23"]);
}

/// The real thing, with nothing of Azure in the environment.
fn real(stage: &Rehearsal, variables: &[(&str, &str)], args: &[&str]) -> Ended {
    let mut command = stage.command(args);
    command.envs(variables.iter().copied());
    Ended::of(&command.output().unwrap())
}

#[test]
fn no_credentials() {
    let stage = Rehearsal::new();
    let ended = real(&stage, &[("ARM_USE_CLI", "false")], &["provision"]);
    assert_eq!(ended.code, Some(64), "{}", ended.all());
    assert!(ended.stderr.contains("AKS-0202") && ended.stderr.contains("ARM_CLIENT_ID"), "{}", ended.all());
}

#[test]
fn no_subscription() {
    let stage = Rehearsal::new();
    let principal = [("ARM_CLIENT_ID", "c"), ("ARM_CLIENT_SECRET", "s3cret"), ("ARM_TENANT_ID", "t")];
    let ended = real(&stage, &principal, &["provision"]);
    assert_eq!(ended.code, Some(64), "{}", ended.all());
    assert!(ended.stderr.contains("AKS-0203") && !ended.stderr.contains("s3cret"), "{}", ended.all());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_that_cannot_be_seen_and_a_secret_that_is_wrong() {
    let stage = Rehearsal::new();
    let azure = stage.second_writer().await;
    let embedded = &azure.embedded;
    let ca = embedded.ca_file().display().to_string();
    let ask = |subscription: &str, secret: &str| {
        let variables = [
            ("ARM_METADATA_HOSTNAME", embedded.metadata_host()),
            ("SSL_CERT_FILE", ca.as_str()),
            ("ARM_CLIENT_ID", embedded.client_id()),
            ("ARM_CLIENT_SECRET", secret),
            ("ARM_TENANT_ID", embedded.tenant()),
            ("ARM_SUBSCRIPTION_ID", subscription),
        ];
        real(&stage, &variables, &["verify", "--no-wait"])
    };
    let secret = embedded.client_secret().expose();
    let wrong = ask("00000000-0000-0000-0000-00000000dead", secret);
    assert_eq!(wrong.code, Some(1), "{}", wrong.all());
    assert!(wrong.stderr.contains("AKS-0203") && wrong.stderr.contains("SubscriptionNotFound"), "{}", wrong.all());
    let wrong = ask(embedded.subscription(), "not-the-secret");
    assert_eq!(wrong.code, Some(1), "{}", wrong.all());
    assert!(wrong.stderr.contains("AKS-0401") && wrong.stderr.contains("AADSTS7000215"), "{}", wrong.all());
    azure.leave().await;
}

#[test]
fn terraform_is_absent_or_too_old() {
    let stage = Rehearsal::new();
    let run = |path: &Path| {
        let mut command = stage.command(&["provision", "--simulate"]);
        Ended::of(&command.env("PATH", path).output().unwrap())
    };
    let absent = run(Path::new("/nonexistent"));
    assert_eq!(absent.code, Some(1), "{}", absent.all());
    assert!(absent.stderr.contains("AKS-0301") && absent.stderr.contains("--install-terraform"), "{}", absent.all());
    let old = stage.home().join("bin");
    std::fs::create_dir(&old).unwrap();
    let program = old.join("terraform");
    std::fs::write(&program, "#!/bin/sh\necho '{\"terraform_version\": \"1.5.7\"}'\n").unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let old = run(&old);
    assert_eq!(old.code, Some(1), "{}", old.all());
    assert!(old.stderr.contains("AKS-0302") && old.stderr.contains("1.5.7"), "{}", old.all());
}

#[test]
fn a_state_directory_that_is_a_file() {
    let stage = Rehearsal::new();
    std::fs::write(stage.home().join("taken"), "").unwrap();
    let ended = stage.run(&["provision", "--simulate", "--state-dir", "taken"]);
    assert_eq!(ended.code, Some(1), "{}", ended.all());
    assert!(ended.stderr.contains("AKS-0204") && ended.stderr.contains("--state-dir"), "{}", ended.all());
}

/// A full disk, staged with the one device that is always full.
#[test]
fn a_disk_that_is_full() {
    let stage = Rehearsal::new();
    let directory = stage.state().join("terraform");
    std::fs::create_dir_all(&directory).unwrap();
    std::os::unix::fs::symlink("/dev/full", directory.join("versions.new")).unwrap();
    let ended = stage.run(&["provision", "--simulate"]);
    assert_eq!(ended.code, Some(1), "{}", ended.all());
    assert!(ended.stderr.contains("AKS-0204") && ended.stderr.contains("No space left"), "{}", ended.all());
    assert_eq!(stage.writes_since(0), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken() {
    let stage = Rehearsal::new();
    let azure = stage.second_writer().await;
    let port = azure.embedded.metadata_host().rsplit(':').next().unwrap().to_owned();
    let ended = stage.run(&["simulate", "--state-dir", "other", "--port", &port]);
    assert_eq!(ended.code, Some(1), "{}", ended.all());
    assert!(ended.stderr.contains("AKS-0205") && ended.stderr.contains(&port), "{}", ended.all());
    azure.leave().await;
}

#[test]
fn bad_usage() {
    for args in [
        &["provision", "--fresh"][..],
        &["provision", "--simulate", "--fault", "thunder"],
        &["provision", "--simulate", "--sim-pace", "never"],
    ] {
        assert_eq!(aksight(Path::new(TOP), args).status.code(), Some(64), "{args:?}");
    }
    let no_file = aksight(tempfile::tempdir().unwrap().path(), &["provision"]);
    assert_eq!(no_file.status.code(), Some(64));
    assert!(text(&no_file.stderr).contains("AKS-0119"), "{}", text(&no_file.stderr));
}
