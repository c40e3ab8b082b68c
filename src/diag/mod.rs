//! Floor 1: what can be said about a problem. Diagnostics with codes, positions and remedies; pure data.

mod codes;

use std::fmt;

use serde::Serialize;

pub use codes::Code;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing goes on until it is cured.
    Error,
    /// The run goes on; somebody should look.
    Warning,
}

/// Where in a text: the first character and how many characters belong to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Span {
    /// The file as the user named it.
    pub file: String,
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// Length in characters; it never goes beyond the line.
    pub len: usize,
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// What Azure said (contract §9.4), and the ids that its support asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ArmFault {
    /// ARM's error code, for example `AuthorizationFailed`.
    pub code: String,
    /// HTTP status, when there was an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// `x-ms-request-id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// `x-ms-correlation-request-id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
}

/// One problem, told to a person and to a program. The JSON is stable: fields are only ever added, absent ones are left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// The code under which `docs/errors.md` explains it.
    pub code: Code,
    /// One line: what was attempted or what is wrong, lower case, without full stop.
    pub summary: String,
    /// More lines, when one does not do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Where in the user's file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub span: Option<Span>,
    /// The chain of causes, outermost first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// What the reader can run or decide.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
    /// The resource it is about: an address, an ARM id or a unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// What Azure said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arm: Option<ArmFault>,
}

impl Diagnostic {
    /// An error.
    #[must_use]
    pub fn error(code: Code, summary: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, summary.into())
    }

    /// A warning.
    #[must_use]
    pub fn warning(code: Code, summary: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, summary.into())
    }

    const fn new(severity: Severity, code: Code, summary: String) -> Self {
        Self {
            severity,
            code,
            summary,
            detail: None,
            span: None,
            causes: Vec::new(),
            hints: Vec::new(),
            resource: None,
            arm: None,
        }
    }

    /// A library error with its chain of sources: the error's own text is the summary, its sources are the causes.
    #[must_use]
    pub fn from_error(code: Code, error: &dyn std::error::Error) -> Self {
        Self::error(code, error.to_string()).caused_by_chain(error.source())
    }

    /// Adds lines below the summary.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Says where.
    #[must_use]
    pub fn at(mut self, span: Span) -> Self {
        self.span = Some(span);
        self
    }

    /// Adds a cause below the ones there.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// Adds an error and all its sources as causes.
    #[must_use]
    pub fn caused_by_chain(mut self, mut error: Option<&dyn std::error::Error>) -> Self {
        while let Some(cause) = error {
            self.causes.push(cause.to_string());
            error = cause.source();
        }
        self
    }

    /// Adds something the reader can run or decide.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Names the resource.
    #[must_use]
    pub fn about(mut self, resource: impl Into<String>) -> Self {
        self.resource = Some(resource.into());
        self
    }

    /// Adds what Azure said.
    #[must_use]
    pub fn with_arm(mut self, fault: ArmFault) -> Self {
        self.arm = Some(fault);
        self
    }

    /// Whether it stops the run.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// Place and summary on one line, for logs; `view` shows all of it.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(span) = &self.span {
            write!(f, "{span} ")?;
        }
        f.write_str(&self.summary)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_leaves_out_what_is_absent() {
        let plain = Diagnostic::warning(Code::SpecSecret, "a `secret`");
        insta::assert_snapshot!(serde_json::to_string(&plain).unwrap(), @r#"{"severity":"warning","code":"AKS-0117","summary":"a `secret`"}"#);
    }

    #[test]
    fn the_json_names_everything_that_is_known() {
        let full = Diagnostic::error(Code::AzureForbidden, "cannot assign role `Monitoring Reader`")
            .with_detail("needed by Grafana")
            .at(Span { file: "aksight.yaml".into(), line: 3, column: 5, len: 4 })
            .caused_by("Azure refused the request")
            .hint("ask an owner")
            .about("role")
            .with_arm(ArmFault { code: "AuthorizationFailed".into(), status: Some(403), ..ArmFault::default() });
        insta::assert_json_snapshot!(full, @r#"
        {
          "severity": "error",
          "code": "AKS-0402",
          "summary": "cannot assign role `Monitoring Reader`",
          "detail": "needed by Grafana",
          "span": {
            "file": "aksight.yaml",
            "line": 3,
            "column": 5,
            "len": 4
          },
          "causes": [
            "Azure refused the request"
          ],
          "hints": [
            "ask an owner"
          ],
          "resource": "role",
          "arm": {
            "code": "AuthorizationFailed",
            "status": 403
          }
        }
        "#);
    }

    #[test]
    fn sources_of_an_error_become_causes() {
        let error = crate::base::ArmId::parse("x").unwrap_err();
        let told = Diagnostic::from_error(Code::SpecId, &error);
        assert_eq!((told.causes.len(), told.to_string()), (0, error.to_string()));
        assert_eq!(Diagnostic::error(Code::Usage, "outer").caused_by_chain(Some(&error)).causes, vec![error.to_string()]);
    }
}
