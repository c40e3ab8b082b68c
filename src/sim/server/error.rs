//! Why an embedded Azure cannot start.

use std::path::{Path, PathBuf};

/// Why it cannot start. Prints only itself.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process serves from the same directory.
    #[error("another process already serves the embedded Azure in `{}`", .0.display())]
    InUse(PathBuf),
    /// The port that was asked for is taken.
    #[error("port {port} cannot be opened")]
    Port {
        /// The port.
        port: u16,
        /// Why.
        source: std::io::Error,
    },
    /// A file cannot be read or written.
    #[error("`{}` cannot be used", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file holds something else than it should.
    #[error("`{}` is damaged ({reason}); `--fresh` begins anew", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A certificate cannot be made or used.
    #[error("the embedded Azure's certificate cannot be made: {0}")]
    Certificate(String),
}

impl Error {
    pub(super) fn file(path: &Path, source: std::io::Error) -> Self {
        Self::File { path: path.to_owned(), source }
    }

    pub(super) fn damaged(path: &Path, reason: &dyn std::fmt::Display) -> Self {
        Self::Damaged { path: path.to_owned(), reason: reason.to_string() }
    }
}
