//! What goes with the files when terraform runs them without aksight: how to use them, and what terraform leaves to others.
//!
//! Nothing of a user's text is in the guide: its commands take names and ids from terraform's outputs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{File, MARK};
use crate::desired::fragment::{CONFIG_MAP, merge};
use crate::desired::{Desired, owner, resolve};
use crate::event::Owner;
use crate::spec::Spec;

/// `README.md` and the settings ConfigMap, for a directory that somebody uses by hand.
#[must_use]
pub fn guide(spec: &Spec) -> Vec<File> {
    // Which subscription it is does not matter: no id is written.
    let desired = resolve(spec, "00000000-0000-0000-0000-000000000000");
    let settings = merge(None, &desired.fragments).ok().map(|merged| config_map(&merged.data));
    let readme = File { name: "README.md", text: readme(&desired) };
    let settings = settings.map(|text| File { name: "ama-metrics-settings-configmap.yaml", text });
    std::iter::once(readme).chain(settings).collect()
}

fn readme(desired: &Desired) -> String {
    let namespaces = desired.providers.join(" ");
    let left = owner::LEDGER.iter().filter(|row| matches!(row.owner, Owner::Rest | Owner::Cluster)).fold(
        String::new(),
        |mut all, row| {
            let of = if row.field == "*" { String::new() } else { format!("`{}` of ", row.field) };
            // Writing to a string cannot fail.
            let _infallible = writeln!(all, "- {of}{}: {}", row.resource, row.why);
            all
        },
    );
    format!(
        "{MARK}\n\n\
         These files work without aksight; `aksight provision` runs the same ones and does the rest as well.\n\n\
         ## By hand\n\n\
         Sign in (`az login`, or `ARM_*` variables as azurerm takes them), and run in this directory:\n\n\
         ```sh\n\
         for namespace in {namespaces}; do\n  az provider register --wait --namespace \"$namespace\"\ndone\n\
         terraform init\n\
         terraform apply\n\
         az aks update --enable-azure-monitor-metrics \\\n  \
           --resource-group \"$(terraform output -raw resource_group_name)\" \\\n  \
           --name \"$(terraform output -raw cluster_name)\" \\\n  \
           --azure-monitor-workspace-resource-id \"$(terraform output -raw workspace_id)\" \\\n  \
           --grafana-resource-id \"$(terraform output -raw grafana_id)\"\n\
         kubectl apply --server-side -f {CONFIG_MAP}.yaml # with the cluster's kubeconfig; only where no such map is yet\n\
         ```\n\n\
         ## What terraform leaves to others\n\n{left}"
    )
}

/// A manifest. Long values stand in blocks, as people write them; short ones in quotes.
fn config_map(data: &BTreeMap<String, String>) -> String {
    let head = format!(
        "{MARK}\n# Read by the metrics agents. One map per cluster: merge it into one that is there, do not replace it.\n\
         apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {CONFIG_MAP}\n  namespace: kube-system\ndata:\n"
    );
    data.iter().fold(head, |all, (key, value)| all + &entry(key, value))
}

fn entry(key: &str, value: &str) -> String {
    let Some(body) = value.strip_suffix('\n').or(Some(value)).filter(|body| body.contains('\n')) else {
        return format!("  {key}: {}\n", serde_json::Value::from(value));
    };
    let chomp = if value.ends_with('\n') { "|" } else { "|-" };
    let lines = body.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("    {line}\n") });
    format!("  {key}: {chomp}\n{}", lines.collect::<String>())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn spec(more: &str) -> Spec {
        let text = include_str!("../../terraform/examples/quickstart/aksight.yaml");
        crate::spec::read(&(text.to_owned() + more), "aksight.yaml").unwrap()
    }

    #[test]
    fn the_map_that_is_written_is_the_map_that_is_wished() {
        let spec = spec("");
        let wished = merge(None, &resolve(&spec, "s").fragments).unwrap().data;
        let text = guide(&spec).pop().unwrap().text;
        let read: Value = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(read["data"], serde_json::to_value(&wished).unwrap());
        assert!(text.contains("networkobservabilityHubble = \"hubble.*\""), "{text}");
    }

    proptest! {
        #[test]
        fn values_come_back_as_they_were(lines in prop::collection::vec("[a-z =\"\\\\|#:é-]{0,8}", 1..5), end in any::<bool>()) {
            // The agents' documents begin with a header, never with a blank, and end with at most one line end.
            let value = format!("head: |-\n{}x{}", lines.join("\n"), if end { "\n" } else { "" });
            let read: Value = serde_saphyr::from_str(&config_map(&[("key".to_owned(), value.clone())].into())).unwrap();
            prop_assert_eq!(read["data"]["key"].as_str(), Some(value.as_str()));
        }
    }

    /// The guide is made from the ledger: what terraform must ignore is named, with the reason.
    #[test]
    fn the_guide_names_what_terraform_leaves() {
        let text = readme(&resolve(&spec(""), "s"));
        for row in owner::LEDGER.iter().filter(|row| row.owner != Owner::Terraform) {
            assert!(text.contains(row.why), "{}", row.field);
        }
        assert!(!text.contains("quickstart"), "a name of the user's");
    }
}
