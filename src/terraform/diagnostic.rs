//! What the program complains about, from its JSON or from its boxed text, and what ARM said inside it.

use serde_json::Value as Json;

use crate::base::Class;

/// How serious a diagnostic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The command failed because of it.
    Error,
    /// The command went on.
    Warning,
}

/// One diagnostic of the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TfDiagnostic {
    /// How serious it is.
    pub severity: Severity,
    /// One line.
    pub summary: String,
    /// The explanation; may be empty, may have several lines.
    pub detail: String,
    /// Address of the resource it is about, e.g. `azurerm_kubernetes_cluster.this`.
    pub address: Option<String>,
    /// File it points at, relative to the working directory.
    pub file: Option<String>,
    /// Line in that file, counted from 1.
    pub line: Option<u64>,
}

/// What ARM answered, found inside a provider's text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArmFailure {
    /// HTTP status.
    pub status: Option<u16>,
    /// ARM error code, e.g. `AuthorizationFailed` (contract §9.5).
    pub code: Option<String>,
    /// Correlation id for a support request.
    pub correlation_id: Option<String>,
}

impl std::fmt::Display for TfDiagnostic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(address) = &self.address {
            write!(f, "`{address}`: ")?;
        }
        f.write_str(&self.summary)?;
        match self.detail.lines().find(|line| !line.trim().is_empty()) {
            Some(line) => write!(f, ": {}", line.trim()),
            None => Ok(()),
        }
    }
}

impl TfDiagnostic {
    /// Whether it made the command fail.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// Reads the `diagnostic` object of the JSON interface. Anything not understood becomes an empty text, never a failure.
    pub(super) fn from_json(json: &Json) -> Self {
        let text = |key: &str| json.get(key).and_then(Json::as_str).map(str::to_owned);
        let range = json.get("range");
        Self {
            severity: if json.get("severity").and_then(Json::as_str) == Some("warning") {
                Severity::Warning
            } else {
                Severity::Error
            },
            summary: text("summary").unwrap_or_default(),
            detail: text("detail").unwrap_or_default(),
            address: text("address").filter(|a| !a.is_empty()),
            file: range.and_then(|r| r.get("filename")).and_then(Json::as_str).map(str::to_owned),
            line: range.and_then(|r| r.pointer("/start/line")).and_then(Json::as_u64),
        }
    }

    /// Reads the boxes (`╷ │ ╵`) that the program draws on standard error when it does not speak JSON.
    pub(super) fn from_boxes(text: &str) -> Vec<Self> {
        let mut found: Vec<Self> = Vec::new();
        let mut open = false;
        for line in text.lines() {
            let plain = line.trim_start_matches(['│', '╷', '╵']).trim();
            if line.starts_with('╵') {
                open = false;
            } else if let Some((severity, summary)) = opening(plain) {
                open = true;
                found.push(Self {
                    severity,
                    summary: summary.into(),
                    detail: String::new(),
                    address: None,
                    file: None,
                    line: None,
                });
            } else if let (true, Some(last)) = (open, found.last_mut()) {
                last.take_boxed_line(plain);
            }
        }
        for diagnostic in &mut found {
            diagnostic.detail.truncate(diagnostic.detail.trim_end().len());
        }
        found
    }

    fn take_boxed_line(&mut self, plain: &str) {
        if let Some(address) = plain.strip_prefix("with ").and_then(|rest| rest.strip_suffix(',')) {
            self.address = Some(address.to_owned());
        } else if let Some((file, line)) = plain.strip_prefix("on ").and_then(|rest| rest.split_once(" line ")) {
            self.file = Some(file.to_owned());
            self.line = line.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok();
        } else if !(plain.is_empty() && self.detail.is_empty()) {
            self.detail.push_str(plain);
            self.detail.push('\n');
        }
    }

    /// What ARM said, if the text carries it: `unexpected status 403 (403 Forbidden) with error: AuthorizationFailed: …`
    /// (current azurerm) or `StatusCode=403 … Code="AuthorizationFailed"` (its older half).
    pub fn arm(&self) -> Option<ArmFailure> {
        let text = format!("{}\n{}", self.summary, self.detail);
        let found = ArmFailure {
            status: number_after(&text, "unexpected status ").or_else(|| number_after(&text, "StatusCode=")),
            code: word_after(&text, "with error: ").or_else(|| word_after(&text, "Code=\"")),
            correlation_id: correlation(&text),
        };
        (found != ArmFailure::default()).then_some(found)
    }

    /// What the failure means. ARM's code decides, then its status (contract §9.5); the rest is a wrong request.
    pub fn class(&self) -> Class {
        let arm = self.arm().unwrap_or_default();
        match arm.code.as_deref() {
            Some("AuthorizationFailed" | "LinkedAuthorizationFailed" | "AuthorizationPermissionMismatch") => {
                return Class::Permission;
            }
            Some("AnotherOperationInProgress" | "OperationNotAllowed" | "Conflict") if arm.status == Some(409) => {
                return Class::Busy;
            }
            Some("MissingSubscriptionRegistration") => return Class::NotYet,
            Some("RequestDisallowedByPolicy" | "ScopeLocked" | "QuotaExceeded" | "SkuNotAvailable") => return Class::Refused,
            Some("PreconditionFailed") => return Class::Conflict,
            _ => {}
        }
        match arm.status {
            Some(401) => Class::Credential,
            Some(403) => Class::Permission,
            Some(404) => Class::Absent,
            Some(412) => Class::Conflict,
            Some(429) => Class::Throttled(None),
            Some(408 | 500..=599) => Class::Transient,
            None if self.speaks_of_credentials() => Class::Credential,
            None if self.speaks_of_transport() => Class::Transient,
            _ => Class::Invalid,
        }
    }

    /// A connection that broke: Go's words, and those of the stand-in.
    fn speaks_of_transport(&self) -> bool {
        let text = format!("{} {}", self.summary, self.detail);
        let marks = [
            "connection reset by peer",
            "connection refused",
            "unexpected EOF",
            "i/o timeout",
            "TLS handshake timeout",
            "http2: client connection lost",
            "server closed idle connection",
            "error sending request",
            "error decoding response body",
            "request or response body error",
        ];
        marks.iter().any(|mark| text.contains(mark))
    }

    fn speaks_of_credentials(&self) -> bool {
        let text = format!("{} {}", self.summary, self.detail);
        ["unable to build authorizer", "could not configure", "AADSTS", "obtain access token", "acquire access token"]
            .iter()
            .any(|mark| text.contains(mark))
    }
}

fn opening(plain: &str) -> Option<(Severity, &str)> {
    let error = plain.strip_prefix("Error: ").map(|rest| (Severity::Error, rest));
    error.or_else(|| plain.strip_prefix("Warning: ").map(|rest| (Severity::Warning, rest)))
}

fn number_after(text: &str, mark: &str) -> Option<u16> {
    let rest = text.split_once(mark)?.1;
    rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok()
}

fn word_after(text: &str, mark: &str) -> Option<String> {
    let rest = text.split_once(mark)?.1;
    let word: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "._-".contains(*c)).collect();
    (!word.is_empty()).then_some(word)
}

/// The first UUID after the words `correlation id`, in any casing and with any quotes between.
fn correlation(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let at = lower.find("correlation id").or_else(|| lower.find("correlationid")).or_else(|| lower.find("correlation-id"))?;
    let rest = lower.get(at + "correlationid".len()..)?;
    rest.split(|c: char| !(c.is_ascii_hexdigit() || c == '-'))
        .find(|word| word.len() == 36 && word.matches('-').count() == 4)
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(detail: &str) -> TfDiagnostic {
        TfDiagnostic {
            severity: Severity::Error,
            summary: "s".into(),
            detail: detail.into(),
            address: None,
            file: None,
            line: None,
        }
    }

    #[test]
    fn reads_what_arm_said_out_of_both_spellings() {
        let new = error(
            "creating Cluster: performing CreateOrUpdate: unexpected status 403 (403 Forbidden) with error: AuthorizationFailed: The client \
             does not have authorization. Correlation ID: \"0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0\"",
        );
        let arm = new.arm().expect("ARM's words");
        assert_eq!((arm.status, arm.code.as_deref()), (Some(403), Some("AuthorizationFailed")));
        assert_eq!(arm.correlation_id.as_deref(), Some("0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0"));
        assert_eq!(new.class(), Class::Permission);
        let old = error("autorest: StatusCode=409 -- Original Error: Code=\"AnotherOperationInProgress\" Message=\"wait\"");
        assert_eq!(old.class(), Class::Busy);
        assert_eq!(error("something else").arm(), None);
    }

    #[test]
    fn a_status_without_a_known_code_still_tells_what_to_do() {
        let class = |status: u16| error(&format!("unexpected status {status} with error: Novelty: x")).class();
        assert_eq!([class(429), class(503), class(401)], [Class::Throttled(None), Class::Transient, Class::Credential]);
        assert_eq!([class(404), class(412), class(400)], [Class::Absent, Class::Conflict, Class::Invalid]);
    }

    #[test]
    fn reads_the_boxes_of_standard_error() {
        let text = "noise\n╷\n│ Error: creating a thing\n│ \n│   with terraform_data.a,\n│   on main.tf line 3, in resource \"terraform_data\" \"a\":\n│ \n│ first\n│ second\n╵\nafter\n";
        let found = TfDiagnostic::from_boxes(text);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].address.as_deref(), Some("terraform_data.a"));
        assert_eq!((found[0].file.as_deref(), found[0].line), (Some("main.tf"), Some(3)));
        assert_eq!(found[0].detail, "first\nsecond");
    }
}
