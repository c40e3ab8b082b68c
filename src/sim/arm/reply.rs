//! Answers in ARM's shapes (contract §9.4).

use serde_json::{Value, json};

use super::Reply;

/// A refusal: status, code, message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// ARM's code.
    pub code: String,
    /// ARM's words.
    pub message: String,
}

/// A refusal, for `?`.
pub fn refuse(status: u16, code: &str, message: impl Into<String>) -> Refusal {
    Refusal { status, code: code.to_owned(), message: message.into() }
}

impl From<(u16, &'static str, String)> for Refusal {
    fn from((status, code, message): (u16, &'static str, String)) -> Self {
        Self { status, code: code.to_owned(), message }
    }
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        let mut error = json!({"code": refusal.code, "message": refusal.message});
        if refusal.code == "MissingSubscriptionRegistration" {
            let namespace = refusal.message.split('\'').nth(1).unwrap_or_default();
            error["details"] = json!([{"code": refusal.code, "target": namespace, "message": refusal.message}]);
        }
        let failure = ("x-ms-failure-cause".to_owned(), "gateway".to_owned());
        Self { status: refusal.status, headers: vec![failure], body: Some(json!({"error": error})) }
    }
}

/// An answer with a body.
pub fn body(status: u16, body: Value) -> Reply {
    Reply { status, headers: Vec::new(), body: Some(body) }
}

/// An answer without.
pub fn bare(status: u16) -> Reply {
    Reply { status, ..Reply::default() }
}

/// A page; everything is on the first.
pub fn page(items: impl IntoIterator<Item = Value>) -> Reply {
    body(200, json!({"value": items.into_iter().collect::<Vec<_>>()}))
}
