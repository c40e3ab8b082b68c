//! `aksight policy`.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use aksight::diag::{Code, Diagnostic};
use aksight::event::{Outcome, Report};
use aksight::policy::{self, Module};
use aksight::run::{self, problem};
use aksight::spec;
use clap::{Args, Subcommand};

use crate::cli::exit::Exit;
use crate::cli::stage::Output;
use crate::cli::view::{self, Terminal};

/// Work on policies: Rego rules over the whole plan (docs/policies.md).
#[derive(Debug, Args)]
pub(crate) struct PolicyArgs {
    #[command(subcommand)]
    command: PolicyCommand,
}

#[derive(Debug, Subcommand)]
enum PolicyCommand {
    /// List the rules: the shipped ones, those that a file names, and those in directories of yours.
    List {
        /// A stack's file: with the rules in its `policies.directories`, and what it ignores.
        #[arg(short, long)]
        file: Option<PathBuf>,
        #[command(flatten)]
        common: Common,
    },
    /// Run the tests of the shipped policies and of those in directories of yours.
    Test {
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Debug, Args)]
struct Common {
    /// Directories with `*.rego` files.
    directories: Vec<PathBuf>,
    /// How results are printed.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// Why there is nothing to print: problems, and the text of the file that they point into.
struct Refused {
    problems: Vec<Diagnostic>,
    text: String,
    exit: Exit,
}

impl Refused {
    fn usage(problem: Diagnostic) -> Self {
        Self { problems: vec![problem], text: String::new(), exit: Exit::Usage }
    }

    fn broken(error: &policy::Broken) -> Self {
        Self { problems: vec![problem::of_policy(error)], text: String::new(), exit: Exit::Error }
    }
}

/// Runs it.
pub(crate) fn run(args: &PolicyArgs) -> std::io::Result<Exit> {
    let (command, output, told) = match &args.command {
        PolicyCommand::List { file, common } => ("policy list", common.output, list(file.as_deref(), common)),
        PolicyCommand::Test { common } => ("policy test", common.output, test(common)),
    };
    match told {
        Ok((text, exit)) => anstream::stdout().write_all(text.as_bytes()).map(|()| exit),
        Err(refused) => refuse(command, output, refused),
    }
}

fn list(file: Option<&Path>, common: &Common) -> Result<(String, Exit), Refused> {
    let (mut modules, ignore) = file.map_or_else(|| Ok(Default::default()), of_file)?;
    modules.extend(own(&common.directories)?.into_iter().filter(|module| !module.is_test()));
    let rules = policy::catalogue(&modules, &ignore).map_err(|error| Refused::broken(&error))?;
    let told = match common.output {
        Output::Json => view::policy::rules_json(&rules),
        Output::Text | Output::Github | Output::Azdo => view::policy::rules(&rules, &Terminal::of_stdout()),
    };
    Ok((told, Exit::Done))
}

fn test(common: &Common) -> Result<(String, Exit), Refused> {
    let results = policy::test(&own(&common.directories)?).map_err(|error| Refused::broken(&error))?;
    let told = match common.output {
        Output::Json => view::policy::tests_json(&results),
        Output::Text | Output::Github | Output::Azdo => view::policy::tests(&results, &Terminal::of_stdout()),
    };
    Ok((told, if results.iter().all(|result| result.passed) { Exit::Done } else { Exit::Error }))
}

/// The rules that a stack's file names, and the ids that it ignores.
fn of_file(file: &Path) -> Result<(Vec<Module>, Vec<String>), Refused> {
    let name = file.display().to_string();
    let text = std::fs::read_to_string(file).map_err(|error| {
        Refused::usage(Diagnostic::error(Code::SpecUnreadable, format!("`{name}` cannot be read")).caused_by(error.to_string()))
    })?;
    if spec::is_fleet(&text) {
        let problem = Diagnostic::error(Code::Usage, "this command works on one stack, and the file describes a fleet");
        return Err(Refused::usage(problem.hint("give it the file of one stack, or name the directories of the rules")));
    }
    let spec = spec::read(&text, &name).map_err(|problems| Refused { problems, text, exit: Exit::Usage })?;
    let base = file.parent().unwrap_or(Path::new("."));
    let modules = run::named_modules(&spec, base).map_err(|error| Refused::usage(run::of_unreadable(&error)))?;
    Ok((modules, spec.stack.policies.ignore))
}

/// All that is in directories from the command line.
fn own(directories: &[PathBuf]) -> Result<Vec<Module>, Refused> {
    let read = |directory: &PathBuf| {
        run::modules(directory).map_err(|error| Refused::usage(Diagnostic::from_error(Code::PolicyBroken, &error)))
    };
    Ok(directories.iter().map(read).collect::<Result<Vec<_>, _>>()?.concat())
}

/// Says what is wrong.
fn refuse(command: &str, output: Output, refused: Refused) -> std::io::Result<Exit> {
    match output {
        Output::Json => {
            let mut report = Report::new(command);
            report.result = Outcome::Failed;
            report.exit_code = if refused.exit == Exit::Usage { 64 } else { run::exit_code(Outcome::Failed) };
            report.diagnostics = refused.problems;
            writeln!(std::io::stdout(), "{}", view::report::json(&report))?;
        }
        Output::Text | Output::Github | Output::Azdo => {
            let text = view::diagnostic::text(&refused.problems, &refused.text, &Terminal::of_stderr());
            anstream::stderr().write_all(text.as_bytes())?;
        }
    }
    Ok(refused.exit)
}
