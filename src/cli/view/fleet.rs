//! The report of a fleet: a table with one line per stack, and as JSON.

use aksight::event::{FleetLine, FleetReport, Outcome, Report, SweepSummary};
use unicode_width::UnicodeWidthStr as _;

use super::{Terminal, Tone, counted, duration};

/// One document.
pub(crate) fn json(report: &FleetReport) -> String {
    serde_json::to_string_pretty(report).unwrap_or_else(|error| format!("{{\"exit_code\": 1, \"error\": \"{error}\"}}"))
}

/// The table for people. A screen that is too narrow for all columns loses those at the right.
pub(crate) fn text(report: &FleetReport, terminal: &Terminal) -> String {
    let rings = report.stacks.iter().any(|line| line.ring.is_some());
    let mut rows = vec![["stack", "ring", "result", "changes", "drift", "proven", "time"].map(str::to_owned)];
    rows.extend(report.stacks.iter().map(row));
    let shown: Vec<usize> = (0..7).filter(|column| rings || *column != 1).collect();
    let widths: Vec<usize> = (0..7).map(|column| rows.iter().map(|row| row[column].width()).max().unwrap_or(0)).collect();
    let mut told = String::new();
    for (index, cells) in rows.iter().enumerate() {
        let mut line = String::new();
        for &column in &shown {
            let cell = format!("{}{}  ", cells[column], " ".repeat(widths[column] - cells[column].width()));
            if line.is_empty() || line.width() + cell.trim_end().width() <= terminal.width {
                line.push_str(&cell);
            }
        }
        let tone = match index.checked_sub(1).map(|index| &report.stacks[index]) {
            None => Tone::Strong,
            Some(line) => tone(line),
        };
        told.push_str(&terminal.paint(tone, line.trim_end()));
        told.push('\n');
    }
    for line in report.stacks.iter().filter(|line| line.not_started.is_some()) {
        let why = line.not_started.as_deref().unwrap_or_default();
        told.push_str(&terminal.paragraph("  not started: ", &format!("{}, because {why}", line.name)));
    }
    let well = report.stacks.iter().filter(|line| line.report.as_ref().is_some_and(|report| report.exit_code == 0)).count();
    let said = format!(
        "Fleet {}: {well} of {} well, {}.",
        report.fleet,
        counted(report.stacks.len(), "stack"),
        duration(report.seconds)
    );
    told += &terminal.paragraph("", &said);
    let waits =
        |line: &&FleetLine| line.report.as_ref().is_some_and(|report| report.waits_for_rights() || report.handoff.is_some());
    for line in report.stacks.iter().filter(waits) {
        let name = &line.name;
        let next = format!(
            "`aksight handoff --only {name} --out {name}.json` writes down what waits in {name}, for somebody who has the rights"
        );
        told += &terminal.paragraph("  next: ", &next);
    }
    if let Some(sweep) = &report.sweep {
        told += &terminal.paragraph("", &swept(sweep));
    }
    told
}

/// How it was looked, and what was not seen.
fn swept(sweep: &SweepSummary) -> String {
    let looked = match (sweep.looked.len(), sweep.unconfirmed) {
        (0, _) => "none of them got a direct look".to_owned(),
        (looked, 0) => format!("{looked} of them got a direct look"),
        (looked, clean) => format!("{looked} of them got a direct look, which found {clean} as wished"),
    };
    format!(
        "Resource Graph showed {} in {}; {looked}. Unseen in the others: {}. `--each` looks at every stack directly.",
        counted(sweep.stacks, "stack"),
        counted(sweep.requests, "request"),
        sweep.blind_spots.join("; ")
    )
}

fn tone(line: &FleetLine) -> Tone {
    match line.report.as_ref().map(|report| report.exit_code) {
        Some(0) => Tone::Good,
        Some(2 | 13 | 130 | 143) => Tone::Change,
        Some(_) => Tone::Bad,
        None => Tone::Quiet,
    }
}

fn row(line: &FleetLine) -> [String; 7] {
    let ring = line.ring.clone().unwrap_or_default();
    match &line.report {
        None => [line.name.clone(), ring, "not started".into(), String::new(), String::new(), String::new(), String::new()],
        Some(report) => [
            line.name.clone(),
            ring,
            result(report).to_owned(),
            changes(report),
            report
                .drift
                .as_ref()
                .map_or_else(String::new, |drift| drift.items.iter().filter(|item| item.counts()).count().to_string()),
            if report.checks.is_empty() {
                ""
            } else if report.verified {
                "yes"
            } else {
                "no"
            }
            .to_owned(),
            duration(report.durations.total),
        ],
    }
}

fn changes(report: &Report) -> String {
    let plan = &report.plan;
    let parts = [(plan.create, "+"), (plan.update, "~"), (plan.replace, "!"), (plan.delete, "-")];
    let told: Vec<String> =
        parts.into_iter().filter(|(count, _)| *count > 0).map(|(count, sign)| format!("{sign}{count}")).collect();
    told.join(" ")
}

fn result(report: &Report) -> &'static str {
    match report.result {
        Outcome::Changed => "changed",
        Outcome::Unchanged if report.command == "handoff" => "nothing waits",
        Outcome::Unchanged => "as wished",
        Outcome::Planned => "planned",
        Outcome::Drifted => "drifted",
        Outcome::Denied => "denied",
        Outcome::Unverified => "not proven",
        Outcome::Locked => "locked",
        Outcome::Waiting => "waiting",
        Outcome::Interrupted => "stopped",
        Outcome::Failed => "failed",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_sweep_says_what_it_took_and_what_it_did_not_see() {
        let sweep = |looked: &[&str], unconfirmed| SweepSummary {
            stacks: 5000,
            requests: 65,
            looked: looked.iter().map(|name| ((*name).to_owned(), "a tag".to_owned())).collect::<BTreeMap<_, _>>(),
            unconfirmed,
            blind_spots: vec!["the inside of the clusters".to_owned()],
        };
        let told = [swept(&sweep(&[], 0)), swept(&sweep(&["a"], 0)), swept(&sweep(&["a", "b"], 1))].join("\n");
        insta::assert_snapshot!(told, @r"
        Resource Graph showed 5000 stacks in 65 requests; none of them got a direct look. Unseen in the others: the inside of the clusters. `--each` looks at every stack directly.
        Resource Graph showed 5000 stacks in 65 requests; 1 of them got a direct look. Unseen in the others: the inside of the clusters. `--each` looks at every stack directly.
        Resource Graph showed 5000 stacks in 65 requests; 2 of them got a direct look, which found 1 as wished. Unseen in the others: the inside of the clusters. `--each` looks at every stack directly.
        ");
    }
}
