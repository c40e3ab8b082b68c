//! What a query is, once it is read.

use serde_json::Value;

/// A query: a table, and what happens to its rows, one after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// Where the rows come from.
    pub table: Table,
    /// The pipes.
    pub stages: Vec<Stage>,
    /// The columns that come out.
    pub columns: Vec<String>,
}

/// The tables that have rows here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// `resources`: what is tracked.
    Resources,
    /// `resourcecontainers`: subscriptions and resource groups.
    Containers,
    /// `authorizationresources`: role assignments.
    Authorization,
    /// `insightsresources`: associations of data collection rules.
    Insights,
    /// One that Azure has and that is empty here.
    Empty,
}

/// One pipe. `extend` and `project-away` are projections of every column that is left.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    /// `where`.
    Filter(Expression),
    /// `project`: the values of the new columns.
    Project(Vec<Expression>),
    /// `order by`: keys, and whether each falls.
    Sort(Vec<(Expression, bool)>),
    /// `limit` and `take`.
    Take(usize),
    /// `count`.
    Count,
}

/// What has a value for a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    /// A column by its place, and the way into it.
    Path(usize, Vec<Step>),
    /// A literal.
    Literal(Value),
    /// A function of values.
    Call(Function, Vec<Expression>),
    /// A comparison of two values.
    Compare(Box<Expression>, Comparison, Box<Expression>),
    /// Whether a value is among others.
    Among(Box<Expression>, Vec<Expression>, Comparison),
    /// Both.
    And(Box<Expression>, Box<Expression>),
    /// Either.
    Or(Box<Expression>, Box<Expression>),
    /// The opposite.
    Not(Box<Expression>),
}

/// One step into a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Into an object. The case counts (contract §8.3).
    Field(String),
    /// Into a list.
    Index(usize),
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `==`.
    Equal,
    /// `=~`: without case.
    Alike,
    /// `<`.
    Less,
    /// `>`.
    Greater,
    /// `has`: holds a whole word, without case.
    Has,
    /// `contains`, without case.
    Contains,
    /// `startswith`, without case.
    Starts,
    /// `endswith`, without case.
    Ends,
}

/// The functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// `tostring`.
    Text,
    /// `tolower`.
    Lower,
    /// `toupper`.
    Upper,
    /// `tobool`.
    Bool,
    /// `toint`, `tolong`.
    Integer,
    /// `array_length`.
    Length,
    /// `isempty`.
    Empty,
    /// `isnotempty`.
    NotEmpty,
    /// `isnull`.
    Null,
    /// `isnotnull`.
    NotNull,
    /// `strcat`.
    Joined,
}

impl Function {
    /// The function of a name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "tostring" => Self::Text,
            "tolower" => Self::Lower,
            "toupper" => Self::Upper,
            "tobool" => Self::Bool,
            "toint" | "tolong" => Self::Integer,
            "array_length" => Self::Length,
            "isempty" => Self::Empty,
            "isnotempty" => Self::NotEmpty,
            "isnull" => Self::Null,
            "isnotnull" => Self::NotNull,
            "strcat" => Self::Joined,
            _ => return None,
        })
    }
}
