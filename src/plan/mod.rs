//! Floor 4: the difference between wish and world, as a value.
//!
//! [`draft()`] compares; a policy review makes the draft [`Checked`]; the replace guard and a person or a flag make it
//! [`Approved`]; only an approved plan can be executed, and the types say so.

mod canonical;
pub mod diff;
mod document;
pub mod draft;
mod drift;
mod graph;
mod guard;
pub mod preflight;
mod redact;
pub mod rights;
mod step;
mod teardown;
mod unit;

use std::marker::PhantomData;

use crate::base::clock::Timestamp;
use crate::event::{Action, Finding, FindingLevel, PlanSummary, UnitId, UnitLine};

pub use canonical::{Leaf, beyond, canonical, leaves, moved};
pub use document::document;
pub use draft::{Undrawable, draft};
pub use drift::{drift, settings_map};
pub use graph::{Cycle, Order};
pub use guard::{Destruction, destructions};
pub use redact::secrets;
pub use step::{PrincipalRef, Step};
pub use teardown::{Foreign, WITH_DATA, foreign, teardown, without_metrics};
pub use unit::{Edge, Unit};

/// A plan that was drawn and not yet judged.
#[derive(Clone, Copy, Debug)]
pub enum Draft {}
/// A plan that the policies have seen.
#[derive(Clone, Copy, Debug)]
pub enum Checked {}
/// A plan that may be carried out.
#[derive(Clone, Copy, Debug)]
pub enum Approved {}

/// What shall be done, in order, with reasons. `S` says how far it has come: [`Draft`], [`Checked`] or [`Approved`].
#[derive(Clone, Debug)]
pub struct Plan<S> {
    /// The stack's name.
    pub stack: String,
    /// When the world was looked at.
    pub seen_at: Timestamp,
    /// Every unit, unchanged ones included, in the order of the graph.
    pub units: Vec<Unit>,
    /// What could not be judged, and why.
    pub blind_spots: Vec<String>,
    /// What the policies said.
    pub findings: Vec<Finding>,
    stage: PhantomData<S>,
}

/// Why a checked plan was not approved.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// A policy denies it.
    #[error("{} denied this plan", counted(.0.len(), "policy rule"))]
    Denied(Vec<Finding>),
    /// It would destroy something that nobody named.
    #[error("this plan would destroy {}", .0.iter().map(|d| format!("`{}`", d.address)).collect::<Vec<_>>().join(", "))]
    Destructive(Vec<Destruction>),
}

fn counted(count: usize, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}

impl<S> Plan<S> {
    /// Counts by action, with the findings. Units that only carry others (terraform's own step) are not counted.
    #[must_use]
    pub fn summary(&self) -> PlanSummary {
        let mut summary =
            PlanSummary { findings: self.findings.clone(), blind_spots: self.blind_spots.clone(), ..PlanSummary::default() };
        self.units.iter().filter(|unit| unit.counts()).for_each(|unit| summary.count(unit.action));
        summary
    }

    /// Whether carrying it out would write or wait for anything.
    #[must_use]
    pub fn has_work(&self) -> bool {
        self.units.iter().any(|unit| unit.action != Action::Unchanged)
    }

    /// Every unit as a line of a report, before anything is carried out. Units that only carry others have none.
    #[must_use]
    pub fn lines(&self) -> Vec<UnitLine> {
        self.units.iter().filter(|unit| unit.counts()).map(Unit::line).collect()
    }

    /// The unit with this id.
    #[must_use]
    pub fn unit(&self, id: &UnitId) -> Option<&Unit> {
        self.units.iter().find(|unit| unit.id == *id)
    }

    fn at_stage<T>(self) -> Plan<T> {
        Plan {
            stack: self.stack,
            seen_at: self.seen_at,
            units: self.units,
            blind_spots: self.blind_spots,
            findings: self.findings,
            stage: PhantomData,
        }
    }
}

impl Plan<Draft> {
    /// Records what the policies said about this plan.
    #[must_use]
    pub fn checked(self, findings: Vec<Finding>) -> Plan<Checked> {
        Plan { findings, ..self }.at_stage()
    }
}

impl Plan<Checked> {
    /// Lets the plan through the guard. `allowed` are terraform addresses or unit ids that may be destroyed.
    ///
    /// # Errors
    /// [`Refusal`] when a policy denies it or when it would destroy something that `allowed` does not name.
    pub fn approve(self, allowed: &[String]) -> Result<Plan<Approved>, Box<Refusal>> {
        let denials: Vec<Finding> = self.findings.iter().filter(|f| f.level == FindingLevel::Deny).cloned().collect();
        let unnamed: Vec<Destruction> = destructions(&self).into_iter().filter(|d| !allowed.contains(&d.address)).collect();
        if !unnamed.is_empty() {
            return Err(Box::new(Refusal::Destructive(unnamed)));
        }
        if !denials.is_empty() {
            return Err(Box::new(Refusal::Denied(denials)));
        }
        Ok(self.at_stage())
    }
}
