//! What can go wrong with the program, sorted by what the caller must do about it.

use std::path::PathBuf;

use semver::Version;

use super::binary::Engine;
use super::diagnostic::TfDiagnostic;
use crate::base::Class;

/// How the child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It returned this code.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
        }
    }
}

/// Who holds the state lock, as the program reports it. Fields it did not print are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lock {
    /// Lock id, for `force-unlock`. Not a secret.
    pub id: String,
    /// `user@host` of the holder.
    pub who: String,
    /// When it was taken, in the program's own spelling (`2026-11-20 22:40:46.667504483 +0000 UTC`).
    pub created: String,
    /// What the holder is doing (`OperationTypeApply`).
    pub operation: String,
}

/// A failure of this room.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No binary anywhere we looked. Remedy: install it, or let aksight fetch the pinned release.
    #[error("`{}` was not found in {} places", .engine.program(), .searched.len())]
    Missing {
        /// Which engine was wanted.
        engine: Engine,
        /// Files that were looked for, in order.
        searched: Vec<PathBuf>,
    },
    /// There is a binary, but older than aksight supports. Remedy: upgrade it, or let aksight fetch the pinned release.
    #[error("`{}` is version {found}, at least {minimum} is needed", .path.display())]
    TooOld {
        /// Which engine was wanted.
        engine: Engine,
        /// The binary.
        path: PathBuf,
        /// Its version.
        found: Version,
        /// The oldest version that is supported.
        minimum: Version,
    },
    /// There is a file of that name, but it does not answer `version -json` as the engine does.
    #[error("`{}` does not answer like {engine}: {reason}", .path.display())]
    Unusable {
        /// Which engine was wanted.
        engine: Engine,
        /// The file.
        path: PathBuf,
        /// What was wrong with the answer.
        reason: String,
    },
    /// The child could not be started.
    #[error("start `{}`", .program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A file or pipe of ours failed.
    #[error("{action} `{}`", .path.display())]
    Io {
        /// What was being done: `read`, `write`, `create`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The program ended with errors of its own.
    #[error("`{command}` stopped with {exit}{}", first(.diagnostics, .stderr))]
    Stopped {
        /// Subcommand, e.g. `plan`.
        command: &'static str,
        /// Everything it reported, errors and warnings, in order.
        diagnostics: Vec<TfDiagnostic>,
        /// How it ended.
        exit: Exit,
        /// The last lines of standard error, for failures outside its JSON.
        stderr: String,
    },
    /// Another process holds the state lock.
    #[error("the state is locked by {} since {} ({})", .0.who, .0.created, .0.operation)]
    StateLocked(Lock),
    /// The state moved on after the plan was made: plan again.
    #[error("the saved plan is stale: the state changed after it was made")]
    StalePlan,
    /// The provider found is not the one that the lock file records.
    #[error("the provider does not match the dependency lock file: {detail}")]
    LockFileMismatch {
        /// The program's own explanation.
        detail: String,
    },
    /// The resource exists but is not in the state: it must be imported.
    #[error("`{address}` exists already as `{id}` but is not in the state")]
    AlreadyExists {
        /// Terraform address; empty if the program named none.
        address: String,
        /// ARM id of what is there.
        id: String,
    },
    /// The directory is not (or no longer) initialised for this configuration.
    #[error("the directory must be initialised: {detail}")]
    NeedsInit {
        /// The program's own explanation.
        detail: String,
    },
    /// The state would have to move to another backend, which nobody but a person may decide (`init -migrate-state` or `-reconfigure`).
    #[error("the backend changed: {detail}")]
    BackendChanged {
        /// The program's own explanation.
        detail: String,
    },
    /// The run was cancelled; the child was interrupted and has ended, its lock is released.
    #[error("`{command}` was interrupted")]
    Cancelled {
        /// Subcommand, e.g. `apply`.
        command: &'static str,
        /// What it reported on its way out.
        diagnostics: Vec<TfDiagnostic>,
    },
    /// The child succeeded but did not print the JSON it should.
    #[error("`{command}` printed no readable JSON")]
    Garbled {
        /// Subcommand, e.g. `show`.
        command: &'static str,
        /// Where reading stopped.
        source: serde_json::Error,
    },
}

fn first(diagnostics: &[TfDiagnostic], stderr: &str) -> String {
    if let Some(error) = diagnostics.iter().find(|d| d.is_error()) {
        return format!(": {error}");
    }
    stderr.lines().rev().find(|line| !line.trim().is_empty()).map_or_else(String::new, |line| format!(": {}", line.trim()))
}

impl Error {
    /// What the failure means for the caller.
    pub fn class(&self) -> Class {
        match self {
            Self::Missing { .. }
            | Self::TooOld { .. }
            | Self::Unusable { .. }
            | Self::Start { .. }
            | Self::Io { .. }
            | Self::LockFileMismatch { .. }
            | Self::BackendChanged { .. } => Class::Refused,
            Self::Stopped { diagnostics, .. } => {
                diagnostics.iter().find(|d| d.is_error()).map_or(Class::Invalid, TfDiagnostic::class)
            }
            Self::StateLocked(_) => Class::Locked,
            Self::StalePlan => Class::Conflict,
            Self::AlreadyExists { .. } => Class::Exists,
            Self::NeedsInit { .. } => Class::NotYet,
            Self::Cancelled { .. } => Class::Cancelled,
            Self::Garbled { .. } => Class::Bug,
        }
    }

    pub(super) fn io(action: &'static str, path: &std::path::Path, source: std::io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), source }
    }
}
