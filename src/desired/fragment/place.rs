//! Where a setting stands in the map, in either schema (contract §5.2).

use std::collections::BTreeMap;

use super::MergeError;
use super::target::{Plane, Target};

/// The layout of a settings map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Schema {
    /// One data key per kind of setting; also what a map without `schema-version` is.
    V1,
    /// One data key per plane with sections inside.
    V2,
}

/// The data keys that a v2 map must have: agents before 7.1.0 ignore the whole map when one is missing (contract §5.5).
pub(super) const V2_KEYS: [&str; 3] = [CLUSTER, CONTROL_PLANE, COLLECTOR];
const CLUSTER: &str = "cluster-metrics";
const CONTROL_PLANE: &str = "controlplane-metrics";
const COLLECTOR: &str = "prometheus-collector-settings";

impl Schema {
    /// Reads `schema-version`; absent or empty means v1, any unknown value makes the agents ignore the whole map.
    pub(super) fn of(data: &BTreeMap<String, String>) -> Result<Self, MergeError> {
        let found = data.get("schema-version").map_or("", |text| text.trim().trim_matches('"'));
        match found {
            "" | "v1" => Ok(Self::V1),
            "v2" => Ok(Self::V2),
            other => Err(MergeError::Schema { found: other.to_owned() }),
        }
    }
}

/// One thing that can be set. The order is the one in which a new map is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Setting {
    Scrape(Target),
    Namespaces,
    Keep(Target),
    Profile(Plane),
    Interval(Target),
    Alias,
    Debug,
    Https,
}

/// A line of the map: data key, section within it, key of the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) data_key: &'static str,
    pub(super) section: Option<&'static str>,
    pub(super) entry: String,
}

impl Place {
    pub(super) fn path(&self) -> String {
        match self.section {
            Some(section) => format!("{}/{section}/{}", self.data_key, self.entry),
            None => format!("{}/{}", self.data_key, self.entry),
        }
    }
}

impl Setting {
    /// In v1 both planes share one profile line; this names that line once.
    pub(super) fn in_schema(self, schema: Schema) -> Self {
        match (self, schema) {
            (Self::Profile(_), Schema::V1) => Self::Profile(Plane::Data),
            (setting, _) => setting,
        }
    }

    pub(super) fn place(self, schema: Schema) -> Place {
        let (section, entry, plane) = match self {
            Self::Scrape(target) => ("default-targets-scrape-enabled", target.name(), target.plane()),
            Self::Namespaces => ("pod-annotation-based-scraping", "podannotationnamespaceregex", Plane::Data),
            Self::Keep(target) => ("default-targets-metrics-keep-list", target.name(), target.plane()),
            Self::Profile(plane) => ("minimal-ingestion-profile", "enabled", plane),
            Self::Interval(target) => ("default-targets-scrape-interval-settings", target.name(), target.plane()),
            Self::Alias => return Self::collector("cluster_alias"),
            Self::Debug => return Self::collector("debug-mode"),
            Self::Https => return Self::collector("https_config"),
        };
        match (schema, plane) {
            (Schema::V2, Plane::Data) => Place { data_key: CLUSTER, section: Some(section), entry: entry.to_owned() },
            (Schema::V2, Plane::Control) => Place { data_key: CONTROL_PLANE, section: Some(section), entry: entry.to_owned() },
            (Schema::V1, plane) => v1_place(section, entry, plane),
        }
    }

    fn collector(entry: &str) -> Place {
        Place { data_key: COLLECTOR, section: None, entry: entry.to_owned() }
    }

    /// What an added v2 key contains besides the wishes: the agents' own defaults, written out.
    pub(super) fn defaults(data_key: &str) -> Vec<(Self, bool)> {
        let control = |name| Target::named(Plane::Control, name).map(|target| (Self::Scrape(target), true));
        match data_key {
            CLUSTER => vec![(Self::Profile(Plane::Data), true)],
            CONTROL_PLANE => {
                let mut all: Vec<_> = ["apiserver", "etcd"].into_iter().filter_map(control).collect();
                all.push((Self::Profile(Plane::Control), true));
                all
            }
            _ => vec![(Self::Debug, false), (Self::Https, true)],
        }
    }
}

fn v1_place(section: &'static str, entry: &str, plane: Plane) -> Place {
    let data_key = match section {
        "default-targets-scrape-enabled" => "default-scrape-settings-enabled",
        "minimal-ingestion-profile" => {
            let entry = "minimalingestionprofile".to_owned();
            return Place { data_key: "default-targets-metrics-keep-list", section: None, entry };
        }
        same => same,
    };
    let entry = match plane {
        Plane::Data => entry.to_owned(),
        Plane::Control => format!("controlplane-{entry}"),
    };
    Place { data_key, section: None, entry }
}
