//! `aksight explain`.

use std::io::Write as _;

use aksight::desired::owner;
use clap::Args;

use crate::cli::exit::Exit;
use crate::cli::view::Terminal;

/// Say who owns a field, and why.
#[derive(Debug, Args)]
#[command(after_help = "Example: aksight explain monitor_metrics")]
pub(crate) struct ExplainArgs {
    /// A terraform argument, a REST property or a `ConfigMap` key; a part is enough.
    field: String,
}

/// Runs it.
pub(crate) fn run(args: &ExplainArgs) -> std::io::Result<Exit> {
    let rows = owner::explain(&args.field);
    let (mut out, terminal) = (anstream::stdout(), Terminal::of_stdout());
    for row in &rows {
        writeln!(out, "{}.{}", row.resource, row.field)?;
        write!(out, "{}{}", terminal.paragraph("  owner: ", &row.owner.to_string()), terminal.paragraph("  why:   ", row.why))?;
    }
    if rows.is_empty() {
        writeln!(anstream::stderr(), "nothing in the ownership ledger matches `{}`", args.field)?;
        return Ok(Exit::Usage);
    }
    Ok(Exit::Done)
}
