//! All fragments together: one demand per place, or the two authors who disagree.

use std::collections::{BTreeMap, BTreeSet};

use super::document::Literal;
use super::pattern::Pattern;
use super::place::{Schema, Setting};
use super::target::{Plane, Target};
use super::{Fragment, MergeError, Wish};
use crate::base::go_duration;

/// What a place shall hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Demand {
    /// Exactly this.
    Exactly(Literal),
    /// A duration of this length.
    Every(String),
    /// An expression that full-matches each of these names.
    Matching(BTreeSet<String>),
    /// A keep-list that lets each of these patterns through; the names prove it.
    Keeping(BTreeMap<String, BTreeSet<String>>),
}

/// A demand with those who made it.
#[derive(Clone, Debug)]
pub(super) struct Signed {
    pub(super) demand: Demand,
    pub(super) authors: BTreeSet<String>,
    pub(super) reasons: BTreeSet<String>,
}

impl Signed {
    pub(super) fn new(demand: Demand, author: &str, reason: &str) -> Self {
        Self { demand, authors: BTreeSet::from([author.to_owned()]), reasons: BTreeSet::from([reason.to_owned()]) }
    }

    pub(super) fn author(&self) -> String {
        join(&self.authors, ", ")
    }

    pub(super) fn reason(&self) -> String {
        join(&self.reasons, "; ")
    }
}

fn join(all: &BTreeSet<String>, with: &str) -> String {
    all.iter().map(String::as_str).collect::<Vec<_>>().join(with)
}

/// Checks every wish and puts those for one place together.
pub(super) fn collect(schema: Schema, fragments: &[Fragment]) -> Result<BTreeMap<Setting, Signed>, MergeError> {
    let mut sorted: Vec<&Fragment> = fragments.iter().collect();
    sorted.sort_by(|a, b| (&a.author, &a.reason).cmp(&(&b.author, &b.reason)));
    let mut all: BTreeMap<Setting, Signed> = BTreeMap::new();
    for fragment in sorted {
        for wish in &fragment.wishes {
            let Some((setting, demand)) = read(schema, &fragment.author, wish)? else { continue };
            let signed = Signed::new(demand, &fragment.author, &fragment.reason);
            match all.remove(&setting) {
                None => all.insert(setting, signed),
                Some(there) => all.insert(setting, unite(there, signed, || setting.place(schema).path())?),
            };
        }
    }
    Ok(all)
}

fn read(schema: Schema, author: &str, wish: &Wish) -> Result<Option<(Setting, Demand)>, MergeError> {
    let exactly = |literal| Demand::Exactly(literal);
    let (setting, demand) = match wish {
        Wish::Scrape(target, on) => (Setting::Scrape(*target), exactly(Literal::Flag(*on))),
        Wish::MinimalProfile(plane, on) => (Setting::Profile(*plane).in_schema(schema), exactly(Literal::Flag(*on))),
        Wish::ClusterAlias(alias) => (Setting::Alias, exactly(Literal::Quoted(alias.clone()))),
        Wish::Interval(target, every) => (Setting::Interval(*target), Demand::Every(every.clone())),
        Wish::PodAnnotations(namespaces) if namespaces.is_empty() => return Ok(None),
        Wish::PodAnnotations(namespaces) => (Setting::Namespaces, Demand::Matching(namespaces.iter().cloned().collect())),
        Wish::Keep { pattern, .. } if pattern.is_empty() => return Ok(None),
        Wish::Keep { target, pattern, names } => {
            let names = names.iter().cloned().collect();
            (Setting::Keep(*target), Demand::Keeping(BTreeMap::from([(pattern.clone(), names)])))
        }
    };
    check(schema, author, setting, &demand)?;
    Ok(Some((setting, demand)))
}

fn check(schema: Schema, author: &str, setting: Setting, demand: &Demand) -> Result<(), MergeError> {
    let path = || setting.place(schema).path();
    let refuse =
        |value: &str, why| Err(MergeError::Value { author: author.to_owned(), path: path(), value: value.to_owned(), why });
    if matches!(setting, Setting::Scrape(target) if target == Target::POD_ANNOTATIONS) {
        return refuse("podannotations", "it has no switch; name the namespaces instead");
    }
    match demand {
        Demand::Exactly(literal) if has_control(&literal.plain()) => refuse(&literal.plain(), "one line of text is expected"),
        Demand::Exactly(_) => Ok(()),
        Demand::Every(every) if go_duration::parse(every).is_none() => refuse(every, "a duration such as `30s` is expected"),
        Demand::Every(every) => match setting {
            Setting::Interval(target) if target.plane() == Plane::Control => {
                refuse(every, "the interval of the control plane is fixed at 30 s")
            }
            _ => Ok(()),
        },
        Demand::Matching(names) => match names.iter().find(|name| !is_namespace(name)) {
            Some(bad) => refuse(bad, "the name of a namespace is expected"),
            None => Ok(()),
        },
        Demand::Keeping(patterns) => patterns.keys().try_for_each(|pattern| {
            if has_control(pattern) {
                return refuse(pattern, "one line of text is expected");
            }
            match Pattern::parse(pattern) {
                Ok(_) => Ok(()),
                Err(why) => Err(MergeError::Pattern { author: author.to_owned(), path: path(), pattern: pattern.clone(), why }),
            }
        }),
    }
}

/// Line breaks of any kind would end the line in the map.
fn has_control(text: &str) -> bool {
    text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
}

/// A DNS label, as Kubernetes names namespaces.
fn is_namespace(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=63).contains(&name.len()) && name.chars().all(inner) && !name.starts_with('-') && !name.ends_with('-')
}

fn unite(first: Signed, second: Signed, path: impl Fn() -> String) -> Result<Signed, MergeError> {
    let disagree = |a: &str, b: &str| MergeError::Disagree {
        path: path(),
        first: a.to_owned(),
        first_author: first.author(),
        second: b.to_owned(),
        second_author: second.author(),
    };
    let demand = match (first.demand.clone(), second.demand.clone()) {
        (Demand::Exactly(a), Demand::Exactly(b)) if a == b => Demand::Exactly(a),
        (Demand::Exactly(a), Demand::Exactly(b)) => return Err(disagree(&a.plain(), &b.plain())),
        (Demand::Every(a), Demand::Every(b)) if go_duration::parse(&a) == go_duration::parse(&b) => Demand::Every(a.min(b)),
        (Demand::Every(a), Demand::Every(b)) => return Err(disagree(&a, &b)),
        (Demand::Matching(mut a), Demand::Matching(b)) => {
            a.extend(b);
            Demand::Matching(a)
        }
        (Demand::Keeping(mut a), Demand::Keeping(b)) => {
            for (pattern, names) in b {
                a.entry(pattern).or_default().extend(names);
            }
            Demand::Keeping(a)
        }
        // One setting has one kind of demand; two kinds in one place would be two settings.
        (a, _) => a,
    };
    let mut authors = first.authors;
    authors.extend(second.authors);
    let mut reasons = first.reasons;
    reasons.extend(second.reasons);
    Ok(Signed { demand, authors, reasons })
}
