//! aksight: one short file in, an AKS cluster whose network you can see out, and proof that it is so.
//!
//! This crate is the library: it never prints. The binary beside it (`src/main.rs`, `src/cli/`) does nothing else.
//! Imports only go down the floors; `tests/tidy.rs` holds that.

pub mod base;
