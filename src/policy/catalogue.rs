//! What rules there are, read from their sources without evaluating them.
//!
//! Level, id and place come from the engine's syntax tree. The title is that of the rule's `# METADATA` block, as OPA writes
//! annotations; without one it is the text of the finding's message.

use regorus::Engine;
use serde::Serialize;
use serde_json::Value;

use super::{Broken, Module, add, is_ignored, shipped};
use crate::event::FindingLevel;

/// A rule as its source presents it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// The id of its findings; nothing when it is computed.
    pub id: Option<String>,
    /// Deny or warn.
    pub level: FindingLevel,
    /// Its package, without `data.`.
    pub package: String,
    /// What it is about, in one line; nothing when the source has no words for it.
    pub title: Option<String>,
    /// The name of its module: a path.
    pub source: String,
    /// The line it begins on, from 1.
    pub line: u64,
    /// Whether the file wants its findings ignored.
    pub ignored: bool,
}

/// The shipped rules and those in `modules`, by id; `ignore` is the file's `policies.ignore`.
///
/// # Errors
/// A module cannot be compiled.
pub fn catalogue(modules: &[Module], ignore: &[String]) -> Result<Vec<Rule>, Broken> {
    let all = shipped::rules().into_iter().chain(modules.iter().cloned());
    let mut rules: Vec<Rule> = all.map(|module| rules(&module)).collect::<Result<Vec<_>, _>>()?.concat();
    for rule in &mut rules {
        rule.ignored = rule.id.as_ref().is_some_and(|id| is_ignored(id, ignore));
    }
    // What has no id comes last.
    rules.sort_by(|a, b| (a.id.is_none(), &a.id, &a.source, a.line).cmp(&(b.id.is_none(), &b.id, &b.source, b.line)));
    Ok(rules)
}

/// The rules of one module, in the order of its text.
fn rules(module: &Module) -> Result<Vec<Rule>, Broken> {
    let mut engine = Engine::new();
    let package = add(&mut engine, module)?;
    let unread = |reason: String| Broken::Compile { name: module.name.clone(), reason };
    let tree = engine.get_ast_as_json().map_err(|error| unread(error.to_string()))?;
    let tree: Value = serde_json::from_str(&tree).map_err(|error| unread(error.to_string()))?;
    let lines: Vec<&str> = module.text.lines().collect();
    let mut found = Vec::new();
    for spec in listed(&tree[0]["ast"]["rules"]).filter_map(|rule| rule.get("Spec")) {
        let Some(level) = level(&spec["head"]) else { continue };
        let line = spec["span"]["line"].as_u64().unwrap_or_default();
        let title = annotated(&lines, line);
        let mut findings = Vec::new();
        literals(spec, &mut findings);
        if findings.is_empty() {
            findings.push((None, None));
        }
        found.extend(findings.into_iter().map(|(id, message)| Rule {
            id,
            level,
            package: package.trim_start_matches("data.").to_owned(),
            title: title.clone().or(message),
            source: module.name.clone(),
            line,
            ignored: false,
        }));
    }
    Ok(found)
}

fn listed(node: &Value) -> impl Iterator<Item = &Value> {
    node.as_array().into_iter().flatten()
}

/// What a rule's findings do, when its head makes it one of the sets that judge.
fn level(head: &Value) -> Option<FindingLevel> {
    match head.as_object()?.values().next()?["refr"]["Var"]["value"].as_str()? {
        "deny" => Some(FindingLevel::Deny),
        "warn" => Some(FindingLevel::Warn),
        _ => None,
    }
}

/// Id and message of every finding that a tree writes down: objects with both keys.
fn literals(node: &Value, found: &mut Vec<(Option<String>, Option<String>)>) {
    if let Some(fields) = node.pointer("/Object/fields") {
        let field = |name: &str| listed(fields).find(|field| text(&field[1]) == Some(name)).map(|field| &field[2]);
        if let (Some(id), Some(message)) = (field("id"), field("message")) {
            found.push((text(id).map(str::to_owned), phrase(message)));
            return;
        }
    }
    match node {
        Value::Object(all) => all.values().for_each(|node| literals(node, found)),
        Value::Array(all) => all.iter().for_each(|node| literals(node, found)),
        _ => {}
    }
}

/// The text of a string in the source.
fn text(node: &Value) -> Option<&str> {
    let value = node.get("String").or_else(|| node.get("RawString"))?;
    value["value"].as_str()
}

/// A message as far as the source knows it: the text, or the format with `…` for what is filled in.
fn phrase(node: &Value) -> Option<String> {
    let format = || listed(&node["Call"]["params"]).next().and_then(text);
    text(node)
        .map(str::to_owned)
        .or_else(|| Some(["%s", "%d", "%v"].iter().fold(format()?.to_owned(), |all, verb| all.replace(verb, "…"))))
}

/// The title in the annotation directly above a line.
fn annotated(lines: &[&str], line: u64) -> Option<String> {
    let above = usize::try_from(line).ok()?.checked_sub(1).and_then(|end| lines.get(..end))?;
    let block: Vec<&str> = above.iter().rev().map_while(|line| line.trim().strip_prefix('#')).map(str::trim).collect();
    let begins = block.iter().position(|line| *line == "METADATA")?;
    let title = block[..begins].iter().find_map(|line| line.strip_prefix("title:"))?.trim();
    let bare = ['"', '\''].iter().find_map(|quote| title.strip_prefix(*quote)?.strip_suffix(*quote));
    Some(bare.unwrap_or(title).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rules of one's own in a text, one per line.
    fn told(text: &str) -> String {
        let module = Module { name: "own.rego".into(), text: text.into() };
        let ours = catalogue(&[module], &["T-1".into()]).unwrap().into_iter().filter(|rule| rule.source == "own.rego");
        let line = |rule: Rule| {
            let ignored = if rule.ignored { " ignored" } else { "" };
            let (id, title) = (rule.id.as_deref().unwrap_or("-"), rule.title.as_deref().unwrap_or("-"));
            format!("{}:{} {:?} {id}{ignored}: {title}\n", rule.package, rule.line, rule.level)
        };
        ours.map(line).collect()
    }

    /// People read the page, programs the list: they say the same of every shipped rule.
    #[test]
    fn the_page_lists_the_shipped_rules() {
        let page = include_str!("../../docs/policies.md");
        let written: Vec<&str> = page.lines().filter(|line| line.starts_with("| AKS-POL-")).collect();
        let level = |rule: &Rule| if rule.level == FindingLevel::Deny { "deny" } else { "warn" };
        let rules = catalogue(&[], &[]).unwrap();
        let listed: Vec<String> = rules
            .iter()
            .map(|rule| format!("| {} | {} | {} |", rule.id.as_deref().unwrap(), level(rule), rule.title.as_deref().unwrap()))
            .collect();
        assert_eq!(written, listed);
    }

    #[test]
    fn a_title_is_the_annotation_or_else_the_message() {
        insta::assert_snapshot!(told(r#"package team.size

# METADATA
# title: "big: no"
# description: long
deny contains finding if {
	input.spec.cluster
	finding := {"id": "T-1", "message": "too big", "remedy": "r"}
}

# METADATA
# title: of something else

# A comment.
warn contains {"id": `T-2`, "message": sprintf("%d nodes in %s", [1, "x"]), "remedy": "r"}
"#), @r"
        team.size:6 Deny T-1 ignored: big: no
        team.size:15 Warn T-2: … nodes in …
        ");
    }

    #[test]
    fn every_way_to_write_a_rule_is_seen() {
        insta::assert_snapshot!(told(r#"package team.ways
import data.team.help

deny contains help.finding if input.spec
  warn := {finding | some finding in [
    {"id": "T-4", "message": help.words, "remedy": "r"}, {"id": "T-3", "message": "three", "remedy": "r"}]}
deny contains {"id": sprintf("T-%d", [n]), "message": "counted", "remedy": "r"} if some n in [1, 2]
denys contains {"id": "X", "message": "no rule"}
# deny contains {"id": "Y", "message": "no rule"}
"#), @r"
        team.ways:5 Warn T-3: three
        team.ways:5 Warn T-4: -
        team.ways:4 Deny -: -
        team.ways:7 Deny -: counted
        ");
    }

    #[test]
    fn the_guard_is_never_listed_as_ignored() {
        let ids = ["AKS-POL-001".to_owned(), "AKS-POL-002".to_owned()];
        let ignored: Vec<_> = catalogue(&[], &ids).unwrap().into_iter().filter(|rule| rule.ignored).map(|rule| rule.id).collect();
        assert_eq!(ignored, [Some("AKS-POL-002".to_owned())]);
    }

    #[test]
    fn what_cannot_be_compiled_is_named() {
        let broken = catalogue(&[Module { name: "own.rego".into(), text: "package x\ndeny contains if {".into() }], &[]);
        assert!(matches!(broken, Err(Broken::Compile { name, .. }) if name == "own.rego"));
    }
}
