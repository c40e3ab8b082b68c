//! Why a step stopped.

use crate::base::{ArmId, Class};
use crate::plan::rights::Right;
use crate::{azure, journal, kube, terraform};

/// A step's failure. Prints only itself; the cause is its source.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Azure refused or could not be reached.
    #[error("azure did not do it")]
    Azure(#[from] azure::Error),
    /// Azure withholds the right to do it, and nobody has done it: somebody who has the right must.
    #[error("the right `{}` at `{}` is missing", right.action, right.scope)]
    Withhold {
        /// What is missing.
        right: Box<Right>,
        /// Azure's refusal.
        source: azure::Error,
    },
    /// Terraform stopped.
    #[error("terraform did not do it")]
    Terraform(#[from] terraform::Error),
    /// The cluster refused or could not be reached.
    #[error("the cluster did not do it")]
    Kube(#[from] kube::Error),
    /// The journal could not be written; nothing is done that could not be recorded.
    #[error("the journal could not be written")]
    Journal(#[from] journal::Error),
    /// Something that must be there is not.
    #[error("`{resource}` is not there")]
    Gone {
        /// What.
        resource: ArmId,
    },
    /// The write was accepted, yet reading back does not show it.
    #[error("`{what}` was written, but reading it back still shows {shows}")]
    NotReadBack {
        /// What was written.
        what: String,
        /// What is seen instead.
        shows: String,
    },
    /// Waiting had a bound and it is reached.
    #[error("{what} did not happen within {minutes} minutes; last seen: {last}")]
    Patience {
        /// What was awaited.
        what: String,
        /// The bound.
        minutes: u64,
        /// What was seen last.
        last: String,
    },
    /// The plan asks for something the world no longer allows.
    #[error("{0}")]
    Moved(String),
    /// The user stopped the run.
    #[error("stopped by the user")]
    Cancelled,
}

impl Error {
    /// A privileged act that Azure refused: ARM's plain word that the right is missing, as opposed to a policy, a lock or a deny
    /// assignment (contract §9.5). Everything else stays what it is.
    pub(super) fn of_act(right: Right, error: azure::Error) -> Self {
        let missing = error.refusal().is_some_and(|refusal| refusal.status == 403) && error.is("AuthorizationFailed");
        if missing { Self::Withhold { right: Box::new(right), source: error } } else { Self::Azure(error) }
    }

    /// Whether it waits for somebody who has the right.
    #[must_use]
    pub const fn is_withheld(&self) -> bool {
        matches!(self, Self::Withhold { .. })
    }

    /// What the failure means.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Azure(error) => error.class(),
            Self::Withhold { .. } => Class::Permission,
            Self::Terraform(error) => error.class(),
            Self::Kube(error) => error.class(),
            Self::Journal(_) => Class::Refused,
            Self::Gone { .. } => Class::Absent,
            Self::NotReadBack { .. } => Class::Conflict,
            Self::Patience { .. } => Class::Transient,
            Self::Moved(_) => Class::Invalid,
            Self::Cancelled => Class::Cancelled,
        }
    }
}
