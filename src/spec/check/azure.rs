//! `metadata` and `azure`.

use std::collections::BTreeSet;

use super::{Report, names, regions, shown};
use crate::diag::Code;
use crate::spec::file::Stack;
use crate::spec::source::escape;

pub(super) fn check(stack: &Stack, report: &mut Report<'_>) {
    let azure = &stack.azure;
    names::name(report, "/metadata/name", &stack.metadata.name, &names::LABEL);
    names::name(report, "/azure/resourceGroup", &azure.resource_group, &names::GROUP);
    regions::region(report, "/azure/location", &azure.location, azure.cloud);
    if let Some(tenant) = &azure.tenant {
        names::guid(report, "/azure/tenant", tenant, "the id of an Entra tenant");
    }
    if let Some(subscription) = &azure.subscription {
        names::guid(report, "/azure/subscription", subscription, "the id of a subscription");
    }
    tags(stack, report);
}

fn tags(stack: &Stack, report: &mut Report<'_>) {
    let tags = &stack.azure.tags;
    if tags.len() > 50 {
        report.error("/azure/tags", Code::SpecTag, &format!("may hold 50 tags at most, found {}", tags.len()));
    }
    let mut seen = BTreeSet::new();
    for (key, value) in tags {
        let pointer = format!("/azure/tags/{}", escape(key));
        if let Some(why) = bad_key(key) {
            report.error(&pointer, Code::SpecTag, &format!("{why}; found the key {}", shown(key)));
        }
        if !seen.insert(key.to_lowercase()) {
            report.error(&pointer, Code::SpecTag, "differs from another tag in upper and lower case only, which Azure ignores");
        }
        if value.chars().count() > 256 || value.chars().any(char::is_control) {
            report.error(&pointer, Code::SpecTag, "must be one line of at most 256 characters");
        }
    }
}

fn bad_key(key: &str) -> Option<&'static str> {
    let lower = key.to_lowercase();
    if key.is_empty() || key.chars().count() > 512 {
        return Some("needs a key of 1 to 512 characters");
    }
    if key.contains(|c: char| "<>%&\\?/".contains(c) || c.is_control()) {
        return Some("needs a key without `<`, `>`, `%`, `&`, `\\`, `?` and `/`");
    }
    let reserved = ["microsoft", "azure", "windows"].iter().any(|prefix| lower.starts_with(prefix));
    reserved.then_some("needs a key that does not start with `microsoft`, `azure` or `windows`, which Azure reserves")
}
