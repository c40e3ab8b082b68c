//! Selectors under the store's rules: exactly one metric name each, names and values without regard to case (contract §6.3).

use jiff::{SignedDuration, Timestamp};
use promql_parser::label::{METRIC_NAME, MatchOp, Matcher};
use promql_parser::parser::{Offset, VectorSelector};

use super::value::{Refusal, Sample, Stretch};
use crate::sim::effects::series::{Labels, Series};

/// Where series come from: all series of a metric, its name in any casing.
pub type Source<'a> = dyn Fn(&str) -> Vec<Series> + 'a;

/// How far back an instant vector looks for a sample.
pub const LOOKBACK: SignedDuration = SignedDuration::from_secs(300);

/// The one metric name of a selector.
pub fn metric_name(selector: &VectorSelector) -> Result<String, Refusal> {
    if !selector.matchers.or_matchers.is_empty() {
        return Err(Refusal::Malformed("parse error: `or` between matchers is not supported".to_owned()));
    }
    let named: Vec<&Matcher> = selector.matchers.matchers.iter().filter(|matcher| matcher.name == METRIC_NAME).collect();
    match (&selector.name, named.as_slice()) {
        (Some(name), []) => Ok(name.clone()),
        (None, [Matcher { op: MatchOp::Equal, value, .. }]) if !value.is_empty() => Ok(value.clone()),
        (None, []) => Err(Refusal::NotAllowed(
            "each selector must contain exactly one metric name; a query without one is not supported".to_owned(),
        )),
        _ => Err(Refusal::NotAllowed(
            "each selector must contain exactly one metric name; only the equality matcher is supported on __name__".to_owned(),
        )),
    }
}

fn matching(selector: &VectorSelector, source: &Source) -> Result<Vec<Series>, Refusal> {
    let name = metric_name(selector)?;
    let others: Vec<&Matcher> = selector.matchers.matchers.iter().filter(|matcher| matcher.name != METRIC_NAME).collect();
    Ok(source(&name).into_iter().filter(|series| others.iter().all(|matcher| fits(matcher, &series.labels))).collect())
}

fn fits(matcher: &Matcher, labels: &Labels) -> bool {
    let value = labels.iter().find(|(key, _)| key.eq_ignore_ascii_case(&matcher.name)).map_or("", |(_, value)| value.as_str());
    match &matcher.op {
        MatchOp::Equal => value.eq_ignore_ascii_case(&matcher.value),
        MatchOp::NotEqual => !value.eq_ignore_ascii_case(&matcher.value),
        MatchOp::Re(_) | MatchOp::NotRe(_) => matcher.is_match(value),
    }
}

/// The moment a selector looks at, given the moment of the evaluation.
pub fn shifted(moment: Timestamp, offset: Option<&Offset>) -> Timestamp {
    let shift = |duration: &std::time::Duration| SignedDuration::try_from(*duration).unwrap_or(SignedDuration::ZERO);
    match offset {
        Some(Offset::Pos(back)) => moment - shift(back),
        Some(Offset::Neg(ahead)) => moment + shift(ahead),
        None => moment,
    }
}

/// An instant vector.
pub fn instant(selector: &VectorSelector, moment: Timestamp, now: Timestamp, source: &Source) -> Result<Vec<Sample>, Refusal> {
    refuse_at(selector)?;
    let asked = shifted(moment, selector.offset.as_ref());
    // Nothing has been measured after the present; an earlier sample stays valid for the look-back time.
    let seen = asked.min(now);
    let found = matching(selector, source)?.into_iter().filter_map(|series| {
        let (at, value) = series.latest(seen)?;
        (asked.duration_since(at) <= LOOKBACK).then(|| Sample {
            name: Some(series.name.clone()),
            labels: series.labels.clone(),
            at,
            value,
        })
    });
    Ok(found.collect())
}

/// A range vector.
pub fn range(
    selector: &VectorSelector,
    length: std::time::Duration,
    moment: Timestamp,
    now: Timestamp,
    source: &Source,
) -> Result<Vec<Stretch>, Refusal> {
    refuse_at(selector)?;
    let to = shifted(moment, selector.offset.as_ref());
    let from = to - SignedDuration::try_from(length).unwrap_or(SignedDuration::ZERO);
    let found = matching(selector, source)?.into_iter().map(|series| Stretch {
        samples: series.samples(from, to.min(now)),
        name: Some(series.name),
        labels: series.labels,
    });
    Ok(found.filter(|stretch| !stretch.samples.is_empty()).collect())
}

fn refuse_at(selector: &VectorSelector) -> Result<(), Refusal> {
    match selector.at {
        Some(_) => Err(Refusal::Unable("the @ modifier is not supported by this store".to_owned())),
        None => Ok(()),
    }
}

/// The series a `match[]` selector names between two moments.
pub fn named(selector: &VectorSelector, from: Timestamp, to: Timestamp, source: &Source) -> Result<Vec<Series>, Refusal> {
    Ok(matching(selector, source)?.into_iter().filter(|series| series.lives_within(from, to)).collect())
}
