//! The policies' word on a plan.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::stop::Stop;
use crate::diag::{Code, Diagnostic};
use crate::observed::{Observed, Sight};
use crate::plan::{self, Checked, Draft, Plan};
use crate::policy::{Module, Policies};
use crate::spec::Spec;

/// Policies that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the policies in `{}`", .path.display())]
pub struct Unreadable {
    /// The file or directory.
    path: PathBuf,
    /// Why.
    source: std::io::Error,
}

/// The shipped policies and the user's own.
///
/// # Errors
/// A directory cannot be read or a rule cannot be compiled.
pub(super) fn policies(spec: &Spec, base: &Path) -> Result<Policies, Stop> {
    let modules = named_modules(spec, base).map_err(|error| Stop::failed(of_unreadable(&error)))?;
    Ok(Policies::embedded()?.with_modules(&modules)?)
}

/// The rules in the directories that a file names, without their tests. Paths count from `base`.
///
/// # Errors
/// One of them cannot be read.
pub fn named_modules(spec: &Spec, base: &Path) -> Result<Vec<Module>, Unreadable> {
    let directories = spec.stack.policies.directories.iter();
    let all = directories.map(|directory| modules(&base.join(directory))).collect::<Result<Vec<_>, _>>()?.concat();
    Ok(all.into_iter().filter(|module| !module.is_test()).collect())
}

/// All rules in a directory and below, in order, together with their tests.
///
/// # Errors
/// Something in it cannot be read.
pub fn modules(directory: &Path) -> Result<Vec<Module>, Unreadable> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| Unreadable { path, source }
    };
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).map_err(failed(&path))?;
        Ok(Module { name: path.display().to_string(), text })
    };
    rego_files(directory).map_err(failed(directory))?.into_iter().map(read).collect()
}

/// Directories of the file's that cannot be read, as told to the user.
#[must_use]
pub fn of_unreadable(error: &Unreadable) -> Diagnostic {
    Diagnostic::from_error(Code::PolicyBroken, error)
        .hint("correct `policies.directories`; its paths count from the directory of aksight.yaml")
}

/// Every `*.rego` file in a directory and below, in order.
///
/// # Errors
/// A directory cannot be read whole: a rule that is not seen would pass everything.
fn rego_files(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    paths.sort();
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            found.extend(rego_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rego") {
            found.push(path);
        }
    }
    Ok(found)
}

/// Asks the policies about a plan.
///
/// # Errors
/// A rule cannot be evaluated: what cannot be judged does not pass.
pub(super) fn review(
    policies: &Policies,
    plan: Plan<Draft>,
    spec: &Spec,
    observed: &Observed,
    allowed: &[String],
) -> Result<Plan<Checked>, Stop> {
    let terraform = match &observed.terraform {
        Sight::Present(view) => &view.raw,
        Sight::Absent | Sight::Unknown(_) => &Value::Null,
    };
    let document = plan::document(&plan, &json!(spec.stack), terraform, allowed);
    let findings = policies.review(&document)?;
    Ok(plan.checked(findings))
}
