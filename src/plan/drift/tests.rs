//! Every declared field in turn, what the service does by itself, and what cannot be read.

use serde_json::json;

use super::*;
use crate::base::ArmId;
use crate::desired::declared::fields;
use crate::desired::resolve;
use crate::desired::service_made::SERVICE_MADE;
use crate::plan;
use crate::spec::Spec;

fn spec(name: &str) -> Spec {
    let path = format!("{}/terraform/examples/{name}/aksight.yaml", env!("CARGO_MANIFEST_DIR"));
    crate::spec::read(&std::fs::read_to_string(path).unwrap(), "aksight.yaml").unwrap()
}

/// Puts a value where a declared field's pointer leads.
fn put(body: &mut Value, pointer: &str, value: Value) {
    let mut place = body;
    for part in pointer.split('/').skip(1) {
        place = match part.split_once('=') {
            Some((key, name)) => {
                if !place.is_array() {
                    *place = json!([{key: name}]);
                }
                place.as_array_mut().unwrap().iter_mut().find(|item| item[key] == name).unwrap()
            }
            None if place.is_array() => &mut place[part.parse::<usize>().unwrap()],
            None => &mut place[part],
        };
    }
    *place = value;
}

/// A world that is as the file says, as far as terraform's fields go.
fn as_declared(spec: &Spec) -> (Desired, Observed) {
    let desired = resolve(spec, "00000000-0000-0000-0000-000000000001");
    let object = |address: &str| {
        let Some(id) = desired.terraform.get(address) else { return Sight::Absent };
        let mut body = json!({"properties": {"provisioningState": "Succeeded"}});
        for field in fields(spec).iter().filter(|field| field.address == address) {
            put(&mut body, &field.pointer, field.expected.clone());
        }
        Sight::Present(ArmObject { id: id.clone(), body, etag: None })
    };
    let unknown = || "not asked".to_owned();
    let observed = Observed {
        at: "2026-11-21T00:00:00Z".parse().unwrap(),
        registrations: Sight::Unknown(unknown()),
        group: object(GROUP),
        cluster: object(CLUSTER),
        workspace: object(WORKSPACE),
        grafana: object(GRAFANA),
        endpoint: Sight::Unknown(unknown()),
        rule: Sight::Unknown(unknown()),
        associations: Sight::Unknown(unknown()),
        recommendations: Sight::Unknown(unknown()),
        rule_groups: Sight::Unknown(unknown()),
        assignments: std::collections::BTreeMap::new(),
        me: Sight::Unknown(unknown()),
        settings: Sight::Unknown(unknown()),
        agents: Sight::Unknown(unknown()),
        terraform: Sight::Unknown(unknown()),
    };
    (desired, observed)
}

fn body<'a>(observed: &'a mut Observed, address: &str) -> Option<&'a mut Value> {
    let sight = match address {
        GROUP => &mut observed.group,
        CLUSTER => &mut observed.cluster,
        WORKSPACE => &mut observed.workspace,
        _ => &mut observed.grafana,
    };
    match sight {
        Sight::Present(object) => Some(&mut object.body),
        Sight::Absent | Sight::Unknown(_) => None,
    }
}

/// What terraform owns and is not as declared.
fn found(desired: &Desired, observed: &Observed) -> Vec<DriftItem> {
    let plan = plan::draft(desired, observed).unwrap();
    drift(desired, observed, &plan).into_iter().filter(|item| item.owner == Owner::Terraform).collect()
}

/// Something else than `value`, of its kind.
fn other(value: &Value) -> Value {
    match value {
        Value::Bool(on) => json!(!on),
        Value::Number(number) => json!(number.as_u64().unwrap() + 1),
        Value::String(text) => json!(format!("{text}x")),
        Value::Array(items) => items.iter().cloned().chain([json!("198.51.100.0/30")]).collect(),
        Value::Object(_) => json!({"added": "by somebody"}),
        Value::Null => json!("x"),
    }
}

#[test]
fn every_declared_field_is_found_by_itself_with_its_owner() {
    for name in ["quickstart", "complete"] {
        let spec = spec(name);
        let (desired, observed) = as_declared(&spec);
        assert_eq!(found(&desired, &observed), []);
        let all = fields(&spec);
        assert!(all.len() > 25, "{}", all.len());
        for field in all.iter().filter(|field| field.field != "default_node_pool[0].name") {
            let mut changed = observed.clone();
            put(body(&mut changed, field.address).unwrap(), &field.pointer, other(&field.expected));
            let items = found(&desired, &changed);
            let ours: Vec<&str> = items.iter().map(|item| item.field.as_str()).collect();
            let right = items.iter().all(|item| {
                root(&item.field).starts_with(&field.field) && item.unit.as_str() == format!("terraform:{}", field.address)
            });
            assert!(!items.is_empty() && right, "{} {}: {ours:?}", field.address, field.field);
            assert!(items.iter().any(DriftItem::counts));
        }
    }
}

#[test]
fn a_pool_under_another_name_is_one_difference() {
    let (desired, mut observed) = as_declared(&spec("complete"));
    let pool = &mut body(&mut observed, CLUSTER).unwrap()["properties"]["agentPoolProfiles"][0];
    (pool["name"], pool["mode"]) = (json!("other"), json!("System"));
    let items = found(&desired, &observed);
    let told: Vec<_> = items.iter().map(|item| (item.field.as_str(), item.found.as_deref())).collect();
    assert_eq!(told, [("default_node_pool[0].name", Some("other"))]);
}

#[test]
fn what_others_keep_in_the_settings_is_told_and_left_alone() {
    let (desired, mut observed) = as_declared(&spec("quickstart"));
    let mut data = fragment::merge(None, &desired.fragments).unwrap().data;
    data.insert("ksm-config".to_owned(), "labels_allow_list: x".to_owned());
    let map =
        crate::observed::SettingsMap { data, version: "1".to_owned(), written: None, writers: std::collections::BTreeMap::new() };
    observed.settings = Sight::Present(map);
    let plan = plan::draft(&desired, &observed).unwrap();
    let items: Vec<DriftItem> =
        drift(&desired, &observed, &plan).into_iter().filter(|item| item.owner == Owner::Cluster).collect();
    let told: Vec<_> = items.iter().map(|item| (item.field.as_str(), item.class, item.winner, item.counts())).collect();
    assert_eq!(told, [("ksm-config", DriftClass::ForeignAddition, Winner::Found, false)]);
}

#[test]
fn what_the_service_changes_is_silent() {
    let (desired, observed) = as_declared(&spec("complete"));
    for made in SERVICE_MADE {
        let mut changed = observed.clone();
        let Some(body) = body(&mut changed, made.address) else { continue };
        put(body, made.pointer, json!("by the service"));
        assert_eq!(found(&desired, &changed), [], "{}", made.pointer);
    }
}

#[test]
fn spellings_of_azure_are_no_drift() {
    let spec = spec("quickstart");
    let (desired, mut observed) = as_declared(&spec);
    let cluster = body(&mut observed, CLUSTER).unwrap();
    cluster["location"] = json!("West Europe");
    cluster["properties"]["networkProfile"]["networkDataplane"] = json!("Cilium");
    cluster["properties"]["autoUpgradeProfile"]["upgradeChannel"] = Value::Null;
    cluster["tags"] = Value::Null;
    assert_eq!(found(&desired, &observed), []);
}

#[test]
fn a_minor_version_stands_for_its_patches_and_an_address_for_its_range() {
    let version = |wanted: &str, found: &str| alike(Alike::Version, &json!(wanted), &json!(found));
    assert!(version("1.34", "1.34.2") && version("1.34.2", "1.34.2") && version("1.34", "1.34"));
    assert!(!version("1.34.2", "1.34.3") && !version("1.3", "1.34") && !version("1.34", "1.35.0"));
    assert!(alike(Alike::Set, &json!(["203.0.113.7", "b"]), &json!(["B", "203.0.113.7/32"])));
}

#[test]
fn what_is_gone_is_one_item_and_what_hung_on_it_none() {
    let (desired, mut observed) = as_declared(&spec("quickstart"));
    observed.cluster = Sight::Absent;
    let plan = plan::draft(&desired, &observed).unwrap();
    let items = drift(&desired, &observed, &plan);
    let told: Vec<(&str, &str)> = items.iter().map(|item| (item.unit.as_str(), item.field.as_str())).collect();
    assert_eq!(
        told,
        [
            ("grafana-identity", "identity.type"),
            ("grafana-integration", "azureMonitorWorkspaceIntegrations"),
            ("terraform:azurerm_kubernetes_cluster.this", "*")
        ]
    );
}

#[test]
fn what_cannot_be_read_is_no_drift() {
    let (desired, mut observed) = as_declared(&spec("quickstart"));
    let unknown = || Sight::Unknown("403".to_owned());
    (observed.cluster, observed.grafana, observed.workspace, observed.group) = (unknown(), unknown(), unknown(), unknown());
    let plan = plan::draft(&desired, &observed).unwrap();
    assert_eq!(drift(&desired, &observed, &plan), []);
}

#[test]
fn a_neighbours_integration_is_told_and_left_alone() {
    let (desired, mut observed) = as_declared(&spec("quickstart"));
    let theirs = ArmId::parse("/subscriptions/s/resourceGroups/rg/providers/Microsoft.Monitor/accounts/theirs").unwrap();
    body(&mut observed, GRAFANA).unwrap()["properties"]["grafanaIntegrations"] =
        json!({"azureMonitorWorkspaceIntegrations": [{"azureMonitorWorkspaceResourceId": theirs}]});
    let plan = plan::draft(&desired, &observed).unwrap();
    let items = drift(&desired, &observed, &plan);
    let theirs = items.iter().find(|item| item.class == DriftClass::ForeignAddition).unwrap();
    assert!(!theirs.counts());
}
