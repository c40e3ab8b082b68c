//! Rows through pipes.

use serde_json::Value;

use super::cell::Cell;
use super::rows::Source;
use super::syntax::{Expression, Stage};

/// A row: a resource itself, or what a projection made of it.
#[derive(Clone, Debug)]
pub enum Row<'a> {
    /// A resource.
    Source(Source<'a>),
    /// Values in the order of the columns.
    Made(Vec<Cell<'a>>),
}

impl<'a> Row<'a> {
    /// The value of a column.
    pub fn cell(&self, index: usize) -> Cell<'a> {
        match self {
            Self::Source(source) => source.column(index),
            Self::Made(cells) => cells.get(index).cloned().unwrap_or(Cell::NULL),
        }
    }
}

/// Sends the rows through the pipes.
pub fn run<'a>(stages: &'a [Stage], sources: Vec<Source<'a>>) -> Vec<Row<'a>> {
    let mut rows: Vec<Row<'a>> = sources.into_iter().map(Row::Source).collect();
    for stage in stages {
        match stage {
            Stage::Filter(test) => rows.retain(|row| value(test, row).truth()),
            Stage::Project(values) => {
                let made = |row: Row<'a>| Row::Made(values.iter().map(|wish| value(wish, &row)).collect());
                rows = rows.into_iter().map(made).collect();
            }
            Stage::Sort(keys) => rows.sort_by(|one, two| {
                let compared = keys.iter().map(|(key, falls)| {
                    let order = value(key, one).order(&value(key, two));
                    if *falls { order.reverse() } else { order }
                });
                compared.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
            }),
            Stage::Take(most) => rows.truncate(*most),
            Stage::Count => rows = vec![Row::Made(vec![Cell::Made(Value::from(rows.len()))])],
        }
    }
    rows
}

fn value<'a>(expression: &'a Expression, row: &Row<'a>) -> Cell<'a> {
    let truth = |truth: bool| Cell::Made(Value::Bool(truth));
    match expression {
        Expression::Path(column, steps) => steps.iter().fold(row.cell(*column), Cell::into_step),
        Expression::Literal(literal) => Cell::Borrowed(literal),
        Expression::Call(function, values) => {
            Cell::called(*function, &values.iter().map(|one| value(one, row)).collect::<Vec<_>>())
        }
        Expression::Compare(left, how, right) => truth(value(left, row).compares(*how, &value(right, row))),
        Expression::Among(left, list, how) => {
            let left = value(left, row);
            truth(list.iter().any(|one| left.compares(*how, &value(one, row))))
        }
        Expression::And(left, right) => truth(value(left, row).truth() && value(right, row).truth()),
        Expression::Or(left, right) => truth(value(left, row).truth() || value(right, row).truth()),
        Expression::Not(inside) => truth(!value(inside, row).truth()),
    }
}
