//! Every resource's body, and what each of them was a moment ago: Resource Graph answers out of the past.

use std::collections::{HashMap, VecDeque};
use std::ops::Deref;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::sim::effects::Resources;

/// The resources. Reading is a map's reading; every change goes through the methods here, so that none is forgotten.
///
/// The past is not stored: whoever starts again has caught up.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Register {
    present: Resources,
    #[serde(skip)]
    touched: Vec<(String, Option<Value>)>,
    #[serde(skip)]
    past: VecDeque<Past>,
    #[serde(skip)]
    revision: u64,
}

/// What a resource was until a moment; nothing when it was not there.
#[derive(Clone, Debug)]
struct Past {
    until: Timestamp,
    key: String,
    body: Option<Value>,
}

impl Deref for Register {
    type Target = Resources;

    fn deref(&self) -> &Resources {
        &self.present
    }
}

impl Register {
    /// Writes a resource under its lower-case id.
    pub fn insert(&mut self, key: String, body: Value) {
        let before = self.present.insert(key.clone(), body);
        self.revision += 1;
        self.touched.push((key, before));
    }

    /// A resource, to be changed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        let body = self.present.get_mut(key)?;
        self.revision += 1;
        self.touched.push((key.to_owned(), Some(body.clone())));
        Some(body)
    }

    /// Removes what is not to be kept.
    pub fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        let (touched, revision) = (&mut self.touched, &mut self.revision);
        self.present.retain(|key, body| {
            let kept = keep(key);
            if !kept {
                *revision += 1;
                touched.push((key.clone(), Some(body.take())));
            }
            kept
        });
    }

    /// Grows with every change, from 0 at each start.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Dates what was changed since the last time, and forgets what was so before `lag`.
    pub fn date(&mut self, now: Timestamp, lag: SignedDuration) {
        let dated = self.touched.drain(..).map(|(key, body)| Past { until: now, key, body });
        self.past.extend(dated);
        while self.past.front().is_some_and(|past| past.until + lag <= now) {
            self.past.pop_front();
        }
    }

    /// The resources as they were.
    pub fn as_of(&self, then: Timestamp) -> AsOf<'_> {
        let mut changed = HashMap::new();
        for past in self.past.iter().filter(|past| past.until > then) {
            changed.entry(past.key.as_str()).or_insert(past.body.as_ref());
        }
        AsOf { present: &self.present, changed }
    }
}

/// The resources as they were at a moment.
#[derive(Debug)]
pub struct AsOf<'a> {
    present: &'a Resources,
    changed: HashMap<&'a str, Option<&'a Value>>,
}

impl<'a> AsOf<'a> {
    /// The resources whose lower-case id begins so, with that id; those that are gone by now come last.
    pub fn below(&self, prefix: &str) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let present = self.present.range(prefix.to_owned()..).take_while(move |(key, _)| key.starts_with(prefix));
        let then = present.filter_map(|(key, body)| match self.changed.get(key.as_str()) {
            Some(body) => Some((key.as_str(), (*body)?)),
            None => Some((key.as_str(), body)),
        });
        let mut gone: Vec<_> = self
            .changed
            .iter()
            .filter(|(key, _)| key.starts_with(prefix) && !self.present.contains_key(**key))
            .filter_map(|(key, body)| Some((*key, (*body)?)))
            .collect();
        gone.sort_unstable_by_key(|(key, _)| *key);
        then.chain(gone)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const LAG: SignedDuration = SignedDuration::from_secs(10);

    fn t(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn seen(register: &Register, now: i64) -> Vec<(&str, i64)> {
        register.as_of(t(now) - LAG).below("/a").map(|(key, body)| (key, body.as_i64().unwrap())).collect()
    }

    #[test]
    fn the_past_shows_what_was_until_then() {
        let mut register = Register::default();
        register.insert("/a/1".into(), json!(1));
        register.insert("/b".into(), json!(0));
        register.date(t(0), LAG);
        assert_eq!(seen(&register, 5), []);
        assert_eq!(seen(&register, 10), [("/a/1", 1)]);
        *register.get_mut("/a/1").unwrap() = json!(2);
        register.insert("/a/0".into(), json!(7));
        register.date(t(20), LAG);
        *register.get_mut("/a/1").unwrap() = json!(3);
        register.date(t(25), LAG);
        assert_eq!(seen(&register, 29), [("/a/1", 1)]);
        assert_eq!(seen(&register, 30), [("/a/0", 7), ("/a/1", 2)]);
        assert_eq!(seen(&register, 35), [("/a/0", 7), ("/a/1", 3)]);
    }

    #[test]
    fn what_is_gone_is_seen_for_a_while_and_then_forgotten() {
        let mut register = Register::default();
        register.insert("/a/1".into(), json!(1));
        register.date(t(0), LAG);
        register.retain(|key| key != "/a/1");
        register.date(t(20), LAG);
        assert!(register.is_empty());
        assert_eq!(seen(&register, 29), [("/a/1", 1)]);
        assert_eq!(seen(&register, 30), []);
        register.date(t(30), LAG);
        assert!(register.past.is_empty());
    }

    #[test]
    fn only_the_present_is_stored_and_as_a_plain_map() {
        let mut register = Register::default();
        register.insert("/a".into(), json!(1));
        register.date(t(0), LAG);
        let text = serde_json::to_string(&register).unwrap();
        assert_eq!(text, r#"{"/a":1}"#);
        let back: Register = serde_json::from_str(&text).unwrap();
        assert_eq!(seen(&back, 0), [("/a", 1)]);
    }
}
