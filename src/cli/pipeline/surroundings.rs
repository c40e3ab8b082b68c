//! What a pipeline says in its environment: directories, files to append to, where the pull request is, secrets.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use aksight::base::Secret;
use aksight::host::files;

use super::console::Host;
use crate::cli::view::pipeline;

/// Variables that hold secrets of ours. Files that others name hold what is never printed anyway.
const SECRETS: [&str; 12] = [
    "ARM_CLIENT_SECRET",
    "AZURE_CLIENT_SECRET",
    "ARM_CLIENT_CERTIFICATE",
    "ARM_CLIENT_CERTIFICATE_PASSWORD",
    "AZURE_CLIENT_CERTIFICATE_PASSWORD",
    "ARM_OIDC_TOKEN",
    "ARM_OIDC_REQUEST_TOKEN",
    "ARM_ACCESS_KEY",
    "ARM_SAS_TOKEN",
    "AKSIGHT_STORE",
    "GITHUB_TOKEN",
    "SYSTEM_ACCESSTOKEN",
];

/// The environment of a pipeline's step, read once.
#[derive(Clone)]
pub(crate) struct Surroundings(BTreeMap<String, OsString>);

impl Surroundings {
    /// Reads this process's.
    pub(super) fn read() -> Self {
        Self(std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect())
    }

    /// A variable, unless it is empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(|value| value.to_str()).filter(|value| !value.is_empty())
    }

    fn path(&self, name: &str) -> Option<&Path> {
        self.0.get(name).filter(|value| !value.is_empty()).map(Path::new)
    }

    /// A variable's secret.
    pub(super) fn secret(&self, name: &str) -> Option<Secret> {
        self.get(name).map(|text| Secret::new(text.to_owned()))
    }

    /// What the host is to mask. A mask names the secret, so there are none where no host takes them out of the log again.
    pub(super) fn secrets(&self, host: Host) -> Vec<Secret> {
        let there = match host {
            Host::Github => self.get("GITHUB_ACTIONS") == Some("true"),
            Host::Azdo => self.get("TF_BUILD").is_some_and(|value| value.eq_ignore_ascii_case("true")),
        };
        if !there {
            return Vec::new();
        }
        SECRETS.iter().filter_map(|name| self.secret(name)).collect()
    }

    /// A file as the repository calls it; nothing for one that is not in it, or not there.
    pub(super) fn in_repository(&self, file: &Path) -> Option<String> {
        let file = files::canonical(file).ok()?;
        let named = self.path("GITHUB_WORKSPACE").or_else(|| self.path("BUILD_SOURCESDIRECTORY"));
        let root = match named {
            Some(root) => root.to_owned(),
            None => file.ancestors().find(|above| above.join(".git").exists()).map_or_else(|| PathBuf::from("."), Path::to_owned),
        };
        pipeline::in_repository(&file, &files::canonical(&root).ok()?)
    }

    /// A new file's path in the directory that the host clears after the job.
    pub(super) fn scratch(&self, command: &str, extension: &str) -> PathBuf {
        let directory = self.path("RUNNER_TEMP").or_else(|| self.path("AGENT_TEMPDIRECTORY"));
        let directory = directory.map_or_else(std::env::temp_dir, Path::to_owned);
        let directory = std::path::absolute(&directory).unwrap_or(directory);
        directory.join(format!("aksight-{command}-{}.{extension}", uuid::Uuid::new_v4().simple()))
    }

    /// Appends to the file that a variable names; `text` is told how long it is. Gives what went wrong. Without the variable there
    /// is nobody to tell.
    pub(super) fn append(&self, name: &str, text: impl FnOnce(usize) -> String) -> Option<String> {
        let path = self.path(name)?;
        let write = || {
            let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path)?;
            let taken = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
            file.write_all(text(taken).as_bytes())
        };
        super::cannot(path, write())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(pairs: &[(&str, &str)]) -> Surroundings {
        Surroundings(pairs.iter().map(|(name, value)| ((*name).to_owned(), OsString::from(value))).collect())
    }

    #[test]
    fn secrets_are_named_to_a_host_that_masks_them_and_to_nobody_else() {
        let here = [("ARM_CLIENT_SECRET", "hunter22"), ("ARM_CLIENT_ID", "public"), ("GITHUB_ACTIONS", "true")];
        let told = |around: &Surroundings, host| -> Vec<String> {
            around.secrets(host).iter().map(|secret| secret.expose().to_owned()).collect()
        };
        assert_eq!(told(&with(&here), Host::Github), ["hunter22"]);
        assert!(told(&with(&here), Host::Azdo).is_empty() && told(&with(&here[..2]), Host::Github).is_empty());
        assert_eq!(told(&with(&[here[0], ("TF_BUILD", "True")]), Host::Azdo), ["hunter22"]);
    }

    #[test]
    fn files_are_told_as_the_repository_calls_them() {
        let home = tempfile::tempdir().unwrap();
        let inner = home.path().join("repo/deploy");
        std::fs::create_dir_all(&inner).unwrap();
        std::fs::write(inner.join("a.yaml"), "").unwrap();
        std::fs::create_dir(home.path().join("repo/.git")).unwrap();
        let root = home.path().join("repo");
        let file = inner.join("../deploy/a.yaml");
        assert_eq!(with(&[]).in_repository(&file).as_deref(), Some("deploy/a.yaml"), "the nearest repository");
        let named = with(&[("GITHUB_WORKSPACE", home.path().to_str().unwrap())]);
        assert_eq!(named.in_repository(&file).as_deref(), Some("repo/deploy/a.yaml"), "the one that is named");
        assert_eq!(with(&[("BUILD_SOURCESDIRECTORY", inner.to_str().unwrap())]).in_repository(&root.join("x")), None);
    }

    #[test]
    fn a_file_that_cannot_be_appended_to_is_told() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("summary");
        std::fs::write(&file, "12345").unwrap();
        let around = with(&[("S", file.to_str().unwrap()), ("D", home.path().to_str().unwrap())]);
        assert_eq!(around.append("S", |taken| format!("{taken}")), None);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "123455");
        assert_eq!(around.append("absent", |_| String::new()), None);
        assert!(around.append("D", |_| String::new()).unwrap().contains("cannot be written"));
    }
}
