//! Floor 0: what operating systems do differently, and nowhere else does it matter which one this is (`tests/tidy.rs` holds that).
//!
//! Each name has a twin per system, with the same signature: `unix` (Linux, macOS) and `windows`. What Windows cannot promise is said
//! here, beside the name, and in docs/install.md.

pub mod files;
pub mod names;
pub mod process;
pub mod service;
pub mod signals;
pub mod socket;
pub mod terminal;

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;
