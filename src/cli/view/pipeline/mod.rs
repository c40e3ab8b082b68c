//! What a pipeline is told: remarks with places, outputs, a summary, SARIF and JUnit. One stack and a fleet are told alike.

pub(crate) mod azdo;
pub(crate) mod github;
pub(crate) mod junit;
pub(crate) mod markdown;
mod remark;
pub(crate) mod sarif;

use std::path::Path;
use std::time::Duration;

use aksight::event::{FleetReport, Outcome, PlanSummary, Report};
use aksight::spec::{Fleet, Spec};

pub(crate) use remark::{Level, Remark, remarks};

/// More annotations of one kind than this are not shown by GitHub, per step.
const MOST_OF_A_KIND: usize = 10;

/// A command that has ended, seen from outside.
pub(crate) struct Account<'a> {
    /// The command.
    pub(crate) command: &'a str,
    /// The fleet's name, for one.
    pub(crate) fleet: Option<&'a str>,
    /// The process's exit code.
    pub(crate) exit_code: u8,
    /// How long the command took.
    pub(crate) took: Duration,
    /// The stacks, in the order of the file; one for a stack alone.
    pub(crate) stacks: Vec<Line<'a>>,
}

/// A stack in an account.
pub(crate) struct Line<'a> {
    /// Its name; `?` for a file that cannot be read.
    pub(crate) name: &'a str,
    /// What came of it; nothing when it was not started.
    pub(crate) report: Option<&'a Report>,
    /// Why it was not started.
    pub(crate) not_started: Option<&'a str>,
    /// Its file, to point into.
    pub(crate) spec: Option<&'a Spec>,
}

impl<'a> Account<'a> {
    /// Of one stack. `spec` is its file, if that could be read.
    pub(crate) fn of_stack(report: &'a Report, spec: Option<&'a Spec>) -> Self {
        let name = report.stack.as_deref().or_else(|| Some(spec?.stack.metadata.name.as_str())).unwrap_or("?");
        Self {
            command: &report.command,
            fleet: None,
            exit_code: report.exit_code,
            took: report.durations.total,
            stacks: vec![Line { name, report: Some(report), not_started: None, spec }],
        }
    }

    /// Of a fleet.
    pub(crate) fn of_fleet(report: &'a FleetReport, fleet: &'a Fleet) -> Self {
        let spec = |name: &str| fleet.stacks.iter().find(|stack| stack.name() == name).map(|stack| &stack.spec);
        let line = |line: &'a aksight::event::FleetLine| Line {
            name: &line.name,
            report: line.report.as_ref(),
            not_started: line.not_started.as_deref(),
            spec: spec(&line.name),
        };
        Self {
            command: &report.command,
            fleet: Some(&report.fleet),
            exit_code: report.exit_code,
            took: report.seconds,
            stacks: report.stacks.iter().map(line).collect(),
        }
    }

    /// What it is about, for headlines.
    pub(crate) fn subject(&self) -> String {
        match (self.fleet, self.stacks.first()) {
            (Some(fleet), _) => format!("fleet {fleet}"),
            (None, Some(line)) if line.name != "?" => format!("stack {}", line.name),
            (None, _) => "a file that cannot be used".to_owned(),
        }
    }

    /// The result of the stack that decides the exit code. Where all is well, a change is more than none.
    pub(crate) fn result(&self) -> Outcome {
        let decisive: Vec<Outcome> =
            self.reports().filter(|report| report.exit_code == self.exit_code).map(|report| report.result).collect();
        match decisive.first() {
            Some(_) if decisive.contains(&Outcome::Changed) => Outcome::Changed,
            Some(first) => *first,
            None if self.exit_code == 0 => Outcome::Unchanged,
            None => Outcome::Failed,
        }
    }

    /// Whether it was a rehearsal.
    pub(crate) fn rehearsal(&self) -> bool {
        self.reports().any(|report| report.rehearsal)
    }

    /// The plans' counts together.
    pub(crate) fn counts(&self) -> PlanSummary {
        self.reports().fold(PlanSummary::default(), |mut sum, report| {
            sum.create += report.plan.create;
            sum.update += report.plan.update;
            sum.replace += report.plan.replace;
            sum.delete += report.plan.delete;
            sum.wait += report.plan.wait;
            sum.unchanged += report.plan.unchanged;
            sum
        })
    }

    fn reports(&self) -> impl Iterator<Item = &Report> {
        self.stacks.iter().filter_map(|line| line.report)
    }

    /// Whether anything is not as a file says and should be.
    fn drifted(&self) -> bool {
        self.reports().any(|report| report.drift.iter().flat_map(|drift| &drift.items).any(aksight::event::DriftItem::counts))
    }

    fn verified(&self) -> bool {
        let mut reports = self.stacks.iter().map(|line| line.report).peekable();
        reports.peek().is_some() && reports.all(|report| report.is_some_and(|report| report.verified))
    }

    /// Grafana's address, if there is just one.
    fn grafana(&self) -> &str {
        let mut all: Vec<&str> = self.reports().filter_map(|report| report.outputs.get("grafana_endpoint")?.as_str()).collect();
        all.sort_unstable();
        all.dedup();
        if let [only] = all[..] { only } else { "" }
    }
}

/// What later steps can read, by name. `report_path` is where the report lies as JSON.
pub(crate) fn outputs(account: &Account<'_>, report_path: &str) -> Vec<(&'static str, String)> {
    let counts = account.counts();
    vec![
        ("result", account.result().as_str().to_owned()),
        ("exit-code", account.exit_code.to_string()),
        ("changes", (counts.writes() > 0).to_string()),
        ("add", counts.create.to_string()),
        ("change", counts.update.to_string()),
        ("destroy", counts.delete.to_string()),
        ("replace", counts.replace.to_string()),
        ("drift", account.drifted().to_string()),
        ("verified", account.verified().to_string()),
        ("grafana-endpoint", account.grafana().to_owned()),
        ("report-path", report_path.to_owned()),
    ]
}

/// The remarks that are shown at lines: the weightiest of each kind, and how many are not shown.
pub(crate) fn annotated(account: &Account<'_>) -> (Vec<Remark>, usize) {
    let all = remarks(account);
    let total = all.len();
    let (errors, warnings): (Vec<Remark>, Vec<Remark>) = all.into_iter().partition(|remark| remark.level == Level::Error);
    let some = |of: Vec<Remark>| of.into_iter().take(MOST_OF_A_KIND);
    let shown: Vec<Remark> = some(errors).chain(some(warnings)).collect();
    let hidden = total - shown.len();
    (shown, hidden)
}

/// A line of a secret that is shorter is not masked: its mask would hide half of the log.
const SHORTEST_MASK: usize = 4;

/// The lines of a secret that are worth a mask.
fn mask_worthy(secret: &str) -> impl Iterator<Item = &str> {
    secret.lines().map(str::trim).filter(|line| line.len() >= SHORTEST_MASK)
}

/// The file of a place, as the repository calls it: relative to `root`, with `/`. Both are free of links and dots. Nothing for a
/// file that lies elsewhere.
pub(crate) fn in_repository(file: &Path, root: &Path) -> Option<String> {
    let inner = file.strip_prefix(root).ok()?;
    let parts: Option<Vec<&str>> = inner.components().map(|part| part.as_os_str().to_str()).collect();
    parts.filter(|parts| !parts.is_empty()).map(|parts| parts.join("/"))
}

#[cfg(test)]
mod sample;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_told_as_the_repository_calls_it() {
        let told = |file: &str| in_repository(Path::new(file), Path::new("/w/repo"));
        assert_eq!(told("/w/repo/deploy/aksight.yaml").as_deref(), Some("deploy/aksight.yaml"));
        assert_eq!(told("/w/repository/aksight.yaml"), None);
    }

    #[test]
    fn outputs_add_a_fleet_up_and_name_its_worst() {
        let (mut good, bad) = (sample::planned("good"), sample::drifted("bad"));
        good.outputs.insert("grafana_endpoint".into(), "https://one.example".into());
        good.exit_code = 2;
        let mut account = sample::fleet(&[&good, &bad], 2);
        let told = |account: &Account<'_>| -> Vec<String> {
            outputs(account, "/tmp/r.json").into_iter().map(|(name, value)| format!("{name}={value}")).collect()
        };
        insta::assert_snapshot!(told(&account).join("\n"), @r"
        result=planned
        exit-code=2
        changes=true
        add=1
        change=1
        destroy=0
        replace=1
        drift=true
        verified=false
        grafana-endpoint=https://one.example
        report-path=/tmp/r.json
        ");
        account.exit_code = 1;
        assert_eq!(told(&account)[0], "result=failed", "no stack failed, so something around them did");
    }

    #[test]
    fn ten_of_a_kind_are_shown_and_what_destroys_comes_first() {
        let report = sample::huge(40);
        let account = Account::of_stack(&report, None);
        let (shown, hidden) = annotated(&account);
        let of = |level| shown.iter().filter(|remark| remark.level == level).count();
        assert_eq!((of(Level::Error), of(Level::Warning)), (10, 10));
        assert_eq!(hidden, remarks(&account).len() - 20);
        assert!(shown[0].title.contains("replace") && shown[1].rule == "AKS-POL-001", "{shown:?}");
    }
}
