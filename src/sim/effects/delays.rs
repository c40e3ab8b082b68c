//! How long Azure takes, as experienced (contract §5.8, §6.3), and how a fast rehearsal shortens it.

use jiff::SignedDuration;

/// The waits between a cause and its effect.
#[derive(Clone, Copy, Debug)]
pub struct Delays {
    /// From switching the add-on on to running agent pods.
    pub agents: SignedDuration,
    /// From a complete association chain to the first sample in the workspace.
    pub reach: SignedDuration,
    /// From a change of the settings map to agents that run with it (their liveness probe has to notice).
    pub pickup: SignedDuration,
    /// From a rollout restart to new pods.
    pub rollout: SignedDuration,
    /// From a rule group to its first evaluation.
    pub rules: SignedDuration,
    /// From a listed integration to its data source and dashboards in Grafana.
    pub integration: SignedDuration,
    /// From a role assignment to the data planes that honour it (contract §4.5: up to ten minutes).
    pub roles: SignedDuration,
    /// From asking for a run-command to its pod at work (contract §5.9).
    pub command: SignedDuration,
    /// From a change to its line in the Activity Log.
    pub activity: SignedDuration,
    /// From a change to the rows of Resource Graph.
    pub graph: SignedDuration,
    /// One second of the agents' time: scrape intervals are counted in it.
    pub second: SignedDuration,
}

impl Delays {
    /// The delays at a pace: 1.0 is real life, 0.01 a hundred times faster.
    pub fn at_pace(factor: f64) -> Self {
        let scaled = |seconds: f64| SignedDuration::try_from_secs_f64(seconds * factor).unwrap_or(SignedDuration::ZERO);
        Self {
            agents: scaled(75.0),
            reach: scaled(180.0),
            pickup: scaled(150.0),
            rollout: scaled(25.0),
            rules: scaled(60.0),
            integration: scaled(60.0),
            roles: scaled(120.0),
            command: scaled(12.0),
            activity: scaled(90.0),
            graph: scaled(30.0),
            second: scaled(1.0),
        }
    }
}
