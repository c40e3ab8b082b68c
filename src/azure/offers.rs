//! Ways to sign in that an environment holds and that were not taken, so that nobody wonders as whom a run acts.

use super::credential::{on_path, truthy};
use super::{Choice, CredentialSource};

/// A way to sign in that is there and was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unused {
    /// The method, as people call it.
    pub method: &'static str,
    /// The variables that show it, or the program.
    pub shown_by: Vec<&'static str>,
    /// Why it was not taken.
    pub because: String,
}

/// A method, what shows that it is there, and the switch without which it does not count.
struct Sign {
    method: &'static str,
    variables: &'static [&'static str],
    switch: Option<&'static str>,
}

const fn sign(method: &'static str, variables: &'static [&'static str], switch: Option<&'static str>) -> Sign {
    Sign { method, variables, switch }
}

/// In the order in which they are tried (contract §10.4).
const SIGNS: [Sign; 8] = [
    sign("client certificate", &["ARM_CLIENT_CERTIFICATE", "ARM_CLIENT_CERTIFICATE_PATH", "AZURE_CLIENT_CERTIFICATE_PATH"], None),
    sign("client secret", &["ARM_CLIENT_SECRET", "ARM_CLIENT_SECRET_FILE_PATH", "AZURE_CLIENT_SECRET"], None),
    sign("OIDC token", &["ARM_OIDC_TOKEN"], Some("ARM_USE_OIDC")),
    sign("OIDC token file", &["ARM_OIDC_TOKEN_FILE_PATH"], Some("ARM_USE_OIDC")),
    sign(
        "Azure DevOps service connection",
        &["ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID", "ARM_OIDC_AZURE_SERVICE_CONNECTION_ID", "SYSTEM_OIDCREQUESTURI"],
        Some("ARM_USE_OIDC"),
    ),
    sign("GitHub Actions OIDC", &["ACTIONS_ID_TOKEN_REQUEST_URL"], Some("ARM_USE_OIDC")),
    sign("workload identity", &["AZURE_FEDERATED_TOKEN_FILE"], None),
    sign("managed identity", &["IDENTITY_ENDPOINT", "ARM_MSI_ENDPOINT", "ARM_USE_MSI"], Some("ARM_USE_MSI")),
];

/// What is there beside the choice; `lookup` reads a variable.
#[must_use]
pub fn unused(choice: &Choice, lookup: impl Fn(&str) -> Option<String>) -> Vec<Unused> {
    let set = |name: &str| lookup(name).is_some_and(|value| !value.trim().is_empty());
    let chosen = choice.source.method();
    let taken = |sign: &Sign| sign.variables.iter().any(|name| choice.decided_by.iter().any(|decided| decided == name));
    let mut all: Vec<Unused> = SIGNS
        .iter()
        .filter(|sign| !taken(sign))
        .filter_map(|sign| {
            // A switch that is off shows nothing by itself.
            let shows =
                |name: &&&str| set(name) && (Some(**name) != sign.switch || lookup(name).is_some_and(|value| truthy(&value)));
            let shown_by: Vec<&'static str> = sign.variables.iter().filter(shows).copied().collect();
            let switched_on = |switch: &str| lookup(switch).is_some_and(|value| truthy(&value));
            let because = match sign.switch {
                Some(switch) if !switched_on(switch) => format!("`{switch}` is not `true`"),
                _ => format!("the {chosen} comes first"),
            };
            (!shown_by.is_empty()).then_some(Unused { method: sign.method, shown_by, because })
        })
        .collect();
    for (method, program) in [("az CLI", "az"), ("azd", "azd")] {
        if method != chosen && on_path(&lookup, program) {
            let because = match (&choice.source, set("ARM_USE_CLI") && !lookup("ARM_USE_CLI").is_some_and(|value| truthy(&value)))
            {
                (CredentialSource::AzureCli { .. }, _) => "the az CLI comes first".to_owned(),
                (_, true) if program == "az" => "`ARM_USE_CLI` is off".to_owned(),
                _ => format!("the {chosen} comes first"),
            };
            all.push(Unused { method, shown_by: vec![program], because });
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::super::credential::choose;
    use super::*;

    fn told(pairs: &[(&str, &str)]) -> String {
        let map: HashMap<_, _> = pairs.iter().copied().collect();
        let lookup = |name: &str| map.get(name).map(ToString::to_string);
        let choice = choose(lookup).unwrap();
        let line = |unused: Unused| format!("{} ({}): {}", unused.method, unused.shown_by.join(" "), unused.because);
        let lines: Vec<String> = unused(&choice, lookup).into_iter().map(line).collect();
        format!("{} by {}\n{}", choice.source.method(), choice.decided_by.join(" "), lines.join("\n"))
    }

    const APPLICATION: [(&str, &str); 2] = [("ARM_TENANT_ID", "t"), ("ARM_CLIENT_ID", "c")];

    #[test]
    fn what_was_not_taken_is_told_with_its_reason() {
        let all = [
            ("ARM_CLIENT_SECRET", "s"),
            ("ARM_OIDC_TOKEN", "o"),
            ("ACTIONS_ID_TOKEN_REQUEST_URL", "https://g"),
            ("AZURE_FEDERATED_TOKEN_FILE", "/f"),
            ("ARM_USE_MSI", "true"),
        ];
        insta::assert_snapshot!(told(&[&APPLICATION[..], &all].concat()), @r"
        client secret by ARM_CLIENT_SECRET ARM_TENANT_ID ARM_CLIENT_ID
        OIDC token (ARM_OIDC_TOKEN): `ARM_USE_OIDC` is not `true`
        GitHub Actions OIDC (ACTIONS_ID_TOKEN_REQUEST_URL): `ARM_USE_OIDC` is not `true`
        workload identity (AZURE_FEDERATED_TOKEN_FILE): the client secret comes first
        managed identity (ARM_USE_MSI): the client secret comes first
        ");
    }

    #[test]
    fn what_was_taken_is_not_told_again() {
        assert_eq!(
            told(&[("ARM_USE_MSI", "1"), ("ARM_MSI_ENDPOINT", "http://m")]),
            "system-assigned managed identity by ARM_USE_MSI ARM_MSI_ENDPOINT\n"
        );
        let job = [
            ("ARM_USE_OIDC", "true"),
            ("ACTIONS_ID_TOKEN_REQUEST_URL", "https://g"),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "hunter2"),
            ("ARM_USE_MSI", "false"),
        ];
        let told = told(&[&APPLICATION[..], &job].concat());
        assert!(told.starts_with("GitHub Actions OIDC by ARM_USE_OIDC") && !told.contains("hunter2"), "{told}");
        assert_eq!(told.lines().count(), 1, "{told}");
    }
}
