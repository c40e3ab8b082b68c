//! ARM's door: token, body, answer, marks.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Shared;
use super::identity::BadToken;
use crate::sim::arm::{Call, Reply, Setting, answer};
use crate::sim::planes::router::Audience;

/// The largest body that ARM takes.
const LARGEST: usize = 4 << 20;

/// Everything that no other route takes.
pub(super) async fn gate(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let now = Timestamp::now();
    let (head, body) = request.into_parts();
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let token = header("authorization").and_then(|value| Some(value.split_once(' ')?.1.trim().to_owned()));
    let caller = match shared.identity.for_arm(token.as_deref(), now) {
        Ok(caller) => caller,
        Err(why) => return refused(&shared, why),
    };
    let Ok(bytes) = to_bytes(body, LARGEST).await else { return StatusCode::PAYLOAD_TOO_LARGE.into_response() };
    let body: Value = match serde_json::from_slice(&bytes) {
        Ok(body) => body,
        Err(_) if bytes.is_empty() => Value::Null,
        Err(error) => {
            return error_body(
                400,
                "InvalidRequestContent",
                &format!("The request content was invalid and could not be deserialized: '{error}'."),
            );
        }
    };
    let headers =
        head.headers.iter().filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())));
    let path = percent_decoded(head.uri.path());
    let query = url::form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let call = Call { method: head.method.as_str().to_owned(), path, query, headers: headers.collect(), body, caller };
    let writes = call.changes() && !call.lends();
    let recognise = |token: &str, plane: Audience| shared.identity.for_plane(token, plane, now);
    let reply = shared.keeper.visit(writes, |world| {
        let setting = Setting {
            base_url: &shared.base_url,
            ca_pem: &shared.ca_pem,
            tenant: &shared.identity.tenant,
            owner: &shared.identity.owner().object_id,
            subscription: shared.identity.spoken_of(&call.path),
            subscriptions: &shared.identity.subscriptions,
            now,
            delays: &shared.delays,
            pace: shared.pace,
            recognise: &recognise,
        };
        answer(world, &setting, &call)
    });
    match reply {
        Ok(reply) => respond(reply),
        Err(error) => error_body(500, "InternalServerError", &error.to_string()),
    }
}

fn percent_decoded(path: &str) -> String {
    path.split('/')
        .map(|part| {
            url::form_urlencoded::parse(part.replace('+', "%2B").as_bytes())
                .map(|(name, _)| name.into_owned())
                .collect::<String>()
        })
        .collect::<Vec<_>>()
        .join("/")
}

fn respond(reply: Reply) -> Response {
    let mut response = match reply.body {
        Some(body) => {
            (StatusCode::OK, [(header::CONTENT_TYPE, "application/json; charset=utf-8")], body.to_string()).into_response()
        }
        None => Response::new(Body::empty()),
    };
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in reply.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// An error in ARM's shape.
pub(super) fn error_body(status: u16, code: &str, message: &str) -> Response {
    respond(Reply { status, headers: Vec::new(), body: Some(json!({"error": {"code": code, "message": message}})) })
}

fn refused(shared: &Shared, why: BadToken) -> Response {
    let (code, message) = match why {
        BadToken::Unknown => ("InvalidAuthenticationToken", "The access token is missing or invalid."),
        BadToken::Expired => ("ExpiredAuthenticationToken", "The access token expiry is earlier than the current time."),
        BadToken::OtherAudience => {
            ("InvalidAuthenticationTokenAudience", "The access token has been obtained for wrong audience or resource.")
        }
    };
    let mut response = error_body(401, code, message);
    let challenge = format!(
        "Bearer authorization_uri=\"{}/{}\", error=\"invalid_token\", error_description=\"{message}\"",
        shared.base_url, shared.identity.tenant
    );
    if let Ok(challenge) = HeaderValue::try_from(challenge) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}
