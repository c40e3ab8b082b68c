//! Content digests for comparing and for file names.

use sha2::{Digest as _, Sha256};

/// Lower-case hex SHA-256 of `bytes`, 64 characters.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}
