//! Access lists that are inherited, hard links.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::windows::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// The file goes with the last handle that was opened by this call or inherited from it (`CreateFileW`).
const FILE_FLAG_DELETE_ON_CLOSE: u32 = 0x0400_0000;

pub(in crate::host) fn make_private_dir(path: &Path) -> io::Result<()> {
    std::fs::create_dir_all(path)
}

pub(in crate::host) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

pub(in crate::host) fn close_to_others(path: &Path) -> io::Result<()> {
    std::fs::metadata(path).map(drop)
}

pub(in crate::host) fn open_to_all(_: &Path) -> bool {
    false
}

pub(in crate::host) fn canonical(path: &Path) -> io::Result<PathBuf> {
    dunce::canonicalize(path)
}

pub(in crate::host) fn mark(about: &Metadata) -> (u64, u64, i64, i64) {
    (about.file_size(), about.creation_time(), about.last_write_time().cast_signed(), 0)
}

pub(in crate::host) fn create_program(path: &Path) -> io::Result<File> {
    File::create(path)
}

pub(in crate::host) fn is_program(path: &Path) -> bool {
    path.is_file()
}

pub(in crate::host) fn link_program(program: &Path, link: &Path) -> io::Result<()> {
    let wanted = std::fs::metadata(program)?;
    match std::fs::metadata(link) {
        // Links and copies share size and time of change with what they were made from.
        Ok(there) if (there.len(), there.last_write_time()) == (wanted.len(), wanted.last_write_time()) => return Ok(()),
        Ok(_) => std::fs::remove_file(link)?,
        Err(_) => {}
    }
    // A hard link does not go from one volume to another.
    std::fs::hard_link(program, link).or_else(|_| std::fs::copy(program, link).map(drop))
}

pub(in crate::host) fn nameless(path: &Path) -> io::Result<(File, File)> {
    let write = File::options().append(true).create_new(true).custom_flags(FILE_FLAG_DELETE_ON_CLOSE).open(path)?;
    Ok((write, File::open(path)?))
}
