//! The HTTP face of a Grafana.

use serde_json::{Value, json};

use super::state::{Instance, Source, identity};
use super::{dashboards, frames};
use crate::sim::effects::access::{Caller, grafana_role};
use crate::sim::planes::exchange::{Answer, Request};
use crate::sim::planes::{Planes, View};
use crate::sim::prometheus::api::{may_read, query_api};
use crate::sim::prometheus::store::Workspace;

const LOGIN_PAGE: &str = "<!DOCTYPE html><html><head><title>Sign in to your account</title></head><body>Sign in</body></html>";

/// Answers a request to the Grafana of this lower-case id. No caller means no token, or one for another audience.
pub fn answer(planes: &mut Planes, view: &View, grafana: &str, caller: Option<&Caller>, request: &Request) -> Answer {
    let Some(body) = view.resources.get(grafana) else { return not_found() };
    let segments = request.segments();
    if segments.as_slice() == ["api", "health"] {
        return Answer::json(200, &json!({"database": "ok", "version": version(body), "commit": "unknown"}));
    }
    let Some(caller) = caller else {
        return Answer::json(401, &json!({"message": "Unauthorized", "messageId": "auth.unauthorized", "statusCode": 401}));
    };
    // Somebody without a role is sent to the sign-in page instead of being refused (contract §6.5).
    let Some(role) = grafana_role(view.resources, caller, grafana, view.now, view.delays.roles) else {
        return Answer::html(200, LOGIN_PAGE);
    };
    match (request.method.as_str(), segments.as_slice()) {
        ("GET", ["api", "user"]) => Answer::json(
            200,
            &json!({"id": 2, "login": caller.name, "email": caller.name, "name": caller.name, "orgId": 1, "isGrafanaAdmin": false}),
        ),
        ("GET", ["api", "user", "orgs"]) => Answer::json(200, &json!([{"orgId": 1, "name": "Main Org.", "role": role}])),
        ("GET", ["api", "org"]) => Answer::json(200, &json!({"id": 1, "name": "Main Org."})),
        ("POST", ["api", "folders"] | ["api", "dashboards", "db"]) if role == "Viewer" => Answer::json(
            403,
            &json!({"message": "You'll need additional permissions to perform this action.", "title": "Access denied"}),
        ),
        ("POST", ["api", rest @ ("folders" | "dashboards"), ..]) => write(planes, view, grafana, rest, request),
        (_, ["api", "datasources", ..] | ["api", "ds", "query"]) => data(planes, view, grafana, body, request),
        ("GET", _) => planes.grafana(grafana).map_or_else(not_found, |instance| content(instance, view, request)),
        _ => not_found(),
    }
}

fn not_found() -> Answer {
    Answer::json(404, &json!({"message": "Not found"}))
}

fn version(body: &Value) -> String {
    let full = body.pointer("/properties/grafanaVersion").and_then(Value::as_str).filter(|text| text.contains('.'));
    let major = body.pointer("/properties/grafanaMajorVersion").and_then(Value::as_str).unwrap_or("12");
    full.map_or_else(|| format!("{major}.2.1"), str::to_owned)
}

fn write(planes: &mut Planes, view: &View, grafana: &str, what: &str, request: &Request) -> Answer {
    let (Some(instance), Some(body)) = (planes.grafana_mut(grafana), request.document()) else {
        return Answer::json(400, &json!({"message": "bad request data"}));
    };
    match (what, request.segments().len()) {
        ("folders", 2) => dashboards::create_folder(instance, view.now, &body),
        ("dashboards", 3) => dashboards::save(instance, view.now, &body),
        _ => not_found(),
    }
}

fn content(instance: &Instance, view: &View, request: &Request) -> Answer {
    match request.segments().as_slice() {
        ["api", "folders"] => dashboards::folders(instance, view.now),
        ["api", "folders", uid] => dashboards::folder(instance, view.now, uid),
        ["api", "search"] => dashboards::search(instance, view.now, request),
        ["api", "dashboards", "uid", uid] => dashboards::dashboard(instance, view.now, uid),
        _ => not_found(),
    }
}

/// Data sources, and queries through them with Grafana's own identity.
fn data(planes: &Planes, view: &View, grafana: &str, body: &Value, request: &Request) -> Answer {
    let Some(instance) = planes.grafana(grafana) else { return not_found() };
    let sources = instance.sources(view.now);
    let find = |uid: &str| sources.iter().find(|source| source.uid == uid);
    let allowed = |source: &Source| identity(body).is_some_and(|grafana| may_read(view, &grafana, &source.workspace));
    let open = |uid: &str| match find(uid) {
        None => Err((404, "data source not found".to_owned())),
        Some(source) if !allowed(source) => {
            Err((403, "client error: 403: the data source's identity is not authorized to query the workspace".to_owned()))
        }
        Some(source) => Ok(source),
    };
    match request.segments().as_slice() {
        ["api", "datasources"] => {
            let mut all: Vec<Value> = sources.iter().map(|source| described(view, source)).collect();
            all.push(azure_monitor());
            Answer::json(200, &json!(all))
        }
        ["api", "datasources", "uid", "azure-monitor-oob"] => Answer::json(200, &azure_monitor()),
        ["api", "datasources", "uid", uid] => {
            find(uid).map_or_else(not_found, |source| Answer::json(200, &described(view, source)))
        }
        ["api", "datasources", "uid", uid, "health"] => match open(uid) {
            Ok(_) => Answer::json(200, &json!({"status": "OK", "message": "Successfully queried the Prometheus API."})),
            Err((404, _)) => not_found(),
            Err((_, message)) => Answer::json(400, &json!({"status": "ERROR", "message": message})),
        },
        ["api", "datasources", "uid", uid, "resources", rest @ ..] | ["api", "datasources", "proxy", "uid", uid, rest @ ..] => {
            match open(uid) {
                Ok(source) => {
                    let inner = Request { path: format!("/{}", rest.join("/")), ..request.clone() };
                    query_api(planes, view, &source.workspace, &inner)
                }
                Err((status, message)) => Answer::json(
                    status,
                    &json!({"status": "error", "errorType": "forbidden", "error": message, "message": message}),
                ),
            }
        }
        ["api", "ds", "query"] => {
            let store = |uid: &str| open(uid).map(|source| Workspace::new(planes, view, &source.workspace));
            request.document().map_or_else(not_found, |body| frames::answer(&body, view.now, &store))
        }
        _ => not_found(),
    }
}

fn described(view: &View, source: &Source) -> Value {
    let endpoint = view
        .resources
        .get(&source.workspace)
        .and_then(|body| body.pointer("/properties/metrics/prometheusQueryEndpoint")?.as_str())
        .unwrap_or_default();
    json!({
        "uid": source.uid, "orgId": 1, "name": source.name, "type": "prometheus", "typeName": "Prometheus", "access": "proxy",
        "url": endpoint, "isDefault": false, "readOnly": false,
        "jsonData": {"azureCredentials": {"authType": "msi"}, "httpMethod": "POST", "timeInterval": "30s"},
    })
}

fn azure_monitor() -> Value {
    json!({
        "uid": "azure-monitor-oob", "orgId": 1, "name": "Azure Monitor", "type": "grafana-azure-monitor-datasource", "access": "proxy", "url": "",
        "isDefault": false, "readOnly": false, "jsonData": {"azureAuthType": "msi"},
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::effects::Resources;
    use crate::sim::effects::access::role;
    use crate::sim::effects::chain::sample::{WORKSPACE, resources};
    use crate::sim::effects::delays::Delays;
    use crate::sim::planes::sample::{settled, t};

    const GRAFANA: &str = "/subscriptions/s1/resourcegroups/rg1/providers/microsoft.dashboard/grafana/g1";

    fn grant(world: &mut Resources, scope: &str, name: &str, role: &str, principal: &str) {
        world.insert(
            format!("{scope}/providers/microsoft.authorization/roleassignments/{name}"),
            json!({"properties": {"roleDefinitionId": role, "principalId": principal, "createdOn": t(0).to_string()}}),
        );
    }

    fn world() -> Resources {
        let mut world = resources(true);
        world.insert(GRAFANA.into(), json!({"id": GRAFANA, "identity": {"type": "SystemAssigned", "principalId": "msi"}, "properties": {
            "grafanaIntegrations": {"azureMonitorWorkspaceIntegrations": [{"azureMonitorWorkspaceResourceId": WORKSPACE.to_uppercase()}]}}}));
        grant(&mut world, GRAFANA, "a", role::GRAFANA[0].0, "me");
        grant(&mut world, GRAFANA, "v", role::GRAFANA[2].0, "viewer");
        grant(&mut world, WORKSPACE, "m", role::MONITORING_DATA_READER, "msi");
        world
    }

    struct Rig {
        world: Resources,
        planes: Planes,
    }

    impl Rig {
        fn new(world: Resources) -> Self {
            Self { planes: settled(&world, 600), world }
        }

        fn ask(&mut self, who: &str, method: &str, target: &str, body: &Value) -> Answer {
            let (path, query) = target.split_once('?').unwrap_or((target, ""));
            let request = Request {
                method: method.into(),
                path: path.into(),
                query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
                content_type: "application/json".into(),
                body: body.to_string().into_bytes(),
                ..Request::default()
            };
            let delays = Delays::at_pace(1.0);
            let view = View { resources: &self.world, now: t(600), delays: &delays };
            let caller = Caller { oid: who.into(), groups: Vec::new(), name: who.into() };
            answer(&mut self.planes, &view, GRAFANA, (who != "nobody").then_some(&caller), &request)
        }

        fn get(&mut self, target: &str) -> Answer {
            self.ask("me", "GET", target, &Value::Null)
        }

        fn source(&mut self) -> String {
            self.get("/api/datasources").document()[0]["uid"].as_str().unwrap().to_owned()
        }
    }

    #[test]
    fn doors() {
        let mut rig = Rig::new(world());
        assert_eq!(rig.ask("nobody", "GET", "/api/health", &Value::Null).status, 200);
        assert_eq!(rig.ask("nobody", "GET", "/api/user", &Value::Null).status, 401);
        assert!(rig.ask("stranger", "GET", "/api/user", &Value::Null).content_type.starts_with("text/html"));
        assert_eq!(rig.ask("viewer", "GET", "/api/user", &Value::Null).document()["login"], "viewer");
        assert_eq!(rig.ask("viewer", "POST", "/api/folders", &json!({"title": "x"})).status, 403);
    }

    #[test]
    fn an_integration_brings_source_folder_and_dashboards() {
        let mut rig = Rig::new(world());
        assert_eq!(rig.get("/api/datasources").document()[0]["name"], "Managed_Prometheus_amw1");
        let found = rig.get("/api/search?type=dash-db&tag=k8s:network-observability").document();
        assert_eq!(found.as_array().unwrap().len(), 6);
        assert_eq!(found[0]["folderTitle"], "Azure Managed Prometheus");
        let uid = found[0]["uid"].as_str().unwrap();
        assert_eq!(rig.get(&format!("/api/dashboards/uid/{uid}")).document()["dashboard"]["gnetId"], 18814);
        let mut bare = world();
        bare.get_mut(GRAFANA).unwrap()["properties"] = json!({});
        let mut rig = Rig::new(bare);
        assert_eq!(rig.get("/api/search").document(), json!([]));
        assert_eq!(rig.get("/api/datasources").document().as_array().unwrap().len(), 1);
    }

    #[test]
    fn queries_use_grafanas_own_identity() {
        let query = |uid: &str| json!({"from": "now-5m", "to": "now", "queries": [{"refId": "A", "datasource": {"uid": uid}, "expr": "count(up)", "instant": true}]});
        let mut rig = Rig::new(world());
        let uid = rig.source();
        assert_eq!(rig.get(&format!("/api/datasources/uid/{uid}/health")).document()["status"], "OK");
        let frames = rig.ask("me", "POST", "/api/ds/query", &query(&uid)).document();
        let value = frames.pointer("/results/A/frames/0/data/values/1/0").and_then(Value::as_f64).unwrap();
        assert!(value > 4.0, "{frames}");
        let names = rig.get(&format!("/api/datasources/uid/{uid}/resources/api/v1/label/__name__/values")).document();
        assert!(names["data"].to_string().contains("hubble_drop_total"));
        let proxied = rig.get(&format!("/api/datasources/proxy/uid/{uid}/api/v1/query?query=count(up)"));
        assert_eq!(proxied.document()["status"], "success");

        let mut forbidden = world();
        forbidden.remove(&format!("{WORKSPACE}/providers/microsoft.authorization/roleassignments/m"));
        let mut rig = Rig::new(forbidden);
        assert_eq!(rig.get(&format!("/api/datasources/uid/{uid}/health")).status, 400);
        assert_eq!(rig.ask("me", "POST", "/api/ds/query", &query(&uid)).document()["results"]["A"]["status"], 403);
        assert_eq!(rig.get(&format!("/api/datasources/uid/{uid}/resources/api/v1/labels")).status, 403);
    }

    #[test]
    fn dashboards_are_saved_with_versions() {
        let mut rig = Rig::new(world());
        let save = |version: u64, overwrite: bool| json!({"dashboard": {"uid": "x", "title": "Mine", "version": version}, "overwrite": overwrite});
        assert_eq!(rig.ask("me", "POST", "/api/dashboards/db", &save(0, false)).document()["version"], 1);
        assert_eq!(rig.ask("me", "POST", "/api/dashboards/db", &save(7, false)).document()["status"], "version-mismatch");
        assert_eq!(rig.ask("me", "POST", "/api/dashboards/db", &save(1, false)).document()["version"], 2);
        assert_eq!(rig.ask("me", "POST", "/api/dashboards/db", &save(0, true)).document()["version"], 3);
        let other = json!({"dashboard": {"uid": "y", "title": "Mine"}});
        assert_eq!(rig.ask("me", "POST", "/api/dashboards/db", &other).document()["status"], "name-exists");
        let uid = rig.get("/api/search?query=DNS").document()[0]["uid"].clone();
        let provisioned = json!({"dashboard": {"uid": uid, "title": "z"}, "overwrite": true});
        assert_eq!(rig.ask("me", "POST", "/api/dashboards/db", &provisioned).status, 400);
        assert_eq!(rig.ask("me", "POST", "/api/folders", &json!({"uid": "f", "title": "F"})).status, 200);
        assert_eq!(rig.ask("me", "POST", "/api/folders", &json!({"uid": "f", "title": "F"})).status, 412);
    }
}
