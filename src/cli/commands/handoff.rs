//! `aksight handoff`: acts that take rights which the provisioning principal does not have, for somebody who has them.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use aksight::base::cloud::CloudName;
use aksight::base::go_duration;
use aksight::bundle;
use aksight::diag::{Code, Diagnostic};
use aksight::event::{Handoff, Outcome, Report};
use aksight::plan::{Approved, Checked, Plan};
use aksight::run::{self, Answer, Handed, Handing, Helper, RealClock, problem};
use clap::{Args, Subcommand, ValueEnum};

use super::act::{self, Act};
use crate::cli::exit::Exit;
use crate::cli::pipeline::PipelineArgs;
use crate::cli::prompt;
use crate::cli::stage::{self, Output, Refused, StackArgs, Stops, Subject};
use crate::cli::view::progress::Progress;
use crate::cli::view::{self, Terminal};

/// Write down what waits for somebody with more rights: registrations and role assignments; or carry that out as that somebody.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Exit codes: 13 something is handed off, 0 nothing waits. Reads only; run it as the principal that provisions (docs/handoff.md)."
)]
pub(crate) struct HandoffArgs {
    #[command(subcommand)]
    command: Option<Step>,
    #[command(flatten)]
    stack: StackArgs,
    #[command(flatten)]
    pipeline: PipelineArgs,
    /// The file to write it into, for review; `-` prints it.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Hand off all acts of these kinds that the plan holds, those as well that you may do yourself.
    #[arg(long)]
    all: bool,
    /// Fetch the pinned terraform into your cache when none fits.
    #[arg(long)]
    install_terraform: bool,
}

#[derive(Debug, Subcommand)]
enum Step {
    Apply(ApplyArgs),
}

/// Carry out what somebody else wrote down, signed in as yourself; needs neither the stack's file nor terraform.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 all of it is done or was done before, 13 it waits for an answer or for more rights, 1 an error."
)]
pub(crate) struct ApplyArgs {
    /// The file that `aksight handoff --out` wrote.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Carry it out without asking.
    #[arg(short, long)]
    yes: bool,
    /// How old it may be.
    #[arg(long, value_name = "TIME", default_value = "168h", value_parser = time)]
    max_age: Duration,
    /// Refuse every other handoff than the one with this digest (`sha256:…`, as `handoff --out` told it).
    #[arg(long, value_name = "DIGEST")]
    digest: Option<String>,
    /// How results are printed.
    #[arg(long, value_enum, default_value_t = Shown::Text)]
    output: Shown,
    /// Print results only, no progress.
    #[arg(short, long)]
    quiet: bool,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Shown {
    /// For people.
    Text,
    /// One JSON document on standard output (docs/reference/report.md).
    Json,
}

/// Reads a duration.
fn time(text: &str) -> Result<Duration, String> {
    go_duration::parse(text).ok_or_else(|| "no duration like `24h`, `90m` or `1h30m`".to_owned())
}

/// Runs it.
pub(crate) fn run(args: &HandoffArgs) -> std::io::Result<Exit> {
    if let Some(Step::Apply(args)) = &args.command {
        return apply(args);
    }
    let options = (&args.stack, &args.pipeline);
    if let Some(out) = &args.out
        && let Err(refused) = fits(args, out)
    {
        return act::turn_away("handoff", options, &refused);
    }
    act::play("handoff", options, args.install_terraform, &async |act: &Act, setup| write_down(args, act, setup).await)
}

const PRINTED: &str = "-";

/// Whether `--out` fits the file and the other options.
fn fits(args: &HandoffArgs, out: &Path) -> Result<(), Refused> {
    let wrong = |told: &str, hint: &str| Err(Refused::usage(Diagnostic::error(Code::Usage, told).hint(hint)));
    let printed = out == Path::new(PRINTED);
    if printed && args.stack.output != Output::Text {
        return wrong(
            "`--out -` and `--output` both print a document",
            "leave one of them out: the report holds the handoff, too",
        );
    }
    match stage::read_any(&args.stack)? {
        Subject::Fleet(script) if printed || script.fleet.stacks.len() != 1 => wrong(
            "`--out` is for one stack, and the file describes a fleet",
            "choose a stack with `--only NAME`, and name a file",
        ),
        Subject::Fleet(_) | Subject::Stack(_) => Ok(()),
    }
}

async fn write_down(args: &HandoffArgs, act: &Act, setup: run::Setup) -> Report {
    let printed = args.out.as_deref() == Some(Path::new(PRINTED));
    let handing = Handing { out: args.out.clone().filter(|_| !printed), all: args.all };
    let (text, report) = Box::pin(run::handoff(&act.script.spec, setup, &handing)).await;
    if printed {
        act.aside.store(true, Ordering::Relaxed);
        act.progress.suspend(|| drop(std::io::stdout().write_all(text.unwrap_or_default().as_bytes())));
    }
    report
}

/// Carries a handoff out.
fn apply(args: &ApplyArgs) -> std::io::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let terminal = Terminal::of_stderr();
    let (events, progress) = if args.quiet { Progress::silent(&terminal) } else { Progress::start(&terminal) };
    let stops = Stops::default();
    let mut report = runtime.block_on(async {
        act::listen(&stops, &events);
        match ready(args).await {
            Ok((content, digest, sign_in)) => {
                let helper = Helper {
                    cloud: sign_in.cloud,
                    credential: sign_in.credential,
                    http: sign_in.http,
                    clock: Arc::new(RealClock),
                    events,
                    cancel: stops.cancel.clone(),
                    again: stops.again.clone(),
                };
                let show = |handoff: &Handoff, plan: &Plan<Checked>| {
                    let text = view::handoff::proposal(handoff, plan, &terminal);
                    if !args.quiet || !args.yes {
                        progress.suspend(|| drop(std::io::stderr().write_all(text.as_bytes())));
                    }
                };
                let ask = |plan: &Plan<Approved>| answer(args, &progress, &stops, plan);
                let handed = Handed { file: args.file.clone(), content, digest, max_age: args.max_age, show: &show, ask: &ask };
                Box::pin(run::hand_over(&helper, &handed)).await
            }
            Err(refused) => refusal(&refused),
        }
    });
    progress.finish();
    // A name lookup may still hold a thread; nothing waits for it.
    runtime.shutdown_background();
    report.exit_code = stops.code(report.exit_code);
    match args.output {
        Shown::Json => writeln!(std::io::stdout(), "{}", view::report::json(&report))?,
        Shown::Text => {
            let problems = view::diagnostic::text(&report.diagnostics, "", &terminal);
            std::io::stderr().write_all(problems.as_bytes())?;
            std::io::stdout().write_all(view::report::text(&report, &Terminal::of_stdout()).as_bytes())?;
        }
    }
    Ok(Exit::Reported(report.exit_code))
}

/// The handoff, its digest, and the sign-in in its tenant and cloud where the environment does not say otherwise.
async fn ready(args: &ApplyArgs) -> Result<(Handoff, String, stage::SignIn), Refused> {
    let refused = |error| Refused::machine(problem::of_handoff(&args.file, &error));
    let (content, digest) = bundle::handoff::read(&args.file).map_err(refused)?;
    if let Some(wanted) = &args.digest
        && !wanted.eq_ignore_ascii_case(&digest)
    {
        return Err(refused(bundle::Error::Altered { expected: wanted.clone(), found: digest }));
    }
    let cloud = CloudName::named(&content.cloud).unwrap_or_default();
    let sign_in = stage::sign_in(Some(&content.tenant), cloud).await?;
    Ok((content, digest, sign_in))
}

/// What could not even begin.
fn refusal(refused: &Refused) -> Report {
    let mut report = Report::new(view::handoff::APPLY);
    report.result = Outcome::Failed;
    report.exit_code = refused.exit_code;
    report.diagnostics.clone_from(&refused.problems);
    report
}

fn answer(args: &ApplyArgs, progress: &Progress, stops: &Stops, plan: &Plan<Approved>) -> Answer {
    if args.yes {
        return Answer::Yes;
    }
    if args.output != Shown::Text || !prompt::possible() {
        return Answer::Nobody;
    }
    progress.suspend(|| prompt::answer(&view::handoff::question(plan), false, &stops.cancel))
}
