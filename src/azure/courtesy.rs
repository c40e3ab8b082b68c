//! Manners towards ARM: few writes at once, slower when a bucket runs dry, and the headers that every request carries (contract §9.1, §9.3).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use azure_core::error::ErrorKind;
use azure_core::http::headers::{HeaderName, Headers};
use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::{Context, Method, Request};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::Meter;
use crate::base::Clock;

/// Below this many remaining calls a bucket is nearly dry.
const LOW: u32 = 10;
/// Buckets refill with 10 to 25 calls a second; after this pause there is room again.
const PAUSE: Duration = Duration::from_secs(1);

/// Limits writes in flight and slows down before the service has to refuse.
#[derive(Debug)]
pub(super) struct Courtesy {
    clock: Arc<dyn Clock>,
    meter: Arc<Meter>,
    writes: Semaphore,
    dry: [AtomicBool; 3],
}

impl Courtesy {
    /// At most `writes` requests that change something at once.
    pub(super) fn new(clock: Arc<dyn Clock>, meter: Arc<Meter>, writes: usize) -> Self {
        Self { clock, meter, writes: Semaphore::new(writes.max(1)), dry: Default::default() }
    }
}

/// The service's bucket for a method, as an index and as its header.
const fn bucket(method: Method) -> (usize, &'static str) {
    match method {
        Method::Get | Method::Head => (0, "x-ms-ratelimit-remaining-subscription-reads"),
        Method::Delete => (2, "x-ms-ratelimit-remaining-subscription-deletes"),
        _ => (1, "x-ms-ratelimit-remaining-subscription-writes"),
    }
}

fn nearly_dry(headers: &Headers, name: &'static str) -> bool {
    headers
        .get_optional_str(&HeaderName::from_static(name))
        .and_then(|text| text.trim().parse::<u32>().ok())
        .is_some_and(|remaining| remaining < LOW)
}

#[async_trait::async_trait]
impl Policy for Courtesy {
    async fn send(&self, context: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        let Some((first, rest)) = next.split_first() else {
            return Err(azure_core::Error::with_message(ErrorKind::Other, "the pipeline has no transport"));
        };
        let (index, header) = bucket(request.method());
        let _permit = if index == 0 { None } else { self.writes.acquire().await.ok() };
        if self.dry.get(index).is_some_and(|dry| dry.load(Ordering::Relaxed)) {
            self.meter.waits(PAUSE);
            self.clock.sleep(PAUSE).await;
        }
        let answer = first.send(context, request, rest).await?;
        if let Some(dry) = self.dry.get(index) {
            dry.store(nearly_dry(answer.headers(), header), Ordering::Relaxed);
        }
        Ok(answer)
    }
}

/// Sets the headers that Azure's support and activity log need.
#[derive(Debug)]
pub(super) struct Identify {
    /// `User-Agent`.
    pub(super) user_agent: String,
    /// One per run.
    pub(super) correlation_id: Uuid,
}

#[async_trait::async_trait]
impl Policy for Identify {
    async fn send(&self, context: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        let Some((first, rest)) = next.split_first() else {
            return Err(azure_core::Error::with_message(ErrorKind::Other, "the pipeline has no transport"));
        };
        request.insert_header("user-agent", self.user_agent.clone());
        request.insert_header("accept", "application/json");
        request.insert_header("x-ms-client-request-id", Uuid::new_v4().to_string());
        request.insert_header("x-ms-return-client-request-id", "true");
        request.insert_header("x-ms-correlation-request-id", self.correlation_id.to_string());
        first.send(context, request, rest).await
    }
}
