//! Resource provider registrations (contract §1).

use crate::desired::Desired;
use crate::event::{Action, Change, Owner};
use crate::observed::{Observed, Sight};
use crate::plan::{Step, Unit};

/// The id of the unit that registers `namespace`.
pub fn unit_id(namespace: &str) -> String {
    format!("provider:{namespace}")
}

/// Whether a registration state means that the provider can be used (contract §1.2).
#[must_use]
pub fn is_registered(state: &str) -> bool {
    state.eq_ignore_ascii_case("Registered")
}

/// Whether somebody asked for it already.
#[must_use]
pub fn is_registering(state: &str) -> bool {
    state.eq_ignore_ascii_case("Registering")
}

/// One unit per namespace.
pub fn units(desired: &Desired, observed: &Observed, blind: &mut Vec<String>) -> Vec<Unit> {
    let states = match &observed.registrations {
        Sight::Present(states) => Some(states),
        Sight::Absent => None,
        Sight::Unknown(why) => {
            blind.push(format!("resource provider registrations: {why}"));
            None
        }
    };
    let unit = |namespace: &&str| {
        let title = format!("resource provider {namespace}");
        let state = states.and_then(|map| map.get(&namespace.to_ascii_lowercase())).map_or("NotRegistered", String::as_str);
        if is_registered(state) {
            return Unit::unchanged(unit_id(namespace), title, Owner::Rest, "its registration state is Registered");
        }
        let action = if is_registering(state) { Action::Wait } else { Action::Create };
        let step = Step::RegisterProvider { namespace: (*namespace).to_owned() };
        Unit::needing(unit_id(namespace), title, Owner::Rest, action, format!("its registration state is {state}"), step)
            .with_changes(vec![Change::new("registrationState", Some(state), Some("Registered"))])
    };
    desired.providers.iter().map(unit).collect()
}
