//! What is shown to Entra instead of a secret: a signed statement of who asks, by an issuer that the application trusts. It is fetched
//! or made anew for every sign-in, because it lives for minutes only (contract §10.2).

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use azure_core::error::ErrorKind;
use azure_core::http::{ClientMethodOptions, ClientOptions, Method, Pipeline, PipelineSendOptions, Request, Url};
use azure_identity::ClientAssertion;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::certificate::Certificate;
use super::{body, request};
use crate::base::Secret;

/// The audience that Entra expects of federated tokens, in every cloud that publishes one.
const AUDIENCE: &str = "api://AzureADTokenExchange";
/// The version of Azure DevOps' `oidctoken` call (contract §10.2).
const PIPELINES_VERSION: &str = "7.1";

/// Who issues the assertion.
#[derive(Clone, Debug)]
pub enum Issuer {
    /// A token that was given once. When it has ended nothing can replace it.
    Token(Secret),
    /// A file that its owner replaces before the token in it ends: a cluster's workload identity, or a pipeline.
    File(PathBuf),
    /// GitHub Actions; the job needs `permissions: id-token: write`.
    GitHub {
        /// `ACTIONS_ID_TOKEN_REQUEST_URL`.
        url: String,
        /// `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
        token: Secret,
    },
    /// An Azure DevOps pipeline with a service connection of workload identity federation.
    AzurePipelines {
        /// `SYSTEM_OIDCREQUESTURI`.
        url: String,
        /// `SYSTEM_ACCESSTOKEN`, which a pipeline must map into the environment.
        token: Secret,
        /// The service connection's id.
        service_connection: String,
    },
    /// Ourselves, by the key of a certificate that the application knows.
    Certificate(Certificate),
}

/// What an assertion says of itself; Entra compares all three letter by letter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Claims {
    issuer: String,
    subject: String,
    audience: String,
}

impl Claims {
    fn of(assertion: &str) -> Option<Self> {
        let claims = assertion.split('.').nth(1)?.trim_end_matches('=');
        let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
        let text = |name: &str| match &claims[name] {
            Value::String(text) => text.clone(),
            Value::Array(all) => all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
            _ => String::new(),
        };
        Some(Self { issuer: text("iss"), subject: text("sub"), audience: text("aud") })
    }
}

impl std::fmt::Display for Claims {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "issuer `{}`, subject `{}`, audience `{}`", self.issuer, self.subject, self.audience)
    }
}

/// Supplies assertions to a credential, and remembers what the last one said.
#[derive(Clone, Debug)]
pub(super) struct Assertions {
    issuer: Issuer,
    client_id: String,
    /// Where a certificate's assertion is addressed to: the token endpoint.
    endpoint: String,
    options: ClientOptions,
    last: Arc<Mutex<Option<Claims>>>,
}

impl Assertions {
    pub(super) fn new(issuer: Issuer, client_id: &str, endpoint: String, options: ClientOptions) -> Self {
        Self { issuer, client_id: client_id.to_owned(), endpoint, options, last: Arc::default() }
    }

    /// What a person must know beside Entra's own words, by the number of its error (contract §10.3).
    pub(super) fn explain(&self, code: u32) -> Option<String> {
        let said = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match (code, &self.issuer) {
            (700_027, Issuer::Certificate(certificate)) => {
                Some(format!("The certificate's thumbprint, as the portal shows it, is {}.", certificate.thumbprint()))
            }
            (70_021 | 700_211..=700_213 | 7_002_130..=7_002_139, _) => Some(format!(
                "The assertion names {}; Entra compares all three letter by letter with the application's federated credentials. One \
                 that was made just now may take two minutes to count.",
                said?
            )),
            (700_024, Issuer::Token(_)) => Some(
                "The token was given once and has ended; nothing can replace it. Name a file that is kept fresh, or let the pipeline be asked."
                    .to_owned(),
            ),
            (700_024, Issuer::File(path)) => {
                Some(format!("The token in `{}` has ended: whoever writes that file did not replace it in time.", path.display()))
            }
            (700_024, _) => Some("It was made just now, so the clock of this machine may be wrong.".to_owned()),
            _ => None,
        }
    }

    async fn supply(&self) -> azure_core::Result<String> {
        match &self.issuer {
            Issuer::Token(token) => Ok(token.expose().to_owned()),
            Issuer::File(path) => read(path).await,
            Issuer::GitHub { url, token } => {
                let mut url = address(url)?;
                url.query_pairs_mut().append_pair("audience", AUDIENCE);
                self.ask(Request::new(url, Method::Get), token, "value", "GitHub").await
            }
            Issuer::AzurePipelines { url, token, service_connection } => {
                let mut url = address(url)?;
                url.query_pairs_mut()
                    .append_pair("api-version", PIPELINES_VERSION)
                    .append_pair("serviceConnectionId", service_connection);
                let mut asked = Request::new(url, Method::Post);
                asked.insert_header("content-length", "0");
                // Otherwise a wrong token is answered with a redirect to a page for people.
                asked.insert_header("x-tfs-fedauthredirect", "Suppress");
                self.ask(asked, token, "oidcToken", "Azure DevOps").await
            }
            Issuer::Certificate(certificate) => certificate.assertion(&self.client_id, &self.endpoint).map_err(refused),
        }
    }

    /// Asks an issuer for a token, and takes it out of the answer's `field`.
    async fn ask(&self, mut asked: Request, token: &Secret, field: &str, who: &str) -> azure_core::Result<String> {
        asked.insert_header("accept", "application/json");
        asked.insert_header("authorization", format!("Bearer {}", token.expose()));
        let (name, version) = (option_env!("CARGO_PKG_NAME"), option_env!("CARGO_PKG_VERSION"));
        let pipeline = Pipeline::new(name, version, self.options.clone(), Vec::new(), Vec::new(), None);
        let sent = PipelineSendOptions { skip_checks: true, ..PipelineSendOptions::default() };
        let answer = pipeline.send(&azure_core::http::Context::new(), &mut asked, Some(sent)).await;
        let answer = answer.map_err(|error| {
            let message = format!("{who} gave no identity token: {error}");
            azure_core::Error::with_error(error.kind().clone(), error, message)
        })?;
        let (status, _, body) = answer.deconstruct();
        let bytes: &[u8] = body.as_ref();
        let found: Option<Value> = serde_json::from_slice(bytes).ok();
        match found.as_ref().and_then(|found| found[field].as_str()).filter(|found| status.is_success() && !found.is_empty()) {
            Some(assertion) => Ok(assertion.to_owned()),
            None => Err(refused(format!("{who} gave no identity token (status {status}): {}", body::read(bytes).message))),
        }
    }
}

#[async_trait::async_trait]
impl ClientAssertion for Assertions {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        let assertion = self.supply().await?;
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Claims::of(&assertion);
        Ok(assertion)
    }
}

async fn read(path: &Path) -> azure_core::Result<String> {
    let text = tokio::fs::read_to_string(path).await;
    let text = text.map_err(|error| refused(format!("the file of the federated token, `{}`: {error}", path.display())))?;
    Ok(text.trim().to_owned())
}

fn address(url: &str) -> azure_core::Result<Url> {
    request::https(url).map_err(|error| refused(error.to_string()))
}

fn refused(message: String) -> azure_core::Error {
    azure_core::Error::with_message(ErrorKind::Credential, message)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::super::testing::{Reply, azure_as, refusal, reply};
    use super::super::{CredentialSource, Found};
    use super::*;

    fn source(issuer: Issuer) -> CredentialSource {
        CredentialSource::Assertion { tenant: "tenant".to_owned(), client_id: "client".to_owned(), issuer }
    }

    fn github() -> Issuer {
        Issuer::GitHub { url: "https://github.example/token?api=1".to_owned(), token: Secret::new("hunter2".to_owned()) }
    }

    #[tokio::test]
    async fn github_is_asked_for_a_token_for_every_sign_in() {
        let tokens = [reply(200, &json!({"value": "one", "count": 1})), reply(200, &json!({"value": "two", "count": 1}))];
        let (azure, script, _) = azure_as(source(github()), tokens);
        azure.token("a/.default").await.unwrap();
        azure.token("b/.default").await.unwrap();
        let seen = script.seen();
        let address = "https://github.example/token?api=1&audience=api%3A%2F%2FAzureADTokenExchange";
        assert!(seen.iter().all(|asked| asked.url == address && asked.method == "GET"), "{}", script.lines().join("\n"));
        assert_eq!(seen[0].header("authorization"), Some("Bearer hunter2"));
        let forms = script.forms.lock().unwrap().clone();
        assert!(forms[0].contains("client_assertion=one") && forms[1].contains("client_assertion=two"), "{forms:?}");
    }

    #[tokio::test]
    async fn azure_devops_is_asked_with_an_empty_post() {
        let url = "https://devops.example/oidctoken".to_owned();
        let issuer =
            Issuer::AzurePipelines { url, token: Secret::new("hunter2".to_owned()), service_connection: "sc-1".to_owned() };
        let (azure, script, _) = azure_as(source(issuer), [reply(200, &json!({"oidcToken": "one"}))]);
        azure.token("a/.default").await.unwrap();
        let asked = &script.seen()[0];
        assert_eq!(asked.method, "POST");
        assert_eq!(asked.url, "https://devops.example/oidctoken?api-version=7.1&serviceConnectionId=sc-1");
        assert_eq!((asked.header("content-length"), asked.header("x-tfs-fedauthredirect")), (Some("0"), Some("Suppress")));
    }

    #[tokio::test]
    async fn what_an_issuer_refuses_is_shown_without_its_token() {
        let page = || Reply::Answer(302, vec![("location", "https://login".to_owned())], b"<html>sign in".to_vec());
        for answer in [refusal(401, "Unauthorized"), reply(200, &json!({"count": 0})), page()] {
            let (azure, ..) = azure_as(source(github()), [answer]);
            let error = azure.token("a/.default").await.unwrap_err().to_string();
            assert!(error.contains("GitHub gave no identity token") && !error.contains("hunter2"), "{error}");
        }
    }

    #[tokio::test]
    async fn entras_refusal_tells_what_the_assertion_said() {
        let claims = json!({"iss": "https://token.actions.githubusercontent.com", "sub": "repo:o/r:pull_request", "aud": "x"});
        let token = format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let (azure, script, _) = azure_as(source(github()), [reply(200, &json!({"value": token}))]);
        let words = "AADSTS700213: No matching federated identity record found for presented assertion subject.\r\nTrace ID: x";
        let refused = json!({"error": "invalid_client", "error_description": words, "error_codes": [700_213]});
        *script.entra.lock().unwrap() = Some(reply(401, &refused));
        let error = azure.token("a/.default").await.unwrap_err().to_string();
        assert!(error.contains("AADSTS700213") && error.contains("subject `repo:o/r:pull_request`"), "{error}");
        assert!(!error.contains(&token), "{error}");
    }

    /// An hour and a half, with assertions that live for five minutes.
    #[tokio::test]
    async fn a_run_outlives_every_token() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("token");
        let (azure, script, clock) = azure_as(source(Issuer::File(file.clone())), []);
        for minute in (0..=90).step_by(5) {
            std::fs::write(&file, format!("of-minute-{minute}")).unwrap();
            azure.token("a/.default").await.unwrap();
            *clock.now.lock().unwrap() += Duration::from_mins(5);
        }
        let forms = script.forms.lock().unwrap().clone();
        let assertions: Vec<&str> =
            forms.iter().map(|form| form.split("client_assertion=").nth(1).unwrap().split('&').next().unwrap()).collect();
        assert_eq!(assertions, ["of-minute-0", "of-minute-55"]);
    }

    /// A certificate in a PKCS#12 store, and its public key.
    fn store(password: &str) -> (Vec<u8>, Vec<u8>) {
        use p12_keystore::{Certificate, KeyStore, KeyStoreEntry, PrivateKey, PrivateKeyChain};
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
        let certificate = rcgen::CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap();
        let chain = PrivateKeyChain::new(
            vec![1_u8],
            PrivateKey::from_der(&key.serialize_der()).unwrap(),
            [Certificate::from_der(certificate.der()).unwrap()],
        );
        let mut store = KeyStore::new();
        store.add_entry("aksight", KeyStoreEntry::PrivateKeyChain(chain));
        (store.writer(password).write().unwrap(), key.public_key_raw().to_vec())
    }

    #[tokio::test]
    async fn a_certificate_signs_who_we_are() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("c.pfx");
        let (packed, public) = store("hunter2");
        std::fs::write(&file, packed).unwrap();
        let wrong = Certificate::open(Found::File(file.clone()), Some(Secret::new("other".to_owned()))).unwrap_err();
        assert!(wrong.to_string().contains("is the password right?") && !wrong.to_string().contains("other"), "{wrong}");
        let certificate = Certificate::open(Found::File(file), Some(Secret::new("hunter2".to_owned()))).unwrap();
        assert!(!format!("{certificate:?}").contains("hunter2"));
        let (azure, script, _) = azure_as(source(Issuer::Certificate(certificate)), []);
        azure.token("a/.default").await.unwrap();
        let form = script.forms.lock().unwrap()[0].clone();
        let assertion = form.split("client_assertion=").nth(1).unwrap().split('&').next().unwrap();
        let parts: Vec<&str> = assertion.split('.').collect();
        let read = |part: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
        let claims = read(parts[1]);
        assert_eq!((&claims["iss"], &claims["sub"]), (&json!("client"), &json!("client")));
        assert_eq!(claims["aud"], "https://login.microsoftonline.com/tenant/oauth2/v2.0/token");
        assert!(read(parts[0])["x5t"].as_str().is_some_and(|print| URL_SAFE_NO_PAD.decode(print).unwrap().len() == 20));
        let verifier = aws_lc_rs::signature::UnparsedPublicKey::new(&aws_lc_rs::signature::RSA_PKCS1_2048_8192_SHA256, public);
        let signed = format!("{}.{}", parts[0], parts[1]);
        verifier.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(parts[2]).unwrap()).unwrap();
    }

    #[tokio::test]
    async fn a_pem_file_is_refused_in_words() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("c.pem");
        std::fs::write(&file, "-----BEGIN CERTIFICATE-----").unwrap();
        let error = Certificate::open(Found::File(file), None).unwrap_err().to_string();
        assert!(error.contains("openssl pkcs12 -export"), "{error}");
    }

    #[tokio::test]
    async fn a_machines_identity_is_asked_for_where_the_environment_says() {
        let source = CredentialSource::ManagedIdentity {
            client_id: Some("mine".to_owned()),
            endpoint: Some("http://127.0.0.1:4/identity".to_owned()),
            version: None,
        };
        let token = json!({"access_token": "e30.e30.sig", "expires_on": "4102444800", "token_type": "Bearer", "resource": "r"});
        let (azure, script, _) = azure_as(source, [reply(200, &token)]);
        azure.token("https://management.azure.com/.default").await.unwrap();
        let asked = &script.seen()[0];
        let address =
            "http://127.0.0.1:4/identity?api-version=2019-08-01&resource=https%3A%2F%2Fmanagement.azure.com&client_id=mine";
        assert_eq!(asked.url, address);
        assert_eq!(asked.header("metadata"), Some("true"));
    }

    #[test]
    fn an_assertion_tells_issuer_subject_and_audience() {
        let claims = serde_json::json!({"iss": "https://issuer", "sub": "repo:o/r:ref:refs/heads/main", "aud": ["a", "b"]});
        let token = format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let found = Claims::of(&token).unwrap().to_string();
        assert_eq!(found, "issuer `https://issuer`, subject `repo:o/r:ref:refs/heads/main`, audience `a, b`");
        assert_eq!(Claims::of("no token"), None);
    }
}
