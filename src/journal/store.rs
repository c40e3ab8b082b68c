//! The journal's calls. Each is one committed transaction.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::Error;
use super::database::{Database, Param, Reader, Statement, params};
use super::entry::{Creation, Episode, Finding, Intent, IntentId, Operation, OperationId, Run, RunId, Seen, Start};
use crate::base::clock::Timestamp;

/// How many runs of a stack are kept, and how many of them with their whole report. A daemon looks at a stack fifty times a day.
const RUNS: i64 = 200;
const REPORTS: i64 = 20;
/// How many values that were kept under names outlive later ones; the last of each name stays, except that of a plan.
const VALUES: i64 = 400;

/// The journal of one stack. Clones share its connections.
///
/// In a shared database every write says under which fence it is made; when the stack has been taken over since, nothing is written
/// and the writer is told ([`Error::Fenced`]).
#[derive(Clone, Debug)]
pub struct Journal {
    db: Database,
    stack: String,
    fence: i64,
}

impl Journal {
    /// Opens the file of one stack, creates it (0600, its directory 0700) and brings its tables up to date.
    ///
    /// # Errors
    /// [`Error`] when the file cannot be made, is damaged, or comes from a newer version.
    pub async fn open(path: &Path) -> Result<Self, Error> {
        Ok(Self { db: Database::open_file(path).await?, stack: String::new(), fence: 0 })
    }

    /// The journal of a stack in a shared database, to be read.
    #[must_use]
    pub fn of(db: &Database, stack: &str) -> Self {
        Self { db: db.clone(), stack: stack.to_owned(), fence: 0 }
    }

    /// The same, to be written under a lease.
    #[must_use]
    pub(super) fn fenced(db: &Database, stack: &str, fence: i64) -> Self {
        Self { db: db.clone(), stack: stack.to_owned(), fence }
    }

    /// Closes a file in order; not needed for safety.
    pub async fn close(&self) {
        if !self.db.is_shared() {
            self.db.close().await;
        }
    }

    /// Records that a run starts.
    pub async fn begin(&self, start: &Start, now: Timestamp) -> Result<RunId, Error> {
        let id = RunId::new(now);
        let values = params![id.as_str(), now, &start.command, &start.version, i64::from(start.pid), &self.stack, self.fence];
        self.write(
            "INSERT INTO runs (id, started, command, version, pid, stack) SELECT $1, $2, $3, $4, $5, $6
             WHERE ($7 = 0 OR EXISTS (SELECT 1 FROM stacks WHERE name = $6 AND fence = $7)) ON CONFLICT (id) DO UPDATE SET pid = excluded.pid",
            values,
        )
        .await?;
        Ok(id)
    }

    /// Records how a run ended and what it had to report, and forgets what is old: a journal does not grow for ever.
    pub async fn end(&self, run: &RunId, outcome: &str, report: &Value, now: Timestamp) -> Result<(), Error> {
        let values = params![now, outcome, report.to_string(), run.as_str(), &self.stack, self.fence];
        let end: Statement = (
            "UPDATE runs SET ended = $1, outcome = $2, report = $3 WHERE id = $4
             AND ($6 = 0 OR EXISTS (SELECT 1 FROM stacks WHERE name = $5 AND fence = $6))",
            values,
        );
        let statements: Vec<Statement> = std::iter::once(end).chain(self.forget()).collect();
        let done = self.db.all_or_nothing(&statements).await?;
        self.not_fenced(done.first().map_or(0, |answer| answer.touched))
    }

    /// What takes away the old, in the order in which it hangs together.
    fn forget(&self) -> [Statement; 5] {
        let old = params![&self.stack, RUNS];
        [
            (
                "UPDATE runs SET report = NULL WHERE stack = $1 AND report IS NOT NULL AND rowid NOT IN
                 (SELECT rowid FROM runs WHERE stack = $1 ORDER BY rowid DESC LIMIT $2)",
                params![&self.stack, REPORTS],
            ),
            (
                "DELETE FROM outputs WHERE stack = $1
                 AND id NOT IN (SELECT id FROM outputs WHERE stack = $1 ORDER BY id DESC LIMIT $2)
                 AND id NOT IN (SELECT MAX(id) FROM outputs WHERE stack = $1 AND name NOT LIKE 'plan:%' GROUP BY name)",
                params![&self.stack, VALUES],
            ),
            (
                "DELETE FROM operations WHERE step IN (SELECT s.id FROM steps s JOIN runs r ON r.id = s.run WHERE r.stack = $1
                 AND r.rowid NOT IN (SELECT rowid FROM runs WHERE stack = $1 ORDER BY rowid DESC LIMIT $2))",
                old.clone(),
            ),
            (
                "DELETE FROM steps WHERE run IN (SELECT id FROM runs WHERE stack = $1
                 AND rowid NOT IN (SELECT rowid FROM runs WHERE stack = $1 ORDER BY rowid DESC LIMIT $2))",
                old.clone(),
            ),
            (
                "DELETE FROM runs WHERE stack = $1 AND rowid NOT IN (SELECT rowid FROM runs WHERE stack = $1 ORDER BY rowid DESC LIMIT $2)
                 AND NOT EXISTS (SELECT 1 FROM outputs WHERE outputs.run = runs.id)
                 AND NOT EXISTS (SELECT 1 FROM creations WHERE creations.run = runs.id)
                 AND NOT EXISTS (SELECT 1 FROM drift WHERE drift.run = runs.id)",
                old,
            ),
        ]
    }

    /// Records that a step is about to be done; to be called before its first request.
    pub async fn intend(&self, run: &RunId, unit: &str, step: &Value, now: Timestamp) -> Result<IntentId, Error> {
        let values = params![run.as_str(), unit, step.to_string(), now, &self.stack, self.fence];
        let sql = "INSERT INTO steps (run, unit, step, started) SELECT $1, $2, $3, $4
                   WHERE ($6 = 0 OR EXISTS (SELECT 1 FROM stacks WHERE name = $5 AND fence = $6)) RETURNING id";
        Ok(IntentId(self.number(sql, values).await?))
    }

    /// Records what came of a step, and closes its operations.
    pub async fn settle(&self, intent: IntentId, outcome: &str, evidence: &Value, now: Timestamp) -> Result<(), Error> {
        let done = self
            .db
            .all_or_nothing(&[
                (
                    "UPDATE steps SET ended = $1, outcome = $2, evidence = $3 WHERE id = $4
                     AND ($6 = 0 OR EXISTS (SELECT 1 FROM stacks WHERE name = $5 AND fence = $6))",
                    params![now, outcome, evidence.to_string(), intent.0, &self.stack, self.fence],
                ),
                ("UPDATE operations SET ended = $1 WHERE step = $2 AND ended IS NULL", params![now, intent.0]),
            ])
            .await?;
        self.not_fenced(done.first().map_or(0, |answer| answer.touched))
    }

    /// Records how a long-running operation can be polled; to be called before the first poll.
    pub async fn accept(&self, intent: IntentId, handle: &Value, now: Timestamp) -> Result<OperationId, Error> {
        // Not fenced: the operation goes on, whoever works on the stack by now, and is better known than not.
        let sql = "INSERT INTO operations (step, handle, started) VALUES ($1, $2, $3) RETURNING id";
        Ok(OperationId(self.number(sql, params![intent.0, handle.to_string(), now]).await?))
    }

    /// Records that an operation ended, well or not.
    pub async fn clear(&self, operation: OperationId, now: Timestamp) -> Result<(), Error> {
        self.db.execute("UPDATE operations SET ended = $1 WHERE id = $2", params![now, operation.0]).await.map(drop)
    }

    /// Keeps a value under a name for later steps and runs. Never a secret.
    pub async fn put_output(&self, run: &RunId, name: &str, value: &Value, now: Timestamp) -> Result<(), Error> {
        self.put_outputs(run, &[(name, value)], now).await
    }

    /// The same for several values, all of them or none.
    pub async fn put_outputs(&self, run: &RunId, named: &[(&str, &Value)], now: Timestamp) -> Result<(), Error> {
        let put = |(name, value): &(&str, &Value)| -> Statement {
            (
                "INSERT INTO outputs (run, name, value, written, stack) SELECT $1, $2, $3, $4, $5
                 WHERE ($6 = 0 OR EXISTS (SELECT 1 FROM stacks WHERE name = $5 AND fence = $6))",
                params![run.as_str(), *name, value.to_string(), now, &self.stack, self.fence],
            )
        };
        let done = self.db.all_or_nothing(&named.iter().map(put).collect::<Vec<_>>()).await?;
        self.not_fenced(done.iter().map(|answer| answer.touched).min().unwrap_or_default())
    }

    /// The value that was last kept under this name, by whatever run.
    pub async fn output(&self, name: &str) -> Result<Option<Value>, Error> {
        let sql = "SELECT value FROM outputs WHERE stack = $1 AND name = $2 ORDER BY id DESC LIMIT 1";
        Ok(self.read(sql, params![&self.stack, name], |row| row.json("value")).await?.pop())
    }

    /// When something was last kept under this name, by whatever run.
    pub async fn output_written(&self, name: &str) -> Result<Option<Timestamp>, Error> {
        let sql = "SELECT written FROM outputs WHERE stack = $1 AND name = $2 ORDER BY id DESC LIMIT 1";
        Ok(self.read(sql, params![&self.stack, name], |row| row.time("written")).await?.pop())
    }

    /// Every value that was kept under this name, the last first.
    pub async fn outputs(&self, name: &str) -> Result<Vec<Value>, Error> {
        let sql = "SELECT value FROM outputs WHERE stack = $1 AND name = $2 ORDER BY id DESC";
        self.read(sql, params![&self.stack, name], |row| row.json("value")).await
    }

    /// Records which resources terraform is about to create; to be called before `terraform apply`.
    pub async fn expect_creations(&self, run: &RunId, all: &[Creation], now: Timestamp) -> Result<(), Error> {
        if all.is_empty() {
            return Ok(());
        }
        let insert = |creation: &Creation| -> Statement {
            (
                "INSERT INTO creations (stack, address, azure_id, run, started) SELECT $1, $2, $3, $4, $5
                 WHERE ($6 = 0 OR EXISTS (SELECT 1 FROM stacks WHERE name = $1 AND fence = $6))
                 ON CONFLICT (stack, address) DO UPDATE SET azure_id = excluded.azure_id, run = excluded.run, started = excluded.started",
                params![&self.stack, &creation.address, creation.id.clone(), run.as_str(), now, self.fence],
            )
        };
        let done = self.db.all_or_nothing(&all.iter().map(insert).collect::<Vec<_>>()).await?;
        self.not_fenced(done.iter().map(|answer| answer.touched).min().unwrap_or(0))
    }

    /// Records that a resource is in terraform's state, or was not created.
    pub async fn settle_creation(&self, address: &str) -> Result<(), Error> {
        let sql = "DELETE FROM creations WHERE stack = $1 AND address = $2
                   AND ($3 = 0 OR EXISTS (SELECT 1 FROM stacks WHERE name = $1 AND fence = $3))";
        self.db.execute(sql, params![&self.stack, address, self.fence]).await.map(drop)
    }

    /// Resources whose creation was expected and never settled, by address.
    pub async fn expected_creations(&self) -> Result<Vec<Creation>, Error> {
        let sql = "SELECT address, azure_id FROM creations WHERE stack = $1 ORDER BY address";
        self.read(sql, params![&self.stack], |row| Ok(Creation { address: row.get("address")?, id: row.get("azure_id")? })).await
    }

    /// The last runs, newest first.
    pub async fn last_runs(&self, most: u32) -> Result<Vec<Run>, Error> {
        let sql =
            "SELECT id, started, command, version, pid, ended, outcome FROM runs WHERE stack = $1 ORDER BY rowid DESC LIMIT $2";
        self.read(sql, params![&self.stack, i64::from(most)], run).await
    }

    /// One run; nothing when this stack had none of this name.
    pub async fn run(&self, id: &str) -> Result<Option<Run>, Error> {
        let sql = "SELECT id, started, command, version, pid, ended, outcome FROM runs WHERE stack = $1 AND id = $2";
        Ok(self.read(sql, params![&self.stack, id], run).await?.pop())
    }

    /// What a run reported, as JSON (docs/reference/report.md); only the last few runs keep it.
    pub async fn report(&self, run: &RunId) -> Result<Option<Value>, Error> {
        let sql = "SELECT report FROM runs WHERE stack = $1 AND id = $2 AND report IS NOT NULL";
        Ok(self.read(sql, params![&self.stack, run.as_str()], |row| row.json("report")).await?.pop())
    }

    /// Runs that never ended: one that goes on now, or was killed. Oldest first.
    pub async fn unfinished_runs(&self) -> Result<Vec<Run>, Error> {
        let sql = "SELECT id, started, command, version, pid, ended, outcome FROM runs WHERE stack = $1 AND ended IS NULL ORDER BY rowid";
        self.read(sql, params![&self.stack], run).await
    }

    /// Steps that were intended and never settled, oldest first.
    pub async fn open_intents(&self) -> Result<Vec<Intent>, Error> {
        let sql = "SELECT s.id, s.run, s.unit, s.step, s.started FROM steps s JOIN runs r ON r.id = s.run
                   WHERE r.stack = $1 AND s.ended IS NULL ORDER BY s.id";
        let intent = |row: Reader<'_>| {
            Ok(Intent {
                id: IntentId(row.get("id")?),
                run: RunId::stored(row.get("run")?),
                unit: row.get("unit")?,
                step: row.json("step")?,
                started: row.time("started")?,
            })
        };
        self.read(sql, params![&self.stack], intent).await
    }

    /// Operations that were accepted and never seen to end, oldest first: poll them before anything is started again.
    pub async fn open_operations(&self) -> Result<Vec<Operation>, Error> {
        let sql = "SELECT o.id, o.step, s.unit, o.handle, o.started FROM operations o JOIN steps s ON s.id = o.step
                   JOIN runs r ON r.id = s.run WHERE r.stack = $1 AND o.ended IS NULL ORDER BY o.id";
        let operation = |row: Reader<'_>| {
            Ok(Operation {
                id: OperationId(row.get("id")?),
                intent: IntentId(row.get("step")?),
                unit: row.get("unit")?,
                handle: row.json("handle")?,
                started: row.time("started")?,
            })
        };
        self.read(sql, params![&self.stack], operation).await
    }

    /// What was last found for a unit, by whatever run.
    pub async fn last_finding(&self, unit: &str) -> Result<Option<Finding>, Error> {
        let sql = "SELECT s.run, s.unit, s.outcome, s.evidence, s.started, s.ended FROM steps s JOIN runs r ON r.id = s.run
                   WHERE r.stack = $1 AND s.unit = $2 AND s.ended IS NOT NULL ORDER BY s.id DESC LIMIT 1";
        Ok(self.read(sql, params![&self.stack, unit], finding).await?.pop())
    }

    /// All that a run found, in the order in which the steps started.
    pub async fn findings(&self, run: &RunId) -> Result<Vec<Finding>, Error> {
        let sql = "SELECT s.run, s.unit, s.outcome, s.evidence, s.started, s.ended FROM steps s JOIN runs r ON r.id = s.run
                   WHERE r.stack = $1 AND s.run = $2 AND s.ended IS NOT NULL ORDER BY s.id";
        self.read(sql, params![&self.stack, run.as_str()], finding).await
    }

    /// Records what a look for drift of this `depth` saw, and tells for each how often it occurred since `since`. What the look no
    /// longer saw has ended, when `ends` says that the look was complete; a fast look ends only what a fast look began.
    pub async fn drift_seen(
        &self,
        run: &RunId,
        depth: &str,
        seen: &[Seen],
        ends: bool,
        (since, now): (Timestamp, Timestamp),
    ) -> Result<BTreeMap<String, Episode>, Error> {
        let known = "SELECT id, key, depth, began, ended FROM drift WHERE stack = $1 ORDER BY id";
        let known = self.read(known, params![&self.stack], |row| {
            let open = row.get::<Option<&str>>("ended")?.is_none();
            Ok((row.get::<i64>("id")?, row.get::<String>("key")?, row.get::<String>("depth")?, row.time("began")?, open))
        });
        let (mut open, mut begins) = (BTreeMap::new(), BTreeMap::<String, Vec<Timestamp>>::new());
        for (id, key, depth, began, is_open) in known.await? {
            begins.entry(key.clone()).or_default().push(began);
            if is_open {
                open.insert(key, (id, depth));
            }
        }
        let mut writes: Vec<Statement> = Vec::new();
        for (key, (id, began_by)) in &open {
            let may_end = ends && (depth == began_by || depth == "deep");
            if may_end && !seen.iter().any(|one| one.key == *key) {
                writes.push(("UPDATE drift SET ended = $1 WHERE id = $2", params![now, *id]));
            }
        }
        let mut episodes = BTreeMap::new();
        for one in seen {
            let begins = begins.entry(one.key.clone()).or_default();
            if !open.contains_key(&one.key) && !episodes.contains_key(&one.key) {
                writes.push((
                    "INSERT INTO drift (stack, run, key, depth, by, began) SELECT $1, $2, $3, $4, $5, $6
                     WHERE NOT EXISTS (SELECT 1 FROM drift WHERE stack = $1 AND key = $3 AND ended IS NULL)",
                    params![&self.stack, run.as_str(), &one.key, depth, one.by.clone(), now],
                ));
                begins.push(now);
            }
            let times = begins.iter().filter(|began| **began >= since).count().max(1);
            let began = begins.last().copied().unwrap_or(now);
            episodes.insert(one.key.clone(), Episode { began, times: u32::try_from(times).unwrap_or(u32::MAX) });
        }
        if !writes.is_empty() {
            self.db.all_or_nothing(&writes).await?;
        }
        Ok(episodes)
    }

    async fn write(&self, sql: &'static str, values: Vec<Param>) -> Result<(), Error> {
        let touched = self.db.execute(sql, values).await?;
        self.not_fenced(touched)
    }

    /// The number that a write gives back.
    async fn number(&self, sql: &'static str, values: Vec<Param>) -> Result<i64, Error> {
        let rows = self.db.rows(sql, values).await?;
        self.not_fenced(rows.len() as u64)?;
        Reader { row: &rows[0], place: &self.db.place }.get("id")
    }

    /// A write that touched nothing was refused by the fence.
    fn not_fenced(&self, touched: u64) -> Result<(), Error> {
        if touched == 0 && self.fence > 0 { Err(Error::Fenced { stack: self.stack.clone() }) } else { Ok(()) }
    }

    async fn read<T>(
        &self,
        sql: &'static str,
        values: Vec<Param>,
        one: impl Fn(Reader<'_>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let rows = self.db.rows(sql, values).await?;
        rows.iter().map(|row| one(Reader { row, place: &self.db.place })).collect()
    }
}

fn run(row: Reader<'_>) -> Result<Run, Error> {
    let ended = row.get::<Option<&str>>("ended")?.is_some();
    Ok(Run {
        id: RunId::stored(row.get("id")?),
        started: row.time("started")?,
        start: Start {
            command: row.get("command")?,
            version: row.get("version")?,
            pid: u32::try_from(row.get::<i64>("pid")?).map_err(|error| Error::row(row.place, error))?,
        },
        ended: if ended { Some(row.time("ended")?) } else { None },
        outcome: row.get("outcome")?,
    })
}

fn finding(row: Reader<'_>) -> Result<Finding, Error> {
    Ok(Finding {
        run: RunId::stored(row.get("run")?),
        unit: row.get("unit")?,
        outcome: row.get("outcome")?,
        evidence: row.json("evidence")?,
        started: row.time("started")?,
        ended: row.time("ended")?,
    })
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::process::{Command, Stdio};

    use serde_json::json;

    use super::*;
    use crate::base::Class;

    #[tokio::test]
    async fn drift_that_comes_back_is_counted_and_a_fast_look_ends_only_what_it_can_see() {
        let directory = tempfile::tempdir().unwrap();
        let journal = Journal::open(&directory.path().join("j.db")).await.unwrap();
        let run = journal.begin(&Start { command: "drift".into(), version: "0".into(), pid: 1 }, at(0)).await.unwrap();
        let seen = |keys: &[&str]| keys.iter().map(|key| Seen { key: (*key).to_owned(), by: None }).collect::<Vec<_>>();
        let look = async |depth: &str, keys: &[&str], ends: bool, now: i64| {
            journal.drift_seen(&run, depth, &seen(keys), ends, (at(now - 1000), at(now))).await.unwrap()
        };
        assert_eq!(look("fast", &["a"], true, 1).await["a"], Episode { began: at(1), times: 1 });
        // Still the same occurrence.
        assert_eq!(look("fast", &["a"], true, 2).await["a"], Episode { began: at(1), times: 1 });
        // A look that could not see everything ends nothing.
        look("fast", &[], false, 3).await;
        assert_eq!(look("fast", &["a"], true, 4).await["a"].times, 1);
        look("fast", &[], true, 5).await;
        assert_eq!(look("deep", &["a", "d"], true, 6).await["a"], Episode { began: at(6), times: 2 });
        look("fast", &[], true, 7).await;
        assert_eq!(look("deep", &["a", "d"], true, 8).await["d"], Episode { began: at(6), times: 1 });
        // What is older than asked for is not counted.
        assert_eq!(look("deep", &["a"], true, 1003).await["a"].times, 1);
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + second).unwrap()
    }

    fn start() -> Start {
        Start { command: "provision".to_owned(), version: "0.1.0".to_owned(), pid: 7 }
    }

    #[tokio::test]
    async fn what_was_written_is_read_by_the_next_run() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("stack/journal.db");
        let journal = Journal::open(&path).await.unwrap();
        let run = journal.begin(&start(), at(0)).await.unwrap();
        let done = journal.intend(&run, "dcr", &json!({"put": 1}), at(1)).await.unwrap();
        journal.settle(done, "changed", &json!({"etag": "x"}), at(3)).await.unwrap();
        let open = journal.intend(&run, "cluster", &json!({"put": 2}), at(4)).await.unwrap();
        let operation = journal.accept(open, &json!({"url": "https://poll"}), at(5)).await.unwrap();
        journal.put_output(&run, "workspace", &json!("old"), at(5)).await.unwrap();
        journal.put_output(&run, "workspace", &json!("new"), at(6)).await.unwrap();
        // Killed: nothing is closed in order.
        std::mem::forget(journal);

        let journal = Journal::open(&path).await.unwrap();
        assert_eq!(journal.unfinished_runs().await.unwrap().len(), 1);
        let intents = journal.open_intents().await.unwrap();
        assert_eq!((intents.len(), intents[0].unit.as_str(), &intents[0].step), (1, "cluster", &json!({"put": 2})));
        let operations = journal.open_operations().await.unwrap();
        assert_eq!((operations.len(), operations[0].id, operations[0].intent), (1, operation, open));
        assert_eq!(operations[0].handle, json!({"url": "https://poll"}));
        assert_eq!(journal.output("workspace").await.unwrap(), Some(json!("new")));
        assert_eq!(journal.output("other").await.unwrap(), None);
        let finding = journal.last_finding("dcr").await.unwrap().unwrap();
        assert_eq!((finding.started, finding.ended, finding.evidence), (at(1), at(3), json!({"etag": "x"})));

        journal.settle(open, "changed", &Value::Null, at(9)).await.unwrap();
        assert_eq!(journal.open_operations().await.unwrap(), []);
        journal.end(&run, "done", &json!({"schema": "x"}), at(10)).await.unwrap();
        assert_eq!(journal.unfinished_runs().await.unwrap(), []);
        let last = journal.last_runs(5).await.unwrap();
        assert_eq!((last[0].ended, last[0].outcome.as_deref()), (Some(at(10)), Some("done")));
        assert_eq!(journal.findings(&run).await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn expected_creations_stay_until_they_are_settled() {
        let directory = tempfile::tempdir().unwrap();
        let journal = Journal::open(&directory.path().join("j")).await.unwrap();
        let run = journal.begin(&start(), at(0)).await.unwrap();
        let one = Creation { address: "a.this".to_owned(), id: Some("/subscriptions/s".to_owned()) };
        let two = Creation { address: "b.this".to_owned(), id: None };
        journal.expect_creations(&run, &[two.clone(), one.clone()], at(1)).await.unwrap();
        journal.expect_creations(&run, std::slice::from_ref(&one), at(2)).await.unwrap();
        assert_eq!(journal.expected_creations().await.unwrap(), [one, two.clone()]);
        journal.settle_creation("a.this").await.unwrap();
        assert_eq!(journal.expected_creations().await.unwrap(), [two]);
    }

    #[tokio::test]
    #[cfg(unix)]
    async fn the_file_and_its_side_files_are_private() {
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("deep/er/journal.db");
        let journal = Journal::open(&path).await.unwrap();
        journal.begin(&start(), at(0)).await.unwrap();
        for entry in std::fs::read_dir(path.parent().unwrap()).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(entry.metadata().unwrap().mode() & 0o777, 0o600, "{:?}", entry.path());
        }
        assert_eq!(path.parent().unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[tokio::test]
    async fn a_damaged_file_is_called_so() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal.db");
        std::fs::write(&path, "this is no database, but it is long enough to be taken for one".repeat(20)).unwrap();
        let error = Journal::open(&path).await.unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }), "{error:?}");
        assert_eq!(error.class(), Class::Invalid);
    }

    #[tokio::test]
    async fn a_place_that_cannot_be_written_is_called_so() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a-file");
        std::fs::write(&file, "").unwrap();
        let error = Journal::open(&file.join("journal.db")).await.unwrap_err();
        assert!(!matches!(error, Error::Corrupt { .. }), "{error:?}");
        let path = directory.path().join("journal.db");
        let journal = Journal::open(&path).await.unwrap();
        journal.db.execute("PRAGMA query_only = 1", Vec::new()).await.unwrap();
        let error = journal.begin(&start(), at(0)).await.unwrap_err();
        assert!(matches!(error, Error::ReadOnly { .. }), "{error:?}");
    }

    #[tokio::test]
    async fn a_full_disk_is_called_so() {
        let directory = tempfile::tempdir().unwrap();
        let journal = Journal::open(&directory.path().join("journal.db")).await.unwrap();
        let run = journal.begin(&start(), at(0)).await.unwrap();
        journal.db.execute("PRAGMA max_page_count = 1", Vec::new()).await.unwrap();
        let large = json!("x".repeat(100_000));
        let error = journal.put_output(&run, "a", &large, at(1)).await.unwrap_err();
        assert!(matches!(error, Error::Full { .. }), "{error:?}");
        assert_eq!(journal.output("a").await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_newer_layout_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal.db");
        let journal = Journal::open(&path).await.unwrap();
        let later =
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (99, '', 1, x'00', 0)";
        journal.db.execute(later, Vec::new()).await.unwrap();
        journal.close().await;
        assert!(matches!(Journal::open(&path).await, Err(Error::Newer { version: 99, .. })));
    }

    /// Not a test of its own: what the next one starts and kills.
    #[tokio::test]
    #[ignore = "started by `a_kill_at_any_moment_loses_nothing_that_was_acknowledged`"]
    async fn write_until_killed() {
        let Ok(path) = std::env::var("AKSIGHT_TEST_JOURNAL") else { return };
        let journal = Journal::open(Path::new(&path)).await.unwrap();
        let run = journal.begin(&start(), at(0)).await.unwrap();
        for number in 0.. {
            let intent = journal.intend(&run, "unit", &json!(number), at(number)).await.unwrap();
            journal.accept(intent, &json!(number), at(number)).await.unwrap();
            writeln!(std::io::stdout(), "acknowledged {number}").unwrap();
        }
    }

    #[tokio::test]
    async fn a_kill_at_any_moment_loses_nothing_that_was_acknowledged() {
        let directory = tempfile::tempdir().unwrap();
        for moment in [1, 7, 20] {
            let path = directory.path().join(format!("{moment}.db"));
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "journal::store::tests::write_until_killed", "--ignored", "--nocapture"])
                .env("AKSIGHT_TEST_JOURNAL", &path)
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
            let acknowledged = lines.filter(|line| line.contains("acknowledged")).take(moment).count();
            child.kill().unwrap();
            child.wait().unwrap();
            let journal = Journal::open(&path).await.unwrap();
            let intents = journal.open_intents().await.unwrap();
            assert_eq!(acknowledged, moment);
            assert!(intents.len() >= moment && journal.open_operations().await.unwrap().len() >= moment);
            assert!(intents.iter().enumerate().all(|(number, intent)| intent.step == json!(number)));
        }
    }
}
