//! What a signed-in principal has in a subscription.

use super::{Permission, Scope, Sight};
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
    /// What all its roles allow in the subscription, those of its groups included.
    pub permissions: Sight<Vec<Permission>>,
}

impl Account {
    /// What the principal may do in the subscription, in a sentence.
    #[must_use]
    pub fn may(&self, subscription: &ArmId) -> String {
        match (&self.permissions, &self.roles) {
            (Sight::Present(permissions), _) => allowed(permissions).to_owned(),
            (_, Sight::Present(roles)) => by_roles(roles, subscription),
            (_, Sight::Absent) => by_roles(&[], subscription),
            (_, Sight::Unknown(why)) => format!("unknown: neither its permissions nor its role assignments can be read ({why})"),
        }
    }
}

/// What a stack is made of. Whoever may write all of it and is no specialist may write everything.
const OF_A_STACK: [&str; 5] = [
    "Microsoft.Resources/subscriptions/resourceGroups/write",
    "Microsoft.ContainerService/managedClusters/write",
    "Microsoft.Monitor/accounts/write",
    "Microsoft.Dashboard/grafana/write",
    "Microsoft.Insights/dataCollectionRules/write",
];
const ASSIGN: &str = "Microsoft.Authorization/roleAssignments/write";
const READ: &str = "Microsoft.ContainerService/managedClusters/read";

/// What permissions allow, in a sentence. Conditions on assigning roles are not in them.
fn allowed(permissions: &[Permission]) -> &'static str {
    let may = |action: &str| permissions.iter().any(|permission| permission.allows(action));
    let writes = OF_A_STACK.iter().filter(|action| may(action)).count();
    match (writes, may(ASSIGN)) {
        (all, true) if all == OF_A_STACK.len() => "manage resources of all kinds, and assign roles",
        (all, false) if all == OF_A_STACK.len() => {
            "manage resources of all kinds, but not assign roles: role assignments of a plan wait for somebody who may"
        }
        (0, true) => "assign roles, but not manage resources",
        (0, false) if may(READ) => "read only",
        (0, false) => "nothing that a stack needs",
        (_, true) => "manage some kinds of resources, and assign roles; `aksight doctor` says what is missing",
        (_, false) => "manage some kinds of resources only; `aksight doctor` says what is missing",
    }
}

/// What general roles allow in the subscription, in a sentence, where the permissions themselves cannot be read.
fn by_roles(roles: &[HeldRole], subscription: &ArmId) -> String {
    let here: Vec<&HeldRole> = roles.iter().filter(|role| role.scope.reaches(subscription)).collect();
    let has = |wanted: &[General]| here.iter().filter_map(|role| General::of(&role.guid)).any(|role| wanted.contains(&role));
    let assigns = has(&[General::UserAccessAdministrator, General::RbacAdministrator]);
    let sentence = match (has(&[General::Owner]), has(&[General::Contributor]), assigns, has(&[General::Reader])) {
        (true, ..) | (_, true, true, _) => "manage resources of all kinds, and assign roles",
        (_, true, false, _) => {
            "manage resources of all kinds, but not assign roles: role assignments of a plan wait for somebody who may"
        }
        (_, _, true, _) => "assign roles, but not manage resources",
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
            (vec![at(General::Owner, above)], "manage resources of all kinds, and assign roles"),
            (vec![at(General::Owner, below)], "only what its roles below the subscription allow"),
            (
                vec![at(General::Contributor, here)],
                "manage resources of all kinds, but not assign roles: role assignments of a plan wait for somebody who may",
            ),
            (
                vec![at(General::Contributor, here), at(General::RbacAdministrator, above)],
                "manage resources of all kinds, and assign roles",
            ),
            (vec![at(General::Reader, here), at(General::Contributor, below)], "read only"),
            (
                vec![role("22926164-76b3-42b3-bc55-97df8dab3e41", here)],
                "what the roles below allow, none of which is a general one",
            ),
        ];
        for (roles, sentence) in rows {
            assert_eq!(by_roles(&roles, &subscription), sentence);
        }
    }

    #[test]
    fn permissions_become_a_sentence() {
        let entry = |actions: &[&str], not_actions: &[&str]| {
            let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect();
            Permission { actions: texts(actions), not_actions: texts(not_actions), ..Permission::default() }
        };
        let contributor = || entry(&["*"], &["Microsoft.Authorization/*/Write"]);
        let rows = [
            (vec![], "nothing that a stack needs"),
            (vec![entry(&["*"], &[])], "manage resources of all kinds, and assign roles"),
            (
                vec![contributor()],
                "manage resources of all kinds, but not assign roles: role assignments of a plan wait for somebody who may",
            ),
            (vec![contributor(), entry(&["Microsoft.Authorization/*"], &[])], "manage resources of all kinds, and assign roles"),
            (vec![entry(&["*/read"], &[])], "read only"),
            (vec![entry(&["*/read", "Microsoft.Authorization/*"], &[])], "assign roles, but not manage resources"),
            (
                vec![entry(&["Microsoft.ContainerService/*"], &[])],
                "manage some kinds of resources only; `aksight doctor` says what is missing",
            ),
        ];
        for (permissions, sentence) in rows {
            let account = Account { subscription: Sight::Absent, roles: Sight::Absent, permissions: Sight::Present(permissions) };
            assert_eq!(account.may(&ArmId::of_subscription("s")), sentence);
        }
    }
}
