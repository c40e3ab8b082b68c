//! The HTTP door: health for anybody, everything else for bearers of a token. No TLS: it opens on this machine only.

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use jiff::Timestamp;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::access::{Role, Token, recognise};
use super::book::{Book, Trigger};
use super::config::{Http, Listen};
use super::metrics;
use crate::event::Depth;

/// A request is short.
const LARGEST_BODY: usize = 16 << 10;
/// A client that takes longer to send its head, or its whole request, is let go.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
const WITHIN: Duration = Duration::from_secs(30);
/// More wait at the door.
const MOST_CONNECTIONS: usize = 128;

struct Shared {
    book: Arc<Book>,
    tokens: Vec<Token>,
}

/// An open door, not yet served.
#[derive(Debug)]
pub struct Door {
    listener: Listener,
    routes: Router,
}

#[derive(Debug)]
enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, PathBuf),
}

/// Opens the door, so that a taken port is known before any work begins.
///
/// # Errors
/// The address cannot be had.
pub async fn open(http: &Http, book: &Arc<Book>) -> std::io::Result<Door> {
    let listener = match &http.listen {
        Listen::Tcp(address) => Listener::Tcp(TcpListener::bind(address).await?),
        Listen::Unix(path) => {
            // A socket that a killed daemon left; one that answers belongs to a living one.
            if std::os::unix::net::UnixStream::connect(path).is_ok() {
                return Err(ErrorKind::AddrInUse.into());
            }
            match std::fs::remove_file(path) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let listener = UnixListener::bind(path)?;
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
            Listener::Unix(listener, path.clone())
        }
    };
    let shared = Arc::new(Shared { book: book.clone(), tokens: http.tokens.clone() });
    Ok(Door { listener, routes: routes(&shared) })
}

impl Door {
    /// Where it is, with the port that was given when port 0 was asked for.
    #[must_use]
    pub fn address(&self) -> String {
        match &self.listener {
            Listener::Tcp(listener) => listener.local_addr().map(|address| format!("http://{address}")).unwrap_or_default(),
            Listener::Unix(_, path) => format!("unix:{}", path.display()),
        }
    }

    /// Serves until told to stop.
    pub async fn serve(self, stop: CancellationToken) {
        let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
        loop {
            let Ok(place) = room.clone().acquire_owned().await else { break };
            let routes = self.routes.clone();
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = accept(&self.listener) => accepted,
            };
            match accepted {
                Ok(stream) => {
                    tokio::spawn(async move {
                        let _place = place;
                        converse(stream, routes).await;
                    });
                }
                // Out of file handles, most likely: give others the time to close some.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
        if let Listener::Unix(_, path) = &self.listener {
            // It is of no use to anybody any more; a leftover is removed by the next start.
            drop(std::fs::remove_file(path));
        }
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

async fn accept(listener: &Listener) -> std::io::Result<Box<dyn Stream>> {
    Ok(match listener {
        Listener::Tcp(listener) => Box::new(listener.accept().await?.0),
        Listener::Unix(listener, _) => Box::new(listener.accept().await?.0),
    })
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

fn routes(shared: &Arc<Shared>) -> Router {
    let reading = Router::new()
        .route("/metrics", get(metrics_page))
        .route("/api/v1/stacks", get(stacks))
        .route("/api/v1/stacks/{name}", get(stack))
        .route_layer(from_fn_with_state((shared.clone(), Role::Read), guard));
    let operating = Router::new()
        .route("/api/v1/stacks/{name}/trigger", post(trigger))
        .route("/api/v1/freeze", post(freeze).delete(thaw))
        .route_layer(from_fn_with_state((shared.clone(), Role::Operate), guard));
    let approving = Router::new()
        .route("/api/v1/stacks/{name}/approve", post(approve))
        .route_layer(from_fn_with_state((shared.clone(), Role::Approve), guard));
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .merge(reading)
        .merge(operating)
        .merge(approving)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(axum::middleware::from_fn(in_time))
        .with_state(shared.clone())
}

/// A request that is not done in time is given up.
async fn in_time(request: Request, next: Next) -> Response {
    let answer = tokio::time::timeout(WITHIN, next.run(request)).await;
    answer.unwrap_or_else(|_| refuse(StatusCode::REQUEST_TIMEOUT, "the request took too long"))
}

async fn guard(State((shared, needed)): State<(Arc<Shared>, Role)>, request: Request<Body>, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some(token) =
        given.and_then(|value| value.strip_prefix("Bearer ")).and_then(|text| recognise(&shared.tokens, text.trim()))
    else {
        let mut refused = refuse(StatusCode::UNAUTHORIZED, "a bearer token is needed");
        refused.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
        return refused;
    };
    if token.role < needed {
        return refuse(StatusCode::FORBIDDEN, "this token's role does not allow it");
    }
    tracing::info!(who = %token.name, method = %request.method(), path = %request.uri().path(), "asked");
    next.run(request).await
}

fn refuse(status: StatusCode, why: &str) -> Response {
    (status, Json(json!({"error": why}))).into_response()
}

async fn ready(State(shared): State<Arc<Shared>>) -> Response {
    if shared.book.is_ready() { "ready\n".into_response() } else { refuse(StatusCode::SERVICE_UNAVAILABLE, "not ready") }
}

async fn metrics_page(State(shared): State<Arc<Shared>>) -> Response {
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], metrics::page(&shared.book, Timestamp::now())).into_response()
}

async fn stacks(State(shared): State<Arc<Shared>>) -> Response {
    let book = &shared.book;
    Json(json!({"schema": "aksight.daemon/v1", "frozen": book.is_frozen(), "problem": book.reload_problem(), "stacks": book.stacks()}))
        .into_response()
}

async fn stack(State(shared): State<Arc<Shared>>, Path(name): Path<String>) -> Response {
    shared.book.stack(&name).map_or_else(|| unknown(&name), |stack| Json(stack).into_response())
}

fn unknown(name: &str) -> Response {
    refuse(StatusCode::NOT_FOUND, &format!("there is no stack `{}`", name.escape_debug()))
}

async fn trigger(State(shared): State<Arc<Shared>>, Path(name): Path<String>, body: Option<Json<Trigger>>) -> Response {
    let wanted = body.map(|Json(trigger)| trigger).unwrap_or_default();
    if shared.book.trigger(&name, wanted) { accepted() } else { unknown(&name) }
}

/// The name of the plan that is approved.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Approval {
    plan: String,
}

async fn approve(State(shared): State<Arc<Shared>>, Path(name): Path<String>, Json(approval): Json<Approval>) -> Response {
    if shared.book.stack(&name).is_none() {
        return unknown(&name);
    }
    match shared.book.waiting_plan(&name) {
        Some((plan, depth)) if plan == approval.plan => {
            // The name is made of what that look saw: another depth would see it under another name.
            shared.book.trigger(&name, Trigger { heal: true, deep: depth == Depth::Deep, approved: Some(plan) });
            accepted()
        }
        _ => refuse(StatusCode::CONFLICT, "no such plan waits: the world has moved, or it was carried out"),
    }
}

fn accepted() -> Response {
    (StatusCode::ACCEPTED, Json(json!({"accepted": true}))).into_response()
}

async fn freeze(State(shared): State<Arc<Shared>>) -> Response {
    shared.book.freeze(true);
    Json(json!({"frozen": true})).into_response()
}

async fn thaw(State(shared): State<Arc<Shared>>) -> Response {
    shared.book.freeze(false);
    Json(json!({"frozen": false})).into_response()
}
