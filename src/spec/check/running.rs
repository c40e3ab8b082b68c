//! `terraform`, `delivery`, `verification` and `policies`.

use super::monitoring::duration;
use super::provider::{self, Constraint};
use super::{Report, names, regions, shown};
use crate::diag::Code;
use crate::spec::file::{Backend, BackendType, Delivery, Stack};
use crate::spec::source::escape;

/// Oldest minor version of Terraform 1 that is accepted.
const OLDEST_TERRAFORM: u64 = 9;

/// Variables that the generated files declare themselves.
const OWN_VARIABLES: [&str; 5] = ["subscription_id", "tenant_id", "location", "tags", "kubernetes_version"];

/// Names that Terraform keeps for itself.
const RESERVED_VARIABLES: [&str; 8] =
    ["source", "version", "providers", "count", "for_each", "lifecycle", "depends_on", "locals"];

pub(super) fn check(stack: &Stack, report: &mut Report<'_>) {
    program(stack, report);
    if let Err(why) = provider::judge(&stack.terraform.provider_version) {
        let what = format!("{why}, found {}", shown(&stack.terraform.provider_version));
        report.error_hint("/terraform/providerVersion", Code::SpecVersion, &what, "write `~> 5.2`, or `>= 4.62, < 5.0`");
    }
    backend(&stack.terraform.backend, report);
    for name in stack.terraform.variables.keys() {
        let at = format!("/terraform/variables/{}", escape(name));
        let legal = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') || !name.chars().all(legal) {
            report.error(&at, Code::SpecName, "must be letters, digits, `_` and `-`, with a letter or `_` first");
        } else if RESERVED_VARIABLES.contains(&name.as_str()) {
            report.error(&at, Code::SpecName, "is a name that Terraform reserves");
        } else if OWN_VARIABLES.contains(&name.as_str()) {
            let hint = "set the key of `azure` or `cluster` that it stands for, or choose another name";
            report.error_hint(&at, Code::SpecName, "is declared by the generated files already", hint);
        }
    }
    if stack.delivery == Delivery::Kubernetes && stack.cluster.private {
        let hint = "run aksight within the cluster's network, or choose `delivery: auto`";
        report.warning("/delivery", Code::SpecConflict, "goes through an API server that is private", hint);
    }
    duration(report, "/verification/bound", &stack.verification.bound);
    policies(stack, report);
}

fn program(stack: &Stack, report: &mut Report<'_>) {
    let text = &stack.terraform.version;
    let at = "/terraform/version";
    let Some(constraint) = Constraint::parse(text) else {
        return report.error(at, Code::SpecVersion, &format!("must be a constraint such as `>= 1.9`, found {}", shown(text)));
    };
    let supported = (OLDEST_TERRAFORM..60).map(|minor| (1, minor, 0)).chain(constraint.written());
    if !supported.filter(|version| *version >= (1, OLDEST_TERRAFORM, 0)).any(|version| constraint.allows(version)) {
        report.error(at, Code::SpecVersion, &format!("must allow 1.{OLDEST_TERRAFORM} or newer, found `{text}`"));
    }
}

fn backend(backend: &Backend, report: &mut Report<'_>) {
    let at = "/terraform/backend";
    let fields = [
        ("resourceGroup", &backend.resource_group, Some(&names::GROUP)),
        ("storageAccount", &backend.storage_account, Some(&names::STORAGE)),
        ("container", &backend.container, Some(&names::CONTAINER)),
        ("key", &backend.key, None),
    ];
    for (key, value, rule) in fields {
        let at = format!("{at}/{key}");
        match (backend.kind, value) {
            (BackendType::Local, Some(_)) => {
                let hint = "write `type: azurerm`, or remove this line";
                report.error_hint(&at, Code::SpecConflict, "belongs to a backend of type `azurerm`", hint);
            }
            (BackendType::Azurerm, None) if rule.is_some() => {
                report.error(&at, Code::SpecMissingKey, "is needed for a backend of type `azurerm`");
            }
            (BackendType::Azurerm, Some(text)) => match rule {
                Some(rule) => names::name(report, &at, text, rule),
                None => blob(report, &at, text),
            },
            _ => {}
        }
    }
    if backend.container.as_ref().is_some_and(|name| name.contains("--")) {
        report.error(&format!("{at}/container"), Code::SpecName, "must not have two hyphens in a row");
    }
}

fn blob(report: &mut Report<'_>, pointer: &str, text: &str) {
    let ends_well = !text.ends_with(['.', '/']) && !text.starts_with('/');
    if text.is_empty() || text.chars().count() > 1024 || text.chars().any(char::is_control) || !ends_well {
        report.error(pointer, Code::SpecName, "must be 1 to 1024 characters, without `/` first and without `.` or `/` last");
    }
}

fn policies(stack: &Stack, report: &mut Report<'_>) {
    let policies = &stack.policies;
    for (index, region) in policies.allowed_regions.iter().enumerate() {
        regions::region(report, &format!("/policies/allowedRegions/{index}"), region, stack.azure.cloud);
    }
    let lists = [("directories", &policies.directories), ("requiredTags", &policies.required_tags), ("ignore", &policies.ignore)];
    for (key, list) in lists {
        for (index, text) in list.iter().enumerate() {
            if text.trim().is_empty() || text.chars().any(char::is_control) {
                report.error(&format!("/policies/{key}/{index}"), Code::SpecValue, "must not be empty");
            }
        }
    }
    duration(report, "/policies/ingestion/minInterval", &policies.ingestion.min_interval);
}
