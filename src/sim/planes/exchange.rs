//! A request and its answer, apart from any server.

use serde_json::Value;

/// A request to a data plane.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Upper-case method.
    pub method: String,
    /// The path below the plane's own address, decoded, with a leading `/`.
    pub path: String,
    /// Decoded parameters of the query string, in order.
    pub query: Vec<(String, String)>,
    /// The user agent.
    pub agent: String,
    /// The content type, without parameters, lower-case.
    pub content_type: String,
    /// The body.
    pub body: Vec<u8>,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Content type.
    pub content_type: &'static str,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// A parameter of the query string or of a form body; the form wins.
    pub fn parameter(&self, name: &str) -> Option<String> {
        self.parameters(name).into_iter().next()
    }

    /// Every value of a parameter.
    pub fn parameters(&self, name: &str) -> Vec<String> {
        let form = if self.content_type == "application/x-www-form-urlencoded" { self.body.as_slice() } else { &[] };
        let form = url::form_urlencoded::parse(form).map(|(key, value)| (key.into_owned(), value.into_owned()));
        form.chain(self.query.iter().cloned()).filter(|(key, _)| key == name).map(|(_, value)| value).collect()
    }

    /// The body as JSON (or YAML, which JSON is part of).
    pub fn document(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok().or_else(|| serde_saphyr::from_str(std::str::from_utf8(&self.body).ok()?).ok())
    }

    /// The path's segments.
    pub fn segments(&self) -> Vec<&str> {
        self.path.split('/').filter(|part| !part.is_empty()).collect()
    }
}

impl Answer {
    /// A JSON answer.
    pub fn json(status: u16, body: &Value) -> Self {
        Self { status, content_type: "application/json", body: body.to_string().into_bytes() }
    }

    /// A page.
    pub fn html(status: u16, body: &str) -> Self {
        Self { status, content_type: "text/html; charset=UTF-8", body: body.as_bytes().to_vec() }
    }

    /// The body as JSON, for those who look inside.
    pub fn document(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}
