//! The settings ConfigMap: read, merge, write with the version that was read; then the agents' pick-up (contract §5).

use std::time::Duration;

use crate::base::{ArmId, Kind, clock::Timestamp};
use crate::desired::fragment::{CONFIG_MAP, Fragment, NAMESPACE, merge};
use crate::event::UnitId;
use crate::execute::engine::Outcome;
use crate::execute::retry::patiently;
use crate::execute::{Error, Hands};
use crate::kube::pickup::{PickUp, USUALLY_WITHIN, judge, renewed, starts};
use crate::kube::{ConfigMap, Workload};

/// Where the moment at which the last write began is kept in the journal: a map read by run-command does not tell when it changed.
const WRITTEN: &str = "settings_written_at";
/// Where the journal keeps which settings ([`ConfigMap::version`]) the agents were seen to have taken up.
pub const TAKEN_UP: &str = "settings_taken_up";
/// How often the agents are looked at, and for how long: pick-up takes 2-3 minutes, a new add-on up to 15 (contract §5.8, §6.3).
const LOOK: Duration = Duration::from_secs(15);
const LOOKS: u32 = 60;

pub(super) async fn merge_settings(
    unit: &UnitId,
    cluster: &ArmId,
    fragments: &[Fragment],
    hands: &Hands,
) -> Result<Outcome, Error> {
    let access = hands.stack()?.door.open(&hands.need(cluster, Kind::ManagedCluster).await?).await?;
    patiently(hands, unit, true, || async {
        let seen = access.config_map(NAMESPACE, CONFIG_MAP).await?;
        let merged =
            merge(seen.as_ref().map(ConfigMap::data).as_ref(), fragments).map_err(|error| Error::Moved(error.to_string()))?;
        for warning in &merged.warnings {
            hands.events.warn(warning.to_string());
        }
        if merged.changes.is_empty() {
            return Ok(());
        }
        // Before the write: agents that restart while it is being confirmed have read it, and a kill right after it is no loss.
        let now = hands.clock.now();
        hands.stack()?.put_output(WRITTEN, &serde_json::json!(now.to_string()), now).await?;
        let map = seen.unwrap_or_else(|| ConfigMap::new(NAMESPACE, CONFIG_MAP)).with_data(&merged.data);
        access.write_config_map(&map).await?;
        Ok(())
    })
    .await?;
    Ok(Outcome::proven("the ConfigMap lets every wanted metric through"))
}

pub(super) async fn await_pickup(unit: &UnitId, cluster: &ArmId, hands: &Hands) -> Result<Outcome, Error> {
    let access = hands.stack()?.door.open(&hands.need(cluster, Kind::ManagedCluster).await?).await?;
    let map = access.config_map(NAMESPACE, CONFIG_MAP).await?;
    let mut changed = changed_at(map.as_ref(), hands).await?;
    let mut restarted = false;
    let mut before = None;
    let mut last = String::from("the agents were not looked at");
    for _ in 0..LOOKS {
        let agents = patiently(hands, unit, true, || async { Ok(access.agents().await?) }).await?;
        if renewed(&agents, Workload::Node, before.get_or_insert_with(|| starts(&agents, Workload::Node))) {
            return taken_up(hands, map.as_ref(), "the agents of every node were started anew after the settings were written")
                .await;
        }
        match judge(&agents, Workload::Node, changed, hands.clock.now(), USUALLY_WITHIN) {
            PickUp::Done { .. } => {
                return taken_up(hands, map.as_ref(), "the agents of every node started after the settings were written").await;
            }
            PickUp::Overdue { .. } if !restarted => {
                hands.events.progress(unit, "not picked up in time; restarting `ama-metrics-node`");
                changed = hands.clock.now();
                before = Some(starts(&agents, Workload::Node));
                access.restart(Workload::Node, changed).await?;
                restarted = true;
                "restarted".clone_into(&mut last);
            }
            other => {
                last = format!("{other:?}");
                hands.events.progress(unit, "waiting until the agents have taken up the settings");
            }
        }
        hands.pause(LOOK).await?;
    }
    Err(Error::Patience { what: "the pick-up of the settings by the agents".into(), minutes: 15, last })
}

/// Notes which settings were taken up, so that the next look need not ask the agents.
async fn taken_up(hands: &Hands, map: Option<&ConfigMap>, how: &str) -> Result<Outcome, Error> {
    if let Some(map) = map {
        hands.stack()?.put_output(TAKEN_UP, &serde_json::json!(map.version()), hands.clock.now()).await?;
    }
    Ok(Outcome::proven(how))
}

/// When the settings were last written: as the API server says, else as the journal remembers, else now.
async fn changed_at(map: Option<&ConfigMap>, hands: &Hands) -> Result<Timestamp, Error> {
    if let Some(at) = map.and_then(ConfigMap::changed_at) {
        return Ok(at);
    }
    let remembered = hands.stack()?.journal.output(WRITTEN).await?.and_then(|value| value.as_str()?.parse().ok());
    Ok(remembered.unwrap_or_else(|| hands.clock.now()))
}
