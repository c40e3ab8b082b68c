//! All that the embedded Azure remembers, as one value that is stored as one file.

use serde::{Deserialize, Serialize};

use super::arm::memory::Memory;
use super::arm::register::Register;
use super::planes::Planes;

/// The world.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct World {
    /// Every ARM resource's body by its lower-case id. Role assignments are kept here too.
    pub resources: Register,
    /// What clusters, workspaces and Grafanas hold beyond their bodies.
    #[serde(default)]
    pub planes: Planes,
    /// What ARM remembers beside resources: registrations, running operations, command results.
    #[serde(default)]
    pub memory: Memory,
}
