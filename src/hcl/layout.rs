//! How files look: two spaces per level, `=` aligned in runs of short arguments, as `terraform fmt` has it.

use unicode_segmentation::UnicodeSegmentation as _;

use super::MARK;
use super::value::{Value, quoted};

/// A list of things, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Body(Vec<Item>);

#[derive(Clone, Debug)]
enum Item {
    Comment(&'static str),
    Argument(String, Value),
    Block(Vec<String>, Body),
    Gap,
}

impl Body {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// A file's body with its head.
    pub(super) fn marked(about: &'static str) -> Self {
        Self(vec![Item::Comment(MARK.trim_start_matches("# ")), Item::Comment(about), Item::Gap])
    }

    pub(super) fn comment(mut self, line: &'static str) -> Self {
        self.0.push(Item::Comment(line));
        self
    }

    pub(super) fn gap(mut self) -> Self {
        self.0.push(Item::Gap);
        self
    }

    pub(super) fn set(mut self, name: &str, value: Value) -> Self {
        self.0.push(Item::Argument(name.to_owned(), value));
        self
    }

    /// The argument, when there is a value.
    pub(super) fn set_some(self, name: &str, value: Option<Value>) -> Self {
        match value {
            Some(value) => self.set(name, value),
            None => self,
        }
    }

    /// A block; `head` is its type and its labels.
    pub(super) fn block(mut self, head: &[&str], body: Self) -> Self {
        self.0.push(Item::Block(head.iter().map(|&word| word.to_owned()).collect(), body));
        self
    }

    /// A block set off by an empty line.
    pub(super) fn part(self, head: &[&str], body: Self) -> Self {
        self.gap().block(head, body)
    }
}

/// The text of a body.
pub(super) fn print(body: &Body) -> String {
    let mut lines = Vec::new();
    print_at(body, 0, &mut lines);
    lines.join("\n") + "\n"
}

fn print_at(body: &Body, level: usize, lines: &mut Vec<String>) {
    let indent = "  ".repeat(level);
    for (index, item) in body.0.iter().enumerate() {
        match item {
            Item::Comment(text) => lines.push(format!("{indent}# {text}")),
            Item::Gap => {
                if lines.last().is_some_and(|line| !line.is_empty() && !line.ends_with('{')) {
                    lines.push(String::new());
                }
            }
            Item::Argument(name, value) if value.is_tall() => {
                let (open, close) = if matches!(value, Value::Lines(_)) { ('[', ']') } else { ('{', '}') };
                lines.push(format!("{indent}{name} = {open}"));
                print_entries(value, level + 1, lines);
                lines.push(format!("{indent}{close}"));
            }
            Item::Argument(name, value) => {
                let width = run_width(&body.0, index);
                lines.push(format!("{indent}{name:width$} = {}", value.inline()));
            }
            Item::Block(head, inner) => {
                let labels = head[1..].iter().fold(String::new(), |all, label| all + " " + &quoted(label));
                if inner.0.is_empty() {
                    lines.push(format!("{indent}{}{labels} {{}}", head[0]));
                    continue;
                }
                lines.push(format!("{indent}{}{labels} {{", head[0]));
                print_at(inner, level + 1, lines);
                lines.push(format!("{indent}}}"));
            }
        }
    }
}

/// The longest name among the short arguments that stand together with the one at `index`.
fn run_width(items: &[Item], index: usize) -> usize {
    let name = |item: &Item| match item {
        Item::Argument(name, value) if !value.is_tall() => Some(name.chars().count()),
        _ => None,
    };
    let before = items[..index].iter().rev().map_while(name);
    before.chain(items[index..].iter().map_while(name)).max().unwrap_or(0)
}

fn print_entries(value: &Value, level: usize, lines: &mut Vec<String>) {
    let indent = "  ".repeat(level);
    let entries: Vec<(String, &Value)> = match value {
        Value::Lines(paths) => return lines.extend(paths.iter().map(|path| format!("{indent}{path},"))),
        Value::Map(entries) => entries.iter().map(|(key, value)| (quoted(key), value)).collect(),
        Value::Object(attributes) => attributes.iter().map(|(name, value)| ((*name).to_owned(), value)).collect(),
        _ => return,
    };
    let most = entries.iter().map(|(key, _)| columns(key)).max().unwrap_or(0);
    for (key, value) in &entries {
        let padding = " ".repeat(most - columns(key));
        lines.push(format!("{indent}{key}{padding} = {}", value.inline()));
    }
}

/// How wide `terraform fmt` takes a key to be: what a reader sees as one character counts one, the quotes count apart.
fn columns(key: &str) -> usize {
    match key.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) => 2 + inner.graphemes(true).count(),
        None => key.len(),
    }
}
