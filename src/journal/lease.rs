//! One run at a time per stack, across replicas: a row in the shared database, good for a while, renewed while the run goes on.
//!
//! Every taking raises the stack's fence. Who was not heard of for longer than the lease lasts may be overtaken; when he wakes, his
//! fence is an old one, and the journal takes nothing from him any more, so he stops before his next step. Time is the database's.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::database::{Database, Reader, params};
use super::lock::{LockError, Locked, Owner};
use super::{Error, Journal};
use crate::base::clock::Timestamp;

/// How long a lease is good for when nobody renews it.
pub const LEASE: Duration = Duration::from_mins(1);

/// The lease on one stack. Given back by [`Lease::release`]; otherwise it runs out.
#[derive(Debug)]
pub struct Lease {
    db: Database,
    stack: String,
    fence: i64,
    lost: CancellationToken,
    heart: tokio::task::JoinHandle<()>,
    released: bool,
}

impl Lease {
    /// Takes the lease of a stack, without waiting.
    ///
    /// # Errors
    /// [`LockError::Held`] with owner and age, or [`LockError::Store`].
    pub async fn acquire(db: &Database, stack: &str, owner: &Owner, lasts: Duration) -> Result<Self, LockError> {
        let asked = Instant::now();
        let sql = "INSERT INTO stacks (name, holder, fence, since, until, changed) VALUES ($1, $2, 1, {now}, {now} + $3, {now})
                   ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, fence = stacks.fence + 1, since = excluded.since,
                   until = excluded.until, changed = excluded.changed
                   WHERE stacks.until IS NULL OR stacks.until < {now} OR stacks.holder = excluded.holder RETURNING fence";
        let signed = serde_json::to_string(owner).unwrap_or_default();
        let rows = db.rows(sql, params![stack, signed, millis(lasts)]).await?;
        match rows.first() {
            Some(row) => {
                let fence = Reader { row, place: &db.place }.get("fence")?;
                Ok(Self::taken(db, stack, fence, lasts, asked))
            }
            None => Err(LockError::Held(held(db, stack).await?)),
        }
    }

    /// The lease that came with a claim; `asked` is when that was asked for.
    pub(super) fn taken(db: &Database, stack: &str, fence: i64, lasts: Duration, asked: Instant) -> Self {
        let lost = CancellationToken::new();
        let heart = tokio::spawn(beat(db.clone(), stack.to_owned(), fence, (lasts, asked), lost.clone()));
        Self { db: db.clone(), stack: stack.to_owned(), fence, lost, heart, released: false }
    }

    /// Cancelled when the lease is lost: whoever works under it must stop.
    #[must_use]
    pub fn lost(&self) -> &CancellationToken {
        &self.lost
    }

    /// The stack's journal, to be written under this lease.
    #[must_use]
    pub fn journal(&self) -> Journal {
        Journal::fenced(&self.db, &self.stack, self.fence)
    }

    /// The fence that this lease raised.
    #[must_use]
    pub const fn fence(&self) -> i64 {
        self.fence
    }

    /// Gives the stack back. When that fails, the lease runs out.
    pub async fn release(mut self) {
        self.released = true;
        self.heart.abort();
        give_back(&self.db, &self.stack, self.fence).await;
    }

    /// Leaves the lease to the roster, which gives it back together with what was found.
    pub(super) fn hand_over(mut self) -> i64 {
        self.released = true;
        self.heart.abort();
        self.fence
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.heart.abort();
        if let (false, Ok(runtime)) = (self.released, tokio::runtime::Handle::try_current()) {
            let (db, stack, fence) = (self.db.clone(), self.stack.clone(), self.fence);
            runtime.spawn(async move { give_back(&db, &stack, fence).await });
        }
    }
}

async fn give_back(db: &Database, stack: &str, fence: i64) {
    let sql = "UPDATE stacks SET holder = NULL, since = NULL, until = NULL, changed = {now} WHERE name = $1 AND fence = $2";
    if let Err(error) = db.execute(sql, params![stack, fence]).await {
        tracing::warn!(stack, %error, "the lease cannot be given back; it runs out by itself");
    }
}

/// Renews the lease four times before it runs out. Lost is lost when the database says so, or when it cannot be asked until the
/// lease has run out by our own clock, counted from before it was last asked for.
async fn beat(db: Database, stack: String, fence: i64, (lasts, asked): (Duration, Instant), lost: CancellationToken) {
    let mut good_until = asked + lasts;
    loop {
        tokio::time::sleep(lasts / 4).await;
        let asking = Instant::now();
        let sql = "UPDATE stacks SET until = {now} + $3 WHERE name = $1 AND fence = $2";
        let renewed = db.execute(sql, params![&stack, fence, millis(lasts)]);
        match tokio::time::timeout_at(good_until.into(), renewed).await {
            Ok(Ok(1..)) => good_until = asking + lasts,
            Ok(Ok(0)) => break,
            Ok(Err(error)) => tracing::warn!(stack, %error, "the lease cannot be renewed"),
            Err(_) => {}
        }
        if Instant::now() >= good_until {
            break;
        }
    }
    tracing::error!(stack, "the lease is lost: what is at work is stopped");
    lost.cancel();
}

async fn held(db: &Database, stack: &str) -> Result<Locked, Error> {
    let rows = db.rows("SELECT holder, since, {now} AS now FROM stacks WHERE name = $1", params![stack]).await?;
    let Some(row) = rows.first().map(|row| Reader { row, place: &db.place }) else {
        return Ok(Locked { owner: None, age: None });
    };
    let owner = row.get::<Option<String>>("holder")?.and_then(|text| serde_json::from_str(&text).ok());
    let (since, now): (Option<Timestamp>, Option<Timestamp>) = (row.moment("since")?, row.moment("now")?);
    Ok(Locked { owner, age: since.zip(now).map(|(since, now)| now.duration_since(since)) })
}

pub(super) fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
