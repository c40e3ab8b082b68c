//! What a query evaluates to, and why it may not.

use jiff::Timestamp;

use crate::sim::effects::series::Labels;

/// One element of an instant vector.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The metric's name; gone after any operation that changes the meaning of the value.
    pub name: Option<String>,
    /// The labels without `__name__`.
    pub labels: Labels,
    /// When the sample was taken.
    pub at: Timestamp,
    /// Its value.
    pub value: f64,
}

/// One element of a range vector.
#[derive(Clone, Debug, PartialEq)]
pub struct Stretch {
    /// The labels without `__name__`.
    pub labels: Labels,
    /// The metric's name.
    pub name: Option<String>,
    /// Samples, oldest first.
    pub samples: Vec<(Timestamp, f64)>,
}

/// The result of an expression at one moment.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number.
    Scalar(f64),
    /// A text.
    Text(String),
    /// An instant vector.
    Vector(Vec<Sample>),
    /// A range vector.
    Matrix(Vec<Stretch>),
}

impl Value {
    /// The type's name as Prometheus writes it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Scalar(_) => "scalar",
            Self::Text(_) => "string",
            Self::Vector(_) => "vector",
            Self::Matrix(_) => "matrix",
        }
    }
}

/// A query that is not answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The query or a parameter is malformed.
    #[error("{0}")]
    Malformed(String),
    /// The store does not allow such a query (contract §6.3).
    #[error("{0}")]
    NotAllowed(String),
    /// Well formed, but nothing that this store can evaluate.
    #[error("{0}")]
    Unable(String),
}

impl Refusal {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Self::Malformed(_) | Self::NotAllowed(_) => 400,
            Self::Unable(_) => 422,
        }
    }

    /// `errorType` of the body.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Malformed(_) | Self::NotAllowed(_) => "bad_data",
            Self::Unable(_) => "execution",
        }
    }
}

/// A number as Prometheus prints it.
pub fn print(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() }
    } else {
        value.to_string()
    }
}
