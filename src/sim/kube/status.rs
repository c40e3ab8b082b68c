//! `Status` bodies: every refusal of an API server.

use serde_json::{Value, json};

use super::kinds::Kind;

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// HTTP status.
    pub code: u16,
    /// `reason`, in Kubernetes' words.
    pub reason: &'static str,
    /// The message as kubectl prints it.
    pub message: String,
}

impl Refusal {
    fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into() }
    }

    /// No object of that name.
    pub fn not_found(kind: &Kind, name: &str) -> Self {
        Self::new(404, "NotFound", format!("{} \"{name}\" not found", kind.qualified()))
    }

    /// No such path.
    pub fn no_path() -> Self {
        Self::new(404, "NotFound", "the server could not find the requested resource")
    }

    /// The name is taken.
    pub fn exists(kind: &Kind, name: &str) -> Self {
        Self::new(409, "AlreadyExists", format!("{} \"{name}\" already exists", kind.qualified()))
    }

    /// The object changed since it was read.
    pub fn conflict(kind: &Kind, name: &str) -> Self {
        Self::new(
            409,
            "Conflict",
            format!(
                "Operation cannot be fulfilled on {} \"{name}\": the object has been modified; please apply your changes to the latest version and try again",
                kind.qualified()
            ),
        )
    }

    /// The body cannot be used.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// The object is not legal.
    pub fn invalid(kind: &Kind, name: &str, why: &str) -> Self {
        Self::new(422, "Invalid", format!("{} \"{name}\" is invalid: {why}", kind.kind))
    }

    /// Nobody, or somebody with a token for something else.
    pub fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    /// Somebody who may not.
    pub fn forbidden(kind: &Kind, name: &str, user: &str, verb: &str, namespace: Option<&str>) -> Self {
        let object = if name.is_empty() { kind.qualified() } else { format!("{} \"{name}\"", kind.qualified()) };
        let place = namespace.map_or("at the cluster scope".to_owned(), |namespace| format!("in the namespace \"{namespace}\""));
        Self::new(
            403,
            "Forbidden",
            format!(
                "{object} is forbidden: User \"{user}\" cannot {verb} resource \"{}\" in API group \"{}\" {place}: \
                 User does not have access to the resource in Azure. Update role assignment to allow access.",
                kind.plural, kind.group
            ),
        )
    }

    /// A patch of a kind that is not taken.
    pub fn unsupported_patch() -> Self {
        Self::new(415, "UnsupportedMediaType", "the body of the request was in an unknown format")
    }

    /// A body in protobuf, which this server does not speak.
    pub fn unsupported_media() -> Self {
        Self::new(
            415,
            "UnsupportedMediaType",
            "this rehearsal's API server takes JSON and YAML, not protobuf; use `-f` with a file",
        )
    }

    /// A verb the path does not have.
    pub fn no_method() -> Self {
        Self::new(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
    }

    /// The body.
    pub fn body(&self) -> Value {
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason, "code": self.code,
        })
    }
}
