//! Binary operators between scalars and vectors, with matching of labels.

use promql_parser::parser::token::{
    T_ADD, T_DIV, T_EQLC, T_GTE, T_GTR, T_LAND, T_LOR, T_LSS, T_LTE, T_LUNLESS, T_MOD, T_MUL, T_NEQ, T_POW, T_SUB, TokenId,
};
use promql_parser::parser::{BinModifier, LabelModifier, VectorMatchCardinality};

use super::value::{Refusal, Sample, Value};
use crate::sim::effects::series::Labels;

/// The value of `left operator right`.
pub fn binary(operator: TokenId, left: &Value, right: &Value, modifier: Option<&BinModifier>) -> Result<Value, Refusal> {
    let bool_asked = modifier.is_some_and(|modifier| modifier.return_bool);
    match (left, right) {
        (Value::Scalar(a), Value::Scalar(b)) => match (compare(operator, *a, *b), bool_asked) {
            (Some(holds), true) => Ok(Value::Scalar(f64::from(u8::from(holds)))),
            (Some(_), false) => Err(Refusal::Malformed("comparisons between scalars must use BOOL modifier".to_owned())),
            (None, _) => Ok(Value::Scalar(compute(operator, *a, *b)?)),
        },
        (Value::Vector(samples), Value::Scalar(b)) => each(samples, operator, bool_asked, |sample| (sample.value, *b)),
        (Value::Scalar(a), Value::Vector(samples)) => each(samples, operator, bool_asked, |sample| (*a, sample.value)),
        (Value::Vector(a), Value::Vector(b)) => vectors(operator, a, b, modifier),
        _ => Err(Refusal::Malformed(format!("binary expression between {} and {} is not allowed", left.kind(), right.kind()))),
    }
}

fn each(
    samples: &[Sample],
    operator: TokenId,
    bool_asked: bool,
    sides: impl Fn(&Sample) -> (f64, f64),
) -> Result<Value, Refusal> {
    let mut found = Vec::new();
    for sample in samples {
        let (a, b) = sides(sample);
        found.extend(pair(sample, operator, bool_asked, a, b)?);
    }
    Ok(Value::Vector(found))
}

/// One element of the result: a comparison filters and keeps the sample, arithmetic makes a new value without a name.
fn pair(sample: &Sample, operator: TokenId, bool_asked: bool, a: f64, b: f64) -> Result<Option<Sample>, Refusal> {
    Ok(match (compare(operator, a, b), bool_asked) {
        (Some(holds), true) => Some(Sample { name: None, value: f64::from(u8::from(holds)), ..sample.clone() }),
        (Some(true), false) => Some(sample.clone()),
        (Some(false), false) => None,
        (None, _) => Some(Sample { name: None, value: compute(operator, a, b)?, ..sample.clone() }),
    })
}

fn vectors(operator: TokenId, left: &[Sample], right: &[Sample], modifier: Option<&BinModifier>) -> Result<Value, Refusal> {
    let key = |sample: &Sample| signature(&sample.labels, modifier.and_then(|modifier| modifier.matching.as_ref()));
    let among = |sample: &Sample, others: &[Sample]| others.iter().any(|other| key(other) == key(sample));
    let kept = |keep: bool| left.iter().filter(|sample| among(sample, right) == keep).cloned().collect::<Vec<_>>();
    match operator {
        T_LAND => return Ok(Value::Vector(kept(true))),
        T_LUNLESS => return Ok(Value::Vector(kept(false))),
        T_LOR => {
            let more = right.iter().filter(|sample| !among(sample, left)).cloned();
            return Ok(Value::Vector(left.iter().cloned().chain(more).collect()));
        }
        _ => {}
    }
    if modifier.is_some_and(|modifier| modifier.card != VectorMatchCardinality::OneToOne) {
        return Err(Refusal::Unable("many-to-one matching is not supported by this store".to_owned()));
    }
    let bool_asked = modifier.is_some_and(|modifier| modifier.return_bool);
    let mut found = Vec::new();
    for sample in left {
        let mut partners = right.iter().filter(|other| key(other) == key(sample));
        let Some(partner) = partners.next() else { continue };
        if partners.next().is_some() {
            return Err(Refusal::Unable(
                "found duplicate series for the match group on the right hand-side of the operation".to_owned(),
            ));
        }
        let mut result = pair(sample, operator, bool_asked, sample.value, partner.value)?;
        if let Some(result) = result.as_mut().filter(|result| result.name.is_none()) {
            result.labels = key(sample);
        }
        found.extend(result);
    }
    Ok(Value::Vector(found))
}

fn signature(labels: &Labels, matching: Option<&LabelModifier>) -> Labels {
    let named =
        |key: &String, modifier: &LabelModifier| modifier.labels().labels.iter().any(|label| label.eq_ignore_ascii_case(key));
    let keep = |key: &String| match matching {
        None => true,
        Some(on @ LabelModifier::Include(_)) => named(key, on),
        Some(ignoring @ LabelModifier::Exclude(_)) => !named(key, ignoring),
    };
    labels.iter().filter(|(key, _)| keep(key)).map(|(key, value)| (key.clone(), value.clone())).collect()
}

#[allow(clippy::float_cmp, reason = "PromQL compares doubles exactly")]
fn compare(operator: TokenId, a: f64, b: f64) -> Option<bool> {
    Some(match operator {
        T_EQLC => a == b,
        T_NEQ => a != b,
        T_GTR => a > b,
        T_GTE => a >= b,
        T_LSS => a < b,
        T_LTE => a <= b,
        _ => return None,
    })
}

fn compute(operator: TokenId, a: f64, b: f64) -> Result<f64, Refusal> {
    Ok(match operator {
        T_ADD => a + b,
        T_SUB => a - b,
        T_MUL => a * b,
        T_DIV => a / b,
        T_MOD => a % b,
        T_POW => a.powf(b),
        _ => return Err(Refusal::Unable("this operator is not supported by this store".to_owned())),
    })
}
