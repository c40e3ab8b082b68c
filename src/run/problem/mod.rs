//! Errors as diagnostics: the one place where a failure of any room gets its code, its resource and its remedy.

mod azure;
mod bundle;
mod terraform;

use crate::base::Class;
use crate::diag::{Code, Diagnostic};
use crate::event::{Check, FindingLevel, UnitId, Verdict};
use crate::journal::{self, LockError};
use crate::plan::{Refusal, Undrawable};
use crate::{execute, kube, policy};

pub use azure::of_azure;
pub use bundle::{elsewhere, inconsistent, moved, of_bundle, of_handoff, of_secrets, unfit_handoff};
pub use terraform::of_terraform;

/// A step's failure, with the unit it happened in.
#[must_use]
pub fn of_step(unit: Option<&UnitId>, error: &execute::Error) -> Diagnostic {
    let told = match error {
        execute::Error::Azure(error) => of_azure(error),
        execute::Error::Withhold { right, source } => azure::of_withheld(right, source),
        execute::Error::Terraform(error) => of_terraform(error),
        execute::Error::Kube(error) => of_kube(error),
        execute::Error::Journal(error) => of_journal(error),
        execute::Error::Gone { resource } => {
            Diagnostic::from_error(Code::AzureAbsent, error).about(resource.to_string()).hint(AGAIN)
        }
        execute::Error::NotReadBack { .. } => Diagnostic::from_error(Code::AzureConflict, error)
            .hint("somebody else may write to the same resource; find out who, then run the same command again"),
        execute::Error::Patience { .. } => Diagnostic::from_error(Code::AzureTimeout, error).hint(AGAIN),
        execute::Error::Moved(_) => Diagnostic::from_error(Code::PlanStale, error).hint(AGAIN),
        execute::Error::Cancelled => Diagnostic::from_error(Code::AzureOperation, error).hint(AGAIN),
    };
    match unit {
        Some(unit) if told.resource.is_none() => told.about(unit.to_string()),
        Some(unit) => told.with_detail(format!("in unit `{unit}`")),
        None => told,
    }
}

const AGAIN: &str = "run the same command again: it looks anew and goes on from there";

/// A failure on the way into the cluster.
#[must_use]
pub fn of_kube(error: &kube::Error) -> Diagnostic {
    let code = match error {
        kube::Error::Unreachable { .. } | kube::Error::Unauthorized { .. } | kube::Error::Kubeconfig { .. } => {
            Code::ClusterUnreachable
        }
        _ => Code::ClusterCommand,
    };
    let told = Diagnostic::from_error(code, error);
    match error {
        kube::Error::Unreachable { .. } => told.hint("set `delivery: run-command` to go through Azure instead of the API server"),
        kube::Error::Disabled { .. } => told.hint("set `delivery: kubernetes` when the API server can be reached from here"),
        _ if matches!(error.class(), Class::Transient | Class::NotYet | Class::Throttled(_)) => told.hint(AGAIN),
        _ => told,
    }
}

/// A journal that cannot be used. Its errors carry their own remedy.
#[must_use]
pub fn of_journal(error: &journal::Error) -> Diagnostic {
    let told = Diagnostic::from_error(Code::JournalBroken, error);
    match error.remedy() {
        Some(remedy) => told.hint(remedy),
        None => told,
    }
}

/// A stack that somebody else holds, or a lock that cannot be used.
#[must_use]
pub fn of_lock(error: &LockError) -> Diagnostic {
    match error {
        LockError::Held(_) => Diagnostic::from_error(Code::Locked, error)
            .hint("wait for it to end; the lock ends with its process, there is nothing to break: at once here, after a minute elsewhere"),
        LockError::Store(error) => of_journal(error),
        LockError::Use { .. } => Diagnostic::from_error(Code::StateDirectory, error),
    }
}

/// A run that stopped because it may no longer be the only one.
#[must_use]
pub fn overtaken() -> Diagnostic {
    Diagnostic::error(
        Code::Locked,
        "the run was stopped: it could not renew its lease, and another replica may work on the stack by now",
    )
    .hint("nothing is to be done: whoever has the stack now looks at everything anew")
}

/// A state directory that cannot be used.
#[must_use]
pub fn of_directory(error: &dyn std::error::Error) -> Diagnostic {
    Diagnostic::from_error(Code::StateDirectory, error).hint("make it writable, or choose another with `--state-dir`")
}

/// A policy that cannot be evaluated.
#[must_use]
pub fn of_policy(error: &policy::Broken) -> Diagnostic {
    Diagnostic::from_error(Code::PolicyBroken, error).hint("nothing passes unjudged: correct the rule, then run again")
}

/// Wishes that contradict what is there.
#[must_use]
pub fn of_undrawable(error: &Undrawable) -> Diagnostic {
    let code = match error {
        Undrawable::Settings(_) => Code::SettingsConflict,
        Undrawable::Order(_) => Code::PlanStale,
    };
    Diagnostic::from_error(code, error)
}

/// A plan that may not be carried out: one diagnostic per reason.
#[must_use]
pub fn of_refusal(refusal: &Refusal) -> Vec<Diagnostic> {
    match refusal {
        Refusal::Denied(findings) => {
            let denials = findings.iter().filter(|finding| finding.level == FindingLevel::Deny);
            let told = denials.map(|finding| {
                let told = Diagnostic::error(Code::PolicyDenied, format!("{}: {}", finding.id, finding.message));
                let told = told.hint(finding.remedy.clone());
                if let Some(subject) = &finding.subject { told.about(subject.clone()) } else { told }
            });
            told.collect()
        }
        Refusal::Destructive(destructions) => {
            let told = destructions.iter().map(|destruction| {
                let verb = if destruction.action == crate::event::Action::Replace { "replace" } else { "delete" };
                Diagnostic::error(Code::GuardRefused, format!("the plan would {verb} `{}`", destruction.address))
                    .caused_by(destruction.reason.clone())
                    .about(destruction.address.clone())
                    .hint(format!("if that is wanted, name it: `--allow-destroy {}`", destruction.address))
            });
            told.collect()
        }
    }
}

/// The first broken link on the way of the data.
#[must_use]
pub fn of_check(check: &Check) -> Diagnostic {
    let (code, word) = match check.verdict {
        Verdict::Pending => (Code::VerifyLate, "not yet"),
        Verdict::Fail | Verdict::Pass | Verdict::Skipped => (Code::VerifyBroken, "not"),
    };
    let told = Diagnostic::error(code, format!("{word} proven: {}", check.id.title()))
        .about(check.id.as_str())
        .caused_by(check.evidence.clone());
    match &check.remedy {
        Some(remedy) => told.hint(remedy.clone()),
        None => told,
    }
}
