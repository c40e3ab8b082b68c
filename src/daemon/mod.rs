//! Floor 8: keeps stacks right without anyone watching. A schedule, a book of what is known, workers, and an HTTP door.
//!
//! The daemon decides when; what is done is `run::reconcile`, as on the command line. How a stack is played is handed in, because
//! signing in and finding directories is the face's business.

mod access;
mod book;
pub mod config;
mod http;
mod metrics;
mod notify;
mod schedule;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use access::{Role, fresh_token};
pub use book::{Book, StackState, Trigger};
pub use config::{BadConfig, Config};
pub use http::{Door, open};
pub use schedule::{Timetable, next_due};

use crate::azure;
use crate::diag::Diagnostic;
use crate::event::{Depth, Report};
use crate::run::{Healing, problem};
use crate::spec::Spec;

/// A stack that the daemon keeps.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its name, unique in the daemon.
    pub name: String,
    /// The fleet it belongs to.
    pub fleet: Option<String>,
    /// The directory that its paths count from.
    pub base: PathBuf,
    /// What it shall be.
    pub spec: Spec,
}

/// Reads the watched files.
pub type Load = Arc<dyn Fn() -> Result<Vec<Target>, Vec<Diagnostic>> + Send + Sync>;
/// Plays a stack; the token asks it to stop.
pub type Play = Arc<dyn Fn(Target, Healing, CancellationToken) -> BoxFuture<'static, Report> + Send + Sync>;

/// What the daemon is told from outside.
#[derive(Clone, Debug, Default)]
pub struct Calls {
    /// Stop: no new work, what is at work is brought to a safe end.
    pub stop: CancellationToken,
    /// Read the watched files again.
    pub reload: Arc<Notify>,
}

/// The longest the loop sleeps without looking at the freeze file and the watched files.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);

/// Keeps the stacks until it is told to stop.
///
/// # Errors
/// The watched files cannot be used at the start; later, mistakes in them are logged and the last good state is kept.
pub async fn keep(config: &Config, book: &Arc<Book>, load: &Load, play: &Play, calls: &Calls) -> Result<(), Vec<Diagnostic>> {
    let times = Timetable::of(&config.schedule);
    let mut crier = Crier::of(config)?;
    book.take(load()?, &times, Timestamp::now());
    book.ready();
    let mut at_work: JoinSet<(String, Report)> = JoinSet::new();
    while !calls.stop.is_cancelled() {
        let now = Timestamp::now();
        start_due(config, book, &times, now, &mut at_work, (play, &calls.stop));
        let sleep = book.sleep_until_due(now).min(LONGEST_SLEEP);
        tokio::select! {
            () = calls.stop.cancelled() => {}
            () = calls.reload.notified() => reload(book, load, &times),
            () = book.asked() => {}
            () = tokio::time::sleep(sleep) => {}
            Some(ended) = at_work.join_next() => note(book, &times, &mut crier, ended),
        }
        if book.files_changed(&config.files().unwrap_or_default()) {
            reload(book, load, &times);
        }
    }
    book.closing();
    while let Some(ended) = at_work.join_next().await {
        note(book, &times, &mut crier, ended);
    }
    crier.finish().await;
    Ok(())
}

/// Starts what is due, as far as there is room.
fn start_due(
    config: &Config,
    book: &Arc<Book>,
    times: &Timetable,
    now: Timestamp,
    at_work: &mut JoinSet<(String, Report)>,
    (play, stop): (&Play, &CancellationToken),
) {
    let frozen = config.freeze_file.as_ref().is_some_and(|file| file.exists()) || book.is_frozen();
    let may_heal = config.schedule.heal && !frozen && times.in_window(now);
    for job in book.take_due(times, now, config.schedule.at_once.saturating_sub(at_work.len())) {
        let healing = Healing {
            depth: if job.deep { Depth::Deep } else { Depth::Fast },
            heal: (may_heal || (job.asked_to_heal && !frozen)) && !job.look_only,
            approved: job.approved,
            verify: true,
        };
        tracing::info!(stack = %job.target.name, heal = healing.heal, "reconciling");
        let (play, name, stop) = (play.clone(), job.target.name.clone(), stop.clone());
        at_work.spawn(async move { (name, play(job.target, healing, stop).await) });
    }
}

fn reload(book: &Arc<Book>, load: &Load, times: &Timetable) {
    match load() {
        Ok(targets) => {
            tracing::info!(stacks = targets.len(), "the watched files were read");
            book.take(targets, times, Timestamp::now());
            book.reload_failed(None);
        }
        Err(problems) => {
            let first = problems.first().map_or_else(String::new, ToString::to_string);
            tracing::error!(problem = %first, "the watched files cannot be used; the last good state is kept");
            book.reload_failed(Some(first));
        }
    }
}

/// Who tells of troubles, beside the work.
struct Crier {
    client: Option<reqwest::Client>,
    hooks: Vec<config::Hook>,
    incidents: notify::Incidents,
    on_the_way: JoinSet<()>,
}

impl Crier {
    fn of(config: &Config) -> Result<Self, Vec<Diagnostic>> {
        let client = if config.hooks.is_empty() {
            None
        } else {
            Some(azure::http::client_for_notices().map_err(|error| vec![problem::of_azure(&error)])?)
        };
        let hooks = config.hooks.clone();
        Ok(Self { client, hooks, incidents: notify::Incidents::default(), on_the_way: JoinSet::new() })
    }

    fn hear(&mut self, book: &Book, stack: &str, report: &Report) {
        self.incidents.forget(&|name| book.stack(name).is_some());
        if let (Some(notice), Some(client)) = (self.incidents.judge(stack, report), &self.client) {
            self.on_the_way.spawn(notify::send(client.clone(), self.hooks.clone(), notice));
        }
        while self.on_the_way.try_join_next().is_some() {}
    }

    async fn finish(mut self) {
        while self.on_the_way.join_next().await.is_some() {}
    }
}

fn note(book: &Arc<Book>, times: &Timetable, crier: &mut Crier, ended: Result<(String, Report), tokio::task::JoinError>) {
    match ended {
        Ok((name, report)) => {
            tracing::info!(stack = %name, exit_code = report.exit_code, verified = report.verified, "reconciled");
            book.ended(&name, &report, times, Timestamp::now());
            crier.hear(book, &name, &report);
        }
        Err(error) => tracing::error!(%error, "a worker broke off"),
    }
}
