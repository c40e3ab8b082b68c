//! What to do when a sign-in fails, by its method and by Entra's error (contract §10.3).

use super::{CredentialSource, Issuer};

/// What the reader can do. `code` is the number after `AADSTS`, if Entra answered at all.
pub(super) fn of(source: &CredentialSource, code: Option<u32>) -> &'static str {
    match (code, source) {
        (Some(90_002), _) => "check `ARM_TENANT_ID` or `azure.tenant`, and that the cloud is the right one",
        (Some(700_016), _) => "check `ARM_CLIENT_ID`, and that the tenant is the application's",
        (Some(500_011), _) => "the service is not known in this tenant or cloud: check `azure.cloud` and the tenant",
        (Some(7_000_215), _) => "set the secret's value, not its id; make a new one if it is lost",
        (Some(7_000_222), _) => {
            "make a new secret for the application, or let it sign in by a federated credential, which does not end"
        }
        (Some(700_027), _) => "upload the certificate to the application, or use the one that is there",
        (Some(700_024), _) => "sign in again with a fresh token; if the token is fresh, set this machine's clock",
        (Some(70_021 | 700_211..=700_213 | 7_002_130..=7_002_139), _) => {
            "compare them with the application's federated credentials, or add one that fits"
        }
        (_, CredentialSource::ClientSecret { .. }) => "check `ARM_CLIENT_ID`, `ARM_CLIENT_SECRET` and `ARM_TENANT_ID`",
        (_, CredentialSource::Assertion { issuer, .. }) => match issuer {
            Issuer::GitHub { .. } => "the job needs `permissions: id-token: write`, and its token ends with it",
            Issuer::AzurePipelines { .. } => {
                "map `SYSTEM_ACCESSTOKEN: $(System.AccessToken)` into the step, and let the pipeline use the service connection"
            }
            Issuer::File(_) => "name the file of a token that somebody keeps fresh",
            Issuer::Token(_) => "check `ARM_OIDC_TOKEN`, `ARM_CLIENT_ID` and `ARM_TENANT_ID`",
            Issuer::Certificate(_) => "check the certificate, `ARM_CLIENT_ID` and `ARM_TENANT_ID`",
        },
        (_, CredentialSource::ManagedIdentity { .. }) => {
            "give this machine the identity; of several, name one by its client id in `ARM_CLIENT_ID`"
        }
        (_, CredentialSource::AzureCli { .. }) => "run `az login`, or set the variables of another way to sign in",
        (_, CredentialSource::DeveloperCli { .. }) => "run `azd auth login`, or set the variables of another way to sign in",
    }
}
