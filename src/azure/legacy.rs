//! `azure_mgmt_resources` over our own pipeline: its models and paths, our sign-in, retry, TLS and errors.
//!
//! Without any `enable_*` feature its core has no HTTP client at all and takes this one, so no second TLS stack comes in. Errors are
//! made in the adapter, before the old core can drop ARM's message, and fetched back out of its error afterwards.

use std::collections::BTreeMap;
use std::sync::Arc;

use azure_core_legacy as old;
use azure_mgmt_resources::package_resources_2021_04::{Client, models};
use futures::stream;

use super::request::{self, Call};
use super::resource_manager::{ResourceGroup, ResourceManager};
use super::{Azure, Error, Method};
use crate::base::{ArmId, Class, Kind, Location};

/// The resource manager of one subscription.
struct Legacy {
    azure: Azure,
    client: Client,
    subscription: String,
}

impl Azure {
    /// Registrations and resource groups of a subscription.
    ///
    /// # Errors
    /// [`Error::ReadAddress`] when the cloud's ARM endpoint is no https URL.
    pub fn resource_manager(&self, subscription: &str) -> Result<impl ResourceManager + use<>, Error> {
        let endpoint = request::https(&self.cloud().arm)?;
        let client = Client::builder(Arc::new(NoToken))
            .endpoint(endpoint)
            .scopes(&[self.cloud().arm_scope.as_str()])
            .retry(old::RetryOptions::none())
            .transport(old::TransportOptions::new(Arc::new(OverOurs(self.clone()))))
            .build()
            .map_err(|error| unwrap(error, "client"))?;
        Ok(Legacy { azure: self.clone(), client, subscription: subscription.to_owned() })
    }
}

#[async_trait::async_trait]
impl ResourceManager for Legacy {
    async fn provider_states(&self) -> Result<BTreeMap<String, String>, Error> {
        // The old client cannot `$select`, and the whole list is megabytes; this one call is ours.
        let path = format!("{}/providers", ArmId::of_subscription(&self.subscription));
        let select = [("$select", "namespace,registrationState")];
        let all = self.azure.pages(&path, Kind::ProviderRegistration.api_version(), &select).await?;
        let text = |item: &serde_json::Value, name: &str| item.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
        Ok(all
            .iter()
            .filter_map(|item| Some((text(item, "namespace")?.to_ascii_lowercase(), text(item, "registrationState")?)))
            .collect())
    }

    async fn provider_state(&self, namespace: &str) -> Result<String, Error> {
        let asked = self.client.providers_client().get(namespace, self.subscription.as_str());
        Ok(state(asked.await.map_err(|error| unwrap(error, namespace))?))
    }

    async fn register(&self, namespace: &str) -> Result<String, Error> {
        let asked = self.client.providers_client().register(namespace, self.subscription.as_str());
        Ok(state(asked.await.map_err(|error| unwrap(error, namespace))?))
    }

    async fn resource_group(&self, name: &str) -> Result<Option<ResourceGroup>, Error> {
        let asked = self.client.resource_groups_client().get(name, self.subscription.as_str());
        match asked.await.map_err(|error| unwrap(error, name)) {
            Ok(found) => Ok(Some(group(&found))),
            Err(error) if error.class() == Class::Absent => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn create_resource_group(&self, name: &str, wanted: &ResourceGroup) -> Result<ResourceGroup, Error> {
        let mut body = models::ResourceGroup::new(wanted.location.to_string());
        body.tags = Some(wanted.tags.iter().map(|(key, value)| (key.clone(), serde_json::Value::from(value.as_str()))).collect());
        let asked = self.client.resource_groups_client().create_or_update(name, body, self.subscription.as_str());
        Ok(group(&asked.await.map_err(|error| unwrap(error, name))?))
    }
}

fn state(provider: models::Provider) -> String {
    provider.registration_state.unwrap_or_else(|| "Unknown".to_owned())
}

fn group(found: &models::ResourceGroup) -> ResourceGroup {
    let tags = found.tags.as_ref().and_then(serde_json::Value::as_object).into_iter().flatten();
    let tags = tags.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect();
    ResourceGroup { location: Location::new(&found.location), tags }
}

/// Our error out of the old core's; what the old core itself objects to is a bad answer.
fn unwrap(error: old::Error, target: &str) -> Error {
    error.into_downcast::<Error>().unwrap_or_else(|error| Error::ReadAnswer {
        method: "GET",
        target: target.to_owned(),
        reason: error.to_string(),
    })
}

/// The old core insists on a credential; the real token is set by our pipeline.
#[derive(Debug)]
struct NoToken;

#[async_trait::async_trait]
impl old::auth::TokenCredential for NoToken {
    async fn get_token(&self, _: &[&str]) -> old::Result<old::auth::AccessToken> {
        Ok(old::auth::AccessToken::new("none", time::OffsetDateTime::UNIX_EPOCH))
    }

    async fn clear_cache(&self) -> old::Result<()> {
        Ok(())
    }
}

/// The old core's HTTP client: our pipeline.
#[derive(Debug)]
struct OverOurs(Azure);

impl OverOurs {
    async fn send(&self, request: &old::Request) -> Result<request::Answer, Error> {
        let method = match request.method() {
            old::Method::Get => Method::Get,
            old::Method::Put => Method::Put,
            old::Method::Patch => Method::Patch,
            old::Method::Delete => Method::Delete,
            _ => Method::Post,
        };
        let mut call = Call::new(method, request::https(request.url().as_str())?).about(request.url().path());
        // The only POST sent from here registers a namespace, which may be repeated (contract §1.2).
        call.repeatable = true;
        if let old::Body::Bytes(bytes) = request.body()
            && !bytes.is_empty()
        {
            call.body = bytes.clone();
            call = call.header("content-type", "application/json".to_owned());
        }
        self.0.arm(call).await?.accepted()
    }
}

#[async_trait::async_trait]
impl old::HttpClient for OverOurs {
    async fn execute_request(&self, request: &old::Request) -> old::Result<old::Response> {
        let answer = self.send(request).await.map_err(|error| old::Error::new(old::error::ErrorKind::Other, error))?;
        let status = old::StatusCode::try_from(answer.status).unwrap_or(old::StatusCode::Ok);
        let body = Box::pin(stream::iter([Ok(answer.body)]));
        Ok(old::Response::new(status, old::headers::Headers::new(), body))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{azure, empty, refusal, reply};
    use super::*;

    #[tokio::test]
    async fn registrations_are_listed_read_and_asked_for_over_our_pipeline() {
        let (azure, script, _) = azure([
            reply(
                200,
                &json!({"value": [{"namespace": "microsoft.insights", "registrationState": "Registered"},
                {"namespace": "Microsoft.Dashboard", "registrationState": "NotRegistered"}]}),
            ),
            reply(200, &json!({"namespace": "Microsoft.Dashboard", "registrationState": "NotRegistered"})),
            empty(503),
            reply(200, &json!({"namespace": "Microsoft.Dashboard", "registrationState": "Registering"})),
        ]);
        let manager = azure.resource_manager("s1").unwrap();
        let states = manager.provider_states().await.unwrap();
        assert_eq!(states.get("microsoft.dashboard").map(String::as_str), Some("NotRegistered"));
        assert_eq!(manager.provider_state("Microsoft.Dashboard").await.unwrap(), "NotRegistered");
        assert_eq!(manager.register("Microsoft.Dashboard").await.unwrap(), "Registering");
        insta::assert_snapshot!(script.lines().join("\n"), @r"
        GET /subscriptions/s1/providers?api-version=2021-04-01&%24select=namespace%2CregistrationState
        GET /subscriptions/s1/providers/Microsoft.Dashboard?api-version=2021-04-01
        POST /subscriptions/s1/providers/Microsoft.Dashboard/register?api-version=2021-04-01
        POST /subscriptions/s1/providers/Microsoft.Dashboard/register?api-version=2021-04-01
        ");
        let sent = script.seen();
        assert_eq!(sent[3].header("content-length"), Some("0"), "ARM insists on it");
        assert!(sent[3].header("authorization").unwrap().starts_with("Bearer e30."));
    }

    #[tokio::test]
    async fn resource_groups_are_read_and_made_and_errors_keep_their_code() {
        let body = json!({"id": "/subscriptions/s1/resourceGroups/rg1", "location": "westeurope", "tags": {"a": "b"}});
        let (azure, script, _) =
            azure([refusal(404, "ResourceGroupNotFound"), reply(201, &body), refusal(403, "AuthorizationFailed")]);
        let manager = azure.resource_manager("s1").unwrap();
        assert_eq!(manager.resource_group("rg1").await.unwrap(), None);
        let wanted =
            ResourceGroup { location: Location::new("westeurope"), tags: BTreeMap::from([("a".to_owned(), "b".to_owned())]) };
        assert_eq!(manager.create_resource_group("rg1", &wanted).await.unwrap(), wanted);
        insta::assert_snapshot!(script.seen()[1].body, @r#"{"location":"westeurope","tags":{"a":"b"}}"#);
        let error = manager.register("Microsoft.Dashboard").await.unwrap_err();
        assert!(error.is("AuthorizationFailed") && error.to_string().contains("some words"), "{error}");
    }
}
