//! Doubles of those who give assertions and tokens to whoever runs beside them: GitHub Actions, Azure DevOps, the metadata service of a
//! machine, App Service, and the CLIs behind fake `az` and `azd`.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use axum::Json;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::authority::Key;
use super::entra::Entra;

pub(super) const AUDIENCE: &str = "api://AzureADTokenExchange";
pub(super) const GITHUB: &str = "https://token.actions.githubusercontent.com";
pub(super) const GITHUB_SUBJECT: &str = "repo:acme/Shop:environment:prod";
pub(super) const DEVOPS: &str = "https://login.microsoftonline.com/11112222-3333-4444-8555-666677778888/v2.0";
pub(super) const DEVOPS_SUBJECT: &str = "sc://acme/Shop/azure-prod";
pub(super) const CLUSTER: &str = "https://westeurope.oic.prod-aks.azure.com/t/c/";
pub(super) const CLUSTER_SUBJECT: &str = "system:serviceaccount:aksight:aksight";
pub(super) const CONNECTION: &str = "5c5c5c5c-0000-4000-8000-00000000005c";

/// What the doubles share.
pub(super) struct Issuers {
    pub(super) entra: Arc<Entra>,
    pub(super) key: Arc<Key>,
    /// The tokens by which a job may ask.
    pub(super) github_token: String,
    pub(super) devops_token: String,
    /// What App Service puts into its apps' environment.
    pub(super) identity_header: String,
    /// How the machine's service answers before it is well.
    pub(super) ailments: Mutex<VecDeque<u16>>,
    /// What GitHub says of the job, when not the usual.
    pub(super) subject: Mutex<Option<&'static str>>,
    pub(super) asked: Mutex<Vec<String>>,
}

type Shared = State<Arc<Issuers>>;
type Asked = Query<HashMap<String, String>>;

impl Issuers {
    /// An assertion that is good from now on for some seconds; a negative number makes one that has ended.
    pub(super) fn assertion(&self, issuer: &str, subject: &str, audience: &str, seconds: i64) -> String {
        let now = Timestamp::now();
        let until = now + SignedDuration::from_secs(seconds);
        let from = now.min(until) - SignedDuration::from_mins(1);
        let claims = json!({"iss": issuer, "sub": subject, "aud": audience, "jti": uuid::Uuid::new_v4(),
            "nbf": from.as_second(), "iat": from.as_second(), "exp": until.as_second()});
        let token = self.key.sign(&claims);
        self.entra.keep(&token);
        token
    }

    fn note(&self, line: String) {
        self.asked.lock().unwrap().push(line);
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get("authorization")?.to_str().ok()?.strip_prefix("Bearer ")
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn told(status: u16, body: Value) -> Response {
    (StatusCode::from_u16(status).unwrap(), Json(body)).into_response()
}

/// `ACTIONS_ID_TOKEN_REQUEST_URL`, which carries a query of its own.
pub(super) async fn github(State(issuers): Shared, method: Method, headers: HeaderMap, Query(query): Asked) -> Response {
    issuers.note(format!("github {method}"));
    if method != Method::GET {
        return told(405, json!({"message": "Method Not Allowed"}));
    }
    if bearer(&headers) != Some(&issuers.github_token) {
        return told(
            401,
            json!({"$id": "1", "message": "The access token is not valid.", "typeKey": "UnauthorizedRequestException"}),
        );
    }
    if query.get("api-version").map(String::as_str) != Some("2.0") {
        return told(400, json!({"message": "No api-version was supplied for the request."}));
    }
    // Without one GitHub names the repository's owner.
    let audience = query.get("audience").map_or("https://github.com/acme", String::as_str);
    let subject = issuers.subject.lock().unwrap().unwrap_or(GITHUB_SUBJECT);
    let token = issuers.assertion(GITHUB, subject, audience, 300);
    told(200, json!({"count": token.len(), "value": token}))
}

/// `SYSTEM_OIDCREQUESTURI`.
pub(super) async fn devops(State(issuers): Shared, method: Method, headers: HeaderMap, Query(query): Asked) -> Response {
    issuers.note(format!("devops {method}"));
    let trouble = |status, message: &str, key: &str| {
        told(
            status,
            json!({"$id": "1", "innerException": null, "message": message, "typeKey": key, "errorCode": 0, "eventId": 3000}),
        )
    };
    if bearer(&headers) != Some(&issuers.devops_token) {
        // Who may be a browser is sent to a page for people.
        if header(&headers, "x-tfs-fedauthredirect") != "Suppress" {
            let page = "<html><head><title>Object moved</title></head><body>Azure DevOps Services | Sign In</body></html>";
            let to = [("location", "https://spsprodweu1.vssps.visualstudio.com/_signin?realm=dev.azure.com")];
            return (StatusCode::FOUND, to, page).into_response();
        }
        let message = "TF400813: The user 'aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa' is not authorized to access this resource.";
        return trouble(401, message, "UnauthorizedRequestException");
    }
    if method != Method::POST {
        return trouble(405, &format!("The requested resource does not support http method '{method}'."), "HttpRequestException");
    }
    if header(&headers, "content-length") != "0" {
        return (StatusCode::LENGTH_REQUIRED, "HTTP Error 411. The request must be chunked or have a content length.")
            .into_response();
    }
    if query.get("api-version").map(String::as_str) != Some("7.1") {
        let message = "No api-version was supplied for the \"POST\" request. The version must be supplied either as part of the Accept header (e.g. \"application/json; api-version=1.0\") or as a query parameter (e.g. \"?api-version=1.0\").";
        return trouble(400, message, "VssVersionNotSpecifiedException");
    }
    if query.get("serviceConnectionId").map(String::as_str) != Some(CONNECTION) {
        return trouble(
            404,
            "The service connection does not exist or has not been authorized for use.",
            "ServiceEndpointNotFoundException",
        );
    }
    told(200, json!({"oidcToken": issuers.assertion(DEVOPS, DEVOPS_SUBJECT, AUDIENCE, 600)}))
}

/// What a wrong address of Azure DevOps leads to: a page for people, whatever was asked.
pub(super) async fn page() -> Response {
    (StatusCode::NON_AUTHORITATIVE_INFORMATION, "<html><title>Azure DevOps Services | Sign In</title></html>").into_response()
}

/// `http://169.254.169.254/metadata/identity/oauth2/token`.
pub(super) async fn machine(State(issuers): Shared, headers: HeaderMap, Query(query): Asked) -> Response {
    issuers.note(format!("machine {}", query.get("resource").map_or("", String::as_str)));
    let ailment = issuers.ailments.lock().unwrap().pop_front();
    if let Some(status) = ailment {
        return told(status, json!({"error": "unavailable", "error_description": "the service is being updated"}));
    }
    if header(&headers, "metadata") != "true" {
        return told(400, json!({"error": "bad_request_102", "error_description": "Required metadata header not specified"}));
    }
    if !["2018-02-01", "2019-08-01"].contains(&query.get("api-version").map_or("", String::as_str)) {
        return told(
            400,
            json!({"error": "bad_request", "error_description": "Required query variable api-version is missing or not supported"}),
        );
    }
    identity(&issuers, &headers, &query, true).await
}

/// `IDENTITY_ENDPOINT` of App Service and Container Apps.
pub(super) async fn app_service(State(issuers): Shared, headers: HeaderMap, Query(query): Asked) -> Response {
    issuers.note(format!("app service {}", query.get("resource").map_or("", String::as_str)));
    if header(&headers, "x-identity-header") != issuers.identity_header {
        return told(401, json!({"statusCode": 401, "message": "Unauthorized", "correlationId": "c"}));
    }
    if query.get("api-version").map(String::as_str) != Some("2019-08-01") {
        return told(400, json!({"statusCode": 400, "message": "UnsupportedApiVersion", "correlationId": "c"}));
    }
    identity(&issuers, &headers, &query, false).await
}

async fn identity(issuers: &Issuers, headers: &HeaderMap, query: &HashMap<String, String>, with_life: bool) -> Response {
    let resource = query.get("resource").map_or("", String::as_str);
    if resource.is_empty() || resource.ends_with("/.default") {
        let message = format!("AADSTS500011: The resource principal named {resource} was not found in the tenant named Contoso.");
        return told(400, json!({"error": "invalid_resource", "error_description": message}));
    }
    if query.get("client_id").is_some_and(|asked| *asked != issuers.entra.application.client) {
        return told(400, json!({"error": "invalid_request", "error_description": "Identity not found"}));
    }
    let (status, answer) = issuers.entra.fetch("machine", "", &format!("{resource}/.default"), headers).await;
    if status != 200 {
        return told(status, answer);
    }
    let life = answer["expires_in"].as_i64().unwrap();
    let until = (Timestamp::now() + SignedDuration::from_secs(life)).as_second();
    let mut body = json!({"access_token": answer["access_token"], "client_id": issuers.entra.application.client,
        "expires_on": until.to_string(), "resource": resource, "token_type": "Bearer"});
    if with_life {
        body["expires_in"] = json!(life.to_string());
        body["ext_expires_in"] = json!(life.to_string());
        body["not_before"] = json!((until - life).to_string());
    }
    told(200, body)
}

/// What the fake CLIs print.
pub(super) async fn cli(State(issuers): Shared, Query(query): Asked) -> Response {
    let scope = query.get("scope").map_or("", String::as_str);
    let (status, answer) = issuers.entra.fetch("cli", "", scope, &HeaderMap::new()).await;
    let until = Timestamp::now() + SignedDuration::from_secs(answer["expires_in"].as_i64().unwrap_or_default());
    let token = &answer["access_token"];
    match query.get("of").map_or("", String::as_str) {
        _ if status != 200 => told(status, answer),
        "azd" => told(200, json!({"token": token, "expiresOn": until.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()})),
        _ => told(
            200,
            json!({"accessToken": token, "expiresOn": until.strftime("%Y-%m-%d %H:%M:%S.000000").to_string(),
                "expires_on": until.as_second(), "subscription": query.get("subscription"),
                "tenant": issuers.entra.application.tenant, "tokenType": "Bearer"}),
        ),
    }
}
