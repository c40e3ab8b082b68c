//! The replace guard: nothing is destroyed that nobody named.

use super::{Plan, Unit};
use crate::event::Action;

/// Something that a plan would destroy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destruction {
    /// The address to name with `--allow-destroy`.
    pub address: String,
    /// Delete or replace.
    pub action: Action,
    /// Why the plan would do it.
    pub reason: String,
}

/// Every unit that the plan would delete or replace; terraform's own step is judged by its resources.
#[must_use]
pub fn destructions<S>(plan: &Plan<S>) -> Vec<Destruction> {
    plan.units.iter().filter(|unit| unit.counts() && unit.action.is_destructive()).map(destruction).collect()
}

fn destruction(unit: &Unit) -> Destruction {
    let id = unit.id.as_str();
    let address = id.strip_prefix("terraform:").unwrap_or(id);
    Destruction { address: address.to_owned(), action: unit.action, reason: unit.reason.clone() }
}
