//! `aksight man`: the manual's pages, for those who pack archives.

use std::io::Write as _;
use std::path::PathBuf;

use aksight::diag::{Code, Diagnostic};
use clap::{Args, CommandFactory as _};

use super::validate::tell;
use crate::cli::args;
use crate::cli::exit::Exit;

/// Write the manual's pages, one per command; they come with every release.
#[derive(Debug, Args)]
#[command(after_help = "Then: man -l DIR/aksight-provision.1")]
pub(crate) struct ManArgs {
    /// Where to write them.
    #[arg(short, long, value_name = "DIR")]
    out: PathBuf,
}

/// Runs it.
pub(crate) fn run(args: &ManArgs) -> std::io::Result<Exit> {
    let written = std::fs::create_dir_all(&args.out).and_then(|()| clap_mangen::generate_to(args::Args::command(), &args.out));
    if let Err(error) = written {
        let problem = Diagnostic::error(Code::StateDirectory, format!("`{}` cannot be written", args.out.display()))
            .caused_by(error.to_string());
        return tell(&[problem], "").map(|()| Exit::Error);
    }
    writeln!(anstream::stdout(), "wrote the manual's pages to {}", args.out.display())?;
    Ok(Exit::Done)
}
