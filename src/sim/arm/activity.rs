//! The Activity Log: who changed what. Entries appear late, as in Azure, and the oldest ones go.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::memory::Activity;
use super::reply::{Refusal, page, refuse};
use super::{Call, Reply, Setting};
use crate::sim::world::World;

/// Below the subscription, lower-case.
const PATH: &str = "/providers/microsoft.insights/eventtypes/management/values";
/// As many lines are kept.
const MOST: usize = 2000;

/// Whether the log is asked for.
pub fn is_asked(call: &Call) -> bool {
    call.method == "GET" && call.path.to_ascii_lowercase().ends_with(PATH)
}

/// Writes a change down. Actions that only read (`list…`) are not administrative events of interest to anybody here.
pub fn note(world: &mut World, setting: &Setting, call: &Call, status: u16) {
    let path = call.path.trim_end_matches('/');
    let Some((verb, resource)) = verb(call, path) else { return };
    let parts: Vec<&str> = resource.rsplit_once("/providers/").map_or("", |(_, rest)| rest).split('/').collect();
    let of_type = match parts.first() {
        Some(&"") | None if resource.to_ascii_lowercase().contains("/resourcegroups/") => {
            "Microsoft.Resources/subscriptions/resourceGroups".to_owned()
        }
        Some(&"") | None => return,
        Some(namespace) => {
            let kinds: Vec<&str> = parts[1..].iter().step_by(2).copied().collect();
            format!("{namespace}/{}", kinds.join("/"))
        }
    };
    let log = &mut world.memory.activity;
    log.push_back(Activity {
        at: setting.now,
        caller: call.caller.oid.clone(),
        resource: resource.to_owned(),
        operation: format!("{of_type}/{verb}"),
        status,
        correlation: call.header("x-ms-correlation-request-id").unwrap_or_default().to_owned(),
    });
    while log.len() > MOST {
        log.pop_front();
    }
}

fn verb<'a>(call: &Call, path: &'a str) -> Option<(String, &'a str)> {
    match call.method.as_str() {
        "PUT" | "PATCH" => Some(("write".to_owned(), path)),
        "DELETE" => Some(("delete".to_owned(), path)),
        "POST" => {
            let (resource, action) = path.rsplit_once('/')?;
            let reads = action.to_ascii_lowercase().starts_with("list");
            (!reads).then(|| (format!("{action}/action"), resource))
        }
        _ => None,
    }
}

/// Answers `GET …/eventtypes/management/values`.
///
/// # Errors
/// Without a `$filter` that begins with a time, as Azure.
pub fn answer(world: &World, setting: &Setting, call: &Call) -> Result<Reply, Refusal> {
    let filter = call.parameter("$filter").unwrap_or_default();
    let Some(since) = operand(filter, "eventTimestamp ge").and_then(|text| text.parse::<Timestamp>().ok()) else {
        return Err(refuse(400, "BadRequest", "The $filter must name a start time: eventTimestamp ge '<time>'."));
    };
    let until = operand(filter, "eventTimestamp le").and_then(|text| text.parse::<Timestamp>().ok());
    let until = until.unwrap_or(setting.now).min(setting.now - setting.delays.activity);
    let about = operand(filter, "resourceUri eq").map(str::to_ascii_lowercase);
    let fits = |line: &&Activity| {
        line.at >= since && line.at <= until && about.as_ref().is_none_or(|id| line.resource.eq_ignore_ascii_case(id))
    };
    Ok(page(world.memory.activity.iter().rev().filter(fits).map(told)))
}

fn told(line: &Activity) -> Value {
    let status = if line.status < 400 { "Succeeded" } else { "Failed" };
    json!({
        "caller": line.caller, "eventTimestamp": line.at.to_string(), "resourceId": line.resource,
        "operationName": {"value": line.operation, "localizedValue": line.operation},
        "status": {"value": status, "localizedValue": status}, "subStatus": {"value": line.status.to_string()},
        "correlationId": line.correlation, "level": "Informational",
        "authorization": {"action": line.operation, "scope": line.resource},
    })
}

/// The quoted text behind `words`.
fn operand<'a>(filter: &'a str, words: &str) -> Option<&'a str> {
    let rest = filter.split_once(words)?.1.trim_start().strip_prefix('\'')?;
    rest.split_once('\'').map(|(text, _)| text)
}
