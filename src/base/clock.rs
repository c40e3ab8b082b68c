//! Time, as a seam: the program waits and reads the hour only through [`Clock`], so tests own both.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

pub use jiff::Timestamp;

/// The hour and the art of waiting. The real one is made in `run::outside`; a rehearsal uses one that waits faster.
pub trait Clock: Send + Sync + Debug {
    /// The present moment, UTC.
    fn now(&self) -> Timestamp;
    /// Completes when `time` has passed on this clock. Dropping the future cancels the wait.
    fn sleep(&self, time: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}
