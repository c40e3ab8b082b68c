//! The data collection rule (contract §3.5).

use serde_json::Value;

use super::is_id;
use crate::base::ArmObject;
use crate::desired::RuleWish;
use crate::event::{Action, Change, Owner};
use crate::observed::{Sight, prometheus_workspaces};
use crate::plan::draft::{DCE, DCR};
use crate::plan::{Step, Unit};

/// The rule's unit. `in_use` is a rule under another name that already sends the cluster's metrics to the workspace.
pub fn unit(wish: &RuleWish, seen: &Sight<ArmObject>, in_use: Option<&ArmObject>) -> Unit {
    let title = "data collection rule";
    if let Some(rule) = in_use {
        let why = format!("`{}` sends the Prometheus stream to `{}`", rule.id.name(), wish.workspace.name());
        return Unit::unchanged(DCR, title, Owner::Rest, why);
    }
    let step = || Step::PutRule(wish.clone());
    let unit = match seen.seen() {
        None => Unit::needing(DCR, title, Owner::Rest, Action::Create, format!("`{}` does not exist", wish.id.name()), step()),
        Some(rule) => {
            let changes = differences(wish, rule);
            if changes.is_empty() {
                Unit::unchanged(
                    DCR,
                    title,
                    Owner::Rest,
                    format!("`{}` sends the Prometheus stream to the workspace", wish.id.name()),
                )
            } else {
                Unit::needing(DCR, title, Owner::Rest, Action::Update, format!("`{}` differs", wish.id.name()), step())
                    .with_changes(changes)
            }
        }
    };
    unit.touching(&wish.id).after(DCE, "the rule names its endpoint")
}

/// What of the wish a rule does not fulfil: the endpoint and the flow to the workspace, ids without case.
#[must_use]
pub fn differences(wish: &RuleWish, rule: &ArmObject) -> Vec<Change> {
    let mut changes = Vec::new();
    let endpoint = rule.at("/properties/dataCollectionEndpointId").unwrap_or(&Value::Null);
    if !is_id(endpoint, &wish.endpoint) {
        changes.push(Change::new("dataCollectionEndpointId", endpoint.as_str(), Some(wish.endpoint.as_str())));
    }
    if !prometheus_workspaces(rule).contains(&wish.workspace) {
        changes.push(Change::new("destinations.monitoringAccounts", None, Some(wish.workspace.as_str())));
    }
    changes
}
