//! Entra's token endpoint for the service principals that live here (contract §10).

use std::sync::Arc;

use axum::Json;
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Shared;
use super::identity::{Identity, Resident};

/// `/{tenant}/v2.0/.well-known/openid-configuration`.
pub(super) async fn openid(State(shared): State<Arc<Shared>>, Path(tenant): Path<String>) -> Json<Value> {
    let base = &shared.base_url;
    Json(json!({
        "token_endpoint": format!("{base}/{tenant}/oauth2/v2.0/token"), "authorization_endpoint": format!("{base}/{tenant}/oauth2/v2.0/authorize"),
        "issuer": format!("{base}/{tenant}/v2.0"), "jwks_uri": format!("{base}/{tenant}/discovery/v2.0/keys"),
        "device_authorization_endpoint": format!("{base}/{tenant}/oauth2/v2.0/devicecode"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"], "response_types_supported": ["code"],
        "subject_types_supported": ["pairwise"], "id_token_signing_alg_values_supported": ["RS256"], "scopes_supported": ["openid"],
        "tenant_region_scope": "EU", "cloud_instance_name": base.trim_start_matches("https://"),
    }))
}

/// `/common/discovery/instance`: MSAL asks whether it may trust the authority.
pub(super) async fn discovery(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let host = shared.base_url.trim_start_matches("https://");
    let document = format!("{}/{}/v2.0/.well-known/openid-configuration", shared.base_url, shared.identity.tenant);
    Json(json!({"tenant_discovery_endpoint": document, "api-version": "1.1",
        "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}]}))
}

/// `/{tenant}/oauth2/v2.0/token`.
pub(super) async fn token(
    State(shared): State<Arc<Shared>>,
    Path(tenant): Path<String>,
    Form(form): Form<Vec<(String, String)>>,
) -> Response {
    let now = Timestamp::now();
    match grant(&shared.identity, &tenant, &form) {
        Ok((resident, audience)) => {
            let (token, seconds) = shared.identity.issue(resident, &audience, now);
            Json(json!({"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": token}))
                .into_response()
        }
        Err((status, error, number, message)) => {
            let (trace, time) = (uuid::Uuid::new_v4(), now.to_string());
            let description = format!("AADSTS{number}: {message} Trace ID: {trace} Correlation ID: {trace} Timestamp: {time}");
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
            let body = json!({"error": error, "error_description": description, "error_codes": [number], "timestamp": time,
                "trace_id": trace.to_string(), "correlation_id": trace.to_string()});
            (status, Json(body)).into_response()
        }
    }
}

type Denied = (u16, &'static str, u32, String);

/// Who asks, and the audience that a token may be issued for.
fn grant<'a>(identity: &'a Identity, tenant: &str, form: &[(String, String)]) -> Result<(&'a Resident, String), Denied> {
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    if !tenant.eq_ignore_ascii_case(&identity.tenant) {
        let message = format!(
            "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud."
        );
        return Err((400, "invalid_tenant", 90002, message));
    }
    if field("grant_type") != "client_credentials" {
        return Err((
            400,
            "unsupported_grant_type",
            70003,
            format!("The app requested an unsupported grant type '{}'.", field("grant_type")),
        ));
    }
    let Some(resident) = identity.with_client_id(field("client_id")) else {
        let message = format!("Application with identifier '{}' was not found in the directory '{tenant}'.", field("client_id"));
        return Err((400, "unauthorized_client", 700_016, message));
    };
    if field("client_assertion").is_empty() && field("client_secret") != resident.client_secret.expose() {
        let message = format!(
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{}'.",
            field("client_id")
        );
        return Err((401, "invalid_client", 7_000_215, message));
    }
    let wish = if field("scope").is_empty() { field("resource") } else { field("scope") };
    let audience = wish.trim_end_matches(".default").trim_end_matches('/');
    if Identity::serves(audience) {
        Ok((resident, audience.to_owned()))
    } else {
        Err((
            400,
            "invalid_resource",
            500_011,
            format!("The resource principal named {audience} was not found in the tenant named {tenant}."),
        ))
    }
}
