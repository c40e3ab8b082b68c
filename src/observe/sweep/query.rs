//! The questions, and rows as the bodies that ARM would have given.
//!
//! Only columns that somebody compares are asked for: whole clusters would not fit into an answer. Properties come as columns of
//! their own, `p_NAME`, and are put back where ARM has them.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::base::{ArmId, ArmObject, Kind};
use crate::desired::Desired;
use crate::desired::address::{CLUSTER, GRAFANA};
use crate::observed::{Assignment, PROMETHEUS_STREAM};

const PROPERTY: &str = "p_";

/// Resources of a kind, by id or all there are.
pub(super) fn objects(kind: Kind, stacks: &[Desired], ids: Option<&BTreeSet<ArmId>>) -> String {
    let (table, of_type) = match kind {
        Kind::ResourceGroup => ("resourcecontainers", "Microsoft.Resources/subscriptions/resourceGroups"),
        _ => ("resources", kind.resource_type()),
    };
    let mut query = format!("{table} | where type =~ '{}'", of_type.to_ascii_lowercase());
    match ids {
        Some(ids) => {
            let _infallible = write!(query, " and id in~ ({})", listed(ids.iter().map(ArmId::as_str)));
        }
        // A subscription has rules for logs of machines too, often many.
        None if kind == Kind::DataCollectionRule => {
            let _infallible = write!(query, " and tostring(properties.dataFlows) contains '{PROMETHEUS_STREAM}'");
        }
        None => {}
    }
    query += " | project id, location, tags";
    if matches!(kind, Kind::ManagedCluster | Kind::Grafana) {
        query += ", sku, identity";
    }
    for name in properties(kind, stacks) {
        let _infallible = write!(query, ", {PROPERTY}{name} = properties.{name}");
    }
    query + " | order by id asc"
}

/// The properties of a kind that are compared: those that the file declares, and those that REST owns.
fn properties<'a>(kind: Kind, stacks: &'a [Desired]) -> BTreeSet<&'a str> {
    let declared = |address: &'static str| {
        let of_it = stacks.iter().flat_map(|wish| &wish.declared).filter(move |field| field.address == address);
        of_it.filter_map(|field| field.pointer.strip_prefix("/properties/")?.split('/').next())
    };
    let (address, others): (Option<&str>, &[&'a str]) = match kind {
        // The way into the cluster hangs on its profiles of access, the proof on its nodes and on the addresses of workspace and Grafana.
        Kind::ManagedCluster => (
            Some(CLUSTER),
            &[
                "aadProfile",
                "agentPoolProfiles",
                "apiServerAccessProfile",
                "azureMonitorProfile",
                "networkProfile",
                "provisioningState",
            ],
        ),
        Kind::MonitorWorkspace => (None, &["metrics"]),
        // A shared Grafana is asked for once, whoever of those that share it declares its fields.
        Kind::Grafana => (Some(GRAFANA), &["endpoint", "grafanaIntegrations", "grafanaMajorVersion", "publicNetworkAccess"]),
        Kind::DataCollectionEndpoint => (None, &["metricsIngestion"]),
        Kind::DataCollectionRule => (None, &["dataCollectionEndpointId", "dataFlows", "destinations"]),
        Kind::PrometheusRuleGroup => (None, &["clusterName", "enabled", "interval", "rules", "scopes"]),
        _ => (None, &[]),
    };
    address.into_iter().flat_map(declared).chain(others.iter().copied()).collect()
}

/// Associations of clusters; those of machines may be ten thousands.
pub(super) fn associations() -> String {
    let of_type = |kind: Kind| kind.resource_type().to_ascii_lowercase();
    format!(
        "insightsresources | where type =~ '{}' and id contains '/providers/{}/' \
         | project id, {PROPERTY}dataCollectionRuleId = properties.dataCollectionRuleId | order by id asc",
        of_type(Kind::DataCollectionRuleAssociation),
        of_type(Kind::ManagedCluster)
    )
}

/// Assignments of the wished roles; at these scopes and above all subscriptions, or everywhere.
pub(super) fn assignments(stacks: &[Desired], scopes: Option<&BTreeSet<ArmId>>) -> String {
    let roles: BTreeSet<&str> = stacks.iter().flat_map(|wish| &wish.roles).map(|wish| wish.role.guid()).collect();
    let tests: Vec<String> =
        roles.iter().map(|role| format!("tostring(properties.roleDefinitionId) endswith '{role}'")).collect();
    let mut query = format!(
        "authorizationresources | where type =~ '{}' and ({})",
        Kind::RoleAssignment.resource_type().to_ascii_lowercase(),
        tests.join(" or ")
    );
    if let Some(scopes) = scopes {
        let scopes = listed(scopes.iter().map(ArmId::as_str));
        let scope = "tostring(properties.scope)";
        let _infallible = write!(query, " and ({scope} in~ ({scopes}) or {scope} !startswith '/subscriptions/')");
    }
    query += " | project id";
    for name in ["principalId", "roleDefinitionId", "scope"] {
        let _infallible = write!(query, ", {PROPERTY}{name} = properties.{name}");
    }
    query + " | order by id asc"
}

/// The management groups above each subscription.
pub(super) fn ancestors() -> String {
    const CHAIN: &str = "managementGroupAncestorsChain";
    format!(
        "resourcecontainers | where type =~ 'microsoft.resources/subscriptions' \
         | project id, {PROPERTY}{CHAIN} = properties.{CHAIN} | order by id asc"
    )
}

/// A row of [`ancestors`]: the subscription's GUID and the groups' names, lower-case.
pub(super) fn chain(row: &Value) -> Option<(String, BTreeSet<String>)> {
    let groups = row["p_managementGroupAncestorsChain"].as_array()?;
    let names = groups.iter().filter_map(|group| Some(group["name"].as_str()?.to_ascii_lowercase()));
    Some((id(row)?.subscription()?.to_ascii_lowercase(), names.collect()))
}

fn listed<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    texts.map(quoted).collect::<Vec<_>>().join(", ")
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// A row's id.
pub(super) fn id(row: &Value) -> Option<ArmId> {
    ArmId::parse(row["id"].as_str()?).ok()
}

/// The collection endpoint that a rule names.
pub(super) fn endpoint(rule: &ArmObject) -> Option<ArmId> {
    ArmId::parse(rule.text("/properties/dataCollectionEndpointId")?).ok()
}

/// A row as ARM's body. What a resource has none of is null in a row and missing in a body.
pub(super) fn object(row: Value) -> Option<ArmObject> {
    let id = id(&row)?;
    let Value::Object(columns) = row else { return None };
    let (mut body, mut properties) = (Map::new(), Map::new());
    for (name, value) in columns.into_iter().filter(|(_, value)| !value.is_null()) {
        match name.strip_prefix(PROPERTY) {
            Some(property) => properties.insert(property.to_owned(), value),
            None => body.insert(name, value),
        };
    }
    body.insert("properties".to_owned(), Value::Object(properties));
    Some(ArmObject { id, body: Value::Object(body), etag: None })
}

/// A row as an assignment.
pub(super) fn assignment(row: Value) -> Option<Assignment> {
    Assignment::read(&object(row)?.body)
}

/// The resource that an extension resource hangs on.
pub(super) fn parent(id: &ArmId) -> Option<ArmId> {
    let at = id.as_str().to_ascii_lowercase().rfind("/providers/")?;
    ArmId::parse(&id.as_str()[..at]).ok()
}

/// The resource group that a resource lies in.
pub(super) fn group(id: &ArmId) -> Option<ArmId> {
    Some(ArmId::of_group(id.subscription()?, id.group()?))
}

/// A scope and those above it whose assignments hold in it.
pub(super) fn around(scope: &ArmId) -> impl Iterator<Item = ArmId> {
    let subscription = scope.subscription().map(ArmId::of_subscription);
    [Some(scope.clone()), group(scope), subscription].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::desired::resolve;

    fn wish() -> Desired {
        let file = include_str!("../../../terraform/examples/quickstart/aksight.yaml");
        resolve(&crate::spec::read(file, "aksight.yaml").unwrap(), "s1")
    }

    #[test]
    fn questions_sort_by_id_and_ask_for_what_is_compared() {
        let wishes = [wish()];
        let workspace = [wishes[0].workspace.clone()].into();
        let questions = [
            objects(Kind::ResourceGroup, &wishes, None),
            objects(Kind::MonitorWorkspace, &wishes, Some(&workspace)),
            objects(Kind::ManagedCluster, &wishes, None),
            objects(Kind::DataCollectionRule, &wishes, None),
            associations(),
            ancestors(),
            assignments(&wishes, Some(&around(&wishes[0].workspace).collect())),
        ];
        insta::assert_snapshot!(questions.join("\n"), @r"
        resourcecontainers | where type =~ 'microsoft.resources/subscriptions/resourcegroups' | project id, location, tags | order by id asc
        resources | where type =~ 'microsoft.monitor/accounts' and id in~ ('/subscriptions/s1/resourceGroups/rg-aksight-quickstart/providers/Microsoft.Monitor/accounts/amw-quickstart') | project id, location, tags, p_metrics = properties.metrics | order by id asc
        resources | where type =~ 'microsoft.containerservice/managedclusters' | project id, location, tags, sku, identity, p_aadProfile = properties.aadProfile, p_agentPoolProfiles = properties.agentPoolProfiles, p_apiServerAccessProfile = properties.apiServerAccessProfile, p_autoUpgradeProfile = properties.autoUpgradeProfile, p_azureMonitorProfile = properties.azureMonitorProfile, p_disableLocalAccounts = properties.disableLocalAccounts, p_networkProfile = properties.networkProfile, p_nodeProvisioningProfile = properties.nodeProvisioningProfile, p_provisioningState = properties.provisioningState | order by id asc
        resources | where type =~ 'microsoft.insights/datacollectionrules' and tostring(properties.dataFlows) contains 'Microsoft-PrometheusMetrics' | project id, location, tags, p_dataCollectionEndpointId = properties.dataCollectionEndpointId, p_dataFlows = properties.dataFlows, p_destinations = properties.destinations | order by id asc
        insightsresources | where type =~ 'microsoft.insights/datacollectionruleassociations' and id contains '/providers/microsoft.containerservice/managedclusters/' | project id, p_dataCollectionRuleId = properties.dataCollectionRuleId | order by id asc
        resourcecontainers | where type =~ 'microsoft.resources/subscriptions' | project id, p_managementGroupAncestorsChain = properties.managementGroupAncestorsChain | order by id asc
        authorizationresources | where type =~ 'microsoft.authorization/roleassignments' and (tostring(properties.roleDefinitionId) endswith '22926164-76b3-42b3-bc55-97df8dab3e41' or tostring(properties.roleDefinitionId) endswith '43d0d8ad-25c7-4714-9337-8ba259a9fe05' or tostring(properties.roleDefinitionId) endswith 'b0d8363b-8ddd-447d-831f-62ca05bff136') and (tostring(properties.scope) in~ ('/subscriptions/s1', '/subscriptions/s1/resourceGroups/rg-aksight-quickstart', '/subscriptions/s1/resourceGroups/rg-aksight-quickstart/providers/Microsoft.Monitor/accounts/amw-quickstart') or tostring(properties.scope) !startswith '/subscriptions/') | project id, p_principalId = properties.principalId, p_roleDefinitionId = properties.roleDefinitionId, p_scope = properties.scope | order by id asc
        ");
    }

    #[test]
    fn every_declared_property_is_asked_for() {
        let wishes = [wish()];
        for (address, kind) in [(CLUSTER, Kind::ManagedCluster), (GRAFANA, Kind::Grafana)] {
            let query = objects(kind, &wishes, None);
            for field in wishes[0].declared.iter().filter(|field| field.address == address) {
                let column = field.pointer.split('/').nth(1).unwrap();
                let asked = match field.pointer.strip_prefix("/properties/") {
                    Some(rest) => format!("p_{0} = properties.{0}", rest.split('/').next().unwrap()),
                    None => format!(" {column},"),
                };
                assert!(query.contains(&asked), "{}: {query}", field.pointer);
            }
        }
    }

    #[test]
    fn a_row_becomes_the_body_that_arm_has() {
        let id = "/subscriptions/s/resourceGroups/RG/providers/microsoft.dashboard/grafana/g";
        let found = object(json!({"id": id, "location": "westeurope", "tags": null, "sku": {"name": "Standard"},
            "p_publicNetworkAccess": "Enabled", "p_grafanaIntegrations": null}));
        let found = found.unwrap();
        assert_eq!(found.id, ArmId::parse(&id.to_lowercase()).unwrap());
        assert_eq!(
            found.body,
            json!({"id": id, "location": "westeurope", "sku": {"name": "Standard"}, "properties": {"publicNetworkAccess": "Enabled"}})
        );
        assert_eq!(object(json!({"location": "x"})), None);
    }

    #[test]
    fn ids_know_what_they_hang_on() {
        let cluster = wish().cluster;
        let association = cluster.resource("microsoft.insights/dataCollectionRuleAssociations", "a");
        assert_eq!(parent(&association), Some(cluster.clone()));
        let scopes: Vec<String> = around(&cluster).map(String::from).collect();
        assert_eq!(scopes[1..], ["/subscriptions/s1/resourceGroups/rg-aksight-quickstart", "/subscriptions/s1"]);
        assert_eq!(around(&ArmId::of_subscription("s")).count(), 2);
    }

    #[test]
    fn texts_stay_texts() {
        assert_eq!(quoted(r"a' or 1 == 1 \"), r"'a\' or 1 == 1 \\'");
    }
}
