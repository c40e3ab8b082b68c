//! One file per command.

mod act;
pub(crate) mod daemon;
pub(crate) mod destroy;
pub(crate) mod doctor;
pub(crate) mod drift;
pub(crate) mod explain;
mod fleet;
pub(crate) mod generate;
pub(crate) mod init;
pub(crate) mod man;
pub(crate) mod outputs;
pub(crate) mod plan;
pub(crate) mod policy;
pub(crate) mod provision;
pub(crate) mod reconcile;
mod remembered;
pub(crate) mod simulate;
pub(crate) mod status;
mod sweep;
mod terraform;
pub(crate) mod validate;
pub(crate) mod verify;
pub(crate) mod version;

use std::io::Write as _;

use clap::CommandFactory as _;

use super::args::{Args, Command, Described};
use super::exit::Exit;

/// Runs a command. An error is a stream that cannot be written.
pub(crate) fn run(command: &Command) -> std::io::Result<Exit> {
    match command {
        Command::Init(args) => init::run(args),
        Command::Validate(args) => validate::run(args),
        Command::Schema { kind } => {
            let schema = match kind {
                Described::Stack => aksight::spec::schema(),
                Described::Fleet => aksight::spec::fleet_schema(),
            };
            writeln!(anstream::stdout(), "{schema:#}")?;
            Ok(Exit::Done)
        }
        Command::Generate(args) => generate::run(args),
        Command::Doctor(args) => doctor::run(args),
        Command::Plan(args) => plan::run(args),
        Command::Provision(args) => provision::run(args),
        Command::Verify(args) => verify::run(args),
        Command::Drift(args) => drift::run(args),
        Command::Reconcile(args) => reconcile::run(args),
        Command::Destroy(args) => destroy::run(args),
        Command::Disable(args) => destroy::run_disable(args),
        Command::Daemon(args) => daemon::run(args),
        Command::Status(args) => status::run(args),
        Command::Outputs(args) => outputs::run(args),
        Command::Explain(args) => explain::run(args),
        Command::Simulate(args) => simulate::run(args),
        Command::Policy(args) => policy::run(args),
        Command::Completions { shell } => {
            // Into memory first: clap_complete panics on a stream that cannot be written.
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Args::command(), "aksight", &mut script);
            anstream::stdout().write_all(&script)?;
            Ok(Exit::Done)
        }
        Command::Man(args) => man::run(args),
        Command::Version(args) => version::run(args),
    }
}
