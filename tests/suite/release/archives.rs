//! What `.ci/package` packs.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{commands, output, version};
use crate::TOP;

/// Packs a program for this machine's target into a new directory below `home`.
fn packed(home: &Path, name: &str) -> PathBuf {
    let out = home.join(name);
    fs::create_dir(&out).unwrap();
    let mut package = Command::new(Path::new(TOP).join(".ci/package"));
    package.arg(env!("CARGO_BIN_EXE_aksight")).arg(home.join("binaries")).arg(&out).current_dir(home);
    output(package.env("SOURCE_DATE_EPOCH", "1700000000").env("CARGO_NET_OFFLINE", "true"));
    out
}

#[test]
fn an_archive_has_everything_and_is_the_same_again() {
    let home = tempfile::tempdir().unwrap();
    let said = version();
    let target = said["target"].as_str().unwrap();
    let place = home.path().join(format!("binaries/aksight-{target}"));
    fs::create_dir_all(&place).unwrap();
    // What comes back from another job has lost its mode.
    fs::write(place.join("aksight"), "a program\n").unwrap();

    let first = packed(home.path(), "first");
    let name = format!("aksight-{}-{target}", env!("CARGO_PKG_VERSION"));
    let archive = first.join(format!("{name}.tar.gz"));
    output(Command::new("sha256sum").args(["--check", "--strict", "SHA256SUMS"]).current_dir(&first));
    let listed = output(Command::new("tar").arg("-tvzf").arg(&archive));
    assert!(listed.lines().all(|line| line.contains(" 0/0 ") && line.contains(" 2023-11-1")), "{listed}");
    assert!(listed.lines().any(|line| line.starts_with("-rwxr-xr-x") && line.ends_with(&format!("{name}/aksight"))), "{listed}");
    let files: BTreeSet<String> = listed
        .lines()
        .filter(|line| line.starts_with('-'))
        .map(|line| line.rsplit(' ').next().unwrap().strip_prefix(&format!("{name}/")).unwrap().to_owned())
        .collect();
    let pages = commands(&[]).into_iter().map(|command| format!("man/man1/aksight-{command}.1"));
    let rest = "aksight README.md CHANGELOG.md LICENSE-MIT LICENSE-APACHE THIRD-PARTY-LICENSES.txt install.md man/man1/aksight.1 \
                completions/aksight completions/_aksight completions/aksight.fish completions/aksight.elv completions/_aksight.ps1";
    assert_eq!(files, pages.chain(rest.split_whitespace().map(str::to_owned)).collect());

    let licences = output(Command::new("tar").arg("-xOzf").arg(&archive).arg(format!("{name}/THIRD-PARTY-LICENSES.txt")));
    assert!(licences.contains("\nrustls v") && licences.contains("\naws-lc-rs v") && !licences.contains("\naksight v"));
    assert!(licences.contains("Permission is hereby granted") && licences.contains("Apache License"));
    assert!(!licences.contains("\ninsta v"), "what only tests need is not in the program");

    let second = packed(home.path(), "second");
    let sums = |out: &Path| fs::read_to_string(out.join("SHA256SUMS")).unwrap();
    assert_eq!(sums(&first), sums(&second));
}
