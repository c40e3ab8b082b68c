//! Who signs in: read from the same environment variables as the azurerm provider, so that one set serves both (contract §10.4).

use std::cell::RefCell;
use std::path::PathBuf;

use super::Error;
pub use super::assertion::Issuer;
use super::certificate::{Certificate, Found};
use crate::base::Secret;
use crate::host::names;

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
    /// An application that shows an assertion: of its own certificate, or of an issuer that it trusts (a pipeline, a cluster).
    Assertion {
        /// Tenant GUID or domain.
        tenant: String,
        /// Application (client) id.
        client_id: String,
        /// Who issues it.
        issuer: Issuer,
    },
    /// The managed identity of the machine that this runs on.
    ManagedIdentity {
        /// Client id of a user-assigned identity; the machine's own if none.
        client_id: Option<String>,
        /// Another address than that of the instance metadata service.
        endpoint: Option<String>,
        /// The api-version that azurerm shall ask it for, when not its usual one.
        version: Option<String>,
    },
    /// The identity signed in to the az CLI.
    AzureCli {
        /// Tenant to ask for; the CLI's own default if none.
        tenant: Option<String>,
        /// Subscription whose account to use; the CLI's current one if none.
        subscription: Option<String>,
    },
    /// The identity signed in to the Azure Developer CLI. Terraform cannot use it.
    DeveloperCli {
        /// Tenant to ask for; the CLI's own default if none.
        tenant: Option<String>,
    },
}

impl CredentialSource {
    /// The method, as people call it.
    #[must_use]
    pub const fn method(&self) -> &'static str {
        match self {
            Self::ClientSecret { .. } => "client secret",
            Self::Assertion { issuer, .. } => match issuer {
                Issuer::Token(_) => "OIDC token",
                Issuer::File(_) => "OIDC token file",
                Issuer::GitHub { .. } => "GitHub Actions OIDC",
                Issuer::AzurePipelines { .. } => "Azure DevOps service connection",
                Issuer::Certificate(_) => "client certificate",
            },
            Self::ManagedIdentity { client_id: None, .. } => "system-assigned managed identity",
            Self::ManagedIdentity { client_id: Some(_), .. } => "user-assigned managed identity",
            Self::AzureCli { .. } => "az CLI",
            Self::DeveloperCli { .. } => "azd",
        }
    }
}

/// A sign-in that was chosen, and by what.
#[derive(Clone, Debug)]
pub struct Choice {
    /// How to sign in.
    pub source: CredentialSource,
    /// Names of the variables that decided it, in the order in which they were looked at; none when nothing but a CLI is left.
    pub decided_by: Vec<String>,
}

/// Chooses the sign-in from environment variables, in azurerm's order: certificate, secret, OIDC token, Azure DevOps, GitHub, managed
/// identity, az CLI; `ARM_*` before `AZURE_*`. Each counts only under its own condition. Opens a certificate, and reads the files behind
/// `ARM_CLIENT_…_FILE_PATH`. Files that are named relative to here are remembered by their whole path: terraform works elsewhere.
///
/// # Errors
/// [`Error::FindCredential`] when a principal is incomplete or nothing is left to try; [`Error::ReadFile`]; [`Error::OpenCertificate`].
pub fn choose(lookup: impl Fn(&str) -> Option<String>) -> Result<Choice, Error> {
    let variables = Variables { lookup: &lookup, found: RefCell::default() };
    let source = variables.source()?;
    Ok(Choice { source, decided_by: variables.found.into_inner() })
}

/// The environment, as far as sign-ins are concerned.
struct Variables<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    /// The names of those that were set and looked at.
    found: RefCell<Vec<String>>,
}

impl Variables<'_> {
    /// A variable that is set to something.
    fn set(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|value| !value.trim().is_empty())
    }

    fn note(&self, name: &str) {
        let mut found = self.found.borrow_mut();
        if !found.iter().any(|known| known == name) {
            found.push(name.to_owned());
        }
    }

    /// The first of these that is set to something.
    fn first(&self, names: &[&str]) -> Option<String> {
        let (name, value) = names.iter().find_map(|name| Some((name, self.set(name)?)))?;
        self.note(name);
        Some(value)
    }

    fn says_yes(&self, name: &str) -> bool {
        let yes = self.set(name).is_some_and(|value| truthy(&value));
        if yes {
            self.note(name);
        }
        yes
    }

    fn tenant(&self) -> Option<String> {
        self.first(&["ARM_TENANT_ID", "AZURE_TENANT_ID"])
    }

    fn client_id(&self) -> Result<Option<String>, Error> {
        let client_id = self.or_file("ARM_CLIENT_ID", "`ARM_CLIENT_ID_FILE_PATH`")?;
        Ok(client_id.or_else(|| self.first(&["AZURE_CLIENT_ID"])))
    }

    /// Tenant and client id. When a principal was meant to be used, falling back to somebody's CLI login would act as the wrong identity.
    fn principal(&self, given: &str) -> Result<(String, String), Error> {
        match (self.tenant(), self.client_id()?) {
            (Some(tenant), Some(client_id)) => Ok((tenant, client_id)),
            (tenant, client_id) => Err(half(given, tenant.as_ref(), client_id.as_ref())),
        }
    }

    fn source(&self) -> Result<CredentialSource, Error> {
        if let Some(certificate) = self.certificate()? {
            let (tenant, client_id) = self.principal("a client certificate is named")?;
            return Ok(CredentialSource::Assertion { tenant, client_id, issuer: Issuer::Certificate(certificate) });
        }
        let secret = self.or_file("ARM_CLIENT_SECRET", "`ARM_CLIENT_SECRET_FILE_PATH`")?;
        if let Some(secret) = secret.or_else(|| self.first(&["AZURE_CLIENT_SECRET"])) {
            let (tenant, client_id) = self.principal("a client secret is set")?;
            return Ok(CredentialSource::ClientSecret { tenant, client_id, secret: Secret::new(secret) });
        }
        if let Some((issuer, given)) = self.issuer()? {
            let (tenant, client_id) = self.principal(given)?;
            return Ok(CredentialSource::Assertion { tenant, client_id, issuer });
        }
        if self.says_yes("ARM_USE_MSI") {
            return Ok(self.managed_identity(self.client_id()?));
        }
        if self.set("ARM_USE_CLI").is_some_and(|value| !truthy(&value)) {
            return Err(Error::FindCredential(
                "looked for an application (`ARM_CLIENT_ID`, `ARM_TENANT_ID`, and `ARM_CLIENT_CERTIFICATE_PATH`, `ARM_CLIENT_SECRET` or \
                 `ARM_USE_OIDC`; or the same names with `AZURE_`) and for a managed identity (`ARM_USE_MSI`); the az CLI is switched off by \
                 `ARM_USE_CLI`"
                    .to_owned(),
            ));
        }
        let tenant = self.tenant();
        let only_azd = !self.on_path("az") && self.on_path("azd");
        if only_azd {
            return Ok(CredentialSource::DeveloperCli { tenant });
        }
        let subscription = self.first(&["ARM_SUBSCRIPTION_ID", "AZURE_SUBSCRIPTION_ID"]);
        Ok(CredentialSource::AzureCli { tenant, subscription })
    }

    /// App Service and Container Apps have no metadata service: they name their own address, and the secret that it wants to see.
    fn managed_identity(&self, client_id: Option<String>) -> CredentialSource {
        let version = self.first(&["ARM_MSI_API_VERSION"]);
        let endpoint = self.first(&["ARM_MSI_ENDPOINT"]);
        let own = || self.set("IDENTITY_HEADER").and_then(|_| self.first(&["IDENTITY_ENDPOINT"]));
        match endpoint {
            Some(_) => CredentialSource::ManagedIdentity { client_id, endpoint, version },
            None => match own() {
                // The only version that they speak, and not the one that azurerm asks for by itself.
                Some(own) => CredentialSource::ManagedIdentity {
                    client_id,
                    endpoint: Some(own),
                    version: version.or_else(|| Some("2019-08-01".to_owned())),
                },
                None => CredentialSource::ManagedIdentity { client_id, endpoint: None, version },
            },
        }
    }

    /// A variable, or what lies in the file that its `_FILE_PATH` form names.
    fn or_file(&self, name: &str, purpose: &'static str) -> Result<Option<String>, Error> {
        if let Some(value) = self.first(&[name]) {
            return Ok(Some(value));
        }
        let Some(path) = self.first(&[&format!("{name}_FILE_PATH")]) else { return Ok(None) };
        let path = whole(&path);
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
            Err(source) => Err(Error::ReadFile { path, purpose, source }),
        }
    }

    fn certificate(&self) -> Result<Option<Certificate>, Error> {
        let inline = self.first(&["ARM_CLIENT_CERTIFICATE"]).map(|text| Found::Inline(Secret::new(text)));
        let file = || self.first(&["ARM_CLIENT_CERTIFICATE_PATH", "AZURE_CLIENT_CERTIFICATE_PATH"]);
        let Some(found) = inline.or_else(|| file().map(|path| Found::File(whole(&path)))) else { return Ok(None) };
        let password = self.first(&["ARM_CLIENT_CERTIFICATE_PASSWORD", "AZURE_CLIENT_CERTIFICATE_PASSWORD"]).map(Secret::new);
        Certificate::open(found, password).map(Some)
    }

    /// Who issues an assertion, and what showed that one is meant.
    fn issuer(&self) -> Result<Option<(Issuer, &'static str)>, Error> {
        let file = |path: String| Issuer::File(whole(&path));
        if self.says_yes("ARM_USE_OIDC") {
            if let Some(token) = self.first(&["ARM_OIDC_TOKEN"]) {
                return Ok(Some((Issuer::Token(Secret::new(token.trim().to_owned())), "an OIDC token is set")));
            }
            if let Some(path) = self.first(&["ARM_OIDC_TOKEN_FILE_PATH"]) {
                return Ok(Some((file(path), "the file of an OIDC token is named")));
            }
            if let Some(found) = self.asked_for() {
                return Ok(Some(found));
            }
        }
        // The webhook of workload identity sets it in every pod that asks for it.
        if let Some(path) = self.first(&["AZURE_FEDERATED_TOKEN_FILE"]) {
            return Ok(Some((file(path), "the file of a federated token is named")));
        }
        if self.says_yes("ARM_USE_AKS_WORKLOAD_IDENTITY") {
            return Err(Error::FindCredential(
                "`ARM_USE_AKS_WORKLOAD_IDENTITY` is set, but `AZURE_FEDERATED_TOKEN_FILE` is not: has the pod the label \
                 `azure.workload.identity/use: \"true\"` and a service account with the annotation `azure.workload.identity/client-id`?"
                    .to_owned(),
            ));
        }
        if self.says_yes("ARM_USE_OIDC") {
            return Err(Error::FindCredential(
                "`ARM_USE_OIDC` is set, but there is no token (`ARM_OIDC_TOKEN`, `ARM_OIDC_TOKEN_FILE_PATH`) and nobody to ask for one: in \
                 GitHub Actions the job needs `permissions: id-token: write`; in Azure DevOps the step needs `SYSTEM_ACCESSTOKEN` in its \
                 environment and `ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID`"
                    .to_owned(),
            ));
        }
        Ok(None)
    }

    /// A pipeline that gives tokens to whoever asks. A service connection's id means Azure DevOps, as for azurerm.
    fn asked_for(&self) -> Option<(Issuer, &'static str)> {
        let token = self.first(&["ARM_OIDC_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "SYSTEM_ACCESSTOKEN"])?;
        let url = self.first(&["ARM_OIDC_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_URL", "SYSTEM_OIDCREQUESTURI"])?;
        let token = Secret::new(token);
        let connection = ["ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID", "ARM_OIDC_AZURE_SERVICE_CONNECTION_ID"];
        Some(match self.first(&connection) {
            Some(service_connection) => {
                (Issuer::AzurePipelines { url, token, service_connection }, "a service connection is named")
            }
            None => (Issuer::GitHub { url, token }, "`ARM_USE_OIDC` is set"),
        })
    }

    /// Whether a program lies on the path.
    fn on_path(&self, program: &str) -> bool {
        on_path(self.lookup, program)
    }
}

/// Whether a program lies on the path.
pub(super) fn on_path(lookup: &dyn Fn(&str) -> Option<String>, program: &str) -> bool {
    lookup("PATH").is_some_and(|path| names::command_on(path.as_ref(), program).is_some())
}

/// A path that means the same wherever it is used.
fn whole(path: &str) -> PathBuf {
    let path = PathBuf::from(path.trim());
    std::path::absolute(&path).unwrap_or(path)
}

/// Half a principal.
fn half(given: &str, tenant: Option<&String>, client_id: Option<&String>) -> Error {
    let missing = [("`ARM_TENANT_ID`", tenant), ("`ARM_CLIENT_ID`", client_id)].into_iter().filter(|(_, value)| value.is_none());
    let missing: Vec<&str> = missing.map(|(name, _)| name).collect();
    Error::FindCredential(format!("{given}, but not {}", missing.join(" nor ")))
}

/// Who is signed in to the az CLI, and its default subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CliAccount {
    /// The subscription's GUID.
    pub subscription: String,
    /// Sign-in name, or an application's client id.
    pub user: Option<String>,
}

/// The account of the az CLI, as `az account show` tells it.
///
/// # Errors
/// [`Error::FindCredential`] when az is missing, signed out, or says something else.
pub async fn cli_account() -> Result<CliAccount, Error> {
    let refused = |why: String| Error::FindCredential(format!("the az CLI does not name a subscription: {why}"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let az = names::command_on(&path, "az").ok_or_else(|| refused("`az` is not on the path".to_owned()))?;
    let command = tokio::process::Command::new(az).args(["account", "show", "--output", "json"]).output().await;
    let output = command.map_err(|error| refused(error.to_string()))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        return Err(refused(words.lines().find(|line| !line.trim().is_empty()).unwrap_or("no reason given").trim().to_owned()));
    }
    let account: serde_json::Value = serde_json::from_slice(&output.stdout).map_err(|error| refused(error.to_string()))?;
    let text = |pointer: &str| account.pointer(pointer).and_then(serde_json::Value::as_str).map(str::to_owned);
    let subscription = text("/id").ok_or_else(|| refused("its answer has no `id`".to_owned()))?;
    Ok(CliAccount { subscription, user: text("/user/name") })
}

/// The spellings that Go's `ParseBool`, and so azurerm, takes for true.
pub(super) fn truthy(value: &str) -> bool {
    matches!(value.trim(), "1" | "t" | "T" | "true" | "TRUE" | "True")
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn chosen(pairs: &[(&str, &str)]) -> Result<CredentialSource, Error> {
        let map: HashMap<_, _> = pairs.iter().copied().collect();
        choose(|name| map.get(name).map(ToString::to_string)).map(|choice| choice.source)
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
            CredentialSource::Assertion { issuer: Issuer::File(file), .. } => file.display().to_string(),
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
    fn pipelines_give_tokens_to_whoever_asks() {
        let principal = [("ARM_TENANT_ID", "t"), ("ARM_CLIENT_ID", "c"), ("ARM_USE_OIDC", "true")];
        let github = [("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "hunter2"), ("ACTIONS_ID_TOKEN_REQUEST_URL", "https://github/?a=b")];
        let devops = [("SYSTEM_ACCESSTOKEN", "hunter2"), ("SYSTEM_OIDCREQUESTURI", "https://devops/")];
        let connection = [("ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID", "sc")];
        let method = |pairs: &[&[(&str, &str)]]| chosen(&pairs.concat()).map(|found| (found.method(), format!("{found:?}")));
        let (found, shown) = method(&[&principal, &github]).unwrap();
        assert_eq!(found, "GitHub Actions OIDC");
        assert!(!shown.contains("hunter2"));
        let (found, shown) = method(&[&principal, &devops, &connection]).unwrap();
        assert_eq!(found, "Azure DevOps service connection");
        assert!(!shown.contains("hunter2"));
        // A token at hand is used before one is asked for; without the switch none is.
        assert_eq!(method(&[&principal, &github, &[("ARM_OIDC_TOKEN", "hunter2")]]).unwrap().0, "OIDC token");
        assert_eq!(method(&[&principal[..2], &github]).unwrap().0, "az CLI");
        let error = method(&[&principal]).unwrap_err().to_string();
        assert!(error.contains("`permissions: id-token: write`") && error.contains("SYSTEM_ACCESSTOKEN"), "{error}");
        let error = method(&[&principal[2..], &github]).unwrap_err();
        insta::assert_snapshot!(error, @"no Azure credentials: `ARM_USE_OIDC` is set, but not `ARM_TENANT_ID` nor `ARM_CLIENT_ID`");
    }

    #[test]
    fn a_machine_may_have_an_identity_of_its_own() {
        assert_eq!(chosen(&[("ARM_USE_MSI", "true")]).unwrap().method(), "system-assigned managed identity");
        let named = chosen(&[("ARM_USE_MSI", "1"), ("ARM_CLIENT_ID", "c"), ("ARM_MSI_ENDPOINT", "http://127.0.0.1/x")]).unwrap();
        assert_eq!(named.method(), "user-assigned managed identity");
        let error = chosen(&[("ARM_USE_AKS_WORKLOAD_IDENTITY", "true")]).unwrap_err().to_string();
        assert!(error.contains("azure.workload.identity/use"), "{error}");
    }

    #[test]
    fn azd_serves_where_there_is_no_az() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().to_str().unwrap();
        let method = || chosen(&[("PATH", path)]).unwrap().method();
        assert_eq!(method(), "az CLI");
        std::fs::write(home.path().join(names::program("azd")), "").unwrap();
        assert_eq!(method(), "azd");
        std::fs::write(home.path().join(names::program("az")), "").unwrap();
        assert_eq!(method(), "az CLI");
    }

    #[test]
    fn the_cli_is_last_and_can_be_switched_off() {
        assert!(matches!(chosen(&[("ARM_SUBSCRIPTION_ID", "s")]), Ok(CredentialSource::AzureCli { subscription: Some(_), .. })));
        let error = chosen(&[("ARM_USE_CLI", "false")]).unwrap_err();
        assert!(error.to_string().contains("ARM_CLIENT_SECRET"), "{error}");
    }
}
