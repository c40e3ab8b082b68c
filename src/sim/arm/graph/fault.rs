//! What is wrong with a query, in Resource Graph's words.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::sim::arm::Reply;

/// Why a query is not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A word where another kind of word is expected.
    Parser {
        /// Line, from 1.
        line: usize,
        /// Characters before the word on its line.
        at: usize,
        /// The word.
        token: String,
        /// What could stand there.
        expected: Option<&'static str>,
    },
    /// An operator or function that is not served.
    Language(String),
    /// A table that there is none of.
    Table(String),
    /// A column that there is none of.
    Column(String),
    /// Options, subscriptions or a body that are none.
    Request(&'static str, String),
    /// None of the subscriptions is to be seen.
    Denied,
    /// The quota is used up.
    Throttled,
}

impl Fault {
    /// The answer: an outer code, and the reasons among the details.
    pub fn reply(&self, now: Timestamp, correlation: &str) -> Reply {
        let (status, code) = match self {
            Self::Denied => (403, "AccessDenied"),
            Self::Throttled => (429, "RateLimiting"),
            _ => (400, "BadRequest"),
        };
        let asked =
            format!("Please provide below info when asking for support: timestamp = {now}, correlationId = {correlation}.");
        let error = json!({"code": code, "message": asked, "details": self.details()});
        Reply { status, headers: Vec::new(), body: Some(json!({"error": error})) }
    }

    fn details(&self) -> Value {
        let invalid = json!({"code": "InvalidQuery", "message":
            "Query is invalid. Please refer to the documentation for the Azure Resource Graph service and fix the error before retrying."});
        match self {
            Self::Parser { line, at, token, expected } => {
                let mut detail = json!({"code": "ParserFailure", "message": "ParserFailure", "line": line,
                    "characterPositionInLine": at, "token": token});
                if let Some(expected) = expected {
                    detail["expectedToken"] = json!(expected);
                }
                json!([invalid, detail])
            }
            Self::Language(token) => {
                json!([invalid, {"code": "InvalidQueryLanguage", "message": "InvalidQueryLanguage", "line": -1,
                    "characterPositionInLine": -1, "token": token}])
            }
            Self::Table(name) => {
                json!([{"code": "DisallowedLogicalTableName", "message":
                    format!("Table {name} is invalid, unsupported or disallowed.")}])
            }
            Self::Column(name) => {
                json!([invalid, {"code": "DisallowedColumnName", "message": format!("Failed to resolve column named '{name}'.")}])
            }
            Self::Request(code, message) => json!([{"code": code, "message": message}]),
            Self::Denied => json!([{"code": "NoValidSubscriptionsInQueryRequest", "message":
                "There must be at least one subscription that is eligible to contain resources. Given subscriptions are not accessible."}]),
            Self::Throttled => json!([{"code": "RateLimiting", "message":
                "Client application has been throttled and should not attempt to repeat the request until an amount of time has elapsed. Please see https://aka.ms/resourcegraph-throttling for help."}]),
        }
    }
}
