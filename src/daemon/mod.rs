//! Floor 8: keeps stacks right without anyone watching. A schedule, a book of what is known, workers, and an HTTP door.
//!
//! The daemon decides when; what is done is `run::reconcile`, as on the command line. How a stack is played is handed in, because
//! signing in and finding directories is the face's business.

mod access;
mod book;
pub mod config;
mod http;
mod metrics;
mod schedule;

use std::collections::BTreeSet;
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

use crate::diag::Diagnostic;
use crate::event::Report;
use crate::run::Healing;
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
    book.take(load()?, &times, Timestamp::now());
    book.ready();
    let mut at_work: JoinSet<(String, Report)> = JoinSet::new();
    loop {
        let now = Timestamp::now();
        let frozen = config.freeze_file.as_ref().is_some_and(|file| file.exists()) || book.is_frozen();
        let may_heal = config.schedule.heal && !frozen && times.in_window(now);
        let room = config.schedule.at_once.saturating_sub(at_work.len());
        for job in book.take_due(&times, now, room) {
            let healing = Healing {
                depth: if job.deep { crate::event::Depth::Deep } else { crate::event::Depth::Fast },
                heal: (may_heal || (job.asked_to_heal && !frozen)) && !job.look_only,
                approved: job.approved,
                verify: true,
            };
            tracing::info!(stack = %job.target.name, heal = healing.heal, "reconciling");
            let (play, name, cancel) = (play.clone(), job.target.name.clone(), calls.stop.clone());
            at_work.spawn(async move { (name, play(job.target, healing, cancel).await) });
        }
        let sleep = book.sleep_until_due(now).min(LONGEST_SLEEP);
        tokio::select! {
            () = calls.stop.cancelled() => break,
            () = calls.reload.notified() => reload(book, load, &times),
            () = book.asked() => {}
            () = tokio::time::sleep(sleep) => {}
            Some(ended) = at_work.join_next() => note(book, &times, ended),
        }
        let names: BTreeSet<PathBuf> = config.files().unwrap_or_default();
        if book.files_changed(&names) {
            reload(book, load, &times);
        }
    }
    book.closing();
    while let Some(ended) = at_work.join_next().await {
        note(book, &times, ended);
    }
    Ok(())
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

fn note(book: &Arc<Book>, times: &Timetable, ended: Result<(String, Report), tokio::task::JoinError>) {
    match ended {
        Ok((name, report)) => {
            tracing::info!(stack = %name, exit_code = report.exit_code, verified = report.verified, "reconciled");
            book.ended(&name, &report, times, Timestamp::now());
        }
        Err(error) => tracing::error!(%error, "a worker broke off"),
    }
}
