//! Holds the tables still: the listing's digest changes with any name, type, flag, nesting or default.

use super::*;

fn listing(block: &Block, path: &str, out: &mut Vec<String>) {
    for attribute in block.attributes {
        let flags = [(attribute.required, 'r'), (attribute.optional, 'o'), (attribute.computed, 'c'), (attribute.sensitive, 's')];
        let flags: String = flags.iter().filter(|(set, _)| *set).map(|(_, flag)| flag).collect();
        out.push(format!("{path}{} {} {flags}", attribute.name, attribute.kind.notation()));
    }
    for nested in block.blocks {
        out.push(format!("{path}{} {:?} {} {}", nested.name, nested.nesting, nested.min, nested.max));
        listing(nested.block, &format!("{path}{}.", nested.name), out);
    }
}

fn digest(block: &Block) -> String {
    let mut lines = Vec::new();
    listing(block, "", &mut lines);
    lines.sort();
    let hash = <sha2::Sha256 as sha2::Digest>::digest(lines.join("\n").as_bytes());
    let short = hash.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    format!("{} lines {short:016x}", lines.len())
}

const TABLES: [(&str, &Block); 6] = [
    ("provider", &PROVIDER),
    ("azurerm_resource_group", &RESOURCE_GROUP),
    ("azurerm_monitor_workspace", &MONITOR_WORKSPACE),
    ("azurerm_dashboard_grafana", &GRAFANA),
    ("azurerm_kubernetes_cluster", &CLUSTER),
    ("data.azurerm_client_config", &CLIENT_CONFIG),
];

#[test]
fn the_tables_are_azurerms() {
    let digests: Vec<String> = TABLES.iter().map(|(name, block)| format!("{name}: {}", digest(block))).collect();
    insta::assert_snapshot!(digests.join("\n"), @"
    provider: 97 lines 4df5d6393161cb86
    azurerm_resource_group: 10 lines 06d5b7678face06e
    azurerm_monitor_workspace: 14 lines 8f8e6eaf91a05115
    azurerm_dashboard_grafana: 37 lines b626d0c7b2e05b7b
    azurerm_kubernetes_cluster: 318 lines f87584fcb66fa5c0
    data.azurerm_client_config: 7 lines 5ee1c70cadd89d6b
    ");
}

#[test]
fn every_attribute_can_be_written_or_read() {
    fn walk(block: &Block) {
        for attribute in block.attributes {
            assert!(attribute.required || attribute.optional || attribute.computed, "{}", attribute.name);
            assert!(attribute.pointer().starts_with('/'), "{}", attribute.name);
        }
        for nested in block.blocks {
            walk(nested.block);
        }
    }
    for (_, block) in TABLES {
        walk(block);
    }
}

#[test]
fn names_become_camel_case_where_arm_says_nothing_else() {
    assert_eq!(pointer("net_ipv4_tcp_tw_reuse", ""), "/netIpv4TcpTwReuse");
    assert_eq!(pointer("tags", "/labels"), "/labels");
}
