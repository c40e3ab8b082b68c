//! One working directory and the commands that run in it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value as Json;

use super::binary::Binary;
use super::diagnostic::TfDiagnostic;
use super::environment::Environment;
use super::error::{Error, Exit};
use super::message::{Action, Change, Message, OutputChange, Summary};
use super::process::{self, Ended, Job, Watch};
use super::{document, initialised, recognise};
use crate::host::files;

/// A directory with a configuration, and the binary that works in it.
#[derive(Clone, Debug)]
pub struct Workdir {
    binary: Binary,
    dir: PathBuf,
    environment: Environment,
    lock_timeout: Duration,
    init_inputs: Vec<&'static str>,
}

/// What a plan says, read from its event stream alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Planned {
    /// Whether applying it would change anything, outputs included (the program's own verdict, exit code 2).
    pub changes: bool,
    /// Changes of resources, in the order reported.
    pub planned: Vec<Change>,
    /// What others changed since the last apply.
    pub drift: Vec<Change>,
    /// The outputs and what happens to them.
    pub outputs: BTreeMap<String, OutputChange>,
    /// The counts.
    pub summary: Summary,
    /// Warnings.
    pub warnings: Vec<TfDiagnostic>,
    /// The plan file. It holds values of variables in clear: the directory is 0700, and [`Workdir::plan`] makes the file 0600.
    pub plan_file: PathBuf,
}

impl Planned {
    /// The changes by which something in Azure would be lost: deletions and replacements.
    pub fn destroys(&self) -> impl Iterator<Item = &Change> {
        self.planned.iter().filter(|change| change.action.destroys())
    }
}

/// One output value.
#[derive(Clone, PartialEq, Eq)]
pub struct Output {
    /// The value. `Debug` hides it when it is sensitive.
    pub value: Json,
    /// Whether the configuration calls it sensitive.
    pub sensitive: bool,
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.sensitive { f.write_str("Output(…)") } else { write!(f, "Output({})", self.value) }
    }
}

/// What a stream has said so far.
#[derive(Default)]
struct Heard {
    planned: Planned,
    diagnostics: Vec<TfDiagnostic>,
}

impl Heard {
    fn take(&mut self, message: &Message) {
        match message {
            Message::Planned(change) if change.action != Action::NoOp => self.planned.planned.push(change.clone()),
            Message::Drift(change) => self.planned.drift.push(change.clone()),
            Message::Summary(summary) => self.planned.summary = summary.clone(),
            Message::Outputs(outputs) => self.planned.outputs.clone_from(outputs),
            Message::Diagnostic(diagnostic) => self.diagnostics.push(diagnostic.clone()),
            _ => {}
        }
    }
}

impl Workdir {
    /// Takes a directory over: makes it if it is missing, and closes it to others (0700).
    ///
    /// `init_inputs` are the files, relative to `dir`, that `init` depends on (required providers, backend). `lock_timeout` is how long
    /// a command waits for the state lock; whole seconds.
    pub fn open(
        binary: Binary,
        dir: &Path,
        environment: Environment,
        lock_timeout: Duration,
        init_inputs: Vec<&'static str>,
    ) -> Result<Self, Error> {
        files::make_private_dir(dir).map_err(|source| Error::io("create", dir, source))?;
        files::close_to_others(dir).map_err(|source| Error::io("close to others", dir, source))?;
        let dir = files::canonical(dir).map_err(|source| Error::io("read", dir, source))?;
        Ok(Self { binary, dir, environment, lock_timeout, init_inputs })
    }

    /// The directory, absolute.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Engine and version, for example `Terraform 1.11.4`.
    pub fn engine(&self) -> String {
        format!("{} {}", self.binary.engine, self.binary.version)
    }

    /// Whether `init` must run before anything else. Cheap: reads a few small files (see the module `initialised`).
    pub fn needs_init(&self) -> bool {
        !initialised::holds(&self.dir, &self.binary, &self.init_inputs)
    }

    /// Installs providers and sets the backend up. `upgrade` allows newer providers than the lock file names.
    pub async fn init(&self, upgrade: bool, watch: Watch<'_>) -> Result<(), Error> {
        let mut args = vec!["init", "-input=false", "-no-color"];
        if upgrade {
            args.push("-upgrade");
        }
        if self.binary.init_speaks_json() {
            args.push("-json");
        }
        self.stream("init", words(&args), false, watch).await?;
        initialised::remember(&self.dir, &self.binary, &self.init_inputs)
    }

    /// Removes what `init` left behind, lock file included: for a rehearsal whose stand-in provider was built anew.
    pub fn forget_init(&self) -> Result<(), Error> {
        let gone = |result: std::io::Result<()>, path: &Path| match result {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", path, error)),
            _ => Ok(()),
        };
        let (data, lock) = (self.dir.join(".terraform"), self.dir.join(initialised::LOCK_FILE));
        gone(std::fs::remove_dir_all(&data), &data)?;
        gone(std::fs::remove_file(&lock), &lock)
    }

    /// Checks the configuration without asking Azure. Returns the warnings; errors come as [`Error::Stopped`].
    pub async fn validate(&self, watch: Watch<'_>) -> Result<Vec<TfDiagnostic>, Error> {
        let (ended, output) = self.capture("validate", words(&["validate", "-json", "-no-color"]), watch).await?;
        let Ok(json) = document::read(&output) else { return Err(stopped("validate", Vec::new(), ended)) };
        let all = json.get("diagnostics").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
        let diagnostics = all.iter().map(TfDiagnostic::from_json).collect();
        if ended.succeeded() { Ok(diagnostics) } else { Err(stopped("validate", diagnostics, ended)) }
    }

    /// Plans into `plan_file` (a relative path counts from the directory, here and below). Everything a run without changes needs is in the result; [`Workdir::show`] is for the values.
    pub async fn plan(&self, plan_file: &Path, watch: Watch<'_>) -> Result<Planned, Error> {
        self.plan_with(&[], plan_file, watch).await
    }

    /// Plans the destruction of everything in the state into `plan_file`.
    pub async fn plan_destroy(&self, plan_file: &Path, watch: Watch<'_>) -> Result<Planned, Error> {
        self.plan_with(&["-destroy"], plan_file, watch).await
    }

    async fn plan_with(&self, extra: &[&str], plan_file: &Path, watch: Watch<'_>) -> Result<Planned, Error> {
        let plan_file = &self.dir.join(plan_file);
        private_file(plan_file)?;
        let mut args = words(&["plan", "-json", "-input=false", "-no-color", "-detailed-exitcode"]);
        args.extend(extra.iter().map(OsString::from));
        args.push(self.lock_timeout());
        let mut out = OsString::from("-out=");
        out.push(plan_file);
        args.push(out);
        let (changes, heard) = self.stream("plan", args, true, watch).await?;
        private_file(plan_file)?;
        let warnings = heard.diagnostics;
        Ok(Planned { changes, warnings, plan_file: plan_file.to_owned(), ..heard.planned })
    }

    /// Applies exactly the plan in `plan_file`; a world that moved is [`Error::StalePlan`].
    pub async fn apply(&self, plan_file: &Path, watch: Watch<'_>) -> Result<Summary, Error> {
        let mut args = words(&["apply", "-json", "-input=false", "-no-color"]);
        args.push(self.lock_timeout());
        args.push(self.dir.join(plan_file).into());
        let (_, heard) = self.stream("apply", args, false, watch).await?;
        Ok(heard.planned.summary)
    }

    /// Destroys everything in the state, without a reviewed plan. Prefer [`Workdir::plan_destroy`] and [`Workdir::apply`].
    pub async fn destroy(&self, watch: Watch<'_>) -> Result<Summary, Error> {
        let mut args = words(&["destroy", "-json", "-auto-approve", "-input=false", "-no-color"]);
        args.push(self.lock_timeout());
        let (_, heard) = self.stream("destroy", args, false, watch).await?;
        Ok(heard.planned.summary)
    }

    /// The plan in `plan_file` as JSON (`show -json`). It holds sensitive values in clear: do not store it, do not log it.
    pub async fn show(&self, plan_file: &Path, watch: Watch<'_>) -> Result<Json, Error> {
        let mut args = words(&["show", "-json", "-no-color"]);
        args.push(self.dir.join(plan_file).into());
        self.document("show", args, watch).await
    }

    /// The present state as JSON (`show -json`); without a state, a document without `values`. As confidential as [`Workdir::show`].
    pub async fn show_state(&self, watch: Watch<'_>) -> Result<Json, Error> {
        self.document("show", words(&["show", "-json", "-no-color"]), watch).await
    }

    /// Lineage and serial of the present state: what tells this version of it from all others. Nothing without a state. What is read is
    /// as confidential as [`Workdir::show_state`]; only these two are kept.
    pub async fn state_mark(&self, watch: Watch<'_>) -> Result<Option<(String, u64)>, Error> {
        let (ended, output) = self.capture("state", words(&["state", "pull"]), watch).await?;
        if !ended.succeeded() {
            return Err(stopped("state", Vec::new(), ended));
        }
        if output.trim().is_empty() {
            return Ok(None);
        }
        let state = document::read(&output).map_err(|source| Error::Garbled { command: "state", source })?;
        let lineage = state["lineage"].as_str().filter(|lineage| !lineage.is_empty());
        Ok(lineage.map(|lineage| (lineage.to_owned(), state["serial"].as_u64().unwrap_or_default())))
    }

    /// The outputs in the state.
    pub async fn output(&self, watch: Watch<'_>) -> Result<BTreeMap<String, Output>, Error> {
        let json = self.document("output", words(&["output", "-json", "-no-color"]), watch).await?;
        let read = |value: &Json| Output {
            value: value.get("value").cloned().unwrap_or(Json::Null),
            sensitive: value.get("sensitive").and_then(Json::as_bool).unwrap_or(true),
        };
        Ok(json.as_object().map(|all| all.iter().map(|(name, value)| (name.clone(), read(value))).collect()).unwrap_or_default())
    }

    fn lock_timeout(&self) -> OsString {
        format!("-lock-timeout={}s", self.lock_timeout.as_secs()).into()
    }

    async fn document(&self, name: &'static str, args: Vec<OsString>, watch: Watch<'_>) -> Result<Json, Error> {
        let (ended, output) = self.capture(name, args, watch).await?;
        if !ended.succeeded() {
            return Err(stopped(name, Vec::new(), ended));
        }
        document::read(&output).map_err(|source| Error::Garbled { command: name, source })
    }

    async fn capture(&self, name: &'static str, args: Vec<OsString>, watch: Watch<'_>) -> Result<(Ended, String), Error> {
        let mut output = String::new();
        let keep = |line: &str| {
            output.push_str(line);
            output.push('\n');
        };
        let ended = process::run(&self.job(name, args), watch, keep).await?;
        Ok((ended, output))
    }

    /// Runs a command that speaks in events. The flag returned is the detailed exit code's "there are changes".
    async fn stream(
        &self,
        name: &'static str,
        args: Vec<OsString>,
        detailed: bool,
        watch: Watch<'_>,
    ) -> Result<(bool, Heard), Error> {
        let mut heard = Heard::default();
        let listen = |line: &str| {
            if let Some(message) = Message::read(line) {
                heard.take(&message);
                (watch.on)(message);
            }
        };
        let ended = process::run(&self.job(name, args), watch, listen).await?;
        match ended.exit {
            Exit::Code(0) => Ok((false, heard)),
            Exit::Code(2) if detailed => Ok((true, heard)),
            _ => Err(stopped(name, heard.diagnostics, ended)),
        }
    }

    fn job(&self, name: &'static str, args: Vec<OsString>) -> Job<'_> {
        Job { name, program: &self.binary.path, args, dir: &self.dir, environment: &self.environment }
    }
}

fn words(args: &[&str]) -> Vec<OsString> {
    args.iter().map(OsString::from).collect()
}

/// The error behind a command that did not succeed.
fn stopped(command: &'static str, mut diagnostics: Vec<TfDiagnostic>, ended: Ended) -> Error {
    if !diagnostics.iter().any(TfDiagnostic::is_error) {
        diagnostics.extend(TfDiagnostic::from_boxes(&ended.stderr).into_iter().filter(TfDiagnostic::is_error));
    }
    // First, because an interrupted wait for the lock also says that the lock is held.
    if ended.interrupted {
        return Error::Cancelled { command, diagnostics };
    }
    if let Some(named) = recognise::named(&diagnostics) {
        return named;
    }
    Error::Stopped { command, diagnostics, exit: ended.exit, stderr: ended.stderr }
}

/// Makes the file if it is missing, and closes it to others (0600).
fn private_file(path: &Path) -> Result<(), Error> {
    let made = files::private(std::fs::OpenOptions::new().write(true).create(true).truncate(false)).open(path);
    let closed = made.and_then(|_| files::close_to_others(path));
    closed.map_err(|source| Error::io("create", path, source))
}
