//! The merge: read what is there, write what a wish needs and nothing more.

use std::collections::{BTreeMap, BTreeSet};

use super::demand::{Demand, Signed, collect};
use super::document::{Document, Literal, flag};
use super::pattern::Pattern;
use super::place::{Schema, Setting, V2_KEYS};
use super::target::Target;
use super::{Change, Fragment, MergeError, Merged, Warning};
use crate::base::go_duration;

/// Who signs what no feature asked for but the agents need.
const HOUSE: &str = "aksight";

/// Puts `fragments` into the `data` of the map as it was read; nothing, or an empty map, becomes a new v2 map.
///
/// The result depends neither on the order of the fragments nor on how often it is merged again.
///
/// # Errors
/// [`MergeError`] when two features disagree, a wish is not valid, or the agents would ignore the map whatever it says.
pub fn merge(existing: Option<&BTreeMap<String, String>>, fragments: &[Fragment]) -> Result<Merged, MergeError> {
    let existing = existing.filter(|data| !data.is_empty());
    let schema = existing.map_or(Ok(Schema::V2), Schema::of)?;
    let mut demands = collect(schema, fragments)?;
    let mut work = Work {
        born: existing.is_none(),
        fresh: BTreeSet::new(),
        pods_scraped: false,
        document: Document::new(schema, existing.cloned().unwrap_or_default()),
        changes: Vec::new(),
        warnings: Vec::new(),
    };
    if !demands.is_empty() {
        work.pods_scraped = work.document.get(Setting::Namespaces).is_some_and(|text| !text.is_empty());
        work.prepare(&mut demands);
        // The profile decides whether an empty keep-list lets everything through, so it is settled before the keep-lists, except
        // in a new map, where order is looks.
        if !work.born {
            work.apply_all(&demands, |setting| matches!(setting, Setting::Profile(_)));
        }
        work.apply_all(&demands, |_| true);
    }
    let Work { document, changes, mut warnings, .. } = work;
    warnings.extend(document.invalid_keep_lists().into_iter().map(|(path, pattern, why)| Warning::InvalidKeepList {
        path,
        pattern,
        why,
    }));
    Ok(Merged { schema, data: document.into_data(), changes, warnings })
}

struct Work {
    /// No map was there.
    born: bool,
    /// Data keys that are written anew; they say everything, also what is the default.
    fresh: BTreeSet<&'static str>,
    /// Annotated pods were scraped before this merge.
    pods_scraped: bool,
    document: Document,
    changes: Vec<Change>,
    warnings: Vec<Warning>,
}

impl Work {
    /// The parts that a v2 map must have whatever is wished.
    fn prepare(&mut self, demands: &mut BTreeMap<Setting, Signed>) {
        if self.document.schema() == Schema::V1 {
            return;
        }
        if self.born {
            self.head("schema-version", "v2");
            self.head("config-version", "ver1");
        }
        self.fresh = V2_KEYS.into_iter().filter(|key| !self.document.has(key)).collect();
        for &data_key in &self.fresh {
            for (setting, on) in Setting::defaults(data_key) {
                let reason = "agents before 7.1.0 ignore a map without all three sections";
                demands.entry(setting).or_insert_with(|| Signed::new(Demand::Exactly(Literal::Flag(on)), HOUSE, reason));
            }
            if data_key == V2_KEYS[2] {
                let none = Demand::Exactly(Literal::Quoted(String::new()));
                let reason = "the cluster keeps its own name as label";
                demands.entry(Setting::Alias).or_insert_with(|| Signed::new(none, HOUSE, reason));
            }
        }
    }

    fn head(&mut self, key: &str, value: &str) {
        self.changes.push(Change {
            path: key.to_owned(),
            before: None,
            after: value.to_owned(),
            author: HOUSE.to_owned(),
            reason: "no settings map was there".to_owned(),
        });
        self.document.put(key, value);
    }

    fn apply_all(&mut self, demands: &BTreeMap<Setting, Signed>, which: impl Fn(Setting) -> bool) {
        for (setting, signed) in demands.iter().filter(|(setting, _)| which(**setting)) {
            let before = self.document.get(*setting);
            let Some(after) = self.wanted(*setting, &signed.demand, before.as_deref()) else { continue };
            self.document.set(*setting, &after);
            self.changes.push(Change {
                path: self.document.place(*setting).path(),
                before,
                after: after.plain(),
                author: signed.author(),
                reason: signed.reason(),
            });
        }
    }

    /// What must be written; nothing when what is there does already.
    fn wanted(&mut self, setting: Setting, demand: &Demand, before: Option<&str>) -> Option<Literal> {
        match demand {
            Demand::Exactly(Literal::Flag(on)) => {
                let fine = match before {
                    Some(text) => flag(text) == Some(*on),
                    None => self.may_rest(setting) && default_of(setting) == Some(*on),
                };
                (!fine).then_some(Literal::Flag(*on))
            }
            Demand::Exactly(Literal::Quoted(text)) => {
                let fine = before.map_or(self.may_rest(setting) && text.is_empty(), |there| there == text);
                (!fine).then(|| Literal::Quoted(text.clone()))
            }
            Demand::Every(every) => {
                let there = before.or(self.may_rest(setting).then_some("30s"));
                let fine = there.is_some_and(|there| go_duration::parse(there) == go_duration::parse(every));
                (!fine).then(|| Literal::Quoted(every.clone()))
            }
            Demand::Matching(names) => self.matching(setting, names, before),
            Demand::Keeping(patterns) => match setting {
                Setting::Keep(target) => self.keeping(target, patterns, before),
                _ => None,
            },
        }
    }

    /// Whether an absent line may stay absent because the agents' default is what is wanted.
    fn may_rest(&self, setting: Setting) -> bool {
        !self.fresh.contains(self.document.place(setting).data_key)
    }

    fn matching(&mut self, setting: Setting, names: &BTreeSet<String>, before: Option<&str>) -> Option<Literal> {
        let there = self.readable(setting, before.unwrap_or_default());
        let missing: Vec<&str> =
            names.iter().map(String::as_str).filter(|name| !there.as_ref().is_some_and(|there| there.matches(name))).collect();
        if missing.is_empty() {
            return None;
        }
        let old = there.as_ref().map(Pattern::as_str).into_iter();
        Some(Literal::Quoted(old.chain(missing).collect::<Vec<_>>().join("|")))
    }

    fn keeping(
        &mut self,
        target: Target,
        patterns: &BTreeMap<String, BTreeSet<String>>,
        before: Option<&str>,
    ) -> Option<Literal> {
        let setting = Setting::Keep(target);
        let before = before.unwrap_or_default();
        if before.is_empty() && self.is_open(target) {
            return None;
        }
        let mut list = self.readable(setting, before);
        let mut grown = false;
        for (text, names) in patterns {
            // Both were checked when they were collected.
            let Ok(wish) = Pattern::parse(text) else { continue };
            if list.as_ref().is_some_and(|list| covers(list, &wish, names)) {
                continue;
            }
            match list.as_ref().map(|old| old.or(&wish)) {
                None => list = Some(wish),
                Some(Ok(both)) => list = Some(both),
                Some(Err(why)) => {
                    let path = self.document.place(setting).path();
                    self.warnings.push(Warning::NotJoined { path, pattern: text.clone(), why });
                    continue;
                }
            }
            grown = true;
        }
        list.filter(|_| grown).map(|list| Literal::Quoted(list.as_str().to_owned()))
    }

    /// Whether an empty keep-list lets everything of this target through already (contract §5.4).
    fn is_open(&mut self, target: Target) -> bool {
        if target != Target::POD_ANNOTATIONS {
            return !self.document.profile(target.plane());
        }
        if self.pods_scraped {
            let path = self.document.place(Setting::Keep(target)).path();
            self.warnings.push(Warning::OpenPodAnnotations { path });
        }
        self.pods_scraped
    }

    /// The expression that is there; an invalid one is reported, because it is going to be replaced.
    fn readable(&mut self, setting: Setting, before: &str) -> Option<Pattern> {
        if before.is_empty() {
            return None;
        }
        match Pattern::parse(before) {
            Ok(pattern) => Some(pattern),
            Err(why) => {
                let path = self.document.place(setting).path();
                self.warnings.push(Warning::Replaced { path, before: before.to_owned(), why });
                None
            }
        }
    }
}

fn covers(list: &Pattern, wish: &Pattern, names: &BTreeSet<String>) -> bool {
    list.contains(wish) || (!names.is_empty() && names.iter().all(|name| list.matches(name)))
}

fn default_of(setting: Setting) -> Option<bool> {
    match setting {
        Setting::Scrape(target) => Some(target.on_by_default()),
        Setting::Profile(_) => Some(true),
        _ => None,
    }
}
