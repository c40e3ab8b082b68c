//! Windows.

mod files;
mod process;
mod service;
mod signals;
mod socket;
mod terminal;

pub(super) use files::*;
pub(super) use process::*;
pub(super) use service::{tell, watchdog};
pub(super) use signals::Signals;
pub(super) use socket::Socket;
pub(super) use terminal::Modes;

use std::path::PathBuf;

use super::names::directory;

pub(super) const USER_VARIABLES: [&str; 1] = ["USERNAME"];

/// Scripts after programs, as the command interpreter has it. Rust hands their arguments over with the interpreter's own quoting.
pub(super) const COMMAND_SUFFIXES: [&str; 3] = [".exe", ".cmd", ".bat"];

pub(super) fn machine() -> Option<String> {
    std::env::var("COMPUTERNAME").ok().filter(|name| !name.is_empty())
}

pub(super) fn cache() -> Option<PathBuf> {
    directory("LOCALAPPDATA").or_else(|| Some(directory("USERPROFILE")?.join("AppData").join("Local")))
}
