//! The faces: what was typed becomes a library call, what comes back becomes text. Only this room prints.

mod exit;
mod failure;
mod init;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use aksight::desired::owner;
use aksight::diag::{Code, Diagnostic};
use aksight::spec;
use clap::{CommandFactory as _, Parser, Subcommand};

pub(crate) use exit::Exit;

/// One short file in, an AKS cluster whose network you can see out, and proof that it is so.
#[derive(Debug, Parser)]
#[command(name = "aksight", version, about, long_about = None)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a commented aksight.yaml; never over a file that is there.
    Init {
        /// Name of the stack; every other name is made from it.
        #[arg(long)]
        name: String,
        /// Azure region, such as westeurope.
        #[arg(long)]
        location: String,
        /// Subscription id; else `ARM_SUBSCRIPTION_ID` decides.
        #[arg(long)]
        subscription: Option<String>,
        /// Where to write it.
        #[arg(short, long, default_value = "aksight.yaml")]
        output: PathBuf,
    },
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Check a file: every problem at once, with line and column.
    Validate {
        /// The file.
        #[arg(short, long, default_value = "aksight.yaml")]
        file: PathBuf,
    },
    /// Print the JSON Schema of aksight.yaml, for editors.
    Schema,
    /// Say who owns a field, and why.
    Explain {
        /// A terraform argument, a REST property or a `ConfigMap` key; a part is enough.
        field: String,
    },
    /// Print the version.
    Version,
}

/// Runs the command that was typed.
pub(crate) fn main() -> Exit {
    match Args::try_parse() {
        Ok(args) => run(&args.command).unwrap_or(Exit::Error),
        Err(error) => {
            // Help and version are answers, everything else is bad usage; a closed pipe is nobody's fault.
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Done };
            drop(error.print());
            exit
        }
    }
}

/// An error of this function is a stream that cannot be written: whoever read it has gone.
fn run(command: &Command) -> std::io::Result<Exit> {
    let mut out = anstream::stdout();
    match command {
        Command::Init { name, location, subscription, output } => init::run(name, location, subscription.clone(), output),
        Command::Completions { shell } => {
            // Into memory first: clap_complete panics on a stream that cannot be written.
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Args::command(), "aksight", &mut script);
            out.write_all(&script)?;
            Ok(Exit::Done)
        }
        Command::Validate { file } => validate(file),
        Command::Schema => {
            writeln!(out, "{:#}", spec::schema())?;
            Ok(Exit::Done)
        }
        Command::Explain { field } => explain(field),
        Command::Version => {
            writeln!(out, "aksight {}", env!("CARGO_PKG_VERSION"))?;
            Ok(Exit::Done)
        }
    }
}

fn validate(file: &Path) -> std::io::Result<Exit> {
    let name = file.display().to_string();
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => {
            let problem = Diagnostic::error(Code::SpecUnreadable, format!("`{name}` cannot be read"))
                .caused_by(error.to_string())
                .hint("name the file with `--file`");
            return failure::tell(&[problem], "").map(|()| Exit::Usage);
        }
    };
    match spec::read(&text, &name) {
        Ok(spec) => {
            failure::tell(&spec.warnings, &text)?;
            writeln!(anstream::stdout(), "{name}: stack `{}` is valid", spec.stack.metadata.name)?;
            Ok(Exit::Done)
        }
        Err(problems) => failure::tell(&problems, &text).map(|()| Exit::Usage),
    }
}

fn explain(field: &str) -> std::io::Result<Exit> {
    let rows = owner::explain(field);
    let mut out = anstream::stdout();
    for row in &rows {
        writeln!(out, "{}.{}\n  owner: {}\n  why:   {}", row.resource, row.field, row.owner, row.why)?;
    }
    if rows.is_empty() {
        writeln!(anstream::stderr(), "nothing in the ownership ledger matches `{field}`")?;
        return Ok(Exit::Usage);
    }
    Ok(Exit::Done)
}
