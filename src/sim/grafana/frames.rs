//! `POST /api/ds/query`: PromQL in, data frames out.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value as Json, json};

use crate::sim::effects::series::Labels;
use crate::sim::planes::exchange::Answer;
use crate::sim::prometheus::api::{Line, evaluate, evaluate_range};
use crate::sim::prometheus::store::Workspace;
use crate::sim::prometheus::value::{Refusal, Value};

/// Opens the workspace behind a data source's uid, or says with which status and why it cannot.
pub type Open<'f, 'a> = dyn Fn(&str) -> Result<Workspace<'a>, (u16, String)> + 'f;

/// Answers every query of the body.
pub fn answer(body: &Json, now: Timestamp, store: &Open<'_, '_>) -> Answer {
    let Some(queries) = body.get("queries").and_then(Json::as_array).filter(|queries| !queries.is_empty()) else {
        return Answer::json(400, &json!({"message": "no queries found"}));
    };
    let to = moment(body.get("to"), now).unwrap_or(now);
    let from = moment(body.get("from"), now).unwrap_or(to - SignedDuration::from_hours(1));
    let mut results = Map::new();
    let mut worst = 200;
    for query in queries {
        let reference = query.get("refId").and_then(Json::as_str).unwrap_or("A").to_owned();
        let source = query.pointer("/datasource/uid").and_then(Json::as_str).unwrap_or_default();
        let result = match store(source) {
            Ok(store) => {
                one(&store, query, &reference, now, (from, to)).map_err(|refusal| (refusal.status(), refusal.to_string()))
            }
            Err(refused) => Err(refused),
        };
        let result = match result {
            Ok(frames) => json!({"status": 200, "frames": frames}),
            Err((status, message)) => {
                worst = 400;
                json!({"error": message, "errorSource": "downstream", "status": status, "frames": []})
            }
        };
        results.insert(reference, result);
    }
    Answer::json(worst, &json!({"results": results}))
}

fn one(
    store: &Workspace,
    query: &Json,
    reference: &str,
    now: Timestamp,
    (from, to): (Timestamp, Timestamp),
) -> Result<Vec<Json>, Refusal> {
    let expression = query.get("expr").and_then(Json::as_str).unwrap_or_default();
    let flag = |key: &str| query.get(key).and_then(Json::as_bool).unwrap_or(false);
    let mut lines: Vec<Line> = Vec::new();
    // Without either flag the plugin asks for a range.
    if flag("range") || !flag("instant") {
        let interval = query.get("intervalMs").and_then(Json::as_i64).unwrap_or(15_000).max(1000);
        let most = query.get("maxDataPoints").and_then(Json::as_i64).unwrap_or(100).clamp(1, 11_000);
        let span = i64::try_from(to.duration_since(from).as_millis()).unwrap_or(i64::MAX);
        let step = SignedDuration::from_millis(interval.max(span / most));
        lines.extend(evaluate_range(store, now, expression, (from, to), step)?);
    }
    if flag("instant") {
        match evaluate(store, now, expression, to)? {
            Value::Vector(samples) => {
                lines.extend(samples.into_iter().map(|sample| (sample.name, sample.labels, vec![(to, sample.value)])));
            }
            Value::Scalar(value) => lines.push((None, Labels::new(), vec![(to, value)])),
            other => return Err(Refusal::Malformed(format!("a {} cannot be shown", other.kind()))),
        }
    }
    Ok(lines.iter().map(|line| frame(reference, expression, line)).collect())
}

fn frame(reference: &str, expression: &str, (name, labels, samples): &Line) -> Json {
    let mut shown: Map<String, Json> = labels.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
    if let Some(name) = name {
        shown.insert("__name__".to_owned(), json!(name));
    }
    let times: Vec<i64> = samples.iter().map(|(at, _)| at.as_millisecond()).collect();
    let values: Vec<f64> = samples.iter().map(|(_, value)| *value).collect();
    json!({
        "schema": {
            "refId": reference,
            "meta": {"type": "timeseries-multi", "typeVersion": [0, 1], "executedQueryString": format!("Expr: {expression}")},
            "fields": [
                {"name": "Time", "type": "time", "typeInfo": {"frame": "time.Time"}},
                {"name": "Value", "type": "number", "typeInfo": {"frame": "float64"}, "labels": shown},
            ],
        },
        "data": {"values": [times, values]},
    })
}

/// Milliseconds since 1970 as text or number, or `now` with an offset such as `now-5m`.
fn moment(value: Option<&Json>, now: Timestamp) -> Option<Timestamp> {
    let text = match value? {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    let Some(offset) = text.strip_prefix("now") else {
        return Timestamp::from_millisecond(text.parse().ok()?).ok();
    };
    if offset.is_empty() {
        return Some(now);
    }
    let back = offset.strip_prefix('-')?;
    let (number, factor) = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)]
        .into_iter()
        .find_map(|(unit, factor)| Some((back.strip_suffix(unit)?.parse::<i64>().ok()?, factor)))?;
    now.checked_sub(SignedDuration::from_secs(number.checked_mul(factor)?)).ok()
}
