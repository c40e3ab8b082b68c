//! One request through a pipeline, and its answer or our error.

use azure_core::error::ErrorKind;
use azure_core::http::headers::{HeaderName, Headers};
use azure_core::http::{Context, Pipeline, PipelineSendOptions, Request, Url};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::retry::Repeatable;
use super::{Error, Refusal, body, http, wait};
use crate::base::clock::Timestamp;

/// The HTTP methods that ARM knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Read.
    Get,
    /// Create or replace.
    Put,
    /// Merge; on AKS it only changes tags (contract §17).
    Patch,
    /// Remove.
    Delete,
    /// Run an action; never repeated blindly.
    Post,
}

impl Method {
    /// The method's name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Post => "POST",
        }
    }

    const fn wire(self) -> azure_core::http::Method {
        use azure_core::http::Method as Wire;
        match self {
            Self::Get => Wire::Get,
            Self::Put => Wire::Put,
            Self::Patch => Wire::Patch,
            Self::Delete => Wire::Delete,
            Self::Post => Wire::Post,
        }
    }
}

/// A request to be sent. No `Debug`: a body may carry a token.
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) url: Url,
    /// What errors call it: a resource id, or nothing for the URL without its query.
    pub(super) resource: Option<String>,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Bytes,
    /// Whether a POST may be repeated: registrations and queries may.
    pub(super) repeatable: bool,
}

impl Call {
    /// A call without body.
    pub(super) fn new(method: Method, url: Url) -> Self {
        Self { method, url, resource: None, headers: Vec::new(), body: Bytes::new(), repeatable: false }
    }

    /// A read.
    pub(super) fn get(url: Url) -> Self {
        Self::new(Method::Get, url)
    }

    /// Names the resource for errors.
    pub(super) fn about(mut self, resource: &str) -> Self {
        self.resource = Some(resource.to_owned());
        self
    }

    /// Adds a header.
    pub(super) fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Sends `value` as JSON.
    pub(super) fn json(mut self, value: &Value) -> Self {
        self.body = Bytes::from(value.to_string());
        self.header("content-type", "application/json".to_owned())
    }

    /// Sends form fields.
    pub(super) fn form(mut self, fields: &[(&str, &str)]) -> Self {
        self.body = Bytes::from(url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish());
        self.header("content-type", "application/x-www-form-urlencoded".to_owned())
    }

    fn name(&self) -> String {
        self.resource.clone().unwrap_or_else(|| without_query(&self.url))
    }
}

/// The URL as it may be shown.
pub(super) fn without_query(url: &Url) -> String {
    let mut shown = url.clone();
    shown.set_query(None);
    shown.to_string()
}

/// Parses an endpoint or link that must be https.
pub(super) fn https(text: &str) -> Result<Url, Error> {
    Url::parse(text)
        .ok()
        .filter(|url| url.scheme() == "https" && url.has_host() && url.username().is_empty())
        .ok_or_else(|| Error::ReadAddress { url: text.chars().take(200).collect() })
}

/// An answer of any status. No `Debug`: a body may carry a kubeconfig.
pub(super) struct Answer {
    pub(super) method: &'static str,
    pub(super) resource: String,
    pub(super) status: u16,
    pub(super) headers: Headers,
    pub(super) body: Bytes,
    /// When it arrived.
    pub(super) at: Timestamp,
}

impl Answer {
    /// A header's text; names in lower case.
    pub(super) fn header(&self, name: &'static str) -> Option<&str> {
        self.headers.get_optional_str(&HeaderName::from_static(name))
    }

    /// Whether the status is 2xx.
    pub(super) const fn succeeded(&self) -> bool {
        self.status >= 200 && self.status < 300
    }

    /// The body as JSON; nothing when it is empty.
    pub(super) fn json(&self) -> Result<Option<Value>, Error> {
        if self.body.iter().all(u8::is_ascii_whitespace) {
            return Ok(None);
        }
        serde_json::from_slice(&self.body).map(Some).map_err(|error| self.unreadable(&error.to_string()))
    }

    /// An error about this answer's shape.
    pub(super) fn unreadable(&self, reason: &str) -> Error {
        Error::ReadAnswer { method: self.method, target: self.resource.clone(), reason: reason.to_owned() }
    }

    /// The answer as a refusal.
    pub(super) fn refusal(&self) -> Refusal {
        let said = body::read(&self.body);
        let mut message = said.message;
        // The right tenant stands only in this header (contract §9.5).
        if self.status == 401
            && said.code == "InvalidAuthenticationTokenTenant"
            && let Some(hint) = self.header("www-authenticate")
        {
            message = format!("{message} ({hint})");
        }
        Refusal {
            method: self.method,
            resource: self.resource.clone(),
            status: self.status,
            code: said.code,
            outer_codes: said.outer_codes,
            message,
            target: said.target,
            policies: said.policies,
            request_id: self.header("x-ms-request-id").map(str::to_owned),
            correlation_id: self.header("x-ms-correlation-request-id").map(str::to_owned),
            retry_after: wait::asked(&self.headers, self.at),
            structured: said.structured,
        }
    }

    /// The answer, or its refusal as an error.
    pub(super) fn accepted(self) -> Result<Self, Error> {
        if self.succeeded() { Ok(self) } else { Err(Error::Refuse(Box::new(self.refusal()))) }
    }
}

/// Sends a call. Any status is an answer; an error means that there was none.
pub(super) async fn send(pipeline: &Pipeline, call: Call, now: impl Fn() -> Timestamp) -> Result<Answer, Error> {
    let resource = call.name();
    let method = call.method.as_str();
    let mut request = Request::new(call.url, call.method.wire());
    for (name, value) in call.headers {
        request.insert_header(name, value);
    }
    request.set_body(call.body);
    let mut context = Context::new();
    if call.repeatable {
        context.insert(Repeatable);
    }
    let options = PipelineSendOptions { skip_checks: true, ..PipelineSendOptions::default() };
    match pipeline.send(&context, &mut request, Some(options)).await {
        Ok(answer) => {
            let (status, headers, body) = answer.deconstruct();
            Ok(Answer { method, resource, status: u16::from(status), headers, body: Bytes::from(body), at: now() })
        }
        Err(error) => Err(unanswered(method, resource, error)),
    }
}

fn unanswered(method: &'static str, target: String, error: azure_core::Error) -> Error {
    match error.kind() {
        ErrorKind::Credential => match error.into_downcast::<Error>() {
            Ok(ours) => ours,
            Err(other) => {
                Error::FetchToken { scope: target, message: other.to_string(), transient: false, remedy: "sign in again" }
            }
        },
        ErrorKind::Other if error.downcast_ref::<http::Untrusted>().is_some() => {
            Error::TrustServer { target, reason: error.to_string() }
        }
        _ => match error.into_inner() {
            Ok(source) => Error::Reach { method, target, source },
            Err(error) => Error::Reach { method, target, source: Box::new(error) },
        },
    }
}
