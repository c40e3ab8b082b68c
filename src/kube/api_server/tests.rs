//! Against a server of its own: TLS with a private CA, below a path, with a token that it wants to see.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request as Asked, State};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::*;
use crate::base::Class;

const MAP: &str = "/prefix/api/v1/namespaces/kube-system/configmaps/m";

/// Answers by method and path, and what was asked for.
#[derive(Clone, Default)]
struct Cluster {
    answers: Arc<Mutex<BTreeMap<String, (u16, Value)>>>,
    asked: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Cluster {
    fn answer(&self, method: &str, path: &str, status: u16, body: Value) {
        self.answers.lock().unwrap().insert(format!("{method} {path}"), (status, body));
    }

    fn refuse(&self, method: &str, path: &str, status: u16) {
        let body = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": "no", "reason": "x", "code": status});
        self.answer(method, path, status, body);
    }
}

async fn serve(State(cluster): State<Cluster>, asked: Asked) -> Response {
    let (parts, body) = asked.into_parts();
    let query = parts.uri.query().unwrap_or_default();
    let next = query.split('&').find(|pair| pair.starts_with("continue=")).map(|pair| format!("?{pair}")).unwrap_or_default();
    let key = format!("{} {}{next}", parts.method, parts.uri.path());
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let body = serde_json::from_slice(&bytes).unwrap_or_default();
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    cluster.asked.lock().unwrap().push((format!("{key}?{query} {}", header("content-type")), body));
    let absent = (
        404,
        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": "absent", "reason": "NotFound", "code": 404}),
    );
    let refused = (
        401,
        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": "Unauthorized", "reason": "Unauthorized", "code": 401}),
    );
    let (status, body) = if header("authorization") == "Bearer token-1" {
        cluster.answers.lock().unwrap().get(&key).cloned().unwrap_or(absent)
    } else {
        refused
    };
    (StatusCode::from_u16(status).unwrap(), axum::Json(body)).into_response()
}

/// Starts the server and returns the kubeconfig that ARM would hand out for an Entra cluster.
async fn start(cluster: Cluster) -> String {
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::default();
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = parameters.self_signed(&authority_key).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let issuer = rcgen::Issuer::from_params(&parameters, &authority_key);
    let leaf = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let tls = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![leaf.der().clone()], private).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let app = Router::new().fallback(serve).with_state(cluster);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, app) = (acceptor.clone(), app.clone());
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let service = TowerToHyperService::new(app);
                let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                connection.await.unwrap_or_default();
            });
        }
    });
    let ca = STANDARD.encode(authority.pem());
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters:\n- name: c\n  cluster:\n    server: https://localhost:{port}/prefix\n    \
         certificate-authority-data: {ca}\ncontexts:\n- name: c\n  context: {{cluster: c, user: u}}\nusers:\n- name: u\n  user:\n    exec:\n      \
         apiVersion: client.authentication.k8s.io/v1beta1\n      command: /does/not/exist/kubelogin\n"
    )
}

async fn connect(cluster: &Cluster) -> ApiServer {
    let kubeconfig = start(cluster.clone()).await;
    ApiServer::connect(&Secret::new(kubeconfig), Some(&Secret::new("token-1".to_owned()))).await.unwrap()
}

fn map(version: &str) -> Value {
    json!({"kind": "ConfigMap", "apiVersion": "v1", "data": {"a": "1"}, "binaryData": {"theirs": "AA=="},
        "metadata": {"name": "m", "namespace": "kube-system", "resourceVersion": version, "annotations": {"theirs": "yes"}}})
}

#[tokio::test]
async fn a_map_is_written_back_whole_and_with_its_version() {
    let cluster = Cluster::default();
    let access = connect(&cluster).await;
    assert_eq!(access.config_map("kube-system", "m").await.unwrap(), None);
    cluster.answer("GET", MAP, 200, map("7"));
    cluster.answer("PUT", MAP, 200, map("8"));
    let found = access.config_map("kube-system", "m").await.unwrap().unwrap();
    let written = access.write_config_map(&found.with_data(&BTreeMap::from([("b".to_owned(), "2".to_owned())]))).await.unwrap();
    assert_eq!(written.resource_version(), Some("8"));
    let asked = cluster.asked.lock().unwrap();
    let mut expected = map("7");
    expected["data"] = json!({"b": "2"});
    assert_eq!(asked.last().unwrap(), &(format!("PUT {MAP}?fieldManager=aksight application/json"), expected));
}

#[tokio::test]
async fn whoever_was_faster_is_a_conflict() {
    let cluster = Cluster::default();
    let access = connect(&cluster).await;
    cluster.answer("GET", MAP, 200, map("7"));
    let found = access.config_map("kube-system", "m").await.unwrap().unwrap();
    cluster.refuse("PUT", MAP, 409);
    assert_eq!(access.write_config_map(&found).await.unwrap_err().class(), Class::Conflict);
    cluster.refuse("PUT", MAP, 404);
    assert_eq!(access.write_config_map(&found).await.unwrap_err().class(), Class::Conflict);
    cluster.refuse("POST", "/prefix/api/v1/namespaces/kube-system/configmaps", 409);
    let new = ConfigMap::new("kube-system", "m");
    assert_eq!(access.write_config_map(&new).await.unwrap_err().class(), Class::Conflict);
}

#[tokio::test]
async fn refusals_have_their_classes() {
    let cluster = Cluster::default();
    let access = connect(&cluster).await;
    let table = [
        (401, Class::Credential),
        (403, Class::Permission),
        (422, Class::Refused),
        (429, Class::Throttled(None)),
        (500, Class::Transient),
        (503, Class::Transient),
    ];
    for (status, class) in table {
        cluster.refuse("GET", MAP, status);
        assert_eq!(access.config_map("kube-system", "m").await.unwrap_err().class(), class, "{status}");
    }
    cluster.answer("GET", MAP, 200, json!({"kind": "ConfigMap", "metadata": {}}));
    assert!(matches!(access.config_map("kube-system", "m").await, Err(Error::ReadAnswer { .. })));
}

#[tokio::test]
async fn the_exec_plugin_is_never_used() {
    let kubeconfig = Secret::new(start(Cluster::default()).await);
    let access = ApiServer::connect(&kubeconfig, None).await.unwrap();
    assert_eq!(access.config_map("kube-system", "m").await.unwrap_err().class(), Class::Credential);
    assert!(!format!("{access:?}").contains("token"));
}

#[tokio::test]
async fn nobody_at_home_is_unreachable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let kubeconfig = start(Cluster::default()).await;
    let line = kubeconfig.lines().find(|line| line.contains("server:")).unwrap().to_owned();
    let closed = kubeconfig.replace(&line, &format!("    server: https://localhost:{port}/prefix"));
    let access = ApiServer::connect(&Secret::new(closed), None).await.unwrap();
    let error = access.config_map("kube-system", "m").await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    assert!(matches!(ApiServer::connect(&Secret::new("{".to_owned()), None).await, Err(Error::Kubeconfig { .. })));
}

#[tokio::test]
async fn the_agents_are_gathered_from_all_pages() {
    let cluster = Cluster::default();
    let access = connect(&cluster).await;
    let apps = "/prefix/apis/apps/v1/namespaces/kube-system";
    cluster.answer(
        "GET",
        &format!("{apps}/daemonsets/ama-metrics-node"),
        200,
        json!({"kind": "DaemonSet", "metadata": {"name": "ama-metrics-node"}, "status": {"desiredNumberScheduled": 2, "numberReady": 2}}),
    );
    let pod = |name: &str| json!({"metadata": {"name": name, "labels": {"dsName": "ama-metrics-node"}}, "status": {}});
    cluster.answer(
        "GET",
        "/prefix/api/v1/namespaces/kube-system/pods",
        200,
        json!({"kind": "PodList", "items": [pod("a"), pod("b")]}),
    );
    cluster.answer("GET", "/prefix/api/v1/nodes", 200, json!({"kind": "PartialObjectMetadataList", "items": [{}, {}, {}]}));
    let view = access.agents().await.unwrap();
    assert_eq!((view.linux_nodes, view.pods.len(), view.hubble_port), (3, 2, false));
    assert_eq!(view.workloads.keys().collect::<Vec<_>>(), [&Workload::Node]);
    // AKS RBAC Writer ends at namespaces: the node agent's own count serves.
    cluster.answer(
        "GET",
        "/prefix/api/v1/nodes",
        403,
        json!({"kind": "Status", "status": "Failure", "reason": "Forbidden", "code": 403,
        "message": "nodes is forbidden: User \"u\" cannot list resource \"nodes\" in API group \"\" at the cluster scope"}),
    );
    assert_eq!(access.agents().await.unwrap().linux_nodes, 2);
}

#[tokio::test]
async fn a_restart_marks_the_template() {
    let cluster = Cluster::default();
    let access = connect(&cluster).await;
    let path = "/prefix/apis/apps/v1/namespaces/kube-system/daemonsets/ama-metrics-node";
    cluster.answer("PATCH", path, 200, json!({"kind": "DaemonSet", "metadata": {}}));
    access.restart(Workload::Node, "2026-11-20T10:00:00Z".parse().unwrap()).await.unwrap();
    let (asked, body) = cluster.asked.lock().unwrap().last().unwrap().clone();
    assert_eq!(asked, format!("PATCH {path}?fieldManager=aksight application/merge-patch+json"));
    let pointer = "/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt";
    assert_eq!(body.pointer(pointer), Some(&json!("2026-11-20T10:00:00Z")));
}
