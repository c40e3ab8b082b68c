//! Values of arguments. Text is always a literal; an expression can only be one that is written in this program.

use std::fmt::Write as _;

/// What stands behind `=`.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// Literal text; quotes, line ends, `${` and `%{` are escaped.
    Text(String),
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Number(u32),
    /// A list on one line.
    List(Vec<Value>),
    /// A map, one key per line; keys are literals.
    Map(Vec<(String, Value)>),
    /// An object with attributes of this program, one per line.
    Object(Vec<(&'static str, Value)>),
    /// Paths of this program, one per line.
    Lines(Vec<&'static str>),
    /// An expression of this program, never of a user.
    Expression(&'static str),
}

impl Value {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn texts<T: Into<String>>(items: impl IntoIterator<Item = T>) -> Self {
        Self::List(items.into_iter().map(Self::text).collect())
    }

    /// Whether it takes more than a line.
    pub(super) fn is_tall(&self) -> bool {
        match self {
            Self::Map(entries) => !entries.is_empty(),
            Self::Object(attributes) => !attributes.is_empty(),
            Self::Lines(lines) => !lines.is_empty(),
            _ => false,
        }
    }

    /// On one line; what is tall is the layout's business.
    pub(super) fn inline(&self) -> String {
        match self {
            Self::Text(text) => quoted(text),
            Self::Bool(truth) => truth.to_string(),
            Self::Number(number) => number.to_string(),
            Self::List(items) => format!("[{}]", items.iter().map(Self::inline).collect::<Vec<_>>().join(", ")),
            Self::Map(_) | Self::Object(_) => "{}".to_owned(),
            Self::Lines(_) => "[]".to_owned(),
            Self::Expression(code) => (*code).to_owned(),
        }
    }
}

/// A literal in quotes. Where `$` or `%` stand before a `${` or `%{`, they are written by their number: parsers disagree about `$$${`, and
/// `hcl-edit`, which could write this, takes the first two signs for an escape and leaves a template behind.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    let mut rest = text.chars();
    while let Some(sign) = rest.next() {
        let opens = rest.as_str().trim_start_matches(['$', '%']).starts_with('{');
        match sign {
            '$' | '%' if rest.as_str().starts_with('{') => out.extend([sign, sign]),
            '$' | '%' if opens => number(&mut out, sign),
            '"' | '\\' => out.extend(['\\', sign]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if sign.is_control() => number(&mut out, sign),
            _ => out.push(sign),
        }
    }
    out.push('"');
    out
}

/// A sign by its number; all that come here have four digits at most.
fn number(out: &mut String, sign: char) {
    let _infallible = write!(out, "\\u{:04x}", u32::from(sign));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_back(text: &str) -> hcl::Expression {
        let body: hcl::Body = hcl::from_str(&format!("x = {}\n", quoted(text))).unwrap();
        body.attributes().next().unwrap().expr().clone()
    }

    proptest! {
        #[test]
        fn user_text_stays_text(text in any::<String>()) {
            prop_assert_eq!(read_back(&text), hcl::Expression::String(text));
        }

        #[test]
        fn text_with_the_signs_of_the_language_stays_text(text in r#"[\$%{}"\\\n\r~a-z#/*<-]{0,24}"#) {
            prop_assert_eq!(read_back(&text), hcl::Expression::String(text));
        }
    }

    #[test]
    fn signs_before_a_template_open_none() {
        for (text, written) in [
            ("$${x}", r#""\u0024$${x}""#),
            ("$%{ if true }y", r#""\u0024%%{ if true }y""#),
            ("${$${", r#""$${\u0024$${""#),
            ("%$%{", r#""\u0025\u0024%%{""#),
            ("$%$ 5%", r#""$%$ 5%""#),
        ] {
            assert_eq!(quoted(text), written);
            assert_eq!(read_back(text), hcl::Expression::String(text.to_owned()));
        }
    }

    #[test]
    fn no_escape_is_known_that_breaks_out() {
        insta::assert_snapshot!(quoted("a\" }\nresource \"x\" \"${y}\" %{ if"), @r#""a\" }\nresource \"x\" \"$${y}\" %%{ if""#);
    }
}
