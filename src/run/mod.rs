//! Floor 7: conducting. Bundles the hands and runs observe, plan, execute and verify in rounds.

pub mod clock;
pub mod door;

pub use clock::{FastClock, RealClock};
