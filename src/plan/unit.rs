//! A unit of a plan: one line that a person recognises.

use std::time::Duration;

use super::Step;
use crate::base::ArmId;
use crate::event::{Action, Change, Owner, UnitId, UnitLine, UnitStatus};

/// One line of the plan.
#[derive(Clone, Debug)]
pub struct Unit {
    /// Stable name.
    pub id: UnitId,
    /// What a person calls it.
    pub title: String,
    /// Who writes it.
    pub owner: Owner,
    /// What shall be done.
    pub action: Action,
    /// Why: evidence that it is as wished, or the cause of the action.
    pub reason: String,
    /// The differences.
    pub changes: Vec<Change>,
    /// What to carry out; nothing for a line that is carried out within another unit (`within`) or that is unchanged.
    pub step: Option<Step>,
    /// The unit whose step carries this one out: every terraform resource lies within `terraform`.
    pub within: Option<UnitId>,
    /// The resource that the step writes; two steps never write one resource at the same time.
    pub touches: Option<ArmId>,
    /// Units that must have ended before, with the reason.
    pub after: Vec<Edge>,
}

/// "This must run after that", with the reason as its label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The unit that comes first.
    pub unit: UnitId,
    /// Why.
    pub why: &'static str,
}

impl Unit {
    /// A unit that agrees with the world; `evidence` says how that is known.
    pub fn unchanged(id: impl Into<String>, title: impl Into<String>, owner: Owner, evidence: impl Into<String>) -> Self {
        Self {
            id: UnitId::new(id),
            title: title.into(),
            owner,
            action: Action::Unchanged,
            reason: evidence.into(),
            changes: Vec::new(),
            step: None,
            within: None,
            touches: None,
            after: Vec::new(),
        }
    }

    /// A unit that needs `step`, because of `why`.
    pub fn needing(
        id: impl Into<String>,
        title: impl Into<String>,
        owner: Owner,
        action: Action,
        why: impl Into<String>,
        step: Step,
    ) -> Self {
        Self { action, step: Some(step), ..Self::unchanged(id, title, owner, why) }
    }

    /// With differences to show.
    #[must_use]
    pub fn with_changes(mut self, changes: Vec<Change>) -> Self {
        self.changes = changes;
        self
    }

    /// Writing this resource.
    #[must_use]
    pub fn touching(mut self, resource: &ArmId) -> Self {
        self.touches = Some(resource.clone());
        self
    }

    /// After another unit.
    #[must_use]
    pub fn after(mut self, unit: &str, why: &'static str) -> Self {
        self.after.push(Edge { unit: UnitId::new(unit), why });
        self
    }

    /// What is to be done, as a word for a person.
    pub(super) fn action_word(&self) -> String {
        match self.action {
            Action::Unchanged => "unchanged",
            Action::Wait => "awaited",
            Action::Create => "exists",
            Action::Update => "updated",
            Action::Replace => "replaced",
            Action::Delete => "deleted",
        }
        .to_owned()
    }

    /// Whether the unit is a line of its own in counts: terraform's umbrella step is not, its resources are.
    #[must_use]
    pub fn counts(&self) -> bool {
        !matches!(self.step, Some(Step::ApplyTerraform)) && self.id.as_str() != super::draft::TERRAFORM
    }

    /// The unit as a line of a report, before anything is carried out.
    #[must_use]
    pub fn line(&self) -> UnitLine {
        let planned = self.step.is_some() || (self.within.is_some() && self.action != Action::Unchanged);
        UnitLine {
            id: self.id.clone(),
            title: self.title.clone(),
            owner: self.owner,
            action: self.action,
            status: if planned { UnitStatus::Planned } else { UnitStatus::Unchanged },
            needs: self.after.iter().map(|edge| edge.unit.clone()).collect(),
            reason: self.reason.clone(),
            changes: self.changes.clone(),
            elapsed: Duration::ZERO,
        }
    }
}
