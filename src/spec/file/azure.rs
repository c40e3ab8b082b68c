//! `azure`: where in Azure.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::cloud::CloudName;

/// Where in Azure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Azure {
    /// The cloud. `ARM_METADATA_HOSTNAME` in the environment wins over it.
    #[serde(default)]
    pub cloud: CloudName,
    /// Entra tenant, a GUID. Left out: `ARM_TENANT_ID`, or the tenant you are signed in to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Subscription, a GUID. Left out: `ARM_SUBSCRIPTION_ID`, or the default subscription of the Azure CLI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription: Option<String>,
    /// Region of everything that is created, such as `westeurope`.
    pub location: String,
    /// Resource group of everything that is created. 1 to 90 letters, digits, `_`, `-`, `.`, `(` and `)`; no `.` at the end.
    pub resource_group: String,
    /// Tags on everything that is created. At most 50.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}
