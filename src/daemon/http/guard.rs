//! Who may pass, how often, and for how long.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use super::{Shared, refuse};
use crate::daemon::access::{Role, Token, recognise};

/// A request that is not done in time is given up.
const WITHIN: Duration = Duration::from_secs(30);
/// How many refusals of unknown tokens there are in a second, for all together: guessing is slow, and a storm costs no work.
const STRANGERS: NonZeroU32 = NonZeroU32::new(10).unwrap();

/// The tokens, and how often each may come.
#[derive(Debug)]
pub(super) struct Limits {
    tokens: Vec<Token>,
    by_token: Vec<DefaultDirectRateLimiter>,
    strangers: DefaultDirectRateLimiter,
}

impl Limits {
    pub(super) fn new(tokens: &[Token], requests_per_second: NonZeroU32) -> Self {
        // A page that opens asks several things at once.
        let burst = requests_per_second.saturating_mul(NonZeroU32::MIN.saturating_add(2));
        let quota = Quota::per_second(requests_per_second).allow_burst(burst);
        Self {
            tokens: tokens.to_vec(),
            by_token: tokens.iter().map(|_| RateLimiter::direct(quota)).collect(),
            strangers: RateLimiter::direct(Quota::per_second(STRANGERS)),
        }
    }
}

/// Who asks; handlers find it in the request.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) name: String,
    pub(super) role: Role,
}

/// Lets through who has a token of the role, and not too often.
pub(super) async fn guard(
    State((shared, needed)): State<(Arc<Shared>, Role)>,
    mut request: Request<Body>,
    next: Next,
) -> Response {
    let limits = &shared.limits;
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = given.and_then(|value| value.strip_prefix("Bearer ")).and_then(|text| recognise(&limits.tokens, text.trim()));
    let Some(index) = token else {
        if limits.strangers.check().is_err() {
            return too_often();
        }
        let mut refused = refuse(StatusCode::UNAUTHORIZED, "a bearer token is needed");
        refused.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        return refused;
    };
    if limits.by_token[index].check().is_err() {
        return too_often();
    }
    let token = &limits.tokens[index];
    if token.role < needed {
        return refuse(StatusCode::FORBIDDEN, "this token's role does not allow it");
    }
    if request.method() == Method::GET {
        // A page that is open and a Prometheus that scrapes ask all day long.
        tracing::debug!(who = %token.name, path = %request.uri().path(), "asked");
    } else {
        tracing::info!(who = %token.name, method = %request.method(), path = %request.uri().path(), "asked");
    }
    request.extensions_mut().insert(Caller { name: token.name.clone(), role: token.role });
    next.run(request).await
}

fn too_often() -> Response {
    let mut refused = refuse(StatusCode::TOO_MANY_REQUESTS, "too many requests");
    refused.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    refused
}

/// Gives up a request that is not done in time.
pub(super) async fn in_time(request: Request, next: Next) -> Response {
    let answer = tokio::time::timeout(WITHIN, next.run(request)).await;
    answer.unwrap_or_else(|_| refuse(StatusCode::REQUEST_TIMEOUT, "the request took too long"))
}
