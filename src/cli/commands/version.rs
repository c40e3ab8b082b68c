//! `aksight version`.

use std::io::Write as _;

use aksight::terraform::{MINIMUM, PINNED};
use aksight::{policy, sim::tfplugin};
use clap::Args;

use crate::cli::exit::Exit;

/// Print the version.
#[derive(Debug, Args)]
pub(crate) struct VersionArgs {
    /// As JSON: commit, target and compiler too, and the versions of what aksight works with.
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub(crate) fn run(args: &VersionArgs) -> std::io::Result<Exit> {
    let version = env!("CARGO_PKG_VERSION");
    if args.json {
        let all = serde_json::json!({
            "schema": "aksight.version/v1",
            "aksight": version,
            // Nothing in a build for development (build.rs).
            "commit": option_env!("AKSIGHT_COMMIT"),
            "target": env!("AKSIGHT_TARGET"),
            "rustc": env!("AKSIGHT_RUSTC"),
            "terraform": {"minimum": MINIMUM.to_string(), "pinned": PINNED.to_string()},
            "provider": {"name": "hashicorp/azurerm", "facts": tfplugin::VERSION},
            "policies": {"sha256": policy::digest()},
        });
        writeln!(anstream::stdout(), "{all:#}")?;
    } else {
        writeln!(anstream::stdout(), "aksight {version}")?;
    }
    Ok(Exit::Done)
}
