//! The ownership ledger: one owner per field (design §4).
//!
//! This table is the only place that says who writes what. The generated HCL takes its `ignore_changes` from it, `explain`
//! answers from it, and `docs/ownership.md` is printed from it. Two of its rows prevent disasters: without `identity` in
//! Grafana's `ignore_changes` a repaired identity plans a replacement of Grafana, and without `monitor_metrics` in the
//! cluster's the next apply switches the metrics add-on off (contract §11.6).

use super::service_made::SERVICE_MADE;
use crate::event::Owner;

/// How terraform and aksight share a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// Its owner alone writes it.
    Sole,
    /// Terraform sets it when the resource is born and ignores it afterwards; aksight repairs and merges it.
    BornInTerraform,
    /// Terraform never declares it and ignores what others set.
    IgnoredByTerraform,
    /// The service fills it in; nobody reports it as drift.
    ServiceMade,
}

/// One row of the ledger.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The resource: a terraform type, or what people call it.
    pub resource: &'static str,
    /// The field: a terraform argument, a REST property path or a ConfigMap key. `*` is everything not named elsewhere.
    pub field: &'static str,
    /// Who writes it.
    pub owner: Owner,
    /// How.
    pub sharing: Sharing,
    /// Why it is so.
    pub why: &'static str,
}

const CLUSTER: &str = "azurerm_kubernetes_cluster";
const WORKSPACE: &str = "azurerm_monitor_workspace";
const GRAFANA: &str = "azurerm_dashboard_grafana";

const fn row(resource: &'static str, field: &'static str, owner: Owner, sharing: Sharing, why: &'static str) -> Row {
    Row { resource, field, owner, sharing, why }
}

/// The ledger.
pub const LEDGER: &[Row] = &[
    row("azurerm_resource_group", "*", Owner::Terraform, Sharing::Sole, "terraform creates the group and its tags"),
    row(CLUSTER, "*", Owner::Terraform, Sharing::Sole, "terraform creates the cluster, its node pool and its network"),
    row(
        CLUSTER,
        "network_profile[0].advanced_networking",
        Owner::Terraform,
        Sharing::Sole,
        "observability and security are declared in HCL; azurerm would switch off what it finds undeclared",
    ),
    row(
        CLUSTER,
        "monitor_metrics",
        Owner::Rest,
        Sharing::IgnoredByTerraform,
        "the add-on goes on after the data collection rule is associated, and azurerm rebuilds the whole metrics object; \
         without ignore_changes the next apply switches the add-on off",
    ),
    row(
        CLUSTER,
        "kubernetes_version",
        Owner::Terraform,
        Sharing::ServiceMade,
        "an upgrade channel moves it; a pinned version is declared, patch upgrades by the service are not drift",
    ),
    row(
        CLUSTER,
        "default_node_pool[0].orchestrator_version",
        Owner::Terraform,
        Sharing::ServiceMade,
        "follows the cluster's version; the service upgrades node pools",
    ),
    row(
        CLUSTER,
        "default_node_pool[0].node_count",
        Owner::Terraform,
        Sharing::ServiceMade,
        "the autoscaler moves it; ignored only when autoscaling is on",
    ),
    row(
        CLUSTER,
        "properties.networkProfile.advancedNetworking.security.advancedNetworkPolicies",
        Owner::Rest,
        Sharing::Sole,
        "azurerm has no argument for the policy mode",
    ),
    row(
        CLUSTER,
        "properties.azureMonitorProfile.metrics.controlPlane",
        Owner::Rest,
        Sharing::Sole,
        "azurerm has no argument for control-plane metrics",
    ),
    row(WORKSPACE, "*", Owner::Terraform, Sharing::Sole, "terraform creates the workspace"),
    row(GRAFANA, "*", Owner::Terraform, Sharing::Sole, "terraform creates Grafana"),
    row(
        GRAFANA,
        "identity",
        Owner::Rest,
        Sharing::BornInTerraform,
        "azurerm replaces Grafana when the identity differs (it forces replacement), so terraform sets it at birth, ignores it \
         afterwards, and aksight repairs it in place",
    ),
    row(
        GRAFANA,
        "azure_monitor_workspace_integrations",
        Owner::Rest,
        Sharing::BornInTerraform,
        "azurerm removes integrations that others added; aksight merges its own into the list",
    ),
    row("resource provider", "registrationState", Owner::Rest, Sharing::Sole, "azurerm 5 registers none, and nobody else waits"),
    row("data collection endpoint", "*", Owner::Rest, Sharing::Sole, "found by what refers to it, created when none fits"),
    row("data collection rule", "*", Owner::Rest, Sharing::Sole, "found by stream and workspace, created when none fits"),
    row("data collection rule association", "*", Owner::Rest, Sharing::Sole, "found by what it points at, never by name"),
    row(
        "recording rule group",
        "*",
        Owner::Rest,
        Sharing::Sole,
        "Microsoft's recommended rules, under both spellings of the name",
    ),
    row("role assignment", "*", Owner::Rest, Sharing::Sole, "deterministic names; existing and inherited ones are accepted"),
    row(
        "ama-metrics-settings-configmap",
        "networkobservabilityHubble",
        Owner::Cluster,
        Sharing::Sole,
        "the keep-list that lets hubble_flows_processed_total through; every foreign key of the ConfigMap is kept",
    ),
    row("ama-metrics-settings-configmap", "*", Owner::Cluster, Sharing::Sole, "one writer merges the fragments of all features"),
];

/// What terraform must ignore on resources of this type, in ledger order. `autoscaled` and `follows_channel` say whether the
/// fields that only those features move are moved at all.
#[must_use]
pub fn ignored_by_terraform(resource: &str, autoscaled: bool, follows_channel: bool) -> Vec<&'static str> {
    let moved = |row: &Row| match row.sharing {
        Sharing::Sole => false,
        Sharing::BornInTerraform | Sharing::IgnoredByTerraform => true,
        Sharing::ServiceMade if row.field.ends_with("node_count") => autoscaled,
        Sharing::ServiceMade => follows_channel,
    };
    LEDGER.iter().filter(|row| row.resource == resource && moved(row)).map(|row| row.field).collect()
}

/// `docs/ownership.md`: the ledger as a page.
#[must_use]
pub fn page() -> String {
    let sharing = |row: &Row| match row.sharing {
        Sharing::Sole => "alone",
        Sharing::BornInTerraform => "terraform at birth, aksight afterwards",
        Sharing::IgnoredByTerraform => "ignored by terraform",
        Sharing::ServiceMade => "moved by the service",
    };
    let line = |row: &Row| format!("| {} | `{}` | {} | {} | {} |\n", row.resource, row.field, row.owner, sharing(row), row.why);
    let rows: String = LEDGER.iter().map(line).collect();
    let made = SERVICE_MADE.iter().map(|made| format!("| `{}` | `{}` | {} |\n", made.address, made.pointer, made.why));
    format!("{PAGE_HEAD}{rows}{SERVICE_HEAD}{}", made.collect::<String>())
}

const PAGE_HEAD: &str = "\
# The ownership ledger

Every field that aksight manages has one owner. The generated HCL takes its `ignore_changes` from this table, `aksight explain FIELD` answers
from it, and a second run is a no-op on both sides because of it. This page is printed from the code (`src/desired/owner.rs`).

Two rows prevent disasters. Without `identity` in Grafana's `ignore_changes`, a repaired identity plans a replacement of Grafana with all its
dashboards. Without `monitor_metrics` in the cluster's, the next apply switches the metrics add-on off.

| Resource | Field | Owner | How | Why |
|---|---|---|---|---|
";

const SERVICE_HEAD: &str = "
## What the service changes by itself

`aksight drift` is silent about it, at both depths: it compares what is declared, and nothing of this is.

| Resource | Field in ARM | Why it changes |
|---|---|---|
";

/// Rows about `field`: an exact field or resource name, or a part of either, without case.
#[must_use]
pub fn explain(field: &str) -> Vec<&'static Row> {
    let wanted = field.to_ascii_lowercase();
    let hit = |text: &str| text.to_ascii_lowercase().contains(&wanted);
    let exact: Vec<&Row> = LEDGER.iter().filter(|row| row.field.eq_ignore_ascii_case(field)).collect();
    if !exact.is_empty() {
        return exact;
    }
    LEDGER.iter().filter(|row| hit(row.field) || hit(row.resource) || hit(&format!("{}.{}", row.resource, row.field))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_disasters_are_ignored_by_terraform() {
        assert!(ignored_by_terraform(CLUSTER, false, false).contains(&"monitor_metrics"));
        assert_eq!(ignored_by_terraform(GRAFANA, false, false), ["identity", "azure_monitor_workspace_integrations"]);
    }

    /// `AKSIGHT_BLESS=1 cargo test` writes the page anew.
    #[test]
    fn the_page_is_printed_from_the_ledger() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/ownership.md");
        if std::env::var_os("AKSIGHT_BLESS").is_some() {
            std::fs::write(path, page()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), page());
    }

    #[test]
    fn no_field_has_two_owners() {
        for (index, row) in LEDGER.iter().enumerate() {
            let twin = LEDGER[index + 1..].iter().find(|other| other.resource == row.resource && other.field == row.field);
            assert!(twin.is_none(), "{}.{} has two rows", row.resource, row.field);
        }
    }

    #[test]
    fn explain_finds_by_part() {
        assert_eq!(explain("monitor_metrics").len(), 1);
        assert!(!explain("grafana").is_empty());
        assert!(explain("no such thing").is_empty());
    }
}
