//! An ARM resource as it was read: the raw body, kept whole so that foreign fields survive a write.

use serde_json::Value;

use super::{ArmId, Location};

/// A resource as the service returned it.
#[derive(Clone, Debug, PartialEq)]
pub struct ArmObject {
    /// The id in the service's own spelling.
    pub id: ArmId,
    /// The whole body.
    pub body: Value,
    /// The entity tag for `If-Match`: from the `ETag` header or the body's `eTag`/`etag` (AKS: contract §3.9).
    pub etag: Option<String>,
}

impl ArmObject {
    /// The value at a JSON pointer such as `/properties/provisioningState`.
    #[must_use]
    pub fn at(&self, pointer: &str) -> Option<&Value> {
        self.body.pointer(pointer)
    }

    /// The text at a JSON pointer.
    #[must_use]
    pub fn text(&self, pointer: &str) -> Option<&str> {
        self.at(pointer)?.as_str()
    }

    /// `properties.provisioningState`, as spelled.
    #[must_use]
    pub fn provisioning_state(&self) -> Option<&str> {
        self.text("/properties/provisioningState")
    }

    /// The resource's region.
    #[must_use]
    pub fn location(&self) -> Option<Location> {
        self.text("/location").map(Location::new)
    }
}
