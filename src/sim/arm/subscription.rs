//! Subscriptions, regions and resource providers (contract §1).

use serde_json::{Value, json};

use super::operations::scaled;
use super::reply::{Refusal, body, page, refuse};
use super::rights::Rights;
use super::{Reply, Setting};
use crate::sim::world::World;

/// Namespaces that every subscription has.
const ALWAYS: [&str; 3] = ["Microsoft.Authorization", "Microsoft.Resources", "Microsoft.ResourceGraph"];
/// Namespaces that a new subscription has to register first.
const KNOWN: [&str; 13] = [
    "Microsoft.ContainerService",
    "Microsoft.Network",
    "Microsoft.Compute",
    "Microsoft.Storage",
    "Microsoft.ManagedIdentity",
    "Microsoft.OperationsManagement",
    "Microsoft.OperationalInsights",
    "microsoft.insights",
    "Microsoft.AlertsManagement",
    "Microsoft.Monitor",
    "Microsoft.Dashboard",
    "Microsoft.KubernetesConfiguration",
    "Microsoft.PolicyInsights",
];
/// Registration takes half a minute to three (contract §1.2).
const REGISTRATION_SECONDS: u32 = 60;
/// Regions, by name and by the name that people read.
pub const REGIONS: [(&str, &str); 6] = [
    ("westeurope", "West Europe"),
    ("northeurope", "North Europe"),
    ("germanywestcentral", "Germany West Central"),
    ("eastus", "East US"),
    ("eastus2", "East US 2"),
    ("koreacentral", "Korea Central"),
];

/// The lower-case id of the one management group, the tenant's root: every subscription lies below it.
pub fn root_group(tenant: &str) -> String {
    format!("/providers/microsoft.management/managementgroups/{tenant}").to_ascii_lowercase()
}

/// Every subscription that the caller has anything to do in.
pub fn all(setting: &Setting, rights: &Rights) -> Reply {
    let seen = setting.subscriptions.iter().filter(|one| rights.reach(&format!("/subscriptions/{one}")));
    page(seen.map(|subscription| described(&Setting { subscription, ..*setting })))
}

/// The subscription itself.
pub fn described(setting: &Setting) -> Value {
    let subscription = setting.subscription;
    json!({"id": format!("/subscriptions/{subscription}"), "subscriptionId": subscription, "tenantId": setting.tenant,
        "displayName": "rehearsal", "state": "Enabled", "authorizationSource": "RoleBased", "managedByTenants": [],
        "subscriptionPolicies": {"locationPlacementId": "Public_2014-09-01", "quotaId": "PayAsYouGo_2014-09-01", "spendingLimit": "Off"}})
}

/// The tenant.
pub fn tenants(setting: &Setting) -> Reply {
    let tenant = setting.tenant;
    page(vec![
        json!({"id": format!("/tenants/{tenant}"), "tenantId": tenant, "displayName": "rehearsal", "tenantCategory": "Home"}),
    ])
}

/// The regions.
pub fn locations(setting: &Setting) -> Reply {
    let region = |(name, display): (&str, &str)| {
        json!({"id": format!("/subscriptions/{}/locations/{name}", setting.subscription), "name": name, "displayName": display,
            "regionalDisplayName": display, "type": "Region"})
    };
    page(REGIONS.into_iter().map(region))
}

/// A provider's registration state: asked for, it takes a while.
fn state(world: &World, setting: &Setting, namespace: &str) -> &'static str {
    if ALWAYS.iter().any(|known| known.eq_ignore_ascii_case(namespace)) {
        return "Registered";
    }
    match world.memory.registered.get(&registration(setting, namespace)) {
        Some(from) if *from <= setting.now => "Registered",
        Some(_) => "Registering",
        None => "NotRegistered",
    }
}

/// Registrations belong to a subscription.
fn registration(setting: &Setting, namespace: &str) -> String {
    format!("{}/{namespace}", setting.subscription).to_ascii_lowercase()
}

fn provider(world: &World, setting: &Setting, namespace: &str) -> Value {
    json!({"id": format!("/subscriptions/{}/providers/{namespace}", setting.subscription), "namespace": namespace,
        "registrationPolicy": "RegistrationRequired", "registrationState": state(world, setting, namespace), "resourceTypes": super::offers::resource_types(namespace)})
}

/// All providers, with the fields that a `$select` names.
pub fn providers(world: &World, setting: &Setting, select: Option<&str>) -> Reply {
    let narrowed = |mut told: Value| {
        if let (Some(select), Some(fields)) = (select, told.as_object_mut()) {
            fields.retain(|name, _| select.split(',').any(|wish| wish.trim().eq_ignore_ascii_case(name)));
        }
        told
    };
    page(ALWAYS.into_iter().chain(KNOWN).map(|namespace| narrowed(provider(world, setting, namespace))))
}

/// One provider, after what was asked to happen to it.
///
/// # Errors
/// No such namespace.
pub fn one_provider(world: &mut World, setting: &Setting, namespace: &str, action: Option<&str>) -> Result<Reply, Refusal> {
    let mut known = ALWAYS.into_iter().chain(KNOWN);
    let Some(namespace) = known.find(|known| known.eq_ignore_ascii_case(namespace)) else {
        return Err(refuse(404, "InvalidResourceNamespace", format!("The resource namespace '{namespace}' is invalid.")));
    };
    let key = registration(setting, namespace);
    match action {
        Some("register") => {
            world.memory.registered.entry(key).or_insert(setting.now + scaled(setting, REGISTRATION_SECONDS));
        }
        Some("unregister") => {
            world.memory.registered.remove(&key);
        }
        _ => {}
    }
    Ok(body(200, provider(world, setting, namespace)))
}

/// Nothing can be made in a namespace that is not registered.
///
/// # Errors
/// 409 `MissingSubscriptionRegistration`.
pub fn must_be_registered(world: &World, setting: &Setting, namespace: &str) -> Result<(), Refusal> {
    let spelled = KNOWN.into_iter().find(|known| known.eq_ignore_ascii_case(namespace)).unwrap_or(namespace);
    if state(world, setting, namespace) == "Registered" {
        return Ok(());
    }
    let message = format!(
        "The subscription is not registered to use namespace '{spelled}'. See https://aka.ms/rps-not-found for how to register subscriptions."
    );
    Err(refuse(409, "MissingSubscriptionRegistration", message))
}
