//! What must hold between stacks.

use std::collections::BTreeMap;

use super::FleetStack;
use super::shape::Shape;
use crate::diag::{Code, Diagnostic};
use crate::spec::source::Source;
use crate::spec::{Placement, Spec};

/// Names are unique, no two stacks own one thing, and no two send to one workspace under the same `cluster` label.
pub(super) fn check(stacks: &[FleetStack], shape: &Shape, source: &Source) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut names: BTreeMap<&str, &str> = BTreeMap::new();
    for entry in &shape.stacks {
        if let Some(first) = names.insert(&entry.name, &entry.pointer) {
            let told = Diagnostic::error(Code::SpecCollision, format!("two stacks are called `{}`", entry.name));
            let told = told.at(source.span(&format!("{}/name", entry.pointer)));
            found.push(told.hint(format!("the first is in line {}", source.span(&format!("{first}/name")).line)));
        }
    }
    found.extend(doubles(stacks, "make the same cluster", "give one of them another name or resource group", |spec| {
        Some(format!("{}/{}/{}", subscription(spec), spec.stack.azure.resource_group, spec.stack.cluster.name))
    }));
    found.extend(doubles(
        stacks,
        "send to one workspace with the same `cluster` label: their metrics would be mixed for ever",
        "set `monitoring.clusterAlias` in one of them",
        |spec| {
            let label = spec.stack.monitoring.cluster_alias.clone().unwrap_or_else(|| spec.stack.cluster.name.clone());
            Some(format!("{} {label}", workspace(spec)))
        },
    ));
    found
}

fn subscription(spec: &Spec) -> &str {
    spec.stack.azure.subscription.as_deref().unwrap_or("the one that is signed in to")
}

fn workspace(spec: &Spec) -> String {
    match &spec.workspace {
        Placement::Existing(id) => id.to_string(),
        Placement::Create(name) => crate::base::ArmId::of_group(subscription(spec), &spec.stack.azure.resource_group)
            .resource(crate::base::Kind::MonitorWorkspace.resource_type(), name)
            .to_string(),
    }
}

fn doubles(stacks: &[FleetStack], what: &str, remedy: &str, key: impl Fn(&Spec) -> Option<String>) -> Vec<Diagnostic> {
    let mut seen: BTreeMap<String, &FleetStack> = BTreeMap::new();
    let mut found = Vec::new();
    for stack in stacks {
        let Some(key) = key(&stack.spec) else { continue };
        match seen.get(&key.to_lowercase()) {
            Some(first) => {
                let told = format!("the stacks `{}` and `{}` {what}", first.name(), stack.name());
                let line = first.spec.span("/cluster/name").line;
                let told = Diagnostic::error(Code::SpecCollision, told).at(stack.spec.span("/cluster/name"));
                found.push(told.hint(remedy).hint(format!("`{}` says it in line {line}", first.name())));
            }
            None => {
                seen.insert(key.to_lowercase(), stack);
            }
        }
    }
    found
}
