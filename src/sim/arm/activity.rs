//! The Activity Log: who changed what. Entries appear late, as in Azure, and the oldest ones go.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::memory::Activity;
use super::reply::{Refusal, body, refuse};
use super::{Call, Reply, Setting};
use crate::sim::world::World;

/// Below the subscription, lower-case.
const PATH: &str = "/providers/microsoft.insights/eventtypes/management/values";
/// As many lines are kept.
const MOST: usize = 2000;
/// Lines on a page.
const PAGE: usize = 200;

/// Whether the log is asked for.
pub fn is_asked(call: &Call) -> bool {
    call.method == "GET" && call.path.to_ascii_lowercase().ends_with(PATH)
}

/// Writes a change down. Actions that only read (`list…`) are not administrative events of interest to anybody here.
pub fn note(world: &mut World, setting: &Setting, call: &Call, status: u16) {
    let path = call.path.trim_end_matches('/');
    let Some((verb, resource)) = verb(call, path) else { return };
    let Some(of_type) = type_of(resource) else { return };
    let correlation = call.header("x-ms-correlation-request-id").map_or_else(|| uuid::Uuid::new_v4().to_string(), str::to_owned);
    let log = &mut world.memory.activity;
    log.push_back(Activity {
        id: uuid::Uuid::new_v4().to_string(),
        at: setting.now,
        caller: call.caller.oid.clone(),
        application: call.caller.name.clone(),
        method: call.method.clone(),
        resource: resource.to_owned(),
        operation: format!("{of_type}/{verb}"),
        status,
        correlation,
    });
    while log.len() > MOST {
        log.pop_front();
    }
}

/// `namespace/type/type` of an id as it was addressed; nothing for what is below no group and no provider.
fn type_of(resource: &str) -> Option<String> {
    let Some((_, rest)) = resource.rsplit_once("/providers/") else {
        let group = resource.to_ascii_lowercase().contains("/resourcegroups/");
        return group.then(|| "Microsoft.Resources/subscriptions/resourceGroups".to_owned());
    };
    let mut parts = rest.split('/').enumerate();
    let (_, namespace) = parts.next()?;
    let kinds = parts.filter(|(index, _)| index % 2 == 1).map(|(_, kind)| kind);
    Some(kinds.fold(namespace.to_owned(), |all, kind| all + "/" + kind))
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

/// Answers `GET …/eventtypes/management/values`, newest first.
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
    let below = format!("/subscriptions/{}/", setting.subscription).to_ascii_lowercase();
    let wish = |words: &str| operand(filter, words);
    let (about, group) = (wish("resourceUri eq").or(wish("resourceId eq")), wish("resourceGroupName eq"));
    let (provider, correlation) = (wish("resourceProvider eq"), wish("correlationId eq"));
    let same = |wish: Option<&str>, found: &str| wish.is_none_or(|wish| wish.eq_ignore_ascii_case(found));
    let fits = |line: &&Activity| {
        (since..=until).contains(&line.at)
            && line.resource.to_ascii_lowercase().starts_with(&below)
            && same(about, &line.resource)
            && same(group, group_of(&line.resource))
            && same(provider, namespace_of(&line.operation))
            && same(correlation, &line.correlation)
    };
    let skip = call.parameter("$skipToken").and_then(|token| token.parse().ok()).unwrap_or(0);
    let mut found = world.memory.activity.iter().rev().filter(fits).skip(skip);
    let value: Vec<Value> = found.by_ref().take(PAGE).map(|line| told(line, setting)).collect();
    let mut page = json!({"value": value});
    if found.next().is_some() {
        page["nextLink"] = json!(next_link(setting, call, skip + PAGE));
    }
    Ok(body(200, page))
}

fn next_link(setting: &Setting, call: &Call, skip: usize) -> String {
    let kept = call.query.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("$skipToken"));
    let query: String = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(kept)
        .append_pair("$skipToken", &skip.to_string())
        .finish();
    format!("{}{}?{query}", setting.base_url, call.path)
}

fn group_of(resource: &str) -> &str {
    let mut parts = resource.split('/').skip(3);
    let named = parts.next().is_some_and(|word| word.eq_ignore_ascii_case("resourcegroups"));
    parts.next().filter(|_| named).unwrap_or_default()
}

fn namespace_of(operation: &str) -> &str {
    operation.split('/').next().unwrap_or_default()
}

fn told(line: &Activity, setting: &Setting) -> Value {
    let (status, level) = if line.status < 400 { ("Succeeded", "Informational") } else { ("Failed", "Error") };
    let both = |text: &str| json!({"value": text, "localizedValue": text});
    let of_type = line.operation.trim_end_matches("/action").rsplit_once('/').map_or("", |(of_type, _)| of_type);
    json!({
        "id": format!("{}/events/{}/ticks/{}", line.resource, line.id, line.at.as_microsecond()),
        "eventDataId": line.id, "correlationId": line.correlation, "operationId": line.correlation,
        "caller": line.caller, "claims": {"appid": line.application, "idtyp": "app",
            "http://schemas.microsoft.com/identity/claims/objectidentifier": line.caller,
            "http://schemas.microsoft.com/identity/claims/tenantid": setting.tenant},
        "eventTimestamp": line.at.to_string(), "submissionTimestamp": (line.at + setting.delays.activity).to_string(),
        "resourceId": line.resource, "resourceGroupName": group_of(&line.resource), "resourceType": both(of_type),
        "resourceProviderName": both(namespace_of(&line.operation)), "operationName": both(&line.operation),
        "eventName": both("EndRequest"), "category": both("Administrative"), "eventSource": both("Administrative"),
        "status": both(status), "subStatus": both(&line.status.to_string()), "level": level, "channels": "Operation",
        "authorization": {"action": line.operation, "scope": line.resource},
        "httpRequest": {"clientRequestId": line.id, "clientIpAddress": "127.0.0.1", "method": line.method},
        "subscriptionId": setting.subscription, "tenantId": setting.tenant, "properties": {"statusCode": line.status.to_string()},
    })
}

/// The quoted text behind `words`.
fn operand<'a>(filter: &'a str, words: &str) -> Option<&'a str> {
    let rest = filter.split_once(words)?.1.trim_start().strip_prefix('\'')?;
    rest.split_once('\'').map(|(text, _)| text)
}
