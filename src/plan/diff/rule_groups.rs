//! The recommended recording rule groups (contract §3.7).

use serde_json::{Value, json};

use super::is_id;
use crate::base::{ArmId, ArmObject, Kind, Location};
use crate::desired::{RecordingRulesWish, rule_group_names};
use crate::event::{Action, Change, Owner};
use crate::observed::{Observed, RuleTemplate, Sight};
use crate::plan::draft::{self, RULES};
use crate::plan::{Step, Unit};

/// One group to write.
#[derive(Clone, Debug)]
pub struct GroupWrite {
    /// Where: the id of the group that exists under either spelling, else ours.
    pub id: ArmId,
    /// The body of the PUT.
    pub body: Value,
    /// Whether it exists.
    pub exists: bool,
}

/// The unit of all recommended groups.
pub fn unit(wish: &RecordingRulesWish, observed: &Observed, blind: &mut Vec<String>) -> Unit {
    let title = "recommended recording rules";
    let step = || Step::PutRecordingRules(wish.clone());
    let unit = match (&observed.recommendations, observed.rule_groups.seen(), observed.workspace.seen()) {
        (Sight::Present(templates), Some(groups), Some(workspace)) if !templates.is_empty() => {
            let region = workspace.location().unwrap_or_else(|| Location::new(""));
            let writes = writes(wish, &region, templates, groups);
            if writes.is_empty() {
                let why = format!("all {} recommended groups are there with their rules", templates.len());
                Unit::unchanged(RULES, title, Owner::Rest, why)
            } else {
                let create = writes.iter().filter(|write| !write.exists).count();
                let why = format!("{create} of {} groups missing, {} differ", templates.len(), writes.len() - create);
                let change =
                    |write: &GroupWrite| Change::new(write.id.name(), write.exists.then_some("differs"), Some("as recommended"));
                let action = if create > 0 { Action::Create } else { Action::Update };
                Unit::needing(RULES, title, Owner::Rest, action, why, step()).with_changes(writes.iter().map(change).collect())
            }
        }
        (_, _, None) => Unit::needing(RULES, title, Owner::Rest, Action::Create, "a new workspace has none", step()),
        (recommendations, _, Some(_)) => {
            let why = recommendations.unknown().unwrap_or("the workspace recommends none");
            blind.push(format!("recommended recording rules: {why}"));
            Unit::unchanged(RULES, title, Owner::Rest, format!("left alone: {why}"))
        }
    };
    unit.after(draft::TERRAFORM, "the rules write to the workspace and read the cluster's series")
        .after(&super::providers::unit_id("Microsoft.AlertsManagement"), "rule groups live in this provider")
}

/// The groups that are missing or differ from what is recommended.
#[must_use]
pub fn writes(wish: &RecordingRulesWish, region: &Location, templates: &[RuleTemplate], groups: &[ArmObject]) -> Vec<GroupWrite> {
    templates.iter().filter_map(|template| write(wish, region, template, groups)).collect()
}

/// How often the rules are evaluated, as the recommendations say (contract §3.7).
const INTERVAL: &str = "PT1M";

fn write(wish: &RecordingRulesWish, region: &Location, template: &RuleTemplate, groups: &[ArmObject]) -> Option<GroupWrite> {
    let names = rule_group_names(&template.name, wish.cluster.name());
    let found = names.iter().find_map(|name| groups.iter().find(|group| group.id.name().eq_ignore_ascii_case(name)));
    let body = json!({
        "location": found.and_then(ArmObject::location).unwrap_or_else(|| region.clone()),
        "properties": {
            "scopes": [wish.workspace, wish.cluster],
            "clusterName": wish.cluster_label,
            "enabled": wish.windows || !template.is_windows(),
            "interval": INTERVAL,
            "rules": template.rules,
        }
    });
    match found {
        Some(group) if same_rules(wish, template, group) => None,
        Some(group) => Some(GroupWrite { id: group.id.clone(), body, exists: true }),
        None => {
            let id = wish.group.resource(Kind::PrometheusRuleGroup.resource_type(), &names[0]);
            Some(GroupWrite { id, body, exists: false })
        }
    }
}

/// Whether a group carries the recommended rules for this cluster and workspace. A Windows group that somebody switched on
/// stays on; a Linux group must be on.
fn same_rules(wish: &RecordingRulesWish, template: &RuleTemplate, group: &ArmObject) -> bool {
    let properties = &group.body["properties"];
    let enabled = properties["enabled"].as_bool().unwrap_or(true);
    let scopes: Vec<&Value> = properties["scopes"].as_array().into_iter().flatten().collect();
    let rules: Vec<Recorded> = properties["rules"].as_array().into_iter().flatten().map(recorded).collect();
    (enabled || (template.is_windows() && !wish.windows))
        && properties["interval"].as_str().is_none_or(|interval| interval == INTERVAL)
        && properties["clusterName"].as_str() == Some(wish.cluster_label.as_str())
        && [&wish.workspace, &wish.cluster].iter().all(|id| scopes.iter().any(|scope| is_id(scope, id)))
        && template.rules.iter().map(recorded).all(|rule| rules.contains(&rule))
}

/// Name and expression, and whether the rule is at work.
type Recorded<'a> = (&'a str, &'a str, bool);

fn recorded(rule: &Value) -> Recorded<'_> {
    let name = rule["record"].as_str().unwrap_or_default();
    (name, rule["expression"].as_str().map_or("", str::trim), rule["enabled"].as_bool().unwrap_or(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> ArmId {
        ArmId::parse(&format!("/subscriptions/s/resourceGroups/rg/providers/{text}")).unwrap()
    }

    fn wish() -> RecordingRulesWish {
        RecordingRulesWish {
            group: ArmId::of_group("s", "rg"),
            cluster: id("Microsoft.ContainerService/managedClusters/c1"),
            workspace: id("Microsoft.Monitor/accounts/amw"),
            cluster_label: "c1".into(),
            windows: false,
        }
    }

    fn template(name: &str) -> RuleTemplate {
        RuleTemplate { name: name.into(), rules: vec![json!({"record": "r", "expression": "e"})] }
    }

    fn existing(name: &str, body: Value) -> ArmObject {
        ArmObject { id: id(&format!("Microsoft.AlertsManagement/prometheusRuleGroups/{name}")), body, etag: None }
    }

    #[test]
    fn the_portals_spelling_is_recognised() {
        let first = writes(&wish(), &Location::new("westeurope"), &[template("UXRecordingRulesRuleGroup")], &[]);
        assert_eq!((first[0].id.name(), first[0].exists), ("UXRecordingRulesRuleGroup-c1", false));
        let portal = existing("UXRecordingRulesRuleGroup - c1", first[0].body.clone());
        assert!(writes(&wish(), &Location::new("westeurope"), &[template("UXRecordingRulesRuleGroup")], &[portal]).is_empty());
    }

    #[test]
    fn windows_groups_are_born_switched_off_and_may_be_switched_on() {
        let first = &writes(&wish(), &Location::new("x"), &[template("NodeRecordingRulesRuleGroup-Win")], &[])[0];
        assert_eq!(first.body["properties"]["enabled"], false);
        let mut body = first.body.clone();
        body["properties"]["enabled"] = json!(true);
        let seen = existing("NodeRecordingRulesRuleGroup-Win-c1", body);
        assert!(writes(&wish(), &Location::new("x"), &[template("NodeRecordingRulesRuleGroup-Win")], &[seen]).is_empty());
    }

    #[test]
    fn another_cluster_label_is_a_difference() {
        let mut body = writes(&wish(), &Location::new("x"), &[template("N")], &[])[0].body.clone();
        body["properties"]["clusterName"] = json!("other");
        assert!(writes(&wish(), &Location::new("x"), &[template("N")], &[existing("N-c1", body)])[0].exists);
    }
}
