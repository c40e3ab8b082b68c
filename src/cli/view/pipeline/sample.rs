//! Reports to test with.

use std::time::Duration;

use aksight::event::{
    Action, Change, Check, CheckId, Depth, DriftClass, DriftItem, DriftReport, Finding, FindingLevel, Outcome, Owner, Report,
    UnitId, UnitLine, UnitStatus, Winner,
};

use super::{Account, Line};

pub(crate) fn unit(id: &str, action: Action) -> UnitLine {
    UnitLine {
        id: UnitId::new(id),
        title: id.trim_start_matches("terraform:").to_owned(),
        owner: Owner::Terraform,
        action,
        status: UnitStatus::Planned,
        needs: Vec::new(),
        reason: "forced by name".into(),
        changes: vec![Change::new("name", Some("old"), Some("new"))],
        elapsed: Duration::ZERO,
    }
}

fn with_units(name: &str, result: Outcome, exit_code: u8, units: Vec<UnitLine>) -> Report {
    let mut report = Report::new("plan");
    report.stack = Some(name.into());
    report.result = result;
    report.exit_code = exit_code;
    for unit in &units {
        report.plan.count(unit.action);
    }
    report.units = units;
    report.durations.total = Duration::from_millis(12_300);
    report
}

/// A plan with one unit of each kind.
pub(crate) fn planned(name: &str) -> Report {
    let units = vec![
        unit("terraform:azurerm_kubernetes_cluster.this", Action::Update),
        unit("terraform:azurerm_dashboard_grafana.this", Action::Replace),
        unit("data-collection-rule", Action::Create),
        unit("provider:Microsoft.Monitor", Action::Unchanged),
    ];
    with_units(name, Outcome::Planned, 2, units)
}

/// Drift in one field.
pub(crate) fn drifted(name: &str) -> Report {
    let mut report = with_units(name, Outcome::Drifted, 2, Vec::new());
    report.command = "drift".into();
    let item = DriftItem {
        unit: UnitId::new("terraform:azurerm_kubernetes_cluster.this"),
        resource: "/subscriptions/s/resourceGroups/g".into(),
        field: "tags.team".into(),
        owner: Owner::Terraform,
        class: DriftClass::Drift,
        expected: Some("a".into()),
        found: Some("b ::error::x\n##vso[task.complete result=Failed;]".into()),
        winner: Winner::File,
        why: "the file says so".into(),
        since: None,
        by: Some("@somebody".into()),
        times_this_week: 1,
    };
    report.drift = Some(DriftReport { depth: Depth::Fast, swept: false, items: vec![item], plan: Some("p-1".into()) });
    report
}

/// Checks with every verdict.
pub(crate) fn unproven(name: &str) -> Report {
    let mut report = with_units(name, Outcome::Unverified, 11, Vec::new());
    report.command = "verify".into();
    report.checks = vec![
        Check::pass(CheckId::ControlPlane, "6 of 6"),
        Check::fail(CheckId::Agents, "0 of 2 <pods> run\u{1b}[31m", "look at `kubectl -n kube-system get pods`"),
        Check::pending(CheckId::HubbleFlows, "no series", "wait"),
        Check::skipped(CheckId::Dashboards, "not asked"),
    ];
    report
}

/// A refused plan with one replacement, one denial, and `count` errors and warnings beside.
pub(crate) fn huge(count: usize) -> Report {
    let mut report =
        with_units("huge", Outcome::Denied, 10, vec![unit("terraform:azurerm_dashboard_grafana.this", Action::Replace)]);
    let finding = |level, id: &str, index: usize| Finding {
        id: id.into(),
        level,
        message: format!("region `westeurope` is not allowed ({index})"),
        remedy: "choose another".into(),
        subject: Some("azure.location".into()),
    };
    report.plan.findings.push(finding(FindingLevel::Deny, "AKS-POL-001", 0));
    for index in 0..count {
        report.plan.findings.push(finding(FindingLevel::Deny, "AKS-POL-002", index));
        report.plan.findings.push(finding(FindingLevel::Warn, "AKS-POL-003", index));
    }
    report
}

/// A fleet of these.
pub(crate) fn fleet<'a>(reports: &[&'a Report], exit_code: u8) -> Account<'a> {
    let line = |report: &&'a Report| Line {
        name: report.stack.as_deref().unwrap_or("?"),
        report: Some(*report),
        not_started: None,
        spec: None,
    };
    let stacks = reports.iter().map(line).collect();
    Account { command: "plan", fleet: Some("all"), exit_code, took: Duration::from_secs(3), stacks }
}
