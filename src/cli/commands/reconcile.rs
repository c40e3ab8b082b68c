//! `aksight reconcile`.

use aksight::run::{self, Healing, Inside, Purpose};
use clap::Args;

use super::act::{self, Act};
use super::drift::depth;
use crate::cli::exit::Exit;
use crate::cli::pipeline::PipelineArgs;
use crate::cli::stage::StackArgs;

/// Look for drift, mend it with `--heal`, prove that data arrives; asks nobody, for timers and jobs.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 as the file says and proven, 2 drift, 11 not proven, 12 locked, 13 a plan waits for approval."
)]
pub(crate) struct ReconcileArgs {
    #[command(flatten)]
    stack: StackArgs,
    #[command(flatten)]
    pipeline: PipelineArgs,
    /// Mend what `reconcile.heal` in the file allows; anything destructive waits for approval.
    #[arg(long)]
    heal: bool,
    /// The plan that somebody looked at and approved.
    #[arg(long, value_name = "PLAN", requires = "heal")]
    approve: Option<String>,
    /// Ask terraform for its plan, too.
    #[arg(long)]
    deep: bool,
    /// Do not prove that data arrives.
    #[arg(long)]
    no_verify: bool,
    /// Read every stack of a fleet directly, instead of asking Resource Graph first which of them differ.
    #[arg(long)]
    each: bool,
}

/// Runs it.
pub(crate) fn run(args: &ReconcileArgs) -> std::io::Result<Exit> {
    let healing = Healing { depth: depth(args.deep), heal: args.heal, approved: args.approve.clone(), verify: !args.no_verify };
    let work = async |act: &Act, setup| match &act.seen {
        Some(seen) => Box::pin(run::reconcile_swept(&act.script.spec, setup, &healing, seen, Inside::Looked)).await,
        None => Box::pin(run::reconcile(&act.script.spec, setup, &healing)).await,
    };
    let options = (&args.stack, &args.pipeline);
    // An approved plan is one of what a direct look saw.
    if args.deep || args.each || args.approve.is_some() {
        act::play("reconcile", options, false, &work)
    } else {
        act::play_after_sweep("reconcile", options, Purpose::Proof, &work)
    }
}
