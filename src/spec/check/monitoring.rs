//! `monitoring`.

use std::collections::BTreeMap;

use super::targets::{CONTROL, DATA, POD_ANNOTATIONS, target};
use super::{Report, names, shown};
use crate::base::{go_duration, re2};
use crate::diag::Code;
use crate::spec::file::{KubeStateMetrics, Metrics, Stack};
use crate::spec::source::escape;

const METRICS: &str = "/monitoring/metrics";

pub(super) fn check(stack: &Stack, report: &mut Report<'_>) {
    let monitoring = &stack.monitoring;
    let workspace = &monitoring.workspace;
    let at = "/monitoring/workspace";
    either(report, at, workspace.name.is_some(), workspace.id.is_some());
    if let Some(name) = &workspace.name {
        names::name(report, &format!("{at}/name"), name, &names::WORKSPACE);
    }
    if let Some(id) = &workspace.id {
        names::resource_id(report, &format!("{at}/id"), id, "Microsoft.Monitor/accounts");
    }
    if let Some(alias) = &monitoring.cluster_alias {
        names::name(report, "/monitoring/clusterAlias", alias, &names::ALIAS);
    }
    metrics(&monitoring.metrics, report);
    allow_lists(&monitoring.metrics.kube_state_metrics, report);
}

/// Exactly one of `name` and `id`.
pub(super) fn either(report: &mut Report<'_>, pointer: &str, name: bool, id: bool) {
    match (name, id) {
        (true, true) => {
            report.error(
                pointer,
                Code::SpecConflict,
                "takes either `name`, to create one, or `id`, to use one that exists, not both",
            );
        }
        (false, false) => {
            report.error(pointer, Code::SpecMissingKey, "needs `name`, to create one, or `id`, to use one that exists");
        }
        _ => {}
    }
}

fn metrics(metrics: &Metrics, report: &mut Report<'_>) {
    let with_pods: Vec<&str> = DATA.iter().copied().chain([POD_ANNOTATIONS]).collect();
    for name in metrics.targets.keys() {
        target(report, &format!("{METRICS}/targets/{}", escape(name)), name, &DATA);
    }
    keep_lists(report, &format!("{METRICS}/keepLists"), &metrics.keep_lists, &with_pods);
    for (name, every) in &metrics.intervals {
        let at = format!("{METRICS}/intervals/{}", escape(name));
        target(report, &at, name, &with_pods);
        duration(report, &at, every);
    }
    for (index, namespace) in metrics.pod_annotation_namespaces.iter().enumerate() {
        names::name(report, &format!("{METRICS}/podAnnotationNamespaces/{index}"), namespace, &names::LABEL);
    }
    if let Some(control) = &metrics.control_plane {
        let at = format!("{METRICS}/controlPlane");
        for name in control.targets.keys() {
            target(report, &format!("{at}/targets/{}", escape(name)), name, &CONTROL);
        }
        keep_lists(report, &format!("{at}/keepLists"), &control.keep_lists, &CONTROL);
    }
}

fn keep_lists(report: &mut Report<'_>, pointer: &str, lists: &BTreeMap<String, String>, known: &[&str]) {
    for (name, pattern) in lists {
        let at = format!("{pointer}/{}", escape(name));
        target(report, &at, name, known);
        let wrong = if pattern.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
            Some("it must be one line".to_owned())
        } else if pattern.trim().is_empty() {
            Some("it is empty, which keeps nothing of its own: leave the key out".to_owned())
        } else {
            re2::parse(pattern).err()
        };
        if let Some(why) = wrong {
            let what = format!("is not a regular expression that the agents can read (RE2): {why}");
            let hint = "one bad expression makes the agents drop all keep-lists, and every metric is sent and paid for";
            report.error_hint(&at, Code::SpecRegex, &what, hint);
        }
    }
}

/// Reports what Go would not read as a duration.
pub(super) fn duration(report: &mut Report<'_>, pointer: &str, text: &str) {
    if go_duration::parse(text).is_none() {
        let what = format!("must be a duration such as `30s`, `1m30s` or `2h`, found {}", shown(text));
        report.error(pointer, Code::SpecDuration, &what);
    }
}

fn allow_lists(lists: &KubeStateMetrics, report: &mut Report<'_>) {
    for (key, list) in [("labels", &lists.labels), ("annotations", &lists.annotations)] {
        let Some(text) = list else { continue };
        let at = format!("{METRICS}/kubeStateMetrics/{key}");
        if let Err(why) = allow_list(text) {
            let what = format!("must look like `pods=[app,team],namespaces=[*]`: {why}");
            report.error(&at, Code::SpecValue, &what);
        } else if text.contains('*') {
            let hint = "every new value makes a new series: name the ones that you use";
            report.warning(&at, Code::SpecValue, &format!("takes every one of the {key}"), hint);
        }
    }
}

/// `resource=[key,key],resource=[*]`, as kube-state-metrics reads it.
fn allow_list(text: &str) -> Result<(), String> {
    let mut rest = text;
    loop {
        let (resource, tail) = rest.split_once("=[").ok_or_else(|| format!("{} has no `=[`", shown(rest)))?;
        if resource != "*" && (resource.is_empty() || !resource.bytes().all(|byte| byte.is_ascii_lowercase())) {
            return Err(format!("{} is not a kind in the plural, such as `pods`", shown(resource)));
        }
        let (keys, tail) = tail.split_once(']').ok_or("a `]` is missing")?;
        for key in keys.split(',') {
            let legal = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
            if key != "*" && (key.is_empty() || !key.chars().all(legal)) {
                return Err(format!("{} is not a key", shown(key)));
            }
        }
        match tail.strip_prefix(',') {
            Some(more) => rest = more,
            None if tail.is_empty() => return Ok(()),
            None => return Err(format!("{} does not go on with `,`", shown(tail))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allow_lists_are_read_as_kube_state_metrics_reads_them() {
        for good in ["pods=[app]", "pods=[app,app.kubernetes.io/name],namespaces=[*]", "*=[*]"] {
            assert_eq!(allow_list(good), Ok(()), "{good}");
        }
        for bad in ["", "pods", "pods=[", "pods=[]", "Pods=[a]", "pods=[a]x", "pods=[a],", "pods=[a b]"] {
            assert!(allow_list(bad).is_err(), "{bad}");
        }
    }
}
