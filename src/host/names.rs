//! Who, where, and how programs are called.

use std::ffi::OsStr;
use std::path::PathBuf;

use super::system;

/// The name by which others know this machine.
pub fn machine() -> Option<String> {
    system::machine()
}

/// Who runs this, by the environment.
pub fn user() -> Option<String> {
    let named = |name: &&str| std::env::var(name).ok().filter(|value| !value.is_empty());
    system::USER_VARIABLES.iter().find_map(named)
}

/// The user's cache: `XDG_CACHE_HOME` or `~/.cache`; on Windows `LOCALAPPDATA`.
pub fn cache() -> Option<PathBuf> {
    system::cache()
}

/// A directory's path out of a variable.
pub(super) fn directory(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// A program's file: `terraform`, or `terraform.exe`.
pub fn program(name: &str) -> String {
    format!("{name}{}", std::env::consts::EXE_SUFFIX)
}

/// System and processor as Go, and so terraform, calls them: `linux_amd64`.
pub fn platform() -> String {
    let system = match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    };
    let processor = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("{system}_{processor}")
}

/// The first command of that name on a search path, in any form in which this system runs one: on Windows `az.exe` or the script
/// `az.cmd`. Empty and relative entries mean the directory of whoever runs us: not a place to take a program from.
pub fn command_on(search_path: &OsStr, name: &str) -> Option<PathBuf> {
    let places = std::env::split_paths(search_path).filter(|directory| directory.is_absolute());
    let files = places.flat_map(|directory| system::COMMAND_SUFFIXES.map(|suffix| directory.join(format!("{name}{suffix}"))));
    files.into_iter().find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_found_in_order_and_only_in_named_places() {
        let home = tempfile::tempdir().unwrap();
        let [first, second] = ["first", "second"].map(|name| home.path().join(name));
        for (place, suffix) in [(&first, system::COMMAND_SUFFIXES.last()), (&second, system::COMMAND_SUFFIXES.first())] {
            std::fs::create_dir(place).unwrap();
            std::fs::write(place.join(format!("az{}", suffix.unwrap())), "").unwrap();
        }
        let path = std::env::join_paths(["".into(), "first".into(), first.clone(), second]).unwrap();
        assert_eq!(command_on(&path, "az").unwrap().parent(), Some(first.as_path()));
        assert_eq!(command_on(&path, "azd"), None);
    }

    #[test]
    fn this_machine_has_a_name() {
        assert!(machine().is_some_and(|name| !name.is_empty()));
    }
}
