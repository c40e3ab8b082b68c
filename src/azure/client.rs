//! The client of ARM: read, list, write, and tokens.

use std::sync::Arc;

use azure_core::http::{HttpClient, Pipeline, Url};
use serde_json::Value;

use super::operation::{self, Operation};
use super::pipeline::Parts;
use super::request::{self, Answer, Call};
use super::tokens::Tokens;
use super::{Error, Method, Principal, Settings, http};
use crate::base::clock::Timestamp;
use crate::base::{ArmId, ArmObject, Class, Clock, Cloud, Kind, Secret};

/// A page list longer than this is a loop.
const MOST_PAGES: usize = 500;

/// A handle to one Azure cloud as one identity. Cheap to clone; all clones share connections, tokens and manners.
#[derive(Clone, Debug)]
pub struct Azure(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    cloud: Cloud,
    arm: Url,
    clock: Arc<dyn Clock>,
    tokens: Arc<Tokens>,
    resource_manager: Pipeline,
    prometheus: Pipeline,
    grafana: Pipeline,
    anonymous: Pipeline,
}

/// A change to ask of ARM.
#[derive(Clone, Debug)]
pub struct Write {
    /// `Put`, `Patch`, `Delete` or `Post`.
    pub method: Method,
    /// The resource.
    pub id: ArmId,
    /// The action of a POST, such as `runCommand`.
    pub action: Option<String>,
    /// Gives the api-version.
    pub kind: Kind,
    /// The JSON body.
    pub body: Option<Value>,
    /// `If-Match`, so that somebody else's change is not overwritten (contract §3.9).
    pub if_match: Option<String>,
}

impl Write {
    /// A full replacement.
    #[must_use]
    pub fn put(id: ArmId, kind: Kind, body: Value) -> Self {
        Self { method: Method::Put, id, action: None, kind, body: Some(body), if_match: None }
    }

    /// A merge.
    #[must_use]
    pub fn patch(id: ArmId, kind: Kind, body: Value) -> Self {
        Self { method: Method::Patch, ..Self::put(id, kind, body) }
    }

    /// A removal.
    #[must_use]
    pub fn delete(id: ArmId, kind: Kind) -> Self {
        Self { method: Method::Delete, id, action: None, kind, body: None, if_match: None }
    }

    /// An action.
    #[must_use]
    pub fn post(id: ArmId, action: &str, kind: Kind, body: Option<Value>) -> Self {
        Self { method: Method::Post, id, action: Some(action.to_owned()), kind, body, if_match: None }
    }

    /// Only if the resource still has this entity tag.
    #[must_use]
    pub fn if_match(mut self, etag: Option<String>) -> Self {
        self.if_match = etag;
        self
    }
}

/// What ARM made of a write.
#[derive(Clone, Debug, PartialEq)]
pub enum Accepted {
    /// It is done; the resource as answered, if one was.
    Done(Option<ArmObject>),
    /// It goes on. Journal the operation before the first poll.
    Running(Operation),
}

impl Azure {
    /// Makes the client. Sends nothing yet: see [`Azure::warm_up`].
    ///
    /// # Errors
    /// [`Error::ReadAddress`] when the cloud's ARM endpoint is no https URL.
    pub fn connect(settings: Settings) -> Result<Self, Error> {
        let wire = Arc::new(http::Wire(settings.http.clone()));
        Self::over(settings, wire)
    }

    /// The same over another transport.
    pub(super) fn over(settings: Settings, transport: Arc<dyn HttpClient>) -> Result<Self, Error> {
        let parts = Parts::new(&settings, transport);
        let cloud = settings.cloud;
        let tokens = parts.tokens(settings.credential, &cloud.authority);
        Ok(Self(Arc::new(Inner {
            arm: request::https(&cloud.arm)?,
            clock: settings.clock,
            resource_manager: parts.resource_manager(&tokens, &cloud.arm_scope),
            prometheus: parts.audience(&tokens, &cloud.prometheus_scope),
            grafana: parts.audience(&tokens, &cloud.grafana_scope),
            anonymous: parts.anonymous(),
            tokens,
            cloud,
        })))
    }

    /// Signs in and opens the connection to ARM, side by side, so that the reads which follow start warm.
    ///
    /// # Errors
    /// [`Error::FetchToken`] when the credentials do not work.
    pub async fn warm_up(&self) -> Result<(), Error> {
        let knock = async {
            if let Ok(url) = self.url("/metadata/endpoints", "2022-09-01", &[]) {
                // Only the connection is wanted; if it fails, the first read will say so better.
                drop(self.send(&self.0.anonymous, Call::get(url)).await);
            }
        };
        let (token, ()) = futures::join!(self.0.tokens.get(&self.0.cloud.arm_scope), knock);
        token.map(|_| ())
    }

    /// The cloud this client talks to.
    #[must_use]
    pub fn cloud(&self) -> &Cloud {
        &self.0.cloud
    }

    /// The clock this client waits on.
    pub(super) fn clock(&self) -> &dyn Clock {
        self.0.clock.as_ref()
    }

    /// A token for a scope such as [`Cloud::kubernetes_scope`].
    ///
    /// # Errors
    /// [`Error::FetchToken`].
    pub async fn token(&self, scope: &str) -> Result<Secret, Error> {
        self.0.tokens.secret(scope).await
    }

    /// Who is signed in, from the ARM token's claims (contract §4.6).
    ///
    /// # Errors
    /// [`Error::FetchToken`]; also when the token is no JWT with an object id.
    pub async fn who_am_i(&self) -> Result<Principal, Error> {
        let scope = &self.0.cloud.arm_scope;
        let token = self.token(scope).await?;
        Principal::of_token(token.expose()).ok_or_else(|| Error::FetchToken {
            scope: scope.clone(),
            message: "the token does not say whose it is (no `oid` claim)".to_owned(),
            transient: false,
        })
    }

    /// Reads a resource; nothing when it is absent. A wrong subscription or tenant stays an error.
    ///
    /// # Errors
    /// Any [`Error`]; absence is none.
    pub async fn get(&self, id: &ArmId, kind: Kind) -> Result<Option<ArmObject>, Error> {
        self.get_version(id, kind.api_version()).await
    }

    pub(super) async fn get_version(&self, id: &ArmId, version: &str) -> Result<Option<ArmObject>, Error> {
        let call = Call::get(self.url(id.as_str(), version, &[])?).about(id.as_str());
        match self.arm(call).await?.accepted() {
            Ok(answer) => object(&answer, id),
            Err(error) if error.class() == Class::Absent => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Lists the resources of a kind below a scope, all pages. `filter` is an `OData` `$filter`.
    ///
    /// # Errors
    /// Any [`Error`]; [`Error::FollowElsewhere`] when a page link leaves ARM.
    pub async fn list(&self, scope: &ArmId, kind: Kind, filter: Option<&str>) -> Result<Vec<Value>, Error> {
        let path = match kind {
            Kind::ResourceGroup => format!("{scope}/resourceGroups"),
            Kind::ProviderRegistration => format!("{scope}/providers"),
            Kind::Subscription => "/subscriptions".to_owned(),
            _ => format!("{scope}/providers/{}", kind.resource_type()),
        };
        let query: Vec<(&str, &str)> = filter.map(|text| ("$filter", text)).into_iter().collect();
        self.pages(&path, kind.api_version(), &query).await
    }

    /// Lists a collection that lies directly below a resource, such as `associations` of a data collection rule.
    ///
    /// # Errors
    /// As [`Azure::list`].
    pub async fn list_below(&self, id: &ArmId, collection: &str, kind: Kind) -> Result<Vec<Value>, Error> {
        self.pages(&format!("{id}/{collection}"), kind.api_version(), &[]).await
    }

    pub(super) async fn pages(&self, path: &str, version: &str, query: &[(&str, &str)]) -> Result<Vec<Value>, Error> {
        let mut found = Vec::new();
        let mut next = Some(self.url(path, version, query)?);
        for _ in 0..MOST_PAGES {
            let Some(url) = next.take() else { break };
            let answer = self.arm(Call::get(url).about(path)).await?.accepted()?;
            let Some(Value::Object(mut page)) = answer.json()? else { return Err(answer.unreadable("it is no object")) };
            match page.remove("value") {
                Some(Value::Array(items)) => found.extend(items),
                _ => return Err(answer.unreadable("`value` is no list")),
            }
            if let Some(link) = page.get("nextLink").and_then(Value::as_str).filter(|link| !link.is_empty()) {
                next = Some(self.same_host(link)?);
            }
        }
        Ok(found)
    }

    /// Asks ARM for a change.
    ///
    /// # Errors
    /// Any [`Error`]; `412` is [`Class::Conflict`]. Deleting what is absent is done.
    pub async fn write(&self, write: Write) -> Result<Accepted, Error> {
        let path = match &write.action {
            Some(action) => format!("{}/{action}", write.id),
            None => write.id.to_string(),
        };
        let mut call = Call::new(write.method, self.url(&path, write.kind.api_version(), &[])?).about(&path);
        if let Some(body) = &write.body {
            call = call.json(body);
        }
        if let Some(etag) = write.if_match {
            call = call.header("if-match", etag);
        }
        let answer = match self.arm(call).await?.accepted() {
            Err(error) if write.method == Method::Delete && error.class() == Class::Absent => return Ok(Accepted::Done(None)),
            other => other?,
        };
        operation::accepted(&answer, write.method, &write.id, write.kind.api_version(), &self.0.arm)
    }

    /// The kubeconfig that ARM hands out for a cluster (contract §5.10): the user's, or the administrator's. YAML, and secret.
    ///
    /// # Errors
    /// Any [`Error`]; 400 when local accounts are disabled and `admin` was asked for.
    pub async fn cluster_credential(&self, cluster: &ArmId, admin: bool) -> Result<Secret, Error> {
        let (action, query): (_, &[_]) =
            if admin { ("listClusterAdminCredential", &[]) } else { ("listClusterUserCredential", &[("format", "exec")]) };
        let path = format!("{cluster}/{action}");
        let mut call = Call::new(Method::Post, self.url(&path, Kind::ManagedCluster.api_version(), query)?).about(&path);
        call.repeatable = true;
        let answer = self.arm(call).await?.accepted()?;
        let body = answer.json()?.unwrap_or_default();
        let text = body.pointer("/kubeconfigs/0/value").and_then(Value::as_str);
        let decoded = text.and_then(|text| base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text).ok());
        decoded
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .map(Secret::new)
            .ok_or_else(|| answer.unreadable("it holds no kubeconfig"))
    }

    /// A URL below the ARM endpoint. Blanks become `%20`, which every reader of `OData` understands.
    pub(super) fn url(&self, path: &str, version: &str, query: &[(&str, &str)]) -> Result<Url, Error> {
        let mut url = request::https(&format!("{}{path}", self.0.cloud.arm))?;
        let mut pairs = url::form_urlencoded::Serializer::new(String::new());
        pairs.append_pair("api-version", version).extend_pairs(query);
        url.set_query(Some(&pairs.finish().replace('+', "%20")));
        Ok(url)
    }

    /// A link from ARM, taken verbatim, if it stays on ARM's host: our token must not go anywhere else.
    pub(super) fn same_host(&self, link: &str) -> Result<Url, Error> {
        operation::same_host(&self.0.arm, link)
    }

    /// Sends a call to ARM; any status is an answer.
    pub(super) async fn arm(&self, call: Call) -> Result<Answer, Error> {
        self.send(&self.0.resource_manager, call).await
    }

    /// Sends a call to a workspace's query endpoint.
    pub(super) async fn query(&self, call: Call) -> Result<Answer, Error> {
        self.send(&self.0.prometheus, call).await
    }

    /// Sends a call to a Managed Grafana.
    pub(super) async fn grafana(&self, call: Call) -> Result<Answer, Error> {
        self.send(&self.0.grafana, call).await
    }

    async fn send(&self, pipeline: &Pipeline, call: Call) -> Result<Answer, Error> {
        request::send(pipeline, call, || self.now()).await
    }

    pub(super) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }
}

/// The resource in an answer, with its entity tag from header or body; nothing when the body is empty.
pub(super) fn object(answer: &Answer, asked: &ArmId) -> Result<Option<ArmObject>, Error> {
    let Some(body) = answer.json()? else { return Ok(None) };
    let text = |name: &str| body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let etag = answer.header("etag").or_else(|| text("eTag")).or_else(|| text("etag")).map(str::to_owned);
    // The service's spelling is kept; an answer without a readable id is about what was asked for.
    let id = text("id").and_then(|id| ArmId::parse(id).ok()).unwrap_or_else(|| asked.clone());
    Ok(Some(ArmObject { id, body, etag }))
}
