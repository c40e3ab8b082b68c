//! Checks as JUnit test cases, for the test tabs of pipelines.

use aksight::event::{Check, CheckId, Report, Verdict};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::{Account, Line, remarks};

/// The suites, in order, with the checks in them. The first is the run itself.
const SUITES: [(&str, &[CheckId]); 4] = [
    ("rest", &[CheckId::ControlPlane]),
    ("cluster", &[CheckId::Agents]),
    ("flow", &[CheckId::ScrapeTarget, CheckId::HubbleFlows]),
    ("grafana", &[CheckId::GrafanaQuery, CheckId::Dashboards]),
];

/// A test case.
struct Case<'a> {
    stack: &'a str,
    name: &'a str,
    verdict: Verdict,
    message: String,
    evidence: String,
}

/// The document. Suites without cases are left out; each stack has a case for the run itself.
///
/// # Errors
/// None in practice: it is written to memory.
pub(crate) fn document(account: &Account<'_>) -> std::io::Result<String> {
    let mut suites = vec![("run", account.stacks.iter().map(|line| run(line, account)).collect::<Vec<_>>())];
    for (name, ids) in SUITES {
        let of = |line: &'_ Line<'_>| -> Vec<(String, Check)> {
            let checks = line.report.map(|report| report.checks.as_slice()).unwrap_or_default();
            checks.iter().filter(|check| ids.contains(&check.id)).map(|check| (line.name.to_owned(), check.clone())).collect()
        };
        let found: Vec<(String, Check)> = account.stacks.iter().flat_map(of).collect();
        let stacks = |name: &str| account.stacks.iter().map(|line| line.name).find(|stack| *stack == name).unwrap_or("?");
        suites.push((name, found.iter().map(|(stack, check)| case(stacks(stack), check)).collect()));
    }
    suites.retain(|(_, cases)| !cases.is_empty());
    let all: Vec<&Case<'_>> = suites.iter().flat_map(|(_, cases)| cases).collect();
    let totals = totals(&all);
    let seconds = format!("{:.3}", account.took.as_secs_f64());
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let root = writer.create_element("testsuites").with_attribute(("name", "aksight"));
    let root = root.with_attributes(totals.iter().map(|(name, value)| (*name, value.as_str())));
    root.with_attribute(("time", seconds.as_str())).write_inner_content(|writer| {
        for (name, cases) in &suites {
            suite(writer, name, cases)?;
        }
        Ok(())
    })?;
    String::from_utf8(writer.into_inner()).map(|text| text + "\n").map_err(std::io::Error::other)
}

fn totals(cases: &[&Case<'_>]) -> [(&'static str, String); 3] {
    let of = |wanted: &[Verdict]| cases.iter().filter(|case| wanted.contains(&case.verdict)).count().to_string();
    [
        ("tests", cases.len().to_string()),
        ("failures", of(&[Verdict::Fail, Verdict::Pending])),
        ("skipped", of(&[Verdict::Skipped])),
    ]
}

fn suite(writer: &mut Writer<Vec<u8>>, name: &str, cases: &[Case<'_>]) -> std::io::Result<()> {
    let all: Vec<&Case<'_>> = cases.iter().collect();
    let totals = totals(&all);
    let suite = writer.create_element("testsuite").with_attribute(("name", name));
    let suite = suite.with_attributes(totals.iter().map(|(name, value)| (*name, value.as_str())));
    suite.write_inner_content(|writer| {
        for case in cases {
            one(writer, case)?;
        }
        Ok(())
    })?;
    Ok(())
}

fn one(writer: &mut Writer<Vec<u8>>, case: &Case<'_>) -> std::io::Result<()> {
    let class = legal(&format!("aksight.{}", case.stack));
    let element = writer.create_element("testcase").with_attribute(("classname", class.as_str()));
    element.with_attribute(("name", case.name)).write_inner_content(|writer| {
        let message = legal(&case.message);
        match case.verdict {
            Verdict::Pass => {}
            Verdict::Skipped => {
                writer.create_element("skipped").with_attribute(("message", message.as_str())).write_empty()?;
            }
            Verdict::Fail | Verdict::Pending => {
                let kind = if case.verdict == Verdict::Fail { "broken" } else { "pending" };
                let failure = writer.create_element("failure").with_attribute(("type", kind));
                failure.with_attribute(("message", message.as_str())).write_text_content(BytesText::new(&message))?;
            }
        }
        if !case.evidence.is_empty() && case.verdict != Verdict::Skipped {
            writer.create_element("system-out").write_text_content(BytesText::new(&legal(&case.evidence)))?;
        }
        Ok(())
    })?;
    Ok(())
}

fn case<'a>(stack: &'a str, check: &Check) -> Case<'a> {
    let remedy = check.remedy.as_ref().map(|remedy| format!("; remedy: {remedy}")).unwrap_or_default();
    let message = match check.verdict {
        Verdict::Skipped => check.evidence.clone(),
        _ => format!("{}: {}{remedy}", check.id.title(), check.evidence),
    };
    Case { stack, name: check.id.as_str(), verdict: check.verdict, message, evidence: check.evidence.clone() }
}

/// The run itself: well, unless something beside the checks is wrong with it.
fn run<'a>(line: &'a Line<'_>, account: &'a Account<'_>) -> Case<'a> {
    let well = |report: &Report| matches!(report.exit_code, 0 | 2 | 11);
    let (verdict, message) = match line.report {
        None => (Verdict::Skipped, line.not_started.unwrap_or("it was not started").to_owned()),
        Some(report) if well(report) => (Verdict::Pass, String::new()),
        Some(report) => {
            let first = remarks(account).into_iter().find(|remark| remark.stack == line.name);
            let told = first.map(|remark| format!("{}: {}", remark.title, remark.message)).unwrap_or_default();
            (Verdict::Fail, format!("{} (exit code {}). {told}", report.result.as_str(), report.exit_code))
        }
    };
    Case { stack: line.name, name: account.command, verdict, message, evidence: String::new() }
}

/// Text without the signs that XML 1.0 cannot hold, escaped or not.
fn legal(text: &str) -> String {
    let holds =
        |sign: &char| matches!(sign, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    text.chars().filter(holds).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use quick_xml::Reader;

    use super::super::sample;
    use super::*;

    #[test]
    fn checks_are_cases_in_the_suites_of_their_phases() {
        let report = sample::unproven("shop");
        insta::assert_snapshot!(document(&Account::of_stack(&report, None)).unwrap());
    }

    #[test]
    fn a_refusal_is_a_failed_run() {
        let report = sample::huge(1);
        let told = document(&Account::of_stack(&report, None)).unwrap();
        assert!(told.contains(r#"<testsuite name="run" tests="1" failures="1" skipped="0">"#), "{told}");
        assert!(told.contains("denied (exit code 10)"), "{told}");
    }

    proptest! {
        #[test]
        fn any_evidence_is_one_text(evidence in "(\\PC|[\u{0}-\u{1f}]|<|&|\\]\\]>|\u{ffff}){0,30}") {
            let mut report = sample::unproven("shop");
            report.checks.truncate(1);
            report.checks[0].evidence.clone_from(&evidence);
            let told = document(&Account::of_stack(&report, None)).unwrap();
            let mut reader = Reader::from_str(&told);
            let (mut inside, mut read) = (false, String::new());
            loop {
                match reader.read_event().unwrap() {
                    Event::Eof => break,
                    Event::Start(tag) => inside = tag.name().as_ref() == "system-out",
                    Event::End(_) => inside = false,
                    Event::Text(text) if inside => read.push_str(&text),
                    Event::GeneralRef(name) if inside => {
                        let named = || quick_xml::escape::resolve_predefined_entity(&name).unwrap().to_owned();
                        read += &name.resolve_char_ref().unwrap().map_or_else(named, String::from);
                    }
                    _ => {}
                }
            }
            prop_assert_eq!(read, legal(&evidence));
        }
    }
}
