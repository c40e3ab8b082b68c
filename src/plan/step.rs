//! Steps: the closed set of things that a plan can ask for. Data, never closures, so that a plan can be printed and stored.

use serde::Serialize;

use crate::base::{ArmId, Role};
use crate::desired::fragment::Fragment;
use crate::desired::{AssociationWish, EndpointWish, MetricsWish, RecordingRulesWish, RuleWish};
use crate::observed::PrincipalKind;

/// What to do. Every step reads, compares, writes only what differs, polls and reads back.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum Step {
    /// Register a resource provider and wait until it is registered (contract §1.2).
    RegisterProvider {
        /// The namespace in Azure's spelling.
        namespace: String,
    },
    /// Apply the terraform plan file that was shown.
    ApplyTerraform,
    /// Give Grafana a managed identity when it has none (contract §4.1, C10).
    EnsureGrafanaIdentity {
        /// The Grafana.
        grafana: ArmId,
    },
    /// Add workspaces to Grafana's integrations, keeping every other entry (contract §3.8, C11).
    IntegrateWorkspaces {
        /// The Grafana.
        grafana: ArmId,
        /// The workspaces that must be listed.
        workspaces: Vec<ArmId>,
    },
    /// Create the data collection endpoint (contract §3.4, C4).
    PutEndpoint(EndpointWish),
    /// Create or mend the data collection rule (contract §3.5, C5).
    PutRule(RuleWish),
    /// Associate the cluster with the rule (contract §3.6, C6).
    PutAssociation(AssociationWish),
    /// Switch the metrics add-on on, keeping every other field of the cluster (contract §3.9, C9).
    EnableMetrics(MetricsWish),
    /// Set the network policy mode of Advanced Container Networking Services (contract §7.5).
    SetPolicyMode {
        /// The cluster.
        cluster: ArmId,
        /// `None`, `FQDN` or `L7`.
        mode: String,
    },
    /// Create or mend the recommended recording rule groups (contract §3.7, C8).
    PutRecordingRules(RecordingRulesWish),
    /// Assign a role (contract §4.3, C12).
    AssignRole {
        /// Where.
        scope: ArmId,
        /// What.
        role: Role,
        /// To whom.
        principal: PrincipalRef,
    },
    /// Merge fragments into the settings ConfigMap (contract §5.5, C13 and C14).
    MergeSettings {
        /// The cluster.
        cluster: ArmId,
        /// What the features want in it.
        fragments: Vec<Fragment>,
    },
    /// Delete a resource that aksight made (contract §3.10, C20).
    Remove {
        /// The resource.
        id: ArmId,
    },
    /// Switch the metrics add-on off, keeping every other field of the cluster (contract §3.10).
    DisableMetrics {
        /// The cluster.
        cluster: ArmId,
    },
    /// Take a workspace out of Grafana's integrations, keeping every other entry.
    RemoveIntegration {
        /// The Grafana.
        grafana: ArmId,
        /// The workspace.
        workspace: ArmId,
    },
    /// Wait until the agents have taken up the settings; restart the right workload when they do not in time (contract §5.8).
    AwaitPickup {
        /// The cluster.
        cluster: ArmId,
    },
}

/// A principal, or a way to find it when the plan is carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PrincipalRef {
    /// Grafana's managed identity, which may not exist yet when the plan is drawn.
    GrafanaIdentity(ArmId),
    /// A known principal.
    Object {
        /// Object id, a GUID.
        id: String,
        /// What it is.
        kind: PrincipalKind,
    },
}
