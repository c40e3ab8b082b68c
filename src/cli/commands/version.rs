//! `aksight version`.

use std::io::Write as _;

use aksight::terraform::{MINIMUM, PINNED};
use clap::Args;

use crate::cli::exit::Exit;

/// Print the version.
#[derive(Debug, Args)]
pub(crate) struct VersionArgs {
    /// As JSON, with the versions of what aksight works with.
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub(crate) fn run(args: &VersionArgs) -> std::io::Result<Exit> {
    let version = env!("CARGO_PKG_VERSION");
    if args.json {
        let terraform = serde_json::json!({"minimum": MINIMUM.to_string(), "pinned": PINNED.to_string()});
        let all = serde_json::json!({"schema": "aksight.version/v1", "aksight": version, "terraform": terraform});
        writeln!(anstream::stdout(), "{all:#}")?;
    } else {
        writeln!(anstream::stdout(), "aksight {version}")?;
    }
    Ok(Exit::Done)
}
