//! The query API of a workspace (contract §6.3).

pub mod eval;
pub mod operators;
pub mod select;
pub mod value;
