//! The summary of a command as Markdown, under a budget: what matters most comes first, and what was cut is said.

use aksight::event::{Action, Check, DriftItem, FindingLevel, Outcome, Report, UnitLine, UnitStatus, Verdict, Winner};

use super::{Account, Level, Line, remarks};
use crate::cli::view::{counted, duration};

/// Fields of one unit that are shown.
const MOST_FIELDS: usize = 12;
/// A value that is longer is shortened, in characters.
const LONGEST_VALUE: usize = 300;
/// Room for the sentence about what was cut, in bytes.
const LAST_WORDS: usize = 256;

/// Entries of one kind under a heading.
struct Section {
    heading: String,
    entries: Vec<String>,
}

/// The summary, in no more than `budget` bytes.
pub(crate) fn summary(account: &Account<'_>, budget: usize) -> String {
    let mut told = head(account);
    let room = budget.saturating_sub(LAST_WORDS);
    let mut cut = 0;
    for section in sections(account) {
        let mut opened = false;
        for entry in section.entries {
            let heading = if opened { String::new() } else { format!("\n### {}\n\n", section.heading) };
            // Once something is cut, all that follows is: a list with holes would look whole.
            if cut > 0 || told.len() + heading.len() + entry.len() > room {
                cut += 1;
            } else {
                told += &heading;
                told += &entry;
                opened = true;
            }
        }
    }
    if told.len() > room {
        told.truncate(told.floor_char_boundary(room));
        cut += 1;
    }
    if cut > 0 {
        let entries = if cut == 1 { "1 entry is".to_owned() } else { format!("{cut} entries are") };
        told.extend([format!("\n> **Cut:** {entries} not shown here. The report has everything (`report-path`).\n")]);
    }
    told
}

fn head(account: &Account<'_>) -> String {
    let sign = match account.exit_code {
        0 => "✅",
        2 | 13 | 130 | 143 => "🟡",
        _ => "❌",
    };
    let rehearsal = if account.rehearsal() { " (rehearsal)" } else { "" };
    let mut told = format!(
        "## {sign} aksight {}: {} {}{rehearsal}\n\n",
        account.command,
        inline(&account.subject()),
        headline(account.result(), account.stacks.iter().filter_map(|line| line.report).any(Report::waits_for_rights))
    );
    let counts = account.counts();
    if counts.writes() + counts.wait + counts.unchanged > 0 {
        told += "| create | update | replace | delete | await | as wished |\n|---:|---:|---:|---:|---:|---:|\n";
        told.extend([format!(
            "| {} | {} | {} | {} | {} | {} |\n\n",
            counts.create,
            counts.update,
            loud(counts.replace),
            loud(counts.delete),
            counts.wait,
            counts.unchanged
        )]);
    }
    let mut facts = vec![format!("exit code {}", account.exit_code), duration(account.took)];
    if let [Line { report: Some(report), .. }] = account.stacks[..] {
        facts.extend(report.run.iter().map(|run| format!("run {}", code(run))));
        facts.extend(report.saved_plan.iter().map(|plan| format!("reviewed plan {}", code(&plan.digest))));
        facts.extend(report.correlation_id.iter().map(|id| format!("correlation id {}", code(id))));
    }
    told += &facts.join(" · ");
    let grafana = account.grafana();
    if grafana.starts_with("https://") && !grafana.contains(|sign: char| sign.is_whitespace() || "<>()".contains(sign)) {
        told.extend([format!(" · [Grafana](<{grafana}>)")]);
    }
    told + "\n"
}

fn loud(count: usize) -> String {
    if count == 0 { "0".to_owned() } else { format!("**{count}**") }
}

const fn headline(result: Outcome, rights: bool) -> &'static str {
    match result {
        Outcome::Changed => "is as wished now",
        Outcome::Unchanged => "needs nothing",
        Outcome::Planned => "has a plan",
        Outcome::Drifted => "is not as the file says",
        Outcome::Denied => "has a plan that may not be carried out",
        Outcome::Unverified => "is not proven to send data",
        Outcome::Locked => "is held by another run",
        Outcome::Waiting if rights => "waits for somebody who has the right",
        Outcome::Waiting => "waits for approval",
        Outcome::Interrupted => "was stopped",
        Outcome::Failed => "failed",
    }
}

fn sections(account: &Account<'_>) -> Vec<Section> {
    let fleet = account.fleet.is_some();
    let each = |entries: &dyn Fn(&Line<'_>, &Report) -> Vec<String>| -> Vec<String> {
        let of = |line: &Line<'_>| -> Vec<String> {
            let told = line.report.map_or_else(Vec::new, |report| entries(line, report));
            let lead = if fleet { format!("- {}: ", code(line.name)) } else { "- ".to_owned() };
            told.into_iter().map(|entry| format!("{lead}{entry}\n")).collect()
        };
        account.stacks.iter().flat_map(of).collect()
    };
    let units = |wanted: &'static dyn Fn(&UnitLine) -> bool| {
        each(&move |_, report| report.units.iter().filter(|unit| wanted(unit)).map(unit).collect())
    };
    let level = |level: Level| -> Vec<String> {
        let of_problems = |remark: &&super::Remark| remark.level == level && !remark.has_its_section();
        let lead = |stack: &str| if fleet { format!("- {}: ", code(stack)) } else { "- ".to_owned() };
        let all = remarks(account);
        let told = all.iter().filter(of_problems);
        told.map(|remark| format!("{}{} {}\n", lead(&remark.stack), code(&remark.rule), inline(&remark.message))).collect()
    };
    let mut all = vec![
        ("Stacks", if fleet { account.stacks.iter().map(stack).collect() } else { Vec::new() }),
        ("Replaced or deleted", units(&|unit| unit.action.is_destructive())),
        ("Denied and failed", level(Level::Error)),
        ("Warnings", level(Level::Warning)),
        ("Not as the file says", each(&|_, report| report.drift.iter().flat_map(|drift| &drift.items).map(drift).collect())),
        ("Changes", units(&|unit| unit.action.writes() && !unit.action.is_destructive() && !is_registration(unit))),
        ("Resource providers to register", units(&|unit| unit.action.writes() && is_registration(unit))),
        ("Proof that data arrives", each(&|_, report| report.checks.iter().map(check).collect())),
        ("Next", each(&|_, report| report.next.iter().map(|next| inline(next)).collect())),
        ("Not judged", each(&|_, report| report.plan.blind_spots.iter().map(|spot| inline(spot)).collect())),
        ("Policies that the file ignores", each(&|_, report| ignored(report))),
    ];
    all.retain(|(_, entries)| !entries.is_empty());
    all.into_iter().map(|(heading, entries)| Section { heading: heading.to_owned(), entries }).collect()
}

fn ignored(report: &Report) -> Vec<String> {
    let findings = report.plan.findings.iter().filter(|finding| finding.level == FindingLevel::Ignored);
    findings.map(|finding| format!("{} {}", code(&finding.id), inline(&finding.message))).collect()
}

fn is_registration(unit: &UnitLine) -> bool {
    unit.id.as_str().starts_with("provider:")
}

fn stack(line: &Line<'_>) -> String {
    let name = code(line.name);
    match line.report {
        Some(report) => {
            let counts = counted(report.plan.writes(), "change");
            let time = duration(report.durations.total);
            format!(
                "- {name} {} (exit code {}, {counts}, {time})\n",
                headline(report.result, report.waits_for_rights()),
                report.exit_code
            )
        }
        None => format!("- {name} was not started: {}\n", inline(line.not_started.unwrap_or("nobody knows why"))),
    }
}

fn unit(unit: &UnitLine) -> String {
    let word = match unit.action {
        Action::Replace => "**REPLACE**",
        Action::Delete => "**DELETE**",
        other => other.as_str(),
    };
    let ended = match unit.status {
        UnitStatus::Planned | UnitStatus::Unchanged => "",
        UnitStatus::Done => ", done",
        UnitStatus::Failed => ", **failed**",
        UnitStatus::Waiting => ", **waits for somebody who has the right**",
        UnitStatus::Blocked => ", not started",
        UnitStatus::Cancelled => ", stopped",
    };
    let mut told = format!("{word} {} ({}{ended}): {}", inline(&unit.title), unit.owner, inline(&unit.reason));
    if is_registration(unit) {
        return told;
    }
    for change in unit.changes.iter().take(MOST_FIELDS) {
        let shown = |value: &Option<String>| value.as_deref().map_or_else(|| "nothing".to_owned(), code);
        told.extend([format!("\n  - {}: {} → {}", code(&change.field), shown(&change.before), shown(&change.after))]);
    }
    if unit.changes.len() > MOST_FIELDS {
        told.extend([format!("\n  - and {}", counted(unit.changes.len() - MOST_FIELDS, "more field"))]);
    }
    told
}

fn drift(item: &DriftItem) -> String {
    let shown = |value: &Option<String>| value.as_deref().map_or_else(|| "nothing".to_owned(), code);
    let by = item.by.as_ref().map(|by| format!(", last written by {}", code(by))).unwrap_or_default();
    let side = match item.winner {
        Winner::File => String::new(),
        Winner::Found => format!("; it stays: {}", inline(&item.why)),
        Winner::Time => "; it passes by itself".to_owned(),
    };
    let what = match item.field.as_str() {
        "*" => inline(&item.why),
        field => format!("{} is {}, not {}", code(field), shown(&item.found), shown(&item.expected)),
    };
    format!("{} ({}): {what}{by}{side}", code(item.unit.as_str()), item.owner)
}

fn check(check: &Check) -> String {
    let sign = match check.verdict {
        Verdict::Pass => "✅",
        Verdict::Pending => "🟡",
        Verdict::Fail => "❌",
        Verdict::Skipped => "➖",
    };
    let remedy = check.remedy.as_ref().map(|remedy| format!("; remedy: {}", inline(remedy))).unwrap_or_default();
    format!("{sign} {}: {}{remedy}", check.id.title(), inline(&check.evidence))
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST_VALUE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Prose in which nothing is markup, calls nobody (`@`) and links nowhere (`#`); on one line. Names between backticks are code, as
/// our own sentences mean them.
fn inline(text: &str) -> String {
    let plain = shortened(text);
    let parts: Vec<&str> = plain.split('`').collect();
    let quoted = || parts.iter().skip(1).step_by(2);
    if parts.len().is_multiple_of(2) || quoted().any(|name| name.trim().is_empty()) {
        return escaped(&plain).trim().to_owned();
    }
    let told = parts.iter().enumerate().map(|(index, part)| if index % 2 == 1 { code(part) } else { escaped(part) });
    told.collect::<String>().trim().to_owned()
}

fn escaped(text: &str) -> String {
    let mut told = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => told.push_str("&amp;"),
            '<' => told.push_str("&lt;"),
            '>' => told.push_str("&gt;"),
            // A backslash does not keep hosts from looking for names and numbers; an invisible sign in between does.
            '@' => told.push_str("@\u{200b}"),
            '#' => told.push_str("\\#\u{200b}"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '+' | '-' | '!' | '|' | '~' | '=' | '$' | '^' => {
                told.extend(['\\', sign]);
            }
            sign if sign.is_whitespace() || sign.is_control() => told.push(' '),
            sign => told.push(sign),
        }
    }
    told
}

/// Text as a span of code, whatever is in it.
fn code(text: &str) -> String {
    if text.is_empty() {
        return "an empty text".to_owned();
    }
    let plain: String =
        shortened(text).chars().map(|sign| if sign.is_whitespace() || sign.is_control() { ' ' } else { sign }).collect();
    let longest = plain.split(|sign| sign != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if plain.starts_with('`') || plain.ends_with('`') || plain.trim().is_empty() { " " } else { "" };
    format!("{fence}{pad}{plain}{pad}{fence}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

    use super::super::sample;
    use super::*;

    /// What a reader sees of Markdown, if it is nothing but a paragraph of text and code.
    fn seen(markdown: &str) -> Option<String> {
        let mut told = String::new();
        for event in Parser::new_ext(markdown, Options::all() - Options::ENABLE_SMART_PUNCTUATION) {
            match event {
                Event::Text(text) | Event::Code(text) => told.push_str(&text),
                Event::Start(Tag::Paragraph) | Event::End(TagEnd::Paragraph) => {}
                _ => return None,
            }
        }
        Some(told)
    }

    /// Without what is no word: blanks, and backticks, which become code.
    fn words(text: &str) -> String {
        let visible = |sign: &char| !sign.is_whitespace() && !sign.is_control() && !['\u{200b}', '`'].contains(sign);
        text.chars().filter(visible).collect()
    }

    proptest! {
        #[test]
        fn prose_is_nothing_but_prose(text in "([a-z0-9 .:;,\\\\`*_{}\\[\\]()#+!|<>&~@=\r\n\t-]|www|https://x.y|- |1\\. ){0,40}") {
            // Behind a word, as in every entry.
            let told = seen(&format!("x {}", inline(&text)));
            prop_assert_eq!(told.as_deref().map(words), Some(format!("x{}", words(&text))), "{}", inline(&text));
        }

        #[test]
        fn code_is_nothing_but_code(text in "([a-z ]|`|<b>|@you|\n|\\|){1,20}") {
            let told = seen(&format!("x {}", code(&text)));
            prop_assert_eq!(told.as_deref().map(words), Some(format!("x{}", words(&text))), "{}", code(&text));
        }

        #[test]
        fn a_summary_keeps_to_its_budget(count in 0_usize..60, budget in 1024_usize..20_000) {
            let report = sample::huge(count);
            let account = Account::of_stack(&report, None);
            let (told, whole) = (summary(&account, budget), summary(&account, usize::MAX));
            prop_assert!(told.len() <= budget);
            let entries = |text: &str| text.lines().filter(|line| line.starts_with("- ")).count();
            let cut = entries(&whole) - entries(&told);
            prop_assert_eq!(told.contains("**Cut:**"), cut > 0);
            prop_assert!(cut < 2 || told.contains(&format!("{cut} entries")), "{}", told);
        }
    }

    #[test]
    fn a_plan_reads_from_the_worst_down() {
        insta::assert_snapshot!(summary(&Account::of_stack(&sample::planned("shop"), None), 65_536));
    }

    #[test]
    fn a_fleet_names_its_stacks_and_nobody_is_called() {
        let (one, two, three) = (sample::planned("a"), sample::drifted("b"), sample::unproven("c"));
        let mut account = sample::fleet(&[&one, &two, &three], 11);
        account.stacks.push(Line { name: "d", report: None, not_started: Some("ring 1 failed"), spec: None });
        let told = summary(&account, 65_536);
        assert!(!told.contains(" @somebody"), "{told}");
        insta::assert_snapshot!(told);
    }
}
