//! Notices: one message when something is wrong with a stack, one when it is right again, nothing in between.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::config::{Format, Hook};
use crate::event::{Outcome, Report};

/// A receiver that takes longer is given up.
const WITHIN: Duration = Duration::from_secs(10);
/// How often a message is tried.
const TRIES: u32 = 3;

/// What is wrong with a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    Drift,
    Waiting,
    Unproven,
    Failed,
}

/// A message to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Notice {
    pub(super) stack: String,
    pub(super) resolved: bool,
    pub(super) title: String,
    pub(super) lines: Vec<String>,
}

/// The troubles that were told of and are not over.
#[derive(Debug, Default)]
pub(super) struct Incidents(BTreeMap<String, Trouble>);

impl Incidents {
    /// What a report gives occasion to say. A trouble that is known is not told again; one that changes is.
    pub(super) fn judge(&mut self, stack: &str, report: &Report) -> Option<Notice> {
        let trouble = match report.result {
            Outcome::Changed | Outcome::Unchanged => None,
            Outcome::Drifted | Outcome::Planned => Some(Trouble::Drift),
            Outcome::Waiting | Outcome::Denied => Some(Trouble::Waiting),
            Outcome::Unverified => Some(Trouble::Unproven),
            Outcome::Failed => Some(Trouble::Failed),
            // Nothing is known about the stack then; what was known still holds.
            Outcome::Locked | Outcome::Interrupted => return None,
        };
        let known = self.0.get(stack).copied();
        if trouble == known {
            return None;
        }
        let notice = |resolved, title: String, lines| Some(Notice { stack: stack.to_owned(), resolved, title, lines });
        match trouble {
            None => {
                self.0.remove(stack);
                notice(true, format!("{stack} is as its file says again"), Vec::new())
            }
            Some(trouble) => {
                self.0.insert(stack.to_owned(), trouble);
                let said = match trouble {
                    Trouble::Drift => "is not as its file says",
                    Trouble::Waiting if report.waits_for_rights() => "waits for somebody who has the right",
                    Trouble::Waiting => "has a plan that waits for approval",
                    Trouble::Unproven => "is applied, but data is not proven to arrive",
                    Trouble::Failed => "could not be reconciled",
                };
                notice(false, format!("{stack} {said}"), details(report))
            }
        }
    }

    /// A stack that is no longer kept has no trouble.
    pub(super) fn forget(&mut self, known: &dyn Fn(&str) -> bool) {
        self.0.retain(|stack, _| known(stack));
    }
}

fn details(report: &Report) -> Vec<String> {
    const MOST: usize = 8;
    let drift = report.drift.iter().flat_map(|found| found.items.iter()).filter(|item| item.counts()).map(|item| {
        let shown = |value: &Option<String>| value.as_deref().unwrap_or("nothing").to_owned();
        let by = item.by.as_ref().map(|by| format!(", last written by {by}")).unwrap_or_default();
        format!("{} of {}: {} instead of {}{by}", item.field, item.unit, shown(&item.found), shown(&item.expected))
    });
    let plan = report.drift.iter().filter_map(|found| found.plan.as_ref()).map(|plan| format!("plan {plan}"));
    let problems = report.diagnostics.iter().map(|problem| format!("{}: {}", problem.code, problem.summary));
    let mut lines: Vec<String> = problems.chain(drift).chain(plan).collect();
    if lines.len() > MOST {
        let more = lines.len() - MOST;
        lines.truncate(MOST);
        lines.push(format!("and {more} more"));
    }
    lines
}

/// The body for a receiver.
pub(super) fn body(format: Format, notice: &Notice) -> Value {
    let sign = if notice.resolved { "✅" } else { "⚠️" };
    match format {
        Format::Json => json!({"schema": "aksight.notice/v1", "stack": notice.stack, "resolved": notice.resolved,
            "title": notice.title, "lines": notice.lines}),
        Format::Slack => {
            // Slack's own three signs; nothing else of a name is markup.
            let plain = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            let title = format!("{sign} {}", plain(&notice.title));
            json!({"text": notice.lines.iter().fold(title, |told, line| format!("{told}\n• {}", plain(line)))})
        }
        Format::Teams => {
            let block = |text: &str, weight: &str| json!({"type": "TextBlock", "wrap": true, "weight": weight, "text": text});
            let lines = notice.lines.iter().map(|line| block(line, "Default"));
            let blocks: Vec<Value> = std::iter::once(block(&format!("{sign} {}", notice.title), "Bolder")).chain(lines).collect();
            json!({"type": "message", "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive",
                "content": {"type": "AdaptiveCard", "version": "1.4", "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                    "body": blocks}}]})
        }
    }
}

/// Sends a notice to every receiver; what cannot be delivered is logged and is no reason to stop. An address is never logged: it is
/// the receiver's secret.
pub(super) async fn send(client: reqwest::Client, hooks: Vec<Hook>, notice: Notice) {
    for (number, hook) in hooks.iter().enumerate() {
        let body = body(hook.format, &notice);
        for attempt in 1..=TRIES {
            let sent = client.post(hook.url.expose()).timeout(WITHIN).json(&body).send().await;
            let failed = match sent {
                Ok(answer) if answer.status().is_success() => break,
                Ok(answer) => format!("it answers {}", answer.status()),
                Err(error) => error.without_url().to_string(),
            };
            tracing::warn!(receiver = number + 1, attempt, %failed, "a notice was not delivered");
            tokio::time::sleep(Duration::from_secs(u64::from(attempt))).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::{Code, Diagnostic};

    fn report(result: Outcome) -> Report {
        let mut report = Report::new("reconcile");
        report.result = result;
        if result == Outcome::Failed {
            report.diagnostics.push(Diagnostic::error(Code::AzureForbidden, "a <right> is missing"));
        }
        report
    }

    #[test]
    fn one_message_per_incident_and_one_when_it_is_over() {
        let mut incidents = Incidents::default();
        let mut told = |result| incidents.judge("shop", &report(result)).map(|notice| (notice.resolved, notice.title));
        assert_eq!(told(Outcome::Unchanged), None);
        assert_eq!(told(Outcome::Drifted), Some((false, "shop is not as its file says".into())));
        assert_eq!(told(Outcome::Drifted), None);
        assert_eq!(told(Outcome::Locked), None);
        assert_eq!(told(Outcome::Failed), Some((false, "shop could not be reconciled".into())));
        assert_eq!(told(Outcome::Changed), Some((true, "shop is as its file says again".into())));
        assert_eq!(told(Outcome::Unchanged), None);
    }

    #[test]
    fn every_receiver_gets_its_own_shape() {
        let notice = Incidents::default().judge("shop", &report(Outcome::Failed)).unwrap();
        assert_eq!(body(Format::Json, &notice)["lines"][0], "AKS-0402: a <right> is missing");
        let slack = body(Format::Slack, &notice);
        assert_eq!(slack["text"], "⚠️ shop could not be reconciled\n• AKS-0402: a &lt;right&gt; is missing");
        let teams = body(Format::Teams, &notice);
        assert_eq!(teams["attachments"][0]["content"]["body"][1]["text"], "AKS-0402: a <right> is missing");
    }
}
