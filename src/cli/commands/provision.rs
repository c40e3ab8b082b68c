//! `aksight provision`.

use std::io::Write as _;

use aksight::event::Report;
use aksight::plan::{Approved, Checked, Plan};
use aksight::run::{self, Answer, Wants};
use clap::Args;

use super::act::{self, Act};
use crate::cli::exit::Exit;
use crate::cli::pipeline::PipelineArgs;
use crate::cli::stage::{Output, StackArgs};
use crate::cli::{prompt, view};

/// Make the stack what the file says, and prove that data arrives.
#[derive(Debug, Args)]
#[command(
    after_help = "Run it again at any time: it looks first, writes only what differs and goes on where a killed run stopped."
)]
pub(crate) struct ProvisionArgs {
    #[command(flatten)]
    stack: StackArgs,
    #[command(flatten)]
    pipeline: PipelineArgs,
    /// Carry the plan out without asking.
    #[arg(short, long)]
    yes: bool,
    /// A terraform address or unit that may be replaced or deleted; may be given several times.
    #[arg(long, value_name = "ADDRESS")]
    allow_destroy: Vec<String>,
    /// Do not prove that data arrives.
    #[arg(long)]
    no_verify: bool,
    /// Fetch the pinned terraform into your cache when none fits.
    #[arg(long)]
    install_terraform: bool,
    /// Show units that need nothing, too.
    #[arg(short, long)]
    verbose: bool,
}

/// Runs it.
pub(crate) fn run(args: &ProvisionArgs) -> std::io::Result<Exit> {
    act::play("provision", (&args.stack, &args.pipeline), args.install_terraform, &async |act: &Act, setup| {
        Box::pin(provision(args, act, setup)).await
    })
}

async fn provision(args: &ProvisionArgs, act: &Act, setup: run::Setup) -> Report {
    let show = |plan: &Plan<Checked>| {
        if args.stack.quiet && (args.yes || !act.can_ask) {
            return;
        }
        let text = view::plan::text(plan, &act.terminal, args.verbose);
        match act.desk.console() {
            Some(console) => console.section("the plan", &text),
            None => act.progress.suspend(|| drop(std::io::stderr().write_all(text.as_bytes()))),
        }
    };
    let ask = |plan: &Plan<Approved>| answer(args, act, plan);
    let wants = Wants { allow_destroy: args.allow_destroy.clone(), verify: !args.no_verify, show: &show, ask: &ask };
    Box::pin(run::provision(&act.script.spec, setup, &wants)).await
}

/// A rehearsal without a terminal goes on, since nothing is at stake.
fn answer(args: &ProvisionArgs, act: &Act, plan: &Plan<Approved>) -> Answer {
    if args.yes {
        return Answer::Yes;
    }
    if args.stack.output != Output::Text || !act.can_ask {
        return if args.stack.simulate { Answer::Yes } else { Answer::Nobody };
    }
    let summary = plan.summary();
    let question = if summary.writes() == 0 { "Wait for it to take effect?" } else { "Carry this out?" };
    match act.progress.suspend(|| prompt::confirm(question, false)) {
        Ok(true) => Answer::Yes,
        Ok(false) => Answer::No,
        Err(_) => {
            act.stops.cancel.cancel();
            Answer::No
        }
    }
}
