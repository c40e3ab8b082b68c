//! Regular expressions as the agents read them: Go's RE2, matched against the whole text (contract §5.4).
//!
//! One invalid expression in any keep-list switches all keep-lists off, so what is written must be valid in both dialects: what
//! Rust accepts and Go refuses is refused here.

use regex::Regex;
use regex_syntax::ast::{self, AssertionKind, Ast, Flag, FlagsItemKind, RepetitionKind, RepetitionRange};

/// The largest count that Go accepts in `{n,m}`.
const MOST_REPEATS: u32 = 1000;

/// A checked expression.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    text: String,
    alternatives: Vec<String>,
    whole: Regex,
}

impl Pattern {
    /// Checks `text`.
    ///
    /// # Errors
    /// One line that says what is wrong.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let tree = ast::parse::Parser::new().parse(text).map_err(|error| error.kind().to_string())?;
        ast::visit(&tree, Dialect)?;
        let whole = Regex::new(&format!("^(?:{text})$")).map_err(|error| one_line(&error))?;
        Ok(Self { alternatives: alternatives(text, &tree), text: text.to_owned(), whole })
    }

    pub(super) fn matches(&self, whole: &str) -> bool {
        self.whole.is_match(whole)
    }

    /// Whether every alternative of `other` stands among the alternatives here, or one of these lets everything through.
    pub(super) fn contains(&self, other: &Self) -> bool {
        let any = |wanted: &str| self.alternatives.iter().any(|mine| mine == wanted);
        any(".*") || any(".+") || other.alternatives.iter().all(|wanted| any(wanted))
    }

    /// `self|other`.
    ///
    /// # Errors
    /// When the union is too large to compile.
    pub(super) fn or(&self, other: &Self) -> Result<Self, String> {
        Self::parse(&format!("{}|{}", self.text, other.text))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }
}

fn one_line(error: &regex::Error) -> String {
    error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

fn alternatives(text: &str, tree: &Ast) -> Vec<String> {
    match tree {
        Ast::Alternation(all) => {
            all.asts.iter().map(|one| text[one.span().start.offset..one.span().end.offset].to_owned()).collect()
        }
        _ => vec![text.to_owned()],
    }
}

/// Refuses what Rust's dialect has beyond RE2.
struct Dialect;

impl ast::Visitor for Dialect {
    type Output = ();
    type Err = String;

    fn finish(self) -> Result<(), String> {
        Ok(())
    }

    fn visit_pre(&mut self, tree: &Ast) -> Result<(), String> {
        match tree {
            Ast::Flags(set) => flags(&set.flags),
            Ast::Group(group) => group.flags().map_or(Ok(()), flags),
            Ast::Repetition(repetition) => match &repetition.op.kind {
                RepetitionKind::Range(range) => counts(range),
                _ => Ok(()),
            },
            Ast::Assertion(assertion) => match assertion.kind {
                AssertionKind::StartLine
                | AssertionKind::EndLine
                | AssertionKind::StartText
                | AssertionKind::EndText
                | AssertionKind::WordBoundary
                | AssertionKind::NotWordBoundary => Ok(()),
                _ => Err("RE2 does not know this word boundary".to_owned()),
            },
            Ast::Literal(literal) => literal_spelling(literal),
            _ => Ok(()),
        }
    }

    fn visit_class_set_item_pre(&mut self, item: &ast::ClassSetItem) -> Result<(), String> {
        match item {
            ast::ClassSetItem::Bracketed(_) => Err("RE2 does not know a class within a class".to_owned()),
            ast::ClassSetItem::Literal(literal) => literal_spelling(literal),
            _ => Ok(()),
        }
    }

    fn visit_class_set_binary_op_pre(&mut self, _: &ast::ClassSetBinaryOp) -> Result<(), String> {
        Err("RE2 does not know operations between classes".to_owned())
    }
}

fn literal_spelling(literal: &ast::Literal) -> Result<(), String> {
    match literal.kind {
        ast::LiteralKind::HexFixed(ast::HexLiteralKind::UnicodeShort | ast::HexLiteralKind::UnicodeLong)
        | ast::LiteralKind::HexBrace(ast::HexLiteralKind::UnicodeShort | ast::HexLiteralKind::UnicodeLong) => {
            Err("RE2 writes a code point as `\\x{…}`".to_owned())
        }
        _ => Ok(()),
    }
}

fn flags(flags: &ast::Flags) -> Result<(), String> {
    let foreign = flags.items.iter().any(|item| {
        matches!(&item.kind, FlagsItemKind::Flag(flag)
            if !matches!(flag, Flag::CaseInsensitive | Flag::MultiLine | Flag::DotMatchesNewLine | Flag::SwapGreed))
    });
    if foreign { Err("RE2 knows the flags `i`, `m`, `s` and `U` only".to_owned()) } else { Ok(()) }
}

fn counts(range: &RepetitionRange) -> Result<(), String> {
    let (RepetitionRange::Exactly(most) | RepetitionRange::AtLeast(most) | RepetitionRange::Bounded(_, most)) = *range;
    if most > MOST_REPEATS { Err(format!("RE2 repeats at most {MOST_REPEATS} times")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matching_is_anchored() {
        let pattern = Pattern::parse("hubble.*|up").unwrap();
        assert!(pattern.matches("hubble_drop_total") && pattern.matches("up"));
        assert!(!pattern.matches("x_hubble") && !pattern.matches("upper"));
    }

    #[test]
    fn what_go_refuses_is_refused() {
        for bad in ["(", "(?=a)", "a{1001}", "(?x)a", "[a&&b]", "[a[b]]", "\\u0041", "\\<a", "(?u:a)", "\\1"] {
            assert!(Pattern::parse(bad).is_err(), "{bad}");
        }
        for good in ["", "a|b", "(?i)a", "\\x{41}", "[[:alpha:]_]+", "a{0,1000}", "\\bx\\b", "(?P<n>a)"] {
            assert!(Pattern::parse(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn alternatives_are_those_at_the_top() {
        let wide = Pattern::parse("a.*|(b|c)|[|]").unwrap();
        assert!(wide.contains(&Pattern::parse("[|]|a.*").unwrap()));
        assert!(!wide.contains(&Pattern::parse("b").unwrap()));
        assert!(Pattern::parse("x|.*").unwrap().contains(&Pattern::parse("anything").unwrap()));
    }
}
