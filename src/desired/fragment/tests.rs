//! The merge as its users meet it: tables for the known traps, properties for everything else.

use proptest::prelude::*;

use super::*;

fn fragment(author: &str, wishes: impl IntoIterator<Item = Wish>) -> Fragment {
    Fragment { author: author.to_owned(), reason: format!("{author} needs it"), wishes: wishes.into_iter().collect() }
}

fn hubble() -> Fragment {
    fragment("network", Wish::hubble("hubble.*"))
}

fn map(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn shown(data: &BTreeMap<String, String>) -> String {
    let value = |(key, value): (&String, &String)| format!("{key}:\n  {}\n", value.replace('\n', "\n  "));
    data.iter().map(value).collect::<Vec<_>>().concat()
}

fn paths(merged: &Merged) -> Vec<String> {
    merged.changes.iter().map(|change| format!("{}: {:?} -> {}", change.path, change.before, change.after)).collect()
}

#[test]
fn nothing_there_becomes_a_v2_map_with_all_three_sections() {
    let extras = [
        Wish::Interval(Target::HUBBLE, "30s".to_owned()),
        Wish::PodAnnotations(vec!["flux-system".to_owned()]),
        Wish::Keep { target: Target::POD_ANNOTATIONS, pattern: "gotk_.*".to_owned(), names: vec![] },
    ];
    let merged = merge(None, &[hubble(), fragment("flux", extras)]).unwrap();
    assert_eq!(merged.schema, Schema::V2);
    insta::assert_snapshot!(shown(&merged.data), @r#"
    cluster-metrics:
      default-targets-scrape-enabled: |-
        networkobservabilityHubble = true
      pod-annotation-based-scraping: |-
        podannotationnamespaceregex = "flux-system"
      default-targets-metrics-keep-list: |-
        networkobservabilityHubble = "hubble.*"
        podannotations = "gotk_.*"
      minimal-ingestion-profile: |-
        enabled = true
      default-targets-scrape-interval-settings: |-
        networkobservabilityHubble = "30s"
    config-version:
      ver1
    controlplane-metrics:
      default-targets-scrape-enabled: |-
        apiserver = true
        etcd = true
      minimal-ingestion-profile: |-
        enabled = true
    prometheus-collector-settings:
      cluster_alias = ""
      debug-mode = false
      https_config = true
    schema-version:
      v2
    "#);
    assert_eq!(merged.warnings, []);
    assert_eq!(merge(Some(&BTreeMap::new()), &[hubble()]), merge(None, &[hubble()]));
}

#[test]
fn a_v1_map_stays_v1() {
    // Microsoft's Flux guide ships this layout; its keep-list line for Hubble is what hides the flows.
    let there = map(&[
        ("config-version", "ver1"),
        ("default-scrape-settings-enabled", "kubelet = true\nnetworkobservabilityHubble = false"),
        ("default-targets-metrics-keep-list", "# ours\nkubelet = \"kubelet_.*\"\nminimalingestionprofile = true\n"),
        ("something-else", "untouched: |-\n"),
    ]);
    let merged = merge(Some(&there), &[hubble()]).unwrap();
    assert_eq!(merged.schema, Schema::V1);
    insta::assert_snapshot!(shown(&merged.data), @r#"
    config-version:
      ver1
    default-scrape-settings-enabled:
      kubelet = true
      networkobservabilityHubble = true
    default-targets-metrics-keep-list:
      # ours
      kubelet = "kubelet_.*"
      minimalingestionprofile = true
      networkobservabilityHubble = "hubble.*"
      
    something-else:
      untouched: |-
    "#);
    insta::assert_snapshot!(paths(&merged).join("\n"), @r#"
    default-scrape-settings-enabled/networkobservabilityHubble: Some("false") -> true
    default-targets-metrics-keep-list/networkobservabilityHubble: None -> hubble.*
    "#);
}

#[test]
fn a_list_that_lets_all_of_hubble_through_stays() {
    for list in ["hubble.*", "hubble_.+", "x|hubble_(dns|drop|flows|tcp).*", ".*", "hubble.*|up"] {
        let merged = merge(Some(&v2_with_keep(list)), &[hubble()]).unwrap();
        assert_eq!(paths(&merged), Vec::<String>::new(), "{list}");
    }
}

#[test]
fn a_list_that_hides_some_of_hubble_grows() {
    for (list, after) in [
        ("hubble_drop_total", "hubble_drop_total|hubble.*"),
        ("", "hubble.*"),
        ("hubble_flows_processed_total|(a|b)", "hubble_flows_processed_total|(a|b)|hubble.*"),
        ("cilium\\\\.x", "cilium\\.x|hubble.*"),
    ] {
        let merged = merge(Some(&v2_with_keep(list)), &[hubble()]).unwrap();
        assert_eq!(merged.changes.len(), 1, "{list}");
        assert_eq!(merged.changes[0].after, after);
        assert_eq!(merged.changes[0].author, "network");
    }
}

fn v2_with_keep(list: &str) -> BTreeMap<String, String> {
    let cluster = format!("default-targets-metrics-keep-list: |-\n  networkobservabilityHubble = \"{list}\"");
    map(&[
        ("schema-version", "v2"),
        ("cluster-metrics", &cluster),
        ("controlplane-metrics", "default-targets-scrape-enabled: |-\n  apiserver = true"),
        ("prometheus-collector-settings", "cluster_alias = \"\""),
    ])
}

#[test]
fn an_invalid_list_of_ours_is_replaced_and_one_of_others_is_reported() {
    let mut there = v2_with_keep("hubble(");
    there.entry("cluster-metrics".to_owned()).and_modify(|text| text.push_str("\n  kubelet = \"(?=x)\""));
    let merged = merge(Some(&there), &[hubble()]).unwrap();
    assert_eq!(merged.changes[0].after, "hubble.*");
    assert!(
        matches!(&merged.warnings[..], [
        Warning::Replaced { before, .. },
        Warning::InvalidKeepList { path, .. },
    ] if before == "hubble(" && path == "cluster-metrics/default-targets-metrics-keep-list/kubelet"),
        "{:?}",
        merged.warnings
    );
    assert!(merged.data["cluster-metrics"].contains("kubelet = \"(?=x)\""));
}

#[test]
fn namespaces_are_joined_when_the_old_expression_does_not_match_all_of_the_name() {
    let with = |regex: &str| {
        let mut there = v2_with_keep("hubble.*");
        let section = format!("\npod-annotation-based-scraping: |-\n  podannotationnamespaceregex = \"{regex}\"");
        there.entry("cluster-metrics".to_owned()).and_modify(|text| text.push_str(&section));
        there
    };
    let flux = fragment("flux", [Wish::PodAnnotations(vec!["flux-system".to_owned()])]);
    for (old, after) in [
        ("flux", Some("flux|flux-system")),
        ("", Some("flux-system")),
        ("shop|pay", Some("shop|pay|flux-system")),
        (".*", None),
        ("flux-.*", None),
        ("[", Some("flux-system")),
    ] {
        let merged = merge(Some(&with(old)), std::slice::from_ref(&flux)).unwrap();
        assert_eq!(merged.changes.first().map(|change| change.after.as_str()), after, "{old}");
    }
}

#[test]
fn pods_that_are_scraped_without_a_list_keep_everything() {
    let mut there = v2_with_keep("hubble.*");
    let section = "\npod-annotation-based-scraping: |-\n  podannotationnamespaceregex = \"shop\"";
    there.entry("cluster-metrics".to_owned()).and_modify(|text| text.push_str(section));
    let wish = Wish::Keep { target: Target::POD_ANNOTATIONS, pattern: "gotk_.*".to_owned(), names: vec![] };
    let merged = merge(Some(&there), &[fragment("flux", [wish])]).unwrap();
    assert_eq!(paths(&merged), Vec::<String>::new());
    assert!(matches!(merged.warnings[..], [Warning::OpenPodAnnotations { .. }]));
}

#[test]
fn a_v2_map_without_one_of_the_sections_gets_it() {
    let mut there = v2_with_keep("hubble.*");
    there.remove("prometheus-collector-settings");
    let merged = merge(Some(&there), &[hubble()]).unwrap();
    insta::assert_snapshot!(paths(&merged).join("\n"), @r"
    prometheus-collector-settings/cluster_alias: None -> 
    prometheus-collector-settings/debug-mode: None -> false
    prometheus-collector-settings/https_config: None -> true
    ");
}

#[test]
fn an_unknown_schema_is_refused() {
    let error = merge(Some(&map(&[("schema-version", "v3")])), &[hubble()]).unwrap_err();
    insta::assert_snapshot!(error, @"`schema-version` of `ama-metrics-settings-configmap` is `v3`: the agents know `v1` and `v2` and ignore the whole map");
}

#[test]
fn two_authors_who_disagree_are_both_named() {
    let on = fragment("network", [Wish::Scrape(Target::HUBBLE, true)]);
    let off = fragment("thrift", [Wish::Scrape(Target::HUBBLE, false)]);
    insta::assert_snapshot!(merge(None, &[on.clone(), off.clone()]).unwrap_err(), @"`cluster-metrics/default-targets-scrape-enabled/networkobservabilityHubble` cannot be both `true` (`network`) and `false` (`thrift`)");
    assert_eq!(merge(None, &[on.clone(), off.clone()]), merge(None, &[off, on]));
}

#[test]
fn one_profile_serves_both_planes_in_v1() {
    let there = map(&[("default-targets-metrics-keep-list", "minimalingestionprofile = true")]);
    let wishes = [Wish::MinimalProfile(Plane::Data, true), Wish::MinimalProfile(Plane::Control, false)];
    assert!(matches!(merge(Some(&there), &[fragment("a", wishes)]), Err(MergeError::Disagree { .. })));
}

#[test]
fn wishes_that_no_map_can_hold_are_refused() {
    let bad = [
        Wish::Keep { target: Target::HUBBLE, pattern: "(".to_owned(), names: vec![] },
        Wish::Keep { target: Target::HUBBLE, pattern: "a\nb = c".to_owned(), names: vec![] },
        Wish::Interval(Target::HUBBLE, "often".to_owned()),
        Wish::Interval(Target::named(Plane::Control, "etcd").unwrap(), "30s".to_owned()),
        Wish::PodAnnotations(vec!["a|b".to_owned()]),
        Wish::ClusterAlias("a\nkubelet = false".to_owned()),
        Wish::Scrape(Target::POD_ANNOTATIONS, true),
    ];
    for wish in bad {
        assert!(merge(None, &[fragment("a", [wish.clone()])]).is_err(), "{wish:?}");
    }
}

#[test]
fn an_interval_of_the_same_length_stays() {
    let mut there = v2_with_keep("hubble.*");
    let section = "\ndefault-targets-scrape-interval-settings: |-\n  networkobservabilityHubble = \"0.5m\"";
    there.entry("cluster-metrics".to_owned()).and_modify(|text| text.push_str(section));
    let every = |text: &str| fragment("a", [Wish::Interval(Target::HUBBLE, text.to_owned())]);
    assert_eq!(merge(Some(&there), &[every("30s")]).unwrap().changes, []);
    assert_eq!(merge(Some(&there), &[every("60s")]).unwrap().changes[0].after, "60s");
}

#[test]
fn without_wishes_nothing_changes() {
    let there = v2_with_keep("(");
    let merged = merge(Some(&there), &[]).unwrap();
    assert_eq!(merged.data, there);
    assert_eq!(merged.changes, []);
    assert_eq!(merged.warnings.len(), 1);
}

fn any_wish() -> impl Strategy<Value = Wish> {
    let target = proptest::sample::select(vec![Target::HUBBLE, Target::CILIUM, Target::POD_ANNOTATIONS]);
    let pattern = proptest::sample::select(vec!["hubble.*", "a|b", "(?i)x", "gotk_\\..*", "[|]\"", ".*"]);
    prop_oneof![
        Just(Wish::Scrape(Target::HUBBLE, true)),
        Just(Wish::MinimalProfile(Plane::Data, false)),
        Just(Wish::ClusterAlias("shop \"eu\"\\x".to_owned())),
        Just(Wish::Interval(Target::CILIUM, "1m".to_owned())),
        "[a-z]{1,4}".prop_map(|name| Wish::PodAnnotations(vec![name])),
        (target, pattern, proptest::collection::vec("[a-c]{1,2}", 0..2)).prop_map(|(target, pattern, names)| Wish::Keep {
            target,
            pattern: pattern.to_owned(),
            names
        }),
    ]
}

fn any_map() -> impl Strategy<Value = BTreeMap<String, String>> {
    let key = proptest::sample::select(vec![
        "schema-version",
        "cluster-metrics",
        "controlplane-metrics",
        "prometheus-collector-settings",
        "default-targets-metrics-keep-list",
        "pod-annotation-based-scraping",
        "theirs",
    ]);
    let line = proptest::sample::select(vec![
        "default-targets-metrics-keep-list: |-\n",
        "pod-annotation-based-scraping: |-\n",
        "  networkobservabilityHubble = \"hubble_drop_total\"\n",
        "networkobservabilityHubble = (\n",
        "  podannotationnamespaceregex = \"a|b\" # theirs\r\n",
        "minimal-ingestion-profile: |-\n  enabled = false\n",
        "# note\n",
        "\n",
        "cluster_alias=\"x",
        "\u{1f980}=",
    ]);
    let noise = prop_oneof![4 => line.prop_map(str::to_owned), 1 => any::<String>()];
    let text = proptest::collection::vec(noise, 0..8).prop_map(|parts| parts.concat());
    (proptest::collection::btree_map(key.prop_map(str::to_owned), text, 0..6), proptest::option::of(Just("v2"))).prop_map(
        |(mut data, schema)| {
            data.remove("schema-version");
            data.extend(schema.map(|version| ("schema-version".to_owned(), version.to_owned())));
            data
        },
    )
}

proptest! {
    #[test]
    fn merging_again_changes_nothing(there in proptest::option::of(any_map()), wishes in proptest::collection::vec(any_wish(), 0..6)) {
        let fragments: Vec<_> = wishes.into_iter().enumerate().map(|(n, wish)| fragment(&format!("f{n}"), [wish])).collect();
        if let Ok(once) = merge(there.as_ref(), &fragments) {
            let twice = merge(Some(&once.data), &fragments).unwrap();
            prop_assert_eq!(paths(&twice), Vec::<String>::new());
            prop_assert_eq!(&twice.data, &once.data);
        }
    }

    #[test]
    fn the_order_of_fragments_does_not_matter(there in any_map(), wishes in proptest::collection::vec(any_wish(), 0..6)) {
        let fragments: Vec<_> = wishes.into_iter().enumerate().map(|(n, wish)| fragment(&format!("f{n}"), [wish])).collect();
        let backwards: Vec<_> = fragments.iter().rev().cloned().collect();
        prop_assert_eq!(merge(Some(&there), &fragments), merge(Some(&there), &backwards));
    }

    #[test]
    fn what_is_not_ours_survives(there in any_map()) {
        let Ok(merged) = merge(Some(&there), &[hubble()]) else { return Ok(()) };
        for (key, before) in &there {
            let after = &merged.data[key];
            let ours = |line: &&str| !line.contains("networkobservabilityHubble");
            let mut left = after.split('\n').map(|line| line.trim_end_matches('\r'));
            for line in before.split('\n').map(|line| line.trim_end_matches('\r')).filter(ours).filter(|line| !line.is_empty()) {
                prop_assert!(left.any(|kept| kept == line), "{line:?} of {key} is gone: {after:?}");
            }
        }
    }

    #[test]
    fn no_text_makes_it_panic(key in "schema-version|cluster-metrics|default-targets-metrics-keep-list", text in any::<String>()) {
        let data = BTreeMap::from([(key, text)]);
        drop(merge(Some(&data), &[hubble()]));
    }
}

#[test]
fn what_others_wrote_is_told_and_the_agents_own_defaults_are_not() {
    let fragments = [hubble()];
    let told = |data: &BTreeMap<String, String>| {
        let line = |one: Foreign| format!("{} = {} (wanted {})", one.path, one.found, one.wanted.as_deref().unwrap_or("nothing"));
        foreign(data, &fragments).into_iter().map(line).collect::<Vec<_>>()
    };
    let born = merge(None, &fragments).unwrap().data;
    assert_eq!(told(&born), [""; 0]);
    let theirs = map(&[
        ("schema-version", "v2"),
        ("config-version", "theirs"),
        ("empty", " "),
        ("ksm-config", "labels_allow_list:\n  pods: [app]\n"),
        (
            "cluster-metrics",
            "default-targets-scrape-enabled: |-\n  kubelet = true\n  coredns = true\n  networkobservabilityHubble = false\n\
             default-targets-metrics-keep-list: |-\n  kubelet = \"\"\n  coredns = \"coredns_.*\"\n  networkobservabilityHubble = \"hubble.*|more\"\n\
             default-targets-scrape-interval-settings: |-\n  coredns = \"30s\"\n  kubelet = \"60s\"\n\
             a-section-to-come: |-\n  x = 1\n",
        ),
        (
            "prometheus-collector-settings",
            "cluster_alias = \"\"\ndebug-mode = true\nhttps_config = true\nsecrets_access_namespaces = \"a\"\n",
        ),
    ]);
    insta::assert_snapshot!(told(&theirs).join("\n"), @r"
    cluster-metrics/default-targets-scrape-enabled/coredns = true (wanted nothing)
    cluster-metrics/default-targets-metrics-keep-list/coredns = coredns_.* (wanted nothing)
    cluster-metrics/default-targets-metrics-keep-list/networkobservabilityHubble = hubble.*|more (wanted hubble.*)
    cluster-metrics/default-targets-scrape-interval-settings/kubelet = 60s (wanted nothing)
    cluster-metrics/a-section-to-come/x = 1 (wanted nothing)
    ksm-config = 33 bytes of text (wanted nothing)
    prometheus-collector-settings/debug-mode = true (wanted nothing)
    prometheus-collector-settings/secrets_access_namespaces = a (wanted nothing)
    ");
    let merged = merge(Some(&theirs), &fragments).unwrap().data;
    assert_eq!(told(&merged), told(&theirs), "all of it is kept");
    let first = map(&[
        ("default-scrape-settings-enabled", "kubelet = true\ncontrolplane-etcd = false\n"),
        ("default-targets-metrics-keep-list", "minimalingestionprofile = true\nkubelet = \"up\"\n"),
        ("debug-mode", "enabled = false"),
    ]);
    insta::assert_snapshot!(told(&first).join("\n"), @r"
    default-scrape-settings-enabled/controlplane-etcd = false (wanted nothing)
    default-targets-metrics-keep-list/kubelet = up (wanted nothing)
    ");
    assert_eq!(told(&map(&[("schema-version", "v9"), ("x", "y")])), [""; 0], "the agents ignore all of it");
}
