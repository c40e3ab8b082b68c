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
            expected.3 = class.to_owned();
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
        cases.iter().for_each(|case| (case.change)(&mut world));
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
        "enabled" | "enableCSIProxy" => json!(true),
        "lastModifiedAt" => json!("2099-01-01T00:00:00Z"),
        "internalId" => json!("mac_00000000-0000-0000-0000-000000000009"),
        "grafanaVersion" => json!("12.99.1"),
        "outboundIPs" => json!(["198.51.100.9"]),
        other => panic!("nothing is known that the service could write into `{other}`: add it"),
    }
}

/// Of two changes of one field the first, and of the cluster's pool its own fields and not its name: together they can be made.
fn together(cases: &[Case]) -> Vec<&Case> {
    let mut taken = BTreeSet::new();
    let first = |case: &&Case| !case.what.contains("default_node_pool[0].name") && taken.insert(case.expected.clone());
    cases.iter().filter(first).collect()
}

/// The body without what changes with every write.
fn lasting(world: &Value) -> BTreeMap<String, Value> {
    let mut resources = world["resources"].as_object().unwrap().clone();
    for body in resources.values_mut() {
        let body = body.as_object_mut().unwrap();
        body.retain(|field, _| !["systemData", "eTag", "etag"].contains(&field.as_str()));
        if let Some(properties) = body.get_mut("properties").and_then(Value::as_object_mut) {
            properties.retain(|field, _| !["createdOn", "updatedOn"].contains(&field.as_str()));
        }
    }
    resources.into_iter().collect()
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
        let fields = unit["changes"].as_array().unwrap().iter().map(|change| change["field"].as_str().unwrap().to_owned());
        planned.insert(unit["id"].as_str().unwrap().to_owned(), fields.collect());
    }
    for (unit, field, ..) in &expected {
        let within = |path: &String| path.starts_with(field.as_str()) || field.starts_with(path.as_str());
        assert!(planned[unit].iter().any(within), "{unit} {field}: {:?}", planned[unit]);
    }

    let forced = forcing(&deep);
    let forces = |case: &&Case| {
        case.expected.iter().any(|(unit, field, ..)| forced.iter().any(|(of, path)| of == unit && path.starts_with(field)))
    };
    let (fixed, loose): (Vec<&Case>, Vec<&Case>) = group.into_iter().partition(forces);
    let ours: Vec<&Case> = loose.into_iter().filter(|case| case.expected.iter().all(|one| one.3 == "drift")).collect();
    stage.with(&ours, &[]);
    let healed = stage.rehearsal.act("reconcile", &["--heal"]);
    assert_eq!(healed.code, Some(0), "{}", healed.all());
    assert_eq!(lasting(&stage.rehearsal.world()), lasting(&stage.whole));
    for case in fixed {
        stage.with(&[case], &[]);
        let before = stage.rehearsal.requests().len();
        let waiting = stage.rehearsal.act("reconcile", &["--heal"]);
        assert_eq!(waiting.code, Some(13), "{}: {}", case.what, waiting.all());
        assert_eq!(stage.rehearsal.writes_since(before), Vec::<String>::new(), "{}", case.what);
    }
}

#[test]
fn every_declared_field_of_a_rich_stack() {
    declared_fields_of(&rich(), "shop-prod");
}

#[test]
fn every_declared_field_of_a_plain_stack() {
    declared_fields_of(&plain(), "plain");
}
