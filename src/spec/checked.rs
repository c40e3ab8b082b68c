//! The checked file.

use std::net::Ipv4Addr;
use std::time::Duration;

use ipnet::Ipv4Net;

use super::check::provider;
use super::file::{BackendType, Stack};
use super::source::Source;
use crate::base::{ArmId, Location, go_duration};
use crate::diag::{Diagnostic, Span};

/// A file that passed every check. What is text in the file and something more precise in truth is here as that.
#[derive(Clone, Debug)]
pub struct Spec {
    /// The file with its defaults filled in.
    pub stack: Stack,
    /// The region of what is created.
    pub location: Location,
    /// The workspace.
    pub workspace: Placement,
    /// Grafana.
    pub grafana: Placement,
    /// Major version of a Grafana that is created.
    pub grafana_major: String,
    /// Further workspaces that Grafana reads.
    pub integrations: Vec<ArmId>,
    /// The nodes' subnet, when there is one already.
    pub subnet: Option<ArmId>,
    /// Address of the DNS service: as written, or the tenth of the service range.
    pub dns_service_ip: Ipv4Addr,
    /// Where Terraform keeps its state.
    pub backend: Backend,
    /// How long a pending check is awaited.
    pub bound: Duration,
    /// Shortest time between two scrapes that the cost guard lets pass.
    pub min_interval: Duration,
    /// What somebody should look at although it is allowed.
    pub warnings: Vec<Diagnostic>,
    /// Where everything stands.
    pub source: Source,
}

/// Something that is created, or something that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placement {
    /// Created in the stack's resource group under this name.
    Create(String),
    /// There already.
    Existing(ArmId),
}

/// Where Terraform keeps its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backend {
    /// In the state directory.
    Local,
    /// In a blob.
    Azurerm {
        /// Resource group of the storage account.
        resource_group: String,
        /// Storage account.
        storage_account: String,
        /// Blob container.
        container: String,
        /// Name of the blob.
        key: String,
        /// Whether the Entra sign-in is used instead of the access key.
        use_entra: bool,
    },
}

impl Spec {
    /// Where a field stands, by JSON pointer; see [`Source::span`].
    #[must_use]
    pub fn span(&self, pointer: &str) -> Span {
        self.source.span(pointer)
    }

    /// Puts together what the checks found sound; nothing when they let something pass that they should not have.
    pub(super) fn assemble(stack: Stack, source: Source, warnings: Vec<Diagnostic>) -> Option<Self> {
        let services: Ipv4Net = stack.cluster.network.service_cidr.parse().ok()?;
        let written = stack.cluster.network.dns_service_ip.as_ref();
        let dns_service_ip = match written {
            Some(text) => text.parse().ok()?,
            None => Ipv4Addr::from(u32::from(services.network()).checked_add(10)?),
        };
        let majors = provider::grafana_majors(&stack.terraform.provider_version);
        Some(Self {
            location: Location::new(&stack.azure.location),
            workspace: placement(stack.monitoring.workspace.name.as_ref(), stack.monitoring.workspace.id.as_ref())?,
            grafana: placement(stack.grafana.name.as_ref(), stack.grafana.id.as_ref())?,
            grafana_major: stack.grafana.major_version.clone().or_else(|| majors.first().map(|&first| first.to_owned()))?,
            integrations: stack.grafana.integrations.iter().map(|id| ArmId::parse(id).ok()).collect::<Option<_>>()?,
            subnet: match &stack.cluster.node_pool.subnet_id {
                Some(id) => Some(ArmId::parse(id).ok()?),
                None => None,
            },
            dns_service_ip,
            backend: backend(&stack)?,
            bound: go_duration::parse(&stack.verification.bound)?,
            min_interval: go_duration::parse(&stack.policies.ingestion.min_interval)?,
            warnings,
            source,
            stack,
        })
    }
}

fn placement(name: Option<&String>, id: Option<&String>) -> Option<Placement> {
    match (name, id) {
        (Some(name), None) => Some(Placement::Create(name.clone())),
        (None, Some(id)) => ArmId::parse(id).ok().map(Placement::Existing),
        _ => None,
    }
}

fn backend(stack: &Stack) -> Option<Backend> {
    let backend = &stack.terraform.backend;
    match backend.kind {
        BackendType::Local => Some(Backend::Local),
        BackendType::Azurerm => Some(Backend::Azurerm {
            resource_group: backend.resource_group.clone()?,
            storage_account: backend.storage_account.clone()?,
            container: backend.container.clone()?,
            key: backend.key.clone().unwrap_or_else(|| format!("{}.tfstate", stack.metadata.name)),
            use_entra: backend.use_entra,
        }),
    }
}
