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

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;
    use crate::plan::handoff::tests::sample;

    #[test]
    fn what_was_written_is_read() {
        let (text, digest) = text(&sample()).unwrap();
        assert_eq!(of_bytes(text.as_bytes()).unwrap(), (sample(), digest.clone()));
        // Another layout of the same values is the same handoff.
        let compact = serde_json::from_str::<Value>(&text).unwrap().to_string();
        assert_eq!(of_bytes(compact.as_bytes()).unwrap().1, digest);
    }

    #[test]
    fn every_shorter_one_is_refused() {
        let mut short = sample();
        short.acts.truncate(1);
        let (text, _) = text(&short).unwrap();
        for end in 0..text.trim_end().len() {
            let found = of_bytes(&text.as_bytes()[..end]);
            assert!(matches!(found, Err(Error::Unfinished | Error::NotAHandoff(_))), "{end}: {found:?}");
        }
    }

    #[test]
    fn what_is_none_is_told_apart() {
        let (text, digest) = text(&sample()).unwrap();
        let with = |from: &str, to: &str| of_bytes(text.replacen(from, to, 1).as_bytes()).unwrap_err();
        assert!(matches!(with("handoff/v1", "handoff/v2"), Error::Version { .. }));
        assert!(matches!(with("quickstart", "slowstart"), Error::Altered { .. }));
        assert!(matches!(with(&digest, "sha256:0"), Error::Altered { .. }));
        assert!(matches!(with("\"digest\"", "\"other\""), Error::NotAHandoff(_)));
        // A digest that was made to fit does not make the parts fit.
        let forge = |change: &dyn Fn(&mut Value)| {
            let mut file: Value = serde_json::from_str(&text).unwrap();
            change(&mut file["content"]);
            file["digest"] = super::digest(&file["content"]).unwrap().into();
            of_bytes(file.to_string().as_bytes()).unwrap_err()
        };
        assert!(matches!(forge(&|content| content["acts"][0]["az"] = "rm -rf /".into()), Error::Contradicts(_)));
        assert!(matches!(forge(&|content| content["acts"][0]["do"]["role"] = "owner".into()), Error::NotAHandoff(_)));
        assert!(matches!(forge(&|content| content["more"] = 1.into()), Error::NotAHandoff(_)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_and_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            prop_assert!(of_bytes(&bytes).is_err());
        }

        /// Other values, not other blanks, are seen.
        #[test]
        fn one_other_letter_is_seen(at in any::<prop::sample::Index>()) {
            static TEXT: LazyLock<String> = LazyLock::new(|| text(&sample()).unwrap().0);
            let at = at.index(TEXT.len());
            prop_assume!(TEXT.as_bytes()[at].is_ascii_alphanumeric());
            let other = format!("{}~{}", &TEXT[..at], &TEXT[at + 1..]);
            prop_assert!(of_bytes(other.as_bytes()).is_err());
        }
    }
}
