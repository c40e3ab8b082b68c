//! Signals of Unix.

use std::io;

use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

use crate::host::signals::Signal;

#[derive(Debug)]
pub(in crate::host) struct Signals {
    interrupt: Stream,
    terminate: Stream,
    hang_up: Option<Stream>,
}

impl Signals {
    pub(in crate::host) fn listen(to_reload: bool) -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: to_reload.then(|| signal(SignalKind::hangup())).transpose()?,
        })
    }

    pub(in crate::host) async fn next(&mut self) -> Signal {
        let hang_up = async {
            match &mut self.hang_up {
                Some(stream) => drop(stream.recv().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
            () = hang_up => Signal::Reload,
        }
    }
}
