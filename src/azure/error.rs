//! What can go wrong between us and Azure, with everything a person needs to find the call again.

use std::path::PathBuf;
use std::time::Duration;

use super::class;
use crate::base::{ArmId, Class};

/// An error of the Azure client. Prints only itself; the cause, if any, is its source. Never holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A service answered with an error.
    #[error("{0}")]
    Refuse(Box<Refusal>),
    /// A long-running operation ended in `Failed` or `Canceled`.
    #[error("the operation on `{resource}` ended in `{state}`: {refusal}")]
    FailOperation {
        /// What was being written.
        resource: ArmId,
        /// The terminal state, as spelled by the service.
        state: String,
        /// Code and message of the operation.
        refusal: Box<Refusal>,
    },
    /// A long-running operation did not end within its bound.
    #[error("the operation on `{resource}` did not end within {} s; the resource's state is `{state}`", waited.as_secs())]
    OutlastBound {
        /// What was being written.
        resource: ArmId,
        /// How long it was awaited.
        waited: Duration,
        /// `provisioningState` read at the end, or `unknown`.
        state: String,
    },
    /// No connection, or it broke.
    #[error("{method} `{target}` got no answer")]
    Reach {
        /// HTTP method.
        method: &'static str,
        /// URL without its query.
        target: String,
        /// The transport's reason.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server's certificate is not trusted; nothing was sent.
    #[error("the certificate of `{target}` is not trusted ({reason}); name its authority with `SSL_CERT_FILE`")]
    TrustServer {
        /// URL without its query.
        target: String,
        /// The verifier's reason.
        reason: String,
    },
    /// Entra, the az CLI or the environment gave no token.
    #[error("no token for `{scope}`: {message}")]
    FetchToken {
        /// The scope asked for.
        scope: String,
        /// What Entra or `az` said, with its AADSTS code.
        message: String,
        /// Whether trying again may help (network trouble), as opposed to wrong credentials.
        transient: bool,
        /// What the reader can do.
        remedy: &'static str,
    },
    /// The environment holds no usable credentials.
    #[error("no Azure credentials: {0}")]
    FindCredential(String),
    /// A client certificate cannot be used.
    #[error("no Azure credentials: the client certificate in {name} cannot be used: {why}")]
    OpenCertificate {
        /// Its file or variable, in backticks.
        name: String,
        /// Why.
        why: String,
    },
    /// A file named by the environment or the settings cannot be read.
    #[error("`{}` cannot be read ({purpose})", path.display())]
    ReadFile {
        /// The file.
        path: PathBuf,
        /// Which setting named it.
        purpose: &'static str,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file holds no usable certificate, or the machine has no trusted roots at all.
    #[error("no TLS roots: {0}")]
    TrustRoots(String),
    /// The service's answer does not have the shape it must have.
    #[error("the answer to {method} `{target}` cannot be read: {reason}")]
    ReadAnswer {
        /// HTTP method.
        method: &'static str,
        /// URL without its query.
        target: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The service sent us to a host that must not see our token.
    #[error("the service pointed to `{found}` instead of `{expected}`; not followed")]
    FollowElsewhere {
        /// Host and port that were expected.
        expected: String,
        /// What was found.
        found: String,
    },
    /// An endpoint is not a usable https URL.
    #[error("`{url}` is not an https address")]
    ReadAddress {
        /// The text.
        url: String,
    },
    /// The run was cancelled while waiting.
    #[error("cancelled while waiting for `{0}`")]
    Cancel(ArmId),
}

/// A service's refusal: status, the deepest code, and the ids under which Azure's support finds the call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP method; empty for the end of an operation.
    pub method: &'static str,
    /// The resource id, or the URL without its query.
    pub resource: String,
    /// HTTP status; 0 for the end of an operation.
    pub status: u16,
    /// The deepest `code` in the body; empty when there is none.
    pub code: String,
    /// The codes around it, outermost first.
    pub outer_codes: Vec<String>,
    /// The message that goes with the code, or the first 500 characters of a body that is no JSON.
    pub message: String,
    /// The property or resource that the service objects to.
    pub target: Option<String>,
    /// Ids of the policy assignments that refused, from `additionalInfo`.
    pub policies: Vec<String>,
    /// `x-ms-request-id` of the answer.
    pub request_id: Option<String>,
    /// `x-ms-correlation-request-id`: finds all calls of a run in the activity log.
    pub correlation_id: Option<String>,
    /// How long the service asked us to wait.
    pub retry_after: Option<Duration>,
    /// Whether the body was JSON or empty; a gateway's page is not the service's word.
    pub structured: bool,
}

impl Refusal {
    /// All codes, the deepest first.
    pub(super) fn codes(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.code.as_str()).chain(self.outer_codes.iter().rev().map(String::as_str))
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.status > 0 {
            write!(f, "{} `{}` was answered with {}", self.method, self.resource, self.status)?;
            if !self.code.is_empty() {
                f.write_str(" ")?;
            }
        }
        if !self.code.is_empty() {
            write!(f, "`{}`", self.code)?;
        }
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        if let Some(target) = &self.target {
            write!(f, " (target `{target}`)")?;
        }
        for policy in &self.policies {
            write!(f, " (policy assignment `{policy}`)")?;
        }
        if let Some(id) = &self.request_id {
            write!(f, " [request {id}]")?;
        }
        Ok(())
    }
}

impl Error {
    /// What the failure means for the caller (contract §9.5).
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Refuse(refusal) | Self::FailOperation { refusal, .. } => class::of(refusal),
            Self::OutlastBound { .. } | Self::Reach { .. } | Self::FetchToken { transient: true, .. } => Class::Transient,
            Self::FetchToken { .. } | Self::FindCredential(_) | Self::OpenCertificate { .. } => Class::Credential,
            Self::Cancel(_) => Class::Cancelled,
            Self::ReadFile { .. }
            | Self::TrustRoots(_)
            | Self::TrustServer { .. }
            | Self::ReadAnswer { .. }
            | Self::FollowElsewhere { .. }
            | Self::ReadAddress { .. } => Class::Invalid,
        }
    }

    /// The service's refusal, if that is what happened.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refuse(refusal) | Self::FailOperation { refusal, .. } => Some(refusal),
            _ => None,
        }
    }

    /// The deepest ARM code, if a service sent one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.refusal().map(|refusal| refusal.code.as_str()).filter(|code| !code.is_empty())
    }

    /// Whether `code` is the failure's code or one around it, without case.
    #[must_use]
    pub fn is(&self, code: &str) -> bool {
        self.refusal().is_some_and(|refusal| refusal.codes().any(|found| found.eq_ignore_ascii_case(code)))
    }
}
