//! What a signed-in principal has in a subscription.

use super::{Scope, Sight};
use crate::base::ArmId;
use crate::base::role::General;

/// A subscription as ARM describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Its display name.
    pub name: String,
    /// `Enabled`, `Warned`, `PastDue`, `Disabled` or `Deleted`: only the first is written to without trouble.
    pub state: String,
}

/// A role that was assigned to the principal itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldRole {
    /// The definition's GUID.
    pub guid: String,
    /// Its display name; the GUID when nobody could tell.
    pub name: String,
    /// Where it holds.
    pub scope: Scope,
}

/// A look at the account in a subscription.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// The subscription.
    pub subscription: Sight<Subscription>,
    /// The roles of the principal itself, in the subscription, above and below; those of its groups are not among them (contract §4.4).
    pub roles: Sight<Vec<HeldRole>>,
}

/// What the roles allow in the subscription, in a sentence.
#[must_use]
pub fn may(roles: &[HeldRole], subscription: &ArmId) -> String {
    let here: Vec<&HeldRole> = roles.iter().filter(|role| role.scope.reaches(subscription)).collect();
    let has = |wanted: &[General]| here.iter().filter_map(|role| General::of(&role.guid)).any(|role| wanted.contains(&role));
    let assigns = has(&[General::UserAccessAdministrator, General::RbacAdministrator]);
    let sentence = match (has(&[General::Owner]), has(&[General::Contributor]), assigns, has(&[General::Reader])) {
        (true, ..) => "everything, and assign roles",
        (_, true, true, _) => "manage all resources, and assign roles",
        (_, true, false, _) => "manage all resources, but not assign roles: role assignments of a plan wait for somebody who may",
        (_, _, true, _) => "assign roles and read, but not manage resources by its general roles",
        (_, _, _, true) => "read only",
        _ if here.is_empty() && roles.is_empty() => "nothing by roles of its own; groups may give it some",
        _ if here.is_empty() => "only what its roles below the subscription allow",
        _ => "what the roles below allow, none of which is a general one",
    };
    sentence.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(guid: &str, scope: &str) -> HeldRole {
        HeldRole { guid: guid.to_owned(), name: guid.to_owned(), scope: Scope::read(scope).unwrap() }
    }

    #[test]
    fn roles_become_a_sentence() {
        let subscription = ArmId::of_subscription("s");
        let at = |general: General, scope: &str| role(general.row().0, scope);
        let (here, above, below) = ("/subscriptions/S", "/", "/subscriptions/s/resourceGroups/rg");
        let rows = [
            (vec![], "nothing by roles of its own; groups may give it some"),
            (vec![at(General::Owner, above)], "everything, and assign roles"),
            (vec![at(General::Owner, below)], "only what its roles below the subscription allow"),
            (
                vec![at(General::Contributor, here)],
                "manage all resources, but not assign roles: role assignments of a plan wait for somebody who may",
            ),
            (
                vec![at(General::Contributor, here), at(General::RbacAdministrator, above)],
                "manage all resources, and assign roles",
            ),
            (vec![at(General::Reader, here), at(General::Contributor, below)], "read only"),
            (
                vec![role("22926164-76b3-42b3-bc55-97df8dab3e41", here)],
                "what the roles below allow, none of which is a general one",
            ),
        ];
        for (roles, sentence) in rows {
            assert_eq!(may(&roles, &subscription), sentence);
        }
    }
}
