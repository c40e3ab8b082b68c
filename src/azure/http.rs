//! The one HTTP client of the process, and its adapter to `azure_core`'s transport.
//!
//! It is built here and nowhere else, because the default constructors panic on a machine without certificates.

use std::path::{Path, PathBuf};
use std::time::Duration;

use azure_core::http::headers::{HeaderName, HeaderValue, Headers};
use azure_core::http::{AsyncRawResponse, Body, HttpClient, Request};
use azure_core::{error::ErrorKind, http::StatusCode};

use super::Error;

/// Where Linux distributions keep their bundle: Debian and Alpine, Fedora and RHEL, SUSE, older RHEL.
const SYSTEM_BUNDLES: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Builds the client: rustls, the system's roots plus those in `extra_roots` (PEM files) plus `SSL_CERT_FILE`, proxies from the
/// environment, no redirects, connections kept for reuse. Call it once and clone the result.
///
/// `SSL_CERT_FILE` *adds* to the system's roots here, as it does for the Go programs beside us (terraform, the azurerm provider),
/// although the verifier underneath would let it replace them.
///
/// # Errors
/// [`Error::ReadFile`] for an unreadable PEM file, [`Error::TrustRoots`] when a file holds no certificate or there are no roots.
pub fn client(extra_roots: &[PathBuf]) -> Result<reqwest::Client, Error> {
    let named = std::env::var_os("SSL_CERT_FILE").filter(|value| !value.is_empty()).map(PathBuf::from);
    build(reqwest::Client::builder().https_only(true).tls_certs_merge(roots(extra_roots, named.as_deref(), SYSTEM_BUNDLES)?))
}

/// The same for receivers of notices and of traces, whose addresses were checked: one nearby may do without TLS.
///
/// # Errors
/// As [`client`].
pub fn client_for_notices() -> Result<reqwest::Client, Error> {
    let named = std::env::var_os("SSL_CERT_FILE").filter(|value| !value.is_empty()).map(PathBuf::from);
    build(reqwest::Client::builder().tls_certs_merge(roots(&[], named.as_deref(), SYSTEM_BUNDLES)?))
}

/// The same, but nobody is trusted beside the authorities in `roots` (PEM files), and no proxy is used: for an Azure on this machine.
///
/// # Errors
/// As [`client`].
pub fn client_trusting_only(roots: &[PathBuf]) -> Result<reqwest::Client, Error> {
    let mut trusted = Vec::new();
    for path in roots {
        trusted.extend(pem(path, "roots")?);
    }
    build(reqwest::Client::builder().https_only(true).tls_certs_only(trusted).no_proxy())
}

/// The same for the services of this machine that give a managed identity its tokens: they speak plain http, and no proxy knows them.
/// Where there is none, that is told soon.
///
/// # Errors
/// As [`client`].
pub(super) fn client_of_this_machine() -> Result<reqwest::Client, Error> {
    let named = std::env::var_os("SSL_CERT_FILE").filter(|value| !value.is_empty()).map(PathBuf::from);
    let trusting = reqwest::Client::builder().tls_certs_merge(roots(&[], named.as_deref(), SYSTEM_BUNDLES)?);
    build_with(trusting.no_proxy(), Duration::from_secs(3))
}

fn build(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, Error> {
    build_with(builder, Duration::from_secs(20))
}

fn build_with(builder: reqwest::ClientBuilder, longest_to_connect: Duration) -> Result<reqwest::Client, Error> {
    builder
        .connect_timeout(longest_to_connect)
        .read_timeout(Duration::from_mins(1))
        .redirect(reqwest::redirect::Policy::none())
        .http2_keep_alive_interval(Duration::from_secs(30))
        .http2_adaptive_window(true)
        .build()
        .map_err(|error| {
            let mut reason = error.to_string();
            let mut cause = std::error::Error::source(&error);
            while let Some(inner) = cause {
                reason = inner.to_string();
                cause = inner.source();
            }
            Error::TrustRoots(format!("{reason}; install the `ca-certificates` package or set `SSL_CERT_FILE`"))
        })
}

/// The roots to merge into those that the verifier finds itself. When `SSL_CERT_FILE` is set it finds only that file's, so the
/// first system bundle comes along.
fn roots(extra: &[PathBuf], named: Option<&Path>, bundles: &[&str]) -> Result<Vec<reqwest::Certificate>, Error> {
    let mut roots = Vec::new();
    for path in extra {
        roots.extend(pem(path, "extra roots")?);
    }
    if let Some(path) = named {
        roots.extend(pem(path, "`SSL_CERT_FILE`")?);
        if let Some(bundle) = bundles.iter().map(Path::new).find(|bundle| bundle.exists()) {
            // An unreadable bundle is no reason to stop: the named file may be all that is needed.
            roots.extend(pem(bundle, "system roots").unwrap_or_default());
        }
    }
    Ok(roots)
}

fn pem(path: &Path, purpose: &'static str) -> Result<Vec<reqwest::Certificate>, Error> {
    let bytes = std::fs::read(path).map_err(|source| Error::ReadFile { path: path.to_owned(), purpose, source })?;
    match reqwest::Certificate::from_pem_bundle(&bytes) {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(Error::TrustRoots(format!("`{}` ({purpose}) holds no certificate in PEM form", path.display()))),
    }
}

/// `reqwest` as a transport of `azure_core`; the whole answer is read, since every answer here is one JSON document.
#[derive(Debug)]
pub(super) struct Wire(pub(super) reqwest::Client);

#[async_trait::async_trait]
impl HttpClient for Wire {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let method = reqwest::Method::from_bytes(request.method().as_ref().as_bytes())
            .map_err(|error| azure_core::Error::new(ErrorKind::Other, error))?;
        let mut outgoing = self.0.request(method, request.url().clone());
        for (name, value) in request.headers().iter() {
            outgoing = outgoing.header(name.as_str(), value.as_str());
        }
        match request.body() {
            Body::Bytes(bytes) => outgoing = outgoing.body(bytes.clone()),
            Body::SeekableStream(_) => {
                return Err(azure_core::Error::with_message(ErrorKind::Other, "streamed request bodies are not sent here"));
            }
        }
        let answer = outgoing.send().await.map_err(broken)?;
        let status = StatusCode::from(answer.status().as_u16());
        let mut headers = Headers::new();
        for (name, value) in answer.headers() {
            if let Ok(value) = value.to_str() {
                headers.insert(HeaderName::from(name.as_str().to_owned()), HeaderValue::from(value.to_owned()));
            }
        }
        let body = answer.bytes().await.map_err(broken)?;
        Ok(AsyncRawResponse::from_bytes(status, headers, body))
    }
}

/// The server showed a certificate that we do not trust: no repeat will cure that.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Untrusted(pub(super) rustls::CertificateError);

/// Finds a refused certificate among the causes of a transport error.
pub(super) fn untrusted(error: &reqwest::Error) -> Option<Untrusted> {
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if let Some(rustls::Error::InvalidCertificate(reason)) = tls(inner) {
            return Some(Untrusted(reason.clone()));
        }
        cause = inner.source();
    }
    None
}

/// The TLS error in a cause: an `io::Error` hides what it wraps from the chain, and here they come nested.
fn tls<'a>(mut cause: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    while let Some(wrapped) = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        cause = wrapped;
    }
    cause.downcast_ref()
}

fn broken(error: reqwest::Error) -> azure_core::Error {
    if let Some(untrusted) = untrusted(&error) {
        return azure_core::Error::new(ErrorKind::Other, untrusted);
    }
    let kind = if error.is_connect() { ErrorKind::Connection } else { ErrorKind::Io };
    // The URL is told by our own error, without its query.
    azure_core::Error::new(kind, error.without_url())
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use bytes::Bytes;
    use http_body_util::Full;
    use hyper::body::Incoming;
    use hyper::service::service_fn;
    use hyper_util::rt::{TokioExecutor, TokioIo};
    use rustls::pki_types::PrivatePkcs8KeyDer;
    use serde_json::{Value, json};
    use tokio::net::TcpListener;
    use tokio::sync::Barrier;
    use tokio_rustls::TlsAcceptor;

    use super::super::testing::{amw, clock, secret_source};
    use super::super::{Azure, Settings, discover};
    use super::*;
    use crate::base::Kind;

    #[test]
    fn a_file_without_certificates_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = client(&[file.path().to_owned()]).unwrap_err();
        assert!(matches!(&error, Error::TrustRoots(text) if text.contains("holds no certificate")), "{error}");
        assert!(matches!(client(&[PathBuf::from("/nonexistent.pem")]), Err(Error::ReadFile { .. })));
    }

    #[test]
    fn ssl_cert_file_adds_to_the_system_and_does_not_replace_it() {
        let one = |name: &str| {
            let file = tempfile::NamedTempFile::new().unwrap();
            let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
            std::fs::write(file.path(), made.cert.pem()).unwrap();
            file
        };
        let (extra, named, system) = (one("a"), one("b"), one("c"));
        let bundles = ["/nonexistent", system.path().to_str().unwrap(), named.path().to_str().unwrap()];
        let extra = [extra.path().to_owned()];
        assert_eq!(roots(&extra, Some(named.path()), &bundles).unwrap().len(), 3);
        assert_eq!(roots(&extra, None, &bundles).unwrap().len(), 1, "without it the verifier reads the system itself");
        assert!(roots(&[], Some(Path::new("/nonexistent")), &bundles).is_err());
    }

    const UNITS: usize = 20;

    /// A cloud on loopback over TLS and HTTP/2, whose reads are answered only when [`UNITS`] of them wait side by side.
    #[derive(Debug)]
    struct Loopback {
        port: u16,
        together: Barrier,
        connections: AtomicUsize,
        tokens: AtomicUsize,
    }

    impl Loopback {
        async fn answer(&self, path: &str) -> Value {
            let here = format!("https://localhost:{}", self.port);
            match path {
                "/metadata/endpoints" => json!({"name": "AzureCloud", "resourceManager": format!("{here}/"),
                    "authentication": {"loginEndpoint": here, "audiences": ["https://management.azure.com"]}}),
                "/tenant/oauth2/v2.0/token" => {
                    self.tokens.fetch_add(1, Ordering::SeqCst);
                    json!({"access_token": "opaque", "expires_in": 3600, "token_type": "Bearer"})
                }
                _ => {
                    self.together.wait().await;
                    json!({"id": amw().as_str()})
                }
            }
        }

        async fn serve(self: Arc<Self>, listener: TcpListener, acceptor: TlsAcceptor) {
            while let Ok((stream, _)) = listener.accept().await {
                let (cloud, acceptor) = (Arc::clone(&self), acceptor.clone());
                tokio::spawn(async move {
                    // A client that does not trust us hangs up here.
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    cloud.connections.fetch_add(1, Ordering::SeqCst);
                    let service = service_fn(|request: hyper::Request<Incoming>| {
                        let cloud = Arc::clone(&cloud);
                        async move {
                            let body = cloud.answer(request.uri().path()).await;
                            Ok::<_, Infallible>(hyper::Response::new(Full::new(Bytes::from(body.to_string()))))
                        }
                    });
                    let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                    drop(connection.serve_connection(TokioIo::new(stream), service).await);
                });
            }
        }
    }

    /// Starts the cloud; returns it with its certificate as a PEM file.
    async fn loopback() -> (Arc<Loopback>, tempfile::NamedTempFile) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), made.cert.pem()).unwrap();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let mut tls = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.into())
            .unwrap();
        tls.alpn_protocols = vec![b"h2".to_vec()];
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let cloud = Arc::new(Loopback { port, together: Barrier::new(UNITS), connections: 0.into(), tokens: 0.into() });
        tokio::spawn(Arc::clone(&cloud).serve(listener, TlsAcceptor::from(Arc::new(tls))));
        (cloud, file)
    }

    #[tokio::test]
    async fn twenty_reads_are_one_round_trip_over_warm_connections() {
        let _default = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let (cloud, pem) = loopback().await;
        let host = format!("localhost:{}", cloud.port);
        let stranger = client(&[]).unwrap();
        let error = discover(&host, &stranger).await.unwrap_err();
        assert!(matches!(error, Error::TrustServer { .. }), "an unknown certificate is told as such: {error:?}");

        let http = client(&[pem.path().to_owned()]).unwrap();
        let described = discover(&host, &http).await.unwrap();
        let azure = Azure::connect(Settings::new(described, secret_source(), http, clock())).unwrap();
        azure.warm_up().await.unwrap();
        let id = amw();
        // The barrier opens only if no read waits for another.
        futures::future::try_join_all((0..UNITS).map(|_| azure.get(&id, Kind::MonitorWorkspace))).await.unwrap();
        assert_eq!(cloud.tokens.load(Ordering::SeqCst), 1);
        assert_eq!(cloud.connections.load(Ordering::SeqCst), 1, "discovery, sign-in and reads share one connection");
    }
}
