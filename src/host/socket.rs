//! A door that is a file: only who may write to the file gets in.

use std::io;
use std::path::Path;

use tokio::io::{AsyncRead, AsyncWrite};

use super::system;

/// Whether this system has such doors.
pub const THERE: bool = cfg!(unix);

/// An open one; its file goes when this is dropped.
#[derive(Debug)]
pub struct Socket(system::Socket);

impl Socket {
    /// Opens it, for its owner alone. A file that a killed process left behind is removed before.
    ///
    /// # Errors
    /// Somebody answers there already, something else lies there, or there are no such doors ([`THERE`]).
    pub fn open(path: &Path) -> io::Result<Self> {
        system::Socket::open(path).map(Self)
    }

    /// The next who comes.
    ///
    /// # Errors
    /// As with any listener: out of handles, mostly.
    pub async fn accept(&self) -> io::Result<impl AsyncRead + AsyncWrite + Send + Unpin + 'static> {
        self.0.accept().await
    }

    /// Its file.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}
