//! Registrations and resource groups, behind the one seam at which `azure_mgmt_resources` is used.
//!
//! That crate is unofficial and final (dependency notes in `docs/dependencies.md`); dropping it means another implementation of
//! this trait in the place of `legacy.rs`.

use std::collections::BTreeMap;

use super::Error;
use crate::base::Location;

/// What a resource group says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceGroup {
    /// Its region.
    pub location: Location,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// Provider registrations and resource groups of one subscription.
#[async_trait::async_trait]
pub trait ResourceManager: Send + Sync {
    /// The registration states of all namespaces, by lower-cased namespace, in one listing (contract §1.2).
    async fn provider_states(&self) -> Result<BTreeMap<String, String>, Error>;
    /// The registration state of one namespace, such as `Registered`.
    async fn provider_state(&self, namespace: &str) -> Result<String, Error>;
    /// Asks for a registration; safe to repeat. Returns the state, normally `Registering`: await it with `provider_state`.
    async fn register(&self, namespace: &str) -> Result<String, Error>;
    /// A resource group, or nothing.
    async fn resource_group(&self, name: &str) -> Result<Option<ResourceGroup>, Error>;
    /// Creates a resource group or replaces its tags.
    async fn create_resource_group(&self, name: &str, group: &ResourceGroup) -> Result<ResourceGroup, Error>;
}
