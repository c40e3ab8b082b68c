//! What a service manager is told: systemd, by `NOTIFY_SOCKET`. Elsewhere nobody listens.

use std::time::Duration;

use super::system;

/// What a service has to say about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// It serves.
    Ready,
    /// It still lives.
    Alive,
    /// It is about to end.
    Stopping,
}

/// Tells the service manager, where there is one.
pub fn tell(said: Said) {
    if let Err(error) = system::tell(said) {
        tracing::debug!(%error, "the service manager cannot be told");
    }
}

/// The time within which the service manager wants to hear [`Said::Alive`], if it does.
pub fn watchdog() -> Option<Duration> {
    system::watchdog()
}
