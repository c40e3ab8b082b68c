//! What can be wrong with a file on a disk or a database elsewhere, and what to do about it.

use super::database::{Dialect, Place};
use crate::base::Class;

/// Why the journal could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No space left.
    #[error("the disk under the journal `{}` is full; free some space and run the same command again", place)]
    Full {
        /// Where.
        place: Place,
        /// The cause.
        #[source]
        source: sqlx::Error,
    },
    /// The file, its directory or the file system cannot be written.
    #[error("the journal `{}` cannot be written; make its directory writable or choose another with `--state-dir`", place)]
    ReadOnly {
        /// Where.
        place: Place,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Not a journal, or damaged.
    #[error("the journal `{}` is damaged; move it away and run again: Azure itself is read, only the history is lost", place)]
    Corrupt {
        /// Where.
        place: Place,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Another process writes at this moment.
    #[error("the journal `{}` is in use by another process", place)]
    Busy {
        /// Where.
        place: Place,
        /// The cause.
        #[source]
        source: sqlx::Error,
    },
    /// Written by a later version of this program.
    #[error("the journal `{}` was written by a newer aksight (layout {version}); use that version", place)]
    Newer {
        /// Where.
        place: Place,
        /// Its layout.
        version: i64,
    },
    /// The address of a shared database is none.
    #[error("the address of the store is none; it looks like `postgres://USER@HOST:5432/DATABASE`")]
    Address,
    /// The shared database does not answer, or refuses.
    #[error("`{place}` cannot be used")]
    Away {
        /// Where.
        place: Place,
        /// The cause.
        #[source]
        source: sqlx::Error,
    },
    /// Somebody else has taken the stack over, because this process was not heard of for too long.
    #[error("the lease on `{stack}` was lost: another replica works on it")]
    Fenced {
        /// The stack.
        stack: String,
    },
    /// Anything else.
    #[error("cannot use the journal `{}`", place)]
    Use {
        /// Where.
        place: Place,
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
            Self::Busy { .. } | Self::Fenced { .. } => Class::Locked,
            Self::Full { .. } | Self::ReadOnly { .. } => Class::Refused,
            Self::Corrupt { .. } | Self::Newer { .. } | Self::Address => Class::Invalid,
            Self::Use { .. } | Self::Away { .. } => Class::Transient,
        }
    }

    /// Sorts a failure of the database: a file's by SQLite's primary result code.
    pub(super) fn of(dialect: Dialect, place: &Place, source: sqlx::Error) -> Self {
        let place = place.clone();
        if dialect == Dialect::Postgres {
            return Self::Away { place, source };
        }
        match primary_code(&source) {
            Some(FULL) => Self::Full { place, source },
            Some(READ_ONLY | CANNOT_OPEN | PERMISSION) => Self::ReadOnly { place, source: source.into() },
            Some(CORRUPT | NOT_A_DATABASE) => Self::Corrupt { place, source: source.into() },
            Some(BUSY | LOCKED) => Self::Busy { place, source },
            _ => Self::Use { place, source: source.into() },
        }
    }

    pub(super) fn file(place: &Place, source: std::io::Error) -> Self {
        let place = place.clone();
        match source.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                Self::Full { place, source: sqlx::Error::Io(source) }
            }
            std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
                Self::ReadOnly { place, source: source.into() }
            }
            _ => Self::Use { place, source: source.into() },
        }
    }

    /// A row that says something this program never writes.
    pub(super) fn row(place: &Place, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Corrupt { place: place.clone(), source: Box::new(source) }
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
