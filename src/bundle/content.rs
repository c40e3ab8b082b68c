//! What a bundle holds.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::base::clock::Timestamp;

/// A reviewed plan with everything that it depends on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// When the plan was drawn.
    pub made_at: Timestamp,
    /// By whom: `user@host`.
    pub made_by: String,
    /// What must be the same when it is carried out.
    pub facts: Facts,
    /// The file's content with its defaults; nothing in it is secret.
    pub spec: Value,
    /// The plan in canonical form, by unit id (`plan::canonical`): terraform's resources, REST and cluster alike.
    pub units: BTreeMap<String, Value>,
    /// Terraform addresses or unit ids that may be destroyed.
    pub allow_destroy: Vec<String>,
    /// Terraform's lock file of providers.
    pub lock_file: String,
    /// Terraform's plan file; nothing when terraform has nothing to do. It can hold sensitive values in clear.
    pub terraform: Option<Bytes>,
}

/// Where the plan belongs, and the tools and rules that it was made with. Digests are lower-case hex SHA-256.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// The stack's name.
    pub stack: String,
    /// The subscription's GUID.
    pub subscription: String,
    /// The cloud, as `ARM_ENVIRONMENT` calls it.
    pub cloud: String,
    /// Whether it was drawn against the embedded Azure.
    pub rehearsal: bool,
    /// Version of aksight.
    pub aksight: String,
    /// Engine and version of terraform.
    pub terraform: String,
    /// Digest of the file's content.
    pub spec: String,
    /// Digest of all policies in force.
    pub policies: String,
    /// Digest of the lock file of providers.
    pub providers: String,
    /// Digest of the world as far as the plan depends on it: of its canonical form.
    pub world: String,
    /// Terraform's state from which its plan was drawn; nothing when there is none yet.
    pub state: Option<StateMark>,
}

/// What tells one version of terraform's state from all others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateMark {
    /// Stays the same for the life of a state.
    pub lineage: String,
    /// Grows with each write.
    pub serial: u64,
}

/// Bytes that `Debug` does not show; base64 in JSON.
#[derive(Clone, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl std::fmt::Debug for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bytes({})", self.0.len())
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        // The decoder's own message would quote a part of the text.
        STANDARD.decode(text).map(Self).map_err(|_| serde::de::Error::custom("not base64"))
    }
}
