//! A command on every stack of a fleet.

use std::io::Write as _;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use aksight::base::{SPANS, span};
use aksight::event::{Event, FleetLine, FleetReport, Report, Stream, UnitId};
use aksight::run::{self, March, Purpose, Setup, conduct};
use aksight::spec::FleetStack;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use super::act::{self, Act};
use super::sweep::{self, Swept};
use crate::cli::exit::Exit;
use crate::cli::pipeline::Desk;
use crate::cli::stage::{self, FleetScript, Output, StackArgs, Stops};
use crate::cli::view::pipeline::Account;
use crate::cli::view::progress::Progress;
use crate::cli::view::{self, Terminal};

/// What playing a fleet takes.
pub(super) struct Heads<'a> {
    pub(super) command: &'a str,
    pub(super) args: &'a StackArgs,
    pub(super) script: &'a FleetScript,
    pub(super) progress: &'a Progress,
    pub(super) desk: &'a Desk,
    pub(super) events: Stream,
    pub(super) stops: &'a Stops,
    /// What the stacks are looked at together for, if they are, before each gets its turn.
    pub(super) sweep: Option<Purpose>,
}

/// Plays a command for every stack: what is shared first, then ring after ring. All of it is one trace.
pub(super) async fn play<F>(heads: &Heads<'_>, call: &F) -> std::io::Result<Exit>
where
    F: AsyncFn(&Act, Setup) -> Report,
{
    let span = tracing::trace_span!(
        target: SPANS,
        "fleet",
        otel.name = %format_args!("aksight {} fleet", heads.command),
        otel.status_code = Empty,
        otel.status_description = Empty,
        aksight.command = heads.command,
        aksight.fleet = heads.script.fleet.name.as_str(),
        aksight.rehearsal = heads.args.simulate,
        aksight.exit_code = Empty,
    );
    march(heads, call).instrument(span).await
}

async fn march<F>(heads: &Heads<'_>, call: &F) -> std::io::Result<Exit>
where
    F: AsyncFn(&Act, Setup) -> Report,
{
    let Heads { command, args, script, progress, desk, events, stops, sweep } = heads;
    let began = Instant::now();
    let theatre = match stage::theatre(args, script).await {
        Ok(theatre) => theatre,
        Err(refused) => return act::refuse_at(desk, command, args, &refused).await,
    };
    let swept = match sweep {
        Some(purpose) => Box::pin(sweep::all(heads, *purpose, &theatre)).await,
        None => Swept::default(),
    };
    let work = async |stack: &FleetStack| {
        let (clean, seen) = swept.clean(stack.name()).unzip();
        if let (Some(Purpose::Drift), Some(blind_spots)) = (sweep, clean) {
            return run::clean(command, &stack.spec, args.simulate, blind_spots);
        }
        let name = stack.name().to_owned();
        let labelled = labelled(events, &name);
        let act = Act {
            script: script.script(stack),
            terminal: Terminal::of_stderr(),
            progress: (*progress).clone(),
            desk: (*desk).clone(),
            stops: (*stops).clone(),
            can_ask: false,
            aside: AtomicBool::default(),
            seen: seen.flatten().cloned(),
        };
        let ended = Box::pin(act::once(command, args, &act, &labelled, Some(&theatre), call)).await;
        let mut report = ended.unwrap_or_else(|refused| act::refusal(command, args, &refused));
        report.exit_code = stops.code(report.exit_code);
        report.stack = Some(name);
        report
    };
    let march = if *command == "destroy" { March::Backward } else { March::Forward };
    let mut report = conduct(command, &script.fleet, march, &stops.cancel, &work).await;
    report.exit_code = stops.code(report.exit_code);
    report.sweep = swept.summary(&report);
    report.seconds = began.elapsed();
    theatre.now().await;
    progress.finish();
    let span = Span::current();
    span.record("aksight.exit_code", report.exit_code);
    if !matches!(report.exit_code, 0 | 2) {
        span::failed(&span, format_args!("exit code {}", report.exit_code));
    }
    tell(args, script, &report)?;
    let account = Account::of_fleet(&report, &script.fleet);
    let exit_code = desk.tell(&account, &view::fleet::json(&report), &text(script, &report, &Terminal::of_stdout())).await?;
    Ok(Exit::Reported(exit_code))
}

/// The same stream, with the stack's name in front of everything.
fn labelled(events: &Stream, name: &str) -> Stream {
    let (events, name) = (events.clone(), name.to_owned());
    let unit = move |name: &str, unit: &UnitId| UnitId::new(format!("{name}/{unit}"));
    Stream::new(move |event| {
        let event = match event {
            Event::UnitStarted { unit: id, title } => {
                Event::UnitStarted { unit: unit(&name, &id), title: format!("{name}: {title}") }
            }
            Event::UnitProgress { unit: id, message } => Event::UnitProgress { unit: unit(&name, &id), message },
            Event::UnitFinished { unit: id, status, detail, elapsed } => {
                Event::UnitFinished { unit: unit(&name, &id), status, detail, elapsed }
            }
            Event::Note { message } => Event::Note { message: format!("{name}: {message}") },
            Event::Warning { message } => Event::Warning { message: format!("{name}: {message}") },
            // Which phase each stack is in and what each check says would be noise; the table says how it ended.
            Event::Phase { .. } | Event::Checked(_) => return,
        };
        events.emit(event);
    })
}

fn tell(args: &StackArgs, script: &FleetScript, report: &FleetReport) -> std::io::Result<()> {
    match args.output {
        Output::Json => writeln!(std::io::stdout(), "{}", view::fleet::json(report)),
        Output::Text => {
            std::io::stderr().write_all(problems(script, report, &Terminal::of_stderr()).as_bytes())?;
            std::io::stdout().write_all(results(report, &Terminal::of_stdout()).as_bytes())
        }
        // The desk tells it.
        Output::Github | Output::Azdo => Ok(()),
    }
}

/// Everything for people in one text.
fn text(script: &FleetScript, report: &FleetReport, terminal: &Terminal) -> String {
    problems(script, report, terminal) + &results(report, terminal)
}

/// How it ended. What one stack hands off is more than a line of a table.
fn results(report: &FleetReport, terminal: &Terminal) -> String {
    match report.stacks.as_slice() {
        [FleetLine { report: Some(only), .. }] if only.handoff.is_some() => view::report::text(only, terminal),
        _ => view::fleet::text(report, terminal),
    }
}

/// What is wrong, stack by stack.
fn problems(script: &FleetScript, report: &FleetReport, terminal: &Terminal) -> String {
    let mut told = String::new();
    for line in &report.stacks {
        let problems = line.report.as_ref().map(|report| report.diagnostics.as_slice()).unwrap_or_default();
        if !problems.is_empty() {
            told.extend([format!("{}:\n", line.name), view::diagnostic::text(problems, &script.text, terminal)]);
        }
    }
    told
}
