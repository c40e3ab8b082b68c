//! Terraform signs in as we do: it gets what was resolved for us, and no other secret.

use aksight::azure::{CredentialSource, Found, Issuer};
use aksight::base::Secret;
use aksight::terraform::{Environment, Value};

/// What may hold a secret of another way to sign in, or of the pipeline around us. Terraform has no use for it.
const NOT_ITS_BUSINESS: [&str; 27] = [
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

/// Puts the sign-in into terraform's environment, in azurerm's names.
pub(crate) fn hand_on(environment: &mut Environment, credential: &CredentialSource, subscription: &str) {
    for name in NOT_ITS_BUSINESS {
        environment.remove(name);
    }
    let plain = |name: &'static str, value: &str| (name, Value::Plain(value.into()));
    let secret = |name: &'static str, value: &Secret| (name, Value::Secret(value.clone()));
    let mut all = vec![plain("ARM_SUBSCRIPTION_ID", subscription)];
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
        CredentialSource::ManagedIdentity { client_id, endpoint } => {
            all.extend([plain("ARM_USE_MSI", "true"), plain("ARM_USE_CLI", "false")]);
            all.extend(client_id.as_ref().map(|id| plain("ARM_CLIENT_ID", id)));
            all.extend(endpoint.as_ref().map(|endpoint| plain("ARM_MSI_ENDPOINT", endpoint)));
        }
        CredentialSource::AzureCli { tenant, .. } => all.extend(tenant.as_ref().map(|tenant| plain("ARM_TENANT_ID", tenant))),
        CredentialSource::DeveloperCli { .. } => {
            tracing::warn!("signed in by azd, which azurerm does not know: terraform needs the az CLI or an application");
        }
    }
    for (name, value) in all {
        environment.set(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handed(credential: &CredentialSource) -> String {
        // What is left over from another way to sign in, or belongs to the pipeline, is not handed on.
        let left_over = ["ARM_CLIENT_SECRET", "ARM_OIDC_TOKEN", "SYSTEM_ACCESSTOKEN", "GITHUB_TOKEN", "ARM_USE_MSI"];
        let mut environment = Environment::from_snapshot(left_over.map(|name| (name.into(), "hunter2".into())));
        hand_on(&mut environment, credential, "s");
        let names = format!("{environment:?}");
        let own = ["CHECKPOINT_DISABLE", "TF_INPUT", "TF_IN_AUTOMATION"];
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
                CredentialSource::ManagedIdentity { client_id: None, endpoint: None },
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
