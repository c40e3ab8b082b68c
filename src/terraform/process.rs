//! One child process: started in a group of its own, followed to the end, interrupted politely, never killed, never lost. What a group
//! and an interrupt are on each system: [`crate::host::process`].
//!
//! - **Own process group**: Ctrl-C at the terminal reaches us only; we forward one interrupt to the group. A second one would make
//!   terraform exit at once and lose what it has not written, so there never is a second one, and never a SIGKILL.
//! - **Output goes to files, not pipes.** With a pipe, `kill -9` of aksight would end terraform by SIGPIPE at its next event: in the
//!   middle of a creation that then is in no state, and with the lease of a remote state lock still held. Into a file it can go on
//!   writing; it ends when its work is done, writes the state, gives the lock back, and the next run waits for that lock. A file
//!   cannot fill up and block, and a grandchild that inherited it keeps nobody waiting. The files are private and nameless
//!   (`files::nameless`), so nothing is left behind whoever dies.
//! - **A task owns the child.** Whoever awaits the result may be dropped: the owner notices, interrupts the child once, and reaps it.
//! - Waiting here is on a real process, so it is measured in real time, not on the rehearsal's clock.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use tracing::field::Empty;

use super::environment::Environment;
use super::error::{Error, Exit};
use super::message::Message;
use crate::base::{SPANS, span};
use crate::host::{files, process};

/// How much of standard error is kept, in bytes; the end of it counts.
const TAIL: u64 = 16 * 1024;
/// Between two looks at the output. The end of the child is noticed at once, so this delays progress only.
const LOOK_EVERY: Duration = Duration::from_millis(40);
/// Between two reports that an interrupted child has not ended.
const REPORT_EVERY: Duration = Duration::from_secs(10);

/// How a caller follows a command and stops it.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// Hears every event, in order.
    pub on: &'a (dyn Fn(Message) + Send + Sync),
    /// Interrupts the command.
    pub cancel: &'a CancellationToken,
    /// A second wish to stop. It cannot hurry the command; it is answered with [`Message::WaitingAnyway`].
    pub again: &'a CancellationToken,
}

impl std::fmt::Debug for Watch<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").field("cancelled", &self.cancel.is_cancelled()).finish_non_exhaustive()
    }
}

/// What to run.
#[derive(Debug)]
pub(super) struct Job<'a> {
    pub(super) name: &'static str,
    pub(super) program: &'a Path,
    pub(super) args: Vec<OsString>,
    pub(super) dir: &'a Path,
    pub(super) environment: &'a Environment,
}

/// How it went.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) exit: Exit,
    pub(super) stderr: String,
    pub(super) interrupted: bool,
}

impl Ended {
    pub(super) fn succeeded(&self) -> bool {
        self.exit == Exit::Code(0)
    }
}

/// Runs the job to its end. `line` gets standard output line by line, without the line ends.
pub(super) async fn run(job: &Job<'_>, watch: Watch<'_>, line: impl FnMut(&str) + Send) -> Result<Ended, Error> {
    let span = tracing::trace_span!(
        target: SPANS,
        "terraform",
        otel.name = %format_args!("terraform {}", job.name),
        otel.status_code = Empty,
        otel.status_description = Empty,
        process.executable.name = job.program.file_name().and_then(|name| name.to_str()),
        terraform.subcommand = job.name,
        process.exit.code = Empty,
    );
    let ended = follow(job, watch, line).instrument(span.clone()).await;
    match &ended {
        Ok(Ended { exit: Exit::Code(code), .. }) => {
            span.record("process.exit.code", code);
            // Of `plan -detailed-exitcode`, 2 says that there are changes.
            if !matches!((job.name, code), (_, 0) | ("plan", 2)) {
                span::failed(&span, format_args!("exit code {code}"));
            }
        }
        Ok(Ended { exit, .. }) => span::failed(&span, format_args!("{exit:?}")),
        Err(error) => span::failed(&span, error),
    }
    ended
}

async fn follow(job: &Job<'_>, watch: Watch<'_>, mut line: impl FnMut(&str) + Send) -> Result<Ended, Error> {
    if watch.cancel.is_cancelled() {
        return Err(Error::Cancelled { command: job.name, diagnostics: Vec::new() });
    }
    let mut held = start(job)?;
    let mut stopping = Stopping::default();
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let status = loop {
        let report_at = stopping.report_at();
        tokio::select! {
            status = &mut held.end => break status,
            _ = look.tick() => held.output.forward(&mut line),
            () = watch.cancel.cancelled(), if stopping.since.is_none() => {
                held.interrupt();
                stopping.since = Some(Instant::now());
                (watch.on)(Message::Interrupting);
            }
            () = watch.again.cancelled(), if stopping.since.is_some() && !stopping.answered => {
                stopping.answered = true;
                (watch.on)(Message::WaitingAnyway);
            }
            () = tokio::time::sleep_until(report_at), if stopping.since.is_some() => {
                stopping.reports += 1;
                (watch.on)(Message::StillWaiting { elapsed: REPORT_EVERY * stopping.reports });
            }
        }
    };
    let status = status.unwrap_or_else(|_| Err(std::io::Error::other("the runtime stopped")));
    let status = status.map_err(|source| Error::io("await", job.program, source))?;
    held.output.finish(&mut line);
    Ok(Ended { exit: exit(status), stderr: tail(held.errors), interrupted: stopping.since.is_some() })
}

/// What was said about an interrupt so far.
#[derive(Default)]
struct Stopping {
    since: Option<Instant>,
    answered: bool,
    reports: u32,
}

impl Stopping {
    fn report_at(&self) -> Instant {
        self.since.unwrap_or_else(Instant::now) + REPORT_EVERY * (self.reports + 1)
    }
}

/// Our end of a running child. Dropping it tells the owner task to interrupt the child.
struct Held {
    output: Lines,
    errors: File,
    stop: Option<oneshot::Sender<()>>,
    end: oneshot::Receiver<std::io::Result<ExitStatus>>,
}

impl Held {
    fn interrupt(&mut self) {
        // Dropping the sender is the signal, here as well as when the whole of `Held` is dropped.
        drop(self.stop.take());
    }
}

fn start(job: &Job<'_>) -> Result<Held, Error> {
    let failed = |source| Error::io("write in", job.dir, source);
    let (out_in, out) = files::nameless(job.dir).map_err(failed)?;
    let (err_in, errors) = files::nameless(job.dir).map_err(failed)?;
    let mut command = Command::new(job.program);
    job.environment.apply_to(&mut command);
    command.args(&job.args).current_dir(job.dir);
    process::lead_group(&mut command);
    command.stdin(Stdio::null()).stdout(out_in).stderr(err_in);
    tracing::debug!(program = %job.program.display(), args = ?job.args, dir = %job.dir.display(), "start");
    let child = command.spawn().map_err(|source| Error::Start { program: job.program.to_owned(), source })?;
    let (stop, stopped) = oneshot::channel();
    let (end_in, end) = oneshot::channel();
    tokio::spawn(async move {
        let status = own(child, stopped).await;
        // The caller may be gone; then there is nobody to tell, and the child has been reaped all the same.
        drop(end_in.send(status));
    });
    Ok(Held { output: Lines { file: out, pending: Vec::new() }, errors, stop: Some(stop), end })
}

/// Owns the child until it is reaped. `stopped` resolves when its other end is dropped.
async fn own(mut child: Child, stopped: oneshot::Receiver<()>) -> std::io::Result<ExitStatus> {
    let group = child.id();
    tokio::select! {
        status = child.wait() => return status,
        _ = stopped => interrupt(group),
    }
    child.wait().await
}

/// One interrupt to the group. It is sent only while the child is not reaped, so the number cannot belong to anybody else.
fn interrupt(group: Option<u32>) {
    if let Some(group) = group
        && let Err(error) = process::interrupt_group(group)
    {
        tracing::warn!(%error, "terraform cannot be interrupted; its end is awaited");
    }
}

/// Lines out of a file that is still being written.
struct Lines {
    file: File,
    pending: Vec<u8>,
}

impl Lines {
    /// Hands on the lines that are complete by now. Bytes that are not UTF-8 are replaced.
    fn forward(&mut self, line: &mut impl FnMut(&str)) {
        let seen = self.pending.len();
        if let Err(error) = self.file.read_to_end(&mut self.pending) {
            tracing::warn!(%error, "the output of the child cannot be read");
        }
        let Some(last) = self.pending[seen..].iter().rposition(|byte| *byte == b'\n') else { return };
        let rest = self.pending.split_off(seen + last + 1);
        let whole = std::mem::replace(&mut self.pending, rest);
        String::from_utf8_lossy(&whole).lines().for_each(line);
    }

    /// Hands on the rest, after the child has ended.
    fn finish(&mut self, line: &mut impl FnMut(&str)) {
        self.forward(line);
        if !self.pending.is_empty() {
            line(&String::from_utf8_lossy(&self.pending));
        }
    }
}

/// The end of a text that may be long (with `TF_LOG=trace` it is very long).
fn tail(mut file: File) -> String {
    use std::io::{Seek as _, SeekFrom};
    let mut bytes = Vec::new();
    let length = file.metadata().map_or(0, |meta| meta.len());
    let read = file.seek(SeekFrom::Start(length.saturating_sub(TAIL))).and_then(|_| file.read_to_end(&mut bytes));
    if let Err(error) = read {
        tracing::warn!(%error, "the errors of the child cannot be read");
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn exit(status: ExitStatus) -> Exit {
    match (status.code(), process::ended_by(status)) {
        (Some(code), _) => Exit::Code(code),
        (None, Some(signal)) => Exit::Signal(signal),
        (None, None) => Exit::Code(-1),
    }
}
