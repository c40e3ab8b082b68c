//! Regular expressions as the agents read them: Go's RE2, matched against the whole text (contract §5.4).
//!
//! One invalid expression in any keep-list switches all keep-lists off, so what is written must be valid in both dialects: what
//! Rust accepts and Go refuses is refused here.

use regex::Regex;

use crate::base::re2::{self, Ast};

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
        let tree = re2::parse(text)?;
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
    fn alternatives_are_those_at_the_top() {
        let wide = Pattern::parse("a.*|(b|c)|[|]").unwrap();
        assert!(wide.contains(&Pattern::parse("[|]|a.*").unwrap()));
        assert!(!wide.contains(&Pattern::parse("b").unwrap()));
        assert!(Pattern::parse("x|.*").unwrap().contains(&Pattern::parse("anything").unwrap()));
    }
}
