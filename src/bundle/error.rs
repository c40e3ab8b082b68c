//! Why a bundle cannot be written or read.

use std::path::PathBuf;

/// A failure of this room. No message repeats content or keys.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be used.
    #[error("cannot {action} `{}`", .path.display())]
    Io {
        /// `read` or `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Larger than any plan.
    #[error("it is larger than {limit} bytes, which no plan is")]
    TooLarge {
        /// The most that is read or written.
        limit: u64,
    },
    /// The file is something else.
    #[error("it is no plan of aksight's: {0}")]
    NotABundle(&'static str),
    /// The file is no handoff.
    #[error("it is no handoff of aksight's: {0}")]
    NotAHandoff(&'static str),
    /// The end of a handoff is missing.
    #[error("it was cut short: its end is missing")]
    Unfinished,
    /// The digest fits, the parts do not fit together.
    #[error("it does not hold together: {}", .0.join("; "))]
    Contradicts(Vec<String>),
    /// Another version of the format.
    #[error("its format is `{found}`, and this aksight reads `{known}`")]
    Version {
        /// As the file says.
        found: String,
        /// What is understood.
        known: &'static str,
    },
    /// The end is missing.
    #[error("it was cut short: {found} of {expected} bytes are there")]
    CutShort {
        /// The length that it should have.
        expected: u64,
        /// The length that it has.
        found: u64,
    },
    /// It is not what was written.
    #[error("it was altered after it was written: it says it is {expected}, and it is {found}")]
    Altered {
        /// The digest that it names.
        expected: String,
        /// The digest that it has.
        found: String,
    },
    /// The digest fits, the content does not.
    #[error("its content cannot be read (line {}, column {})", .0.line(), .0.column())]
    Malformed(serde_json::Error),
    /// The content cannot be put into JSON.
    #[error("its content cannot be written")]
    Unwritable(#[source] serde_json::Error),
    /// It is encrypted, and there is no key.
    #[error("it is encrypted, and no identity was given")]
    NoIdentity,
    /// None of the keys opens it.
    #[error("it is encrypted to somebody else: none of the given identities opens it")]
    WrongIdentity,
    /// It is encrypted and damaged.
    #[error("it was cut short or altered after it was encrypted")]
    Damaged,
    /// Encryption failed.
    #[error("it cannot be encrypted")]
    Seal(#[source] std::io::Error),
    /// A text holds no usable key.
    #[error("{0}")]
    Key(&'static str),
}
