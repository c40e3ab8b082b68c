//! What every command on a stack does around its library call: file, stage, signals, progress, report, exit code.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};

use aksight::diag::{Code, Diagnostic};
use aksight::event::{Outcome, Report, Stream};
use aksight::host::signals::{Signal, Signals};
use aksight::run::{Purpose, Seen, Setup, exit_code};
use aksight::telemetry;

use crate::cli::commands::{fleet, terraform};
use crate::cli::exit::Exit;
use crate::cli::log;
use crate::cli::pipeline::{Desk, PipelineArgs};
use crate::cli::prompt;
use crate::cli::stage::{self, Output, Refused, Script, StackArgs, Stops, Strike, Subject};
use crate::cli::view::pipeline::Account;
use crate::cli::view::progress::Progress;
use crate::cli::view::{self, Terminal};

/// A command at work.
pub(crate) struct Act {
    pub(crate) script: Script,
    pub(crate) terminal: Terminal,
    pub(crate) progress: Progress,
    pub(crate) desk: Desk,
    pub(crate) stops: Stops,
    /// Whether a person can be asked. In a fleet nobody is: several stacks would ask at once.
    pub(crate) can_ask: bool,
    /// Whether standard output holds another document; the result is then told on standard error.
    pub(crate) aside: AtomicBool,
    /// What a sweep saw of the stack, when it was swept and is as wished.
    pub(crate) seen: Option<Seen>,
}

/// Plays a command: `call` is the library's part, made with the setup it is given. On a fleet it is played for every stack.
pub(crate) fn play<F>(command: &str, args: (&StackArgs, &PipelineArgs), install: bool, call: &F) -> std::io::Result<Exit>
where
    F: AsyncFn(&Act, Setup) -> Report,
{
    perform(command, args, install, None, call)
}

/// The same after the stacks of a fleet were looked at together. For drift the command is played for those that need a look of their
/// own; for a proof it is played for all, and told what was seen of the others.
pub(crate) fn play_after_sweep<F>(
    command: &str,
    args: (&StackArgs, &PipelineArgs),
    purpose: Purpose,
    call: &F,
) -> std::io::Result<Exit>
where
    F: AsyncFn(&Act, Setup) -> Report,
{
    perform(command, args, false, Some(purpose), call)
}

fn perform<F>(
    command: &str,
    (args, pipeline): (&StackArgs, &PipelineArgs),
    install: bool,
    sweep: Option<Purpose>,
    call: &F,
) -> std::io::Result<Exit>
where
    F: AsyncFn(&Act, Setup) -> Report,
{
    if let Err(refused) = fitting(args, pipeline) {
        return refuse(command, args, &refused);
    }
    let subject = match stage::read_any(args) {
        Ok(subject) => subject,
        Err(refused) => return turn_away(command, (args, pipeline), &refused),
    };
    let desk = Desk::open(pipeline, args);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let log = log::of_command(runtime.handle());
    // Runs are drawn on this thread, so that they are part of a pipeline's trace.
    let pipeline = telemetry::join(|name| std::env::var(name).ok());
    let exit = runtime.block_on(async {
        let terminal = Terminal::of_stderr();
        let (events, progress) = match desk.console() {
            _ if args.quiet => Progress::silent(&terminal),
            Some(console) => Progress::in_console(console, &terminal),
            None => Progress::start(&terminal),
        };
        let stops = Stops::default();
        listen(&stops, &events);
        match subject {
            Subject::Stack(script) => {
                let act = Act {
                    script: *script,
                    terminal,
                    progress,
                    desk,
                    stops,
                    can_ask: prompt::possible(),
                    aside: AtomicBool::default(),
                    seen: None,
                };
                alone(command, args, install, &act, &events, call).await
            }
            Subject::Fleet(script) => {
                let heads = fleet::Heads {
                    command,
                    args,
                    script: &script,
                    progress: &progress,
                    desk: &desk,
                    events,
                    stops: &stops,
                    sweep,
                };
                fleet::play(&heads, call).await
            }
        }
    });
    drop(pipeline);
    log.finish();
    // A prompt or a name lookup may still hold a thread; nothing waits for it.
    runtime.shutdown_background();
    exit
}

async fn alone<F>(command: &str, args: &StackArgs, install: bool, act: &Act, events: &Stream, call: &F) -> std::io::Result<Exit>
where
    F: AsyncFn(&Act, Setup) -> Report,
{
    let mut report = once(command, args, act, events, None, call).await;
    if let Ok(first) = &report
        && terraform::would_help(first)
        && terraform::offer(act, install).await
    {
        report = once(command, args, act, events, None, call).await;
    }
    act.progress.finish();
    match report {
        Ok(mut report) => {
            if act.stops.cancel.is_cancelled() && terraform::would_help(&report) {
                report.result = Outcome::Interrupted;
                report.exit_code = exit_code(Outcome::Interrupted);
            }
            report.exit_code = act.stops.code(report.exit_code);
            tell(args, act, &report).await
        }
        Err(refused) => refuse_at(&act.desk, command, args, &refused).await,
    }
}

pub(super) async fn once<F>(
    command: &str,
    args: &StackArgs,
    act: &Act,
    events: &Stream,
    theatre: Option<&Strike>,
    call: &F,
) -> Result<Report, Refused>
where
    F: AsyncFn(&Act, Setup) -> Report,
{
    let (setup, strike) = stage::set(command, args, &act.script, (events.clone(), &act.stops), theatre).await?;
    let report = call(act, setup).await;
    strike.now().await;
    Ok(report)
}

/// Follows interrupts and terminations.
pub(super) fn listen(stops: &Stops, events: &Stream) {
    let (stops, events) = (stops.clone(), events.clone());
    let Ok(mut signals) = Signals::listen() else { return };
    tokio::spawn(async move {
        loop {
            if signals.next().await == Signal::Terminate {
                stops.terminated.store(true, Ordering::Relaxed);
            }
            if stops.cancel.is_cancelled() {
                stops.again.cancel();
            } else {
                // First, because a question on the screen keeps every message waiting until it is given up.
                stops.cancel.cancel();
                events.warn("stopping: what is at work is brought to a safe end first");
            }
        }
    });
}

async fn tell(args: &StackArgs, act: &Act, report: &Report) -> std::io::Result<Exit> {
    let json = view::report::json(report);
    let problems = view::diagnostic::text(&report.diagnostics, &act.script.text, &act.terminal);
    let text = view::report::text(report, &Terminal::of_stdout());
    match args.output {
        Output::Json => writeln!(std::io::stdout(), "{json}")?,
        Output::Text => {
            std::io::stderr().write_all(problems.as_bytes())?;
            if act.aside.load(Ordering::Relaxed) {
                std::io::stderr().write_all(text.as_bytes())?;
            } else {
                std::io::stdout().write_all(text.as_bytes())?;
            }
        }
        Output::Github | Output::Azdo => {}
    }
    let account = Account::of_stack(report, Some(&act.script.spec));
    act.desk.tell(&account, &json, &(problems + &text)).await.map(Exit::Reported)
}

/// Whether the options for pipelines fit together.
fn fitting(args: &StackArgs, pipeline: &PipelineArgs) -> Result<(), Refused> {
    let told = match args.output {
        Output::Github => return Ok(()),
        Output::Azdo if !pipeline.issue => return Ok(()),
        Output::Text | Output::Json if !pipeline.issue && !pipeline.comment => return Ok(()),
        Output::Azdo => "`--issue` is for GitHub",
        Output::Text | Output::Json => "`--comment` and `--issue` are for pipelines",
    };
    Err(Refused::usage(Diagnostic::error(Code::Usage, told).hint("add `--output github`, or leave it out")))
}

/// [`refuse_at`] before there is a desk.
pub(super) fn turn_away(
    command: &str,
    (args, pipeline): (&StackArgs, &PipelineArgs),
    refused: &Refused,
) -> std::io::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(refuse_at(&Desk::open(pipeline, args), command, args, refused))
}

/// [`refuse`], told to the pipeline, too.
pub(super) async fn refuse_at(desk: &Desk, command: &str, args: &StackArgs, refused: &Refused) -> std::io::Result<Exit> {
    if desk.console().is_none() {
        refuse(command, args, refused)?;
    }
    let report = refusal(command, args, refused);
    let text = view::diagnostic::text(&refused.problems, &refused.text, &Terminal::of_stdout());
    desk.tell(&Account::of_stack(&report, None), &view::report::json(&report), &text).await.map(Exit::Reported)
}

/// Says what is wrong with file, command line or machine: before any call, so nothing was changed.
pub(crate) fn refuse(command: &str, args: &StackArgs, refused: &Refused) -> std::io::Result<Exit> {
    match args.output {
        Output::Json => writeln!(std::io::stdout(), "{}", view::report::json(&refusal(command, args, refused)))?,
        Output::Text | Output::Github | Output::Azdo => {
            let text = view::diagnostic::text(&refused.problems, &refused.text, &Terminal::of_stderr());
            std::io::stderr().write_all(text.as_bytes())?;
        }
    }
    Ok(Exit::Reported(refused.exit_code))
}

/// A refusal as the document that every command ends with.
pub(super) fn refusal(command: &str, args: &StackArgs, refused: &Refused) -> Report {
    let mut report = Report::new(command);
    report.rehearsal = args.simulate;
    report.result = if refused.exit_code == exit_code(Outcome::Locked) { Outcome::Locked } else { Outcome::Failed };
    report.exit_code = refused.exit_code;
    report.diagnostics.clone_from(&refused.problems);
    report
}
