//! A plan as text: one view over terraform, REST and the cluster, destructive first, unchanged folded.

use aksight::event::{Action, FindingLevel};
use aksight::plan::{Plan, Unit};

use super::{Terminal, Tone, counted};

/// More differences of one unit than this are counted, unless all are asked for.
const MOST_CHANGES: usize = 6;

/// The plan for people.
pub(crate) fn text<S>(plan: &Plan<S>, terminal: &Terminal, verbose: bool) -> String {
    let mut units: Vec<&Unit> = plan.units.iter().filter(|unit| unit.counts() && unit.action != Action::Unchanged).collect();
    units.sort_by_key(|unit| !unit.action.is_destructive());
    let mut told = terminal.paint(Tone::Strong, &format!("Plan for stack {}", plan.stack)) + "\n";
    for unit in units {
        told.push_str(&one(unit, terminal, verbose));
    }
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
        let (word, tone) = if finding.level == FindingLevel::Deny { ("denied", Tone::Bad) } else { ("warning", Tone::Change) };
        told.push_str(&terminal.paint(tone, &format!("  {word} {}", finding.id)));
        told.push('\n');
        told.push_str(&terminal.paragraph("      ", &finding.message));
        told.push_str(&terminal.paragraph("      remedy: ", &finding.remedy));
    }
    for spot in &plan.blind_spots {
        told.push_str(&terminal.paragraph("  ? not judged: ", spot));
    }
    told + &summary(plan, terminal)
}

fn one(unit: &Unit, terminal: &Terminal, verbose: bool) -> String {
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
    let shown = if verbose || unit.action.is_destructive() { unit.changes.len() } else { MOST_CHANGES };
    for change in unit.changes.iter().take(shown) {
        let (before, after) = (change.before.as_deref().unwrap_or("nothing"), change.after.as_deref().unwrap_or("nothing"));
        told.push_str(&terminal.paragraph("      ", &format!("{}: {before} -> {after}", change.field)));
    }
    if unit.changes.len() > shown {
        let more = counted(unit.changes.len() - shown, "more field");
        told.push_str(&terminal.paragraph("      and ", &more));
    }
    if unit.action.is_destructive() {
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
