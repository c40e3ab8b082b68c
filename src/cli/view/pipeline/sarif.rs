//! Remarks as SARIF 2.1.0 (OASIS), in the subset that code scanning reads.

use std::collections::BTreeMap;

use aksight::base::digest::sha256_hex;
use serde_json::{Value, json};

use super::{Account, Level, Remark, remarks};

/// GitHub takes no more results of one run.
const MOST_RESULTS: usize = 25_000;
/// A result without a place in a file is not shown anywhere; it is put at the first line of this one.
const SOMEWHERE: &str = "aksight.yaml";

/// One run. `file` turns the file of a place into what the repository calls it.
pub(crate) fn document(account: &Account<'_>, file: &dyn Fn(&str) -> Option<String>) -> Value {
    let all = remarks(account);
    let rules: BTreeMap<&str, &Remark> = all.iter().rev().map(|remark| (remark.rule.as_str(), remark)).collect();
    let index: BTreeMap<&str, usize> = rules.keys().enumerate().map(|(index, rule)| (*rule, index)).collect();
    let results: Vec<Value> = all.iter().take(MOST_RESULTS).map(|remark| result(remark, &index, file)).collect();
    let mut invocation = json!({
        "executionSuccessful": !matches!(account.exit_code, 1 | 12 | 64 | 130 | 143),
        "exitCode": account.exit_code,
    });
    if all.len() > MOST_RESULTS {
        let text = format!("{} results are left out: no more than {MOST_RESULTS} are taken", all.len() - MOST_RESULTS);
        invocation["toolExecutionNotifications"] = json!([{"level": "warning", "message": {"text": text}}]);
    }
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "aksight",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.values().map(|remark| rule(remark)).collect::<Vec<_>>(),
            }},
            "automationDetails": {"id": format!("aksight/{}/{}/", account.command, account.subject().replace(' ', "/"))},
            "invocations": [invocation],
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

const fn level(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warning => "warning",
    }
}

fn rule(remark: &Remark) -> Value {
    let help = format!("{}. docs/errors.md and docs/policies.md of aksight say more.", remark.about);
    json!({
        "id": remark.rule,
        "shortDescription": {"text": remark.about},
        "help": {"text": help, "markdown": help},
        "defaultConfiguration": {"level": level(remark.level)},
    })
}

fn result(remark: &Remark, index: &BTreeMap<&str, usize>, file: &dyn Fn(&str) -> Option<String>) -> Value {
    let place = remark.span.as_ref().and_then(|span| Some((file(&span.file)?, span)));
    let physical = match place {
        Some((uri, span)) => json!({
            "artifactLocation": {"uri": address(&uri)},
            "region": {"startLine": span.line, "startColumn": span.column, "endColumn": span.column + span.len.max(1)},
        }),
        None => json!({"artifactLocation": {"uri": SOMEWHERE}, "region": {"startLine": 1}}),
    };
    // Values change from run to run; rule, stack and address say what is the same again.
    let same = sha256_hex(format!("{}\0{}\0{}", remark.rule, remark.stack, remark.address).as_bytes());
    json!({
        "ruleId": remark.rule,
        "ruleIndex": index.get(remark.rule.as_str()),
        "level": level(remark.level),
        "message": {"text": format!("{}: {}", remark.title, remark.message)},
        "locations": [{
            "physicalLocation": physical,
            "logicalLocations": [{"fullyQualifiedName": format!("{}/{}", remark.stack, remark.address), "kind": "resource"}],
        }],
        "partialFingerprints": {"aksightAddress/v1": same},
    })
}

/// A path as a relative URI.
fn address(path: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    path.bytes().fold(String::new(), |told, byte| {
        if keep(byte) { told + &char::from(byte).to_string() } else { told + &format!("%{byte:02X}") }
    })
}

#[cfg(test)]
mod tests {
    use aksight::diag::{Code, Diagnostic, Span};

    use super::super::sample;
    use super::*;

    fn placed() -> Value {
        let mut report = sample::planned("shop");
        let span = Span { file: "aksight.yaml".into(), line: 4, column: 3, len: 7 };
        report.diagnostics.push(Diagnostic::error(Code::SpecName, "a bad name").at(span));
        report.diagnostics.push(Diagnostic::warning(Code::SpecSecret, "elsewhere"));
        document(&Account::of_stack(&report, None), &|file| Some(format!("a b/{file}")))
    }

    #[test]
    fn results_stand_at_their_lines_and_name_their_rules() {
        let told = placed();
        let run = &told["runs"][0];
        let results = run["results"].as_array().unwrap();
        assert_eq!(results.len(), 3);
        let first = &results[0];
        assert_eq!(first["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "a%20b/aksight.yaml");
        assert_eq!(
            first["locations"][0]["physicalLocation"]["region"],
            json!({"startLine": 4, "startColumn": 3, "endColumn": 10})
        );
        for result in results {
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
        }
    }

    #[test]
    fn a_fingerprint_is_of_the_thing_and_not_of_its_value() {
        let print = |report: &aksight::event::Report| {
            let told = document(&Account::of_stack(report, None), &|_| None);
            told["runs"][0]["results"][0]["partialFingerprints"]["aksightAddress/v1"].as_str().unwrap().to_owned()
        };
        let mut report = sample::drifted("shop");
        let first = print(&report);
        let item = &mut report.drift.as_mut().unwrap().items[0];
        item.found = Some("another".into());
        assert_eq!(print(&report), first);
        report.drift.as_mut().unwrap().items[0].field = "tags.other".into();
        assert_ne!(print(&report), first);
        assert_ne!(print(&sample::drifted("other")), first);
    }

    #[test]
    fn no_more_results_than_are_taken() {
        let report = sample::huge(MOST_RESULTS / 2 + 10);
        let told = document(&Account::of_stack(&report, None), &|_| None);
        let run = &told["runs"][0];
        assert_eq!(run["results"].as_array().unwrap().len(), MOST_RESULTS);
        let said = run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"].as_str().unwrap();
        assert!(said.starts_with("22 results are left out"), "{said}");
    }
}
