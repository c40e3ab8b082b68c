//! The pipelines: one per audience, all over one transport, so that connections are shared and tokens are not.

use std::sync::Arc;

use azure_core::http::policies::Policy;
use azure_core::http::policies::auth::BearerTokenAuthorizationPolicy;
use azure_core::http::{ClientOptions, HttpClient, LoggingOptions, Pipeline, RetryOptions, Transport};
use uuid::Uuid;

use super::courtesy::{Courtesy, Identify};
use super::retry::Retry;
use super::tokens::{ReadRefusals, Tokens};
use super::{CredentialSource, Settings};
use crate::base::Clock;

/// Answer headers that may be logged; everything else is redacted by `azure_core`.
const LOGGED_HEADERS: &[&str] = &[
    "retry-after-ms",
    "x-ms-correlation-request-id",
    "x-ms-failure-cause",
    "x-ms-ratelimit-remaining-subscription-reads",
    "x-ms-ratelimit-remaining-subscription-writes",
    "x-ms-routing-request-id",
    "x-ms-user-quota-remaining",
    "x-ms-user-quota-resets-after",
];

/// What all pipelines are made of.
#[derive(Debug)]
pub(super) struct Parts {
    transport: Arc<dyn HttpClient>,
    clock: Arc<dyn Clock>,
    user_agent: String,
    correlation_id: Uuid,
    writes_in_flight: usize,
}

impl Parts {
    /// Takes from the settings what pipelines need.
    pub(super) fn new(settings: &Settings, transport: Arc<dyn HttpClient>) -> Self {
        Self {
            transport,
            clock: Arc::clone(&settings.clock),
            user_agent: settings.user_agent.clone(),
            correlation_id: settings.correlation_id,
            writes_in_flight: settings.writes_in_flight,
        }
    }

    fn options(&self) -> ClientOptions {
        ClientOptions {
            retry: RetryOptions::none(),
            transport: Some(Transport::new(Arc::clone(&self.transport))),
            logging: LoggingOptions {
                additional_allowed_header_names: LOGGED_HEADERS.iter().map(|name| (*name).into()).collect(),
                additional_allowed_query_params: vec!["$filter".into(), "$select".into()],
            },
            ..ClientOptions::default()
        }
    }

    fn identify(&self) -> Arc<dyn Policy> {
        Arc::new(Identify { user_agent: self.user_agent.clone(), correlation_id: self.correlation_id })
    }

    /// The token cache of one identity, over a pipeline of its own to Entra.
    pub(super) fn tokens(&self, source: CredentialSource, authority: &str) -> Arc<Tokens> {
        let options = ClientOptions {
            per_call_policies: vec![Arc::new(ReadRefusals), Arc::new(Retry::anonymous(Arc::clone(&self.clock)))],
            per_try_policies: vec![self.identify()],
            ..self.options()
        };
        Arc::new(Tokens::new(source, authority.to_owned(), options))
    }

    /// The pipeline to ARM: as [`Parts::audience`], with manners.
    pub(super) fn resource_manager(&self, tokens: &Arc<Tokens>, scope: &str) -> Pipeline {
        let courtesy = Courtesy::new(Arc::clone(&self.clock), self.writes_in_flight);
        self.authenticated(tokens, scope, vec![Arc::new(courtesy)])
    }

    /// A pipeline for one audience.
    pub(super) fn audience(&self, tokens: &Arc<Tokens>, scope: &str) -> Pipeline {
        self.authenticated(tokens, scope, Vec::new())
    }

    fn authenticated(&self, tokens: &Arc<Tokens>, scope: &str, manners: Vec<Arc<dyn Policy>>) -> Pipeline {
        let bearer = BearerTokenAuthorizationPolicy::new(Arc::clone(tokens) as _, [scope]);
        let retry = Retry::authenticated(Arc::clone(&self.clock), Arc::clone(tokens), scope.to_owned());
        let mut before: Vec<Arc<dyn Policy>> = vec![Arc::new(retry)];
        before.extend(manners);
        self.pipeline(before, vec![self.identify(), Arc::new(bearer)])
    }

    /// A pipeline that carries no token.
    pub(super) fn anonymous(&self) -> Pipeline {
        self.pipeline(vec![Arc::new(Retry::anonymous(Arc::clone(&self.clock)))], vec![self.identify()])
    }

    fn pipeline(&self, before: Vec<Arc<dyn Policy>>, each_try: Vec<Arc<dyn Policy>>) -> Pipeline {
        let (name, version) = (option_env!("CARGO_PKG_NAME"), option_env!("CARGO_PKG_VERSION"));
        Pipeline::new(name, version, self.options(), before, each_try, None)
    }
}
