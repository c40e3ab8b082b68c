//! Long-running operations, by the decision table of contract §9.2.

use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use serde_json::Value as Json;
use tokio::time::Instant;

use super::{Arm, ArmError, Reply, words};

/// How long azurerm waits between looks when the service does not say.
const USUAL: Duration = Duration::from_secs(10);

/// How many answers "not found" are taken for replication lag.
const ABSENT: u32 = 12;

/// What one look at an operation shows.
#[derive(Debug, PartialEq, Eq)]
enum Sight {
    Running,
    Done,
    Bad { status: String, code: String, message: String },
}

impl Arm {
    /// Waits until what `reply` started is over. `stays` says that the resource exists afterwards (PUT, not DELETE).
    pub(super) async fn settle(&self, reply: Reply, url: &str, stays: bool, limit: Duration) -> Result<(), ArmError> {
        let end = Instant::now() + limit;
        let mut wait = retry_after(&reply.headers);
        let Some(mut watched) = watched(&reply, url, stays) else { return Ok(()) };
        let mut absent = 0;
        loop {
            if Instant::now() >= end {
                return Err(ArmError::Late);
            }
            self.pause(wait.unwrap_or(USUAL)).await?;
            let look = match self.call(Method::GET, watched.url(), None).await {
                Ok(look) => look,
                Err(error) if error.is_absent() && !stays => return Ok(()),
                Err(error) if error.is_absent() && absent < ABSENT => {
                    absent += 1;
                    continue;
                }
                Err(error) => return Err(error),
            };
            wait = retry_after(&look.headers);
            match watched.sight(&look) {
                Sight::Running => watched.follow(&look.headers),
                Sight::Done => return Ok(()),
                Sight::Bad { status, code, message } => return Err(ArmError::Failed { status, code, message }),
            }
        }
    }
}

/// Where an operation's progress is told.
#[derive(Debug, PartialEq, Eq)]
enum Watched {
    /// `Azure-AsyncOperation`: a body with a `status`.
    Operation(String),
    /// `Location`: 202 while running.
    Location(String),
    /// The resource's own `provisioningState`.
    Resource(String),
}

fn watched(reply: &Reply, url: &str, stays: bool) -> Option<Watched> {
    let header = |name: &str| reply.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    if reply.status == StatusCode::NO_CONTENT {
        return None;
    }
    if let Some(operation) = header("azure-asyncoperation") {
        return Some(Watched::Operation(operation));
    }
    if reply.status == StatusCode::ACCEPTED {
        return Some(header("location").map_or_else(|| Watched::Resource(url.to_owned()), Watched::Location));
    }
    let resource = Watched::Resource(url.to_owned());
    (stays && resource.sight(reply) == Sight::Running).then_some(resource)
}

impl Watched {
    fn url(&self) -> &str {
        match self {
            Self::Operation(url) | Self::Location(url) | Self::Resource(url) => url,
        }
    }

    /// Each answer may move the address on.
    fn follow(&mut self, headers: &HeaderMap) {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        match self {
            Self::Operation(url) => *url = header("azure-asyncoperation").unwrap_or_else(|| std::mem::take(url)),
            Self::Location(url) => *url = header("location").unwrap_or_else(|| std::mem::take(url)),
            Self::Resource(_) => {}
        }
    }

    fn sight(&self, look: &Reply) -> Sight {
        let state = match self {
            Self::Operation(_) if look.status == StatusCode::ACCEPTED && look.body["status"].is_null() => return Sight::Running,
            Self::Operation(_) => look.body["status"].as_str(),
            Self::Location(_) if look.status == StatusCode::ACCEPTED => return Sight::Running,
            Self::Location(_) | Self::Resource(_) => look.body["properties"]["provisioningState"].as_str(),
        };
        verdict(state, &look.body)
    }
}

fn verdict(state: Option<&str>, body: &Json) -> Sight {
    match state.map(str::to_lowercase).as_deref() {
        None | Some("succeeded") => Sight::Done,
        Some("failed" | "canceled" | "cancelled") => {
            let (code, message) = words(body);
            Sight::Bad { status: state.unwrap_or_default().to_owned(), code, message }
        }
        Some(_) => Sight::Running,
    }
}

/// How long the service asks to wait: milliseconds first, as a fast rehearsal sends them.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    let milliseconds = number("retry-after-ms").or_else(|| number("x-ms-retry-after-ms")).map(Duration::from_millis);
    milliseconds.or_else(|| number("retry-after").map(Duration::from_secs)).map(|time| time.min(Duration::from_mins(1)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn reply(status: u16, headers: &[(&'static str, &str)], body: Json) -> Reply {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        Reply { status: StatusCode::from_u16(status).unwrap(), headers, body }
    }

    #[test]
    fn the_decision_table() {
        let operation = [("azure-asyncoperation", "https://op")];
        let location = [("location", "https://loc")];
        let running = json!({"properties": {"provisioningState": "Creating"}});
        let resource = Some(Watched::Resource("u".into()));
        assert_eq!(watched(&reply(201, &operation, running.clone()), "u", true), Some(Watched::Operation("https://op".into())));
        assert_eq!(watched(&reply(202, &location, Json::Null), "u", false), Some(Watched::Location("https://loc".into())));
        assert_eq!(watched(&reply(202, &[], Json::Null), "u", false), resource);
        assert_eq!(watched(&reply(200, &[], running), "u", true), resource);
        assert_eq!(watched(&reply(200, &[], json!({"id": "x"})), "u", true), None);
        assert_eq!(watched(&reply(204, &operation, Json::Null), "u", false), None);
    }

    #[test]
    fn words_of_the_end() {
        let body = json!({"status": "Failed", "error": {"code": "Quota", "message": "too much"}});
        let bad = Sight::Bad { status: "Failed".into(), code: "Quota".into(), message: "too much".into() };
        assert_eq!(Watched::Operation(String::new()).sight(&reply(200, &[], body)), bad);
        assert_eq!(verdict(Some("Reconciling"), &Json::Null), Sight::Running);
        assert_eq!(verdict(Some("succeeded"), &Json::Null), Sight::Done);
    }

    #[test]
    fn milliseconds_come_first() {
        let both = reply(200, &[("retry-after", "9"), ("retry-after-ms", "20")], Json::Null);
        assert_eq!(retry_after(&both.headers), Some(Duration::from_millis(20)));
        assert_eq!(retry_after(&reply(200, &[("retry-after", "900")], Json::Null).headers), Some(Duration::from_mins(1)));
    }
}
