//! Recording rules of a workspace: what a rule group adds to it (contract §7.1).

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Resources;

/// One recording rule in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// The name of the series it writes.
    pub record: String,
    /// Its expression.
    pub expression: String,
    /// The cluster it is limited to, as the `cluster` label.
    pub cluster: Option<String>,
}

/// The recording rules that work on each workspace, by its lower-case id: of groups that are enabled, have it among their scopes and lie
/// in its region. Of all at once, because in a large world a search for each of them would be dear.
pub fn in_force(resources: &Resources) -> BTreeMap<String, Vec<Rule>> {
    let region =
        |body: &Value| body.get("location").and_then(Value::as_str).map(|text| text.replace(' ', "").to_ascii_lowercase());
    let mut all: BTreeMap<String, Vec<Rule>> = BTreeMap::new();
    let groups = resources.iter().filter(|(id, _)| id.contains("/providers/microsoft.alertsmanagement/prometheusrulegroups/"));
    for (_, group) in groups {
        if group.pointer("/properties/enabled").and_then(Value::as_bool) == Some(false) {
            continue;
        }
        let cluster = group.pointer("/properties/clusterName").and_then(Value::as_str);
        let scopes = list(group, "/properties/scopes").iter().filter_map(Value::as_str).map(str::to_ascii_lowercase);
        for workspace in scopes.collect::<BTreeSet<_>>() {
            if resources.get(&workspace).is_some_and(|body| region(body) == region(group)) {
                let rules = list(group, "/properties/rules").iter().filter_map(|rule| read(rule, cluster));
                all.entry(workspace).or_default().extend(rules);
            }
        }
    }
    all
}

fn list<'a>(body: &'a Value, pointer: &str) -> &'a [Value] {
    body.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn read(rule: &Value, cluster: Option<&str>) -> Option<Rule> {
    if rule.get("enabled").and_then(Value::as_bool) == Some(false) {
        return None;
    }
    Some(Rule {
        record: rule.get("record")?.as_str()?.to_owned(),
        expression: rule.get("expression")?.as_str()?.to_owned(),
        cluster: cluster.map(str::to_owned),
    })
}

/// The rules of a workspace over time.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RuleBook {
    known: Vec<(Rule, Timestamp)>,
}

impl RuleBook {
    /// Takes note of the rules in force at `now`; a new one has been evaluated after `delay`.
    pub fn observe(&mut self, now: Timestamp, delay: SignedDuration, rules: Vec<Rule>) {
        self.known.retain(|(rule, _)| rules.contains(rule));
        for rule in rules {
            if !self.known.iter().any(|(known, _)| *known == rule) {
                self.known.push((rule, now + delay));
            }
        }
    }

    /// The rules and the moment of each one's first evaluation.
    pub fn rules(&self) -> &[(Rule, Timestamp)] {
        &self.known
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::chain::sample::{WORKSPACE, resources};
    use super::*;

    #[test]
    fn a_group_works_in_its_workspace_and_region_only() {
        let id = "/subscriptions/s1/resourcegroups/rg1/providers/microsoft.alertsmanagement/prometheusrulegroups/g";
        let group = json!({"location": "West Europe", "properties": {"scopes": [WORKSPACE.to_uppercase()], "clusterName": "c1",
            "rules": [{"record": "a:b", "expression": "up"}, {"alert": "x", "expression": "up"}, {"record": "off", "expression": "up", "enabled": false}]}});
        let read = |change: &dyn Fn(&mut Value)| {
            let mut world = resources(true);
            let mut group = group.clone();
            change(&mut group);
            world.insert(id.to_owned(), group);
            in_force(&world).remove(WORKSPACE).unwrap_or_default().into_iter().map(|rule| rule.record).collect::<Vec<_>>()
        };
        assert_eq!(read(&|_| ()), ["a:b"]);
        assert!(read(&|group| group["location"] = "northeurope".into()).is_empty());
        assert!(read(&|group| group["properties"]["enabled"] = false.into()).is_empty());
        assert!(read(&|group| group["properties"]["scopes"] = json!([])).is_empty());
    }
}
