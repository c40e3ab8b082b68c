//! Whether `init` has been run for what is in the directory now, judged by evidence, so that a run without changes spends no `init`.
//!
//! A stamp beside the providers says what `init` was run for (a digest). It is believed only as far as it can be checked: the
//! digest must be that of the present files, every provider in the lock file must be unpacked in its present version, and the
//! backend's record must be there if there was one. Whether a provider's content matches its checksum is checked by terraform itself
//! on every plan, and comes back as [`super::Error::LockFileMismatch`].

use std::path::Path;

use super::binary::Binary;
use super::error::Error;
use crate::base::digest::sha256_hex;

/// Record of the backend, written by `init` when there is a `backend` block.
const BACKEND: &str = ".terraform/terraform.tfstate";
/// Our stamp. It lies in `.terraform`, so whoever removes that removes the stamp as well.
const STAMP: &str = ".terraform/aksight-init";
/// The lock file of the providers.
pub const LOCK_FILE: &str = ".terraform.lock.hcl";

/// Remembers that `init` has just succeeded.
pub(super) fn remember(dir: &Path, binary: &Binary, inputs: &[&str]) -> Result<(), Error> {
    let stamp = dir.join(STAMP);
    if let Some(parent) = stamp.parent() {
        std::fs::create_dir_all(parent).map_err(|source| Error::io("create", parent, source))?;
    }
    let text = format!("{}\n{}\n", digest(dir, binary, inputs), dir.join(BACKEND).exists());
    std::fs::write(&stamp, text).map_err(|source| Error::io("write", &stamp, source))
}

/// Whether what `init` left behind fits the present files.
pub(super) fn holds(dir: &Path, binary: &Binary, inputs: &[&str]) -> bool {
    let Ok(stamp) = std::fs::read_to_string(dir.join(STAMP)) else { return false };
    let mut lines = stamp.lines();
    lines.next() == Some(digest(dir, binary, inputs).as_str())
        && (lines.next() != Some("true") || dir.join(BACKEND).exists())
        && locked_providers(dir).iter().all(|(source, version)| is_unpacked(dir, source, version))
}

fn digest(dir: &Path, binary: &Binary, inputs: &[&str]) -> String {
    let mut all = format!("{} {}\n", binary.engine, binary.version);
    for name in inputs.iter().copied().chain([LOCK_FILE]) {
        let content = std::fs::read(dir.join(name)).map(|bytes| sha256_hex(&bytes));
        all.extend([name, " ", content.as_deref().unwrap_or("absent"), "\n"]);
    }
    sha256_hex(all.as_bytes())
}

/// `(source, version)` of every provider in the lock file, which is written by the program, one item to a line.
fn locked_providers(dir: &Path) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(dir.join(LOCK_FILE)).unwrap_or_default();
    let mut all = Vec::new();
    let mut source = None;
    for line in text.lines().map(str::trim) {
        if let Some(rest) = line.strip_prefix("provider \"") {
            source = rest.split('"').next().map(str::to_owned);
        } else if let Some(rest) = line.strip_prefix("version").map(|rest| rest.trim_start_matches([' ', '=']))
            && let Some(source) = source.take()
        {
            all.push((source, rest.trim_matches('"').to_owned()));
        }
    }
    all
}

/// Looks for any file in `.terraform/providers/SOURCE/VERSION/PLATFORM/`, through the link that a plugin cache or mirror leaves.
fn is_unpacked(dir: &Path, source: &str, version: &str) -> bool {
    let platforms = std::fs::read_dir(dir.join(".terraform/providers").join(source).join(version));
    let filled = |platform: std::io::Result<std::fs::DirEntry>| {
        let files = platform.and_then(|entry| std::fs::read_dir(entry.path()));
        files.is_ok_and(|mut files| files.any(|file| file.is_ok_and(|file| file.path().exists())))
    };
    platforms.is_ok_and(|mut platforms| platforms.any(filled))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use semver::Version;

    use super::super::binary::Engine;
    use super::*;

    const INPUTS: [&str; 1] = ["versions.tf"];

    fn initialised() -> (tempfile::TempDir, Binary) {
        let dir = tempfile::tempdir().expect("a directory");
        let unpacked = dir.path().join(".terraform/providers/registry.terraform.io/hashicorp/azurerm/5.2.0/linux_amd64");
        fs::create_dir_all(&unpacked).expect("directories");
        fs::write(unpacked.join("terraform-provider-azurerm_v5.2.0"), "x").expect("a provider");
        fs::write(dir.path().join("versions.tf"), "terraform {}").expect("versions");
        let lock =
            "provider \"registry.terraform.io/hashicorp/azurerm\" {\n  version     = \"5.2.0\"\n  constraints = \"~> 5.2\"\n}\n";
        fs::write(dir.path().join(LOCK_FILE), lock).expect("a lock file");
        let binary = Binary { path: "/t".into(), version: Version::new(1, 11, 4), engine: Engine::Terraform };
        remember(dir.path(), &binary, &INPUTS).expect("a stamp");
        (dir, binary)
    }

    #[test]
    fn holds_until_something_that_init_depends_on_changes() {
        let (dir, binary) = initialised();
        assert!(holds(dir.path(), &binary, &INPUTS));
        let newer = Binary { version: Version::new(1, 12, 0), ..binary.clone() };
        assert!(!holds(dir.path(), &newer, &INPUTS));
        fs::write(dir.path().join("versions.tf"), "terraform { }").expect("a change");
        assert!(!holds(dir.path(), &binary, &INPUTS));
    }

    #[test]
    fn is_not_believed_when_the_provider_is_gone() {
        let (dir, binary) = initialised();
        fs::remove_dir_all(dir.path().join(".terraform/providers")).expect("removed");
        assert!(!holds(dir.path(), &binary, &INPUTS));
    }

    #[test]
    #[cfg(unix)]
    fn is_not_believed_when_a_mirror_behind_a_link_is_gone() {
        let (dir, binary) = initialised();
        let platform = dir.path().join(".terraform/providers/registry.terraform.io/hashicorp/azurerm/5.2.0/linux_amd64");
        fs::remove_dir_all(&platform).expect("removed");
        std::os::unix::fs::symlink("/nonexistent/mirror", &platform).expect("a link");
        assert!(!holds(dir.path(), &binary, &INPUTS));
    }
}
