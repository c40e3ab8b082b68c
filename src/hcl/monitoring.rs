//! The Azure Monitor workspace and Grafana, when they are created and not there already.

use super::cluster::{lifecycle, word};
use super::id::canonical;
use super::layout::Body;
use super::value::Value;
use crate::desired::owner;
use crate::spec::{Placement, Spec};

const GRAFANA: &str = "azurerm_dashboard_grafana";

/// Adds the workspace.
pub(super) fn workspace(body: Body, spec: &Spec) -> Body {
    let Placement::Create(name) = &spec.workspace else { return body };
    let workspace = Body::new()
        .set("name", Value::text(name))
        .set("location", Value::Expression("azurerm_resource_group.this.location"))
        .set("resource_group_name", Value::Expression("azurerm_resource_group.this.name"))
        .set("tags", Value::Expression("var.tags"));
    body.part(&["resource", "azurerm_monitor_workspace", "this"], workspace)
}

/// Adds Grafana.
pub(super) fn grafana(body: Body, spec: &Spec) -> Body {
    let Placement::Create(name) = &spec.grafana else { return body };
    let wish = &spec.stack.grafana;
    let own = match &spec.workspace {
        Placement::Create(_) => Value::Expression("azurerm_monitor_workspace.this.id"),
        Placement::Existing(id) => Value::text(canonical(id)),
    };
    let integrations = std::iter::once(own).chain(spec.integrations.iter().map(|id| Value::text(canonical(id))));
    let arguments = Body::new()
        .set("name", Value::text(name))
        .set("location", Value::Expression("azurerm_resource_group.this.location"))
        .set("resource_group_name", Value::Expression("azurerm_resource_group.this.name"))
        .set("grafana_major_version", Value::text(&spec.grafana_major))
        .set_some("sku_size", wish.size.map(word))
        .set("public_network_access_enabled", Value::Bool(wish.public_access))
        .set("tags", Value::Expression("var.tags"))
        .gap()
        .comment(
            "Set at birth, ignored afterwards: azurerm would replace Grafana for another identity, and remove integrations that",
        )
        .comment("others added. aksight repairs the one and merges the other.")
        .block(&["identity"], Body::new().set("type", Value::text("SystemAssigned")));
    let arguments = integrations
        .fold(arguments, |body, id| body.part(&["azure_monitor_workspace_integrations"], Body::new().set("resource_id", id)));
    let arguments = arguments.part(&["lifecycle"], lifecycle(owner::ignored_by_terraform(GRAFANA, false, false)));
    body.part(&["resource", GRAFANA, "this"], arguments)
}
