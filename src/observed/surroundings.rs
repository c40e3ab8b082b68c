//! What lies around a stack. It only matters when the stack is taken away.

use crate::base::{ArmId, ArmObject};

use super::Sight;

/// The neighbours of a stack.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// Every resource in the stack's resource group.
    pub in_group: Sight<Vec<ArmId>>,
    /// Prometheus rule groups in the resource group.
    pub rule_groups: Sight<Vec<ArmObject>>,
    /// Every data collection rule of the subscription.
    pub rules: Sight<Vec<ArmObject>>,
    /// Associations of the rule under the name that aksight would give it, anybody's.
    pub rule_users: Sight<Vec<ArmId>>,
}
