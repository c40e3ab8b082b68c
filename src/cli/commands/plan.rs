//! `aksight plan`.

use std::io::Write as _;
use std::path::PathBuf;

use aksight::bundle::Recipient;
use aksight::event::Report;
use aksight::run::{self, Save};
use clap::Args;

use super::act::{self, Act};
use crate::cli::exit::Exit;
use crate::cli::pipeline::PipelineArgs;
use crate::cli::stage::{self, Output, StackArgs};
use crate::cli::view::{self, Terminal};

/// Show what provision would do, over terraform, REST and the cluster; exit code 2 when there are changes.
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    stack: StackArgs,
    #[command(flatten)]
    pipeline: PipelineArgs,
    /// A terraform address or unit that may be replaced or deleted; may be given several times.
    #[arg(long, value_name = "ADDRESS")]
    allow_destroy: Vec<String>,
    /// Fetch the pinned terraform into your cache when none fits.
    #[arg(long)]
    install_terraform: bool,
    /// Save the plan in this file, to be reviewed and then carried out by `provision --plan` (docs/reviewed-plans.md). Exit code as
    /// without it; a plan that is denied is not saved.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Encrypt the saved plan to this public key of age's (`age1…`); may be given several times.
    #[arg(long, value_name = "RECIPIENT", requires = "out")]
    encrypt_to: Vec<Recipient>,
    /// Save the plan in clear even if terraform's part of it holds sensitive values.
    #[arg(long, requires = "out", conflicts_with = "encrypt_to")]
    plain: bool,
    /// Show units that need nothing, too.
    #[arg(short, long)]
    verbose: bool,
}

/// Runs it.
pub(crate) fn run(args: &PlanArgs) -> std::io::Result<Exit> {
    let options = (&args.stack, &args.pipeline);
    if args.out.is_some()
        && let Err(refused) = stage::one_stack(&args.stack, "--out")
    {
        return act::turn_away("plan", options, &refused);
    }
    act::play("plan", options, args.install_terraform, &async |act: &Act, setup| draw(args, act, setup).await)
}

async fn draw(args: &PlanArgs, act: &Act, setup: run::Setup) -> Report {
    let save = args.out.clone().map(|file| Save { file, recipients: args.encrypt_to.clone(), plain: args.plain });
    let (plan, report) = run::plan(&act.script.spec, setup, &args.allow_destroy, save.as_ref()).await;
    if let Some(plan) = plan.filter(|_| args.stack.output != Output::Json) {
        let text = view::plan::text(&plan, &Terminal::of_stdout(), args.verbose);
        match act.desk.console() {
            Some(console) => console.section("the plan", &text),
            None => act.progress.suspend(|| drop(std::io::stdout().write_all(text.as_bytes()))),
        }
    }
    report
}
