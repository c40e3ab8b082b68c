//! What can be wrong with a file on a disk, and what to do about it.

use std::path::{Path, PathBuf};

use crate::base::Class;

/// Why the journal could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No space left.
    #[error("the disk under the journal `{}` is full; free some space and run the same command again", path.display())]
    Full {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: sqlx::Error,
    },
    /// The file, its directory or the file system cannot be written.
    #[error("the journal `{}` cannot be written; make its directory writable or choose another with `--state-dir`", path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Not a journal, or damaged.
    #[error("the journal `{}` is damaged; move it away and run again: Azure itself is read, only the history is lost", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Another process writes at this moment.
    #[error("the journal `{}` is in use by another process", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: sqlx::Error,
    },
    /// Written by a later version of this program.
    #[error("the journal `{}` was written by a newer aksight (layout {version}); use that version", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its layout.
        version: i64,
    },
    /// Anything else.
    #[error("cannot use the journal `{}`", path.display())]
    Use {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// What it means for the caller.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Busy { .. } => Class::Locked,
            Self::Full { .. } | Self::ReadOnly { .. } => Class::Refused,
            Self::Corrupt { .. } | Self::Newer { .. } => Class::Invalid,
            Self::Use { .. } => Class::Transient,
        }
    }

    /// Sorts a failure of the database by SQLite's primary result code.
    pub(super) fn of(path: &Path, source: sqlx::Error) -> Self {
        let path = path.to_owned();
        match primary_code(&source) {
            Some(FULL) => Self::Full { path, source },
            Some(READ_ONLY | CANNOT_OPEN | PERMISSION) => Self::ReadOnly { path, source: source.into() },
            Some(CORRUPT | NOT_A_DATABASE) => Self::Corrupt { path, source: source.into() },
            Some(BUSY | LOCKED) => Self::Busy { path, source },
            _ => Self::Use { path, source: source.into() },
        }
    }

    pub(super) fn file(path: &Path, source: std::io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                Self::Full { path, source: sqlx::Error::Io(source) }
            }
            std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
                Self::ReadOnly { path, source: source.into() }
            }
            _ => Self::Use { path, source: source.into() },
        }
    }

    /// A row that says something this program never writes.
    pub(super) fn row(path: &Path, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Corrupt { path: path.to_owned(), source: Box::new(source) }
    }
}

/// Primary result codes: <https://sqlite.org/rescode.html>.
const PERMISSION: u32 = 3;
const BUSY: u32 = 5;
const LOCKED: u32 = 6;
const READ_ONLY: u32 = 8;
const CORRUPT: u32 = 11;
const FULL: u32 = 13;
const CANNOT_OPEN: u32 = 14;
const NOT_A_DATABASE: u32 = 26;

fn primary_code(error: &sqlx::Error) -> Option<u32> {
    let code: u32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}
