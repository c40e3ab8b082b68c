//! Files that are nobody else's, programs, links.
//!
//! **Private** means modes 0600 and 0700 on Unix. Windows has no modes: there a new file gets the access list of its directory, which in
//! a user's profile lets in that user, the system and administrators. Nothing is narrowed further, so a directory that others may read
//! stays one that others may read (docs/security.md).

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::system;

/// Makes a directory, and those above it, that only its owner may look into.
///
/// # Errors
/// It cannot be made.
pub fn make_private_dir(path: &Path) -> io::Result<()> {
    system::make_private_dir(path)
}

/// Options by which a new file is its owner's alone.
pub fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    system::private(options)
}

/// Makes or empties a file that only its owner may read.
///
/// # Errors
/// It cannot be written.
pub fn create_private(path: &Path) -> io::Result<File> {
    private(OpenOptions::new().write(true).create(true).truncate(true)).open(path)
}

/// Takes a directory or file that is there away from others.
///
/// # Errors
/// It is somebody else's, or not there.
pub fn close_to_others(path: &Path) -> io::Result<()> {
    system::close_to_others(path)
}

/// Whether everybody on this machine may read it, as far as modes tell; on Windows nothing does.
pub fn open_to_all(path: &Path) -> bool {
    system::open_to_all(path)
}

/// The path without links and detours. On Windows in the usual spelling, `C:\x` and not `\\?\C:\x`, which other programs do not read.
///
/// # Errors
/// It is not there.
pub fn canonical(path: &Path) -> io::Result<PathBuf> {
    system::canonical(path)
}

/// What tells a file from another one of the same path: size, identity and times. Good for this machine only.
pub fn mark(about: &Metadata) -> (u64, u64, i64, i64) {
    system::mark(about)
}

/// Makes or empties a file that everybody may run.
///
/// # Errors
/// It cannot be written.
pub fn create_program(path: &Path) -> io::Result<File> {
    system::create_program(path)
}

/// Whether it is a file that can be run. On Windows that is a matter of its name, which the caller chose.
pub fn is_program(path: &Path) -> bool {
    system::is_program(path)
}

/// Lets `link` be the program `program` under another name: a symbolic link, or on Windows, where these need a right of their own, a
/// hard link or else a copy. Doing it again changes nothing.
///
/// # Errors
/// The directory of `link` cannot be written.
pub fn link_program(program: &Path, link: &Path) -> io::Result<()> {
    system::link_program(program, link)
}

/// A private file in `dir` with two independent handles, one to append and one to read, that nobody finds: it has no name any more, or
/// on Windows loses it with the last handle, a child's among them. Nothing is left behind whoever dies.
///
/// # Errors
/// The directory cannot be written.
pub fn nameless(dir: &Path) -> io::Result<(File, File)> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = format!(".aksight-output.{}.{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    system::nameless(&dir.join(name))
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;

    #[test]
    fn two_handles_see_one_file_and_nothing_is_left_of_it() {
        let home = tempfile::tempdir().unwrap();
        let (mut write, mut read) = nameless(home.path()).unwrap();
        let (mut other, _) = nameless(home.path()).unwrap();
        other.write_all(b"elsewhere").unwrap();
        write.write_all(b"one").unwrap();
        let mut text = String::new();
        read.read_to_string(&mut text).unwrap();
        // A child's handle is a second one of the same file.
        let mut inherited = write.try_clone().unwrap();
        drop(write);
        inherited.write_all(b", two").unwrap();
        read.read_to_string(&mut text).unwrap();
        assert_eq!(text, "one, two");
        drop((inherited, read, other));
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_program_under_another_name_is_made_once_and_follows_the_program() {
        let home = tempfile::tempdir().unwrap();
        let [one, two, link] = ["one", "two", "link"].map(|name| home.path().join(name));
        for (path, text) in [(&one, "first"), (&two, "the second")] {
            create_program(path).unwrap().write_all(text.as_bytes()).unwrap();
        }
        let read = || std::fs::read_to_string(&link).unwrap();
        link_program(&one, &link).unwrap();
        link_program(&one, &link).unwrap();
        assert_eq!(read(), "first");
        link_program(&two, &link).unwrap();
        assert_eq!(read(), "the second");
        assert!(is_program(&link) && !is_program(home.path()));
    }

    #[test]
    fn a_private_directory_is_made_with_those_above_it() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("deep/er");
        make_private_dir(&dir).unwrap();
        make_private_dir(&dir).unwrap();
        create_private(&dir.join("file")).unwrap();
        close_to_others(&dir).unwrap();
        close_to_others(&dir.join("file")).unwrap();
        assert!(!open_to_all(&dir.join("file")));
        assert!(canonical(&dir.join("../er/file")).unwrap().ends_with(Path::new("deep").join("er").join("file")));
        assert!(close_to_others(&dir.join("none")).is_err());
    }
}
