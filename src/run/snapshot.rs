//! A copy of what cannot be made again from the file: settings of the agents, dashboards, role assignments, the resources as they
//! were. Written before anything is taken away; nothing in it is secret.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::setup::Outside;
use super::stop::Stop;
use crate::azure::grafana;
use crate::diag::{Code, Diagnostic};
use crate::host::files;
use crate::kube;
use crate::observed::{ClusterView, GrafanaView, Observed, Sight};

/// Writes a snapshot and gives back its directory.
///
/// # Errors
/// Dashboards that are about to go cannot be read, or the directory cannot be written.
pub(super) async fn take(outside: &Outside, observed: &Observed, dashboards: bool) -> Result<PathBuf, Stop> {
    let directory = outside.setup().directory.join("snapshots").join(outside.run.as_str());
    let keep = |name: &str, value: &Value| write(&directory, name, value).map_err(|error| unwritable(&directory, &error));
    if let Some(settings) = observed.settings.seen() {
        keep("settings.json", &json!(settings.data))?;
    }
    let roles: Vec<Value> = observed
        .assignments
        .values()
        .filter_map(Sight::seen)
        .flatten()
        .map(|one| json!({"id": one.id, "scope": one.scope.to_string(), "principal": one.principal, "role": one.role}))
        .collect();
    keep("roles.json", &json!(roles))?;
    let bodies =
        [("cluster.json", &observed.cluster), ("workspace.json", &observed.workspace), ("grafana.json", &observed.grafana)];
    for (name, sight) in bodies {
        if let Some(object) = sight.seen() {
            keep(name, &object.body)?;
        }
    }
    if let Some(grafana) = observed.grafana.seen().filter(|_| dashboards)
        && let Some(endpoint) = GrafanaView(grafana).endpoint()
    {
        let client = grafana::Client::new(&outside.azure, endpoint);
        for found in client.search_dashboards().await.map_err(|error| unreadable(&error))? {
            let body = client.dashboard(&found.uid).await.map_err(|error| unreadable(&error))?;
            let safe: String =
                found.uid.chars().map(|c| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '_' }).collect();
            keep(&format!("dashboard-{safe}.json"), &body)?;
        }
    }
    Ok(directory)
}

/// Adds the custom resources by which users have the agents scrape: they vanish with the add-on, whoever switches it off (contract
/// §3.10). Gives back how many there are; `kubectl apply -f` brings them back once the add-on is on again.
///
/// # Errors
/// The cluster cannot be looked into, or the file cannot be written.
pub(super) async fn monitors(outside: &Outside, observed: &Observed, directory: &Path) -> Result<usize, Stop> {
    let Some(cluster) = observed.cluster.seen().filter(|cluster| ClusterView(cluster).metrics_enabled()) else { return Ok(0) };
    let failed = |error: kube::Error| {
        let told =
            Diagnostic::error(Code::ClusterUnreachable, "users' scrape configurations cannot be saved before the add-on goes");
        Stop::failed(told.caused_by(error.to_string()).hint("make the cluster reachable, or go without a copy: `--no-snapshot`"))
    };
    let access = outside.door.open(cluster).await.map_err(failed)?;
    let mut found = access.monitors().await.map_err(failed)?;
    for object in &mut found {
        if let Some(metadata) = object["metadata"].as_object_mut() {
            // What only a server writes would be refused, or would bind the copy to an object that is gone.
            metadata.retain(|key, _| ["name", "namespace", "labels", "annotations"].contains(&key.as_str()));
        }
    }
    if !found.is_empty() {
        let list = json!({"apiVersion": "v1", "kind": "List", "items": found});
        write(directory, "custom-resources.json", &list).map_err(|error| unwritable(directory, &error))?;
        outside.setup().events.note(format!(
            "{} of users are copied; bring them back with `kubectl apply -f {}`",
            counted(found.len()),
            directory.join("custom-resources.json").display()
        ));
    }
    Ok(found.len())
}

fn counted(number: usize) -> String {
    if number == 1 { "1 custom resource".to_owned() } else { format!("{number} custom resources") }
}

fn write(directory: &Path, name: &str, value: &Value) -> std::io::Result<()> {
    use std::io::Write as _;
    files::make_private_dir(directory)?;
    let mut file = files::create_private(&directory.join(name))?;
    writeln!(file, "{value:#}")?;
    file.sync_all()
}

fn unwritable(directory: &Path, error: &std::io::Error) -> Stop {
    let problem = Diagnostic::error(Code::StateDirectory, format!("the snapshot `{}` cannot be written", directory.display()));
    Stop::failed(problem.caused_by(error.to_string()).hint("free some space, or go without one: `--no-snapshot`"))
}

fn unreadable(error: &grafana::Error) -> Stop {
    let problem = Diagnostic::error(Code::AzureForbidden, "the dashboards cannot be saved before Grafana goes");
    Stop::failed(problem.caused_by(error.to_string()).hint("get a Grafana role, or go without them: `--no-snapshot`"))
}
