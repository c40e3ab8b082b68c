//! Azure regions, which appear as `westeurope` and as `West Europe`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A region in its short form: lower case, without blanks (contract §9.6), for example `westeurope`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Location(String);

impl Location {
    /// Takes either spelling and keeps letters and digits, lower-cased.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect())
    }

    /// The short form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl From<String> for Location {
    fn from(text: String) -> Self {
        Self::new(&text)
    }
}
impl From<Location> for String {
    fn from(location: Location) -> Self {
        location.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_names_become_short() {
        assert_eq!(Location::new("West Europe"), Location::new("westeurope"));
    }
}
