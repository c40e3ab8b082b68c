//! Rights that an act needs and that Contributor does not carry (contract §1.2, §4.3).

use crate::base::ArmId;

/// A right: an action of Azure's, and where it is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Right {
    /// For example `Microsoft.Authorization/roleAssignments/write`.
    pub action: String,
    /// The scope at which it is asked for.
    pub scope: ArmId,
}

impl Right {
    /// What it takes to register a resource provider in a subscription.
    #[must_use]
    pub fn to_register(namespace: &str, subscription: &str) -> Self {
        Self { action: format!("{namespace}/register/action"), scope: ArmId::of_subscription(subscription) }
    }

    /// What it takes to assign a role at a scope.
    #[must_use]
    pub fn to_assign(scope: &ArmId) -> Self {
        Self { action: "Microsoft.Authorization/roleAssignments/write".to_owned(), scope: scope.clone() }
    }
}
