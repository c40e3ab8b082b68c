//! A plan as text: one view over terraform, REST and the cluster, destructive first, unchanged folded.

use aksight::event::{Action, FindingLevel};
use aksight::plan::{Plan, Unit};

use super::{Terminal, Tone, counted};

/// More differences of one unit than this are counted, unless all are asked for.
const MOST_CHANGES: usize = 6;

/// The plan for people.
pub(crate) fn text<S>(plan: &Plan<S>, terminal: &Terminal, verbose: bool) -> String {
    told(plan, terminal, Manner { verbose, guarded: true })
}

/// A plan that is meant to take things away.
pub(crate) fn destruction<S>(plan: &Plan<S>, terminal: &Terminal) -> String {
    told(plan, terminal, Manner { verbose: false, guarded: false })
}

/// How a plan is told.
#[derive(Clone, Copy)]
struct Manner {
    /// Every unit and every field.
    verbose: bool,
    /// Whether whatever destroys must be named to be allowed.
    guarded: bool,
}

fn told<S>(plan: &Plan<S>, terminal: &Terminal, manner: Manner) -> String {
    let verbose = manner.verbose;
    let units: Vec<&Unit> = plan.units.iter().filter(|unit| unit.counts() && unit.action != Action::Unchanged).collect();
    let mut told = terminal.paint(Tone::Strong, &format!("Plan for stack {}", plan.stack)) + "\n";
    let (providers, units): (Vec<&Unit>, Vec<&Unit>) = units.into_iter().partition(|unit| !verbose && is_registration(unit));
    let (destructive, others): (Vec<&Unit>, Vec<&Unit>) = units.into_iter().partition(|unit| unit.action.is_destructive());
    told.extend(destructive.into_iter().map(|unit| one(unit, terminal, manner)));
    told.push_str(&registrations(&providers, terminal));
    told.extend(others.into_iter().map(|unit| one(unit, terminal, manner)));
    let unchanged: Vec<&Unit> = plan.units.iter().filter(|unit| unit.counts() && unit.action == Action::Unchanged).collect();
    if verbose {
        for unit in &unchanged {
            told.push_str(&terminal.paragraph(&format!("  = {}: ", unit.title), &unit.reason));
        }
    } else if !unchanged.is_empty() {
        let folded = format!("  = {} as wished (--verbose lists them)\n", counted(unchanged.len(), "unit"));
        told.push_str(&terminal.paint(Tone::Quiet, &folded));
    }
    for finding in &plan.findings {
        let (word, tone) = match finding.level {
            FindingLevel::Deny => ("denied", Tone::Bad),
            FindingLevel::Warn => ("warning", Tone::Change),
            FindingLevel::Ignored => ("ignored", Tone::Quiet),
        };
        told.push_str(&terminal.paint(tone, &format!("  {word} {}", finding.id)));
        told.push('\n');
        told.push_str(&terminal.paragraph("      ", &finding.message));
        if finding.level != FindingLevel::Ignored {
            told.push_str(&terminal.paragraph("      remedy: ", &finding.remedy));
        }
    }
    for spot in &plan.blind_spots {
        told.push_str(&terminal.paragraph("  ? not judged: ", spot));
    }
    told + &summary(plan, terminal)
}

fn is_registration(unit: &Unit) -> bool {
    unit.id.as_str().starts_with("provider:")
}

/// All registrations on one line: they are many, and alike.
fn registrations(units: &[&Unit], terminal: &Terminal) -> String {
    let names: Vec<&str> = units.iter().filter_map(|unit| unit.id.as_str().strip_prefix("provider:")).collect();
    if names.is_empty() {
        return String::new();
    }
    let lead = "  + register ";
    let text = format!("{}: {} (rest)", counted(names.len(), "resource provider"), names.join(", "));
    terminal.paragraph(lead, &text).replacen(lead, &format!("  {} ", terminal.paint(Tone::Good, "+ register")), 1)
}

fn one(unit: &Unit, terminal: &Terminal, manner: Manner) -> String {
    let (sign, word, tone) = match unit.action {
        Action::Create => ("+", "create", Tone::Good),
        Action::Update => ("~", "update", Tone::Change),
        Action::Replace => ("!", "REPLACE", Tone::Bad),
        Action::Delete => ("-", "DELETE", Tone::Bad),
        Action::Wait => (".", "await", Tone::Quiet),
        Action::Unchanged => ("=", "keep", Tone::Quiet),
    };
    let lead = format!("  {sign} {word} ");
    let body = terminal.paragraph(&lead, &format!("{} ({})", unit.title, unit.owner));
    let mut told = body.replacen(&lead, &format!("  {} ", terminal.paint(tone, &format!("{sign} {word}"))), 1);
    told.push_str(&terminal.paragraph("      why: ", &unit.reason));
    let shown = if manner.verbose || unit.action.is_destructive() { unit.changes.len() } else { MOST_CHANGES };
    for change in unit.changes.iter().take(shown) {
        let (before, after) = (change.before.as_deref().unwrap_or("nothing"), change.after.as_deref().unwrap_or("nothing"));
        told.push_str(&terminal.paragraph("      ", &format!("{}: {before} -> {after}", change.field)));
    }
    if unit.changes.len() > shown {
        let more = counted(unit.changes.len() - shown, "more field");
        told.push_str(&terminal.paragraph("      and ", &more));
    }
    if unit.action.is_destructive() && manner.guarded {
        let address = unit.id.as_str().strip_prefix("terraform:").unwrap_or(unit.id.as_str());
        told.push_str(&terminal.paragraph("      ", &format!("only with --allow-destroy {address}")));
    }
    told
}

fn summary<S>(plan: &Plan<S>, terminal: &Terminal) -> String {
    let counts = plan.summary();
    if !plan.has_work() {
        return "Nothing to do.\n".to_owned();
    }
    let parts = [
        (counts.create, "to create"),
        (counts.update, "to update"),
        (counts.replace, "to REPLACE"),
        (counts.delete, "to DELETE"),
        (counts.wait, "to await"),
        (counts.unchanged, "unchanged"),
    ];
    let said: Vec<String> =
        parts.into_iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    terminal.paragraph("Plan: ", &(said.join(", ") + "."))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use aksight::desired::resolve;
    use aksight::observed::tfplan::TerraformView;
    use aksight::observed::{Observed, Sight};
    use aksight::plan::{Draft, draft};

    use super::super::sample::NARROW;
    use super::*;

    /// The quickstart in an empty subscription, where terraform would do `actions` to Grafana.
    fn drawn(actions: &[&str]) -> Plan<Draft> {
        let spec =
            aksight::spec::read(include_str!("../../../terraform/examples/quickstart/aksight.yaml"), "aksight.yaml").unwrap();
        let desired = resolve(&spec, "00000000-0000-0000-0000-000000000001");
        let change = serde_json::json!({"address": "azurerm_dashboard_grafana.this", "mode": "managed", "change": {"actions": actions,
            "before": {"name": "old"}, "after": {"name": "amg-quickstart"}, "replace_paths": [["name"]]}});
        let observed = Observed {
            at: "2026-01-02T03:04:05Z".parse().unwrap(),
            registrations: Sight::Present(BTreeMap::from([("microsoft.compute".into(), "Registered".into())])),
            group: Sight::Absent,
            cluster: Sight::Absent,
            workspace: Sight::Absent,
            grafana: Sight::Absent,
            endpoint: Sight::Absent,
            rule: Sight::Absent,
            associations: Sight::Absent,
            recommendations: Sight::Absent,
            rule_groups: Sight::Absent,
            assignments: BTreeMap::new(),
            me: Sight::Unknown("the token says nothing".into()),
            settings: Sight::Absent,
            agents: Sight::Absent,
            terraform: Sight::Present(TerraformView::read(serde_json::json!({"resource_changes": [change]}))),
        };
        draft(&desired, &observed).unwrap()
    }

    #[test]
    fn a_plan_reads_at_sixty_columns() {
        insta::assert_snapshot!(text(&drawn(&["create"]), &NARROW, false), @r#"
        Plan for stack quickstart
          + register 8 resource providers:
                     Microsoft.ContainerService, Microsoft.Network,
                     Microsoft.Storage, Microsoft.ManagedIdentity,
                     microsoft.insights, Microsoft.AlertsManagement,
                     Microsoft.Monitor, Microsoft.Dashboard (rest)
          + create azurerm_dashboard_grafana.this (terraform)
              why: terraform does not have it in its state
          + create Monitoring Data Reader on workspace
                   amw-quickstart for Grafana (rest)
              why: without it every panel answers 403
              roleDefinition: nothing -> Monitoring Data Reader
          + create Monitoring Reader on the subscription for Grafana
                   (rest)
              why: Azure Monitor and Resource Graph panels need it
              roleDefinition: nothing -> Monitoring Reader
          + create data collection endpoint (rest)
              why: `MSProm-westeurope-aks-quickstart`: it does not
                   exist
          + create data collection rule (rest)
              why: `MSProm-westeurope-aks-quickstart` does not exist
          + create association of cluster and rule (rest)
              why: no association leads to workspace
                   `amw-quickstart`
              dataCollectionRuleId: nothing ->
              /subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-aksight-quickstart/providers/Microsoft.Insights/dataCollectionRules/MSProm-westeurope-aks-quickstart
          + create metrics add-on of the cluster (rest)
              why: a new cluster has it off
              azureMonitorProfile.metrics.enabled: nothing -> true
          + create recommended recording rules (rest)
              why: a new workspace has none
          + create settings of the metrics agents (cluster)
              why: without it the agents drop
                   hubble_flows_processed_total
              schema-version: nothing -> v2
              config-version: nothing -> ver1
              cluster-metrics/default-targets-scrape-enabled/networkobservabilityHubble:
              nothing -> true
              controlplane-metrics/default-targets-scrape-enabled/apiserver:
              nothing -> true
              controlplane-metrics/default-targets-scrape-enabled/etcd:
              nothing -> true
              cluster-metrics/default-targets-metrics-keep-list/networkobservabilityHubble:
              nothing -> hubble.*
              and 5 more fields
          . await agents take up the settings (cluster)
              why: the settings or the add-on change
          = 3 units as wished (--verbose lists them)
          ? not judged: Grafana Admin on Grafana amg-quickstart for
              you: the token says nothing
          ? not judged: Monitoring Data Reader on workspace
              amw-quickstart for you: the token says nothing
        Plan: 17 to create, 1 to await, 3 unchanged.
        "#);
    }

    #[test]
    fn what_destroys_comes_first_and_names_its_key() {
        let told = text(&drawn(&["delete", "create"]), &NARROW, false);
        let second = told.lines().nth(1).unwrap();
        assert!(second.contains("REPLACE azurerm_dashboard_grafana.this"), "{told}");
        let flat = told.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains("--allow-destroy azurerm_dashboard_grafana.this") && flat.contains("forced by name"), "{told}");
        let long_word = |line: &str| line.split_whitespace().any(|word| word.len() > 45);
        assert!(told.lines().all(|line| line.chars().count() <= 60 || long_word(line)), "{told}");
    }
}
