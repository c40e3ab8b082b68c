//! What `.ci/package` packs.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{commands, output, version};
use crate::TOP;

/// Packs a program for this machine's target into a new directory below `home`.
fn packed(home: &Path, name: &str) -> PathBuf {
    let out = home.join(name);
    fs::create_dir(&out).unwrap();
    // The sources of another system's crates need not be at hand: its licences are taken to be this one's.
    let bin = home.join("bin");
    fs::create_dir_all(&bin).unwrap();
    let host = version()["target"].as_str().unwrap().to_owned();
    let cargo = format!("#!/bin/bash\nexec '{}' \"${{@/{WINDOWS}/{host}}}\"\n", env!("CARGO"));
    fs::write(bin.join("cargo"), cargo).unwrap();
    fs::set_permissions(bin.join("cargo"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let mut package = Command::new(Path::new(TOP).join(".ci/package"));
    package.arg(env!("CARGO_BIN_EXE_aksight")).arg(home.join("binaries")).arg(&out).current_dir(home).env("PATH", path);
    output(package.env("SOURCE_DATE_EPOCH", "1700000000").env("CARGO_NET_OFFLINE", "true"));
    out
}

const WINDOWS: &str = "x86_64-pc-windows-msvc";

/// What belongs into every archive.
fn wanted(program: &str) -> BTreeSet<String> {
    let pages = commands(&[]).into_iter().map(|command| format!("man/man1/aksight-{command}.1"));
    let rest = "README.md CHANGELOG.md LICENSE-MIT LICENSE-APACHE THIRD-PARTY-LICENSES.txt install.md man/man1/aksight.1 \
                completions/aksight completions/_aksight completions/aksight.fish completions/aksight.elv completions/_aksight.ps1";
    pages.chain(rest.split_whitespace().chain([program]).map(str::to_owned)).collect()
}

#[test]
fn windows_gets_a_zip_that_is_the_same_again() {
    let home = tempfile::tempdir().unwrap();
    let place = home.path().join(format!("binaries/aksight-{WINDOWS}"));
    fs::create_dir_all(&place).unwrap();
    fs::write(place.join("aksight.exe"), "a program\n").unwrap();
    let (first, name) = (packed(home.path(), "first"), format!("aksight-{}-{WINDOWS}", env!("CARGO_PKG_VERSION")));
    output(Command::new("sha256sum").args(["--check", "--strict", "SHA256SUMS"]).current_dir(&first));
    let listed = output(Command::new("unzip").arg("-Z1").arg(first.join(format!("{name}.zip"))));
    let files = listed.lines().map(|line| line.strip_prefix(&format!("{name}/")).unwrap().to_owned()).collect();
    assert_eq!(wanted("aksight.exe"), files);
    let said = output(Command::new("unzip").arg("-p").arg(first.join(format!("{name}.zip"))).arg(format!("{name}/aksight.exe")));
    assert_eq!(said, "a program\n");
    let sums = |out: &Path| fs::read_to_string(out.join("SHA256SUMS")).unwrap();
    assert_eq!(sums(&first), sums(&packed(home.path(), "second")));
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
    assert_eq!(files, wanted("aksight"));

    let licences = output(Command::new("tar").arg("-xOzf").arg(&archive).arg(format!("{name}/THIRD-PARTY-LICENSES.txt")));
    assert!(licences.contains("\nrustls v") && licences.contains("\naws-lc-rs v") && !licences.contains("\naksight v"));
    assert!(licences.contains("Permission is hereby granted") && licences.contains("Apache License"));
    assert!(!licences.contains("\ninsta v"), "what only tests need is not in the program");

    let second = packed(home.path(), "second");
    let sums = |out: &Path| fs::read_to_string(out.join("SHA256SUMS")).unwrap();
    assert_eq!(sums(&first), sums(&second));
}
