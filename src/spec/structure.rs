//! The shape of the file against its schema: unknown and missing keys, types, listed values. All problems in one go.
//!
//! After each round the reported places are taken out or filled with stand-ins, so that the rules about meaning can still
//! look at the rest of the file; whatever they say about a place that was touched is left unsaid.

use std::sync::LazyLock;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{ValidationError, Validator};
use serde_json::{Value, json};

use super::schema;
use super::source::{Source, dotted, escape, unescape};
use super::suggest;
use crate::diag::{Code, Diagnostic};

static VALIDATOR: LazyLock<Option<Validator>> = LazyLock::new(|| jsonschema::validator_for(schema()).ok());

/// More rounds than the file has levels.
const ROUNDS: usize = 12;

/// Mappings whose keys belong to the user: an empty value there is a mistake, not an omission.
const FREE: [&str; 5] = ["tags", "variables", "targets", "keepLists", "intervals"];

/// A file in the right shape, and what had to be done for that.
pub(super) struct Shaped {
    pub(super) value: Value,
    pub(super) problems: Vec<Diagnostic>,
    /// Pointers at which something was taken out or filled in.
    pub(super) touched: Vec<String>,
}

/// Checks and mends.
pub(super) fn shape(mut value: Value, source: &Source) -> Shaped {
    drop_empty(&mut value, false);
    let mut shaped = Shaped { value, problems: Vec::new(), touched: Vec::new() };
    let Some(validator) = VALIDATOR.as_ref() else { return shaped };
    respell(&mut shaped.value, source, validator);
    for _ in 0..ROUNDS {
        let found = flat(validator.iter_errors(&shaped.value));
        // A file of another format or version is that and nothing else.
        let foreign: Vec<_> = found.iter().filter(|fault| fault.is_foreign()).collect();
        if !foreign.is_empty() {
            shaped.problems = foreign.into_iter().map(|fault| fault.tell(source, &shaped.value)).collect();
            return shaped;
        }
        if found.is_empty() {
            break;
        }
        let meant: Vec<String> = found.iter().filter_map(Fault::meant).collect();
        for fault in &found {
            let pointer = fault.pointer();
            let follows = meant.contains(&pointer) || shaped.touched.iter().any(|touched| within(&pointer, touched));
            if !(follows && matches!(fault.kind, Kind::Missing(_))) {
                shaped.problems.push(fault.tell(source, &shaped.value));
            }
        }
        for fault in &found {
            let touched = fault.mend(&mut shaped.value);
            shaped.touched.push(touched);
        }
    }
    shaped
}

/// Whether `pointer` is `around` or below it.
pub(super) fn within(pointer: &str, around: &str) -> bool {
    pointer.strip_prefix(around).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// `tenant:` without a value is the same as no `tenant`.
fn drop_empty(value: &mut Value, free: bool) {
    match value {
        Value::Object(all) => {
            if !free {
                all.retain(|_, value| !value.is_null());
            }
            all.iter_mut().for_each(|(key, value)| drop_empty(value, FREE.contains(&key.as_str())));
        }
        Value::Array(all) => all.iter_mut().for_each(|value| drop_empty(value, false)),
        _ => {}
    }
}

/// Where text is asked for and a number is written without quotes, its spelling is what was meant: `1.30` is not 1.3.
fn respell(value: &mut Value, source: &Source, validator: &Validator) {
    let wanted: Vec<String> = flat(validator.iter_errors(value))
        .into_iter()
        .filter(|fault| fault.found.is_number() && fault.takes_text())
        .map(|fault| fault.at)
        .collect();
    for pointer in wanted {
        if let (Some(text), Some(there)) = (source.plain(&pointer), value.pointer_mut(&pointer)) {
            *there = Value::String(text.to_owned());
        }
    }
}

#[derive(Debug)]
enum Kind {
    Unknown(String),
    Missing(String),
    Type,
    Choice,
    Least(Value),
    Most(Value),
    Other(String),
}

#[derive(Debug)]
struct Fault {
    at: String,
    kind: Kind,
    found: Value,
}

fn flat<'a>(errors: impl Iterator<Item = ValidationError<'a>>) -> Vec<Fault> {
    errors.flat_map(|error| faults(&error)).collect()
}

fn faults(error: &ValidationError<'_>) -> Vec<Fault> {
    let at = error.instance_path().as_str().to_owned();
    let one = |kind| vec![Fault { at: at.clone(), kind, found: error.instance().clone().into_owned() }];
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            unexpected.iter().flat_map(|key| one(Kind::Unknown(key.clone()))).collect()
        }
        ValidationErrorKind::Required { property } => one(Kind::Missing(property.as_str().unwrap_or_default().to_owned())),
        ValidationErrorKind::Type { .. } => one(Kind::Type),
        ValidationErrorKind::Enum { .. } | ValidationErrorKind::Constant { .. } => one(Kind::Choice),
        ValidationErrorKind::Minimum { limit } => one(Kind::Least(limit.clone())),
        ValidationErrorKind::Maximum { limit } => one(Kind::Most(limit.clone())),
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
            alternative(context, &at).unwrap_or_else(|| one(Kind::Choice))
        }
        _ => one(Kind::Other(error.to_string())),
    }
}

/// Of several alternatives the one that has the right type and fails further inside.
fn alternative(context: &[Vec<ValidationError<'static>>], at: &str) -> Option<Vec<Fault>> {
    use ValidationErrorKind::{AnyOf, Constant, Enum, OneOfNotValid, Type};
    let outside = |error: &ValidationError<'_>| {
        let by_kind = matches!(error.kind(), Type { .. } | Constant { .. } | Enum { .. } | OneOfNotValid { .. } | AnyOf { .. });
        by_kind && error.instance_path().as_str() == at
    };
    let chosen = context.iter().find(|errors| !errors.iter().any(outside))?;
    Some(chosen.iter().flat_map(faults).collect())
}

impl Fault {
    /// The field it is about, which for a missing one does not exist.
    fn pointer(&self) -> String {
        match &self.kind {
            Kind::Missing(key) | Kind::Unknown(key) => format!("{}/{}", self.at, escape(key)),
            _ => self.at.clone(),
        }
    }

    /// The field that an unknown key was probably meant for.
    fn meant(&self) -> Option<String> {
        let Kind::Unknown(key) = &self.kind else { return None };
        let known = schema::keys(schema::at(&self.at)?);
        suggest::nearest(key, known).map(|meant| format!("{}/{meant}", self.at))
    }

    /// Whether the file says of itself that it is something else.
    fn is_foreign(&self) -> bool {
        matches!(self.kind, Kind::Choice) && ["/apiVersion", "/kind"].contains(&self.at.as_str())
    }

    fn takes_text(&self) -> bool {
        schema::at(&self.at).is_some_and(|node| {
            let texts = |node: &Value| match &node["type"] {
                Value::Array(all) => all.iter().any(|one| one == "string"),
                one => one == "string",
            };
            texts(node) || schema::branches(node).any(texts)
        })
    }

    fn tell(&self, source: &Source, whole: &Value) -> Diagnostic {
        let name = dotted(&self.at);
        let span = source.span(&self.at);
        match &self.kind {
            Kind::Unknown(key) => self.unknown(key, source),
            Kind::Missing(key) => missing(&self.at, key, source),
            Kind::Type if self.at.is_empty() => whole_file(whole).at(span),
            Kind::Type | Kind::Choice => self.wrong(&name).at(span),
            Kind::Least(limit) => {
                Diagnostic::error(Code::SpecValue, format!("`{name}` must be at least {limit}, found {}", self.found)).at(span)
            }
            Kind::Most(limit) => {
                Diagnostic::error(Code::SpecValue, format!("`{name}` must be at most {limit}, found {}", self.found)).at(span)
            }
            Kind::Other(why) => Diagnostic::error(Code::SpecValue, format!("`{name}`: {why}")).at(span),
        }
    }

    fn unknown(&self, key: &str, source: &Source) -> Diagnostic {
        let span = source.key_span(&format!("{}/{}", self.at, escape(key)));
        let known = schema::at(&self.at).map(schema::keys).unwrap_or_default();
        let place = if self.at.is_empty() { "the file".to_owned() } else { format!("`{}`", dotted(&self.at)) };
        let told = Diagnostic::error(Code::SpecUnknownKey, format!("{place} has no key `{key}`")).at(span);
        let told = if let Some(meant) = suggest::nearest(key, known.iter().copied()) {
            told.hint(format!("did you mean `{meant}`?"))
        } else if let [home] = schema::homes(key).as_slice() {
            told.hint(format!("it belongs to `{}`", dotted(home.rsplit_once('/').map_or("", |(parent, _)| parent))))
        } else {
            told
        };
        told.hint(format!("known keys are {}", suggest::list(&known).replace(" or ", " and ")))
    }

    fn wrong(&self, name: &str) -> Diagnostic {
        let node = schema::at(&self.at);
        let choices = node.map(schema::choices).unwrap_or_default();
        let found = shown(&self.found);
        if choices.is_empty() {
            let wanted = node.map_or("something else", wanted);
            let told = Diagnostic::error(Code::SpecType, format!("`{name}` must be {wanted}, found {found}"));
            return match (&self.found, wanted) {
                (Value::String(text), "`true` or `false`") if is_old_boolean(text) => {
                    told.hint("YAML 1.2 reads `yes`, `no`, `on` and `off` as text: write `true` or `false`")
                }
                (Value::Bool(_), "text") => told.hint("put it in quotes if this is the text you mean"),
                (Value::String(text), "a whole number") if text.parse::<u64>().is_ok() => told.hint("leave the quotes out"),
                _ => told,
            };
        }
        let quantity = if choices.len() == 1 { "must be" } else { "must be one of" };
        let told = Diagnostic::error(Code::SpecValue, format!("`{name}` {quantity} {}, found {found}", suggest::list(&choices)));
        match self.found.as_str().and_then(|text| suggest::nearest(text, choices.iter().copied())) {
            Some(meant) => told.hint(format!("did you mean `{meant}`?")),
            None => told,
        }
    }

    /// Takes the fault out of `value`; gives the pointer that was touched.
    fn mend(&self, value: &mut Value) -> String {
        match &self.kind {
            Kind::Unknown(key) => {
                if let Some(Value::Object(all)) = value.pointer_mut(&self.at) {
                    all.shift_remove(key);
                }
                format!("{}/{}", self.at, escape(key))
            }
            Kind::Missing(key) => {
                let at = format!("{}/{}", self.at, escape(key));
                if let Some(Value::Object(all)) = value.pointer_mut(&self.at) {
                    all.insert(key.clone(), stand_in(&at));
                }
                at
            }
            _ => take_out(value, &self.at),
        }
    }
}

/// Removes a value; out of a list the whole list goes, so that the positions of its other members stay true.
fn take_out(value: &mut Value, at: &str) -> String {
    let Some((parent, key)) = at.rsplit_once('/') else {
        *value = json!({});
        return String::new();
    };
    match value.pointer_mut(parent) {
        Some(Value::Object(all)) => {
            all.shift_remove(&unescape(key));
            at.to_owned()
        }
        Some(Value::Array(_)) => take_out(value, parent),
        _ => at.to_owned(),
    }
}

fn stand_in(at: &str) -> Value {
    let node = schema::at(at);
    match node.map(schema::choices).unwrap_or_default().first() {
        Some(choice) => json!(choice),
        None if node.is_some_and(|node| node["type"] == "object") => json!({}),
        None => json!("standin"),
    }
}

fn missing(at: &str, key: &str, source: &Source) -> Diagnostic {
    let pointer = format!("{at}/{}", escape(key));
    let node = schema::at(&pointer);
    let told = Diagnostic::error(Code::SpecMissingKey, format!("`{}` is missing", dotted(&pointer))).at(source.key_span(at));
    match (node.map(schema::choices).unwrap_or_default().as_slice(), schema::described(&pointer)) {
        ([only], _) => told.hint(format!("add `{key}: {only}`")),
        (_, Some(text)) => told.hint(format!("add `{key}`: {}", text.replace('\n', " "))),
        _ => told,
    }
}

fn whole_file(whole: &Value) -> Diagnostic {
    let told = if whole.is_null() { "the file is empty" } else { "the file must be a mapping of keys to values" };
    Diagnostic::error(Code::SpecType, told).hint("`aksight init` writes a file to start from")
}

fn wanted(node: &Value) -> &'static str {
    let one = match &node["type"] {
        Value::Array(all) => all.iter().find(|one| *one != "null").and_then(Value::as_str),
        one => one.as_str(),
    };
    match one {
        Some("string") => "text",
        Some("boolean") => "`true` or `false`",
        Some("integer") => "a whole number",
        Some("array") => "a list",
        Some("object") => "a mapping",
        _ => "an object id, or a mapping with `objectId` and `type`",
    }
}

fn shown(found: &Value) -> String {
    match found {
        Value::Null => "nothing".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a mapping".to_owned(),
        Value::String(text) if text.chars().count() > 60 => "a long text".to_owned(),
        Value::String(text) => format!("`{}`", text.escape_debug()),
        other => format!("`{other}`"),
    }
}

fn is_old_boolean(text: &str) -> bool {
    ["yes", "no", "on", "off", "y", "n"].contains(&text.to_ascii_lowercase().as_str())
}
