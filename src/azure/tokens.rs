//! Tokens: one per audience, fetched once however many ask, and thrown away when a service calls them stale.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use azure_core::cloud::CustomConfiguration;
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::error::ErrorKind;
use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::{AsyncRawResponse, ClientOptions, Context, Request};
use azure_core::time::OffsetDateTime;
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, AzureDeveloperCliCredential, AzureDeveloperCliCredentialOptions,
    ClientAssertionCredential, ClientAssertionCredentialOptions, ClientSecretCredential, ClientSecretCredentialOptions,
    ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
};
use tokio::sync::Mutex;

use super::assertion::Assertions;
use super::managed_identity::Elsewhere;
use super::{CredentialSource, Error, body, remedy};
use crate::base::{Clock, Secret, clock::Timestamp};

/// A token is renewed this long before it ends (contract §10.1).
const MARGIN: Duration = Duration::from_mins(5);

/// What Entra answers while it has not yet heard of a federated credential that was made just now. A credential that does not fit has
/// codes of its own: 700211, 700212, 700213 (contract §10.3).
const NOT_YET: u32 = 70_021;
/// How long that may take (contract §10.3).
const PROPAGATION: Duration = Duration::from_mins(2);

/// A token, and when it ends on our own clock.
#[derive(Clone, Debug)]
struct Held {
    token: AccessToken,
    ends: Timestamp,
}

type Slot = Arc<Mutex<Option<Held>>>;

/// The token cache of one identity.
///
/// `azure_identity` keeps a cache of its own for secrets and none for the az CLI. A fresh credential is made for every fetch, so
/// that a token which a service refused is really replaced and not served again from the inner cache.
#[derive(Debug)]
pub(super) struct Tokens {
    source: CredentialSource,
    authority: String,
    options: ClientOptions,
    clock: Arc<dyn Clock>,
    slots: Mutex<HashMap<String, Slot>>,
    /// Who supplies assertions, once one was needed.
    assertions: OnceLock<Assertions>,
}

impl Tokens {
    /// A cache for `source`; `options` carry the transport and the retry policy of calls to Entra.
    pub(super) fn new(source: CredentialSource, authority: String, options: ClientOptions, clock: Arc<dyn Clock>) -> Self {
        Self { source, authority, options, clock, slots: Mutex::default(), assertions: OnceLock::new() }
    }

    /// A token for `scope`; concurrent callers share one fetch.
    pub(super) async fn get(&self, scope: &str) -> Result<AccessToken, Error> {
        let slot = self.slot(scope).await;
        let mut held = slot.lock().await;
        let now = self.clock.now();
        if let Some(held) = held.as_ref().filter(|held| held.ends > now + MARGIN) {
            return Ok(held.token.clone());
        }
        match self.fetch(scope).await {
            Ok(token) => {
                // The end was computed by `azure_identity` on the system's clock.
                let lifetime = Duration::try_from(token.expires_on - OffsetDateTime::now_utc()).unwrap_or_default();
                Ok(held.insert(Held { token, ends: now + lifetime }).token.clone())
            }
            // Early renewal may fail; the old token is good until its end.
            Err(error) => held.as_ref().filter(|held| held.ends > now).map(|held| held.token.clone()).ok_or(error),
        }
    }

    /// The text of a token for `scope`.
    pub(super) async fn secret(&self, scope: &str) -> Result<Secret, Error> {
        Ok(Secret::new(self.get(scope).await?.token.secret().to_owned()))
    }

    /// Forgets the token for `scope`: the service refused it.
    pub(super) async fn forget(&self, scope: &str) {
        *self.slot(scope).await.lock().await = None;
    }

    async fn slot(&self, scope: &str) -> Slot {
        self.slots.lock().await.entry(scope.to_owned()).or_default().clone()
    }

    async fn fetch(&self, scope: &str) -> Result<AccessToken, Error> {
        let told = |error: azure_core::Error| self.describe(scope, &error);
        let (mut waited, mut pause) = (Duration::ZERO, Duration::from_secs(1));
        loop {
            let refused = match self.credential().map_err(told)?.get_token(&[scope], None).await {
                Ok(token) => return Ok(token),
                Err(error) => told(error),
            };
            if code(&refused.to_string()) != Some(NOT_YET) || waited >= PROPAGATION {
                return Err(refused);
            }
            tracing::warn!(?pause, "Entra knows no such federated credential yet; asking again");
            self.clock.sleep(pause).await;
            waited += pause;
            pause = (2 * pause).min(Duration::from_secs(20));
        }
    }

    /// How Entra is reached, in this cloud.
    fn client_options(&self) -> ClientOptions {
        let mut cloud = CustomConfiguration::default();
        cloud.authority_host.clone_from(&self.authority);
        ClientOptions { cloud: Some(Arc::new(cloud.into())), ..self.options.clone() }
    }

    fn credential(&self) -> azure_core::Result<Arc<dyn TokenCredential>> {
        match &self.source {
            CredentialSource::ClientSecret { tenant, client_id, secret } => {
                let secret = azure_core::credentials::Secret::new(secret.expose().to_owned());
                let options = ClientSecretCredentialOptions { client_options: self.client_options() };
                Ok(ClientSecretCredential::new(tenant, client_id.clone(), secret, Some(options))?)
            }
            CredentialSource::Assertion { tenant, client_id, issuer } => {
                let supply = || {
                    let endpoint = format!("{}/{tenant}/oauth2/v2.0/token", self.authority.trim_end_matches('/'));
                    Assertions::new(issuer.clone(), client_id, endpoint, self.options.clone())
                };
                let assertions = self.assertions.get_or_init(supply).clone();
                let options = ClientAssertionCredentialOptions { client_options: self.client_options() };
                Ok(ClientAssertionCredential::new(tenant.clone(), client_id.clone(), assertions, Some(options))?)
            }
            CredentialSource::ManagedIdentity { client_id, endpoint, .. } => {
                let mut client_options = self.options.clone();
                if let Some(endpoint) = endpoint {
                    client_options.per_try_policies.push(Arc::new(Elsewhere::parse(endpoint)?));
                }
                let user_assigned_id = client_id.clone().map(UserAssignedId::ClientId);
                let options = ManagedIdentityCredentialOptions { user_assigned_id, client_options };
                Ok(ManagedIdentityCredential::new(Some(options))?)
            }
            CredentialSource::AzureCli { tenant, subscription } => {
                // A tenant names the account already; `az` refuses both together.
                let subscription = subscription.clone().filter(|_| tenant.is_none());
                let options = AzureCliCredentialOptions { tenant_id: tenant.clone(), subscription, ..Default::default() };
                Ok(AzureCliCredential::new(Some(options))?)
            }
            CredentialSource::DeveloperCli { tenant } => {
                let options = AzureDeveloperCliCredentialOptions { tenant_id: tenant.clone(), ..Default::default() };
                Ok(AzureDeveloperCliCredential::new(Some(options))?)
            }
        }
    }
}

impl Tokens {
    /// A credential's error as ours; for the az CLI with the reason why it was asked at all.
    fn describe(&self, scope: &str, error: &azure_core::Error) -> Error {
        let (mut message, transient) = tell(error);
        let code = code(&message);
        if matches!(self.source, CredentialSource::AzureCli { .. }) {
            message = format!(
                "no service principal is set (`ARM_CLIENT_ID`, `ARM_CLIENT_SECRET`, `ARM_TENANT_ID`), so the az CLI was asked: {message}"
            );
        }
        if let Some(more) = self.assertions.get().and_then(|assertions| assertions.explain(code?)) {
            message = format!("{}. {more}", message.trim_end_matches(['.', ' ']));
        }
        Error::FetchToken { scope: scope.to_owned(), message, transient, remedy: remedy::of(&self.source, code) }
    }
}

/// The number of an Entra error: that after `AADSTS`.
fn code(message: &str) -> Option<u32> {
    let (_, rest) = message.split_once("AADSTS")?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// What a credential's error says, without the SDK's pointer to its own guide, and whether trying again may help.
fn tell(error: &azure_core::Error) -> (String, bool) {
    let mut transient = matches!(error.kind(), ErrorKind::Connection | ErrorKind::Io);
    let mut message = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if let Some(inner) = inner.downcast_ref::<azure_core::Error>() {
            transient |= matches!(inner.kind(), ErrorKind::Connection | ErrorKind::Io);
            transient |= inner.http_status().is_some_and(|status| u16::from(status) >= 500 || u16::from(status) == 429);
        }
        let text = inner.to_string();
        if !text.is_empty() && !message.contains(&text) {
            message = format!("{message}: {text}");
        }
        cause = inner.source();
    }
    // The SDK's type name means nothing to the person who reads this.
    let message = message.split_once("Credential authentication failed. ").map_or(message.as_str(), |(_, rest)| rest);
    let message = message.lines().map(str::trim).filter(|line| !line.is_empty() && !line.contains("aka.ms/azsdk")).take(3);
    (message.collect::<Vec<_>>().join(" "), transient)
}

/// Turns Entra's refusals, and pages of proxies, into errors that show what they say. Left to itself the credential stumbles over
/// both: it expects JSON without escapes in its texts, and Entra's descriptions always hold line breaks.
#[derive(Debug)]
pub(super) struct ReadRefusals;

#[async_trait::async_trait]
impl Policy for ReadRefusals {
    async fn send(&self, context: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        let Some((first, rest)) = next.split_first() else {
            return Err(azure_core::Error::with_message(ErrorKind::Other, "the pipeline has no transport"));
        };
        let (status, headers, body) = first.send(context, request, rest).await?.deconstruct();
        let bytes = body.collect().await?;
        let said = body::read(&bytes);
        if status.is_success() && said.structured && !bytes.is_empty() {
            return Ok(AsyncRawResponse::from_bytes(status, headers, bytes));
        }
        let message = match said.code.as_str() {
            code if code.starts_with("AADSTS") => said.message,
            _ if said.message.starts_with('<') => {
                format!("`{}` answered with {status} and a page for people: {}", request.url().path(), said.message)
            }
            code => format!("`{}` answered with {status} {code} {}", request.url().path(), said.message),
        };
        Err(azure_core::Error::with_message(ErrorKind::HttpResponse { status, error_code: None, raw_response: None }, message))
    }
}

#[async_trait::async_trait]
impl TokenCredential for Tokens {
    async fn get_token(&self, scopes: &[&str], _: Option<TokenRequestOptions<'_>>) -> azure_core::Result<AccessToken> {
        let scope = scopes.first().copied().unwrap_or_default();
        self.get(scope).await.map_err(|error| azure_core::Error::new(ErrorKind::Credential, error))
    }
}
