//! Looks for secrets in whatever was written: as they are, encoded, and inside archives.

use std::io::Read as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Something that must not be seen, in the spellings in which it might be.
pub(super) struct Secret {
    name: String,
    spellings: Vec<String>,
}

impl Secret {
    pub(super) fn new(name: &str, text: &str) -> Self {
        let percent = percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
        let json = serde_json::to_string(text).unwrap();
        let inner = json.trim_matches('"').to_owned();
        // The ends of base64 depend on what follows; its middle does not.
        let encoded =
            [STANDARD_NO_PAD.encode(text), URL_SAFE_NO_PAD.encode(text)].map(|all| all[..all.len() / 4 * 4 - 4].to_owned());
        let mut spellings = vec![text.to_owned(), percent, inner];
        spellings.extend(encoded);
        spellings.sort();
        spellings.dedup();
        Self { name: name.to_owned(), spellings }
    }
}

/// A place where something was written.
pub(super) struct Place {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
}

/// All files below a directory.
pub(super) fn files(directory: &Path) -> Vec<Place> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            all.extend(files(&path));
        } else if let Ok(bytes) = std::fs::read(&path) {
            // Sockets and the like cannot be read.
            all.push(Place { name: path.display().to_string(), bytes });
        }
    }
    all
}

/// Which secret was seen where.
pub(super) fn found(secrets: &[Secret], places: &[Place]) -> Vec<String> {
    let mut spellings: Vec<String> =
        secrets.iter().flat_map(|secret| &secret.spellings).map(|text| regex::escape(text)).collect();
    // The longest first, so that a whole token is not reported as a part of it.
    spellings.sort_by_key(|text| std::cmp::Reverse(text.len()));
    let any = regex::bytes::RegexBuilder::new(&spellings.join("|")).size_limit(1 << 30).unicode(false).build().unwrap();
    let mut all = Vec::new();
    for place in places {
        look((secrets, &any), &place.name, &place.bytes, 0, &mut all);
    }
    all.sort();
    all.dedup();
    all
}

fn look(wanted: (&[Secret], &regex::bytes::Regex), name: &str, bytes: &[u8], depth: usize, all: &mut Vec<String>) {
    let (secrets, any) = wanted;
    for seen in any.find_iter(bytes) {
        let is = |secret: &&Secret| secret.spellings.iter().any(|spelling| spelling.as_bytes() == seen.as_bytes());
        all.extend(secrets.iter().find(is).map(|secret| format!("{} in {name}", secret.name)));
    }
    if depth > 2 {
        return;
    }
    if bytes.starts_with(b"PK\x03\x04") {
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
        for index in 0..archive.len() {
            let mut file = archive.by_index(index).unwrap();
            let mut inner = Vec::new();
            file.read_to_end(&mut inner).unwrap();
            let inner_name = format!("{name}!{}", file.name());
            look(wanted, &inner_name, &inner, depth + 1, all);
        }
    }
    // Files within files: a saved plan carries terraform's.
    let encoded = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    for run in bytes.split(|byte| !encoded(byte)).filter(|run| run.len() >= 200) {
        if let Ok(inner) = STANDARD.decode(run) {
            look(wanted, &format!("{name}!base64"), &inner, depth + 1, all);
        }
    }
}

/// The search itself must be able to find: in clear, encoded, and in an archive inside a document.
#[test]
fn what_is_planted_is_found() {
    use std::io::Write as _;
    let secrets = [Secret::new("the secret", "hunter2+hunter/2=?")];
    let place = |bytes: Vec<u8>| Place { name: "here".to_owned(), bytes };
    let seen = |bytes: Vec<u8>| found(&secrets, &[place(bytes)]);
    assert_eq!(seen(b"nothing to see: hunter2".to_vec()), Vec::<String>::new());
    assert_eq!(seen(b"token=hunter2+hunter/2=? here".to_vec()), ["the secret in here"]);
    assert_eq!(seen(b"client_secret=hunter2%2Bhunter%2F2%3D%3F&x".to_vec()), ["the secret in here"]);
    assert_eq!(seen(STANDARD.encode("hunter2+hunter/2=? and more").into_bytes()), ["the secret in here"]);
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    archive.start_file("tfplan", zip::write::SimpleFileOptions::default()).unwrap();
    let around = (0..200).map(|number: u32| number.to_string()).collect::<Vec<_>>().join(" ");
    archive.write_all(format!("{around}hunter2+hunter/2=?").as_bytes()).unwrap();
    let archive = archive.finish().unwrap().into_inner();
    assert_eq!(seen(archive.clone()), ["the secret in here!tfplan"]);
    let document = serde_json::json!({"plan": STANDARD.encode(&archive)}).to_string().into_bytes();
    assert_eq!(seen(document), ["the secret in here!base64!tfplan"]);
}
