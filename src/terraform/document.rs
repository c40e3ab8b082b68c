//! One JSON document on standard output, possibly behind noise.
//!
//! When `TF_CLI_CONFIG_FILE` names a file that does not exist, every command draws a warning box first, and depending on the
//! version it lands on standard output or error. The document is looked for at the start of a line.

use serde_json::Value as Json;

/// The first JSON object or array that starts a line and is followed by nothing but white space; failing that, the error of
/// the first attempt.
pub(super) fn read(output: &str) -> Result<Json, serde_json::Error> {
    let mut first_error = None;
    for at in line_starts(output).filter(|at| output[*at..].starts_with(['{', '['])) {
        match serde_json::from_str(&output[at..]) {
            Ok(json) => return Ok(json),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    match first_error {
        Some(error) => Err(error),
        None => serde_json::from_str(""),
    }
}

fn line_starts(text: &str) -> impl Iterator<Item = usize> + '_ {
    std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_document_behind_a_warning_box() {
        let noisy =
            "There are some problems with the CLI configuration:\n╷\n│ Warning: {not this}\n╵\n\n{\n  \"a\": [\n[]\n]\n}\n";
        assert_eq!(read(noisy).expect("a document")["a"], serde_json::json!([[]]));
        assert_eq!(read("[not json]\n{\"b\":1}\n").expect("a document")["b"], 1);
    }

    #[test]
    fn says_where_reading_stopped() {
        assert!(read("").is_err_and(|e| e.is_eof()));
        assert!(read("{\"a\": ").is_err_and(|e| e.is_eof()));
        assert!(read("only words\n").is_err());
    }
}
