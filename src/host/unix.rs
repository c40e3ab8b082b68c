//! Linux and macOS.

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

pub(super) const USER_VARIABLES: [&str; 2] = ["USER", "LOGNAME"];

pub(super) const COMMAND_SUFFIXES: [&str; 1] = [""];

pub(super) fn machine() -> Option<String> {
    nix::unistd::gethostname().ok()?.into_string().ok()
}

pub(super) fn cache() -> Option<PathBuf> {
    directory("XDG_CACHE_HOME").or_else(|| Some(directory("HOME")?.join(".cache")))
}
