//! What people and machines say to a running program.
//!
//! On Windows, Ctrl-C and Ctrl-Break interrupt; closing the console, logging off and shutting down terminate, with the few seconds that
//! Windows gives. There is nothing like SIGHUP.

use std::io;

use super::system;

/// What was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// A person wants it to stop (SIGINT).
    Interrupt,
    /// The machine wants it to stop (SIGTERM).
    Terminate,
    /// It shall read its files again (SIGHUP).
    Reload,
}

/// The ear. While it is there, none of the signals it hears ends the process.
#[derive(Debug)]
pub struct Signals(system::Signals);

impl Signals {
    /// Hears interrupts and terminations.
    ///
    /// # Errors
    /// The system refuses.
    pub fn listen() -> io::Result<Self> {
        system::Signals::listen(false).map(Self)
    }

    /// Hears wishes to reload as well, where there are any.
    ///
    /// # Errors
    /// The system refuses.
    pub fn listen_to_all() -> io::Result<Self> {
        system::Signals::listen(true).map(Self)
    }

    /// Waits for the next one. Must run on the runtime on which it listens.
    pub async fn next(&mut self) -> Signal {
        self.0.next().await
    }
}
