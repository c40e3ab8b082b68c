//! Into the cluster through ARM: `kubectl` in a pod of the service's own (contract §5.9).
//!
//! The commands are constants of this file or built from checked names; everything else travels in a ZIP. Who sends them through
//! ARM and awaits the result is handed in as a function, so this room does not know the Azure client.

use std::fmt;
use std::future::Future;
use std::io::{Cursor, Write as _};
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::Mutex;

use super::access::legal;
use super::{Access, AgentView, ConfigMap, Error, FIELD_MANAGER, Workload, logs};
use crate::base::Class;
use crate::base::clock::Timestamp;

/// A command for the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The shell line. Holds nothing that a user wrote and nothing secret.
    pub line: String,
    /// A ZIP whose files land in the working directory; empty for none.
    pub context: Vec<u8>,
}

/// What came of it, in the service's words (fixture: contract §14, F13).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// `properties.provisioningState`; `Succeeded` says only that the pod ran.
    pub provisioning_state: String,
    /// `properties.exitCode`.
    pub exit_code: Option<i64>,
    /// `properties.logs`: standard output and error, mixed.
    pub logs: String,
    /// `properties.reason`, when the pod did not run.
    pub reason: Option<String>,
}

/// Why a command could not be sent or awaited.
#[derive(Debug)]
pub struct RunnerError {
    /// What it means for the caller.
    pub class: Class,
    /// The Azure client's error.
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// Sends a command through ARM and awaits its result.
pub type Runner = Arc<dyn Fn(Command) -> Pin<Box<dyn Future<Output = Result<Answer, RunnerError>> + Send>> + Send + Sync>;

/// [`Access`] by run-command. One command at a time, as the service wants it.
pub struct RunCommand {
    runner: Runner,
    turn: Mutex<()>,
}

impl fmt::Debug for RunCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RunCommand")
    }
}

/// The file in the ZIP. JSON is YAML, so the manifest needs no YAML writer.
const MANIFEST: &str = "cm.yaml";

/// Workloads, services and nodes are few and short; only pods grow with the cluster.
const LOOK: &str = "kubectl -n kube-system get deployment/ama-metrics deployment/ama-metrics-ksm \
    deployment/ama-metrics-operator-targets daemonset/ama-metrics-node daemonset/cilium service/network-observability \
    --ignore-not-found -o json";
const NODES: &str = "kubectl get nodes -l kubernetes.io/os=linux -o name";
const PODS: &str = "kubectl -n kube-system get pods -l rsName=ama-metrics -o json && \
    kubectl -n kube-system get pods -l dsName=ama-metrics-node -o json";

const MONITORS: &str =
    "kubectl get podmonitors.azmonitoring.coreos.com,servicemonitors.azmonitoring.coreos.com --all-namespaces -o json";
/// What kubectl says of a kind that the API server does not serve.
const NO_SUCH_KIND: &str = "the server doesn't have a resource type";

impl RunCommand {
    /// Access through `runner`.
    #[must_use]
    pub fn new(runner: Runner) -> Self {
        Self { runner, turn: Mutex::new(()) }
    }

    async fn run(&self, line: String, context: Vec<u8>) -> Result<String, Error> {
        let _turn = self.turn.lock().await;
        let answer = (self.runner)(Command { line, context }).await.map_err(not_sent)?;
        judge(answer)
    }
}

#[async_trait]
impl Access for RunCommand {
    async fn config_map(&self, namespace: &str, name: &str) -> Result<Option<ConfigMap>, Error> {
        let line = format!("kubectl -n {} get cm {} -o json --show-managed-fields", legal(namespace)?, legal(name)?);
        match self.run(line, Vec::new()).await {
            Ok(logs) => only_map(&logs, name).map(Some),
            Err(Error::Absent { .. }) => Ok(None),
            Err(other) => Err(other),
        }
    }

    async fn write_config_map(&self, map: &ConfigMap) -> Result<ConfigMap, Error> {
        let (namespace, name) = map.path()?;
        let apply = format!("kubectl apply -f {MANIFEST} --field-manager={FIELD_MANAGER}");
        let line = format!("{apply} && kubectl -n {namespace} get cm {name} -o json");
        let logs = self.run(line, pack(MANIFEST, &map.manifest())?).await?;
        only_map(&logs, name)
    }

    async fn agents(&self) -> Result<AgentView, Error> {
        let look = async |line: String, nodes: bool| self.run(line, Vec::new()).await.and_then(|logs| view(&logs, nodes));
        match look(format!("{LOOK} && {NODES} && {PODS}"), true).await {
            // So many nodes that their pods do not fit: the counts of the workloads still tell whether they are ready.
            Err(Error::Cut { .. }) => look(format!("{LOOK} && {NODES}"), true).await,
            // Nodes belong to no namespace, and a writer's role may end at namespaces.
            Err(Error::Forbidden { .. }) => look(format!("{LOOK} && {PODS}"), false).await,
            other => other,
        }
    }

    async fn monitors(&self) -> Result<Vec<Value>, Error> {
        match self.run(MONITORS.to_owned(), Vec::new()).await {
            Ok(logs) => Ok(read(&logs)?.into_iter().flat_map(items).collect()),
            Err(Error::Command { tail, .. }) if tail.contains(NO_SUCH_KIND) => Ok(Vec::new()),
            Err(other) => Err(other),
        }
    }

    async fn restart(&self, workload: Workload, _at: Timestamp) -> Result<(), Error> {
        self.run(format!("kubectl -n kube-system rollout restart {workload}"), Vec::new()).await.map(drop)
    }
}

/// The objects of a list, or the one object.
fn items(mut document: Value) -> Vec<Value> {
    match document["items"].take() {
        Value::Array(items) => items,
        _ => vec![document],
    }
}

fn pack(file: &str, content: &Value) -> Result<Vec<u8>, Error> {
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| Error::Pack { source };
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file(file, zip::write::SimpleFileOptions::default()).map_err(|error| failed(error.into()))?;
    zip.write_all(content.to_string().as_bytes()).map_err(|error| failed(error.into()))?;
    Ok(zip.finish().map_err(|error| failed(error.into()))?.into_inner())
}

fn only_map(logs: &str, name: &str) -> Result<ConfigMap, Error> {
    let found = read(logs)?;
    let map = found.into_iter().find(|object| object["kind"] == "ConfigMap" && object["metadata"]["name"] == name);
    ConfigMap::read(map.ok_or_else(|| Error::ReadAnswer { reason: "the command printed no config map".to_owned() })?)
}

fn view(logs: &str, with_nodes: bool) -> Result<AgentView, Error> {
    Ok(AgentView::read(&read(logs)?, with_nodes.then(|| logs::named(logs, "node"))))
}

fn read(text: &str) -> Result<Vec<Value>, Error> {
    if text.len() >= logs::NEAR_THE_CUT {
        return Err(Error::Cut { bytes: text.len() });
    }
    let found = logs::documents(text);
    if found.unfinished {
        return Err(Error::ReadAnswer { reason: "a JSON document in the command's output does not end".to_owned() });
    }
    Ok(found.all)
}

/// The text of an error with all its causes, for telling known refusals apart.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    std::iter::successors(Some(error), |error| error.source()).map(|error| format!("{error}\n")).collect::<Vec<_>>().concat()
}

fn not_sent(error: RunnerError) -> Error {
    let text = chain(&*error.source);
    let said = |words: &[&str]| logs::line_with(&text, words).map(str::to_owned);
    if said(&["disablerunc", "run command is disabled", "runcommand is disabled", "run command feature is disabled"]).is_some() {
        return Error::Disabled { source: error.source };
    }
    known(&said).unwrap_or(Error::Send { class: error.class, source: error.source })
}

/// Refusals that come as HTTP errors as well as in results.
fn known(said: &dyn Fn(&[&str]) -> Option<String>) -> Option<Error> {
    if let Some(message) = said(&["validation.gatekeeper.sh"]) {
        return Some(Error::Gatekeeper { message });
    }
    let reason = said(&["kubernetesperformanceerror", "kubernetesoperationerror"])?;
    Some(Error::NoRoom { reason })
}

/// What is said when an object with a version is applied that somebody has removed.
const CREATE_WITH_VERSION: &str = "resourceversion should not be set on objects to be created";

/// Success is `Succeeded` and exit code 0, nothing less.
fn judge(answer: Answer) -> Result<String, Error> {
    let reason = answer.reason.unwrap_or_default();
    let text = format!("{reason}\n{}", answer.logs);
    let said = |words: &[&str]| logs::line_with(&text, words).map(str::to_owned);
    match (answer.provisioning_state.eq_ignore_ascii_case("Succeeded"), answer.exit_code) {
        (true, Some(0)) => return Ok(answer.logs),
        (false, _) => return Err(known(&said).unwrap_or(Error::NoRoom { reason: logs::tail(&text) })),
        (true, _) => {}
    }
    if let Some(error) = known(&said) {
        return Err(error);
    }
    // What kubectl prints: `Error from server (NotFound): configmaps "x" not found`.
    let object = said(&["error from server", "error when "]).unwrap_or_else(|| logs::tail(&text));
    let has = |words: &[&str]| said(words).is_some();
    Err(if has(&["(forbidden)", "forbidden: user"]) {
        Error::Forbidden { message: object }
    } else if has(&["(unauthorized)", "you must be logged in to the server"]) {
        Error::Unauthorized { message: object }
    } else if has(&["(conflict)", "(alreadyexists)", "the object has been modified", CREATE_WITH_VERSION]) {
        Error::Conflict { object: quoted(&object) }
    } else if has(&["(notfound)"]) {
        Error::Absent { object: quoted(&object) }
    } else {
        Error::Command { exit_code: answer.exit_code.unwrap_or(-1), tail: logs::tail(&text) }
    })
}

/// The name within kubectl's sentence, or the sentence.
fn quoted(sentence: &str) -> String {
    sentence.split('"').nth(1).unwrap_or(sentence).to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Read as _;
    use std::sync::Mutex as Shared;

    use serde_json::json;

    use super::*;

    type Sent = Arc<Shared<Vec<Command>>>;

    /// A cluster that gives these answers in turn.
    fn cluster(answers: Vec<Result<Answer, RunnerError>>) -> (RunCommand, Sent) {
        let sent = Sent::default();
        let record = Arc::clone(&sent);
        let answers = Arc::new(Shared::new(answers.into_iter()));
        let runner: Runner = Arc::new(move |command| {
            record.lock().unwrap().push(command);
            let answer = answers.lock().unwrap().next().expect("no more answers");
            Box::pin(async move { answer })
        });
        (RunCommand::new(runner), sent)
    }

    #[allow(clippy::unnecessary_wraps, reason = "stands in tables beside answers that are errors")]
    fn printed(exit_code: i64, logs: &str) -> Result<Answer, RunnerError> {
        Ok(Answer { provisioning_state: "Succeeded".to_owned(), exit_code: Some(exit_code), logs: logs.to_owned(), reason: None })
    }

    fn map() -> Value {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "$(rm)'\"`\n"},
            "metadata": {"name": "m", "namespace": "kube-system", "resourceVersion": "7", "labels": {"theirs": "x"}}})
    }

    #[tokio::test]
    async fn a_map_is_read_between_warnings() {
        let logs = format!("Warning: old client\n{:#}\n", map());
        let (access, sent) = cluster(vec![printed(0, &logs)]);
        let found = access.config_map("kube-system", "m").await.unwrap().unwrap();
        assert_eq!(found.resource_version(), Some("7"));
        insta::assert_snapshot!(sent.lock().unwrap()[0].line, @"kubectl -n kube-system get cm m -o json --show-managed-fields");
    }

    #[tokio::test]
    async fn an_absent_map_is_nothing() {
        let (access, _) = cluster(vec![printed(1, "Error from server (NotFound): configmaps \"m\" not found\n")]);
        assert_eq!(access.config_map("kube-system", "m").await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_is_written_travels_in_the_zip_with_its_lock() {
        let logs = format!("configmap/m configured\n{:#}\n", map());
        let (access, sent) = cluster(vec![printed(0, &logs)]);
        let data = BTreeMap::from([("a".to_owned(), "$(rm)'\"`\n".to_owned())]);
        let wish = ConfigMap::read(map()).unwrap().with_data(&data);
        access.write_config_map(&wish).await.unwrap();
        let sent = sent.lock().unwrap();
        insta::assert_snapshot!(sent[0].line, @"kubectl apply -f cm.yaml --field-manager=aksight && kubectl -n kube-system get cm m -o json");
        let mut zip = zip::ZipArchive::new(Cursor::new(&sent[0].context)).unwrap();
        let mut text = String::new();
        zip.by_name("cm.yaml").unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), map());
    }

    #[tokio::test]
    async fn no_name_becomes_a_shell_word() {
        let (access, sent) = cluster(vec![]);
        for bad in ["m; rm -rf /", "$(id)", "-A", "", "a b", "a\nb"] {
            assert!(matches!(access.config_map("kube-system", bad).await, Err(Error::Name { .. })), "{bad}");
            assert!(matches!(access.config_map(bad, "m").await, Err(Error::Name { .. })), "{bad}");
            assert!(matches!(access.write_config_map(&ConfigMap::new("kube-system", bad)).await, Err(Error::Name { .. })));
        }
        assert!(sent.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn the_agents_are_seen_with_one_command() {
        let looked = json!({"apiVersion": "v1", "kind": "List", "items": [
            {"kind": "Deployment", "metadata": {"name": "ama-metrics"}, "spec": {"replicas": 2}, "status": {"readyReplicas": 1}},
            {"kind": "DaemonSet", "metadata": {"name": "ama-metrics-node"}, "status": {"desiredNumberScheduled": 3, "numberReady": 3}},
            {"kind": "DaemonSet", "metadata": {"name": "cilium"}, "status": {"desiredNumberScheduled": 3, "numberReady": 2}},
            {"kind": "Service", "metadata": {"name": "network-observability"}, "spec": {"ports": [{"name": "hubble", "port": 9965}]}},
        ]});
        let pods = json!({"apiVersion": "v1", "kind": "List", "items": [{
            "kind": "Pod", "metadata": {"name": "ama-metrics-node-x", "labels": {"dsName": "ama-metrics-node"}},
            "status": {"containerStatuses": [
                {"name": "addon-token-adapter", "ready": true, "restartCount": 1, "state": {"running": {"startedAt": "2026-11-20T09:00:00Z"}}},
                {"name": "prometheus-collector", "ready": true, "restartCount": 2, "state": {"running": {"startedAt": "2026-11-20T10:00:00Z"}}},
            ]},
        }]});
        let logs = format!("{looked:#}\nnode/a\nnode/b\nnode/c\n{pods:#}\n");
        let (access, sent) = cluster(vec![printed(0, &logs)]);
        let view = access.agents().await.unwrap();
        assert_eq!(
            (view.linux_nodes, view.hubble_port, view.cilium),
            (3, true, Some(super::super::Counts { desired: 3, ready: 2 }))
        );
        assert!(view.workloads[&Workload::Node].all_ready() && !view.workloads[&Workload::Replica].all_ready());
        assert!(!view.workloads.contains_key(&Workload::Ksm));
        let pod = &view.pods[0];
        assert_eq!((pod.workload, pod.ready, pod.restarts), (Workload::Node, true, 3));
        assert_eq!(pod.started, "2026-11-20T10:00:00Z".parse().ok());
        insta::assert_snapshot!(sent.lock().unwrap()[0].line, @"kubectl -n kube-system get deployment/ama-metrics deployment/ama-metrics-ksm deployment/ama-metrics-operator-targets daemonset/ama-metrics-node daemonset/cilium service/network-observability --ignore-not-found -o json && kubectl get nodes -l kubernetes.io/os=linux -o name && kubectl -n kube-system get pods -l rsName=ama-metrics -o json && kubectl -n kube-system get pods -l dsName=ama-metrics-node -o json");
    }

    #[tokio::test]
    async fn a_cluster_too_large_for_the_output_is_seen_without_its_pods() {
        let cut = format!("{{\"kind\": \"List\", \"items\": [\n{}", " ".repeat(logs::NEAR_THE_CUT));
        let (access, _) = cluster(vec![printed(0, &cut), printed(0, "node/a\n")]);
        assert_eq!(access.agents().await.unwrap().linux_nodes, 1);
    }

    #[tokio::test]
    async fn who_may_not_list_nodes_counts_the_node_agent() {
        let refusal = "Error from server (Forbidden): nodes is forbidden: User \"u\" cannot list resource \"nodes\"";
        let looked = json!({"kind": "List", "items": [{"kind": "DaemonSet", "metadata": {"name": "ama-metrics-node"},
            "status": {"desiredNumberScheduled": 3, "numberReady": 3}}]});
        let (access, sent) = cluster(vec![printed(1, refusal), printed(0, &format!("{looked:#}\n"))]);
        assert_eq!(access.agents().await.unwrap().linux_nodes, 3);
        assert!(!sent.lock().unwrap()[1].line.contains("get nodes"));
    }

    #[tokio::test]
    async fn a_restart_is_kubectls_own() {
        let (access, sent) = cluster(vec![printed(0, "daemonset.apps/ama-metrics-node restarted\n")]);
        access.restart(Workload::Node, Timestamp::UNIX_EPOCH).await.unwrap();
        insta::assert_snapshot!(sent.lock().unwrap()[0].line, @"kubectl -n kube-system rollout restart daemonset/ama-metrics-node");
    }

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Said(&'static str);

    #[tokio::test]
    async fn every_known_failure_has_a_name_and_a_class() {
        let failed = |reason: &str| {
            Ok(Answer {
                provisioning_state: "Failed".to_owned(),
                exit_code: Some(0),
                reason: Some(reason.to_owned()),
                ..Answer::default()
            })
        };
        let refused = |text| Err(RunnerError { class: Class::Invalid, source: Box::new(Said(text)) });
        let table = [
            (
                printed(1, "Error from server (Forbidden): configmaps \"m\" is forbidden: User \"x\" cannot get"),
                Class::Permission,
            ),
            (printed(1, "error: You must be logged in to the server (Unauthorized)"), Class::Credential),
            (
                printed(1, "Error from server (Conflict): error when applying patch: the object has been modified"),
                Class::Conflict,
            ),
            (printed(1, "Error from server: resourceVersion should not be set on objects to be created"), Class::Conflict),
            (printed(1, "admission webhook \"validation.gatekeeper.sh\" denied the request: no"), Class::Refused),
            (printed(7, "sh: kubectl: not found"), Class::Invalid),
            (printed(0, "no document"), Class::Transient),
            (failed("KubernetesPerformanceError: pod not started within 30 s"), Class::NotYet),
            (failed("admission webhook \"validation.gatekeeper.sh\" denied"), Class::Refused),
            (refused("Run command is disabled on this cluster"), Class::Refused),
            (refused("KubernetesOperationError: Not Found"), Class::NotYet),
            (refused("something else"), Class::Invalid),
        ];
        for (answer, class) in table {
            let shown = format!("{answer:?}");
            let (access, _) = cluster(vec![answer]);
            let error = access.config_map("kube-system", "m").await.unwrap_err();
            assert_eq!(error.class(), class, "{shown}: {error:?}");
        }
    }
}
