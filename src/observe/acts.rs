//! How the acts of a handoff stand: done already, to be done, or no longer what they were.

use std::collections::BTreeMap;

use futures::future::join_all;

use super::assignments::listed;
use super::sight;
use crate::azure::{Azure, ResourceManager as _};
use crate::base::Kind;
use crate::event::{Act, Doing, Handoff, Holder, UnitId};
use crate::observed::{GrafanaView, Sight};
use crate::plan::diff::providers::is_registered;
use crate::plan::diff::roles::satisfied;

/// What was seen of the acts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Acts that need not be done any more, with the evidence.
    pub there: BTreeMap<UnitId, String>,
    /// What is no longer as it was when the handoff was made.
    pub moved: Vec<String>,
    /// What could not be looked at, and why.
    pub unknown: Vec<String>,
}

/// Looks at every act, at all of them at once.
pub async fn standing(azure: &Azure, handoff: &Handoff) -> Standing {
    let mut standing = Standing::default();
    for seen in join_all(handoff.acts.iter().map(|act| one(azure, act))).await {
        standing.there.extend(seen.there);
        standing.moved.extend(seen.moved);
        standing.unknown.extend(seen.unknown);
    }
    standing
}

async fn one(azure: &Azure, act: &Act) -> Standing {
    let mut standing = Standing::default();
    let unknown = |why: &str| format!("{}: {why}", act.title);
    match &act.doing {
        Doing::RegisterProvider { namespace, scope } => {
            let state = match azure.resource_manager(scope.name()) {
                Ok(manager) => manager.provider_state(namespace).await,
                Err(error) => Err(error),
            };
            match state {
                Ok(state) if is_registered(&state) => {
                    standing.there.insert(act.unit.clone(), "its registration state is Registered".to_owned());
                }
                Ok(_) => {}
                Err(error) => standing.unknown.push(unknown(&error.to_string())),
            }
        }
        Doing::AssignRole { scope, role, principal_id, principal, .. } => {
            if let Holder::GrafanaIdentity { of } = principal {
                match sight(azure.get(of, Kind::Grafana).await) {
                    Sight::Present(grafana) => match GrafanaView(&grafana).principal() {
                        Some(now) if now.eq_ignore_ascii_case(principal_id) => {}
                        now => standing.moved.push(format!(
                            "{}: the identity of Grafana `{}` is `{}` now, and not `{principal_id}`",
                            act.title,
                            of.name(),
                            now.unwrap_or("nothing")
                        )),
                    },
                    Sight::Absent => standing.moved.push(format!("{}: Grafana `{}` is not there", act.title, of.name())),
                    Sight::Unknown(why) => standing.unknown.push(unknown(&why)),
                }
            }
            match listed(azure, scope, principal_id).await {
                Sight::Present(all) => {
                    if let Some(found) = satisfied(&all, (scope, *role, principal_id)) {
                        standing.there.insert(act.unit.clone(), found.evidence(scope));
                    }
                }
                Sight::Absent => standing.moved.push(format!("{}: `{scope}` is not there", act.title)),
                Sight::Unknown(why) => standing.unknown.push(unknown(&why)),
            }
        }
    }
    standing
}
