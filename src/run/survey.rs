//! One look at everything: Azure, the cluster and terraform's own plan, side by side.

use tokio_util::sync::CancellationToken;

use super::prepare;
use super::setup::Outside;
use super::stop::Stop;
use crate::base::Kind;
use crate::desired::Desired;
use crate::event::{Event, Phase};
use crate::observe::Known;
use crate::observed::tfplan::TerraformView;
use crate::observed::{Observed, Sight};
use crate::terraform::{Message, Watch};
use crate::verify::{self, Proof, Questions};
use crate::{azure, observe};

/// What follows a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The proof, if nothing is to be done: its questions are asked while terraform still plans.
    Proof,
    /// The proof after more work: it is signed in for it.
    Work,
    /// Nothing.
    Nothing,
}

/// Signs in and looks at the world. Terraform's opinion is indispensable, everything else may be partly unknown.
///
/// Terraform takes longest, so it starts at once and not after the sign-in, unless it must install its providers first, for which
/// nobody should wait whose secret is wrong. When nothing can be seen without it, it is interrupted and its end awaited.
///
/// # Errors
/// The sign-in fails, the subscription cannot be seen, terraform cannot plan, or the user wants to stop.
pub(super) async fn survey(outside: &Outside, desired: &Desired, next: Next) -> Result<(Observed, Option<Proof>), Stop> {
    outside.setup().events.emit(Event::Phase { phase: Phase::Observe });
    let halt = outside.setup().cancel.child_token();
    if outside.terraform.needs_init() {
        outside.azure.warm_up().await?;
    }
    let look = async {
        outside.azure.warm_up().await?;
        let observed = without_terraform(outside, desired, &Known::default(), next).await?;
        let proof = if next == Next::Proof { Some(verify::ask(&questions(outside, desired, &observed)).await) } else { None };
        Ok::<_, Stop>((observed, proof))
    };
    let seen = async { Box::pin(look).await.inspect_err(|_| halt.cancel()) };
    let (seen, view) = tokio::join!(seen, plan_terraform(outside, &halt));
    let (mut observed, proof) = seen?;
    observed.terraform = Sight::Present(view?);
    Ok((observed, proof))
}

/// Looks at Azure and the cluster alone, signed in already.
///
/// # Errors
/// The subscription cannot be seen, or the user wants to stop.
pub(super) async fn without_terraform(outside: &Outside, desired: &Desired, known: &Known, next: Next) -> Result<Observed, Stop> {
    let setup = outside.setup();
    let look = Box::pin(observe::look(desired, &outside.azure, &outside.door, known, setup.clock.now()));
    let sign_in = async {
        if next != Next::Nothing && desired.verification.enabled {
            outside.azure.warm_up_data_planes().await;
        }
    };
    let observed = tokio::select! {
        () = setup.cancel.cancelled() => return Err(Stop::interrupted()),
        (observed, ()) = async { tokio::join!(look, sign_in) } => observed,
    };
    // What tells the registrations tells that the subscription can be seen, too.
    if observed.registrations.seen().is_none() {
        subscription_is_there(outside, desired).await?;
    }
    Ok(observed)
}

/// What the proof asks, about the world as it was seen.
pub(super) fn questions<'a>(outside: &'a Outside, desired: &'a Desired, observed: &'a Observed) -> Questions<'a> {
    let setup = outside.setup();
    Questions {
        desired,
        observed,
        azure: &outside.azure,
        door: &outside.door,
        clock: setup.clock.clone(),
        events: setup.events.clone(),
        cancel: setup.cancel.clone(),
    }
}

/// Whether the subscription can be seen at all: every other absence would look like something to create.
async fn subscription_is_there(outside: &Outside, desired: &Desired) -> Result<(), azure::Error> {
    match outside.azure.get(&desired.subscription, Kind::Subscription).await? {
        Some(_) => Ok(()),
        None => Err(azure::Error::ReadAnswer {
            method: "GET",
            target: desired.subscription.to_string(),
            reason: "the subscription is not there".to_owned(),
        }),
    }
}

async fn plan_terraform(outside: &Outside, cancel: &CancellationToken) -> Result<TerraformView, Stop> {
    let setup = outside.setup();
    prepare::init(outside).await?;
    let hear = |message: Message| {
        if let Message::Diagnostic(found) = message
            && !found.is_error()
        {
            setup.events.warn(format!("terraform: {}", found.summary));
        }
    };
    let watch = || Watch { on: &hear, cancel, again: &setup.again };
    match observe::terraform(&outside.terraform, &outside.plan_file, watch()).await {
        Ok(view) => Ok(view),
        Err(error) => {
            prepare::mend(outside, error).await?;
            Ok(observe::terraform(&outside.terraform, &outside.plan_file, watch()).await?)
        }
    }
}
