//! `grafana`.

use std::collections::BTreeMap;

use super::monitoring::either;
use super::{Report, names, provider, shown};
use crate::base::ArmId;
use crate::diag::Code;
use crate::spec::file::{Principal, Stack};
use crate::spec::suggest;

pub(super) fn check(stack: &Stack, report: &mut Report<'_>) {
    let grafana = &stack.grafana;
    either(report, "/grafana", grafana.name.is_some(), grafana.id.is_some());
    if let Some(name) = &grafana.name {
        names::name(report, "/grafana/name", name, &names::GRAFANA);
    }
    if let Some(id) = &grafana.id {
        names::resource_id(report, "/grafana/id", id, "Microsoft.Dashboard/grafana");
        for key in ["majorVersion", "size", "publicAccess"] {
            let at = format!("/grafana/{key}");
            if report.writes(&at) {
                let hint = "an existing Grafana keeps its settings: remove this line";
                report.error_hint(&at, Code::SpecConflict, "belongs to a Grafana that is created, but `grafana.id` is set", hint);
            }
        }
    }
    if let Some(version) = &grafana.major_version {
        major(stack, version, report);
    }
    principals(stack, report);
    integrations(stack, report);
}

fn major(stack: &Stack, version: &str, report: &mut Report<'_>) {
    let constraint = &stack.terraform.provider_version;
    let allowed = provider::grafana_majors(constraint);
    if allowed.contains(&version) || (allowed.is_empty() && provider::ALL_MAJORS.contains(&version)) {
        return;
    }
    let all = if allowed.is_empty() { provider::ALL_MAJORS.to_vec() } else { allowed };
    let what = format!("must be {} for azurerm `{constraint}`, found {}", suggest::list(&all), shown(version));
    let at = "/grafana/majorVersion";
    if provider::ALL_MAJORS.contains(&version) {
        report.error_hint(at, Code::SpecVersion, &what, "`terraform.providerVersion: \"~> 5.2\"` knows it");
    } else {
        report.error(at, Code::SpecVersion, &what);
    }
}

fn principals(stack: &Stack, report: &mut Report<'_>) {
    let grafana = &stack.grafana;
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for (list, all) in [("admins", &grafana.admins), ("editors", &grafana.editors), ("viewers", &grafana.viewers)] {
        for (index, principal) in all.iter().enumerate() {
            let at = format!("/grafana/{list}/{index}");
            let id_at = if matches!(principal, Principal::Id(_)) { at.clone() } else { format!("{at}/objectId") };
            let id = principal.object_id();
            if id.contains('@') {
                let hint = format!("`az ad user show --id {} --query id` prints it", id.escape_debug());
                report.error_hint(&id_at, Code::SpecId, "must be an object id, found a sign-in name", &hint);
            } else {
                names::guid(report, &id_at, id, "an object id");
            }
            if let Some(other) = seen.insert(id.to_lowercase(), list.to_owned()) {
                let hint = "the higher role includes the lower: keep one of them";
                report.warning(&id_at, Code::SpecConflict, &format!("is listed under `{other}` already"), hint);
            }
        }
    }
    if !grafana.include_me && seen.is_empty() {
        let hint = "name `admins`, or leave `includeMe` at its default";
        report.warning(
            "/grafana/includeMe",
            Code::SpecConflict,
            "is off and nobody else is named, so nobody can open Grafana",
            hint,
        );
    }
}

fn integrations(stack: &Stack, report: &mut Report<'_>) {
    let mut seen: Vec<ArmId> = stack.monitoring.workspace.id.iter().filter_map(|id| ArmId::parse(id).ok()).collect();
    for (index, text) in stack.grafana.integrations.iter().enumerate() {
        let at = format!("/grafana/integrations/{index}");
        names::resource_id(report, &at, text, "Microsoft.Monitor/accounts");
        let Ok(id) = ArmId::parse(text) else { continue };
        if seen.contains(&id) {
            let hint = "the stack's own workspace is always linked; list each further one once";
            report.warning(&at, Code::SpecConflict, "is linked already", hint);
        }
        seen.push(id);
    }
}
