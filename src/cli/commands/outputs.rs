//! `aksight outputs`: names and addresses of a stack, from its journal.

use std::io::Write as _;

use aksight::diag::{Code, Diagnostic};
use clap::Args;
use serde_json::Value;

use super::remembered;
use crate::cli::exit::Exit;
use crate::cli::stage::{Output, StackArgs};

/// Print names and addresses of the stack as the last run saw them; asks neither Azure nor terraform.
#[derive(Debug, Args)]
#[command(after_help = "Example: open \"$(aksight outputs grafana_endpoint)\"")]
pub(crate) struct OutputsArgs {
    #[command(flatten)]
    stack: StackArgs,
    /// Print the value of this one, bare.
    name: Option<String>,
}

/// Runs it.
pub(crate) fn run(args: &OutputsArgs) -> std::io::Result<Exit> {
    let remembered = match remembered::read("outputs", &args.stack)? {
        Ok((_, remembered)) => remembered,
        Err(exit) => return Ok(exit),
    };
    let mut out = anstream::stdout();
    let Some(name) = &args.name else {
        match args.stack.output {
            Output::Json => writeln!(out, "{:#}", serde_json::json!(remembered.outputs))?,
            Output::Text | Output::Github | Output::Azdo => {
                let width = remembered.outputs.keys().map(String::len).max().unwrap_or(0);
                for (name, value) in &remembered.outputs {
                    writeln!(out, "{name:width$}  {}", bare(value))?;
                }
            }
        }
        return Ok(Exit::Done);
    };
    if let Some(value) = remembered.outputs.get(name) {
        match args.stack.output {
            Output::Json => writeln!(out, "{value}")?,
            Output::Text | Output::Github | Output::Azdo => writeln!(out, "{}", bare(value))?,
        }
        return Ok(Exit::Done);
    }
    let known: Vec<&str> = remembered.outputs.keys().map(String::as_str).collect();
    let problem = Diagnostic::error(Code::Usage, format!("there is no output `{name}`"))
        .hint(format!("the outputs are: {}", known.join(", ")));
    remembered::refuse("outputs", &args.stack, problem)
}

fn bare(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
