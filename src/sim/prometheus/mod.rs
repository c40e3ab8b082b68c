//! The query API of a workspace (contract §6.3).

pub mod api;
pub mod eval;
pub mod operators;
pub mod select;
pub mod store;
pub mod value;
