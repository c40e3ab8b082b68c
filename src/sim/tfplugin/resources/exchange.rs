//! The resources against a small ARM of this test's own: a table of bodies, with operations that take two looks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header::HeaderName};
use axum::response::{IntoResponse, Response};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::sim::tfplugin::arm::Account;
use crate::sim::tfplugin::plan::plan;

/// What the small ARM holds.
#[derive(Default)]
struct World {
    bodies: BTreeMap<String, Json>,
    /// `METHOD path` of every request but the looks at operations.
    log: Vec<String>,
    looks: u32,
    /// How an operation ends: its last answer.
    end: Option<Json>,
    /// Refuses every write with this.
    refusal: Option<(u16, Json)>,
    address: String,
}

type Shared = Arc<Mutex<World>>;

async fn serve(State(world): State<Shared>, request: Request) -> Response {
    let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
    let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap();
    let mut world = world.lock().unwrap();
    if path.ends_with("/token") {
        return axum::Json(json!({"access_token": "t", "expires_in": 3600})).into_response();
    }
    if path == "/operation" {
        world.looks += 1;
        let running = json!({"status": "InProgress"});
        let answer = if world.looks % 2 == 1 { running } else { world.end.clone().unwrap_or(running) };
        return ([(HeaderName::from_static("retry-after-ms"), "1")], axum::Json(answer)).into_response();
    }
    world.log.push(format!("{method} {path}"));
    if let (true, Some((status, body))) = (method == "PUT", &world.refusal) {
        return (StatusCode::from_u16(*status).unwrap(), axum::Json(body.clone())).into_response();
    }
    match method.as_str() {
        "GET" => match world.bodies.get(&path) {
            Some(body) => axum::Json(body.clone()).into_response(),
            None => (StatusCode::NOT_FOUND, axum::Json(json!({"error": {"code": "NotFound", "message": "no"}}))).into_response(),
        },
        "PUT" => {
            let body: Json = serde_json::from_slice(&body).unwrap();
            world.bodies.insert(path, body.clone());
            let operation = format!("{}/operation", world.address);
            let headers = [
                (HeaderName::from_static("azure-asyncoperation"), operation),
                (HeaderName::from_static("retry-after-ms"), "1".into()),
            ];
            (StatusCode::CREATED, headers, axum::Json(body)).into_response()
        }
        "DELETE" => {
            world.bodies.remove(&path);
            StatusCode::NO_CONTENT.into_response()
        }
        _ => StatusCode::FORBIDDEN.into_response(),
    }
}

/// An ARM, a client for it, and the way to stop the client.
async fn start() -> (Shared, Arm, CancellationToken) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let world: Shared = Arc::new(Mutex::new(World { address: address.clone(), ..World::default() }));
    world.lock().unwrap().end = Some(json!({"status": "Succeeded"}));
    let router = Router::new().fallback(serve).with_state(Arc::clone(&world));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let stop = CancellationToken::new();
    let arm = Arm::new(Account::at(&address), stop.clone());
    (world, arm, stop)
}

fn kind(name: &str) -> &'static Kind {
    Kind::of(name).unwrap()
}

fn planned(kind: &Kind, prior: &Value, config: &Json) -> Value {
    plan(kind.table, prior, &Value::from_json(config).fitted(kind.table)).state
}

fn grafana() -> Json {
    json!({
        "name": "g", "resource_group_name": "rg", "location": "westeurope", "grafana_major_version": "12",
        "identity": [{"type": "SystemAssigned"}], "azure_monitor_workspace_integrations": [{"resource_id": "/amw"}]
    })
}

fn cluster() -> Json {
    json!({
        "name": "c", "resource_group_name": "rg", "location": "westeurope", "dns_prefix": "c",
        "identity": [{"type": "SystemAssigned"}], "node_provisioning_profile": [{"mode": "Manual"}],
        "default_node_pool": [{"name": "system", "vm_size": "D4", "node_count": 3}], "monitor_metrics": [{}],
        "network_profile": [{"network_plugin": "azure", "network_data_plane": "cilium",
            "advanced_networking": [{"observability_enabled": true}]}]
    })
}

const GRAFANA_ID: &str = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Dashboard/grafana/g";
const CLUSTER_ID: &str = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/c";

#[tokio::test]
async fn a_grafana_lives_and_dies() {
    let (world, arm, _) = start().await;
    let kind = kind("azurerm_dashboard_grafana");
    let first = planned(kind, &Value::Null, &grafana());
    let state = kind.create(&arm, &first).await.unwrap();
    assert_eq!(state.get("id").text(), Some(GRAFANA_ID));
    let again = kind.create(&arm, &first).await.unwrap_err().to_string();
    assert!(again.starts_with(&format!("a resource with the ID \"{GRAFANA_ID}\" already exists - to be managed via Terraform")));

    let mut unlinked = grafana();
    unlinked["azure_monitor_workspace_integrations"] = json!([]);
    let state = kind.update(&arm, &state, &planned(kind, &state, &unlinked)).await.unwrap();
    let links = world.lock().unwrap().bodies[GRAFANA_ID]["properties"]["grafanaIntegrations"].clone();
    assert_eq!(links, json!({"azureMonitorWorkspaceIntegrations": []}));

    kind.delete(&arm, &state, Features { keep_full_groups: true }).await.unwrap();
    assert_eq!(kind.read(&arm, &state).await.unwrap(), None);
}

#[tokio::test]
async fn a_cluster_is_written_as_azurerm_writes_it() {
    let (world, arm, _) = start().await;
    let kind = kind("azurerm_kubernetes_cluster");
    let state = kind.create(&arm, &planned(kind, &Value::Null, &cluster())).await.unwrap();
    let body = world.lock().unwrap().bodies[CLUSTER_ID].clone();
    assert_eq!(body["sku"], json!({"tier": "Free", "name": "Base"}));
    assert_eq!(body["properties"]["servicePrincipalProfile"], json!({"clientId": "msi"}));
    assert_eq!(
        body["properties"]["azureMonitorProfile"]["metrics"],
        json!({"enabled": true, "kubeStateMetrics": {"metricAnnotationsAllowList": "", "metricLabelsAllowlist": ""}})
    );
    assert_eq!(state.get("service_principal").items(), []);
    assert_eq!(state.get("kube_config").items(), [], "a refused kubeconfig is an empty list");

    // What the program wrote beside Terraform's objects goes when Terraform rebuilds them, and only then.
    {
        let mut world = world.lock().unwrap();
        let properties = &mut world.bodies.get_mut(CLUSTER_ID).unwrap()["properties"];
        properties["azureMonitorProfile"]["containerInsights"] = json!({"enabled": true});
        properties["networkProfile"]["advancedNetworking"]["performance"] = json!({"accelerationMode": "BpfVeth"});
    }
    let mut off = cluster();
    off["monitor_metrics"] = json!([]);
    let state = kind.update(&arm, &state, &planned(kind, &state, &off)).await.unwrap();
    let body = world.lock().unwrap().bodies[CLUSTER_ID].clone();
    assert_eq!(body["properties"]["azureMonitorProfile"], json!({"metrics": {"enabled": false}}));
    assert_eq!(body["properties"]["networkProfile"]["advancedNetworking"]["performance"]["accelerationMode"], "BpfVeth");
    off["network_profile"][0]["advanced_networking"] = json!([]);
    kind.update(&arm, &state, &planned(kind, &state, &off)).await.unwrap();
    let body = world.lock().unwrap().bodies[CLUSTER_ID].clone();
    let silent = json!({"enabled": false, "observability": {"enabled": false}, "security": {"enabled": false}});
    assert_eq!(body["properties"]["networkProfile"]["advancedNetworking"], silent);
}

#[tokio::test]
async fn a_pool_is_scaled_in_place_and_its_machines_rotate() {
    let (world, arm, _) = start().await;
    let kind = kind("azurerm_kubernetes_cluster");
    let state = kind.create(&arm, &planned(kind, &Value::Null, &cluster())).await.unwrap();
    let pool = format!("{CLUSTER_ID}/agentPools/system");
    world.lock().unwrap().bodies.insert(pool.clone(), json!({"name": "system", "properties": {"count": 3, "vmSize": "D4"}}));
    world.lock().unwrap().log.clear();
    let mut more = cluster();
    more["default_node_pool"][0]["node_count"] = json!(5);
    kind.update(&arm, &state, &planned(kind, &state, &more)).await.unwrap();
    assert_eq!(world.lock().unwrap().bodies[&pool]["properties"], json!({"count": 5, "vmSize": "D4"}));
    assert!(!world.lock().unwrap().log.contains(&format!("PUT {CLUSTER_ID}")), "the cluster itself did not change");

    let mut bigger = cluster();
    bigger["default_node_pool"][0]["vm_size"] = json!("D8");
    let refused = kind.update(&arm, &state, &planned(kind, &state, &bigger)).await.unwrap_err();
    assert!(matches!(refused, ResourceError::Rotation(names) if names == "vm_size"));
    bigger["default_node_pool"][0]["temporary_name_for_rotation"] = json!("tmp");
    world.lock().unwrap().log.clear();
    kind.update(&arm, &state, &planned(kind, &state, &bigger)).await.unwrap();
    let writes: Vec<String> = world.lock().unwrap().log.iter().filter(|line| !line.starts_with("GET")).cloned().collect();
    let temporary = format!("{CLUSTER_ID}/agentPools/tmp");
    let expected = [format!("PUT {temporary}"), format!("DELETE {pool}"), format!("PUT {pool}"), format!("DELETE {temporary}")];
    assert_eq!(writes[..4], expected);
}

#[tokio::test]
async fn a_full_group_is_kept_unless_told_otherwise() {
    let (world, arm, _) = start().await;
    let kind = kind("azurerm_resource_group");
    let state = kind.create(&arm, &planned(kind, &Value::Null, &json!({"name": "rg", "location": "westeurope"}))).await.unwrap();
    let group = "/subscriptions/s/resourceGroups/rg";
    world.lock().unwrap().bodies.insert(format!("{group}/resources"), json!({"value": [{"id": GRAFANA_ID}]}));
    let kept = kind.delete(&arm, &state, Features { keep_full_groups: true }).await.unwrap_err().to_string();
    assert!(kept.contains("still contains Resources") && kept.contains(GRAFANA_ID));
    kind.delete(&arm, &state, Features { keep_full_groups: false }).await.unwrap();
    assert!(!world.lock().unwrap().bodies.contains_key(group));
}

#[tokio::test]
async fn errors_read_as_azurerms() {
    let (world, arm, _) = start().await;
    let kind = kind("azurerm_dashboard_grafana");
    let first = planned(kind, &Value::Null, &grafana());
    world.lock().unwrap().refusal = Some((409, json!({"code": "OperationNotAllowed", "message": "in progress"})));
    let refused = kind.create(&arm, &first).await.unwrap_err();
    insta::assert_snapshot!(refused, @r#"
    creating Grafana (Subscription: "s"
    Resource Group Name: "rg"
    Grafana Name: "g"): performing Create: unexpected status 409 (409 Conflict) with error: OperationNotAllowed: in progress
    "#);
    world.lock().unwrap().refusal = None;
    world.lock().unwrap().end = Some(json!({"status": "Failed", "error": {"code": "Quota", "message": "none left"}}));
    let failed = kind.create(&arm, &first).await.unwrap_err();
    insta::assert_snapshot!(failed, @r#"
    creating Grafana (Subscription: "s"
    Resource Group Name: "rg"
    Grafana Name: "g"): performing Create: polling failed: the Azure API returned the following error:

    Status: "Failed"
    Code: "Quota"
    Message: "none left"
    "#);
}

#[tokio::test]
async fn a_stop_ends_the_wait() {
    let (world, arm, stop) = start().await;
    world.lock().unwrap().end = None;
    let kind = kind("azurerm_dashboard_grafana");
    let first = planned(kind, &Value::Null, &grafana());
    let creation = kind.create(&arm, &first);
    let looking = async {
        while world.lock().unwrap().looks == 0 {
            tokio::task::yield_now().await;
        }
        stop.cancel();
    };
    let (outcome, ()) = tokio::join!(creation, looking);
    assert!(outcome.unwrap_err().to_string().ends_with("context canceled"));
}
