//! A value over time: what was in force when, including what is already bound to happen.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A piecewise constant value. Entries may lie in the future: a cause seen now is written down with the moment its effect starts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct History<T>(Vec<(Timestamp, T)>);

impl<T> Default for History<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Clone + PartialEq> History<T> {
    /// The value in force at `moment`; nothing before the first entry.
    pub fn at(&self, moment: Timestamp) -> Option<&T> {
        self.0.iter().rev().find(|(from, _)| *from <= moment).map(|(_, value)| value)
    }

    /// The value that will be in force when everything under way has happened.
    pub fn last(&self) -> Option<&T> {
        self.0.last().map(|(_, value)| value)
    }

    /// From `moment` on the value is `value`. Later entries are forgotten: the new cause overtakes them.
    pub fn set(&mut self, moment: Timestamp, value: T) {
        self.0.retain(|(from, _)| *from < moment);
        if self.last() != Some(&value) {
            self.0.push((moment, value));
        }
    }

    /// The moments at which the value changes.
    pub fn changes(&self) -> impl Iterator<Item = Timestamp> + '_ {
        self.0.iter().map(|(from, _)| *from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_value_holds_until_the_next() {
        let mut history = History::default();
        history.set(t(10), "a");
        history.set(t(20), "b");
        assert_eq!((history.at(t(9)), history.at(t(10)), history.at(t(25))), (None, Some(&"a"), Some(&"b")));
    }

    #[test]
    fn a_new_cause_overtakes_what_was_under_way() {
        let mut history = History::default();
        history.set(t(10), "a");
        history.set(t(200), "b");
        history.set(t(50), "c");
        assert_eq!(history.at(t(300)), Some(&"c"));
        assert_eq!(history.changes().count(), 2);
    }
}
