//! Process groups of a console.

use std::io;
use std::process::ExitStatus;

use send_ctrlc::Interruptible;
use tokio::process::Command;

/// The child leads a group (`CreateProcessW`), in which Ctrl-C is switched off.
const CREATE_NEW_PROCESS_GROUP: u32 = 0x0000_0200;

struct Group(u32);

impl Interruptible for Group {
    fn pid(&mut self) -> io::Result<Option<u32>> {
        Ok(Some(self.0))
    }
}

pub(in crate::host) fn lead_group(command: &mut Command) {
    command.creation_flags(CREATE_NEW_PROCESS_GROUP);
}

pub(in crate::host) fn interrupt_group(id: u32) -> io::Result<()> {
    // Ctrl-C cannot be sent to a group; `terminate` is the crate's word for Ctrl-Break.
    Group(id).terminate()
}

pub(in crate::host) fn ended_by(_: ExitStatus) -> Option<i32> {
    None
}

pub(in crate::host) async fn orphaned() {
    std::future::pending().await
}
