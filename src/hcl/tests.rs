//! The files as a whole: the examples, the addresses, and what user text can never become.

use std::path::Path;

use hcl::Expression;
use proptest::prelude::*;

use super::*;

const EXAMPLES: [&str; 2] = ["quickstart", "complete"];

fn example(name: &str) -> (std::path::PathBuf, Spec) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("terraform/examples").join(name);
    let text = std::fs::read_to_string(directory.join("aksight.yaml")).unwrap();
    (directory, crate::spec::read(&text, "aksight.yaml").unwrap())
}

/// The quickstart with something changed in its text.
fn with(from: &str, to: &str) -> Spec {
    let text = std::fs::read_to_string(example("quickstart").0.join("aksight.yaml")).unwrap();
    assert!(text.contains(from), "{from}");
    crate::spec::read(&text.replacen(from, to, 1), "aksight.yaml").unwrap()
}

fn file(spec: &Spec, name: &str) -> String {
    render(spec, &State::AsWritten).into_iter().find(|file| file.name == name).unwrap().text
}

/// `AKSIGHT_BLESS=1 cargo test` writes the examples anew; the difference is reviewed like any other.
#[test]
fn the_examples_are_what_is_generated() {
    for name in EXAMPLES {
        let (directory, spec) = example(name);
        for file in render(&spec, &State::AsWritten).into_iter().chain(guide(&spec)) {
            let path = directory.join(file.name);
            if std::env::var_os("AKSIGHT_BLESS").is_some() {
                std::fs::write(&path, &file.text).unwrap();
            }
            assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), file.text, "{}", path.display());
        }
    }
}

#[test]
fn the_resources_are_those_that_the_wish_knows() {
    let workspace = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/g/providers/Microsoft.Monitor/accounts/w";
    let shared = with("name: amw-quickstart", &format!("id: {workspace}"));
    for spec in EXAMPLES.map(|name| example(name).1).into_iter().chain([shared]) {
        let body: hcl::Body = hcl::from_str(&file(&spec, "main.tf")).unwrap();
        let mut found: Vec<String> = body
            .blocks()
            .filter(|block| block.identifier() == "resource")
            .map(|block| block.labels().iter().map(hcl::BlockLabel::as_str).collect::<Vec<_>>().join("."))
            .collect();
        found.sort();
        let wished = crate::desired::resolve(&spec, "00000000-0000-0000-0000-000000000001").terraform;
        assert_eq!(found, wished.into_keys().collect::<Vec<_>>());
    }
}

/// What drift does not compare, with the reason.
const NOT_COMPARED: [(&str, &str); 9] = [
    ("name", "it is in the id"),
    ("resource_group_name", "it is in the id"),
    ("dns_prefix", "nobody can change it"),
    ("default_node_pool[0].temporary_name_for_rotation", "ARM does not know it"),
    ("lifecycle[0].ignore_changes", "terraform's own"),
    ("azurerm_dashboard_grafana.this identity[0].type", "a REST unit ensures it"),
    ("azurerm_dashboard_grafana.this azure_monitor_workspace_integrations[0].resource_id", "a REST unit merges them"),
    ("automatic_upgrade_channel", "compared also when it is not written"),
    ("kubernetes_version", "compared only when it is written, and no channel moves it"),
];

#[test]
fn drift_is_looked_for_in_everything_that_is_declared() {
    fn paths(body: &hcl::Body, before: &str, found: &mut Vec<String>) {
        found.extend(body.attributes().map(|attribute| format!("{before}{}", attribute.key())));
        for block in body.blocks() {
            paths(block.body(), &format!("{before}{}[0].", block.identifier()), found);
        }
    }
    for spec in EXAMPLES.map(|name| example(name).1) {
        let body: hcl::Body = hcl::from_str(&file(&spec, "main.tf")).unwrap();
        let compared = crate::desired::declared::fields(&spec);
        for block in body.blocks().filter(|block| block.identifier() == "resource") {
            let address = block.labels().iter().map(hcl::BlockLabel::as_str).collect::<Vec<_>>().join(".");
            let mut declared = Vec::new();
            paths(block.body(), "", &mut declared);
            let is_compared = |path: &String| compared.iter().any(|field| field.address == address && field.field == *path);
            let is_excused =
                |path: &String| NOT_COMPARED.iter().any(|(name, _)| name == path || *name == format!("{address} {path}"));
            let missed: Vec<&String> = declared.iter().filter(|path| !is_compared(path) && !is_excused(path)).collect();
            assert!(missed.is_empty(), "{address}: {missed:?}");
        }
    }
}

#[test]
fn a_rehearsal_keeps_its_state_to_itself() {
    let (_, spec) = example("complete");
    let versions = |state| render(&spec, state)[0].text.clone();
    assert!(versions(&State::AsWritten).contains("backend \"azurerm\""));
    assert!(!versions(&State::Local).contains("azurerm\" {"), "{}", versions(&State::Local));
}

#[test]
fn a_backend_finds_the_cloud_of_the_stack() {
    let (_, mut spec) = example("complete");
    assert!(!file(&spec, "versions.tf").contains("environment"));
    spec.stack.azure.cloud = crate::base::cloud::CloudName::China;
    for name in ["versions.tf", "provider.tf"] {
        let text = file(&spec, name);
        let line = text.lines().find(|line| line.trim_start().starts_with("environment")).unwrap();
        assert!(line.ends_with("= \"china\""), "{line}");
    }
}

#[test]
fn what_azurerm_wants_together_is_together() {
    let name = "name: aks-quickstart";
    let lts = file(&with(name, "name: aks-quickstart\n  tier: Premium"), "main.tf");
    assert!(lts.contains("support_plan            = \"AKSLongTermSupport\""), "{lts}");
    let entra = file(&with(name, "name: aks-quickstart\n  entra: {azureRbac: true}"), "main.tf");
    assert!(entra.contains("admin_group_object_ids = []"), "{entra}");
    let apart = file(&with(name, "name: aks-quickstart\n  network: {outboundType: none}"), "main.tf");
    assert!(apart.contains("artifact_source = \"Cache\""), "{apart}");
    let subnet = "/subscriptions/00000000-0000-0000-0000-000000000001/resourcegroups/G/providers/microsoft.network/virtualnetworks/V/subnets/S";
    let own = file(&with(name, &format!("name: aks-quickstart\n  nodePool: {{subnetId: {subnet}}}")), "main.tf");
    assert!(own.contains("/resourceGroups/G/providers/Microsoft.Network/virtualNetworks/V/subnets/S\""), "{own}");
}

/// A second declaration of a variable would stop terraform, late and with a place that nobody wrote.
#[test]
fn no_variable_of_a_user_is_declared_twice() {
    let text = std::fs::read_to_string(example("quickstart").0.join("aksight.yaml")).unwrap();
    for name in settings::input_names(&example("quickstart").1) {
        let taken = format!("{text}terraform: {{variables: {{{name}: x}}}}\n");
        assert!(crate::spec::read(&taken, "aksight.yaml").is_err(), "{name}");
    }
}

/// Every expression below a body, keys of objects included.
fn expressions(body: &hcl::Body, found: &mut Vec<Expression>) {
    for structure in body {
        match structure {
            hcl::Structure::Attribute(attribute) => parts(attribute.expr(), found),
            hcl::Structure::Block(block) => expressions(block.body(), found),
        }
    }
}

fn parts(expression: &Expression, found: &mut Vec<Expression>) {
    match expression {
        Expression::Array(items) => items.iter().for_each(|item| parts(item, found)),
        Expression::Object(entries) => entries.iter().for_each(|(key, value)| {
            if let hcl::ObjectKey::Expression(key) = key {
                parts(key, found);
            }
            parts(value, found);
        }),
        other => found.push(other.clone()),
    }
}

/// Literals and other expressions of all files.
fn split(spec: &Spec) -> (Vec<String>, Vec<Expression>) {
    let mut found = Vec::new();
    for file in render(spec, &State::AsWritten) {
        expressions(&hcl::from_str(&file.text).unwrap(), &mut found);
    }
    let mut others = Vec::new();
    let mut literals = Vec::new();
    for expression in found {
        match expression {
            Expression::String(text) => literals.push(text),
            other => others.push(other),
        }
    }
    (literals, others)
}

/// The complete example with one text in every place where a file could carry it, past all checks.
fn everywhere(text: &str) -> Spec {
    let mut spec = example("complete").1;
    let own = || text.to_owned();
    let stack = &mut spec.stack;
    (stack.azure.subscription, stack.azure.tenant) = (Some(own()), Some(own()));
    (stack.azure.location, stack.azure.resource_group) = (own(), own());
    stack.azure.tags = [(own(), own())].into();
    (stack.cluster.name, stack.cluster.kubernetes_version) = (own(), Some(own()));
    let pool = &mut stack.cluster.node_pool;
    (pool.name, pool.vm_size, pool.max_surge, pool.zones) = (own(), own(), own(), vec![own()]);
    (stack.cluster.network.pod_cidr, stack.cluster.network.service_cidr) = (own(), own());
    stack.cluster.authorized_ip_ranges = vec![own()];
    (stack.terraform.version, stack.terraform.provider_version) = (own(), own());
    stack.terraform.variables = [("business_unit".to_owned(), own())].into();
    spec.workspace = crate::spec::Placement::Create(own());
    spec.grafana = crate::spec::Placement::Create(own());
    spec.grafana_major = own();
    let (resource_group, storage_account, container, key) = (own(), own(), own(), own());
    spec.backend = crate::spec::Backend::Azurerm { resource_group, storage_account, container, key, use_entra: true };
    spec
}

/// How often the files then carry that text as it is. The DNS prefix is made from the cluster's name and comes on top when
/// the text is legal in it.
const PLACES: usize = 25;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn user_text_is_a_literal_wherever_it_stands(text in r#"[\$%{}"\\\n\r~a-z#/*<é字🙂-]{1,16}"#) {
        let (plain, expected) = split(&everywhere("aQz"));
        prop_assert_eq!(plain.iter().filter(|literal| *literal == "aQz").count(), PLACES + 1);
        let (literals, others) = split(&everywhere(&text));
        prop_assert_eq!(others, expected);
        prop_assert!(literals.iter().filter(|literal| **literal == text).count() >= PLACES, "{:?}", literals);
    }
}
