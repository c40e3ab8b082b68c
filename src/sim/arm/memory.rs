//! What ARM remembers beside resources.

use serde::{Deserialize, Serialize};

/// Registrations, running operations, command results.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Memory {}
