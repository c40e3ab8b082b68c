//! The database under journal and roster: a SQLite file of one process, or a PostgreSQL that several replicas share.
//!
//! Both speak the same SQL here, with three differences that are filled in: the clock (`{now}`, milliseconds since 1970 by the
//! database's own clock), what passes over rows that another process is just taking (`{skip_locked}`), and how a JSON list of stacks
//! is read as rows (`{given}`).

use std::fmt;
use std::path::{Component, Path, Prefix};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::TryStreamExt as _;
use serde_json::Value;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions, AnyRow};
use sqlx::migrate::MigrateError;
use sqlx::{Any, AnyConnection, AnyPool, AssertSqlSafe, ConnectOptions as _, Connection as _, Either, Executor as _, Row as _};
use tokio::sync::RwLock;
use url::Url;

use super::address::{Address, Source};
use super::{Error, schema};
use crate::base::Secret;
use crate::base::clock::Timestamp;
use crate::host::files;

/// How long a statement may take before the connection is taken for dead.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a database that is away is asked again. Shorter than a lease, so that who comes back too late is told so.
const AWAY: Duration = Duration::from_secs(25);

/// What kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

/// Where it is, fit to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place(String);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Place {
    /// A database elsewhere.
    pub(super) fn shared(host: &str, port: Option<&str>, name: Option<&str>) -> Self {
        let host = if host.starts_with('/') { "a local socket" } else { host };
        let port = port.filter(|port| *port != "5432").map(|port| format!(":{port}")).unwrap_or_default();
        Self(format!("PostgreSQL at {host}{port}{}", name.map(|name| format!("/{name}")).unwrap_or_default()))
    }
}

/// An open database. Clones share its connections.
#[derive(Clone)]
pub struct Database {
    way: Arc<RwLock<Way>>,
    pub(super) dialect: Dialect,
    pub(super) place: Place,
    /// Where the address of a shared one is written.
    source: Option<Source>,
}

/// How it is reached. The address of a shared one may change.
struct Way {
    pool: AnyPool,
    options: AnyConnectOptions,
    /// terraform keeps its state there, too.
    address: Option<Secret>,
}

impl Way {
    fn to(url: &Url, dialect: Dialect, address: Option<Secret>) -> Result<Self, sqlx::Error> {
        let options = AnyConnectOptions::from_url(url)?;
        Ok(Self { pool: pool(&options, dialect), options, address })
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Database").field(&self.place).finish_non_exhaustive()
    }
}

/// A value that goes with a statement.
#[derive(Clone, Debug)]
pub(super) enum Param {
    Text(Option<String>),
    Number(Option<i64>),
}

impl From<&str> for Param {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<String> for Param {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<&String> for Param {
    fn from(text: &String) -> Self {
        Self::Text(Some(text.clone()))
    }
}

impl From<Option<String>> for Param {
    fn from(text: Option<String>) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Param {
    fn from(number: i64) -> Self {
        Self::Number(Some(number))
    }
}

impl From<Option<i64>> for Param {
    fn from(number: Option<i64>) -> Self {
        Self::Number(number)
    }
}

impl From<Timestamp> for Param {
    fn from(at: Timestamp) -> Self {
        Self::Text(Some(at.to_string()))
    }
}

/// The values that go with a statement, in order.
macro_rules! params {
    ($($value:expr),* $(,)?) => { vec![$($crate::journal::database::Param::from($value)),*] };
}
pub(super) use params;

/// A statement with its values.
pub(super) type Statement = (&'static str, Vec<Param>);

impl Database {
    /// Opens a file, creates it (0600, its directory 0700) and brings its tables up to date.
    ///
    /// # Errors
    /// [`Error`] when the file cannot be made, is damaged, or comes from a newer version.
    pub async fn open_file(path: &Path) -> Result<Self, Error> {
        let place = Place(path.display().to_string());
        make_private(path).map_err(|error| Error::file(&place, error))?;
        let url = file_url(path).ok_or_else(|| Error::file(&place, std::io::ErrorKind::InvalidFilename.into()))?;
        Self::open(url, Dialect::Sqlite, place, None).await
    }

    /// Connects to a PostgreSQL (`postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full`) and brings its tables up to
    /// date; several processes may do so at once.
    ///
    /// # Errors
    /// [`Error`] when the address cannot be used, nobody answers there, sessions are shared there, or its tables come from a newer
    /// version.
    pub async fn open_shared(address: &Secret) -> Result<Self, Error> {
        Self::open_source(Source::Given(address.clone())).await
    }

    /// The same, with the address in a file or not.
    ///
    /// # Errors
    /// As [`Database::open_shared`].
    pub async fn open_source(source: Source) -> Result<Self, Error> {
        let Address { url, place } = Self::look(&source)?;
        Self::open(url, Dialect::Postgres, place, Some(source)).await
    }

    /// Whether an address can be used, as far as that can be said without asking its server.
    ///
    /// # Errors
    /// [`Error::Address`].
    pub fn check_address(source: &Source) -> Result<(), Error> {
        Self::look(source).map(drop)
    }

    fn look(source: &Source) -> Result<Address, Error> {
        Address::parse(&source.read()?, &|name| std::env::var(name).ok())
    }

    async fn open(url: Url, dialect: Dialect, place: Place, source: Option<Source>) -> Result<Self, Error> {
        sqlx::any::install_default_drivers();
        let address = source.is_some().then(|| Secret::new(url.to_string()));
        let way = Way::to(&url, dialect, address).map_err(|error| Error::of(dialect, &place, error))?;
        let options = way.options.clone();
        let opened = Self { way: Arc::new(RwLock::new(way)), dialect, place, source };
        opened.migrate(&options).await?;
        Ok(opened)
    }

    async fn migrate(&self, options: &AnyConnectOptions) -> Result<(), Error> {
        let failed = |error| Error::of(self.dialect, &self.place, error);
        // Beside the pool, which would try again and again what cannot be opened.
        let mut connection = connect(options).await.map_err(failed)?;
        prepare(&mut connection, self.dialect).await.map_err(failed)?;
        if self.dialect == Dialect::Postgres && is_pooled(&mut connection, options).await.map_err(failed)? {
            return Err(Error::Pooled { place: self.place.clone() });
        }
        if self.dialect == Dialect::Postgres && ends_idle_sessions(&mut connection).await.map_err(failed)? {
            tracing::warn!(place = %self.place, "the server ends idle sessions, and with them terraform's lock while terraform works: \
                set `idle_session_timeout` to 0 for the role");
        }
        let done = schema::migrations(self.dialect).run_direct(None, &mut connection, false).await;
        if done.is_ok() && self.dialect == Dialect::Sqlite {
            // The last connection that closes a file folds its side files up, only for the next to make them anew.
            drop(self.way.read().await.pool.acquire().await);
        }
        drop(connection.close().await);
        done.map_err(|error| match error {
            MigrateError::VersionMissing(version) => Error::Newer { place: self.place.clone(), version },
            MigrateError::VersionMismatch(_) => Error::row(&self.place, error),
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => failed(error),
            other => Error::Use { place: self.place.clone(), source: other.into() },
        })
    }

    /// Whether several processes share it.
    #[must_use]
    pub const fn is_shared(&self) -> bool {
        self.source.is_some()
    }

    /// The address that several processes share, as it is now; nothing for a file.
    pub async fn address(&self) -> Option<Secret> {
        self.way.read().await.address.clone()
    }

    /// Reads the address again where it is written, and goes there from now on if it has changed.
    ///
    /// # Errors
    /// [`Error::Address`]; the old one is kept then.
    pub async fn reread(&self) -> Result<(), Error> {
        let Some(source @ Source::File(_)) = &self.source else { return Ok(()) };
        let Address { url, place } = Self::look(source)?;
        let mut way = self.way.write().await;
        if way.address.as_ref().is_none_or(|address| address.expose() != url.as_str()) {
            let address = Some(Secret::new(url.to_string()));
            *way = Way::to(&url, self.dialect, address).map_err(|error| Error::of(self.dialect, &place, error))?;
            tracing::info!(%place, "the store has another address or another password: it is used from now on");
        }
        Ok(())
    }

    /// Gives back the connections of a file; not needed for safety.
    pub async fn close(&self) {
        self.way.read().await.pool.close().await;
    }

    /// Whether the database answers now.
    pub async fn answers(&self) -> bool {
        matches!(tokio::time::timeout(PATIENCE, self.attempt(&[("SELECT 1", Vec::new())])).await, Ok(Ok(_)))
    }

    /// The rows that a statement gives.
    pub(super) async fn rows(&self, sql: &'static str, params: Vec<Param>) -> Result<Vec<AnyRow>, Error> {
        let mut all = self.all_or_nothing(&[(sql, params)]).await?;
        Ok(all.pop().unwrap_or_default().rows)
    }

    /// How many rows a statement touched.
    pub(super) async fn execute(&self, sql: &'static str, params: Vec<Param>) -> Result<u64, Error> {
        let mut all = self.all_or_nothing(&[(sql, params)]).await?;
        Ok(all.pop().unwrap_or_default().touched)
    }

    /// Several statements in one transaction. A shared database that is away for a moment is asked again, so every statement must
    /// bear to be carried out twice.
    pub(super) async fn all_or_nothing(&self, statements: &[Statement]) -> Result<Vec<Answer>, Error> {
        let (began, mut pause) = (Instant::now(), Duration::from_millis(50));
        loop {
            let error = match tokio::time::timeout(PATIENCE, self.attempt(statements)).await {
                Ok(Ok(answers)) => return Ok(answers),
                Ok(Err(error)) => error,
                Err(_) => sqlx::Error::PoolTimedOut,
            };
            let may_pass = is_away(&error) || (matches!(self.source, Some(Source::File(_))) && is_refused(&error));
            let error = Error::of(self.dialect, &self.place, error);
            if self.dialect == Dialect::Sqlite || !may_pass || began.elapsed() + pause > AWAY {
                return Err(error);
            }
            tracing::warn!(%error, "the database is away; it is asked again");
            self.reconnect().await;
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(2));
        }
    }

    /// Begins with new connections: one through which nothing comes any more would be handed out again.
    async fn reconnect(&self) {
        if let Err(error) = self.reread().await {
            tracing::warn!(%error, "the last good address of the store is kept");
        }
        let mut way = self.way.write().await;
        way.pool = pool(&way.options, self.dialect);
    }

    async fn attempt(&self, statements: &[Statement]) -> Result<Vec<Answer>, sqlx::Error> {
        let pool = self.way.read().await.pool.clone();
        let mut connection = pool.acquire().await?;
        if let [one] = statements {
            return Ok(vec![self.carry_out(&mut connection, one).await?]);
        }
        let mut transaction = connection.begin().await?;
        let mut answers = Vec::new();
        for statement in statements {
            answers.push(self.carry_out(&mut transaction, statement).await?);
        }
        transaction.commit().await?;
        Ok(answers)
    }

    async fn carry_out(&self, connection: &mut AnyConnection, (sql, params): &Statement) -> Result<Answer, sqlx::Error> {
        // The text is ours; values travel beside it.
        let mut query = sqlx::query::<Any>(AssertSqlSafe(self.dialect.fill(sql)));
        for param in params {
            query = match param.clone() {
                Param::Text(text) => query.bind(text),
                Param::Number(number) => query.bind(number),
            };
        }
        let mut answer = Answer::default();
        let mut stream = connection.fetch_many(query);
        while let Some(piece) = stream.try_next().await? {
            match piece {
                Either::Left(done) => answer.touched += done.rows_affected(),
                Either::Right(row) => answer.rows.push(row),
            }
        }
        Ok(answer)
    }
}

/// What a statement gave.
#[derive(Default)]
pub(super) struct Answer {
    pub(super) rows: Vec<AnyRow>,
    pub(super) touched: u64,
}

impl Dialect {
    /// Fills in what the two say differently.
    fn fill(self, sql: &str) -> String {
        let (now, skip_locked, given) = match self {
            Self::Sqlite => (
                "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
                "",
                "SELECT value ->> 'name' AS name, value ->> 'fleet' AS fleet, value ->> 'digest' AS digest, value ->> 'due' AS due
                 FROM json_each($1)",
            ),
            Self::Postgres => (
                "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
                "FOR UPDATE SKIP LOCKED",
                "SELECT * FROM jsonb_to_recordset(CAST($1 AS jsonb)) AS given (name TEXT, fleet TEXT, digest TEXT, due BIGINT)",
            ),
        };
        sql.replace("{now}", now).replace("{skip_locked}", skip_locked).replace("{given}", given)
    }
}

fn pool(options: &AnyConnectOptions, dialect: Dialect) -> AnyPool {
    let common = AnyPoolOptions::new().acquire_timeout(PATIENCE);
    match dialect {
        // One connection: calls are written in the order in which they are made.
        Dialect::Sqlite => common.max_connections(1),
        Dialect::Postgres => common.max_connections(8).idle_timeout(Duration::from_mins(5)),
    }
    .after_connect(move |connection, _| Box::pin(prepare(connection, dialect)))
    .connect_lazy_with(options.clone())
}

async fn connect(options: &AnyConnectOptions) -> Result<AnyConnection, sqlx::Error> {
    tokio::time::timeout(PATIENCE, AnyConnection::connect_with(options)).await.map_err(|_| sqlx::Error::PoolTimedOut)?
}

/// What holds for a connection as long as it lives.
async fn prepare(connection: &mut AnyConnection, dialect: Dialect) -> Result<(), sqlx::Error> {
    if dialect == Dialect::Sqlite {
        for pragma in ["busy_timeout = 5000", "journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"] {
            connection.execute(AssertSqlSafe(format!("PRAGMA {pragma}"))).await?;
        }
    }
    Ok(())
}

/// `sqlite:` addresses percent-encode what a path may hold.
fn file_url(path: &Path) -> Option<Url> {
    let path = std::path::absolute(path).ok()?;
    let mut url = Url::parse("sqlite:///").ok()?;
    let parts: Option<Vec<&str>> = path
        .components()
        .filter(|part| *part != Component::RootDir)
        .map(|part| match part {
            // `/C:/…` is how SQLite knows a drive; it has no word for a share in a network.
            Component::Prefix(prefix) if !matches!(prefix.kind(), Prefix::Disk(_)) => None,
            part => part.as_os_str().to_str(),
        })
        .collect();
    url.path_segments_mut().ok()?.clear().extend(parts?);
    Some(url)
}

/// Whether sessions are handed out anew for every transaction, so that one client is given what another has left. Told by the number of
/// the process that answers: it stays the same for who has a session of his own, and is nobody else's while he is there.
async fn is_pooled(mine: &mut AnyConnection, options: &AnyConnectOptions) -> Result<bool, sqlx::Error> {
    let mut other = connect(options).await?;
    let mut pooled = false;
    for _ in 0..3 {
        let (before, theirs, after) = (answerer(mine).await?, answerer(&mut other).await?, answerer(mine).await?);
        pooled |= before == theirs || before != after;
    }
    drop(other.close().await);
    Ok(pooled)
}

/// Whether sessions in which nothing is asked for a while are ended. PostgreSQL 13 cannot do that.
async fn ends_idle_sessions(connection: &mut AnyConnection) -> Result<bool, sqlx::Error> {
    let sql = "SELECT coalesce(current_setting('idle_session_timeout', true), '0') AS after";
    Ok(connection.fetch_one(sql).await?.try_get::<String, _>("after")? != "0")
}

async fn answerer(connection: &mut AnyConnection) -> Result<i32, sqlx::Error> {
    // Without values it is sent as text: what is prepared would be left behind in somebody's session.
    connection.fetch_one("SELECT pg_backend_pid() AS process").await?.try_get("process")
}

/// Whether the server does not take this password, or this user any more; what a file says may have changed since.
fn is_refused(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code).is_some_and(|code| matches!(&*code, "28P01" | "28000"))
}

/// Whether the database may be back in a moment: connections that break or cannot be made, a server that starts or stops, and one
/// that only reads while another takes over (classes 08 and 57P, 25006, of
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>).
fn is_away(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_) => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            code.starts_with("08")
                || code.starts_with("57P")
                || code == "40001"
                || code == "40P01"
                || code == "53300"
                || code == "25006"
        }),
        _ => false,
    }
}

/// SQLite gives its side files the mode of the main file, so that one is made first.
fn make_private(path: &Path) -> std::io::Result<()> {
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        files::make_private_dir(directory)?;
    }
    files::private(std::fs::OpenOptions::new().create(true).append(true)).open(path).map(drop)
}

/// A row, with errors that name the database.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) row: &'a AnyRow,
    pub(super) place: &'a Place,
}

impl<'a> Reader<'a> {
    pub(super) fn get<T: sqlx::Decode<'a, Any> + sqlx::Type<Any>>(self, column: &str) -> Result<T, Error> {
        self.row.try_get(column).map_err(|error| Error::row(self.place, error))
    }

    pub(super) fn json(self, column: &str) -> Result<Value, Error> {
        serde_json::from_str(self.get::<&str>(column)?).map_err(|error| Error::row(self.place, error))
    }

    pub(super) fn time(self, column: &str) -> Result<Timestamp, Error> {
        self.get::<&str>(column)?.parse().map_err(|error: jiff::Error| Error::row(self.place, error))
    }

    /// Milliseconds since 1970.
    pub(super) fn moment(self, column: &str) -> Result<Option<Timestamp>, Error> {
        let millis: Option<i64> = self.get(column)?;
        millis.map(Timestamp::from_millisecond).transpose().map_err(|error| Error::row(self.place, error))
    }
}
