//! A rehearsal as tests use it: the binary in a directory of its own, and the embedded Azure's doors for a second writer.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use aksight::azure::{self, Azure, CredentialSource, ResourceManager as _, Write};
use aksight::base::{ArmId, Kind};
use aksight::run::RealClock;
use aksight::sim::server as embedded;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

use crate::TOP;

/// How fast time passes in rehearsals of tests: five hundred times faster than life.
const PACE: f64 = 0.002;

/// A directory with a file in it.
pub(crate) struct Rehearsal {
    home: TempDir,
    stack: &'static str,
}

/// How a command ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    pub(crate) fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// The one document on standard output.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}\n{}\n{}", self.stdout, self.stderr))
    }

    /// Everything, for messages of assertions.
    pub(crate) fn all(&self) -> String {
        format!("exit {:?}\n--- stdout\n{}\n--- stderr\n{}", self.code, self.stdout, self.stderr)
    }

    /// The unit of this id.
    pub(crate) fn unit(&self, id: &str) -> Value {
        let report = self.json();
        let units = report["units"].as_array().unwrap();
        units.iter().find(|unit| unit["id"] == id).unwrap_or_else(|| panic!("no unit `{id}`\n{}", self.all())).clone()
    }
}

impl Rehearsal {
    /// The quickstart, in an empty directory.
    pub(crate) fn new() -> Self {
        let file = std::fs::read_to_string(Path::new(TOP).join("terraform/examples/quickstart/aksight.yaml")).unwrap();
        Self::with(&file, "quickstart")
    }

    /// Another file.
    pub(crate) fn with(file: &str, stack: &'static str) -> Self {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("aksight.yaml"), file).unwrap();
        Self { home, stack }
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// The rehearsal's state directory.
    pub(crate) fn state(&self) -> PathBuf {
        self.home.path().join(".aksight/rehearsals").join(self.stack)
    }

    /// The command, with an environment that holds nothing but where terraform is.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aksight"));
        command.args(args).current_dir(self.home()).env_clear().stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", self.home());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        Ended::of(&self.command(args).output().unwrap())
    }

    /// A command on the stage with more variables.
    pub(crate) fn act_with(&self, command: &str, more: &[&str], variables: &[(&str, &str)]) -> Ended {
        let mut command = self.command(&Self::on_stage(command, &PACE.to_string(), more));
        Ended::of(&command.envs(variables.iter().copied()).output().unwrap())
    }

    fn on_stage<'a>(command: &'a str, pace: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        [&[command, "--simulate", "--output", "json", "--sim-pace", pace][..], more].concat()
    }

    /// A command on the stage, with its report as JSON.
    pub(crate) fn act(&self, command: &str, more: &[&str]) -> Ended {
        self.run(&Self::on_stage(command, &PACE.to_string(), more))
    }

    /// The same, left running.
    pub(crate) fn start(&self, command: &str, more: &[&str]) -> Child {
        let mut command = self.command(&Self::on_stage(command, &PACE.to_string(), more));
        command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// A provision that must succeed and prove its data.
    pub(crate) fn provision(&self) -> Ended {
        let ended = self.act("provision", &[]);
        assert_eq!(ended.code, Some(0), "{}", ended.all());
        assert_eq!(ended.json()["verified"], true, "{}", ended.all());
        ended
    }

    /// Every request that the embedded Azure was asked, oldest first.
    pub(crate) fn requests(&self) -> Vec<Value> {
        let log = std::fs::read_to_string(self.state().join("azure/requests.jsonl")).unwrap();
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Requests that write, from the `from`th on. Tokens and queries are asked with POST and write nothing.
    pub(crate) fn writes_since(&self, from: usize) -> Vec<String> {
        let writes = |request: &&Value| {
            let (method, path) = (request["method"].as_str().unwrap(), request["path"].as_str().unwrap());
            let asks = ["/oauth2/", "/api/v1/query", "/api/ds/query", "/api/datasources/", "Credential"];
            let is_read = ["GET", "HEAD"].contains(&method) || (method == "POST" && asks.iter().any(|part| path.contains(part)));
            !is_read
        };
        let told = |request: &Value| format!("{} {}", request["method"].as_str().unwrap(), request["path"].as_str().unwrap());
        self.requests()[from..].iter().filter(writes).map(told).collect()
    }

    /// The world as it is kept on disk.
    pub(crate) fn world(&self) -> Value {
        serde_json::from_str(&std::fs::read_to_string(self.state().join("azure/world.json")).unwrap()).unwrap()
    }

    /// The id and the body of the only resource whose id ends with `end`.
    pub(crate) fn only(&self, end: &str) -> (String, Value) {
        let world = self.world();
        let found: Vec<(&String, &Value)> =
            world["resources"].as_object().unwrap().iter().filter(|(id, _)| id.ends_with(end)).collect();
        assert_eq!(found.len(), 1, "{end}");
        (found[0].0.clone(), found[0].1.clone())
    }

    /// Changes the body of a resource between two runs, past everything that ARM would refuse.
    pub(crate) fn edit(&self, end: &str, change: impl FnOnce(&mut Value)) {
        let (mut world, (id, _)) = (self.world(), self.only(end));
        change(&mut world["resources"][&id]);
        std::fs::write(self.state().join("azure/world.json"), world.to_string()).unwrap();
    }

    /// Ids of resources that contain `part`, lower-case.
    pub(crate) fn resources(&self, part: &str) -> Vec<String> {
        let world = self.world();
        world["resources"].as_object().unwrap().keys().filter(|id| id.contains(&part.to_lowercase())).cloned().collect()
    }

    /// Opens the embedded Azure's doors between two runs.
    pub(crate) async fn second_writer(&self) -> SecondWriter {
        let options = embedded::Options {
            state_dir: self.state().join("azure"),
            fresh: false,
            pace: PACE,
            port: None,
            subscription: None,
            further_subscriptions: Vec::new(),
            write_at_end: false,
            tenant: None,
            faults: Vec::new(),
            principals: Vec::new(),
        };
        let embedded = embedded::Azure::start(options).await.unwrap();
        let http = azure::http::client(&[embedded.ca_file().to_owned()]).unwrap();
        let cloud = azure::discover(embedded.metadata_host(), &http).await.unwrap();
        let credential = CredentialSource::ClientSecret {
            tenant: embedded.tenant().to_owned(),
            client_id: embedded.client_id().to_owned(),
            secret: embedded.client_secret().clone(),
        };
        let settings = azure::Settings::new(cloud, credential, http, std::sync::Arc::new(RealClock));
        SecondWriter { azure: Azure::connect(settings).unwrap(), embedded }
    }
}

/// An embedded Azure in a process of its own, which ends with its owner.
pub(crate) struct Served {
    child: Child,
    script: PathBuf,
    /// What `source env.sh` would set.
    pub(crate) variables: Vec<(String, String)>,
}

/// What a script of `export`s sets.
fn variables(script: &Path) -> Vec<(String, String)> {
    let read = |line: &str| {
        let (name, value) = line.strip_prefix("export ")?.split_once('=')?;
        Some((name.to_owned(), value.trim_matches('\'').to_owned()))
    };
    std::fs::read_to_string(script).unwrap().lines().filter_map(read).collect()
}

impl Served {
    /// Serves the Azure in the rehearsal's directory `azure`.
    pub(crate) fn start(stage: &Rehearsal, more: &[&str]) -> Self {
        Self::at_pace(stage, "0.002", more)
    }

    /// The same at another pace.
    pub(crate) fn at_pace(stage: &Rehearsal, pace: &str, more: &[&str]) -> Self {
        let mut command = stage.command(&["simulate", "--state-dir", "azure", "--pace", pace]);
        let mut child = command.args(more).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let said = lines.nth(1).unwrap().unwrap();
        let script = PathBuf::from(said.split_once("source ").unwrap().1);
        Self { child, variables: variables(&script), script }
    }

    /// The owner's own way to it.
    pub(crate) async fn azure(&self) -> Azure {
        let variable = |name: &str| Some(self.variables.iter().find(|(known, _)| known == name)?.1.clone());
        let http = azure::http::client(&[variable("SSL_CERT_FILE").unwrap().into()]).unwrap();
        let cloud = azure::discover(&variable("ARM_METADATA_HOSTNAME").unwrap(), &http).await.unwrap();
        let credential = azure::credential::choose(variable).unwrap().source;
        Azure::connect(azure::Settings::new(cloud, credential, http, std::sync::Arc::new(RealClock))).unwrap()
    }

    /// The subscription's GUID.
    pub(crate) fn subscription(&self) -> &str {
        &self.variables.iter().find(|(name, _)| name == "ARM_SUBSCRIPTION_ID").unwrap().1
    }

    /// Registers every provider that a stack needs, and waits until they are.
    pub(crate) fn register(&self) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let azure = self.azure().await;
            let manager = azure.resource_manager(self.subscription()).unwrap();
            let spec = aksight::spec::read(include_str!("../../terraform/examples/quickstart/aksight.yaml"), "x").unwrap();
            for namespace in aksight::desired::resolve(&spec, self.subscription()).providers {
                manager.register(namespace).await.unwrap();
            }
            while !manager.provider_states().await.unwrap().values().all(|state| state != "Registering") {
                tokio::task::yield_now().await;
            }
        });
    }

    /// What `source NAME.sh` would set: the sign-in of one of the `--principal`s.
    pub(crate) fn variables_of(&self, name: &str) -> Vec<(String, String)> {
        variables(&self.script.with_file_name(format!("{name}.sh")))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        kill(pid(&self.child), Signal::SIGTERM).unwrap();
        self.child.wait().unwrap();
    }
}

/// A process as signals name it.
pub(crate) fn pid(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).unwrap())
}

/// Somebody else with the same rights.
pub(crate) struct SecondWriter {
    pub(crate) azure: Azure,
    pub(crate) embedded: embedded::Azure,
}

impl SecondWriter {
    /// The id of the stack's thing of this kind and name.
    pub(crate) fn id(&self, kind: Kind, name: &str) -> ArmId {
        let group = ArmId::of_group(self.embedded.subscription(), "rg-aksight-quickstart");
        if kind == Kind::ResourceGroup { group } else { group.resource(kind.resource_type(), name) }
    }

    pub(crate) async fn get(&self, id: &ArmId, kind: Kind) -> Value {
        self.azure.get(id, kind).await.unwrap().unwrap_or_else(|| panic!("`{id}` is not there")).body
    }

    /// Reads, changes, writes and waits.
    pub(crate) async fn change(&self, id: &ArmId, kind: Kind, change: impl FnOnce(&mut Value)) {
        let mut body = self.get(id, kind).await;
        change(&mut body);
        self.put(id, kind, body).await;
    }

    pub(crate) async fn put(&self, id: &ArmId, kind: Kind, body: Value) {
        self.write(Write::put(id.clone(), kind, body)).await;
    }

    pub(crate) async fn write(&self, write: Write) {
        if let azure::Accepted::Running(operation) = self.azure.write(write).await.unwrap() {
            let cancel = tokio_util::sync::CancellationToken::new();
            self.azure.await_operation(operation, std::time::Duration::from_mins(1), &cancel, |_, _| {}).await.unwrap();
        }
    }

    /// What `az aks command invoke` does; gives back what the command printed.
    pub(crate) async fn invoke(&self, cluster: &ArmId, command: &str) -> String {
        let object = match self.azure.run_command(cluster, command, &[], None).await.unwrap() {
            azure::Accepted::Done(object) => object,
            azure::Accepted::Running(operation) => {
                let cancel = tokio_util::sync::CancellationToken::new();
                self.azure.await_operation(operation, std::time::Duration::from_mins(1), &cancel, |_, _| {}).await.unwrap()
            }
        };
        let result = azure::CommandResult::read(&object.unwrap()).unwrap();
        assert_eq!(result.exit_code, Some(0), "{command}: {}", result.logs);
        result.logs
    }

    pub(crate) async fn leave(self) {
        self.embedded.stop().await;
    }
}
