//! The build script, started as cargo starts it: in a checkout, in a source archive, in neither.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::output;
use crate::TOP;

const OTHER: &str = "0123456789abcdef0123456789abcdef01234567";

struct Script {
    home: tempfile::TempDir,
}

impl Script {
    fn compiled() -> Self {
        let home = tempfile::tempdir().unwrap();
        let source = Path::new(TOP).join("build.rs");
        output(Command::new("rustc").args(["--edition", "2024", "-o"]).arg(home.path().join("script")).arg(source));
        Self { home }
    }

    /// A directory that holds what an own source directory holds.
    fn source(&self, name: &str) -> PathBuf {
        let top = self.home.path().join(name);
        fs::create_dir_all(top.join("src")).unwrap();
        fs::write(top.join("src/main.rs"), "fn main() {}\n").unwrap();
        for file in [".commit", ".gitattributes"] {
            fs::copy(Path::new(TOP).join(file), top.join(file)).unwrap();
        }
        top
    }

    /// The variables that it sets.
    fn says(&self, top: &Path, profile: &str, more: &[(&str, &str)]) -> BTreeMap<String, String> {
        let mut command = Command::new(self.home.path().join("script"));
        command.env_remove("SOURCE_COMMIT").env("CARGO_MANIFEST_DIR", top).env("PROFILE", profile).env("TARGET", "some-target");
        let told = output(command.envs(more.iter().copied()));
        let set = told.lines().filter_map(|line| line.strip_prefix("cargo::rustc-env=")?.split_once('='));
        set.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn commit(&self, top: &Path) -> Option<String> {
        self.says(top, "release", &[]).remove("AKSIGHT_COMMIT")
    }
}

fn git(top: &Path, args: &[&str]) -> String {
    let name = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"];
    output(Command::new("git").args(name).args(args).current_dir(top)).trim().to_owned()
}

fn committed(top: &Path) -> String {
    git(top, &["init", "--quiet"]);
    git(top, &["add", "--all"]);
    git(top, &["commit", "--quiet", "--message", "one"]);
    git(top, &["rev-parse", "HEAD"])
}

#[test]
fn it_names_the_commit_where_there_is_one() {
    let script = Script::compiled();
    let checkout = script.source("checkout");
    assert_eq!(script.commit(&checkout), None, "git's placeholder is no commit");
    let commit = committed(&checkout);
    assert_eq!(script.commit(&checkout).as_ref(), Some(&commit));

    // What git packs names it, too, without git being there.
    let archive = script.home.path().join("archive");
    fs::create_dir(&archive).unwrap();
    git(&checkout, &["archive", "--output", "../archive.tar", "HEAD"]);
    output(Command::new("tar").arg("-xf").arg(script.home.path().join("archive.tar")).arg("-C").arg(&archive));
    assert_eq!(script.commit(&archive).as_ref(), Some(&commit));

    // Files that are not the commit's.
    fs::write(checkout.join("notes.txt"), "nothing that is built\n").unwrap();
    assert_eq!(script.commit(&checkout).as_ref(), Some(&commit));
    fs::write(checkout.join("src/more.rs"), "\n").unwrap();
    assert_eq!(script.commit(&checkout), Some(format!("{commit}-modified")));

    // Unpacked inside another's checkout: that commit is not ours.
    let inner = script.source("checkout/vendor/aksight");
    assert_eq!(script.commit(&inner), None);
}

#[test]
fn who_builds_has_the_last_word() {
    let script = Script::compiled();
    let top = script.source("checkout");
    committed(&top);
    let given = [("SOURCE_COMMIT", OTHER), ("GITHUB_SHA", "f".repeat(40).leak())];
    for profile in ["release", "debug"] {
        assert_eq!(script.says(&top, profile, &given)["AKSIGHT_COMMIT"], OTHER);
    }
    // A pipeline's own commit is not ours, and a build for development names none.
    let said = script.says(&top, "debug", &given[1..]);
    assert_eq!(said.keys().map(String::as_str).collect::<Vec<_>>(), ["AKSIGHT_RUSTC", "AKSIGHT_TARGET"]);
    assert_eq!(said["AKSIGHT_TARGET"], "some-target");
    assert_eq!(script.says(&top, "release", &[("SOURCE_COMMIT", "")]), script.says(&top, "release", &[]));
}
