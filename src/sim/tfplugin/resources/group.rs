//! What azurerm does before it deletes a resource group.

use super::{Id, ResourceError};
use crate::sim::tfplugin::arm::Arm;

/// Refuses when the group still holds resources: those may belong to somebody else.
pub(super) async fn check_empty(arm: &Arm, id: &Id) -> Result<(), ResourceError> {
    let found = match arm.get(&format!("{}/resources?$top=500", id.path()), "2021-04-01").await {
        Err(error) if error.is_absent() => return Ok(()),
        found => id.failed("listing resources in", "", found)?,
    };
    let ids: Vec<String> = found["value"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|item| Some(format!("* `{}`", item["id"].as_str()?)))
        .collect();
    if ids.is_empty() { Ok(()) } else { Err(ResourceError::NotEmpty { group: id.to_string(), resources: ids.join("\n") }) }
}
