//! Process groups and parents.

use std::io;
use std::os::unix::process::{ExitStatusExt as _, parent_id};
use std::process::ExitStatus;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::Command;

pub(in crate::host) fn lead_group(command: &mut Command) {
    command.process_group(0);
}

pub(in crate::host) fn interrupt_group(id: u32) -> io::Result<()> {
    let group = i32::try_from(id).map_err(|_| io::ErrorKind::InvalidInput)?;
    match killpg(Pid::from_raw(group), Signal::SIGINT) {
        // It has ended by itself.
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

pub(in crate::host) fn ended_by(status: ExitStatus) -> Option<i32> {
    status.signal()
}

pub(in crate::host) async fn orphaned() {
    let parent = parent_id();
    while parent_id() == parent {
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}
