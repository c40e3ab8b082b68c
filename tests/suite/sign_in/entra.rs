//! A double of Entra, as strict as the real one: it knows one application, its secrets, certificates and federated credentials, and
//! refuses in the real one's words (Entra's error reference; texts as users report them). Tokens themselves come from the simulated Azure
//! behind it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Json;
use axum::extract::{Form, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::authority::Jwt;

/// A federated credential of the application. Entra compares letter by letter.
#[derive(Clone)]
pub(super) struct Federated {
    pub(super) issuer: &'static str,
    pub(super) subject: &'static str,
    pub(super) audience: &'static str,
    /// The issuer's key, as Entra finds it in the issuer's discovery document.
    pub(super) key: Vec<u8>,
}

/// The application, and the directory that it is in.
pub(super) struct Application {
    pub(super) tenant: String,
    pub(super) client: String,
    pub(super) secret: String,
    pub(super) expired_secret: String,
    pub(super) certificate: (Vec<u8>, Vec<u8>),
    pub(super) federated: Vec<Federated>,
    /// How many sign-ins by a federated credential fail yet: it was made just now.
    pub(super) not_yet: AtomicUsize,
}

/// A sign-in that was let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// By what: `secret`, `certificate`, the issuer of an assertion, `machine` or `cli`.
    pub(super) by: String,
    /// Whether terraform's provider asked.
    pub(super) terraform: bool,
    pub(super) audience: String,
    /// The assertion that was shown, if one was.
    pub(super) shown: String,
}

/// Everything that the double knows.
pub(super) struct Entra {
    pub(super) application: Application,
    /// The token endpoint as the world sees it.
    pub(super) endpoint: String,
    /// Where real tokens come from.
    pub(super) upstream: String,
    pub(super) http: reqwest::Client,
    pub(super) entries: Mutex<Vec<Entry>>,
    /// How long tokens are said to be good, in seconds, when not as usual.
    pub(super) life: Mutex<Option<i64>>,
    pub(super) refusals: Mutex<Vec<u32>>,
    /// Every text that must not be seen anywhere: tokens that were handed out, assertions that were shown.
    pub(super) secrets: Mutex<Vec<String>>,
}

type Denied = (u16, &'static str, u32, String);

const FEDERATION: &str = "https://learn.microsoft.com/entra/workload-id/workload-identity-federation";

/// `/{tenant}/oauth2/v2.0/token`.
pub(super) async fn token(
    State(entra): State<Arc<Entra>>,
    Path(tenant): Path<String>,
    headers: HeaderMap,
    Form(form): Form<Vec<(String, String)>>,
) -> Response {
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    if !field("client_assertion").is_empty() {
        entra.keep(field("client_assertion"));
    }
    match entra.application.admit(&tenant, &entra.endpoint, &field) {
        Ok(by) => {
            let (status, answer) = entra.fetch(&by, field("client_assertion"), field("scope"), &headers).await;
            (StatusCode::from_u16(status).unwrap(), Json(answer)).into_response()
        }
        Err(denied) => entra.refuse(denied),
    }
}

impl Entra {
    pub(super) fn keep(&self, secret: &str) {
        self.secrets.lock().unwrap().push(secret.to_owned());
    }

    /// Gets a token of the simulated Azure for who was let in.
    pub(super) async fn fetch(&self, by: &str, shown: &str, scope: &str, headers: &HeaderMap) -> (u16, Value) {
        let app = &self.application;
        let form =
            [("grant_type", "client_credentials"), ("client_id", &app.client), ("client_secret", &app.secret), ("scope", scope)];
        let answer = self.http.post(&self.upstream).form(&form).send().await.unwrap();
        let status = answer.status().as_u16();
        let mut answer: Value = answer.json().await.unwrap();
        if let (200, Some(life)) = (status, *self.life.lock().unwrap()) {
            answer["expires_in"] = json!(life);
        }
        if let Some(token) = answer["access_token"].as_str() {
            self.keep(token);
            let agent = headers.get("user-agent").and_then(|value| value.to_str().ok()).unwrap_or_default();
            let terraform = agent.contains("terraform-provider-azurerm");
            let audience = scope.trim_end_matches("/.default").to_owned();
            self.entries.lock().unwrap().push(Entry { by: by.to_owned(), terraform, audience, shown: shown.to_owned() });
        }
        (status, answer)
    }

    fn refuse(&self, (status, error, number, message): Denied) -> Response {
        self.refusals.lock().unwrap().push(number);
        let trace = "00000000-0000-0000-0000-00000000beef";
        let time = "2026-01-02 03:04:05Z";
        let description = format!("AADSTS{number}: {message} Trace ID: {trace} Correlation ID: {trace} Timestamp: {time}");
        let body = json!({"error": error, "error_description": description, "error_codes": [number], "timestamp": time,
            "trace_id": trace, "correlation_id": trace, "error_uri": format!("https://login.microsoftonline.com/error?code={number}")});
        (StatusCode::from_u16(status).unwrap(), Json(body)).into_response()
    }
}

impl Application {
    /// By what somebody is let in.
    fn admit<'a>(&self, tenant: &str, endpoint: &str, field: &impl Fn(&str) -> &'a str) -> Result<String, Denied> {
        let client = field("client_id");
        if tenant != self.tenant {
            let message = format!(
                "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant."
            );
            return Err((400, "invalid_request", 90002, message));
        }
        if field("grant_type") != "client_credentials" {
            let message = format!("The app requested an unsupported grant type '{}'.", field("grant_type"));
            return Err((400, "unsupported_grant_type", 70003, message));
        }
        if client != self.client {
            let message = format!(
                "Application with identifier '{client}' was not found in the directory 'Contoso'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant."
            );
            return Err((400, "unauthorized_client", 700_016, message));
        }
        if !field("scope").ends_with("/.default") {
            let message = format!(
                "The provided value for scope {} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).",
                field("scope")
            );
            return Err((400, "invalid_scope", 1_002_012, message));
        }
        let (secret, assertion) = (field("client_secret"), field("client_assertion"));
        if !assertion.is_empty() {
            if field("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
                return Err((
                    400,
                    "invalid_request",
                    900_144,
                    "The request body must contain the following parameter: 'client_assertion_type'.".into(),
                ));
            }
            let jwt =
                Jwt::read(assertion).ok_or((401, "invalid_client", 50_027, "JWT token is invalid or malformed.".to_owned()))?;
            return if jwt.text("iss") == self.client { self.certified(&jwt, endpoint) } else { self.trusted(&jwt) };
        }
        match secret {
            "" => Err((
                401,
                "invalid_client",
                7_000_216,
                "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.".into(),
            )),
            right if right == self.secret => Ok("secret".to_owned()),
            old if old == self.expired_secret => Err((
                401,
                "invalid_client",
                7_000_222,
                format!(
                    "The provided client secret keys for app '{client}' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds."
                ),
            )),
            _ => Err((
                401,
                "invalid_client",
                7_000_215,
                format!(
                    "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{client}'."
                ),
            )),
        }
    }

    fn certified(&self, jwt: &Jwt, endpoint: &str) -> Result<String, Denied> {
        let (certificate, public) = &self.certificate;
        let unknown = |reason: &str| {
            let message = format!(
                "The certificate with identifier used to sign the client assertion is not registered on application. [Reason - {reason}, Please visit the Azure Portal, Graph Explorer or directly use MS Graph to see configured keys for app Id '{}'.",
                self.client
            );
            (401, "invalid_client", 700_027, message)
        };
        if !jwt.names(certificate) {
            return Err(unknown("The key was not found."));
        }
        if !jwt.is_signed_by(public) {
            return Err(unknown("The key was found, but use of the key to verify the signature failed."));
        }
        if jwt.text("sub") != self.client || jwt.text("aud") != endpoint {
            return Err((
                401,
                "invalid_client",
                700_023,
                format!("Client assertion audience claim does not match Realm issuer. Expected '{endpoint}'."),
            ));
        }
        in_time(jwt).map(|()| "certificate".to_owned())
    }

    fn trusted(&self, jwt: &Jwt) -> Result<String, Denied> {
        let (issuer, subject, audience) = (jwt.text("iss"), jwt.text("sub"), jwt.text("aud"));
        let left = self.not_yet.load(Ordering::SeqCst);
        if left > 0 {
            self.not_yet.store(left - 1, Ordering::SeqCst);
            let message = format!(
                "No matching federated identity record found for presented assertion. Assertion Issuer: '{issuer}'. Assertion Subject: '{subject}'. Assertion Audience: '{audience}'. {FEDERATION}"
            );
            return Err((400, "invalid_request", 70_021, message));
        }
        let of_issuer: Vec<&Federated> = self.federated.iter().filter(|one| one.issuer == issuer).collect();
        let lost = |number: u32, what: &str, value: &str| {
            let message = format!(
                "No matching federated identity record found for presented assertion {what} '{value}'. Check your federated identity credential Subject, Audience and Issuer against the presented assertion. {FEDERATION}"
            );
            (401, "invalid_client", number, message)
        };
        if of_issuer.is_empty() {
            return Err(lost(700_211, "issuer", issuer));
        }
        let Some(known) = of_issuer.iter().find(|one| one.subject == subject) else {
            if of_issuer.iter().any(|one| one.subject.eq_ignore_ascii_case(subject)) {
                let message = format!(
                    "No matching federated identity record found for presented assertion subject '{subject}'. The subject matches with case-insensitive comparison, but not with case-sensitive comparison. Check your federated identity credential Subject, Audience and Issuer against the presented assertion. {FEDERATION}"
                );
                return Err((401, "invalid_client", 7_002_138, message));
            }
            return Err(lost(700_213, "subject", subject));
        };
        if known.audience != audience {
            return Err(lost(700_212, "audience", audience));
        }
        if !jwt.is_signed_by(&known.key) {
            return Err((
                401,
                "invalid_client",
                50_013,
                "Assertion failed signature validation. [Reason - The key was not found.]".into(),
            ));
        }
        in_time(jwt).map(|()| issuer.to_owned())
    }
}

fn in_time(jwt: &Jwt) -> Result<(), Denied> {
    let now = Timestamp::now();
    let at = |claim: &str| Timestamp::from_second(jwt.claims[claim].as_i64().unwrap_or_default()).unwrap();
    let (from, until) = (at("nbf"), at("exp"));
    if from <= now && now < until {
        return Ok(());
    }
    let message = format!(
        "Client assertion is not within its valid time range. Current time: {now}, assertion valid from {from}, expiry time of assertion {until}. Review the documentation at https://learn.microsoft.com/entra/identity-platform/certificate-credentials ."
    );
    Err((401, "invalid_client", 700_024, message))
}
