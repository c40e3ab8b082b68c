//! A report as text and as the versioned JSON (docs/reference/report.md).

use aksight::event::{Action, Check, Outcome, Report, SavedPlan, UnitLine, UnitStatus, Verdict};

use super::{Terminal, Tone, counted, duration};

/// One document.
pub(crate) fn json(report: &Report) -> String {
    serde_json::to_string_pretty(report).unwrap_or_else(|error| format!("{{\"result\": \"failed\", \"error\": \"{error}\"}}"))
}

/// The result for people: what was done, what proves it, where to look, how long it took, what to do next.
pub(crate) fn text(report: &Report, terminal: &Terminal) -> String {
    let mut told = headline(report, terminal) + "\n";
    told.extend(report.drift.as_ref().map(|found| super::drift::text(found, terminal)));
    if let Some(handed) = report.handoff.as_ref().filter(|_| report.command == "handoff") {
        told.push_str(&super::handoff::text(handed, terminal));
    }
    told.push_str(&done(report, terminal));
    for check in &report.checks {
        told.push_str(&one_check(check, terminal));
    }
    if let Some(saved) = &report.saved_plan {
        told.push_str(&terminal.paragraph("  plan: ", &saved_plan(saved)));
    }
    if let Some(endpoint) = report.outputs.get("grafana_endpoint").and_then(|value| value.as_str())
        && matches!(report.result, Outcome::Changed | Outcome::Unchanged | Outcome::Unverified)
    {
        told.push_str(&terminal.paragraph("  Grafana: ", endpoint));
    }
    told.push_str(&terminal.paragraph("  time: ", &times(report)));
    for next in &report.next {
        told.push_str(&terminal.paragraph("  next: ", next));
    }
    told
}

/// A plan in a file.
fn saved_plan(saved: &SavedPlan) -> String {
    let how = match (saved.applied, saved.encrypted) {
        (true, _) => "carried out as reviewed",
        (false, true) => "in the file, encrypted",
        (false, false) => "in the file",
    };
    format!("{} {how}: {}, drawn at {:.0} by {}", saved.file, saved.digest, saved.made_at, saved.made_by)
}

fn headline(report: &Report, terminal: &Terminal) -> String {
    let stack = report.stack.as_deref().unwrap_or("?");
    let proven = if report.verified { ", data is proven to arrive" } else { "" };
    let (tone, said) = super::handoff::headline(report).unwrap_or_else(|| match report.result {
        Outcome::Changed if report.command == "destroy" => (Tone::Good, format!("Stack {stack} is gone.")),
        Outcome::Changed if report.command == "disable" => (Tone::Good, format!("The metrics of stack {stack} are off.")),
        Outcome::Unchanged if report.command == "disable" => {
            (Tone::Good, format!("Stack {stack}: its metrics are off already, nothing was changed."))
        }
        Outcome::Unchanged if report.command == "destroy" => (Tone::Good, format!("Stack {stack}: nothing is left of it.")),
        Outcome::Changed => (Tone::Good, format!("Stack {stack} is as wished now{proven}.")),
        Outcome::Unchanged if report.command == "drift" => (Tone::Good, format!("Stack {stack} is as the file says.")),
        Outcome::Unchanged if report.command == "verify" => (Tone::Good, format!("Stack {stack}: data is proven to arrive.")),
        Outcome::Unchanged => (Tone::Good, format!("Stack {stack}: nothing to do{proven}.")),
        Outcome::Planned => (Tone::Change, format!("Stack {stack}: a plan, nothing was changed.")),
        Outcome::Drifted => (Tone::Change, format!("Stack {stack} is not as the file says; nothing was changed.")),
        Outcome::Denied => (Tone::Bad, format!("Stack {stack}: the plan may not be carried out; nothing was changed.")),
        Outcome::Unverified => (Tone::Bad, format!("Stack {stack}: data is not proven to arrive.")),
        Outcome::Locked => (Tone::Bad, format!("Stack {stack} is held by another run; nothing was changed.")),
        Outcome::Waiting if report.saved_plan.as_ref().is_some_and(|saved| saved.applied) => {
            (Tone::Change, format!("Stack {stack} waits for a new review; what is done stays done."))
        }
        Outcome::Waiting if report.waits_for_rights() => {
            (Tone::Change, format!("Stack {stack} waits for somebody who has the right; what could be done without is done."))
        }
        Outcome::Waiting => (Tone::Change, format!("Stack {stack} waits for approval; nothing was changed.")),
        Outcome::Interrupted => (Tone::Change, format!("Stack {stack}: stopped; run the same command again to go on.")),
        Outcome::Failed if report.stack.is_none() => (Tone::Bad, "Failed; nothing was begun.".to_owned()),
        Outcome::Failed => (Tone::Bad, format!("Stack {stack}: failed.")),
    });
    let rehearsal = if report.rehearsal { " (rehearsal)" } else { "" };
    let wrapped = terminal.paragraph("", &format!("{said}{rehearsal}"));
    terminal.paint(tone, wrapped.trim_end())
}

/// What was written, or why nothing had to be.
fn done(report: &Report, terminal: &Terminal) -> String {
    let with = |status: UnitStatus| report.units.iter().filter(move |unit| unit.status == status);
    let mut told = String::new();
    for (action, word) in
        [(Action::Create, "created"), (Action::Update, "updated"), (Action::Replace, "replaced"), (Action::Delete, "deleted")]
    {
        let units = || with(UnitStatus::Done).filter(|unit| unit.action == action);
        let titles: Vec<&str> = units().filter(|unit| !is_registration(unit)).map(|unit| unit.title.as_str()).collect();
        if !titles.is_empty() {
            told.push_str(&terminal.paragraph(&format!("  {word}: "), &titles.join(", ")));
        }
    }
    for (status, word, tone) in [
        (UnitStatus::Failed, "failed", Tone::Bad),
        (UnitStatus::Waiting, "waits", Tone::Change),
        (UnitStatus::Blocked, "not started", Tone::Change),
        (UnitStatus::Cancelled, "stopped", Tone::Change),
    ] {
        // Those that have the same reason are told together.
        let units: Vec<&UnitLine> = with(status).collect();
        for alike in units.chunk_by(|one, other| one.reason == other.reason) {
            let titles: Vec<&str> = alike.iter().map(|unit| unit.title.as_str()).collect();
            let reason = alike.first().map_or("", |unit| unit.reason.as_str());
            told.push_str(&labelled(&format!("  {word}: "), tone, &format!("{}: {reason}", titles.join(", ")), terminal));
        }
    }
    let unchanged: Vec<&UnitLine> = with(UnitStatus::Unchanged).collect();
    if report.result == Outcome::Unchanged && !unchanged.is_empty() {
        let count = counted(unchanged.len(), "unit");
        told.push_str(&terminal.paragraph("  ", &format!("{count} read and found as wished:")));
        let providers = unchanged.iter().filter(|unit| is_registration(unit)).count();
        if providers > 0 {
            told.push_str(&terminal.paragraph("    ", &format!("{}: registered", counted(providers, "resource provider"))));
        }
        for unit in unchanged.into_iter().filter(|unit| !is_registration(unit)) {
            told.push_str(&terminal.paragraph(&format!("    {}: ", unit.title), &unit.reason));
        }
    }
    told
}

/// Registrations are many and alike; they are told together.
fn is_registration(unit: &UnitLine) -> bool {
    unit.id.as_str().starts_with("provider:")
}

fn labelled(lead: &str, tone: Tone, text: &str, terminal: &Terminal) -> String {
    let plain = terminal.paragraph(lead, text);
    plain.replacen(lead, &terminal.paint(tone, lead), 1)
}

fn one_check(check: &Check, terminal: &Terminal) -> String {
    let (word, tone) = match check.verdict {
        Verdict::Pass => ("proven", Tone::Good),
        Verdict::Pending => ("not yet", Tone::Change),
        Verdict::Fail => ("BROKEN", Tone::Bad),
        Verdict::Skipped => ("not asked", Tone::Quiet),
    };
    let mut told = labelled(&format!("  {word}: "), tone, &format!("{} ({})", check.id.title(), check.evidence), terminal);
    if let Some(remedy) = check.remedy.as_ref().filter(|_| check.verdict != Verdict::Pass) {
        told.push_str(&terminal.paragraph("      remedy: ", remedy));
    }
    told
}

fn times(report: &Report) -> String {
    let times = &report.durations;
    let parts = [("reading", times.observe), ("writing", times.execute), ("proving", times.verify)];
    let parts: Vec<String> =
        parts.into_iter().filter(|(_, time)| !time.is_zero()).map(|(word, time)| format!("{word} {}", duration(time))).collect();
    let all = duration(times.total);
    if parts.is_empty() { all } else { format!("{all} ({})", parts.join(", ")) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aksight::event::{CheckId, Owner, UnitId};

    use super::super::sample::{NARROW, WIDE};
    use super::*;

    fn full() -> Report {
        let mut report = Report::new("provision");
        report.stack = Some("shop".into());
        report.rehearsal = true;
        report.result = Outcome::Changed;
        report.verified = true;
        report.units = vec![UnitLine {
            id: UnitId::new("dcr"),
            title: "data collection rule".into(),
            owner: Owner::Rest,
            action: Action::Create,
            status: UnitStatus::Done,
            needs: Vec::new(),
            reason: "read back".into(),
            changes: Vec::new(),
            elapsed: Duration::from_secs(1),
        }];
        report.checks = vec![
            Check::pass(CheckId::HubbleFlows, "12 series, the newest 20 s old"),
            Check::pending(CheckId::Dashboards, "5 of 6 dashboards", "they appear within minutes after the integration"),
        ];
        report.outputs.insert("grafana_endpoint".into(), "https://amg.example".into());
        report.durations.total = Duration::from_millis(12_345);
        report.durations.verify = Duration::from_millis(1500);
        report.next.push("open Grafana".into());
        report
    }

    #[test]
    fn a_result_is_short_and_says_what_proves_it() {
        insta::assert_snapshot!(text(&full(), &NARROW), @r"
        Stack shop is as wished now, data is proven to arrive.
        (rehearsal)
          created: data collection rule
          proven: network flows arrive in the workspace (12 series,
                  the newest 20 s old)
          not yet: networking dashboards are present (5 of 6
                   dashboards)
              remedy: they appear within minutes after the
                      integration
          Grafana: https://amg.example
          time: 12 s (proving 1.5 s)
          next: open Grafana
        ");
    }

    #[test]
    fn nothing_to_do_says_why_that_is_believed() {
        let mut report = full();
        report.result = Outcome::Unchanged;
        report.units[0].status = UnitStatus::Unchanged;
        "found by what it points at".clone_into(&mut report.units[0].reason);
        assert!(text(&report, &WIDE).contains("data collection rule: found by what it points at"));
    }

    /// The page names every field of a full report.
    #[test]
    fn the_reference_names_every_field() {
        let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reference/report.md")).unwrap();
        let value: serde_json::Value = serde_json::from_str(&json(&full())).unwrap();
        let mut names: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
        for list in ["units", "checks"] {
            names.extend(value[list][0].as_object().unwrap().keys().cloned());
        }
        for map in ["plan", "durations"] {
            names.extend(value[map].as_object().unwrap().keys().cloned());
        }
        let missing: Vec<&String> = names.iter().filter(|name| !page.contains(&format!("`{name}`"))).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
