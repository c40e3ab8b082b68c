//! Resource Graph (contract §8.3): one query over many subscriptions, answered out of the recent past.
//!
//! The language is the part of Kusto that a sweep needs: `where`, `project`, `project-away`, `extend`, `order by`, `limit`, `count`.
//! What Azure knows beyond it is refused as Azure refuses what it does not know, never answered wrongly.

pub mod cell;
pub mod evaluate;
pub mod fault;
pub mod parse;
pub mod quota;
pub mod rows;
pub mod syntax;
pub mod words;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::rights::Rights;
use super::{Call, Reply, Setting, reply};
use crate::sim::world::World;
use evaluate::Row;
use fault::Fault;
use syntax::{Query, Stage};

const PATH: &str = "/providers/microsoft.resourcegraph/resources";
/// Rows on a page, at most and unless asked otherwise.
const PAGE: usize = 1000;

/// Whether a query is asked.
pub fn is_asked(call: &Call) -> bool {
    call.method == "POST" && call.path.trim_end_matches('/').eq_ignore_ascii_case(PATH)
}

/// Answers a query.
pub fn answer(world: &mut World, setting: &Setting, call: &Call, rights: &Rights) -> Reply {
    let mut quota = world.memory.quotas.get(&call.caller.oid).copied();
    let taken = quota::take(&mut quota, setting);
    world.memory.quotas.extend(quota.map(|quota| (call.caller.oid.clone(), quota)));
    let answered = if taken.granted { queried(world, setting, call, rights) } else { Err(Fault::Throttled) };
    let correlation = call.header("x-ms-correlation-request-id").unwrap_or("00000000-0000-0000-0000-000000000000");
    let reply = answered.unwrap_or_else(|fault| fault.reply(setting.now, correlation));
    Reply { headers: [reply.headers, taken.headers()].concat(), ..reply }
}

fn queried(world: &World, setting: &Setting, call: &Call, rights: &Rights) -> Result<Reply, Fault> {
    let Some(text) = call.body.get("query").and_then(Value::as_str).filter(|text| !text.trim().is_empty()) else {
        return Err(Fault::Request("InvalidQueryRequest", "The query must not be empty.".to_owned()));
    };
    let page = Page::read(&call.body["options"])?;
    let query = parse::read(text)?;
    let subscriptions = rows::subscriptions(setting, asked(setting, &call.body, rights)?);
    let past = world.resources.as_of(setting.now - setting.delays.graph);
    let scopes = call.body["options"]["authorizationScopeFilter"].as_str().unwrap_or("AtScopeAndBelow");
    let above = scopes.to_ascii_lowercase().contains("above");
    let mut rows = rows::of(query.table, &past, &subscriptions, setting.tenant, above);
    rows.retain(|row| row.is_shown(rights, &subscriptions));
    let rows = evaluate::run(&query.stages, rows);
    Ok(reply::body(200, page.told(&query, rows)))
}

/// The subscriptions that are meant: those of the request that are there, or all, as far as the caller sees them.
fn asked<'a>(setting: &Setting<'a>, body: &Value, rights: &Rights) -> Result<Vec<&'a str>, Fault> {
    let wishes = body.get("subscriptions").and_then(Value::as_array).filter(|wishes| !wishes.is_empty());
    let meant = |known: &&String| {
        let named =
            |wishes: &Vec<Value>| wishes.iter().any(|wish| wish.as_str().is_some_and(|wish| wish.eq_ignore_ascii_case(known)));
        wishes.is_none_or(named) && rights.reach(&format!("/subscriptions/{known}"))
    };
    let found: Vec<&str> = setting.subscriptions.iter().filter(meant).map(String::as_str).collect();
    if found.is_empty() { Err(Fault::Denied) } else { Ok(found) }
}

/// Which rows are wanted, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Page {
    top: usize,
    skip: usize,
    table: bool,
}

impl Page {
    fn read(options: &Value) -> Result<Self, Fault> {
        let number = |name: &'static str| match options.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => value
                .as_u64()
                .and_then(|number| usize::try_from(number).ok())
                .map(Some)
                .ok_or_else(|| Fault::Request("InvalidQueryRequest", format!("The option '{name}' must be a whole number."))),
        };
        let top = number("$top")?.unwrap_or(PAGE);
        if !(1..=PAGE).contains(&top) {
            let message = format!("The option '$top' must be between 1 and {PAGE}.");
            return Err(Fault::Request("InvalidQueryRequest", message));
        }
        let skip = match options.get("$skipToken").and_then(Value::as_str).filter(|token| !token.is_empty()) {
            Some(token) => opened(token).ok_or_else(|| {
                Fault::Request("InvalidSkipToken", "The option '$skipToken' is no token of an earlier answer.".to_owned())
            })?,
            None => number("$skip")?.unwrap_or(0),
        };
        let table = options.get("resultFormat").and_then(Value::as_str).is_some_and(|form| form.eq_ignore_ascii_case("table"));
        Ok(Self { top, skip, table })
    }

    /// The answer. Without an `id`, or with a limit, there are no further pages, and what is missing is called truncated.
    fn told(self, query: &Query, rows: Vec<Row>) -> Value {
        let total = rows.len();
        let limited = query.stages.iter().any(|stage| matches!(stage, Stage::Take(_)));
        let pages = !limited && query.columns.iter().any(|name| name == "id");
        // A limit switches skipping off too.
        let skip = if limited { 0 } else { self.skip };
        let next = skip + self.top;
        let wanted: Vec<Row> = rows.into_iter().skip(skip).take(self.top).collect();
        let more = next < total;
        let mut told = json!({"totalRecords": total, "count": wanted.len(), "resultTruncated": (more && !pages).to_string(),
            "facets": []});
        if more && pages {
            told["$skipToken"] = json!(STANDARD.encode(json!({"skip": next}).to_string()));
        }
        told["data"] = if self.table { table(query, &wanted) } else { objects(query, &wanted) };
        told
    }
}

fn opened(token: &str) -> Option<usize> {
    let token: Value = serde_json::from_slice(&STANDARD.decode(token).ok()?).ok()?;
    usize::try_from(token["skip"].as_u64()?).ok()
}

fn objects(query: &Query, rows: &[Row]) -> Value {
    let object = |row: &Row| {
        let fields = query.columns.iter().enumerate().map(|(index, name)| (name.clone(), row.cell(index).into_value()));
        Value::Object(fields.collect::<Map<_, _>>())
    };
    rows.iter().map(object).collect()
}

fn table(query: &Query, rows: &[Row]) -> Value {
    let rows: Vec<Vec<Value>> =
        rows.iter().map(|row| (0..query.columns.len()).map(|index| row.cell(index).into_value()).collect()).collect();
    let kind = |index: usize| match rows.iter().map(|row| &row[index]).find(|value| !value.is_null()) {
        Some(Value::Bool(_)) => "boolean",
        Some(Value::Number(_)) => "integer",
        Some(Value::String(_)) => "string",
        _ => "object",
    };
    let columns: Vec<Value> =
        query.columns.iter().enumerate().map(|(index, name)| json!({"name": name, "type": kind(index)})).collect();
    json!({"columns": columns, "rows": rows})
}

#[cfg(test)]
mod tests;
