//! A socket in the file system.

use std::io::{Error, ErrorKind, Result};
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

use super::close_to_others;

#[derive(Debug)]
pub(in crate::host) struct Socket {
    listener: UnixListener,
    path: PathBuf,
}

impl Socket {
    pub(in crate::host) fn open(path: &Path) -> Result<Self> {
        // A socket that a killed process left; one that answers belongs to a living one.
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            return Err(ErrorKind::AddrInUse.into());
        }
        match std::fs::symlink_metadata(path) {
            Ok(about) if about.file_type().is_socket() => std::fs::remove_file(path)?,
            // Whatever else lies there is not ours to remove.
            Ok(_) => return Err(Error::other(format!("`{}` is there and is no socket", path.display()))),
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            Err(_) => {}
        }
        let listener = UnixListener::bind(path)?;
        close_to_others(path)?;
        Ok(Self { listener, path: path.to_owned() })
    }

    pub(in crate::host) async fn accept(&self) -> Result<UnixStream> {
        Ok(self.listener.accept().await?.0)
    }

    pub(in crate::host) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // It is of no use to anybody any more; a leftover is removed by the next who opens it.
        drop(std::fs::remove_file(&self.path));
    }
}
