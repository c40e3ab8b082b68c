//! A PostgreSQL of the test's own: made, started, broken and thrown away.

use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use aksight::base::Secret;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User, geteuid};
use tempfile::TempDir;

/// What must never be told.
pub(crate) const PASSWORD: &str = "postgres-password-of-a-test";

/// A server that ends with its test.
pub(crate) struct Postgres {
    home: TempDir,
    port: u16,
    server: Option<Child>,
}

impl Postgres {
    /// Makes a cluster and starts it.
    pub(crate) fn start() -> Self {
        let home = tempfile::tempdir().unwrap();
        let port = free_port();
        std::fs::write(home.path().join("password"), PASSWORD).unwrap();
        if let Some(user) = servant() {
            for path in [home.path().to_owned(), home.path().join("password")] {
                chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw())).unwrap();
            }
        }
        let at = |name: &str| home.path().join(name).display().to_string();
        let mut initdb = program("initdb");
        initdb.args([
            "-D",
            &at("data"),
            "-U",
            "aksight",
            "-A",
            "scram-sha-256",
            "--pwfile",
            &at("password"),
            "--no-sync",
            "-E",
            "UTF8",
        ]);
        let made = initdb.current_dir(home.path()).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut postgres = Self { home, port, server: None };
        postgres.resume();
        postgres
    }

    /// Starts the server that was stopped.
    #[expect(clippy::disallowed_methods, reason = "another process is asked until it answers")]
    pub(crate) fn resume(&mut self) {
        let home = self.home.path().display().to_string();
        let mut server = program("postgres");
        server.args(["-D", &format!("{home}/data"), "-p", &self.port.to_string(), "-k", &home]);
        server.args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "max_connections=200"]);
        self.server = Some(server.current_dir(&home).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let began = Instant::now();
        while !self.answers() {
            assert!(began.elapsed() < Duration::from_secs(30), "PostgreSQL does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn answers(&self) -> bool {
        let mut ask = program("pg_isready");
        ask.args(["-h", "127.0.0.1", "-p", &self.port.to_string()]).stdout(Stdio::null());
        ask.status().unwrap().success()
    }

    /// Stops the server as an operator would who cannot wait for its clients.
    pub(crate) fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            kill(Pid::from_raw(i32::try_from(server.id()).unwrap()), Signal::SIGINT).unwrap();
            server.wait().unwrap();
        }
    }

    /// Its directory.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Its port on this machine.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Its address.
    pub(crate) fn address(&self) -> Secret {
        self.address_at(self.port)
    }

    /// Its address by way of another port.
    #[expect(clippy::unused_self, reason = "the address of this server, whatever leads to it")]
    pub(crate) fn address_at(&self, port: u16) -> Secret {
        Secret::new(format!("postgres://aksight:{PASSWORD}@127.0.0.1:{port}/postgres?sslmode=disable"))
    }

    /// What `psql` says to a query, one line per row.
    pub(crate) fn ask(&self, query: &str) -> Vec<String> {
        ask(&self.address(), query)
    }

    /// The same where sessions only read by default.
    pub(crate) fn ask_writing(&self, query: &str) -> Vec<String> {
        let address = self.address();
        ask(&Secret::new(format!("{}&options=-cdefault_transaction_read_only%3Doff", address.expose())), query)
    }
}

/// A database of the test's own in a server that was there before, which `AKSIGHT_TEST_STORE` names; its role may make databases.
pub(crate) struct Guest {
    server: Secret,
    name: String,
}

impl Guest {
    /// Makes it, if there is such a server.
    pub(crate) fn invited() -> Option<Self> {
        let server = Secret::new(std::env::var("AKSIGHT_TEST_STORE").ok()?);
        let name = format!("aksight_test_{}", uuid::Uuid::new_v4().simple());
        ask(&server, &format!("CREATE DATABASE {name}"));
        Some(Self { server, name })
    }

    /// Its address.
    pub(crate) fn address(&self) -> Secret {
        let mut url = url::Url::parse(self.server.expose()).unwrap();
        url.set_path(&self.name);
        Secret::new(url.to_string())
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        ask(&self.server, &format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}

fn ask(address: &Secret, query: &str) -> Vec<String> {
    let mut ask = Command::new(installed("psql"));
    ask.args(["-X", "-A", "-t", "-c", query, address.expose()]);
    let said = ask.output().unwrap();
    assert!(said.status.success(), "{query}: {}", String::from_utf8_lossy(&said.stderr));
    String::from_utf8(said.stdout).unwrap().lines().map(str::to_owned).collect()
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// PostgreSQL refuses to run as root; there it runs as the user that its package made.
pub(crate) fn servant() -> Option<User> {
    geteuid().is_root().then(|| {
        User::from_name("postgres")
            .unwrap()
            .unwrap_or_else(|| panic!("there is no user `postgres`: install PostgreSQL (Debian: apt-get install postgresql)"))
    })
}

/// A program of the server's, to be started as its user.
pub(crate) fn program(name: &str) -> Command {
    let path = installed(name);
    match servant() {
        Some(_) => {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(path);
            command
        }
        None => Command::new(path),
    }
}

/// Debian keeps the server's programs beside the path, and `PgBouncer` where only root looks. `AKSIGHT_TEST_POSTGRES` names a directory with those of another version.
fn installed(name: &str) -> PathBuf {
    let wanted = std::env::var_os("AKSIGHT_TEST_POSTGRES").map(|place| PathBuf::from(place).join(name));
    if let Some(wanted) = wanted.filter(|path| path.exists()) {
        return wanted;
    }
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let usual = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path().join("bin"));
    let mut places: Vec<PathBuf> = usual.collect();
    places.sort();
    places.reverse();
    places.push("/usr/sbin".into());
    let found =
        places.into_iter().chain(std::env::split_paths(&on_path)).map(|place| place.join(name)).find(|path| Path::exists(path));
    found.unwrap_or_else(|| panic!("`{name}` is missing: install PostgreSQL 15 or newer (Debian: apt-get install postgresql)"))
}
