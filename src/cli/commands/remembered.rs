//! Reading a stack's journal for commands that ask nobody else.

use std::io::Write as _;

use aksight::diag::{Code, Diagnostic};
use aksight::event::{Outcome, Report};
use aksight::run::{self, Remembered, problem};

use crate::cli::exit::Exit;
use crate::cli::stage::{self, Output, StackArgs};
use crate::cli::view::{self, Terminal};

/// The stack's name and what its journal remembers, or the exit code when there is nothing and that was said.
pub(crate) fn read(command: &str, args: &StackArgs) -> std::io::Result<Result<(String, Remembered), Exit>> {
    read_runs(command, args, 1)
}

/// The same with this many runs.
pub(crate) fn read_runs(command: &str, args: &StackArgs, runs: u32) -> std::io::Result<Result<(String, Remembered), Exit>> {
    let script = match stage::read(args) {
        Ok(script) => script,
        Err(refused) => {
            super::act::refuse(command, args, &refused)?;
            return Ok(Err(Exit::Usage));
        }
    };
    let directory = stage::directory(args, &script);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let stack = script.spec.stack.metadata.name.clone();
    let read = async {
        let store = stage::store(args, &script, None).await?;
        Ok::<_, stage::Refused>(run::remembered(&directory, &store, runs).await)
    };
    let read = match runtime.block_on(read) {
        Ok(read) => read,
        Err(refused) => {
            super::act::refuse(command, args, &refused)?;
            return Ok(Err(Exit::Error));
        }
    };
    match read {
        Ok(Some(remembered)) => Ok(Ok((stack, remembered))),
        Ok(None) => {
            let kind = if args.simulate { "rehearsal" } else { "run" };
            let problem = Diagnostic::error(Code::StateDirectory, format!("there was no {kind} of stack `{stack}` here yet"))
                .caused_by(match &args.store {
                    Some(_) if !args.simulate => "the store holds no journal of it".to_owned(),
                    _ => format!("`{}` holds no journal", directory.display()),
                })
                .hint("`aksight provision` makes the first one; `--simulate` looks at rehearsals, `--state-dir` elsewhere");
            refuse(command, args, problem).map(Err)
        }
        Err(error) => refuse(command, args, problem::of_journal(&error)).map(Err),
    }
}

/// Says what is wrong.
pub(crate) fn refuse(command: &str, args: &StackArgs, problem: Diagnostic) -> std::io::Result<Exit> {
    match args.output {
        Output::Json => {
            let mut report = Report::new(command);
            report.rehearsal = args.simulate;
            report.result = Outcome::Failed;
            report.exit_code = run::exit_code(Outcome::Failed);
            report.diagnostics.push(problem);
            writeln!(std::io::stdout(), "{}", view::report::json(&report))?;
        }
        Output::Text | Output::Github | Output::Azdo => {
            let text = view::diagnostic::text(&[problem], "", &Terminal::of_stderr());
            std::io::stderr().write_all(text.as_bytes())?;
        }
    }
    Ok(Exit::Error)
}
