//! Who may talk to the daemon: bearer tokens, of which only digests are kept.

use serde::{Deserialize, Serialize};

use crate::base::{Secret, digest};

/// What a token allows; each includes the ones before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Look.
    Read,
    /// Start looks, freeze and thaw.
    Operate,
    /// Approve plans that wait.
    Approve,
}

/// A token that is accepted.
#[derive(Clone, Debug)]
pub struct Token {
    /// Who has it; for the log.
    pub name: String,
    /// Lower-case hex SHA-256 of the token.
    pub sha256: String,
    /// What it allows.
    pub role: Role,
}

/// A new token: 244 random bits, so that its digest needs no salt.
#[must_use]
pub fn fresh_token() -> (Secret, String) {
    let text = format!("aksd_{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
    let digest = digest::sha256_hex(text.as_bytes());
    (Secret::new(text), digest)
}

/// Which of the tokens a presented one is. Digests are compared, so the time it takes tells nothing about a token.
pub(super) fn recognise(tokens: &[Token], presented: &str) -> Option<usize> {
    let digest = digest::sha256_hex(presented.as_bytes());
    tokens.iter().position(|token| token.sha256 == digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_its_digest_alone() {
        let (secret, sha256) = fresh_token();
        let tokens = [Token { name: "ci".into(), sha256, role: Role::Operate }];
        assert_eq!(recognise(&tokens, secret.expose()), Some(0));
        assert!(recognise(&tokens, "aksd_other").is_none() && recognise(&tokens, "").is_none());
        assert!(Role::Approve > Role::Operate && Role::Operate > Role::Read);
        assert_ne!(fresh_token().1, fresh_token().1);
    }
}
