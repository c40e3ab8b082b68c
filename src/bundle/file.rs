//! A bundle on disk: written whole or not at all, 0600; read up to a bound.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::{Content, Error, Identities, Recipient, format, seal};
use crate::host::files;

/// The largest file that is read or written. A plan of a stack has some hundred kilobytes.
const LARGEST: u64 = 8 * 1024 * 1024;

/// A bundle that was read and is what was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// What it holds.
    pub content: Content,
    /// Its digest, of the content before encryption.
    pub digest: String,
    /// Whether it was encrypted.
    pub encrypted: bool,
}

/// Writes a bundle, encrypted when there are recipients. Takes the place of a file that is there. Gives back the digest.
///
/// # Errors
/// The file cannot be written, or encryption failed; what was there stays then.
pub fn write(path: &Path, content: &Content, recipients: &[Recipient]) -> Result<String, Error> {
    let (plain, digest) = format::pack(content)?;
    let bytes = if recipients.is_empty() { plain } else { seal::seal(&plain, recipients)? };
    if u64::try_from(bytes.len()).is_ok_and(|length| length > LARGEST) {
        return Err(Error::TooLarge { limit: LARGEST });
    }
    replace(path, &bytes).map_err(|source| Error::Io { action: "write", path: path.to_owned(), source })?;
    Ok(digest)
}

/// Reads a bundle back.
///
/// # Errors
/// The file cannot be read, is something else, was cut short or altered, or is encrypted to somebody else.
pub fn read(path: &Path, identities: Option<&Identities>) -> Result<Loaded, Error> {
    let bytes = whole(path)?;
    let encrypted = seal::is_sealed(&bytes);
    let plain = if encrypted { seal::open(&bytes, identities)? } else { bytes };
    let (content, digest) = format::unpack(&plain)?;
    Ok(Loaded { content, digest, encrypted })
}

/// All bytes of a file that is not too large.
pub(super) fn whole(path: &Path) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let opened = File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes));
    opened.map_err(|source| Error::Io { action: "read", path: path.to_owned(), source })?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > LARGEST) {
        return Err(Error::TooLarge { limit: LARGEST });
    }
    Ok(bytes)
}

/// Through a new file beside it, so that a reader never sees half of it. A device or a pipe is nothing to be replaced.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let path = match fs::metadata(path) {
        Ok(there) if !there.is_file() => return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file")),
        Ok(_) => files::canonical(path)?,
        Err(_) => path.to_owned(),
    };
    let new = beside(&path)?;
    // Somebody else's file of that name is not written into.
    let mut file = files::private(fs::OpenOptions::new().write(true).create_new(true)).open(&new)?;
    let done = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&new, &path));
    if done.is_err() {
        drop(fs::remove_file(&new));
    }
    done
}

fn beside(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "it names no file"))?;
    Ok(path.with_file_name(format!(".{}.{}.new", name.display(), std::process::id())))
}

#[cfg(test)]
mod tests {
    use super::super::format::tests::sample;
    use super::*;

    #[test]
    fn it_is_written_for_its_owner_alone_and_over_an_older_one() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("plan.aksight");
        fs::write(&path, "older").unwrap();
        let digest = write(&path, &sample(b"x"), &[]).unwrap();
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::MetadataExt::mode(&fs::metadata(&path).unwrap()) & 0o777, 0o600);
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
        assert_eq!(read(&path, None).unwrap(), Loaded { content: sample(b"x"), digest, encrypted: false });
    }

    #[test]
    fn what_is_no_file_is_left_alone() {
        let home = tempfile::tempdir().unwrap();
        for path in [home.path(), &home.path().join("nowhere/plan"), Path::new("..")] {
            assert!(matches!(write(path, &sample(b"x"), &[]), Err(Error::Io { .. })), "{}", path.display());
        }
        assert!(matches!(read(&home.path().join("nothing"), None), Err(Error::Io { .. })));
    }

    #[test]
    #[cfg(unix)]
    fn what_is_a_device_is_left_alone_and_not_read_for_ever() {
        assert!(matches!(write(Path::new("/dev/null"), &sample(b"x"), &[]), Err(Error::Io { .. })));
        assert!(matches!(read(Path::new("/dev/zero"), None), Err(Error::TooLarge { .. })));
    }
}
