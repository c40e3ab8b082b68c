//! The provider's own way to ARM: endpoints, a token, requests, long-running operations. It shares nothing with the client of the
//! program, as azurerm does not.

mod account;
mod operation;
mod sign_in;

pub(super) use account::{Account, Settings};

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::Value as Json;
use tokio_util::sync::CancellationToken;

/// Why a call failed; its text is what azurerm prints.
#[derive(Debug, thiserror::Error)]
pub(super) enum ArmError {
    /// A setting that is needed to sign in is missing.
    #[error("building account: `{0}` is not set")]
    Missing(&'static str),
    /// No way to sign in, or it led nowhere.
    #[error("building account: {0}")]
    SignIn(String),
    /// A sovereign cloud's name that is not known.
    #[error("building account: unable to find environment {0:?}: expected `public`, `usgovernment` or `china`")]
    Environment(String),
    /// The metadata host did not describe a cloud.
    #[error("retrieving environments from Azure MetaData service: `{0}` does not describe a cloud")]
    Metadata(String),
    /// No answer at all.
    #[error("{0}")]
    Unreachable(String),
    /// Entra refused.
    #[error("unable to obtain access token: clientCredentialsToken: received HTTP status {status} with response: {body}")]
    Token {
        /// HTTP status.
        status: u16,
        /// Entra's answer, which names the reason and no secret.
        body: String,
    },
    /// ARM refused.
    #[error("unexpected status {status} ({status} {reason}) with error: {code}: {message}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// Its usual words.
        reason: &'static str,
        /// ARM's code.
        code: String,
        /// ARM's message.
        message: String,
    },
    /// A long-running operation ended badly.
    #[error(
        "polling failed: the Azure API returned the following error:\n\nStatus: {status:?}\nCode: {code:?}\nMessage: {message:?}"
    )]
    Failed {
        /// How the operation ended.
        status: String,
        /// ARM's code.
        code: String,
        /// ARM's message.
        message: String,
    },
    /// Terraform asked to stop.
    #[error("context canceled")]
    Stopped,
    /// It took longer than azurerm would wait.
    #[error("context deadline exceeded")]
    Late,
}

impl ArmError {
    /// Whether the thing is not there.
    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }

    /// ARM's answer as an error. Bodies come as `{"error":{…}}` and as `{"code","message"}` (contract §9.4).
    fn refused(status: StatusCode, body: &Json) -> Self {
        let (code, message) = words(body);
        Self::Refused { status: status.as_u16(), reason: status.canonical_reason().unwrap_or_default(), code, message }
    }
}

/// Code and message of an error body, wherever they are.
fn words(body: &Json) -> (String, String) {
    let inner = body.get("error").unwrap_or(body);
    let word = |key: &str| inner.get(key).and_then(Json::as_str).unwrap_or_default().to_owned();
    (word("code"), word("message"))
}

/// An answer that was not an error.
#[derive(Debug)]
struct Reply {
    status: StatusCode,
    headers: reqwest::header::HeaderMap,
    body: Json,
}

/// A client for one subscription.
#[derive(Debug)]
pub(super) struct Arm {
    account: Account,
    stop: CancellationToken,
}

/// How it calls itself.
const AGENT: &str = concat!("aksight/", env!("CARGO_PKG_VERSION"), " terraform-provider-azurerm/5.2.0 (stand-in)");

/// The most requests for one call when the service is throttling or down.
const TRIES: u32 = 6;

impl Arm {
    /// A client that gives up as soon as `stop` is cancelled.
    pub(super) fn new(account: Account, stop: CancellationToken) -> Self {
        Self { account, stop }
    }

    /// The subscription that resources go to.
    pub(super) fn subscription(&self) -> &str {
        &self.account.subscription
    }

    /// The account, for `azurerm_client_config`.
    pub(super) fn account(&self) -> &Account {
        &self.account
    }

    /// Reads a resource.
    pub(super) async fn get(&self, id: &str, version: &str) -> Result<Json, ArmError> {
        Ok(self.call(Method::GET, &self.url(id, version), None).await?.body)
    }

    /// Writes a resource and waits until the service is done.
    pub(super) async fn put(&self, id: &str, version: &str, body: &Json, limit: Duration) -> Result<(), ArmError> {
        let url = self.url(id, version);
        let reply = self.call(Method::PUT, &url, Some(body)).await?;
        self.settle(reply, &url, true, limit).await
    }

    /// Deletes a resource and waits until it is gone; gone already is fine.
    pub(super) async fn delete(&self, id: &str, version: &str, limit: Duration) -> Result<(), ArmError> {
        let url = self.url(id, version);
        match self.call(Method::DELETE, &url, None).await {
            Err(error) if error.is_absent() => Ok(()),
            reply => self.settle(reply?, &url, false, limit).await,
        }
    }

    /// Calls an action of a resource, such as `listClusterUserCredential`.
    pub(super) async fn post(&self, path: &str, version: &str) -> Result<Json, ArmError> {
        Ok(self.call(Method::POST, &self.url(path, version), Some(&Json::Null)).await?.body)
    }

    fn url(&self, path: &str, version: &str) -> String {
        let mark = if path.contains('?') { '&' } else { '?' };
        format!("{}{path}{mark}api-version={version}", self.account.cloud.arm)
    }

    /// One request, repeated while the service is throttling or down. A POST is repeated only when it was not taken.
    async fn call(&self, method: Method, url: &str, body: Option<&Json>) -> Result<Reply, ArmError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let reply = self.within(self.send(method.clone(), url, body)).await??;
            let again = match reply.status.as_u16() {
                429 => true,
                500 | 502..=504 => method != Method::POST,
                _ => false,
            };
            if again && tries < TRIES {
                self.pause(operation::retry_after(&reply.headers).unwrap_or(Duration::from_secs(u64::from(tries)))).await?;
                continue;
            }
            return if reply.status.is_success() { Ok(reply) } else { Err(ArmError::refused(reply.status, &reply.body)) };
        }
    }

    async fn send(&self, method: Method, url: &str, body: Option<&Json>) -> Result<Reply, ArmError> {
        let token = self.account.token().await?;
        let request = self.account.http.request(method, url).bearer_auth(token.expose());
        let request = request.header("x-ms-client-request-id", uuid::Uuid::new_v4().to_string());
        let request = match body {
            Some(Json::Null) => request.header("content-length", "0"),
            Some(body) => request.json(body),
            None => request,
        };
        let response = request.send().await.map_err(unreachable)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.bytes().await.map_err(unreachable)?;
        let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| {
            // Gateways answer in prose; it becomes the message.
            serde_json::json!({ "message": String::from_utf8_lossy(&bytes[..bytes.len().min(500)]) })
        });
        Ok(Reply { status, headers, body })
    }

    async fn pause(&self, time: Duration) -> Result<(), ArmError> {
        self.within(tokio::time::sleep(time)).await
    }

    async fn within<T>(&self, work: impl Future<Output = T>) -> Result<T, ArmError> {
        self.stop.run_until_cancelled(work).await.ok_or(ArmError::Stopped)
    }
}

/// The whole chain of causes in one line: the cause is what helps.
fn unreachable(error: reqwest::Error) -> ArmError {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    ArmError::Unreachable(text)
}
