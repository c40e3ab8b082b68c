//! A handoff as text: every act with what it takes, what it is for and how it is taken back.

use aksight::event::{Act, Doing, HandedOff, Handoff, Holder, Outcome, Report, UnitId};
use aksight::plan::Plan;

use super::{Terminal, Tone, counted};

/// The command that carries one out, as its report calls it.
pub(crate) const APPLY: &str = "handoff apply";

/// How a command about a handoff ended, where it has words of its own.
pub(crate) fn headline(report: &Report) -> Option<(Tone, String)> {
    let (tone, said) = match (report.command.as_str(), report.result) {
        ("handoff", Outcome::Unchanged) => (Tone::Good, "nothing waits for somebody with more rights"),
        ("handoff", Outcome::Waiting) => (Tone::Change, "this waits for somebody who has the rights; nothing was changed"),
        (APPLY, Outcome::Changed) => (Tone::Good, "everything is done that was handed off"),
        (APPLY, Outcome::Unchanged) => (Tone::Good, "everything that was handed off is there already; nothing was changed"),
        (APPLY, Outcome::Planned) => (Tone::Change, "nothing was changed"),
        (APPLY, Outcome::Waiting) if report.waits_for_rights() => {
            (Tone::Change, "a right is missing, still; what could be done without it is done")
        }
        _ => return None,
    };
    Some((tone, format!("Stack {}: {said}.", report.stack.as_deref().unwrap_or("?"))))
}

/// What was written down, for whoever wrote it.
pub(crate) fn text(handed: &HandedOff, terminal: &Terminal) -> String {
    let mut told = acts(&handed.content, |_| None, terminal);
    for later in &handed.content.later {
        told.push_str(&terminal.paragraph("  later: ", &format!("{}: {}", later.title, later.why)));
    }
    if let Some(file) = &handed.file {
        told.push_str(&terminal.paragraph("  file: ", &format!("{file} {}", handed.digest)));
    }
    told
}

/// What would be done, for whoever is asked.
pub(crate) fn proposal<S>(handoff: &Handoff, plan: &Plan<S>, terminal: &Terminal) -> String {
    let from = format!(
        "asked for by {} on {}, drawn at {:.0}, tenant {}, cloud {}",
        asker(handoff),
        handoff.made_by,
        handoff.made_at,
        handoff.tenant,
        handoff.cloud
    );
    let mut told = terminal.paint(Tone::Strong, &format!("Handoff of stack {}", handoff.stack)) + "\n";
    told.push_str(&terminal.paragraph("  ", &from));
    let there = |act: &Act| {
        let unit = plan.unit(&act.unit).filter(|unit| unit.step.is_none())?;
        Some(format!("nothing is to be done: {}", unit.reason))
    };
    told + &acts(handoff, there, terminal)
}

fn asker(handoff: &Handoff) -> String {
    let who = &handoff.asked_by;
    let name = who.name.as_deref().map(|name| format!(" ({name})")).unwrap_or_default();
    format!("{} `{}`{name}", kind(who.kind.as_str()), who.object_id)
}

fn kind(of_principal: &str) -> &'static str {
    match of_principal {
        "User" => "user",
        "Group" => "group",
        _ => "service principal",
    }
}

fn acts(handoff: &Handoff, there: impl Fn(&Act) -> Option<String>, terminal: &Terminal) -> String {
    handoff.acts.iter().map(|act| one(handoff, act, there(act), terminal)).collect()
}

fn one(handoff: &Handoff, act: &Act, there: Option<String>, terminal: &Terminal) -> String {
    let (sign, tone) = if there.is_some() { ("=", Tone::Quiet) } else { ("+", Tone::Good) };
    let (lead, what) = match &act.doing {
        Doing::RegisterProvider { namespace, .. } => ("register", format!("resource provider {namespace}")),
        Doing::AssignRole { role_name, .. } => ("assign", format!("role {role_name}")),
    };
    let lead = format!("  {sign} {lead} ");
    let head = terminal.paragraph(&lead, &what);
    let mut told = head.replacen(&lead, &format!("  {} ", terminal.paint(tone, lead.trim())), 1);
    if let Some(evidence) = there {
        return told + &terminal.paragraph("      ", &evidence);
    }
    let mut line = |lead: &str, text: &str| told.push_str(&terminal.paragraph(&format!("      {lead}"), text));
    match &act.doing {
        Doing::RegisterProvider { scope, .. } => line("in: ", scope.as_str()),
        Doing::AssignRole { scope, principal_id, principal_type, principal, .. } => {
            line("at: ", scope.as_str());
            let who = match principal {
                Holder::GrafanaIdentity { of } => format!("the managed identity of Grafana {}", of.name()),
                Holder::Asker => {
                    let name = handoff.asked_by.name.as_deref().map(|name| format!(" {name}")).unwrap_or_default();
                    format!("who asks, the {}{name}", kind(principal_type.as_str()))
                }
                Holder::Listed { name } => {
                    let name = name.as_deref().map(|name| format!(" {name}")).unwrap_or_default();
                    format!("the {}{name} that the stack's file lists", kind(principal_type.as_str()))
                }
            };
            line("to: ", &format!("{principal_id}, {who}"));
        }
    }
    line("why: ", &act.why);
    if !act.waiting.is_empty() {
        let waiting: Vec<&str> = act.waiting.iter().map(UnitId::as_str).collect();
        line("waits for it: ", &waiting.join(", "));
    }
    line("takes: ", &format!("{}, as in the role {}", act.needs.action, act.needs.role));
    // Commands are not wrapped: they are there to be copied.
    told + &format!("      az: {}\n      undo: {}\n", act.az, act.undo)
}

/// The question before it is carried out.
pub(crate) fn question<S>(plan: &Plan<S>) -> String {
    let count = plan.units.iter().filter(|unit| unit.step.is_some()).count();
    format!("Carry out {}?", counted(count, "act"))
}
