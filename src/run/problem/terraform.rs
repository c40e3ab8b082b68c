//! Terraform's failures as diagnostics, with the resource address and what ARM said inside them.

use crate::base::Class;
use crate::diag::{ArmFault, Code, Diagnostic};
use crate::terraform::{Error, MINIMUM, TfDiagnostic};

/// An error of the terraform driver.
#[must_use]
pub fn of_terraform(error: &Error) -> Diagnostic {
    match error {
        Error::Missing { .. } => Diagnostic::from_error(Code::TerraformMissing, error)
            .hint("run again with `--install-terraform` to fetch the pinned release into your cache")
            .hint(format!("or install terraform {MINIMUM} or newer: https://developer.hashicorp.com/terraform/install")),
        Error::TooOld { .. } | Error::Unusable { .. } => Diagnostic::from_error(Code::TerraformVersion, error)
            .hint("run again with `--install-terraform` to fetch the pinned release into your cache")
            .hint(format!("or upgrade to terraform {MINIMUM} or newer")),
        Error::StateLocked(lock) => Diagnostic::from_error(Code::TerraformLocked, error)
            .hint("wait for that run to end, then run the same command again")
            .hint(format!(
                "only when it is certainly dead: `terraform force-unlock {}` in the stack's terraform directory",
                lock.id
            )),
        Error::StalePlan => Diagnostic::from_error(Code::PlanStale, error).hint("run the same command again"),
        Error::AlreadyExists { address, .. } => Diagnostic::from_error(Code::AzureExists, error).about(address.clone()),
        Error::LockFileMismatch { .. } | Error::NeedsInit { .. } | Error::BackendChanged { .. } => {
            Diagnostic::from_error(Code::TerraformInit, error)
        }
        Error::Stopped { command, diagnostics, stderr, .. } => stopped(command, diagnostics, stderr, error),
        Error::Start { .. } | Error::Io { .. } | Error::Garbled { .. } | Error::Cancelled { .. } => {
            Diagnostic::from_error(Code::TerraformPlan, error)
        }
    }
}

fn stopped(command: &str, diagnostics: &[TfDiagnostic], stderr: &str, error: &Error) -> Diagnostic {
    let mut errors = diagnostics.iter().filter(|found| found.is_error());
    let Some(first) = errors.next() else {
        let told = Diagnostic::from_error(of_command(command), error);
        return if stderr.trim().is_empty() { told } else { told.with_detail(stderr.trim()) };
    };
    let summary = first.summary.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut told = Diagnostic::error(code(command, first), format!("terraform {command}: {summary}"));
    if !first.detail.trim().is_empty() {
        told = told.with_detail(first.detail.trim());
    }
    if let Some(address) = &first.address {
        told = told.about(address.clone());
    }
    if let Some(arm) = first.arm() {
        told = told.with_arm(ArmFault {
            code: arm.code.unwrap_or_default(),
            status: arm.status,
            request_id: None,
            correlation_id: arm.correlation_id,
        });
    }
    errors.fold(told, |told, other| told.caused_by(other.to_string()))
}

fn of_command(command: &str) -> Code {
    match command {
        "init" => Code::TerraformInit,
        "apply" | "destroy" => Code::TerraformApply,
        _ => Code::TerraformPlan,
    }
}

fn code(command: &str, first: &TfDiagnostic) -> Code {
    match first.class() {
        Class::Permission => Code::AzureForbidden,
        Class::Credential => Code::AzureCredential,
        _ => of_command(command),
    }
}
