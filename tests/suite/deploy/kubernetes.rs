//! The Kubernetes manifests: every document is what its kind knows and nothing more, all parts fit together, and pods may do little.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::CronJob;
use k8s_openapi::api::core::v1::{Container, Namespace, PodSpec, Secret, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{deploy, knows, word, yaml};
use crate::{aksight, text};

const PARTS: [&str; 3] = ["base", "daemon", "cronjob"];
/// What shows the shape of secrets and must never be applied.
const EXAMPLE: &str = "secret.example.yaml";

fn part(part: &str) -> PathBuf {
    deploy("kubernetes").join(part)
}

/// The names of the files of a part that hold manifests.
fn manifests(of: &str) -> BTreeSet<String> {
    let paths = std::fs::read_dir(part(of)).unwrap().map(|entry| entry.unwrap().path());
    let yaml = paths.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    let names = yaml.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
    names.filter(|name| name != "kustomization.yaml").collect()
}

fn document<T: DeserializeOwned>(path: &str) -> T {
    serde_json::from_value(yaml(&format!("kubernetes/{path}"))).unwrap_or_else(|why| panic!("{path}: {why}"))
}

/// What comes back from the type: a field that it does not know is lost on the way.
fn through<T: DeserializeOwned + Serialize>(written: &Value) -> Value {
    let typed: T = serde_json::from_value(written.clone()).unwrap_or_else(|why| panic!("{why}: {written}"));
    serde_json::to_value(typed).unwrap()
}

#[test]
fn every_manifest_is_what_its_kind_knows() {
    let mut kinds = BTreeSet::new();
    for of in PARTS {
        for name in manifests(of) {
            let path = format!("kubernetes/{of}/{name}");
            let written = yaml(&path);
            let kind = (word(&written, "apiVersion"), word(&written, "kind"));
            let known = match kind {
                ("v1", "Namespace") => through::<Namespace>(&written),
                ("v1", "Secret") => through::<Secret>(&written),
                ("v1", "Service") => through::<Service>(&written),
                ("v1", "ServiceAccount") => through::<ServiceAccount>(&written),
                ("apps/v1", "Deployment") => through::<Deployment>(&written),
                ("batch/v1", "CronJob") => through::<CronJob>(&written),
                ("networking.k8s.io/v1", "NetworkPolicy") => through::<NetworkPolicy>(&written),
                ("policy/v1", "PodDisruptionBudget") => through::<PodDisruptionBudget>(&written),
                other => panic!("{path}: {other:?}"),
            };
            assert_eq!(known, written, "{path}");
            kinds.insert(kind.1.to_owned());
        }
    }
    assert_eq!(kinds.len(), 8);
}

#[test]
fn the_kustomizations_name_every_file_and_never_a_secret() {
    for of in PARTS {
        let kustomization = yaml(&format!("kubernetes/{of}/kustomization.yaml"));
        let words =
            |value: &Value| value.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect::<Vec<_>>();
        let resources: BTreeSet<String> = words(&kustomization["resources"]).into_iter().collect();
        let mut there = manifests(of);
        there.remove(EXAMPLE);
        if of != "base" {
            there.insert("../base".to_owned());
        }
        assert_eq!(resources, there, "{of}");
        for generator in kustomization["configMapGenerator"].as_array().into_iter().flatten() {
            for file in words(&generator["files"]) {
                assert!(part(of).join(&file).is_file(), "{of}/{file}");
            }
        }
        for name in there.iter().filter(|name| !name.starts_with("..")) {
            assert_ne!(word(&yaml(&format!("kubernetes/{of}/{name}")), "kind"), "Secret");
        }
    }
}

fn deployment() -> Deployment {
    document("daemon/deployment.yaml")
}

fn cron_job() -> CronJob {
    document("cronjob/cronjob.yaml")
}

fn pod(deployment: Deployment) -> (BTreeMap<String, String>, PodSpec) {
    let template = deployment.spec.template;
    (template.metadata.unwrap().labels.unwrap(), template.spec.unwrap())
}

fn pods() -> [(BTreeMap<String, String>, PodSpec); 2] {
    let template = cron_job().spec.job_template.spec.unwrap().template;
    [pod(deployment()), (template.metadata.unwrap().labels.unwrap(), template.spec.unwrap())]
}

#[test]
fn pods_may_do_little_and_sign_in_by_workload_identity() {
    let account: ServiceAccount = document("base/serviceaccount.yaml");
    assert!(account.metadata.annotations.unwrap().contains_key("azure.workload.identity/client-id"));
    assert_eq!(account.automount_service_account_token, Some(false));
    for (labels, pod) in pods() {
        assert_eq!(labels["azure.workload.identity/use"], "true");
        assert_eq!(pod.service_account_name, account.metadata.name);
        assert_eq!(pod.automount_service_account_token, Some(false));
        assert!(pod.host_network.is_none() && pod.host_pid.is_none() && pod.host_ipc.is_none());
        let security = pod.security_context.unwrap();
        assert_eq!((security.run_as_non_root, security.run_as_user), (Some(true), Some(65532)));
        assert_eq!(security.seccomp_profile.unwrap().type_, "RuntimeDefault");
        assert!(pod.termination_grace_period_seconds >= Some(3000), "an AKS update takes its time");
        for volume in pod.volumes.iter().flatten() {
            assert!(volume.host_path.is_none());
            assert!(volume.empty_dir.as_ref().is_none_or(|dir| dir.size_limit.is_some()), "{}", volume.name);
        }
        let [container] = <[Container; 1]>::try_from(pod.containers).unwrap();
        knows(&container.args.unwrap());
        let security = container.security_context.unwrap();
        assert_eq!((security.read_only_root_filesystem, security.allow_privilege_escalation), (Some(true), Some(false)));
        let capabilities = security.capabilities.unwrap();
        assert_eq!((capabilities.drop.unwrap(), capabilities.add), (vec!["ALL".to_owned()], None));
        let resources = container.resources.unwrap();
        assert!(["cpu", "memory"].iter().all(|what| resources.requests.as_ref().unwrap().contains_key(*what)));
        assert!(resources.limits.unwrap().contains_key("memory"));
    }
}

/// What a mount names is there, and what is there is mounted.
#[test]
fn volumes_and_mounts_are_a_match() {
    for (_, pod) in pods() {
        let volumes: BTreeSet<String> = pod.volumes.unwrap().into_iter().map(|volume| volume.name).collect();
        let mounts = pod.containers[0].volume_mounts.as_ref().unwrap();
        assert_eq!(mounts.iter().map(|mount| mount.name.clone()).collect::<BTreeSet<_>>(), volumes);
    }
}

#[test]
fn the_door_is_where_probes_services_and_the_policy_look() {
    let (labels, pod) = pod(deployment());
    let container = &pod.containers[0];
    let port = &container.ports.as_ref().unwrap()[0];
    let name = json!(port.name);
    for (probe, path) in
        [(&container.startup_probe, "/healthz"), (&container.liveness_probe, "/healthz"), (&container.readiness_probe, "/readyz")]
    {
        let get = json!(probe.as_ref().unwrap().http_get);
        assert_eq!((&get["path"], &get["port"], &get["scheme"]), (&json!(path), &name, &json!("HTTPS")));
    }
    let chosen = |selector: &Option<BTreeMap<String, String>>| {
        let selector = selector.as_ref().unwrap();
        !selector.is_empty() && selector.iter().all(|(key, value)| labels.get(key) == Some(value))
    };
    let mut names = Vec::new();
    for file in ["daemon/service.yaml", "daemon/service-replicas.yaml"] {
        let service: Service = document(file);
        let spec = service.spec.unwrap();
        assert!(chosen(&spec.selector), "{file}");
        assert_eq!(json!(spec.ports.unwrap()[0].target_port), name, "{file}");
        names.push(format!("{}.aksight.svc", service.metadata.name.unwrap()));
    }
    let budget: PodDisruptionBudget = document("daemon/poddisruptionbudget.yaml");
    assert!(chosen(&budget.spec.unwrap().selector.unwrap().match_labels));
    let spec = deployment().spec;
    assert!(chosen(&spec.selector.match_labels) && spec.replicas >= Some(2));
    let policy: NetworkPolicy = document("base/networkpolicy.yaml");
    let policy = policy.spec.unwrap();
    assert!(chosen(&policy.pod_selector.unwrap().match_labels));
    assert_eq!(json!(policy.ingress.unwrap()[0].ports.as_ref().unwrap()[0].port), json!(port.container_port));
    let out = policy.egress.unwrap().into_iter().flat_map(|rule| rule.ports.unwrap()).map(|to| json!(to.port));
    assert_eq!(out.collect::<Vec<_>>(), [json!(53), json!(53), json!(443), json!(5432)]);
    // Prometheus finds the replicas by the one name, and expects the certificate of the other.
    let jobs = yaml("prometheus/prometheus.yaml")["scrape_configs"].clone();
    let job = jobs.as_array().unwrap().iter().find(|job| !job["dns_sd_configs"].is_null()).unwrap();
    let found = &job["dns_sd_configs"][0];
    assert_eq!(job["tls_config"]["server_name"], json!(names[0]));
    assert_eq!((&found["names"][0], &found["port"]), (&json!(names[1]), &json!(port.container_port)));
}

#[test]
fn the_cron_job_runs_one_reconciliation_at_a_time() {
    let spec = cron_job().spec;
    assert_eq!(spec.concurrency_policy.as_deref(), Some("Forbid"));
    assert!(spec.successful_jobs_history_limit.is_some() && spec.failed_jobs_history_limit.is_some());
    let job = spec.job_template.spec.unwrap();
    let pod = job.template.spec.unwrap();
    assert_eq!((job.backoff_limit, pod.restart_policy.as_deref()), (Some(0), Some("Never")));
}

/// The daemon is content with the files, laid out as the pod mounts them.
#[test]
fn the_daemon_takes_its_files() {
    let home = tempfile::tempdir().unwrap();
    let etc = home.path();
    for directory in ["config", "stacks", "store", "tls"] {
        std::fs::create_dir(etc.join(directory)).unwrap();
    }
    std::fs::copy(part("daemon/aksightd.toml"), etc.join("config/aksightd.toml")).unwrap();
    std::fs::copy(part("base/stacks/aksight.yaml"), etc.join("stacks/aksight.yaml")).unwrap();
    let url = yaml("kubernetes/base/secret.example.yaml")["stringData"]["url"].clone();
    std::fs::write(etc.join("store/url"), url.as_str().unwrap()).unwrap();
    let mounts = pod(deployment()).1.containers[0].volume_mounts.clone().unwrap();
    for directory in ["config", "stacks", "store", "tls"] {
        assert!(mounts.iter().any(|mount| mount.mount_path == format!("/etc/aksight/{directory}")), "{directory}");
    }
    let done = aksight(etc, &["daemon", "--check", "--config", "config/aksightd.toml"]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    assert!(text(&done.stdout).contains("1 stack is valid"), "{}", text(&done.stdout));
}
