//! Keeps the world: in memory for answers, in one file for the next start, and a line per request for whoever wants to count.
//!
//! A write is on disk before its answer leaves, because a killed process must not forget what a client was told. What only time
//! changed is written when the next write comes or at the end.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::Error;
use super::faults::{Fault, Orders};
use crate::host::files;
use crate::sim::world::World;

const WORLD: &str = "world.json";
const REQUESTS: &str = "requests.jsonl";

/// The world and its file.
#[derive(Debug)]
pub(super) struct Keeper {
    world: Mutex<World>,
    path: PathBuf,
    /// How often the world was changed, and after how many of these changes it was last written.
    changes: AtomicU64,
    saved: Mutex<u64>,
    write_at_end: bool,
    requests: Mutex<File>,
    pub(super) orders: Orders,
}

/// Makes the directory and locks it for this process.
pub(super) fn lock(directory: &Path) -> Result<File, Error> {
    files::make_private_dir(directory).map_err(|error| Error::file(directory, error))?;
    let path = directory.join("lock");
    let file = private(OpenOptions::new().write(true).create(true).truncate(false), &path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::InUse(directory.to_owned())),
        Err(TryLockError::Error(source)) => Err(Error::File { path, source }),
    }
}

/// Forgets the world and its requests; who is signed in, and how, stays.
pub(super) fn forget(directory: &Path) -> Result<(), Error> {
    for name in [WORLD, REQUESTS] {
        let path = directory.join(name);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Error::file(&path, error)),
            _ => {}
        }
    }
    Ok(())
}

fn private(options: &mut OpenOptions, path: &Path) -> Result<File, Error> {
    files::private(options).open(path).map_err(|error| Error::file(path, error))
}

/// Writes a file whole or not at all, 0600.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let new = path.with_extension("new");
    let mut file = private(OpenOptions::new().write(true).create(true).truncate(true), &new)?;
    file.write_all(bytes).map_err(|error| Error::file(&new, error))?;
    std::fs::rename(&new, path).map_err(|error| Error::file(path, error))
}

impl Keeper {
    /// Reads the world, or begins with an empty one.
    pub(super) fn open(directory: &Path, faults: Vec<Fault>, write_at_end: bool) -> Result<Self, Error> {
        let path = directory.join(WORLD);
        let mut world: World = match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| Error::damaged(&path, &error))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => World::default(),
            Err(error) => return Err(Error::file(&path, error)),
        };
        let orders = Orders::new(faults, &mut world);
        let requests = private(OpenOptions::new().append(true).create(true), &directory.join(REQUESTS))?;
        let (changes, saved) = (AtomicU64::new(0), Mutex::new(0));
        Ok(Self { world: Mutex::new(world), path, changes, saved, write_at_end, requests: Mutex::new(requests), orders })
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works on the world. `durable` says that the file must follow before anybody is answered.
    pub(super) fn visit<T>(&self, durable: bool, work: impl FnOnce(&mut World) -> T) -> Result<T, Error> {
        let mut world = self.lock();
        let done = work(&mut world);
        let change = self.changes.fetch_add(1, Ordering::SeqCst) + 1;
        drop(world);
        if durable && !self.write_at_end {
            self.save(change)?;
        }
        Ok(done)
    }

    /// Writes the world, with this change and whatever came since; not again when somebody else has just written it.
    fn save(&self, change: u64) -> Result<(), Error> {
        let mut saved = self.saved.lock().unwrap_or_else(PoisonError::into_inner);
        if *saved >= change {
            return Ok(());
        }
        let (bytes, held) = {
            let world = self.lock();
            (serde_json::to_vec(&*world), self.changes.load(Ordering::SeqCst))
        };
        write_whole(&self.path, &bytes.map_err(|error| Error::damaged(&self.path, &error))?)?;
        *saved = held;
        Ok(())
    }

    /// Writes down what a write inside a cluster changed.
    pub(super) fn flush(&self) {
        if !self.write_at_end {
            self.end();
        }
    }

    /// Writes the world for the next start.
    pub(super) fn end(&self) {
        if let Err(error) = self.save(self.changes.load(Ordering::SeqCst)) {
            tracing::warn!(%error, "the embedded Azure's world was not written");
        }
    }

    /// Adds a line to the log of requests.
    pub(super) fn note(&self, line: &Value) {
        let mut file = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        // In one piece: who is killed in between leaves no half line.
        if let Err(error) = file.write_all(format!("{line}\n").as_bytes()) {
            tracing::warn!(%error, "a request was not logged");
        }
    }
}
