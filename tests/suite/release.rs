//! How it reaches people: what a program says about its making, manual and completions, the archives, the workflows.

mod archives;
mod build;
mod workflows;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::{TOP, aksight, text};

fn version() -> Value {
    serde_json::from_slice(&aksight(Path::new(TOP), &["version", "--json"]).stdout).unwrap()
}

/// What a program prints that must succeed, in the top directory unless the command says otherwise.
fn output(command: &mut Command) -> String {
    let done = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(done.status.success(), "{command:?}\n{}\n{}", text(&done.stdout), text(&done.stderr));
    text(&done.stdout)
}

#[test]
fn the_version_names_all_that_it_was_made_from() {
    insta::assert_json_snapshot!(version(), {
        ".aksight" => "[version]", ".commit" => "[commit]", ".target" => "[target]", ".rustc" => "[rustc]", ".policies.sha256" => "[digest]",
    }, @r#"
    {
      "schema": "aksight.version/v1",
      "aksight": "[version]",
      "commit": "[commit]",
      "target": "[target]",
      "rustc": "[rustc]",
      "terraform": {
        "minimum": "1.9.0",
        "pinned": "1.11.4"
      },
      "provider": {
        "name": "hashicorp/azurerm",
        "facts": "5.2.0"
      },
      "policies": {
        "sha256": "[digest]"
      }
    }
    "#);
    let said = version();
    assert_eq!(said["aksight"], env!("CARGO_PKG_VERSION"));
    assert!(said["rustc"].as_str().unwrap().starts_with("rustc 1."), "{said}");
    let host = output(Command::new("rustc").arg("-vV"));
    assert!(host.contains(&format!("host: {}\n", said["target"].as_str().unwrap())), "{said}");
    let sums =
        output(Command::new("sh").args(["-c", "sha256sum policies/*.rego | sha256sum"]).current_dir(TOP).env("LC_ALL", "C"));
    assert_eq!(sums, format!("{}  -\n", said["policies"]["sha256"].as_str().unwrap()));
}

/// Every command and every command below one, as the help lists them: `policy-test`.
fn commands(above: &[&str]) -> Vec<String> {
    let help = text(&aksight(Path::new(TOP), &[above, &["--help"]].concat()).stdout);
    let listed = help.split_once("Commands:\n").map(|(_, rest)| rest.split("\n\n").next().unwrap()).unwrap_or_default();
    let names =
        listed.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next()).filter(|name| !["", "help"].contains(name));
    names
        .flat_map(|name| {
            let path = [above, &[name]].concat();
            [vec![path.join("-")], commands(&path)].concat()
        })
        .collect()
}

#[test]
fn the_manual_has_a_page_for_every_command() {
    let home = tempfile::tempdir().unwrap();
    let done = aksight(home.path(), &["man", "--out", "man/man1"]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    let pages = home.path().join("man/man1");
    let there: BTreeSet<String> =
        std::fs::read_dir(&pages).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let commands = commands(&[]);
    assert!(commands.contains(&"provision".to_owned()) && commands.contains(&"policy-test".to_owned()), "{commands:?}");
    let expected = commands.iter().map(|name| format!("aksight-{name}.1")).chain(["aksight.1".to_owned()]).collect();
    assert_eq!(there, expected);
    for page in &there {
        let written = std::fs::read_to_string(pages.join(page)).unwrap();
        let name = page.trim_end_matches(".1");
        assert!(written.contains(&format!(".TH {name} 1")), "{page}\n{written}");
        assert!([".SH NAME", ".SH SYNOPSIS", ".SH OPTIONS"].iter().all(|part| written.contains(part)), "{page}\n{written}");
    }
    let unwritable = aksight(home.path(), &["man", "--out", "/proc/nowhere"]);
    assert_eq!(unwritable.status.code(), Some(1));
    assert!(text(&unwritable.stderr).contains("`/proc/nowhere` cannot be written"), "{}", text(&unwritable.stderr));
}

/// What a real bash offers for the last of the words.
fn completed(words: &[&str]) -> BTreeSet<String> {
    const ASK: &str = r#"
        source <("$1" completions bash)
        shift
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*"
        COMP_POINT=${#COMP_LINE}
        how=$(complete -p aksight)
        how=${how#*-F }
        "${how%% *}" aksight "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let mut bash = Command::new("bash");
    bash.args(["--noprofile", "--norc", "-euc", ASK, "bash", env!("CARGO_BIN_EXE_aksight")]).args(words);
    output(&mut bash).lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_options_and_values() {
    let offered = |words: &[&str]| completed(words).into_iter().collect::<Vec<_>>();
    assert_eq!(offered(&["aksight", "prov"]), ["provision"]);
    assert_eq!(offered(&["aksight", "provision", "--sim"]), ["--sim-pace", "--simulate"]);
    assert_eq!(offered(&["aksight", "plan", "--output", ""]), ["azdo", "github", "json", "text"]);
    assert_eq!(offered(&["aksight", "policy", "te"]), ["test"]);
}
