//! The policies' word on a plan.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::stop::Stop;
use crate::diag::{Code, Diagnostic};
use crate::observed::{Observed, Sight};
use crate::plan::{self, Checked, Draft, Plan};
use crate::policy::{Module, Policies};
use crate::spec::Spec;

/// The shipped policies and the user's own.
///
/// # Errors
/// A directory cannot be read or a rule cannot be compiled.
pub(super) fn policies(spec: &Spec, base: &Path) -> Result<Policies, Stop> {
    let directories = &spec.stack.policies.directories;
    let modules: Vec<Module> =
        directories.iter().map(|directory| modules(&base.join(directory))).collect::<Result<Vec<_>, _>>()?.concat();
    Ok(Policies::embedded()?.with_modules(&modules)?)
}

fn modules(directory: &Path) -> Result<Vec<Module>, Stop> {
    let failed = |path: &Path, error: &std::io::Error| {
        Stop::failed(
            Diagnostic::error(Code::PolicyBroken, format!("cannot read the policies in `{}`", path.display()))
                .caused_by(error.to_string())
                .hint("correct `policies.directories`; its paths count from the directory of aksight.yaml"),
        )
    };
    let paths: Vec<PathBuf> = rego_files(directory).map_err(|error| failed(directory, &error))?;
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).map_err(|error| failed(&path, &error))?;
        Ok(Module { name: path.display().to_string(), text })
    };
    paths.into_iter().filter(|path| is_rule(path)).map(read).collect()
}

/// Every `*.rego` file in a directory and below, in order.
///
/// # Errors
/// A directory cannot be read whole: a rule that is not seen would pass everything.
pub fn rego_files(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
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

/// Tests of rules are no rules.
fn is_rule(path: &Path) -> bool {
    !path.file_name().is_some_and(|name| name.to_string_lossy().ends_with("_test.rego"))
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
