//! The role assignments of everybody who shall have a role.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;

use super::{holder, sight};
use crate::azure::Azure;
use crate::base::{ArmId, ArmObject, Kind};
use crate::desired::{Desired, RoleHolder, RoleWish};
use crate::observed::{Assignment, Principal, Sight};

/// What was found, by the scope of the wish.
type ByScope = BTreeMap<ArmId, Sight<Vec<Assignment>>>;

/// Grafana, and the assignments. Those of Grafana's identity are asked for once it is known, all others at once.
pub(super) async fn with_grafana(desired: &Desired, azure: &Azure, me: Option<&Principal>) -> (Sight<ArmObject>, ByScope) {
    let of_grafana = async {
        let grafana = sight(azure.get(&desired.grafana.id, Kind::Grafana).await);
        let found = of(desired, azure, |wish| wish.holder == RoleHolder::Grafana, (None, grafana.seen())).await;
        (grafana, found)
    };
    let of_others = of(desired, azure, |wish| wish.holder != RoleHolder::Grafana, (me, None));
    let ((grafana, mut all), others) = tokio::join!(of_grafana, of_others);
    for (scope, answer) in others {
        join(&mut all, scope, answer);
    }
    (grafana, all)
}

async fn of(
    desired: &Desired,
    azure: &Azure,
    concerns: impl Fn(&RoleWish) -> bool,
    (me, grafana): (Option<&Principal>, Option<&ArmObject>),
) -> ByScope {
    let mut scopes: BTreeMap<String, BTreeSet<ArmId>> = BTreeMap::new();
    for wish in desired.roles.iter().filter(|wish| concerns(wish)) {
        if let Some(principal) = holder(&wish.holder, me, grafana) {
            scopes.entry(principal).or_default().insert(wish.scope.clone());
        }
    }
    let mut all = ByScope::new();
    for found in join_all(scopes.into_iter().map(|(principal, scopes)| of_principal(azure, principal, scopes))).await {
        for (scope, answer) in found {
            join(&mut all, scope, answer);
        }
    }
    all
}

/// What a principal has at some scopes. One list for each subscription tells what it has there and above and below (contract §4.4);
/// where that may not be read, each scope is asked for its own.
async fn of_principal(azure: &Azure, principal: String, scopes: BTreeSet<ArmId>) -> Vec<(ArmId, Sight<Vec<Assignment>>)> {
    let principal = &principal;
    let mut by_subscription: BTreeMap<Option<String>, Vec<ArmId>> = BTreeMap::new();
    for scope in scopes {
        by_subscription.entry(scope.subscription().map(str::to_ascii_lowercase)).or_default().push(scope);
    }
    let asked = by_subscription.into_iter().map(|(subscription, scopes)| async move {
        let whole = match &subscription {
            Some(name) if scopes.len() > 1 => listed(azure, &ArmId::of_subscription(name), principal).await,
            _ => Sight::Absent,
        };
        match whole {
            Sight::Present(_) => scopes.into_iter().map(|scope| (scope, whole.clone())).collect::<Vec<_>>(),
            Sight::Absent | Sight::Unknown(_) => {
                let each = |scope: ArmId| async move {
                    let found = listed(azure, &scope, principal).await;
                    (scope, found)
                };
                join_all(scopes.into_iter().map(each)).await
            }
        }
    });
    join_all(asked).await.concat()
}

pub(super) async fn listed(azure: &Azure, scope: &ArmId, principal: &str) -> Sight<Vec<Assignment>> {
    let filter = format!("principalId eq '{}'", principal.replace('\'', "''"));
    let listed = azure.list(scope, Kind::RoleAssignment, Some(&filter)).await;
    sight(listed.map(|all| Some(all.iter().filter_map(Assignment::read).collect())))
}

fn join(all: &mut ByScope, scope: ArmId, answer: Sight<Vec<Assignment>>) {
    let joined = match (all.remove(&scope), answer) {
        (Some(Sight::Present(mut before)), Sight::Present(more)) => {
            before.extend(more);
            Sight::Present(before)
        }
        (Some(unknown @ Sight::Unknown(_)), _) => unknown,
        (_, answer) => answer,
    };
    all.insert(scope, joined);
}
