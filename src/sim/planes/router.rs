//! The data planes' routes: `/kube/{key}/…`, `/prometheus/{key}/…`, `/grafana/{key}/…`, where the key is [`address_key`](super::address_key).

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;

use super::exchange::{Answer, Request};
use super::{Planes, View, http, resolve, types};
use crate::sim::effects::access::Caller;
use crate::sim::kube::access::Credential;
use crate::sim::{grafana, kube, prometheus};

/// What a token must have been issued for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// `https://prometheus.monitor.azure.com` (contract §6.3).
    Prometheus,
    /// Grafana's application `ce34e7e5-485f-4d76-964f-b3d2b16d1e4f` (contract §6.5).
    Grafana,
    /// The AKS server application `6dae42f8-4368-4678-94ff-3960e28e3630` (contract §5.9).
    Kubernetes,
}

/// Work on the planes under the world's lock.
pub type Visit<'a> = &'a mut dyn FnMut(&mut Planes, &View);

/// Tells who a bearer token stands for.
pub type Recognise = dyn Fn(&str, Audience) -> Option<Caller> + Send + Sync;

/// How the routes reach the world, whoever keeps it.
#[derive(Clone)]
pub struct Doorway {
    /// Locks the world, brings the planes up to the present, calls the visit once, keeps what it changed.
    pub enter: Arc<dyn Fn(Visit) + Send + Sync>,
    /// Who a bearer token stands for, when it is valid and was issued for the audience.
    pub caller: Arc<Recognise>,
}

/// The routes.
pub fn router(doorway: Doorway) -> Router {
    Router::new()
        .route("/kube/{key}/{*rest}", any(kubernetes))
        .route("/prometheus/{key}/{*rest}", any(workspace))
        .route("/grafana/{key}/{*rest}", any(dashboards))
        .with_state(doorway)
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
}

impl Doorway {
    fn answer(&self, of_type: &str, key: &str, act: &dyn Fn(&mut Planes, &View, &str) -> Answer) -> Answer {
        let mut answer = Answer::json(404, &serde_json::json!({"message": "nothing lives at this address"}));
        (self.enter)(&mut |planes, view| {
            if let Some(id) = resolve(view.resources, of_type, key) {
                answer = act(planes, view, &id);
            }
        });
        answer
    }
}

type Address = Path<(String, String)>;

async fn workspace(State(doorway): State<Doorway>, Path((key, rest)): Address, request: axum::extract::Request) -> Response {
    let caller = bearer(request.headers()).and_then(|token| (doorway.caller)(&token, Audience::Prometheus));
    match http::read(&rest, request).await {
        Ok(request) => doorway
            .answer(types::WORKSPACE, &key, &|planes, view, id| {
                prometheus::api::answer(planes, view, id, caller.as_ref(), &request)
            })
            .into_response(),
        Err(refused) => refused,
    }
}

async fn dashboards(State(doorway): State<Doorway>, Path((key, rest)): Address, request: axum::extract::Request) -> Response {
    let caller = bearer(request.headers()).and_then(|token| (doorway.caller)(&token, Audience::Grafana));
    match http::read(&rest, request).await {
        Ok(request) => doorway
            .answer(types::GRAFANA, &key, &|planes, view, id| grafana::api::answer(planes, view, id, caller.as_ref(), &request))
            .into_response(),
        Err(refused) => refused,
    }
}

async fn kubernetes(State(doorway): State<Doorway>, Path((key, rest)): Address, request: axum::extract::Request) -> Response {
    let credential = match bearer(request.headers()) {
        None => Credential::None,
        Some(token) => (doorway.caller)(&token, Audience::Kubernetes).map_or(Credential::Token(token), Credential::Entra),
    };
    let request = match http::read(&rest, request).await {
        Ok(request) => request,
        Err(refused) => return refused,
    };
    let ask =
        || doorway.answer(types::CLUSTER, &key, &|planes, view, id| kube::api::answer(planes, view, id, &credential, &request));
    let mut answer = ask();
    // A watch without news waits for some, as clients take a quick end for a fault; they come back when it ends empty.
    for _ in 0..looks(&request) {
        if answer.status != 200 || !answer.body.is_empty() {
            break;
        }
        tokio::time::sleep(LOOK).await;
        answer = ask();
    }
    answer.into_response()
}

const LOOK: Duration = Duration::from_millis(250);

/// How often a watch looks for news: for the time it asks for, at most half a minute.
fn looks(request: &Request) -> u64 {
    if request.parameter("watch").is_none_or(|watch| watch == "false" || watch == "0") {
        return 0;
    }
    let seconds = request.parameter("timeoutSeconds").and_then(|text| text.parse::<u64>().ok()).unwrap_or(30).min(30);
    seconds * 4
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use axum::body::{Body, to_bytes};

    use super::*;
    use crate::sim::effects::chain::sample::{WORKSPACE, resources};
    use crate::sim::effects::cluster::sample::ID;
    use crate::sim::effects::delays::Delays;
    use crate::sim::planes::address_key;
    use crate::sim::planes::sample::{settled, t};

    fn doorway() -> (Doorway, String) {
        let world = resources(true);
        let planes = settled(&world, 600);
        let token = planes.cluster(&ID.to_lowercase()).unwrap().token().to_owned();
        let planes = Mutex::new(planes);
        let enter = move |visit: Visit| {
            let delays = Delays::at_pace(1.0);
            visit(&mut planes.lock().unwrap(), &View { resources: &world, now: t(600), delays: &delays });
        };
        let caller = |token: &str, audience| {
            (token == "entra" && audience == Audience::Prometheus).then(|| Caller {
                oid: "me".into(),
                groups: Vec::new(),
                name: "me".into(),
            })
        };
        (Doorway { enter: Arc::new(enter), caller: Arc::new(caller) }, token)
    }

    async fn status(response: Response) -> (u16, String) {
        let status = response.status().as_u16();
        (status, String::from_utf8(to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec()).unwrap())
    }

    fn get(uri: &str, token: &str) -> axum::extract::Request {
        axum::http::Request::get(uri).header("authorization", format!("Bearer {token}")).body(Body::empty()).unwrap()
    }

    #[tokio::test]
    async fn each_door_wants_its_own_audience() {
        let (doorway, token) = doorway();
        let key = address_key(WORKSPACE);
        let ask = |token: &'static str, key: String| {
            workspace(State(doorway.clone()), Path((key, "api/v1/query".into())), get("/x?query=up", token))
        };
        assert_eq!(status(ask("entra", key.clone()).await).await.0, 403, "signed in, but without the role");
        assert_eq!(status(ask("other", key).await).await.0, 401);
        assert_eq!(status(ask("entra", "amw1-none".into()).await).await.0, 404);
        let rest = || Path((address_key(ID), "api/v1/nodes".to_owned()));
        assert_eq!(status(kubernetes(State(doorway.clone()), rest(), get("/x", &token)).await).await.0, 200);
        assert_eq!(status(kubernetes(State(doorway.clone()), rest(), get("/x", "entra")).await).await.0, 401);
    }
}
