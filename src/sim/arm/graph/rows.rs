//! The tables' rows: ARM's bodies as Resource Graph tells them, types and groups in lower case.

use serde_json::{Value, json};

use super::cell::Cell;
use super::syntax::Table;
use crate::sim::arm::Setting;
use crate::sim::arm::register::AsOf;
use crate::sim::arm::rights::Rights;
use crate::sim::arm::subscription::root_group;

/// The columns of every table, in their order.
pub const COLUMNS: [&str; 16] = [
    "id",
    "name",
    "type",
    "tenantId",
    "kind",
    "location",
    "resourceGroup",
    "subscriptionId",
    "managedBy",
    "sku",
    "plan",
    "properties",
    "tags",
    "identity",
    "zones",
    "extendedLocation",
];

const PROVIDERS: &str = "/providers/";
const SUBSCRIPTIONS: &str = "microsoft.resources/subscriptions";

/// A resource as a row; its columns are read when they are asked for.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    key: &'a str,
    body: &'a Value,
    of_type: &'a str,
    tenant: &'a str,
}

impl<'a> Source<'a> {
    /// Whether the caller may see it. What is assigned above the subscriptions is seen by whoever reads assignments in one of them.
    pub fn is_shown(&self, rights: &Rights, subscriptions: &[(String, Value)]) -> bool {
        if self.key.starts_with(PROVIDERS) {
            let action = "Microsoft.Authorization/roleAssignments/read";
            return subscriptions.iter().any(|(subscription, _)| rights.allow(action, subscription));
        }
        self.of_type == SUBSCRIPTIONS || rights.show(self.key)
    }

    /// A column by its place in [`COLUMNS`].
    pub fn column(&self, index: usize) -> Cell<'a> {
        match COLUMNS.get(index).copied().unwrap_or_default() {
            "type" => Cell::Text(self.of_type),
            "tenantId" => Cell::Text(self.tenant),
            "resourceGroup" => Cell::Text(self.behind("resourcegroups", 3)),
            "subscriptionId" => Cell::Text(self.behind("subscriptions", 1)),
            // What a resource has none of is an empty text in these and null in the others.
            name @ ("id" | "name" | "kind" | "location" | "managedBy") => {
                Cell::Text(self.body.get(name).and_then(Value::as_str).unwrap_or_default())
            }
            name => self.body.get(name).map_or(Cell::NULL, Cell::Borrowed),
        }
    }

    /// What stands behind `word`, when that is the id's segment at `index`.
    fn behind(&self, word: &str, index: usize) -> &'a str {
        let mut parts = self.key.split('/').skip(index);
        parts.next().filter(|part| *part == word).and_then(|_| parts.next()).unwrap_or_default()
    }
}

/// The subscriptions as bodies, by lower-case id: rows borrow from them.
pub fn subscriptions<'s>(setting: &Setting, asked: impl IntoIterator<Item = &'s str>) -> Vec<(String, Value)> {
    let body = |id: &str| {
        json!({"id": format!("/subscriptions/{id}"), "name": "rehearsal", "properties": {"state": "Enabled",
            "managementGroupAncestorsChain": [{"name": setting.tenant, "displayName": "Tenant Root Group"}]}})
    };
    asked.into_iter().map(|id| (format!("/subscriptions/{id}").to_ascii_lowercase(), body(id))).collect()
}

/// The rows of a table, in the subscriptions that were asked for; `above` says whether role assignments above them count too.
pub fn of<'a>(
    table: Table,
    world: &AsOf<'a>,
    subscriptions: &'a [(String, Value)],
    tenant: &'a str,
    above: bool,
) -> Vec<Source<'a>> {
    let mut rows = Vec::new();
    if above && table == Table::Authorization {
        for scope in [String::new(), root_group(tenant)] {
            let prefix = format!("{scope}{PROVIDERS}microsoft.authorization/roleassignments/");
            let found = world.below(&prefix);
            rows.extend(found.filter_map(|(key, body)| Some(Source { key, body, of_type: classified(key)?.1, tenant })));
        }
    }
    for (subscription, body) in subscriptions {
        if table == Table::Containers {
            rows.push(Source { key: subscription, body, of_type: SUBSCRIPTIONS, tenant });
        }
        let below = format!("{subscription}/");
        let found = world.below(&below).filter_map(|(key, body)| {
            let (kept, of_type) = classified(key)?;
            (kept == table).then_some(Source { key, body, of_type, tenant })
        });
        rows.extend(found);
    }
    rows
}

/// The table that a lower-case id belongs to, with its type.
fn classified(key: &str) -> Option<(Table, &str)> {
    let Some((scope, rest)) = key.rsplit_once(PROVIDERS) else {
        let group = key.split('/').count() == 5;
        return group.then_some((Table::Containers, "microsoft.resources/subscriptions/resourcegroups"));
    };
    let mut slashes = rest.match_indices('/').map(|(at, _)| at);
    let of_type = &rest[..slashes.nth(1)?];
    // Children of resources (subnets, agent pools) are no rows of their own.
    if slashes.next().is_some() {
        return None;
    }
    match of_type {
        "microsoft.authorization/roleassignments" => Some((Table::Authorization, of_type)),
        "microsoft.insights/datacollectionruleassociations" => Some((Table::Insights, of_type)),
        _ if scope.contains(PROVIDERS) => None,
        _ => Some((Table::Resources, of_type)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_has_its_table() {
        let rg = "/subscriptions/s/resourcegroups/rg";
        let cluster = format!("{rg}/providers/microsoft.containerservice/managedclusters/c");
        let table = |key: &str| classified(key).map(|(table, of_type)| (table, of_type.to_owned()));
        assert_eq!(table(rg), Some((Table::Containers, "microsoft.resources/subscriptions/resourcegroups".into())));
        assert_eq!(table(&cluster), Some((Table::Resources, "microsoft.containerservice/managedclusters".into())));
        assert_eq!(table(&format!("{rg}/providers/microsoft.network/virtualnetworks/v/subnets/s")), None);
        let association = format!("{cluster}/providers/microsoft.insights/datacollectionruleassociations/a");
        assert_eq!(table(&association), Some((Table::Insights, "microsoft.insights/datacollectionruleassociations".into())));
        let role = "/subscriptions/s/providers/microsoft.authorization/roleassignments/g";
        assert_eq!(table(role), Some((Table::Authorization, "microsoft.authorization/roleassignments".into())));
    }
}
