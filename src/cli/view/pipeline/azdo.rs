//! The logging commands of Azure Pipelines.

use super::{Level, Remark};

/// Text behind a command. `%` goes first and has a name of its own, as the agent's own task library writes it.
fn data(text: &str) -> String {
    text.replace('%', "%AZP25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Text as the value of a property.
fn property(text: &str) -> String {
    data(text).replace(']', "%5D").replace(';', "%3B")
}

/// A logging command.
pub(crate) fn command(name: &str, properties: &[(&str, &str)], message: &str) -> String {
    let told: Vec<String> = properties.iter().map(|(name, value)| format!("{name}={};", property(value))).collect();
    let gap = if told.is_empty() { "" } else { " " };
    format!("##vso[{name}{gap}{}]{}", told.concat(), data(message))
}

/// A formatting command that opens a group of lines.
pub(crate) fn group(title: &str) -> String {
    format!("##[group]{}", title.replace(['\r', '\n'], " "))
}

/// Closes it.
pub(crate) const END_GROUP: &str = "##[endgroup]";

/// A remark as an issue of the timeline; `file` is its place's file as the repository calls it.
pub(crate) fn issue(remark: &Remark, file: Option<&str>) -> String {
    let kind = match remark.level {
        Level::Error => "error",
        Level::Warning => "warning",
    };
    let (line, column);
    let mut properties = vec![("type", kind)];
    if let (Some(file), Some(span)) = (file, &remark.span) {
        (line, column) = (span.line.to_string(), span.column.to_string());
        properties.extend([("sourcepath", file), ("linenumber", &line), ("columnnumber", &column)]);
    }
    properties.push(("code", &remark.rule));
    command("task.logissue", &properties, &format!("{}: {}", remark.title, remark.message))
}

/// Masks for a secret, line by line.
pub(crate) fn masks(secret: &str) -> Vec<String> {
    super::mask_worthy(secret).map(|line| command("task.setsecret", &[], line)).collect()
}

/// A variable that later steps, jobs and stages can read.
pub(crate) fn output(name: &str, value: &str) -> String {
    command("task.setvariable", &[("variable", name), ("isOutput", "true")], value)
}

/// Text in which the agent finds no command. It looks for them anywhere in a line, and nothing can stop it from looking.
pub(crate) fn defused(text: &str) -> String {
    let mut told = String::with_capacity(text.len());
    for (index, sign) in text.char_indices() {
        let before = text.get(..index).unwrap_or_default();
        let lead = before.len().checked_sub(5).and_then(|start| before.get(start..));
        if sign == '[' && (before.ends_with("##") || lead.is_some_and(|lead| lead.eq_ignore_ascii_case("##vso"))) {
            told.push(' ');
        }
        told.push(sign);
    }
    told
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Account, remarks, sample};
    use super::*;

    /// A command's name, properties and data.
    type Heard = (String, Vec<(String, String)>, String);

    /// What the agent makes of a line.
    fn heard(line: &str) -> Option<Heard> {
        let undo = |text: &str| text.replace("%0D", "\r").replace("%0A", "\n");
        let last = |text: &str| text.replace("%AZP25", "%");
        let undo_property = |text: &str| last(&undo(text).replace("%5D", "]").replace("%3B", ";"));
        let from = line.to_ascii_lowercase().find("##vso[")?;
        let (head, said) = line[from + 6..].split_once(']')?;
        let (name, properties) = head.split_once(' ').unwrap_or((head, ""));
        let pairs = properties.split(';').filter_map(|pair| pair.split_once('='));
        let pairs = pairs.map(|(name, value)| (name.to_owned(), undo_property(value))).collect();
        Some((name.to_owned(), pairs, last(&undo(said))))
    }

    proptest! {
        #[test]
        fn any_text_is_one_command_and_comes_back(title in "\\PC*|[\r\n%;\\]0-9A-Z]*", said in "\\PC*|[\r\n%;\\]0-9A-Z]*") {
            let line = command("task.logissue", &[("type", "error"), ("code", &title)], &said);
            prop_assert!(!line.contains(['\n', '\r']));
            let (name, properties, data) = heard(&line).unwrap();
            prop_assert_eq!(name, "task.logissue");
            prop_assert_eq!(&properties[1].1, &title);
            prop_assert_eq!(data, said);
        }

        #[test]
        fn no_text_is_a_command(text in "\\PC*|([#\\[vsoVSO]|##vso\\[|##\\[|task.complete\\]){0,12}") {
            let told = defused(&text);
            prop_assert!(heard(&format!("{told}]")).is_none() && !told.contains("##["), "{told}");
            prop_assert_eq!(told.replace(' ', ""), text.replace(' ', ""));
        }
    }

    #[test]
    fn an_issue_and_a_variable() {
        let report = sample::planned("shop");
        let remark = remarks(&Account::of_stack(&report, None)).remove(0);
        insta::assert_snapshot!(issue(&remark, None), @"##vso[task.logissue type=warning;code=AKS-PLAN-001;]shop: replace azurerm_dashboard_grafana.this: terraform would replace azurerm_dashboard_grafana.this: forced by name");
        assert_eq!(output("drift", "true"), "##vso[task.setvariable variable=drift;isOutput=true;]true");
    }
}
