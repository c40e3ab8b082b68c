//! `aksightd.toml`: what the daemon keeps, when, and who may talk to it.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::time::Duration;

use croner::Cron;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::access::{Role, Token};
use super::http::tls;
use super::schedule;
use crate::base::{Secret, go_duration};
use crate::host::{files, socket};
use crate::journal::{self, Database, Source};
use crate::telemetry::Collector;

/// How often a token may come, when nothing is said: a page that is open asks less.
const REQUESTS_PER_SECOND: NonZeroU32 = NonZeroU32::new(20).unwrap();

/// What is wrong with the file.
#[derive(Debug, thiserror::Error)]
pub enum BadConfig {
    /// It cannot be read.
    #[error("`{}` cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is no TOML, or a key is unknown or of the wrong type; the message has line and column.
    #[error("`{}` is wrong: {reason}", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// Where and why.
        reason: String,
    },
    /// A value cannot be used.
    #[error("`{}`: `{key}` {what}", path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// The key.
        key: &'static str,
        /// What is wrong with it.
        what: String,
    },
}

/// The file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    files: Vec<PathBuf>,
    state_dir: Option<PathBuf>,
    freeze_file: Option<PathBuf>,
    #[serde(default)]
    schedule: WrittenSchedule,
    #[serde(default)]
    window: Vec<WrittenWindow>,
    #[serde(default)]
    store: WrittenStore,
    http: Option<WrittenHttp>,
    #[serde(default)]
    notify: Vec<WrittenHook>,
    #[serde(default)]
    telemetry: WrittenTelemetry,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenTelemetry {
    otlp_endpoint: Option<String>,
    otlp_headers_file: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenHook {
    url_file: PathBuf,
    #[serde(default)]
    format: Format,
}

/// What a receiver of notices understands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Plain JSON.
    #[default]
    Json,
    /// An incoming webhook of Slack.
    Slack,
    /// A workflow of Microsoft Teams.
    Teams,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WrittenSchedule {
    cron: String,
    time_zone: String,
    jitter: String,
    run_at_start: bool,
    run_missed: bool,
    deep_every: u32,
    direct_every: u32,
    heal: bool,
    at_once: usize,
}

impl Default for WrittenSchedule {
    fn default() -> Self {
        Self {
            cron: "*/30 * * * *".to_owned(),
            time_zone: "UTC".to_owned(),
            jitter: "1m".to_owned(),
            run_at_start: true,
            run_missed: true,
            deep_every: 12,
            direct_every: 6,
            heal: false,
            at_once: 2,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenWindow {
    cron: String,
    duration: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WrittenStore {
    url_file: Option<PathBuf>,
    lease: String,
}

impl Default for WrittenStore {
    fn default() -> Self {
        Self { url_file: None, lease: "1m".to_owned() }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenHttp {
    listen: String,
    tls_certificate: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    requests_per_second: Option<NonZeroU32>,
    #[serde(default)]
    token: Vec<WrittenToken>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenToken {
    name: String,
    sha256: String,
    role: Role,
}

/// The file, checked. Paths are absolute or count from the file's directory.
#[derive(Clone, Debug)]
pub struct Config {
    /// Files of stacks and fleets; a name may hold `*`.
    pub watched: Vec<PathBuf>,
    /// Where state is kept.
    pub state_dir: PathBuf,
    /// While this file exists nothing is healed.
    pub freeze_file: Option<PathBuf>,
    /// When.
    pub schedule: Schedule,
    /// Where the address of the PostgreSQL is that replicas share; without one, files.
    pub store: Option<Source>,
    /// How long a stack stays with a replica that is not heard of.
    pub lease: Duration,
    /// Who may talk to it, and where.
    pub http: Option<Http>,
    /// Who is told when something is wrong.
    pub hooks: Vec<Hook>,
    /// Where traces go, unless the environment names another place.
    pub collector: Option<Collector>,
    /// The files that hold secrets.
    secrets: Vec<PathBuf>,
}

/// A receiver of notices.
#[derive(Clone, Debug)]
pub struct Hook {
    /// Its address, which is its secret.
    pub url: Secret,
    /// What it understands.
    pub format: Format,
}

/// When stacks are looked at.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// When.
    pub cron: Cron,
    /// In which zone the times of `cron` and of the windows are.
    pub zone: TimeZone,
    /// Spread over as much time.
    pub jitter: Duration,
    /// Whether every stack is looked at when the daemon starts.
    pub run_at_start: bool,
    /// Whether what was due while no daemon was there is looked at when one starts.
    pub run_missed: bool,
    /// Every how many looks terraform is asked, too; 0 for never.
    pub deep_every: u32,
    /// Every how many looks no sweep may answer; 1 for always.
    pub direct_every: u32,
    /// Whether drift is healed.
    pub heal: bool,
    /// How many stacks are worked on at the same time.
    pub at_once: usize,
    /// When healing is allowed: beginnings and how long; empty for always.
    pub windows: Vec<(Cron, Duration)>,
}

/// The HTTP door.
#[derive(Clone, Debug)]
pub struct Http {
    /// Where it listens.
    pub listen: Listen,
    /// Its certificate; without one it listens on this machine only.
    pub tls: Option<tls::Files>,
    /// How often each token may come.
    pub requests_per_second: NonZeroU32,
    /// Who may enter.
    pub tokens: Vec<Token>,
}

/// An address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// TCP.
    Tcp(SocketAddr),
    /// A socket in the file system.
    Unix(PathBuf),
}

impl Config {
    /// Reads and checks the file.
    ///
    /// # Errors
    /// [`BadConfig`].
    pub fn read(path: &Path) -> Result<Self, BadConfig> {
        let text = std::fs::read_to_string(path).map_err(|source| BadConfig::Read { path: path.to_owned(), source })?;
        Self::parse(&text, path)
    }

    fn parse(text: &str, path: &Path) -> Result<Self, BadConfig> {
        let shape =
            |error: toml::de::Error| BadConfig::Shape { path: path.to_owned(), reason: error.to_string().trim_end().to_owned() };
        let written: Written = toml::from_str(text).map_err(shape)?;
        let value = |key: &'static str, what: String| BadConfig::Value { path: path.to_owned(), key, what };
        let base = path.parent().unwrap_or(Path::new("."));
        let cron = |key, text: &str| {
            let read = Cron::from_str(text).map_err(|why| value(key, format!("is no schedule: {why}")))?;
            if schedule::never_comes(&read) {
                return Err(value(key, format!("is a time that never comes: `{text}`")));
            }
            Ok(read)
        };
        let time = |key, text: &str| go_duration::parse(text).ok_or_else(|| value(key, format!("is no duration: `{text}`")));
        if written.files.is_empty() {
            return Err(value("files", "must name at least one file of a stack or a fleet".to_owned()));
        }
        let schedule = &written.schedule;
        if !(1..=64).contains(&schedule.at_once) {
            return Err(value("schedule.at_once", "must be from 1 to 64".to_owned()));
        }
        if schedule.direct_every == 0 {
            return Err(value(
                "schedule.direct_every",
                "must be at least 1: no sweep sees the inside of the clusters".to_owned(),
            ));
        }
        let zone =
            TimeZone::get(&schedule.time_zone).map_err(|why| value("schedule.time_zone", format!("is no time zone: {why}")))?;
        let lease = time("store.lease", &written.store.lease)?;
        if !(Duration::from_secs(4)..=Duration::from_hours(1)).contains(&lease) {
            return Err(value("store.lease", "must be from 4s to 1h".to_owned()));
        }
        let store = written.store.url_file.as_ref().map(|file| Source::File(base.join(file)));
        if let Some(source) = &store {
            Database::check_address(source).map_err(|error| match error {
                journal::Error::Address { why } => value("store.url_file", format!("cannot be used: {why}")),
                other => value("store.url_file", format!("cannot be used: {other}")),
            })?;
        }
        let windows =
            written.window.iter().map(|one| Ok((cron("window.cron", &one.cron)?, time("window.duration", &one.duration)?)));
        let secrets = written.store.url_file.iter().chain(written.notify.iter().map(|hook| &hook.url_file));
        let http = written.http.as_ref().map(|http| door(http, base, &value)).transpose()?;
        Ok(Self {
            watched: written.files.iter().map(|file| base.join(file)).collect(),
            state_dir: base.join(written.state_dir.clone().unwrap_or_else(|| PathBuf::from(".aksight"))),
            freeze_file: written.freeze_file.as_ref().map(|file| base.join(file)),
            schedule: Schedule {
                cron: cron("schedule.cron", &schedule.cron)?,
                zone,
                jitter: time("schedule.jitter", &schedule.jitter)?,
                run_at_start: schedule.run_at_start,
                run_missed: schedule.run_missed,
                deep_every: schedule.deep_every,
                direct_every: schedule.direct_every,
                heal: schedule.heal,
                at_once: schedule.at_once,
                windows: windows.collect::<Result<_, BadConfig>>()?,
            },
            secrets: secrets.map(|file| base.join(file)).collect(),
            store,
            lease,
            http,
            collector: collector(&written.telemetry, base, &value)?,
            hooks: written.notify.iter().map(|one| hook(one, base, &value)).collect::<Result<_, _>>()?,
        })
    }

    /// The files with secrets that everybody on this machine can read.
    #[must_use]
    pub fn open_secrets(&self) -> Vec<&Path> {
        self.secrets.iter().map(PathBuf::as_path).filter(|path| files::open_to_all(path)).collect()
    }

    /// The watched files that exist, in order.
    ///
    /// # Errors
    /// The directory that cannot be read, and why.
    pub fn files(&self) -> Result<BTreeSet<PathBuf>, (PathBuf, std::io::Error)> {
        let mut all = BTreeSet::new();
        for path in &self.watched {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            match name.split_once('*') {
                None => {
                    all.insert(path.clone());
                }
                Some((before, after)) => {
                    let directory = path.parent().filter(|name| !name.as_os_str().is_empty()).unwrap_or(Path::new("."));
                    let unreadable = |error| (directory.to_owned(), error);
                    for entry in std::fs::read_dir(directory).map_err(unreadable)? {
                        let found = entry.map_err(unreadable)?.path();
                        let name = found.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                        if name.len() >= before.len() + after.len() && name.starts_with(before) && name.ends_with(after) {
                            all.insert(found);
                        }
                    }
                }
            }
        }
        Ok(all)
    }
}

/// What a file holds that nobody else may read.
fn secret(key: &'static str, path: &Path, value: &dyn Fn(&'static str, String) -> BadConfig) -> Result<Secret, BadConfig> {
    let text =
        std::fs::read_to_string(path).map_err(|why| value(key, format!("cannot be read (`{}`): {why}", path.display())))?;
    Ok(Secret::new(text.trim().to_owned()))
}

fn hook(written: &WrittenHook, base: &Path, value: &dyn Fn(&'static str, String) -> BadConfig) -> Result<Hook, BadConfig> {
    let path = base.join(&written.url_file);
    let key = "notify.url_file";
    let text = secret(key, &path, value)?;
    let url = url::Url::parse(text.expose()).map_err(|_| value(key, format!("holds no address: `{}`", path.display())))?;
    let here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    if url.scheme() != "https" && !(url.scheme() == "http" && here) {
        return Err(value(key, "must hold an https address".to_owned()));
    }
    Ok(Hook { url: Secret::new(url.to_string()), format: written.format })
}

fn collector(
    written: &WrittenTelemetry,
    base: &Path,
    value: &dyn Fn(&'static str, String) -> BadConfig,
) -> Result<Option<Collector>, BadConfig> {
    let headers_key = "telemetry.otlp_headers_file";
    let Some(endpoint) = &written.otlp_endpoint else {
        // With an endpoint of the environment its headers come from there, too.
        let alone = written.otlp_headers_file.as_ref().map(|_| value(headers_key, "needs `otlp_endpoint`".to_owned()));
        return alone.map_or(Ok(None), Err);
    };
    let plain = Collector::read(endpoint, "").map_err(|what| value("telemetry.otlp_endpoint", what))?;
    let Some(file) = &written.otlp_headers_file else { return Ok(Some(plain)) };
    let headers = secret(headers_key, &base.join(file), value)?;
    Collector::read(endpoint, headers.expose()).map(Some).map_err(|what| value(headers_key, what))
}

fn door(written: &WrittenHttp, base: &Path, value: &dyn Fn(&'static str, String) -> BadConfig) -> Result<Http, BadConfig> {
    let tls = match (&written.tls_certificate, &written.tls_key) {
        (Some(certificate), Some(key)) => Some(tls::Files { certificate: base.join(certificate), key: base.join(key) }),
        (None, None) => None,
        _ => return Err(value("http.tls_certificate", "and `http.tls_key` belong together".to_owned())),
    };
    let listen = if let Some(path) = written.listen.strip_prefix("unix:") {
        if !socket::THERE {
            return Err(value("http.listen", "must be `ADDRESS:PORT`: this system has no sockets in files".to_owned()));
        }
        Listen::Unix(base.join(path))
    } else {
        let address: SocketAddr =
            written.listen.parse().map_err(|_| value("http.listen", "must be `ADDRESS:PORT` or `unix:PATH`".to_owned()))?;
        if tls.is_none() && !address.ip().is_loopback() {
            let what =
                "must be on this machine (127.0.0.1 or [::1]), or a socket; elsewhere `tls_certificate` and `tls_key` are needed";
            return Err(value("http.listen", what.to_owned()));
        }
        Listen::Tcp(address)
    };
    let token = |one: &WrittenToken| {
        let hex = one.sha256.len() == 64 && one.sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !hex {
            return Err(value(
                "http.token.sha256",
                "must be 64 hexadecimal digits; `aksight daemon --new-token ROLE` makes one".to_owned(),
            ));
        }
        Ok(Token { name: one.name.clone(), sha256: one.sha256.to_ascii_lowercase(), role: one.role })
    };
    let requests_per_second = written.requests_per_second.unwrap_or(REQUESTS_PER_SECOND);
    Ok(Http { listen, tls, requests_per_second, tokens: written.token.iter().map(token).collect::<Result<_, _>>()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        Config::parse(text, Path::new("/etc/aksightd.toml")).map_or_else(|error| error.to_string(), |_| "fine".to_owned())
    }

    #[test]
    fn mistakes_are_named_with_their_key() {
        assert_eq!(told("files = [\"a.yaml\"]"), "fine");
        assert!(told("files = [\"a.yaml\"]\nscedule = 1").contains("scedule"));
        assert!(told("files = []").contains("`files` must name"));
        assert!(told("files = [\"a\"]\n[schedule]\ncron = \"every day\"").contains("`schedule.cron` is no schedule"));
        let never = told("files = [\"a\"]\n[[window]]\ncron = \"0 0 30 2 *\"\nduration = \"1h\"");
        assert!(never.contains("`window.cron` is a time that never comes"), "{never}");
        assert_eq!(told("files = [\"a\"]\n[schedule]\ncron = \"0 0 29 2 *\""), "fine");
        assert!(told("files = [\"a\"]\n[schedule]\ntime_zone = \"Mars/Base\"").contains("`schedule.time_zone`"));
        assert!(told("files = [\"a\"]\n[schedule]\nat_once = 0").contains("from 1 to 64"));
        assert!(told("files = [\"a\"]\n[http]\nlisten = \"0.0.0.0:80\"").contains("`tls_certificate` and `tls_key` are needed"));
        assert!(told("files = [\"a\"]\n[schedule]\ndirect_every = 0").contains("at least 1"));
        let socket = told("files = [\"a\"]\n[http]\nlisten = \"unix:s\"");
        assert_eq!(socket == "fine", socket::THERE, "{socket}");
        let token =
            "files = [\"a\"]\n[http]\nlisten = \"[::1]:0\"\n[[http.token]]\nname = \"n\"\nrole = \"read\"\nsha256 = \"x\"";
        assert!(told(token).contains("64 hexadecimal digits"));
        assert!(
            told("files = [\"a\"]\n[telemetry]\notlp_endpoint = \"collector:4318\"")
                .contains("`telemetry.otlp_endpoint` must be")
        );
        assert!(told("files = [\"a\"]\n[telemetry]\notlp_headers_file = \"keys\"").contains("needs `otlp_endpoint`"));
    }

    #[test]
    #[cfg(unix)]
    fn secrets_that_everybody_can_read_are_told() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("url");
        std::fs::write(&file, "postgres://ada@h/x").unwrap();
        let config = Config::parse("files = [\"a\"]\n[store]\nurl_file = \"url\"", &home.path().join("aksightd.toml")).unwrap();
        for (mode, told) in [(0o600, 0), (0o640, 0), (0o644, 1)] {
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(config.open_secrets().len(), told, "{mode:o}");
        }
    }

    /// The page is what people copy from.
    #[test]
    fn the_example_of_the_page_is_sound() {
        let page = include_str!("../../docs/daemon.md");
        let example = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        assert_eq!(told(example), "fine");
    }

    #[test]
    fn paths_count_from_the_file_and_a_star_stands_for_any_name() {
        let home = tempfile::tempdir().unwrap();
        for name in ["a.yaml", "b.yaml", "c.txt"] {
            std::fs::write(home.path().join(name), "").unwrap();
        }
        let config = Config::parse("files = [\"*.yaml\", \"other.yml\"]", &home.path().join("aksightd.toml")).unwrap();
        let names: Vec<String> =
            config.files().unwrap().iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
        assert_eq!(names, ["a.yaml", "b.yaml", "other.yml"]);
        assert_eq!(config.state_dir, home.path().join(".aksight"));
        let elsewhere = Config::parse("files = [\"none/*.yaml\"]", &home.path().join("aksightd.toml")).unwrap();
        assert_eq!(elsewhere.files().unwrap_err().0, home.path().join("none"));
    }
}
