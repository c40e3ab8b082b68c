//! Azure resource identifiers.
//!
//! ARM treats ids as case-insensitive and changes their casing between answers (contract §9.6), so equality, order and hash
//! ignore ASCII case while the text keeps the spelling it arrived with: that spelling is what must be written back.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

/// An absolute ARM id such as `/subscriptions/{guid}/resourceGroups/{rg}/providers/Microsoft.Monitor/accounts/{name}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ArmId(String);

/// Why a text is not an ARM id.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadArmId {
    /// The text does not start with `/subscriptions/` or `/providers/`.
    #[error("`{0}` is not a resource id: it must start with `/subscriptions/`")]
    NoScope(String),
    /// A segment is empty or the segments do not pair up as type and name.
    #[error("`{0}` is not a resource id: its segments must alternate between type and name")]
    Ragged(String),
    /// A character that ARM never allows in an id.
    #[error("`{0}` is not a resource id: it contains `{1}`")]
    Character(String, char),
}

impl ArmId {
    /// Parses an absolute id; a trailing `/` is dropped, the spelling is kept. Blanks within a name are legal: the portal writes
    /// `UXRecordingRulesRuleGroup - {cluster}` (contract §3.7).
    ///
    /// # Errors
    /// [`BadArmId`] when the text is not a subscription, resource group, resource or extension id.
    pub fn parse(text: &str) -> Result<Self, BadArmId> {
        let trimmed = text.trim().trim_end_matches('/');
        if let Some(bad) =
            trimmed.chars().find(|c| c.is_control() || (c.is_whitespace() && *c != ' ') || "<>%&\\?\"'{}$".contains(*c))
        {
            return Err(BadArmId::Character(text.to_owned(), bad));
        }
        let id = Self(trimmed.to_owned());
        match id.segments().next() {
            Some(first) if first.eq_ignore_ascii_case("subscriptions") || first.eq_ignore_ascii_case("providers") => {}
            _ => return Err(BadArmId::NoScope(text.to_owned())),
        }
        if !trimmed.starts_with('/') {
            return Err(BadArmId::NoScope(text.to_owned()));
        }
        if trimmed[1..].split('/').any(str::is_empty) {
            return Err(BadArmId::Ragged(text.to_owned()));
        }
        // `providers/{namespace}` is a pair too; types and names alternate after it, so every legal id has an even count.
        if !id.segments().count().is_multiple_of(2) {
            return Err(BadArmId::Ragged(text.to_owned()));
        }
        Ok(id)
    }

    /// `/subscriptions/{subscription}`.
    #[must_use]
    pub fn of_subscription(subscription: &str) -> Self {
        Self(format!("/subscriptions/{subscription}"))
    }

    /// `/subscriptions/{subscription}/resourceGroups/{group}`.
    #[must_use]
    pub fn of_group(subscription: &str, group: &str) -> Self {
        Self(format!("/subscriptions/{subscription}/resourceGroups/{group}"))
    }

    /// A resource below this scope: `{self}/providers/{resource_type}/{name}`, for a type such as `Microsoft.Monitor/accounts`.
    /// Used for resources of a group and for extension resources of another resource.
    #[must_use]
    pub fn resource(&self, resource_type: &str, name: &str) -> Self {
        Self(format!("{}/providers/{resource_type}/{name}", self.0))
    }

    /// The id as it was spelled, with a leading and without a trailing `/`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|part| !part.is_empty())
    }

    fn value_after(&self, key: &str) -> Option<&str> {
        let mut parts = self.segments();
        while let Some(part) = parts.next() {
            let value = parts.next();
            if part.eq_ignore_ascii_case(key) {
                return value;
            }
        }
        None
    }

    /// The subscription GUID, when the id has one.
    #[must_use]
    pub fn subscription(&self) -> Option<&str> {
        self.value_after("subscriptions")
    }

    /// The resource group's name, when the id lies in one.
    #[must_use]
    pub fn group(&self) -> Option<&str> {
        self.value_after("resourceGroups")
    }

    /// The last segment: the resource's own name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The resource type of the last `providers` part, for example `Microsoft.Monitor/accounts`; nothing for a subscription or group.
    #[must_use]
    pub fn resource_type(&self) -> Option<String> {
        let parts: Vec<&str> = self.segments().collect();
        let at = parts.iter().rposition(|part| part.eq_ignore_ascii_case("providers"))?;
        let namespace = parts.get(at + 1)?;
        let types: Vec<&str> = parts.get(at + 2..)?.iter().step_by(2).copied().collect();
        Some(format!("{namespace}/{}", types.join("/")))
    }

    /// Whether this scope equals `other` or contains it, by whole segments and without case (contract §4.4).
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        let mut theirs = other.segments();
        self.segments().all(|mine| theirs.next().is_some_and(|part| part.eq_ignore_ascii_case(mine)))
    }
}

impl fmt::Display for ArmId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PartialEq for ArmId {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}
impl Eq for ArmId {}

impl Hash for ArmId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_ascii_lowercase().hash(state);
    }
}

impl Ord for ArmId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.bytes().map(|byte| byte.to_ascii_lowercase()).cmp(other.0.bytes().map(|byte| byte.to_ascii_lowercase()))
    }
}
impl PartialOrd for ArmId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl TryFrom<String> for ArmId {
    type Error = BadArmId;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}
impl From<ArmId> for String {
    fn from(id: ArmId) -> Self {
        id.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AMW: &str = "/subscriptions/s1/resourceGroups/rg1/providers/Microsoft.Monitor/accounts/amw1";

    #[test]
    fn casing_does_not_matter_but_is_kept() {
        let upper = ArmId::parse(AMW).unwrap();
        let lower = ArmId::parse(&AMW.to_lowercase()).unwrap();
        assert_eq!(upper, lower);
        assert_eq!(upper.as_str(), AMW);
        assert_eq!(upper.cmp(&lower), Ordering::Equal);
    }

    #[test]
    fn parts_are_found() {
        let id = ArmId::parse(AMW).unwrap();
        assert_eq!((id.subscription(), id.group(), id.name()), (Some("s1"), Some("rg1"), "amw1"));
        assert_eq!(id.resource_type().as_deref(), Some("Microsoft.Monitor/accounts"));
        let extension = id.resource("Microsoft.Authorization/roleAssignments", "x");
        assert_eq!(extension.resource_type().as_deref(), Some("Microsoft.Authorization/roleAssignments"));
    }

    #[test]
    fn containment_is_by_segment() {
        let group = ArmId::of_group("s1", "rg1");
        assert!(group.contains(&ArmId::parse(AMW).unwrap()));
        assert!(!ArmId::of_group("s1", "rg").contains(&ArmId::parse(AMW).unwrap()));
    }

    #[test]
    fn what_is_not_an_id_is_refused() {
        for bad in ["", "amw1", "/foo/bar", "/subscriptions", "/subscriptions/s/resourceGroups//x/y", "/subscriptions/${x}"] {
            assert!(ArmId::parse(bad).is_err(), "{bad}");
        }
    }
}
