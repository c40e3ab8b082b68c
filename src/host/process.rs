//! Children that are interrupted without being killed, and parents that are gone.

use std::io;
use std::process::ExitStatus;

use tokio::process::Command;

use super::system;

/// Lets the child lead a group of its own, so that what is typed at the terminal does not reach it.
///
/// On Windows that holds for Ctrl-C; Ctrl-Break reaches everything at the console.
pub fn lead_group(command: &mut Command) {
    system::lead_group(command);
}

/// Interrupts the group that the child `id` leads: SIGINT, or on Windows Ctrl-Break, which Go's programs take for the same. It needs a
/// console there that both share, which a Windows service has not. The child must not have been waited for, or the number may be
/// somebody else's.
///
/// # Errors
/// It is somebody else's, or there is no console. One that has ended already is no error.
pub fn interrupt_group(id: u32) -> io::Result<()> {
    system::interrupt_group(id)
}

/// The signal that ended a child. Windows knows none.
pub fn ended_by(status: ExitStatus) -> Option<i32> {
    system::ended_by(status)
}

/// Waits until the process that started this one is gone. Windows does not tell: there it never is.
pub async fn orphaned() {
    system::orphaned().await;
}
