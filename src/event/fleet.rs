//! The report of a command on a fleet: one line per stack, and the exit code of the worst.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::Report;

/// Version of the fleet report's JSON.
pub const FLEET_SCHEMA: &str = "aksight.fleet-report/v1";

/// A stack in the report of a fleet.
#[derive(Clone, Debug, Serialize)]
pub struct FleetLine {
    /// The stack.
    pub name: String,
    /// Its ring, when the fleet has rings.
    pub ring: Option<String>,
    /// What came of it; nothing when it was not started.
    pub report: Option<Report>,
    /// Why it was not started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_started: Option<String>,
}

/// What a command did to a fleet.
#[derive(Clone, Debug, Serialize)]
pub struct FleetReport {
    /// [`FLEET_SCHEMA`].
    pub schema: &'static str,
    /// aksight's version.
    pub aksight: &'static str,
    /// The command.
    pub command: String,
    /// The fleet's name.
    pub fleet: String,
    /// The worst exit code: 130 before 1 before 13 to 10 before 2 before 0.
    pub exit_code: u8,
    /// Every stack, in the order of the file.
    pub stacks: Vec<FleetLine>,
    /// How the stacks were looked at together, when they were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sweep: Option<SweepSummary>,
    /// The whole command, in seconds of real time.
    #[serde(serialize_with = "seconds")]
    pub seconds: Duration,
}

/// A look at many stacks at once, before some got one of their own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SweepSummary {
    /// Stacks that were looked at.
    pub stacks: usize,
    /// Requests that it took.
    pub requests: usize,
    /// Stacks that needed a direct look, and why.
    pub looked: BTreeMap<String, String>,
    /// Those of them that the direct look found as wished after all: Resource Graph lags behind.
    pub unconfirmed: usize,
    /// What a sweep never sees; a direct look does.
    pub blind_spots: Vec<String>,
}

fn seconds<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64((time.as_secs_f64() * 1000.0).round() / 1000.0)
}

impl FleetReport {
    /// The worse of two exit codes (design §6).
    #[must_use]
    pub const fn worse(one: u8, other: u8) -> u8 {
        if rank(one) >= rank(other) { one } else { other }
    }
}

const fn rank(code: u8) -> u16 {
    match code {
        0 => 0,
        2 => 1,
        10..=13 => code as u16,
        130 | 143 => 1000,
        _ => 500,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_wins() {
        let of = |codes: &[u8]| codes.iter().copied().fold(0, FleetReport::worse);
        assert_eq!(of(&[]), 0);
        assert_eq!(of(&[0, 2, 0]), 2);
        assert_eq!(of(&[2, 11, 10]), 11);
        assert_eq!(of(&[13, 1, 2]), 1);
        assert_eq!(of(&[1, 130, 0]), 130);
    }
}
