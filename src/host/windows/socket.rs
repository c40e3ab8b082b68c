//! There are none.

use std::convert::Infallible;
use std::io::{Error, ErrorKind, Result};
use std::path::Path;

use tokio::net::TcpStream;

#[derive(Debug)]
pub(in crate::host) struct Socket(Infallible);

impl Socket {
    pub(in crate::host) fn open(_: &Path) -> Result<Self> {
        Err(Error::new(ErrorKind::Unsupported, "Windows has no sockets in files; listen on an address"))
    }

    #[expect(clippy::unused_async, reason = "its twin waits")]
    pub(in crate::host) async fn accept(&self) -> Result<TcpStream> {
        match self.0 {}
    }

    pub(in crate::host) fn path(&self) -> &Path {
        match self.0 {}
    }
}
