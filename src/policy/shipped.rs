//! The policies in the program; the same files are in `policies/`.

use super::Module;
use crate::base::digest::sha256_hex;

macro_rules! embedded {
    ($($path:literal),+ $(,)?) => {
        vec![$(Module { name: concat!("policies/", $path).to_owned(), text: include_str!(concat!("../../policies/", $path)).to_owned() }),+]
    };
}

/// The rules.
pub(super) fn rules() -> Vec<Module> {
    embedded!["destroy.rego", "exposure.rego", "ingestion.rego", "regions.rego", "tags.rego"]
}

/// The SHA-256 of the shipped rules, lower-case hex: what `sha256sum policies/*.rego | sha256sum` says.
#[must_use]
pub fn digest() -> String {
    let line = |module: &Module| format!("{}  {}\n", sha256_hex(module.text.as_bytes()), module.name);
    sha256_hex(rules().iter().map(line).collect::<String>().as_bytes())
}

/// Their tests.
pub(super) fn tests() -> Vec<Module> {
    embedded!["tests/destroy_test.rego", "tests/exposure_test.rego", "tests/rules_test.rego"]
}
