//! What a process says of itself beside its answer: log lines on standard error, and traces to a collector.

use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aksight::azure;
use aksight::telemetry::{Collector, Settings, Traces, WithTraceId, Word};
use tokio::runtime::Handle;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, fmt, registry};

/// The longest that the end of a process waits for a collector.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// The log and the traces of a command, until [`Log::finish`].
#[must_use]
#[derive(Debug, Default)]
pub(crate) struct Log {
    traces: Option<Traces>,
    /// Why no traces are sent, for a person who has no log.
    trouble: Arc<Mutex<Option<String>>>,
}

/// `AKSIGHT_LOG=debug` (or any filter of tracing) writes what happens inside to standard error. No log line and no span holds a
/// secret.
pub(crate) fn of_command(runtime: &Handle) -> Log {
    let log = Log::default();
    let note = {
        let trouble = log.trouble.clone();
        move |why: String| {
            trouble.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
        }
    };
    let heard = note.clone();
    let traces = traces(runtime, None, move |word| {
        if let Word::Away(why) = word {
            heard(format!("traces are lost: {why}"));
        }
    });
    let traces = traces.unwrap_or_else(|why| {
        note(why);
        None
    });
    let lines = EnvFilter::try_from_env("AKSIGHT_LOG").ok();
    if lines.is_some() || traces.is_some() {
        let lines = lines.map(|filter| fmt::layer().with_writer(std::io::stderr).with_filter(filter));
        registry().with(lines).with(traces.as_ref().map(Traces::layer)).init();
    }
    Log { traces, ..log }
}

/// A daemon's words are its log: JSON lines where nobody sits before a terminal.
pub(crate) fn of_daemon(runtime: &Handle, collector: Option<&Collector>) -> Log {
    use std::io::IsTerminal as _;
    let started = traces(runtime, collector, |word| match word {
        Word::Away(why) => tracing::warn!("traces are lost until the collector is back: {why}"),
        Word::Back => tracing::info!("the collector takes traces again"),
    });
    let (traces, refused) = started.map_or_else(|why| (None, Some(why)), |traces| (traces, None));
    let filter = EnvFilter::try_from_env("AKSIGHT_LOG").unwrap_or_else(|_| EnvFilter::new("warn,aksight=info"));
    let lines = fmt::layer().with_writer(std::io::stderr);
    let lines = if std::io::stderr().is_terminal() { lines.boxed() } else { lines.json().map_event_format(WithTraceId).boxed() };
    registry().with(lines.with_filter(filter)).with(traces.as_ref().map(Traces::layer)).init();
    if let Some(why) = refused {
        tracing::warn!("{why}");
    }
    Log { traces, ..Log::default() }
}

/// Begins to send traces, if they are wanted.
fn traces(
    runtime: &Handle,
    collector: Option<&Collector>,
    tell: impl Fn(Word) + Send + Sync + 'static,
) -> Result<Option<Traces>, String> {
    let told = |why: &dyn std::fmt::Display| format!("no traces are sent: {why}");
    let settings = Settings::read(|name| std::env::var(name).ok(), collector).map_err(|error| told(&error))?;
    let Some(settings) = settings else { return Ok(None) };
    let client = azure::http::client_for_notices().map_err(|error| told(&error))?;
    Traces::start(settings, client, runtime.clone(), tell).map(Some).map_err(|error| told(&error))
}

impl Log {
    /// Sends what is left, for a few seconds at most, and says on standard error if a collector did not take it.
    pub(crate) fn finish(self) {
        if let Some(traces) = self.traces {
            traces.finish(LAST_WORDS);
        }
        if let Some(why) = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // That nobody hears it is no reason to end otherwise.
            drop(writeln!(anstream::stderr(), "warning: {why}"));
        }
    }
}
