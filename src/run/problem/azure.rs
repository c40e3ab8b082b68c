//! Azure's refusals as diagnostics (contract §9.5).

use crate::azure::Error;
use crate::base::Class;
use crate::diag::{ArmFault, Code, Diagnostic};
use crate::plan::rights::Right;

/// An error of the Azure client, with what Azure said and what to do.
#[must_use]
pub fn of_azure(error: &Error) -> Diagnostic {
    let (code, hint) = kind(error);
    let mut told = Diagnostic::from_error(code, error);
    if let Some(hint) = hint {
        told = told.hint(hint);
    }
    if let Some(refusal) = error.refusal() {
        if !refusal.resource.is_empty() {
            told = told.about(refusal.resource.clone());
        }
        told = told.with_arm(ArmFault {
            code: refusal.code.clone(),
            status: (refusal.status > 0).then_some(refusal.status),
            request_id: refusal.request_id.clone(),
            correlation_id: refusal.correlation_id.clone(),
        });
    }
    told
}

/// A privileged act that waits for somebody who has the right.
pub(super) fn of_withheld(right: &Right, error: &Error) -> Diagnostic {
    let summary = format!("the right `{}` at `{}` is missing", right.action, right.scope);
    // Azure's words say the same once more, at length; code and ids find them.
    Diagnostic { arm: of_azure(error).arm, ..Diagnostic::error(Code::AzureWithheld, summary) }
}

fn kind(error: &Error) -> (Code, Option<&'static str>) {
    match error {
        Error::FindCredential(_) => return (Code::NoCredentials, Some(SIGN_IN)),
        Error::OpenCertificate { .. } => return (Code::NoCredentials, Some(CERTIFICATE)),
        Error::FetchToken { transient: false, remedy, .. } => return (Code::AzureCredential, Some(remedy)),
        Error::OutlastBound { .. } => {
            return (Code::AzureTimeout, Some("the operation may still succeed: run the same command again later"));
        }
        Error::TrustServer { .. } | Error::TrustRoots(_) | Error::Reach { .. } | Error::FetchToken { .. } => {
            return (Code::AzureUnreachable, Some("check network, proxy and `SSL_CERT_FILE`, then run the same command again"));
        }
        _ => {}
    }
    if ["SubscriptionNotFound", "InvalidSubscriptionId", "InvalidSubscription"].iter().any(|code| error.is(code)) {
        return (
            Code::NoSubscription,
            Some("check `azure.subscription` or `ARM_SUBSCRIPTION_ID`, and that the signed-in identity may see it"),
        );
    }
    if error.is("RequestDisallowedByPolicy") || error.is("ScopeLocked") {
        return (Code::AzurePolicy, Some("its owner can make an exemption or remove the lock"));
    }
    if error.is("MissingSubscriptionRegistration") {
        return (
            Code::AzureRegistration,
            Some("a run registers what is missing; without that right ask an owner of the subscription"),
        );
    }
    if error.code().is_some_and(|code| code.contains("Quota") || code == "SkuNotAvailable") {
        return (Code::AzureQuota, Some("choose another size or region in the file, or ask Azure for more quota"));
    }
    by_class(error)
}

const SIGN_IN: &str = "set `ARM_CLIENT_ID`, `ARM_CLIENT_SECRET`, `ARM_TENANT_ID` and `ARM_SUBSCRIPTION_ID`, or run `az login`; `--simulate` needs none";

const CERTIFICATE: &str = "check `ARM_CLIENT_CERTIFICATE_PATH` and `ARM_CLIENT_CERTIFICATE_PASSWORD`";

fn by_class(error: &Error) -> (Code, Option<&'static str>) {
    match error.class() {
        Class::Permission => (
            Code::AzureForbidden,
            Some("ask for the right that the message names; a new role takes up to ten minutes to be honoured"),
        ),
        Class::Credential => (Code::AzureCredential, Some("sign in again, or check the tenant")),
        Class::Absent => (Code::AzureAbsent, None),
        Class::Busy | Class::Conflict => (
            Code::AzureConflict,
            Some("another operation is at work on the resource: run the same command again when it has ended"),
        ),
        Class::Throttled(_) => (Code::AzureThrottled, Some("wait a few minutes, then run the same command again")),
        Class::Transient | Class::NotYet => (Code::AzureUnreachable, Some("run the same command again")),
        _ if matches!(error, Error::FailOperation { .. }) => {
            (Code::AzureOperation, Some("mend what the message names, then run the same command again"))
        }
        _ => (Code::AzureRejected, None),
    }
}
