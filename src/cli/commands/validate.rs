//! `aksight validate`.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use aksight::diag::{Code, Diagnostic};
use aksight::spec::{self, Spec};
use clap::Args;

use crate::cli::exit::Exit;
use crate::cli::view::{self, Terminal};

/// Check a file: every problem at once, with line and column.
#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    /// The file.
    #[arg(short, long, default_value = "aksight.yaml")]
    file: PathBuf,
}

/// Runs it.
pub(crate) fn run(args: &ValidateArgs) -> std::io::Result<Exit> {
    let name = args.file.display().to_string();
    if let Ok(text) = std::fs::read_to_string(&args.file)
        && spec::is_fleet(&text)
    {
        return fleet(&args.file, &name, &text);
    }
    match read(&args.file)? {
        Ok((spec, text)) => {
            tell(&spec.warnings, &text)?;
            writeln!(anstream::stdout(), "{name}: stack `{}` is valid", spec.stack.metadata.name)?;
            Ok(Exit::Done)
        }
        Err(exit) => Ok(exit),
    }
}

fn fleet(file: &Path, name: &str, text: &str) -> std::io::Result<Exit> {
    let base = file.parent().unwrap_or(Path::new("."));
    match spec::read_fleet(text, name, &|stack| std::fs::read_to_string(base.join(stack))) {
        Ok(fleet) => {
            let count = view::counted(fleet.stacks.len(), "stack");
            writeln!(anstream::stdout(), "{name}: fleet `{}` with {count} is valid", fleet.name)?;
            Ok(Exit::Done)
        }
        Err(problems) => tell(&problems, text).map(|()| Exit::Usage),
    }
}

/// Reads and checks a file; says what is wrong with it.
pub(crate) fn read(file: &Path) -> std::io::Result<Result<(Spec, String), Exit>> {
    let name = file.display().to_string();
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => {
            let problem = Diagnostic::error(Code::SpecUnreadable, format!("`{name}` cannot be read"))
                .caused_by(error.to_string())
                .hint("name the file with `--file`, or write a first one with `aksight init`");
            return tell(&[problem], "").map(|()| Err(Exit::Usage));
        }
    };
    match spec::read(&text, &name) {
        Ok(spec) => Ok(Ok((spec, text))),
        Err(problems) => tell(&problems, &text).map(|()| Err(Exit::Usage)),
    }
}

/// Writes diagnostics to standard error.
pub(crate) fn tell(problems: &[Diagnostic], text: &str) -> std::io::Result<()> {
    anstream::stderr().write_all(view::diagnostic::text(problems, text, &Terminal::of_stderr()).as_bytes())
}
