//! `aksight doctor`.

use std::io::Write as _;

use aksight::diag::{Code, Diagnostic};
use aksight::event::Stream;
use aksight::run;
use clap::Args;

use super::act;
use crate::cli::exit::Exit;
use crate::cli::log;
use crate::cli::stage::{self, Output, Refused, StackArgs, Stops};
use crate::cli::view::{self, Terminal};

/// Find out, by reading alone, whether a provision could succeed: tools, sign-in, registrations, rights, names, region, quotas.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 nothing is missing  13 only rights are missing  1 something else is, too  64 the file is wrong"
)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    stack: StackArgs,
}

/// Runs it.
pub(crate) fn run(args: &DoctorArgs) -> std::io::Result<Exit> {
    let args = &args.stack;
    if let Output::Github | Output::Azdo = args.output {
        let told = Diagnostic::error(Code::Usage, "`doctor` prints text or JSON");
        return act::refuse("doctor", args, &Refused::usage(told.hint("use `--output json`, or leave it out")));
    }
    let script = match stage::read(args) {
        Ok(script) => script,
        Err(refused) => return act::refuse("doctor", args, &refused),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let log = log::of_command(runtime.handle());
    let report = runtime.block_on(async {
        let (setup, strike) = stage::set("doctor", args, &script, (Stream::silent(), &Stops::default()), None).await?;
        let report = run::doctor(&script.spec, &setup).await;
        strike.now().await;
        Ok::<_, Refused>(report)
    });
    log.finish();
    let report = match report {
        Ok(report) => report,
        Err(refused) => return act::refuse("doctor", args, &refused),
    };
    match args.output {
        Output::Json => writeln!(std::io::stdout(), "{:#}", serde_json::to_value(&report)?)?,
        _ => std::io::stdout().write_all(view::doctor::text(&report, &Terminal::of_stdout()).as_bytes())?,
    }
    Ok(Exit::Reported(report.exit_code))
}
