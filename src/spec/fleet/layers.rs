//! Layers: a later one wins, key by key; a list is replaced whole; null takes a value away.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::shape::SECTIONS;
use crate::spec::source::{Place, Source, escape};

/// The layers of one fleet file.
pub(super) struct Layers<'a> {
    document: &'a Value,
    source: &'a Source,
}

/// A value and where it was written.
type Placed = (Value, BTreeMap<String, Place>);

impl<'a> Layers<'a> {
    pub(super) fn new(document: &'a Value, source: &'a Source) -> Self {
        Self { document, source }
    }

    /// The stack at `entry`, with its name and kind as a file of its own has them.
    pub(super) fn of(&self, entry: &str, overlays: &[String]) -> Placed {
        let mut value = json!({"apiVersion": "aksight/v1", "kind": "Stack"});
        let mut places = BTreeMap::new();
        if let Some(place) = self.source.place(entry) {
            places.insert(String::new(), place.clone());
        }
        let named = overlays.iter().map(|name| format!("/overlays/{}", escape(name)));
        for layer in std::iter::once("/defaults".to_owned()).chain(named).chain([entry.to_owned()]) {
            for section in SECTIONS {
                let from = format!("{layer}/{section}");
                if let Some(there) = self.document.pointer(&from) {
                    self.lay(&mut value[section], &mut places, there, &from, &format!("/{section}"));
                    if value[section].is_null()
                        && let Some(all) = value.as_object_mut()
                    {
                        all.shift_remove(section);
                    }
                }
            }
        }
        value["metadata"] = json!({"name": self.document.pointer(&format!("{entry}/name")).cloned().unwrap_or_default()});
        for pointer in ["/metadata", "/metadata/name"] {
            if let Some(place) = self.source.place(&format!("{entry}/name")) {
                places.insert(pointer.to_owned(), place.clone());
            }
        }
        (value, places)
    }

    /// Lays `over` upon `under`; `from` is where it is written, `to` where it belongs.
    fn lay(&self, under: &mut Value, places: &mut BTreeMap<String, Place>, over: &Value, from: &str, to: &str) {
        if let (Value::Object(under), Value::Object(over)) = (&mut *under, over) {
            for (key, value) in over {
                let (from, to) = (format!("{from}/{}", escape(key)), format!("{to}/{}", escape(key)));
                let mut there = under.shift_remove(key).unwrap_or(Value::Null);
                self.lay(&mut there, places, value, &from, &to);
                if !there.is_null() {
                    under.insert(key.clone(), there);
                }
            }
            if let Some(place) = self.source.place(from) {
                places.insert(to.to_owned(), place.clone());
            }
            return;
        }
        forget(places, to);
        *under = without_nulls(over);
        if !over.is_null() {
            places.extend(self.source.below(from).map(|(rest, place)| (format!("{to}{rest}"), place.clone())));
        }
    }
}

/// A mapping that is taken over whole has nothing to take away.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(all) => Value::Object(
            all.iter()
                .filter(|(_, one)| !one.is_null())
                .map(|(key, one)| (key.clone(), without_nulls(one)))
                .collect::<Map<_, _>>(),
        ),
        other => other.clone(),
    }
}

/// Places at and below a pointer.
fn forget(places: &mut BTreeMap<String, Place>, at: &str) {
    let below = format!("{at}/");
    places.retain(|pointer, _| pointer != at && !pointer.starts_with(&below));
}
