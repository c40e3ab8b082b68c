//! Where a command plays: the file, the state directory, and Azure itself or the embedded one.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aksight::azure::{self, CredentialSource};
use aksight::base::cloud::CloudName;
use aksight::base::{Clock, Cloud, Secret};
use aksight::diag::{Code, Diagnostic};
use aksight::event::{Outcome, Stream};
use aksight::host::names;
use aksight::journal::{Database, LockError, Owner, StackLock};
use aksight::run::{FastClock, RealClock, Setup, Shared, Store, exit_code, problem};
use aksight::sim::server as embedded;
use aksight::sim::tfplugin;
use aksight::spec::{self, Fleet, FleetStack, Spec};
use aksight::terraform::{Environment, Value};
use clap::{Args, ValueEnum};
use tokio_util::sync::CancellationToken;

use super::sign_in::{self, hand_on};

/// The file that is used when none is named.
pub(crate) const DEFAULT_FILE: &str = "aksight.yaml";
/// The shipped example, for a rehearsal without a file.
const QUICKSTART: &str = include_str!("../../terraform/examples/quickstart/aksight.yaml");
/// The subscription of a rehearsal whose file names none.
const REHEARSAL_SUBSCRIPTION: &str = "00000000-0000-4000-8000-000000000001";

/// Options of every command that works on a stack.
#[derive(Clone, Debug, Args)]
pub(crate) struct StackArgs {
    /// The file; without one, a rehearsal uses the shipped quickstart.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Of a fleet only the stacks with this name; `*` and `?` stand for anything; may be given several times.
    #[arg(long, value_name = "NAME")]
    pub(crate) only: Vec<String>,
    /// Where state is kept, per stack [default: .aksight beside the file].
    #[arg(long, value_name = "DIR", env = "AKSIGHT_STATE_DIR")]
    pub(crate) state_dir: Option<PathBuf>,
    /// The PostgreSQL that keeps journals, locks and terraform's state for everybody who works on the stack (docs/store.md):
    /// `postgres://USER@HOST/DATABASE`; without one, and in rehearsals, they
    /// are files. Better in the environment than here, where others see it.
    #[arg(long, value_name = "URL", env = "AKSIGHT_STORE", hide_env_values = true, value_parser = address)]
    pub(crate) store: Option<Secret>,
    /// How results are printed.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub(crate) output: Output,
    /// Print results only, no progress.
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Rehearse against the embedded Azure: nothing leaves this machine.
    #[arg(long)]
    pub(crate) simulate: bool,
    /// Begin the rehearsal with an empty Azure.
    #[arg(long, requires = "simulate")]
    pub(crate) fresh: bool,
    /// How fast time passes in the embedded Azure: `fast`, `realistic`, or seconds of ours per second of Azure's.
    #[arg(long, value_name = "PACE", default_value = "fast", value_parser = pace, requires = "simulate")]
    pub(crate) sim_pace: f64,
    /// Who speaks for terraform to the embedded Azure.
    #[arg(long, value_enum, default_value_t = Provider::StandIn, requires = "simulate")]
    pub(crate) provider: Provider,
    /// Order a fault from the embedded Azure; may be given several times (docs/simulator.md).
    #[arg(long, value_name = "FAULT", requires = "simulate")]
    pub(crate) fault: Vec<embedded::Fault>,
}

/// Reads the address of a store. A value parser must not fail by showing the value.
#[expect(clippy::unnecessary_wraps, reason = "what a value parser looks like")]
pub(crate) fn address(text: &str) -> Result<Secret, String> {
    Ok(Secret::new(text.to_owned()))
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    Text,
    /// One JSON document on standard output (docs/reference/report.md).
    Json,
    /// For a step in GitHub Actions (docs/pipelines.md).
    Github,
    /// For a step in Azure Pipelines (docs/pipelines.md).
    Azdo,
}

/// Who speaks for terraform to the embedded Azure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Provider {
    /// The built-in stand-in: it knows just the resources that aksight generates, and needs no network.
    StandIn,
    /// The real azurerm, from the registry or wherever your terraform configuration takes it from.
    Azurerm,
}

/// A hundred times faster than life.
const FAST: f64 = 0.01;

/// Reads a pace.
pub(crate) fn pace(text: &str) -> Result<f64, String> {
    match text {
        "fast" => Ok(FAST),
        "realistic" => Ok(1.0),
        number => match number.parse::<f64>() {
            Ok(pace) if (0.001..=10.0).contains(&pace) => Ok(pace),
            _ => Err("neither `fast`, `realistic` nor a number from 0.001 to 10".to_owned()),
        },
    }
}

/// The user's file, read and checked.
pub(crate) struct Script {
    /// Its text, for messages that point into it.
    pub(crate) text: String,
    /// What it says.
    pub(crate) spec: Spec,
    /// The directory that its paths count from.
    pub(crate) base: PathBuf,
    /// The fleet that it belongs to.
    pub(crate) fleet: Option<String>,
}

/// A fleet's file, read and checked.
pub(crate) struct FleetScript {
    /// Its text.
    pub(crate) text: String,
    /// What it says, as far as `--only` goes.
    pub(crate) fleet: Fleet,
    /// The directory that its paths count from.
    pub(crate) base: PathBuf,
}

impl FleetScript {
    /// One of its stacks, as if it stood alone.
    pub(crate) fn script(&self, stack: &FleetStack) -> Script {
        let base = stack.file.as_ref().and_then(|file| Some(self.base.join(file).parent()?.to_path_buf()));
        Script {
            // Messages about a file of its own name that file; its lines are not at hand.
            text: if stack.file.is_some() { String::new() } else { self.text.clone() },
            spec: stack.spec.clone(),
            base: base.unwrap_or_else(|| self.base.clone()),
            fleet: Some(self.fleet.name.clone()),
        }
    }
}

/// What a command works on.
pub(crate) enum Subject {
    /// One stack.
    Stack(Box<Script>),
    /// Many.
    Fleet(FleetScript),
}

/// What is wrong, and the text of the file it is wrong in.
pub(crate) struct Refused {
    pub(crate) problems: Vec<Diagnostic>,
    pub(crate) text: String,
    /// The exit code: 64 for the user's command line, file or environment, 1 for the machine, 12 for a stack that somebody holds.
    pub(crate) exit_code: u8,
}

impl Refused {
    pub(crate) fn usage(problem: Diagnostic) -> Self {
        Self { problems: vec![problem], text: String::new(), exit_code: 64 }
    }

    pub(crate) fn machine(problem: Diagnostic) -> Self {
        Self { problems: vec![problem], text: String::new(), exit_code: exit_code(Outcome::Failed) }
    }
}

/// Reads a file that must be a stack's.
pub(crate) fn read(args: &StackArgs) -> Result<Script, Refused> {
    match read_any(args)? {
        Subject::Stack(script) => Ok(*script),
        Subject::Fleet(_) => Err(Refused::usage(
            Diagnostic::error(Code::Usage, "this command works on one stack, and the file describes a fleet")
                .hint("give it the file of one stack"),
        )),
    }
}

/// Refuses an option that is for one stack when the file describes a fleet: a file holds the plan of one stack.
pub(crate) fn one_stack(args: &StackArgs, option: &str) -> Result<(), Refused> {
    match read_any(args)? {
        Subject::Stack(_) => Ok(()),
        Subject::Fleet(_) => Err(Refused::usage(
            Diagnostic::error(Code::Usage, format!("`{option}` is for one stack, and the file describes a fleet"))
                .hint("give it the file of one stack; stacks of a fleet have no saved plans"),
        )),
    }
}

/// A file or key named on the command line that cannot be used.
pub(crate) fn unusable_key(what: &str, cause: String) -> Refused {
    Refused::usage(Diagnostic::error(Code::Usage, format!("{what} cannot be used")).caused_by(cause))
}

/// Reads the file, or takes the shipped one for a rehearsal that has none.
pub(crate) fn read_any(args: &StackArgs) -> Result<Subject, Refused> {
    let shipped = args.file.is_none() && args.simulate && !Path::new(DEFAULT_FILE).exists();
    let path = args.file.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_FILE));
    let name = if shipped { "the shipped quickstart".to_owned() } else { path.display().to_string() };
    let text = if shipped { Ok(QUICKSTART.to_owned()) } else { std::fs::read_to_string(&path) };
    let text = text.map_err(|error| {
        let problem = Diagnostic::error(Code::SpecUnreadable, format!("`{name}` cannot be read")).caused_by(error.to_string());
        let problem = problem.hint("name the file with `--file`, or write a first one with `aksight init`");
        Refused::usage(if args.simulate { problem } else { problem.hint("`--simulate` alone rehearses a shipped example") })
    })?;
    let base =
        path.parent().filter(|parent| !parent.as_os_str().is_empty()).map_or_else(|| PathBuf::from("."), Path::to_path_buf);
    if spec::is_fleet(&text) {
        let open = |file: &str| std::fs::read_to_string(base.join(file));
        let read = spec::read_fleet(&text, &name, &open).and_then(|fleet| fleet.only(&args.only).map_err(|told| vec![*told]));
        return match read {
            Ok(fleet) => Ok(Subject::Fleet(FleetScript { text, fleet, base })),
            Err(problems) => Err(Refused { problems, text, exit_code: 64 }),
        };
    }
    if !args.only.is_empty() {
        let told = Diagnostic::error(Code::Usage, "`--only` chooses stacks of a fleet, and the file describes one stack");
        return Err(Refused::usage(told.hint("leave it out")));
    }
    match spec::read(&text, &name) {
        Ok(spec) => Ok(Subject::Stack(Box::new(Script { text, spec, base, fleet: None }))),
        Err(problems) => Err(Refused { problems, text, exit_code: 64 }),
    }
}

/// The stack's own directory, absolute: terraform runs elsewhere. Rehearsals lie apart from real runs, and from those with the
/// other provider; stacks of a fleet lie in the fleet's.
pub(crate) fn directory(args: &StackArgs, script: &Script) -> PathBuf {
    let name = &script.spec.stack.metadata.name;
    match &script.fleet {
        None => place(args, &script.base, ["stacks", "rehearsals", "rehearsals-azurerm"], name),
        Some(fleet) => place(args, &script.base, FLEETS, fleet).join(name),
    }
}

/// Where fleets are kept: real, rehearsed, rehearsed with the other provider.
const FLEETS: [&str; 3] = ["fleets", "fleet-rehearsals", "fleet-rehearsals-azurerm"];

fn place(args: &StackArgs, base: &Path, kinds: [&str; 3], name: &str) -> PathBuf {
    let state = args.state_dir.clone().unwrap_or_else(|| base.join(".aksight"));
    let [real, rehearsal, with_azurerm] = kinds;
    let kind = match (args.simulate, args.provider) {
        (false, _) => real,
        (true, Provider::StandIn) => rehearsal,
        // Terraform's lock file binds a directory to one build of a provider.
        (true, Provider::Azurerm) => with_azurerm,
    };
    let relative = state.join(kind).join(name);
    std::path::absolute(&relative).unwrap_or(relative)
}

/// Where installed terraform releases are kept: the user's cache.
pub(crate) fn cache() -> PathBuf {
    names::cache().unwrap_or_else(std::env::temp_dir).join("aksight")
}

/// How the user stops a run: once politely, and once more.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stops {
    pub(crate) cancel: CancellationToken,
    pub(crate) again: CancellationToken,
    /// Whether it was SIGTERM.
    pub(crate) terminated: Arc<AtomicBool>,
}

impl Stops {
    /// The exit code of what ended with `code`: who is stopped by SIGTERM says so.
    pub(crate) fn code(&self, code: u8) -> u8 {
        if code == exit_code(Outcome::Interrupted) && self.terminated.load(Ordering::Relaxed) { 143 } else { code }
    }
}

/// What the stacks of a play share: the embedded Azure of a rehearsal, to be struck when the play is over, or the store.
#[derive(Default)]
pub(crate) struct Strike {
    embedded: Option<embedded::Azure>,
    store: Option<Database>,
}

impl Strike {
    /// Brings the embedded Azure to an end, if there is one.
    pub(crate) async fn now(self) {
        if let Some(embedded) = self.embedded {
            embedded.stop().await;
        }
    }
}

/// Where a stack's journal and lock are. In a shared store a stack of a fleet is called `FLEET/STACK`.
pub(crate) async fn store(args: &StackArgs, script: &Script, opened: Option<&Database>) -> Result<Store, Refused> {
    let db = match (opened, &args.store) {
        _ if args.simulate => return Ok(Store::Files),
        (Some(db), _) => db.clone(),
        (None, Some(address)) => connect(address).await?,
        (None, None) => return Ok(Store::Files),
    };
    let name = &script.spec.stack.metadata.name;
    let stack = script.fleet.as_ref().map_or_else(|| name.clone(), |fleet| format!("{fleet}/{name}"));
    Ok(Store::Shared(Box::new(Shared { db, stack, held: None })))
}

/// Opens a shared store.
pub(crate) async fn connect(address: &Secret) -> Result<Database, Refused> {
    Database::open_shared(address).await.map_err(|error| Refused::machine(problem::of_journal(&error)))
}

/// The way to Azure, real or embedded.
struct Way {
    environment: Environment,
    cloud: Cloud,
    credential: CredentialSource,
    http: reqwest::Client,
    subscription: String,
    clock: Arc<dyn Clock>,
    embedded: Option<embedded::Azure>,
}

/// Opens the one embedded Azure in which all stacks of a fleet are rehearsed; nothing for a real run.
pub(crate) async fn theatre(args: &StackArgs, script: &FleetScript) -> Result<Strike, Refused> {
    if !args.simulate {
        let store = match &args.store {
            Some(address) => Some(connect(address).await?),
            None => None,
        };
        return Ok(Strike { embedded: None, store });
    }
    let home = place(args, &script.base, FLEETS, &script.fleet.name);
    let named = script.fleet.stacks.iter().filter_map(|stack| stack.spec.stack.azure.subscription.clone());
    let mut subscriptions: Vec<String> = named.collect();
    subscriptions.sort();
    subscriptions.dedup();
    let tenant = script.fleet.stacks.iter().find_map(|stack| stack.spec.stack.azure.tenant.clone());
    Ok(Strike { embedded: Some(embed(args, &home, subscriptions, tenant).await?), store: None })
}

/// Sets the stage for a command. `theatre` is the embedded Azure of a fleet's rehearsal; a stack alone gets its own.
pub(crate) async fn set(
    command: &str,
    args: &StackArgs,
    script: &Script,
    (events, stops): (Stream, &Stops),
    theatre: Option<&Strike>,
) -> Result<(Setup, Strike), Refused> {
    let shared = theatre.and_then(|strike| strike.embedded.as_ref());
    let way = if args.simulate { rehearsal(args, script, shared).await? } else { real(script).await? };
    let setup = Setup {
        command: command.to_owned(),
        directory: directory(args, script),
        store: store(args, script, theatre.and_then(|strike| strike.store.as_ref())).await?,
        base: script.base.clone(),
        cache: cache(),
        environment: way.environment,
        search_path: std::env::var_os("PATH"),
        cloud: way.cloud,
        credential: way.credential,
        http: way.http,
        connection: None,
        meter: Arc::default(),
        subscription: way.subscription,
        who: who(),
        rehearsal: args.simulate,
        clock: way.clock,
        events,
        cancel: stops.cancel.clone(),
        again: stops.again.clone(),
    };
    Ok((setup, Strike { embedded: way.embedded, store: None }))
}

/// Who signs in, and where.
pub(crate) struct SignIn {
    pub(crate) credential: CredentialSource,
    pub(crate) http: reqwest::Client,
    pub(crate) cloud: Cloud,
}

/// The sign-in that the environment says; `tenant` and `cloud` are used where it does not name its own.
pub(crate) async fn sign_in(tenant: Option<&str>, cloud: CloudName) -> Result<SignIn, Refused> {
    let failed = |error: azure::Error| Refused::machine(problem::of_azure(&error));
    // Nothing was tried yet: what is wrong is what the user wrote into the environment.
    let credential = sign_in::choose(tenant).map_err(|error| Refused::usage(problem::of_azure(&error)))?.source;
    let http = azure::http::client(&[]).map_err(failed)?;
    let cloud = sign_in::cloud(Some(cloud), &http).await.map_err(failed)?;
    Ok(SignIn { credential, http, cloud })
}

async fn real(script: &Script) -> Result<Way, Refused> {
    let failed = |error: azure::Error| Refused::machine(problem::of_azure(&error));
    let wanted = &script.spec.stack.azure;
    let SignIn { credential, http, cloud } = sign_in(wanted.tenant.as_deref(), wanted.cloud).await?;
    let named = sign_in::subscription(Some(&script.spec), &credential).await.map_err(failed)?;
    let (subscription, _) = named.ok_or_else(|| Refused::usage(sign_in::no_subscription()))?;
    let mut environment = Environment::from_snapshot(std::env::vars_os());
    hand_on(&mut environment, &credential, &subscription, &cloud);
    Ok(Way { environment, cloud, credential, http, subscription, clock: Arc::new(RealClock), embedded: None })
}

/// Starts an embedded Azure below `home`.
async fn embed(
    args: &StackArgs,
    home: &Path,
    subscriptions: Vec<String>,
    tenant: Option<String>,
) -> Result<embedded::Azure, Refused> {
    let mut subscriptions = subscriptions.into_iter();
    let options = embedded::Options {
        state_dir: home.join("azure"),
        fresh: args.fresh,
        pace: args.sim_pace,
        port: None,
        subscription: Some(subscriptions.next().unwrap_or_else(|| REHEARSAL_SUBSCRIPTION.to_owned())),
        further_subscriptions: subscriptions.collect(),
        write_at_end: false,
        tenant,
        faults: args.fault.clone(),
        principals: Vec::new(),
    };
    embedded::Azure::start(options).await.map_err(|error| not_served(home, &error))
}

async fn rehearsal(args: &StackArgs, script: &Script, shared: Option<&embedded::Azure>) -> Result<Way, Refused> {
    let stack = directory(args, script);
    let wanted = &script.spec.stack.azure;
    if args.fresh {
        forget(&stack.join("terraform")).map_err(|error| unusable(&stack, &error))?;
    }
    let own = match shared {
        Some(_) => None,
        None => Some(embed(args, &stack, wanted.subscription.iter().cloned().collect(), wanted.tenant.clone()).await?),
    };
    let Some(azure) = shared.or(own.as_ref()) else { return Err(Refused::machine(nowhere())) };
    let failed = |error: azure::Error| Refused::machine(problem::of_azure(&error));
    let http = azure::http::client_trusting_only(&[azure.ca_file().to_owned()]).map_err(failed)?;
    let cloud = azure::discover(azure.metadata_host(), &http).await.map_err(failed)?;
    let credential = CredentialSource::ClientSecret {
        tenant: azure.tenant().to_owned(),
        client_id: azure.client_id().to_owned(),
        secret: azure.client_secret().clone(),
    };
    let subscription = wanted.subscription.clone().unwrap_or_else(|| azure.subscription().to_owned());
    // The user's own sign-in has no business in a rehearsal.
    let kept = std::env::vars_os().filter(|(name, _)| !name.to_string_lossy().to_ascii_uppercase().starts_with("ARM_"));
    let mut environment = Environment::from_snapshot(kept);
    hand_on(&mut environment, &credential, &subscription, &cloud);
    environment.set("SSL_CERT_FILE", Value::Plain(azure.ca_bundle_file().into()));
    if args.provider == Provider::StandIn {
        let program = std::env::current_exe().map_err(|error| unusable(&stack, &error))?;
        let mirror = tfplugin::install_mirror(&stack.join("provider"), &program).map_err(|error| unusable(&stack, &error))?;
        environment.set("TF_CLI_CONFIG_FILE", Value::Plain(mirror.into()));
    }
    for name in ["NO_PROXY", "no_proxy"] {
        environment.set(name, Value::Plain(without_proxy().into()));
    }
    let clock = Arc::new(FastClock { factor: factor(args.sim_pace) });
    Ok(Way { environment, cloud, credential, http, subscription, clock, embedded: own })
}

/// `NO_PROXY` with this machine in it: a proxy of the user's has nothing to do on the way to the embedded Azure.
pub(crate) fn without_proxy() -> String {
    let direct = std::env::var("NO_PROXY").or_else(|_| std::env::var("no_proxy")).unwrap_or_default();
    format!("localhost,127.0.0.1,::1,{direct}").trim_end_matches(',').to_owned()
}

fn nowhere() -> Diagnostic {
    Diagnostic::error(Code::StateDirectory, "there is no embedded Azure to rehearse in")
}

/// How many times faster our waits pass; never slower than life.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a pace lies between 0.001 and 10")]
fn factor(pace: f64) -> u32 {
    (1.0 / pace).round().max(1.0) as u32
}

/// An empty Azure and a full terraform state would contradict each other.
fn forget(directory: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn unusable(directory: &Path, error: &std::io::Error) -> Refused {
    let problem = Diagnostic::error(Code::StateDirectory, format!("`{}` cannot be used", directory.display()));
    Refused::machine(problem.caused_by(error.to_string()).hint("make it writable, or choose another with `--state-dir`"))
}

/// Why there is no embedded Azure. When another run has it, the stack's own lock knows more.
fn not_served(stack: &Path, error: &embedded::Error) -> Refused {
    let asker =
        Owner { who: who(), pid: std::process::id(), run: String::new(), command: String::new(), since: jiff::Timestamp::now() };
    match (error, StackLock::acquire(stack, &asker, asker.since)) {
        (embedded::Error::InUse(_), Err(held @ LockError::Held(_))) => {
            Refused { exit_code: exit_code(Outcome::Locked), ..Refused::machine(problem::of_lock(&held)) }
        }
        (embedded::Error::InUse(_), _) => {
            let problem = Diagnostic::from_error(Code::Locked, error).hint("stop it, or choose another `--state-dir`");
            Refused { exit_code: exit_code(Outcome::Locked), ..Refused::machine(problem) }
        }
        _ => {
            let problem = Diagnostic::from_error(Code::StateDirectory, error);
            Refused::machine(problem.hint("make it writable, or choose another with `--state-dir`"))
        }
    }
}

/// `user@host`, as locks tell it.
pub(crate) fn who() -> String {
    let user = names::user().unwrap_or_else(|| "unknown".to_owned());
    let machine = names::machine().unwrap_or_else(|| "localhost".to_owned());
    format!("{user}@{machine}")
}
