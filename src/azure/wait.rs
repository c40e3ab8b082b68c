//! How long a service asks us to wait: `Retry-After` in its forms (contract §9.2).

use std::time::Duration;

use azure_core::http::headers::{HeaderName, Headers};

use crate::base::clock::Timestamp;

/// The wait of a poll when the service names none.
pub(super) const DEFAULT_POLL: Duration = Duration::from_secs(10);
const SHORTEST_SECONDS: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_mins(1);

/// The wait that the headers ask for, milliseconds before seconds before dates before the end of a used-up quota.
pub(super) fn asked(headers: &Headers, now: Timestamp) -> Option<Duration> {
    millis(headers).or_else(|| seconds(headers, now)).or_else(|| quota_resets(headers))
}

/// How long until Resource Graph's quota is whole again: `x-ms-user-quota-resets-after`, as `hh:mm:ss`.
pub(super) fn quota_resets(headers: &Headers) -> Option<Duration> {
    let text = headers.get_optional_str(&HeaderName::from_static("x-ms-user-quota-resets-after"))?;
    let mut parts = text.trim().split(':').map(str::parse::<u64>);
    let (Some(Ok(hours)), Some(Ok(minutes)), Some(Ok(seconds)), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    Some(Duration::from_secs(hours.checked_mul(3600)?.checked_add(minutes.checked_mul(60)?)?.checked_add(seconds)?))
}

/// The wait until the next poll: the service's wish within 2 s and 60 s, or 10 s. A wish in milliseconds may be shorter than 2 s:
/// whoever sends those means them.
pub(super) fn until_poll(headers: &Headers, now: Timestamp) -> Option<Duration> {
    match millis(headers) {
        Some(wait) => Some(wait.min(LONGEST)),
        None => seconds(headers, now).map(|wait| wait.clamp(SHORTEST_SECONDS, LONGEST)),
    }
}

fn millis(headers: &Headers) -> Option<Duration> {
    ["x-ms-retry-after-ms", "retry-after-ms"]
        .into_iter()
        .find_map(|name| headers.get_optional_str(&HeaderName::from_static(name))?.trim().parse().ok().map(Duration::from_millis))
}

fn seconds(headers: &Headers, now: Timestamp) -> Option<Duration> {
    let text = headers.get_optional_str(&HeaderName::from_static("retry-after"))?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> Headers {
        let mut headers = Headers::new();
        for (name, value) in pairs {
            headers.insert(*name, *value);
        }
        headers
    }

    /// Headers, the asked wait and the poll's wait in milliseconds.
    type Row = (&'static [(&'static str, &'static str)], Option<u64>, Option<u64>);

    #[test]
    fn every_form_is_understood() {
        let now: Timestamp = "2026-08-01T10:00:00Z".parse().unwrap();
        let rows: &[Row] = &[
            (&[], None, None),
            (&[("retry-after", "17")], Some(17_000), Some(17_000)),
            (&[("retry-after", "0")], Some(0), Some(2_000)),
            (&[("retry-after", "600")], Some(600_000), Some(60_000)),
            (&[("retry-after-ms", "40"), ("retry-after", "9")], Some(40), Some(40)),
            (&[("x-ms-retry-after-ms", "90000")], Some(90_000), Some(60_000)),
            (&[("retry-after", "Sat, 01 Aug 2026 10:00:30 GMT")], Some(30_000), Some(30_000)),
            (&[("retry-after", "Sat, 01 Aug 2026 09:00:00 GMT")], Some(0), Some(2_000)),
            (&[("retry-after", "soon")], None, None),
            (&[("x-ms-user-quota-resets-after", "00:01:05")], Some(65_000), None),
            (&[("x-ms-user-quota-resets-after", "00:00:05"), ("retry-after", "3")], Some(3_000), Some(3_000)),
            (&[("x-ms-user-quota-resets-after", "5")], None, None),
        ];
        for (pairs, expected, poll) in rows {
            let headers = headers(pairs);
            assert_eq!(asked(&headers, now), expected.map(Duration::from_millis), "{pairs:?}");
            assert_eq!(until_poll(&headers, now), poll.map(Duration::from_millis), "{pairs:?}");
        }
    }
}
