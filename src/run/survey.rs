//! One look at everything: Azure, the cluster and terraform's own plan, side by side.

use super::prepare;
use super::setup::Outside;
use super::stop::Stop;
use crate::base::Kind;
use crate::desired::Desired;
use crate::event::{Event, Phase};
use crate::observed::tfplan::TerraformView;
use crate::observed::{Observed, Sight};
use crate::terraform::{Message, Watch};
use crate::{azure, observe};

/// Looks at the world. Terraform's opinion is indispensable, everything else may be partly unknown.
///
/// # Errors
/// The subscription cannot be seen, terraform cannot plan, or the user wants to stop.
pub(super) async fn survey(outside: &Outside, desired: &Desired) -> Result<Observed, Stop> {
    outside.setup().events.emit(Event::Phase { phase: Phase::Observe });
    let (seen, view) = tokio::join!(without_terraform(outside, desired), plan_terraform(outside));
    let mut observed = seen?;
    observed.terraform = Sight::Present(view?);
    Ok(observed)
}

/// Looks at Azure and the cluster alone.
///
/// # Errors
/// The subscription cannot be seen, or the user wants to stop.
pub(super) async fn without_terraform(outside: &Outside, desired: &Desired) -> Result<Observed, Stop> {
    let setup = outside.setup();
    let now = setup.clock.now();
    let look = observe::look(desired, &outside.azure, &outside.door, now);
    tokio::select! {
        () = setup.cancel.cancelled() => Err(Stop::interrupted()),
        (door, seen, ()) = async { tokio::join!(door_opens(outside, desired), look, proof_ahead(outside, desired)) } => {
            door?;
            Ok(seen)
        }
    }
}

/// Signs in for the proof while the world is read.
async fn proof_ahead(outside: &Outside, desired: &Desired) {
    if desired.verification.enabled {
        outside.azure.warm_up_data_planes().await;
    }
}

/// Whether the subscription can be seen at all: every other absence would look like something to create.
async fn door_opens(outside: &Outside, desired: &Desired) -> Result<(), azure::Error> {
    match outside.azure.get(&desired.subscription, Kind::Subscription).await? {
        Some(_) => Ok(()),
        None => Err(azure::Error::ReadAnswer {
            method: "GET",
            target: desired.subscription.to_string(),
            reason: "the subscription is not there".to_owned(),
        }),
    }
}

async fn plan_terraform(outside: &Outside) -> Result<TerraformView, Stop> {
    let setup = outside.setup();
    prepare::init(outside).await?;
    let hear = |message: Message| {
        if let Message::Diagnostic(found) = message
            && !found.is_error()
        {
            setup.events.warn(format!("terraform: {}", found.summary));
        }
    };
    let watch = || Watch { on: &hear, cancel: &setup.cancel, again: &setup.again };
    match observe::terraform(&outside.terraform, &outside.plan_file, watch()).await {
        Ok(view) => Ok(view),
        Err(error) => {
            prepare::mend(outside, error).await?;
            Ok(observe::terraform(&outside.terraform, &outside.plan_file, watch()).await?)
        }
    }
}
