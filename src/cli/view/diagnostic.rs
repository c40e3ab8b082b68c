//! Diagnostics as text: where, what, the line itself, why, what to do.

use aksight::diag::{Diagnostic, Severity};

use super::{Terminal, Tone};

/// All of them; `source` is the file that they point into, empty when there is none.
pub(crate) fn text(problems: &[Diagnostic], source: &str, terminal: &Terminal) -> String {
    problems.iter().map(|problem| one(problem, source, terminal)).collect()
}

fn one(problem: &Diagnostic, source: &str, terminal: &Terminal) -> String {
    let (word, tone) = match problem.severity {
        Severity::Error => ("error", Tone::Bad),
        Severity::Warning => ("warning", Tone::Change),
    };
    let place = problem.span.as_ref().map(|span| format!("{}:{}:{}: ", span.file, span.line, span.column)).unwrap_or_default();
    let head = terminal.paragraph("", &format!("{place}{word}[{}]: {}", problem.code, problem.summary));
    let mark = format!("{word}[{}]", problem.code);
    let mut told = head.replacen(&mark, &terminal.paint(tone, &mark), 1);
    if let Some(excerpt) = excerpt(problem, source) {
        told.push_str(&excerpt);
    }
    let mut line = |lead: &str, text: &str| told.push_str(&terminal.paragraph(lead, text));
    if let Some(detail) = &problem.detail {
        line("  ", detail);
    }
    if let Some(resource) = &problem.resource {
        line("  on: ", resource);
    }
    for cause in &problem.causes {
        line("  caused by: ", cause);
    }
    if let Some(arm) = &problem.arm {
        let ids = [("correlation id", &arm.correlation_id), ("request id", &arm.request_id)];
        let ids: String = ids.into_iter().filter_map(|(name, id)| Some(format!(", {name} {}", id.as_ref()?))).collect();
        let status = arm.status.map(|status| format!(" ({status})")).unwrap_or_default();
        line("  azure: ", &format!("{}{status}{ids}", if arm.code.is_empty() { "no code" } else { &arm.code }));
    }
    for hint in &problem.hints {
        line("  hint: ", hint);
    }
    told
}

/// The line that a diagnostic points at, with a caret.
fn excerpt(problem: &Diagnostic, source: &str) -> Option<String> {
    let span = problem.span.as_ref()?;
    let line = source.lines().nth(span.line.checked_sub(1)?)?;
    let carets = "^".repeat(span.len.clamp(1, line.chars().count().max(1)));
    Some(format!("  | {line}\n  | {}{carets}\n", " ".repeat(span.column.saturating_sub(1))))
}

#[cfg(test)]
mod tests {
    use aksight::diag::{ArmFault, Code, Span};

    use super::super::sample::NARROW;
    use super::*;

    #[test]
    fn everything_that_is_known_is_told() {
        let problem =
            Diagnostic::error(Code::AzureForbidden, "the signed-in principal may not assign the role `Monitoring Reader`")
                .at(Span { file: "aksight.yaml".into(), line: 2, column: 3, len: 4 })
                .caused_by("Azure refused the request")
                .hint("ask an owner of the subscription")
                .about("role:grafana-reads-workspace")
                .with_arm(ArmFault {
                    code: "AuthorizationFailed".into(),
                    status: Some(403),
                    correlation_id: Some("c-1".into()),
                    request_id: None,
                });
        insta::assert_snapshot!(text(&[problem], "a: 1\nb: name\n", &NARROW), @r"
        aksight.yaml:2:3: error[AKS-0402]: the signed-in principal
        may not assign the role `Monitoring Reader`
          | b: name
          |   ^^^^
          on: role:grafana-reads-workspace
          caused by: Azure refused the request
          azure: AuthorizationFailed (403), correlation id c-1
          hint: ask an owner of the subscription
        ");
    }
}
