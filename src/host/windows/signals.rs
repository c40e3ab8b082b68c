//! Events of the console and of the session.

use std::io;

use tokio::signal::windows::{
    CtrlBreak, CtrlC, CtrlClose, CtrlLogoff, CtrlShutdown, ctrl_break, ctrl_c, ctrl_close, ctrl_logoff, ctrl_shutdown,
};

use crate::host::signals::Signal;

#[derive(Debug)]
pub(in crate::host) struct Signals {
    interrupt: (CtrlC, CtrlBreak),
    terminate: (CtrlClose, CtrlLogoff, CtrlShutdown),
}

impl Signals {
    /// There is no wish to reload.
    pub(in crate::host) fn listen(_: bool) -> io::Result<Self> {
        Ok(Self { interrupt: (ctrl_c()?, ctrl_break()?), terminate: (ctrl_close()?, ctrl_logoff()?, ctrl_shutdown()?) })
    }

    pub(in crate::host) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.0.recv() => Signal::Interrupt,
            _ = self.interrupt.1.recv() => Signal::Interrupt,
            _ = self.terminate.0.recv() => Signal::Terminate,
            _ = self.terminate.1.recv() => Signal::Terminate,
            _ = self.terminate.2.recv() => Signal::Terminate,
        }
    }
}
