//! What a command printed: JSON documents and lines, mixed with whatever went to standard error (contract §5.9).

use serde_json::Value;

/// The service cuts the output at 512 kB; what comes near that and does not parse was cut.
pub(super) const NEAR_THE_CUT: usize = 500_000;

/// The JSON documents that start at the beginning of a line, as `kubectl -o json` prints them. Warnings between them are passed
/// over; a document that does not end is reported as unfinished.
pub(super) fn documents(logs: &str) -> Documents {
    let mut found = Documents { all: Vec::new(), unfinished: false };
    let mut at = 0;
    while at < logs.len() {
        let rest = &logs[at..];
        let line = rest.find('\n').map_or(rest.len(), |end| end + 1);
        if !rest.starts_with('{') {
            at += line;
            continue;
        }
        let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        if let Some(Ok(document)) = stream.next() {
            found.all.push(document);
            at += stream.byte_offset().max(1);
        } else {
            found.unfinished = true;
            at += line;
        }
    }
    found
}

/// What was found in a command's output.
pub(super) struct Documents {
    pub(super) all: Vec<Value>,
    pub(super) unfinished: bool,
}

/// How many lines name an object of this kind, as `kubectl -o name` prints them.
pub(super) fn named(logs: &str, kind: &str) -> usize {
    let names = |line: &str| line.strip_prefix(kind).is_some_and(|rest| rest.starts_with('/') && !rest.contains(' '));
    logs.lines().filter(|line| names(line)).count()
}

/// The last line that says something, shortened.
pub(super) fn tail(logs: &str) -> String {
    let last = logs.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or("it printed nothing");
    last.chars().take(400).collect()
}

/// The first line that contains one of these words, without regard to case.
pub(super) fn line_with<'a>(logs: &'a str, words: &[&str]) -> Option<&'a str> {
    let has = |line: &&str| {
        let line = line.to_ascii_lowercase();
        words.iter().any(|word| line.contains(word))
    };
    logs.lines().find(has).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn documents_are_found_between_warnings() {
        let logs = "Warning: {not json}\n{\n  \"kind\": \"List\",\n  \"items\": [\n    {\"a\": 1}\n  ]\n}\n{broken\nconfigmap/x configured\n{\"b\":2}\nnode/a\nnode/b\nnode/c is not\n";
        let found = documents(logs);
        assert_eq!(found.all, [json!({"kind": "List", "items": [{"a": 1}]}), json!({"b": 2})]);
        assert!(found.unfinished);
        assert_eq!(named(logs, "node"), 2);
        assert!(!documents("{}").unfinished);
    }

    #[test]
    fn a_cut_document_is_unfinished() {
        let found = documents("{\n  \"kind\": \"List\",\n  \"items\": [\n");
        assert!(found.all.is_empty() && found.unfinished);
    }

    proptest::proptest! {
        #[test]
        fn no_output_makes_it_panic(text in proptest::prelude::any::<String>()) {
            drop(documents(&text));
            drop(documents(&format!("{{{text}")));
            drop(tail(&text));
        }
    }
}
