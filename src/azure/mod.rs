//! Floor 5: ARM, Entra and the data planes over HTTP. Knows ARM, not AKS.
//!
//! [`Azure`] is the one handle: it reads, lists and writes ARM resources, follows long-running operations and hands out tokens.
//! [`prometheus`] and [`grafana`] speak to the two data planes. Every audience has a pipeline of its own, because the bearer
//! policy of `azure_core` keeps a single token whatever the scope. Who waits for what is decided above: an [`Error`] says what it
//! means with [`Error::class`], and this room repeats only what is safe to repeat.

mod assertion;
mod body;
mod certificate;
mod class;
mod client;
mod courtesy;
pub mod credential;
mod discovery;
mod error;
pub mod grafana;
pub mod graph;
pub mod http;
mod legacy;
mod managed_identity;
mod meter;
mod offers;
pub mod operation;
mod pipeline;
mod principal;
pub mod prometheus;
mod remedy;
mod request;
mod resource_manager;
mod retry;
mod run_command;
mod settings;
#[cfg(test)]
mod testing;
mod tokens;
mod traced;
mod wait;

pub use certificate::{Certificate, Found};
pub use client::{Accepted, Azure, Write};
pub use credential::{Choice, CredentialSource, Issuer};
pub use discovery::discover;
pub use error::{Error, Refusal};
pub use meter::Meter;
pub use offers::{Unused, unused};
pub use operation::{Operation, Progress, Style};
pub use principal::{Principal, PrincipalKind};
pub use request::Method;
pub use resource_manager::{ResourceGroup, ResourceManager};
pub use run_command::CommandResult;
pub use settings::Settings;
