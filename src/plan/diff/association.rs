//! The association of the cluster with the rule: found by what it points at, never by its name (contract §3.6).

use crate::base::ArmId;
use crate::desired::AssociationWish;
use crate::event::{Action, Change, Owner};
use crate::observed::Association;
use crate::plan::draft::{DCR, DCRA};
use crate::plan::{Step, Unit};

/// The first association, under any name, that leads to `workspace`.
#[must_use]
pub fn leading_to<'a>(associations: &'a [Association], workspace: &ArmId) -> Option<&'a Association> {
    associations.iter().find(|association| association.workspaces().contains(workspace))
}

/// The association's unit. A second association to another workspace is legal but doubles the cost: reported, never replaced.
pub fn unit(wish: &AssociationWish, associations: &[Association], blind: &mut Vec<String>) -> Unit {
    let title = "association of cluster and rule";
    for elsewhere in associations.iter().flat_map(Association::workspaces).filter(|id| *id != wish.workspace) {
        blind.push(format!("the cluster also sends its metrics to `{elsewhere}`; that is legal, is left alone and costs twice"));
    }
    let pointing = associations.iter().find(|one| one.rule_id.as_ref() == Some(&wish.rule) && one.rule.seen().is_some());
    let unit = if let Some(found) = leading_to(associations, &wish.workspace) {
        let why = format!("`{}` leads to workspace `{}`", found.id.name(), wish.workspace.name());
        Unit::unchanged(DCRA, title, Owner::Rest, why)
    } else if let Some(found) = pointing {
        // That the rule leads nowhere is the rule's own difference.
        let why = format!("`{}` points at the rule `{}`", found.id.name(), wish.rule.name());
        Unit::unchanged(DCRA, title, Owner::Rest, why)
    } else {
        let now = associations.iter().find(|one| one.id == wish.id).and_then(|one| one.rule_id.as_ref());
        let why = format!("no association leads to workspace `{}`", wish.workspace.name());
        Unit::needing(DCRA, title, Owner::Rest, Action::Create, why, Step::PutAssociation(wish.clone()))
            .with_changes(vec![Change::new("dataCollectionRuleId", now.map(ArmId::as_str), Some(wish.rule.as_str()))])
    };
    unit.touching(&wish.id).after(DCR, "the association points at the rule")
}
