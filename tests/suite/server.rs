//! What a PostgreSQL asks of who comes, and what happens to those who are there: certificates, roles, new passwords, poolers, a server
//! that only reads for a while.

use std::net::TcpStream;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use aksight::journal::{Database, Error, Kept, Roster, Source};
use jiff::Timestamp;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::postgres::{PASSWORD, Postgres, free_port, program, servant};
use crate::rehearsal::Rehearsal;

/// Somebody who signs certificates.
fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A file that only the server reads.
fn give(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    if let Some(user) = servant() {
        chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw())).unwrap();
    }
}

#[test]
fn certificates_are_checked_and_what_is_wrong_with_them_is_told() {
    let (stage, postgres) = (Rehearsal::new(), Postgres::start());
    let (ours, key) = (authority(), KeyPair::generate().unwrap());
    let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &ours).unwrap();
    give(&postgres.home().join("data/server.crt"), &certificate.pem());
    give(&postgres.home().join("data/server.key"), &key.serialize_pem());
    let at = |host: &str, more: &str| format!("postgres://aksight:{PASSWORD}@{host}:{}/postgres?{more}", postgres.port());
    let told = |address: &str, trusted: Option<&str>| {
        let mut command = stage.command(&["status"]);
        let ended = command.env("AKSIGHT_STORE", address).envs(trusted.map(|file| ("SSL_CERT_FILE", file))).output().unwrap();
        let told = String::from_utf8(ended.stderr).unwrap();
        assert!(!told.contains(PASSWORD), "{told}");
        told.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let plain = told(&at("localhost", ""), None);
    assert!(plain.contains("server does not support TLS") && plain.contains("`ssl = on`"), "{plain}");
    postgres.ask("ALTER SYSTEM SET ssl = on");
    postgres.ask("SELECT pg_reload_conf()");
    while postgres.ask("SHOW ssl") != ["on"] {}
    for (name, authority) in [("ours.pem", &ours), ("theirs.pem", &authority())] {
        std::fs::write(stage.home().join(name), authority.pem()).unwrap();
    }
    let in_order = "there was no run of stack `quickstart` here yet";
    let full = |host: &str, root: &str| at(host, &format!("sslmode=verify-full&sslrootcert={root}"));
    for (wanted, address, trusted) in [
        (in_order, full("localhost", "ours.pem"), None),
        (in_order, at("localhost", "sslmode=verify-full"), Some("ours.pem")),
        (in_order, at("127.0.0.1", ""), None),
        ("name the certificate of who signed it in the address (`sslrootcert=FILE`)", full("localhost", "theirs.pem"), None),
        ("name the certificate of who signed it", at("localhost", "sslmode=verify-full"), None),
        // A certificate that is named is checked, whatever the mode.
        ("name the certificate of who signed it", at("localhost", "sslmode=require&sslrootcert=theirs.pem"), None),
        ("write the host in the address as its certificate names it", full("127.0.0.1", "ours.pem"), None),
        ("`sslrootcert` names `none.pem`, which cannot be read", full("localhost", "none.pem"), None),
    ] {
        let told = told(&address, trusted);
        assert!(told.contains(wanted), "{wanted}\n{told}");
    }
}

fn kept(name: &str) -> Kept {
    Kept { name: name.to_owned(), fleet: None, digest: "d".to_owned(), due: Timestamp::UNIX_EPOCH }
}

/// Whoever owns the database is somebody else; the password is changed while a daemon is there, and the file a moment later.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_owns_nothing_works_and_its_new_password_is_read_from_the_file() {
    let postgres = Postgres::start();
    postgres.ask("CREATE ROLE keeper LOGIN PASSWORD 'one'");
    let file = postgres.home().join("url");
    let write = |password: &str| {
        std::fs::write(&file, format!("postgres://keeper:{password}@127.0.0.1:{}/postgres?sslmode=disable\n", postgres.port()))
            .unwrap();
    };
    write("one");
    let open = || Database::open_source(Source::File(file.clone()));
    let refused = open().await.unwrap_err();
    assert!(refused.remedy().is_some_and(|remedy| remedy.contains("needs CREATE on the database")), "{refused}");
    postgres.ask("GRANT CREATE ON DATABASE postgres TO keeper");
    postgres.ask("GRANT CREATE ON SCHEMA public TO keeper");
    let roster = Roster::of(open().await.unwrap());
    roster.take(&[kept("s")]).await.unwrap();
    postgres.ask("ALTER ROLE keeper PASSWORD 'two'");
    postgres.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'keeper'");
    let asking = tokio::spawn({
        let roster = roster.clone();
        async move { roster.all().await.map(|all| all.len()) }
    });
    still_waits(&postgres, &asking);
    write("two");
    assert_eq!(asking.await.unwrap().unwrap(), 1);
    assert!(
        roster.database().address().await.is_some_and(|address| address.expose().contains("two")),
        "terraform gets the new one"
    );
}

/// As long as the server is asked a few things.
fn still_waits<T>(postgres: &Postgres, asking: &tokio::task::JoinHandle<T>) {
    for _ in 0..5 {
        postgres.ask("SELECT 1");
        assert!(!asking.is_finished());
    }
}

/// A standby, before it is promoted or the name leads elsewhere.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_only_reads_is_waited_for() {
    let postgres = Postgres::start();
    let roster = Roster::of(Database::open_shared(&postgres.address()).await.unwrap());
    roster.take(&[kept("s")]).await.unwrap();
    let only_reads = |on: &str| {
        postgres.ask_writing(&format!("ALTER SYSTEM SET default_transaction_read_only = {on}"));
        postgres.ask("SELECT pg_reload_conf()");
        while postgres.ask("SHOW default_transaction_read_only") != [on] {}
    };
    only_reads("on");
    let refused = Database::open_shared(&postgres.address()).await.unwrap_err();
    assert!(
        refused.to_string().contains("25006") && refused.remedy().is_some_and(|remedy| remedy.contains("standby")),
        "{refused}"
    );
    let asking = tokio::spawn({
        let roster = roster.clone();
        async move { roster.ask("s", &serde_json::json!({})).await }
    });
    still_waits(&postgres, &asking);
    only_reads("off");
    assert!(asking.await.unwrap().unwrap());
}

/// A `PgBouncer` before a server.
struct Bouncer {
    port: u16,
    child: Child,
}

impl Bouncer {
    #[expect(clippy::disallowed_methods, reason = "another process is asked until it answers")]
    fn before(postgres: &Postgres, mode: &str) -> Self {
        let (port, home) = (free_port(), postgres.home());
        let users = home.join("users");
        give(&users, &format!("\"aksight\" \"{PASSWORD}\"\n"));
        let settings = home.join(format!("{mode}.ini"));
        let text = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = scram-sha-256\nauth_file = {}\npool_mode = {mode}\nignore_startup_parameters = extra_float_digits\n",
            postgres.port(),
            users.display()
        );
        give(&settings, &text);
        let mut command = program("pgbouncer");
        let child = command.arg(settings).current_dir(home).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(began.elapsed() < Duration::from_secs(20), "PgBouncer does not start");
            std::thread::sleep(Duration::from_millis(10));
        }
        Self { port, child }
    }
}

impl Drop for Bouncer {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_is_welcome_where_sessions_are_not_shared() {
    let postgres = Postgres::start();
    let own = Bouncer::before(&postgres, "session");
    let roster = Roster::of(Database::open_shared(&postgres.address_at(own.port)).await.unwrap());
    roster.take(&[kept("s")]).await.unwrap();
    let shared = Bouncer::before(&postgres, "transaction");
    let refused = Database::open_shared(&postgres.address_at(shared.port)).await.unwrap_err();
    assert!(matches!(refused, Error::Pooled { .. }), "{refused}");
    assert_eq!(roster.all().await.unwrap().len(), 1, "nothing was left in anybody's session");
}
