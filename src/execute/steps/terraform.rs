//! Applies the plan file that was shown, and turns terraform's events into ours.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use tracing::Span;
use tracing::field::Empty;

use crate::base::{SPANS, span};
use crate::event::{Event, UnitId, UnitStatus};
use crate::execute::engine::{Outcome, Within};
use crate::execute::{Error, Hands};
use crate::terraform::{Action, Message, Watch};

/// Notes in `within` how each resource ended.
pub(super) async fn apply(unit: &UnitId, hands: &Hands, within: &Mutex<Within>) -> Result<Outcome, Error> {
    let spans = Spans::default();
    let hear = |message: Message| {
        spans.hear(&message);
        if let Some((line, status, elapsed)) = tell(unit, &message, hands)
            && let Ok(mut lines) = within.lock()
        {
            lines.insert(line, (status, elapsed));
        }
    };
    let watch = Watch { on: &hear, cancel: &hands.cancel, again: &hands.again };
    let stack = hands.stack()?;
    let summary = stack.terraform.apply(&stack.plan_file, watch).await?;
    Ok(Outcome::proven(format!(
        "terraform applied: {} added, {} changed, {} destroyed",
        summary.add, summary.change, summary.remove
    )))
}

/// The spans of the resources that terraform is at work on, by their addresses.
#[derive(Default)]
struct Spans(Mutex<BTreeMap<String, Span>>);

impl Spans {
    fn hear(&self, message: &Message) {
        let Ok(mut open) = self.0.lock() else { return };
        match message {
            Message::Started { address, action, .. } => {
                let span = tracing::trace_span!(
                    target: SPANS,
                    "unit",
                    otel.name = %format_args!("unit terraform:{address}"),
                    otel.status_code = Empty,
                    otel.status_description = Empty,
                    aksight.unit.id = %format_args!("terraform:{address}"),
                    aksight.unit.action = format!("{action:?}").to_ascii_lowercase().as_str(),
                    aksight.unit.resource = Empty,
                );
                open.insert(address.clone(), span);
            }
            Message::Completed { address, id, .. } => {
                if let Some(span) = open.remove(address) {
                    span.record("aksight.unit.resource", id.as_deref());
                }
            }
            Message::Failed { address, .. } => {
                if let Some(span) = open.remove(address) {
                    span::failed(&span, "terraform failed; the report says why");
                }
            }
            _ => {}
        }
    }
}

/// Emits what a message means; gives back the line that ended, if one did.
fn tell(unit: &UnitId, message: &Message, hands: &Hands) -> Option<(UnitId, UnitStatus, Duration)> {
    let line = |address: &str| UnitId::new(format!("terraform:{address}"));
    let end = |address: &str, status, elapsed, detail: String| {
        hands.events.emit(Event::UnitFinished { unit: line(address), status, detail, elapsed });
        Some((line(address), status, elapsed))
    };
    match message {
        Message::Started { address, .. } => {
            hands.events.emit(Event::UnitStarted { unit: line(address), title: address.clone() });
            None
        }
        Message::Progress { address, .. } => {
            hands.events.progress(&line(address), "terraform is at work");
            None
        }
        Message::Completed { address, action: Action::Delete, elapsed, .. } => {
            end(address, UnitStatus::Done, *elapsed, "it is gone".to_owned())
        }
        Message::Completed { address, id, elapsed, .. } => {
            let name = id.as_deref().and_then(|id| id.rsplit('/').next()).unwrap_or_default();
            end(address, UnitStatus::Done, *elapsed, format!("`{name}` is there"))
        }
        Message::Failed { address, elapsed, .. } if hands.cancel.is_cancelled() => {
            end(address, UnitStatus::Cancelled, *elapsed, "interrupted".to_owned())
        }
        Message::Failed { address, elapsed, .. } => end(address, UnitStatus::Failed, *elapsed, String::new()),
        Message::Interrupting => {
            hands.events.progress(unit, "interrupting terraform; waiting until it has released its state lock");
            None
        }
        Message::StillWaiting { .. } | Message::WaitingAnyway => {
            hands.events.progress(unit, "still waiting for terraform: ending it now would lose its state");
            None
        }
        Message::Diagnostic(found) if !found.is_error() => {
            hands.events.warn(format!("terraform: {}", found.summary));
            None
        }
        _ => None,
    }
}
