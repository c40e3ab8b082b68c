//! Floor 5: traces over OTLP, for who wants them. Off unless somebody names a collector; then spans of the rooms above and beside
//! ([`crate::base::SPANS`]) go there in batches, and nothing of it can hold up or fail a run.
//!
//! The rooms only draw spans with `tracing`; that there is OpenTelemetry is known here alone. A face starts [`Traces`], adds
//! its [`Traces::layer`] to its log, and at the end calls [`Traces::finish`].

mod export;
mod log;
mod settings;

use std::time::Duration;

use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{TraceContextExt as _, TracerProvider as _};
use opentelemetry::{Context, ContextGuard, KeyValue};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use opentelemetry_sdk::{Resource, resource};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;

pub use export::Word;
pub use log::WithTraceId;
pub use settings::{Collector, Settings, Unusable};

use crate::base::SPANS;
use export::Health;

/// The name of the instrumentation scope, and of the service when nobody says otherwise.
const NAME: &str = env!("CARGO_PKG_NAME");

/// Traces on their way to a collector.
#[derive(Debug)]
pub struct Traces {
    provider: SdkTracerProvider,
    health: Health,
}

impl Traces {
    /// Begins to send, with `client`, whose requests run on `runtime`. `tell` hears when the collector is away and when it is back.
    ///
    /// # Errors
    /// [`Unusable`] when a variable that the OpenTelemetry libraries read themselves is wrong.
    pub fn start(
        settings: Settings,
        client: reqwest::Client,
        runtime: tokio::runtime::Handle,
        tell: impl Fn(Word) + Send + Sync + 'static,
    ) -> Result<Self, Unusable> {
        let health = Health::new(settings.shown(), tell);
        let name = settings.service.clone().unwrap_or_else(|| NAME.to_owned());
        let exporter = export::exporter(settings, client, runtime, health.clone())?;
        let resource = Resource::builder_empty()
            .with_detector(Box::new(resource::TelemetryResourceDetector))
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .with_detector(Box::new(resource::EnvResourceDetector::new()))
            .with_service_name(name)
            .build();
        let provider = SdkTracerProvider::builder().with_resource(resource).with_batch_exporter(exporter).build();
        Ok(Self { provider, health })
    }

    /// What takes the spans of this program, and nothing else: events of libraries could hold addresses with secrets in them.
    #[must_use]
    pub fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: tracing::Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer(NAME))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_level(false)
            .with_tracked_inactivity(false)
            .with_filter(Targets::new().with_target(SPANS, LevelFilter::TRACE))
    }

    /// Sends what is left, for at most `bound`, and ends. Blocks; not for an asynchronous task.
    pub fn finish(self, bound: Duration) {
        // Whatever a collector refuses was told when it did; what fails here is the end itself.
        if self.provider.shutdown_with_timeout(bound).is_err() {
            self.health.failed(&format!("no answer within {} s", bound.as_secs()));
        }
    }
}

/// Lets spans that are drawn on this thread belong to the trace that the environment names (`TRACEPARENT`, `TRACESTATE`, as W3C
/// writes them), while the result lives. Nothing when there is none, or none that can be read.
#[must_use]
pub fn join(variable: impl Fn(&str) -> Option<String>) -> Option<ContextGuard> {
    let named = ["TRACEPARENT", "TRACESTATE"].map(|name| Some((name.to_ascii_lowercase(), variable(name)?)));
    let carrier: std::collections::HashMap<String, String> = named.into_iter().flatten().collect();
    let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &carrier);
    context.span().span_context().is_valid().then(|| context.attach())
}

/// The id of the trace that is being drawn, as collectors write it; nothing when none is, or none that is sent.
#[must_use]
pub fn trace_id() -> Option<String> {
    let context = Context::current();
    let here = context.span().span_context().clone();
    (here.is_valid() && here.is_sampled()).then(|| here.trace_id().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_of_the_environment_is_joined_and_left() {
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let variable = |text: &'static str| move |name: &str| (name == "TRACEPARENT").then(|| text.to_owned());
        assert_eq!(trace_id(), None);
        let joined = join(variable(parent));
        assert_eq!(trace_id().as_deref(), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
        drop(joined);
        assert_eq!(trace_id(), None);
        for bad in ["", "hello", "00-00000000000000000000000000000000-00f067aa0ba902b7-01"] {
            assert!(join(variable(bad)).is_none(), "{bad}");
        }
        let unsampled = join(variable("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"));
        assert_eq!((unsampled.is_some(), trace_id()), (true, None), "what nobody keeps is not named");
    }
}
