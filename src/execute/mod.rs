//! Floor 6: the engine and its steps. Does what an approved plan says and nothing else.
//!
//! Every step reads, compares, writes only what differs, waits and reads back; whoever runs it twice changes nothing the second
//! time. Intents go to the journal before the call and poll URLs before the first poll, so a killed run leaves a trail.

mod engine;
mod error;
mod hands;
mod retry;
mod steps;

pub use engine::{Execution, run};
pub use error::Error;
pub use hands::{Hands, StackHands};
pub use steps::TAKEN_UP;
