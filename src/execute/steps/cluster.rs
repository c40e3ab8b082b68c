//! Writes to the cluster: full PUT of what was read, with If-Match (contract §3.9, C9).

use std::time::Duration;

use serde_json::Value;

use crate::azure::Write;
use crate::base::{ArmId, ArmObject, Kind};
use crate::desired::MetricsWish;
use crate::event::UnitId;
use crate::execute::engine::Outcome;
use crate::execute::retry::patiently;
use crate::execute::{Error, Hands};
use crate::observed::ClusterView;
use crate::plan::diff::cluster::{is_settled, metrics_body, metrics_differences, policy_mode_body};

/// Contract §3.9: poll every 30 s, at most 45 minutes.
const SETTLE_POLL: Duration = Duration::from_secs(30);
const SETTLE_POLLS: u32 = 90;

pub(super) async fn enable_metrics(unit: &UnitId, wish: &MetricsWish, hands: &Hands) -> Result<Outcome, Error> {
    let wrong = |cluster: &ArmObject| metrics_differences(wish, cluster).first().map(|change| change.field.clone());
    converge(unit, &wish.cluster, hands, wrong, |cluster| metrics_body(wish, cluster)).await?;
    Ok(Outcome::proven("azureMonitorProfile.metrics is as wished"))
}

pub(super) async fn set_policy_mode(unit: &UnitId, cluster: &ArmId, mode: &str, hands: &Hands) -> Result<Outcome, Error> {
    let wrong = |cluster: &ArmObject| {
        let now = ClusterView(cluster).policy_mode();
        (!now.is_some_and(|now| now.eq_ignore_ascii_case(mode))).then(|| "advancedNetworkPolicies".to_owned())
    };
    converge(unit, cluster, hands, wrong, |cluster| policy_mode_body(mode, cluster)).await?;
    Ok(Outcome::proven(format!("advancedNetworkPolicies is {mode}")))
}

/// Reads a settled cluster, writes when `wrong` names a field, and reads back. A 412 or a 409 starts again from the read.
pub(super) async fn converge(
    unit: &UnitId,
    id: &ArmId,
    hands: &Hands,
    wrong: impl Fn(&ArmObject) -> Option<String>,
    body: impl Fn(&ArmObject) -> Value,
) -> Result<(), Error> {
    patiently(hands, unit, false, || async {
        let cluster = settled(unit, id, hands).await?;
        if wrong(&cluster).is_none() {
            return Ok(());
        }
        if !ClusterView(&cluster).running() {
            return Err(Error::Moved(format!("`{}` is stopped; start it with `az aks start`", id.name())));
        }
        let write = Write::put(id.clone(), Kind::ManagedCluster, body(&cluster)).if_match(cluster.etag.clone());
        hands.write(unit, write).await?;
        match wrong(&hands.need(id, Kind::ManagedCluster).await?) {
            None => Ok(()),
            Some(field) => Err(Error::NotReadBack { what: id.name().to_owned(), shows: format!("another `{field}`") }),
        }
    })
    .await
}

/// The cluster, once nobody else is updating it.
async fn settled(unit: &UnitId, id: &ArmId, hands: &Hands) -> Result<ArmObject, Error> {
    let mut last = String::new();
    for _ in 0..SETTLE_POLLS {
        let cluster = hands.need(id, Kind::ManagedCluster).await?;
        if is_settled(&cluster) {
            return Ok(cluster);
        }
        cluster.provisioning_state().unwrap_or_default().clone_into(&mut last);
        hands.events.progress(unit, format!("the cluster is {last}"));
        hands.pause(SETTLE_POLL).await?;
    }
    Err(Error::Patience { what: format!("the end of the update of `{}`", id.name()), minutes: 45, last })
}
