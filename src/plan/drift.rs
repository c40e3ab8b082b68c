//! Drift as a pure comparison: what is declared against what was read, and every unit of a plan that is not as wished.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::diff::cluster::is_settled;
use super::draft::{DCE, DCR, DCRA, GRAFANA_IDENTITY, INTEGRATION, METRICS, PICKUP, POLICY_MODE, RULES, SETTINGS};
use super::{Plan, PrincipalRef, Step, Unit};
use crate::base::{ArmObject, Kind, Location};
use crate::desired::address::{CLUSTER, GRAFANA, GROUP, WORKSPACE};
use crate::desired::declared::{Alike, DeclaredField};
use crate::desired::fragment::{self, CONFIG_MAP, Foreign, NAMESPACE};
use crate::desired::{Desired, role_assignment_name};
use crate::event::{Action, DriftClass, DriftItem, Owner, UnitId, Winner};
use crate::observed::{GrafanaView, Observed, Sight};

/// Every difference that a look shows. `plan` is the draft over the same look: with terraform's opinion in it the result is deep,
/// without it fast. What could not be read is no drift; the plan's blind spots say so.
///
/// What the service does by itself is silent, because only what is declared or wished is compared.
#[must_use]
pub fn drift<S>(desired: &Desired, observed: &Observed, plan: &Plan<S>) -> Vec<DriftItem> {
    let mut items = declared(desired, observed);
    let known: BTreeSet<(UnitId, String)> = items.iter().map(|item| (item.unit.clone(), root(&item.field))).collect();
    for unit in plan.units.iter().filter(|unit| unit.action != Action::Unchanged && unit.counts()) {
        if unit.owner == Owner::Terraform {
            items.extend(of_terraform(observed, unit).filter(|item| {
                let covered = |field: &str| known.contains(&(item.unit.clone(), root(field)));
                !covered(&item.field) && !covered("*")
            }));
        } else {
            items.extend(of_unit(desired, observed, unit));
        }
    }
    items.extend(foreign_integrations(desired, observed));
    let theirs = foreign_settings(desired, observed).into_iter();
    let also_drift = |one: &DriftItem| items.iter().any(|item| (&item.unit, &item.field) == (&one.unit, &one.field));
    let theirs: Vec<DriftItem> = theirs.filter(|one| !also_drift(one)).collect();
    items.extend(theirs);
    // That the agents must take up what will be written is no news of its own.
    if items.iter().any(|item| item.counts() && [METRICS, SETTINGS].contains(&item.unit.as_str())) {
        items.retain(|item| item.unit.as_str() != PICKUP);
    }
    items.sort_by(|a, b| (a.class, &a.unit, &a.field).cmp(&(b.class, &b.unit, &b.field)));
    items
}

/// A path without the index at its end: terraform names elements of a list, the ledger the list.
fn root(field: &str) -> String {
    match field.rsplit_once('[') {
        Some((list, index)) if index.ends_with(']') => list.to_owned(),
        _ => field.to_owned(),
    }
}

fn sight<'a>(address: &str, observed: &'a Observed) -> Option<&'a Sight<ArmObject>> {
    match address {
        GROUP => Some(&observed.group),
        CLUSTER => Some(&observed.cluster),
        WORKSPACE => Some(&observed.workspace),
        GRAFANA => Some(&observed.grafana),
        _ => None,
    }
}

fn declared(desired: &Desired, observed: &Observed) -> Vec<DriftItem> {
    let mut items = Vec::new();
    for (address, id) in &desired.terraform {
        let new = |field: &str| DriftItem {
            unit: UnitId::new(format!("terraform:{address}")),
            resource: id.to_string(),
            field: field.to_owned(),
            owner: Owner::Terraform,
            class: DriftClass::Drift,
            expected: None,
            found: None,
            winner: Winner::File,
            why: "terraform declares it".to_owned(),
            since: None,
            by: None,
            times_this_week: 1,
        };
        match sight(address, observed) {
            Some(Sight::Absent) => {
                items.push(DriftItem { expected: Some("exists".to_owned()), why: "terraform creates it".to_owned(), ..new("*") });
            }
            Some(Sight::Present(object)) => {
                let fields = desired.declared.iter().filter(|field| field.address == address);
                items.extend(fields.flat_map(|field| differences(field, &object.body, &new)));
                if address == CLUSTER && !is_settled(object) {
                    items.push(DriftItem {
                        class: DriftClass::Pending,
                        winner: Winner::Time,
                        expected: Some("Succeeded".to_owned()),
                        found: object.provisioning_state().map(str::to_owned),
                        why: "an operation is under way; it cannot be written meanwhile".to_owned(),
                        ..new("provisioningState")
                    });
                }
            }
            Some(Sight::Unknown(_)) | None => {}
        }
    }
    items
}

fn differences(field: &DeclaredField, body: &Value, new: &dyn Fn(&str) -> DriftItem) -> Vec<DriftItem> {
    let found = field.found(body);
    if field.alike == Alike::Tags {
        return tags(field, found, new);
    }
    if alike(field.alike, &field.expected, found) {
        return Vec::new();
    }
    vec![DriftItem { expected: text(&field.expected), found: text(found), ..new(&field.field) }]
}

/// Tags key by key. A tag of somebody else's is an addition, but terraform owns the whole map.
fn tags(field: &DeclaredField, found: &Value, new: &dyn Fn(&str) -> DriftItem) -> Vec<DriftItem> {
    let none = Map::new();
    let map = |value: &'_ Value| value.as_object().unwrap_or(&none).clone();
    let (wanted, found) = (map(&field.expected), map(found));
    let keys: BTreeSet<&String> = wanted.keys().chain(found.keys()).collect();
    let differs = |key: &&String| wanted.get(*key) != found.get(*key);
    let item = |key: &String| {
        let item = DriftItem {
            expected: wanted.get(key).and_then(text),
            found: found.get(key).and_then(text),
            ..new(&format!("{}.{key}", field.field))
        };
        if wanted.contains_key(key) {
            return item;
        }
        let why = "terraform owns the tags as a whole and takes away what is not declared".to_owned();
        DriftItem { class: DriftClass::ForeignAddition, why, ..item }
    };
    keys.into_iter().filter(differs).map(item).collect()
}

/// Whether two values mean the same to Azure.
fn alike(how: Alike, wanted: &Value, found: &Value) -> bool {
    let lower = |value: &Value| value.as_str().map(str::to_lowercase);
    match how {
        Alike::Exactly | Alike::Tags => wanted == found,
        Alike::WithoutCase => wanted == found || lower(wanted).is_some_and(|word| lower(found) == Some(word)),
        Alike::Region => {
            let region = |value: &Value| value.as_str().map(Location::new);
            region(wanted) == region(found)
        }
        Alike::Set => {
            let set = |value: &Value| -> BTreeSet<String> {
                value
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(text)
                    .map(|item| item.to_lowercase().trim_end_matches("/32").to_owned())
                    .collect()
            };
            set(wanted) == set(found)
        }
        Alike::Version => {
            let (wanted, found) = (text(wanted).unwrap_or_default(), text(found).unwrap_or_default());
            let patch = found.strip_prefix(&wanted).is_some_and(|rest| rest.starts_with('.'));
            found == wanted || (patch && wanted.matches('.').count() == 1)
        }
        Alike::Surge => {
            let surge = |value: &Value| text(value).map(|text| text.trim().to_owned());
            surge(wanted) == surge(found)
        }
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// What terraform's own plan adds. Values that are only known after the apply are consequences, no differences; so is whatever a
/// new resource in the place of the old one does not take over: only what forces it is a difference then.
fn of_terraform(observed: &Observed, unit: &Unit) -> impl Iterator<Item = DriftItem> {
    const LATER: &str = "(known after apply)";
    let view = observed.terraform.seen();
    let resource =
        view.and_then(|view| view.resources.iter().find(|one| unit.id.as_str() == format!("terraform:{}", one.address)));
    let forced_by = resource.map(|one| one.forced_by.as_slice()).filter(|_| unit.action == Action::Replace);
    let is_cause = |field: &str| forced_by.is_none_or(|paths| paths.iter().any(|path| field.starts_with(path.as_str())));
    let causeless = forced_by.is_some_and(<[String]>::is_empty);
    let whole = (unit.changes.is_empty() || causeless).then(|| item(unit, "*", None, Some(unit.action_word())));
    let changes = unit.changes.iter().filter(|change| change.after.as_deref() != Some(LATER) && is_cause(&change.field));
    let each = changes.map(|change| item(unit, &change.field, change.before.clone(), change.after.clone()));
    whole.into_iter().chain(each.collect::<Vec<_>>())
}

fn of_unit(desired: &Desired, observed: &Observed, unit: &Unit) -> Vec<DriftItem> {
    if cannot_tell(desired, observed, unit) {
        return Vec::new();
    }
    if unit.action == Action::Wait {
        let pending = item(unit, "*", None, None);
        return vec![DriftItem { class: DriftClass::Pending, winner: Winner::Time, ..pending }];
    }
    let about = |item: DriftItem| DriftItem { resource: part(observed, unit, &item.field).unwrap_or(item.resource), ..item };
    let gone = unit.id.as_str() == SETTINGS && observed.settings == Sight::Absent;
    if unit.changes.is_empty() || gone {
        return vec![about(item(unit, "*", None, Some("exists".to_owned())))];
    }
    unit.changes.iter().map(|change| about(item(unit, &change.field, change.before.clone(), change.after.clone()))).collect()
}

/// The very resource that differs, where a unit stands for several or for one that it cannot name before it knows the holder.
fn part(observed: &Observed, unit: &Unit, field: &str) -> Option<String> {
    match unit.step.as_ref()? {
        Step::PutRecordingRules(wish) if field != "*" => {
            Some(wish.group.resource(Kind::PrometheusRuleGroup.resource_type(), field).to_string())
        }
        Step::AssignRole { scope, role, principal } => {
            let principal = match principal {
                PrincipalRef::Object { id, .. } => id,
                PrincipalRef::GrafanaIdentity(_) => GrafanaView(observed.grafana.seen()?).principal()?,
            };
            let name = role_assignment_name(scope, principal, *role, 0).to_string();
            Some(scope.resource(Kind::RoleAssignment.resource_type(), &name).to_string())
        }
        _ => None,
    }
}

/// The settings ConfigMap, as [`DriftItem::resource`] names it.
#[must_use]
pub fn settings_map() -> String {
    format!("{NAMESPACE}/{CONFIG_MAP}")
}

fn item(unit: &Unit, field: &str, found: Option<String>, expected: Option<String>) -> DriftItem {
    let resource = match (&unit.touches, &unit.step) {
        (Some(id), _) => id.to_string(),
        (None, Some(Step::AssignRole { scope, .. })) => scope.to_string(),
        (None, Some(Step::PutRecordingRules(wish))) => wish.group.to_string(),
        (None, Some(Step::RegisterProvider { namespace })) => namespace.clone(),
        (None, Some(Step::MergeSettings { .. } | Step::AwaitPickup { .. })) => settings_map(),
        (None, _) => unit.title.clone(),
    };
    DriftItem {
        unit: unit.id.clone(),
        resource,
        field: field.to_owned(),
        owner: unit.owner,
        class: DriftClass::Drift,
        expected,
        found,
        winner: Winner::File,
        why: unit.reason.clone(),
        since: None,
        by: None,
        times_this_week: 1,
    }
}

/// Whether a unit only seems to need work because something could not be read, or because what it belongs to is gone: that is
/// reported by itself.
fn cannot_tell(desired: &Desired, observed: &Observed, unit: &Unit) -> bool {
    let blind = |sight: &Sight<ArmObject>| sight.unknown().is_some();
    let no_cluster = observed.cluster.seen().is_none();
    match unit.id.as_str() {
        METRICS | POLICY_MODE => no_cluster,
        SETTINGS => no_cluster || observed.settings.unknown().is_some(),
        PICKUP => no_cluster || observed.settings.unknown().is_some() || observed.agents.unknown().is_some(),
        DCRA => no_cluster || observed.associations.unknown().is_some(),
        DCE => blind(&observed.endpoint) || observed.associations.unknown().is_some() || blind(&observed.workspace),
        DCR => blind(&observed.rule) || observed.associations.unknown().is_some() || blind(&observed.workspace),
        GRAFANA_IDENTITY | INTEGRATION => observed.grafana.seen().is_none(),
        RULES => {
            observed.workspace.seen().is_none()
                || observed.rule_groups.unknown().is_some()
                || observed.recommendations.unknown().is_some()
        }
        _ => match &unit.step {
            Some(Step::RegisterProvider { .. }) => observed.registrations.unknown().is_some(),
            Some(Step::AssignRole { scope, principal, .. }) => {
                let nobody = || match principal {
                    PrincipalRef::GrafanaIdentity(_) => {
                        observed.grafana.seen().is_none_or(|grafana| GrafanaView(grafana).principal().is_none())
                    }
                    PrincipalRef::Object { .. } => false,
                };
                let gone = |id, sight: &Sight<ArmObject>| *scope == id && sight.seen().is_none();
                nobody()
                    || observed.assignments.get(scope).is_none_or(|sight| sight.unknown().is_some())
                    || gone(desired.cluster.clone(), &observed.cluster)
                    || gone(desired.workspace.clone(), &observed.workspace)
                    || gone(desired.grafana.id.clone(), &observed.grafana)
            }
            _ => false,
        },
    }
}

/// Workspaces that others integrated into our Grafana: theirs, and left alone.
fn foreign_integrations(desired: &Desired, observed: &Observed) -> Vec<DriftItem> {
    let Some(grafana) = observed.grafana.seen() else { return Vec::new() };
    let foreign = GrafanaView(grafana).integrations().into_iter().filter(|id| !desired.grafana.integrations.contains(id));
    let item = |id| DriftItem {
        unit: UnitId::new(INTEGRATION),
        resource: desired.grafana.id.to_string(),
        field: "azureMonitorWorkspaceIntegrations".to_owned(),
        owner: Owner::Rest,
        class: DriftClass::ForeignAddition,
        expected: None,
        found: Some(format!("{id}")),
        winner: Winner::Found,
        why: "aksight adds its own workspaces and never removes a neighbour's".to_owned(),
        since: None,
        by: None,
        times_this_week: 1,
    };
    foreign.map(|id: crate::base::ArmId| item(id)).collect()
}

/// What others keep in the settings ConfigMap: theirs, and left alone.
fn foreign_settings(desired: &Desired, observed: &Observed) -> Vec<DriftItem> {
    let Some(map) = observed.settings.seen() else { return Vec::new() };
    let item = |foreign: Foreign| DriftItem {
        unit: UnitId::new(SETTINGS),
        resource: settings_map(),
        field: foreign.path,
        owner: Owner::Cluster,
        class: DriftClass::ForeignAddition,
        expected: foreign.wanted,
        found: Some(foreign.found),
        winner: Winner::Found,
        why: "aksight writes what its features need and keeps everything else".to_owned(),
        since: None,
        by: None,
        times_this_week: 1,
    };
    fragment::foreign(&map.data, &desired.fragments).into_iter().map(item).collect()
}

#[cfg(test)]
mod tests;
