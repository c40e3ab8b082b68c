//! A managed identity that is asked for at another address than that of the instance metadata service (`ARM_MSI_ENDPOINT`, or what App
//! Service and Container Apps name).

use std::sync::Arc;

use azure_core::error::ErrorKind;
use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::{Context, Request, Url};

/// Sends what is meant for the metadata service to another address, its query unchanged. `azure_identity` does not let anybody change
/// the address; nothing else goes through its pipeline.
#[derive(Debug)]
pub(super) struct Elsewhere(Url);

impl Elsewhere {
    /// Takes the address. Plain http is what such services speak, on the machine itself.
    pub(super) fn parse(endpoint: &str) -> azure_core::Result<Self> {
        let wrong = |why: String| {
            azure_core::Error::with_message(ErrorKind::Credential, format!("`ARM_MSI_ENDPOINT` is no address: {why}"))
        };
        let url: Url = endpoint.trim().parse().map_err(|error| wrong(format!("{error}")))?;
        if matches!(url.scheme(), "http" | "https") && url.has_host() { Ok(Self(url)) } else { Err(wrong(endpoint.to_owned())) }
    }
}

#[async_trait::async_trait]
impl Policy for Elsewhere {
    async fn send(&self, context: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        let mut there = self.0.clone();
        there.set_query(request.url().query());
        *request.url_mut() = there;
        match next.split_first() {
            Some((first, rest)) => first.send(context, request, rest).await,
            None => Err(azure_core::Error::with_message(ErrorKind::Other, "the pipeline has no transport")),
        }
    }
}
