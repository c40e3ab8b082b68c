//! Floor 3: the wish. What shall be, who owns each field, and the fragments that several features give to one shared object.

pub mod address;
pub mod declared;
pub mod fragment;
mod names;
pub mod owner;
mod resolve;
pub mod service_made;
mod wish;

pub use names::{association_name, collection_endpoint_name, collection_rule_name, role_assignment_name, rule_group_names};
pub use resolve::{WRITES_SETTINGS, resolve};
pub use wish::{
    AssociationWish, Desired, EndpointWish, GrafanaWish, MetricsWish, RecordingRulesWish, RoleHolder, RoleWish, RuleWish,
    VerificationWish,
};
