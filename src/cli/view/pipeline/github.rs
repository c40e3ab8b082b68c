//! The workflow commands and files of GitHub Actions.

use super::{Level, Remark};

/// Text behind a command, so that it stays one line and one command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Text as the value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// A workflow command.
pub(crate) fn command(name: &str, properties: &[(&str, &str)], message: &str) -> String {
    let told: Vec<String> = properties.iter().map(|(name, value)| format!("{name}={}", property(value))).collect();
    let told = if told.is_empty() { String::new() } else { format!(" {}", told.join(",")) };
    format!("::{name}{told}::{}", data(message))
}

/// A remark as an annotation; `file` is its place's file as the repository calls it.
pub(crate) fn annotation(remark: &Remark, file: Option<&str>) -> String {
    let name = match remark.level {
        Level::Error => "error",
        Level::Warning => "warning",
    };
    let (line, column, end);
    let mut properties = Vec::new();
    if let (Some(file), Some(span)) = (file, &remark.span) {
        (line, column, end) = (span.line.to_string(), span.column.to_string(), (span.column + span.len).to_string());
        properties.extend([("file", file), ("line", &line), ("endLine", &line), ("col", &column), ("endColumn", &end)]);
    }
    properties.push(("title", &remark.title));
    command(name, &properties, &remark.message)
}

/// Masks for a secret: one per line of it, because the runner masks line by line. Short lines would mask half of the log.
pub(crate) fn masks(secret: &str) -> Vec<String> {
    super::mask_worthy(secret).map(|line| command("add-mask", &[], line)).collect()
}

/// A line for `$GITHUB_OUTPUT`; `delimiter` must not be in the value.
pub(crate) fn output(name: &str, value: &str, delimiter: &str) -> String {
    format!("{name}<<{delimiter}\n{value}\n{delimiter}\n")
}

#[cfg(test)]
mod tests {
    use aksight::diag::Span;
    use proptest::prelude::*;

    use super::super::{Account, remarks, sample};
    use super::*;

    /// A command's name, properties and data.
    type Heard = (String, Vec<(String, String)>, String);

    /// What the runner does with a line: nothing, or a command with properties and data.
    fn heard(line: &str) -> Option<Heard> {
        let plain = |text: &str| text.replace("%0D", "\r").replace("%0A", "\n");
        let undo = |text: &str| plain(text).replace("%25", "%");
        let undo_property = |text: &str| plain(text).replace("%3A", ":").replace("%2C", ",").replace("%25", "%");
        let (head, said) = line.trim_start().strip_prefix("::")?.split_once("::")?;
        let (name, properties) = head.split_once(' ').unwrap_or((head, ""));
        let pairs = properties.split(',').filter_map(|pair| pair.split_once('='));
        let pairs = pairs.map(|(name, value)| (name.to_owned(), undo_property(value))).collect();
        Some((name.to_owned(), pairs, undo(said)))
    }

    proptest! {
        #[test]
        fn any_text_is_one_command_and_comes_back(title in "\\PC*|[\r\n%:,=0-9A-F]*", said in "\\PC*|[\r\n%:,0-9A-F]*") {
            let line = command("error", &[("title", &title), ("line", "3")], &said);
            prop_assert!(!line.contains(['\n', '\r']));
            let (name, properties, data) = heard(&line).unwrap();
            prop_assert_eq!(name, "error");
            prop_assert_eq!(properties, vec![("title".to_owned(), title), ("line".to_owned(), "3".to_owned())]);
            prop_assert_eq!(data, said);
        }

        #[test]
        fn any_value_is_one_output(value in "\\PC*|[\r\n<=a-z]*") {
            let text = output("result", &value, "d-1");
            let inner = text.strip_prefix("result<<d-1\n").and_then(|rest| rest.strip_suffix("\nd-1\n"));
            prop_assert_eq!(inner, Some(value.as_str()));
        }
    }

    #[test]
    fn an_annotation_stands_at_its_line() {
        let report = sample::drifted("shop");
        let mut remark = remarks(&Account::of_stack(&report, None)).remove(0);
        remark.span = Some(Span { file: "aksight.yaml".into(), line: 4, column: 3, len: 7 });
        insta::assert_snapshot!(annotation(&remark, Some("deploy/aksight.yaml")), @"::warning file=deploy/aksight.yaml,line=4,endLine=4,col=3,endColumn=10,title=shop%3A terraform%3Aazurerm_kubernetes_cluster.this drifted::/subscriptions/s/resourceGroups/g: tags.team is b ::error::x%0A##vso[task.complete result=Failed;], not a, last written by @somebody");
        assert!(annotation(&remark, None).starts_with("::warning title="));
    }

    #[test]
    fn every_line_of_a_secret_is_masked_and_no_short_one() {
        assert_eq!(masks("first-line\n\nab\nsecond%line\r\n"), ["::add-mask::first-line", "::add-mask::second%25line"]);
    }
}
