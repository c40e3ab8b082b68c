//! A copy of what cannot be made again from the file: settings of the agents, dashboards, role assignments, the resources as they
//! were. Written before anything is taken away; nothing in it is secret.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::setup::Outside;
use super::stop::Stop;
use crate::azure::grafana;
use crate::diag::{Code, Diagnostic};
use crate::observed::{GrafanaView, Observed, Sight};

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
        .map(|one| json!({"id": one.id, "scope": one.scope, "principal": one.principal, "role": one.role}))
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

fn write(directory: &Path, name: &str, value: &Value) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let path = directory.join(name);
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
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
