//! The HTTP API of a Managed Grafana (contract §6.5), with an Entra token.

use serde_json::Value;

use super::prometheus::{self, Sample};
use super::request::{self, Answer, Call};
use super::{Azure, Method};
use crate::base::Class;

/// Talks to one Grafana.
#[derive(Clone, Debug)]
pub struct Client {
    azure: Azure,
    endpoint: String,
}

/// What `/api/health` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// `ok` when Grafana's own database answers.
    pub database: String,
    /// Grafana's version, such as `12.1.0`.
    pub version: String,
}

/// A data source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataSource {
    /// The id in URLs.
    pub uid: String,
    /// The name; `Managed_Prometheus_{workspace}` for an integration.
    pub name: String,
    /// The plugin, such as `prometheus`.
    pub kind: String,
    /// What it queries; for an integration the workspace's query endpoint.
    pub url: String,
}

/// A dashboard as found by a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dashboard {
    /// The id in URLs.
    pub uid: String,
    /// The title, the only stable mark of the shipped ones.
    pub title: String,
    /// The folder's title; nothing at the top.
    pub folder: Option<String>,
    /// Path below the endpoint.
    pub url: String,
}

/// Why Grafana gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The identity has no Grafana role, or it is not effective yet; Grafana then also shows its login page.
    #[error("`{endpoint}` does not let this identity in (a Grafana role is missing or not effective yet)")]
    Forbid {
        /// The Grafana.
        endpoint: String,
    },
    /// No connection.
    #[error("`{endpoint}` cannot be reached")]
    Reach {
        /// The Grafana.
        endpoint: String,
        /// The cause.
        source: Box<super::Error>,
    },
    /// A query through a data source gave no answer.
    #[error("the data source `{uid}` gave no answer")]
    Query {
        /// The data source.
        uid: String,
        /// The cause.
        source: Box<prometheus::Error>,
    },
    /// No token, or Grafana refused.
    #[error("the call to Grafana failed")]
    Call(#[from] super::Error),
}

impl Error {
    /// What the failure means for the caller.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Forbid { .. } => Class::Permission,
            Self::Reach { .. } => Class::Transient,
            Self::Query { source, .. } => source.class(),
            Self::Call(error) => error.class(),
        }
    }
}

impl Client {
    /// A client for a Grafana's `properties.endpoint`.
    #[must_use]
    pub fn new(azure: &Azure, endpoint: &str) -> Self {
        Self { azure: azure.clone(), endpoint: endpoint.trim_end_matches('/').to_owned() }
    }

    /// Whether Grafana itself is up.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn health(&self) -> Result<Health, Error> {
        let (body, _) = self.get("/api/health", &[]).await?;
        Ok(Health { database: text(&body, "database"), version: text(&body, "version") })
    }

    /// The signed-in user's login name: proof that token and role are accepted.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn user(&self) -> Result<String, Error> {
        Ok(text(&self.get("/api/user", &[]).await?.0, "login"))
    }

    /// All data sources.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn data_sources(&self) -> Result<Vec<DataSource>, Error> {
        let (body, answer) = self.get("/api/datasources", &[]).await?;
        let all = body.as_array().ok_or_else(|| answer.unreadable("it is no list"))?;
        let source = |item: &Value| DataSource {
            uid: text(item, "uid"),
            name: text(item, "name"),
            kind: text(item, "type"),
            url: text(item, "url"),
        };
        Ok(all.iter().map(source).collect())
    }

    /// Grafana's own check of a data source: whether it is `OK`, and the words.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn data_source_health(&self, uid: &str) -> Result<(bool, String), Error> {
        let answer = self.send(Method::Get, &format!("/api/datasources/uid/{}/health", segment(uid)), &[]).await?;
        let body = answer.json()?.unwrap_or_default();
        match body.get("status").and_then(Value::as_str) {
            Some(status) => Ok((answer.succeeded() && status == "OK", text(&body, "message"))),
            None => Err(answer.accepted().map_or_else(Error::from, |answer| answer.unreadable("it has no `status`").into())),
        }
    }

    /// Runs an instant query through a Prometheus data source: Grafana's identity reads the workspace, end to end.
    ///
    /// # Errors
    /// [`Error::Query`] when the workspace refuses Grafana or the query.
    pub async fn query_through(&self, uid: &str, promql: &str) -> Result<Vec<Sample>, Error> {
        let path = format!("/api/datasources/uid/{}/resources/api/v1/query", segment(uid));
        let answer = self.send(Method::Get, &path, &[("query", promql)]).await?;
        // A refusal here is the workspace's, handed through: Grafana's own identity lacks the role, not we.
        let read = match answer.status {
            403 => Err(prometheus::Error::Forbid { endpoint: format!("the workspace behind {uid}") }),
            _ => prometheus::read(&answer),
        };
        read.map_err(|source| Error::Query { uid: uid.to_owned(), source: Box::new(source) })
    }

    /// All dashboards that this identity sees.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn search_dashboards(&self) -> Result<Vec<Dashboard>, Error> {
        let query = [("type", "dash-db"), ("limit", "5000"), ("page", "1")];
        let (body, answer) = self.get("/api/search", &query).await?;
        let all = body.as_array().ok_or_else(|| answer.unreadable("it is no list"))?;
        let dashboard = |item: &Value| Dashboard {
            uid: text(item, "uid"),
            title: text(item, "title"),
            folder: Some(text(item, "folderTitle")).filter(|title| !title.is_empty()),
            url: text(item, "url"),
        };
        Ok(all.iter().map(dashboard).collect())
    }

    /// A dashboard as Grafana exports it: `{dashboard, meta}`.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn dashboard(&self, uid: &str) -> Result<Value, Error> {
        Ok(self.get(&format!("/api/dashboards/uid/{}", segment(uid)), &[]).await?.0)
    }

    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<(Value, Answer), Error> {
        let answer = self.send(Method::Get, path, query).await?;
        if answer.status == 403 {
            return Err(Error::Forbid { endpoint: self.endpoint.clone() });
        }
        let answer = answer.accepted()?;
        Ok((answer.json()?.unwrap_or_default(), answer))
    }

    async fn send(&self, method: Method, path: &str, query: &[(&str, &str)]) -> Result<Answer, Error> {
        let mut url = request::https(&format!("{}{path}", self.endpoint))?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let answer = match self.azure.grafana(Call::new(method, url)).await {
            Ok(answer) => answer,
            Err(source @ super::Error::Reach { .. }) => {
                return Err(Error::Reach { endpoint: self.endpoint.clone(), source: Box::new(source) });
            }
            Err(error) => return Err(error.into()),
        };
        // Without a role Grafana sends to its login page: as a redirect, or as a page with status 200.
        let page = answer.header("content-type").is_some_and(|kind| kind.trim_start().starts_with("text/html"));
        if matches!(answer.status, 301..=399 | 401) || (page && answer.status < 500) {
            return Err(Error::Forbid { endpoint: self.endpoint.clone() });
        }
        Ok(answer)
    }
}

fn text(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A uid as one path segment, whatever it contains.
fn segment(uid: &str) -> String {
    url::form_urlencoded::byte_serialize(uid.as_bytes()).collect::<String>().replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{Reply, azure, empty, refusal, reply};
    use super::*;

    fn grafana(replies: impl IntoIterator<Item = Reply>) -> Client {
        Client::new(&azure(replies).0, "https://amg1.weu.grafana.azure.com/")
    }

    #[tokio::test]
    async fn a_login_page_is_a_missing_role() {
        let page = || Reply::Answer(200, vec![("content-type", "text/html; charset=UTF-8".to_owned())], b"<html>login".to_vec());
        let redirect = || empty(302).with("location", "/login");
        for replies in [vec![page()], vec![redirect()], vec![empty(401), empty(401)], vec![refusal(403, "x")]] {
            let error = grafana(replies).user().await.unwrap_err();
            assert!(matches!(error, Error::Forbid { .. }), "{error:?}");
            assert_eq!(error.class(), Class::Permission);
        }
    }

    #[tokio::test]
    async fn what_it_says_is_read() {
        let client = grafana([
            reply(200, &json!({"database": "ok", "version": "12.1.0", "commit": "x"})),
            reply(200, &json!([{"uid": "u", "name": "Managed_Prometheus_amw1", "type": "prometheus", "url": "https://q"}])),
            reply(200, &json!([{"uid": "d", "title": "Kubernetes / Networking / Clusters", "folderTitle": "F", "url": "/d/d"}])),
        ]);
        assert_eq!(client.health().await.unwrap(), Health { database: "ok".into(), version: "12.1.0".into() });
        assert_eq!(client.data_sources().await.unwrap()[0].kind, "prometheus");
        assert_eq!(client.search_dashboards().await.unwrap()[0].folder.as_deref(), Some("F"));
    }

    #[tokio::test]
    async fn a_data_sources_health_is_told_in_either_status() {
        let client = grafana([
            reply(200, &json!({"status": "OK", "message": "fine"})),
            reply(400, &json!({"status": "ERROR", "message": "403 from the workspace"})),
        ]);
        assert_eq!(client.data_source_health("u").await.unwrap(), (true, "fine".to_owned()));
        assert_eq!(client.data_source_health("u").await.unwrap(), (false, "403 from the workspace".to_owned()));
    }

    #[tokio::test]
    async fn a_query_through_grafana_tells_whose_role_is_missing() {
        let found = json!({"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "value": [1, "2"]}]}});
        let client = grafana([reply(200, &found), refusal(403, "x")]);
        assert_eq!(client.query_through("a/b", "up").await.unwrap().len(), 1);
        let error = client.query_through("u", "up").await.unwrap_err();
        assert!(matches!(&error, Error::Query { source, .. } if matches!(**source, prometheus::Error::Forbid { .. })));
    }
}
