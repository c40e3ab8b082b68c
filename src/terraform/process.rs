//! One child process: started in a group of its own, read to the end, interrupted politely, never killed, never lost.
//!
//! - **Own process group**: Ctrl-C at the terminal reaches us only; we forward one SIGINT to the group. A second one would make
//!   terraform exit at once and lose what it has not written, so there never is a second one, and never a SIGKILL.
//! - **A task owns the child** and both pipes. Lines travel through a channel without bound, so the child never waits for a slow
//!   reader and the two pipes cannot block each other. Whoever awaits the result may be dropped: the owner notices, interrupts the
//!   child, goes on draining, and reaps it.
//! - **If aksight itself dies** (`kill -9`), nobody is left to read: the child's next event meets a pipe without a reader and SIGPIPE
//!   ends it, as the Go runtime does for standard output. It cannot linger. What it had finished is in the state (a local state is
//!   written after every resource), the kernel frees a local lock; what it was doing is found again by observing Azure.
//! - Waiting here is on a real process, so it is measured in real time, not on the rehearsal's clock.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::environment::Environment;
use super::error::{Error, Exit};
use super::message::Message;

/// How much of standard error is kept, in bytes; the end of it counts.
const TAIL: usize = 16 * 1024;
/// After the child has ended, how long its pipes may stay open (a grandchild may have inherited them).
const LINGER: Duration = Duration::from_secs(2);
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
    pub(super) program: &'a PathBuf,
    pub(super) args: Vec<OsString>,
    pub(super) dir: &'a PathBuf,
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
pub(super) async fn run(job: &Job<'_>, watch: Watch<'_>, mut line: impl FnMut(&str) + Send) -> Result<Ended, Error> {
    if watch.cancel.is_cancelled() {
        return Err(Error::Cancelled { command: job.name, diagnostics: Vec::new() });
    }
    let mut held = start(job)?;
    let mut stopping = Stopping::default();
    loop {
        let report_at = stopping.report_at();
        tokio::select! {
            received = held.lines.recv() => match received {
                Some(text) => line(&text),
                None => break,
            },
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
    }
    let (status, stderr) = held.ended(job).await?;
    Ok(Ended { exit: exit(status), stderr, interrupted: stopping.since.is_some() })
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
    lines: mpsc::UnboundedReceiver<String>,
    stop: Option<oneshot::Sender<()>>,
    end: oneshot::Receiver<(std::io::Result<ExitStatus>, String)>,
}

impl Held {
    fn interrupt(&mut self) {
        // Dropping the sender is the signal, here as well as when the whole of `Held` is dropped.
        drop(self.stop.take());
    }

    async fn ended(&mut self, job: &Job<'_>) -> Result<(ExitStatus, String), Error> {
        let lost = || Error::io("await", job.program, std::io::Error::other("the runtime stopped"));
        let (status, stderr) = (&mut self.end).await.map_err(|_| lost())?;
        Ok((status.map_err(|source| Error::io("await", job.program, source))?, stderr))
    }
}

fn start(job: &Job<'_>) -> Result<Held, Error> {
    let mut command = Command::new(job.program);
    job.environment.apply_to(&mut command);
    command.args(&job.args).current_dir(job.dir).process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    tracing::debug!(program = %job.program.display(), args = ?job.args, dir = %job.dir.display(), "start");
    let child = command.spawn().map_err(|source| Error::Start { program: job.program.clone(), source })?;
    let (lines_in, lines) = mpsc::unbounded_channel();
    let (stop, stopped) = oneshot::channel();
    let (end_in, end) = oneshot::channel();
    tokio::spawn(async move {
        let outcome = own(child, lines_in, stopped).await;
        // The caller may be gone; then there is nobody to tell, and the child has been reaped all the same.
        drop(end_in.send(outcome));
    });
    Ok(Held { lines, stop: Some(stop), end })
}

/// Owns the child until it is reaped.
async fn own(
    mut child: Child,
    lines: mpsc::UnboundedSender<String>,
    stopped: oneshot::Receiver<()>,
) -> (std::io::Result<ExitStatus>, String) {
    let group = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let mut tail = Tail::default();
    let status = {
        let pump_out = async {
            if let Some(pipe) = out {
                forward(pipe, |text| drop(lines.send(text))).await;
            }
        };
        let pump_err = async {
            if let Some(pipe) = err {
                forward(pipe, |text| tail.push(&text)).await;
            }
        };
        let pumps = async { tokio::join!(pump_out, pump_err) };
        tokio::pin!(pumps);
        let mut drained = false;
        let mut stopped = std::pin::pin!(stopped);
        let mut asked = false;
        let status = loop {
            tokio::select! {
                status = child.wait() => break status,
                _ = &mut pumps, if !drained => drained = true,
                _ = &mut stopped, if !asked => {
                    asked = true;
                    interrupt(group);
                }
            }
        };
        if !drained {
            drop(tokio::time::timeout(LINGER, pumps).await);
        }
        status
    };
    drop(lines);
    (status, tail.text)
}

/// One SIGINT to the group. It is sent only while the child is not reaped, so the number cannot belong to anybody else.
fn interrupt(group: Option<Pid>) {
    if let Some(group) = group
        && let Err(error) = killpg(group, Signal::SIGINT)
    {
        tracing::debug!(%error, "the child was gone before the interrupt");
    }
}

/// Reads a pipe to its end. Bytes that are not UTF-8 are replaced; a failing pipe counts as its end.
async fn forward(pipe: impl AsyncRead + Unpin, mut line: impl FnMut(String)) {
    let mut reader = BufReader::new(pipe);
    let mut bytes = Vec::new();
    while matches!(reader.read_until(b'\n', &mut bytes).await, Ok(count) if count > 0) {
        if bytes.ends_with(b"\n") {
            bytes.pop();
        }
        line(String::from_utf8_lossy(&bytes).into_owned());
        bytes.clear();
    }
}

/// The end of a text that may be long (with `TF_LOG=trace` it is very long).
#[derive(Default)]
struct Tail {
    text: String,
}

impl Tail {
    fn push(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
        if self.text.len() > 2 * TAIL {
            let cut = self.text.len() - TAIL;
            let at = self.text.char_indices().map(|(at, _)| at).find(|at| *at >= cut).unwrap_or(0);
            self.text.drain(..at);
        }
    }
}

fn exit(status: ExitStatus) -> Exit {
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, Some(signal)) => Exit::Signal(signal),
        (None, None) => Exit::Code(-1),
    }
}
