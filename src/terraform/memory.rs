//! Versions of binaries that were asked before: asking takes a process start, which a run without work would notice.
//!
//! A binary is known again by path and by what `files::mark` tells of it. Scripts are never remembered: a version manager's shim stays the
//! same file while it answers differently from directory to directory.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use semver::Version;
use serde::{Deserialize, Serialize};

use super::Binary;
use crate::host::files;

/// The first bytes of programs: ELF, Mach-O in its forms, and those of Windows.
const PROGRAMS: [&[u8]; 5] = [b"\x7fELF", &[0xcf, 0xfa, 0xed, 0xfe], &[0xca, 0xfe, 0xba, 0xbe], &[0xfe, 0xed, 0xfa, 0xcf], b"MZ"];

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    mark: (u64, u64, i64, i64),
    version: Version,
}

type Book = BTreeMap<PathBuf, Known>;

fn file(cache_dir: &Path) -> PathBuf {
    cache_dir.join("terraform-versions.json")
}

/// What tells a binary from another one at the same path; nothing for scripts.
fn mark(path: &Path) -> Option<(u64, u64, i64, i64)> {
    let mut first = [0; 4];
    File::open(path).ok()?.read_exact(&mut first).ok()?;
    let meta = std::fs::metadata(path).ok().filter(|_| PROGRAMS.iter().any(|program| first.starts_with(program)))?;
    Some(files::mark(&meta))
}

fn book(cache_dir: &Path) -> Book {
    std::fs::read(file(cache_dir)).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

/// The version of a binary that has not changed since it was asked.
pub(super) fn recall(cache_dir: &Path, path: &Path) -> Option<Version> {
    let known = book(cache_dir).remove(path)?;
    (mark(path)? == known.mark).then_some(known.version)
}

/// Remembers a version. A cache that cannot be written costs time and nothing else.
pub(super) fn keep(cache_dir: &Path, binary: &Binary) {
    let Some(mark) = mark(&binary.path) else { return };
    let mut book = book(cache_dir);
    book.insert(binary.path.clone(), Known { mark, version: binary.version.clone() });
    if let Err(error) = write(cache_dir, &book) {
        tracing::debug!(%error, "the version of terraform is not remembered");
    }
}

fn write(cache_dir: &Path, book: &Book) -> std::io::Result<()> {
    files::make_private_dir(cache_dir)?;
    let new = file(cache_dir).with_extension(format!("{}.new", std::process::id()));
    serde_json::to_writer(files::create_private(&new)?, book)?;
    std::fs::rename(new, file(cache_dir))
}

#[cfg(test)]
mod tests {
    use super::super::Engine;
    use super::*;

    #[test]
    fn a_program_is_known_again_until_it_changes_and_a_script_never() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("terraform");
        let binary = Binary { path: path.clone(), version: Version::new(1, 11, 4), engine: Engine::Terraform };
        std::fs::write(&path, b"\x7fELF one").unwrap();
        assert_eq!(recall(home.path(), &path), None);
        keep(home.path(), &binary);
        assert_eq!(recall(home.path(), &path), Some(Version::new(1, 11, 4)));
        std::fs::write(&path, b"\x7fELF another").unwrap();
        assert_eq!(recall(home.path(), &path), None);
        std::fs::write(&path, "#!/bin/sh\n").unwrap();
        keep(home.path(), &binary);
        assert_eq!(recall(home.path(), &path), None);
    }
}
