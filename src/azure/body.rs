//! Error bodies in all the shapes that occur (contract §9.4), read into one.

use serde_json::{Map, Value};

/// A body of no known shape is shown up to this many characters.
const KEPT: usize = 500;
/// Nested errors deeper than this are a loop or an attack.
const DEPTH: usize = 8;

/// What an error body says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// The deepest code; empty when there is none.
    pub(super) code: String,
    /// The codes around it, outermost first.
    pub(super) outer_codes: Vec<String>,
    /// The message that stands beside that code, or an outer one when it has none.
    pub(super) message: String,
    /// What the service objects to.
    pub(super) target: Option<String>,
    /// Policy assignment ids.
    pub(super) policies: Vec<String>,
    /// Whether the body was JSON or empty.
    pub(super) structured: bool,
}

impl Said {
    fn deepen(&mut self, code: String) {
        let outer = std::mem::replace(&mut self.code, code);
        if !outer.is_empty() && outer != self.code {
            self.outer_codes.push(outer);
        }
    }
}

/// Reads an error body.
pub(super) fn read(bytes: &[u8]) -> Said {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Said { structured: true, ..Said::default() };
    }
    let Ok(Value::Object(object)) = serde_json::from_slice(bytes) else {
        let text = String::from_utf8_lossy(bytes);
        return Said { message: text.trim().chars().take(KEPT).collect(), ..Said::default() };
    };
    let mut said = Said { structured: true, ..Said::default() };
    visit(&object, &mut said, 0);
    said
}

/// Reads the `error` member of an operation's body; the body itself when it has none.
pub(super) fn read_value(value: &Value) -> Said {
    let mut said = Said { structured: true, ..Said::default() };
    if let Value::Object(object) = value {
        visit(object, &mut said, 0);
    }
    said
}

fn member<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn text<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    member(object, name)?.as_str().filter(|text| !text.trim().is_empty())
}

/// Takes what this level says, then lets deeper levels overrule it.
fn visit(object: &Map<String, Value>, said: &mut Said, depth: usize) {
    if depth > DEPTH {
        return;
    }
    if let Some(code) = text(object, "code") {
        said.deepen(code.to_owned());
    }
    if let Some(message) = text(object, "message") {
        message.clone_into(&mut said.message);
    }
    if let Some(target) = text(object, "target") {
        said.target = Some(target.to_owned());
    }
    for info in member(object, "additionalInfo").and_then(Value::as_array).into_iter().flatten() {
        if let Some(id) = info.pointer("/info/policyAssignmentId").and_then(Value::as_str) {
            said.policies.push(id.to_owned());
        }
    }
    match member(object, "error") {
        Some(Value::Object(inner)) => visit(inner, said, depth + 1),
        // Entra and Prometheus: `error` is a word, the sentence stands elsewhere.
        Some(Value::String(word)) => entra(object, word, said),
        _ => {}
    }
    nested_message(said, depth);
    if let Some(Value::Object(first)) = member(object, "details").and_then(Value::as_array).and_then(|all| all.first()) {
        visit(first, said, depth + 1);
    }
    if let Some(Value::Object(inner)) = member(object, "innererror") {
        visit(inner, said, depth + 1);
    }
}

fn entra(object: &Map<String, Value>, word: &str, said: &mut Said) {
    said.deepen(word.to_owned());
    let Some(description) = text(object, "error_description") else {
        return;
    };
    // The first line carries the sentence; trace ids and time stamps follow, nowadays in the same line.
    let line = description.lines().next().unwrap_or(description);
    line.split(" Trace ID: ").next().unwrap_or(line).trim_end().clone_into(&mut said.message);
    if let Some(number) = member(object, "error_codes").and_then(|codes| codes.get(0)).and_then(Value::as_u64) {
        said.code = format!("AADSTS{number}");
    }
}

/// Deployment errors carry a whole error as JSON inside `message`: it is unpacked.
fn nested_message(said: &mut Said, depth: usize) {
    if !said.message.trim_start().starts_with('{') {
        return;
    }
    if let Ok(Value::Object(inner)) = serde_json::from_str::<Value>(&said.message) {
        visit(&inner, said, depth + 1);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(value: &Value) -> (String, String) {
        let said = read(value.to_string().as_bytes());
        (said.code, said.message)
    }

    fn pair(code: &str, message: &str) -> (String, String) {
        (code.to_owned(), message.to_owned())
    }

    #[test]
    fn all_shapes_give_code_and_message() {
        assert_eq!(said(&json!({"error": {"code": "A", "message": "m"}})), pair("A", "m"));
        assert_eq!(said(&json!({"code": "A", "message": "m", "details": null, "subcode": ""})), pair("A", "m"));
        assert_eq!(said(&json!({"Code": "A", "Message": "m"})), pair("A", "m"));
        assert_eq!(said(&json!({"status": "Failed", "error": {"code": "A", "message": "m"}})), pair("A", "m"));
        let entra = json!({"error": "invalid_client", "error_description": "AADSTS700213: No match.\r\nTrace ID: x", "error_codes": [700_213]});
        assert_eq!(said(&entra), pair("AADSTS700213", "AADSTS700213: No match."));
    }

    #[test]
    fn the_deepest_code_wins() {
        let deep = json!({"error": {"code": "DeploymentFailed", "message": "outer", "details": [
            {"code": "Conflict", "message": json!({"error": {"code": "ScopeLocked", "message": "inner"}}).to_string()}]}});
        assert_eq!(said(&deep), pair("ScopeLocked", "inner"));
        let inner = json!({"error": {"code": "BadRequest", "message": "m", "innererror": {"code": "WhyExactly"}}});
        assert_eq!(said(&inner), pair("WhyExactly", "m"));
    }

    #[test]
    fn policies_and_targets_are_kept() {
        let body = json!({"error": {"code": "RequestDisallowedByPolicy", "target": "amw1", "message": "no",
            "additionalInfo": [{"type": "PolicyViolation", "info": {"policyAssignmentId": "/p/1"}}]}});
        let said = read(body.to_string().as_bytes());
        assert_eq!((said.target.as_deref(), said.policies), (Some("amw1"), vec!["/p/1".to_owned()]));
    }

    #[test]
    fn pages_are_cut_and_marked() {
        let said = read(format!("<html>{}", "ü".repeat(900)).as_bytes());
        assert_eq!((said.message.chars().count(), said.structured), (KEPT, false));
        assert!(read(b"  ").structured);
    }

    proptest::proptest! {
        #[test]
        fn no_body_makes_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _said = read(&bytes);
        }
    }
}
