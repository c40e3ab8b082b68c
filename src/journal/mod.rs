//! Floor 5: what was intended and what came of it, and who works on what. Serves resume, history and audit; never the truth about
//! Azure.
//!
//! By default one SQLite file per stack; or one PostgreSQL that several replicas share ([`Database::open_shared`]). Every call is one
//! committed transaction (SQLite: WAL, synchronous FULL), so a kill between any two calls leaves a readable journal that ends with an
//! intent or with its result. Nothing secret is written here.

mod address;
mod database;
mod entry;
mod error;
mod lease;
mod lock;
mod roster;
mod schema;
mod store;

pub use address::Source;
pub use database::{Database, Place};
pub use entry::{Creation, Episode, Finding, Intent, IntentId, Operation, OperationId, Run, RunId, Seen, Start};
pub use error::Error;
pub use lease::{LEASE, Lease};
pub use lock::{LOCK_FILE, LockError, Locked, Owner, StackLock};
pub use roster::{Claim, Ending, Entry as StackEntry, Kept, Roster};
pub use store::Journal;
