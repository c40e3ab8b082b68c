//! Drift for people, by unit: what is expected and what was found, since when and by whom, who wins.

use aksight::event::{DriftClass, DriftItem, DriftReport, Winner};

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
    told.push_str(&terminal.paragraph("    ", &first.resource));
    if let Some(since) = first.since {
        let by = first.by.as_deref().unwrap_or("somebody unknown");
        told.push_str(&terminal.paragraph("    ", &format!("written {since:.0} by {by}")));
    }
    for item in group {
        told.push_str(&one(item, terminal));
    }
    told
}

fn one(item: &DriftItem, terminal: &Terminal) -> String {
    let (word, tone) = match (item.class, item.winner) {
        (DriftClass::Drift, _) => ("drift", Tone::Bad),
        (DriftClass::ForeignAddition, Winner::File) => ("added", Tone::Change),
        (DriftClass::ForeignAddition, _) => ("foreign", Tone::Quiet),
        (DriftClass::Pending, _) => ("pending", Tone::Change),
    };
    let shown = |value: &Option<String>| value.as_deref().unwrap_or("nothing").to_owned();
    let what = match item.field.as_str() {
        "*" if item.found.is_none() && item.expected.is_some() => "it is not there".to_owned(),
        "*" => item.why.clone(),
        field => format!("{field} is {}, not {}", shown(&item.found), shown(&item.expected)),
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
