//! Cause and effect: what Azure does by itself once the control plane has been told something.
//!
//! Causes are read from ARM bodies and from the cluster's objects; effects are written down as histories whose entries may lie
//! in the future, because agents restart, associations propagate and first data takes a while (contract §5.8, §6.3). Everything here
//! is a function of its arguments: no I/O, no clock.

pub mod access;
pub mod catalogue;
pub mod chain;
pub mod cluster;
pub mod delays;
pub mod history;
pub mod life;
pub mod rules;
pub mod series;
pub mod settings;
pub mod target;
pub mod workload;

use std::collections::BTreeMap;

use serde_json::Value;

/// Every ARM resource's body by its lower-case id.
pub type Resources = BTreeMap<String, Value>;

/// A stable number from some words: the source of everything that looks random here.
pub fn hash(words: &[&str]) -> u64 {
    // FNV-1a: small, and equal on every machine and in every release.
    words
        .iter()
        .flat_map(|word| word.bytes().chain(std::iter::once(0)))
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// `length` characters as Kubernetes puts at the end of generated names (no vowels, no look-alikes).
pub fn suffix(words: &[&str], length: usize) -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut state = hash(words);
    (0..length)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let index = usize::try_from(state >> 33).unwrap_or_default() % LETTERS.len();
            char::from(*LETTERS.get(index).unwrap_or(&b'x'))
        })
        .collect()
}
