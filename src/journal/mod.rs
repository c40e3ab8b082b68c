//! Floor 5: what was intended and what came of it. Serves resume, history and audit; never the truth about Azure.
//!
//! One SQLite file per stack. Every call is one committed transaction (WAL, synchronous FULL), so a kill between any two calls
//! leaves a readable journal that ends with an intent or with its result. Nothing secret is written here.

mod entry;
mod error;
mod lock;
mod schema;
mod store;

pub use entry::{Creation, Episode, Finding, Intent, IntentId, Operation, OperationId, Run, RunId, Seen, Start};
pub use error::Error;
pub use lock::{LOCK_FILE, LockError, Locked, Owner, StackLock};
pub use store::Journal;
