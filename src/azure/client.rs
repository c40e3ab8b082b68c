//! The client of ARM: read, list, write, and tokens.

use std::sync::Arc;

use azure_core::http::{HttpClient, Pipeline, Url};
use serde_json::Value;
use tokio::sync::OnceCell;
use uuid::Uuid;

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
    correlation_id: Uuid,
    clock: Arc<dyn Clock>,
    tokens: Arc<Tokens>,
    resource_manager: Pipeline,
    prometheus: Pipeline,
    grafana: Pipeline,
    anonymous: Pipeline,
    /// The connection to ARM was opened.
    connected: OnceCell<()>,
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
            correlation_id: settings.correlation_id,
            clock: settings.clock,
            resource_manager: parts.resource_manager(&tokens, &cloud.arm_scope),
            prometheus: parts.audience(&tokens, &cloud.prometheus_scope),
            grafana: parts.audience(&tokens, &cloud.grafana_scope),
            anonymous: parts.anonymous(),
            connected: OnceCell::new(),
            tokens,
            cloud,
        })))
    }

    /// Signs in and opens the connection to ARM, side by side, so that the reads which follow start warm. Does again only what must be
    /// done again.
    ///
    /// # Errors
    /// [`Error::FetchToken`] when the credentials do not work.
    pub async fn warm_up(&self) -> Result<(), Error> {
        let knock = async {
            // A cloud that described itself is connected to already.
            let url = self.url("/metadata/endpoints", "2022-09-01", &[]).ok().filter(|_| self.cloud().metadata_host.is_none());
            if let Some(url) = url {
                // Only the connection is wanted; if it fails, the first read will say so better.
                drop(self.send(&self.0.anonymous, Call::get(url)).await);
            }
        };
        let (token, _) = futures::join!(self.0.tokens.get(&self.0.cloud.arm_scope), self.0.connected.get_or_init(|| knock));
        token.map(|_| ())
    }

    /// Signs in to the data planes, side by side, so that the questions of the proof need not wait for it. What does not work is
    /// said by the question that needs it.
    pub async fn warm_up_data_planes(&self) {
        let cloud = &self.0.cloud;
        let (workspaces, grafana) =
            futures::join!(self.0.tokens.get(&cloud.prometheus_scope), self.0.tokens.get(&cloud.grafana_scope));
        drop((workspaces, grafana));
    }

    /// The cloud this client talks to.
    #[must_use]
    pub fn cloud(&self) -> &Cloud {
        &self.0.cloud
    }

    /// What groups the calls of this client in the Activity Log (`x-ms-correlation-request-id`).
    #[must_use]
    pub fn correlation_id(&self) -> Uuid {
        self.0.correlation_id
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

    /// Reads what lies directly below a resource under a name and is no resource, such as `kubernetesVersions` of a region; nothing
    /// when it is absent.
    ///
    /// # Errors
    /// Any [`Error`]; absence is none.
    pub async fn read_below(&self, id: &ArmId, name: &str, kind: Kind) -> Result<Option<Value>, Error> {
        let path = format!("{id}/{name}");
        match self.arm(Call::get(self.url(&path, kind.api_version(), &[])?).about(&path)).await?.accepted() {
            Ok(answer) => answer.json(),
            Err(error) if error.class() == Class::Absent => Ok(None),
            Err(error) => Err(error),
        }
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
        self.submit(call, &write.id, write.kind).await
    }

    /// Sends a change and reads what ARM made of it.
    pub(super) async fn submit(&self, call: Call, id: &ArmId, kind: Kind) -> Result<Accepted, Error> {
        let method = call.method;
        let answer = match self.arm(call).await?.accepted() {
            Err(error) if method == Method::Delete && error.class() == Class::Absent => return Ok(Accepted::Done(None)),
            other => other?,
        };
        operation::accepted(&answer, method, id, kind.api_version(), &self.0.arm)
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;
    use std::time::Duration;

    use serde_json::json;

    use super::super::testing::{ARM, Reply, SECRET, amw, azure, azure_as, empty, refusal, reply, workspace};
    use super::super::{CredentialSource, Issuer};
    use super::*;

    const KIND: Kind = Kind::MonitorWorkspace;

    #[tokio::test]
    async fn a_read_carries_the_headers_of_a_run_and_keeps_the_tag() {
        let (azure, script, _) = azure([reply(200, &workspace("Succeeded")).with("etag", "\"7\"")]);
        let found = azure.get(&amw(), KIND).await.unwrap().unwrap();
        assert_eq!((found.etag.as_deref(), found.provisioning_state()), (Some("\"7\""), Some("Succeeded")));
        let sent = &script.seen()[0];
        assert_eq!(sent.url, format!("{ARM}{}?api-version=2025-10-03", amw()));
        assert_eq!(sent.header("user-agent"), Some(concat!("aksight/", env!("CARGO_PKG_VERSION"))));
        assert_eq!(sent.header("x-ms-return-client-request-id"), Some("true"));
        assert!(sent.header("authorization").unwrap().starts_with("Bearer e30."));
        for id in ["x-ms-correlation-request-id", "x-ms-client-request-id"] {
            assert!(Uuid::parse_str(sent.header(id).unwrap()).is_ok(), "{id}");
        }
    }

    #[tokio::test]
    async fn the_tag_is_found_in_the_body_too() {
        for name in ["eTag", "etag"] {
            let (azure, ..) = azure([reply(200, &json!({"id": amw().as_str(), name: "7"}))]);
            assert_eq!(azure.get(&amw(), KIND).await.unwrap().unwrap().etag.as_deref(), Some("7"), "{name}");
        }
    }

    #[tokio::test]
    async fn only_an_absent_resource_is_nothing() {
        for code in ["ResourceNotFound", "ResourceGroupNotFound", "NotFound", "ParentResourceNotFound", "SomethingNotFound"] {
            let (azure, ..) = azure([refusal(404, code)]);
            assert_eq!(azure.get(&amw(), KIND).await.unwrap(), None, "{code}");
        }
        for code in ["SubscriptionNotFound", "InvalidResourceType"] {
            let (azure, ..) = azure([refusal(404, code)]);
            assert_eq!(azure.get(&amw(), KIND).await.unwrap_err().class(), Class::Invalid, "{code}");
        }
        let (azure, ..) = azure([Reply::Answer(404, Vec::new(), b"<html>proxy</html>".to_vec())]);
        assert!(azure.get(&amw(), KIND).await.is_err());
    }

    #[tokio::test]
    async fn pages_are_followed_verbatim_and_only_on_arm() {
        let link = format!("{ARM}/next?%24skiptoken=a%2Bb&api-version=2099-01-01");
        let (client, script, _) = azure([
            reply(200, &json!({"value": [{"n": 1}], "nextLink": link})),
            reply(200, &json!({"value": [{"n": 2}], "nextLink": ""})),
        ]);
        let filter = Some("principalId eq 'o'");
        let found = client.list(&ArmId::of_subscription("s1"), Kind::RoleAssignment, filter).await.unwrap();
        assert_eq!(found, [json!({"n": 1}), json!({"n": 2})]);
        let lines = script.lines();
        assert!(lines[0].ends_with("?api-version=2022-04-01&%24filter=principalId%20eq%20%27o%27"), "{lines:?}");
        assert_eq!(script.seen()[1].url, link);

        let (client, script, _) = azure([reply(200, &json!({"value": [], "nextLink": "https://evil.example/x"}))]);
        let error = client.list(&ArmId::of_subscription("s1"), Kind::ResourceGroup, None).await.unwrap_err();
        insta::assert_snapshot!(error, @"the service pointed to `https://evil.example/x` instead of `https://management.azure.com`; not followed");
        assert_eq!(script.lines().len(), 1);
    }

    #[tokio::test]
    async fn many_readers_share_one_token() {
        let (azure, script, _) = azure((0..20).map(|_| reply(200, &workspace("Succeeded"))));
        let id = amw();
        futures::future::try_join_all((0..20).map(|_| azure.get(&id, KIND))).await.unwrap();
        assert_eq!(script.tokens.load(Ordering::SeqCst), 1);
        assert_eq!(script.most_in_flight.load(Ordering::SeqCst), 20, "reads go side by side");
        let scope = azure.cloud().grafana_scope.clone();
        azure.token(&scope).await.unwrap();
        assert_eq!(script.tokens.load(Ordering::SeqCst), 2, "another audience has another token");
    }

    #[tokio::test]
    async fn at_most_four_writes_are_in_flight() {
        let (azure, script, _) = azure((0..12).map(|_| reply(200, &workspace("Succeeded"))));
        azure.warm_up().await.unwrap();
        futures::future::try_join_all((0..11).map(|_| azure.write(Write::put(amw(), KIND, json!({}))))).await.unwrap();
        assert_eq!(script.most_in_flight.load(Ordering::SeqCst), 4);
    }

    #[tokio::test]
    async fn a_nearly_dry_bucket_slows_its_own_method_down() {
        let dry = "x-ms-ratelimit-remaining-subscription-reads";
        let replies =
            [reply(200, &workspace("x")).with(dry, "9"), reply(200, &json!({})), reply(200, &workspace("x")).with(dry, "90")];
        let (azure, _, clock) = azure(replies.into_iter().chain([reply(200, &workspace("x"))]));
        azure.get(&amw(), KIND).await.unwrap();
        azure.write(Write::put(amw(), KIND, json!({}))).await.unwrap();
        assert!(clock.slept.lock().unwrap().is_empty(), "writes have a bucket of their own");
        azure.get(&amw(), KIND).await.unwrap();
        azure.get(&amw(), KIND).await.unwrap();
        assert_eq!(*clock.slept.lock().unwrap(), [Duration::from_secs(1)]);
    }

    #[tokio::test]
    async fn a_post_is_sent_once_and_a_read_again() {
        let post = || Write::post(amw(), "runCommand", KIND, None);
        let (client, script, _) = azure([empty(500)]);
        assert_eq!(client.write(post()).await.unwrap_err().class(), Class::Transient);
        let (broken, script_of_broken, _) = azure([Reply::Broken]);
        assert!(matches!(broken.write(post()).await, Err(Error::Reach { .. })));
        assert_eq!((script.lines().len(), script_of_broken.lines().len()), (1, 1));

        let throttled = refusal(429, "TooManyRequests").with("retry-after", "17");
        let (client, script, clock) = azure([Reply::NotConnected, throttled, empty(200)]);
        client.write(post()).await.unwrap();
        assert_eq!(script.lines().len(), 3, "neither a throttled nor an unsent request did anything");
        let slept = clock.slept.lock().unwrap().clone();
        assert!(slept[1] >= Duration::from_secs(17) && slept[1] < Duration::from_secs(21), "{slept:?}");

        let (client, script, _) = azure([empty(503), Reply::Broken, reply(200, &workspace("Succeeded"))]);
        client.get(&amw(), KIND).await.unwrap();
        assert_eq!(script.lines().len(), 3);
        let ids: Vec<_> = script.seen().iter().map(|seen| seen.header("x-ms-client-request-id").map(str::to_owned)).collect();
        assert_ne!(ids[0], ids[1], "every attempt has an id of its own");
    }

    #[tokio::test]
    async fn a_refused_token_is_really_replaced_and_only_once() {
        let stale = || refusal(401, "ExpiredAuthenticationToken");
        let (azure, script, _) = azure([stale(), reply(200, &workspace("x")), stale(), stale()]);
        azure.get(&amw(), KIND).await.unwrap();
        assert_eq!(script.tokens.load(Ordering::SeqCst), 2);
        let seen = script.seen();
        assert_ne!(seen[0].header("authorization"), seen[1].header("authorization"));
        assert_eq!(azure.get(&amw(), KIND).await.unwrap_err().class(), Class::Credential);
        assert_eq!(script.lines().len(), 4);
    }

    #[tokio::test]
    async fn entras_words_reach_the_person_and_the_secret_does_not() {
        let (azure, script, _) = azure([]);
        let body = json!({"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided.\r\nTrace ID: 1",
            "error_codes": [7_000_215]});
        *script.entra.lock().unwrap() = Some(reply(401, &body));
        let error = azure.get(&amw(), KIND).await.unwrap_err();
        assert_eq!(error.class(), Class::Credential);
        insta::assert_snapshot!(error, @"no token for `https://management.azure.com/.default`: AADSTS7000215: Invalid client secret provided.");
        assert_eq!(script.tokens.load(Ordering::SeqCst), 1, "wrong credentials are not tried again");
        for shown in [format!("{error:?}"), format!("{azure:?}")] {
            assert!(!shown.contains(SECRET), "{shown}");
        }
        let token = azure.token("scope").await.unwrap();
        assert!(!format!("{azure:?}").contains(token.expose()));
        assert_eq!(azure.who_am_i().await.unwrap().object_id, "o");
    }

    /// The kubelet replaces the file before the token in it ends.
    #[tokio::test]
    async fn a_federated_token_is_read_for_every_sign_in() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("token");
        let (tenant, client_id) = ("tenant".to_owned(), "client".to_owned());
        let source = CredentialSource::Assertion { tenant, client_id, issuer: Issuer::File(file.clone()) };
        let (azure, script, _) = azure_as(source, [refusal(401, "ExpiredAuthenticationToken"), reply(200, &workspace("x"))]);
        let error = azure.token("scope").await.unwrap_err();
        assert!(error.to_string().contains("token") && error.class() == Class::Credential, "{error}");
        std::fs::write(&file, "first").unwrap();
        azure.token("https://management.azure.com/.default").await.unwrap();
        std::fs::write(&file, "second").unwrap();
        azure.get(&amw(), KIND).await.unwrap();
        let forms = script.forms.lock().unwrap().clone();
        assert_eq!(forms.len(), 2);
        for (form, assertion) in forms.iter().zip(["first", "second"]) {
            for part in
                [format!("client_assertion={assertion}"), "client_id=client".into(), "grant_type=client_credentials".into()]
            {
                assert!(form.contains(&part), "{part}: {form}");
            }
        }
    }

    #[tokio::test]
    async fn a_page_instead_of_a_token_is_shown() {
        let (azure, script, _) = azure([]);
        *script.entra.lock().unwrap() = Some(Reply::Answer(407, Vec::new(), b"<html>proxy wants a password</html>".to_vec()));
        let error = azure.token("scope").await.unwrap_err();
        assert!(error.to_string().contains("407") && error.to_string().contains("proxy wants a password"), "{error}");
        assert_eq!(error.class(), Class::Credential);
        *script.entra.lock().unwrap() = Some(empty(501));
        assert_eq!(azure.token("scope").await.unwrap_err().class(), Class::Transient, "a server's trouble is no wrong secret");
        *script.entra.lock().unwrap() = Some(empty(503));
        azure.token("scope").await.unwrap();
    }

    #[tokio::test]
    async fn a_write_sends_its_condition_and_a_delete_of_nothing_is_done() {
        let (client, script, _) = azure([refusal(412, "PreconditionFailed")]);
        let write = Write::put(amw(), KIND, json!({"a": 1})).if_match(Some("\"7\"".to_owned()));
        assert_eq!(client.write(write).await.unwrap_err().class(), Class::Conflict);
        let sent = &script.seen()[0];
        assert_eq!((sent.header("if-match"), sent.body.as_str()), (Some("\"7\""), "{\"a\":1}"));
        let (client, ..) = azure([refusal(404, "ResourceNotFound")]);
        assert_eq!(client.write(Write::delete(amw(), KIND)).await.unwrap(), Accepted::Done(None));
    }

    #[tokio::test]
    async fn a_kubeconfig_is_decoded_and_hidden() {
        let (azure, script, _) =
            azure([reply(200, &json!({"kubeconfigs": [{"name": "clusterUser", "value": "YXBpVmVyc2lvbjogdjE="}]}))]);
        let secret = azure.cluster_credential(&amw(), false).await.unwrap();
        assert_eq!(secret.expose(), "apiVersion: v1");
        assert!(script.lines()[0].contains("/listClusterUserCredential?api-version=2026-06-01&format=exec"));
    }

    #[tokio::test]
    async fn an_error_names_the_call() {
        let (azure, ..) = azure([refusal(403, "AuthorizationFailed").with("x-ms-request-id", "r-1")]);
        let error = azure.write(Write::delete(ArmId::of_group("s1", "rg1"), Kind::ResourceGroup)).await.unwrap_err();
        insta::assert_snapshot!(error, @"DELETE `/subscriptions/s1/resourceGroups/rg1` was answered with 403 `AuthorizationFailed`: some words [request r-1]");
    }
}
