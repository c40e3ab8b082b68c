//! What a request may know.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use serde_json::{Value, json};

use super::guard::Caller;
use super::{Shared, refuse, unavailable, unknown};
use crate::daemon::{Row, links, metrics as page};
use crate::journal::{self, Journal, Run, RunId};
use crate::run::saved_plan;

/// How many runs are listed.
const RUNS: u32 = 50;

/// Either the answer, or why there is none.
type Answer = Result<Response, Response>;

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` hands over")]
fn broken(error: journal::Error) -> Response {
    unavailable(&error)
}

pub(super) async fn ready(State(shared): State<Arc<Shared>>) -> Response {
    let ready = shared.book.is_ready() && shared.book.database().answers().await;
    if ready { "ready\n".into_response() } else { refuse(StatusCode::SERVICE_UNAVAILABLE, "not ready") }
}

pub(super) async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], page::page(&shared.book, &shared.meter).await).into_response()
}

pub(super) async fn me(Extension(caller): Extension<Caller>) -> Response {
    Json(json!({"name": caller.name, "role": caller.role})).into_response()
}

pub(super) async fn stacks(State(shared): State<Arc<Shared>>) -> Answer {
    let book = &shared.book;
    let rows = book.rows().await.map_err(broken)?;
    let (frozen, now) = (book.is_frozen().await.map_err(broken)?, book.now().await.map_err(broken)?);
    let told = json!({"schema": "aksight.daemon/v1", "frozen": frozen, "problem": book.reload_problem(), "now": now,
        "replica": book.replica(), "stacks": rows});
    Ok(Json(told).into_response())
}

pub(super) async fn stack(State(shared): State<Arc<Shared>>, Path(name): Path<String>) -> Answer {
    let row = row(&shared, &name).await?;
    let report = report(&shared, &row).await?;
    let mut told = serde_json::to_value(&row).unwrap_or_default();
    told["links"] = links::of(report.as_ref());
    told["graph"] = links::graph(report.as_ref());
    told["report"] = report.unwrap_or_default();
    Ok(Json(told).into_response())
}

pub(super) async fn drift(State(shared): State<Arc<Shared>>, Path(name): Path<String>) -> Answer {
    part(&shared, &name, "drift", json!({"items": [], "plan": null})).await
}

pub(super) async fn checks(State(shared): State<Arc<Shared>>, Path(name): Path<String>) -> Answer {
    part(&shared, &name, "checks", json!([])).await
}

/// One part of the last report.
async fn part(shared: &Shared, name: &str, part: &str, none: Value) -> Answer {
    let report = report(shared, &row(shared, name).await?).await?;
    let told = report.and_then(|mut report| report.get_mut(part).map(Value::take)).unwrap_or(none);
    Ok(Json(told).into_response())
}

pub(super) async fn runs(State(shared): State<Arc<Shared>>, Path(name): Path<String>) -> Answer {
    row(&shared, &name).await?;
    let runs = match shared.book.journal(&name).await.map_err(broken)? {
        Some(journal) => journal.last_runs(RUNS).await.map_err(broken)?,
        None => Vec::new(),
    };
    Ok(Json(json!({"runs": runs.iter().map(told).collect::<Vec<_>>()})).into_response())
}

pub(super) async fn run(State(shared): State<Arc<Shared>>, Path((name, run)): Path<(String, String)>) -> Answer {
    row(&shared, &name).await?;
    let none = || refuse(StatusCode::NOT_FOUND, "there is no such run of this stack");
    let journal = shared.book.journal(&name).await.map_err(broken)?.ok_or_else(none)?;
    let found = journal.run(&run).await.map_err(broken)?.ok_or_else(none)?;
    let steps = steps(&journal, &found.id).await.map_err(broken)?;
    let mut answer = told(&found);
    answer["steps"] = json!(steps);
    answer["report"] = journal.report(&found.id).await.map_err(broken)?.unwrap_or_default();
    Ok(Json(answer).into_response())
}

pub(super) async fn plan(State(shared): State<Arc<Shared>>, Path((name, plan)): Path<(String, String)>) -> Answer {
    let row = row(&shared, &name).await?;
    let none = || refuse(StatusCode::NOT_FOUND, "there is no such plan of this stack");
    let journal = shared.book.journal(&name).await.map_err(broken)?.ok_or_else(none)?;
    let mut told = saved_plan(&journal, &plan).await.map_err(broken)?.ok_or_else(none)?;
    told["id"] = json!(plan);
    told["waits"] = json!(row.plan.as_deref() == Some(plan.as_str()));
    let rejected = shared.book.rejected(&name).await.map_err(broken)?;
    told["rejected"] = rejected.filter(|rejected| rejected["plan"] == json!(plan)).unwrap_or_default();
    Ok(Json(told).into_response())
}

async fn row(shared: &Shared, name: &str) -> Result<Row, Response> {
    shared.book.row(name).await.map_err(broken)?.ok_or_else(|| unknown(name))
}

/// The last report of a stack, while its journal keeps it.
async fn report(shared: &Shared, row: &Row) -> Result<Option<Value>, Response> {
    let (Some(run), Some(journal)) = (&row.run, shared.book.journal(&row.name).await.map_err(broken)?) else { return Ok(None) };
    match journal.run(run).await.map_err(broken)? {
        Some(run) => journal.report(&run.id).await.map_err(broken),
        None => Ok(None),
    }
}

fn told(run: &Run) -> Value {
    json!({"id": run.id, "command": run.start.command, "version": run.start.version, "started": run.started, "ended": run.ended,
        "outcome": run.outcome})
}

/// Every step of a run, those that go on included.
async fn steps(journal: &Journal, run: &RunId) -> Result<Vec<Value>, journal::Error> {
    let ended = journal.findings(run).await?.into_iter().map(|found| {
        json!({"unit": found.unit, "started": found.started, "ended": found.ended, "outcome": found.outcome, "evidence": found.evidence})
    });
    let open =
        journal.open_intents().await?.into_iter().filter(|intent| intent.run == *run).map(
            |intent| json!({"unit": intent.unit, "started": intent.started, "ended": null, "outcome": null, "evidence": null}),
        );
    Ok(ended.chain(open).collect())
}
