//! Diagnostics as text: where, what, the line itself, what to do.

use std::io::Write as _;

use aksight::diag::{Diagnostic, Severity};

/// Writes diagnostics to standard error; `text` is the file they point into, empty when there is none.
pub(super) fn tell(problems: &[Diagnostic], text: &str) -> std::io::Result<()> {
    let mut out = anstream::stderr();
    for problem in problems {
        let word = match problem.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        if let Some(span) = &problem.span {
            write!(out, "{}:{}:{}: ", span.file, span.line, span.column)?;
        }
        writeln!(out, "{word}[{}]: {}", problem.code.as_str(), problem.summary)?;
        if let Some((line, span)) =
            problem.span.as_ref().and_then(|span| Some((text.lines().nth(span.line.checked_sub(1)?)?, span)))
        {
            writeln!(out, "  | {line}\n  | {}^", " ".repeat(span.column.saturating_sub(1)))?;
        }
        if let Some(line) = &problem.detail {
            writeln!(out, "  {line}")?;
        }
        for cause in &problem.causes {
            writeln!(out, "  caused by: {cause}")?;
        }
        for hint in &problem.hints {
            writeln!(out, "  hint: {hint}")?;
        }
    }
    Ok(())
}
