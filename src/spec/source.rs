//! Where the fields of a file stand.

use std::collections::BTreeMap;

use crate::diag::Span;

/// A place in the text: line and column from 1, length in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) len: usize,
}

/// Where a field stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Its key, when it has one.
    pub(super) key: Option<Mark>,
    /// The beginning of its value.
    pub(super) value: Mark,
    /// The spelling of a scalar without quotes.
    pub(super) plain: Option<String>,
}

/// Positions by JSON pointer, such as `/cluster/nodePool/vmSize` or `/grafana/admins/0`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    file: String,
    places: BTreeMap<String, Place>,
}

impl Source {
    pub(super) fn new(file: &str, places: BTreeMap<String, Place>) -> Self {
        Self { file: file.to_owned(), places }
    }

    /// The file as the user named it.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Whether the file itself writes this field, as opposed to a default.
    #[must_use]
    pub fn writes(&self, pointer: &str) -> bool {
        self.places.contains_key(pointer)
    }

    /// The value of a field: a scalar itself, the key of a mapping or a list. A field that is not written is found at the
    /// nearest one around it.
    #[must_use]
    pub fn span(&self, pointer: &str) -> Span {
        self.nearest(pointer, |place| match (&place.plain, place.key) {
            (None, Some(key)) if self.has_children(pointer) => key,
            _ => place.value,
        })
    }

    /// The key of a field, or its value when it has none.
    #[must_use]
    pub fn key_span(&self, pointer: &str) -> Span {
        self.nearest(pointer, |place| place.key.unwrap_or(place.value))
    }

    pub(super) fn plain(&self, pointer: &str) -> Option<&str> {
        self.places.get(pointer)?.plain.as_deref()
    }

    pub(super) fn place(&self, pointer: &str) -> Option<&Place> {
        self.places.get(pointer)
    }

    /// Places at and below a pointer, each with the rest of its own pointer.
    pub(super) fn below<'a>(&'a self, pointer: &'a str) -> impl Iterator<Item = (&'a str, &'a Place)> {
        let inside = move |found: &str| found[pointer.len()..].is_empty() || found[pointer.len()..].starts_with('/');
        let all = self.places.range(pointer.to_owned()..).take_while(move |(found, _)| found.starts_with(pointer));
        all.filter(move |(found, _)| inside(found)).map(move |(found, place)| (&found[pointer.len()..], place))
    }

    fn has_children(&self, pointer: &str) -> bool {
        let below = format!("{pointer}/");
        self.places.range(below.clone()..).next().is_some_and(|(first, _)| first.starts_with(&below))
    }

    fn nearest(&self, pointer: &str, choose: impl Fn(&Place) -> Mark) -> Span {
        let mut at = pointer;
        let mut found = self.places.get(at).map(choose);
        while found.is_none() && !at.is_empty() {
            at = at.rfind('/').map_or("", |slash| &at[..slash]);
            found = self.places.get(at).map(|place| place.key.unwrap_or(place.value));
        }
        let mark = found.unwrap_or(Mark { line: 1, column: 1, len: 1 });
        Span { file: self.file.clone(), line: mark.line, column: mark.column, len: mark.len }
    }
}

/// A key as a segment of a JSON pointer.
pub(super) fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

pub(super) fn unescape(segment: &str) -> String {
    segment.replace("~1", "/").replace("~0", "~")
}

/// A pointer as people write it: `cluster.nodePool.zones[0]`.
pub(super) fn dotted(pointer: &str) -> String {
    let mut out = String::new();
    for segment in pointer.split('/').skip(1) {
        if !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit()) {
            out.extend(["[", segment, "]"]);
        } else {
            let dot = if out.is_empty() { "" } else { "." };
            out.extend([dot, &unescape(segment)]);
        }
    }
    out
}
