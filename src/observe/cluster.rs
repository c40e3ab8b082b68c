//! What is inside the cluster: the settings ConfigMap and the agents.

use crate::base::{ArmObject, clock::Timestamp};
use crate::desired::fragment::{CONFIG_MAP, NAMESPACE};
use crate::kube::pickup::{PickUp, USUALLY_WITHIN, judge};
use crate::kube::{Access, AgentView, ConfigMap, Door, Workload};
use crate::observed::{Agents, SettingsMap, Sight};

/// Looks inside, when there is a cluster. The map and the agents are asked for at once where the way in allows it.
pub(super) async fn look(cluster: Option<&ArmObject>, door: &Door, now: Timestamp) -> (Sight<SettingsMap>, Sight<Agents>) {
    let Some(cluster) = cluster else { return (Sight::Absent, Sight::Absent) };
    match door.open(cluster).await {
        Ok(access) => inside(access.as_ref(), now).await,
        Err(error) => (Sight::Unknown(error.to_string()), Sight::Unknown(error.to_string())),
    }
}

async fn inside(access: &dyn Access, now: Timestamp) -> (Sight<SettingsMap>, Sight<Agents>) {
    let (map, view) = tokio::join!(access.config_map(NAMESPACE, CONFIG_MAP), access.agents());
    let changed = map.as_ref().ok().and_then(Option::as_ref).and_then(ConfigMap::changed_at);
    let settings = map.map(|map| {
        map.map(|map| SettingsMap {
            data: map.data(),
            resource_version: map.resource_version().unwrap_or_default().to_owned(),
            written: map.last_writer(),
            writers: map.writers(),
        })
    });
    let agents = view.map(|view| Some(agents(&view, changed, now)));
    (Sight::from_answer(settings), Sight::from_answer(agents))
}

/// The agents as the plan judges them.
fn agents(view: &AgentView, changed: Option<Timestamp>, now: Timestamp) -> Agents {
    let counts = |(workload, counts): (&Workload, &crate::kube::Counts)| {
        (workload.name().to_owned(), counts.ready as usize, counts.desired as usize)
    };
    Agents {
        workloads: view.workloads.iter().map(counts).collect(),
        linux_nodes: view.linux_nodes as usize,
        hubble_service: view.hubble_port,
        settings_taken_up: changed.and_then(|changed| match judge(view, Workload::Node, changed, now, USUALLY_WITHIN) {
            PickUp::Done { .. } => Some(true),
            PickUp::Waiting { .. } | PickUp::Overdue { .. } => Some(false),
            PickUp::Unknown { .. } => None,
        }),
    }
}
