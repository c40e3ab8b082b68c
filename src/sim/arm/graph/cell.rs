//! One value of a row, borrowed from the world wherever that is possible: a page must not cost a copy of everything.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::Value;

use super::syntax::{Comparison, Function, Step};

/// A value.
#[derive(Clone, Debug)]
pub enum Cell<'a> {
    /// A text.
    Text(&'a str),
    /// Part of a body, or a literal.
    Borrowed(&'a Value),
    /// One that was made.
    Made(Value),
}

impl Cell<'_> {
    /// Nothing.
    pub const NULL: Self = Self::Made(Value::Null);

    /// The value as it leaves.
    pub fn into_value(self) -> Value {
        match self {
            Self::Text(text) => Value::String(text.to_owned()),
            Self::Borrowed(value) => value.clone(),
            Self::Made(value) => value,
        }
    }

    fn value(&self) -> Option<&Value> {
        match self {
            Self::Text(_) => None,
            Self::Borrowed(value) => Some(value),
            Self::Made(value) => Some(value),
        }
    }

    fn number(&self) -> Option<f64> {
        self.value()?.as_f64()
    }

    /// As `tostring` tells it: nothing is the empty text, objects are JSON.
    pub fn text(&self) -> Cow<'_, str> {
        match self.value() {
            None => Cow::Borrowed(if let Self::Text(text) = self { text } else { "" }),
            Some(Value::Null) => Cow::Borrowed(""),
            Some(Value::String(text)) => Cow::Borrowed(text),
            Some(other) => Cow::Owned(other.to_string()),
        }
    }

    /// Whether it is true.
    pub fn truth(&self) -> bool {
        self.value().and_then(Value::as_bool).unwrap_or(false)
    }

    /// What lies within.
    #[must_use]
    pub fn into_step(self, step: &Step) -> Self {
        fn inside<'v>(value: &'v Value, step: &Step) -> Option<&'v Value> {
            match step {
                Step::Field(field) => value.get(field),
                Step::Index(index) => value.get(index),
            }
        }
        match self {
            Self::Text(_) => Self::NULL,
            Self::Borrowed(value) => inside(value, step).map_or(Self::NULL, Self::Borrowed),
            Self::Made(value) => Self::Made(inside(&value, step).cloned().unwrap_or_default()),
        }
    }

    /// The order of two values: numbers by size, everything else by its text.
    pub fn order(&self, other: &Self) -> Ordering {
        match (self.number(), other.number()) {
            (Some(one), Some(two)) => one.total_cmp(&two),
            _ => self.text().cmp(&other.text()),
        }
    }

    /// A comparison.
    pub fn compares(&self, how: Comparison, other: &Self) -> bool {
        let found = |test: fn(&str, &str) -> bool| test(&self.text().to_lowercase(), &other.text().to_lowercase());
        match how {
            Comparison::Equal => self.order(other) == Ordering::Equal,
            Comparison::Alike => self.text().eq_ignore_ascii_case(&other.text()),
            Comparison::Less => self.order(other) == Ordering::Less,
            Comparison::Greater => self.order(other) == Ordering::Greater,
            Comparison::Has => found(has),
            Comparison::Contains => found(|text, part| text.contains(part)),
            Comparison::Starts => found(|text, part| text.starts_with(part)),
            Comparison::Ends => found(|text, part| text.ends_with(part)),
        }
    }

    /// A function of values; of one value all but `strcat`.
    pub fn called(function: Function, values: &[Self]) -> Self {
        let first = values.first().unwrap_or(&Self::NULL);
        let nothing = first.value().is_some_and(Value::is_null);
        Self::Made(match function {
            Function::Text => Value::String(first.text().into_owned()),
            Function::Lower => Value::String(first.text().to_lowercase()),
            Function::Upper => Value::String(first.text().to_uppercase()),
            Function::Bool => match first.text().to_lowercase().as_str() {
                "true" | "1" => Value::Bool(true),
                "false" | "0" => Value::Bool(false),
                _ => Value::Null,
            },
            Function::Integer => first.text().parse::<i64>().map_or(Value::Null, Value::from),
            Function::Length => first.value().and_then(Value::as_array).map_or(Value::Null, |list| Value::from(list.len())),
            Function::Empty => Value::Bool(first.text().is_empty()),
            Function::NotEmpty => Value::Bool(!first.text().is_empty()),
            Function::Null => Value::Bool(nothing),
            Function::NotNull => Value::Bool(!nothing),
            Function::Joined => Value::String(values.iter().map(Self::text).collect()),
        })
    }
}

/// Whether a text holds another as a whole word.
fn has(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric();
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back().is_none_or(|c| !part(c));
        before && text[at + word.len()..].chars().next().is_none_or(|c| !part(c))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_compare_as_kusto_compares_them() {
        let cell = |value: Value| Cell::Made(value);
        let yes = |one: Value, how, two: Value| cell(one).compares(how, &cell(two));
        assert!(yes(json!("Ab"), Comparison::Alike, json!("aB")) && !yes(json!("Ab"), Comparison::Equal, json!("aB")));
        assert!(yes(json!(true), Comparison::Equal, json!(true)) && !yes(json!(null), Comparison::Equal, json!(true)));
        assert!(yes(json!(2), Comparison::Less, json!(10)) && yes(json!("b"), Comparison::Greater, json!("a")));
        assert!(yes(json!("MC_rg_aks-1"), Comparison::Has, json!("AKS")));
        assert!(!yes(json!("MC_rg_aks1"), Comparison::Has, json!("aks")));
        assert!(yes(json!("MC_rg_aks1"), Comparison::Contains, json!("aks")));
    }

    #[test]
    fn functions_take_nothing_for_nothing() {
        let called = |function, value: &Value| Cell::called(function, &[Cell::Borrowed(value)]).into_value();
        assert_eq!(called(Function::Text, &json!({"a": [1]})), json!("{\"a\":[1]}"));
        assert_eq!(called(Function::Text, &Value::Null), json!(""));
        assert_eq!(called(Function::Bool, &json!("True")), json!(true));
        assert_eq!(called(Function::Length, &json!([1, 2])), json!(2));
        assert_eq!(called(Function::Empty, &Value::Null), json!(true));
        assert_eq!(called(Function::NotNull, &json!({})), json!(true));
    }
}
