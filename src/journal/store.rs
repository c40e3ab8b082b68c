//! The journal's calls. Each is one committed transaction.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::base::clock::Timestamp;
use serde_json::Value;
use sqlx::migrate::MigrateError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow, SqliteSynchronous};
use sqlx::{Row as _, Sqlite};

use super::entry::{Creation, Episode, Finding, Intent, IntentId, Operation, OperationId, Run, RunId, Seen, Start};
use super::{Error, schema};

type Query = sqlx::query::Query<'static, Sqlite, sqlx::sqlite::SqliteArguments>;

/// The journal of one stack. Clones share one connection, so calls are written in the order in which they are made.
#[derive(Clone, Debug)]
pub struct Journal {
    pool: SqlitePool,
    path: PathBuf,
}

impl Journal {
    /// Opens the file, creates it (0600, its directory 0700) and brings its tables up to date.
    ///
    /// # Errors
    /// [`Error`] when the file cannot be made, is damaged, or comes from a newer version.
    pub async fn open(path: &Path) -> Result<Self, Error> {
        make_private(path).map_err(|error| Error::file(path, error))?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(5));
        let failed = |error| Error::of(path, error);
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await.map_err(failed)?;
        schema::migrations().run(&pool).await.map_err(|error| match error {
            MigrateError::VersionMissing(version) => Error::Newer { path: path.to_owned(), version },
            MigrateError::VersionMismatch(_) => Error::row(path, error),
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => Error::of(path, error),
            other => Error::Use { path: path.to_owned(), source: other.into() },
        })?;
        Ok(Self { pool, path: path.to_owned() })
    }

    /// Closes the file in order; not needed for safety.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Records that a run starts.
    pub async fn begin(&self, start: &Start, now: Timestamp) -> Result<RunId, Error> {
        let id = RunId::new(now);
        let insert = sqlx::query("INSERT INTO runs (id, started, command, version, pid) VALUES (?, ?, ?, ?, ?)")
            .bind(id.as_str().to_owned())
            .bind(now.to_string())
            .bind(start.command.clone())
            .bind(start.version.clone())
            .bind(i64::from(start.pid));
        self.write(insert).await?;
        Ok(id)
    }

    /// Records how a run ended.
    pub async fn end(&self, run: &RunId, outcome: &str, now: Timestamp) -> Result<(), Error> {
        let update = sqlx::query("UPDATE runs SET ended = ?, outcome = ? WHERE id = ?");
        self.write(update.bind(now.to_string()).bind(outcome.to_owned()).bind(run.as_str().to_owned())).await?;
        Ok(())
    }

    /// Records that a step is about to be done; to be called before its first request.
    pub async fn intend(&self, run: &RunId, unit: &str, step: &Value, now: Timestamp) -> Result<IntentId, Error> {
        let insert = sqlx::query("INSERT INTO steps (run, unit, step, started) VALUES (?, ?, ?, ?)")
            .bind(run.as_str().to_owned())
            .bind(unit.to_owned())
            .bind(step.to_string())
            .bind(now.to_string());
        Ok(IntentId(self.write(insert).await?))
    }

    /// Records what came of a step, and closes its operations.
    pub async fn settle(&self, intent: IntentId, outcome: &str, evidence: &Value, now: Timestamp) -> Result<(), Error> {
        let failed = |error| Error::of(&self.path, error);
        let mut transaction = self.pool.begin().await.map_err(failed)?;
        sqlx::query("UPDATE steps SET ended = ?, outcome = ?, evidence = ? WHERE id = ?")
            .bind(now.to_string())
            .bind(outcome.to_owned())
            .bind(evidence.to_string())
            .bind(intent.0)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        sqlx::query("UPDATE operations SET ended = ? WHERE step = ? AND ended IS NULL")
            .bind(now.to_string())
            .bind(intent.0)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        transaction.commit().await.map_err(failed)
    }

    /// Records how a long-running operation can be polled; to be called before the first poll.
    pub async fn accept(&self, intent: IntentId, handle: &Value, now: Timestamp) -> Result<OperationId, Error> {
        let insert = sqlx::query("INSERT INTO operations (step, handle, started) VALUES (?, ?, ?)")
            .bind(intent.0)
            .bind(handle.to_string())
            .bind(now.to_string());
        Ok(OperationId(self.write(insert).await?))
    }

    /// Records that an operation ended, well or not.
    pub async fn clear(&self, operation: OperationId, now: Timestamp) -> Result<(), Error> {
        let update = sqlx::query("UPDATE operations SET ended = ? WHERE id = ?").bind(now.to_string()).bind(operation.0);
        self.write(update).await?;
        Ok(())
    }

    /// Keeps a value under a name for later steps and runs. Never a secret.
    pub async fn put_output(&self, run: &RunId, name: &str, value: &Value, now: Timestamp) -> Result<(), Error> {
        let insert = sqlx::query("INSERT INTO outputs (run, name, value, written) VALUES (?, ?, ?, ?)")
            .bind(run.as_str().to_owned())
            .bind(name.to_owned())
            .bind(value.to_string())
            .bind(now.to_string());
        self.write(insert).await?;
        Ok(())
    }

    /// The value that was last kept under this name, by whatever run.
    pub async fn output(&self, name: &str) -> Result<Option<Value>, Error> {
        let select = sqlx::query("SELECT value FROM outputs WHERE name = ? ORDER BY id DESC LIMIT 1").bind(name.to_owned());
        Ok(self.read(select, |row| row.json("value")).await?.pop())
    }

    /// When something was last kept under this name, by whatever run.
    pub async fn output_written(&self, name: &str) -> Result<Option<Timestamp>, Error> {
        let select = sqlx::query("SELECT written FROM outputs WHERE name = ? ORDER BY id DESC LIMIT 1").bind(name.to_owned());
        Ok(self.read(select, |row| row.time("written")).await?.pop())
    }

    /// Every value that was kept under this name, the last first.
    pub async fn outputs(&self, name: &str) -> Result<Vec<Value>, Error> {
        let select = sqlx::query("SELECT value FROM outputs WHERE name = ? ORDER BY id DESC").bind(name.to_owned());
        self.read(select, |row| row.json("value")).await
    }

    /// Records which resources terraform is about to create; to be called before `terraform apply`.
    pub async fn expect_creations(&self, run: &RunId, all: &[Creation], now: Timestamp) -> Result<(), Error> {
        let failed = |error| Error::of(&self.path, error);
        let mut transaction = self.pool.begin().await.map_err(failed)?;
        for creation in all {
            sqlx::query("INSERT OR REPLACE INTO creations (address, azure_id, run, started) VALUES (?, ?, ?, ?)")
                .bind(creation.address.clone())
                .bind(creation.id.clone())
                .bind(run.as_str().to_owned())
                .bind(now.to_string())
                .execute(&mut *transaction)
                .await
                .map_err(failed)?;
        }
        transaction.commit().await.map_err(failed)
    }

    /// Records that a resource is in terraform's state, or was not created.
    pub async fn settle_creation(&self, address: &str) -> Result<(), Error> {
        self.write(sqlx::query("DELETE FROM creations WHERE address = ?").bind(address.to_owned())).await?;
        Ok(())
    }

    /// Resources whose creation was expected and never settled, by address.
    pub async fn expected_creations(&self) -> Result<Vec<Creation>, Error> {
        let select = sqlx::query("SELECT address, azure_id FROM creations ORDER BY address");
        self.read(select, |row| Ok(Creation { address: row.get("address")?, id: row.get("azure_id")? })).await
    }

    /// The last runs, newest first.
    pub async fn last_runs(&self, most: u32) -> Result<Vec<Run>, Error> {
        let select = sqlx::query("SELECT * FROM runs ORDER BY rowid DESC LIMIT ?").bind(i64::from(most));
        self.read(select, run).await
    }

    /// Runs that never ended: one that goes on now, or was killed. Oldest first.
    pub async fn unfinished_runs(&self) -> Result<Vec<Run>, Error> {
        self.read(sqlx::query("SELECT * FROM runs WHERE ended IS NULL ORDER BY rowid"), run).await
    }

    /// Steps that were intended and never settled, oldest first.
    pub async fn open_intents(&self) -> Result<Vec<Intent>, Error> {
        let select = sqlx::query("SELECT id, run, unit, step, started FROM steps WHERE ended IS NULL ORDER BY id");
        let intent = |row: Reader<'_>| {
            Ok(Intent {
                id: IntentId(row.get("id")?),
                run: RunId::stored(row.get("run")?),
                unit: row.get("unit")?,
                step: row.json("step")?,
                started: row.time("started")?,
            })
        };
        self.read(select, intent).await
    }

    /// Operations that were accepted and never seen to end, oldest first: poll them before anything is started again.
    pub async fn open_operations(&self) -> Result<Vec<Operation>, Error> {
        let select = sqlx::query(
            "SELECT o.id, o.step, s.unit, o.handle, o.started FROM operations o JOIN steps s ON s.id = o.step
             WHERE o.ended IS NULL ORDER BY o.id",
        );
        let operation = |row: Reader<'_>| {
            Ok(Operation {
                id: OperationId(row.get("id")?),
                intent: IntentId(row.get("step")?),
                unit: row.get("unit")?,
                handle: row.json("handle")?,
                started: row.time("started")?,
            })
        };
        self.read(select, operation).await
    }

    /// What was last found for a unit, by whatever run.
    pub async fn last_finding(&self, unit: &str) -> Result<Option<Finding>, Error> {
        let select = sqlx::query("SELECT * FROM steps WHERE unit = ? AND ended IS NOT NULL ORDER BY id DESC LIMIT 1");
        Ok(self.read(select.bind(unit.to_owned()), finding).await?.pop())
    }

    /// All that a run found, in the order in which the steps started.
    pub async fn findings(&self, run: &RunId) -> Result<Vec<Finding>, Error> {
        let select = sqlx::query("SELECT * FROM steps WHERE run = ? AND ended IS NOT NULL ORDER BY id");
        self.read(select.bind(run.as_str().to_owned()), finding).await
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
        let failed = |error| Error::of(&self.path, error);
        let mut transaction = self.pool.begin().await.map_err(failed)?;
        let rows = sqlx::query("SELECT id, key, depth, began, ended FROM drift ORDER BY id").fetch_all(&mut *transaction).await;
        let (mut open, mut begins) = (BTreeMap::new(), BTreeMap::<String, Vec<Timestamp>>::new());
        for row in &rows.map_err(failed)? {
            let row = Reader { row, path: &self.path };
            let (id, key, began) = (row.get::<i64>("id")?, row.get::<String>("key")?, row.time("began")?);
            begins.entry(key.clone()).or_default().push(began);
            if row.get::<Option<&str>>("ended")?.is_none() {
                open.insert(key, (id, row.get::<String>("depth")?));
            }
        }
        for (key, (id, began_by)) in &open {
            let may_end = ends && (depth == began_by || depth == "deep");
            if may_end && !seen.iter().any(|one| one.key == *key) {
                let update = sqlx::query("UPDATE drift SET ended = ? WHERE id = ?").bind(now.to_string()).bind(*id);
                update.execute(&mut *transaction).await.map_err(failed)?;
            }
        }
        let mut episodes = BTreeMap::new();
        for one in seen {
            let begins = begins.entry(one.key.clone()).or_default();
            if !open.contains_key(&one.key) && !episodes.contains_key(&one.key) {
                let insert = sqlx::query("INSERT INTO drift (run, key, depth, by, began) VALUES (?, ?, ?, ?, ?)");
                let insert = insert.bind(run.as_str().to_owned()).bind(one.key.clone()).bind(depth.to_owned());
                insert.bind(one.by.clone()).bind(now.to_string()).execute(&mut *transaction).await.map_err(failed)?;
                begins.push(now);
            }
            let times = begins.iter().filter(|began| **began >= since).count().max(1);
            let began = begins.last().copied().unwrap_or(now);
            episodes.insert(one.key.clone(), Episode { began, times: u32::try_from(times).unwrap_or(u32::MAX) });
        }
        transaction.commit().await.map_err(failed)?;
        Ok(episodes)
    }

    async fn write(&self, query: Query) -> Result<i64, Error> {
        let done = query.execute(&self.pool).await.map_err(|error| Error::of(&self.path, error))?;
        Ok(done.last_insert_rowid())
    }

    async fn read<T>(&self, query: Query, one: impl Fn(Reader<'_>) -> Result<T, Error>) -> Result<Vec<T>, Error> {
        let rows = query.fetch_all(&self.pool).await.map_err(|error| Error::of(&self.path, error))?;
        rows.iter().map(|row| one(Reader { row, path: &self.path })).collect()
    }
}

/// A row, with errors that name the file.
#[derive(Clone, Copy)]
struct Reader<'a> {
    row: &'a SqliteRow,
    path: &'a Path,
}

impl<'a> Reader<'a> {
    fn get<T: sqlx::Decode<'a, Sqlite> + sqlx::Type<Sqlite>>(self, column: &str) -> Result<T, Error> {
        self.row.try_get(column).map_err(|error| Error::row(self.path, error))
    }

    fn json(self, column: &str) -> Result<Value, Error> {
        serde_json::from_str(self.get::<&str>(column)?).map_err(|error| Error::row(self.path, error))
    }

    fn time(self, column: &str) -> Result<Timestamp, Error> {
        self.get::<&str>(column)?.parse().map_err(|error: jiff::Error| Error::row(self.path, error))
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
            pid: u32::try_from(row.get::<i64>("pid")?).map_err(|error| Error::row(row.path, error))?,
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

/// SQLite gives its side files the mode of the main file, so that one is made first.
fn make_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path).map(drop)
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
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
        journal.end(&run, "done", at(10)).await.unwrap();
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
    async fn the_file_and_its_side_files_are_private() {
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
        let error = Journal::open(Path::new("/proc/1/aksight/journal.db")).await.unwrap_err();
        assert!(!matches!(error, Error::Corrupt { .. }), "{error:?}");
        let path = directory.path().join("journal.db");
        let journal = Journal::open(&path).await.unwrap();
        sqlx::query("PRAGMA query_only = 1").execute(&journal.pool).await.unwrap();
        let error = journal.begin(&start(), at(0)).await.unwrap_err();
        assert!(matches!(error, Error::ReadOnly { .. }), "{error:?}");
    }

    #[tokio::test]
    async fn a_full_disk_is_called_so() {
        let directory = tempfile::tempdir().unwrap();
        let journal = Journal::open(&directory.path().join("journal.db")).await.unwrap();
        let run = journal.begin(&start(), at(0)).await.unwrap();
        sqlx::query("PRAGMA max_page_count = 1").execute(&journal.pool).await.unwrap();
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
        sqlx::query(later).execute(&journal.pool).await.unwrap();
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
