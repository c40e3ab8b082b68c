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
    /// The address of a shared database cannot be used.
    #[error("the address of the store cannot be used: {why}")]
    Address {
        /// What is wrong with it; nothing of what is secret in it.
        why: String,
    },
    /// The shared database does not answer, or refuses.
    #[error("`{place}` cannot be used: {said}")]
    Away {
        /// Where.
        place: Place,
        /// What was said.
        said: Said,
    },
    /// Between us and the database somebody hands out sessions anew for every transaction.
    #[error("behind `{place}` sessions are shared: a pooler gives every transaction another one")]
    Pooled {
        /// Where.
        place: Place,
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
            Self::Corrupt { .. } | Self::Newer { .. } | Self::Address { .. } | Self::Pooled { .. } => Class::Invalid,
            Self::Use { .. } | Self::Away { .. } => Class::Transient,
        }
    }

    /// Sorts a failure of the database: a file's by SQLite's primary result code.
    pub(super) fn of(dialect: Dialect, place: &Place, source: sqlx::Error) -> Self {
        let place = place.clone();
        if dialect == Dialect::Postgres {
            return Self::away(place, source);
        }
        match primary_code(&source) {
            Some(FULL) => Self::Full { place, source },
            Some(READ_ONLY | CANNOT_OPEN | PERMISSION) => Self::ReadOnly { place, source: source.into() },
            Some(CORRUPT | NOT_A_DATABASE) => Self::Corrupt { place, source: source.into() },
            Some(BUSY | LOCKED) => Self::Busy { place, source },
            _ => Self::Use { place, source: source.into() },
        }
    }

    fn away(place: Place, source: sqlx::Error) -> Self {
        let said = Said(source);
        // What two clients name alike meets in a session that both are given.
        if said.code().is_some_and(|code| matches!(&*code, "42P05" | "26000")) {
            Self::Pooled { place }
        } else {
            Self::Away { place, said }
        }
    }

    /// What to do about it, where the message does not say so itself.
    #[must_use]
    pub fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::Away { said, .. } => Some(said.remedy()),
            Self::Address { .. } => Some("docs/store.md shows what an address may hold"),
            Self::Pooled { .. } => Some(
                "terraform's lock belongs to a session, so each client needs one of its own: `pool_mode = session` in PgBouncer, or the \
                 server's own port",
            ),
            _ => None,
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

/// What a PostgreSQL, or the way to it, said. Shown once and without the lines of the server's own source, which sqlx adds.
#[derive(Debug)]
pub struct Said(pub(super) sqlx::Error);

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.0, self.0.as_database_error()) {
            (_, Some(error)) => {
                f.write_str(error.message())?;
                error.code().map_or(Ok(()), |code| write!(f, " ({code})"))
            }
            (sqlx::Error::Io(error), _) => error.fmt(f),
            (sqlx::Error::Tls(error) | sqlx::Error::Configuration(error), _) => error.fmt(f),
            (sqlx::Error::PoolTimedOut, _) => f.write_str("no answer in time"),
            (error, _) => error.fmt(f),
        }
    }
}

impl Said {
    fn code(&self) -> Option<std::borrow::Cow<'_, str>> {
        self.0.as_database_error()?.code()
    }

    fn remedy(&self) -> &'static str {
        match (&self.0, self.code()) {
            (_, Some(code)) => of_code(&code),
            (sqlx::Error::Io(error), _) => {
                of_certificate(error).unwrap_or("see that the server runs and can be reached from here")
            }
            (sqlx::Error::Tls(_), _) => {
                "switch TLS on at the server (`ssl = on`), or say `sslmode=disable` where nobody can listen"
            }
            _ => "see that a PostgreSQL answers at this address: docs/store.md",
        }
    }
}

/// What to do about an answer: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn of_code(code: &str) -> &'static str {
    match code {
        "28P01" => "correct the password: in the address, in PGPASSWORD, or in a pgpass file that only its owner may read",
        "28000" => {
            "pg_hba.conf at the server says who may come, from where, and whether encrypted or with a certificate (`sslcert`, `sslkey`)"
        }
        "3D000" => "make the database, or correct its name in the address",
        "42501" => "the role needs CREATE on the database and on its schema `public`: docs/store.md",
        "25006" => "the server only reads, as a standby does: the address must lead to the one that may be written to",
        "53300" => "raise `max_connections` or the role's limit: a daemon takes up to eight, and each terraform one more",
        "57014" => "raise `statement_timeout` for the role: aksight itself gives a statement ten seconds",
        "08P01" => "a PgBouncer needs `ignore_startup_parameters = extra_float_digits`: docs/store.md",
        _ => "docs/store.md says what is needed of the server",
    }
}

fn of_certificate(error: &std::io::Error) -> Option<&'static str> {
    use rustls::{AlertDescription, CertificateError as Bad, Error as Tls};
    Some(match error.get_ref()?.downcast_ref::<Tls>()? {
        Tls::InvalidCertificate(Bad::NotValidForName | Bad::NotValidForNameContext { .. }) => {
            "write the host in the address as its certificate names it; `sslmode=verify-ca` checks who signed it, not the name"
        }
        Tls::InvalidCertificate(
            Bad::Expired | Bad::ExpiredContext { .. } | Bad::NotValidYet | Bad::NotValidYetContext { .. },
        ) => "give the server a certificate that is valid now, and see that the clock of this machine is right",
        Tls::InvalidCertificate(_) => {
            "name the certificate of who signed it in the address (`sslrootcert=FILE`), or trust it on this machine (SSL_CERT_FILE)"
        }
        Tls::AlertReceived(
            AlertDescription::CertificateRequired | AlertDescription::UnknownCA | AlertDescription::BadCertificate,
        ) => "the server wants a certificate of the client that it trusts: `sslcert=FILE&sslkey=FILE` in the address",
        _ => "see that both sides speak TLS 1.2 or newer",
    })
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
