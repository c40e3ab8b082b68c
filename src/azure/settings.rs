//! What the client needs to know before its first call.

use std::sync::Arc;

use uuid::Uuid;

use super::{CredentialSource, Meter};
use crate::base::{Clock, Cloud};

/// Everything that [`super::Azure::connect`] needs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Endpoints and audiences.
    pub cloud: Cloud,
    /// Who signs in.
    pub credential: CredentialSource,
    /// The one HTTP client of the process, from [`super::http::client`].
    pub http: reqwest::Client,
    /// One id per run: it groups the run's calls in the activity log (`x-ms-correlation-request-id`).
    pub correlation_id: Uuid,
    /// Time; waits and back-off go through it.
    pub clock: Arc<dyn Clock>,
    /// Counts what is asked of ARM.
    pub meter: Arc<Meter>,
    /// `User-Agent`, such as `aksight/0.1.0`.
    pub user_agent: String,
    /// How many writes may be under way at once; Azure's advice is at most 4 (contract §9.3).
    pub writes_in_flight: usize,
}

impl Settings {
    /// Settings with this program's user agent and the advised number of writes in flight.
    #[must_use]
    pub fn new(cloud: Cloud, credential: CredentialSource, http: reqwest::Client, clock: Arc<dyn Clock>) -> Self {
        Self {
            cloud,
            credential,
            http,
            correlation_id: Uuid::new_v4(),
            clock,
            meter: Arc::default(),
            user_agent: concat!("aksight/", env!("CARGO_PKG_VERSION")).to_owned(),
            writes_in_flight: 4,
        }
    }
}
