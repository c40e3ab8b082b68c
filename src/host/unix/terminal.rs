//! Terminals by termios.

use std::io::stdin;

use nix::sys::termios::{SetArg, Termios, tcgetattr, tcsetattr};

#[derive(Debug)]
pub(in crate::host) struct Modes(Option<Termios>);

impl Modes {
    pub(in crate::host) fn now() -> Self {
        Self(tcgetattr(stdin()).ok())
    }

    pub(in crate::host) fn restore(&self) {
        if let Some(modes) = &self.0
            && let Err(error) = tcsetattr(stdin(), SetArg::TCSANOW, modes)
        {
            tracing::debug!(%error, "the terminal stays as it is");
        }
    }
}
