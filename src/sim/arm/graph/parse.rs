//! From words to a query. Columns are found while reading: every pipe says which there are behind it.

use serde_json::{Value, json};

use super::fault::Fault;
use super::rows;
use super::syntax::{Comparison, Expression, Function, Query, Stage, Step, Table};
use super::words::{Kind, Word, cut};

/// Tables that Azure has and that are empty here.
const EMPTY: [&str; 6] = [
    "advisorresources",
    "alertsmanagementresources",
    "healthresources",
    "kubernetesconfigurationresources",
    "policyresources",
    "securityresources",
];
/// Pipes that Azure knows and this does not.
const UNSERVED: [&str; 8] = ["distinct", "join", "mv-expand", "mvexpand", "parse", "summarize", "top", "union"];

/// Reads a query.
///
/// # Errors
/// What is wrong with it, at its first wrong word.
pub fn read(query: &str) -> Result<Query, Fault> {
    let mut reader = Reader { words: cut(query)?, at: 0, columns: rows::COLUMNS.map(str::to_owned).to_vec() };
    let table = reader.table()?;
    let mut stages = Vec::new();
    // A query may begin with a pipe: then it is about `resources`.
    let bare = reader.at == 0;
    while (bare && stages.is_empty()) || reader.takes("|") {
        stages.push(reader.stage()?);
    }
    if reader.now().kind != Kind::End {
        return Err(reader.wrong(Some("|")));
    }
    Ok(Query { table, stages, columns: reader.columns })
}

struct Reader<'a> {
    words: Vec<Word<'a>>,
    at: usize,
    columns: Vec<String>,
}

impl<'a> Reader<'a> {
    fn now(&self) -> &Word<'a> {
        let last = self.words.len().saturating_sub(1);
        &self.words[self.at.min(last)]
    }

    fn wrong(&self, expected: Option<&'static str>) -> Fault {
        let word = self.now();
        let token = if word.kind == Kind::End { "<EOF>" } else { word.written };
        Fault::Parser { line: word.line, at: word.at, token: token.to_owned(), expected }
    }

    fn is(&self, written: &str) -> bool {
        !matches!(self.now().kind, Kind::Text(_) | Kind::End) && self.now().written == written
    }

    fn takes(&mut self, written: &str) -> bool {
        let there = self.is(written);
        self.at += usize::from(there);
        there
    }

    fn must(&mut self, written: &'static str) -> Result<(), Fault> {
        if self.takes(written) { Ok(()) } else { Err(self.wrong(Some(written))) }
    }

    fn name(&mut self) -> Result<&'a str, Fault> {
        if self.now().kind != Kind::Name {
            return Err(self.wrong(Some("Identifier")));
        }
        let name = self.now().written;
        self.at += 1;
        Ok(name)
    }

    fn number(&mut self) -> Result<usize, Fault> {
        let number = self.now().written.parse().ok().filter(|_| self.now().kind == Kind::Number);
        let number = number.ok_or_else(|| self.wrong(Some("LONGLITERAL")))?;
        self.at += 1;
        Ok(number)
    }

    /// The table; `resources` when the query begins with what to do.
    fn table(&mut self) -> Result<Table, Fault> {
        let begun = self.now().clone();
        let last = self.words.get(1).is_none_or(|next| next.kind == Kind::End || next.written == "|");
        if begun.kind != Kind::Name || !last {
            return Ok(Table::Resources);
        }
        self.at += 1;
        match begun.written.to_ascii_lowercase().as_str() {
            "resources" => Ok(Table::Resources),
            "resourcecontainers" => Ok(Table::Containers),
            "authorizationresources" => Ok(Table::Authorization),
            "insightsresources" => Ok(Table::Insights),
            name if EMPTY.contains(&name) => Ok(Table::Empty),
            name => Err(Fault::Table(name.to_owned())),
        }
    }

    fn stage(&mut self) -> Result<Stage, Fault> {
        let word = self.now().written;
        let begun = self.at;
        match self.name()? {
            "where" => Ok(Stage::Filter(self.either()?)),
            "project" => self.project(),
            "project-away" => self.project_away(),
            "extend" => self.extend(),
            "order" | "sort" => self.sort(),
            "limit" | "take" => Ok(Stage::Take(self.number()?)),
            "count" => {
                self.columns = vec!["Count".to_owned()];
                Ok(Stage::Count)
            }
            _ if UNSERVED.contains(&word) => Err(Fault::Language(word.to_owned())),
            _ => {
                self.at = begun;
                Err(self.wrong(None))
            }
        }
    }

    /// Items behind one another, each with the name that it gives its column.
    fn items(&mut self) -> Result<Vec<(String, Expression)>, Fault> {
        let mut items = Vec::new();
        loop {
            let named = self.words.get(self.at + 1).is_some_and(|next| next.kind == Kind::Sign && next.written == "=");
            let given = if named { Some(self.name()?.to_owned()) } else { None };
            self.at += usize::from(named);
            let value = self.either()?;
            let name = given.unwrap_or_else(|| self.own_name(&value, items.len()));
            // A second column of a name is told apart by a number, as in Kusto.
            let twins = items.iter().filter(|(known, _)| *known == name).count();
            items.push((if twins == 0 { name } else { format!("{name}{twins}") }, value));
            if !self.takes(",") {
                return Ok(items);
            }
        }
    }

    /// The name of a column that was given none: its path, as Kusto makes it.
    fn own_name(&self, value: &Expression, index: usize) -> String {
        match value {
            Expression::Path(column, steps) => {
                let begin = self.columns.get(*column).cloned().unwrap_or_default();
                steps.iter().fold(begin, |name, step| match step {
                    Step::Field(field) => name + "_" + field,
                    Step::Index(index) => format!("{name}_{index}"),
                })
            }
            Expression::Call(_, values) if matches!(values.as_slice(), [Expression::Path(..)]) => {
                self.own_name(&values[0], index)
            }
            _ => format!("Column{}", index + 1),
        }
    }

    fn project(&mut self) -> Result<Stage, Fault> {
        let (names, values) = self.items()?.into_iter().unzip();
        self.columns = names;
        Ok(Stage::Project(values))
    }

    fn extend(&mut self) -> Result<Stage, Fault> {
        let items = self.items()?;
        let mut values: Vec<Expression> = (0..self.columns.len()).map(|index| Expression::Path(index, Vec::new())).collect();
        for (name, value) in items {
            if let Some(index) = self.columns.iter().position(|known| *known == name) {
                values[index] = value;
            } else {
                self.columns.push(name);
                values.push(value);
            }
        }
        Ok(Stage::Project(values))
    }

    fn project_away(&mut self) -> Result<Stage, Fault> {
        let mut away = vec![self.column()?];
        while self.takes(",") {
            away.push(self.column()?);
        }
        let left: Vec<usize> = (0..self.columns.len()).filter(|index| !away.contains(index)).collect();
        self.columns = left.iter().map(|index| self.columns[*index].clone()).collect();
        Ok(Stage::Project(left.into_iter().map(|index| Expression::Path(index, Vec::new())).collect()))
    }

    /// Without a direction the values fall.
    fn sort(&mut self) -> Result<Stage, Fault> {
        self.must("by")?;
        let mut keys = Vec::new();
        loop {
            let key = self.either()?;
            let rises = self.takes("asc");
            if !rises {
                self.takes("desc");
            }
            keys.push((key, !rises));
            if !self.takes(",") {
                return Ok(Stage::Sort(keys));
            }
        }
    }

    fn column(&mut self) -> Result<usize, Fault> {
        let name = self.name()?;
        self.columns.iter().position(|known| known == name).ok_or_else(|| Fault::Column(name.to_owned()))
    }

    fn either(&mut self) -> Result<Expression, Fault> {
        let mut left = self.both()?;
        while self.takes("or") {
            left = Expression::Or(Box::new(left), Box::new(self.both()?));
        }
        Ok(left)
    }

    fn both(&mut self) -> Result<Expression, Fault> {
        let mut left = self.comparison()?;
        while self.takes("and") {
            left = Expression::And(Box::new(left), Box::new(self.comparison()?));
        }
        Ok(left)
    }

    fn comparison(&mut self) -> Result<Expression, Fault> {
        let left = self.value()?;
        let word = self.now().clone();
        if matches!(word.kind, Kind::Text(_)) {
            return Ok(left);
        }
        if let Some((how, negated)) = among(word.written) {
            self.at += 1;
            let list = self.list()?;
            return Ok(signed(Expression::Among(Box::new(left), list, how), negated));
        }
        let Some((how, negated)) = compared(word.written) else { return Ok(left) };
        self.at += 1;
        let right = self.value()?;
        Ok(signed(Expression::Compare(Box::new(left), how, Box::new(right)), negated))
    }

    fn list(&mut self) -> Result<Vec<Expression>, Fault> {
        self.must("(")?;
        let mut list = Vec::new();
        loop {
            list.push(self.either()?);
            if !self.takes(",") {
                self.must(")")?;
                return Ok(list);
            }
        }
    }

    fn value(&mut self) -> Result<Expression, Fault> {
        if self.takes("(") {
            let inside = self.either()?;
            self.must(")")?;
            return Ok(inside);
        }
        let word = self.now().clone();
        match word.kind {
            Kind::Text(text) => {
                self.at += 1;
                Ok(Expression::Literal(Value::String(text)))
            }
            Kind::Number => {
                let number = word.written.parse::<Value>().map_err(|_| self.wrong(None))?;
                self.at += 1;
                Ok(Expression::Literal(number))
            }
            Kind::Name => self.named(word.written),
            Kind::Sign | Kind::End => Err(self.wrong(None)),
        }
    }

    /// `true`, `false`, a function or a column with the way into it.
    fn named(&mut self, name: &'a str) -> Result<Expression, Fault> {
        let called = self.words.get(self.at + 1).is_some_and(|next| next.written == "(" && next.kind == Kind::Sign);
        if called {
            self.at += 1;
            let mut values = self.list()?;
            return match (name, Function::named(name)) {
                ("not", _) if values.len() == 1 => Ok(Expression::Not(Box::new(values.remove(0)))),
                (_, Some(Function::Joined)) => Ok(Expression::Call(Function::Joined, values)),
                (_, Some(function)) if values.len() == 1 => Ok(Expression::Call(function, values)),
                _ => Err(Fault::Language(name.to_owned())),
            };
        }
        if matches!(name, "true" | "false") {
            self.at += 1;
            return Ok(Expression::Literal(json!(name == "true")));
        }
        let column = self.column()?;
        let mut steps = Vec::new();
        loop {
            if self.takes(".") {
                steps.push(Step::Field(self.name()?.to_owned()));
            } else if self.takes("[") {
                steps.push(self.step()?);
                self.must("]")?;
            } else {
                return Ok(Expression::Path(column, steps));
            }
        }
    }

    fn step(&mut self) -> Result<Step, Fault> {
        if let Kind::Text(field) = &self.now().kind {
            let field = field.clone();
            self.at += 1;
            return Ok(Step::Field(field));
        }
        Ok(Step::Index(self.number()?))
    }
}

fn signed(test: Expression, negated: bool) -> Expression {
    if negated { Expression::Not(Box::new(test)) } else { test }
}

fn among(word: &str) -> Option<(Comparison, bool)> {
    Some(match word {
        "in" => (Comparison::Equal, false),
        "!in" => (Comparison::Equal, true),
        "in~" => (Comparison::Alike, false),
        "!in~" => (Comparison::Alike, true),
        _ => return None,
    })
}

fn compared(word: &str) -> Option<(Comparison, bool)> {
    Some(match word {
        "==" => (Comparison::Equal, false),
        "!=" => (Comparison::Equal, true),
        "=~" => (Comparison::Alike, false),
        "!~" => (Comparison::Alike, true),
        "<" => (Comparison::Less, false),
        ">=" => (Comparison::Less, true),
        ">" => (Comparison::Greater, false),
        "<=" => (Comparison::Greater, true),
        "has" => (Comparison::Has, false),
        "!has" => (Comparison::Has, true),
        "contains" => (Comparison::Contains, false),
        "!contains" => (Comparison::Contains, true),
        "startswith" => (Comparison::Starts, false),
        "!startswith" => (Comparison::Starts, true),
        "endswith" => (Comparison::Ends, false),
        "!endswith" => (Comparison::Ends, true),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_named_as_kusto_names_them() {
        let query = "Resources | project id, properties.networkProfile, tostring(properties.a['b'][0]), np = tolower(name), strcat(name, 'x')";
        let read = read(query).unwrap();
        assert_eq!(read.columns, ["id", "properties_networkProfile", "properties_a_b_0", "np", "Column5"]);
    }

    #[test]
    fn pipes_change_what_columns_there_are() {
        let columns = |query: &str| read(query).unwrap().columns;
        assert_eq!(columns("resources | project id, name | extend n = name, name = id"), ["id", "name", "n"]);
        assert_eq!(columns("resources | project id, name, type | project-away name"), ["id", "type"]);
        assert_eq!(columns("where name == 'x' | count"), ["Count"]);
        assert_eq!(columns("resources"), rows::COLUMNS);
        assert_eq!(read("resources | project id | where name == 'x'"), Err(Fault::Column("name".into())));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let parser = |query: &str| match read(query) {
            Err(Fault::Parser { line, at, token, .. }) => (line, at, token),
            other => panic!("{other:?}"),
        };
        assert_eq!(parser("resources | where"), (1, 17, "<EOF>".into()));
        assert_eq!(parser("resources | where name == 'a' 'b'"), (1, 30, "'b'".into()));
        assert_eq!(parser("resources\n| nonsense"), (2, 2, "nonsense".into()));
        assert_eq!(parser("resources | where type in 'a'"), (1, 26, "'a'".into()));
        assert_eq!(parser("resources | limit x"), (1, 18, "x".into()));
        assert_eq!(read("resources | summarize count() by type"), Err(Fault::Language("summarize".into())));
        assert_eq!(read("resources | where isfunny(name)"), Err(Fault::Language("isfunny".into())));
        assert_eq!(read("nowhere | count"), Err(Fault::Table("nowhere".into())));
    }
}
