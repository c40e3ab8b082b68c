//! `aksight auth`: how aksight and terraform would sign in, and the proof that it works.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aksight::azure::{self, CredentialSource, Unused};
use aksight::diag::{Code, Diagnostic};
use aksight::event::Outcome;
use aksight::run::{self, exit_code, problem};
use aksight::spec::{self, Spec};
use clap::Args;

use crate::cli::exit::Exit;
use crate::cli::log;
use crate::cli::sign_in;
use crate::cli::stage::{DEFAULT_FILE, Output};
use crate::cli::view::Terminal;
use crate::cli::view::auth::{self, SignIn};

/// Sign in and show how: method, principal, tenant, cloud, subscription, rights, and what terraform gets. Changes nothing.
#[derive(Debug, Args)]
#[command(
    after_help = "No value of a variable is ever shown. Exit codes: 0 it works, 1 it does not, 64 the environment is incomplete."
)]
pub(crate) struct AuthArgs {
    /// A stack's file, whose cloud, tenant and subscription count [default: aksight.yaml, if there is one].
    #[arg(value_name = "FILE")]
    stack: Option<PathBuf>,
    /// The same.
    #[arg(short, long, value_name = "FILE", conflicts_with = "stack")]
    file: Option<PathBuf>,
    /// How results are printed.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// How long the az CLI may take to say who is signed in to it, when that is only good to know.
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs it.
pub(crate) fn run(args: &AuthArgs) -> std::io::Result<Exit> {
    let (sign_in, source) = match read(args.stack.as_ref().or(args.file.as_ref())) {
        Ok(read) => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let log = log::of_command(runtime.handle());
            let sign_in = runtime.block_on(look(read.as_ref()));
            log.finish();
            // A slow az CLI may still be at work; nothing waits for it.
            runtime.shutdown_background();
            (sign_in, String::new())
        }
        Err(unusable) => (SignIn { problems: unusable.problems, exit_code: 64, ..SignIn::default() }, unusable.text),
    };
    match args.output {
        Output::Json => anstream::stdout().write_all(auth::json(&sign_in).as_bytes())?,
        Output::Text | Output::Github | Output::Azdo => {
            anstream::stdout().write_all(auth::text(&sign_in, &Terminal::of_stdout()).as_bytes())?;
            anstream::stderr().write_all(auth::problems(&sign_in, &source, &Terminal::of_stderr()).as_bytes())?;
        }
    }
    Ok(Exit::Reported(sign_in.exit_code))
}

/// A stack's file, and how it was named.
struct Script {
    spec: Spec,
    name: String,
}

/// What is wrong with a file, and its text.
struct Unusable {
    problems: Vec<Diagnostic>,
    text: String,
}

impl Unusable {
    fn one(problem: Diagnostic) -> Self {
        Self { problems: vec![problem], text: String::new() }
    }
}

/// The file, when one is named or there is one.
fn read(named: Option<&PathBuf>) -> Result<Option<Script>, Unusable> {
    let path = named.map_or(Path::new(DEFAULT_FILE), PathBuf::as_path);
    if named.is_none() && !path.exists() {
        return Ok(None);
    }
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| {
        let problem = Diagnostic::error(Code::SpecUnreadable, format!("`{name}` cannot be read")).caused_by(error.to_string());
        Unusable::one(problem.hint("without a file the environment alone counts"))
    })?;
    if spec::is_fleet(&text) {
        let problem = Diagnostic::error(Code::Usage, "this command works on one stack, and the file describes a fleet")
            .hint("give it the file of one stack");
        return Err(Unusable::one(problem));
    }
    spec::read(&text, &name).map(|spec| Some(Script { spec, name })).map_err(|problems| Unusable { problems, text })
}

async fn look(script: Option<&Script>) -> SignIn {
    let mut found = SignIn { exit_code: exit_code(Outcome::Unchanged), ..SignIn::default() };
    if let Err(error) = follow(script, &mut found).await {
        found.problems.push(problem::of_azure(&error));
        // Without a choice nothing was tried: the environment is incomplete. A sign-in that does not work is an error.
        found.exit_code = if found.choice.is_none() { 64 } else { exit_code(Outcome::Failed) };
    }
    found
}

/// Goes the way that every run goes, and notes what it sees.
async fn follow(script: Option<&Script>, found: &mut SignIn) -> Result<(), azure::Error> {
    let spec = script.map(|script| &script.spec);
    let mut choice = sign_in::choose(spec.and_then(|spec| spec.stack.azure.tenant.as_deref()))?;
    let unused = azure::unused(&choice, sign_in::variable);
    let by_file = |name: &mut String| {
        if let (Some(script), "ARM_TENANT_ID", None) = (script, name.as_str(), sign_in::variable(name)) {
            *name = format!("azure.tenant in {}", script.name);
        }
    };
    choice.decided_by.iter_mut().for_each(by_file);
    let credential = choice.source.clone();
    found.for_terraform = !matches!(credential, CredentialSource::DeveloperCli { .. });
    found.choice = Some(choice);
    let http = azure::http::client(&[])?;
    let (cloud, unused) = tokio::join!(sign_in::cloud(spec.map(|spec| spec.stack.azure.cloud), &http), with_names(unused));
    found.unused = unused;
    let cloud = found.cloud.insert(cloud?).clone();
    let named = sign_in::subscription(spec, &credential).await?;
    let id = named.as_ref().map(|(id, _)| id.clone());
    found.subscription = named.map(|(id, by)| match (by, script) {
        ("azure.subscription", Some(script)) => (id, format!("{by} in {}", script.name)),
        _ => (id, by.to_owned()),
    });
    found.terraform = Some(sign_in::told_to_terraform(&credential, id.as_deref(), &cloud));
    let signed_in = run::sign_in(cloud, credential, http, id.as_deref()).await?;
    found.principal = Some(signed_in.principal);
    let Some(account) = signed_in.account else {
        found.problems.push(sign_in::no_subscription());
        found.exit_code = 64;
        return Ok(());
    };
    found.account = Some(account?);
    Ok(())
}

/// Who is signed in to the az CLI, when it was passed over.
async fn with_names(mut unused: Vec<Unused>) -> Vec<Unused> {
    if let Some(az) = unused.iter_mut().find(|unused| unused.method == "az CLI") {
        let account = tokio::time::timeout(PATIENCE, azure::credential::cli_account()).await;
        let who = match account {
            Ok(Ok(account)) => format!("signed in there is {}", account.user.as_deref().unwrap_or("somebody without a name")),
            Ok(Err(_)) => "nobody is signed in there".to_owned(),
            Err(_) => "it does not say who is signed in there".to_owned(),
        };
        az.because = format!("{}; {who}", az.because);
    }
    unused
}
