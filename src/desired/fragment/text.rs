//! The inside of a settings value: sections and `key = value` lines, edited in place.
//!
//! The text belongs to many people. What is not written here stays byte for byte: comments, order, blank lines, indentation,
//! line ends and lines that nobody understands. A section starts at a line ending in `: |-` and at nothing else (contract §5.2).

use std::ops::Range;

/// A value of the settings map as lines, each with its own line end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Text {
    lines: Vec<String>,
}

/// One `key = value` line that was understood.
struct Entry<'a> {
    line: usize,
    key: &'a str,
    /// Where the value token lies within the line, with its quotes and without a trailing comment.
    token: Range<usize>,
}

impl Text {
    pub(super) fn parse(text: &str) -> Self {
        Self { lines: text.split_inclusive('\n').map(str::to_owned).collect() }
    }

    pub(super) fn print(&self) -> String {
        self.lines.concat()
    }

    /// The decoded value of `key`; the last one counts, as for the agents.
    pub(super) fn get(&self, section: Option<&str>, key: &str) -> Option<String> {
        let entry = self.entry(section, key)?;
        Some(decode(&self.lines[entry.line][entry.token]))
    }

    /// All keys with decoded values of a section.
    pub(super) fn all(&self, section: Option<&str>) -> Vec<(String, String)> {
        let Some(range) = self.range(section) else { return Vec::new() };
        self.entries(range).map(|entry| (entry.key.to_owned(), decode(&self.lines[entry.line][entry.token]))).collect()
    }

    /// Every section, key and decoded value, in order; of two lines with one key the last, which counts.
    pub(super) fn lines(&self) -> Vec<(Option<String>, String, String)> {
        let mut sections: Vec<Option<&str>> = vec![None];
        sections.extend(self.lines.iter().filter_map(|line| header(line)).map(Some));
        sections.dedup();
        let mut found: Vec<(Option<String>, String, String)> = Vec::new();
        for section in sections {
            for (key, value) in self.all(section) {
                let section = section.map(str::to_owned);
                found.retain(|(other, known, _)| (other, known) != (&section, &key));
                found.push((section, key, value));
            }
        }
        found
    }

    /// Writes `key = raw`: replaces the value token where the key stands, else adds a line, else adds the section.
    pub(super) fn set(&mut self, section: Option<&str>, key: &str, raw: &str) {
        if let Some(Entry { line, token, .. }) = self.entry(section, key) {
            let gap = if token.is_empty() && self.lines[line][..token.start].ends_with('=') { " " } else { "" };
            self.lines[line].replace_range(token, &format!("{gap}{raw}"));
            return;
        }
        let range = match (self.range(section), section) {
            (Some(range), _) => range,
            (None, name) => {
                self.insert(self.lines.len(), &format!("{}: |-", name.unwrap_or_default()));
                self.lines.len()..self.lines.len()
            }
        };
        let indent = match self.entries(range.clone()).next() {
            Some(first) => indent_of(&self.lines[first.line]).to_owned(),
            None if section.is_some() => format!("{}  ", indent_of(&self.lines[range.start - 1])),
            None => String::new(),
        };
        let last = range.clone().rev().find(|&at| !self.lines[at].trim().is_empty());
        self.insert(last.map_or(range.start, |at| at + 1), &format!("{indent}{key} = {raw}"));
    }

    /// Puts a line in, with the line end of its neighbours; a text without a final line end keeps having none.
    fn insert(&mut self, at: usize, content: &str) {
        let end = if self.lines.iter().any(|line| line.ends_with("\r\n")) { "\r\n" } else { "\n" };
        let mut line = content.to_owned();
        let is_empty = self.lines.is_empty();
        match at.checked_sub(1).and_then(|before| self.lines.get_mut(before)) {
            Some(before) if !before.ends_with('\n') => before.push_str(end),
            None if is_empty => {}
            _ => line.push_str(end),
        }
        self.lines.insert(at, line);
    }

    /// The lines of a section without its header; of what stands before the first header when no section is named.
    fn range(&self, section: Option<&str>) -> Option<Range<usize>> {
        let headers: Vec<(usize, &str)> =
            self.lines.iter().enumerate().filter_map(|(at, line)| header(line).map(|name| (at, name))).collect();
        let start = match section {
            None => 0,
            Some(name) => headers.iter().rfind(|(_, found)| *found == name)?.0 + 1,
        };
        let end = headers.iter().map(|(at, _)| *at).find(|at| *at >= start).unwrap_or(self.lines.len());
        Some(start..end)
    }

    fn entries(&self, range: Range<usize>) -> impl Iterator<Item = Entry<'_>> {
        range.filter_map(|line| {
            let (key, token) = entry(&self.lines[line])?;
            Some(Entry { line, key, token })
        })
    }

    fn entry(&self, section: Option<&str>, key: &str) -> Option<Entry<'_>> {
        self.entries(self.range(section)?).filter(|entry| entry.key == key).last()
    }
}

fn indent_of(line: &str) -> &str {
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

fn header(line: &str) -> Option<&str> {
    let line = line.trim();
    if line.starts_with('#') { None } else { line.strip_suffix(": |-").map(str::trim) }
}

fn entry(line: &str) -> Option<(&str, Range<usize>)> {
    if line.trim_start().starts_with('#') || header(line).is_some() {
        return None;
    }
    let equals = line.find('=')?;
    let key = line[..equals].trim().trim_matches('"');
    if key.is_empty() {
        return None;
    }
    let rest = line[equals + 1..].trim_end();
    let value = rest.trim_start();
    let start = equals + 1 + (rest.len() - value.len());
    Some((key, start..start + token_length(value)))
}

/// How much of what stands behind `=` is the value; the rest is a comment.
fn token_length(value: &str) -> usize {
    let Some(quote) = value.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
        return value
            .find(" #")
            .or_else(|| value.starts_with('#').then_some(0))
            .map_or(value.len(), |at| value[..at].trim_end().len());
    };
    let mut escaped = false;
    for (at, c) in value.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if c == '\\' && quote == '"' {
            escaped = true;
        } else if c == quote {
            let rest = value[at + 1..].trim_start();
            if rest.is_empty() || rest.starts_with('#') {
                return at + 1;
            }
        }
    }
    value.len()
}

fn decode(token: &str) -> String {
    let inner = |quote: char| token.strip_prefix(quote).map(|rest| rest.strip_suffix(quote).unwrap_or(rest));
    if let Some(literal) = inner('\'') {
        return literal.to_owned();
    }
    let Some(text) = inner('"') else { return token.to_owned() };
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some(&next @ ('\\' | '"'))) => {
                out.push(next);
                chars.next();
            }
            _ => out.push(c),
        }
    }
    out
}

/// A quoted value; backslash and quote are escaped with a backslash (contract §5.2). The caller keeps control characters out.
pub(super) fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SETTINGS: &str = "# ours\nscrape: |-\n    kubelet = true  # nodes\n\n    other=\"a\\\\.b\"\nkeep: |-\n";

    #[test]
    fn values_are_found_by_section_and_key() {
        let text = Text::parse(SETTINGS);
        assert_eq!(text.get(Some("scrape"), "kubelet").as_deref(), Some("true"));
        assert_eq!(text.get(Some("scrape"), "other").as_deref(), Some("a\\.b"));
        assert_eq!(text.get(Some("keep"), "other"), None);
        assert_eq!(text.get(None, "kubelet"), None);
    }

    #[test]
    fn a_new_value_leaves_everything_else_alone() {
        let mut text = Text::parse(SETTINGS);
        text.set(Some("scrape"), "kubelet", "false");
        text.set(Some("scrape"), "coredns", "true");
        text.set(Some("keep"), "kubelet", &quote("a\"b"));
        text.set(Some("interval"), "kubelet", "\"30s\"");
        insta::assert_snapshot!(text.print(), @r#"
        # ours
        scrape: |-
            kubelet = false  # nodes

            other="a\\.b"
            coredns = true
        keep: |-
          kubelet = "a\"b"
        interval: |-
          kubelet = "30s"
        "#);
    }

    #[test]
    fn line_ends_are_those_of_the_text() {
        let mut dos = Text::parse("a = 1\r\n");
        dos.set(None, "b", "2");
        assert_eq!(dos.print(), "a = 1\r\nb = 2\r\n");
        let mut open = Text::parse("a = 1");
        open.set(None, "b", "2");
        assert_eq!(open.print(), "a = 1\nb = 2");
        let mut empty = Text::parse("");
        empty.set(Some("s"), "b", "2");
        assert_eq!(empty.print(), "s: |-\n  b = 2");
    }

    #[test]
    fn the_last_of_two_counts_and_is_the_one_that_is_written() {
        let mut text = Text::parse("a = 1\na = 2\n");
        assert_eq!(text.get(None, "a").as_deref(), Some("2"));
        text.set(None, "a", "3");
        assert_eq!(text.print(), "a = 1\na = 3\n");
    }

    proptest! {
        #[test]
        fn printing_gives_back_what_was_parsed(text in any::<String>()) {
            prop_assert_eq!(Text::parse(&text).print(), text);
        }

        #[test]
        fn what_is_set_is_read_back_and_stays(text in "([a-c =\"'#|:\\\\\n\r-]|: \\|-\n){0,40}", value in "[^\\p{Cc}\u{2028}\u{85}]{0,12}", section in proptest::option::of("[a-c]")) {
            let mut edited = Text::parse(&text);
            edited.set(section.as_deref(), "a", &quote(&value));
            let found = edited.get(section.as_deref(), "a");
            prop_assert_eq!(found.as_deref(), Some(value.as_str()));
            let once = edited.print();
            prop_assert_eq!(Text::parse(&once).print(), once.clone());
            let reread = Text::parse(&once).get(section.as_deref(), "a");
            prop_assert_eq!(reread.as_deref(), Some(value.as_str()));
        }
    }
}
