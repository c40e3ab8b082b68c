//! What a request may set going: looks, approvals, the freeze. Every one is only noted; the loop does it.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::guard::Caller;
use super::{Shared, refuse, unavailable, unknown};
use crate::daemon::book::Trigger;
use crate::journal;

/// A look out of turn.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Look {
    /// Heal, whatever the schedule says; a freeze still holds.
    heal: bool,
    /// Ask terraform, too.
    deep: bool,
}

/// The plan that is meant.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Choice {
    /// Its name.
    plan: String,
}

pub(super) async fn trigger(State(shared): State<Arc<Shared>>, Path(name): Path<String>, body: Option<Json<Look>>) -> Response {
    let Json(look) = body.unwrap_or_default();
    let trigger = Trigger { heal: look.heal, deep: look.deep, approved: None };
    match shared.book.trigger(&name, &trigger).await {
        Ok(true) => accepted(),
        Ok(false) => unknown(&name),
        Err(error) => unavailable(&error),
    }
}

pub(super) async fn approve(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Json(choice): Json<Choice>,
) -> Response {
    tracing::info!(who = %caller.name, stack = %name, plan = %choice.plan, "approves a plan");
    let done = shared.book.approve(&name, &choice.plan).await;
    chosen(&shared, &name, done, accepted).await
}

pub(super) async fn reject(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Json(choice): Json<Choice>,
) -> Response {
    tracing::info!(who = %caller.name, stack = %name, plan = %choice.plan, "rejects a plan");
    let done = shared.book.reject(&name, &choice.plan, &caller.name).await;
    chosen(&shared, &name, done, || Json(json!({"rejected": true})).into_response()).await
}

async fn chosen(shared: &Shared, name: &str, done: Result<bool, journal::Error>, well: impl Fn() -> Response) -> Response {
    match done {
        Ok(true) => well(),
        Ok(false) => match shared.book.row(name).await {
            Ok(Some(_)) => refuse(StatusCode::CONFLICT, "no such plan waits: the world has moved, or it was carried out"),
            Ok(None) => unknown(name),
            Err(error) => unavailable(&error),
        },
        Err(error) => unavailable(&error),
    }
}

pub(super) async fn freeze(State(shared): State<Arc<Shared>>) -> Response {
    set_frozen(&shared, true).await
}

pub(super) async fn thaw(State(shared): State<Arc<Shared>>) -> Response {
    set_frozen(&shared, false).await
}

async fn set_frozen(shared: &Shared, frozen: bool) -> Response {
    match shared.book.freeze(frozen).await {
        // A file that forbids it outlasts what is said here.
        Ok(()) => match shared.book.is_frozen().await {
            Ok(frozen) => Json(json!({"frozen": frozen})).into_response(),
            Err(error) => unavailable(&error),
        },
        Err(error) => unavailable(&error),
    }
}

fn accepted() -> Response {
    (StatusCode::ACCEPTED, Json(json!({"accepted": true}))).into_response()
}
