//! `aksight destroy` and `aksight disable`.

use std::io::Write as _;

use aksight::event::Report;
use aksight::plan::{Approved, Checked, Plan};
use aksight::run::{self, Answer, Destruction, Reach};
use clap::{Args, ValueEnum};

use super::act::{self, Act};
use crate::cli::exit::Exit;
use crate::cli::pipeline::PipelineArgs;
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
    #[command(flatten)]
    pipeline: PipelineArgs,
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

/// Take back one thing that aksight set up; everything else stays as it is.
#[derive(Debug, Args)]
#[command(
    after_help = "A plan comes first. `aksight provision` switches it on again; until then `aksight drift` says that it is off."
)]
pub(crate) struct DisableArgs {
    /// What to take back.
    #[arg(value_enum)]
    what: What,
    #[command(flatten)]
    stack: StackArgs,
    #[command(flatten)]
    pipeline: PipelineArgs,
    /// Carry the plan out without asking.
    #[arg(short, long)]
    yes: bool,
    /// Write no copy of settings, roles and users' custom resources before.
    #[arg(long)]
    no_snapshot: bool,
}

/// What can be taken back by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    /// The metrics add-on, its data collection association, rule and endpoint, and the recommended recording rules. Users' pod and
    /// service monitors vanish with the add-on, so they are copied before.
    Metrics,
}

/// What both have in common.
struct Wanted<'a> {
    stack: &'a StackArgs,
    yes: bool,
    reach: Reach,
    include_data: bool,
    snapshot: bool,
}

/// Runs `destroy`.
pub(crate) fn run(args: &DestroyArgs) -> std::io::Result<Exit> {
    let DestroyArgs { stack, pipeline, yes, include_data, no_snapshot } = args;
    let wanted = Wanted { stack, yes: *yes, reach: Reach::Stack, include_data: *include_data, snapshot: !no_snapshot };
    act::play("destroy", (stack, pipeline), false, &async |act: &Act, setup| destroy(&wanted, act, setup).await)
}

/// Runs `disable`.
pub(crate) fn run_disable(args: &DisableArgs) -> std::io::Result<Exit> {
    let DisableArgs { what: What::Metrics, stack, pipeline, yes, no_snapshot } = args;
    let wanted = Wanted { stack, yes: *yes, reach: Reach::Metrics, include_data: false, snapshot: !no_snapshot };
    act::play("disable", (stack, pipeline), false, &async |act: &Act, setup| destroy(&wanted, act, setup).await)
}

async fn destroy(args: &Wanted<'_>, act: &Act, setup: run::Setup) -> Report {
    let show = |plan: &Plan<Checked>| {
        if args.stack.quiet && (args.yes || !act.can_ask) {
            return;
        }
        let text = view::plan::destruction(plan, &act.terminal);
        match act.desk.console() {
            Some(console) => console.section("the plan", &text),
            None => act.progress.suspend(|| drop(std::io::stderr().write_all(text.as_bytes()))),
        }
    };
    let ask = |_: &Plan<Approved>| answer(args, act);
    let wants =
        Destruction { reach: args.reach, include_data: args.include_data, snapshot: args.snapshot, show: &show, ask: &ask };
    Box::pin(run::destroy(&act.script.spec, setup, &wants)).await
}

/// A rehearsal without a terminal goes on, since nothing is at stake.
fn answer(args: &Wanted<'_>, act: &Act) -> Answer {
    if args.yes {
        return Answer::Yes;
    }
    if args.stack.output != Output::Text || !act.can_ask {
        return if args.stack.simulate { Answer::Yes } else { Answer::Nobody };
    }
    let name = &act.script.spec.stack.metadata.name;
    let question = match args.reach {
        Reach::Stack => format!("Take the stack {name} away?"),
        Reach::Metrics => format!("Switch the metrics of the stack {name} off?"),
    };
    act.progress.suspend(|| prompt::answer(&question, false, &act.stops.cancel))
}
