//! A span for every request on the wire, with the ids by which Azure's Activity Log and support find it.

use std::sync::Arc;

use azure_core::error::ErrorKind;
use azure_core::http::headers::HeaderName;
use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::{Context, Request};
use tracing::Instrument as _;

use crate::base::span;

const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-client-request-id");
const CORRELATION_ID: HeaderName = HeaderName::from_static("x-ms-correlation-request-id");
const SERVICE_REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-request-id");

/// How many times a request was sent before.
pub(super) struct Resent(pub(super) u32);

/// The policy. Last in a pipeline, so that a span stands for one attempt and nothing but its way there and back.
#[derive(Debug)]
pub(super) struct Traced;

#[async_trait::async_trait]
impl Policy for Traced {
    async fn send(&self, context: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        let Some((first, rest)) = next.split_first() else {
            return Err(azure_core::Error::with_message(ErrorKind::Other, "the pipeline has no transport"));
        };
        let url = request.url();
        let (host, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default());
        let span = span::http(request.method().as_ref(), host, port, url.path());
        if span.is_disabled() {
            return first.send(context, request, rest).await;
        }
        if let Some(Resent(times)) = context.value::<Resent>() {
            span.record("http.request.resend_count", times);
        }
        for (field, header) in [("az.client_request_id", &CLIENT_REQUEST_ID), ("az.correlation_id", &CORRELATION_ID)] {
            span.record(field, request.headers().get_optional_str(header));
        }
        let answer = first.send(context, request, rest).instrument(span.clone()).await;
        match &answer {
            Ok(answer) => {
                span.record("az.service_request_id", answer.headers().get_optional_str(&SERVICE_REQUEST_ID));
                span::answered(&span, u16::from(answer.status()));
            }
            Err(error) => span::unanswered(&span, kind(error.kind())),
        }
        answer
    }
}

/// A word for an attempt without answer, of which there are few.
const fn kind(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Connection => "connection",
        ErrorKind::Io => "io",
        _ => "other",
    }
}
