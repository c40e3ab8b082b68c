//! Secrets do not belong into a file that is meant for version control. Their text is never repeated in a message.

use serde_json::Value;

use super::Report;
use crate::diag::Code;
use crate::spec::file::Stack;
use crate::spec::source::escape;

/// Parts of names that promise a secret.
const NAMES: [&str; 8] = ["secret", "password", "passwd", "token", "credential", "private_key", "access_key", "api_key"];

/// Beginnings and parts of texts that are secrets.
const TEXTS: [&str; 5] = ["-----BEGIN ", "AccountKey=", "SharedAccessKey=", "SharedAccessSignature=", "&sig="];

const HINT: &str = "remove it, change it where it is valid, and pass it by the environment: `ARM_CLIENT_SECRET`, `TF_VAR_…`";

pub(super) fn check(stack: &Stack, report: &mut Report<'_>) {
    let mut named = Vec::new();
    for name in stack.terraform.variables.keys() {
        let plain = name.to_ascii_lowercase().replace('-', "_");
        if NAMES.iter().any(|part| plain.contains(part)) {
            let at = format!("/terraform/variables/{}", escape(name));
            let hint = format!("remove it, and set `TF_VAR_{}` in the environment", name.escape_debug());
            report.error_hint(&at, Code::SpecSecret, "sounds like a secret, and Terraform would keep it in its state", &hint);
            named.push(at);
        }
    }
    if let Ok(value) = serde_json::to_value(stack) {
        walk(&value, "", &named, report);
    }
}

fn walk(value: &Value, at: &str, named: &[String], report: &mut Report<'_>) {
    match value {
        Value::Object(all) => all.iter().for_each(|(key, value)| walk(value, &format!("{at}/{}", escape(key)), named, report)),
        Value::Array(all) => {
            all.iter().enumerate().for_each(|(index, value)| walk(value, &format!("{at}/{index}"), named, report));
        }
        Value::String(text) if is_secret(text) && !named.iter().any(|one| one == at) => {
            report.error_hint(at, Code::SpecSecret, "holds what looks like a secret", HINT);
        }
        _ => {}
    }
}

fn is_secret(text: &str) -> bool {
    TEXTS.iter().any(|part| text.contains(part)) || is_client_secret(text) || is_web_token(text)
}

/// Entra's client secrets are 40 characters with `Q~` behind the fourth.
fn is_client_secret(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    (34..=44).contains(&text.len()) && text.get(4..6) == Some("Q~") && text.bytes().all(legal)
}

fn is_web_token(text: &str) -> bool {
    text.starts_with("eyJ") && text.len() > 40 && text.matches('.').count() >= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_recognised_and_names_are_not() {
        let client = format!("abc8Q~{}", "x".repeat(34));
        let token = format!("eyJ{}.b.c", "a".repeat(40));
        for bad in [client.as_str(), &token, "-----BEGIN RSA PRIVATE KEY-----", "x;AccountKey=y"] {
            assert!(is_secret(bad));
        }
        for good in ["aks-quickstart", "00000000-0000-0000-0000-000000000000", "hubble.*|cilium.*"] {
            assert!(!is_secret(good));
        }
    }
}
