//! The pipelines: one per audience, all over one transport, so that connections are shared and tokens are not.

use std::sync::Arc;

use azure_core::http::policies::Policy;
use azure_core::http::policies::auth::BearerTokenAuthorizationPolicy;
use azure_core::http::{ClientOptions, HttpClient, LoggingOptions, Pipeline, RetryOptions, Transport};
use uuid::Uuid;

use super::courtesy::{Courtesy, Identify};
use super::meter::Metered;
use super::retry::Retry;
use super::tokens::{ReadRefusals, Tokens};
use super::traced::Traced;
use super::{CredentialSource, Meter, Settings};
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
    /// The way to who gives tokens: a managed identity is asked for on the machine itself.
    to_tokens: Arc<dyn HttpClient>,
    clock: Arc<dyn Clock>,
    meter: Arc<Meter>,
    user_agent: String,
    correlation_id: Uuid,
    writes_in_flight: usize,
}

impl Parts {
    /// Takes from the settings what pipelines need.
    pub(super) fn new(settings: &Settings, transport: Arc<dyn HttpClient>, to_tokens: Arc<dyn HttpClient>) -> Self {
        Self {
            transport,
            to_tokens,
            clock: Arc::clone(&settings.clock),
            meter: Arc::clone(&settings.meter),
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
            per_try_policies: vec![self.identify(), Arc::new(Traced)],
            transport: Some(Transport::new(Arc::clone(&self.to_tokens))),
            ..self.options()
        };
        Arc::new(Tokens::new(source, authority.to_owned(), options, Arc::clone(&self.clock)))
    }

    /// The pipeline to ARM: as [`Parts::audience`], with manners, and counted.
    pub(super) fn resource_manager(&self, tokens: &Arc<Tokens>, scope: &str) -> Pipeline {
        let courtesy = Courtesy::new(Arc::clone(&self.clock), Arc::clone(&self.meter), self.writes_in_flight);
        let retry = self.retry(tokens, scope).metered(Arc::clone(&self.meter));
        let metered = Arc::new(Metered(Arc::clone(&self.meter)));
        self.pipeline(vec![Arc::new(retry), Arc::new(courtesy)], vec![self.identify(), Self::bearer(tokens, scope), metered])
    }

    /// A pipeline for one audience.
    pub(super) fn audience(&self, tokens: &Arc<Tokens>, scope: &str) -> Pipeline {
        self.pipeline(vec![Arc::new(self.retry(tokens, scope))], vec![self.identify(), Self::bearer(tokens, scope)])
    }

    fn retry(&self, tokens: &Arc<Tokens>, scope: &str) -> Retry {
        Retry::authenticated(Arc::clone(&self.clock), Arc::clone(tokens), scope.to_owned())
    }

    fn bearer(tokens: &Arc<Tokens>, scope: &str) -> Arc<dyn Policy> {
        Arc::new(BearerTokenAuthorizationPolicy::new(Arc::clone(tokens) as _, [scope.to_owned()]))
    }

    /// A pipeline that carries no token.
    pub(super) fn anonymous(&self) -> Pipeline {
        self.pipeline(vec![Arc::new(Retry::anonymous(Arc::clone(&self.clock)))], vec![self.identify()])
    }

    fn pipeline(&self, before: Vec<Arc<dyn Policy>>, mut each_try: Vec<Arc<dyn Policy>>) -> Pipeline {
        each_try.push(Arc::new(Traced));
        let (name, version) = (option_env!("CARGO_PKG_NAME"), option_env!("CARGO_PKG_VERSION"));
        Pipeline::new(name, version, self.options(), before, each_try, None)
    }
}
