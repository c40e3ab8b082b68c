//! The bytes of a bundle: a head of one line of JSON, with format, digest and length, and a body of another. A reader of JSON lines
//! can look into it; the digest is that of the body's bytes as they stand.

use serde::{Deserialize, Serialize};

use super::{Content, Error};
use crate::base::digest::sha256_hex;

/// The version of this format.
pub const SCHEMA: &str = "aksight.plan/v1";
/// The longest first line.
const LONGEST_HEAD: usize = 1024;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    schema: String,
    digest: String,
    bytes: u64,
}

/// The digest of a body: `sha256:` and 64 hex digits.
#[must_use]
pub fn digest(body: &[u8]) -> String {
    format!("sha256:{}", sha256_hex(body))
}

/// Puts a bundle into bytes. Gives back its digest, too.
pub(super) fn pack(content: &Content) -> Result<(Vec<u8>, String), Error> {
    let body = serde_json::to_vec(content).map_err(Error::Unwritable)?;
    let digest = digest(&body);
    let head = Head { schema: SCHEMA.to_owned(), digest: digest.clone(), bytes: length(&body) };
    let mut all = serde_json::to_vec(&head).map_err(Error::Unwritable)?;
    all.push(b'\n');
    all.extend(body);
    all.push(b'\n');
    Ok((all, digest))
}

/// Reads a bundle, whatever the bytes are. Nothing of the body is believed before its digest fits.
pub(super) fn unpack(bytes: &[u8]) -> Result<(Content, String), Error> {
    let reach = &bytes[..bytes.len().min(LONGEST_HEAD)];
    let end = reach.iter().position(|byte| *byte == b'\n').ok_or(Error::NotABundle("its first line is none of a plan's"))?;
    let (first, rest) = (&bytes[..end], &bytes[end + 1..]);
    let format: serde_json::Value =
        serde_json::from_slice(first).map_err(|_| Error::NotABundle("its first line is none of a plan's"))?;
    match format["schema"].as_str() {
        Some(SCHEMA) => {}
        Some(found) => return Err(Error::Version { found: found.chars().take(40).collect(), known: SCHEMA }),
        None => return Err(Error::NotABundle("its first line names no format")),
    }
    let head: Head = serde_json::from_value(format).map_err(|_| Error::NotABundle("its first line is incomplete"))?;
    let body = match usize::try_from(head.bytes).ok().and_then(|length| rest.split_at_checked(length)) {
        Some((body, b"\n")) => body,
        Some((_, [])) | None => return Err(Error::CutShort { expected: head.bytes.saturating_add(1), found: length(rest) }),
        Some(_) => return Err(Error::Altered { expected: head.digest, found: digest(rest) }),
    };
    let found = digest(body);
    if found != head.digest {
        return Err(Error::Altered { expected: head.digest, found });
    }
    Ok((serde_json::from_slice(body).map_err(Error::Malformed)?, found))
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::super::{Bytes, Facts, StateMark};
    use super::*;

    pub(in super::super) fn sample(secret: &[u8]) -> Content {
        Content {
            made_at: "2026-01-01T00:00:00Z".parse().unwrap(),
            made_by: "ada@here".into(),
            facts: Facts {
                stack: "shop".into(),
                subscription: "s".into(),
                cloud: "public".into(),
                rehearsal: true,
                aksight: "0".into(),
                terraform: "Terraform 1".into(),
                spec: "a".into(),
                policies: "b".into(),
                providers: "c".into(),
                world: "d".into(),
                state: Some(StateMark { lineage: "l".into(), serial: 3 }),
            },
            spec: json!({"z": 1.1, "a": [true, null, "ü\n"]}),
            units: BTreeMap::from([("dcr".to_owned(), json!({"action": "update"}))]),
            allow_destroy: vec!["x.y".into()],
            lock_file: "provider \"p\" {}\n".into(),
            terraform: Some(Bytes(secret.to_vec())),
        }
    }

    #[test]
    fn what_was_written_is_read() {
        let content = sample(b"\0\xffplan");
        let (bytes, digest) = pack(&content).unwrap();
        assert_eq!(unpack(&bytes).unwrap(), (content, digest));
        assert!(!format!("{:?}", sample(b"hunter2")).contains("hunter2"));
    }

    /// Every part of the body is under the digest, and the head's own fields are checked, too.
    #[test]
    fn an_edit_of_any_part_is_seen() {
        let (bytes, _) = pack(&sample(b"plan")).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once('\n').unwrap();
        let parts: Value = serde_json::from_str(body).unwrap();
        for name in parts.as_object().unwrap().keys() {
            let mut other = parts.clone();
            other[name] = json!("other");
            let found = unpack(format!("{head}\n{other}\n").as_bytes());
            assert!(matches!(found, Err(Error::Altered { .. } | Error::CutShort { .. })), "{name}: {found:?}");
        }
        // A digest that was made to fit: then only the shape is left to be wrong.
        let forged = Head { schema: SCHEMA.into(), digest: digest(b"{}"), bytes: 2 };
        let forged = serde_json::to_string(&forged).unwrap() + "\n{}\n";
        assert!(matches!(unpack(forged.as_bytes()), Err(Error::Malformed(_))));
        let newer = text.replacen("plan/v1", "plan/v2", 1);
        assert!(matches!(unpack(newer.as_bytes()), Err(Error::Version { .. })));
    }

    #[test]
    fn every_shorter_one_is_refused() {
        let (bytes, _) = pack(&sample(b"plan")).unwrap();
        for end in 0..bytes.len() {
            let found = unpack(&bytes[..end]);
            assert!(matches!(found, Err(Error::NotABundle(_) | Error::CutShort { .. })), "{end}: {found:?}");
        }
        let longer = [&bytes[..], b"x"].concat();
        assert!(matches!(unpack(&longer), Err(Error::Altered { .. })));
    }

    #[test]
    fn a_length_beyond_everything_is_only_a_short_file() {
        let head = format!("{{\"schema\":\"{SCHEMA}\",\"digest\":\"x\",\"bytes\":{}}}\n{{}}\n", u64::MAX);
        assert!(matches!(unpack(head.as_bytes()), Err(Error::CutShort { .. })));
        let deep = "[".repeat(900) + "\n";
        assert!(matches!(unpack(deep.as_bytes()), Err(Error::NotABundle(_))));
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_and_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            prop_assert!(unpack(&bytes).is_err());
        }

        /// A body that is any JSON at all, under a digest that fits.
        #[test]
        fn any_body_under_a_fitting_digest_never_panics(body in "[\\[{\",:0-9a-z}\\]]{0,200}") {
            let head = Head { schema: SCHEMA.into(), digest: digest(body.as_bytes()), bytes: length(body.as_bytes()) };
            let all = serde_json::to_string(&head).unwrap() + "\n" + &body + "\n";
            prop_assert!(matches!(unpack(all.as_bytes()), Err(Error::Malformed(_))));
        }

        #[test]
        fn one_other_byte_is_seen(at in any::<prop::sample::Index>(), other in any::<u8>()) {
            let (mut bytes, _) = pack(&sample(b"plan")).unwrap();
            let at = at.index(bytes.len());
            prop_assume!(bytes[at] != other);
            bytes[at] = other;
            prop_assert!(unpack(&bytes).is_err());
        }
    }
}
