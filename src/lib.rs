//! aksight: one short file in, an AKS cluster whose network you can see out, and proof that it is so.
//!
//! This crate is the library: it never prints. The binary beside it (`src/main.rs`, `src/cli/`) does nothing else.
//! Imports only go down the floors; `tests/tidy.rs` holds that.

pub mod azure;
pub mod base;
pub mod bundle;
pub mod daemon;
pub mod desired;
pub mod diag;
pub mod event;
pub mod execute;
pub mod forge;
pub mod hcl;
pub mod host;
pub mod journal;
pub mod kube;
pub mod observe;
pub mod observed;
pub mod plan;
pub mod policy;
pub mod run;
pub mod sim;
pub mod spec;
pub mod telemetry;
pub mod terraform;
pub mod verify;
