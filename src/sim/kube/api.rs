//! The HTTP face of a cluster's API server.

use serde_json::{Value, json};

use super::access::{Credential, Visitor, enter};
use super::kinds::{Kind, at_path};
use super::managed::Writer;
use super::status::Refusal;
use super::store::{PatchStyle, Store};
use super::{discovery, selector};
use crate::sim::effects::cluster::Cluster;
use crate::sim::planes::exchange::{Answer, Request};
use crate::sim::planes::{Planes, View};

/// An address below `/api` or `/apis`.
struct Place<'a> {
    kind: &'static Kind,
    namespace: Option<&'a str>,
    name: Option<&'a str>,
}

/// Answers a request to the cluster of this lower-case id.
pub fn answer(planes: &mut Planes, view: &View, cluster: &str, credential: &Credential, request: &Request) -> Answer {
    let Some(facts) = view.resources.get(cluster).and_then(Cluster::read) else { return refused(&Refusal::no_path()) };
    let Some(plane) = planes.cluster_mut(cluster) else { return refused(&Refusal::no_path()) };
    plane.observe(view, facts.clone());
    let segments = request.segments();
    if let ["livez" | "readyz" | "healthz"] = segments.as_slice() {
        return Answer { status: 200, content_type: "text/plain; charset=utf-8", body: b"ok".to_vec() };
    }
    let visitor = match enter(view, &facts, plane, credential) {
        Ok(visitor) => visitor,
        Err(refusal) => return refused(&refusal),
    };
    if request.method == "GET"
        && let Some(body) = discovery::answer(&segments, &facts.version)
    {
        return Answer::json(200, &body);
    }
    let result = place(&segments).ok_or_else(Refusal::no_path).and_then(|place| {
        permit(&visitor, &place, request)?;
        // A dry run works on a copy that is thrown away.
        if request.parameters("dryRun").iter().any(|mode| mode == "All") {
            return act(&mut plane.store.clone(), &place, view, request);
        }
        act(&mut plane.store, &place, view, request)
    });
    if request.method != "GET" {
        plane.observe(view, facts);
    }
    result.unwrap_or_else(|refusal| refused(&refusal))
}

fn refused(refusal: &Refusal) -> Answer {
    Answer::json(refusal.code, &refusal.body())
}

fn place<'a>(segments: &[&'a str]) -> Option<Place<'a>> {
    let (group, version, rest) = match segments {
        ["api", version, rest @ ..] => ("", *version, rest),
        ["apis", group, version, rest @ ..] => (*group, *version, rest),
        _ => return None,
    };
    let (namespace, plural, name) = match rest {
        ["namespaces", namespace, plural] => (Some(*namespace), *plural, None),
        ["namespaces", namespace, plural, name] => (Some(*namespace), *plural, Some(*name)),
        [plural] => (None, *plural, None),
        [plural, name] => (None, *plural, Some(*name)),
        _ => return None,
    };
    let kind = at_path(group, version, plural)?;
    // A namespaced object has no address without its namespace, and the other way round.
    (kind.namespaced == namespace.is_some() || (kind.namespaced && name.is_none())).then_some(Place { kind, namespace, name })
}

fn permit(visitor: &Visitor, place: &Place, request: &Request) -> Result<(), Refusal> {
    if visitor.trusted {
        return Ok(());
    }
    let verb = match (request.method.as_str(), place.name) {
        ("GET", Some(_)) => "get",
        ("GET", None) => "list",
        ("POST", _) => "create",
        ("PUT", _) => "update",
        ("PATCH", _) => "patch",
        _ => "delete",
    };
    Err(Refusal::forbidden(place.kind, place.name.unwrap_or_default(), &visitor.name, verb, place.namespace))
}

fn act(store: &mut Store, place: &Place, view: &View, request: &Request) -> Result<Answer, Refusal> {
    let (kind, namespace) = (place.kind, place.namespace.unwrap_or_default());
    if request.content_type == "application/vnd.kubernetes.protobuf" {
        return Err(Refusal::unsupported_media());
    }
    let manager = writer(request);
    let by = Writer { manager: &manager, applies: request.content_type == APPLY, now: view.now };
    let body = || request.document().ok_or_else(|| Refusal::bad_request("the body of the request cannot be read"));
    match (request.method.as_str(), place.name) {
        ("GET", None) => Ok(list(store, place, request)),
        ("GET", Some(name)) => Ok(Answer::json(200, store.get(kind, namespace, name)?)),
        ("POST", None) => Ok(Answer::json(201, &store.create(kind, namespace, body()?, by)?)),
        ("PUT", Some(name)) => Ok(Answer::json(200, &store.replace(kind, namespace, name, body()?, by)?)),
        ("PATCH", Some(name)) => {
            let style = patch_style(kind, request)?;
            let fresh = store.get(kind, namespace, name).is_err();
            let object = store.patch(kind, namespace, name, style, &body()?, by)?;
            Ok(Answer::json(if fresh { 201 } else { 200 }, &object))
        }
        ("DELETE", Some(name)) => {
            let gone = store.delete(kind, namespace, name)?;
            let details = json!({"name": name, "group": kind.group, "kind": kind.plural, "uid": gone["metadata"]["uid"]});
            Ok(Answer::json(
                200,
                &json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}),
            ))
        }
        _ => Err(Refusal::no_method()),
    }
}

/// The field manager: as the request names it, else the beginning of its user agent.
fn writer(request: &Request) -> String {
    let named = request.parameter("fieldManager").filter(|name| !name.is_empty());
    named.unwrap_or_else(|| request.agent.split('/').next().unwrap_or_default().to_owned())
}

const APPLY: &str = "application/apply-patch+yaml";

fn patch_style(kind: &Kind, request: &Request) -> Result<PatchStyle, Refusal> {
    match request.content_type.as_str() {
        "application/merge-patch+json" => Ok(PatchStyle::Merge),
        "application/json-patch+json" => Ok(PatchStyle::Json),
        // Custom resources have no schema to merge their lists by.
        "application/strategic-merge-patch+json" if !kind.group.contains('.') => Ok(PatchStyle::Strategic),
        APPLY => match request.parameter("fieldManager") {
            Some(manager) if !manager.is_empty() => Ok(PatchStyle::Apply),
            _ => Err(Refusal::bad_request(
                "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch",
            )),
        },
        _ => Err(Refusal::unsupported_patch()),
    }
}

fn list(store: &Store, place: &Place, request: &Request) -> Answer {
    let labels = request.parameter("labelSelector").unwrap_or_default();
    let fields = request.parameter("fieldSelector").unwrap_or_default();
    let found: Vec<&Value> = store
        .list(place.kind, place.namespace)
        .into_iter()
        .filter(|object| selector::labels(&labels, object) && selector::fields(&fields, object))
        .collect();
    if request.parameter("watch").is_some_and(|watch| matches!(watch.as_str(), "true" | "1")) {
        return watched(&found, request);
    }
    Answer::json(
        200,
        &json!({
            "kind": format!("{}List", place.kind.kind), "apiVersion": place.kind.api_version(),
            "metadata": {"resourceVersion": store.revision().to_string()}, "items": found,
        }),
    )
}

/// A watch that says what changed since its version and ends, which clients take as a reason to ask again.
fn watched(found: &[&Value], request: &Request) -> Answer {
    let number = |text: &str| text.parse::<u64>().unwrap_or(0);
    let since = request.parameter("resourceVersion").map_or(0, |version| number(&version));
    let version = |object: &Value| object.pointer("/metadata/resourceVersion").and_then(Value::as_str).map_or(0, number);
    let mut body = Vec::new();
    for object in found.iter().filter(|object| version(object) > since) {
        let kind = if since == 0 { "ADDED" } else { "MODIFIED" };
        body.extend_from_slice(json!({"type": kind, "object": object}).to_string().as_bytes());
        body.push(b'\n');
    }
    Answer { status: 200, content_type: "application/json", body }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::effects::Resources;
    use crate::sim::effects::chain::sample::resources;
    use crate::sim::effects::cluster::sample::ID;
    use crate::sim::effects::delays::Delays;
    use crate::sim::planes::sample::{settled, t};

    const MAPS: &str = "/api/v1/namespaces/kube-system/configmaps";

    struct Rig {
        world: Resources,
        planes: Planes,
        second: i64,
    }

    impl Rig {
        fn new() -> Self {
            let world = resources(true);
            Self { planes: settled(&world, 600), world, second: 600 }
        }

        fn send(&mut self, method: &str, target: &str, content_type: &str, body: &Value) -> Answer {
            let (path, query) = target.split_once('?').unwrap_or((target, ""));
            let request = Request {
                method: method.into(),
                path: path.into(),
                query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
                content_type: content_type.into(),
                body: body.to_string().into_bytes(),
                agent: "curl/8".into(),
            };
            let delays = Delays::at_pace(1.0);
            let view = View { resources: &self.world, now: t(self.second), delays: &delays };
            self.planes.observe(&view);
            let id = ID.to_lowercase();
            let token = self.planes.cluster(&id).unwrap().token().to_owned();
            answer(&mut self.planes, &view, &id, &Credential::Token(token), &request)
        }

        fn get(&mut self, target: &str) -> Answer {
            self.send("GET", target, "", &Value::Null)
        }
    }

    fn map(data: &Value) -> Value {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": data})
    }

    #[test]
    fn a_map_lives() {
        let mut rig = Rig::new();
        assert_eq!(rig.get(&format!("{MAPS}/m")).document()["reason"], "NotFound");
        let first = rig.send("POST", MAPS, "application/json", &map(&json!({"a": "1"})));
        assert_eq!(first.status, 201);
        assert_eq!(rig.send("POST", MAPS, "application/json", &map(&json!({}))).document()["reason"], "AlreadyExists");
        let mut changed = first.document();
        changed["data"]["a"] = json!("2");
        assert_eq!(first.document()["metadata"]["managedFields"][0]["manager"], "curl");
        let put = rig.send("PUT", &format!("{MAPS}/m?fieldManager=other"), "application/json", &changed);
        assert_eq!((put.status, &put.document()["metadata"]["managedFields"][0]["manager"]), (200, &json!("other")));
        let conflict = rig.send("PUT", &format!("{MAPS}/m"), "application/json", &changed);
        insta::assert_snapshot!(conflict.document(), @r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Operation cannot be fulfilled on configmaps \"m\": the object has been modified; please apply your changes to the latest version and try again","reason":"Conflict","code":409}"#);
        let dry =
            rig.send("PATCH", &format!("{MAPS}/m?dryRun=All"), "application/merge-patch+json", &json!({"data": {"b": "x"}}));
        assert_eq!(dry.document()["data"]["b"], "x");
        assert_eq!(rig.get(&format!("{MAPS}/m")).document()["data"], json!({"a": "2"}));
        assert_eq!(rig.send("PATCH", &format!("{MAPS}/m"), "text/plain", &json!({})).status, 415);
        let applied =
            rig.send("PATCH", &format!("{MAPS}/n?fieldManager=x"), "application/apply-patch+yaml", &json!({"data": {"a": "1"}}));
        assert_eq!(applied.status, 201);
        assert_eq!(rig.send("DELETE", &format!("{MAPS}/m"), "", &Value::Null).document()["status"], "Success");
    }

    #[test]
    fn a_rollout_replaces_pods_after_a_while() {
        let mut rig = Rig::new();
        let names = |rig: &mut Rig| {
            let pods = rig.get("/api/v1/namespaces/kube-system/pods?labelSelector=dsName%3Dama-metrics-node").document();
            pods["items"].as_array().unwrap().iter().map(|pod| pod["metadata"]["name"].to_string()).collect::<Vec<_>>()
        };
        let before = names(&mut rig);
        assert_eq!(before.len(), 2);
        let target = "/apis/apps/v1/namespaces/kube-system/daemonsets/ama-metrics-node";
        let restart = json!({"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}}}}});
        let patched = rig.send("PATCH", target, "application/strategic-merge-patch+json", &restart);
        assert_eq!(patched.document()["metadata"]["generation"], 2);
        let status = rig.get(target).document()["status"].clone();
        assert_eq!((&status["updatedNumberScheduled"], &status["observedGeneration"]), (&json!(0), &json!(2)));
        rig.second += 30;
        let after = names(&mut rig);
        assert!(after.iter().all(|name| !before.contains(name)), "{before:?} {after:?}");
        assert_eq!(rig.get(target).document()["status"]["updatedNumberScheduled"], 2);
    }

    #[test]
    fn hubbles_port_is_found_and_discovery_answers() {
        let mut rig = Rig::new();
        let service = rig.get("/api/v1/namespaces/kube-system/services/network-observability").document();
        assert_eq!(service["spec"]["ports"][0]["name"], "hubble");
        assert_eq!(rig.get("/version").document()["gitVersion"], "v1.33.2");
        assert_eq!(rig.get("/apis/apps/v1").document()["resources"][0]["kind"], "Deployment");
        assert_eq!(rig.get("/api/v1/nonsense").status, 404);
        assert_eq!(rig.get("/api/v1/pods").document()["kind"], "PodList");
        let events = rig.get("/api/v1/namespaces/kube-system/pods?watch=true&resourceVersion=0");
        assert!(events.body.starts_with(b"{\"type\":\"ADDED\""));
    }
}
