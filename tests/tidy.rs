//! Holds the house in order: imports only go down the floors, and every file says what it is for.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::fs;
use std::path::{Path, PathBuf};

/// Room and floor. Two rooms on one floor never import each other. `event` lies above `diag`, because a report carries diagnostics.
/// The simulator sees floor 0 only, and no other room sees it.
const FLOORS: [(&str, u32); 23] = [
    ("base", 0),
    ("host", 0),
    ("sim", 1),
    ("diag", 10),
    ("event", 11),
    ("spec", 20),
    ("observed", 20),
    ("desired", 30),
    ("hcl", 40),
    ("plan", 40),
    ("policy", 40),
    ("azure", 50),
    ("terraform", 50),
    ("kube", 50),
    ("journal", 50),
    ("bundle", 50),
    ("telemetry", 50),
    ("forge", 50),
    ("observe", 60),
    ("execute", 60),
    ("verify", 60),
    ("run", 70),
    ("daemon", 80),
];

fn floor(room: &str) -> Option<u32> {
    FLOORS.iter().find(|(name, _)| *name == room).map(|(_, floor)| *floor)
}

/// The rooms that a source text names after `crate::`, brace groups included.
fn imports(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for rest in text.split("crate::").skip(1) {
        let group = rest.strip_prefix('{').and_then(|inner| inner.split('}').next());
        let heads: Vec<&str> = match group {
            Some(inner) => inner.split(',').collect(),
            None => vec![rest],
        };
        for head in heads {
            let name: String = head.trim().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            if name.chars().next().is_some_and(|c| c.is_ascii_lowercase()) {
                found.push(name);
            }
        }
    }
    found
}

/// What is wrong with the imports of a file of `room`.
fn misplaced(room: &str, text: &str) -> Vec<String> {
    let Some(mine) = floor(room) else { return vec![format!("`{room}` has no floor; add it to FLOORS")] };
    let wrong = |other: &String| other != room && (other == "sim" || floor(other).is_some_and(|theirs| theirs >= mine));
    imports(text).into_iter().filter(wrong).map(|other| format!("`{room}` imports `{other}`")).collect()
}

fn sources(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] });
    files.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

#[test]
fn imports_only_go_down() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for file in sources(&top) {
        let path = file.strip_prefix(&top).unwrap();
        let room = path.components().next().unwrap().as_os_str().to_str().unwrap();
        // The binary sees everything; files beside the rooms are the map and the door.
        if room == "cli" || path.components().count() == 1 {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        wrong.extend(misplaced(room, &text).into_iter().map(|what| format!("{}: {what}", path.display())));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_says_what_it_is_for() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let unsaid: Vec<PathBuf> =
        sources(&top).into_iter().filter(|file| !fs::read_to_string(file).unwrap().starts_with("//!")).collect();
    assert!(unsaid.is_empty(), "{unsaid:?}");
}

/// The rooms in which an outside crate may be named; everywhere else its types would leak in.
const HOMES: [(&str, &[&str]); 41] = [
    ("age", &["bundle"]),
    ("axum", &["daemon", "sim"]),
    ("hyper_util", &["daemon", "sim"]),
    ("croner", &["daemon"]),
    ("toml", &["daemon"]),
    ("sd_notify", &["host"]),
    ("nix", &["host"]),
    ("dunce", &["host"]),
    ("send_ctrlc", &["host"]),
    // A test of the sign-in by certificate makes one.
    ("rcgen", &["azure", "sim"]),
    ("tokio_rustls", &["daemon", "sim"]),
    ("governor", &["daemon"]),
    ("promql_parser", &["sim"]),
    ("json_patch", &["plan", "sim"]),
    ("prost", &["sim"]),
    ("rmpv", &["sim"]),
    ("serde_saphyr", &["sim"]),
    ("saphyr_parser", &["spec"]),
    ("ipnet", &["spec"]),
    ("strsim", &["spec"]),
    ("regorus", &["policy"]),
    ("petgraph", &["plan"]),
    ("opentelemetry", &["telemetry"]),
    ("opentelemetry_http", &["telemetry"]),
    ("opentelemetry_otlp", &["telemetry"]),
    ("opentelemetry_sdk", &["telemetry"]),
    ("tracing_opentelemetry", &["telemetry"]),
    ("tracing_subscriber", &["cli", "telemetry"]),
    ("sqlx", &["journal"]),
    // The stand-in provider opens certificates as azurerm does.
    ("p12_keystore", &["azure", "sim"]),
    ("azure_core", &["azure"]),
    ("azure_identity", &["azure"]),
    ("azure_mgmt_resources", &["azure"]),
    ("hcl_edit", &["sim"]),
    ("unicode_segmentation", &["hcl"]),
    ("zip", &["kube", "sim", "terraform"]),
    ("clap", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("quick_xml", &["cli"]),
    ("indicatif", &["cli"]),
    ("dialoguer", &["cli"]),
];

/// A file's text without its tests.
fn without_tests(text: &str) -> &str {
    text.split("\n#[cfg(test)]").next().unwrap()
}

fn is_test(path: &Path) -> bool {
    path.file_stem().is_some_and(|name| name == "tests" || name == "testing")
        || path.components().any(|part| part.as_os_str() == "tests")
}

/// Whether `crate_name::` stands in a text as the beginning of a path.
fn names(text: &str, crate_name: &str) -> bool {
    let start = |at: usize| text[..at].chars().next_back().is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != ':');
    text.match_indices(&format!("{crate_name}::")).any(|(at, _)| start(at))
}

#[test]
fn every_outside_crate_has_its_home() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for file in sources(&top).into_iter().filter(|file| !is_test(file)) {
        let path = file.strip_prefix(&top).unwrap();
        let room = path.components().next().unwrap().as_os_str().to_str().unwrap();
        let text = fs::read_to_string(&file).unwrap();
        let strangers = HOMES.iter().filter(|(name, homes)| !homes.contains(&room) && names(without_tests(&text), name));
        wrong.extend(strangers.map(|(name, homes)| format!("{}: `{name}` belongs to {homes:?}", path.display())));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What tells one operating system from another.
const SYSTEMS: [&str; 10] = [
    "std::os::",
    "tokio::signal::",
    "UnixStream",
    "UnixListener",
    "cfg(unix",
    "cfg(windows",
    "cfg(target_os",
    "cfg(not(",
    "cfg!(",
    "consts::OS",
];

#[test]
fn only_the_host_knows_which_system_it_is() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for file in sources(&top).into_iter().filter(|file| !is_test(file) && !file.starts_with(top.join("host"))) {
        let text = fs::read_to_string(&file).unwrap();
        let found = SYSTEMS.iter().filter(|part| without_tests(&text).contains(**part));
        wrong.extend(found.map(|part| format!("{}: `{part}` belongs into `host`", file.display())));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Longer files have more than one reason to change.
const LONGEST: usize = 600;

#[test]
fn no_file_is_too_long() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let long: Vec<String> = sources(&top)
        .into_iter()
        .filter(|file| !is_test(file))
        .map(|file| (without_tests(&fs::read_to_string(&file).unwrap()).lines().count(), file))
        .filter(|(lines, _)| *lines > LONGEST)
        .map(|(lines, file)| format!("{}: {lines} lines", file.display()))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn the_rule_bites() {
    assert!(names("use sqlx::Row;", "sqlx") && !names("use my_sqlx::Row;", "sqlx") && !names("crate::zip::x()", "zip"));
    assert!(without_tests("a\n#[cfg(test)]\nmod tests { b }").ends_with('a'));
    assert!(!misplaced("plan", "use crate::azure::Azure;").is_empty());
    assert!(!misplaced("plan", "use crate::{base::ArmId, policy::Policies};").is_empty());
    assert!(!misplaced("azure", "fn f() { crate::sim::start() }").is_empty());
    assert!(!misplaced("sim", "use crate::event::Event;").is_empty());
    assert!(!misplaced("cellar", "").is_empty());
    assert!(misplaced("plan", "use crate::base::{ArmId, Kind};").is_empty());
}
