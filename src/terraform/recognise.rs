//! The failures that callers must tell apart, recognised in the program's diagnostics.

use super::diagnostic::TfDiagnostic;
use super::error::{Error, Lock};

/// The named failure behind a diagnostic, if it is one of those that need their own cure.
pub(super) fn named(diagnostics: &[TfDiagnostic]) -> Option<Error> {
    diagnostics.iter().filter(|d| d.is_error()).find_map(one)
}

fn one(diagnostic: &TfDiagnostic) -> Option<Error> {
    let (summary, detail) = (&diagnostic.summary, &diagnostic.detail);
    let both = format!("{summary}\n{detail}");
    if summary.contains("Error acquiring the state lock") {
        return Some(Error::StateLocked(lock(detail)));
    }
    if summary.contains("Saved plan is stale") {
        return Some(Error::StalePlan);
    }
    if is_lock_file_mismatch(&both) {
        return Some(Error::LockFileMismatch { detail: one_line(&both) });
    }
    if both.contains("already exists - to be managed via Terraform") {
        let address = diagnostic.address.clone().unwrap_or_default();
        return Some(Error::AlreadyExists { address, id: quoted_after(&both, "with the ID ").unwrap_or_default() });
    }
    if summary.contains("Backend configuration changed") {
        return Some(Error::BackendChanged { detail: one_line(detail) });
    }
    is_uninitialised(&both).then(|| Error::NeedsInit { detail: one_line(&both) })
}

/// Before `Required plugins are not installed`, because that summary also stands over a wrong checksum.
fn is_lock_file_mismatch(text: &str) -> bool {
    text.contains("match any of the checksums") || text.contains("-upgrade")
}

fn is_uninitialised(text: &str) -> bool {
    let marks = [
        "Required plugins are not installed",
        "Inconsistent dependency lock file",
        "Module not installed",
        "Could not load plugin",
    ];
    text.contains("Backend initialization required") || marks.iter().any(|mark| text.contains(mark))
}

/// Reads `  ID:        c958…` and its neighbours.
fn lock(detail: &str) -> Lock {
    let field = |name: &str| {
        let line = detail.lines().find_map(|line| line.trim().strip_prefix(name));
        line.map(|rest| rest.trim().to_owned()).unwrap_or_default()
    };
    Lock { id: field("ID:"), who: field("Who:"), created: field("Created:"), operation: field("Operation:") }
}

fn quoted_after(text: &str, mark: &str) -> Option<String> {
    let rest = text.split_once(mark)?.1.strip_prefix('"')?;
    rest.split_once('"').map(|(id, _)| id.to_owned())
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::super::diagnostic::Severity;
    use super::*;
    use crate::base::Class;

    fn name(summary: &str, detail: &str) -> Option<Error> {
        let address = Some("azurerm_resource_group.this".to_owned());
        let one = TfDiagnostic {
            severity: Severity::Error,
            summary: summary.into(),
            detail: detail.into(),
            address,
            file: None,
            line: None,
        };
        named(&[one])
    }

    #[test]
    fn an_existing_resource_carries_address_and_id() {
        let text = "A resource with the ID \"/subscriptions/s/resourceGroups/rg\" already exists - to be managed via Terraform this \
                    resource needs to be imported into the State. Please see the resource documentation.";
        let error = name(text, "").expect("a named failure");
        assert_eq!(error.class(), Class::Exists);
        insta::assert_snapshot!(error, @"`azurerm_resource_group.this` exists already as `/subscriptions/s/resourceGroups/rg` but is not in the state");
    }

    #[test]
    fn a_wrong_checksum_is_not_mistaken_for_a_missing_init() {
        let text = "The cached package for registry.terraform.io/hashicorp/azurerm 5.2.0 (in .terraform/providers) does not match any of the \
                    checksums recorded in the dependency lock file";
        assert!(matches!(name("Required plugins are not installed", text), Some(Error::LockFileMismatch { .. })));
        let installing = "Error while installing hashicorp/azurerm v5.2.0: the local package doesn't match any of the checksums previously recorded";
        assert!(matches!(name("Failed to install provider", installing), Some(Error::LockFileMismatch { .. })));
        assert!(matches!(name("Required plugins are not installed", "there is no package"), Some(Error::NeedsInit { .. })));
    }

    #[test]
    fn other_errors_keep_their_own_words() {
        assert!(name("Reference to undeclared input variable", "").is_none());
    }
}
