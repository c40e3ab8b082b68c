//! Everything around the resources: versions, backend, provider, variables, outputs.

use super::State;
use super::id::canonical;
use super::layout::Body;
use super::value::Value;
use crate::spec::{Backend, Placement, Spec};

/// `versions.tf`.
pub(super) fn versions(spec: &Spec, state: &State) -> Body {
    let terraform = &spec.stack.terraform;
    let provider = Body::new().set(
        "azurerm",
        Value::Object(vec![("source", Value::text("hashicorp/azurerm")), ("version", Value::text(&terraform.provider_version))]),
    );
    let cloud = cloud(spec);
    let body = Body::new().set("required_version", Value::text(&terraform.version)).part(&["required_providers"], provider);
    let body = match (&spec.backend, state) {
        (
            Backend::Azurerm { resource_group, storage_account, container, key, use_entra },
            State::AsWritten | State::Shared { .. },
        ) => body.part(
            &["backend", "azurerm"],
            Body::new()
                .set("resource_group_name", Value::text(resource_group))
                .set("storage_account_name", Value::text(storage_account))
                .set("container_name", Value::text(container))
                .set("key", Value::text(key))
                .set("use_azuread_auth", Value::Bool(*use_entra))
                .set_some("environment", cloud),
        ),
        (_, State::Shared { schema }) => body.part(
            &["backend", "pg"],
            Body::new().set("schema_name", Value::text(schema)).comment("The address comes from PG_CONN_STR."),
        ),
        _ => body.part(&["backend", "local"], Body::new()),
    };
    Body::marked("The lock file beside it pins the provider that was first installed.").block(&["terraform"], body)
}

/// The cloud as backend and provider call it; nothing for the public one, so that `ARM_ENVIRONMENT` and a metadata host decide.
fn cloud(spec: &Spec) -> Option<Value> {
    let cloud = crate::base::Cloud::named(spec.stack.azure.cloud).environment;
    (cloud != "public").then(|| Value::text(cloud))
}

/// `provider.tf`.
pub(super) fn provider(spec: &Spec) -> Body {
    let body = Body::new()
        .comment("Registration takes minutes, and azurerm does not wait for all of it: aksight registers and waits.")
        .set("resource_provider_registrations", Value::text("none"))
        .comment("Null leaves it to ARM_SUBSCRIPTION_ID and ARM_TENANT_ID.")
        .set("subscription_id", Value::Expression("var.subscription_id"))
        .set("tenant_id", Value::Expression("var.tenant_id"))
        .set_some("environment", cloud(spec))
        .part(&["features"], Body::new());
    Body::marked("Credentials come from the environment (ARM_*) or from the az CLI, never from here.")
        .block(&["provider", "azurerm"], body)
}

/// What a person may want to set apart, with its description and its value.
fn inputs(spec: &Spec) -> Vec<(&'static str, Kind, &'static str, Option<Value>)> {
    let azure = &spec.stack.azure;
    let tags = azure.tags.iter().map(|(key, value)| (key.clone(), Value::text(value))).collect();
    vec![
        (
            "subscription_id",
            Kind::TextOrNull,
            "Subscription; null for ARM_SUBSCRIPTION_ID.",
            azure.subscription.as_ref().map(Value::text),
        ),
        ("tenant_id", Kind::TextOrNull, "Entra tenant; null for ARM_TENANT_ID.", azure.tenant.as_ref().map(Value::text)),
        ("location", Kind::Text, "Region of everything that is created.", Some(Value::text(&azure.location))),
        ("tags", Kind::Texts, "Tags on everything that is created.", Some(Value::Map(tags))),
        (
            "kubernetes_version",
            Kind::TextOrNull,
            "Kubernetes version; null for Azure's default.",
            spec.stack.cluster.kubernetes_version.as_ref().map(Value::text),
        ),
    ]
}

/// The names of the variables that every stack has.
#[cfg(test)]
pub(super) fn input_names(spec: &Spec) -> Vec<&'static str> {
    inputs(spec).into_iter().map(|input| input.0).collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    TextOrNull,
    Texts,
}

/// `variables.tf`.
pub(super) fn variables(spec: &Spec) -> Body {
    let own = inputs(spec).into_iter().map(|(name, kind, description, _)| {
        let of_type = Value::Expression(if kind == Kind::Texts { "map(string)" } else { "string" });
        let body = Body::new().set("description", Value::text(description)).set("type", of_type);
        let body = if kind == Kind::TextOrNull { body.set("default", Value::Expression("null")) } else { body };
        (name.to_owned(), body)
    });
    let further = spec.stack.terraform.variables.keys().map(|name| {
        let body = Body::new().set("description", Value::text("From `terraform.variables` in aksight.yaml."));
        (name.clone(), body.set("type", Value::Expression("string")))
    });
    own.chain(further)
        .fold(Body::marked("Values are in terraform.tfvars."), |all, (name, body)| all.part(&["variable", &name], body))
}

/// `terraform.tfvars`.
pub(super) fn values(spec: &Spec) -> Body {
    let own = inputs(spec).into_iter().filter_map(|(name, _, _, value)| Some((name.to_owned(), value?)));
    let further = spec.stack.terraform.variables.iter().map(|(name, value)| (name.clone(), Value::text(value)));
    own.chain(further)
        .fold(Body::marked("No secrets: those belong into TF_VAR_… variables of the environment."), |all, (name, value)| {
            all.set(&name, value)
        })
}

/// `outputs.tf`. Nothing that aksight writes is an output, or a repair would show up as a change of terraform's.
pub(super) fn outputs(spec: &Spec) -> Body {
    let created = |placement: &Placement| matches!(placement, Placement::Create(_));
    let id = |placement: &Placement, own| match placement {
        Placement::Create(_) => Value::Expression(own),
        Placement::Existing(id) => Value::text(canonical(id)),
    };
    let endpoint = |placement, name, description, own| created(placement).then_some((name, description, Value::Expression(own)));
    let all = [
        Some(("resource_group_name", "Resource group.", Value::Expression("azurerm_resource_group.this.name"))),
        Some(("cluster_id", "AKS cluster.", Value::Expression("azurerm_kubernetes_cluster.this.id"))),
        Some(("cluster_name", "Name of the cluster.", Value::Expression("azurerm_kubernetes_cluster.this.name"))),
        Some(("workspace_id", "Azure Monitor workspace.", id(&spec.workspace, "azurerm_monitor_workspace.this.id"))),
        endpoint(
            &spec.workspace,
            "prometheus_query_endpoint",
            "Where the workspace answers PromQL.",
            "azurerm_monitor_workspace.this.query_endpoint",
        ),
        Some(("grafana_id", "Managed Grafana.", id(&spec.grafana, "azurerm_dashboard_grafana.this.id"))),
        endpoint(&spec.grafana, "grafana_endpoint", "Where Grafana is opened.", "azurerm_dashboard_grafana.this.endpoint"),
    ];
    all.into_iter().flatten().fold(
        Body::marked("`aksight outputs` prints them without terraform."),
        |body, (name, description, value)| {
            let output = Body::new().set("description", Value::text(description)).set("value", value);
            body.part(&["output", name], output)
        },
    )
}
