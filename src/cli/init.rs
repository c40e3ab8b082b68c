//! `aksight init`: a commented file that passes every check, or the reasons why it would not.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use aksight::spec::{self, InitAnswers};

use super::{Exit, failure};

/// Writes the file (0600) unless something is there already or the answers break a rule of Azure.
pub(super) fn run(name: &str, location: &str, subscription: Option<String>, output: &Path) -> std::io::Result<Exit> {
    let text = spec::template(&InitAnswers { subscription, ..InitAnswers::named(name, location) });
    if let Err(problems) = spec::read(&text, &output.display().to_string()) {
        return failure::tell(&problems, &text).map(|()| Exit::Usage);
    }
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(output)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    if let Err(error) = written {
        writeln!(anstream::stderr(), "error: `{}` was not written: {error}", output.display())?;
        return Ok(Exit::Error);
    }
    writeln!(anstream::stdout(), "wrote {}; check it with `aksight validate -f {}`", output.display(), output.display())?;
    Ok(Exit::Done)
}
