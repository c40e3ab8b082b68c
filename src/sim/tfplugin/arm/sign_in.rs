//! How the provider signs in: azurerm's methods under azurerm's conditions, in azurerm's order (contract §10.4). It shares nothing with
//! the program's own sign-in, so that it cannot agree with its mistakes.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use p12_keystore::{KeyStore, Pkcs12ImportPolicy};
use serde_json::{Value as Json, json};

use super::ArmError;
use crate::base::Secret;
use crate::host::names;

/// What the provider block and the environment say of the sign-in.
pub(super) struct Words<'a> {
    /// An argument, or the first of some variables that says something.
    pub(super) text: &'a dyn Fn(&str, &[&str]) -> Option<String>,
    /// A switch, by its argument or its variable.
    pub(super) switch: &'a dyn Fn(&str, &str) -> Option<bool>,
}

/// The key of a certificate that the application knows.
pub(super) struct Key {
    pair: RsaKeyPair,
    thumbprint: String,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// A way to sign in.
#[derive(Debug)]
pub(super) enum Method {
    Certificate(Box<Key>),
    Secret(Secret),
    /// Read once, when the provider is configured.
    Assertion(Secret),
    Pipelines {
        url: String,
        token: Secret,
        connection: String,
    },
    GitHub {
        url: String,
        token: Secret,
    },
    ManagedIdentity {
        endpoint: String,
        version: String,
        /// What App Service wants to see.
        header: Option<Secret>,
    },
    Cli,
}

/// Who signs in, and how.
#[derive(Debug)]
pub(super) struct SignIn {
    pub(super) tenant: Option<String>,
    pub(super) client: Option<String>,
    pub(super) method: Method,
}

impl SignIn {
    /// Chooses the way.
    pub(super) fn choose(words: &Words<'_>) -> Result<Self, ArmError> {
        let (text, switch) = (words.text, words.switch);
        let in_cluster = switch("use_aks_workload_identity", "ARM_USE_AKS_WORKLOAD_IDENTITY").unwrap_or(false);
        let of_cluster = |name: &str| text("", &[name]).filter(|_| in_cluster);
        let tenant = text("tenant_id", &["ARM_TENANT_ID"]).or_else(|| of_cluster("AZURE_TENANT_ID"));
        let client = match text("client_id", &["ARM_CLIENT_ID"]).or_else(|| of_cluster("AZURE_CLIENT_ID")) {
            None => in_file(text("client_id_file_path", &["ARM_CLIENT_ID_FILE_PATH"]))?,
            given => given,
        };
        let method = Self::method(words, in_cluster, tenant.is_some() && client.is_some())?;
        Ok(Self { tenant, client, method })
    }

    fn method(words: &Words<'_>, in_cluster: bool, principal: bool) -> Result<Method, ArmError> {
        let (text, switch) = (words.text, words.switch);
        if principal {
            let password = text("client_certificate_password", &["ARM_CLIENT_CERTIFICATE_PASSWORD"]).unwrap_or_default();
            if let Some(packed) = text("client_certificate", &["ARM_CLIENT_CERTIFICATE"]) {
                let bytes =
                    STANDARD.decode(packed).map_err(|error| ArmError::SignIn(format!("decoding the certificate: {error}")))?;
                return key(&bytes, &password);
            }
            if let Some(path) = text("client_certificate_path", &["ARM_CLIENT_CERTIFICATE_PATH"]) {
                return key(&read(&path)?, &password);
            }
            let secret = match text("client_secret", &["ARM_CLIENT_SECRET"]) {
                None => in_file(text("client_secret_file_path", &["ARM_CLIENT_SECRET_FILE_PATH"]))?,
                given => given,
            };
            if let Some(secret) = secret {
                return Ok(Method::Secret(Secret::new(secret)));
            }
            let oidc = switch("use_oidc", "ARM_USE_OIDC").unwrap_or(false);
            if oidc || in_cluster {
                let own = text("oidc_token_file_path", &["ARM_OIDC_TOKEN_FILE_PATH"]);
                let file = own.or_else(|| text("", &["AZURE_FEDERATED_TOKEN_FILE"]).filter(|_| in_cluster));
                let given = match text("oidc_token", &["ARM_OIDC_TOKEN"]) {
                    None => in_file(file)?,
                    given => given,
                };
                if let Some(assertion) = given {
                    return Ok(Method::Assertion(Secret::new(assertion)));
                }
            }
            let url = ["ARM_OIDC_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_URL", "SYSTEM_OIDCREQUESTURI"];
            let token = ["ARM_OIDC_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "SYSTEM_ACCESSTOKEN"];
            if let (true, Some(url), Some(token)) =
                (oidc, text("oidc_request_url", &url), text("oidc_request_token", &token).map(Secret::new))
            {
                let connection = ["ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID", "ARM_OIDC_AZURE_SERVICE_CONNECTION_ID"];
                return Ok(match text("ado_pipeline_service_connection_id", &connection) {
                    Some(connection) => Method::Pipelines { url, token, connection },
                    None => Method::GitHub { url, token },
                });
            }
        }
        if switch("use_msi", "ARM_USE_MSI").unwrap_or(false) {
            let endpoint = text("msi_endpoint", &["ARM_MSI_ENDPOINT"]);
            return Ok(Method::ManagedIdentity {
                endpoint: endpoint.unwrap_or_else(|| "http://169.254.169.254/metadata/identity/oauth2/token".to_owned()),
                version: text("msi_api_version", &["ARM_MSI_API_VERSION"]).unwrap_or_else(|| "2018-02-01".to_owned()),
                header: text("", &["IDENTITY_HEADER"]).map(Secret::new),
            });
        }
        if switch("use_cli", "ARM_USE_CLI").unwrap_or(true) {
            return Ok(Method::Cli);
        }
        Err(ArmError::SignIn("no Authorizer could be configured, please check your configuration".to_owned()))
    }

    /// A token for a scope, and for how many seconds it is good.
    pub(super) async fn token(&self, http: &reqwest::Client, authority: &str, scope: &str) -> Result<(Secret, u64), ArmError> {
        let tenant = self.tenant.as_deref().unwrap_or_default();
        let endpoint = format!("{authority}/{tenant}/oauth2/v2.0/token");
        let assertion = match &self.method {
            Method::Secret(secret) => return self.exchange(http, &endpoint, scope, &[("client_secret", secret.expose())]).await,
            Method::ManagedIdentity { endpoint, version, header } => {
                return self.of_machine(endpoint, version, header.as_ref(), scope).await;
            }
            Method::Cli => return self.of_cli(scope).await,
            Method::Certificate(key) => signed(key, self.client.as_deref().unwrap_or_default(), &endpoint)?,
            Method::Assertion(assertion) => assertion.clone(),
            Method::GitHub { url, token } => {
                let url = with(url, &[("audience", "api://AzureADTokenExchange")])?;
                asked(http.get(url).header("accept", "application/json"), token, "githubAssertion", "value").await?
            }
            Method::Pipelines { url, token, connection } => {
                let url = with(url, &[("api-version", "7.1"), ("serviceConnectionId", connection)])?;
                let post = http.post(url).header("accept", "application/json").header("content-type", "application/json");
                asked(post.header("content-length", "0"), token, "adoPipelineAssertion", "oidcToken").await?
            }
        };
        let shown = [
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", assertion.expose()),
        ];
        self.exchange(http, &endpoint, scope, &shown).await
    }

    async fn exchange(
        &self,
        http: &reqwest::Client,
        endpoint: &str,
        scope: &str,
        shown: &[(&str, &str)],
    ) -> Result<(Secret, u64), ArmError> {
        let client = self.client.as_deref().unwrap_or_default();
        let form = [&[("grant_type", "client_credentials"), ("client_id", client), ("scope", scope)], shown].concat();
        let (status, body) = sent(http.post(endpoint).form(&form)).await?;
        given(&body, "access_token", "expires_in").ok_or(ArmError::Token { status, body })
    }

    async fn of_machine(
        &self,
        endpoint: &str,
        version: &str,
        header: Option<&Secret>,
        scope: &str,
    ) -> Result<(Secret, u64), ArmError> {
        // No proxy knows the machine's own services.
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).user_agent(super::AGENT);
        let http = client.build().map_err(super::unreachable)?;
        let resource = scope.trim_end_matches("/.default");
        let mut query = vec![("api-version", version), ("resource", resource)];
        query.extend(self.client.as_deref().map(|client| ("client_id", client)));
        let mut tries = 0;
        loop {
            tries += 1;
            let mut request = http.get(with(endpoint, &query)?).header("metadata", "true");
            if let Some(header) = header {
                request = request.header("x-identity-header", header.expose());
            }
            let (status, body) = sent(request).await?;
            if let Some(token) = given(&body, "access_token", "expires_in") {
                return Ok(token);
            }
            if tries < super::TRIES && matches!(status, 404 | 410 | 429 | 500..=599) {
                tokio::time::sleep(Duration::from_millis(500 * u64::from(tries))).await;
                continue;
            }
            return Err(ArmError::SignIn(format!(
                "ManagedIdentityAuthorizer: failed to request token from metadata endpoint: received HTTP status {status} with body: {body}"
            )));
        }
    }

    async fn of_cli(&self, scope: &str) -> Result<(Secret, u64), ArmError> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut command = tokio::process::Command::new(names::command_on(&path, "az").unwrap_or_else(|| "az".into()));
        command.args(["account", "get-access-token", "--scope", scope]);
        if let Some(tenant) = &self.tenant {
            command.args(["--tenant", tenant]);
        }
        let output = command.args(["--output", "json"]).output().await;
        let output = output.map_err(|error| {
            ArmError::SignIn(format!(
                "could not configure AzureCli Authorizer: could not parse Azure CLI version: launching Azure CLI: {error}"
            ))
        })?;
        let failed = || {
            let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            ArmError::SignIn(format!("could not configure AzureCli Authorizer: running Azure CLI: {words}"))
        };
        if !output.status.success() {
            return Err(failed());
        }
        let body = String::from_utf8_lossy(&output.stdout);
        // Its `expires_on` is a time; this process does not live as long as any token.
        given(&body, "accessToken", "").ok_or_else(failed)
    }
}

/// The token in an answer, and its life in seconds, which come as a number or as a text.
fn given(body: &str, token: &str, life: &str) -> Option<(Secret, u64)> {
    let answer: Json = serde_json::from_str(body).ok()?;
    let life = answer[life].as_u64().or_else(|| answer[life].as_str()?.parse().ok()).unwrap_or(3600);
    Some((Secret::new(answer[token].as_str()?.to_owned()), life))
}

async fn sent(request: reqwest::RequestBuilder) -> Result<(u16, String), ArmError> {
    let response = request.send().await.map_err(super::unreachable)?;
    let status = response.status().as_u16();
    Ok((status, response.text().await.map_err(super::unreachable)?))
}

/// Asks a pipeline for an assertion.
async fn asked(request: reqwest::RequestBuilder, token: &Secret, who: &str, field: &str) -> Result<Secret, ArmError> {
    let (status, body) = sent(request.bearer_auth(token.expose())).await?;
    if !(200..300).contains(&status) {
        return Err(ArmError::SignIn(format!("{who}: received HTTP status {status} with response: {body}")));
    }
    let answer: Json =
        serde_json::from_str(&body).map_err(|error| ArmError::SignIn(format!("{who}: cannot unmarshal response: {error}")))?;
    let assertion = answer[field].as_str().map(|text| Secret::new(text.to_owned()));
    assertion.ok_or_else(|| ArmError::SignIn(format!("{who}: nil JWT assertion received")))
}

fn with(url: &str, query: &[(&str, &str)]) -> Result<url::Url, ArmError> {
    let mut url: url::Url = url.parse().map_err(|error| ArmError::SignIn(format!("`{url}`: {error}")))?;
    url.query_pairs_mut().extend_pairs(query);
    Ok(url)
}

fn read(path: impl AsRef<Path>) -> Result<Vec<u8>, ArmError> {
    let path = path.as_ref();
    std::fs::read(path).map_err(|error| ArmError::SignIn(format!("reading {:?}: {error}", path.display())))
}

fn in_file(path: Option<String>) -> Result<Option<String>, ArmError> {
    let Some(path) = path else { return Ok(None) };
    Ok(Some(String::from_utf8_lossy(&read(path)?).trim().to_owned()).filter(|text| !text.is_empty()))
}

fn key(packed: &[u8], password: &str) -> Result<Method, ArmError> {
    let refused = |why: String| ArmError::SignIn(format!("could not decode PKCS#12 archive: {why}"));
    let store =
        KeyStore::from_pkcs12(packed, password, Pkcs12ImportPolicy::Relaxed).map_err(|error| refused(error.to_string()))?;
    let (_, chain) = store.private_key_chain().ok_or_else(|| refused("no private key".to_owned()))?;
    let leaf = chain.certs().first().ok_or_else(|| refused("no certificate".to_owned()))?;
    let pair = RsaKeyPair::from_pkcs8(chain.key().as_der()).map_err(|error| refused(error.to_string()))?;
    let thumbprint = URL_SAFE.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, leaf.as_der()));
    Ok(Method::Certificate(Box::new(Key { pair, thumbprint })))
}

/// What azurerm signs: it names the certificate by `kid`, and its statement is good for an hour.
fn signed(key: &Key, client: &str, audience: &str) -> Result<Secret, ArmError> {
    let now = jiff::Timestamp::now().as_second();
    let header = json!({"alg": "RS256", "typ": "JWT", "kid": key.thumbprint});
    let claims =
        json!({"aud": audience, "exp": now + 3600, "iss": client, "jti": uuid::Uuid::new_v4(), "nbf": now, "sub": client});
    let part = |value: &Json| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(&header), part(&claims));
    let mut signature = vec![0; key.pair.public_modulus_len()];
    let sign = key.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature);
    sign.map_err(|_| ArmError::SignIn("ClientAssertionAuthorizer: failed to encode and sign JWT assertion".to_owned()))?;
    Ok(Secret::new(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn chosen(pairs: &[(&str, &str)]) -> Result<SignIn, ArmError> {
        let map: HashMap<_, _> = pairs.iter().copied().collect();
        let text = |_: &str, names: &[&str]| names.iter().find_map(|name| map.get(name)).map(ToString::to_string);
        let switch = |_: &str, name: &str| map.get(name).map(|value| *value == "true");
        SignIn::choose(&Words { text: &text, switch: &switch })
    }

    fn named(pairs: &[(&str, &str)]) -> &'static str {
        match chosen(pairs).map(|sign_in| sign_in.method) {
            Ok(Method::Certificate(_)) => "certificate",
            Ok(Method::Secret(_)) => "secret",
            Ok(Method::Assertion(_)) => "assertion",
            Ok(Method::Pipelines { .. }) => "pipelines",
            Ok(Method::GitHub { .. }) => "github",
            Ok(Method::ManagedIdentity { .. }) => "identity",
            Ok(Method::Cli) => "cli",
            Err(_) => "none",
        }
    }

    #[test]
    fn each_method_counts_under_its_own_condition() {
        let application = [("ARM_TENANT_ID", "t"), ("ARM_CLIENT_ID", "c")];
        let of = |more: &[(&'static str, &'static str)]| named(&[&application[..], more].concat());
        let asks = [("ARM_OIDC_REQUEST_URL", "https://u"), ("ARM_OIDC_REQUEST_TOKEN", "r")];
        let oidc = ("ARM_USE_OIDC", "true");
        assert_eq!(of(&[("ARM_CLIENT_SECRET", "s"), ("ARM_USE_MSI", "true")]), "secret");
        assert_eq!(of(&[("ARM_OIDC_TOKEN", "o")]), "cli");
        assert_eq!(of(&[("ARM_OIDC_TOKEN", "o"), oidc]), "assertion");
        assert_eq!(of(&[asks[0], asks[1]]), "cli");
        assert_eq!(of(&[asks[0], asks[1], oidc]), "github");
        assert_eq!(of(&[asks[0], asks[1], oidc, ("ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID", "sc")]), "pipelines");
        assert_eq!(of(&[("ARM_USE_MSI", "true")]), "identity");
        assert_eq!(of(&[("ARM_USE_CLI", "false")]), "none");
        // Half an application falls through, as it does in azurerm.
        assert_eq!(named(&[("ARM_CLIENT_SECRET", "s"), ("ARM_CLIENT_ID", "c")]), "cli");
    }

    #[test]
    fn nothing_secret_is_printed() {
        let told =
            format!("{:?}", chosen(&[("ARM_TENANT_ID", "t"), ("ARM_CLIENT_ID", "c"), ("ARM_CLIENT_SECRET", "hunter2")]).unwrap());
        assert!(told.contains("Secret") && !told.contains("hunter2"), "{told}");
    }
}
