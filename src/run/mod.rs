//! Floor 7: conducting. Bundles the hands and runs observe, plan, execute and verify in rounds.
//!
//! The faces call one function per command; every one of them gives back a [`Report`](crate::event::Report) and never fails
//! otherwise, so that an error too is a document.

pub mod clock;
mod destroy;
mod doctor;
pub mod door;
mod drift;
mod fleet;
mod frame;
mod judge;
mod memory;
mod outputs;
mod plan;
mod prepare;
pub mod problem;
mod provision;
mod reconcile;
mod resume;
mod reviewed;
mod saved;
mod setup;
mod snapshot;
mod stop;
mod survey;
mod sweep;
mod swept;
mod tally;
mod trace;
mod verify;
mod way_round;

pub use clock::{FastClock, RealClock};
pub use destroy::{Destruction, Reach, destroy};
pub use doctor::doctor;
pub use drift::{drift, saved_plan};
pub use fleet::{March, conduct};
pub use judge::{Unreadable, modules, named_modules, of_unreadable};
pub use outputs::{Remembered, remembered};
pub use plan::plan;
pub use provision::{Answer, Wants, provision};
pub use reconcile::{Healing, reconcile};
pub use reviewed::Reviewed;
pub use saved::Save;
pub use setup::{Held, Outside, Setup, Shared, Store, Unready, journal_file};
pub use stop::exit_code;
pub use sweep::{BLIND, Purpose, Seen, Sweep, Swept, Verdict, clean, sweep};
pub use swept::{Inside, LASTS, reconcile_swept};
pub use verify::verify;
