//! Terraform's directory made ready: the generated files, and `init` when it must run.

use std::io::Write as _;
use std::path::Path;

use super::setup::Outside;
use super::stop::Stop;
use crate::base::digest;
use crate::diag::{Code, Diagnostic};
use crate::hcl::{self, File, State};
use crate::host::files;
use crate::spec::Spec;
use crate::terraform::{Error, LOCK_FILE, Message, Watch};

/// Writes the generated files that differ.
///
/// # Errors
/// The directory cannot be written.
pub(super) fn write_files(outside: &Outside, spec: &Spec) -> Result<(), Stop> {
    let setup = outside.setup();
    let state = match setup.store.shared() {
        _ if setup.rehearsal => State::Local,
        Some(shared) => State::Shared { schema: schema(&shared.stack) },
        None => State::AsWritten,
    };
    hcl::render(spec, &state).iter().try_for_each(|file| write(outside.terraform.dir(), file))
}

/// The schema in the shared database that keeps the state of a stack: a name that a person recognises, and a digest, because only
/// small letters, digits and 63 characters are safe there.
fn schema(stack: &str) -> String {
    let small = stack.to_ascii_lowercase();
    let plain: String = small.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).take(40).collect();
    format!("tf_{plain}_{}", &digest::sha256_hex(stack.as_bytes())[..8])
}

/// Writes a file of ours; one that already says so is left alone, so that `init` is not needed anew.
pub(super) fn write(directory: &Path, file: &File) -> Result<(), Stop> {
    let path = directory.join(file.name);
    if std::fs::read(&path).is_ok_and(|there| there == file.text.as_bytes()) {
        return Ok(());
    }
    replace(&path, file.text.as_bytes()).map_err(|error| {
        Stop::failed(
            Diagnostic::error(Code::StateDirectory, format!("cannot write `{}`", path.display()))
                .caused_by(error.to_string())
                .hint("make the state directory writable, free some space, or choose another with `--state-dir`"),
        )
    })
}

/// Writes a file, 0600, whole or not at all.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let new = path.with_extension("new");
    let mut file = files::create_private(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&new, path)
}

/// Runs `init` when the directory is not initialised for this configuration.
pub(super) async fn init(outside: &Outside) -> Result<(), Stop> {
    if outside.terraform.needs_init() { init_now(outside).await } else { Ok(()) }
}

/// Runs `init`. A rehearsal's provider is the program itself, which changes with every build: there, and only there, a lock file
/// that names another build is forgotten.
pub(super) async fn init_now(outside: &Outside) -> Result<(), Stop> {
    let setup = outside.setup();
    setup.events.note("preparing terraform's directory (init)");
    let silent = |_: Message| {};
    let watch = || Watch { on: &silent, cancel: &setup.cancel, again: &setup.again };
    recall_providers(outside).await?;
    match outside.terraform.init(false, watch()).await {
        Err(Error::LockFileMismatch { .. }) if setup.rehearsal => {
            outside.terraform.forget_init()?;
            outside.terraform.init(false, watch()).await?;
        }
        other => other?,
    }
    share_providers(outside).await
}

/// The journal's name for terraform's lock file. Replicas share it, or each would use the providers of the day it first ran.
const PROVIDERS: &str = "terraform-lock";

async fn recall_providers(outside: &Outside) -> Result<(), Stop> {
    let path = outside.terraform.dir().join(LOCK_FILE);
    if outside.setup().store.shared().is_none() || path.exists() {
        return Ok(());
    }
    match outside.journal.output(PROVIDERS).await?.as_ref().and_then(serde_json::Value::as_str) {
        Some(text) => write(outside.terraform.dir(), &File { name: LOCK_FILE, text: text.to_owned() }),
        None => Ok(()),
    }
}

/// The lock file of providers as it is now; empty when there is none.
pub(super) fn lock_text(outside: &Outside) -> String {
    std::fs::read_to_string(outside.terraform.dir().join(LOCK_FILE)).unwrap_or_default()
}

/// Takes a lock file over where there is none yet, so that `init` chooses the providers that it names.
pub(super) async fn bring_providers(outside: &Outside, text: &str) -> Result<(), Stop> {
    recall_providers(outside).await?;
    if text.is_empty() || outside.terraform.dir().join(LOCK_FILE).exists() {
        return Ok(());
    }
    write(outside.terraform.dir(), &File { name: LOCK_FILE, text: text.to_owned() })
}

async fn share_providers(outside: &Outside) -> Result<(), Stop> {
    if outside.setup().store.shared().is_none() {
        return Ok(());
    }
    let text = lock_text(outside);
    let known = outside.journal.output(PROVIDERS).await?;
    if !text.is_empty() && known.as_ref().and_then(serde_json::Value::as_str) != Some(&text) {
        let now = outside.setup().clock.now();
        outside.journal.put_output(&outside.run, PROVIDERS, &serde_json::json!(text), now).await?;
    }
    Ok(())
}

/// Does what an error of a terraform command asks for, if it is something about the directory; gives the error back otherwise.
pub(super) async fn mend(outside: &Outside, error: Error) -> Result<(), Stop> {
    match error {
        Error::NeedsInit { .. } => init_now(outside).await,
        Error::LockFileMismatch { .. } if outside.setup().rehearsal => {
            outside.terraform.forget_init()?;
            init_now(outside).await
        }
        other => Err(other.into()),
    }
}
