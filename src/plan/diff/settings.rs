//! The settings ConfigMap and its pick-up by the agents (contract §5).

use crate::desired::fragment::{MergeError, Merged, merge};
use crate::desired::{Desired, WRITES_SETTINGS};
use crate::event::{Action, Change, Owner};
use crate::observed::{Observed, Sight};
use crate::plan::draft::{self, METRICS, PICKUP, SETTINGS};
use crate::plan::{Step, Unit};

/// The ConfigMap's unit.
///
/// # Errors
/// [`MergeError`] when features disagree or the agents would ignore the whole map.
pub fn unit(desired: &Desired, observed: &Observed, blind: &mut Vec<String>) -> Result<Unit, MergeError> {
    let title = "settings of the metrics agents";
    let step = || Step::MergeSettings { cluster: desired.cluster.clone(), fragments: desired.fragments.clone() };
    let unit = match &observed.settings {
        Sight::Unknown(why) if observed.cluster.seen().is_some() => {
            blind.push(format!("the settings ConfigMap: {why}"));
            Unit::needing(SETTINGS, title, Owner::Cluster, Action::Update, format!("it could not be read: {why}"), step())
        }
        Sight::Present(map) => {
            let merged = merge(Some(&map.data), &desired.fragments)?;
            blind.extend(merged.warnings.iter().map(ToString::to_string));
            if merged.changes.is_empty() {
                Unit::unchanged(SETTINGS, title, Owner::Cluster, "the ConfigMap lets every wanted metric through")
            } else {
                let why = "keys of ours differ; foreign keys stay";
                Unit::needing(SETTINGS, title, Owner::Cluster, Action::Update, why, step()).with_changes(changes(&merged))
            }
        }
        Sight::Absent | Sight::Unknown(_) => {
            let merged = merge(None, &desired.fragments)?;
            let why = "without it the agents drop hubble_flows_processed_total";
            Unit::needing(SETTINGS, title, Owner::Cluster, Action::Create, why, step()).with_changes(changes(&merged))
        }
    };
    let unit = unit.after(draft::TERRAFORM, "terraform creates the cluster");
    let unit = unit.after(&format!("role:{WRITES_SETTINGS}"), "the role lets the settings be written");
    Ok(unit.after(METRICS, "AKS runs one command at a time and refuses others while the cluster updates"))
}

fn changes(merged: &Merged) -> Vec<Change> {
    merged.changes.iter().map(|change| Change::new(&change.path, change.before.as_deref(), Some(&change.after))).collect()
}

/// The unit that waits for the agents. `settings` and `metrics` are the units before it: when either writes, or when the agents
/// started before the settings were written, there is something to wait for.
pub fn pickup(desired: &Desired, settings: &Unit, metrics: &Unit, observed: &Observed) -> Unit {
    let title = "agents take up the settings";
    let due = settings.action.writes() || metrics.action.writes();
    let stale = observed.agents.seen().is_some_and(|agents| agents.settings_taken_up == Some(false));
    let unit = if due || stale {
        let why = if due { "the settings or the add-on change" } else { "the agents started before the settings were written" };
        Unit::needing(PICKUP, title, Owner::Cluster, Action::Wait, why, Step::AwaitPickup { cluster: desired.cluster.clone() })
    } else {
        Unit::unchanged(PICKUP, title, Owner::Cluster, "the agents started after the settings were written")
    };
    unit.after(SETTINGS, "there is nothing to take up before").after(METRICS, "the add-on brings the agents")
}
