//! The faces: what was typed becomes a library call, what comes back becomes text. Only this room prints.

mod args;
mod commands;
mod exit;
mod log;
mod pipeline;
mod prompt;
mod sign_in;
mod stage;
mod view;

use clap::Parser as _;

pub(crate) use exit::Exit;

/// Runs the command that was typed.
pub(crate) fn main() -> Exit {
    let exit = match args::Args::try_parse() {
        // An error here is a stream that cannot be written: whoever read it has gone.
        Ok(args) => commands::run(&args.command).unwrap_or(Exit::Error),
        Err(error) => {
            // Help and version are answers, everything else is bad usage; a closed pipe is nobody's fault.
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Done };
            drop(error.print());
            exit
        }
    };
    prompt::leave();
    exit
}
