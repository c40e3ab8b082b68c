//! What the signed-in principal may do at a scope, as ARM tells it: one entry per role that holds there.
//!
//! Source: Azure REST reference, "Permissions - List For Resource Group" and "Understand Azure role definitions": what an entry allows
//! is its `actions` less its `notActions`, what a principal may do is the union over the entries. `*` stands for any text, slashes
//! included, and case does not count.

use serde_json::Value;

/// One entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permission {
    /// What it allows in ARM.
    pub actions: Vec<String>,
    /// What it takes away from that.
    pub not_actions: Vec<String>,
    /// What it allows on data planes.
    pub data_actions: Vec<String>,
    /// What it takes away from that.
    pub not_data_actions: Vec<String>,
}

impl Permission {
    /// Reads an entry of the answer; what is missing is empty.
    #[must_use]
    pub fn read(entry: &Value) -> Self {
        let list = |name: &str| {
            let items = entry[name].as_array().into_iter().flatten();
            items.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        Self {
            actions: list("actions"),
            not_actions: list("notActions"),
            data_actions: list("dataActions"),
            not_data_actions: list("notDataActions"),
        }
    }

    /// Whether it allows an action in ARM.
    #[must_use]
    pub fn allows(&self, action: &str) -> bool {
        any(&self.actions, action) && !any(&self.not_actions, action)
    }

    /// Whether it allows an action on a data plane.
    #[must_use]
    pub fn allows_data(&self, action: &str) -> bool {
        any(&self.data_actions, action) && !any(&self.not_data_actions, action)
    }
}

fn any(patterns: &[String], action: &str) -> bool {
    patterns.iter().any(|pattern| covers(pattern, action))
}

/// Whether a pattern covers an action.
///
/// Works through both from left to right and goes back to the last `*` only: its time is bounded by the product of the lengths.
#[must_use]
pub fn covers(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.as_bytes(), action.as_bytes());
    let (mut at, mut done) = (0, 0);
    // Where the last `*` stands, and up to where it has taken text.
    let mut star: Option<(usize, usize)> = None;
    while done < action.len() {
        match (pattern.get(at), action.get(done)) {
            (Some(b'*'), _) => {
                star = Some((at, done));
                at += 1;
            }
            (Some(wanted), Some(found)) if wanted.eq_ignore_ascii_case(found) => {
                at += 1;
                done += 1;
            }
            _ => {
                let Some((back, taken)) = star else { return false };
                star = Some((back, taken + 1));
                (at, done) = (back + 1, taken + 1);
            }
        }
    }
    pattern[at.min(pattern.len())..].iter().all(|rest| *rest == b'*')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const CONTRIBUTOR: &str = r#"{"actions": ["*"], "notActions": ["Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write"],
        "dataActions": [], "notDataActions": []}"#;

    #[test]
    fn each_entry_takes_away_from_itself_only() {
        let contributor = Permission::read(&serde_json::from_str(CONTRIBUTOR).unwrap());
        let administrator = Permission::read(&json!({"actions": ["*/read", "Microsoft.Authorization/roleAssignments/write"]}));
        let grant = "microsoft.authorization/roleassignments/WRITE";
        assert!(!contributor.allows(grant) && administrator.allows(grant));
        assert!(
            contributor.allows("Microsoft.Monitor/accounts/write") && !administrator.allows("Microsoft.Monitor/accounts/write")
        );
        assert!(contributor.allows("Microsoft.Authorization/roleAssignments/read"));
        let data = "Microsoft.Monitor/accounts/data/metrics/read";
        assert!(contributor.allows(data) && !contributor.allows_data(data), "`*` in ARM is no right to data");
        assert!(Permission::read(&json!({"dataActions": ["Microsoft.Monitor/accounts/data/*/read"]})).allows_data(data));
        assert_eq!(Permission::read(&json!("x")), Permission::default());
    }

    proptest! {
        /// Whatever a regular expression says of the same pattern.
        #[test]
        fn a_pattern_covers_what_its_regular_expression_matches(pattern in "[aAb/.*]{0,8}", action in "[abB/.]{0,12}") {
            let parts: Vec<String> = pattern.split('*').map(regex::escape).collect();
            let oracle = regex::Regex::new(&format!("(?i)^{}$", parts.join(".*"))).unwrap();
            prop_assert_eq!(covers(&pattern, &action), oracle.is_match(&action));
        }

        /// What is made from a pattern is covered by it, in any case.
        #[test]
        fn what_fills_a_pattern_is_covered(parts in proptest::collection::vec("[a-z./]{0,5}", 1..4), fill in "[a-z/]{0,6}") {
            let action = parts.join(&fill).to_uppercase();
            prop_assert!(covers(&parts.join("*"), &action));
            prop_assert!(covers("*", &action));
            // The dot is a dot.
            prop_assert!(!covers("a.b", "axb"));
        }

        /// A long pattern ends in time.
        #[test]
        fn stars_do_not_blow_up(stars in 1usize..40) {
            prop_assert!(!covers(&"*a".repeat(stars), &"a".repeat(200).replace('a', "b")));
        }
    }
}
