//! YAML text into a JSON value, remembering where everything stood.
//!
//! The parser's events are read directly, not a loaded tree, because a tree has already lost what matters here: a key that is
//! written twice, and the spelling of `1.30`, which is a version to its author and the number 1.3 to YAML.

use std::collections::{BTreeMap, HashMap};

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span as Range, Tag};
use serde_json::{Map, Number, Value};

use super::source::{Mark, Place, escape};
use crate::diag::{Code, Diagnostic, Span};

/// Deeper files are refused: nothing in the format goes beyond a handful.
const MOST_DEEP: usize = 40;

/// Aliases may repeat nodes, but not without end.
const MOST_NODES: usize = 50_000;

/// What a text holds.
pub(super) struct Document {
    pub(super) value: Value,
    pub(super) places: BTreeMap<String, Place>,
    /// What is wrong but did not keep the rest from being read.
    pub(super) problems: Vec<Diagnostic>,
}

/// Reads one document.
///
/// # Errors
/// The one problem after which nothing more can be read.
pub(super) fn parse(text: &str, file: &str) -> Result<Document, Box<Diagnostic>> {
    parse_up_to(text, file, MOST_NODES)
}

/// The same for a text of up to so many nodes.
///
/// # Errors
/// As [`parse`].
pub(super) fn parse_up_to(text: &str, file: &str, most_nodes: usize) -> Result<Document, Box<Diagnostic>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader {
        events: Parser::new_from_str(text),
        lines: text.lines().map(|line| line.chars().count()).collect(),
        file,
        places: BTreeMap::new(),
        problems: Vec::new(),
        anchors: HashMap::new(),
        nodes: 0,
        most_nodes,
    };
    let value = reader.document()?;
    Ok(Document { value, places: reader.places, problems: reader.problems })
}

type Fatal<T> = Result<T, Box<Diagnostic>>;

/// A node that has an anchor: its value and the places below it.
#[derive(Clone)]
struct Anchored {
    value: Value,
    places: Vec<(String, Place)>,
    nodes: usize,
}

struct Reader<'a> {
    events: Parser<'a, saphyr_parser::StrInput<'a>>,
    lines: Vec<usize>,
    file: &'a str,
    places: BTreeMap<String, Place>,
    problems: Vec<Diagnostic>,
    anchors: HashMap<usize, Anchored>,
    nodes: usize,
    most_nodes: usize,
}

impl<'a> Reader<'a> {
    fn document(&mut self) -> Fatal<Value> {
        let mut found = None;
        while let Some((event, range)) = self.next()? {
            match event {
                Event::DocumentStart(_) if found.is_some() => {
                    let told = "one file holds one stack, but a second document begins here";
                    self.problem(Code::SpecYamlFeature, range, told, "put every stack into a file of its own");
                    return Ok(found.unwrap_or_default());
                }
                Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {}
                first => found = Some(self.node(first, range, "", None, 0)?),
            }
        }
        Ok(found.unwrap_or_default())
    }

    fn next(&mut self) -> Fatal<Option<(Event<'a>, Range)>> {
        self.events.next_event().transpose().map_err(|error| Box::new(self.syntax(&error)))
    }

    /// The next event inside a node; the end of the stream there would be a mistake of the parser.
    fn inner(&mut self) -> Fatal<(Event<'a>, Range)> {
        self.next()?.ok_or_else(|| Box::new(Diagnostic::error(Code::SpecSyntax, "the file ends too early")))
    }

    fn node(&mut self, event: Event<'a>, range: Range, at: &str, key: Option<Mark>, depth: usize) -> Fatal<Value> {
        self.nodes += 1;
        if depth > MOST_DEEP || self.nodes > self.most_nodes {
            let told = if depth > MOST_DEEP { "the file is nested too deeply" } else { "the file is too large" };
            return Err(Box::new(self.excess(told, range)));
        }
        let before = self.nodes;
        let place = Place { key, value: self.mark(range), plain: None };
        self.places.insert(at.to_owned(), place);
        let (anchor, value) = match event {
            Event::Scalar(text, style, anchor, tag) => (anchor, self.scalar(&text, style, tag.as_deref(), range, at)),
            Event::SequenceStart(anchor, tag) => {
                self.refuse_tag(tag.as_deref(), range);
                (anchor, self.sequence(at, depth)?)
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_tag(tag.as_deref(), range);
                (anchor, self.mapping(at, depth)?)
            }
            Event::Alias(id) => (0, self.alias(id, range, at)?),
            _ => (0, Value::Null),
        };
        if anchor > 0 {
            let nodes = self.nodes - before + 1;
            let prefix = format!("{at}/");
            let places = self.places.range(prefix.clone()..).take_while(|(pointer, _)| pointer.starts_with(&prefix));
            let places = places.map(|(pointer, place)| (pointer[at.len()..].to_owned(), place.clone())).collect();
            self.anchors.insert(anchor, Anchored { value: value.clone(), places, nodes });
        }
        Ok(value)
    }

    fn sequence(&mut self, at: &str, depth: usize) -> Fatal<Value> {
        let mut all = Vec::new();
        loop {
            let (event, range) = self.inner()?;
            if event == Event::SequenceEnd {
                return Ok(Value::Array(all));
            }
            let at = format!("{at}/{}", all.len());
            all.push(self.node(event, range, &at, None, depth + 1)?);
        }
    }

    fn mapping(&mut self, at: &str, depth: usize) -> Fatal<Value> {
        let mut all = Map::new();
        let mut merged = Vec::new();
        loop {
            let (event, range) = self.inner()?;
            let key = match event {
                Event::MappingEnd => break,
                Event::Scalar(text, style, _, _) => (text.into_owned(), style),
                other => {
                    let told = "a key must be plain text";
                    self.problem(Code::SpecYamlFeature, range, told, "write `key: value`");
                    self.node(other, range, &format!("{at}/?"), None, depth + 1)?;
                    let (event, range) = self.inner()?;
                    self.node(event, range, &format!("{at}/?"), None, depth + 1)?;
                    continue;
                }
            };
            let mark = self.mark(range);
            let (event, value_range) = self.inner()?;
            let pointer = format!("{at}/{}", escape(&key.0));
            let merge = key == ("<<".to_owned(), ScalarStyle::Plain);
            let earlier = self.places.get(&pointer).cloned().filter(|_| !merge);
            let value = self.node(event, value_range, &pointer, Some(mark), depth + 1)?;
            match (merge, earlier) {
                (true, _) => merged.push((pointer, value, value_range)),
                (false, Some(first)) => self.twice(&key.0, &first, range),
                (false, None) => {
                    all.insert(key.0, value);
                }
            }
        }
        for (pointer, value, range) in merged {
            self.merge(at, &pointer, value, range, &mut all);
        }
        Ok(Value::Object(all))
    }

    /// `<<: *anchor`: keys that are written here win over those that are merged in.
    fn merge(&mut self, at: &str, pointer: &str, value: Value, range: Range, into: &mut Map<String, Value>) {
        let Value::Object(value) = value else {
            return self.problem(
                Code::SpecYamlFeature,
                range,
                "only a mapping can be merged",
                "write `<<: *anchor` of a mapping",
            );
        };
        for (key, value) in value {
            if into.contains_key(&key) {
                continue;
            }
            let (from, to) = (format!("{pointer}/{}", escape(&key)), format!("{at}/{}", escape(&key)));
            let inside = |pointer: &str| pointer == from || pointer.strip_prefix(&from).is_some_and(|rest| rest.starts_with('/'));
            let moved: Vec<_> = self.places.range(from.clone()..).take_while(|(pointer, _)| pointer.starts_with(&from)).collect();
            let moved: Vec<_> = moved.into_iter().filter(|(pointer, _)| inside(pointer)).collect();
            let moved: Vec<_> =
                moved.into_iter().map(|(old, place)| (format!("{to}{}", &old[from.len()..]), place.clone())).collect();
            self.places.extend(moved);
            into.insert(key, value);
        }
    }

    fn alias(&mut self, id: usize, range: Range, at: &str) -> Fatal<Value> {
        let Some(anchored) = self.anchors.get(&id) else {
            self.problem(Code::SpecYamlFeature, range, "the alias repeats a value that contains it", "write the value out");
            return Ok(Value::Null);
        };
        self.nodes += anchored.nodes;
        if self.nodes > self.most_nodes {
            return Err(Box::new(self.excess("the aliases repeat too much", range)));
        }
        let below = anchored.places.iter().map(|(below, place)| (format!("{at}{below}"), place.clone()));
        self.places.extend(below);
        Ok(anchored.value.clone())
    }

    fn excess(&self, told: &str, range: Range) -> Diagnostic {
        Diagnostic::error(Code::SpecYamlFeature, told).at(self.span(self.mark(range)))
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, range: Range, at: &str) -> Value {
        let text_tag = tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
        if !text_tag {
            self.refuse_tag(tag, range);
        }
        if style != ScalarStyle::Plain || text_tag {
            return Value::String(text.to_owned());
        }
        if let Some(place) = self.places.get_mut(at) {
            place.plain = Some(text.to_owned());
        }
        resolve(text)
    }

    fn refuse_tag(&mut self, tag: Option<&Tag>, range: Range) {
        if let Some(tag) = tag.filter(|tag| !(tag.is_yaml_core_schema() && ["map", "seq"].contains(&tag.suffix.as_str()))) {
            let told = format!("the tag `{}{}` is not known here", tag.handle, tag.suffix);
            self.problem(Code::SpecYamlFeature, range, &told, "leave the tag out, and put text that starts with `!` in quotes");
        }
    }

    fn twice(&mut self, key: &str, first: &Place, range: Range) {
        let line = first.key.unwrap_or(first.value).line;
        let told = format!("`{key}` is written twice, first in line {line}");
        self.problem(Code::SpecDuplicateKey, range, &told, "remove one of them");
    }

    fn problem(&mut self, code: Code, range: Range, told: &str, hint: &str) {
        let span = self.span(self.mark(range));
        self.problems.push(Diagnostic::error(code, told).at(span).hint(hint));
    }

    fn syntax(&self, error: &ScanError) -> Diagnostic {
        let mark = Mark { line: error.marker().line().max(1), column: error.marker().col() + 1, len: 1 };
        let told = Diagnostic::error(Code::SpecSyntax, format!("this is not YAML: {}", error.info())).at(self.span(mark));
        let info = error.info();
        if info.contains("unknown anchor") {
            told.hint("put text that starts with `*` in quotes")
        } else if info.contains("tab") {
            told.hint("indent with blanks")
        } else {
            told.hint("look at this line and the one before: indentation, a missing blank after `:`, a quote that is not closed")
        }
    }

    fn mark(&self, range: Range) -> Mark {
        let (line, column) = (range.start.line().max(1), range.start.col() + 1);
        let rest = self.lines.get(line - 1).map_or(0, |all| all.saturating_sub(column - 1));
        let len = if range.end.line() == range.start.line() { range.len().min(rest) } else { rest };
        Mark { line, column, len: len.max(1) }
    }

    fn span(&self, mark: Mark) -> Span {
        Span { file: self.file.to_owned(), line: mark.line, column: mark.column, len: mark.len }
    }
}

/// A plain scalar by YAML's core schema.
pub(super) fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    number(text).map_or_else(|| Value::String(text.to_owned()), Value::Number)
}

fn number(text: &str) -> Option<Number> {
    if let Some(digits) = text.strip_prefix("0x") {
        return i64::from_str_radix(digits, 16).ok().map(Number::from);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return i64::from_str_radix(digits, 8).ok().map(Number::from);
    }
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') || !digits.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    text.parse::<i64>().ok().map(Number::from).or_else(|| Number::from_f64(text.parse().ok()?))
}
