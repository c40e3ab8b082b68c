//! `aksight policy`.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use aksight::diag::{Code, Diagnostic};
use aksight::policy::{self, Module};
use aksight::run::{problem, rego_files};
use clap::{Args, Subcommand};

use super::validate::tell;
use crate::cli::exit::Exit;
use crate::cli::view::{Terminal, Tone, counted};

/// Work on policies: Rego rules over the whole plan (docs/policies.md).
#[derive(Debug, Args)]
pub(crate) struct PolicyArgs {
    #[command(subcommand)]
    command: PolicyCommand,
}

#[derive(Debug, Subcommand)]
enum PolicyCommand {
    /// Run the tests of the shipped policies and of those in directories of yours.
    Test {
        /// Directories with `*.rego` files.
        directories: Vec<PathBuf>,
    },
}

/// Runs it.
pub(crate) fn run(args: &PolicyArgs) -> std::io::Result<Exit> {
    let PolicyCommand::Test { directories } = &args.command;
    let mut modules = Vec::new();
    for directory in directories {
        if let Err(error) = read(directory, &mut modules) {
            let problem = Diagnostic::error(Code::PolicyBroken, format!("`{}` cannot be read", directory.display()))
                .caused_by(error.to_string());
            return tell(&[problem], "").map(|()| Exit::Usage);
        }
    }
    let results = match policy::test(&modules) {
        Ok(results) => results,
        Err(error) => return tell(&[problem::of_policy(&error)], "").map(|()| Exit::Error),
    };
    let (mut out, terminal) = (anstream::stdout(), Terminal::of_stdout());
    for result in &results {
        let word = if result.passed { terminal.paint(Tone::Good, "pass") } else { terminal.paint(Tone::Bad, "FAIL") };
        let reason = result.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        writeln!(out, "{word} {}.{}{reason}", result.package, result.name)?;
    }
    let failed = results.iter().filter(|result| !result.passed).count();
    writeln!(out, "{}, {failed} failed", counted(results.len(), "test"))?;
    Ok(if failed == 0 { Exit::Done } else { Exit::Error })
}

/// All Rego files below a directory, in order.
fn read(directory: &Path, modules: &mut Vec<Module>) -> std::io::Result<()> {
    for path in rego_files(directory)? {
        modules.push(Module { name: path.display().to_string(), text: std::fs::read_to_string(&path)? });
    }
    Ok(())
}
