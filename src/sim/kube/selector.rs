//! Label and field selectors of list requests.

use serde_json::Value;

/// Whether an object's labels satisfy a selector such as `a=b,c!=d,e in (f,g),!h`.
pub fn labels(selector: &str, object: &Value) -> bool {
    let value = |key: &str| object.pointer("/metadata/labels").and_then(|labels| labels.get(key)).and_then(Value::as_str);
    requirements(selector).iter().all(|requirement| {
        let requirement = requirement.trim();
        if let Some((key, list)) = requirement.split_once(" notin ") {
            return !value(key.trim()).is_some_and(|value| listed(list, value));
        }
        if let Some((key, list)) = requirement.split_once(" in ") {
            return value(key.trim()).is_some_and(|value| listed(list, value));
        }
        if let Some((key, wanted)) = requirement.split_once("!=") {
            return value(key.trim()) != Some(wanted.trim());
        }
        if let Some((key, wanted)) = requirement.split_once('=') {
            return value(key.trim()) == Some(wanted.trim_start_matches('=').trim());
        }
        match requirement.strip_prefix('!') {
            Some(key) => value(key.trim()).is_none(),
            None => requirement.is_empty() || value(requirement).is_some(),
        }
    })
}

/// Splits at commas outside parentheses.
fn requirements(selector: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut depth = 0_u32;
    for c in selector.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if c == ',' && depth == 0 {
            parts.push(String::new());
        } else if let Some(last) = parts.last_mut() {
            last.push(c);
        }
    }
    parts
}

fn listed(list: &str, value: &str) -> bool {
    list.trim().trim_start_matches('(').trim_end_matches(')').split(',').any(|item| item.trim() == value)
}

/// Whether an object satisfies a field selector such as `metadata.name=x,spec.nodeName!=y`.
pub fn fields(selector: &str, object: &Value) -> bool {
    selector.split(',').filter(|part| !part.is_empty()).all(|part| {
        let (path, wanted, equal) = match part.split_once("!=") {
            Some((path, wanted)) => (path, wanted, false),
            None => match part.split_once('=') {
                Some((path, wanted)) => (path, wanted.trim_start_matches('='), true),
                None => return false,
            },
        };
        let value = object.pointer(&format!("/{}", path.replace('.', "/"))).and_then(Value::as_str).unwrap_or_default();
        (value == wanted) == equal
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn selectors_select() {
        let object =
            json!({"metadata": {"name": "p", "labels": {"rsName": "ama-metrics", "tier": "x"}}, "spec": {"nodeName": "n0"}});
        for (selector, expected) in [
            ("", true),
            ("rsName=ama-metrics", true),
            ("rsName==ama-metrics,tier!=y", true),
            ("rsName in (a,ama-metrics),tier", true),
            ("tier notin (x)", false),
            ("!tier", false),
            ("other", false),
        ] {
            assert_eq!(labels(selector, &object), expected, "{selector}");
        }
        assert!(fields("metadata.name=p,spec.nodeName!=n1", &object));
        assert!(!fields("metadata.name=q", &object));
    }
}
