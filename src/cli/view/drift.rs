//! Drift for people, by unit: what is expected and what was found, since when and by whom, who wins.

use aksight::event::{DriftClass, DriftItem, DriftReport, Winner};

use unicode_width::UnicodeWidthStr as _;

use super::{Terminal, Tone, counted};

/// What a look found.
pub(crate) fn text(found: &DriftReport, terminal: &Terminal) -> String {
    let mut told = String::new();
    let mut rest = found.items.as_slice();
    while let Some(first) = rest.first() {
        let alike = |item: &&DriftItem| item.unit == first.unit && item.resource == first.resource;
        let length = rest.iter().take_while(alike).count();
        let (group, others) = rest.split_at(length);
        told.push_str(&of_one_unit(group, terminal));
        rest = others;
    }
    let count = found.items.iter().filter(|item| item.counts()).count();
    if let Some(plan) = &found.plan {
        told.push_str(&terminal.paragraph("  plan: ", &format!("`{plan}` would mend {}", counted(count, "difference"))));
    }
    told
}

fn of_one_unit(group: &[DriftItem], terminal: &Terminal) -> String {
    let Some(first) = group.first() else { return String::new() };
    let mut told = terminal.paragraph("  ", &format!("{} (owner {})", first.unit, first.owner));
    told.push_str(&terminal.paragraph("    ", &resource(&first.resource, terminal)));
    // In the cluster every key has its own author; a resource of Azure has one.
    let of_all = group.iter().all(|item| (&item.by, item.since) == (&first.by, first.since));
    if of_all {
        told.push_str(&terminal.paragraph("    ", &written(first)));
    }
    for item in group {
        told.push_str(&one(item, terminal));
        if !of_all {
            told.push_str(&terminal.paragraph("      ", &written(item)));
        }
    }
    told
}

/// Since when and by whom, as far as it is known.
fn written(item: &DriftItem) -> String {
    match (item.since, item.by.as_deref()) {
        (Some(since), Some(by)) => format!("written {since:.0} by {by}"),
        (Some(since), None) => format!("first seen {since:.0}, by whom is unknown"),
        (None, Some(by)) => format!("written by {by}"),
        (None, None) => "by whom and since when is unknown".to_owned(),
    }
}

/// An id, where it fits; else what tells it apart: type and name, and what that lies in or hangs on. The whole is in the JSON.
fn resource(id: &str, terminal: &Terminal) -> String {
    const INDENT: usize = 4;
    let Some((scope, rest)) = id.rsplit_once("/providers/").filter(|_| id.width() + INDENT > terminal.width) else {
        return id.to_owned();
    };
    let own = rest.split_once('/').map_or(rest, |(_, own)| own);
    let within = match scope.rsplit_once("/providers/") {
        Some((_, parent)) => parent.split_once('/').map_or(parent, |(_, parent)| parent),
        None => scope.trim_start_matches('/').split_once("/resourceGroups/").map_or(scope, |(_, group)| group),
    };
    format!("{own} in {within}")
}

fn one(item: &DriftItem, terminal: &Terminal) -> String {
    let (word, tone) = match (item.class, item.winner) {
        (DriftClass::Drift, _) => ("drift", Tone::Bad),
        (DriftClass::ForeignAddition, Winner::File) => ("added", Tone::Change),
        (DriftClass::ForeignAddition, _) => ("foreign", Tone::Quiet),
        (DriftClass::Pending, _) => ("pending", Tone::Change),
    };
    let value = |value: &Option<String>| value.as_deref().map_or_else(|| "nothing".to_owned(), |text| shortened(text, terminal));
    let what = match item.field.as_str() {
        "*" if item.found.is_none() && item.expected.is_some() => "it is not there".to_owned(),
        "*" => item.why.clone(),
        field if item.class == DriftClass::ForeignAddition && item.expected.is_none() => {
            format!("{field}: {}", value(&item.found))
        }
        field => format!("{field}: expected {}, found {}", value(&item.expected), value(&item.found)),
    };
    let again = if item.times_this_week > 1 { format!(" ({} times this week)", item.times_this_week) } else { String::new() };
    let side = match item.winner {
        Winner::File => String::new(),
        Winner::Found => format!("; it stays: {}", item.why),
        Winner::Time => "; it passes by itself".to_owned(),
    };
    let lead = format!("    {word}: ");
    let plain = terminal.paragraph(&lead, &format!("{what}{again}{side}"));
    plain.replacen(&lead, &terminal.paint(tone, &lead), 1)
}

/// A value; an id that no line holds shows its end.
fn shortened(text: &str, terminal: &Terminal) -> String {
    const INDENT: usize = 13;
    match text.rsplit_once("/providers/") {
        Some((_, rest)) if text.starts_with('/') && text.width() + INDENT > terminal.width => format!("…/{rest}"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use aksight::event::{Depth, Owner, UnitId};

    use super::super::sample::NARROW;
    use super::*;

    fn item(unit: &str, resource: &str, field: &str) -> DriftItem {
        DriftItem {
            unit: UnitId::new(unit),
            resource: resource.to_owned(),
            field: field.to_owned(),
            owner: Owner::Terraform,
            class: DriftClass::Drift,
            expected: Some("false".to_owned()),
            found: Some("true".to_owned()),
            winner: Winner::File,
            why: "terraform declares it".to_owned(),
            since: "2026-11-20T10:00:00Z".parse().ok(),
            by: Some("11111111-1111-4111-8111-111111111111".to_owned()),
            times_this_week: 1,
        }
    }

    /// One of each kind.
    fn items() -> Vec<DriftItem> {
        let group = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-shop";
        let (cluster, map) = (
            format!("{group}/providers/Microsoft.ContainerService/managedClusters/aks"),
            "kube-system/ama-metrics-settings-configmap",
        );
        let account = format!("{group}/providers/Microsoft.Monitor/accounts/amw");
        let settings = |field: &str| DriftItem { owner: Owner::Cluster, ..item("settings-configmap", map, field) };
        vec![
            item(
                "terraform:azurerm_kubernetes_cluster.this",
                &cluster,
                "network_profile[0].advanced_networking[0].security_enabled",
            ),
            DriftItem {
                found: None,
                times_this_week: 3,
                ..item("terraform:azurerm_kubernetes_cluster.this", &cluster, "sku_tier")
            },
            DriftItem {
                expected: Some(account.clone()),
                found: None,
                by: None,
                ..item("grafana-integration", &account, "azureMonitorWorkspaceIntegrations")
            },
            DriftItem {
                since: None,
                by: None,
                found: None,
                ..item("role:a", &format!("{account}/providers/Microsoft.Authorization/roleAssignments/b"), "*")
            },
            settings("cluster-metrics/default-targets-scrape-enabled/coredns"),
            DriftItem {
                class: DriftClass::ForeignAddition,
                winner: Winner::Found,
                why: "aksight keeps it".to_owned(),
                expected: None,
                by: Some("kubectl-edit".to_owned()),
                found: Some("120 bytes of text".to_owned()),
                ..settings("ksm-config")
            },
            DriftItem {
                class: DriftClass::Pending,
                winner: Winner::Time,
                expected: None,
                found: None,
                ..item("agents-pickup", map, "*")
            },
        ]
    }

    #[test]
    fn a_narrow_terminal_shows_owner_values_author_and_plan() {
        let told = text(
            &DriftReport { depth: Depth::Fast, items: items(), plan: Some("0123456789ab".to_owned()), swept: false },
            &NARROW,
        );
        insta::assert_snapshot!(told, @r"
        terraform:azurerm_kubernetes_cluster.this (owner
        terraform)
          managedClusters/aks in rg-shop
          written 2026-11-20T10:00:00Z by
          11111111-1111-4111-8111-111111111111
          drift: network_profile[0].advanced_networking[0].security_enabled:
                 expected false, found true
          drift: sku_tier: expected false, found nothing (3 times
                 this week)
        grafana-integration (owner terraform)
          accounts/amw in rg-shop
          first seen 2026-11-20T10:00:00Z, by whom is unknown
          drift: azureMonitorWorkspaceIntegrations: expected
                 …/Microsoft.Monitor/accounts/amw, found nothing
        role:a (owner terraform)
          roleAssignments/b in accounts/amw
          by whom and since when is unknown
          drift: it is not there
        settings-configmap (owner cluster)
          kube-system/ama-metrics-settings-configmap
          drift: cluster-metrics/default-targets-scrape-enabled/coredns:
                 expected false, found true
            written 2026-11-20T10:00:00Z by
            11111111-1111-4111-8111-111111111111
          foreign: ksm-config: 120 bytes of text; it stays:
                   aksight keeps it
            written 2026-11-20T10:00:00Z by kubectl-edit
        agents-pickup (owner terraform)
          kube-system/ama-metrics-settings-configmap
          written 2026-11-20T10:00:00Z by
          11111111-1111-4111-8111-111111111111
          pending: terraform declares it; it passes by itself
        plan: `0123456789ab` would mend 5 differences
        ");
        let one_word = |line: &str| line.trim_start_matches(" drift:").split_whitespace().count() <= 2;
        assert!(told.lines().all(|line| line.width() <= 60 || one_word(line)), "{told}");
    }
}
