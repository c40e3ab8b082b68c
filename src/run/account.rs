//! The sign-in by itself: whether it works, as whom, and what it leads to.

use std::sync::Arc;

use super::RealClock;
use crate::azure::{self, Azure, CredentialSource, Principal};
use crate::base::{ArmId, Cloud};
use crate::observe;
use crate::observed::Account;

/// Who was signed in, and what was seen of the subscription.
#[derive(Debug)]
pub struct SignedIn {
    /// As whom.
    pub principal: Principal,
    /// The subscription and the principal's roles in it, or why they could not be read; nothing when no subscription is named.
    pub account: Option<Result<Account, azure::Error>>,
}

/// Signs in and looks at the subscription. Changes nothing.
///
/// # Errors
/// [`azure::Error`] when the sign-in does not work.
pub async fn sign_in(
    cloud: Cloud,
    credential: CredentialSource,
    http: reqwest::Client,
    subscription: Option<&str>,
) -> Result<SignedIn, azure::Error> {
    let azure = Azure::connect(azure::Settings::new(cloud, credential, http, Arc::new(RealClock)))?;
    azure.warm_up().await?;
    let principal = azure.who_am_i().await?;
    let account = match subscription {
        Some(named) => Some(observe::account(&azure, &ArmId::of_subscription(named), &principal.object_id).await),
        None => None,
    };
    Ok(SignedIn { principal, account })
}
