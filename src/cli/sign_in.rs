//! How a real run finds its way into Azure, and how terraform does: it signs in as we do, with what was resolved for us and no other
//! secret.

use aksight::azure::{self, Choice, CredentialSource, Found, Issuer};
use aksight::base::cloud::CloudName;
use aksight::base::{Cloud, Secret};
use aksight::diag::{Code, Diagnostic};
use aksight::spec::Spec;
use aksight::terraform::{Environment, Value};

/// A variable that says something.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}

/// Chooses who signs in. `tenant`, as a file names it, stands in for `ARM_TENANT_ID`.
pub(crate) fn choose(tenant: Option<&str>) -> Result<Choice, azure::Error> {
    azure::credential::choose(|name| variable(name).or_else(|| tenant.map(str::to_owned).filter(|_| name == "ARM_TENANT_ID")))
}

/// The cloud: what a metadata host describes, else the one that a file names; without a file what azurerm would read.
pub(crate) async fn cloud(named: Option<CloudName>, http: &reqwest::Client) -> Result<Cloud, azure::Error> {
    if let Some(host) = variable("ARM_METADATA_HOSTNAME") {
        return azure::discover(&host, http).await;
    }
    let named = match named {
        Some(named) => named,
        None => match variable("ARM_ENVIRONMENT").unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "usgovernment" => CloudName::UsGovernment,
            "china" => CloudName::China,
            _ => CloudName::Public,
        },
    };
    Ok(Cloud::named(named))
}

/// The subscription, and who named it; nothing when nobody did.
pub(crate) async fn subscription(
    spec: Option<&Spec>,
    credential: &CredentialSource,
) -> Result<Option<(String, &'static str)>, azure::Error> {
    if let Some(named) = spec.and_then(|spec| spec.stack.azure.subscription.clone()) {
        return Ok(Some((named, "azure.subscription")));
    }
    for name in ["ARM_SUBSCRIPTION_ID", "AZURE_SUBSCRIPTION_ID"] {
        if let Some(named) = variable(name) {
            return Ok(Some((named, name)));
        }
    }
    match credential {
        CredentialSource::AzureCli { .. } => Ok(Some((azure::credential::cli_account().await?.subscription, "az account"))),
        _ => Ok(None),
    }
}

/// Nobody named one.
pub(crate) fn no_subscription() -> Diagnostic {
    Diagnostic::error(Code::NoSubscription, "no subscription is named")
        .hint("set `azure.subscription` in the file or `ARM_SUBSCRIPTION_ID` in the environment")
}

/// What may hold a secret of another way to sign in, or of the pipeline around us. Terraform has no use for it.
const NOT_ITS_BUSINESS: [&str; 28] = [
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_URL",
    "ACTIONS_RUNTIME_TOKEN",
    "AKSIGHT_IDENTITY",
    "AKSIGHT_STORE",
    "ARM_CLIENT_CERTIFICATE",
    "ARM_CLIENT_CERTIFICATE_PASSWORD",
    "ARM_CLIENT_CERTIFICATE_PATH",
    "ARM_CLIENT_ID_FILE_PATH",
    "ARM_CLIENT_SECRET",
    "ARM_CLIENT_SECRET_FILE_PATH",
    "ARM_MSI_ENDPOINT",
    "ARM_OIDC_REQUEST_TOKEN",
    "ARM_OIDC_REQUEST_URL",
    "ARM_OIDC_TOKEN",
    "ARM_OIDC_TOKEN_FILE_PATH",
    "ARM_USE_AKS_WORKLOAD_IDENTITY",
    "ARM_USE_MSI",
    "ARM_USE_OIDC",
    "AZURE_CLIENT_CERTIFICATE_PASSWORD",
    "AZURE_CLIENT_SECRET",
    "AZURE_PASSWORD",
    "GH_TOKEN",
    "GITHUB_TOKEN",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
    "PGPASSWORD",
    "SYSTEM_ACCESSTOKEN",
];

/// Puts the sign-in into terraform's environment, in azurerm's names, and the cloud that it is for.
pub(crate) fn hand_on(environment: &mut Environment, credential: &CredentialSource, subscription: &str, cloud: &Cloud) {
    for name in NOT_ITS_BUSINESS {
        environment.remove(name);
    }
    if matches!(credential, CredentialSource::DeveloperCli { .. }) {
        tracing::warn!("signed in by azd, which azurerm does not know: terraform needs the az CLI or an application");
    }
    for (name, value) in handed(credential, subscription, cloud) {
        environment.set(name, value);
    }
}

/// Names of what terraform gets, and of what is kept from it although it is set.
pub(crate) fn told_to_terraform(
    credential: &CredentialSource,
    subscription: Option<&str>,
    cloud: &Cloud,
) -> (Vec<&'static str>, Vec<&'static str>) {
    let mut given: Vec<&'static str> = handed(credential, "", cloud).into_iter().map(|(name, _)| name).collect();
    given.retain(|name| subscription.is_some() || *name != "ARM_SUBSCRIPTION_ID");
    given.sort_unstable();
    let kept = NOT_ITS_BUSINESS.into_iter().filter(|name| variable(name).is_some() && !given.contains(name)).collect();
    (given, kept)
}

/// What terraform is given.
fn handed(credential: &CredentialSource, subscription: &str, cloud: &Cloud) -> Vec<(&'static str, Value)> {
    let plain = |name: &'static str, value: &str| (name, Value::Plain(value.into()));
    let secret = |name: &'static str, value: &Secret| (name, Value::Secret(value.clone()));
    // Always: one that the user set for something else would lead terraform into another cloud than us.
    let mut all = vec![plain("ARM_SUBSCRIPTION_ID", subscription), plain("ARM_ENVIRONMENT", &cloud.environment)];
    all.extend(cloud.metadata_host.as_ref().map(|host| plain("ARM_METADATA_HOSTNAME", host)));
    if let CredentialSource::ClientSecret { tenant, client_id, .. } | CredentialSource::Assertion { tenant, client_id, .. } =
        credential
    {
        all.extend([plain("ARM_TENANT_ID", tenant), plain("ARM_CLIENT_ID", client_id), plain("ARM_USE_CLI", "false")]);
    }
    match credential {
        CredentialSource::ClientSecret { secret: password, .. } => all.push(secret("ARM_CLIENT_SECRET", password)),
        CredentialSource::Assertion { issuer: Issuer::Certificate(certificate), .. } => {
            all.push(match &certificate.found {
                Found::File(path) => ("ARM_CLIENT_CERTIFICATE_PATH", Value::Plain(path.into())),
                Found::Inline(text) => secret("ARM_CLIENT_CERTIFICATE", text),
            });
            all.extend(certificate.password.as_ref().map(|password| secret("ARM_CLIENT_CERTIFICATE_PASSWORD", password)));
        }
        CredentialSource::Assertion { issuer, .. } => {
            all.push(plain("ARM_USE_OIDC", "true"));
            match issuer {
                Issuer::Token(token) => all.push(secret("ARM_OIDC_TOKEN", token)),
                Issuer::File(path) => all.push(("ARM_OIDC_TOKEN_FILE_PATH", Value::Plain(path.into()))),
                // It asks for tokens itself: one that we fetched would end before a long apply does.
                Issuer::GitHub { url, token } => {
                    all.extend([plain("ARM_OIDC_REQUEST_URL", url), secret("ARM_OIDC_REQUEST_TOKEN", token)]);
                }
                Issuer::AzurePipelines { url, token, service_connection } => {
                    all.extend([plain("ARM_OIDC_REQUEST_URL", url), secret("ARM_OIDC_REQUEST_TOKEN", token)]);
                    all.push(plain("ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID", service_connection));
                }
                Issuer::Certificate(_) => {}
            }
        }
        CredentialSource::ManagedIdentity { client_id, endpoint, version } => {
            all.extend([plain("ARM_USE_MSI", "true"), plain("ARM_USE_CLI", "false")]);
            all.extend(client_id.as_ref().map(|id| plain("ARM_CLIENT_ID", id)));
            all.extend(endpoint.as_ref().map(|endpoint| plain("ARM_MSI_ENDPOINT", endpoint)));
            all.extend(version.as_ref().map(|version| plain("ARM_MSI_API_VERSION", version)));
        }
        CredentialSource::AzureCli { tenant, .. } => all.extend(tenant.as_ref().map(|tenant| plain("ARM_TENANT_ID", tenant))),
        CredentialSource::DeveloperCli { .. } => {}
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handed(credential: &CredentialSource) -> String {
        // What is left over from another way to sign in, or belongs to the pipeline, is not handed on.
        let left_over = ["ARM_CLIENT_SECRET", "ARM_OIDC_TOKEN", "SYSTEM_ACCESSTOKEN", "GITHUB_TOKEN", "ARM_USE_MSI"];
        let mut environment = Environment::from_snapshot(left_over.map(|name| (name.into(), "hunter2".into())));
        hand_on(&mut environment, credential, "s", &Cloud::named(CloudName::Public));
        let names = format!("{environment:?}");
        let own = ["ARM_ENVIRONMENT", "CHECKPOINT_DISABLE", "TF_INPUT", "TF_IN_AUTOMATION"];
        let names = names.trim_matches(['[', ']']).split(", ").map(|name| name.trim_matches('"'));
        names.filter(|name| !own.contains(name)).collect::<Vec<_>>().join(" ")
    }

    fn assertion(issuer: Issuer) -> CredentialSource {
        CredentialSource::Assertion { tenant: "t".to_owned(), client_id: "c".to_owned(), issuer }
    }

    #[test]
    fn terraform_gets_what_was_resolved_and_no_other_secret() {
        let secret = || Secret::new("hunter2".to_owned());
        let url = || "https://issuer/".to_owned();
        let rows = [
            (
                CredentialSource::ClientSecret { tenant: "t".to_owned(), client_id: "c".to_owned(), secret: secret() },
                "ARM_CLIENT_ID ARM_CLIENT_SECRET ARM_SUBSCRIPTION_ID ARM_TENANT_ID ARM_USE_CLI",
            ),
            (
                assertion(Issuer::Token(secret())),
                "ARM_CLIENT_ID ARM_OIDC_TOKEN ARM_SUBSCRIPTION_ID ARM_TENANT_ID ARM_USE_CLI ARM_USE_OIDC",
            ),
            (
                assertion(Issuer::File("/token".into())),
                "ARM_CLIENT_ID ARM_OIDC_TOKEN_FILE_PATH ARM_SUBSCRIPTION_ID ARM_TENANT_ID ARM_USE_CLI ARM_USE_OIDC",
            ),
            (
                assertion(Issuer::GitHub { url: url(), token: secret() }),
                "ARM_CLIENT_ID ARM_OIDC_REQUEST_TOKEN ARM_OIDC_REQUEST_URL ARM_SUBSCRIPTION_ID ARM_TENANT_ID ARM_USE_CLI ARM_USE_OIDC",
            ),
            (
                assertion(Issuer::AzurePipelines { url: url(), token: secret(), service_connection: "sc".to_owned() }),
                "ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID ARM_CLIENT_ID ARM_OIDC_REQUEST_TOKEN ARM_OIDC_REQUEST_URL ARM_SUBSCRIPTION_ID ARM_TENANT_ID ARM_USE_CLI ARM_USE_OIDC",
            ),
            (
                CredentialSource::ManagedIdentity { client_id: None, endpoint: None, version: None },
                "ARM_SUBSCRIPTION_ID ARM_USE_CLI ARM_USE_MSI",
            ),
            (CredentialSource::AzureCli { tenant: None, subscription: None }, "ARM_SUBSCRIPTION_ID"),
            (CredentialSource::DeveloperCli { tenant: None }, "ARM_SUBSCRIPTION_ID"),
        ];
        for (credential, names) in rows {
            assert_eq!(handed(&credential), names, "{credential:?}");
        }
    }
}
