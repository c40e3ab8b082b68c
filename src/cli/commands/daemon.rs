//! `aksight daemon`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aksight::azure::Meter;
use aksight::base::Secret;
use aksight::daemon::{self, BadConfig, Book, Calls, Config, Eyes, Load, Part, Play, Sweep, Swept, Target};
use aksight::diag::{Code, Diagnostic};
use aksight::event::{Event, Report, Stream};
use aksight::host::service::{self, Said};
use aksight::host::signals::{Signal, Signals};
use aksight::journal::{Database, Owner, Roster, Source, StackLock};
use aksight::run::{self, Inside, Purpose, Setup, Verdict};
use aksight::spec::{self, Spec};
use clap::Args;
use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::validate::tell;
use super::{act, sweep};
use crate::cli::exit::Exit;
use crate::cli::log;
use crate::cli::stage::{self, Output, Provider, Script, StackArgs, Stops, pace};
use crate::cli::view::counted;

/// Keep stacks as their files say, on a schedule, with an HTTP door (docs/daemon.md).
#[derive(Debug, Args)]
#[command(after_help = "SIGHUP reads the watched files again; SIGTERM stops when what is at work has come to a safe end.")]
pub(crate) struct DaemonArgs {
    /// Its configuration.
    #[arg(long, value_name = "FILE", default_value = "aksightd.toml")]
    config: PathBuf,
    /// The PostgreSQL that several replicas share, instead of `store.url_file` in the configuration (docs/store.md).
    #[arg(long, value_name = "URL", env = "AKSIGHT_STORE", hide_env_values = true, value_parser = stage::address)]
    store: Option<Secret>,
    /// Check configuration and watched files, and do nothing.
    #[arg(long)]
    check: bool,
    /// Print a new token for the HTTP door, and what to write into the configuration for it.
    #[arg(long, value_name = "ROLE", value_parser = ["read", "operate", "approve"])]
    new_token: Option<String>,
    /// Rehearse against embedded Azures: nothing leaves this machine.
    #[arg(long)]
    simulate: bool,
    /// How fast time passes in the embedded Azures.
    #[arg(long, value_name = "PACE", default_value = "fast", value_parser = pace, requires = "simulate")]
    sim_pace: f64,
}

/// Runs it.
pub(crate) fn run(args: &DaemonArgs) -> std::io::Result<Exit> {
    if let Some(role) = &args.new_token {
        return new_token(role);
    }
    let config = match Config::read(&args.config) {
        Ok(config) => config,
        Err(error) => return tell(&[refused(&error)], "").map(|()| Exit::Usage),
    };
    let load: Load = {
        let config = config.clone();
        let args = stack_args(args, &config);
        Arc::new(move || targets(&config, &args))
    };
    if args.check {
        tell(&config.open_secrets().into_iter().map(readable_by_all).collect::<Vec<_>>(), "")?;
        return match load() {
            Ok(targets) => {
                let (stacks, are) = (counted(targets.len(), "stack"), if targets.len() == 1 { "is" } else { "are" });
                writeln!(anstream::stdout(), "{}: {stacks} {are} valid", args.config.display())?;
                Ok(Exit::Done)
            }
            Err(problems) => tell(&problems, "").map(|()| Exit::Usage),
        };
    }
    let runtime = tokio::runtime::Runtime::new()?;
    let log = log::of_daemon(runtime.handle(), config.collector.as_ref());
    for path in config.open_secrets() {
        tracing::warn!(path = %path.display(), "a file with a secret can be read by everybody on this machine");
    }
    let exit = runtime.block_on(keep(args, &config, &load));
    log.finish();
    exit
}

fn new_token(role: &str) -> std::io::Result<Exit> {
    let (secret, sha256) = daemon::fresh_token();
    let mut out = anstream::stdout();
    writeln!(out, "{}", secret.expose())?;
    let lines =
        format!("# keep the line above secret; into aksightd.toml:\n[[http.token]]\nname = \"{role}\"\nrole = \"{role}\"");
    writeln!(anstream::stderr(), "{lines}\nsha256 = \"{sha256}\"")?;
    Ok(Exit::Done)
}

fn refused(error: &BadConfig) -> Diagnostic {
    Diagnostic::from_error(Code::Usage, error).hint("docs/daemon.md lists every key")
}

fn readable_by_all(path: &Path) -> Diagnostic {
    let told = Diagnostic::warning(
        Code::Usage,
        format!("`{}` holds a secret, and everybody on this machine can read it", path.display()),
    );
    told.hint(format!("`chmod 600 {}`", path.display()))
}

/// What the watched files describe.
fn targets(config: &Config, args: &StackArgs) -> Result<Vec<Target>, Vec<Diagnostic>> {
    let unreadable = |path: &Path, error: &std::io::Error| {
        let told = Diagnostic::error(Code::SpecUnreadable, format!("`{}` cannot be read", path.display()));
        vec![told.caused_by(error.to_string()).hint("correct `files` in aksightd.toml; paths count from its directory")]
    };
    let files = config.files().map_err(|(directory, error)| unreadable(&directory, &error))?;
    let mut all: Vec<Target> = Vec::new();
    for path in files {
        let text = std::fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
        let base = path.parent().unwrap_or(Path::new(".")).to_path_buf();
        let name = path.display().to_string();
        if spec::is_fleet(&text) {
            let fleet = spec::read_fleet(&text, &name, &|file| std::fs::read_to_string(base.join(file)))?;
            let of = Some(fleet.name.clone());
            all.extend(fleet.stacks.into_iter().map(|stack| target(args, stack.spec, &base, of.clone())));
        } else {
            all.push(target(args, spec::read(&text, &name)?, &base, None));
        }
    }
    let mut names: Vec<&str> = all.iter().map(|target| target.name.as_str()).collect();
    names.sort_unstable();
    if let Some([twice, _]) = names.array_windows().find(|[one, other]| one == other) {
        let told = Diagnostic::error(Code::SpecCollision, format!("two watched files describe a stack `{twice}`"));
        return Err(vec![told.hint("the state directory and the lock are named after it: rename one")]);
    }
    Ok(all)
}

fn target(args: &StackArgs, spec: Spec, base: &Path, fleet: Option<String>) -> Target {
    let own = &spec.stack.metadata.name;
    let name = fleet.as_ref().map_or_else(|| own.clone(), |fleet| format!("{fleet}/{own}"));
    let script = Script { text: String::new(), spec, base: base.to_owned(), fleet };
    let directory = stage::directory(args, &script);
    Target { name, fleet: script.fleet, base: script.base, directory, spec: script.spec }
}

/// Opens the roster: in the shared store, or in a file that one daemon uses.
async fn roster(args: &DaemonArgs, config: &Config, owner: &Owner) -> Result<(Roster, Option<StackLock>), Diagnostic> {
    let source = args.store.clone().map(Source::Given).or_else(|| config.store.clone());
    if let Some(source) = source.filter(|_| !args.simulate) {
        let db = Database::open_source(source).await.map_err(|error| run::problem::of_journal(&error))?;
        return Ok((Roster::of(db), None));
    }
    let home = config.state_dir.join(if args.simulate { "daemon-rehearsal" } else { "daemon" });
    let lock = StackLock::acquire(&home, owner, owner.since).map_err(|error| {
        let told = run::problem::of_lock(&error);
        told.hint("one daemon per state directory; several share the work through a PostgreSQL: docs/store.md")
    })?;
    let db = Database::open_file(&home.join("roster.db")).await.map_err(|error| run::problem::of_journal(&error))?;
    Ok((Roster::of(db), Some(lock)))
}

async fn keep(args: &DaemonArgs, config: &Config, load: &Load) -> std::io::Result<Exit> {
    let since = jiff::Timestamp::now();
    let owner =
        Owner { who: stage::who(), pid: std::process::id(), run: "daemon".to_owned(), command: "daemon".to_owned(), since };
    let (roster, _lock) = match roster(args, config, &owner).await {
        Ok(opened) => opened,
        Err(told) => return tell(&[told], "").map(|()| Exit::Error),
    };
    let book = Arc::new(Book::new(roster, owner, config));
    let meter = Arc::new(Meter::default());
    let calls = Calls::default();
    follow_signals(&calls)?;
    let door = match &config.http {
        None => None,
        Some(http) => match daemon::open(http, &book, &meter).await {
            Ok(door) => Some(door),
            Err(error) => {
                let told = Diagnostic::error(Code::Port, "the HTTP door cannot be opened").caused_by(error.to_string());
                return tell(&[told.hint("change `http.listen` in aksightd.toml")], "").map(|()| Exit::Error);
            }
        },
    };
    let closed = CancellationToken::new();
    let served = door.map(|door| {
        tracing::info!(address = %door.address(), "the HTTP door is open");
        tokio::spawn(door.serve(closed.clone()))
    });
    service::tell(Said::Ready);
    let watchdog = service::watchdog().map(|every| tokio::spawn(bark(every / 2)));
    let eyes = Eyes { play: play(args, config, &meter), sweep: sweep(args, config, &meter) };
    let kept = daemon::keep(config, &book, load, &eyes, &calls).await;
    service::tell(Said::Stopping);
    closed.cancel();
    if let Some(served) = served {
        // The door has no say in how this ends.
        drop(served.await);
    }
    if let Some(watchdog) = watchdog {
        watchdog.abort();
    }
    match kept {
        Ok(()) => Ok(Exit::Done),
        Err(problems) => tell(&problems, "").map(|()| Exit::Usage),
    }
}

/// The runtime itself barks: a daemon whose tasks no longer run is silent.
async fn bark(every: Duration) {
    loop {
        service::tell(Said::Alive);
        tokio::time::sleep(every).await;
    }
}

fn follow_signals(calls: &Calls) -> std::io::Result<()> {
    let calls = calls.clone();
    let mut signals = Signals::listen_to_all()?;
    tokio::spawn(async move {
        loop {
            match signals.next().await {
                Signal::Interrupt | Signal::Terminate => calls.stop.cancel(),
                Signal::Reload => calls.reload.notify_one(),
            }
        }
    });
    Ok(())
}

/// What the stacks of a daemon have in common.
fn stack_args(args: &DaemonArgs, config: &Config) -> StackArgs {
    StackArgs {
        file: None,
        only: Vec::new(),
        state_dir: Some(config.state_dir.clone()),
        output: Output::Json,
        quiet: true,
        simulate: args.simulate,
        fresh: false,
        sim_pace: args.sim_pace,
        provider: Provider::StandIn,
        fault: Vec::new(),
        store: None,
    }
}

/// How a stack is played: as `aksight reconcile` plays it.
fn play(args: &DaemonArgs, config: &Config, meter: &Arc<Meter>) -> Play {
    let (stack_args, meter) = (stack_args(args, config), meter.clone());
    Arc::new(move |part: Part, cancel: CancellationToken| {
        let (args, meter) = (stack_args.clone(), meter.clone());
        Box::pin(async move { once(&args, part, meter, cancel).await })
    })
}

async fn once(args: &StackArgs, part: Part, meter: Arc<Meter>, cancel: CancellationToken) -> Report {
    let Part { target, healing, store, seen } = part;
    let name = target.name;
    let events = Stream::new(move |event| match event {
        Event::Warning { message } => tracing::warn!(stack = %name, "{message}"),
        Event::Note { message } => tracing::info!(stack = %name, "{message}"),
        _ => {}
    });
    let script = Script { text: String::new(), spec: target.spec, base: target.base, fleet: target.fleet };
    let stops = Stops { cancel, ..Stops::default() };
    match stage::set("reconcile", args, &script, (events, &stops), None).await {
        Ok((setup, strike)) => {
            let setup = Setup { store, meter, ..setup };
            let report = match seen {
                Some(seen) => Box::pin(run::reconcile_swept(&script.spec, setup, &healing, &seen, Inside::Left)).await,
                None => Box::pin(run::reconcile(&script.spec, setup, &healing)).await,
            };
            strike.now().await;
            report
        }
        Err(refused) => act::refusal("reconcile", args, &refused),
    }
}

/// How many stacks are swept. In a rehearsal each has an embedded Azure of its own, so there is nothing to be seen together.
fn sweep(args: &DaemonArgs, config: &Config, meter: &Arc<Meter>) -> Option<Sweep> {
    let (stack_args, meter) = (stack_args(args, config), meter.clone());
    let swept = move |targets: Vec<Target>, cancel: CancellationToken| -> BoxFuture<'static, Swept> {
        let (args, meter) = (stack_args.clone(), meter.clone());
        Box::pin(async move { all(&args, &targets, &meter, cancel).await })
    };
    (!args.simulate).then(|| Arc::new(swept) as Sweep)
}

async fn all(args: &StackArgs, targets: &[Target], meter: &Arc<Meter>, cancel: CancellationToken) -> Swept {
    let (mut swept, stops) = (Swept::default(), Stops { cancel, ..Stops::default() });
    let targets: Vec<&Target> = targets.iter().collect();
    for company in sweep::companies(&targets, |target| &target.spec) {
        match Box::pin(together(args, &company, meter, &stops)).await {
            Ok(found) => {
                swept.requests += found.requests;
                swept.warnings.extend(found.warnings);
                let seen = company.iter().zip(found.verdicts).filter_map(|(target, verdict)| match verdict {
                    Verdict::Clean { seen, .. } => Some((target.name.clone(), *seen?)),
                    Verdict::Look { why } => {
                        tracing::info!(stack = %target.name, "looked at directly: {why}");
                        None
                    }
                });
                swept.seen.extend(seen);
            }
            Err(why) => swept.warnings.push(why),
        }
    }
    swept
}

async fn together(args: &StackArgs, company: &[&Target], meter: &Arc<Meter>, stops: &Stops) -> Result<run::Sweep, String> {
    let specs: Vec<&Spec> = company.iter().map(|target| &target.spec).collect();
    let Some(guide) = company.get(sweep::guide(&specs)) else { return Ok(run::Sweep::default()) };
    let script = Script { text: String::new(), spec: guide.spec.clone(), base: guide.base.clone(), fleet: guide.fleet.clone() };
    let set = stage::set("reconcile", args, &script, (Stream::new(|_| {}), stops), None).await;
    let (setup, _nothing_to_strike) = set.map_err(|refused| sweep::first(&refused))?;
    let setup = Setup { meter: meter.clone(), ..setup };
    Box::pin(sweep::together(&specs, Purpose::Proof, &setup)).await
}
