//! Evaluates the part of PromQL that dashboards, rules and checks of this field use. What is missing is refused, never guessed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use promql_parser::parser::token::{T_AVG, T_COUNT, T_GROUP, T_MAX, T_MIN, T_SUB, T_SUM};
use promql_parser::parser::{AggregateExpr, Call, Expr, LabelModifier};

use super::operators;
use super::select::{self, Source};
use super::value::{Refusal, Sample, Stretch, Value};
use crate::sim::effects::series::Labels;

/// An evaluation at one moment.
#[derive(Clone, Copy)]
pub struct Evaluation<'a> {
    /// The moment asked for.
    pub moment: Timestamp,
    /// The present.
    pub now: Timestamp,
    /// The store.
    pub source: &'a Source<'a>,
}

/// Parses a query.
pub fn parse(query: &str) -> Result<Expr, Refusal> {
    promql_parser::parser::parse(query).map_err(|message| Refusal::Malformed(format!("invalid parameter \"query\": {message}")))
}

fn unable(what: &str) -> Refusal {
    Refusal::Unable(format!("{what} is not supported by this store"))
}

impl Evaluation<'_> {
    /// The value of an expression.
    pub fn value(&self, expression: &Expr) -> Result<Value, Refusal> {
        match expression {
            Expr::NumberLiteral(number) => Ok(Value::Scalar(number.val)),
            Expr::StringLiteral(text) => Ok(Value::Text(text.val.clone())),
            Expr::Paren(inner) => self.value(&inner.expr),
            Expr::VectorSelector(selector) => Ok(Value::Vector(select::instant(selector, self.moment, self.now, self.source)?)),
            Expr::MatrixSelector(matrix) => {
                Ok(Value::Matrix(select::range(&matrix.vs, matrix.range, self.moment, self.now, self.source)?))
            }
            Expr::Unary(unary) => operators::binary(T_SUB, &Value::Scalar(0.0), &self.value(&unary.expr)?, None),
            Expr::Binary(binary) => {
                operators::binary(binary.op.id(), &self.value(&binary.lhs)?, &self.value(&binary.rhs)?, binary.modifier.as_ref())
            }
            Expr::Aggregate(aggregate) => self.aggregate(aggregate),
            Expr::Call(call) => self.call(call),
            Expr::Subquery(_) => Err(unable("a subquery")),
            Expr::Extension(_) => Err(unable("this expression")),
        }
    }

    fn vector(&self, expression: &Expr) -> Result<Vec<Sample>, Refusal> {
        match self.value(expression)? {
            Value::Vector(samples) => Ok(samples),
            other => Err(Refusal::Malformed(format!("expected an instant vector, got a {}", other.kind()))),
        }
    }

    fn matrix(&self, expression: &Expr) -> Result<Vec<Stretch>, Refusal> {
        match self.value(expression)? {
            Value::Matrix(stretches) => Ok(stretches),
            other => Err(Refusal::Malformed(format!("expected a range vector, got a {}", other.kind()))),
        }
    }

    fn aggregate(&self, aggregate: &AggregateExpr) -> Result<Value, Refusal> {
        let mut groups: BTreeMap<Labels, Vec<f64>> = BTreeMap::new();
        for sample in self.vector(&aggregate.expr)? {
            groups.entry(grouping(&sample.labels, aggregate.modifier.as_ref())).or_default().push(sample.value);
        }
        let operator = aggregate.op.id();
        let fold = |values: &[f64]| -> Result<f64, Refusal> {
            #[allow(clippy::cast_precision_loss, reason = "a count of series")]
            let count = values.len() as f64;
            match operator {
                T_SUM => Ok(values.iter().sum()),
                T_COUNT => Ok(count),
                T_AVG => Ok(values.iter().sum::<f64>() / count),
                T_MIN => Ok(values.iter().copied().fold(f64::INFINITY, f64::min)),
                T_MAX => Ok(values.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
                T_GROUP => Ok(1.0),
                _ => Err(unable(&format!("the aggregation `{}`", aggregate.op))),
            }
        };
        let samples = groups
            .into_iter()
            .map(|(labels, values)| Ok(Sample { name: None, labels, at: self.moment, value: fold(&values)? }))
            .collect::<Result<_, Refusal>>()?;
        Ok(Value::Vector(samples))
    }

    fn call(&self, call: &Call) -> Result<Value, Refusal> {
        let argument = |index: usize| -> Result<&Expr, Refusal> {
            call.args
                .args
                .get(index)
                .map(AsRef::as_ref)
                .ok_or_else(|| Refusal::Malformed(format!("`{}` lacks an argument", call.func.name)))
        };
        let each = |map: &dyn Fn(&Sample) -> f64| -> Result<Value, Refusal> {
            let samples =
                self.vector(argument(0)?)?.into_iter().map(|sample| Sample { value: map(&sample), name: None, ..sample });
            Ok(Value::Vector(samples.collect()))
        };
        match call.func.name {
            "rate" => self.over_range(argument(0)?, |samples| rate(samples, true)),
            "increase" => self.over_range(argument(0)?, |samples| rate(samples, false)),
            "irate" => self.over_range(argument(0)?, |samples| rate(samples.get(samples.len().saturating_sub(2)..)?, true)),
            "max_over_time" => self.over_range(argument(0)?, |samples| samples.iter().map(|(_, value)| *value).reduce(f64::max)),
            "min_over_time" => self.over_range(argument(0)?, |samples| samples.iter().map(|(_, value)| *value).reduce(f64::min)),
            "sum_over_time" => self.over_range(argument(0)?, |samples| Some(samples.iter().map(|(_, value)| value).sum())),
            "last_over_time" => self.over_range(argument(0)?, |samples| samples.last().map(|(_, value)| *value)),
            #[allow(clippy::cast_precision_loss, reason = "a count of samples")]
            "count_over_time" => self.over_range(argument(0)?, |samples| Some(samples.len() as f64)),
            "timestamp" => each(&|sample| seconds(sample.at)),
            "abs" => each(&|sample| sample.value.abs()),
            "ceil" => each(&|sample| sample.value.ceil()),
            "floor" => each(&|sample| sample.value.floor()),
            "time" => Ok(Value::Scalar(seconds(self.moment))),
            "vector" => match self.value(argument(0)?)? {
                Value::Scalar(value) => {
                    Ok(Value::Vector(vec![Sample { name: None, labels: Labels::new(), at: self.moment, value }]))
                }
                other => Err(Refusal::Malformed(format!("expected a scalar, got a {}", other.kind()))),
            },
            "scalar" => Ok(Value::Scalar(match self.vector(argument(0)?)?.as_slice() {
                [only] => only.value,
                _ => f64::NAN,
            })),
            "absent" => Ok(Value::Vector(if self.vector(argument(0)?)?.is_empty() {
                vec![Sample { name: None, labels: Labels::new(), at: self.moment, value: 1.0 }]
            } else {
                Vec::new()
            })),
            other => Err(unable(&format!("the function `{other}`"))),
        }
    }

    fn over_range(&self, expression: &Expr, fold: impl Fn(&[(Timestamp, f64)]) -> Option<f64>) -> Result<Value, Refusal> {
        let samples = self.matrix(expression)?.into_iter().filter_map(|stretch| {
            let value = fold(&stretch.samples)?;
            Some(Sample { name: None, labels: stretch.labels, at: self.moment, value })
        });
        Ok(Value::Vector(samples.collect()))
    }
}

/// Growth over the samples, per second or as it is; counters that fell were reset. Two samples are the least that tell anything.
fn rate(samples: &[(Timestamp, f64)], per_second: bool) -> Option<f64> {
    let ((first, _), (last, _)) = (samples.first()?, samples.last()?);
    let seconds = last.duration_since(*first).as_secs_f64();
    if samples.len() < 2 || seconds <= 0.0 {
        return None;
    }
    let growth: f64 = samples
        .windows(2)
        .filter_map(|pair| Some((pair.first()?.1, pair.last()?.1)))
        .map(|(a, b)| if b < a { b } else { b - a })
        .sum();
    Some(if per_second { growth / seconds } else { growth })
}

fn grouping(labels: &Labels, modifier: Option<&LabelModifier>) -> Labels {
    let named = |key: &String| {
        modifier.is_some_and(|modifier| modifier.labels().labels.iter().any(|label| label.eq_ignore_ascii_case(key)))
    };
    let keep = |key: &String| match modifier {
        None => false,
        Some(LabelModifier::Include(_)) => named(key),
        Some(LabelModifier::Exclude(_)) => !named(key),
    };
    labels.iter().filter(|(key, _)| keep(key)).map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// A moment as Prometheus counts it: seconds with a fraction of milliseconds.
#[allow(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit a double exactly")]
pub fn seconds(moment: Timestamp) -> f64 {
    moment.as_millisecond() as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::sim::effects::catalogue::Temper;
    use crate::sim::effects::series::Series;

    fn t(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    fn store(name: &str) -> Vec<Series> {
        let series = |name: &str, pairs: &[(&str, &str)], temper| {
            let labels = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            Series::new(name, labels, vec![(t(0), t(10_000))], SignedDuration::from_secs(30), temper, t(0))
        };
        let one = Temper::Constant(1.0);
        match name.to_lowercase().as_str() {
            "up" => vec![
                series("up", &[("cluster", "c1"), ("job", "node"), ("instance", "n0")], one),
                series("up", &[("cluster", "c1"), ("job", "node"), ("instance", "n1")], one),
                series("up", &[("cluster", "c1"), ("job", "kubelet"), ("instance", "n0")], one),
                series("up", &[("cluster", "c2"), ("job", "node"), ("instance", "m0")], Temper::Constant(0.0)),
            ],
            "hits_total" => vec![series("hits_total", &[("cluster", "c1")], Temper::PerSecond(10.0))],
            _ => Vec::new(),
        }
    }

    fn ask(query: &str) -> Result<Value, Refusal> {
        Evaluation { moment: t(1015), now: t(1015), source: &store }.value(&parse(query)?)
    }

    fn line(query: &str) -> String {
        match ask(query).unwrap() {
            Value::Vector(samples) => samples
                .iter()
                .map(|s| format!("{}{:?} {}", s.name.clone().unwrap_or_default(), s.labels.values().collect::<Vec<_>>(), s.value))
                .collect::<Vec<_>>()
                .join("; "),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn the_checks_of_the_field() {
        insta::assert_snapshot!(line(r#"count(up{cluster="c1"})"#), @"[] 3");
        insta::assert_snapshot!(line(r#"count(up{cluster="C1",job="node"} == 1)"#), @"[] 2");
        insta::assert_snapshot!(line(r#"count by (cluster) (UP{job=~"no.*"})"#), @r#"["c1"] 2; ["c2"] 1"#);
        insta::assert_snapshot!(line("sum without (instance, job) (up)"), @r#"["c1"] 3; ["c2"] 0"#);
        insta::assert_snapshot!(line(r#"up{cluster!="c1"} == bool 0"#), @r#"["c2", "m0", "node"] 1"#);
        insta::assert_snapshot!(line(r#"{__name__="up", job="kubelet"}"#), @r#"up["c1", "n0", "kubelet"] 1"#);
        insta::assert_snapshot!(line("count(nothing_here)"), @"");
        insta::assert_snapshot!(line("1 + 2 * 3"), @"Scalar(7.0)");
        insta::assert_snapshot!(line("max(timestamp(up)) - 1700000000"), @"[] 990");
        insta::assert_snapshot!(line("min(up) or vector(5)"), @"[] 0");
        insta::assert_snapshot!(line("absent(nothing_here)"), @"[] 1");
    }

    #[test]
    fn rates_are_positive_and_need_two_samples() {
        let Value::Vector(samples) = ask("rate(hits_total[5m])").unwrap() else { unreachable!() };
        assert!(samples[0].value > 1.0 && samples[0].value < 30.0, "{}", samples[0].value);
        assert!(line("rate(hits_total[20s])").is_empty());
    }

    #[test]
    fn the_store_wants_one_name_per_selector() {
        for query in
            [r#"{__name__=~"hubble.*"}"#, r#"{cluster="c1"}"#, r#"count({__name__!="up"})"#, r#"{__name__="a",__name__="b"}"#]
        {
            assert_eq!(ask(query).unwrap_err().status(), 400, "{query}");
        }
        assert_eq!(ask("up{").unwrap_err().kind(), "bad_data");
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for query in ["topk(3, up)", "histogram_quantile(0.9, up)", "rate(up[5m:1m])", "up @ 5"] {
            assert_eq!(ask(query).unwrap_err().status(), 422, "{query}");
        }
    }

    #[test]
    fn nothing_is_measured_in_the_future() {
        let at = |moment| Evaluation { moment, now: t(1015), source: &store }.value(&parse("up").unwrap()).unwrap();
        assert!(matches!(at(t(1200)), Value::Vector(samples) if samples.len() == 4));
        assert!(matches!(at(t(1400)), Value::Vector(samples) if samples.is_empty()));
    }
}
