//! The policies in the program; the same files are in `policies/`.

use super::Module;

macro_rules! embedded {
    ($($path:literal),+ $(,)?) => {
        vec![$(Module { name: concat!("policies/", $path).to_owned(), text: include_str!(concat!("../../policies/", $path)).to_owned() }),+]
    };
}

/// The rules.
pub(super) fn rules() -> Vec<Module> {
    embedded!["destroy.rego", "exposure.rego", "ingestion.rego", "regions.rego", "tags.rego"]
}

/// Their tests.
pub(super) fn tests() -> Vec<Module> {
    embedded!["tests/destroy_test.rego", "tests/exposure_test.rego", "tests/rules_test.rego"]
}
