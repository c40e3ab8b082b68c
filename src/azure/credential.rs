//! Who signs in: read from the same environment variables as the azurerm provider, so that one set serves both (contract §10.4).

use std::path::PathBuf;

use super::Error;
use crate::base::Secret;

/// A way to sign in.
#[derive(Clone, Debug)]
pub enum CredentialSource {
    /// A service principal with a client secret.
    ClientSecret {
        /// Tenant GUID or domain.
        tenant: String,
        /// Application (client) id.
        client_id: String,
        /// The secret.
        secret: Secret,
    },
    /// An identity that trusts another issuer: a cluster's workload identity, or a pipeline that writes its token into a file.
    FederatedToken {
        /// Tenant GUID or domain.
        tenant: String,
        /// Application (client) id.
        client_id: String,
        /// The file with the issuer's token. It is replaced before the token ends, so it is read for every sign-in.
        file: PathBuf,
    },
    /// The identity signed in to the az CLI.
    AzureCli {
        /// Tenant to ask for; the CLI's own default if none.
        tenant: Option<String>,
        /// Subscription whose account to use; the CLI's current one if none.
        subscription: Option<String>,
    },
}

/// Chooses the sign-in from environment variables: `ARM_*` first, `AZURE_*` as fallback; a client secret before a federated token's
/// file, the az CLI last (unless `ARM_USE_CLI=false`). Reads the files behind `ARM_CLIENT_…_FILE_PATH` and nothing else.
///
/// # Errors
/// [`Error::FindCredential`] when a service principal is incomplete or nothing is left to try; [`Error::ReadFile`].
pub fn from_environment(lookup: impl Fn(&str) -> Option<String>) -> Result<CredentialSource, Error> {
    let get = |names: &[&str]| names.iter().find_map(|name| lookup(name).filter(|value| !value.trim().is_empty()));
    let tenant = get(&["ARM_TENANT_ID", "AZURE_TENANT_ID"]);
    let client_id = with_file(get(&["ARM_CLIENT_ID"]), get(&["ARM_CLIENT_ID_FILE_PATH"]), "`ARM_CLIENT_ID_FILE_PATH`")?
        .or_else(|| get(&["AZURE_CLIENT_ID"]));
    let secret = with_file(get(&["ARM_CLIENT_SECRET"]), get(&["ARM_CLIENT_SECRET_FILE_PATH"]), "`ARM_CLIENT_SECRET_FILE_PATH`")?
        .or_else(|| get(&["AZURE_CLIENT_SECRET"]));
    // The webhook of workload identity sets the second where a pod asks for it; the first counts only with azurerm's switch.
    let oidc = get(&["ARM_USE_OIDC"]).is_some_and(|value| truthy(&value));
    let file =
        get(&["ARM_OIDC_TOKEN_FILE_PATH"]).filter(|_| oidc).or_else(|| get(&["AZURE_FEDERATED_TOKEN_FILE"])).map(PathBuf::from);
    let cli = get(&["ARM_USE_CLI"]).is_none_or(|value| truthy(&value));
    match (tenant, client_id, secret, file) {
        (Some(tenant), Some(client_id), Some(secret), _) => {
            Ok(CredentialSource::ClientSecret { tenant, client_id, secret: Secret::new(secret) })
        }
        (Some(tenant), Some(client_id), None, Some(file)) => Ok(CredentialSource::FederatedToken { tenant, client_id, file }),
        // A principal was meant to be used: falling back to somebody's CLI login would act as the wrong identity.
        (tenant, client_id, Some(_), _) => Err(half("a client secret is set", tenant.as_ref(), client_id.as_ref())),
        (tenant, client_id, None, Some(_)) => {
            Err(half("the file of a federated token is named", tenant.as_ref(), client_id.as_ref()))
        }
        (tenant, _, None, None) if cli => {
            Ok(CredentialSource::AzureCli { tenant, subscription: get(&["ARM_SUBSCRIPTION_ID", "AZURE_SUBSCRIPTION_ID"]) })
        }
        _ => Err(Error::FindCredential(
            "looked for `ARM_CLIENT_ID`, `ARM_CLIENT_SECRET` (or their `_FILE_PATH` forms) and `ARM_TENANT_ID`, then for the same \
             names with `AZURE_`, then for `AZURE_FEDERATED_TOKEN_FILE`; the az CLI is switched off by `ARM_USE_CLI`"
                .to_owned(),
        )),
    }
}

/// Half a principal.
fn half(given: &str, tenant: Option<&String>, client_id: Option<&String>) -> Error {
    let missing = [("`ARM_TENANT_ID`", tenant), ("`ARM_CLIENT_ID`", client_id)].into_iter().filter(|(_, value)| value.is_none());
    let missing: Vec<&str> = missing.map(|(name, _)| name).collect();
    Error::FindCredential(format!("{given}, but not {}", missing.join(" nor ")))
}

/// The default subscription of the az CLI, as `az account show` tells it.
///
/// # Errors
/// [`Error::FindCredential`] when az is missing, signed out, or says something else.
pub async fn cli_subscription() -> Result<String, Error> {
    let command = tokio::process::Command::new("az").args(["account", "show", "--output", "json"]).output().await;
    let refused = |why: String| Error::FindCredential(format!("the az CLI does not name a subscription: {why}"));
    let output = command.map_err(|error| refused(error.to_string()))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        return Err(refused(words.lines().find(|line| !line.trim().is_empty()).unwrap_or("no reason given").trim().to_owned()));
    }
    let account: serde_json::Value = serde_json::from_slice(&output.stdout).map_err(|error| refused(error.to_string()))?;
    let id = account.get("id").and_then(serde_json::Value::as_str).map(str::to_owned);
    id.ok_or_else(|| refused("its answer has no `id`".to_owned()))
}

fn with_file(value: Option<String>, path: Option<String>, purpose: &'static str) -> Result<Option<String>, Error> {
    let (None, Some(path)) = (&value, path) else {
        return Ok(value);
    };
    let path = PathBuf::from(path.trim());
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
        Err(source) => Err(Error::ReadFile { path, purpose, source }),
    }
}

/// The spellings that Go's `ParseBool`, and so azurerm, takes for true.
fn truthy(value: &str) -> bool {
    matches!(value.trim(), "1" | "t" | "T" | "true" | "TRUE" | "True")
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn chosen(pairs: &[(&str, &str)]) -> Result<CredentialSource, Error> {
        let map: HashMap<_, _> = pairs.iter().copied().collect();
        from_environment(|name| map.get(name).map(ToString::to_string))
    }

    #[test]
    fn arm_names_win_over_azure_names() {
        let found = chosen(&[
            ("ARM_TENANT_ID", "t1"),
            ("AZURE_TENANT_ID", "t2"),
            ("ARM_CLIENT_ID", "c1"),
            ("AZURE_CLIENT_ID", "c2"),
            ("AZURE_CLIENT_SECRET", "hunter2"),
        ])
        .unwrap();
        assert!(!format!("{found:?}").contains("hunter2"));
        let CredentialSource::ClientSecret { tenant, client_id, secret } = found else { panic!("a secret was given") };
        assert_eq!((tenant.as_str(), client_id.as_str(), secret.expose()), ("t1", "c1", "hunter2"));
    }

    #[test]
    fn files_hold_id_and_secret() {
        let dir = tempfile::tempdir().unwrap();
        let (id, secret) = (dir.path().join("id"), dir.path().join("secret"));
        std::fs::write(&id, "c9\n").unwrap();
        std::fs::write(&secret, "s9\n").unwrap();
        let found = chosen(&[
            ("ARM_TENANT_ID", "t"),
            ("ARM_CLIENT_ID_FILE_PATH", id.to_str().unwrap()),
            ("ARM_CLIENT_SECRET_FILE_PATH", secret.to_str().unwrap()),
        ])
        .unwrap();
        let CredentialSource::ClientSecret { client_id, secret, .. } = found else { panic!("a secret was given") };
        assert_eq!((client_id.as_str(), secret.expose()), ("c9", "s9"));
        let missing = chosen(&[("ARM_CLIENT_SECRET_FILE_PATH", "/nonexistent/secret")]).unwrap_err();
        insta::assert_snapshot!(missing, @"`/nonexistent/secret` cannot be read (`ARM_CLIENT_SECRET_FILE_PATH`)");
    }

    #[test]
    fn half_a_principal_is_an_error_and_never_the_cli() {
        let error = chosen(&[("ARM_CLIENT_SECRET", "x")]).unwrap_err();
        insta::assert_snapshot!(error, @"no Azure credentials: a client secret is set, but not `ARM_TENANT_ID` nor `ARM_CLIENT_ID`");
    }

    #[test]
    fn a_pod_with_workload_identity_signs_in_by_its_token() {
        let pod = [("AZURE_TENANT_ID", "t"), ("AZURE_CLIENT_ID", "c"), ("AZURE_FEDERATED_TOKEN_FILE", "/var/run/token")];
        let file_of = |pairs: &[(&str, &str)]| match chosen(pairs).unwrap() {
            CredentialSource::FederatedToken { file, .. } => file.display().to_string(),
            other => format!("{other:?}"),
        };
        assert_eq!(file_of(&pod), "/var/run/token");
        // Azurerm's own variable wins, but only with its switch.
        let own = [&pod[..], &[("ARM_OIDC_TOKEN_FILE_PATH", "/own")]].concat();
        assert_eq!(file_of(&own), "/var/run/token");
        assert_eq!(file_of(&[&own[..], &[("ARM_USE_OIDC", "true")]].concat()), "/own");
        let secret = chosen(&[&pod[..], &[("ARM_CLIENT_SECRET", "s")]].concat());
        assert!(matches!(secret, Ok(CredentialSource::ClientSecret { .. })));
        let error = chosen(&[pod[2], ("AZURE_TENANT_ID", "t")]).unwrap_err();
        insta::assert_snapshot!(error, @"no Azure credentials: the file of a federated token is named, but not `ARM_CLIENT_ID`");
    }

    #[test]
    fn the_cli_is_last_and_can_be_switched_off() {
        assert!(matches!(chosen(&[("ARM_SUBSCRIPTION_ID", "s")]), Ok(CredentialSource::AzureCli { subscription: Some(_), .. })));
        let error = chosen(&[("ARM_USE_CLI", "false")]).unwrap_err();
        assert!(error.to_string().contains("ARM_CLIENT_SECRET"), "{error}");
    }
}
