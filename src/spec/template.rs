//! The file that `aksight init` writes: the answers, and what else there is as comments.

use serde_json::Value;

use super::checked::{Backend, Placement, Spec};
use super::yaml::resolve;

/// What `aksight init` asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitAnswers {
    /// Name of the stack.
    pub name: String,
    /// Subscription, when it shall stand in the file.
    pub subscription: Option<String>,
    /// Region.
    pub location: String,
    /// Resource group.
    pub resource_group: String,
    /// Name of the cluster.
    pub cluster: String,
    /// Name of the workspace to create, or the id of one that exists (it starts with `/`).
    pub workspace: String,
    /// Name of the Grafana to create, or the id of one that exists (it starts with `/`).
    pub grafana: String,
    /// Whether the API server is private.
    pub private: bool,
    /// Whether network policies may name DNS names.
    pub security: bool,
    /// Where Terraform keeps its state; nothing for the state directory.
    pub state: Option<StateAnswers>,
}

/// A blob container for Terraform's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateAnswers {
    /// Resource group of the storage account.
    pub resource_group: String,
    /// Storage account.
    pub storage_account: String,
    /// Blob container.
    pub container: String,
}

impl InitAnswers {
    /// Answers to start from: names after the stack, cut to what Azure takes.
    #[must_use]
    pub fn named(stack: &str, location: &str) -> Self {
        let cut = |text: String, most: usize| text[..text.len().min(most)].trim_end_matches('-').to_owned();
        let stack: String = stack.chars().filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-').collect();
        let stack = cut(stack.trim_matches('-').to_owned(), 59);
        Self {
            subscription: None,
            location: location.to_owned(),
            resource_group: format!("rg-{stack}"),
            cluster: format!("aks-{stack}"),
            workspace: format!("amw-{stack}"),
            grafana: cut(format!("amg-{stack}"), 23),
            private: false,
            security: false,
            state: None,
            name: stack,
        }
    }

    /// The answers that would give this spec, as far as they were asked for.
    #[must_use]
    pub fn of(spec: &Spec) -> Self {
        let placed = |placement: &Placement| match placement {
            Placement::Create(name) => name.clone(),
            Placement::Existing(id) => id.as_str().to_owned(),
        };
        let state = match &spec.backend {
            Backend::Local => None,
            Backend::Azurerm { resource_group, storage_account, container, .. } => Some(StateAnswers {
                resource_group: resource_group.clone(),
                storage_account: storage_account.clone(),
                container: container.clone(),
            }),
        };
        Self {
            name: spec.stack.metadata.name.clone(),
            subscription: spec.stack.azure.subscription.clone(),
            location: spec.stack.azure.location.clone(),
            resource_group: spec.stack.azure.resource_group.clone(),
            cluster: spec.stack.cluster.name.clone(),
            workspace: placed(&spec.workspace),
            grafana: placed(&spec.grafana),
            private: spec.stack.cluster.private,
            security: spec.stack.cluster.acns.security,
            state,
        }
    }
}

const HEAD: &str = "\
# One file, one stack: an AKS cluster with network metrics, the workspace that stores them, the Grafana that shows them.
#   aksight validate               checks this file
#   aksight provision --simulate   rehearses it without Azure
#   aksight provision              does it
# Lines that are commented out show what else there is. `aksight schema` prints the JSON Schema for your editor.
apiVersion: aksight/v1
kind: Stack
";

const CLUSTER_MORE: &str = "\
  # kubernetesVersion: \"1.34\"     # left out: Azure's default
  # tier: Standard                # Free, Standard or Premium
  # nodePool:
  #   vmSize: Standard_D4s_v5
  #   count: 2                    # or `min` and `max` for the autoscaler
  #   zones: [\"1\", \"2\", \"3\"]
  # network:                      # cannot be changed later
  #   podCidr: 10.244.0.0/16
  #   serviceCidr: 10.0.0.0/16
";

const METRICS_MORE: &str = "\
  # metrics:
  #   targets:                    # scrape targets to switch on or off
  #     coredns: true
  #   keepLists:                  # which metrics to keep: regular expressions on the name
  #     coredns: coredns_dns_.*
  #   intervals:
  #     kubestate: 1m
";

const GRAFANA_MORE: &str = "\
  # admins:                       # besides whoever runs aksight
  #   - objectId: 00000000-0000-0000-0000-000000000000
  #     type: Group               # User, Group or ServicePrincipal
";

const TAIL: &str = "\
# verification:
#   bound: 20m                    # how long to wait for the first metrics
# policies:
#   allowedRegions: [westeurope]
#   requiredTags: [owner]
";

/// The commented file for these answers. Any text is carried faithfully; whether it is legal is for [`super::read`] to say.
#[must_use]
pub fn template(answers: &InitAnswers) -> String {
    let mut out = HEAD.to_owned();
    let mut line = |text: &str| {
        out.push_str(text);
        out.push('\n');
    };
    let field = |key: &str, value: &str| format!("{key}: {}", quoted(value));
    line("metadata:");
    line(&format!("  {}", field("name", &answers.name)));
    line("\nazure:");
    match &answers.subscription {
        Some(id) => line(&format!("  {}", field("subscription", id))),
        None => line("  # subscription: left out, ARM_SUBSCRIPTION_ID or the Azure CLI's default is used"),
    }
    line(&format!("  {}", field("location", &answers.location)));
    line(&format!("  {}", field("resourceGroup", &answers.resource_group)));
    line("  # tags:\n  #   owner: me");
    line("\ncluster:");
    line(&format!("  {}", field("name", &answers.cluster)));
    line(if answers.private { "  private: true" } else { "  # private: true               # cannot be changed later" });
    line("  acns:\n    observability: true           # the network metrics");
    line(&format!("    security: {:<19} # policies by DNS name; `policyMode: L7` for HTTP as well", answers.security));
    line(CLUSTER_MORE.trim_end());
    line("\nmonitoring:\n  workspace:                      # `name` creates one, `id` uses one that exists");
    line(&format!("    {}", placed(&answers.workspace)));
    line(METRICS_MORE.trim_end());
    line("\ngrafana:                          # `name` creates one, `id` uses one that exists");
    line(&format!("  {}", placed(&answers.grafana)));
    line(GRAFANA_MORE.trim_end());
    line(&state(answers.state.as_ref()));
    line(TAIL.trim_end());
    out
}

fn state(answers: Option<&StateAnswers>) -> String {
    let Some(state) = answers else {
        return "\n# terraform:\n#   backend:                      # left out: a file in the state directory\n#     type: azurerm".to_owned();
    };
    let fields =
        [("resourceGroup", &state.resource_group), ("storageAccount", &state.storage_account), ("container", &state.container)];
    let lines = fields.map(|(key, value)| format!("\n    {key}: {}", quoted(value)));
    format!("\nterraform:\n  backend:\n    type: azurerm{}", lines.concat())
}

fn placed(text: &str) -> String {
    let key = if text.starts_with('/') { "id" } else { "name" };
    format!("{key}: {}", quoted(text))
}

/// Plain where YAML reads the same text back, in double quotes otherwise; JSON's strings are YAML's.
fn quoted(text: &str) -> String {
    let inner = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    let plain = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/')
        && text.chars().all(inner)
        && matches!(resolve(text), Value::String(_));
    if plain { text.to_owned() } else { Value::String(text.to_owned()).to_string() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::spec::{read, yaml};

    fn legal() -> impl Strategy<Value = InitAnswers> {
        let guid = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
        let tricky = prop_oneof![
            "[a-z0-9]{4,20}",
            Just("null".to_owned()),
            Just("true".to_owned()),
            Just("1234".to_owned()),
            Just("1e30".to_owned()),
            Just("0x10".to_owned())
        ];
        let id =
            guid.prop_map(|guid| format!("/subscriptions/{guid}/resourceGroups/r/providers/Microsoft.Monitor/accounts/amw1"));
        let state = ("[a-z0-9]{3,20}", "[a-z0-9]{3,20}", "[a-z0-9]{3,20}")
            .prop_map(|(resource_group, storage_account, container)| StateAnswers { resource_group, storage_account, container });
        (
            tricky.clone(),
            proptest::option::of(guid),
            tricky.clone(),
            tricky.clone(),
            prop_oneof![tricky, id],
            "[a-z][a-z0-9]{1,20}",
            any::<bool>(),
            any::<bool>(),
            proptest::option::of(state),
        )
            .prop_map(|(name, subscription, resource_group, cluster, workspace, grafana, private, security, state)| {
                InitAnswers {
                    name,
                    subscription,
                    location: "westeurope".into(),
                    resource_group,
                    cluster,
                    workspace,
                    grafana,
                    private,
                    security,
                    state,
                }
            })
    }

    proptest! {
        #[test]
        fn the_file_gives_the_answers_back(answers in legal()) {
            let spec = read(&template(&answers), "aksight.yaml").map_err(|found| TestCaseError::fail(format!("{found:?}")))?;
            prop_assert_eq!(&spec.warnings, &vec![]);
            prop_assert_eq!(InitAnswers::of(&spec), answers);
        }

        /// Whatever is typed stays one text in its place.
        #[test]
        fn no_answer_becomes_structure(text in any::<String>()) {
            let answers = InitAnswers { cluster: text.clone(), ..InitAnswers::named("demo", "westeurope") };
            let document = yaml::parse(&template(&answers), "f").map_err(|why| TestCaseError::fail(why.to_string()))?;
            prop_assert_eq!(document.value.pointer("/cluster/name"), Some(&Value::String(text)));
            prop_assert_eq!(document.value.pointer("/grafana/name"), Some(&Value::String("amg-demo".into())));
        }

        #[test]
        fn the_proposed_names_are_legal(stack in "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?") {
            let answers = InitAnswers::named(&stack, "westeurope");
            prop_assert!(read(&template(&answers), "f").is_ok());
        }
    }
}
