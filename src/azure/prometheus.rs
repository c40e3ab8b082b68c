//! The query API of an Azure Monitor workspace (contract §6.3).

use std::collections::BTreeMap;

use serde_json::Value;

use super::request::{self, Answer, Call};
use super::{Azure, Method};
use crate::base::Class;

/// Queries one workspace.
#[derive(Clone, Debug)]
pub struct Client {
    azure: Azure,
    endpoint: String,
}

/// One series of an instant query.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Labels, with `__name__` if the query kept it.
    pub labels: BTreeMap<String, String>,
    /// Unix seconds.
    pub timestamp: f64,
    /// The value; `NaN` and infinities occur.
    pub value: f64,
}

/// Why a query gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No Monitoring Data Reader on the workspace, or not effective yet: wait up to ten minutes after an assignment.
    #[error("`{endpoint}` does not let this identity read metrics (Monitoring Data Reader is missing or not effective yet)")]
    Forbid {
        /// The query endpoint.
        endpoint: String,
    },
    /// The token is for another audience or tenant.
    #[error("`{endpoint}` does not accept tokens for `{scope}`")]
    MistakeAudience {
        /// The query endpoint.
        endpoint: String,
        /// The scope that was asked for.
        scope: String,
    },
    /// No connection; with a private endpoint only, the workspace does not answer from here.
    #[error("`{endpoint}` cannot be reached; is public network access disabled?")]
    Reach {
        /// The query endpoint.
        endpoint: String,
        /// The cause.
        source: Box<super::Error>,
    },
    /// The store understood and refused.
    #[error("the query was refused ({error_type}): {message}")]
    Refuse {
        /// `bad_data`, `execution`, `timeout`, or the HTTP status.
        error_type: String,
        /// The store's words.
        message: String,
        /// Whether a later try may work.
        transient: bool,
    },
    /// No token, or an answer of another shape.
    #[error("the workspace could not be queried")]
    Call(#[from] super::Error),
}

impl Error {
    /// What the failure means for the caller.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Forbid { .. } => Class::Permission,
            Self::MistakeAudience { .. } => Class::Credential,
            Self::Reach { .. } | Self::Refuse { transient: true, .. } => Class::Transient,
            Self::Refuse { .. } => Class::Invalid,
            Self::Call(error) => error.class(),
        }
    }
}

impl Client {
    /// A client for a workspace's `prometheusQueryEndpoint`.
    #[must_use]
    pub fn new(azure: &Azure, endpoint: &str) -> Self {
        Self { azure: azure.clone(), endpoint: endpoint.trim_end_matches('/').to_owned() }
    }

    /// Runs an instant query. Every selector needs exactly one metric name. No series is an empty answer, not an error.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn query(&self, promql: &str) -> Result<Vec<Sample>, Error> {
        let url = request::https(&format!("{}/api/v1/query", self.endpoint))?;
        let mut call = Call::new(Method::Post, url).form(&[("query", promql)]);
        // A query changes nothing.
        call.repeatable = true;
        let answer = match self.azure.query(call).await {
            Ok(answer) => answer,
            Err(error @ super::Error::Reach { .. }) => {
                return Err(Error::Reach { endpoint: self.endpoint.clone(), source: Box::new(error) });
            }
            Err(error) => return Err(error.into()),
        };
        match answer.status {
            401 => Err(Error::MistakeAudience {
                endpoint: self.endpoint.clone(),
                scope: self.azure.cloud().prometheus_scope.clone(),
            }),
            403 => Err(Error::Forbid { endpoint: self.endpoint.clone() }),
            _ => read(&answer),
        }
    }
}

/// Reads Prometheus' own envelope, which Grafana hands through unchanged.
pub(super) fn read(answer: &Answer) -> Result<Vec<Sample>, Error> {
    let body = match answer.json() {
        Ok(body) => body.unwrap_or_default(),
        Err(error) if answer.succeeded() => return Err(error.into()),
        Err(_) => Value::Null,
    };
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    if !answer.succeeded() || text("status") != Some("success") {
        let refusal = answer.refusal();
        return Err(Error::Refuse {
            error_type: text("errorType").map_or_else(|| answer.status.to_string(), str::to_owned),
            message: text("error").map_or(refusal.message, str::to_owned),
            transient: matches!(answer.status, 408 | 429 | 500..=599),
        });
    }
    match body.pointer("/data/result") {
        Some(Value::Array(all)) if text_at(&body, "/data/resultType") == Some("scalar") => Ok(point(all).into_iter().collect()),
        Some(Value::Array(all)) => {
            all.iter().map(|item| series(item).ok_or_else(|| answer.unreadable("a series has no value").into())).collect()
        }
        _ => Err(answer.unreadable("`data.result` is no list").into()),
    }
}

fn text_at<'a>(body: &'a Value, pointer: &str) -> Option<&'a str> {
    body.pointer(pointer)?.as_str()
}

fn series(item: &Value) -> Option<Sample> {
    let sample = point(item.get("value")?.as_array()?)?;
    let labels = item.get("metric").and_then(Value::as_object).into_iter().flatten();
    let labels = labels.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect();
    Some(Sample { labels, ..sample })
}

/// `[1753956000.0, "42"]`; Rust reads `NaN`, `+Inf` and `-Inf` as Prometheus writes them.
fn point(pair: &[Value]) -> Option<Sample> {
    let (timestamp, value) = (pair.first()?.as_f64()?, pair.get(1)?.as_str()?.parse().ok()?);
    Some(Sample { labels: BTreeMap::new(), timestamp, value })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{Reply, azure, empty, reply};
    use super::*;

    const ENDPOINT: &str = "https://amw1.westeurope.prometheus.monitor.azure.com/";

    async fn asked(replies: impl IntoIterator<Item = Reply>) -> Result<Vec<Sample>, Error> {
        let (azure, script, _) = azure(replies);
        let found = Client::new(&azure, ENDPOINT).query("count(up{cluster=\"c 1\"})").await;
        let sent = &script.seen()[0];
        assert_eq!(sent.url, "https://amw1.westeurope.prometheus.monitor.azure.com/api/v1/query");
        assert_eq!(sent.body, "query=count%28up%7Bcluster%3D%22c+1%22%7D%29");
        found
    }

    #[tokio::test]
    async fn samples_are_read() {
        let result = json!([{"metric": {"job": "node"}, "value": [1_753_956_000.5, "42"]}, {"metric": {}, "value": [1, "+Inf"]}]);
        let found = asked([reply(200, &json!({"status": "success", "data": {"resultType": "vector", "result": result}}))]).await;
        let found = found.unwrap();
        assert_eq!((found[0].labels["job"].as_str(), found[0].timestamp, found[0].value), ("node", 1_753_956_000.5, 42.0));
        assert!(found[1].value.is_infinite());
        let none =
            asked([empty(503), reply(200, &json!({"status": "success", "data": {"resultType": "vector", "result": []}}))]).await;
        assert_eq!(none.unwrap(), [], "a query may be repeated");
    }

    #[tokio::test]
    async fn refusals_are_told_apart() {
        assert_eq!(asked([empty(403)]).await.unwrap_err().class(), Class::Permission);
        assert_eq!(asked([empty(401), empty(401)]).await.unwrap_err().class(), Class::Credential);
        let dead = (0..4).map(|_| Reply::NotConnected);
        assert!(matches!(asked(dead).await, Err(Error::Reach { .. })));
        let bad = json!({"status": "error", "errorType": "bad_data", "error": "exactly one metric name"});
        insta::assert_snapshot!(asked([reply(400, &bad)]).await.unwrap_err(), @"the query was refused (bad_data): exactly one metric name");
    }
}
