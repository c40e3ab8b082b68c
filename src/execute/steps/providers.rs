//! Registers resource providers and waits: registration is asynchronous and nobody else waits (contract §1).

use std::time::Duration;

use crate::azure::ResourceManager as _;
use crate::base::ArmId;
use crate::event::UnitId;
use crate::execute::engine::Outcome;
use crate::execute::retry::patiently;
use crate::execute::{Error, Hands};
use crate::plan::diff::providers::{is_registered, is_registering};
use crate::plan::rights::Right;

/// Contract §1.2: poll every 10 s, give up after 15 minutes.
const POLL: Duration = Duration::from_secs(10);
const POLLS: u32 = 90;

pub(super) async fn register(unit: &UnitId, namespace: &str, hands: &Hands) -> Result<Outcome, Error> {
    let manager = hands.azure.resource_manager(&hands.subscription)?;
    let mut state = patiently(hands, unit, false, || async { Ok(manager.provider_state(namespace).await?) }).await?;
    if !is_registered(&state) && !is_registering(&state) {
        let asked = patiently(hands, unit, false, || async {
            let answer = manager.register(namespace).await;
            answer.map_err(|error| {
                Error::of_act(Right::to_register(namespace, &ArmId::of_subscription(&hands.subscription)), error)
            })
        });
        match asked.await {
            Ok(_) => {}
            // Somebody who may do it may have done it in the meantime.
            Err(error) if error.is_withheld() => {
                state = manager.provider_state(namespace).await?;
                if !is_registered(&state) && !is_registering(&state) {
                    return Err(error);
                }
            }
            Err(error) => return Err(error),
        }
    }
    for _ in 0..POLLS {
        if is_registered(&state) {
            return Ok(Outcome::proven("its registration state is Registered"));
        }
        hands.events.progress(unit, format!("registration state {state}"));
        hands.pause(POLL).await?;
        state = patiently(hands, unit, false, || async { Ok(manager.provider_state(namespace).await?) }).await?;
    }
    Err(Error::Patience { what: format!("registration of `{namespace}`"), minutes: 15, last: state })
}
