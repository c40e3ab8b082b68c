//! What the schema cannot say: Azure's and Kubernetes' rules about names, ranges, versions and combinations.
//!
//! Every check looks at the whole file and reports at pointers; none stops another. A rule is here when it can be decided
//! without asking Azure, and when Azure would be the one to complain otherwise, late.

mod azure;
mod cluster;
mod grafana;
mod monitoring;
mod names;
mod network;
pub(super) mod provider;
mod regions;
mod running;
mod secrets;
pub(super) mod targets;

use super::file::Stack;
use super::source::{Source, dotted};
use crate::diag::{Code, Diagnostic};

/// Runs every check.
pub(super) fn all(stack: &Stack, source: &Source) -> Vec<(String, Diagnostic)> {
    let mut report = Report { source, found: Vec::new() };
    azure::check(stack, &mut report);
    cluster::check(stack, &mut report);
    network::check(stack, &mut report);
    monitoring::check(stack, &mut report);
    grafana::check(stack, &mut report);
    running::check(stack, &mut report);
    secrets::check(stack, &mut report);
    report.found
}

/// Collects what is found, with pointers.
struct Report<'a> {
    source: &'a Source,
    found: Vec<(String, Diagnostic)>,
}

impl Report<'_> {
    /// An error about the value at `pointer`; `what` goes on after the field's name: `must be …`.
    fn error(&mut self, pointer: &str, code: Code, what: &str) {
        self.push(pointer, Diagnostic::error(code, format!("`{}` {what}", dotted(pointer))));
    }

    /// The same with a remedy.
    fn error_hint(&mut self, pointer: &str, code: Code, what: &str, hint: &str) {
        self.push(pointer, Diagnostic::error(code, format!("`{}` {what}", dotted(pointer))).hint(hint));
    }

    fn warning(&mut self, pointer: &str, code: Code, what: &str, hint: &str) {
        self.push(pointer, Diagnostic::warning(code, format!("`{}` {what}", dotted(pointer))).hint(hint));
    }

    fn push(&mut self, pointer: &str, told: Diagnostic) {
        self.found.push((pointer.to_owned(), told.at(self.source.span(pointer))));
    }

    /// Whether the file itself writes this field.
    fn writes(&self, pointer: &str) -> bool {
        self.source.writes(pointer)
    }
}

/// A short, printable form of a value for a message.
fn shown(text: &str) -> String {
    let short: String = text.chars().take(60).collect();
    let dots = if short.len() < text.len() { "…" } else { "" };
    format!("`{}{dots}`", short.escape_debug())
}
