//! Comparing wish and world, one kind per file. The same comparisons serve the plan and the steps that read back.

pub mod association;
pub mod cluster;
pub mod endpoint;
pub mod grafana;
pub mod providers;
pub mod roles;
pub mod rule;
pub mod rule_groups;
pub mod settings;
pub mod terraform;

use serde_json::Value;

use crate::base::ArmId;

/// Whether a value is a resource id equal to `id`, without case.
#[must_use]
pub fn is_id(value: &Value, id: &ArmId) -> bool {
    value.as_str().is_some_and(|text| ArmId::parse(text).is_ok_and(|found| found == *id))
}
