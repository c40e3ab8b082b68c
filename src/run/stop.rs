//! Why a run stops before its end, and the exit code of every way to end (design §6).

use super::problem;
use super::setup::Unready;
use crate::base::Class;
use crate::diag::{Code, Diagnostic};
use crate::event::Outcome;
use crate::{azure, journal, plan, policy, terraform};

/// A run that stops here.
#[derive(Clone, Debug)]
pub(super) struct Stop {
    pub(super) outcome: Outcome,
    pub(super) problems: Vec<Diagnostic>,
}

impl Stop {
    pub(super) fn failed(problem: Diagnostic) -> Self {
        Self { outcome: Outcome::Failed, problems: vec![problem] }
    }

    /// The user wants to stop; nothing is wrong.
    pub(super) fn interrupted() -> Self {
        Self { outcome: Outcome::Interrupted, problems: Vec::new() }
    }

    /// Nobody is there to be asked about `what`.
    pub(super) fn unasked(what: &str) -> Self {
        let problem = Diagnostic::error(Code::NeedsAnswer, format!("{what} waits for somebody's approval"));
        let problem = problem.hint("answer beforehand with `--yes`, or run the command in a terminal");
        Self { outcome: Outcome::Waiting, problems: vec![problem] }
    }

    fn by_class(class: &Class, problem: Diagnostic) -> Self {
        match class {
            Class::Cancelled => Self::interrupted(),
            Class::Locked => Self { outcome: Outcome::Locked, problems: vec![problem] },
            _ => Self::failed(problem),
        }
    }
}

impl From<Unready> for Stop {
    fn from(error: Unready) -> Self {
        match error {
            Unready::Lock(error) => Self::by_class(&error.class(), problem::of_lock(&error)),
            Unready::Journal(error) => error.into(),
            Unready::Terraform(error) => error.into(),
            Unready::Azure(error) => error.into(),
            Unready::Directory { .. } => Self::failed(problem::of_directory(&error)),
        }
    }
}

impl From<azure::Error> for Stop {
    fn from(error: azure::Error) -> Self {
        Self::by_class(&error.class(), problem::of_azure(&error))
    }
}

impl From<terraform::Error> for Stop {
    fn from(error: terraform::Error) -> Self {
        Self::by_class(&error.class(), problem::of_terraform(&error))
    }
}

impl From<journal::Error> for Stop {
    fn from(error: journal::Error) -> Self {
        Self::by_class(&error.class(), problem::of_journal(&error))
    }
}

impl From<policy::Broken> for Stop {
    fn from(error: policy::Broken) -> Self {
        Self::failed(problem::of_policy(&error))
    }
}

impl From<plan::Undrawable> for Stop {
    fn from(error: plan::Undrawable) -> Self {
        Self::failed(problem::of_undrawable(&error))
    }
}

impl From<Box<plan::Refusal>> for Stop {
    fn from(refusal: Box<plan::Refusal>) -> Self {
        Self { outcome: Outcome::Denied, problems: problem::of_refusal(&refusal) }
    }
}

/// The exit code of an outcome (design §6). Termination by SIGTERM (143) is the face's to know.
#[must_use]
pub const fn exit_code(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Changed | Outcome::Unchanged => 0,
        Outcome::Failed => 1,
        Outcome::Planned | Outcome::Drifted => 2,
        Outcome::Denied => 10,
        Outcome::Unverified => 11,
        Outcome::Locked => 12,
        Outcome::Waiting => 13,
        Outcome::Interrupted => 130,
    }
}
