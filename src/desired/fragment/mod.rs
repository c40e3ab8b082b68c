//! One ConfigMap, many authors, one writer: `kube-system/ama-metrics-settings-configmap` (contract §5).
//!
//! Features hand in [`Fragment`]s; [`merge`] puts them into whatever is there. Both schemas are kept as they are found, foreign
//! keys, sections, comments and spelling survive byte for byte, and only what a wish needs is written. Merging the result again
//! changes nothing.

mod demand;
mod document;
mod foreign;
mod merge;
mod pattern;
mod place;
mod target;
mod text;

use std::collections::BTreeMap;

pub use foreign::{Foreign, foreign};
pub use merge::merge;
pub use place::Schema;
pub use target::{Plane, Target};

/// The map's name (contract §5.1).
pub const CONFIG_MAP: &str = "ama-metrics-settings-configmap";
/// The map's namespace.
pub const NAMESPACE: &str = "kube-system";

/// What a keep-list must let through so that all of Hubble can be seen: the four of the minimal profile and the one it leaves out
/// (contract §5.4).
pub const HUBBLE_METRICS: [&str; 5] = [
    "hubble_dns_queries_total",
    "hubble_dns_responses_total",
    "hubble_drop_total",
    "hubble_flows_processed_total",
    "hubble_tcp_flags_total",
];

/// What one feature wants from the shared map.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Fragment {
    /// The feature, for example `network`.
    pub author: String,
    /// Why, in a few words that a reader of the plan understands.
    pub reason: String,
    /// The wishes; their order does not matter.
    pub wishes: Vec<Wish>,
}

/// One wish.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wish {
    /// Scrape this target, or do not.
    Scrape(Target, bool),
    /// Let these metrics of a target through.
    Keep {
        /// The target whose keep-list it is.
        target: Target,
        /// An RE2 expression on whole metric names, for example `hubble.*`.
        pattern: String,
        /// Metric names that prove the wish fulfilled: a list that matches them all is left as it is. May be empty.
        names: Vec<String>,
    },
    /// Scrape this target every so often: a Go duration such as `30s`. Targets of the data plane only; the other is fixed.
    Interval(Target, String),
    /// Scrape annotated pods in these namespaces.
    PodAnnotations(Vec<String>),
    /// The minimal ingestion profile of a plane. A v1 map has one for both.
    MinimalProfile(Plane, bool),
    /// The value of the `cluster` label instead of the cluster's name; the agents turn what is not alphanumeric into `_`.
    ClusterAlias(String),
}

impl Wish {
    /// The wish for all of Hubble: its target on, `pattern` in its keep-list unless the list already lets all of
    /// [`HUBBLE_METRICS`] through.
    #[must_use]
    pub fn hubble(pattern: &str) -> [Self; 2] {
        let names = HUBBLE_METRICS.map(str::to_owned).to_vec();
        [Self::Scrape(Target::HUBBLE, true), Self::Keep { target: Target::HUBBLE, pattern: pattern.to_owned(), names }]
    }
}

/// The map as it shall be, and what that changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    /// The layout that was kept or chosen.
    pub schema: Schema,
    /// The whole `data` of the map.
    pub data: BTreeMap<String, String>,
    /// What differs from what was there; empty when nothing needs to be written.
    pub changes: Vec<Change>,
    /// What the reader should know; none of it stops the merge.
    pub warnings: Vec<Warning>,
}

/// One changed line.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Change {
    /// `data key/section/key`, without the section where the layout has none.
    pub path: String,
    /// The value that was there, unquoted.
    pub before: Option<String>,
    /// The value that shall be there, unquoted.
    pub after: String,
    /// The features that want it, joined by `, `.
    pub author: String,
    /// Their reasons, joined by `; `.
    pub reason: String,
}

/// Something that is wrong or surprising in the map but not ours to decide.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Warning {
    /// One invalid keep-list makes the agents apply none at all (contract §5.4).
    #[error("the keep-list at `{path}` is not valid ({why}): the agents apply no keep-list at all and ingest everything")]
    InvalidKeepList {
        /// Where it stands.
        path: String,
        /// The expression.
        pattern: String,
        /// What is wrong with it.
        why: String,
    },
    /// A value of ours was there but could not be read, so it was replaced.
    #[error("`{path}` was `{before}`, which the agents cannot read ({why}): it is replaced")]
    Replaced {
        /// Where it stands.
        path: String,
        /// What was there.
        before: String,
        /// Why it cannot be read.
        why: String,
    },
    /// The union with the list that is there would be too large an expression; the list stays as it was.
    #[error("`{pattern}` cannot be joined to the keep-list at `{path}`: {why}")]
    NotJoined {
        /// Where the list stands.
        path: String,
        /// What should be let through.
        pattern: String,
        /// What is in the way.
        why: String,
    },
    /// Annotated pods were already scraped without a keep-list; narrowing that would take series away from somebody.
    #[error("`{path}` is empty: everything that annotated pods expose is ingested, and it stays so")]
    OpenPodAnnotations {
        /// Where the keep-list would stand.
        path: String,
    },
}

/// Why fragments cannot be merged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// Agents ignore the whole map, so nothing written into it would take effect.
    #[error("`schema-version` of `{CONFIG_MAP}` is `{found}`: the agents know `v1` and `v2` and ignore the whole map")]
    Schema {
        /// The value found.
        found: String,
    },
    /// Two features want different values in one place.
    #[error("`{path}` cannot be both `{first}` (`{first_author}`) and `{second}` (`{second_author}`)")]
    Disagree {
        /// The place.
        path: String,
        /// One value.
        first: String,
        /// Who wants it.
        first_author: String,
        /// The other value.
        second: String,
        /// Who wants that.
        second_author: String,
    },
    /// A wish is no valid expression.
    #[error("`{author}` asks for the keep-list `{pattern}` at `{path}`, which is not valid: {why}")]
    Pattern {
        /// Who asks.
        author: String,
        /// Where.
        path: String,
        /// The expression.
        pattern: String,
        /// What is wrong.
        why: String,
    },
    /// A wish is not a value that this place can hold.
    #[error("`{author}` asks for `{value}` at `{path}`: {why}")]
    Value {
        /// Who asks.
        author: String,
        /// Where.
        path: String,
        /// The value.
        value: String,
        /// What is expected.
        why: &'static str,
    },
}

#[cfg(test)]
mod tests;
