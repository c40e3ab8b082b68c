//! The hands that steps work with.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::Error;
use crate::azure::{Accepted, Azure, Operation, Progress, Write};
use crate::base::{ArmId, ArmObject, Clock, Kind};
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

impl Hands {
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
        let entry = match self.intent {
            Some(intent) => Some(self.journal.accept(intent, &json!(operation), self.clock.now()).await?),
            None => None,
        };
        let progress = |_: &Operation, progress: &Progress| {
            if let Progress::Running { state, .. } = progress {
                self.events.progress(unit, format!("Azure says {state}"));
            }
        };
        let ended = self.azure.await_operation(operation, OPERATION_BOUND, &self.cancel, progress).await;
        if let Some(entry) = entry {
            self.journal.clear(entry, self.clock.now()).await?;
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
