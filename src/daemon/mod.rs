//! Floor 8: keeps stacks right without anyone watching. A schedule, a book of what is known, workers, and an HTTP door.
//!
//! The daemon decides when; what is done is `run::reconcile`, as on the command line. How a stack is played is handed in, because
//! signing in and finding directories is the face's business.

mod access;
mod book;
pub mod config;
mod http;
mod links;
mod metrics;
mod notify;
mod row;
mod schedule;
mod sweep;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

pub use access::{Role, fresh_token};
pub use book::{Book, Trigger};
pub use config::{BadConfig, Config};
pub use http::{Door, open};
pub use row::Row;
pub use schedule::{Timetable, next_due};
pub use sweep::{Sweep, Swept};

use book::Job;
use sweep::Sweeps;

use crate::azure;
use crate::base::{SPANS, span};
use crate::diag::Diagnostic;
use crate::event::{Depth, Report};
use crate::journal::{self, Lease};
use crate::run::{Healing, Held, Seen, Shared, Store, problem};
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
    /// Its own directory, for what is kept in files.
    pub directory: PathBuf,
    /// What it shall be.
    pub spec: Spec,
}

/// Reads the watched files.
pub type Load = Arc<dyn Fn() -> Result<Vec<Target>, Vec<Diagnostic>> + Send + Sync>;
/// Plays a stack; the token asks it to stop.
pub type Play = Arc<dyn Fn(Part, CancellationToken) -> BoxFuture<'static, Report> + Send + Sync>;

/// What is to be played.
#[derive(Clone, Debug)]
pub struct Part {
    /// The stack.
    pub target: Target,
    /// What shall be done with it.
    pub healing: Healing,
    /// Where its journal is.
    pub store: Store,
    /// What a sweep saw of it, when that answers for ARM.
    pub seen: Option<Seen>,
}

/// How stacks are looked at: one by one, and many together where that is possible.
#[derive(Clone)]
pub struct Eyes {
    /// Plays one.
    pub play: Play,
    /// Sweeps many.
    pub sweep: Option<Sweep>,
}

/// What the daemon is told from outside.
#[derive(Clone, Debug, Default)]
pub struct Calls {
    /// Stop: no new work, what is at work is brought to a safe end.
    pub stop: CancellationToken,
    /// Read the watched files again.
    pub reload: Arc<Notify>,
}

/// The longest the loop sleeps without looking at the freeze file, the watched files, and what other replicas were asked for.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);
/// The same where there are replicas.
const SHARED_SLEEP: Duration = Duration::from_secs(1);

/// What a worker brings back.
struct Ended {
    name: String,
    digest: String,
    lease: Lease,
    report: Report,
    look: Span,
}

/// Keeps the stacks until it is told to stop.
///
/// # Errors
/// The watched files or the store cannot be used at the start; later, mistakes in the files are logged and the last good state is
/// kept, and a store that is away is waited for.
pub async fn keep(config: &Config, book: &Arc<Book>, load: &Load, eyes: &Eyes, calls: &Calls) -> Result<(), Vec<Diagnostic>> {
    let times = Timetable::of(&config.schedule);
    let mut loops = Loop {
        config,
        book,
        sweeps: Arc::new(Sweeps::of(eyes.sweep.clone(), &times)),
        times,
        crier: Crier::of(config)?,
        at_work: JoinSet::new(),
        play: &eyes.play,
        stop: &calls.stop,
    };
    let unusable = |error: journal::Error| vec![problem::of_journal(&error)];
    book.begin(load()?, &loops.times).await.map_err(unusable)?;
    let longest = if book.database().is_shared() { SHARED_SLEEP } else { LONGEST_SLEEP };
    while !calls.stop.is_cancelled() {
        let sleep = loops.start_due().await.unwrap_or_else(away).min(longest);
        loops.wait(sleep, load, &calls.reload).await;
        if book.files_changed(&config.files().unwrap_or_default()) {
            loops.reload(load).await;
        }
    }
    book.closing();
    while let Some(ended) = loops.at_work.join_next().await {
        loops.note(ended).await;
    }
    loops.crier.finish().await;
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "what `unwrap_or_else` hands over")]
fn away(error: journal::Error) -> Duration {
    tracing::error!(%error, "the store cannot be used; nothing new is begun");
    Duration::MAX
}

/// What one turn of the loop needs.
struct Loop<'a> {
    config: &'a Config,
    book: &'a Arc<Book>,
    times: Timetable,
    sweeps: Arc<Sweeps>,
    crier: Crier,
    at_work: JoinSet<Ended>,
    play: &'a Play,
    stop: &'a CancellationToken,
}

impl Loop<'_> {
    /// Starts what is due, as far as there is room. Gives back how long there is nothing more to start.
    async fn start_due(&mut self) -> Result<Duration, journal::Error> {
        let room = self.config.schedule.at_once.saturating_sub(self.at_work.len());
        if room == 0 {
            return Ok(Duration::MAX);
        }
        let jobs = self.book.take_due(&self.times, room).await?;
        if jobs.is_empty() {
            return self.book.sleep_until_due().await;
        }
        let frozen = self.book.is_frozen().await?;
        jobs.iter().filter_map(|job| job.sweepable.as_ref()).for_each(|turn| self.sweeps.expect(turn));
        for job in jobs {
            self.start(job, frozen);
        }
        Ok(Duration::ZERO)
    }

    /// Waits until there is something to do.
    async fn wait(&mut self, sleep: Duration, load: &Load, reload: &Notify) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = reload.notified() => {
                if let Err(error) = self.book.database().reread().await {
                    tracing::error!(%error, "the last good address of the store is kept");
                }
                self.reload(load).await;
            }
            () = self.book.asked() => {}
            () = tokio::time::sleep(sleep) => {}
            Some(ended) = self.at_work.join_next() => self.note(ended).await,
        }
    }

    fn start(&mut self, job: Job, frozen: bool) {
        let may_heal = self.config.schedule.heal && !frozen && self.times.in_window(job.now);
        let healing = Healing {
            depth: if job.deep { Depth::Deep } else { Depth::Fast },
            heal: (may_heal || (job.asked_to_heal && !frozen)) && !job.look_only,
            approved: job.approved,
            verify: true,
        };
        let Job { target, lease, digest, sweepable, .. } = job;
        let name = target.name.clone();
        let (play, book, sweeps, stop) = (self.play.clone(), self.book.clone(), self.sweeps.clone(), self.stop.child_token());
        let span = tracing::trace_span!(
            target: SPANS,
            "look",
            otel.name = %format_args!("look at {name}"),
            otel.status_code = Empty,
            otel.status_description = Empty,
            aksight.stack = name.as_str(),
            aksight.replica = self.book.replica(),
            aksight.lease.fence = lease.fence(),
            aksight.look.deep = healing.depth == Depth::Deep,
            aksight.look.heal = healing.heal,
            aksight.look.approved = healing.approved.as_deref(),
        );
        span.in_scope(|| tracing::info!(stack = %name, heal = healing.heal, fence = lease.fence(), "reconciling"));
        let work = async move {
            let store = store(&book, &name, &lease);
            let seen = match sweepable {
                Some(turn) => sweeps.answer(&book, turn, &stop).await,
                None => None,
            };
            let report = play(Part { target, healing, store, seen }, stop.clone()).await;
            if lease.lost().is_cancelled() {
                book.lease_was_lost();
            }
            Ended { name, digest, lease, report, look: Span::current() }
        };
        self.at_work.spawn(work.instrument(span));
    }

    async fn reload(&self, load: &Load) {
        match load() {
            Ok(targets) => {
                tracing::info!(stacks = targets.len(), "the watched files were read");
                let taken = self.book.take(targets, &self.times).await;
                self.book.reload_failed(taken.err().map(|error| error.to_string()));
            }
            Err(problems) => {
                let first = problems.first().map_or_else(String::new, ToString::to_string);
                tracing::error!(problem = %first, "the watched files cannot be used; the last good state is kept");
                self.book.reload_failed(Some(first));
            }
        }
    }

    async fn note(&mut self, ended: Result<Ended, tokio::task::JoinError>) {
        let Ended { name, digest, lease, report, look } = match ended {
            Ok(ended) => ended,
            Err(error) => return tracing::error!(%error, "a worker broke off"),
        };
        let swept = report.drift.as_ref().is_some_and(|found| found.swept);
        let told =
            || tracing::info!(stack = %name, exit_code = report.exit_code, verified = report.verified, swept, "reconciled");
        look.in_scope(told);
        let given_back = tracing::trace_span!(target: SPANS, parent: &look, "give back");
        let noted = self.book.ended((&name, &digest), lease, &report, &self.times).instrument(given_back).await;
        noted.unwrap_or_else(|error| {
            tracing::error!(stack = %name, %error, "what was found cannot be noted; the stack is looked at again");
        });
        self.crier.hear(self.book, &name, &report);
        if !matches!(report.exit_code, 0 | 2) {
            span::failed(&look, report.result.as_str());
        }
    }
}

/// Where the journal of a stack is that is worked on under a lease.
fn store(book: &Book, stack: &str, lease: &Lease) -> Store {
    if !book.database().is_shared() {
        return Store::Files;
    }
    let (db, stack) = (book.database().clone(), stack.to_owned());
    let held = Some(Held { journal: lease.journal(), lost: lease.lost().clone() });
    Store::Shared(Box::new(Shared { db, stack, held }))
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
        self.incidents.forget(&|name| book.keeps(name));
        if let (Some(notice), Some(client)) = (self.incidents.judge(stack, report), &self.client) {
            self.on_the_way.spawn(notify::send(client.clone(), self.hooks.clone(), notice));
        }
        while self.on_the_way.try_join_next().is_some() {}
    }

    async fn finish(mut self) {
        while self.on_the_way.join_next().await.is_some() {}
    }
}
