//! The spans that traces are made of: their target, and what the fields of an HTTP call are called.
//!
//! A span costs nothing while nobody listens to [`SPANS`]: only `telemetry` does, when it is switched on, and a log with
//! `AKSIGHT_LOG=trace`. Names of fields are those of OpenTelemetry where it has one. No field ever takes a query string, a body, a
//! header that authenticates, or any other text that could hold a secret.

use std::fmt::Display;

use tracing::Span;
use tracing::field::{Empty, display};

/// The target of all spans, at level `TRACE`: below what logs show.
pub const SPANS: &str = "aksight::span";

/// An HTTP call of ours, one for every attempt. `path` must be without query.
#[must_use]
pub fn http(method: &str, host: &str, port: u16, path: &str) -> Span {
    tracing::trace_span!(
        target: SPANS,
        "http",
        otel.name = name(method, path).as_str(),
        otel.kind = "client",
        otel.status_code = Empty,
        http.request.method = method,
        http.request.resend_count = Empty,
        http.response.status_code = Empty,
        server.address = host,
        server.port = port,
        url.path = path,
        url.template = template(path).as_deref(),
        error.type = Empty,
        az.client_request_id = Empty,
        az.correlation_id = Empty,
        az.service_request_id = Empty,
    )
}

/// Notes the answer to an HTTP call; for a client, everything from 400 on is an error.
pub fn answered(span: &Span, status: u16) {
    span.record("http.response.status_code", status);
    if status >= 400 {
        unanswered(span, status);
    }
}

/// Notes that no answer came, and of which kind the error was.
pub fn unanswered(span: &Span, kind: impl Display) {
    span.record("error.type", display(kind));
    span.record("otel.status_code", "ERROR");
}

/// Notes that what a span stands for did not succeed; the span must have the fields `otel.status_code` and
/// `otel.status_description`. `why` is what the report says, too.
pub fn failed(span: &Span, why: impl Display) {
    span.record("otel.status_code", "ERROR");
    span.record("otel.status_description", display(why));
}

fn name(method: &str, path: &str) -> String {
    template(path).map_or_else(|| method.to_owned(), |template| format!("{method} {template}"))
}

/// The path of a resource of ARM with placeholders for its names, so that calls of one kind have one name; nothing for other paths.
fn template(path: &str) -> Option<String> {
    let mut parts = path.strip_prefix('/')?.split('/').filter(|part| !part.is_empty());
    if !parts.next()?.eq_ignore_ascii_case("subscriptions") {
        return None;
    }
    let mut made = "/subscriptions".to_owned();
    // Types and names alternate, but for the namespace behind `providers`.
    let (mut is_name, mut is_namespace) = (true, false);
    for part in parts {
        made.push('/');
        made.push_str(if is_name { "{}" } else { part });
        (is_name, is_namespace) = match (is_name, is_namespace) {
            (true, _) | (_, true) => (false, false),
            _ if part.eq_ignore_ascii_case("providers") => (false, true),
            _ => (true, false),
        };
    }
    Some(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_one_kind_have_one_name() {
        let cluster = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/aks";
        let template = "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.ContainerService/managedClusters/{}";
        assert_eq!(name("PUT", cluster), format!("PUT {template}"));
        let association = format!("{cluster}/providers/Microsoft.Insights/dataCollectionRuleAssociations/one");
        assert!(name("GET", &association).ends_with("/{}/providers/Microsoft.Insights/dataCollectionRuleAssociations/{}"));
        assert!(name("POST", &format!("{cluster}/runCommand")).ends_with("managedClusters/{}/runCommand"));
        assert_eq!(name("GET", "/subscriptions/s/providers"), "GET /subscriptions/{}/providers");
        assert_eq!(name("POST", "/tenant/oauth2/v2.0/token"), "POST");
        assert_eq!(name("GET", ""), "GET");
    }
}
