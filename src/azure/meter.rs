//! What was asked of ARM, and how long it made us wait: for a daemon's metrics.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use azure_core::error::ErrorKind;
use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::{Context, Request};

/// The counts. Shared by all runs of a process.
#[derive(Debug, Default)]
pub struct Meter {
    answers: Mutex<BTreeMap<Option<u16>, u64>>,
    waited: AtomicU64,
}

impl Meter {
    /// How many requests were answered with each status; `None` when no answer came. Every attempt counts.
    #[must_use]
    pub fn answers(&self) -> BTreeMap<Option<u16>, u64> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How long requests waited because ARM was throttling or about to.
    #[must_use]
    pub fn waited(&self) -> Duration {
        Duration::from_millis(self.waited.load(Ordering::Relaxed))
    }

    fn answered(&self, status: Option<u16>) {
        *self.answers.lock().unwrap_or_else(PoisonError::into_inner).entry(status).or_default() += 1;
    }

    pub(super) fn waits(&self, time: Duration) {
        self.waited.fetch_add(u64::try_from(time.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

/// Counts every attempt. Last in a pipeline.
#[derive(Debug)]
pub(super) struct Metered(pub(super) Arc<Meter>);

#[async_trait::async_trait]
impl Policy for Metered {
    async fn send(&self, context: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        let Some((first, rest)) = next.split_first() else {
            return Err(azure_core::Error::with_message(ErrorKind::Other, "the pipeline has no transport"));
        };
        let answer = first.send(context, request, rest).await;
        let status = match &answer {
            Ok(answer) => Some(u16::from(answer.status())),
            Err(error) => error.http_status().map(u16::from),
        };
        self.0.answered(status);
        answer
    }
}
