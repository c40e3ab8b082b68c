//! Unary gRPC over HTTP/2: one length-prefixed message in, one out, the status in the trailers.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{BufMut as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Request, Response, header};
use http_body_util::combinators::WithTrailers;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// What a handler answers: the message, or a gRPC status code (12 is "unimplemented") with a reason.
pub(super) type Answer = Result<Vec<u8>, (u32, String)>;

/// The largest request read: a state with every secret in it stays far below.
const LARGEST: usize = 64 << 20;

/// A caller that is not heard of for so long is gone. gRPC's clients let go of a connection that was idle for half an hour; Terraform
/// is never idle for that long between two calls of one command.
pub(super) const ALONE: Duration = Duration::from_mins(10);

/// Serves until `end`, or until there was no connection for the time `alone`. `handle` gets the method's path and the message's bytes.
pub(super) async fn serve<F, H>(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    (end, alone): (CancellationToken, Duration),
    handle: H,
) where
    H: Fn(String, Bytes) -> F + Send + Sync + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    let handle = Arc::new(handle);
    let connections = tokio_util::task::TaskTracker::new();
    let mut last_seen = Instant::now();
    loop {
        let accepted = tokio::select! {
            () = end.cancelled() => break,
            () = tokio::time::sleep(alone / 4) => {
                if !connections.is_empty() {
                    last_seen = Instant::now();
                } else if last_seen.elapsed() >= alone {
                    break;
                }
                continue;
            }
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else { break };
        last_seen = Instant::now();
        let (acceptor, handle, end) = (acceptor.clone(), Arc::clone(&handle), end.clone());
        connections.spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let service = hyper::service::service_fn(move |request| call(Arc::clone(&handle), request));
            let connection =
                hyper::server::conn::http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service);
            let mut connection = std::pin::pin!(connection);
            if end.run_until_cancelled(connection.as_mut()).await.is_none() {
                // Lets the answer to the call that ended us leave the socket.
                connection.as_mut().graceful_shutdown();
                let _closed = tokio::time::timeout(Duration::from_millis(500), connection).await;
            }
        });
    }
    connections.close();
    connections.wait().await;
}

type Body = WithTrailers<Full<Bytes>, std::future::Ready<Option<Result<HeaderMap, Infallible>>>>;

async fn call<F, H>(handle: Arc<H>, request: Request<Incoming>) -> Result<Response<Body>, Infallible>
where
    H: Fn(String, Bytes) -> F + Send + Sync + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    let (parts, body) = request.into_parts();
    let answer = match message(body).await {
        Ok(message) => handle(parts.uri.path().to_owned(), message).await,
        Err(reason) => Err((13, reason)),
    };
    Ok(respond(answer))
}

async fn message(body: Incoming) -> Result<Bytes, String> {
    let mut bytes = http_body_util::Limited::new(body, LARGEST).collect().await.map_err(|error| error.to_string())?.to_bytes();
    // One byte says whether the message is compressed (we never offered to), four say how long it is.
    if bytes.len() < 5 || bytes[0] != 0 {
        return Err("not an uncompressed message".into());
    }
    Ok(bytes.split_off(5))
}

fn respond(answer: Answer) -> Response<Body> {
    let mut trailers = HeaderMap::new();
    let mut frame = BytesMut::new();
    let (status, reason) = match answer {
        Ok(message) => {
            frame.put_u8(0);
            frame.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
            frame.extend_from_slice(&message);
            (0, String::new())
        }
        Err(status) => status,
    };
    trailers.insert("grpc-status", HeaderValue::from(status));
    if let Ok(reason) = HeaderValue::from_str(&reason) {
        trailers.insert("grpc-message", reason);
    }
    let body = Full::new(frame.freeze()).with_trailers(std::future::ready(Some(Ok(trailers))));
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}
