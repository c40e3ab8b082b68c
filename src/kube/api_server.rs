//! Into the cluster through its API server (contract §5.10).
//!
//! Objects travel as JSON values, never as typed objects, so that fields nobody here knows survive a write.

use std::time::Duration;

use async_trait::async_trait;
use futures::future::{join, try_join_all};
use http::{Method, Request, StatusCode};
use kube::Client;
use kube::config::{AuthInfo, Config, KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};
use tracing::Instrument as _;

use super::access::legal;
use super::agents::{CILIUM, OBSERVABILITY_SERVICE};
use super::{Access, AgentView, ConfigMap, Error, FIELD_MANAGER, Workload};
use crate::base::Secret;
use crate::base::clock::Timestamp;
use crate::base::span;

const CONNECT: Duration = Duration::from_secs(10);
const ANSWER: Duration = Duration::from_secs(30);
const KUBE_SYSTEM: &str = "kube-system";
const PAGE: &str = "limit=500";
const JSON: &str = "application/json";
const MERGE_PATCH: &str = "application/merge-patch+json";
/// A node is 20 kB, its name is not.
const NAMES_ONLY: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";

/// [`Access`] over HTTPS.
#[derive(Clone)]
pub struct ApiServer {
    client: Client,
    server: String,
    host: String,
    port: u16,
}

impl std::fmt::Debug for ApiServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiServer").field("server", &self.server).finish_non_exhaustive()
    }
}

impl ApiServer {
    /// Builds a client from the text of a kubeconfig as ARM hands it out. A `bearer` token replaces the kubeconfig's own user; exec
    /// plugins, credential files and proxies named in it are never used.
    ///
    /// # Errors
    /// [`Error::Kubeconfig`] when the text cannot be used.
    pub async fn connect(kubeconfig: &Secret, bearer: Option<&Secret>) -> Result<Self, Error> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| Error::Kubeconfig { source };
        let mut file = Kubeconfig::from_yaml(kubeconfig.expose()).map_err(|error| failed(error.into()))?;
        make_harmless(&mut file, bearer);
        let options = KubeConfigOptions::default();
        let mut config = Config::from_custom_kubeconfig(file, &options).await.map_err(|error| failed(error.into()))?;
        config.proxy_url = None;
        config.connect_timeout = Some(CONNECT);
        config.read_timeout = Some(ANSWER);
        config.write_timeout = Some(ANSWER);
        // Whether and when to try again is decided in one place, by class.
        config.default_retry = false;
        let server = config.cluster_url.to_string();
        let host = config.cluster_url.host().unwrap_or_default().to_owned();
        let port = config.cluster_url.port_u16().unwrap_or(443);
        let client = Client::try_from(config).map_err(|error| failed(error.into()))?;
        Ok(Self { client, server, host, port })
    }

    async fn call(&self, call: Call<'_>, object: &str) -> Result<Value, Error> {
        let mut request = Request::builder().method(call.method).uri(call.path).header(http::header::ACCEPT, call.accept);
        if let Some((kind, _)) = call.body {
            request = request.header(http::header::CONTENT_TYPE, kind);
        }
        let bytes = call.body.map(|(_, body)| body.to_string().into_bytes()).unwrap_or_default();
        let request = request.body(bytes).map_err(|error| Error::ReadAnswer { reason: error.to_string() })?;
        let span = span::http(request.method().as_str(), &self.host, self.port, request.uri().path());
        let answer = self.client.request(request).instrument(span.clone()).await;
        match &answer {
            // The client tells no status of what went well.
            Ok(_) => {}
            Err(kube::Error::Api(status)) => span::answered(&span, status.code),
            Err(kube::Error::Service(_) | kube::Error::HyperError(_)) => span::unanswered(&span, "connection"),
            Err(_) => span::unanswered(&span, "other"),
        }
        answer.map_err(|error| self.understand(error, object))
    }

    async fn get(&self, path: &str, accept: &'static str, object: &str) -> Result<Option<Value>, Error> {
        match self.call(Call { method: Method::GET, path, accept, body: None }, object).await {
            Ok(body) => Ok(Some(body)),
            Err(Error::Absent { .. }) => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// One object, as a list of none or one.
    async fn one(&self, path: String, kind: &'static str) -> Result<Vec<Value>, Error> {
        Ok(self.get(&path, JSON, &path).await?.into_iter().map(|object| of_kind(object, kind)).collect())
    }

    /// All pages of a list.
    async fn all(&self, path: String, accept: &'static str, kind: &'static str) -> Result<Vec<Value>, Error> {
        let mut found = Vec::new();
        let mut token = String::new();
        loop {
            let page = if token.is_empty() { path.clone() } else { format!("{path}&continue={token}") };
            let Some(mut body) = self.get(&page, accept, &path).await? else { return Ok(found) };
            if let Value::Array(items) = body["items"].take() {
                found.extend(items.into_iter().map(|item| of_kind(item, kind)));
            }
            match body["metadata"]["continue"].as_str() {
                Some(next) if !next.is_empty() => token = url::form_urlencoded::byte_serialize(next.as_bytes()).collect(),
                _ => return Ok(found),
            }
        }
    }

    async fn some(&self, wanted: Wanted) -> Result<Vec<Value>, Error> {
        match wanted {
            Wanted::One(path, kind) => self.one(path, kind).await,
            Wanted::All(path, kind) => self.all(path, JSON, kind).await,
        }
    }

    fn understand(&self, error: kube::Error, object: &str) -> Error {
        let status = match error {
            kube::Error::Api(status) => status,
            kube::Error::Service(source) => return Error::Unreachable { server: self.server.clone(), source },
            kube::Error::HyperError(source) => {
                return Error::Unreachable { server: self.server.clone(), source: source.into() };
            }
            other => return Error::ReadAnswer { reason: other.to_string() },
        };
        let (object, message) = (object.to_owned(), status.message.clone());
        match StatusCode::from_u16(status.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR) {
            StatusCode::UNAUTHORIZED => Error::Unauthorized { message },
            StatusCode::FORBIDDEN => Error::Forbidden { message },
            StatusCode::NOT_FOUND => Error::Absent { object },
            StatusCode::CONFLICT => Error::Conflict { object },
            StatusCode::TOO_MANY_REQUESTS => {
                let seconds = status.details.as_ref().map_or(0, |details| details.retry_after_seconds);
                let wait = u64::from(seconds);
                Error::Throttled { message, wait: (wait > 0).then(|| Duration::from_secs(wait)) }
            }
            code if code.is_client_error() => Error::Refused { object, status: status.code, message },
            _ => Error::Server { status: status.code, message },
        }
    }
}

struct Call<'a> {
    method: Method,
    path: &'a str,
    accept: &'static str,
    /// Content type and content.
    body: Option<(&'static str, &'a Value)>,
}

enum Wanted {
    One(String, &'static str),
    All(String, &'static str),
}

/// What the view of the agents is made of, but for the nodes; asked for side by side, so it takes one round trip.
fn wanted() -> Vec<Wanted> {
    let apps = |resource: &str, name: &str| format!("/apis/apps/v1/namespaces/{KUBE_SYSTEM}/{resource}s/{name}");
    let core = |rest: &str| format!("/api/v1/namespaces/{KUBE_SYSTEM}/{rest}");
    let mut all: Vec<Wanted> =
        Workload::ALL.map(|workload| Wanted::One(apps(workload.resource(), workload.name()), workload.kind())).into();
    all.push(Wanted::One(apps("daemonset", CILIUM), "DaemonSet"));
    all.push(Wanted::One(core(&format!("services/{OBSERVABILITY_SERVICE}")), "Service"));
    for selector in ["rsName%3Dama-metrics", "dsName%3Dama-metrics-node"] {
        all.push(Wanted::All(core(&format!("pods?labelSelector={selector}&{PAGE}")), "Pod"));
    }
    all
}

/// Items of a list come without their kind.
fn of_kind(mut object: Value, kind: &str) -> Value {
    if object.is_object() && object["kind"].is_null() {
        object["kind"] = Value::from(kind);
    }
    object
}

/// Leaves of a kubeconfig only what ARM has business putting there: server, CA, and a token or a certificate as data. Without a
/// usable current context the first one is taken.
fn make_harmless(file: &mut Kubeconfig, bearer: Option<&Secret>) {
    let named =
        |file: &Kubeconfig| file.current_context.as_ref().is_some_and(|name| file.contexts.iter().any(|one| &one.name == name));
    if !named(file) {
        file.current_context = file.contexts.first().map(|context| context.name.clone());
    }
    for cluster in file.clusters.iter_mut().filter_map(|named| named.cluster.as_mut()) {
        cluster.certificate_authority = None;
        cluster.proxy_url = None;
    }
    for user in &mut file.auth_infos {
        let given = user.auth_info.take().unwrap_or_default();
        user.auth_info = Some(match bearer {
            Some(token) => AuthInfo { token: Some(token.expose().to_owned().into()), ..AuthInfo::default() },
            None => AuthInfo {
                token: given.token,
                client_certificate_data: given.client_certificate_data,
                client_key_data: given.client_key_data,
                ..AuthInfo::default()
            },
        });
    }
}

#[async_trait]
impl Access for ApiServer {
    async fn config_map(&self, namespace: &str, name: &str) -> Result<Option<ConfigMap>, Error> {
        let path = format!("/api/v1/namespaces/{}/configmaps/{}", legal(namespace)?, legal(name)?);
        let body = self.get(&path, JSON, name).await?;
        body.map(|body| ConfigMap::read(of_kind(body, "ConfigMap"))).transpose()
    }

    async fn write_config_map(&self, map: &ConfigMap) -> Result<ConfigMap, Error> {
        let (namespace, name) = map.path()?;
        let all = format!("/api/v1/namespaces/{namespace}/configmaps?fieldManager={FIELD_MANAGER}");
        let one = format!("/api/v1/namespaces/{namespace}/configmaps/{name}?fieldManager={FIELD_MANAGER}");
        let (method, path) = if map.resource_version().is_some() { (Method::PUT, one) } else { (Method::POST, all) };
        let call = Call { method, path: &path, accept: JSON, body: Some((JSON, map.body())) };
        let written = match self.call(call, name).await {
            // It was there when it was read, so somebody removed it: read again.
            Err(Error::Absent { object }) if map.resource_version().is_some() => return Err(Error::Conflict { object }),
            other => other?,
        };
        ConfigMap::read(of_kind(written, "ConfigMap"))
    }

    async fn agents(&self) -> Result<AgentView, Error> {
        let nodes = format!("/api/v1/nodes?labelSelector=kubernetes.io%2Fos%3Dlinux&{PAGE}");
        let found = try_join_all(wanted().into_iter().map(|one| self.some(one)));
        let (found, nodes) = join(found, self.all(nodes, NAMES_ONLY, "Node")).await;
        let nodes = match nodes {
            Err(Error::Forbidden { .. }) => None,
            other => Some(other?.len()),
        };
        Ok(AgentView::read(&found?.concat(), nodes))
    }

    async fn monitors(&self) -> Result<Vec<Value>, Error> {
        let list = |plural: &str| format!("/apis/azmonitoring.coreos.com/v1/{plural}?{PAGE}");
        let pods = self.all(list("podmonitors"), JSON, "PodMonitor").await?;
        Ok([pods, self.all(list("servicemonitors"), JSON, "ServiceMonitor").await?].concat())
    }

    async fn restart(&self, workload: Workload, at: Timestamp) -> Result<(), Error> {
        let path = format!(
            "/apis/apps/v1/namespaces/{KUBE_SYSTEM}/{}s/{}?fieldManager={FIELD_MANAGER}",
            workload.resource(),
            workload.name()
        );
        let annotation = json!({"kubectl.kubernetes.io/restartedAt": at.to_string()});
        let change = json!({"spec": {"template": {"metadata": {"annotations": annotation}}}});
        let call = Call { method: Method::PATCH, path: &path, accept: JSON, body: Some((MERGE_PATCH, &change)) };
        self.call(call, &workload.to_string()).await.map(drop)
    }
}

#[cfg(test)]
mod tests;
