//! The way to the collector: our own HTTP client under OpenTelemetry's exporter, and who notices that nobody listens.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use tokio::runtime::Handle;

use super::settings::{Settings, Unusable};

/// A longer answer of a collector is not read to its end.
const MOST_BYTES: usize = 1 << 20;

/// What is told about a collector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// It takes no traces, and why. Told once, however long that lasts; what it does not take is lost.
    Away(String),
    /// It takes them again.
    Back,
}

/// Whether the collector takes what it gets.
#[derive(Clone)]
pub(super) struct Health(Arc<Inner>);

struct Inner {
    address: String,
    away: AtomicBool,
    reason: Mutex<Option<String>>,
    tell: Box<dyn Fn(Word) + Send + Sync>,
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Health").field("address", &self.0.address).field("away", &self.0.away).finish_non_exhaustive()
    }
}

impl Health {
    pub(super) fn new(address: String, tell: impl Fn(Word) + Send + Sync + 'static) -> Self {
        Self(Arc::new(Inner { address, away: AtomicBool::new(false), reason: Mutex::default(), tell: Box::new(tell) }))
    }

    /// Keeps why a request failed: the exporter tells its caller only that it did.
    fn note(&self, reason: String) {
        *self.0.reason.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
    }

    /// A batch is lost. `why` counts when no request has said more.
    pub(super) fn failed(&self, why: &str) {
        let reason = self.0.reason.lock().unwrap_or_else(PoisonError::into_inner).take();
        if !self.0.away.swap(true, Ordering::Relaxed) {
            (self.0.tell)(Word::Away(format!("`{}`: {}", self.0.address, reason.as_deref().unwrap_or(why))));
        }
    }

    fn succeeded(&self) {
        if self.0.away.swap(false, Ordering::Relaxed) {
            (self.0.tell)(Word::Back);
        }
    }
}

/// Makes the exporter.
pub(super) fn exporter(
    settings: Settings,
    client: reqwest::Client,
    runtime: Handle,
    health: Health,
) -> Result<Watched<opentelemetry_otlp::SpanExporter>, Unusable> {
    let sender = Sender { client, runtime, timeout: settings.timeout, health: health.clone() };
    let headers: HashMap<String, String> =
        settings.headers.into_iter().map(|(name, value)| (name, value.expose().to_owned())).collect();
    let inner = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(settings.endpoint)
        .with_timeout(settings.timeout)
        .with_headers(headers)
        .with_http_client(sender)
        .build()
        .map_err(|error| Unusable { variable: "OTEL_EXPORTER_OTLP_…", what: format!("cannot be used: {error}") })?;
    Ok(Watched { inner, health })
}

/// Our client as the exporter's. The exporter works on a thread of its own, without a runtime, so requests go to ours.
struct Sender {
    client: reqwest::Client,
    runtime: Handle,
    timeout: Duration,
    health: Health,
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

#[async_trait::async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let mut request = reqwest::Request::try_from(request)?;
        *request.timeout_mut() = Some(self.timeout);
        let sent = self.runtime.spawn(send(self.client.clone(), request)).await;
        let answer = match sent {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                self.health.note(cause(&error));
                return Err(error.without_url().into());
            }
            // The runtime is gone, and with it whoever would want to know.
            Err(gone) => return Err(gone.into()),
        };
        if !answer.status().is_success() {
            self.health.note(format!("answered with {}", answer.status()));
        }
        Ok(answer)
    }
}

async fn send(client: reqwest::Client, request: reqwest::Request) -> Result<Response<Bytes>, reqwest::Error> {
    let mut answer = client.execute(request).await?;
    let (status, headers) = (answer.status(), std::mem::take(answer.headers_mut()));
    let mut body = BytesMut::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > MOST_BYTES {
            break;
        }
        body.extend_from_slice(&chunk);
    }
    let mut response = Response::new(body.freeze());
    (*response.status_mut(), *response.headers_mut()) = (status, headers);
    Ok(response)
}

/// The innermost reason: "connection refused" says more than "error sending request".
fn cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// An exporter whose failures are noticed.
#[derive(Debug)]
pub(super) struct Watched<E> {
    inner: E,
    health: Health,
}

impl<E: SpanExporter> SpanExporter for Watched<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let result = self.inner.export(batch).await;
        match &result {
            Ok(()) => self.health.succeeded(),
            Err(error) => self.health.failed(&error.to_string()),
        }
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn shutdown(&self) -> OTelSdkResult {
        self.inner.shutdown()
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absence_is_told_once_and_so_is_its_end() {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ear = heard.clone();
        let health = Health::new("http://c/".to_owned(), move |word| ear.lock().unwrap().push(word));
        health.succeeded();
        health.note("connection refused".to_owned());
        health.failed("lost");
        health.failed("lost");
        health.succeeded();
        health.succeeded();
        health.failed("lost");
        let away = |why: &str| Word::Away(format!("`http://c/`: {why}"));
        assert_eq!(*heard.lock().unwrap(), [away("connection refused"), Word::Back, away("lost")]);
    }
}
