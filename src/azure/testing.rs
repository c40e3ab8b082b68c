//! A stand-in for Azure in this room's tests: answers by script, no sockets, and a clock that nobody waits for.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use azure_core::error::ErrorKind;
use azure_core::http::headers::Headers;
use azure_core::http::{AsyncRawResponse, Body, HttpClient, Request, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{Azure, CredentialSource, Settings};
use crate::base::clock::Timestamp;
use crate::base::cloud::CloudName;
use crate::base::{ArmId, Clock, Cloud, Secret};

pub(super) const ARM: &str = "https://management.azure.com";
/// The client secret of all tests; it must never be seen.
pub(super) const SECRET: &str = "hunter2-hunter2";

/// A clock on which every wait is over at once.
#[derive(Debug)]
pub(super) struct Hours {
    pub(super) now: Mutex<Timestamp>,
    pub(super) slept: Mutex<Vec<Duration>>,
}

impl Clock for Hours {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    fn sleep(&self, time: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            self.slept.lock().unwrap().push(time);
            let mut now = self.now.lock().unwrap();
            *now += time;
        })
    }
}

/// How the next request ends.
#[derive(Debug)]
pub(super) enum Reply {
    Answer(u16, Vec<(&'static str, String)>, Vec<u8>),
    NotConnected,
    Broken,
}

pub(super) fn reply(status: u16, body: &Value) -> Reply {
    Reply::Answer(status, Vec::new(), body.to_string().into_bytes())
}

pub(super) fn empty(status: u16) -> Reply {
    Reply::Answer(status, Vec::new(), Vec::new())
}

pub(super) fn refusal(status: u16, code: &str) -> Reply {
    reply(status, &json!({"error": {"code": code, "message": "some words"}}))
}

impl Reply {
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        if let Self::Answer(_, headers, _) = &mut self {
            headers.push((name, value.into()));
        }
        self
    }
}

/// A request as it was sent.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) method: String,
    pub(super) url: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// The transport: token requests answer themselves, everything else comes from the script.
#[derive(Debug)]
pub(super) struct Script {
    replies: Mutex<VecDeque<Reply>>,
    seen: Mutex<Vec<Seen>>,
    pub(super) tokens: AtomicUsize,
    pub(super) entra: Mutex<Option<Reply>>,
    /// What token requests without a secret said.
    pub(super) forms: Mutex<Vec<String>>,
    in_flight: AtomicUsize,
    pub(super) most_in_flight: AtomicUsize,
}

impl Script {
    /// `METHOD path` of everything that was sent but token requests.
    pub(super) fn lines(&self) -> Vec<String> {
        let path = |url: &str| url.strip_prefix(ARM).unwrap_or(url).to_owned();
        self.seen().iter().map(|seen| format!("{} {}", seen.method, path(&seen.url))).collect()
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    fn next(&self, request: &Request) -> Reply {
        if request.url().path().ends_with("/oauth2/v2.0/token") {
            let number = self.tokens.fetch_add(1, Ordering::SeqCst) + 1;
            if let Body::Bytes(form) = request.body()
                && !String::from_utf8_lossy(form).contains("client_secret=")
            {
                self.forms.lock().unwrap().push(String::from_utf8_lossy(form).into_owned());
            }
            if let Some(reply) = self.entra.lock().unwrap().take() {
                return reply;
            }
            let claims = URL_SAFE_NO_PAD.encode(json!({"oid": "o", "tid": "t", "idtyp": "app", "n": number}).to_string());
            return reply(200, &json!({"access_token": format!("e30.{claims}.sig"), "expires_in": 3600, "token_type": "Bearer"}));
        }
        let Body::Bytes(body) = request.body() else { panic!("only plain bodies are sent") };
        self.seen.lock().unwrap().push(Seen {
            method: request.method().as_ref().to_owned(),
            url: request.url().to_string(),
            headers: request
                .headers()
                .iter()
                .map(|(name, value)| (name.as_str().to_owned(), value.as_str().to_owned()))
                .collect(),
            body: String::from_utf8_lossy(body).into_owned(),
        });
        self.replies.lock().unwrap().pop_front().unwrap_or_else(|| refusal(418, "ScriptIsOver"))
    }
}

#[async_trait::async_trait]
impl HttpClient for Script {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let now = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_in_flight.fetch_max(now, Ordering::SeqCst);
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
        match self.next(request) {
            Reply::NotConnected => Err(azure_core::Error::with_message(ErrorKind::Connection, "no route to host")),
            Reply::Broken => Err(azure_core::Error::with_message(ErrorKind::Io, "connection reset")),
            Reply::Answer(status, pairs, body) => {
                let mut headers = Headers::new();
                for (name, value) in pairs {
                    headers.insert(name, value);
                }
                Ok(AsyncRawResponse::from_bytes(StatusCode::from(status), headers, body))
            }
        }
    }
}

/// A clock that starts in the summer of 2026.
pub(super) fn clock() -> Arc<Hours> {
    Arc::new(Hours { now: Mutex::new("2026-08-01T10:00:00Z".parse().unwrap()), slept: Mutex::default() })
}

/// A service principal.
pub(super) fn secret_source() -> CredentialSource {
    CredentialSource::ClientSecret {
        tenant: "tenant".to_owned(),
        client_id: "client".to_owned(),
        secret: Secret::new(SECRET.to_owned()),
    }
}

/// A client over a script, with its transport and clock.
pub(super) fn azure(replies: impl IntoIterator<Item = Reply>) -> (Azure, Arc<Script>, Arc<Hours>) {
    azure_as(secret_source(), replies)
}

/// The same, signed in otherwise.
pub(super) fn azure_as(source: CredentialSource, replies: impl IntoIterator<Item = Reply>) -> (Azure, Arc<Script>, Arc<Hours>) {
    let clock = clock();
    let script = Arc::new(Script {
        replies: Mutex::new(replies.into_iter().collect()),
        seen: Mutex::default(),
        tokens: AtomicUsize::new(0),
        entra: Mutex::new(None),
        forms: Mutex::default(),
        in_flight: AtomicUsize::new(0),
        most_in_flight: AtomicUsize::new(0),
    });
    let _default = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let unused = reqwest::Client::builder().tls_certs_only([]).build().unwrap();
    let settings = Settings::new(Cloud::named(CloudName::Public), source, unused, Arc::clone(&clock) as _);
    let azure = Azure::over(settings, Arc::clone(&script) as _).unwrap();
    (azure, script, clock)
}

/// A workspace's id.
pub(super) fn amw() -> ArmId {
    ArmId::parse("/subscriptions/s1/resourceGroups/rg1/providers/Microsoft.Monitor/accounts/amw1").unwrap()
}

/// A workspace's body in a state.
pub(super) fn workspace(state: &str) -> Value {
    json!({"id": amw().as_str(), "location": "westeurope", "properties": {"provisioningState": state}})
}
