//! The real clock, and one that waits faster for rehearsals.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use crate::base::{Clock, clock::Timestamp};

/// Real time.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealClock;

impl Clock for RealClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn sleep(&self, time: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(time))
    }
}

/// Tells real time and waits a fraction of what was asked: a rehearsal against an Azure whose minutes pass faster.
#[derive(Clone, Copy, Debug)]
pub struct FastClock {
    /// How many times faster waits pass; 1 is real time, 0 counts as 1.
    pub factor: u32,
}

impl Clock for FastClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn sleep(&self, time: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(time / self.factor.max(1)))
    }

    fn passed(&self, since: Timestamp) -> Duration {
        let real = Duration::try_from(self.now().duration_since(since)).unwrap_or_default();
        real.saturating_mul(self.factor.max(1))
    }
}
