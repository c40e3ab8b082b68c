//! What every command on a stack does around its library call: file, stage, signals, progress, report, exit code.

use std::io::Write as _;
use std::sync::atomic::Ordering;

use aksight::event::{Outcome, Report, Stream};
use aksight::run::{Purpose, Seen, Setup, exit_code};
use aksight::telemetry;

use crate::cli::commands::{fleet, terraform};
use crate::cli::exit::Exit;
use crate::cli::log;
use crate::cli::prompt;
use crate::cli::stage::{self, Output, Refused, Script, StackArgs, Stops, Strike, Subject};
use crate::cli::view::progress::Progress;
use crate::cli::view::{self, Terminal};

/// A command at work.
pub(crate) struct Act {
    pub(crate) script: Script,
    pub(crate) terminal: Terminal,
    pub(crate) progress: Progress,
    pub(crate) stops: Stops,
    /// Whether a person can be asked. In a fleet nobody is: several stacks would ask at once.
    pub(crate) can_ask: bool,
    /// What a sweep saw of the stack, when it was swept and is as wished.
    pub(crate) seen: Option<Seen>,
}

/// Plays a command: `call` is the library's part, made with the setup it is given. On a fleet it is played for every stack.
pub(crate) fn play<F>(command: &str, args: &StackArgs, install: bool, call: &F) -> std::io::Result<Exit>
where
    F: AsyncFn(&Act, Setup) -> Report,
{
    perform(command, args, install, None, call)
}

/// The same after the stacks of a fleet were looked at together. For drift the command is played for those that need a look of their
/// own; for a proof it is played for all, and told what was seen of the others.
pub(crate) fn play_after_sweep<F>(command: &str, args: &StackArgs, purpose: Purpose, call: &F) -> std::io::Result<Exit>
where
    F: AsyncFn(&Act, Setup) -> Report,
{
    perform(command, args, false, Some(purpose), call)
}

fn perform<F>(command: &str, args: &StackArgs, install: bool, sweep: Option<Purpose>, call: &F) -> std::io::Result<Exit>
where
    F: AsyncFn(&Act, Setup) -> Report,
{
    let subject = match stage::read_any(args) {
        Ok(subject) => subject,
        Err(refused) => return refuse(command, args, &refused),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let log = log::of_command(runtime.handle());
    // Runs are drawn on this thread, so that they are part of a pipeline's trace.
    let pipeline = telemetry::join(|name| std::env::var(name).ok());
    let exit = runtime.block_on(async {
        let terminal = Terminal::of_stderr();
        let (events, progress) = if args.quiet { Progress::silent(&terminal) } else { Progress::start(&terminal) };
        let stops = Stops::default();
        listen(&stops, &events);
        match subject {
            Subject::Stack(script) => {
                let act = Act { script: *script, terminal, progress, stops, can_ask: prompt::possible(), seen: None };
                alone(command, args, install, &act, &events, call).await
            }
            Subject::Fleet(script) => {
                let heads = fleet::Heads { command, args, script: &script, progress: &progress, events, stops: &stops, sweep };
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
            tell(args, act, &report).map(|()| Exit::Reported(report.exit_code))
        }
        Err(refused) => refuse(command, args, &refused),
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

/// Follows SIGINT and SIGTERM.
fn listen(stops: &Stops, events: &Stream) {
    use tokio::signal::unix::{SignalKind, signal};
    let (stops, events) = (stops.clone(), events.clone());
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) else {
        return;
    };
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => stops.terminated.store(true, Ordering::Relaxed),
            }
            if stops.cancel.is_cancelled() {
                stops.again.cancel();
            } else {
                events.warn("stopping: what is at work is brought to a safe end first");
                stops.cancel.cancel();
            }
        }
    });
}

fn tell(args: &StackArgs, act: &Act, report: &Report) -> std::io::Result<()> {
    match args.output {
        Output::Json => writeln!(std::io::stdout(), "{}", view::report::json(report)),
        Output::Text => {
            let problems = view::diagnostic::text(&report.diagnostics, &act.script.text, &act.terminal);
            std::io::stderr().write_all(problems.as_bytes())?;
            std::io::stdout().write_all(view::report::text(report, &Terminal::of_stdout()).as_bytes())
        }
    }
}

/// Says what is wrong with file, command line or machine: before any call, so nothing was changed.
pub(crate) fn refuse(command: &str, args: &StackArgs, refused: &Refused) -> std::io::Result<Exit> {
    match args.output {
        Output::Json => writeln!(std::io::stdout(), "{}", view::report::json(&refusal(command, args, refused)))?,
        Output::Text => {
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
