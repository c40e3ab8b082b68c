//! The units for systemd: they start what there is, stop it alike, and are closed alike.

use super::{deploy, knows, read};

const UNITS: [&str; 2] = ["aksightd.service", "aksight-reconcile.service"];

/// The values of a setting of a unit.
fn setting(unit: &str, key: &str) -> Vec<String> {
    let lines = read(&deploy(unit));
    lines.lines().filter_map(|line| Some(line.strip_prefix(key)?.strip_prefix('=')?.to_owned())).collect()
}

#[test]
fn the_units_start_what_there_is() {
    for unit in UNITS {
        let start = setting(unit, "ExecStart").concat();
        let args: Vec<String> = start.split(' ').skip(1).map(ToOwned::to_owned).collect();
        knows(&args);
    }
    assert_eq!(setting("aksightd.service", "Type"), ["notify"]);
}

#[test]
fn the_units_are_closed_alike_and_stop_alike() {
    let closed = |unit: &str| {
        let text = read(&deploy(unit));
        let rest = text[text.find("TimeoutStopSec=").unwrap()..].to_owned();
        // Only the daemon has a socket to put somewhere, and is enabled.
        let lines = rest.split("[Install]").next().unwrap().lines().filter(|line| !line.starts_with("RuntimeDirectory="));
        lines.filter(|line| !line.is_empty()).map(ToOwned::to_owned).collect::<Vec<String>>()
    };
    assert_eq!(closed(UNITS[0]), closed(UNITS[1]));
    for setting in ["NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet=", "KillMode=mixed", "DynamicUser=yes"]
    {
        assert!(closed(UNITS[0]).iter().any(|line| line == setting), "{setting}");
    }
}
