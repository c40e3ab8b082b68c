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

    /// How much of this clock's time has passed since a moment; none when the moment lies ahead. Bounds of waits are measured with
    /// it, because a clock that waits faster than it tells the hour counts its waits in full.
    fn passed(&self, since: Timestamp) -> Duration {
        Duration::try_from(self.now().duration_since(since)).unwrap_or_default()
    }
}
