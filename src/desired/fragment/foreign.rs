//! What others wrote into the map: kept by every merge, and told when somebody asks.

use std::collections::{BTreeMap, BTreeSet};

use super::Fragment;
use super::demand::{Demand, collect};
use super::document::{Document, flag};
use super::merge::merge;
use super::place::{Place, Schema, Setting};
use super::target::{Plane, Target};
use super::text::Text;
use crate::base::go_duration;

/// The map's own versions: read by [`Schema::of`], written by whoever makes the map.
const VERSIONS: [&str; 2] = ["schema-version", "config-version"];

/// Something in the map that no feature of ours asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// `data key/section/key`, or the data key alone when the agents' settings have no such key that aksight knows.
    pub path: String,
    /// What a feature of ours wants there; nothing when none wants anything.
    pub wanted: Option<String>,
    /// What is there; of a whole data key only its size.
    pub found: String,
}

/// Everything in `data` that is not ours and says something else than the agents' default: lines of targets that no wish is
/// about, keep-lists and namespaces that let more through than the wishes do, and whole data keys.
///
/// A map that the agents ignore, or wishes that cannot be merged, have no answer here: [`merge`] says what is wrong.
#[must_use]
pub fn foreign(data: &BTreeMap<String, String>, fragments: &[Fragment]) -> Vec<Foreign> {
    let Ok(schema) = Schema::of(data) else { return Vec::new() };
    let (Ok(demands), Ok(own)) = (collect(schema, fragments), merge(None, fragments)) else { return Vec::new() };
    let own = Document::new(own.schema, own.data);
    let known = places(schema);
    let keys: BTreeSet<&str> = known.iter().map(|(place, _)| place.data_key).collect();
    let mut found = Vec::new();
    for (data_key, value) in data.iter().filter(|(key, value)| !VERSIONS.contains(&key.as_str()) && !value.trim().is_empty()) {
        if !keys.contains(data_key.as_str()) {
            found.push(Foreign { path: data_key.clone(), wanted: None, found: format!("{} bytes of text", value.len()) });
            continue;
        }
        for (section, entry, value) in Text::parse(value).lines() {
            let here = |place: &Place| place.data_key == data_key && place.section == section.as_deref() && place.entry == entry;
            let setting = known.iter().find(|(place, _)| here(place)).map(|(_, setting)| *setting);
            let wanted = match setting.and_then(|setting| Some((setting, demands.get(&setting)?))) {
                // Only these grow around what is there; of everything else another value is drift.
                Some((setting, signed)) if matches!(signed.demand, Demand::Keeping(_) | Demand::Matching(_)) => own.get(setting),
                Some(_) => continue,
                None => None,
            };
            if wanted.as_deref() == Some(value.as_str()) || setting.is_some_and(|setting| is_default(setting, &value)) {
                continue;
            }
            let path = [Some(data_key.clone()), section, Some(entry)].into_iter().flatten().collect::<Vec<_>>().join("/");
            found.push(Foreign { path, wanted, found: value });
        }
    }
    found
}

/// Every line that aksight knows.
fn places(schema: Schema) -> Vec<(Place, Setting)> {
    let of_plane = |plane| {
        let each = |target| [Setting::Scrape(target), Setting::Keep(target), Setting::Interval(target)];
        Target::all(plane).flat_map(each).chain([Setting::Profile(plane).in_schema(schema)])
    };
    let settings = of_plane(Plane::Data).chain(of_plane(Plane::Control));
    let mut all: Vec<(Place, Setting)> =
        settings.chain([Setting::Namespaces, Setting::Alias, Setting::Https]).map(|one| (one.place(schema), one)).collect();
    all.push(match schema {
        Schema::V2 => (Setting::Debug.place(schema), Setting::Debug),
        // A data key of its own (contract §5.2).
        Schema::V1 => (Place { data_key: "debug-mode", section: None, entry: "enabled".to_owned() }, Setting::Debug),
    });
    all
}

/// Whether a line says what the agents do without it.
fn is_default(setting: Setting, value: &str) -> bool {
    match setting {
        Setting::Scrape(target) => flag(value) == Some(target.on_by_default()),
        Setting::Profile(_) | Setting::Https => flag(value) == Some(true),
        Setting::Debug => flag(value) == Some(false),
        Setting::Namespaces | Setting::Keep(_) | Setting::Alias => value.is_empty(),
        Setting::Interval(_) => go_duration::parse(value) == go_duration::parse("30s"),
    }
}
