//! What azurerm refuses before anything is asked of Azure, as far as generated HCL could get it wrong.

use super::resources::Kind;
use super::value::Value;

/// A refused value: where, and azurerm's sentence.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Finding {
    /// Path in HCL's spelling, such as `network_profile.0.network_plugin`.
    pub(super) path: String,
    /// The sentence.
    pub(super) sentence: String,
}

/// The words an argument may be.
const WORDS: [(&str, &str, &[&str]); 22] = [
    ("azurerm_dashboard_grafana", "grafana_major_version", &["12", "13"]),
    ("azurerm_dashboard_grafana", "sku", &["Standard"]),
    ("azurerm_dashboard_grafana", "sku_size", &["X1", "X2"]),
    ("azurerm_dashboard_grafana", "auto_generated_domain_name_label_scope", &["TenantReuse"]),
    ("azurerm_dashboard_grafana", "identity.0.type", &["SystemAssigned", "UserAssigned"]),
    ("azurerm_kubernetes_cluster", "automatic_upgrade_channel", &["patch", "rapid", "stable", "node-image"]),
    ("azurerm_kubernetes_cluster", "node_os_upgrade_channel", &["NodeImage", "None", "SecurityPatch", "Unmanaged"]),
    ("azurerm_kubernetes_cluster", "sku_tier", &["Free", "Standard", "Premium"]),
    ("azurerm_kubernetes_cluster", "support_plan", &["KubernetesOfficial", "AKSLongTermSupport"]),
    ("azurerm_kubernetes_cluster", "identity.0.type", &["SystemAssigned", "UserAssigned"]),
    ("azurerm_kubernetes_cluster", "network_profile.0.network_plugin", &["azure", "kubenet", "none"]),
    ("azurerm_kubernetes_cluster", "network_profile.0.network_plugin_mode", &["overlay"]),
    ("azurerm_kubernetes_cluster", "network_profile.0.network_data_plane", &["azure", "cilium"]),
    ("azurerm_kubernetes_cluster", "network_profile.0.network_policy", &["calico", "azure", "cilium"]),
    ("azurerm_kubernetes_cluster", "network_profile.0.load_balancer_sku", &["basic", "standard"]),
    (
        "azurerm_kubernetes_cluster",
        "network_profile.0.outbound_type",
        &["loadBalancer", "userDefinedRouting", "managedNATGateway", "userAssignedNATGateway", "none"],
    ),
    ("azurerm_kubernetes_cluster", "node_provisioning_profile.0.mode", &["Auto", "Manual"]),
    ("azurerm_kubernetes_cluster", "node_provisioning_profile.0.default_node_pools", &["Auto", "None"]),
    ("azurerm_kubernetes_cluster", "default_node_pool.0.os_disk_type", &["Ephemeral", "Managed"]),
    (
        "azurerm_kubernetes_cluster",
        "default_node_pool.0.os_sku",
        &["AzureLinux", "AzureLinux3", "Ubuntu", "Ubuntu2204", "Ubuntu2404", "Windows2019", "Windows2022"],
    ),
    ("azurerm_kubernetes_cluster", "default_node_pool.0.scale_down_mode", &["Deallocate", "Delete"]),
    ("azurerm_kubernetes_cluster", "default_node_pool.0.type", &["VirtualMachineScaleSets"]),
];

/// Everything azurerm would refuse about a configuration. Unknown values pass; how often blocks may repeat is the schema's matter.
pub(super) fn validate(kind: &Kind, config: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, path, words) in WORDS {
        if let Some(found) = at(config, path).text().filter(|text| name == kind.name && !words.contains(text)) {
            let words: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
            let sentence = format!("expected {path} to be one of [{}], got {found}", words.join(" "));
            findings.push(Finding { path: path.to_owned(), sentence });
        }
    }
    match kind.name {
        "azurerm_kubernetes_cluster" => cluster(config, &mut findings),
        "azurerm_dashboard_grafana" => check(config, "name", grafana_name, &mut findings),
        "azurerm_resource_group" => check(config, "name", group_name, &mut findings),
        _ => {}
    }
    if kind.table.attribute("resource_group_name").is_some() {
        check(config, "resource_group_name", group_name, &mut findings);
    }
    findings
}

fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
    const NULL: &Value = &Value::Null;
    path.split('.').fold(value, |here, step| match step.parse::<usize>() {
        Ok(index) => here.items().get(index).unwrap_or(NULL),
        Err(_) => here.get(step),
    })
}

fn check(config: &Value, path: &str, rule: fn(&str) -> Option<&'static str>, findings: &mut Vec<Finding>) {
    if let Some(sentence) = at(config, path).text().and_then(rule) {
        findings.push(Finding { path: path.to_owned(), sentence: format!("invalid value for {path} ({sentence})") });
    }
}

fn grafana_name(name: &str) -> Option<&'static str> {
    let fine = (2..=23).contains(&name.len())
        && name.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && name.ends_with(|letter: char| letter.is_ascii_alphanumeric())
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-');
    (!fine).then_some(
        "The name length must be from 2 to 23 characters. The name can only contain letters, numbers and dashes, and it must begin \
         with a letter and end with a letter or digit.",
    )
}

fn group_name(name: &str) -> Option<&'static str> {
    let fine = (1..=90).contains(&name.chars().count())
        && !name.ends_with('.')
        && name.chars().all(|letter| letter.is_alphanumeric() || "-_.()".contains(letter));
    (!fine)
        .then_some("may only contain alphanumeric characters, dash, underscores, parentheses and periods, and not end with one")
}

fn pool_name(name: &str) -> Option<&'static str> {
    let fine = (1..=12).contains(&name.len())
        && name.starts_with(|letter: char| letter.is_ascii_lowercase())
        && name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit());
    (!fine).then_some("must start with a lowercase letter, have max length of 12, and only have characters a-z0-9")
}

fn dns_prefix(prefix: &str) -> Option<&'static str> {
    let edge = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_alphanumeric());
    let fine = (1..=54).contains(&prefix.len())
        && edge(prefix.chars().next())
        && edge(prefix.chars().last())
        && prefix.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-');
    (!fine).then_some(
        "The DNS name must contain between 1 and 54 characters. The name can contain only letters, numbers, and hyphens. The name \
         must start with a letter or number, and must end with a letter or number.",
    )
}

fn cluster(config: &Value, findings: &mut Vec<Finding>) {
    check(config, "dns_prefix", dns_prefix, findings);
    check(config, "default_node_pool.0.name", pool_name, findings);
    check(config, "default_node_pool.0.vnet_subnet_id", subnet_id, findings);
    let mut refuse = |path: &str, sentence: &str| findings.push(Finding { path: path.to_owned(), sentence: sentence.to_owned() });
    let none = |path: &str| matches!(at(config, path), Value::Null);
    let prefixes = [none("dns_prefix"), none("dns_prefix_private_cluster")];
    if prefixes[0] == prefixes[1] {
        refuse("dns_prefix", "one of `dns_prefix,dns_prefix_private_cluster` must be specified, and only one");
    }
    if config.get("identity").is_zero() == config.get("service_principal").is_zero() {
        refuse("identity", "one of `identity,service_principal` must be specified, and only one");
    }
    let provisioning = "node_provisioning_profile.0";
    if !none(provisioning) && none(&format!("{provisioning}.mode")) && none(&format!("{provisioning}.default_node_pools")) {
        refuse(provisioning, "at least one of `default_node_pools`, `mode` must be specified");
    }
    network(config, &mut refuse);
    choices(config, &mut refuse);
    for name in ["annotations_allowed", "labels_allowed"] {
        let path = format!("monitor_metrics.0.{name}");
        if at(config, &path).text() == Some("") {
            refuse(&path, &format!("expected {path:?} to not be an empty string, got "));
        }
    }
}

/// Arguments that azurerm wants together.
fn choices(config: &Value, refuse: &mut impl FnMut(&str, &str)) {
    let here = |path: &str| at(config, path);
    let sign_in = "azure_active_directory_role_based_access_control.0";
    let given = |name: &str| !matches!(here(&format!("{sign_in}.{name}")), Value::Null);
    if *here(sign_in) != Value::Null && !given("tenant_id") && !given("admin_group_object_ids") {
        refuse(sign_in, "one of `admin_group_object_ids`, `tenant_id` must be specified");
    }
    let without_way_out = here("network_profile.0.outbound_type").text() == Some("none");
    let source = here("bootstrap_profile.0.artifact_source");
    if without_way_out && *source != Value::Unknown && source.text() != Some("Cache") {
        refuse(
            "bootstrap_profile.0.artifact_source",
            "when `network_profile.0.outbound_type` is set to `none`, `bootstrap_profile.0.artifact_source` must be set to `Cache`",
        );
    }
    let images = here("node_os_upgrade_channel").text().is_none_or(|channel| channel == "NodeImage");
    if here("automatic_upgrade_channel").text() == Some("node-image") && !images {
        refuse(
            "node_os_upgrade_channel",
            "cannot be set to a value other than `NodeImage` if `automatic_upgrade_channel` is set to `node-image`",
        );
    }
}

/// azurerm compares the fixed words of an id with case.
fn subnet_id(id: &str) -> Option<&'static str> {
    let words: Vec<&str> = id.split('/').collect();
    let form = matches!(
        words[..],
        ["", "subscriptions", _, "resourceGroups", _, "providers", "Microsoft.Network", "virtualNetworks", _, "subnets", _]
    );
    (!form).then_some("parsing the Subnet ID: a fixed segment is missing or spelled in another case")
}

fn network(config: &Value, refuse: &mut impl FnMut(&str, &str)) {
    let here = |name: &str| at(config, &format!("network_profile.0.{name}"));
    let other = |name: &str, wanted: &str| match here(name) {
        Value::Unknown => false,
        value => value.text() != Some(wanted),
    };
    if here("network_data_plane").text() == Some("cilium")
        && here("network_policy").text().is_some_and(|policy| policy != "cilium")
    {
        refuse(
            "network_profile.0.network_policy",
            "when `network_data_plane` is set to `cilium`, `network_policy` must be set to `cilium`",
        );
    }
    let advanced = "network_profile.0.advanced_networking.0";
    if *at(config, advanced) == Value::Null {
        return;
    }
    let (watch, guard) = (here("advanced_networking.0.observability_enabled"), here("advanced_networking.0.security_enabled"));
    if *watch == Value::Null && *guard == Value::Null {
        refuse(advanced, "one of `observability_enabled`, `security_enabled` must be specified");
    }
    if guard.is_true() && (other("network_data_plane", "cilium") || other("network_plugin", "azure")) {
        refuse(
            advanced,
            "when `security_enabled` is `true`, `network_plugin` must be set to `azure` and `network_data_plane` must be set to `cilium`",
        );
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn refused(kind: &str, config: &Json) -> Vec<String> {
        validate(Kind::of(kind).unwrap(), &Value::from_json(config)).into_iter().map(|finding| finding.path).collect()
    }

    fn cluster_with(network: &Json) -> Json {
        json!({
            "name": "c", "resource_group_name": "g", "dns_prefix": "c", "identity": [{"type": "SystemAssigned"}],
            "node_provisioning_profile": [{"mode": "Manual"}], "default_node_pool": [{"name": "system"}],
            "network_profile": [network], "monitor_metrics": [{}]
        })
    }

    #[test]
    fn what_we_generate_is_accepted() {
        let cilium = json!({
            "network_plugin": "azure", "network_data_plane": "cilium", "network_policy": "cilium",
            "advanced_networking": [{"observability_enabled": true, "security_enabled": true}]
        });
        assert!(refused("azurerm_kubernetes_cluster", &cluster_with(&cilium)).is_empty());
        let grafana = json!({"name": "amg-1", "resource_group_name": "g", "grafana_major_version": "12"});
        assert!(refused("azurerm_dashboard_grafana", &grafana).is_empty());
    }

    #[test]
    fn unknown_values_pass() {
        let mut config = Value::from_json(&cluster_with(&json!({"network_plugin": "azure"})));
        for name in ["dns_prefix", "identity", "network_profile", "sku_tier"] {
            config.put(name, Value::Unknown);
        }
        assert_eq!(validate(Kind::of("azurerm_kubernetes_cluster").unwrap(), &config), vec![]);
    }

    #[test]
    fn what_azurerm_refuses_is_refused() {
        let guard = json!({"network_plugin": "azure", "advanced_networking": [{"security_enabled": true}]});
        assert_eq!(refused("azurerm_kubernetes_cluster", &cluster_with(&guard)), ["network_profile.0.advanced_networking.0"]);
        let policy = json!({"network_plugin": "azure", "network_data_plane": "cilium", "network_policy": "calico"});
        assert_eq!(refused("azurerm_kubernetes_cluster", &cluster_with(&policy)), ["network_profile.0.network_policy"]);
        let empty = json!({"network_plugin": "azure", "advanced_networking": [{}]});
        assert_eq!(refused("azurerm_kubernetes_cluster", &cluster_with(&empty)), ["network_profile.0.advanced_networking.0"]);
        let poor = json!({
            "resource_group_name": "g.", "node_provisioning_profile": [{}], "default_node_pool": [{"name": "System1"}],
            "monitor_metrics": [{"labels_allowed": ""}]
        });
        assert_eq!(
            refused("azurerm_kubernetes_cluster", &poor),
            [
                "default_node_pool.0.name",
                "dns_prefix",
                "identity",
                "node_provisioning_profile.0",
                "monitor_metrics.0.labels_allowed",
                "resource_group_name"
            ]
        );
        let mut apart = cluster_with(&json!({"network_plugin": "azure", "outbound_type": "none"}));
        apart["azure_active_directory_role_based_access_control"] = json!([{"azure_rbac_enabled": true}]);
        apart["automatic_upgrade_channel"] = "node-image".into();
        apart["node_os_upgrade_channel"] = "None".into();
        let subnet = "/subscriptions/s/resourcegroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/n";
        apart["default_node_pool"][0]["vnet_subnet_id"] = subnet.into();
        assert_eq!(
            refused("azurerm_kubernetes_cluster", &apart),
            [
                "default_node_pool.0.vnet_subnet_id",
                "azure_active_directory_role_based_access_control.0",
                "bootstrap_profile.0.artifact_source",
                "node_os_upgrade_channel"
            ]
        );
        let grafana = json!({"name": "1-", "resource_group_name": "g", "grafana_major_version": "11"});
        assert_eq!(refused("azurerm_dashboard_grafana", &grafana), ["grafana_major_version", "name"]);
    }
}
