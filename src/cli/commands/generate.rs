//! `aksight generate`: the Terraform files, for use without aksight.

use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use aksight::diag::{Code, Diagnostic};
use aksight::hcl::{self, File, MARK, State};
use aksight::host::files;
use clap::Args;

use super::validate::{read, tell};
use crate::cli::exit::Exit;

/// Write the Terraform files of a stack; they work without aksight.
#[derive(Debug, Args)]
#[command(after_help = "Then: terraform -chdir=DIR init && terraform -chdir=DIR plan")]
pub(crate) struct GenerateArgs {
    /// The file.
    #[arg(short, long, default_value = "aksight.yaml")]
    file: PathBuf,
    /// Where to write them.
    #[arg(short, long, value_name = "DIR")]
    out: PathBuf,
    /// Overwrite files that aksight did not generate, too.
    #[arg(long)]
    force: bool,
}

/// Runs it.
pub(crate) fn run(args: &GenerateArgs) -> std::io::Result<Exit> {
    let spec = match read(&args.file)? {
        Ok((spec, text)) => {
            tell(&spec.warnings, &text)?;
            spec
        }
        Err(exit) => return Ok(exit),
    };
    let files: Vec<File> = hcl::render(&spec, &State::AsWritten).into_iter().chain(hcl::guide(&spec)).collect();
    let foreign: Vec<String> = files
        .iter()
        .filter(|file| !args.force && is_foreign(&args.out.join(file.name)))
        .map(|file| file.name.to_owned())
        .collect();
    if !foreign.is_empty() {
        let problem = Diagnostic::error(
            Code::Usage,
            format!("`{}` holds files of somebody else: {}", args.out.display(), foreign.join(", ")),
        )
        .hint("choose another directory, or overwrite them with `--force`");
        return tell(&[problem], "").map(|()| Exit::Usage);
    }
    if let Err(error) = std::fs::create_dir_all(&args.out).and_then(|()| files.iter().try_for_each(|file| write(&args.out, file)))
    {
        let problem = Diagnostic::error(Code::StateDirectory, format!("`{}` cannot be written", args.out.display()))
            .caused_by(error.to_string());
        return tell(&[problem], "").map(|()| Exit::Error);
    }
    let names: Vec<&str> = files.iter().map(|file| file.name).collect();
    let out = args.out.display();
    writeln!(
        anstream::stdout(),
        "wrote {} to {out}\nnext: terraform -chdir={out} init && terraform -chdir={out} plan (README.md there says the rest)",
        names.join(", ")
    )?;
    Ok(Exit::Done)
}

/// Whether something is there that this program did not write. What cannot be read is taken for somebody else's.
fn is_foreign(path: &Path) -> bool {
    match std::fs::read(path) {
        Ok(bytes) => !bytes.starts_with(MARK.as_bytes()),
        Err(error) => !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory),
    }
}

fn write(directory: &Path, file: &File) -> std::io::Result<()> {
    let path = directory.join(file.name);
    let mut opened = files::create_private(&path)?;
    opened.write_all(file.text.as_bytes())
}
