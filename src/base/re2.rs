//! Regular expressions in the dialect of Go (RE2), which the metrics agents and Prometheus read (contract §5.4).
//!
//! The parser is Rust's, whose dialect is nearly the same; what it accepts and Go refuses is refused here.

use regex_syntax::ast::{self, AssertionKind, Flag, FlagsItemKind, RepetitionKind, RepetitionRange};

pub use regex_syntax::ast::Ast;

/// The largest count that Go accepts in `{n,m}`.
const MOST_REPEATS: u32 = 1000;

/// The tree of a legal expression.
///
/// # Errors
/// One line that says what is wrong.
pub fn parse(text: &str) -> Result<Ast, String> {
    let tree = ast::parse::Parser::new().parse(text).map_err(|error| error.kind().to_string())?;
    ast::visit(&tree, Dialect)?;
    Ok(tree)
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
    fn what_go_refuses_is_refused() {
        for bad in ["(", "(?=a)", "a{1001}", "(?x)a", "[a&&b]", "[a[b]]", "\\u0041", "\\<a", "(?u:a)", "\\1"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        for good in ["", "a|b", "(?i)a", "\\x{41}", "[[:alpha:]_]+", "a{0,1000}", "\\bx\\b", "(?P<n>a)"] {
            assert!(parse(good).is_ok(), "{good}");
        }
    }
}
