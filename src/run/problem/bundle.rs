//! Saved plans that cannot be used, or that no longer fit.

use std::path::Path;

use crate::bundle::Error;
use crate::diag::{Code, Diagnostic};

/// A file that cannot be written or read as a plan.
#[must_use]
pub fn of_bundle(file: &Path, error: &Error) -> Diagnostic {
    let told = Diagnostic::error(Code::PlanUnusable, format!("the plan in `{}` cannot be used", file.display()))
        .caused_by(error.to_string())
        .caused_by_chain(std::error::Error::source(error));
    match error {
        Error::NoIdentity => told.hint("give the identity with `--identity FILE`, or its text in `AKSIGHT_IDENTITY`"),
        Error::WrongIdentity => {
            told.hint("use the identity that belongs to one of the recipients, or make the plan anew for yours")
        }
        Error::Io { .. } => told.hint("name a file that can be used, in a directory that is there"),
        Error::TooLarge { .. } | Error::Version { .. } | Error::Unwritable(_) | Error::Seal(_) | Error::Key(_) => told,
        // What only a handoff can be; it has words of its own.
        Error::NotAHandoff(_) | Error::Unfinished | Error::Contradicts(_) => of_handoff(file, error),
        Error::NotABundle(_) => told.hint("name a file that `aksight plan --out` wrote"),
        Error::CutShort { .. } | Error::Altered { .. } | Error::Malformed(_) | Error::Damaged => {
            told.hint("fetch it anew from where it was made; if it is the same there, find out who wrote to it")
        }
    }
}

/// A plan whose terraform part is not the one that was reviewed with the rest.
#[must_use]
pub fn inconsistent(file: &Path, causes: &[String]) -> Diagnostic {
    let summary = format!("the plan in `{}` does not hold together: its parts say different things", file.display());
    let told = causes.iter().fold(Diagnostic::error(Code::PlanUnusable, summary), Diagnostic::caused_by);
    told.hint("aksight writes no such file: find out who did")
}

/// A plan that belongs elsewhere.
#[must_use]
pub fn elsewhere(file: &Path, causes: &[String]) -> Diagnostic {
    let summary = format!("the plan in `{}` belongs elsewhere", file.display());
    let told = causes.iter().fold(Diagnostic::error(Code::PlanUnusable, summary), Diagnostic::caused_by);
    told.hint("name the plan of this stack, or the file that the plan was made for")
}

/// A plan that no longer fits: what moved, one cause each.
#[must_use]
pub fn moved(file: &Path, causes: &[String]) -> Diagnostic {
    let summary = format!("the reviewed plan in `{}` no longer fits", file.display());
    let causes = causes.iter().map(|cause| format!("moved: {cause}"));
    let told = causes.fold(Diagnostic::error(Code::PlanStale, summary), Diagnostic::caused_by);
    told.hint("make a new plan with `aksight plan --out FILE` and have it reviewed")
}

/// What would be in clear in the file.
#[must_use]
pub fn of_secrets(file: &Path, names: &[String]) -> Diagnostic {
    let summary = format!("terraform's plan holds sensitive values, and `{}` would hold them in clear", file.display());
    let told = names.iter().fold(Diagnostic::error(Code::PlanSecret, summary), |told, name| told.caused_by(format!("`{name}`")));
    told.hint("encrypt it to the key of whoever carries it out: `--encrypt-to age1…`")
        .hint("or accept it with `--plain`, and keep the file as you keep terraform's state")
}

/// A file that cannot be written or read as a handoff.
#[must_use]
pub fn of_handoff(file: &Path, error: &Error) -> Diagnostic {
    let told = unusable_handoff(file).caused_by(error.to_string()).caused_by_chain(std::error::Error::source(error));
    match error {
        Error::Io { .. } => told.hint("name a file that can be used, in a directory that is there"),
        Error::Version { .. } => told.hint("use the aksight that made it, or have it made anew"),
        Error::NotAHandoff(_) => told.hint("name a file that `aksight handoff --out FILE` wrote"),
        _ => told.hint("fetch it anew from where it was made; if it is the same there, find out who wrote to it"),
    }
}

/// A handoff that does not belong here, or no longer fits.
#[must_use]
pub fn unfit_handoff(file: &Path, causes: &[String], hint: &str) -> Diagnostic {
    causes.iter().fold(unusable_handoff(file), Diagnostic::caused_by).hint(hint)
}

fn unusable_handoff(file: &Path) -> Diagnostic {
    Diagnostic::error(Code::HandoffUnusable, format!("the handoff in `{}` cannot be used", file.display()))
}
