//! Applies the plan file that was shown, and turns terraform's events into ours.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use crate::event::{Event, UnitId, UnitStatus};
use crate::execute::engine::Outcome;
use crate::execute::{Error, Hands};
use crate::terraform::{Action, Message, Watch};

type Lines = BTreeMap<UnitId, (UnitStatus, Duration)>;

pub(super) async fn apply(unit: &UnitId, hands: &Hands) -> Result<Outcome, Error> {
    let lines: Mutex<Lines> = Mutex::default();
    let hear = |message: Message| {
        if let Some((line, status, elapsed)) = tell(unit, &message, hands)
            && let Ok(mut lines) = lines.lock()
        {
            lines.insert(line, (status, elapsed));
        }
    };
    let watch = Watch { on: &hear, cancel: &hands.cancel, again: &hands.again };
    let summary = hands.terraform.apply(&hands.plan_file, watch).await?;
    let evidence = format!("terraform applied: {} added, {} changed, {} destroyed", summary.add, summary.change, summary.remove);
    Ok(Outcome { evidence, within: lines.into_inner().unwrap_or_default() })
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
