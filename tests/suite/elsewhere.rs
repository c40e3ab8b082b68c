//! An Azure that is only known by its metadata host: another process, and the provider from the user's own CLI configuration.

use nix::sys::signal::{Signal, kill};

use crate::rehearsal::{Ended, Rehearsal, Served, pid};

#[test]
fn a_provision_knows_nothing_of_the_embedded_azure() {
    let stage = Rehearsal::new();
    let served = Served::start(&stage, &[]);
    let variables = &served.variables;
    let run = |args: &[&str]| {
        let mut command = stage.command(args);
        Ended::of(&command.envs(variables.iter().map(|(name, value)| (name, value))).output().unwrap())
    };
    // Nobody is there to ask: it plans, says what it waits for and changes nothing.
    let waiting = run(&["provision", "--output", "json"]);
    assert_eq!((waiting.code, &waiting.json()["result"]), (Some(13), &"waiting".into()), "{}", waiting.all());
    assert!(waiting.stdout.contains("--yes"), "{}", waiting.all());
    let done = run(&["provision", "--yes", "--no-verify", "--output", "json"]);
    assert_eq!((done.code, &done.json()["result"]), (Some(0), &"changed".into()), "{}", done.all());
    assert_eq!((&done.json()["rehearsal"], &done.json()["verified"]), (&false.into(), &false.into()));
    let proven = run(&["verify", "--output", "json"]);
    assert!([Some(0), Some(11)].contains(&proven.code), "{}", proven.all());
    let grafana = run(&["outputs", "grafana_endpoint"]);
    assert!(grafana.stdout.starts_with("https://localhost:"), "{}", grafana.all());
    let status = run(&["status"]);
    assert!(status.stdout.contains("provision") && status.stdout.contains("changed"), "{}", status.all());
    let secret = &variables.iter().find(|(name, _)| name == "ARM_CLIENT_SECRET").unwrap().1;
    let told = [&waiting, &done, &proven, &grafana, &status].map(|ended| ended.stdout.clone() + &ended.stderr).concat();
    assert!(!told.contains(secret.as_str()), "the secret was told");
    assert_eq!(written_with(&stage.home().join(".aksight"), secret), Vec::<String>::new());
}

#[test]
fn a_rehearsal_may_take_the_provider_from_the_users_configuration() {
    let stage = Rehearsal::new();
    let run = |configuration: &std::path::Path| {
        let args = ["provision", "--simulate", "--provider", "azurerm", "--sim-pace", "0.002", "--output", "json"];
        let mut command = stage.command(&args);
        Ended::of(&command.env("TF_CLI_CONFIG_FILE", configuration).output().unwrap())
    };
    // A mirror that has no provider: terraform's own configuration decides, and the error says which provider is wanting.
    let (empty, mirror) = (stage.home().join("empty.rc"), stage.home().join("mirror"));
    std::fs::create_dir(&mirror).unwrap();
    let nowhere = format!("provider_installation {{\n  filesystem_mirror {{\n    path = \"{}\"\n  }}\n}}\n", mirror.display());
    std::fs::write(&empty, nowhere).unwrap();
    let failed = run(&empty);
    assert_eq!(failed.code, Some(1), "{}", failed.all());
    assert!(failed.stdout.contains("hashicorp/azurerm"), "{}", failed.all());
    // A mirror that has one.
    let ours = aksight::sim::tfplugin::install_mirror(&mirror, std::path::Path::new(env!("CARGO_BIN_EXE_aksight"))).unwrap();
    let done = run(&ours);
    assert_eq!((done.code, &done.json()["verified"]), (Some(0), &true.into()), "{}", done.all());
    assert!(stage.home().join(".aksight/rehearsals-azurerm/quickstart/journal.db").exists());
    assert!(!stage.state().exists(), "the two providers share a directory");
}

/// Files below a directory that hold a text.
fn written_with(directory: &std::path::Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(written_with(&path, text));
        } else if std::fs::read(&path).is_ok_and(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes())) {
            found.push(path.display().to_string());
        }
    }
    found
}

/// Ctrl-C and SIGTERM: exit 130 and 143, a consistent journal, and the next run goes on.
#[test]
fn a_run_can_be_stopped() {
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let stage = Rehearsal::new();
        let run = stage.start("provision", &["--yes"]);
        let journal = stage.state().join("terraform/terraform.tfstate");
        // Terraform has begun to write its state: the run is in the middle of things.
        while !journal.exists() {
            std::thread::yield_now();
        }
        kill(pid(&run), signal).unwrap();
        let output = run.wait_with_output().unwrap();
        let ended = Ended::of(&output);
        assert_eq!(ended.code, Some(code), "{}", ended.all());
        assert_eq!(ended.json()["result"], "interrupted", "{}", ended.all());
        assert_eq!(ended.json()["exit_code"], code, "{}", ended.all());
        stage.provision();
    }
}
