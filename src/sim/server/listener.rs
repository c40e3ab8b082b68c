//! The socket, the routes, and what happens around every request: faults before, marks and the log after.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use jiff::Timestamp;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::{Error, Options, Shared, arm, entra, metadata};
use crate::host::files;
use crate::sim::planes::View;
use crate::sim::planes::router::{Doorway, Visit, router as planes};
use crate::sim::world::World;

/// Ports for directories that never had one.
const FIRST_PORT: u16 = 20_000;
const PORTS: u16 = 12_000;
/// How many ports are tried.
const TRIES: u16 = 64;

/// A bound socket, for IPv4 and where possible for IPv6.
pub(super) struct Bound {
    pub(super) port: u16,
    v4: TcpListener,
    v6: Option<TcpListener>,
}

/// Binds the port that was asked for, else the one of last time or the next free one. Loopback only.
pub(super) async fn bind(options: &Options, last: Option<u16>) -> Result<Bound, Error> {
    if let Some(port) = options.port {
        return bind_to(port).await.map_err(|source| Error::Port { port, source });
    }
    let first = last.unwrap_or_else(|| {
        let text = files::canonical(&options.state_dir).unwrap_or_else(|_| options.state_dir.clone()).display().to_string();
        let hash = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, text.as_bytes()).as_u128();
        FIRST_PORT + u16::try_from(hash % u128::from(PORTS)).unwrap_or(0)
    });
    for port in (0..TRIES).map(|step| first.saturating_add(step)) {
        match bind_to(port).await {
            Ok(bound) => return Ok(bound),
            Err(error) if error.kind() == ErrorKind::AddrInUse => {}
            Err(source) => return Err(Error::Port { port, source }),
        }
    }
    Err(Error::Port { port: first, source: ErrorKind::AddrInUse.into() })
}

async fn bind_to(port: u16) -> std::io::Result<Bound> {
    let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let port = v4.local_addr()?.port();
    // A machine without IPv6 reaches localhost by IPv4.
    let v6 = TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await.ok();
    Ok(Bound { port, v4, v6 })
}

/// All routes.
pub(super) fn router(shared: &Arc<Shared>) -> Router {
    let routes = Router::new()
        .route("/metadata/endpoints", get(metadata::endpoints))
        .route("/common/discovery/instance", get(entra::discovery))
        .route("/{tenant}/v2.0/.well-known/openid-configuration", get(entra::openid))
        .route("/{tenant}/oauth2/v2.0/token", post(entra::token))
        .route("/{tenant}/oauth2/token", post(entra::token))
        .fallback(arm::gate)
        .with_state(shared.clone());
    routes.merge(planes(doorway(shared))).layer(from_fn_with_state(shared.clone(), around))
}

/// How the data planes reach the world.
fn doorway(shared: &Arc<Shared>) -> Doorway {
    let (entering, recognising) = (shared.clone(), shared.clone());
    Doorway {
        enter: Arc::new(move |visit: Visit| {
            let now = Timestamp::now();
            let worked = entering.keeper.visit(false, |world| {
                crate::sim::arm::operations::settle(world, now);
                world.resources.date(now, entering.delays.graph);
                let World { resources, planes, .. } = world;
                let view = View { resources, now, delays: &entering.delays };
                planes.observe_changes(&view, resources.revision());
                visit(planes, &view);
            });
            if let Err(error) = worked {
                tracing::warn!(%error, "the embedded Azure's world was not written");
            }
        }),
        caller: Arc::new(move |token, audience| recognising.identity.for_plane(token, audience, Timestamp::now())),
    }
}

/// What happens around every request.
async fn around(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let (method, uri) = (request.method().as_str().to_owned(), request.uri().clone());
    let correlation = request.headers().get("x-ms-correlation-request-id").cloned();
    let client = request.headers().get("x-ms-client-request-id").cloned();
    let fate = shared.keeper.orders.fate(&method, uri.path());
    if !fate.wait.is_zero() {
        tokio::time::sleep(fate.wait).await;
    }
    if fate.reset {
        return broken();
    }
    let writes = !matches!(method.as_str(), "GET" | "HEAD") && uri.path().starts_with("/kube/");
    let mut response = match fate.refused {
        Some(status) => refused(status, shared.pace),
        None => next.run(request).await,
    };
    if writes {
        shared.keeper.flush();
    }
    mark(response.headers_mut(), correlation, client);
    let version = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).find(|(name, _)| name == "api-version");
    shared.keeper.note(&json!({"time": Timestamp::now().to_string(), "method": method, "path": uri.path(),
        "api_version": version.map(|(_, version)| version.into_owned()), "status": response.status().as_u16(),
        "request_id": text(response.headers(), "x-ms-request-id"),
        "correlation_id": text(response.headers(), "x-ms-correlation-request-id"),
        "milliseconds": u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)}));
    if fate.dropped { broken() } else { response }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// An answer that breaks off.
fn broken() -> Response {
    let broken = futures::stream::once(async { Err::<&str, _>(std::io::Error::from(ErrorKind::ConnectionReset)) });
    Response::new(Body::from_stream(broken))
}

/// The ids under which support finds a call.
fn mark(headers: &mut HeaderMap, correlation: Option<HeaderValue>, client: Option<HeaderValue>) {
    let id = uuid::Uuid::new_v4().to_string();
    if let Ok(id) = HeaderValue::try_from(id) {
        headers.insert("x-ms-correlation-request-id", correlation.unwrap_or_else(|| id.clone()));
        headers.insert("x-ms-request-id", id);
    }
    if let Some(client) = client {
        headers.insert("x-ms-client-request-id", client);
    }
}

fn refused(status: u16, pace: f64) -> Response {
    let (code, message) = match status {
        400 => ("InvalidParameter", "The request is refused because a fault was ordered."),
        403 => {
            ("AuthorizationFailed", "The client does not have authorization to perform the action, because a fault was ordered.")
        }
        409 => ("AnotherOperationInProgress", "Another operation is in progress, because a fault was ordered."),
        429 => ("TooManyRequests", "The request is throttled because a fault was ordered."),
        503 => ("ServiceUnavailable", "The service is unavailable because a fault was ordered."),
        _ => ("InternalServerError", "The service failed because a fault was ordered."),
    };
    let mut response = arm::error_body(status, code, message);
    if status == 429 {
        let wait = (5000.0 * pace).max(10.0).round();
        for (name, text) in [("retry-after", format!("{}", (wait / 1000.0).ceil())), ("retry-after-ms", format!("{wait}"))] {
            if let Ok(value) = HeaderValue::try_from(text) {
                response.headers_mut().insert(name, value);
            }
        }
    }
    response
}

/// Serves until told to stop.
pub(super) async fn serve(bound: Bound, tls: TlsAcceptor, routes: Router, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        let second = async {
            match &bound.v6 {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = bound.v4.accept() => accepted,
            accepted = second => accepted,
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((stream, _)) => {
                connections.spawn(connection(stream, tls.clone(), routes.clone()));
            }
            // Out of file handles, most likely: give others the time to close some.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn connection(stream: TcpStream, tls: TlsAcceptor, routes: Router) {
    if let Err(error) = converse(stream, tls, routes).await {
        tracing::debug!(%error, "a connection broke off");
    }
}

async fn converse(stream: TcpStream, tls: TlsAcceptor, routes: Router) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    stream.set_nodelay(true)?;
    let stream = tls.accept(stream).await?;
    Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes)).await
}
