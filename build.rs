//! What `aksight version --json` says about the build: commit, target and compiler. No time and no path, so that the same source gives
//! the same program.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

/// What a build depends on; a change to any of it may make the commit another, or untrue.
const SOURCES: [&str; 6] = ["src", "policies", "Cargo.toml", "Cargo.lock", "build.rs", COMMIT_FILE];
/// `git archive` writes the commit into this file; in a checkout it holds git's placeholder.
const COMMIT_FILE: &str = ".commit";

fn main() -> std::io::Result<()> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let top = variable("CARGO_MANIFEST_DIR").unwrap_or_default();
    let top = Path::new(&top);
    let mut out = std::io::stdout();
    writeln!(out, "cargo::rerun-if-env-changed=SOURCE_COMMIT\ncargo::rerun-if-changed=build.rs")?;
    // A build for development names no commit: it is seldom what the commit holds, and would be made anew after each.
    let asked = variable("PROFILE").is_some_and(|profile| profile == "release");
    if asked {
        let directory = git(top, &["rev-parse", "--absolute-git-dir"]);
        let moving =
            directory.iter().flat_map(|directory| ["HEAD", "index", "logs/HEAD"].map(|file| Path::new(directory).join(file)));
        for path in SOURCES.map(|path| top.join(path)).into_iter().chain(moving).filter(|path| path.exists()) {
            writeln!(out, "cargo::rerun-if-changed={}", path.display())?;
        }
    }
    // Not `GITHUB_SHA`: where a pipeline of somebody else builds aksight, that is a commit of theirs.
    let commit = variable("SOURCE_COMMIT").or_else(|| if asked { checked_out(top).or_else(|| archived(top)) } else { None });
    if let Some(commit) = commit {
        writeln!(out, "cargo::rustc-env=AKSIGHT_COMMIT={commit}")?;
    }
    writeln!(out, "cargo::rustc-env=AKSIGHT_TARGET={}", variable("TARGET").unwrap_or_default())?;
    let compiler = Command::new(variable("RUSTC").unwrap_or_else(|| "rustc".to_owned())).arg("--version").output()?;
    writeln!(out, "cargo::rustc-env=AKSIGHT_RUSTC={}", String::from_utf8_lossy(&compiler.stdout).trim())
}

/// What git answers in the top directory, if that is one of its checkouts and not a part of another's.
fn git(top: &Path, args: &[&str]) -> Option<String> {
    if !top.join(".git").exists() {
        return None;
    }
    let done = Command::new("git").arg("-C").arg(top).args(args).output().ok().filter(|done| done.status.success())?;
    Some(String::from_utf8(done.stdout).ok()?.trim().to_owned())
}

/// The commit of a checkout, marked when the files are not the commit's.
fn checked_out(top: &Path) -> Option<String> {
    let commit = git(top, &["rev-parse", "HEAD"])?;
    let sources: Vec<&str> = ["status", "--porcelain", "--untracked-files=all", "--"].into_iter().chain(SOURCES).collect();
    let changed = git(top, &sources).is_none_or(|listed| !listed.is_empty());
    Some(if changed { format!("{commit}-modified") } else { commit })
}

/// The commit of a source archive.
fn archived(top: &Path) -> Option<String> {
    let written = std::fs::read_to_string(top.join(COMMIT_FILE)).ok()?;
    let commit = written.trim();
    (commit.len() >= 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| commit.to_owned())
}
