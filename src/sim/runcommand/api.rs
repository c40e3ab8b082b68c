//! `runCommand` and its result (contract §5.9). The frame keeps the outcome and shows it once it has `finished`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::kubectl::Session;
use super::{run, unpack};
use crate::sim::effects::cluster::Cluster;
use crate::sim::kube::access::{Credential, enter};
use crate::sim::planes::{Planes, View};

/// What came of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// `Succeeded` says that the pod ran, not that the command did.
    pub state: String,
    /// Why the pod did not run.
    pub reason: Option<String>,
    /// The command's exit code.
    pub exit_code: i32,
    /// Its mixed output.
    pub logs: String,
    /// When it started.
    pub started: Timestamp,
    /// When it was over.
    pub finished: Timestamp,
}

impl Outcome {
    /// The body of `commandResults/{id}` at `now`; nothing while the command runs (202).
    pub fn body(&self, id: &str, now: Timestamp) -> Option<Value> {
        (self.finished <= now).then(|| {
            json!({"id": id, "properties": {
                "provisioningState": self.state, "exitCode": self.exit_code, "logs": self.logs, "reason": self.reason,
                "startedAt": self.started.to_string(), "finishedAt": self.finished.to_string(),
            }})
        })
    }
}

/// Takes a command: runs it now, its result is due later.
///
/// `token` is what `clusterToken` turned out to be. ARM's status, code and message when the command is refused.
///
/// # Errors
/// Run-command is disabled, the cluster is stopped, the token is missing or wrong, or the context cannot be unpacked.
pub fn take(
    planes: &mut Planes,
    view: &View,
    cluster: &str,
    token: &Credential,
    body: &Value,
) -> Result<Outcome, (u16, &'static str, String)> {
    let missing = || (404, "ResourceNotFound", format!("The resource `{cluster}` was not found."));
    let facts = view.resources.get(cluster).and_then(Cluster::read).ok_or_else(missing)?;
    let plane = planes.cluster_mut(cluster).ok_or_else(missing)?;
    plane.observe(view, facts.clone());
    if facts.run_command_off {
        return Err((
            400,
            "RunCommandDisabled",
            "Run command is disabled for this cluster: `apiServerAccessProfile.disableRunCommand` is true.".to_owned(),
        ));
    }
    if !facts.running {
        return Err((409, "OperationNotAllowed", "The cluster is stopped; start it before running a command.".to_owned()));
    }
    let stranger = if facts.entra {
        let visitor = match token {
            Credential::None => {
                return Err((
                    400,
                    "BadRequest",
                    "clusterToken is required for clusters with managed Entra integration.".to_owned(),
                ));
            }
            token => enter(view, &facts, plane, token)
                .map_err(|_| (401, "Unauthorized", "clusterToken is not valid for this cluster.".to_owned()))?,
        };
        (!visitor.trusted).then_some(visitor.name)
    } else {
        None
    };
    let text = |key: &str| body.get(key).and_then(Value::as_str).unwrap_or_default();
    let files = unpack(text("context")).map_err(|why| (400, "BadRequest", why))?;
    if text("command").trim().is_empty() {
        return Err((400, "BadRequest", "command must not be empty.".to_owned()));
    }
    let (started, mut finished) = (view.now, view.now + view.delays.command);
    if facts.linux_nodes().next().is_none() {
        let reason = Some("KubernetesPerformanceError: the command pod could not be started within 30 seconds".to_owned());
        return Ok(Outcome { state: "Failed".to_owned(), reason, exit_code: 0, logs: String::new(), started, finished });
    }
    let mut session = Session {
        store: &mut plane.store,
        files: &files,
        version: &facts.version,
        stranger: stranger.as_deref(),
        now: view.now,
        waited: false,
    };
    let (logs, exit_code) = run(&mut session, text("command"));
    if session.waited {
        finished += view.delays.rollout;
    }
    plane.observe(view, facts);
    Ok(Outcome { state: "Succeeded".to_owned(), reason: None, exit_code, logs, started, finished })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::effects::access::Caller;
    use crate::sim::effects::chain::sample::resources;
    use crate::sim::effects::cluster::sample::ID;
    use crate::sim::effects::delays::Delays;
    use crate::sim::planes::sample::{settled, t};

    fn take_with(change: impl Fn(&mut Value), token: &Credential, command: &str) -> Result<Outcome, (u16, &'static str, String)> {
        let mut world = resources(true);
        let id = ID.to_lowercase();
        change(world.get_mut(&id).unwrap());
        let mut planes = settled(&world, 600);
        let delays = Delays::at_pace(1.0);
        take(
            &mut planes,
            &View { resources: &world, now: t(600), delays: &delays },
            &id,
            token,
            &json!({"command": command, "context": ""}),
        )
    }

    #[test]
    fn the_result_is_due_later() {
        let outcome = take_with(|_| (), &Credential::None, "kubectl get ns default -o name").unwrap();
        assert_eq!(outcome.body("x", t(601)), None);
        let body = outcome.body("x", t(620)).unwrap();
        assert_eq!((&body["properties"]["exitCode"], &body["properties"]["logs"]), (&json!(0), &json!("namespace/default\n")));
    }

    #[test]
    fn refusals() {
        let code = |change: &dyn Fn(&mut Value), token: &Credential| take_with(change, token, "true").map(|_| ()).unwrap_err().0;
        let disabled = |body: &mut Value| body["properties"]["apiServerAccessProfile"] = json!({"disableRunCommand": true});
        let entra = |body: &mut Value| body["properties"]["aadProfile"] = json!({"managed": true, "enableAzureRBAC": true});
        assert_eq!(code(&disabled, &Credential::None), 400);
        assert_eq!(code(&entra, &Credential::None), 400);
        assert_eq!(code(&entra, &Credential::Token("x".into())), 401);
        let me = Credential::Entra(Caller { oid: "me".into(), groups: Vec::new(), name: "me".into() });
        let outcome = take_with(entra, &me, "kubectl get ns").unwrap();
        assert!(outcome.exit_code == 1 && outcome.logs.contains("Forbidden"), "{outcome:?}");
    }

    #[test]
    fn no_node_no_pod() {
        let outcome = take_with(|body| body["properties"]["agentPoolProfiles"] = json!([]), &Credential::None, "true").unwrap();
        assert_eq!(outcome.state, "Failed");
    }
}
