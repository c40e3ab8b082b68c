//! The daemon's stacks: when each is due, who works on it, what the last look found. In a file for one daemon, in a shared database
//! for several.
//!
//! Times are the database's: no replica's clock decides what is due or whether a lease has run out.

use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::Value;

use super::Error;
use super::database::{Database, Param, Reader, Statement, params};
use super::lease::{Lease, millis};
use super::lock::Owner;
use crate::base::clock::Timestamp;

/// The stacks in a database.
#[derive(Clone, Debug)]
pub struct Roster {
    db: Database,
}

/// A stack that shall be kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// Its name: `NAME`, or `FLEET/NAME`.
    pub name: String,
    /// The fleet it belongs to.
    pub fleet: Option<String>,
    /// What its file says, in short: another digest is another wish, and due at once.
    pub digest: String,
    /// When it is first looked at, if it is new.
    #[serde(serialize_with = "as_millis")]
    pub due: Timestamp,
}

/// A stack that is due, and nobody else's for now.
#[derive(Debug)]
pub struct Claim {
    /// Its name.
    pub name: String,
    /// What its file said to whoever read it last.
    pub digest: String,
    /// What somebody asked for out of turn.
    pub asked: Option<Value>,
    /// How often it was looked at.
    pub looks: u32,
    /// How often in a row that failed.
    pub failures: u32,
    /// What was told of the last look.
    pub last: Option<Value>,
    /// When it was due.
    pub due: Timestamp,
    /// The time, by the database's clock.
    pub now: Timestamp,
    /// The lease under which it is worked on.
    pub lease: Lease,
}

/// How a look ended.
#[derive(Clone, Debug)]
pub struct Ending {
    /// When the stack is due again.
    pub due: Timestamp,
    /// Whether the look failed; failures in a row are counted.
    pub failed: bool,
    /// Whether data was proven to arrive.
    pub verified: bool,
    /// What is told of it.
    pub last: Value,
}

/// A stack as the roster knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// The fleet it belongs to.
    pub fleet: Option<String>,
    /// Whether it is still to be kept.
    pub kept: bool,
    /// When it is due.
    pub due: Timestamp,
    /// How often it was looked at.
    pub looks: u32,
    /// How often in a row that failed.
    pub failures: u32,
    /// When data was last proven to arrive.
    pub verified: Option<Timestamp>,
    /// Since when it is worked on, and by whom.
    pub running: Option<(Timestamp, Option<Owner>)>,
    /// Whether somebody asked for a look out of turn.
    pub asked: bool,
    /// What was told of the last look.
    pub last: Option<Value>,
    /// The plan that somebody rejected: its name, by whom, when.
    pub rejected: Option<Value>,
    /// When any of this last changed, in milliseconds of the database's clock.
    pub changed: i64,
}

/// A query for entries, with what follows `FROM stacks`.
macro_rules! entries {
    ($rest:literal) => {
        concat!(
            "SELECT name, fleet, kept, due, looks, failures, verified, since, holder, asked, last, rejected, changed, ",
            "CASE WHEN until >= {now} THEN 1 ELSE 0 END AS running FROM stacks ",
            $rest
        )
    };
}

impl Roster {
    /// The roster in a database.
    #[must_use]
    pub const fn of(db: Database) -> Self {
        Self { db }
    }

    /// The database it is in.
    #[must_use]
    pub const fn database(&self) -> &Database {
        &self.db
    }

    /// The time, by the database's clock.
    pub async fn now(&self) -> Result<Timestamp, Error> {
        let rows = self.db.rows("SELECT {now} AS now", Vec::new()).await?;
        let now = rows.first().map(|row| Reader { row, place: &self.db.place }.moment("now")).transpose()?;
        Ok(now.flatten().unwrap_or(Timestamp::UNIX_EPOCH))
    }

    /// Takes the stacks that shall be kept; the others are left alone from now on. Those that are known keep their history and their
    /// turn; a changed one is due at once.
    pub async fn take(&self, all: &[Kept]) -> Result<(), Error> {
        let given = serde_json::to_string(all).unwrap_or_default();
        let leave: Statement = (
            "UPDATE stacks SET kept = 0, changed = {now} WHERE kept = 1 AND name NOT IN (SELECT name FROM ({given}) AS given)",
            params![&given],
        );
        let take: Statement = (
            "INSERT INTO stacks (name, fleet, digest, kept, due, changed)
             SELECT name, fleet, digest, 1, due, {now} FROM ({given}) AS given WHERE 1 = 1 ORDER BY name
             ON CONFLICT (name) DO UPDATE SET fleet = excluded.fleet, kept = 1, digest = excluded.digest, changed = excluded.changed,
             due = CASE WHEN stacks.digest IS NULL THEN excluded.due WHEN stacks.digest <> excluded.digest THEN {now} ELSE stacks.due END
             WHERE stacks.kept <> 1 OR stacks.digest IS DISTINCT FROM excluded.digest",
            params![&given],
        );
        self.db.all_or_nothing(&[leave, take]).await.map(drop)
    }

    /// Makes every stack due now.
    pub async fn rush(&self) -> Result<(), Error> {
        let sql = "UPDATE stacks SET due = {now}, changed = {now} WHERE kept = 1 AND due > {now}";
        self.db.execute(sql, Vec::new()).await.map(drop)
    }

    /// Passes over what was due while nobody was there: each stack is due again when its [`Kept`] says.
    pub async fn skip_missed(&self, all: &[Kept]) -> Result<(), Error> {
        let sql =
            "UPDATE stacks SET due = (SELECT given.due FROM ({given}) AS given WHERE given.name = stacks.name), changed = {now}
                   WHERE kept = 1 AND due < {now} AND (until IS NULL OR until < {now})
                   AND name IN (SELECT given.name FROM ({given}) AS given)";
        self.db.execute(sql, params![serde_json::to_string(all).unwrap_or_default()]).await.map(drop)
    }

    /// Takes out as many due stacks as are wanted, those that were asked for first, then the longest due. Two who claim at the same
    /// time never get the same one. A stack whose lease has run out is due whatever the schedule says, and what its last holder was
    /// asked to do is asked for again.
    pub async fn claim(&self, owner: &Owner, lasts: Duration, most: usize) -> Result<Vec<Claim>, Error> {
        if most == 0 {
            return Ok(Vec::new());
        }
        let asked = Instant::now();
        let sql = "WITH mine AS MATERIALIZED (
                       SELECT name FROM stacks WHERE kept = 1 AND (until IS NULL OR until < {now}) AND (due <= {now} OR asked IS NOT NULL OR until IS NOT NULL)
                       ORDER BY CASE WHEN asked IS NULL THEN 1 ELSE 0 END, due LIMIT $3 {skip_locked})
                   UPDATE stacks SET holder = $1, fence = fence + 1, since = {now}, until = {now} + $2, changed = {now},
                       taken = COALESCE(asked, CASE WHEN until IS NOT NULL THEN taken END), asked = NULL
                   WHERE name IN (SELECT name FROM mine) RETURNING name, digest, taken, looks, failures, last, due, fence, since";
        let signed = serde_json::to_string(owner).unwrap_or_default();
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let rows = self.db.rows(sql, params![signed, millis(lasts), most]).await?;
        let claim = |row: &sqlx::any::AnyRow| {
            let row = Reader { row, place: &self.db.place };
            let name: String = row.get("name")?;
            Ok(Claim {
                lease: Lease::taken(&self.db, &name, row.get("fence")?, lasts, asked),
                name,
                digest: row.get::<Option<String>>("digest")?.unwrap_or_default(),
                asked: row.get::<Option<String>>("taken")?.and_then(|text| serde_json::from_str(&text).ok()),
                looks: count(row, "looks")?,
                failures: count(row, "failures")?,
                last: row.get::<Option<String>>("last")?.and_then(|text| serde_json::from_str(&text).ok()),
                due: row.moment("due")?.unwrap_or_default(),
                now: row.moment("since")?.unwrap_or_default(),
            })
        };
        rows.iter().map(claim).collect()
    }

    /// Takes the result of a look and gives the stack back, in one. False when the lease was lost meanwhile: nothing is written then.
    pub async fn end(&self, name: &str, lease: Lease, ending: &Ending) -> Result<bool, Error> {
        let sql =
            "UPDATE stacks SET holder = NULL, since = NULL, until = NULL, taken = NULL, looks = looks + 1, due = $3, last = $4,
                   failures = CASE WHEN $5 = 1 THEN failures + 1 ELSE 0 END,
                   verified = CASE WHEN $6 = 1 THEN {now} ELSE verified END, changed = {now} WHERE name = $1 AND fence = $2";
        let fence = lease.hand_over();
        let (failed, verified) = (i64::from(ending.failed), i64::from(ending.verified));
        let values = params![name, fence, ending.due.as_millisecond(), ending.last.to_string(), failed, verified];
        Ok(self.db.execute(sql, values).await? > 0)
    }

    /// Gives a stack back without having looked at it; what was asked for stays asked for.
    pub async fn put_back(&self, name: &str, lease: Lease, due: Timestamp) -> Result<(), Error> {
        let sql =
            "UPDATE stacks SET holder = NULL, since = NULL, until = NULL, asked = COALESCE(asked, taken), taken = NULL, due = $3,
                   changed = {now} WHERE name = $1 AND fence = $2";
        self.db.execute(sql, params![name, lease.hand_over(), due.as_millisecond()]).await.map(drop)
    }

    /// Asks for a look out of turn; false when there is no such stack.
    pub async fn ask(&self, name: &str, what: &Value) -> Result<bool, Error> {
        let sql = "UPDATE stacks SET asked = $2, changed = {now} WHERE name = $1 AND kept = 1";
        Ok(self.db.execute(sql, params![name, what.to_string()]).await? > 0)
    }

    /// Remembers that a plan was rejected; false when there is no such stack.
    pub async fn reject(&self, name: &str, what: &Value) -> Result<bool, Error> {
        let sql = "UPDATE stacks SET rejected = $2, changed = {now} WHERE name = $1 AND kept = 1";
        Ok(self.db.execute(sql, params![name, what.to_string()]).await? > 0)
    }

    /// How long until something is due; nothing when nothing ever is.
    pub async fn next_due(&self) -> Result<Option<Duration>, Error> {
        let sql =
            "SELECT MIN(CASE WHEN asked IS NOT NULL THEN {now} WHEN until IS NOT NULL THEN until ELSE due END) - {now} AS wait
                   FROM stacks WHERE kept = 1";
        let rows = self.db.rows(sql, Vec::new()).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let wait: Option<i64> = Reader { row, place: &self.db.place }.get("wait")?;
        Ok(wait.map(|millis| Duration::from_millis(u64::try_from(millis).unwrap_or(0))))
    }

    /// So many stacks that are due within a time, that nobody works on and nobody asked for out of turn, the longest due first.
    pub async fn soon(&self, within: Duration, most: usize) -> Result<Vec<Entry>, Error> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let sql = entries!("WHERE kept = 1 AND asked IS NULL AND until IS NULL AND due <= {now} + $1 ORDER BY due LIMIT $2");
        self.entries(sql, params![millis(within), most]).await
    }

    /// Every stack that is kept, by name.
    pub async fn all(&self) -> Result<Vec<Entry>, Error> {
        self.entries(entries!("WHERE kept = 1 ORDER BY name"), Vec::new()).await
    }

    /// One stack; nothing when it is not kept.
    pub async fn one(&self, name: &str) -> Result<Option<Entry>, Error> {
        Ok(self.entries(entries!("WHERE kept = 1 AND name = $1"), params![name]).await?.pop())
    }

    /// What changed at or after a moment of the database's clock, in milliseconds, stacks that are no longer kept included.
    pub async fn changed_since(&self, moment: i64) -> Result<Vec<Entry>, Error> {
        self.entries(entries!("WHERE changed >= $1 ORDER BY changed"), params![moment]).await
    }

    /// Keeps a setting that every replica heeds.
    pub async fn set(&self, name: &str, value: &Value) -> Result<(), Error> {
        let sql = "INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        self.db.execute(sql, params![name, value.to_string()]).await.map(drop)
    }

    /// A setting.
    pub async fn setting(&self, name: &str) -> Result<Option<Value>, Error> {
        let rows = self.db.rows("SELECT value FROM settings WHERE name = $1", params![name]).await?;
        rows.first().map(|row| Reader { row, place: &self.db.place }.json("value")).transpose()
    }

    async fn entries(&self, sql: &'static str, values: Vec<Param>) -> Result<Vec<Entry>, Error> {
        let rows = self.db.rows(sql, values).await?;
        rows.iter().map(|row| entry(Reader { row, place: &self.db.place })).collect()
    }
}

fn entry(row: Reader<'_>) -> Result<Entry, Error> {
    let text = |column| row.get::<Option<String>>(column);
    let json = |column| Ok::<_, Error>(text(column)?.and_then(|text| serde_json::from_str(&text).ok()));
    let since = row.moment("since")?.filter(|_| row.get::<i64>("running").is_ok_and(|running| running == 1));
    let holder = text("holder")?.and_then(|text| serde_json::from_str(&text).ok());
    Ok(Entry {
        name: row.get("name")?,
        fleet: text("fleet")?,
        kept: row.get::<i64>("kept")? == 1,
        due: row.moment("due")?.unwrap_or_default(),
        looks: count(row, "looks")?,
        failures: count(row, "failures")?,
        verified: row.moment("verified")?,
        running: since.map(|since| (since, holder)),
        asked: text("asked")?.is_some(),
        last: json("last")?,
        rejected: json("rejected")?,
        changed: row.get("changed")?,
    })
}

fn count(row: Reader<'_>, column: &str) -> Result<u32, Error> {
    Ok(u32::try_from(row.get::<i64>(column)?).unwrap_or(u32::MAX))
}

fn as_millis<S: serde::Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_i64(at.as_millisecond())
}
