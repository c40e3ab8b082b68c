//! Applications beside the owner's, as the command line declares them: `NAME=ROLE[@SCOPE][,ROLE[@SCOPE]…]`.

use std::str::FromStr;

use crate::sim::arm::rights::roles::{self, Definition};

/// A further application that may sign in, with what it may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Its name here: lower-case letters, digits and `-`. Files are called after it.
    pub name: String,
    /// Its roles.
    pub grants: Vec<Grant>,
}

/// A role at a scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The role.
    pub role: &'static Definition,
    /// An id, the name of a resource group in the main subscription, or nothing for that subscription.
    pub scope: Option<String>,
}

impl Grant {
    /// The scope's id; `subscription` is the main one.
    pub fn at(&self, subscription: &str) -> String {
        match self.scope.as_deref() {
            None => format!("/subscriptions/{subscription}"),
            Some(id) if id.starts_with('/') => id.trim_end_matches('/').to_owned(),
            Some(group) => format!("/subscriptions/{subscription}/resourceGroups/{group}"),
        }
    }
}

/// Why a text declares no principal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPrincipal {
    /// No name, or one that no file can be called after.
    #[error("`{0}` is no name for a principal: lower-case letters, digits and `-`, not `env`, then `=` and its roles")]
    Name(String),
    /// A role that is not known here.
    #[error("there is no role `{0}`; known are: {known}", known = roles::ALL.map(|role| role.name).join(", "))]
    Role(String),
}

impl FromStr for Principal {
    type Err = BadPrincipal;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, wanted) = text.split_once('=').unwrap_or((text, ""));
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || name == "env" || !name.chars().all(plain) {
            return Err(BadPrincipal::Name(name.to_owned()));
        }
        let grant = |text: &str| {
            let (role, scope) = text.split_once('@').map_or((text, None), |(role, scope)| (role, Some(scope.trim().to_owned())));
            let role = roles::called(role).ok_or_else(|| BadPrincipal::Role(role.trim().to_owned()))?;
            Ok(Grant { role, scope })
        };
        // No role at all is a principal too: one that may do nothing.
        let wanted = wanted.split(',').filter(|text| !text.trim().is_empty());
        Ok(Self { name: name.to_owned(), grants: wanted.map(grant).collect::<Result<_, _>>()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_principal_is_declared_in_one_word() {
        let read: Principal =
            "ci=Contributor@rg-1,Monitoring Data Reader@/subscriptions/s/resourceGroups/g/,Reader".parse().unwrap();
        let told: Vec<(&str, String)> = read.grants.iter().map(|grant| (grant.role.name, grant.at("M"))).collect();
        let expected = [
            ("Contributor", "/subscriptions/M/resourceGroups/rg-1"),
            ("Monitoring Data Reader", "/subscriptions/s/resourceGroups/g"),
            ("Reader", "/subscriptions/M"),
        ];
        assert_eq!((read.name.as_str(), told), ("ci", expected.map(|(role, scope)| (role, scope.to_owned())).to_vec()));
        assert_eq!("nobody".parse::<Principal>().unwrap().grants, []);
        for name in ["", "=Reader", "env=Reader", "../x=Reader", "Ci=Reader"] {
            assert!(matches!(name.parse::<Principal>(), Err(BadPrincipal::Name(_))), "{name}");
        }
        let error = "ci=King".parse::<Principal>().unwrap_err().to_string();
        assert!(error.contains("`King`") && error.contains("Contributor, Reader"), "{error}");
    }
}
