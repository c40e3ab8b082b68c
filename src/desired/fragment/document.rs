//! The whole map, line by line addressable, printed back with nothing else touched.

use std::collections::BTreeMap;

use super::pattern::Pattern;
use super::place::{Place, Schema, Setting};
use super::target::{Plane, Target};
use super::text::{Text, quote};

/// The map's data while it is being edited.
pub(super) struct Document {
    schema: Schema,
    data: BTreeMap<String, String>,
}

/// What is written behind `=`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Literal {
    Flag(bool),
    Quoted(String),
}

impl Literal {
    pub(super) fn plain(&self) -> String {
        match self {
            Self::Flag(on) => on.to_string(),
            Self::Quoted(text) => text.clone(),
        }
    }
}

impl Document {
    pub(super) fn new(schema: Schema, data: BTreeMap<String, String>) -> Self {
        Self { schema, data }
    }

    pub(super) fn schema(&self) -> Schema {
        self.schema
    }

    /// Whether this data key holds anything.
    pub(super) fn has(&self, data_key: &str) -> bool {
        self.data.get(data_key).is_some_and(|text| !text.trim().is_empty())
    }

    pub(super) fn place(&self, setting: Setting) -> Place {
        setting.place(self.schema)
    }

    pub(super) fn get(&self, setting: Setting) -> Option<String> {
        let place = self.place(setting);
        Text::parse(self.data.get(place.data_key)?).get(place.section, &place.entry)
    }

    pub(super) fn set(&mut self, setting: Setting, literal: &Literal) {
        let place = self.place(setting);
        let value = self.data.entry(place.data_key.to_owned()).or_default();
        let mut text = Text::parse(value);
        let raw = match literal {
            Literal::Flag(on) => on.to_string(),
            Literal::Quoted(plain) => quote(plain),
        };
        text.set(place.section, &place.entry, &raw);
        *value = text.print();
    }

    /// Writes a whole data key.
    pub(super) fn put(&mut self, data_key: &str, value: &str) {
        self.data.insert(data_key.to_owned(), value.to_owned());
    }

    /// The minimal ingestion profile in force; on unless the map says otherwise (contract §5.4).
    pub(super) fn profile(&self, plane: Plane) -> bool {
        self.get(Setting::Profile(plane).in_schema(self.schema)).and_then(|text| flag(&text)).unwrap_or(true)
    }

    /// Keep-lists that are not valid expressions, with path, text and reason.
    pub(super) fn invalid_keep_lists(&self) -> Vec<(String, String, String)> {
        let places = [Plane::Data, Plane::Control].map(|plane| {
            let first = Target::all(plane).next();
            first.map(|target| self.place(Setting::Keep(target)))
        });
        let mut found = Vec::new();
        for place in places.into_iter().flatten() {
            let Some(value) = self.data.get(place.data_key) else { continue };
            for (entry, pattern) in Text::parse(value).all(place.section) {
                if let Err(why) = Pattern::parse(&pattern) {
                    found.push((Place { entry, ..place.clone() }.path(), pattern, why));
                }
            }
        }
        found.sort();
        found.dedup();
        found
    }

    pub(super) fn into_data(self) -> BTreeMap<String, String> {
        self.data
    }
}

/// A switch as Go's `ParseBool` reads it.
pub(super) fn flag(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}
