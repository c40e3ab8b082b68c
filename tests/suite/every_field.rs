//! Every field that aksight manages, changed in turn in the embedded Azure: the fast look finds it and nothing else, terraform finds
//! no more and no less in what is declared, healing mends it, and what the service changes by itself is silent at both depths.
//!
//! What is managed is asked of the library itself: its declared rows, its units, its wishes. A new one without a change here fails.

use std::collections::{BTreeMap, BTreeSet};

use aksight::base::ArmId;
use aksight::desired::declared::{Alike, DeclaredField};
use aksight::desired::fragment::merge;
use aksight::desired::service_made::SERVICE_MADE;
use aksight::desired::{Desired, RoleHolder, resolve};
use aksight::spec;
use serde_json::{Map, Value, json};

use crate::rehearsal::{Ended, Rehearsal};

const SUBSCRIPTION: &str = "00000000-0000-0000-0000-00000000000b";
const SUBNET: &str = "/subscriptions/00000000-0000-0000-0000-00000000000b/resourceGroups/rg-net/providers/Microsoft.Network/virtualNetworks/v/subnets";
const SETTINGS_MAP: &str = "configmaps/kube-system/ama-metrics-settings-configmap";

/// The complete example, with what it leaves out.
fn rich() -> String {
    let file = std::fs::read_to_string(format!("{}/terraform/examples/complete/aksight.yaml", crate::TOP)).unwrap();
    let changes = [
        ("tier: Standard", "tier: Premium"),
        ("maxSurge: 33%\n", &format!("maxSurge: 33%\n    subnetId: {SUBNET}/nodes\n")),
        ("  upgradeChannel: patch\n", ""),
        ("outboundType: managedNATGateway", "outboundType: userAssignedNATGateway"),
        ("windows: false", "windows: true"),
    ];
    changes.iter().fold(file, |file, (from, to)| {
        assert!(file.contains(from), "{from}");
        file.replace(from, to)
    })
}

/// What excludes something in [`rich`].
fn plain() -> String {
    format!(
        "apiVersion: aksight/v1
kind: Stack
metadata: {{name: plain}}
azure: {{subscription: {SUBSCRIPTION}, location: westeurope, resourceGroup: rg-plain}}
cluster:
  name: aks-plain
  upgradeChannel: patch
  nodePool: {{count: 3}}
  network: {{outboundType: none}}
monitoring: {{workspace: {{name: amw-plain}}}}
grafana: {{name: amg-plain}}
"
    )
}

fn wish(file: &str) -> Desired {
    resolve(&spec::read(file, "aksight.yaml").unwrap_or_else(|wrong| panic!("{wrong:#?}")), SUBSCRIPTION)
}

/// A difference as a look tells it: unit, field, owner, class, winner.
type Told = (String, String, String, String, String);

fn told(ended: &Ended) -> BTreeSet<Told> {
    let report = ended.json();
    let items = report["drift"]["items"].as_array().unwrap_or_else(|| panic!("no drift\n{}", ended.all())).clone();
    let text = |item: &Value, key: &str| item[key].as_str().unwrap().to_owned();
    let one =
        |item: &Value| (text(item, "unit"), text(item, "field"), text(item, "owner"), text(item, "class"), text(item, "winner"));
    items.iter().map(one).collect()
}

fn drifted(unit: &str, field: &str, owner: &str) -> Told {
    (unit.to_owned(), field.to_owned(), owner.to_owned(), "drift".to_owned(), "file".to_owned())
}

/// A change of the world, and all that a look must tell of it.
struct Case {
    what: String,
    change: Box<dyn Fn(&mut Value)>,
    expected: BTreeSet<Told>,
}

fn case(what: impl Into<String>, expected: impl IntoIterator<Item = Told>, change: impl Fn(&mut Value) + 'static) -> Case {
    Case { what: what.into(), change: Box::new(change), expected: expected.into_iter().collect() }
}

fn key(id: &ArmId) -> String {
    id.as_str().to_lowercase()
}

fn resources(world: &mut Value) -> &mut Map<String, Value> {
    world["resources"].as_object_mut().unwrap()
}

fn remove(world: &mut Value, id: &str) {
    resources(world).remove(id).unwrap_or_else(|| panic!("no `{id}`"));
}

/// Writes a value at a pointer in which `name=x` picks an element of a list.
fn set(body: &mut Value, pointer: &str, to: Value) {
    let place = pointer.split('/').skip(1).fold(body, |value, part| match part.split_once('=') {
        Some((key, name)) => value.as_array_mut().unwrap().iter_mut().find(|item| item[key] == name).unwrap(),
        None if value.is_array() => &mut value[part.parse::<usize>().unwrap()],
        None => &mut value[part],
    });
    *place = to;
}

/// Other values of a declared field that Azure could have, each with what it does to the field's name.
fn others(field: &DeclaredField) -> Vec<(String, Value, &'static str)> {
    let name = field.field.clone();
    let plain = |value: Value| vec![(name.clone(), value, "drift")];
    match (&field.expected, field.alike) {
        (Value::Object(tags), Alike::Tags) => {
            let with = |change: &dyn Fn(&mut Map<String, Value>)| {
                let mut tags = tags.clone();
                change(&mut tags);
                Value::Object(tags)
            };
            let added = with(&|tags| drop(tags.insert("added".into(), json!("by somebody"))));
            let mut all = vec![(format!("{name}.added"), added, "foreign-addition")];
            for key in tags.keys() {
                all.push((format!("{name}.{key}"), with(&|tags| drop(tags.insert(key.clone(), json!("other")))), "drift"));
                all.push((format!("{name}.{key}"), with(&|tags| drop(tags.shift_remove(key))), "drift"));
            }
            all
        }
        (Value::Array(items), Alike::Set) => {
            let other = match name.as_str() {
                "default_node_pool[0].zones" => json!("4"),
                "api_server_access_profile[0].authorized_ip_ranges" => json!("192.0.2.0/24"),
                field if field.ends_with("admin_group_object_ids") => json!("00000000-0000-0000-0000-0000000000ff"),
                other => panic!("no other element is known for `{other}`: add one"),
            };
            let added: Value = items.iter().cloned().chain([other]).collect();
            let fewer: Value = items.iter().skip(1).cloned().collect();
            if items.is_empty() { plain(added) } else { [plain(added), plain(fewer)].concat() }
        }
        (Value::Bool(on), _) => plain(json!(!on)),
        (Value::Number(number), _) => plain(json!(number.as_u64().unwrap() + 1)),
        (Value::String(text), _) => plain(json!(another(&name, text))),
        (other, how) => panic!("no other value is known for `{name}`, {other} compared {how:?}: add one"),
    }
}

fn another(field: &str, text: &str) -> String {
    let other = match field {
        "location" => "northeurope",
        "sku_tier" if text == "Free" => "Standard",
        "sku_tier" => "Free",
        "support_plan" => "KubernetesOfficial",
        "automatic_upgrade_channel" => "stable",
        "node_os_upgrade_channel" => "Unmanaged",
        "kubernetes_version" => "1.33.1",
        "identity[0].type" => "UserAssigned",
        "node_provisioning_profile[0].mode" => "Auto",
        "bootstrap_profile[0].artifact_source" => "Direct",
        "network_profile[0].network_plugin" => "kubenet",
        "network_profile[0].network_plugin_mode" => "",
        "network_profile[0].network_data_plane" => "azure",
        "network_profile[0].network_policy" => "calico",
        "network_profile[0].pod_cidr" => "10.99.0.0/16",
        "network_profile[0].service_cidr" => "10.98.0.0/16",
        "network_profile[0].dns_service_ip" => "10.98.0.10",
        "network_profile[0].outbound_type" => "userDefinedRouting",
        "default_node_pool[0].name" => "other",
        "default_node_pool[0].vm_size" => "Standard_D16s_v5",
        "default_node_pool[0].os_sku" => "Ubuntu",
        "default_node_pool[0].upgrade_settings[0].max_surge" => "50%",
        "default_node_pool[0].vnet_subnet_id" => return format!("{SUBNET}/others"),
        "grafana_major_version" => "11",
        "public_network_access_enabled" if text == "Enabled" => "Disabled",
        "public_network_access_enabled" => "Enabled",
        "sku_size" => "X2",
        other => panic!("no other value is known for `{other}`: add one"),
    };
    assert_ne!(other, text, "{field}");
    other.to_owned()
}

/// Every declared field, and the resources that declare them.
fn declared(desired: &Desired) -> Vec<Case> {
    let mut all = Vec::new();
    for field in &desired.declared {
        let (id, pointer) = (key(&desired.terraform[field.address]), field.pointer.clone());
        for (name, to, class) in others(field) {
            let (id, pointer) = (id.clone(), pointer.clone());
            let mut expected = drifted(&format!("terraform:{}", field.address), &name, "terraform");
            class.clone_into(&mut expected.3);
            all.push(case(format!("{} {name} = {to}", field.address), [expected], move |world| {
                set(&mut world["resources"][&id], &pointer, to.clone());
            }));
        }
    }
    all
}

/// The world as text, put back after every change.
struct Stage {
    rehearsal: Rehearsal,
    desired: Desired,
    whole: Value,
}

impl Stage {
    fn new(file: &str, name: &'static str) -> Self {
        let rehearsal = Rehearsal::with(file, name);
        rehearsal.provision();
        let whole = rehearsal.world();
        let stage = Self { rehearsal, desired: wish(file), whole };
        for more in [&[][..], &["--deep"]] {
            let clean = stage.look(more);
            assert_eq!((clean.code, told(&clean)), (Some(0), BTreeSet::new()), "{}", clean.all());
        }
        stage
    }

    fn look(&self, more: &[&str]) -> Ended {
        self.rehearsal.act("drift", more)
    }

    fn put(&self, world: &Value) {
        std::fs::write(self.rehearsal.state().join("azure/world.json"), world.to_string()).unwrap();
    }

    /// Looks at the world with these changes, and at nothing else.
    fn with(&self, cases: &[&Case], more: &[&str]) -> Ended {
        let mut world = self.whole.clone();
        for case in cases {
            (case.change)(&mut world);
        }
        assert_ne!(world, self.whole, "{}", cases.iter().map(|case| case.what.as_str()).collect::<Vec<_>>().join(", "));
        self.put(&world);
        self.look(more)
    }

    /// Each change by itself is found: it, all of it, and nothing else.
    fn found_in_turn(&self, cases: &[Case]) {
        let mut wrong = Vec::new();
        for case in cases {
            let seen = self.with(&[case], &[]);
            let told = told(&seen);
            let code = if case.expected.iter().any(|one| one.4 == "file") { 2 } else { 0 };
            if (seen.code, &told) != (Some(code), &case.expected) {
                wrong.push(format!("{}: exit {:?}\n  found    {told:?}\n  expected {:?}", case.what, seen.code, case.expected));
            }
        }
        assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
        self.put(&self.whole);
        assert_eq!(self.look(&[]).code, Some(0));
    }

    /// The change of every entry of the catalogue that this stack has.
    fn made_by_the_service(&self) -> Vec<Case> {
        let case = |made: &'static aksight::desired::service_made::ServiceMade| {
            let id = key(self.desired.terraform.get(made.address)?);
            let change = move |world: &mut Value| set(&mut world["resources"][&id], made.pointer, news(made.pointer));
            Some(case(format!("{} {}", made.address, made.pointer), [], change))
        };
        SERVICE_MADE.iter().filter_map(case).collect()
    }
}

/// What the service could put into a field of the catalogue.
fn news(pointer: &str) -> Value {
    match pointer.rsplit('/').next().unwrap() {
        "nodeImageVersion" => json!("AKSAzureLinux-V3-gen2-209912.01.0"),
        "currentOrchestratorVersion" | "currentKubernetesVersion" => json!("1.34.99"),
        "effectiveOutboundIPs" => {
            json!([{"id": format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/mc/providers/Microsoft.Network/publicIPAddresses/x")}])
        }
        // A default that is filled in: as it was before.
        "enabled" => Value::Null,
        "enableCSIProxy" => json!(true),
        "lastModifiedAt" => json!("2099-01-01T00:00:00Z"),
        "internalId" => json!("mac_00000000-0000-0000-0000-000000000009"),
        "grafanaVersion" => json!("12.99.1"),
        "outboundIPs" => json!(["198.51.100.9"]),
        other => panic!("nothing is known that the service could write into `{other}`: add it"),
    }
}

/// Of several changes of one field (the tags of a resource are one) the first that is drift, and of the cluster's pool its own
/// fields and not its name: together they can be made.
fn together(cases: &[Case]) -> Vec<&Case> {
    let mut taken = BTreeSet::new();
    let (drift, added): (Vec<&Case>, Vec<&Case>) =
        cases.iter().partition(|case| case.expected.iter().all(|one| one.3 == "drift"));
    let name = |field: &str| if field.starts_with("tags.") { "tags".to_owned() } else { field.to_owned() };
    let place = |case: &Case| case.expected.iter().map(|one| (one.0.clone(), name(&one.1))).collect::<Vec<_>>();
    let first = |case: &&Case| !case.what.contains("default_node_pool[0].name") && taken.insert(place(case));
    drift.into_iter().chain(added).filter(first).collect()
}

/// Where two worlds differ, and how.
fn changed(before: &Value, after: &Value) -> Vec<String> {
    let (before, after) = (leaves(&lasting(before)), leaves(&lasting(after)));
    let all: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differs = all.into_iter().filter(|place| before.get(*place) != after.get(*place));
    differs.map(|place| format!("{place}: {:?}, now {:?}", before.get(place), after.get(place))).collect()
}

/// Every value that holds no other, by its place; nothing is as good as null, and lists of plain values have no order.
fn leaves(value: &Value) -> BTreeMap<String, String> {
    fn walk(value: &Value, place: &str, found: &mut BTreeMap<String, String>) {
        match value {
            Value::Null => {}
            Value::Object(fields) => fields.iter().for_each(|(name, inner)| walk(inner, &format!("{place} {name}"), found)),
            Value::Array(items) if items.iter().any(Value::is_object) => {
                items.iter().enumerate().for_each(|(index, inner)| walk(inner, &format!("{place} {index}"), found));
            }
            Value::Array(items) => {
                let plain: BTreeSet<String> = items.iter().map(Value::to_string).collect();
                found.insert(place.to_owned(), format!("{plain:?}"));
            }
            plain => drop(found.insert(place.to_owned(), plain.to_string())),
        }
    }
    let mut found = BTreeMap::new();
    walk(value, "", &mut found);
    found
}

/// The resources without what changes with every write.
fn lasting(world: &Value) -> Value {
    let mut resources = world["resources"].as_object().unwrap().clone();
    for body in resources.values_mut() {
        let body = body.as_object_mut().unwrap();
        body.retain(|field, _| !["systemData", "eTag", "etag"].contains(&field.as_str()));
        if let Some(properties) = body.get_mut("properties").and_then(Value::as_object_mut) {
            properties.retain(|field, _| !["createdOn", "updatedOn"].contains(&field.as_str()));
        }
    }
    Value::Object(resources)
}

/// Fields for which azurerm would make the resource anew, as terraform's plan told.
fn forcing(seen: &Ended) -> BTreeSet<(String, String)> {
    let report = seen.json();
    let units = report["units"].as_array().unwrap().clone();
    let forced = units.iter().filter_map(|unit| {
        let paths = unit["reason"].as_str()?.strip_prefix("forced by ")?.to_owned();
        let id = unit["id"].as_str()?.to_owned();
        Some(paths.split(", ").map(|path| (id.clone(), path.to_owned())).collect::<Vec<_>>())
    });
    forced.flatten().collect()
}

/// Declared fields: found in turn, by both depths alike, mended where they can be, and else left to somebody who approves.
fn declared_fields_of(file: &str, name: &'static str) {
    let stage = Stage::new(file, name);
    let cases = declared(&stage.desired);
    stage.found_in_turn(&cases);
    let silent = stage.made_by_the_service();
    stage.found_in_turn(&silent);
    let all: Vec<&Case> = silent.iter().collect();
    let deep = stage.with(&all, &["--deep"]);
    assert_eq!((deep.code, told(&deep)), (Some(0), BTreeSet::new()), "{}", deep.all());

    let group = together(&cases);
    let expected: BTreeSet<Told> = group.iter().flat_map(|case| case.expected.clone()).collect();
    let fast = stage.with(&group, &[]);
    let deep = stage.with(&group, &["--deep"]);
    assert_eq!(told(&fast), expected, "{}", fast.all());
    assert_eq!(told(&deep), expected, "{}", deep.all());
    // What terraform itself has to say names each of these fields.
    let report = deep.json();
    let mut planned: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for unit in report["units"].as_array().unwrap() {
        let fields = unit["changes"].as_array().into_iter().flatten().map(|change| change["field"].as_str().unwrap().to_owned());
        planned.insert(unit["id"].as_str().unwrap().to_owned(), fields.collect());
    }
    for (unit, field, ..) in &expected {
        let within = |path: &String| path.starts_with(field.as_str()) || field.starts_with(path.as_str());
        assert!(planned[unit].iter().any(within), "{unit} {field}: {:?}", planned[unit]);
    }

    let forced = forcing(&deep);
    let replaces = |case: &&Case| {
        case.expected.iter().any(|(unit, field, ..)| forced.iter().any(|(of, path)| of == unit && path.starts_with(field)))
    };
    let (fixed, loose): (Vec<&Case>, Vec<&Case>) = group.into_iter().partition(replaces);
    let ours: Vec<&Case> = loose.into_iter().filter(|case| case.expected.iter().all(|one| one.3 == "drift")).collect();
    stage.with(&ours, &[]);
    let healed = stage.rehearsal.act("reconcile", &["--heal"]);
    assert_eq!(healed.code, Some(0), "{}", healed.all());
    let mut rest = changed(&stage.whole, &stage.rehearsal.world());
    // An identity that was taken away comes back as another principal.
    rest.retain(|line| !line.contains("identity principalId"));
    assert_eq!(rest, Vec::<String>::new());
    for case in fixed {
        stage.with(&[case], &[]);
        let before = stage.rehearsal.world();
        let waiting = stage.rehearsal.act("reconcile", &["--heal"]);
        assert_eq!(waiting.code, Some(13), "{}: {}", case.what, waiting.all());
        assert_eq!(changed(&before, &stage.rehearsal.world()), Vec::<String>::new(), "{}", case.what);
    }
}

/// Paths of all keys below a definition of the schema.
fn keys(schema: &Value, of: &Value, way: &str, found: &mut BTreeSet<String>) {
    if let Some(name) = of["$ref"].as_str() {
        return keys(schema, schema.pointer(name.trim_start_matches('#')).unwrap(), way, found);
    }
    for one in ["anyOf", "oneOf", "allOf"].iter().filter_map(|word| of[*word].as_array()).flatten() {
        keys(schema, one, way, found);
    }
    for (name, inner) in of["properties"].as_object().into_iter().flatten() {
        let way = format!("{way}.{name}");
        keys(schema, inner, &way, found);
        found.insert(way);
    }
}

/// Paths of all keys of a file.
fn written(file: &Value, way: &str, found: &mut BTreeSet<String>) {
    for (name, inner) in file.as_object().into_iter().flatten() {
        let way = format!("{way}.{name}");
        written(inner, &way, found);
        found.insert(way);
    }
}

/// What a stack can say about its cluster and Grafana, these two stacks say: a field that only a new key declares is not missed.
#[test]
fn the_two_stacks_have_every_key_of_a_cluster_and_a_grafana() {
    let schema = std::fs::read_to_string(format!("{}/docs/reference/aksight.schema.json", crate::TOP)).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let (mut known, mut used) = (BTreeSet::new(), BTreeSet::new());
    for part in ["cluster", "grafana"] {
        keys(&schema, &schema["properties"][part], part, &mut known);
        for file in [rich(), plain()] {
            let file: Value = serde_saphyr::from_str(&file).unwrap();
            written(&file[part], part, &mut used);
        }
    }
    // Of an existing Grafana nothing is declared; who its users are is told by role assignments.
    let elsewhere =
        |key: &&String| *key == "grafana.id" || ["admins", "editors", "viewers"].iter().any(|list| key.contains(list));
    let missing: Vec<&String> = known.difference(&used).filter(|key| !elsewhere(key)).collect();
    assert!(known.len() > 25 && missing.is_empty(), "{missing:?}");
}

#[test]
fn every_declared_field_of_a_rich_stack() {
    declared_fields_of(&rich(), "shop-prod");
}

#[test]
fn every_declared_field_of_a_plain_stack() {
    declared_fields_of(&plain(), "plain");
}

/// A unit, its field, and what is done to the world.
type Edit = fn(&mut Value);

/// Every unit that is not terraform's, in all its fields.
fn of_units(stage: &Stage) -> Vec<Case> {
    let desired = &stage.desired;
    let rest = |unit: &str, field: &str| drifted(unit, field, "rest");
    let mut all = Vec::new();
    for namespace in &desired.providers {
        let name = format!("{SUBSCRIPTION}/{}", namespace.to_lowercase());
        all.push(case(
            format!("{namespace} unregistered"),
            [rest(&format!("provider:{namespace}"), "registrationState")],
            move |world| {
                world["memory"]["registered"].as_object_mut().unwrap().remove(&name).unwrap();
            },
        ));
    }
    all.extend(of_roles(stage));
    all.extend(of_collection(desired));
    let (cluster, grafana) = (key(&desired.cluster), key(&desired.grafana.id));
    let metrics = "azureMonitorProfile.metrics";
    let edits: [(&str, String, &String, Edit); 6] = [
        ("metrics-addon", format!("{metrics}.enabled"), &cluster, |body| {
            set(body, "/properties/azureMonitorProfile/metrics/enabled", json!(false));
        }),
        ("metrics-addon", format!("{metrics}.kubeStateMetrics.metricLabelsAllowlist"), &cluster, |body| {
            set(body, "/properties/azureMonitorProfile/metrics/kubeStateMetrics/metricLabelsAllowlist", json!("pods=[other]"));
        }),
        ("metrics-addon", format!("{metrics}.kubeStateMetrics.metricAnnotationsAllowList"), &cluster, |body| {
            set(body, "/properties/azureMonitorProfile/metrics/kubeStateMetrics/metricAnnotationsAllowList", json!(""));
        }),
        ("metrics-addon", format!("{metrics}.controlPlane.enabled"), &cluster, |body| {
            set(body, "/properties/azureMonitorProfile/metrics/controlPlane/enabled", json!(false));
        }),
        ("policy-mode", "advancedNetworkPolicies".to_owned(), &cluster, |body| {
            set(body, "/properties/networkProfile/advancedNetworking/security/advancedNetworkPolicies", json!("FQDN"));
        }),
        ("grafana-identity", "identity.type".to_owned(), &grafana, |body| body["identity"] = json!({"type": "None"})),
    ];
    for (unit, field, id, edit) in edits {
        let id = id.clone();
        all.push(case(format!("{unit} {field}"), [rest(unit, &field)], move |world| edit(&mut world["resources"][&id])));
    }
    for workspace in &desired.grafana.integrations {
        let (id, gone) = (grafana.clone(), workspace.as_str().to_lowercase());
        let expected = [rest("grafana-integration", "azureMonitorWorkspaceIntegrations")];
        all.push(case(format!("{workspace} not integrated"), expected, move |world| {
            let list = &mut world["resources"][&id]["properties"]["grafanaIntegrations"]["azureMonitorWorkspaceIntegrations"];
            let is = |entry: &Value| entry["azureMonitorWorkspaceResourceId"].as_str().unwrap().to_lowercase() == gone;
            list.as_array_mut().unwrap().retain(|entry| !is(entry));
        }));
    }
    all.extend(of_rule_groups(stage));
    all.extend(of_settings(desired));
    all
}

/// Each wished assignment, taken away.
fn of_roles(stage: &Stage) -> Vec<Case> {
    let identity = std::fs::read_to_string(stage.rehearsal.state().join("azure/identity.json")).unwrap();
    let me = serde_json::from_str::<Value>(&identity).unwrap()["object_id"].as_str().unwrap().to_owned();
    let grafana = &stage.whole["resources"][&key(&stage.desired.grafana.id)]["identity"]["principalId"];
    let case = |wish: &aksight::desired::RoleWish| {
        let holder = match &wish.holder {
            RoleHolder::Grafana => grafana.as_str().unwrap(),
            RoleHolder::Me => &me,
            RoleHolder::Listed { id, .. } => id,
        };
        let at = format!("{}/providers/microsoft.authorization/roleassignments/", key(&wish.scope));
        let is = |(id, body): &(&String, &Value)| {
            let properties = &body["properties"];
            let role = properties["roleDefinitionId"].as_str().unwrap_or_default();
            id.starts_with(&at) && properties["principalId"] == holder && role.ends_with(wish.role.guid())
        };
        let found = stage.whole["resources"].as_object().unwrap().iter().find(is).unwrap_or_else(|| panic!("no {}", wish.slug));
        let id = found.0.clone();
        let expected = [drifted(&format!("role:{}", wish.slug), "roleDefinition", "rest")];
        case(format!("{} taken away", wish.slug), expected, move |world| remove(world, &id))
    };
    stage.desired.roles.iter().map(case).collect()
}

/// Endpoint, rule and association: gone, or leading elsewhere.
fn of_collection(desired: &Desired) -> Vec<Case> {
    let named = |kind: &str| {
        let cluster = desired.cluster.name().to_lowercase();
        format!("{}/providers/microsoft.insights/{kind}/msprom-{}-{cluster}", key(&desired.group), desired.location)
    };
    let (endpoint, rule) = (named("datacollectionendpoints"), named("datacollectionrules"));
    let association = format!(
        "{}/providers/microsoft.insights/datacollectionruleassociations/containerinsightsmetricsextension",
        key(&desired.cluster)
    );
    let rest = |unit: &str, field: &str| drifted(unit, field, "rest");
    let (whole, elsewhere, gone) = (rule.clone(), association.clone(), association.clone());
    let (flows, through) = (rule.clone(), rule.clone());
    vec![
        case("the endpoint is gone", [rest("dce", "*")], move |world| remove(world, &endpoint)),
        // Azure does not let a rule go without its associations.
        case("the rule is gone", [rest("dcr", "*"), rest("dcra", "dataCollectionRuleId")], move |world| {
            remove(world, &whole);
            remove(world, &association);
        }),
        case("the rule receives through another endpoint", [rest("dcr", "dataCollectionEndpointId")], move |world| {
            let place = &mut world["resources"][&through]["properties"]["dataCollectionEndpointId"];
            *place = json!(place.as_str().unwrap().to_owned() + "-other");
        }),
        case("the rule sends nothing", [rest("dcr", "destinations.monitoringAccounts")], move |world| {
            world["resources"][&flows]["properties"]["dataFlows"] = json!([]);
        }),
        case("the rule sends it elsewhere", [rest("dcr", "destinations.monitoringAccounts")], move |world| {
            let accounts = &mut world["resources"][&rule]["properties"]["destinations"]["monitoringAccounts"];
            let other = accounts[0]["accountResourceId"].as_str().unwrap().to_owned() + "-other";
            accounts[0]["accountResourceId"] = json!(other);
        }),
        case("the association points elsewhere", [rest("dcra", "dataCollectionRuleId")], move |world| {
            let place = &mut world["resources"][&elsewhere]["properties"]["dataCollectionRuleId"];
            *place = json!(place.as_str().unwrap().to_owned() + "-other");
        }),
        case("the association is gone", [rest("dcra", "dataCollectionRuleId")], move |world| remove(world, &gone)),
    ]
}

/// Every recommended group: gone, and each of its fields.
fn of_rule_groups(stage: &Stage) -> Vec<Case> {
    let edits: [(&str, Edit); 7] = [
        ("enabled", |properties| properties["enabled"] = json!(false)),
        ("clusterName", |properties| properties["clusterName"] = json!("other")),
        ("interval", |properties| properties["interval"] = json!("PT5M")),
        ("scopes", |properties| drop(properties["scopes"].as_array_mut().unwrap().pop())),
        ("rules, one fewer", |properties| drop(properties["rules"].as_array_mut().unwrap().pop())),
        ("rules, one another", |properties| properties["rules"][0]["expression"] = json!("vector(1)")),
        ("rules, one off", |properties| properties["rules"][0]["enabled"] = json!(false)),
    ];
    let mut all = Vec::new();
    for (id, body) in stage.whole["resources"].as_object().unwrap() {
        if !id.contains("/prometheusrulegroups/") {
            continue;
        }
        let expected = || [drifted("recording-rules", body["name"].as_str().unwrap(), "rest")];
        let gone = id.clone();
        all.push(case(format!("{id} is gone"), expected(), move |world| remove(world, &gone)));
        for (what, edit) in edits {
            let id = id.clone();
            all.push(case(format!("{id} {what}"), expected(), move |world| edit(&mut world["resources"][&id]["properties"])));
        }
    }
    assert!(all.len() > 20, "{}", all.len());
    all
}

fn settings<'a>(world: &'a mut Value, cluster: &str) -> &'a mut Value {
    &mut world["planes"]["clusters"][cluster]["store"]["objects"][SETTINGS_MAP]["object"]
}

/// Every line of the settings that a feature asks for: another value, and none.
fn of_settings(desired: &Desired) -> Vec<Case> {
    let cluster = key(&desired.cluster);
    let mut all = Vec::new();
    let asked = merge(None, &desired.fragments).unwrap().changes.into_iter().filter(|change| change.author != "aksight");
    for change in asked {
        let parts: Vec<String> = change.path.split('/').map(str::to_owned).collect();
        let (section, entry) = (parts.get(1).filter(|_| parts.len() == 3).cloned(), parts.last().unwrap().clone());
        let other = match (change.after.as_str(), section.as_deref(), entry.as_str()) {
            ("true", ..) => "false",
            ("false", ..) => "true",
            (_, Some("default-targets-metrics-keep-list"), _) => "\"nothing_at_all\"",
            (_, Some("default-targets-scrape-interval-settings"), _) => "\"45s\"",
            (_, Some("pod-annotation-based-scraping"), _) => "\"elsewhere\"",
            (_, None, "cluster_alias") => "\"other\"",
            _ => panic!("no other value is known for `{}`: add one", change.path),
        };
        // Without these lines the agents do the same.
        let is_default = ["minimal-ingestion-profile", "networkobservabilityHubble"];
        let is_default = change.after == "true" && is_default.iter().any(|name| change.path.split('/').any(|part| part == *name));
        for to in [Some(other), None] {
            let (cluster, key, section, entry) = (cluster.clone(), parts[0].clone(), section.clone(), entry.clone());
            let mut expected = vec![drifted("settings-configmap", &change.path, "cluster")];
            expected.retain(|_| to.is_some() || !is_default);
            all.push(case(format!("{} is {to:?}", change.path), expected, move |world| {
                let text = &mut settings(world, &cluster)["data"][&key];
                *text = json!(with_line(text.as_str().unwrap(), section.as_deref(), &entry, to));
            }));
        }
    }
    assert!(all.len() > 20, "{}", all.len());
    let gone = cluster.clone();
    all.push(case("the settings are gone", [drifted("settings-configmap", "*", "cluster")], move |world| {
        let objects = world["planes"]["clusters"][&gone]["store"]["objects"].as_object_mut().unwrap();
        objects.remove(SETTINGS_MAP).unwrap();
    }));
    let waits = |unit: &str, field: &str, owner: &str| {
        let (_, _, owner, ..) = drifted("", "", owner);
        [(unit.to_owned(), field.to_owned(), owner, "pending".to_owned(), "time".to_owned())]
    };
    let later = cluster.clone();
    all.push(case("the settings are newer than the agents", waits("agents-pickup", "*", "cluster"), move |world| {
        let metadata = &mut settings(world, &later)["metadata"];
        metadata["managedFields"][0]["time"] = json!("2099-01-01T00:00:00Z");
        metadata["resourceVersion"] = json!("9999");
    }));
    let busy = waits("terraform:azurerm_kubernetes_cluster.this", "provisioningState", "terraform");
    all.push(case("the cluster is being written", busy, move |world| {
        world["resources"][&cluster]["properties"]["provisioningState"] = json!("Updating");
    }));
    all
}

/// A settings text with another line for a key, or without it.
fn with_line(text: &str, section: Option<&str>, entry: &str, to: Option<&str>) -> String {
    let mut now = None;
    let mut lines = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_suffix(": |-") {
            now = Some(name);
        }
        let is = now == section && line.split('=').next().is_some_and(|key| key.trim() == entry);
        match to {
            _ if !is => lines.push(line.to_owned()),
            Some(to) => lines.push(format!("  {entry} = {to}")),
            None => {}
        }
    }
    lines.join("\n")
}

/// Resources that are gone as a whole: one difference each, and what hung on them none.
fn gone(desired: &Desired) -> Vec<Case> {
    let resource = |address: &str| drifted(&format!("terraform:{address}"), "*", "terraform");
    let mut all = Vec::new();
    for (address, id) in desired.terraform.iter().filter(|(_, id)| **id != desired.group) {
        let id = key(id);
        all.push(case(format!("{address} is gone"), [resource(address)], move |world| remove(world, &id)));
    }
    let group = key(&desired.group);
    let rest = ["dce", "dcr"].map(|unit| drifted(unit, "*", "rest"));
    let expected = desired.terraform.keys().map(|address| resource(address)).chain(rest);
    all.push(case("the group is gone with everything in it", expected, move |world| {
        resources(world).retain(|id, _| *id != group && !id.starts_with(&format!("{group}/")));
    }));
    all
}

/// What others add beside ours: told, and nobody's drift.
fn foreign(desired: &Desired) -> Vec<Case> {
    let theirs = |unit: &str, field: &str, owner: &str| {
        [(unit.to_owned(), field.to_owned(), owner.to_owned(), "foreign-addition".to_owned(), "found".to_owned())]
    };
    let in_settings = |field: &str, change: fn(&mut Value)| {
        let cluster = key(&desired.cluster);
        let expected = theirs("settings-configmap", field, "cluster");
        case(field, expected, move |world| change(&mut settings(world, &cluster)["data"]))
    };
    let grafana = key(&desired.grafana.id);
    let neighbour = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/theirs/providers/Microsoft.Monitor/accounts/theirs");
    vec![
        case(
            "a neighbour's workspace",
            theirs("grafana-integration", "azureMonitorWorkspaceIntegrations", "rest"),
            move |world| {
                let list = &mut world["resources"][&grafana]["properties"]["grafanaIntegrations"];
                let list = list["azureMonitorWorkspaceIntegrations"].as_array_mut().unwrap();
                list.push(json!({"azureMonitorWorkspaceResourceId": neighbour}));
            },
        ),
        in_settings("ksm-config", |data| data["ksm-config"] = json!("resources: {}")),
        in_settings("cluster-metrics/default-targets-metrics-keep-list/kubelet", |data| {
            let text = data["cluster-metrics"].as_str().unwrap();
            let head = "default-targets-metrics-keep-list: |-\n";
            data["cluster-metrics"] = json!(text.replace(head, &format!("{head}  kubelet = \"kubelet_.*\"\n")));
        }),
        in_settings("cluster-metrics/default-targets-metrics-keep-list/networkobservabilityHubble", |data| {
            let text = data["cluster-metrics"].as_str().unwrap();
            data["cluster-metrics"] =
                json!(text.replace("networkobservabilityHubble = \"hubble", "networkobservabilityHubble = \"more_.*|hubble"));
        }),
    ]
}

/// The master switch of the networking features turns both off, whatever they say themselves.
fn master_switch(desired: &Desired) -> Case {
    let id = key(&desired.cluster);
    let fields = ["observability_enabled", "security_enabled"];
    let unit = "terraform:azurerm_kubernetes_cluster.this";
    let expected = fields.map(|field| drifted(unit, &format!("network_profile[0].advanced_networking[0].{field}"), "terraform"));
    case("advanced networking is off", expected, move |world| {
        set(&mut world["resources"][&id], "/properties/networkProfile/advancedNetworking/enabled", json!(false));
    })
}

#[test]
fn every_unit_of_a_rich_stack() {
    let stage = Stage::new(&rich(), "shop-prod");
    let cases = of_units(&stage);
    // Every unit that is there has a change, and every wish about the add-on.
    let report = stage.look(&[]).json();
    let units: BTreeSet<&str> = report["units"].as_array().unwrap().iter().map(|unit| unit["id"].as_str().unwrap()).collect();
    let changed: BTreeSet<&str> = cases.iter().flat_map(|case| &case.expected).map(|one| one.0.as_str()).collect();
    assert_eq!(units.difference(&changed).collect::<Vec<_>>(), Vec::<&&str>::new(), "units without a change here");
    let wishes = serde_json::to_value(&stage.desired.metrics).unwrap();
    let of_addon = cases.iter().filter(|case| case.what.starts_with("metrics-addon")).count();
    assert_eq!(of_addon, wishes.as_object().unwrap().len(), "{wishes}");

    stage.found_in_turn(&cases);
    stage.found_in_turn(&gone(&stage.desired));
    stage.found_in_turn(&foreign(&stage.desired));
    let switch = master_switch(&stage.desired);
    let deep = stage.with(&[&switch], &["--deep"]);
    assert_eq!(told(&deep), switch.expected, "{}", deep.all());
    stage.found_in_turn(&[switch]);
}
