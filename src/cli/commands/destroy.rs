//! `aksight destroy`.

use std::io::Write as _;

use aksight::event::Report;
use aksight::plan::{Approved, Checked, Plan};
use aksight::run::{self, Answer, Destruction};
use clap::Args;

use super::act::{self, Act};
use crate::cli::exit::Exit;
use crate::cli::stage::{Output, StackArgs};
use crate::cli::{prompt, view};

/// Take away everything that aksight made; what others made is named and left.
#[derive(Debug, Args)]
#[command(
    after_help = "A plan comes first. The workspace and Grafana go only with --include-data. Run it again at any time: it finishes what was broken off."
)]
pub(crate) struct DestroyArgs {
    #[command(flatten)]
    stack: StackArgs,
    /// Carry the plan out without asking.
    #[arg(short, long)]
    yes: bool,
    /// Let the workspace and Grafana go with everything in them.
    #[arg(long)]
    include_data: bool,
    /// Write no copy of settings, roles and dashboards before.
    #[arg(long)]
    no_snapshot: bool,
}

/// Runs it.
pub(crate) fn run(args: &DestroyArgs) -> std::io::Result<Exit> {
    act::play("destroy", &args.stack, false, &async |act: &Act, setup| destroy(args, act, setup).await)
}

async fn destroy(args: &DestroyArgs, act: &Act, setup: run::Setup) -> Report {
    let show = |plan: &Plan<Checked>| {
        if args.stack.quiet && (args.yes || !act.can_ask) {
            return;
        }
        let text = view::plan::destruction(plan, &act.terminal);
        act.progress.suspend(|| drop(std::io::stderr().write_all(text.as_bytes())));
    };
    let ask = |_: &Plan<Approved>| answer(args, act);
    let wants = Destruction { include_data: args.include_data, snapshot: !args.no_snapshot, show: &show, ask: &ask };
    Box::pin(run::destroy(&act.script.spec, setup, &wants)).await
}

/// A rehearsal without a terminal goes on, since nothing is at stake.
fn answer(args: &DestroyArgs, act: &Act) -> Answer {
    if args.yes {
        return Answer::Yes;
    }
    if args.stack.output == Output::Json || !act.can_ask {
        return if args.stack.simulate { Answer::Yes } else { Answer::Nobody };
    }
    let name = &act.script.spec.stack.metadata.name;
    match act.progress.suspend(|| prompt::confirm(&format!("Take the stack {name} away?"), false)) {
        Ok(true) => Answer::Yes,
        Ok(false) => Answer::No,
        Err(_) => {
            act.stops.cancel.cancel();
            Answer::No
        }
    }
}
