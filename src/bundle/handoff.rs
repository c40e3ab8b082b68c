//! A handoff as a file: one JSON document that a person can read, with a digest of its content.
//!
//! As with plans, the digest tells accidents and careless edits, not forgery. What a forger could gain is bounded by what is looked at
//! when the file is read: only acts of the two kinds, only roles that aksight assigns, and every part must follow from the others.

use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use super::{Error, file, format};
use crate::event::{HANDOFF_SCHEMA, Handoff};
use crate::plan::handoff::contradictions;

#[derive(Serialize)]
struct File<'a> {
    schema: &'static str,
    digest: &'a str,
    content: &'a Value,
}

/// The text of the file, and its digest: `sha256:` and 64 hex digits, of the content as compact JSON (`jq -cj .content FILE | sha256sum`).
///
/// # Errors
/// The content cannot be put into JSON.
pub fn text(handoff: &Handoff) -> Result<(String, String), Error> {
    let content = serde_json::to_value(handoff).map_err(Error::Unwritable)?;
    let digest = digest(&content)?;
    let file = File { schema: HANDOFF_SCHEMA, digest: &digest, content: &content };
    let text = serde_json::to_string_pretty(&file).map_err(Error::Unwritable)? + "\n";
    Ok((text, digest))
}

/// Writes a handoff, whole or not at all, for its owner alone.
///
/// # Errors
/// The file cannot be written; what was there stays then.
pub fn write(path: &Path, text: &str) -> Result<(), Error> {
    file::replace(path, text.as_bytes()).map_err(|source| Error::Io { action: "write", path: path.to_owned(), source })
}

/// Reads a handoff back, with its digest.
///
/// # Errors
/// The file cannot be read, is something else, was cut short or altered, or contradicts itself.
pub fn read(path: &Path) -> Result<(Handoff, String), Error> {
    of_bytes(&file::whole(path)?)
}

/// Nothing of the content is believed before its digest fits.
fn of_bytes(bytes: &[u8]) -> Result<(Handoff, String), Error> {
    let mut file: Value = serde_json::from_slice(bytes).map_err(|error| {
        if error.is_eof() && !bytes.is_empty() { Error::Unfinished } else { Error::NotAHandoff("it is no JSON document") }
    })?;
    match file["schema"].as_str() {
        Some(HANDOFF_SCHEMA) => {}
        Some(found) => return Err(Error::Version { found: found.chars().take(40).collect(), known: HANDOFF_SCHEMA }),
        None => return Err(Error::NotAHandoff("it names no format")),
    }
    let expected = file["digest"].as_str().ok_or(Error::NotAHandoff("it has no digest"))?.to_owned();
    if file.as_object().is_none_or(|parts| parts.len() != 3) {
        return Err(Error::NotAHandoff("it has other parts than `schema`, `digest` and `content`"));
    }
    let content = file["content"].take();
    let found = digest(&content)?;
    if found != expected {
        return Err(Error::Altered { expected: expected.chars().filter(|c| !c.is_control()).take(80).collect(), found });
    }
    let shape = Error::NotAHandoff("its digest fits, and its content is none of a handoff's");
    let handoff: Handoff = serde_json::from_value(content).map_err(|_| shape)?;
    let wrong = contradictions(&handoff);
    if wrong.is_empty() { Ok((handoff, found)) } else { Err(Error::Contradicts(wrong)) }
}

fn digest(content: &Value) -> Result<String, Error> {
    Ok(format::digest(&serde_json::to_vec(content).map_err(Error::Unwritable)?))
}
