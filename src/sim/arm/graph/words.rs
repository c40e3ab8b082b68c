//! A query's words.

use super::fault::Fault;

/// A word and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word<'a> {
    /// What it is.
    pub kind: Kind,
    /// As it is written; a text without its quotes and with its escapes undone is in `kind`.
    pub written: &'a str,
    /// Line, from 1.
    pub line: usize,
    /// Characters before it on its line.
    pub at: usize,
}

/// Kinds of words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A name, an operator that is spelled like one (`in~`, `!has`, `project-away`).
    Name,
    /// A quoted text.
    Text(String),
    /// A number.
    Number,
    /// Anything else.
    Sign,
    /// Nothing more.
    End,
}

const SIGNS: [&str; 16] = ["==", "=~", "!=", "!~", "<=", ">=", "<", ">", "=", "|", "(", ")", ",", ".", "[", "]"];

/// Cuts a query into words; the last is [`Kind::End`].
///
/// # Errors
/// A character that no word begins with, or a text without end.
pub fn cut(query: &str) -> Result<Vec<Word<'_>>, Fault> {
    let mut words = Vec::new();
    let mut rest = query;
    loop {
        rest = skip(rest);
        let start = query.len() - rest.len();
        let before = &query[..start];
        let line = before.matches('\n').count() + 1;
        let at = before.rsplit('\n').next().unwrap_or_default().chars().count();
        let (kind, length) = first(rest).ok_or_else(|| {
            let token = rest.chars().next().map(String::from).unwrap_or_default();
            Fault::Parser { line, at, token, expected: None }
        })?;
        let end = kind == Kind::End;
        words.push(Word { kind, written: &rest[..length], line, at });
        if end {
            return Ok(words);
        }
        rest = &rest[length..];
    }
}

/// What is left behind blanks and comments.
fn skip(text: &str) -> &str {
    let mut rest = text.trim_start();
    while let Some(comment) = rest.strip_prefix("//") {
        rest = comment.find('\n').map_or("", |end| &comment[end..]).trim_start();
    }
    rest
}

/// The kind and the length of the first word.
fn first(text: &str) -> Option<(Kind, usize)> {
    let Some(begin) = text.chars().next() else { return Some((Kind::End, 0)) };
    let negated = begin == '!' && text[1..].starts_with(|c: char| c.is_ascii_alphabetic());
    if begin.is_ascii_alphabetic() || begin == '_' || negated {
        return Some((Kind::Name, name(text)));
    }
    if begin.is_ascii_digit() {
        return Some((Kind::Number, run(text, |c| c.is_ascii_digit() || c == '.')));
    }
    if let Some(verbatim) = text.strip_prefix('@') {
        let quote = verbatim.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        let inside = &verbatim[1..];
        let end = inside.find(quote)?;
        return Some((Kind::Text(inside[..end].to_owned()), end + 3));
    }
    if matches!(begin, '\'' | '"') {
        return quoted(text, begin);
    }
    SIGNS.iter().find(|sign| text.starts_with(**sign)).map(|sign| (Kind::Sign, sign.len()))
}

fn run(text: &str, part: impl Fn(char) -> bool) -> usize {
    text.find(|c| !part(c)).unwrap_or(text.len())
}

fn name(text: &str) -> usize {
    let bang = usize::from(text.starts_with('!'));
    let letters = |text: &str| run(text, |c| c.is_ascii_alphanumeric() || c == '_');
    let mut length = bang + letters(&text[bang..]);
    let word = &text[bang..length];
    if word == "project" && text[length..].starts_with('-') {
        length += 1 + letters(&text[length + 1..]);
    }
    if word == "in" && text[length..].starts_with('~') {
        length += 1;
    }
    length
}

fn quoted(text: &str, quote: char) -> Option<(Kind, usize)> {
    let mut inside = String::new();
    let mut characters = text.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => inside.push(characters.next()?.1),
            end if end == quote => return Some((Kind::Text(inside), at + 1)),
            '\n' => return None,
            other => inside.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_told_apart() {
        let query = "resources // all\n| where type in~ ('a\\'b', \"c\") and x !has @'d\\' | project-away y.z";
        let words = cut(query).unwrap();
        let written: Vec<&str> = words.iter().map(|word| word.written).collect();
        assert_eq!(
            written,
            [
                "resources",
                "|",
                "where",
                "type",
                "in~",
                "(",
                "'a\\'b'",
                ",",
                "\"c\"",
                ")",
                "and",
                "x",
                "!has",
                "@'d\\'",
                "|",
                "project-away",
                "y",
                ".",
                "z",
                ""
            ]
        );
        assert_eq!(words[6].kind, Kind::Text("a'b".into()));
        assert_eq!(words[13].kind, Kind::Text("d\\".into()));
        assert_eq!((words[2].line, words[2].at), (2, 2));
    }

    #[test]
    fn what_is_no_word_is_named_with_its_place() {
        let Err(Fault::Parser { line, at, token, .. }) = cut("resources\n| where x == 'open") else { panic!("a fault") };
        assert_eq!((line, at, token.as_str()), (2, 13, "'"));
        assert!(cut("resources | where x == ;").is_err());
    }
}
