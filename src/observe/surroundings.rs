//! What lies around a stack that is to be taken away: who else uses what.

use serde_json::Value;

use super::sight;
use crate::azure::{self, Azure};
use crate::base::{ArmId, ArmObject, Class, Kind};
use crate::desired::Desired;
use crate::observed::{Sight, Surroundings};
use crate::plan::draft::collection_wishes;

/// Looks around. `workspace` is the stack's, when it was seen.
pub async fn surroundings(desired: &Desired, workspace: Option<&ArmObject>, azure: &Azure) -> Surroundings {
    let rule = collection_wishes(desired, workspace).1.id;
    let (in_group, rule_groups, rules, users) = tokio::join!(
        azure.list_below(&desired.group, "resources", Kind::ResourceGroup),
        azure.list(&desired.group, Kind::PrometheusRuleGroup, None),
        all_rules(desired, azure),
        azure.list_below(&rule, "associations", Kind::DataCollectionRuleAssociation),
    );
    Surroundings {
        in_group: listed(in_group, id),
        rule_groups: listed(rule_groups, object),
        rules: listed(rules, object),
        rule_users: listed(users, id),
    }
}

/// Every rule of the subscription; those of the resource group where one may not look further.
async fn all_rules(desired: &Desired, azure: &Azure) -> Result<Vec<Value>, azure::Error> {
    match azure.list(&desired.subscription, Kind::DataCollectionRule, None).await {
        Err(_) => azure.list(&desired.group, Kind::DataCollectionRule, None).await,
        found => found,
    }
}

fn id(entry: &Value) -> Option<ArmId> {
    ArmId::parse(entry["id"].as_str()?).ok()
}

fn object(entry: &Value) -> Option<ArmObject> {
    Some(ArmObject { id: id(entry)?, body: entry.clone(), etag: None })
}

/// A list of what hangs on something that is not there is empty.
fn listed<T>(answer: Result<Vec<Value>, azure::Error>, read: impl Fn(&Value) -> Option<T>) -> Sight<Vec<T>> {
    match answer {
        Err(error) if error.class() == Class::Absent => Sight::Present(Vec::new()),
        other => sight(other.map(|entries| Some(entries.iter().filter_map(read).collect()))),
    }
}
