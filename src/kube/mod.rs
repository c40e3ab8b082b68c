//! Floor 5: the cluster, through its API server or through AKS run-command.
//!
//! [`Access`] is the seam, with two real implementations: [`ApiServer`] speaks HTTPS to the cluster, [`RunCommand`] has ARM run
//! `kubectl` inside it, which also reaches private clusters (contract §5.9, §5.10). What came back is read in one place for both.

mod access;
mod agents;
mod api_server;
mod config_map;
mod door;
mod error;
mod logs;
pub mod pickup;
mod run_command;

pub use access::{Access, Workload};
pub use agents::{AgentView, Counts, Pod};
pub use api_server::ApiServer;
pub use config_map::{ConfigMap, FIELD_MANAGER};
pub use door::{Door, Opened};
pub use error::Error;
pub use run_command::{Answer, Command, RunCommand, Runner, RunnerError};
