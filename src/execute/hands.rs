//! The hands that steps work with.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::Error;
use crate::azure::{Accepted, Azure, Operation, Progress, Write};
use crate::base::{ArmId, ArmObject, Clock, Kind, clock::Timestamp};
use crate::event::{Stream, UnitId};
use crate::journal::{IntentId, Journal, RunId};
use crate::kube::Door;
use crate::terraform::Workdir;

/// How long a long-running operation may take: an AKS update has been seen to take 45 minutes (contract §3.9).
const OPERATION_BOUND: Duration = Duration::from_hours(1);

/// Everything a step may touch. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Hands {
    /// Azure.
    pub azure: Azure,
    /// What belongs to a stack; nothing when somebody else's acts are done, who keeps the stack.
    pub stack: Option<StackHands>,
    /// The step that these hands work for; set by the engine.
    pub intent: Option<IntentId>,
    /// The subscription's GUID.
    pub subscription: String,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Where events go.
    pub events: Stream,
    /// The user wants to stop.
    pub cancel: CancellationToken,
    /// The user wants to stop and says so again.
    pub again: CancellationToken,
}

/// What steps touch that only the keeper of a stack has.
#[derive(Clone, Debug)]
pub struct StackHands {
    /// Terraform's directory.
    pub terraform: Workdir,
    /// The plan file that was shown.
    pub plan_file: PathBuf,
    /// The way into the cluster.
    pub door: Door,
    /// The stack's journal.
    pub journal: Journal,
    /// This run in the journal.
    pub run: RunId,
}

impl StackHands {
    /// Keeps a value under a name in the journal.
    pub(super) async fn put_output(&self, name: &str, value: &serde_json::Value, now: Timestamp) -> Result<(), Error> {
        Ok(self.journal.put_output(&self.run, name, value, now).await?)
    }
}

impl Hands {
    /// What belongs to the stack.
    pub(super) fn stack(&self) -> Result<&StackHands, Error> {
        self.stack.as_ref().ok_or_else(|| Error::Moved("only who keeps the stack can do this".to_owned()))
    }

    /// Reads a resource that must be there.
    pub(super) async fn need(&self, id: &ArmId, kind: Kind) -> Result<ArmObject, Error> {
        self.azure.get(id, kind).await?.ok_or_else(|| Error::Gone { resource: id.clone() })
    }

    /// Writes a resource and waits for the operation to end, its poll URL in the journal before the first poll.
    pub(super) async fn write(&self, unit: &UnitId, write: Write) -> Result<(), Error> {
        let operation = match self.azure.write(write).await? {
            Accepted::Done(_) => return Ok(()),
            Accepted::Running(operation) => operation,
        };
        let entry = match (&self.stack, self.intent) {
            (Some(stack), Some(intent)) => {
                Some((&stack.journal, stack.journal.accept(intent, &json!(operation), self.clock.now()).await?))
            }
            _ => None,
        };
        let progress = |_: &Operation, progress: &Progress| {
            if let Progress::Running { state, .. } = progress {
                self.events.progress(unit, format!("Azure says {state}"));
            }
        };
        let ended = self.azure.await_operation(operation, OPERATION_BOUND, &self.cancel, progress).await;
        if let Some((journal, entry)) = entry {
            journal.clear(entry, self.clock.now()).await?;
        }
        ended?;
        Ok(())
    }

    /// Waits on the clock, unless the user wants to stop.
    pub(super) async fn pause(&self, time: Duration) -> Result<(), Error> {
        tokio::select! {
            () = self.cancel.cancelled() => Err(Error::Cancelled),
            () = self.clock.sleep(time) => Ok(()),
        }
    }
}
