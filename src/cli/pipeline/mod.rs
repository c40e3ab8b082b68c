//! The faces for pipelines: where what `view::pipeline` makes goes: log, variables, summary, files, comments.

mod console;
mod notes;
mod surroundings;

use std::path::{Path, PathBuf};

use aksight::event::{FleetReport, Outcome};
use clap::Args;

pub(crate) use console::{Console, Host};
use surroundings::Surroundings;

use super::stage::{Output, StackArgs};
use super::view::pipeline::{self, Account, azdo, github, junit, markdown, sarif};

/// The largest summary of a step, in bytes: hosts take 1 MiB and drop a larger one as a whole.
const SUMMARY: usize = 900 * 1024;

/// Options for pipelines.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "In pipelines (docs/pipelines.md)")]
pub(crate) struct PipelineArgs {
    /// Write what somebody should look at as SARIF, for code scanning.
    #[arg(long, value_name = "FILE")]
    pub(crate) sarif: Option<PathBuf>,
    /// Write the checks as JUnit test cases; test tabs look for `TEST-aksight.xml`.
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    /// Keep one comment on the pull request up to date, with `--output github` or `azdo`.
    #[arg(long)]
    pub(crate) comment: bool,
    /// Keep one issue open while something is wrong, and close it, with `--output github`.
    #[arg(long)]
    pub(crate) issue: bool,
}

/// What a command tells a pipeline beside its answer.
#[derive(Clone)]
pub(crate) struct Desk {
    args: PipelineArgs,
    console: Option<Console>,
    around: Surroundings,
    /// What the comment of this command on this file is found by.
    subject: String,
}

impl Desk {
    /// Takes its place, and asks the host to mask the secrets of this environment.
    pub(crate) fn open(args: &PipelineArgs, stack: &StackArgs) -> Self {
        let host = match stack.output {
            Output::Github => Some(Host::Github),
            Output::Azdo => Some(Host::Azdo),
            Output::Text | Output::Json => None,
        };
        let around = Surroundings::read();
        let file = stack.file.clone().unwrap_or_else(|| PathBuf::from("aksight.yaml"));
        let name = around.in_repository(&file).unwrap_or_else(|| file.display().to_string());
        let console = host.map(|host| Console::new(host, Box::new(std::io::stdout())));
        if let Some(console) = &console {
            for secret in around.secrets(console.host()) {
                let masks = match console.host() {
                    Host::Github => github::masks(secret.expose()),
                    Host::Azdo => azdo::masks(secret.expose()),
                };
                for mask in &masks {
                    console.command(mask);
                }
            }
        }
        Self { args: args.clone(), console, around, subject: format!("{name} {}", stack.only.join(" ")) }
    }

    /// The pipeline's log, where the command writes one.
    pub(crate) fn console(&self) -> Option<&Console> {
        self.console.as_ref()
    }

    /// Tells everything. `json` is the report, `text` what people read at the end of the log. Gives the exit code: the account's,
    /// or 1 where that would be 0 and something that was ordered could not be written.
    ///
    /// # Errors
    /// The log cannot be written.
    pub(crate) async fn tell(&self, account: &Account<'_>, json: &str, text: &str) -> std::io::Result<u8> {
        let mut lost = self.files(account);
        if let Some(console) = &self.console {
            console.end_group();
            console.text(text);
            lost.extend(self.to_host(console, account, json));
            for warning in notes::keep(self, console, account).await {
                self.warn(&warning);
            }
            if console.host() == Host::Azdo && account.result() == Outcome::Drifted {
                let message = format!("{}: {}", account.subject(), account.result().as_str());
                console.command(&azdo::command("task.complete", &[("result", "SucceededWithIssues")], &message));
            }
        }
        for what in &lost {
            self.warn(what);
        }
        if let Some(console) = &self.console {
            console.finish()?;
        }
        Ok(if lost.is_empty() { account.exit_code } else { FleetReport::worse(account.exit_code, 1) })
    }

    /// SARIF and JUnit. Gives what could not be written.
    fn files(&self, account: &Account<'_>) -> Vec<String> {
        let mut lost = Vec::new();
        if let Some(path) = &self.args.sarif {
            let document = sarif::document(account, &|file| self.around.in_repository(Path::new(file)));
            lost.extend(cannot(path, std::fs::write(path, format!("{document:#}\n"))));
        }
        if let Some(path) = &self.args.junit {
            lost.extend(cannot(path, junit::document(account).and_then(|text| std::fs::write(path, text))));
        }
        lost
    }

    /// Annotations, outputs, summary. Gives what could not be written.
    fn to_host(&self, console: &Console, account: &Account<'_>, json: &str) -> Vec<String> {
        let mut lost = Vec::new();
        let (shown, hidden) = pipeline::annotated(account);
        for remark in &shown {
            let file = remark.span.as_ref().and_then(|span| self.around.in_repository(Path::new(&span.file)));
            console.command(&match console.host() {
                Host::Github => github::annotation(remark, file.as_deref()),
                Host::Azdo => azdo::issue(remark, file.as_deref()),
            });
        }
        if hidden > 0 {
            console.text(&format!("{hidden} more are in the summary"));
        }
        let report = self.around.scratch(account.command, "json");
        let written = std::fs::write(&report, json);
        let path = if written.is_ok() { report.display().to_string() } else { String::new() };
        lost.extend(cannot(&report, written));
        let outputs = pipeline::outputs(account, &path);
        match console.host() {
            Host::Github => {
                let lines = outputs.iter().map(|(name, value)| github::output(name, value, &uuid::Uuid::new_v4().to_string()));
                lost.extend(self.around.append("GITHUB_OUTPUT", |_| lines.collect()));
                lost.extend(
                    self.around
                        .append("GITHUB_STEP_SUMMARY", |taken| markdown::summary(account, SUMMARY.saturating_sub(taken)) + "\n"),
                );
            }
            Host::Azdo => {
                for (name, value) in &outputs {
                    console.command(&azdo::output(name, value));
                }
                let summary = self.around.scratch(account.command, "md");
                let written = std::fs::write(&summary, markdown::summary(account, SUMMARY));
                if written.is_ok() {
                    console.command(&azdo::command("task.uploadsummary", &[], &summary.display().to_string()));
                }
                lost.extend(cannot(&summary, written));
            }
        }
        lost
    }

    /// Says that something beside the command went wrong.
    fn warn(&self, what: &str) {
        use std::io::Write as _;
        match &self.console {
            Some(console) => console.command(&match console.host() {
                Host::Github => github::command("warning", &[("title", "aksight")], what),
                Host::Azdo => azdo::command("task.logissue", &[("type", "warning")], what),
            }),
            // That nobody hears it is no reason to end otherwise.
            None => drop(writeln!(anstream::stderr(), "warning: {what}")),
        }
    }
}

fn cannot(path: &Path, written: std::io::Result<()>) -> Option<String> {
    written.err().map(|error| format!("`{}` cannot be written: {error}", path.display()))
}
