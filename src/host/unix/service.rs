//! systemd.

use std::io;
use std::time::Duration;

use sd_notify::NotifyState;

use crate::host::service::Said;

pub(in crate::host) fn tell(said: Said) -> io::Result<()> {
    let state = match said {
        Said::Ready => NotifyState::Ready,
        Said::Alive => NotifyState::Watchdog,
        Said::Stopping => NotifyState::Stopping,
    };
    sd_notify::notify(&[state])
}

pub(in crate::host) fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}
