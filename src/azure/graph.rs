//! Resource Graph: one question over many subscriptions, answered page by page and out of the recent past (contract §8.3).
//!
//! Pages hold at most 1,000 rows, and whoever asks has a quota, of late fifteen pages in five seconds, which every answer tells
//! (Microsoft: "Guidance for pagination", "Guidance for throttled requests"). [`Graph`] waits when it is used up.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use azure_core::http::headers::Headers;
use serde_json::{Map, Value, json};

use super::request::{Answer, Call};
use super::{Azure, Error, Method, wait};
use crate::base::Kind;
use crate::base::clock::Timestamp;

const PATH: &str = "/providers/Microsoft.ResourceGraph/resources";
/// Rows that are asked for on a page; the service gives no more.
const MOST_ROWS: usize = 1000;
/// Subscriptions that one request may name.
const MOST_SUBSCRIPTIONS: usize = 1000;
/// More pages than this for one question are a loop.
const MOST_PAGES: usize = 10_000;
/// An answer of more than 16 MB is refused with this code; fewer rows fit.
const TOO_LARGE: &str = "ResponsePayloadTooLarge";

/// A question in Resource Graph's part of Kusto. It must sort by `id`, or pages may repeat rows and miss others.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// GUIDs of the subscriptions. Those that the asker may not read are passed over in silence.
    pub subscriptions: &'a [String],
    /// The query.
    pub query: &'a str,
    /// Whether role assignments above the subscriptions count too.
    pub inherited: bool,
}

/// Asks Resource Graph within the quota of one identity. Keep one for all questions of a sweep.
#[derive(Debug)]
pub struct Graph {
    azure: Azure,
    quota: Mutex<Quota>,
    /// Held by whoever asks for a page or waits until there is one.
    gate: tokio::sync::Mutex<()>,
}

/// What the answers said about the quota.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Quota {
    /// How many pages may still be asked for, and when there are more again; nothing when nobody said.
    left: Option<(u32, Timestamp)>,
    /// How often the quota became whole again: what an older answer says no longer counts.
    window: u32,
    /// Pages that were asked for.
    asked: usize,
}

impl Quota {
    fn renew(&mut self) {
        (self.left, self.window) = (None, self.window.wrapping_add(1));
    }
}

/// One page.
struct Page {
    rows: Vec<Value>,
    next: Option<String>,
}

impl Graph {
    /// Over this connection.
    #[must_use]
    pub fn new(azure: &Azure) -> Self {
        Self { azure: azure.clone(), quota: Mutex::default(), gate: tokio::sync::Mutex::default() }
    }

    /// How many pages were asked for so far; what was throttled and asked again counts once.
    pub fn pages(&self) -> usize {
        self.quota().asked
    }

    fn quota(&self) -> MutexGuard<'_, Quota> {
        self.quota.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks, and hands over every row as its page arrives.
    ///
    /// # Errors
    /// Any [`Error`]; [`Error::ReadAnswer`] when rows are missing from the answer.
    pub async fn rows(&self, question: &Question<'_>, mut take: impl FnMut(Value) + Send) -> Result<(), Error> {
        for subscriptions in question.subscriptions.chunks(MOST_SUBSCRIPTIONS) {
            let (mut most, mut token) = (MOST_ROWS, None);
            for _ in 0..MOST_PAGES {
                match self.page(&Question { subscriptions, ..*question }, most, token.as_deref()).await {
                    Ok(page) => {
                        page.rows.into_iter().for_each(&mut take);
                        token = page.next;
                        if token.is_none() {
                            break;
                        }
                    }
                    Err(error) if most > 1 && error.is(TOO_LARGE) => most /= 2,
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    async fn page(&self, question: &Question<'_>, most: usize, token: Option<&str>) -> Result<Page, Error> {
        let mut options = json!({"resultFormat": "objectArray", "$top": most});
        if let Some(token) = token {
            options["$skipToken"] = json!(token);
        }
        if question.inherited {
            options["authorizationScopeFilter"] = json!("AtScopeAboveAndBelow");
        }
        let body = json!({"subscriptions": question.subscriptions, "query": question.query, "options": options});
        let url = self.azure.url(PATH, Kind::ResourceGraph.api_version(), &[])?;
        let mut call = Call::new(Method::Post, url).about("Resource Graph").json(&body);
        // A question changes nothing.
        call.repeatable = true;
        let window = self.take_turn().await;
        let answer = self.azure.arm(call).await?;
        self.note(&answer, window);
        read(&answer.accepted()?)
    }

    /// Waits until there is a page to be had; who comes meanwhile waits behind. Gives back the window that the page is taken from.
    async fn take_turn(&self) -> u32 {
        let _turn = self.gate.lock().await;
        let now = self.azure.now();
        let left = self.quota().left;
        match left {
            Some((0, resets)) if resets > now => {
                let wait = Duration::try_from(resets.duration_since(now)).unwrap_or_default();
                self.azure.clock().sleep(wait).await;
                self.quota().renew();
            }
            Some((left, resets)) if resets > now => self.quota().left = Some((left.saturating_sub(1), resets)),
            Some(_) => self.quota().renew(),
            None => {}
        }
        let mut quota = self.quota();
        quota.asked += 1;
        quota.window
    }

    /// Remembers what an answer says. Answers overtake one another, and the service rounds up: within a window the smaller number and
    /// the earlier end hold.
    fn note(&self, answer: &Answer, window: u32) {
        let Some(told) = told(&answer.headers, answer.at) else { return };
        let mut quota = self.quota();
        if quota.window == window {
            quota.left = Some(quota.left.map_or(told, |known| (known.0.min(told.0), known.1.min(told.1))));
        }
    }
}

/// The quota that is left, and when it is whole again.
fn told(headers: &Headers, at: Timestamp) -> Option<(u32, Timestamp)> {
    let name = azure_core::http::headers::HeaderName::from_static("x-ms-user-quota-remaining");
    let left = headers.get_optional_str(&name)?.trim().parse().ok()?;
    Some((left, at + wait::quota_resets(headers)?))
}

fn read(answer: &Answer) -> Result<Page, Error> {
    let Some(Value::Object(mut body)) = answer.json()? else { return Err(answer.unreadable("it is no object")) };
    let next = body.remove("$skipToken").and_then(|token| token.as_str().filter(|token| !token.is_empty()).map(str::to_owned));
    if next.is_none() && truncated(&body) {
        return Err(answer.unreadable("rows are missing, and no token leads to them"));
    }
    match body.remove("data") {
        Some(Value::Array(rows)) => Ok(Page { rows, next }),
        _ => Err(answer.unreadable("`data` is no list")),
    }
}

/// `resultTruncated` is a text in the service's answers and a truth value in its description.
fn truncated(body: &Map<String, Value>) -> bool {
    match body.get("resultTruncated") {
        Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
        Some(Value::Bool(truth)) => *truth,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Reply, azure, empty, refusal, reply};
    use super::*;

    fn page(rows: std::ops::Range<usize>, next: Option<&str>) -> Reply {
        let data: Vec<Value> = rows.map(|row| json!({"id": row})).collect();
        let mut body = json!({"totalRecords": 2500, "count": data.len(), "resultTruncated": "false", "data": data});
        if let Some(next) = next {
            body["$skipToken"] = json!(next);
        }
        reply(200, &body)
    }

    fn quota(reply: Reply, left: u32, resets: &str) -> Reply {
        reply.with("x-ms-user-quota-remaining", left.to_string()).with("x-ms-user-quota-resets-after", resets)
    }

    fn headers(left: u32, resets: &'static str) -> Headers {
        let mut headers = Headers::new();
        headers.insert("x-ms-user-quota-remaining", left.to_string());
        headers.insert("x-ms-user-quota-resets-after", resets);
        headers
    }

    async fn asked(graph: &Graph, subscriptions: &[String]) -> Result<Vec<u64>, Error> {
        let question = Question { subscriptions, query: "resources | project id | order by id asc", inherited: false };
        let mut rows = Vec::new();
        graph.rows(&question, |row| rows.extend(row["id"].as_u64())).await?;
        Ok(rows)
    }

    #[tokio::test]
    async fn every_page_is_read_by_the_token_of_the_one_before() {
        let (azure, script, _) = azure([page(0..1000, Some("a")), page(1000..2000, Some("b")), page(2000..2500, None)]);
        let graph = Graph::new(&azure);
        assert_eq!(asked(&graph, &["s1".into(), "s2".into()]).await.unwrap(), (0..2500).collect::<Vec<_>>());
        assert_eq!(graph.pages(), 3);
        insta::assert_snapshot!(script.lines()[0], @"POST /providers/Microsoft.ResourceGraph/resources?api-version=2024-04-01");
        let bodies: Vec<String> = script.seen().into_iter().map(|seen| seen.body).collect();
        insta::assert_snapshot!(bodies[0], @r#"{"subscriptions":["s1","s2"],"query":"resources | project id | order by id asc","options":{"resultFormat":"objectArray","$top":1000}}"#);
        assert!(bodies[1].contains(r#""$skipToken":"a""#) && bodies[2].contains(r#""$skipToken":"b""#), "{bodies:?}");
    }

    #[tokio::test]
    async fn more_subscriptions_than_a_request_may_name_are_asked_in_turn() {
        let (azure, script, _) = azure([page(0..1, None), page(1..2, None)]);
        let many: Vec<String> = (0..1001).map(|number| format!("s{number}")).collect();
        assert_eq!(asked(&Graph::new(&azure), &many).await.unwrap(), [0, 1]);
        assert!(script.seen()[1].body.contains(r#""subscriptions":["s1000"]"#));
    }

    #[tokio::test]
    async fn a_quota_that_is_used_up_is_waited_for() {
        let (azure, _, clock) =
            azure([quota(page(0..1, Some("a")), 0, "00:00:04"), quota(page(1..2, Some("b")), 9, "00:01:05"), page(2..3, None)]);
        assert_eq!(asked(&Graph::new(&azure), &["s".into()]).await.unwrap(), [0, 1, 2]);
        assert_eq!(*clock.slept.lock().unwrap(), [Duration::from_secs(4)]);
    }

    #[tokio::test]
    async fn what_is_told_late_about_an_old_quota_no_longer_counts() {
        let used_up = || quota(page(0..1, None), 0, "00:00:05");
        let (azure, _, clock) = azure([used_up(), quota(page(0..1, None), 14, "00:00:05"), page(0..1, None)]);
        let graph = Graph::new(&azure);
        asked(&graph, &["s".into()]).await.unwrap();
        let old = graph.take_turn().await;
        let late = Answer {
            method: "POST",
            resource: String::new(),
            status: 200,
            headers: headers(0, "00:00:05"),
            body: bytes::Bytes::new(),
            at: azure.now(),
        };
        graph.quota().renew();
        graph.note(&late, old);
        asked(&graph, &["s".into()]).await.unwrap();
        asked(&graph, &["s".into()]).await.unwrap();
        assert_eq!(clock.slept.lock().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn who_is_throttled_asks_again_when_the_quota_is_there() {
        let throttled = || quota(refusal(429, "RateLimiting"), 0, "00:00:03");
        let (azure, script, clock) = azure([throttled().with("retry-after", "2"), throttled(), page(0..1, None)]);
        assert_eq!(asked(&Graph::new(&azure), &["s".into()]).await.unwrap(), [0]);
        assert_eq!(script.seen().len(), 3);
        let slept = clock.slept.lock().unwrap();
        let near = |index: usize, seconds: u64| {
            (1.0..1.2).contains(&(slept[index].as_secs_f64() / Duration::from_secs(seconds).as_secs_f64()))
        };
        assert!(near(0, 2) && near(1, 3), "{slept:?}");
    }

    #[tokio::test]
    async fn rows_that_are_too_many_for_an_answer_are_asked_for_in_smaller_pages() {
        let large = || refusal(400, TOO_LARGE);
        let (azure, script, _) = azure([large(), large(), page(0..250, Some("a")), empty(503), page(250..300, None)]);
        assert_eq!(asked(&Graph::new(&azure), &["s".into()]).await.unwrap().len(), 300);
        let most = |index: usize| serde_json::from_str::<Value>(&script.seen()[index].body).unwrap()["options"]["$top"].take();
        assert_eq!([most(0), most(1), most(2), most(4)], [1000, 500, 250, 250]);
    }

    #[tokio::test]
    async fn a_cut_answer_is_none() {
        let body = json!({"count": 1, "totalRecords": 2, "resultTruncated": "true", "data": [{"id": 1}]});
        let (azure, ..) = azure([reply(200, &body)]);
        let error = asked(&Graph::new(&azure), &["s".into()]).await.unwrap_err();
        insta::assert_snapshot!(error, @"the answer to POST `Resource Graph` cannot be read: rows are missing, and no token leads to them");
    }
}
