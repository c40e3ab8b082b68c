//! The HTTP face of a workspace's query API.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use promql_parser::parser::Expr;
use serde_json::{Value as Json, json};

use super::eval::{Evaluation, parse, seconds};
use super::select;
use super::store::Workspace;
use super::value::{Refusal, Sample, Value, print};
use crate::sim::effects::access::{Caller, holds, role};
use crate::sim::effects::series::{Labels, Series};
use crate::sim::planes::exchange::{Answer, Request};
use crate::sim::planes::{Planes, View};

/// The longest range and the most points of a range query.
const LONGEST: SignedDuration = SignedDuration::from_hours(32 * 24);
const MOST_POINTS: i64 = 11_000;
/// The longest window of a series request.
const SERIES_WINDOW: SignedDuration = SignedDuration::from_hours(12);

/// Answers a request to the workspace of this lower-case id. No caller means no token, or one for another audience.
pub fn answer(planes: &Planes, view: &View, workspace: &str, caller: Option<&Caller>, request: &Request) -> Answer {
    let Some(caller) = caller else {
        return failure(401, "unauthorized", "the access token is missing or was issued for another audience");
    };
    if !may_read(view, caller, workspace) {
        return failure(403, "forbidden", &format!("the principal `{}` is not authorized to query this workspace", caller.oid));
    }
    if !matches!(request.method.as_str(), "GET" | "POST") {
        return failure(405, "bad_data", "method not allowed");
    }
    query_api(planes, view, workspace, request)
}

/// Whether a principal may read the workspace's metrics by now.
pub fn may_read(view: &View, caller: &Caller, workspace: &str) -> bool {
    holds(view.resources, caller, role::MONITORING_DATA_READER, workspace, view.now, view.delays.roles)
}

/// Answers a request of somebody who may ask.
pub fn query_api(planes: &Planes, view: &View, workspace: &str, request: &Request) -> Answer {
    let store = Workspace::new(planes, view, workspace);
    let result = match request.segments().as_slice() {
        ["api", "v1", "query"] => instant(&store, view.now, request),
        ["api", "v1", "query_range"] => range(&store, view.now, request),
        ["api", "v1", "series"] => series(&store, view.now, request),
        ["api", "v1", "labels"] => labels(&store, view.now, request),
        ["api", "v1", "label", name, "values"] => values(&store, view.now, name, request),
        _ => return failure(404, "not_found", "no such resource"),
    };
    match result {
        Ok(data) => Answer::json(200, &json!({"status": "success", "data": data})),
        Err(refusal) => failure(refusal.status(), refusal.kind(), &refusal.to_string()),
    }
}

fn failure(status: u16, kind: &str, message: &str) -> Answer {
    Answer::json(status, &json!({"status": "error", "errorType": kind, "error": message}))
}

/// Evaluates at one moment. Also what Grafana does.
pub fn evaluate(store: &Workspace, now: Timestamp, query: &str, moment: Timestamp) -> Result<Value, Refusal> {
    let source = |name: &str| store.series(name);
    Evaluation { moment, now, source: &source }.value(&parse(query)?)
}

fn instant(store: &Workspace, now: Timestamp, request: &Request) -> Result<Json, Refusal> {
    let moment = time(request, "time")?.unwrap_or(now);
    let value = evaluate(store, now, &query(request)?, moment)?;
    let at = seconds(moment);
    let result = match &value {
        Value::Scalar(number) => json!([at, print(*number)]),
        Value::Text(text) => json!([at, text]),
        Value::Vector(samples) => samples
            .iter()
            // An instant vector carries the moment of the evaluation, not of the sample; `timestamp()` tells the latter.
            .map(|sample| json!({"metric": metric(sample.name.as_deref(), &sample.labels), "value": [at, print(sample.value)]}))
            .collect(),
        Value::Matrix(stretches) => stretches
            .iter()
            .map(
                |stretch| json!({"metric": metric(stretch.name.as_deref(), &stretch.labels), "values": points(&stretch.samples)}),
            )
            .collect(),
    };
    Ok(json!({"resultType": value.kind(), "result": result}))
}

/// A series of a range query: its name, its labels, its points.
pub type Line = (Option<String>, Labels, Vec<(Timestamp, f64)>);

/// Evaluates at every step between two moments. Also what Grafana does.
pub fn evaluate_range(
    store: &Workspace,
    now: Timestamp,
    query: &str,
    (from, to): (Timestamp, Timestamp),
    step: SignedDuration,
) -> Result<Vec<Line>, Refusal> {
    let length = to.duration_since(from);
    if length.is_negative() || step.as_millis() <= 0 {
        return Err(Refusal::Malformed("end timestamp must not be before start time and step must be positive".to_owned()));
    }
    if length > LONGEST {
        return Err(Refusal::NotAllowed("the query time range exceeds the limit of 32 days".to_owned()));
    }
    if i64::try_from(length.as_millis() / step.as_millis()).unwrap_or(i64::MAX) > MOST_POINTS {
        return Err(Refusal::Malformed("exceeded maximum resolution of 11,000 points per timeseries".to_owned()));
    }
    let expression = parse(query)?;
    // Series are looked up once, not at every step.
    let cache = std::cell::RefCell::new(std::collections::BTreeMap::<String, Vec<Series>>::new());
    let source = |name: &str| cache.borrow_mut().entry(name.to_owned()).or_insert_with(|| store.series(name)).clone();
    let mut lines: Vec<Line> = Vec::new();
    let mut moment = from;
    while moment <= to {
        for sample in as_samples(Evaluation { moment, now, source: &source }.value(&expression)?, moment)? {
            match lines.iter_mut().find(|(name, labels, _)| *name == sample.name && *labels == sample.labels) {
                Some((.., points)) => points.push((moment, sample.value)),
                None => lines.push((sample.name, sample.labels, vec![(moment, sample.value)])),
            }
        }
        moment += step;
    }
    Ok(lines)
}

fn as_samples(value: Value, at: Timestamp) -> Result<Vec<Sample>, Refusal> {
    match value {
        Value::Vector(samples) => Ok(samples),
        Value::Scalar(value) => Ok(vec![Sample { name: None, labels: Labels::new(), at, value }]),
        other => Err(Refusal::Malformed(format!(
            "invalid expression type \"{}\" for range query, must be Scalar or instant Vector",
            other.kind()
        ))),
    }
}

fn range(store: &Workspace, now: Timestamp, request: &Request) -> Result<Json, Refusal> {
    let needed =
        |name: &str| time(request, name)?.ok_or_else(|| Refusal::Malformed(format!("invalid parameter \"{name}\": missing")));
    let step = request.parameter("step").and_then(|text| duration(&text));
    let step = step.ok_or_else(|| Refusal::Malformed("invalid parameter \"step\"".to_owned()))?;
    let lines = evaluate_range(store, now, &query(request)?, (needed("start")?, needed("end")?), step)?;
    let result: Vec<Json> = lines
        .iter()
        .map(|(name, labels, samples)| json!({"metric": metric(name.as_deref(), labels), "values": points(samples)}))
        .collect();
    Ok(json!({"resultType": "matrix", "result": result}))
}

/// The series that `match[]` selects; every series of every metric when there is none and `all` is asked for.
fn selected(store: &Workspace, now: Timestamp, request: &Request, all: bool) -> Result<Vec<Series>, Refusal> {
    let to = time(request, "end")?.unwrap_or(now);
    let from = time(request, "start")?.unwrap_or(to - SERIES_WINDOW);
    if to.duration_since(from) > SERIES_WINDOW {
        return Err(Refusal::NotAllowed("the time range of this request must not exceed 12 hours".to_owned()));
    }
    let selectors = request.parameters("match[]");
    let source = |name: &str| store.series(name);
    let mut found = Vec::new();
    for selector in &selectors {
        match parse(selector)? {
            Expr::VectorSelector(selector) => found.extend(select::named(&selector, from, to, &source)?),
            _ => return Err(Refusal::Malformed(format!("invalid parameter \"match[]\": `{selector}` is not a selector"))),
        }
    }
    if selectors.is_empty() && all {
        found.extend(store.names().iter().flat_map(|name| store.series(name)).filter(|series| series.lives_within(from, to)));
    }
    Ok(found)
}

fn series(store: &Workspace, now: Timestamp, request: &Request) -> Result<Json, Refusal> {
    if request.parameters("match[]").is_empty() {
        return Err(Refusal::Malformed("no match[] parameter provided".to_owned()));
    }
    let found = selected(store, now, request, false)?;
    Ok(found.iter().map(|series| metric(Some(&series.name), &series.labels)).collect())
}

fn labels(store: &Workspace, now: Timestamp, request: &Request) -> Result<Json, Refusal> {
    let found = selected(store, now, request, true)?;
    let mut names: BTreeSet<String> = found.iter().flat_map(|series| series.labels.keys().cloned()).collect();
    if !found.is_empty() {
        names.insert("__name__".to_owned());
    }
    Ok(json!(names))
}

fn values(store: &Workspace, now: Timestamp, label: &str, request: &Request) -> Result<Json, Refusal> {
    if label == "__name__" && request.parameters("match[]").is_empty() {
        return Ok(json!(store.names()));
    }
    let found = selected(store, now, request, true)?;
    let values: BTreeSet<&str> = found
        .iter()
        .filter_map(
            |series| if label == "__name__" { Some(series.name.as_str()) } else { series.labels.get(label).map(String::as_str) },
        )
        .collect();
    Ok(json!(values))
}

fn metric(name: Option<&str>, labels: &Labels) -> Json {
    let mut fields = serde_json::Map::new();
    if let Some(name) = name {
        fields.insert("__name__".to_owned(), json!(name));
    }
    fields.extend(labels.iter().map(|(key, value)| (key.clone(), json!(value))));
    Json::Object(fields)
}

fn points(samples: &[(Timestamp, f64)]) -> Vec<Json> {
    samples.iter().map(|(at, value)| json!([seconds(*at), print(*value)])).collect()
}

fn query(request: &Request) -> Result<String, Refusal> {
    request.parameter("query").ok_or_else(|| Refusal::Malformed("invalid parameter \"query\": empty".to_owned()))
}

/// A moment: seconds since 1970 with a fraction, or RFC 3339.
fn time(request: &Request, name: &str) -> Result<Option<Timestamp>, Refusal> {
    let Some(text) = request.parameter(name) else { return Ok(None) };
    moment(&text)
        .map(Some)
        .ok_or_else(|| Refusal::Malformed(format!("invalid parameter \"{name}\": cannot parse \"{text}\" to a valid timestamp")))
}

fn moment(text: &str) -> Option<Timestamp> {
    let Ok(number) = text.parse::<f64>() else { return text.parse().ok() };
    let since = SignedDuration::try_from_secs_f64(number).ok()?;
    Timestamp::UNIX_EPOCH.checked_add(since).ok()
}

fn duration(text: &str) -> Option<SignedDuration> {
    if let Ok(number) = text.parse::<f64>() {
        return SignedDuration::try_from_secs_f64(number).ok();
    }
    let (number, factor) = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0), ("d", 86_400.0)]
        .into_iter()
        .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?.parse::<f64>().ok()?, factor)))?;
    SignedDuration::try_from_secs_f64(number * factor).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::effects::Resources;
    use crate::sim::effects::chain::sample::{WORKSPACE, resources};
    use crate::sim::effects::delays::Delays;
    use crate::sim::planes::sample::{settled, t};

    fn me() -> Caller {
        Caller { oid: "me".into(), groups: Vec::new(), name: "me".into() }
    }

    fn world() -> Resources {
        let mut world = resources(true);
        world.insert(
            format!("{WORKSPACE}/providers/microsoft.authorization/roleassignments/a"),
            json!({"properties": {"roleDefinitionId": role::MONITORING_DATA_READER, "principalId": "me", "createdOn": t(0).to_string()}}),
        );
        world.insert(
            "/subscriptions/s1/resourcegroups/rg1/providers/microsoft.alertsmanagement/prometheusrulegroups/g".into(),
            json!({"location": "westeurope", "properties": {"scopes": [WORKSPACE], "clusterName": "c1", "rules": [
                {"record": "node_namespace_pod_container:container_memory_working_set_bytes",
                 "expression": "container_memory_working_set_bytes{job=\"cadvisor\", image!=\"\"} * on (namespace, pod) group_left(node) topk by(namespace, pod) (1, max by(namespace, pod, node) (kube_pod_info{node!=\"\"}))"},
            ]}}),
        );
        world
    }

    fn ask_as(caller: Option<&Caller>, second: i64, path: &str, query: &[(&str, &str)]) -> Answer {
        let (world, delays) = (world(), Delays::at_pace(1.0));
        let planes = settled(&world, second);
        let view = View { resources: &world, now: t(second), delays: &delays };
        let request = Request {
            method: "GET".into(),
            path: path.into(),
            query: query.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            ..Request::default()
        };
        answer(&planes, &view, WORKSPACE, caller, &request)
    }

    fn ask(path: &str, query: &[(&str, &str)]) -> Json {
        ask_as(Some(&me()), 600, path, query).document()
    }

    #[test]
    fn who_may_ask() {
        let query = [("query", "count(up)")];
        assert_eq!(ask_as(None, 600, "/api/v1/query", &query).status, 401);
        assert_eq!(ask_as(Some(&me()), 60, "/api/v1/query", &query).status, 403, "the role has not propagated");
        assert_eq!(ask_as(Some(&Caller { oid: "you".into(), ..me() }), 600, "/api/v1/query", &query).status, 403);
        assert_eq!(ask_as(Some(&me()), 600, "/api/v1/query", &query).status, 200);
    }

    #[test]
    fn an_instant_query() {
        insta::assert_snapshot!(ask("/api/v1/query", &[("query", r#"count(up{cluster="c1",job="networkobservability-hubble"} == 1)"#)]),
            @r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1700000600.0,"2"]}]}}"#);
        insta::assert_snapshot!(ask("/api/v1/query", &[("query", "{__name__=~\"hubble.*\"}")]),
            @r#"{"status":"error","errorType":"bad_data","error":"each selector must contain exactly one metric name; only the equality matcher is supported on __name__"}"#);
    }

    #[test]
    fn a_range_query() {
        let data = ask(
            "/api/v1/query_range",
            &[("query", "count(kube_pod_info)"), ("start", "1700000000"), ("end", "1700000600"), ("step", "60")],
        );
        let values = data["data"]["result"][0]["values"].as_array().unwrap().len();
        assert!((6..=8).contains(&values), "data starts after three minutes: {values}");
        assert_eq!(
            ask("/api/v1/query_range", &[("query", "up"), ("start", "0"), ("end", "1700000600"), ("step", "60")])["status"],
            "error"
        );
    }

    #[test]
    fn names_labels_and_series() {
        let names = ask("/api/v1/label/__name__/values", &[])["data"].to_string();
        assert!(names.contains("hubble_drop_total") && !names.contains("hubble_flows_processed_total"));
        assert!(names.contains("node_namespace_pod_container:container_memory_working_set_bytes"));
        assert_eq!(ask("/api/v1/label/cluster/values", &[])["data"], json!(["c1"]));
        assert!(ask("/api/v1/labels", &[])["data"].to_string().contains("\"__name__\""));
        assert_eq!(ask("/api/v1/series", &[("match[]", "up{job=\"node\"}")])["data"].as_array().unwrap().len(), 2);
        assert_eq!(ask("/api/v1/series", &[("match[]", "{job=\"node\"}")])["errorType"], "bad_data");
    }

    #[test]
    fn a_recording_rule_writes_series() {
        let data = ask(
            "/api/v1/query",
            &[("query", "count(node_namespace_pod_container:container_memory_working_set_bytes{cluster=\"c1\"})")],
        );
        assert!(data["data"]["result"][0]["value"][1].as_str().unwrap().parse::<f64>().unwrap() > 5.0);
    }
}
