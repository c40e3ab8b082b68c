//! The HTTP door: health and the page for anybody, everything else for bearers of a token. On this machine, in a socket, or behind TLS.

mod act;
mod events;
mod guard;
mod openapi;
mod page;
mod read;
pub(super) mod tls;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::access::Role;
use super::book::Book;
use super::config::{Http, Listen};
use crate::azure::Meter;
use crate::host::socket::Socket;
use crate::journal;
use guard::{Limits, guard, in_time};
use tls::Certificate;

/// A request is short.
const LARGEST_BODY: usize = 16 << 10;
/// A client that takes longer to send its head is let go.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// More wait at the door.
const MOST_CONNECTIONS: usize = 128;

/// What every answer is made of.
#[derive(Debug)]
struct Shared {
    book: Arc<Book>,
    meter: Arc<Meter>,
    limits: Limits,
    events: events::Feed,
}

/// An open door, not yet served.
#[derive(Debug)]
pub struct Door {
    listener: Listener,
    certificate: Option<Certificate>,
    routes: Router,
}

#[derive(Debug)]
enum Listener {
    Tcp(TcpListener),
    Socket(Socket),
}

/// Opens the door, so that a taken port and an unusable certificate are known before any work begins.
///
/// # Errors
/// The address cannot be had, or the certificate cannot be used.
pub async fn open(http: &Http, book: &Arc<Book>, meter: &Arc<Meter>) -> std::io::Result<Door> {
    let certificate = http.tls.clone().map(Certificate::read).transpose()?;
    let listener = match &http.listen {
        Listen::Tcp(address) => Listener::Tcp(TcpListener::bind(address).await?),
        Listen::Unix(path) => Listener::Socket(Socket::open(path)?),
    };
    let limits = Limits::new(&http.tokens, http.requests_per_second);
    let shared = Shared { book: book.clone(), meter: meter.clone(), limits, events: events::Feed::new(book.clone()) };
    Ok(Door { listener, certificate, routes: routes(&Arc::new(shared)) })
}

impl Door {
    /// Where it is, with the port that was given when port 0 was asked for.
    #[must_use]
    pub fn address(&self) -> String {
        let scheme = if self.certificate.is_some() { "https" } else { "http" };
        match &self.listener {
            Listener::Tcp(listener) => listener.local_addr().map(|address| format!("{scheme}://{address}")).unwrap_or_default(),
            Listener::Socket(socket) => format!("unix:{}", socket.path().display()),
        }
    }

    /// Serves until told to stop.
    pub async fn serve(self, stop: CancellationToken) {
        let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
        loop {
            let Ok(place) = room.clone().acquire_owned().await else { break };
            let (routes, certificate) = (self.routes.clone(), self.certificate.clone());
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = accept(&self.listener) => accepted,
            };
            match accepted {
                Ok(stream) => {
                    let stop = stop.clone();
                    tokio::spawn(async move {
                        let _place = place;
                        tokio::select! {
                            () = stop.cancelled() => {}
                            () = greet(stream, certificate, routes) => {}
                        }
                    });
                }
                // Out of file handles, most likely: give others the time to close some.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

async fn accept(listener: &Listener) -> std::io::Result<Box<dyn Stream>> {
    Ok(match listener {
        Listener::Tcp(listener) => Box::new(listener.accept().await?.0),
        Listener::Socket(socket) => Box::new(socket.accept().await?),
    })
}

async fn greet(stream: Box<dyn Stream>, certificate: Option<Certificate>, routes: Router) {
    let Some(certificate) = certificate else { return converse(stream, routes).await };
    match tokio::time::timeout(HEAD_WITHIN, certificate.acceptor().accept(stream)).await {
        Ok(Ok(stream)) => converse(Box::new(stream), routes).await,
        Ok(Err(error)) => tracing::debug!(%error, "no TLS came about"),
        Err(_) => tracing::debug!("no TLS came about in time"),
    }
}

async fn converse(stream: Box<dyn Stream>, routes: Router) {
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(LARGEST_BODY)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes));
    if let Err(error) = served.await {
        tracing::debug!(%error, "a connection broke off");
    }
}

/// Every route. `openapi::OPERATIONS` describes the same ones; a test holds them together.
fn routes(shared: &Arc<Shared>) -> Router {
    let reading = Router::new()
        .route("/metrics", get(read::metrics))
        .route("/api/v1/openapi.json", get(openapi::document))
        .route("/api/v1/me", get(read::me))
        .route("/api/v1/stacks", get(read::stacks))
        .route("/api/v1/stacks/{name}", get(read::stack))
        .route("/api/v1/stacks/{name}/drift", get(read::drift))
        .route("/api/v1/stacks/{name}/checks", get(read::checks))
        .route("/api/v1/stacks/{name}/runs", get(read::runs))
        .route("/api/v1/stacks/{name}/runs/{run}", get(read::run))
        .route("/api/v1/stacks/{name}/plans/{plan}", get(read::plan))
        .route_layer(from_fn_with_state((shared.clone(), Role::Read), guard));
    let operating = Router::new()
        .route("/api/v1/stacks/{name}/trigger", post(act::trigger))
        .route("/api/v1/freeze", post(act::freeze).delete(act::thaw))
        .route_layer(from_fn_with_state((shared.clone(), Role::Operate), guard));
    let approving = Router::new()
        .route("/api/v1/stacks/{name}/approve", post(act::approve))
        .route("/api/v1/stacks/{name}/reject", post(act::reject))
        .route_layer(from_fn_with_state((shared.clone(), Role::Approve), guard));
    let lasting = Router::new()
        .route("/api/v1/events", get(events::stream))
        .route_layer(from_fn_with_state((shared.clone(), Role::Read), guard));
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(read::ready))
        .merge(reading)
        .merge(operating)
        .merge(approving)
        .layer(from_fn(in_time))
        .merge(lasting)
        .merge(page::routes())
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(shared.clone())
}

/// An answer that says no.
fn refuse(status: StatusCode, why: &str) -> Response {
    (status, Json(json!({"error": why}))).into_response()
}

fn unknown(name: &str) -> Response {
    refuse(StatusCode::NOT_FOUND, &format!("there is no stack `{}`", name.escape_debug()))
}

/// The store is away, or a row in it cannot be read.
fn unavailable(error: &journal::Error) -> Response {
    tracing::error!(%error, "a request cannot be answered");
    let mut refused = refuse(StatusCode::SERVICE_UNAVAILABLE, "the store cannot be used now");
    refused.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    refused
}
