//! Floor 5: a plan or a [`handoff`] as a file, to be reviewed here and carried out there. Writes it, reads it back, and says when it is not what was
//! written. Whether it still fits the world is not decided here.
//!
//! The digest tells accidents and careless edits, not forgery: whoever can write the file can write a digest that fits. Who must be
//! sure compares the digest with one that came another way.

mod content;
mod error;
mod file;
mod format;
pub mod handoff;
mod seal;

pub use content::{Bytes, Content, Facts, StateMark};
pub use error::Error;
pub use file::{Loaded, read, write};
pub use format::{SCHEMA, digest};
pub use seal::{Identities, Recipient};
