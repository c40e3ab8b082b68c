//! Remarks: what somebody should look at, with a rule, a weight and a place in the user's file.

use aksight::diag::{Code, Diagnostic, Severity, Span};
use aksight::event::{DriftItem, Finding, FindingLevel, Outcome, Report, UnitLine};

use super::{Account, Line};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// It stops the run, or the merge.
    Error,
    /// Somebody should know.
    Warning,
}

/// Something to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Remark {
    /// How bad it is.
    pub(crate) level: Level,
    /// The rule, stable for ever: a diagnostic's code, a policy's id, or one of the two of this room.
    pub(crate) rule: String,
    /// What the rule is about, in a few words.
    pub(crate) about: String,
    /// The stack.
    pub(crate) stack: String,
    /// The address of what it is about: a unit, a resource or a field. With rule and stack it says that two remarks are the same.
    pub(crate) address: String,
    /// A few words.
    pub(crate) title: String,
    /// All of it. Foreign text may be in it.
    pub(crate) message: String,
    /// Where in the user's file, as far as that is known.
    pub(crate) span: Option<Span>,
}

impl Remark {
    /// Whether a summary lists what it is about anyway.
    pub(super) fn has_its_section(&self) -> bool {
        self.rule == DESTROYS.0 || self.rule == DRIFT.0
    }
}

/// The rule of units that are destroyed, where nothing refused that.
const DESTROYS: (&str, &str) = ("AKS-PLAN-001", "the plan replaces or deletes something");
/// The rule of drift.
const DRIFT: (&str, &str) = ("AKS-DRIFT-001", "something is not as the file says");

/// All remarks: errors before warnings; among each what destroys, what is denied, problems, drift.
pub(crate) fn remarks(account: &Account<'_>) -> Vec<Remark> {
    let mut all: Vec<(u8, Remark)> = account.stacks.iter().flat_map(of_stack).collect();
    all.sort_by_key(|(weight, remark)| (remark.level, *weight));
    all.into_iter().map(|(_, remark)| remark).collect()
}

fn of_stack(line: &Line<'_>) -> Vec<(u8, Remark)> {
    let Some(report) = line.report else { return Vec::new() };
    let destroyed = report.units.iter().filter(|unit| unit.action.is_destructive() && !is_meant(report));
    let denied = report.plan.findings.iter().filter(|finding| finding.level != FindingLevel::Ignored);
    let drift = report.drift.iter().flat_map(|drift| &drift.items).filter(|item| item.counts());
    // What guard and policies refused is told by unit and finding already.
    let told = |problem: &&Diagnostic| match problem.code {
        Code::GuardRefused => !report.units.iter().any(|unit| unit.action.is_destructive()),
        Code::PolicyDenied => !report.plan.findings.iter().any(|finding| finding.level == FindingLevel::Deny),
        _ => true,
    };
    let problems = report.diagnostics.iter().filter(told);
    destroyed
        .map(|unit| (0, destroys(line, report, unit)))
        .chain(denied.map(|finding| (1, judged(line, finding))))
        .chain(problems.map(|problem| (2, problem_at(line, problem))))
        .chain(drift.map(|item| (3, drifted(line, item))))
        .collect()
}

/// Whether destroying is what the command is for.
fn is_meant(report: &Report) -> bool {
    matches!(report.command.as_str(), "destroy" | "disable")
}

fn destroys(line: &Line<'_>, report: &Report, unit: &UnitLine) -> Remark {
    let refused = report.result == Outcome::Denied;
    let because = if unit.reason.is_empty() { String::new() } else { format!(": {}", unit.reason) };
    let address = unit.id.as_str().strip_prefix("terraform:").unwrap_or(unit.id.as_str());
    let key = if refused { format!("; only with --allow-destroy {address}") } else { String::new() };
    Remark {
        level: if refused { Level::Error } else { Level::Warning },
        rule: if refused { Code::GuardRefused.as_str() } else { DESTROYS.0 }.to_owned(),
        about: if refused { Code::GuardRefused.headline() } else { DESTROYS.1 }.to_owned(),
        stack: line.name.to_owned(),
        address: unit.id.as_str().to_owned(),
        title: format!("{}: {} {}", line.name, unit.action.as_str(), unit.title),
        message: format!("{} would {} {}{because}{key}", unit.owner, unit.action.as_str(), unit.title),
        span: place(line, section(unit.id.as_str())),
    }
}

fn judged(line: &Line<'_>, finding: &Finding) -> Remark {
    let subject = finding.subject.clone().unwrap_or_default();
    Remark {
        level: if finding.level == FindingLevel::Deny { Level::Error } else { Level::Warning },
        rule: finding.id.clone(),
        about: finding.message.clone(),
        stack: line.name.to_owned(),
        title: format!("{}: {}", line.name, finding.id),
        message: format!("{}; remedy: {}", finding.message, finding.remedy),
        span: place(line, &pointer(&subject)),
        address: subject,
    }
}

fn problem_at(line: &Line<'_>, problem: &Diagnostic) -> Remark {
    let parts = problem.detail.iter().cloned();
    let parts = parts.chain(problem.causes.iter().map(|cause| format!("caused by: {cause}")));
    let parts = parts.chain(problem.hints.iter().map(|hint| format!("hint: {hint}")));
    let message = parts.fold(problem.summary.clone(), |told, part| format!("{told}\n{part}"));
    Remark {
        level: if problem.severity == Severity::Error { Level::Error } else { Level::Warning },
        rule: problem.code.as_str().to_owned(),
        about: problem.code.headline().to_owned(),
        stack: line.name.to_owned(),
        address: problem.resource.clone().unwrap_or_else(|| problem.summary.clone()),
        title: format!("{} {}", problem.code, problem.code.headline()),
        message,
        span: problem.span.clone().or_else(|| place(line, problem.resource.as_deref().map_or("", section))),
    }
}

fn drifted(line: &Line<'_>, item: &DriftItem) -> Remark {
    let shown = |value: &Option<String>| value.as_deref().unwrap_or("nothing").to_owned();
    let by = item.by.as_ref().map(|by| format!(", last written by {by}")).unwrap_or_default();
    let what = match item.field.as_str() {
        "*" => item.why.clone(),
        field => format!("{field} is {}, not {}", shown(&item.found), shown(&item.expected)),
    };
    Remark {
        level: Level::Warning,
        rule: DRIFT.0.to_owned(),
        about: DRIFT.1.to_owned(),
        stack: line.name.to_owned(),
        address: item.key(),
        title: format!("{}: {} drifted", line.name, item.unit),
        message: format!("{}: {what}{by}", item.resource),
        span: place(line, section(item.unit.as_str())),
    }
}

/// The section of the file that a unit comes from.
fn section(unit: &str) -> &'static str {
    const SECTIONS: [(&str, &str); 9] = [
        ("grafana", "/grafana"),
        ("provider:", "/azure"),
        ("resource_group", "/azure/resourceGroup"),
        ("monitor_workspace", "/monitoring/workspace"),
        ("kubernetes_cluster", "/cluster"),
        ("cluster", "/cluster"),
        ("settings", "/monitoring/metrics"),
        ("rule", "/monitoring"),
        ("data-collection", "/monitoring"),
    ];
    SECTIONS.iter().find(|(part, _)| unit.contains(part)).map_or("", |(_, pointer)| pointer)
}

/// `cluster.entra.localAccounts` as a JSON pointer.
fn pointer(field: &str) -> String {
    field.split('.').filter(|part| !part.is_empty()).fold(String::new(), |all, part| format!("{all}/{part}"))
}

fn place(line: &Line<'_>, pointer: &str) -> Option<Span> {
    line.spec.map(|spec| spec.span(pointer))
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn a_denied_field_and_a_replaced_unit_stand_at_their_lines() {
        let text = include_str!("../../../../terraform/examples/quickstart/aksight.yaml");
        let spec = aksight::spec::read(text, "aksight.yaml").unwrap();
        let report = sample::huge(0);
        let all = remarks(&Account::of_stack(&report, Some(&spec)));
        let line = |rule: &str| {
            let span = all.iter().find(|remark| remark.rule == rule).unwrap().span.clone().unwrap();
            text.lines().nth(span.line - 1).unwrap().trim().to_owned()
        };
        assert_eq!(line("AKS-0602"), "grafana:");
        assert_eq!(line("AKS-POL-001"), "location: westeurope");
    }

    #[test]
    fn what_guard_and_policies_refused_is_told_once() {
        let mut report = sample::huge(0);
        report.diagnostics.push(Diagnostic::error(Code::GuardRefused, "a replacement is not allowed"));
        report.diagnostics.push(Diagnostic::error(Code::PolicyDenied, "denied"));
        let rules: Vec<String> = remarks(&Account::of_stack(&report, None)).into_iter().map(|remark| remark.rule).collect();
        assert_eq!(rules, ["AKS-0602", "AKS-POL-001"]);
        report.units.clear();
        assert_eq!(remarks(&Account::of_stack(&report, None)).len(), 2, "a refusal without units is told itself");
    }
}
