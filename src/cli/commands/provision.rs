//! `aksight provision`.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use aksight::base::{Secret, go_duration};
use aksight::bundle::Identities;
use aksight::event::Report;
use aksight::plan::{Approved, Checked, Plan};
use aksight::run::{self, Answer, Reviewed, Wants};
use clap::Args;

use super::act::{self, Act};
use crate::cli::exit::Exit;
use crate::cli::pipeline::PipelineArgs;
use crate::cli::stage::{self, Output, Refused, StackArgs};
use crate::cli::{prompt, view};

/// Make the stack what the file says, and prove that data arrives.
#[derive(Debug, Args)]
#[command(
    after_help = "Run it again at any time: it looks first, writes only what differs and goes on where a killed run stopped."
)]
pub(crate) struct ProvisionArgs {
    #[command(flatten)]
    stack: StackArgs,
    #[command(flatten)]
    pipeline: PipelineArgs,
    /// Carry the plan out without asking.
    #[arg(short, long)]
    yes: bool,
    /// Carry out exactly the plan in this file, which `plan --out` wrote and somebody reviewed, or nothing; nobody is asked
    /// (docs/reviewed-plans.md).
    #[arg(long, value_name = "FILE", conflicts_with = "allow_destroy")]
    plan: Option<PathBuf>,
    /// The file with the identity of age's that opens an encrypted plan; without it, the text of one in `AKSIGHT_IDENTITY`.
    #[arg(long, value_name = "FILE", env = "AKSIGHT_IDENTITY_FILE")]
    identity: Option<PathBuf>,
    /// How old the plan may be.
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = time, requires = "plan")]
    max_age: Duration,
    /// Refuse every other plan than the one with this digest (`sha256:…`, as `plan --out` told it).
    #[arg(long, value_name = "DIGEST", requires = "plan")]
    digest: Option<String>,
    /// A terraform address or unit that may be replaced or deleted; may be given several times.
    #[arg(long, value_name = "ADDRESS")]
    allow_destroy: Vec<String>,
    /// Do not prove that data arrives.
    #[arg(long)]
    no_verify: bool,
    /// Fetch the pinned terraform into your cache when none fits.
    #[arg(long)]
    install_terraform: bool,
    /// Show units that need nothing, too.
    #[arg(short, long)]
    verbose: bool,
}

/// Runs it.
pub(crate) fn run(args: &ProvisionArgs) -> std::io::Result<Exit> {
    let options = (&args.stack, &args.pipeline);
    if args.plan.is_some()
        && let Err(refused) = stage::one_stack(&args.stack, "--plan")
    {
        return act::turn_away("provision", options, &refused);
    }
    act::play("provision", options, args.install_terraform, &async |act: &Act, setup| match reviewed(args) {
        Ok(reviewed) => Box::pin(provision(args, act, setup, reviewed)).await,
        Err(refused) => act::refusal("provision", &args.stack, &refused),
    })
}

/// Reads a duration.
fn time(text: &str) -> Result<Duration, String> {
    go_duration::parse(text).ok_or_else(|| "no duration like `24h`, `90m` or `1h30m`".to_owned())
}

/// What was said about a reviewed plan.
fn reviewed(args: &ProvisionArgs) -> Result<Option<Reviewed>, Refused> {
    let Some(file) = args.plan.clone() else { return Ok(None) };
    Ok(Some(Reviewed { file, identities: identities(args)?, max_age: args.max_age, digest: args.digest.clone() }))
}

/// No file with keys is longer.
const LONGEST_IDENTITY: u64 = 64 * 1024;

fn identities(args: &ProvisionArgs) -> Result<Option<Identities>, Refused> {
    let (what, text) = match &args.identity {
        Some(path) => {
            let what = format!("the identity in `{}`", path.display());
            let mut text = String::new();
            let read = File::open(path).and_then(|file| file.take(LONGEST_IDENTITY).read_to_string(&mut text));
            read.map_err(|error| stage::unusable_key(&what, error.to_string()))?;
            (what, text)
        }
        None => match std::env::var("AKSIGHT_IDENTITY") {
            Ok(text) if !text.trim().is_empty() => ("the identity in `AKSIGHT_IDENTITY`".to_owned(), text),
            _ => return Ok(None),
        },
    };
    Identities::read(&Secret::new(text)).map(Some).map_err(|error| stage::unusable_key(&what, error.to_string()))
}

async fn provision(args: &ProvisionArgs, act: &Act, setup: run::Setup, reviewed: Option<Reviewed>) -> Report {
    let show = |plan: &Plan<Checked>| {
        if args.stack.quiet && (args.yes || !act.can_ask) {
            return;
        }
        let text = view::plan::text(plan, &act.terminal, args.verbose);
        match act.desk.console() {
            Some(console) => console.section("the plan", &text),
            None => act.progress.suspend(|| drop(std::io::stderr().write_all(text.as_bytes()))),
        }
    };
    let ask = |plan: &Plan<Approved>| answer(args, act, plan);
    let wants = Wants { allow_destroy: args.allow_destroy.clone(), reviewed, verify: !args.no_verify, show: &show, ask: &ask };
    Box::pin(run::provision(&act.script.spec, setup, &wants)).await
}

/// A rehearsal without a terminal goes on, since nothing is at stake.
fn answer(args: &ProvisionArgs, act: &Act, plan: &Plan<Approved>) -> Answer {
    if args.yes {
        return Answer::Yes;
    }
    if args.stack.output != Output::Text || !act.can_ask {
        return if args.stack.simulate { Answer::Yes } else { Answer::Nobody };
    }
    let summary = plan.summary();
    let question = if summary.writes() == 0 { "Wait for it to take effect?" } else { "Carry this out?" };
    act.progress.suspend(|| prompt::answer(question, false, &act.stops.cancel))
}
