//! `aksight verify`.

use aksight::run;
use clap::Args;

use super::act::{self, Act};
use crate::cli::exit::Exit;
use crate::cli::pipeline::PipelineArgs;
use crate::cli::stage::StackArgs;

/// Prove that data arrives, from the cluster to Grafana; change nothing.
#[derive(Debug, Args)]
#[command(after_help = "Exit code 11 names the first broken link on the way of the data.")]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    stack: StackArgs,
    #[command(flatten)]
    pipeline: PipelineArgs,
    /// Ask once instead of waiting for what may still come.
    #[arg(long)]
    no_wait: bool,
}

/// Runs it.
pub(crate) fn run(args: &VerifyArgs) -> std::io::Result<Exit> {
    act::play("verify", (&args.stack, &args.pipeline), false, &async |act: &Act, setup| {
        Box::pin(run::verify(&act.script.spec, setup, !args.no_wait)).await
    })
}
