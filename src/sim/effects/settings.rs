//! `ama-metrics-settings-configmap` as the agents read it (contract §5.2-§5.4), including how they fail.

use std::collections::BTreeMap;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::target::{Target, minimal_list};

/// What the agents run with after reading the map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Whether each target is scraped.
    scraped: BTreeMap<Target, bool>,
    /// The effective keep-list per target; no entry keeps everything. Nothing at all when one list was invalid: then no list is
    /// applied anywhere.
    keep: Option<BTreeMap<Target, String>>,
    /// Scrape intervals in seconds; 30 when absent.
    intervals: BTreeMap<Target, u32>,
    /// The `cluster` label when it is not the cluster's name; already made of legal characters.
    alias: Option<String>,
}

impl Settings {
    /// What the agents do without a map, or with one that they ignore as a whole.
    pub fn defaults() -> Self {
        Self::from_sections(&Sections { minimal: true, ..Sections::default() })
    }

    /// Reads the map's `data`. No map, an unknown `schema-version`: the defaults.
    pub fn read(data: Option<&BTreeMap<String, String>>) -> Self {
        let Some(data) = data else { return Self::defaults() };
        match data.get("schema-version").map_or("v1", |version| version.trim()) {
            "v1" => Self::from_sections(&Sections::v1(data)),
            "v2" => Self::from_sections(&Sections::v2(data)),
            _ => Self::defaults(),
        }
    }

    fn from_sections(sections: &Sections) -> Self {
        let scraped = Target::ALL
            .iter()
            .map(|target| {
                let asked = sections.enabled.get(target.key()).and_then(|text| text.parse().ok());
                (*target, asked.unwrap_or(target.on_by_default()))
            })
            .collect();
        let intervals =
            Target::ALL.iter().filter_map(|target| Some((*target, go_seconds(sections.intervals.get(target.key())?)?))).collect();
        let alias = sections
            .collector
            .get("cluster_alias")
            .filter(|alias| !alias.is_empty())
            .map(|alias| alias.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect());
        Self { scraped, keep: keep_lists(&sections.keep, sections.minimal), intervals, alias }
    }

    /// Whether the target is scraped at all.
    pub fn scrapes(&self, target: Target) -> bool {
        self.scraped.get(&target).copied().unwrap_or(false)
    }

    /// Whether a metric of a target is ingested. `up` always is.
    pub fn keeps(&self, target: Target, metric: &str) -> bool {
        if metric == "up" {
            return true;
        }
        let Some(lists) = &self.keep else { return true };
        let Some(list) = lists.get(&target) else { return true };
        anchored(list).is_ok_and(|regex| regex.is_match(metric))
    }

    /// The scrape interval in seconds.
    pub fn interval(&self, target: Target) -> u32 {
        self.intervals.get(&target).copied().unwrap_or(30)
    }

    /// The `cluster` label for a cluster of this name.
    pub fn cluster_label<'a>(&'a self, name: &'a str) -> &'a str {
        self.alias.as_deref().unwrap_or(name)
    }
}

/// The sections that matter here, whatever schema they came in.
#[derive(Default)]
struct Sections {
    enabled: BTreeMap<String, String>,
    keep: BTreeMap<String, String>,
    intervals: BTreeMap<String, String>,
    collector: BTreeMap<String, String>,
    minimal: bool,
}

impl Sections {
    fn v1(data: &BTreeMap<String, String>) -> Self {
        let section = |key: &str| data.get(key).map(|text| entries(text)).unwrap_or_default();
        let mut keep = section("default-targets-metrics-keep-list");
        let minimal = keep.remove("minimalingestionprofile").is_none_or(|text| text != "false");
        Self {
            enabled: section("default-scrape-settings-enabled"),
            keep,
            intervals: section("default-targets-scrape-interval-settings"),
            collector: section("prometheus-collector-settings"),
            minimal,
        }
    }

    fn v2(data: &BTreeMap<String, String>) -> Self {
        let cluster = data.get("cluster-metrics").map(|text| split_sections(text)).unwrap_or_default();
        let section = |key: &str| cluster.get(key).map(|text| entries(text)).unwrap_or_default();
        let minimal = section("minimal-ingestion-profile").get("enabled").is_none_or(|text| text != "false");
        Self {
            enabled: section("default-targets-scrape-enabled"),
            keep: section("default-targets-metrics-keep-list"),
            intervals: section("default-targets-scrape-interval-settings"),
            collector: data.get("prometheus-collector-settings").map(|text| entries(text)).unwrap_or_default(),
            minimal,
        }
    }
}

/// Splits a v2 value into its sections. Only a line that ends in `: |-` opens one (contract §5.2); lines before the first are lost.
fn split_sections(text: &str) -> BTreeMap<String, String> {
    let mut sections: BTreeMap<String, String> = BTreeMap::new();
    let mut current = None;
    for line in text.lines() {
        if let Some(name) = line.trim_end().strip_suffix(": |-") {
            let name = name.trim().to_owned();
            sections.entry(name.clone()).or_default();
            current = Some(name);
        } else if let Some(section) = current.as_ref().and_then(|name| sections.get_mut(name)) {
            section.push_str(line);
            section.push('\n');
        }
    }
    sections
}

/// The `key = value` lines of a section, outer double quotes taken off; comments and anything else skipped.
fn entries(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.trim().trim_matches('"').to_owned(), unquote(value.trim())))
        .collect()
}

fn unquote(value: &str) -> String {
    match value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) => inner.replace("\\\"", "\"").replace("\\\\", "\\"),
        None => value.to_owned(),
    }
}

/// The effective lists, or nothing when any one is not a regular expression (contract §5.4: no list is applied then).
fn keep_lists(asked: &BTreeMap<String, String>, minimal: bool) -> Option<BTreeMap<Target, String>> {
    let mut lists = BTreeMap::new();
    for text in asked.values() {
        anchored(text).ok()?;
    }
    for target in Target::ALL {
        let user = asked.get(target.key()).map_or("", String::as_str);
        // Pod annotations have no minimal list: empty keeps whatever the pods expose.
        let floor = if minimal { minimal_list(*target) } else { None };
        let list = match (user, floor) {
            ("", None) => continue,
            ("", Some(floor)) => floor.to_owned(),
            (user, None) => user.to_owned(),
            (user, Some(floor)) => format!("{user}|{floor}"),
        };
        lists.insert(*target, list);
    }
    Some(lists)
}

fn anchored(list: &str) -> Result<Regex, regex::Error> {
    // Compiled on its own first: a stray parenthesis must not be healed by the group around it.
    Regex::new(list)?;
    Regex::new(&format!("^(?:{list})$"))
}

/// A Go duration in whole seconds; nothing when it is not one, which means the default.
fn go_seconds(text: &str) -> Option<u32> {
    let mut total = 0.0;
    let mut number = String::new();
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        number.clear();
        number.push_str(rest.get(..digits)?);
        rest = rest.get(digits..)?;
        let unit = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let factor = match rest.get(..unit)? {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * factor;
        rest = rest.get(unit..)?;
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded on the same line; the cast saturates")]
    (total >= 1.0).then(|| total.min(86_400.0) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HUBBLE: Target = Target::NetworkHubble;
    const FLOWS: &str = "hubble_flows_processed_total";
    const DROPS: &str = "hubble_drop_total";

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn v2(cluster_metrics: &str) -> Settings {
        Settings::read(Some(&map(&[("schema-version", "v2"), ("cluster-metrics", cluster_metrics)])))
    }

    fn v2_keep(lines: &str, minimal: bool) -> Settings {
        v2(&format!("default-targets-metrics-keep-list: |-\n  {lines}\nminimal-ingestion-profile: |-\n  enabled = {minimal}\n"))
    }

    #[test]
    fn keep_lists_by_profile() {
        // (user list, minimal profile, flows kept, drops kept)
        let table = [
            ("", true, false, true),
            ("", false, true, true),
            ("networkobservabilityHubble = \"hubble.*\"", true, true, true),
            ("networkobservabilityHubble = \"hubble_flows_processed_total\"", true, true, true),
            ("networkobservabilityHubble = \"hubble_flows_processed_total\"", false, true, false),
            ("networkobservabilityHubble = \"hubble_flows\"", true, false, true),
            ("networkobservabilityHubble = \"flows_processed_total\"", false, false, false),
            ("kubelet = \"kubelet_.*\"", true, false, true),
            ("kubelet = \"(\"", true, true, true),
            ("networkobservabilityHubble = \"hubble_(?=x)\"", true, true, true),
            ("networkobservabilityHubble = \"x)|(y\"", true, true, true),
        ];
        for (lines, minimal, flows, drops) in table {
            let settings = v2_keep(lines, minimal);
            assert_eq!(
                (settings.keeps(HUBBLE, FLOWS), settings.keeps(HUBBLE, DROPS)),
                (flows, drops),
                "list `{lines}`, minimal profile {minimal}"
            );
            assert!(settings.keeps(HUBBLE, "up"));
        }
    }

    #[test]
    fn schema_one_has_the_profile_among_the_lists() {
        let read = |keep: &str| Settings::read(Some(&map(&[("default-targets-metrics-keep-list", keep)])));
        assert!(!read("minimalingestionprofile = true").keeps(HUBBLE, FLOWS));
        assert!(read("minimalingestionprofile = false").keeps(HUBBLE, FLOWS));
        assert!(read("networkobservabilityHubble = \"hubble.*\"\nminimalingestionprofile = true").keeps(HUBBLE, FLOWS));
        assert!(!read("# networkobservabilityHubble = \"hubble.*\"").keeps(HUBBLE, FLOWS));
    }

    #[test]
    fn sections_of_the_other_schema_are_not_read() {
        let keep = ("default-targets-metrics-keep-list", "networkobservabilityHubble = \"hubble.*\"");
        assert!(!Settings::read(Some(&map(&[("schema-version", "v2"), keep]))).keeps(HUBBLE, FLOWS));
        assert!(Settings::read(Some(&map(&[("schema-version", "v1"), keep]))).keeps(HUBBLE, FLOWS));
    }

    #[test]
    fn an_unknown_schema_is_ignored_as_a_whole() {
        let settings = Settings::read(Some(&map(&[
            ("schema-version", "v3"),
            ("default-scrape-settings-enabled", "networkobservabilityHubble = false"),
        ])));
        assert_eq!(settings, Settings::defaults());
        assert!(settings.scrapes(HUBBLE));
    }

    #[test]
    fn a_header_must_end_exactly() {
        assert!(!v2("default-targets-metrics-keep-list: |\n  networkobservabilityHubble = \"hubble.*\"\n").keeps(HUBBLE, FLOWS));
    }

    #[test]
    fn targets_are_switched() {
        let settings = v2("default-targets-scrape-enabled: |-\n  networkobservabilityHubble = false\n  coredns = true\n");
        assert!(!settings.scrapes(HUBBLE));
        assert!(settings.scrapes(Target::CoreDns));
        assert!(settings.scrapes(Target::Kubelet));
        assert!(!settings.scrapes(Target::KubeProxy));
    }

    #[test]
    fn the_alias_is_made_legal_and_intervals_default() {
        let settings = Settings::read(Some(&map(&[
            ("prometheus-collector-settings", "cluster_alias = \"prod-eu.1\""),
            ("default-targets-scrape-interval-settings", "networkobservabilityHubble = \"1m30s\"\nkubelet = \"soon\""),
        ])));
        assert_eq!(settings.cluster_label("c1"), "prod_eu_1");
        assert_eq!(Settings::defaults().cluster_label("c1"), "c1");
        assert_eq!((settings.interval(HUBBLE), settings.interval(Target::Kubelet)), (90, 30));
    }

    #[test]
    fn backslashes_are_unescaped() {
        let settings = v2_keep(r#"networkobservabilityHubble = "hubble_flows\\w+""#, false);
        assert!(settings.keeps(HUBBLE, FLOWS));
        assert!(!settings.keeps(HUBBLE, DROPS));
    }

    proptest::proptest! {
        /// With the profile on, a list can only add to the minimal one; with it off, it alone decides.
        #[test]
        fn a_list_adds_to_the_profile(list in "[a-z_|.*]{1,20}", metric in "[a-z_]{1,12}") {
            proptest::prop_assume!(Regex::new(&list).is_ok());
            let line = format!("networkobservabilityHubble = \"{list}\"");
            let alone = Regex::new(&format!("^(?:{list})$")).unwrap().is_match(&metric);
            let minimal = v2_keep("", true).keeps(HUBBLE, &metric);
            proptest::prop_assert_eq!(v2_keep(&line, false).keeps(HUBBLE, &metric), alone);
            proptest::prop_assert_eq!(v2_keep(&line, true).keeps(HUBBLE, &metric), alone || minimal);
            proptest::prop_assert!(v2_keep(&line, true).keeps(HUBBLE, DROPS));
        }
    }
}
