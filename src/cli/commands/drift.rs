//! `aksight drift`.

use aksight::event::Depth;
use aksight::run::{self, Purpose};
use clap::Args;

use super::act::{self, Act};
use crate::cli::exit::Exit;
use crate::cli::pipeline::PipelineArgs;
use crate::cli::stage::StackArgs;

/// Show what is not as the file says, since when and by whom; change nothing. Exit code 2 when there is drift.
#[derive(Debug, Args)]
pub(crate) struct DriftArgs {
    #[command(flatten)]
    stack: StackArgs,
    #[command(flatten)]
    pipeline: PipelineArgs,
    /// Ask terraform for its plan, too: slower, and it sees arguments that azurerm fills in by default.
    #[arg(long)]
    deep: bool,
    /// Look at every stack of a fleet directly, instead of asking Resource Graph first which of them differ.
    #[arg(long)]
    each: bool,
}

/// Which look a flag asks for.
pub(crate) const fn depth(deep: bool) -> Depth {
    if deep { Depth::Deep } else { Depth::Fast }
}

/// Runs it.
pub(crate) fn run(args: &DriftArgs) -> std::io::Result<Exit> {
    let look = async |act: &Act, setup| Box::pin(run::drift(&act.script.spec, setup, depth(args.deep))).await;
    if args.deep || args.each {
        act::play("drift", (&args.stack, &args.pipeline), false, &look)
    } else {
        act::play_after_sweep("drift", (&args.stack, &args.pipeline), Purpose::Drift, &look)
    }
}
