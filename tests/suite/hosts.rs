//! Doubles of the hosts of repositories, as strict as the real ones where aksight could go wrong.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Json;
use axum::Router;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, patch};
use serde_json::{Value, json};

/// The token that everything is allowed to.
pub(crate) const TOKEN: &str = "ghs_TheTokenOfThisJob";
/// The token of a fork's pull request: it reads.
pub(crate) const FORK: &str = "ghs_AForksToken";
/// The longest body that GitHub takes, in characters.
pub(crate) const LONGEST: usize = 65_536;

/// What the hosts keep.
#[derive(Default)]
pub(crate) struct World {
    /// Comments of pull request 7.
    pub(crate) comments: Vec<Value>,
    /// Issues.
    pub(crate) issues: Vec<Value>,
    /// Threads of pull request 7 in Azure Repos.
    pub(crate) threads: Vec<Value>,
    /// The files of the one release of acme/aksight.
    pub(crate) release: BTreeMap<String, Vec<u8>>,
    /// Every request: method and path.
    pub(crate) asked: Vec<String>,
}

/// Hosts on a port of this machine, until they are dropped.
pub(crate) struct Hosts {
    world: Arc<Mutex<World>>,
    pub(crate) address: String,
    _runtime: tokio::runtime::Runtime,
}

type Shared = State<Arc<Mutex<World>>>;

fn told(status: u16, message: &str) -> Response {
    (StatusCode::from_u16(status).unwrap(), Json(json!({"message": message}))).into_response()
}

impl Hosts {
    pub(crate) fn open() -> Self {
        let world = Arc::new(Mutex::new(World::default()));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let github = Router::new()
            .route("/repos/acme/shop/issues/{number}/comments", get(comments).post(add_comment))
            .route("/repos/acme/shop/issues/comments/{id}", patch(edit_comment))
            .route("/repos/acme/shop/issues", get(issues).post(add_issue))
            .route("/repos/acme/shop/issues/{number}", patch(edit_issue))
            .layer(middleware::from_fn(github_door));
        let threads = "/acme/My%20Shop/_apis/git/repositories/r-1/pullRequests/7/threads";
        let azdo = Router::new()
            .route(threads, get(all_threads).post(add_thread))
            .route(&format!("{threads}/{{thread}}"), patch(edit_thread))
            .route(&format!("{threads}/{{thread}}/comments/{{comment}}"), patch(edit_thread_comment))
            .layer(middleware::from_fn(azdo_door));
        let release = format!("/acme/aksight/releases/download/v{}/{{file}}", env!("CARGO_PKG_VERSION"));
        let release = Router::new().route(&release, get(asset));
        let routes = github
            .merge(azdo)
            .merge(release)
            .layer(middleware::from_fn_with_state(world.clone(), noted))
            .with_state(world.clone());
        runtime.spawn(async move { axum::serve(listener, routes).await });
        Self { world, address, _runtime: runtime }
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// What was written since the last time.
    pub(crate) fn writes(&self) -> Vec<String> {
        let asked = std::mem::take(&mut self.world().asked);
        asked.into_iter().filter(|line| !line.starts_with("GET")).collect()
    }
}

async fn noted(State(world): Shared, request: Request, next: Next) -> Response {
    let line = format!("{} {}", request.method(), request.uri().path());
    world.lock().unwrap().asked.push(line);
    next.run(request).await
}

fn bearer(headers: &HeaderMap) -> &str {
    headers.get("authorization").and_then(|value| value.to_str().ok()?.strip_prefix("Bearer ")).unwrap_or_default()
}

async fn github_door(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let has = |name: &str, value: &str| headers.get(name).is_some_and(|found| found.to_str().unwrap().starts_with(value));
    if !has("user-agent", "aksight/") {
        return told(403, "Request forbidden by administrative rules. Please make sure your request has a User-Agent header");
    }
    if !has("accept", "application/vnd.github+json") || !has("x-github-api-version", "2022-11-28") {
        return told(400, "not the version that was agreed upon");
    }
    match bearer(headers) {
        TOKEN => next.run(request).await,
        FORK if request.method() == "GET" => next.run(request).await,
        FORK => told(403, "Resource not accessible by integration"),
        _ => told(401, "Bad credentials"),
    }
}

async fn azdo_door(request: Request, next: Next) -> Response {
    if !request.uri().query().is_some_and(|query| query.contains("api-version=7.1")) {
        return told(400, "No api-version was supplied");
    }
    match bearer(request.headers()) {
        TOKEN => next.run(request).await,
        FORK if request.method() == "GET" => next.run(request).await,
        FORK => told(403, "TF401027: You need the Git 'PullRequestContribute' permission to perform this action."),
        // A page to sign in, as the real one.
        _ => (StatusCode::NON_AUTHORITATIVE_INFORMATION, "<html>Sign In</html>").into_response(),
    }
}

#[derive(serde::Deserialize)]
struct Asked {
    per_page: usize,
    page: usize,
    state: Option<String>,
    labels: Option<String>,
}

fn page(entries: Vec<Value>, asked: &Asked) -> Response {
    let size = asked.per_page.min(100);
    let some: Vec<Value> = entries.into_iter().skip(size * (asked.page - 1)).take(size).collect();
    Json(some).into_response()
}

/// GitHub's answer to a body that it does not take.
fn unfit(body: &Value) -> Option<Response> {
    let text = body["body"].as_str().unwrap_or_default();
    (text.is_empty() || text.chars().count() > LONGEST)
        .then(|| told(422, "Validation Failed: body is too long (maximum is 65536 characters)"))
}

fn by_bot(mut entry: Value, id: usize) -> Value {
    entry["id"] = json!(id);
    entry["user"] = json!({"login": "github-actions[bot]", "type": "Bot"});
    entry["author_association"] = json!("NONE");
    entry
}

async fn asset(State(world): Shared, Path(file): Path<String>) -> Response {
    world.lock().unwrap().release.get(&file).map_or_else(|| told(404, "Not Found"), |bytes| bytes.clone().into_response())
}

async fn comments(State(world): Shared, Path(number): Path<u64>, Query(asked): Query<Asked>) -> Response {
    if number != 7 {
        return told(404, "Not Found");
    }
    page(world.lock().unwrap().comments.clone(), &asked)
}

async fn add_comment(State(world): Shared, Path(number): Path<u64>, Json(body): Json<Value>) -> Response {
    if let Some(unfit) = unfit(&body) {
        return unfit;
    }
    if number != 7 {
        return told(404, "Not Found");
    }
    let mut world = world.lock().unwrap();
    let entry = by_bot(json!({"body": body["body"]}), 1000 + world.comments.len());
    world.comments.push(entry.clone());
    (StatusCode::CREATED, Json(entry)).into_response()
}

fn edit(entries: &mut [Value], key: &str, id: u64, body: &Value) -> Response {
    if body.get("body").is_some()
        && let Some(unfit) = unfit(body)
    {
        return unfit;
    }
    let Some(entry) = entries.iter_mut().find(|entry| entry[key] == id) else { return told(404, "Not Found") };
    for (name, value) in body.as_object().unwrap() {
        entry[name] = value.clone();
    }
    Json(entry.clone()).into_response()
}

async fn edit_comment(State(world): Shared, Path(id): Path<u64>, Json(body): Json<Value>) -> Response {
    edit(&mut world.lock().unwrap().comments, "id", id, &body)
}

async fn issues(State(world): Shared, Query(asked): Query<Asked>) -> Response {
    let fits = |issue: &Value| {
        let labelled = |label: &str| issue["labels"].as_array().unwrap().iter().any(|has| has == label);
        asked.state.as_ref().is_none_or(|state| issue["state"] == state.as_str()) && asked.labels.as_deref().is_none_or(labelled)
    };
    page(world.lock().unwrap().issues.iter().filter(|issue| fits(issue)).cloned().collect(), &asked)
}

async fn add_issue(State(world): Shared, Json(body): Json<Value>) -> Response {
    if let Some(unfit) = unfit(&body) {
        return unfit;
    }
    let mut world = world.lock().unwrap();
    let number = world.issues.len() + 1;
    let issue =
        json!({"number": number, "title": body["title"], "body": body["body"], "labels": body["labels"], "state": "open"});
    world.issues.push(by_bot(issue.clone(), 5000 + number));
    (StatusCode::CREATED, Json(issue)).into_response()
}

async fn edit_issue(State(world): Shared, Path(number): Path<u64>, Json(body): Json<Value>) -> Response {
    edit(&mut world.lock().unwrap().issues, "number", number, &body)
}

async fn all_threads(State(world): Shared) -> Response {
    let threads = world.lock().unwrap().threads.clone();
    Json(json!({"count": threads.len(), "value": threads})).into_response()
}

async fn add_thread(State(world): Shared, Json(body): Json<Value>) -> Response {
    let mut world = world.lock().unwrap();
    let comment = json!({"id": 1, "content": body["comments"][0]["content"], "isDeleted": false});
    let thread = json!({"id": 40 + world.threads.len(), "status": body["status"], "comments": [comment], "isDeleted": false});
    world.threads.push(thread.clone());
    Json(thread).into_response()
}

async fn edit_thread(State(world): Shared, Path(thread): Path<u64>, Json(body): Json<Value>) -> Response {
    edit(&mut world.lock().unwrap().threads, "id", thread, &body)
}

async fn edit_thread_comment(
    State(world): Shared,
    Path((thread, comment)): Path<(u64, u64)>,
    Json(body): Json<Value>,
) -> Response {
    let mut world = world.lock().unwrap();
    let Some(thread) = world.threads.iter_mut().find(|entry| entry["id"] == thread) else { return told(404, "no thread") };
    edit(thread["comments"].as_array_mut().unwrap(), "id", comment, &body)
}
