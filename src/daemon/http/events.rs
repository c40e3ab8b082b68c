//! What changes, as it changes: server-sent events. One feed asks the roster while anybody listens, so that many pages cost what one
//! costs.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures::{Stream, StreamExt as _};
use serde_json::{Value, json};
use tokio::sync::broadcast;

use super::{Shared, unavailable};
use crate::daemon::{Book, Row};
use crate::journal;

/// How often the roster is asked.
const EVERY: Duration = Duration::from_millis(500);
/// Rows are dated by the database's clock when they are written, and seen when they are committed: as much is looked at twice.
const OVERLAP: i64 = 3_000;
/// A listener that falls behind by more is told to begin anew.
const MOST_BEHIND: usize = 4096;
/// Proxies close connections on which nothing comes.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The feed that all listeners share.
#[derive(Debug)]
pub(super) struct Feed {
    book: Arc<Book>,
    sender: broadcast::Sender<(&'static str, Value)>,
    running: Mutex<bool>,
}

impl Feed {
    pub(super) fn new(book: Arc<Book>) -> Self {
        Self { book, sender: broadcast::channel(MOST_BEHIND).0, running: Mutex::new(false) }
    }

    fn is_wanted(&self) -> bool {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock, or a listener that comes in this moment would find a feed that has just ended.
        *running = self.sender.receiver_count() > 0;
        *running
    }

    fn begins(&self) -> bool {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        !std::mem::replace(&mut *running, true)
    }
}

/// The stream of one listener.
pub(super) async fn stream(State(shared): State<Arc<Shared>>) -> Response {
    let receiver = shared.events.sender.subscribe();
    if shared.events.begins() {
        let since = match shared.book.now().await {
            Ok(now) => now.as_millisecond(),
            Err(error) => return unavailable(&error),
        };
        tokio::spawn(watch(shared.clone(), since));
    }
    let mut answer = Sse::new(told(receiver)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response();
    // A proxy that gathers would make it late.
    answer.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

fn told(receiver: broadcast::Receiver<(&'static str, Value)>) -> impl Stream<Item = Result<Event, Infallible>> {
    let first = futures::stream::once(async { Ok(Event::default().comment("aksight")) });
    let rest = futures::stream::unfold(receiver, |mut receiver| async move {
        let (kind, data) = match receiver.recv().await {
            Ok(event) => event,
            Err(broadcast::error::RecvError::Lagged(_)) => ("reload", json!({})),
            Err(broadcast::error::RecvError::Closed) => return None,
        };
        Some((Ok(Event::default().event(kind).data(data.to_string())), receiver))
    });
    first.chain(rest)
}

/// Tells what changes while anybody listens.
async fn watch(shared: Arc<Shared>, since: i64) {
    let feed = &shared.events;
    let mut seen = Seen { since, rows: BTreeMap::new(), daemon: Value::Null };
    while feed.is_wanted() {
        match seen.news(&feed.book).await {
            // Nobody listens any more; the loop sees it, too.
            Ok(news) => news.into_iter().for_each(|event| drop(feed.sender.send(event))),
            Err(error) => tracing::debug!(%error, "the feed cannot ask the store"),
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// What was told already.
struct Seen {
    since: i64,
    rows: BTreeMap<String, (i64, Row)>,
    daemon: Value,
}

impl Seen {
    async fn news(&mut self, book: &Book) -> Result<Vec<(&'static str, Value)>, journal::Error> {
        let mut news = Vec::new();
        let changed = book.changed_since(self.since - OVERLAP).await?;
        for entry in changed {
            self.since = self.since.max(entry.changed);
            let (kept, changed) = (entry.kept, entry.changed);
            let row = Row::of(entry);
            if self.rows.get(&row.name).is_some_and(|(_, told)| *told == row) {
                continue;
            }
            let told = serde_json::to_value(&row).unwrap_or_default();
            news.push(if kept { ("stack", told) } else { ("gone", json!({"name": row.name})) });
            self.rows.insert(row.name.clone(), (changed, row));
        }
        let horizon = self.since - OVERLAP;
        self.rows.retain(|_, (changed, _)| *changed >= horizon);
        let daemon = json!({"frozen": book.is_frozen().await?, "problem": book.reload_problem()});
        if self.daemon != daemon {
            self.daemon = daemon.clone();
            news.push(("daemon", daemon));
        }
        Ok(news)
    }
}
