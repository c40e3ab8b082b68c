//! Finding the binary and asking which version it is.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use semver::Version;
use serde_json::Value as Json;
use tokio::process::Command;

use super::document;
use super::environment::Environment;
use super::error::Error;
use super::install::PINNED;
use super::memory;
use crate::host::{files, names};

/// The oldest version that is supported, of either engine: it is what the generated `required_version` says (contract §11.1).
pub const MINIMUM: Version = Version::new(1, 9, 0);

/// Which program reads the HCL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Engine {
    /// `terraform`.
    Terraform,
    /// `tofu`.
    OpenTofu,
}

impl Engine {
    /// Name of the command.
    pub fn program(self) -> &'static str {
        match self {
            Self::Terraform => "terraform",
            Self::OpenTofu => "tofu",
        }
    }

    /// Name of the program's file on this system. A script in its place is not started: nothing in it could be interrupted politely.
    pub fn file(self) -> String {
        names::program(self.program())
    }
}

impl std::fmt::Display for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Terraform => "Terraform",
            Self::OpenTofu => "OpenTofu",
        })
    }
}

/// A binary that has told its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binary {
    /// Absolute path, or the path that was given explicitly.
    pub path: PathBuf,
    /// Its version.
    pub version: Version,
    /// Which engine it is.
    pub engine: Engine,
}

impl Binary {
    /// Whether `init` speaks `-json`. Terraform 1.11 does; of older ones and of OpenTofu it is not relied upon: they are read as text.
    pub(super) fn init_speaks_json(&self) -> bool {
        self.engine == Engine::Terraform && self.version >= Version::new(1, 11, 0)
    }
}

/// Where [`super::install()`] puts a release below the user's cache directory, and where [`find`] looks for it.
pub fn cached_binary(cache_dir: &Path, engine: Engine, version: &Version) -> PathBuf {
    cache_dir.join(engine.program()).join(version.to_string()).join(engine.file())
}

/// Finds a binary of at least [`MINIMUM`]: the explicit one, or the first on `search_path`, or the release in the user's cache.
///
/// A binary on the path that is too old gives way to a cached release; only when there is none is it an error of its own
/// ([`Error::TooOld`]), told apart from none at all ([`Error::Missing`]). An explicit path is never replaced by another.
/// `environment` is what the binary runs with.
pub async fn find(
    engine: Engine,
    explicit: Option<&Path>,
    search_path: Option<&OsStr>,
    cache_dir: &Path,
    environment: &Environment,
) -> Result<Binary, Error> {
    let candidates = candidates(engine, explicit, search_path, cache_dir);
    let mut refused = None;
    for path in candidates.iter().filter(|path| files::is_program(path)) {
        if let Some(version) = memory::recall(cache_dir, path).filter(|version| *version >= MINIMUM) {
            return Ok(Binary { path: path.clone(), version, engine });
        }
        match ask(engine, path, environment).await {
            Ok(binary) => {
                memory::keep(cache_dir, &binary);
                return Ok(binary);
            }
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    Err(refused.unwrap_or(Error::Missing { engine, searched: candidates }))
}

fn candidates(engine: Engine, explicit: Option<&Path>, search_path: Option<&OsStr>, cache_dir: &Path) -> Vec<PathBuf> {
    if let Some(path) = explicit {
        return vec![path.to_owned()];
    }
    let on_path = search_path.into_iter().flat_map(std::env::split_paths);
    // An empty or relative entry means the current directory of whoever runs us: not a place to take a program from.
    let mut all: Vec<PathBuf> = on_path.filter(|dir| dir.is_absolute()).map(|dir| dir.join(engine.file())).collect();
    if engine == Engine::Terraform {
        all.push(cached_binary(cache_dir, engine, &PINNED));
    }
    all
}

async fn ask(engine: Engine, path: &Path, environment: &Environment) -> Result<Binary, Error> {
    let mut command = Command::new(path);
    environment.apply_to(&mut command);
    command.args(["version", "-json"]).current_dir("/").stdin(Stdio::null());
    let output = command.output().await.map_err(|source| Error::Start { program: path.to_owned(), source })?;
    let unusable = |reason: String| Error::Unusable { engine, path: path.to_owned(), reason };
    if !output.status.success() {
        return Err(unusable(format!("`version -json` ended with {}", output.status)));
    }
    let output = String::from_utf8_lossy(&output.stdout);
    let answer = document::read(&output).map_err(|error| unusable(format!("`version -json` printed no JSON: {error}")))?;
    let version =
        answer.get("terraform_version").and_then(Json::as_str).ok_or_else(|| unusable("no version in its answer".into()))?;
    let found = Version::parse(version.trim_start_matches('v')).map_err(|_| unusable(format!("`{version}` is no version")))?;
    if found < MINIMUM {
        return Err(Error::TooOld { engine, path: path.to_owned(), found, minimum: MINIMUM });
    }
    Ok(Binary { path: path.to_owned(), version: found, engine })
}
