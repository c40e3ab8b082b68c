//! JSON requests with a bearer token, and what their answers mean.

use std::time::Duration;

use http::Method;
use serde_json::Value;
use url::Url;

use crate::base::Secret;

/// A host that takes longer is given up.
const WITHIN: Duration = Duration::from_secs(30);
/// As much of a host's own words as is told, in characters.
const LONGEST_WORDS: usize = 300;

/// Why a note could not be kept up to date.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The variable that names the host holds no address to which a token may be sent.
    #[error("`{0}` is no https address")]
    Address(String),
    /// No answer.
    #[error("{host} cannot be reached: {why}")]
    Unreachable {
        /// The host.
        host: String,
        /// Why.
        why: String,
    },
    /// The token may not do that, or may not know that the thing exists.
    #[error("the token may not do that ({status}): {message}")]
    Refused {
        /// 403 or 404.
        status: u16,
        /// What the host said.
        message: String,
    },
    /// Another answer than was asked for.
    #[error("{host} answers {status}: {message}")]
    Answered {
        /// The host.
        host: String,
        /// The status.
        status: u16,
        /// What the host said.
        message: String,
    },
}

/// A host and the token for it.
#[derive(Clone, Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    base: Url,
    token: Secret,
}

impl Client {
    /// A client for what lies below `base`. A token goes to https addresses only, and to this machine.
    pub(super) fn new(http: reqwest::Client, base: &str, token: Secret) -> Result<Self, Error> {
        let url = Url::parse(base).map_err(|_| Error::Address(base.to_owned()))?;
        let here = match url.host() {
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            Some(url::Host::Domain(name)) => name == "localhost",
            None => return Err(Error::Address(base.to_owned())),
        };
        if url.scheme() != "https" && !(url.scheme() == "http" && here) {
            return Err(Error::Address(base.to_owned()));
        }
        Ok(Self { http, base: url, token })
    }

    /// The address of `path` with `query`; each segment is escaped.
    pub(super) fn address(&self, path: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// Asks, and reads the answer.
    pub(super) async fn call(
        &self,
        method: Method,
        url: Url,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Value, Error> {
        let host = url.host_str().unwrap_or_default().to_owned();
        let mut request = self.http.request(method, url).timeout(WITHIN).bearer_auth(self.token.expose());
        request = request.header("User-Agent", concat!("aksight/", env!("CARGO_PKG_VERSION")));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let unreachable = |error: reqwest::Error| {
            // The outermost text says no more than that a request failed.
            let mut why: &dyn std::error::Error = &error;
            while let Some(cause) = why.source() {
                why = cause;
            }
            Error::Unreachable { host: host.clone(), why: why.to_string() }
        };
        let answer = request.send().await.map_err(unreachable)?;
        let status = answer.status().as_u16();
        let text = answer.text().await.map_err(unreachable)?;
        let read = serde_json::from_str::<Value>(&text);
        match (status, read) {
            (200 | 201, Ok(value)) => Ok(value),
            // Azure DevOps shows a page to sign in (203) to a token that it does not know.
            (status, read) => {
                let said = read.ok().and_then(|value| Some(value.get("message")?.as_str()?.to_owned()));
                let message: String = said.unwrap_or_else(|| "without a reason".to_owned()).chars().take(LONGEST_WORDS).collect();
                Err(match status {
                    403 | 404 => Error::Refused { status, message },
                    _ => Error::Answered { host, status, message },
                })
            }
        }
    }
}
