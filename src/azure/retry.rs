//! When a request is sent again: by method, status and what the service asked for (contract §9.3, §9.5).
//!
//! `azure_core`'s own policy repeats POST and sleeps as long as a service says. Both are wrong here: a run-command must not run
//! twice, and a wait of twenty minutes is for the engine to decide, not for a client that holds a lock.

use std::sync::Arc;
use std::time::Duration;

use azure_core::error::ErrorKind;
use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::{Context, Method, Request};
use uuid::Uuid;

use super::tokens::Tokens;
use super::traced::Resent;
use super::{Meter, wait};
use crate::base::Clock;

/// Marks a call whose POST may be repeated.
pub(super) struct Repeatable;

/// A wait longer than this is handed to the caller as an error that says how long.
const LONGEST_WAIT: Duration = Duration::from_mins(5);
const THROTTLED_TRIES: u32 = 10;
const BROKEN_TRIES: u32 = 6;
/// Fewer, because a wrong host name should be told soon.
const CONNECT_TRIES: u32 = 4;
const LONGEST_BACK_OFF: Duration = Duration::from_secs(30);

/// The policy. First in a pipeline, so that everything behind it happens anew on each attempt.
#[derive(Debug)]
pub(super) struct Retry {
    clock: Arc<dyn Clock>,
    /// Whose token is thrown away on 401, and for which scope; nothing where 401 means wrong credentials.
    refresh: Option<(Arc<Tokens>, String)>,
    /// Whether POST is repeatable on this pipeline without being marked.
    posts: bool,
    /// Where waits are counted that throttling caused.
    meter: Option<Arc<Meter>>,
}

impl Retry {
    /// For a pipeline that authenticates with `tokens` for `scope`.
    pub(super) fn authenticated(clock: Arc<dyn Clock>, tokens: Arc<Tokens>, scope: String) -> Self {
        Self { clock, refresh: Some((tokens, scope)), posts: false, meter: None }
    }

    /// For token requests and other calls that carry no token; their POSTs change nothing.
    pub(super) fn anonymous(clock: Arc<dyn Clock>) -> Self {
        Self { clock, refresh: None, posts: true, meter: None }
    }
}

impl Retry {
    /// The same, counting.
    pub(super) fn metered(self, meter: Arc<Meter>) -> Self {
        Self { meter: Some(meter), ..self }
    }
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// An answer and the wait that it asks for.
    Status(u16, Option<Duration>),
    /// Nothing was sent.
    NotConnected,
    /// The connection broke after something may have been sent.
    Broken,
    /// An error that repeats will not cure.
    Final,
}

/// Attempts so far, by reason.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    throttled: u32,
    broken: u32,
    unconnected: u32,
    refused: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Return,
    /// Repeat after a wait, before jitter.
    Repeat(Duration),
    /// Repeat at once with a new token.
    Refresh,
}

/// The decision. `repeatable` says that a second sending does no harm.
fn decide(outcome: Outcome, repeatable: bool, can_refresh: bool, tally: &mut Tally) -> Verdict {
    let (count, tries, asked) = match outcome {
        Outcome::Status(401, _) if can_refresh && tally.refused == 0 => {
            tally.refused = 1;
            return Verdict::Refresh;
        }
        // Throttled: the service did nothing, so any method may come again.
        Outcome::Status(429, asked) => (&mut tally.throttled, THROTTLED_TRIES, asked),
        Outcome::Status(408 | 500 | 502 | 503 | 504, asked) if repeatable => (&mut tally.broken, BROKEN_TRIES, asked),
        Outcome::Broken if repeatable => (&mut tally.broken, BROKEN_TRIES, None),
        Outcome::NotConnected => (&mut tally.unconnected, CONNECT_TRIES, None),
        _ => return Verdict::Return,
    };
    *count += 1;
    let pause = asked.unwrap_or_else(|| back_off(*count));
    if *count >= tries || pause > LONGEST_WAIT { Verdict::Return } else { Verdict::Repeat(pause) }
}

/// 1 s, 2 s, 4 s … 30 s.
fn back_off(attempt: u32) -> Duration {
    Duration::from_secs(1_u64 << attempt.saturating_sub(1).min(5)).min(LONGEST_BACK_OFF)
}

/// Up to a fifth more, so that clients which were throttled together do not come back together.
fn with_jitter(pause: Duration) -> Duration {
    let [byte, ..] = *Uuid::new_v4().as_bytes();
    pause + pause * u32::from(byte) / (5 * 256)
}

#[async_trait::async_trait]
impl Policy for Retry {
    async fn send(&self, context: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        let Some((first, rest)) = next.split_first() else {
            return Err(azure_core::Error::with_message(ErrorKind::Other, "the pipeline has no transport"));
        };
        let repeatable = request.method() != Method::Post || self.posts || context.value::<Repeatable>().is_some();
        let mut tally = Tally::default();
        let (mut context, mut sent) = (context.to_borrowed(), 0);
        loop {
            let result = first.send(&context, request, rest).await;
            let outcome = self.outcome(&result);
            match decide(outcome, repeatable, self.refresh.is_some(), &mut tally) {
                Verdict::Return => return result,
                Verdict::Repeat(pause) => {
                    tracing::debug!(path = request.url().path(), ?outcome, ?pause, "sending again");
                    let pause = with_jitter(pause);
                    if let (Some(meter), Outcome::Status(429, _)) = (&self.meter, outcome) {
                        meter.waits(pause);
                    }
                    self.clock.sleep(pause).await;
                }
                Verdict::Refresh => {
                    if let Some((tokens, scope)) = &self.refresh {
                        tokens.forget(scope).await;
                    }
                }
            }
            sent += 1;
            context.insert(Resent(sent));
        }
    }
}

impl Retry {
    fn outcome(&self, result: &PolicyResult) -> Outcome {
        match result {
            Ok(answer) => Outcome::Status(u16::from(answer.status()), wait::asked(answer.headers(), self.clock.now())),
            Err(error) => match error.kind() {
                ErrorKind::Connection => Outcome::NotConnected,
                ErrorKind::Io => Outcome::Broken,
                _ => Outcome::Final,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(outcome: Outcome, repeatable: bool) -> Verdict {
        decide(outcome, repeatable, true, &mut Tally::default())
    }

    #[test]
    fn the_matrix_of_methods_and_outcomes() {
        let second = Verdict::Repeat(Duration::from_secs(1));
        for status in [408, 500, 502, 503, 504] {
            assert_eq!(first(Outcome::Status(status, None), true), second, "{status}");
            assert_eq!(first(Outcome::Status(status, None), false), Verdict::Return, "POST after {status}");
        }
        for status in [200, 202, 400, 403, 404, 409, 412, 501] {
            assert_eq!(first(Outcome::Status(status, None), true), Verdict::Return, "{status}");
        }
        let asked = Some(Duration::from_secs(17));
        assert_eq!(first(Outcome::Status(429, asked), false), Verdict::Repeat(Duration::from_secs(17)));
        assert_eq!(first(Outcome::NotConnected, false), second, "nothing was sent, so even a POST may be");
        assert_eq!(first(Outcome::Broken, false), Verdict::Return);
        assert_eq!(first(Outcome::Broken, true), second);
        assert_eq!(first(Outcome::Final, true), Verdict::Return);
    }

    #[test]
    fn a_wait_over_five_minutes_is_the_callers() {
        assert_eq!(first(Outcome::Status(429, Some(Duration::from_mins(6))), true), Verdict::Return);
        assert_ne!(first(Outcome::Status(429, Some(Duration::from_mins(5))), true), Verdict::Return);
    }

    #[test]
    fn a_token_is_refreshed_once_and_only_where_there_is_one() {
        let mut tally = Tally::default();
        assert_eq!(decide(Outcome::Status(401, None), true, true, &mut tally), Verdict::Refresh);
        assert_eq!(decide(Outcome::Status(401, None), true, true, &mut tally), Verdict::Return);
        assert_eq!(decide(Outcome::Status(401, None), true, false, &mut Tally::default()), Verdict::Return);
    }

    #[test]
    fn tries_are_bounded() {
        for (outcome, tries) in [(Outcome::Status(429, None), 10), (Outcome::Status(503, None), 6), (Outcome::NotConnected, 4)] {
            let mut tally = Tally::default();
            let repeats = std::iter::repeat_with(|| decide(outcome, true, true, &mut tally))
                .take_while(|verdict| *verdict != Verdict::Return)
                .count();
            assert_eq!(repeats + 1, tries, "{outcome:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn jitter_only_adds_a_fifth(millis in 0_u64..300_000) {
            let pause = Duration::from_millis(millis);
            let with = with_jitter(pause);
            proptest::prop_assert!(with >= pause && with <= pause + pause / 5);
        }
    }
}
