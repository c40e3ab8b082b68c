//! What is asked before a run and by no run: rights, offers and quotas. Everything side by side, and only read.

use std::collections::BTreeMap;

use futures::future::join_all;
use serde_json::Value;

use crate::azure::{self, Azure};
use crate::base::{ArmId, ArmObject, Class, Kind};
use crate::desired::Desired;
use crate::observed::{KubernetesVersion, MachineSize, Offer, Permission, Preflight, Sight, Usage, prometheus_workspaces};

/// The kinds whose offer is of interest.
const OFFERED: [Kind; 6] = [
    Kind::ManagedCluster,
    Kind::MonitorWorkspace,
    Kind::Grafana,
    Kind::DataCollectionEndpoint,
    Kind::DataCollectionRule,
    Kind::PrometheusRuleGroup,
];

/// An answer as a sight. A provider that is not registered yet answers nothing about its regions.
fn sight<T>(namespace: &str, answer: Result<Option<T>, azure::Error>) -> Sight<T> {
    match answer {
        Err(error) if error.class() == Class::Absent => Sight::Absent,
        Err(error) if error.is("MissingSubscriptionRegistration") => {
            Sight::Unknown(format!("{namespace} answers once it is registered"))
        }
        other => Sight::from_answer(other),
    }
}

/// Asks. `scopes` are where rights must be known, `size` is the size of the nodes, `state` the ids in terraform's state.
pub async fn preflight(desired: &Desired, azure: &Azure, scopes: &[ArmId], size: &str, state: Sight<Vec<ArmId>>) -> Preflight {
    let (permissions, offers, kubernetes, size, compute, network, senders) = tokio::join!(
        permissions(azure, scopes),
        offers(desired, azure),
        kubernetes(desired, azure),
        machines(desired, azure, size),
        usages(desired, azure, Kind::ComputeUsage),
        usages(desired, azure, Kind::NetworkUsage),
        senders(desired, azure),
    );
    Preflight { permissions, offers, kubernetes, size, compute, network, senders, state }
}

/// What the signed-in principal may do at each of these scopes; a scope that is not there is absent.
pub async fn permissions(azure: &Azure, scopes: &[ArmId]) -> BTreeMap<ArmId, Sight<Vec<Permission>>> {
    let asked = scopes.iter().map(|scope| async move {
        let listed = azure.list(scope, Kind::Permissions, None).await;
        let read = listed.map(|entries| Some(entries.iter().map(Permission::read).collect()));
        (scope.clone(), sight("Microsoft.Authorization", read))
    });
    join_all(asked).await.into_iter().collect()
}

async fn offers(desired: &Desired, azure: &Azure) -> BTreeMap<String, Sight<Offer>> {
    let mut namespaces: Vec<&str> = OFFERED.iter().filter_map(|kind| kind.resource_type().split('/').next()).collect();
    namespaces.dedup();
    let asked = namespaces.into_iter().map(|namespace| async move {
        let id = ArmId::parse(&format!("{}/providers/{namespace}", desired.subscription));
        let found = match id {
            Ok(id) => sight(namespace, azure.get(&id, Kind::ProviderRegistration).await),
            Err(error) => Sight::Unknown(error.to_string()),
        };
        let of_namespace = OFFERED.iter().map(|kind| kind.resource_type().to_ascii_lowercase());
        let of_namespace = of_namespace.filter(move |name| name.starts_with(&format!("{}/", namespace.to_ascii_lowercase())));
        let told: Vec<(String, Sight<Offer>)> = match found {
            Sight::Present(provider) => {
                let mut all: BTreeMap<String, Offer> = Offer::read_all(&provider.body).collect();
                of_namespace.map(|name| (name.clone(), all.remove(&name).map_or(Sight::Absent, Sight::Present))).collect()
            }
            Sight::Absent => of_namespace.map(|name| (name, Sight::Absent)).collect(),
            Sight::Unknown(why) => of_namespace.map(|name| (name, Sight::Unknown(why.clone()))).collect(),
        };
        told
    });
    join_all(asked).await.into_iter().flatten().collect()
}

/// What lies at the stack's region of a provider.
fn region(desired: &Desired, namespace: &str) -> Result<ArmId, crate::base::arm_id::BadArmId> {
    ArmId::parse(&format!("{}/providers/{namespace}/locations/{}", desired.subscription, desired.location))
}

async fn kubernetes(desired: &Desired, azure: &Azure) -> Sight<Vec<KubernetesVersion>> {
    let namespace = "Microsoft.ContainerService";
    let id = match region(desired, namespace) {
        Ok(id) => id,
        Err(error) => return Sight::Unknown(error.to_string()),
    };
    let answer = azure.read_below(&id, "kubernetesVersions", Kind::ManagedCluster).await;
    sight(namespace, answer.map(|found| found.as_ref().map(KubernetesVersion::read_all)))
}

async fn machines(desired: &Desired, azure: &Azure, size: &str) -> Sight<MachineSize> {
    let filter = format!("location eq '{}'", desired.location);
    let listed = azure.list(&desired.subscription, Kind::ComputeSku, Some(&filter)).await;
    sight("Microsoft.Compute", listed.map(|entries| entries.iter().find_map(|entry| MachineSize::read(entry, size))))
}

async fn usages(desired: &Desired, azure: &Azure, kind: Kind) -> Sight<Vec<Usage>> {
    let namespace = kind.resource_type().split('/').next().unwrap_or_default();
    let id = match region(desired, namespace) {
        Ok(id) => id,
        Err(error) => return Sight::Unknown(error.to_string()),
    };
    let listed = azure.list_below(&id, "usages", kind).await;
    let read = |entries: Vec<Value>| Some(entries.iter().filter_map(Usage::read).collect());
    sight(namespace, listed.map(read))
}

/// Rules lie in the subscription of what they send to, or elsewhere: those of other subscriptions are not seen.
async fn senders(desired: &Desired, azure: &Azure) -> Sight<Vec<ArmId>> {
    let Some(subscription) = desired.workspace.subscription().map(ArmId::of_subscription) else { return Sight::Absent };
    let listed = match azure.list(&subscription, Kind::DataCollectionRule, None).await {
        Ok(listed) => listed,
        Err(error) => return sight("microsoft.insights", Err(error)),
    };
    let object = |body: Value| Some(ArmObject { id: ArmId::parse(body["id"].as_str()?).ok()?, body, etag: None });
    let rules = listed.into_iter().filter_map(object).filter(|rule| prometheus_workspaces(rule).contains(&desired.workspace));
    let users =
        rules.map(|rule| async move { azure.list_below(&rule.id, "associations", Kind::DataCollectionRuleAssociation).await });
    let mut senders = Vec::new();
    for answer in join_all(users).await {
        match answer {
            Ok(associations) => senders.extend(associations.iter().filter_map(|entry| associated(entry["id"].as_str()?))),
            Err(error) => return sight("microsoft.insights", Err(error)),
        }
    }
    senders.sort();
    senders.dedup();
    Sight::Present(senders)
}

/// What an association hangs on.
fn associated(id: &str) -> Option<ArmId> {
    let part = id.to_ascii_lowercase().rfind("/providers/microsoft.insights/")?;
    ArmId::parse(id.get(..part)?).ok()
}
