//! One table: what a status and a code mean for the caller (contract §1.2, §4.5, §5.9, §9.5).

use super::Refusal;
use crate::base::Class;

/// The class of a refusal. The code decides where it is known, else the status.
pub(super) fn of(refusal: &Refusal) -> Class {
    let status = refusal.status;
    if status == 429 {
        return Class::Throttled(refusal.retry_after);
    }
    if status == 401 {
        return Class::Credential;
    }
    let message = refusal.message.to_ascii_lowercase();
    // The deepest code that is known speaks; a vague one inside does not hide the clear one around it.
    refusal
        .codes()
        .find_map(|code| by_code(status, &code.to_ascii_lowercase(), &message, refusal))
        .unwrap_or_else(|| by_status(status, refusal.structured))
}

fn by_code(status: u16, code: &str, message: &str, refusal: &Refusal) -> Option<Class> {
    let class = match code {
        "toomanyrequests" | "subscriptionrequeststhrottled" | "ratelimiting" => Class::Throttled(refusal.retry_after),
        "invalidresourcelocation" | "invalidresourcegrouplocation" => Class::Invalid,
        // Wrong subscription, no access to it, or a type that the cloud does not offer: waiting does not help.
        "subscriptionnotfound" | "invalidsubscriptionid" | "missingsubscription" | "tenantnotfound" | "invalidresourcetype" => {
            Class::Invalid
        }
        // 404 while a region catches up with a registration; 400 when the api-version is not offered.
        "noregisteredproviderfound" if status == 404 => Class::NotYet,
        "missingsubscriptionregistration" | "missingregistrationforlocation" | "invalidsubscriptionregistrationstate" => {
            Class::NotYet
        }
        "principalnotfound" | "kubernetesperformanceerror" | "kubernetesoperationerror" => Class::NotYet,
        "authorizationfailed" | "linkedauthorizationfailed" => Class::Permission,
        // The same code means "busy" and "quota"; only the text tells them apart (contract §9.5).
        "operationnotallowed" if message.contains("progress") => Class::Busy,
        "conflict" if message.contains("already exists") => Class::Exists,
        "operationnotallowed"
        | "requestdisallowedbypolicy"
        | "requestdisallowedbyazure"
        | "denyassignmentauthorizationfailed"
        | "readonlydisabledsubscription"
        | "subscriptionnotregistered"
        | "scopelocked"
        | "quotaexceeded"
        | "skunotavailable"
        | "allocationfailed"
        | "roleassignmentlimitexceeded" => Class::Refused,
        "conflict"
        | "anotheroperationinprogress"
        | "retryableerrorduetoanotheroperation"
        | "deploymentactive"
        | "resourcegroupbeingdeleted" => Class::Busy,
        "roleassignmentexists" => Class::Exists,
        "preconditionfailed" | "etagmismatch" => Class::Conflict,
        "internalservererror" | "serviceunavailable" | "gatewaytimeout" | "servertimeout" => Class::Transient,
        "resourcenotfound" | "resourcegroupnotfound" | "parentresourcenotfound" | "notfound" => Class::Absent,
        _ => return None,
    };
    Some(class)
}

fn by_status(status: u16, structured: bool) -> Class {
    match status {
        403 => Class::Permission,
        404 | 410 if structured => Class::Absent,
        409 | 423 => Class::Busy,
        412 => Class::Conflict,
        408 | 500 | 502..=599 => Class::Transient,
        0 => Class::Refused,
        _ => Class::Invalid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(status: u16, code: &str, message: &str) -> Class {
        of(&Refusal { status, code: code.into(), message: message.into(), structured: true, ..Refusal::default() })
    }

    #[test]
    fn every_row_of_the_code_table() {
        let rows: &[(u16, &[&str], Class)] = &[
            (
                400,
                &["InvalidParameter", "BadRequest", "InvalidRequestContent", "LocationRequired", "LinkedInvalidPropertyId"],
                Class::Invalid,
            ),
            (400, &["InvalidApiVersionParameter", "NoRegisteredProviderFound"], Class::Invalid),
            (409, &["InvalidResourceLocation", "InvalidResourceGroupLocation"], Class::Invalid),
            (
                401,
                &["InvalidAuthenticationToken", "ExpiredAuthenticationToken", "InvalidAuthenticationTokenTenant"],
                Class::Credential,
            ),
            (403, &["AuthorizationFailed", "LinkedAuthorizationFailed", ""], Class::Permission),
            (
                403,
                &["RequestDisallowedByPolicy", "RequestDisallowedByAzure", "DenyAssignmentAuthorizationFailed"],
                Class::Refused,
            ),
            (403, &["ReadOnlyDisabledSubscription", "SubscriptionNotRegistered"], Class::Refused),
            (404, &["ResourceGroupNotFound", "ResourceNotFound", "NotFound", "ParentResourceNotFound", ""], Class::Absent),
            (404, &["SubscriptionNotFound"], Class::Invalid),
            (404, &["NoRegisteredProviderFound"], Class::NotYet),
            (
                409,
                &["MissingSubscriptionRegistration", "MissingRegistrationForLocation", "InvalidSubscriptionRegistrationState"],
                Class::NotYet,
            ),
            (
                409,
                &["AnotherOperationInProgress", "Conflict", "RetryableErrorDueToAnotherOperation", "DeploymentActive"],
                Class::Busy,
            ),
            (
                409,
                &["OperationNotAllowed", "QuotaExceeded", "SkuNotAvailable", "AllocationFailed", "ScopeLocked"],
                Class::Refused,
            ),
            (409, &["ResourceGroupBeingDeleted"], Class::Busy),
            (409, &["RoleAssignmentExists"], Class::Exists),
            (412, &["PreconditionFailed", "EtagMismatch", ""], Class::Conflict),
            (429, &["", "TooManyRequests", "SubscriptionRequestsThrottled"], Class::Throttled(None)),
            (500, &["InternalServerError", ""], Class::Transient),
            (503, &["ServiceUnavailable", ""], Class::Transient),
            (504, &["GatewayTimeout", "ServerTimeout"], Class::Transient),
            (400, &["PrincipalNotFound"], Class::NotYet),
            (400, &["RoleAssignmentUpdateNotPermitted", "InvalidPrincipalId", "UnmatchedPrincipalType"], Class::Invalid),
            (400, &["RoleAssignmentLimitExceeded"], Class::Refused),
        ];
        for (status, codes, expected) in rows {
            for code in *codes {
                assert_eq!(class(*status, code, "some words"), *expected, "{status} {code}");
                assert_eq!(class(*status, &code.to_uppercase(), "some words"), *expected, "{status} {code} in capitals");
            }
        }
    }

    #[test]
    fn operation_not_allowed_is_told_apart_by_its_text() {
        let busy = "Operation is not allowed because there's an in progress update managed cluster operation";
        assert_eq!(class(409, "OperationNotAllowed", busy), Class::Busy);
        assert_eq!(class(409, "OperationNotAllowed", "exceeding approved Total Regional Cores quota"), Class::Refused);
    }

    #[test]
    fn an_unknown_inner_code_does_not_hide_a_known_outer_one() {
        let outer_codes = vec!["RequestDisallowedByPolicy".to_owned()];
        let refusal = Refusal { status: 403, code: "Vague".into(), outer_codes, structured: true, ..Refusal::default() };
        assert_eq!(of(&refusal), Class::Refused);
    }

    #[test]
    fn a_gateways_page_does_not_say_that_a_resource_is_absent() {
        let page = Refusal { status: 404, message: "<html>".into(), ..Refusal::default() };
        assert_eq!(of(&page), Class::Invalid);
    }
}
