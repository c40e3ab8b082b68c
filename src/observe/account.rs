//! The subscription, and what the signed-in principal has in it.

use futures::future::join_all;

use super::assignments::listed;
use super::preflight::permissions;
use super::sight;
use crate::azure::Azure;
use crate::base::role::General;
use crate::base::{ArmId, Kind};
use crate::observed::{Account, Assignment, HeldRole, Sight, Subscription};

/// Looks at a subscription as the principal with this object id.
///
/// # Errors
/// [`crate::azure::Error`] when the subscription itself cannot be read: nothing else means anything then.
pub async fn account(azure: &Azure, subscription: &ArmId, principal: &str) -> Result<Account, crate::azure::Error> {
    let (described, assignments, mut allowed) = tokio::join!(
        azure.get(subscription, Kind::Subscription),
        listed(azure, subscription, principal),
        permissions(azure, std::slice::from_ref(subscription)),
    );
    let described = described?.map(|found| Subscription {
        name: found.text("/displayName").unwrap_or_default().to_owned(),
        state: found.text("/state").unwrap_or_default().to_owned(),
    });
    let allowed = allowed.remove(subscription).unwrap_or(Sight::Absent);
    let roles = match assignments {
        Sight::Present(all) => Sight::Present(join_all(all.into_iter().map(|one| named(azure, subscription, one))).await),
        Sight::Absent => Sight::Absent,
        Sight::Unknown(why) => Sight::Unknown(why),
    };
    Ok(Account { subscription: described.map_or(Sight::Absent, Sight::Present), roles, permissions: allowed })
}

async fn named(azure: &Azure, subscription: &ArmId, assignment: Assignment) -> HeldRole {
    let Assignment { role: guid, scope, .. } = assignment;
    if let Some(general) = General::of(&guid) {
        return HeldRole { name: general.row().1.to_owned(), guid, scope };
    }
    let id = subscription.resource(Kind::RoleDefinition.resource_type(), &guid);
    let definition = sight(azure.get(&id, Kind::RoleDefinition).await);
    let name = definition.seen().and_then(|found| found.text("/properties/roleName")).unwrap_or(&guid).to_owned();
    HeldRole { guid, name, scope }
}
