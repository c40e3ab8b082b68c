//! Steps as a runner runs them: the shipped YAML, inputs in place, env files, masks, commands in the log.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::hosts::Hosts;
use crate::rehearsal::{Ended, Rehearsal};
use crate::{TOP, text};

pub(crate) fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&std::fs::read_to_string(Path::new(TOP).join(path)).unwrap()).unwrap()
}

/// Replaces every `${{ expression }}` by what `look` says of it.
fn filled(text: &str, look: &dyn Fn(&str) -> String) -> String {
    let mut told = String::new();
    let mut rest = text;
    while let Some((before, inner)) = rest.split_once("${{") {
        let (expression, after) = inner.split_once("}}").unwrap();
        told += before;
        told += &look(expression.trim());
        rest = after;
    }
    told + rest
}

/// A job on GitHub: a workspace, the files of its environment, a token.
pub(crate) struct Job<'a> {
    pub(crate) stage: &'a Rehearsal,
    pub(crate) hosts: &'a Hosts,
    pub(crate) token: &'a str,
    /// More of the environment.
    pub(crate) env: Vec<(&'a str, String)>,
}

/// What a use of the action or the template left behind.
pub(crate) struct Used {
    pub(crate) ended: Ended,
    /// Outputs, as later steps read them.
    pub(crate) outputs: BTreeMap<String, String>,
    /// The step's summary.
    pub(crate) summary: String,
    /// The commands that the host heard.
    pub(crate) commands: Vec<String>,
    /// What a person sees of the log: without commands, with masks.
    pub(crate) log: String,
}

impl Used {
    pub(crate) fn output(&self, name: &str) -> &str {
        self.outputs.get(name).unwrap_or_else(|| panic!("no output `{name}`: {:?}\n{}", self.outputs, self.ended.all()))
    }

    fn of(ended: Ended) -> Self {
        Self { ended, outputs: BTreeMap::new(), summary: String::new(), commands: Vec::new(), log: String::new() }
    }
}

/// Reads an output file as the runner does: `name=value` and `name<<delimiter`.
fn read_outputs(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let heredoc = line.split_once("<<").filter(|(name, _)| !name.contains('='));
        if let Some((name, delimiter)) = heredoc {
            let value: Vec<&str> = lines.by_ref().take_while(|line| *line != delimiter).collect();
            found.insert(name.to_owned(), value.join("\n"));
        } else if let Some((name, value)) = line.split_once('=') {
            found.insert(name.to_owned(), value.to_owned());
        }
    }
    found
}

/// Reads a log as GitHub's runner does.
fn hear_github(log: &str) -> (Vec<String>, String) {
    let (mut deaf, mut commands, mut masks, mut seen) = (None::<String>, Vec::new(), Vec::new(), String::new());
    for line in log.lines() {
        if deaf.as_ref().is_some_and(|word| line == format!("::{word}::")) {
            deaf = None;
        } else if deaf.is_none() && line.starts_with("::") {
            if let Some(word) = line.strip_prefix("::stop-commands::") {
                deaf = Some(word.to_owned());
            } else if let Some(secret) = line.strip_prefix("::add-mask::") {
                masks.push(secret.replace("%25", "%"));
            } else {
                commands.push(line.to_owned());
            }
        } else {
            seen += line;
            seen.push('\n');
        }
    }
    assert_eq!(deaf, None, "the runner is left deaf:\n{log}");
    (commands, masks.iter().fold(seen, |seen, mask| seen.replace(mask.as_str(), "***")))
}

/// Reads a log as the agent of Azure Pipelines does.
fn hear_azdo(log: &str) -> (Vec<String>, String) {
    let (mut commands, mut masks, mut seen) = (Vec::new(), Vec::new(), String::new());
    for line in log.lines() {
        if let Some(at) = line.to_ascii_lowercase().find("##vso[") {
            assert_eq!(at, 0, "a command within a line of text: {line}");
            match line.strip_prefix("##vso[task.setsecret]") {
                Some(secret) => masks.push(secret.to_owned()),
                None => commands.push(line.to_owned()),
            }
        } else {
            seen += line;
            seen.push('\n');
        }
    }
    (commands, masks.iter().fold(seen, |seen, mask| seen.replace(mask.as_str(), "***")))
}

impl Job<'_> {
    /// A step's script, ready to be run, with the environment of a GitHub runner.
    pub(crate) fn step(&self, id: &str, inputs: &[(&str, &str)], program: &str) -> Command {
        let action = yaml("action.yml");
        let look = |expression: &str| match expression.split_once('.').unwrap() {
            ("inputs", name) => {
                let given = inputs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
                let input = &action["inputs"][name];
                assert!(!input.is_null(), "the action has no input `{name}`");
                let default = input["default"].as_str().unwrap_or_default();
                given.unwrap_or_else(|| default.replace("${{ github.token }}", self.token))
            }
            ("github", "action_repository") => "acme/aksight".to_owned(),
            ("steps", "install.outputs.program") => program.to_owned(),
            other => panic!("the double knows nothing of {other:?}"),
        };
        let steps = action["runs"]["steps"].as_array().unwrap();
        let step = steps.iter().find(|step| step["id"] == id).unwrap();
        assert_eq!(step["shell"], "bash");
        assert!(!step["run"].as_str().unwrap().contains("${{"), "inputs reach scripts through the environment only");
        let mut command = self.bash(step["run"].as_str().unwrap());
        for (name, value) in step["env"].as_object().unwrap() {
            command.env(name, filled(value.as_str().unwrap(), &look));
        }
        command
    }

    fn bash(&self, script: &str) -> Command {
        let home = self.stage.home();
        let file = home.join("step.sh");
        std::fs::write(&file, script).unwrap();
        let mut command = Command::new("bash");
        command.args(["--noprofile", "--norc", "-eo", "pipefail"]).arg(&file).current_dir(home).env_clear().stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", home);
        for (name, file) in [("GITHUB_OUTPUT", "output"), ("GITHUB_STEP_SUMMARY", "summary")] {
            std::fs::write(home.join(file), "").unwrap();
            command.env(name, home.join(file));
        }
        let temporary = home.join("temporary");
        std::fs::create_dir_all(&temporary).unwrap();
        let event = temporary.join("event.json");
        std::fs::write(&event, r#"{"pull_request": {"number": 7}}"#).unwrap();
        command.env("GITHUB_ACTIONS", "true").env("RUNNER_OS", "Linux").env("RUNNER_ARCH", "X64").env("RUNNER_TEMP", &temporary);
        command.env("GITHUB_WORKSPACE", home).env("GITHUB_EVENT_PATH", event).env("GITHUB_REPOSITORY", "acme/shop");
        command.env("GITHUB_API_URL", &self.hosts.address).env("GITHUB_SERVER_URL", &self.hosts.address);
        command.envs(self.env.iter().map(|(name, value)| (*name, value.as_str())));
        command
    }

    /// What a finished step left behind.
    pub(crate) fn left(&self, ended: Ended) -> Used {
        let read = |file: &str| std::fs::read_to_string(self.stage.home().join(file)).unwrap();
        let (commands, log) = hear_github(&ended.stdout);
        Used { outputs: read_outputs(&read("output")), summary: read("summary"), commands, log, ..Used::of(ended) }
    }

    /// The action on a rehearsal, with the aksight under test.
    pub(crate) fn uses(&self, inputs: &[(&str, &str)]) -> Used {
        let rehearse = "--simulate\n--sim-pace\n0.002";
        let inputs = [&[("extra-args", rehearse)][..], inputs].concat();
        let mut command = self.step("run", &inputs, env!("CARGO_BIN_EXE_aksight"));
        self.left(Ended::of(&command.output().unwrap()))
    }

    /// The template's step on a rehearsal, as an agent of Azure Pipelines runs it.
    pub(crate) fn uses_template(&self, parameters: &[(&str, &str)]) -> Used {
        let template = yaml("pipelines/azure-devops/aksight.yml");
        let rehearse = "--simulate\n--sim-pace\n0.002";
        let given = [&[("extraArgs", rehearse), ("binary", env!("CARGO_BIN_EXE_aksight"))][..], parameters].concat();
        let look = |expression: &str| {
            let name = expression.strip_prefix("parameters.").unwrap();
            let known = template["parameters"].as_array().unwrap().iter().find(|parameter| parameter["name"] == name).unwrap();
            let value = given.iter().rev().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
            let value = value.unwrap_or_else(|| known["default"].as_str().unwrap_or_default().to_owned());
            match known["type"].as_str().unwrap() {
                // As the template engine writes booleans.
                "boolean" => if value == "true" { "True" } else { "False" }.to_owned(),
                _ => value,
            }
        };
        let steps = template["steps"].as_array().unwrap();
        let step = steps.iter().find(|step| step["name"] == "${{ parameters.name }}").unwrap();
        assert!(!step["bash"].as_str().unwrap().contains("${{"), "parameters reach scripts through the environment only");
        let mut command = self.bash(step["bash"].as_str().unwrap());
        for name in ["GITHUB_ACTIONS", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE", "RUNNER_TEMP"] {
            command.env_remove(name);
        }
        let temporary = self.stage.home().join("temporary");
        command.env("TF_BUILD", "True").env("AGENT_TEMPDIRECTORY", &temporary).env("BUILD_REPOSITORY_ID", "r-1");
        command.env("BUILD_SOURCESDIRECTORY", self.stage.home()).env("SYSTEM_TEAMPROJECT", "My Shop");
        command.env("SYSTEM_COLLECTIONURI", format!("{}/acme/", self.hosts.address)).env("SYSTEM_PULLREQUEST_PULLREQUESTID", "7");
        for (name, value) in step["env"].as_object().unwrap() {
            let value = filled(value.as_str().unwrap(), &look).replace("$(System.AccessToken)", self.token);
            command.env(name, value.replace("$(Build.SourcesDirectory)", self.stage.home().to_str().unwrap()));
        }
        let ended = Ended::of(&command.output().unwrap());
        let (commands, log) = hear_azdo(&ended.stdout);
        let argument =
            |start: &'static str| -> Vec<&str> { commands.iter().filter_map(|line| line.strip_prefix(start)).collect() };
        let outputs = argument("##vso[task.setvariable variable=").into_iter().map(|rest| {
            let (name, value) = rest.split_once("isOutput=true;]").unwrap();
            (name.trim_end_matches(';').to_owned(), value.to_owned())
        });
        let outputs = outputs.collect();
        let summary = argument("##vso[task.uploadsummary]").first().copied();
        let summary = summary.map_or_else(String::new, |path| text(&std::fs::read(path).unwrap()));
        Used { outputs, summary, commands, log, ..Used::of(ended) }
    }
}
