//! One run at a time per stack.
//!
//! The lock is the kernel's, on an open file: it ends with the process, however that ends, so there is no stale lock to break. The file
//! is never removed, because a waiter may have it open. A file beside it tells who holds it: on Windows nobody else can read what is
//! locked.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use jiff::SignedDuration;

use crate::base::Class;
use crate::base::clock::Timestamp;
use crate::host::files;

/// The lock file's name within the stack's directory.
pub const LOCK_FILE: &str = "lock";
/// The name of the file that tells who holds it.
const OWNER_FILE: &str = "lock.json";

/// Who holds a lock.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Owner {
    /// `user@host`.
    pub who: String,
    /// The process id on that host.
    pub pid: u32,
    /// The run's name.
    pub run: String,
    /// The command, for example `provision`.
    pub command: String,
    /// Since when.
    pub since: Timestamp,
}

/// The lock of one stack; free again when this is dropped or the process ends.
#[derive(Debug)]
pub struct StackLock {
    /// Open for as long as the lock is held.
    _file: File,
    owner: PathBuf,
}

/// Somebody else holds the lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locked {
    /// Who; nothing in the moment between taking the lock and signing it.
    pub owner: Option<Owner>,
    /// For how long, by the asker's clock.
    pub age: Option<SignedDuration>,
}

/// Why the lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another run has it.
    #[error("the stack is being changed by {}", by(.0))]
    Held(Locked),
    /// The shared database that keeps the locks cannot be used.
    #[error("the stack cannot be locked")]
    Store(#[from] super::Error),
    /// The file cannot be used.
    #[error("cannot lock `{}`; the state directory must be writable and on a file system with locks", path.display())]
    Use {
        /// The lock file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
}

impl LockError {
    /// What it means for the caller.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Held(_) => Class::Locked,
            Self::Store(error) => error.class(),
            Self::Use { .. } => Class::Refused,
        }
    }
}

fn by(locked: &Locked) -> String {
    let Some(owner) = &locked.owner else { return "another run".to_owned() };
    let age = locked.age.map(|age| format!(", {:#} ago", SignedDuration::from_secs(age.as_secs().max(0)))).unwrap_or_default();
    format!("`{}` (`{}`, process {}, run {}{age})", owner.who, owner.command, owner.pid, owner.run)
}

impl StackLock {
    /// Takes the lock of the stack whose state lies in `directory`, without waiting.
    ///
    /// # Errors
    /// [`LockError::Held`] with owner and age, or [`LockError::Use`].
    pub fn acquire(directory: &Path, owner: &Owner, now: Timestamp) -> Result<Self, LockError> {
        let path = directory.join(LOCK_FILE);
        let failed = |source| LockError::Use { path: path.clone(), source };
        let file = open(directory, &path).map_err(failed)?;
        let signed = directory.join(OWNER_FILE);
        match file.try_lock() {
            Ok(()) => {
                sign(&signed, owner).map_err(failed)?;
                Ok(Self { _file: file, owner: signed })
            }
            Err(TryLockError::WouldBlock) => Err(LockError::Held(held(&signed, now))),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}

impl Drop for StackLock {
    fn drop(&mut self) {
        // Whoever reads next shall not see an owner who has left. If this does not work, the lock still ends with its file.
        std::fs::remove_file(&self.owner).unwrap_or_default();
    }
}

fn open(directory: &Path, path: &Path) -> io::Result<File> {
    files::make_private_dir(directory)?;
    files::private(OpenOptions::new().read(true).write(true).create(true).truncate(false)).open(path)
}

fn sign(path: &Path, owner: &Owner) -> io::Result<()> {
    serde_json::to_writer(files::create_private(path)?, owner)?;
    Ok(())
}

fn held(path: &Path, now: Timestamp) -> Locked {
    let owner: Option<Owner> = std::fs::read(path).ok().and_then(|text| serde_json::from_slice(&text).ok());
    let age = owner.as_ref().map(|owner| now.duration_since(owner.since));
    Locked { owner, age }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    use std::process::{Command, Stdio};

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + second).unwrap()
    }

    fn owner() -> Owner {
        let text = |text: &str| text.to_owned();
        Owner {
            who: text("ada@host-2"),
            pid: 7,
            run: text("20261120T224300Z-5f0c1a2b"),
            command: text("provision"),
            since: at(0),
        }
    }

    #[test]
    fn a_second_run_is_told_who_and_since_when() {
        let directory = tempfile::tempdir().unwrap();
        let stack = directory.path().join("stack");
        let first = StackLock::acquire(&stack, &owner(), at(0)).unwrap();
        let error = StackLock::acquire(&stack, &owner(), at(190)).unwrap_err();
        assert_eq!(error.class(), Class::Locked);
        insta::assert_snapshot!(error, @"the stack is being changed by `ada@host-2` (`provision`, process 7, run 20261120T224300Z-5f0c1a2b, 3m 10s ago)");
        drop(first);
        StackLock::acquire(&stack, &owner(), at(200)).unwrap();
    }

    #[test]
    fn an_owner_who_has_not_signed_yet_is_nobody() {
        let directory = tempfile::tempdir().unwrap();
        let first = StackLock::acquire(directory.path(), &owner(), at(0)).unwrap();
        std::fs::write(directory.path().join(OWNER_FILE), "{\"who\":").unwrap();
        let error = StackLock::acquire(directory.path(), &owner(), at(1)).unwrap_err();
        assert!(matches!(&error, LockError::Held(Locked { owner: None, age: None })), "{error:?}");
        drop(first);
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_an_error_of_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(matches!(StackLock::acquire(&file, &owner(), at(0)), Err(LockError::Use { .. })));
    }

    /// Not a test of its own: what the next one starts and kills.
    #[test]
    #[ignore = "started by `the_lock_of_a_killed_process_is_free`"]
    fn hold_until_killed() {
        let Ok(directory) = std::env::var("AKSIGHT_TEST_LOCK") else { return };
        let _lock = StackLock::acquire(Path::new(&directory), &owner(), at(0)).unwrap();
        writeln!(io::stdout(), "held").unwrap();
        io::stdin().read_to_string(&mut String::new()).unwrap();
    }

    #[test]
    fn the_lock_of_a_killed_process_is_free() {
        let directory = tempfile::tempdir().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "journal::lock::tests::hold_until_killed", "--ignored", "--nocapture"])
            .env("AKSIGHT_TEST_LOCK", directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        assert!(lines.any(|line| line.contains("held")));
        let Err(LockError::Held(locked)) = StackLock::acquire(directory.path(), &owner(), at(60)) else { panic!("not held") };
        assert_eq!((locked.owner, locked.age.map(|age| age.as_secs())), (Some(owner()), Some(60)));
        child.kill().unwrap();
        child.wait().unwrap();
        StackLock::acquire(directory.path(), &owner(), at(61)).unwrap();
    }
}
