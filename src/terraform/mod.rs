//! Floor 5: the terraform (or OpenTofu) binary as a child process.
//!
//! Find it ([`find`]) or fetch it ([`install()`]), then run it in one directory ([`Workdir`]). Its `-json` events become typed
//! [`Message`]s while it works, its diagnostics become [`Error`]s when it stops. This room knows the program, not Azure, and
//! never reads the environment: it is handed a snapshot ([`Environment`]).

mod binary;
mod diagnostic;
mod document;
mod environment;
mod error;
mod initialised;
mod install;
mod memory;
mod message;
mod process;
mod recognise;
mod workdir;

pub use binary::{Binary, Engine, MINIMUM, cached_binary, find};
pub use diagnostic::{ArmFailure, Severity, TfDiagnostic};
pub use environment::{Environment, Value};
pub use error::{Error, Exit, Lock};
pub use initialised::LOCK_FILE;
pub use install::{InstallError, OFFICIAL_BASE, PINNED, Release, Transferred, install};
pub use message::{Action, Change, Message, OutputChange, Summary};
pub use process::Watch;
pub use workdir::{Output, Planned, Workdir};

#[cfg(test)]
// Its programs are shell scripts.
#[cfg(unix)]
mod tests;
