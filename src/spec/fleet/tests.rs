//! Layers, places of mistakes, rules between stacks.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn nothing(_: &str) -> std::io::Result<String> {
    Err(std::io::Error::from(std::io::ErrorKind::NotFound))
}

fn example() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/terraform/examples/fleet/aksight-fleet.yaml")).unwrap()
}

fn problems(text: &str) -> Vec<String> {
    let told = |one: &Diagnostic| {
        let line = one.span.as_ref().map_or(0, |span| span.line);
        format!("{line}: {} | {}", one.summary, one.hints.join(" | "))
    };
    read_fleet(text, "fleet.yaml", &nothing).unwrap_err().iter().filter(|one| one.is_error()).map(told).collect()
}

#[test]
fn the_example_is_three_stacks_that_share() {
    let fleet = read_fleet(&example(), "aksight-fleet.yaml", &nothing).unwrap();
    assert!(is_fleet(&example()));
    let [hub, a, b] = fleet.stacks.as_slice() else { panic!("{}", fleet.stacks.len()) };
    assert!(hub.first && !a.first);
    assert_eq!((a.ring, b.ring), (0, 1));
    let workspace = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-shops-hub/providers/Microsoft.Monitor/accounts/amw-shops";
    for shop in [a, b] {
        assert_eq!(shop.spec.workspace, crate::spec::Placement::Existing(crate::base::ArmId::parse(workspace).unwrap()));
        assert_eq!(shop.spec.stack.azure.tags["team"], "platform");
    }
    assert_eq!(b.spec.stack.cluster.node_pool.vm_size, "Standard_D8s_v5");
    assert_eq!(a.spec.stack.cluster.node_pool.count, None);
    let only = |patterns: &[&str]| {
        let patterns: Vec<String> = patterns.iter().map(|one| (*one).to_owned()).collect();
        fleet.clone().only(&patterns).map(|fleet| fleet.stacks.iter().map(|one| one.name().to_owned()).collect::<Vec<_>>())
    };
    assert_eq!(only(&["shop-*"]).unwrap(), ["shop-a", "shop-b"]);
    assert_eq!(only(&["hu?", "shop-b"]).unwrap(), ["hub", "shop-b"]);
    assert!(only(&["none"]).is_err());
}

#[test]
fn a_mistake_is_told_where_it_was_written_and_for_whom() {
    insta::assert_snapshot!(problems(&example().replace("tier: Standard", "tier: Golden")).join("\n"), @"21: `cluster.tier` must be one of `Free`, `Standard` or `Premium`, found `Golden` | it concerns every stack of the fleet");
    insta::assert_snapshot!(problems(&example().replace("count: 3", "count: 0")).join("\n"), @"28: `cluster.nodePool.count` must be at least 1, found 0 | it concerns `shop-b`");
    insta::assert_snapshot!(problems(&example().replace("overlays: [large]", "overlays: [larg]").replace("rings:", "ringz:")).join("\n"), @"
    8: the file has no key `ringz` | did you mean `rings`? | known keys are `apiVersion`, `kind`, `metadata`, `defaults`, `overlays`, `shared`, `rings`, `haltOnFailure`, `concurrency` and `stacks`
    32: `stacks[0].ring` is none of `rings`: `canary` | 
    38: `stacks[1].ring` is none of `rings`: `canary` | 
    42: `stacks[2].ring` is none of `rings`: `wide` | 
    43: `stacks[2].overlays[0]` names no overlay: `larg` | the overlays are `large`
    ");
}

#[test]
fn stacks_do_not_get_in_each_others_way() {
    insta::assert_snapshot!(problems(&example().replace("aks-shop-b", "aks-shop-a")).join("\n"), @"45: the stacks `shop-a` and `shop-b` send to one workspace with the same `cluster` label: their metrics would be mixed for ever | set `monitoring.clusterAlias` in one of them | `shop-a` says it in line 40");
    insta::assert_snapshot!(problems(&example().replace("aks-shop-b", "aks-shop-a").replace("rg-shop-b", "rg-shop-a")).join("\n"), @"
    45: the stacks `shop-a` and `shop-b` make the same cluster | give one of them another name or resource group | `shop-a` says it in line 40
    45: the stacks `shop-a` and `shop-b` send to one workspace with the same `cluster` label: their metrics would be mixed for ever | set `monitoring.clusterAlias` in one of them | `shop-a` says it in line 40
    ");
    insta::assert_snapshot!(problems(&example().replace("name: shop-b", "name: shop-a")).join("\n"), @"41: two stacks are called `shop-a` | the first is in line 37");
    // Another label is enough.
    let aliased =
        example().replace("cluster: {name: aks-shop-b}", "cluster: {name: aks-shop-a}\n    monitoring: {clusterAlias: b}");
    assert!(read_fleet(&aliased, "f", &nothing).is_ok());
}

#[test]
fn a_stack_may_have_a_file_of_its_own() {
    let quickstart = include_str!("../../../terraform/examples/quickstart/aksight.yaml");
    let text = "apiVersion: aksight/v1\nkind: Fleet\nmetadata: {name: f}\nstacks:\n  - {name: quickstart, file: stacks/q.yaml}\n";
    let open = |path: &str| if path == "stacks/q.yaml" { Ok(quickstart.to_owned()) } else { nothing(path) };
    let fleet = read_fleet(text, "fleet.yaml", &open).unwrap();
    assert_eq!((fleet.stacks[0].name(), fleet.stacks[0].file.as_deref()), ("quickstart", Some("stacks/q.yaml")));
    assert_eq!(problems(text).len(), 1);
    assert!(
        problems(&text.replace("file: stacks/q.yaml", "file: q, cluster: {}"))
            .iter()
            .any(|one| one.contains("cannot be written beside"))
    );
}

/// Some mapping that defaults and stacks may be made of.
fn section() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), "[a-c]{1,2}".prop_map(Value::from)];
    leaf.prop_recursive(3, 12, 3, |inner| prop::collection::btree_map("[a-c]", inner, 0..3).prop_map(|map| json!(map)))
}

fn laid(layers: &[&Value]) -> Value {
    let names: Vec<String> = (0..layers.len().saturating_sub(2)).map(|index| format!("o{index}")).collect();
    let mut document = json!({"defaults": {"azure": layers[0]}, "overlays": {}, "stacks": [{"name": "s"}]});
    for (name, layer) in names.iter().zip(&layers[1..]) {
        document["overlays"][name] = json!({"azure": layer});
    }
    if layers.len() > 1 {
        document["stacks"][0]["azure"] = layers[layers.len() - 1].clone();
    }
    let source = Source::default();
    Layers::new(&document, &source).of("/stacks/0", &names).0.get("azure").cloned().unwrap_or_default()
}

proptest! {
    #[test]
    fn a_layer_twice_is_a_layer_once(a in section(), b in section()) {
        prop_assert_eq!(laid(&[&a, &b, &b]), laid(&[&a, &b]));
    }

    #[test]
    fn an_empty_layer_changes_nothing(a in section(), b in section()) {
        prop_assume!(a.is_object() && b.is_object());
        prop_assert_eq!(laid(&[&a, &json!({}), &b]), laid(&[&a, &b]));
    }

    #[test]
    fn what_the_stack_says_wins(a in section(), key in "[a-c]", text in "[x-z]{1,3}") {
        prop_assert_eq!(&laid(&[&a, &json!({&key: &text})])[&key], &json!(text));
    }

    #[test]
    fn null_takes_away(a in section(), key in "[a-c]") {
        prop_assume!(a.is_object());
        let taken = laid(&[&a, &json!({&key: null})]);
        prop_assert!(taken.get(&key).is_none());
    }
}
