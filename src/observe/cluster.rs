//! What is inside the cluster: the settings ConfigMap and the agents.

use crate::base::{ArmObject, clock::Timestamp};
use crate::desired::fragment::{CONFIG_MAP, NAMESPACE};
use crate::kube::pickup::{PickUp, USUALLY_WITHIN, judge};
use crate::kube::{Access, AgentView, ConfigMap, Door, Error, Workload};
use crate::observed::{Agents, SettingsMap, Sight};

/// Looks inside, when there is a cluster. The map and the agents are asked for at once where the way in allows it; the agents are
/// left alone while the map is the version that they were seen to have taken up.
pub async fn look(
    cluster: Option<&ArmObject>,
    door: &Door,
    taken_up: Option<&str>,
    now: Timestamp,
) -> (Sight<SettingsMap>, Sight<Agents>) {
    let Some(cluster) = cluster else { return (Sight::Absent, Sight::Absent) };
    match door.open(cluster).await {
        Ok(access) => inside(access.as_ref(), taken_up, now).await,
        Err(error) => (Sight::Unknown(error.to_string()), Sight::Unknown(error.to_string())),
    }
}

async fn inside(access: &dyn Access, taken_up: Option<&str>, now: Timestamp) -> (Sight<SettingsMap>, Sight<Agents>) {
    let map = access.config_map(NAMESPACE, CONFIG_MAP);
    let (map, view) = if taken_up.is_some() {
        let map = map.await;
        let version = map.as_ref().ok().and_then(Option::as_ref).map(ConfigMap::version);
        if version.as_deref() == taken_up {
            return (seen(map), Sight::Unknown("they took up these settings before, and were not looked at again".to_owned()));
        }
        (map, access.agents().await)
    } else {
        tokio::join!(map, access.agents())
    };
    let changed = map.as_ref().ok().and_then(Option::as_ref).and_then(ConfigMap::changed_at);
    let agents = view.map(|view| Some(agents(&view, changed, now)));
    (seen(map), Sight::from_answer(agents))
}

fn seen(map: Result<Option<ConfigMap>, Error>) -> Sight<SettingsMap> {
    let settings = |map: ConfigMap| SettingsMap {
        data: map.data(),
        version: map.version(),
        written: map.last_writer(),
        writers: map.writers(),
    };
    Sight::from_answer(map.map(|map| map.map(settings)))
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
