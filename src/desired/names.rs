//! Names that Azure's own tools would give, so that portal, az and aksight recognise each other's objects.

use uuid::Uuid;

use crate::base::{ArmId, Location, Role};

/// Namespace of the deterministic names of role assignments. Fixed for ever: another value would double every assignment.
const ROLE_ASSIGNMENTS: Uuid = Uuid::from_u128(0x5f0c_7c1e_2a64_5d3b_9f57_0b8c_6e1d_a4b2);

/// The association's name as the az CLI writes it (contract §3.3).
#[must_use]
pub const fn association_name() -> &'static str {
    "ContainerInsightsMetricsExtension"
}

/// `MSProm-{workspace region}-{cluster}`, cut to 44, without characters that an endpoint name cannot have, ending in a letter
/// or digit (contract §3.3).
#[must_use]
pub fn collection_endpoint_name(region: &Location, cluster: &str) -> String {
    let name: String = full_name(region, cluster).chars().take(44).filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    trimmed(&name)
}

/// `MSProm-{workspace region}-{cluster}`, cut to 64, ending in a letter or digit; underscores stay (contract §3.3).
#[must_use]
pub fn collection_rule_name(region: &Location, cluster: &str) -> String {
    let name: String = full_name(region, cluster).chars().take(64).collect();
    trimmed(&name)
}

fn full_name(region: &Location, cluster: &str) -> String {
    format!("MSProm-{region}-{cluster}")
}

fn trimmed(name: &str) -> String {
    name.trim_end_matches(|c: char| !c.is_ascii_alphanumeric()).to_owned()
}

/// Both spellings of a rule group's name: the az CLI's and the portal's, ours first (contract §3.7).
#[must_use]
pub fn rule_group_names(template: &str, cluster: &str) -> [String; 2] {
    let cut = |name: String| name.chars().take(260).collect();
    [cut(format!("{template}-{cluster}")), cut(format!("{template} - {cluster}"))]
}

/// The name of a role assignment: the same for the same scope, principal and role, whoever asks (contract §4.3). `salt` is 0
/// but for the one retry after `RoleAssignmentUpdateNotPermitted`.
#[must_use]
pub fn role_assignment_name(scope: &ArmId, principal: &str, role: Role, salt: u8) -> Uuid {
    let plain = format!("{}|{}|{}", scope.as_str().to_ascii_lowercase(), principal.to_ascii_lowercase(), role.guid());
    let text = if salt == 0 { plain } else { format!("{plain}|{salt}") };
    Uuid::new_v5(&ROLE_ASSIGNMENTS, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoint_names_lose_what_they_cannot_hold() {
        let region = Location::new("westeurope");
        assert_eq!(collection_endpoint_name(&region, "my_cluster"), "MSProm-westeurope-mycluster");
        assert_eq!(collection_rule_name(&region, "my_cluster"), "MSProm-westeurope-my_cluster");
        // The cut comes before the filter: 44 characters are taken first, then the underscores go.
        let long = "a".repeat(25) + "_" + &"b".repeat(40);
        assert_eq!(collection_endpoint_name(&region, &long), format!("MSProm-westeurope-{}", "a".repeat(25)));
    }

    #[test]
    fn assignment_names_ignore_case_and_depend_on_the_principal() {
        let scope = |text: &str| ArmId::parse(text).unwrap();
        let one = role_assignment_name(&scope("/subscriptions/S"), "ABC", Role::MonitoringReader, 0);
        assert_eq!(one, role_assignment_name(&scope("/subscriptions/s"), "abc", Role::MonitoringReader, 0));
        assert_ne!(one, role_assignment_name(&scope("/subscriptions/s"), "abd", Role::MonitoringReader, 0));
        assert_ne!(one, role_assignment_name(&scope("/subscriptions/s"), "abc", Role::MonitoringReader, 1));
    }
}
