//! Floor 4: Rego rules over the whole plan. No network by construction: the engine has no function that could reach one.
//!
//! A rule is an entry of a `deny` or `warn` set of any package: an object with `id`, `message`, `remedy` and, when it is about one
//! thing, `subject`. What cannot be evaluated, or has another shape, is an error and never a pass.

mod catalogue;
mod shipped;
mod testing;

use regorus::{Engine, Value};

use crate::base::digest;
use crate::event::{Finding, FindingLevel};

pub use catalogue::{Rule, catalogue};
pub use shipped::digest;
pub use testing::{TestResult, test};

/// The rule that keeps clusters and data from being destroyed; only `--allow-destroy` lifts it.
const GUARD: &str = "AKS-POL-001";

/// A source of rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// How messages call it: a path.
    pub name: String,
    /// Rego, version 1.
    pub text: String,
}

impl Module {
    /// Whether it holds tests of rules, which are no rules: its name ends in `_test.rego`.
    #[must_use]
    pub fn is_test(&self) -> bool {
        self.name.ends_with("_test.rego")
    }
}

/// Why policies cannot judge.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// A module cannot be compiled; the message has line and column.
    #[error("the policy `{name}` cannot be read: {reason}")]
    Compile {
        /// The module.
        name: String,
        /// The engine's reason.
        reason: String,
    },
    /// A rule cannot be evaluated.
    #[error("the policies of package `{package}` cannot be evaluated: {reason}")]
    Evaluate {
        /// The package.
        package: String,
        /// The engine's reason.
        reason: String,
    },
    /// A package has no rule that could say anything, for example because a name is misspelt.
    #[error("package `{package}` has no rule `deny` or `warn` and no other package uses it: it judges nothing")]
    Idle {
        /// The package.
        package: String,
    },
    /// A rule yields something that is no finding.
    #[error("a rule of package `{package}` yields {found}, which is no object with `id`, `message` and `remedy`")]
    Shape {
        /// The package.
        package: String,
        /// What it yields.
        found: String,
    },
}

/// Compiled policies.
#[derive(Clone, Debug)]
pub struct Policies {
    engine: Engine,
    packages: Vec<String>,
    /// Package and text of every module.
    texts: Vec<(String, String)>,
}

impl Policies {
    /// The shipped ones.
    ///
    /// # Errors
    /// [`Broken::Compile`]; a test keeps that from happening.
    pub fn embedded() -> Result<Self, Broken> {
        Self { engine: Engine::new(), packages: Vec::new(), texts: Vec::new() }.with_modules(&shipped::rules())
    }

    /// With further modules.
    ///
    /// # Errors
    /// [`Broken::Compile`] names the module and the place.
    pub fn with_modules(mut self, modules: &[Module]) -> Result<Self, Broken> {
        for module in modules {
            let package = add(&mut self.engine, module)?;
            self.texts.push((package.clone(), module.text.clone()));
            if !self.packages.contains(&package) {
                self.packages.push(package);
            }
        }
        Ok(self)
    }

    /// What the rules say about a document (see `plan::document`), denials first. What a rule says whose id is among the document's
    /// `spec.policies.ignore` is marked as ignored, but for the guard against destruction: to name that one is warned of.
    ///
    /// # Errors
    /// A rule cannot be evaluated or yields something else than findings.
    pub fn review(&self, document: &serde_json::Value) -> Result<Vec<Finding>, Broken> {
        let mut engine = self.engine.clone();
        engine.set_input(Value::from(document.clone()));
        let mut found = Vec::new();
        for package in &self.packages {
            let mut judges = self.helps(package);
            for (rule, level) in [("deny", FindingLevel::Deny), ("warn", FindingLevel::Warn)] {
                let Some(entries) = entries(&mut engine, package, rule)? else { continue };
                judges = true;
                found.extend(entries.iter().map(|entry| finding(package, level, entry)).collect::<Result<Vec<_>, _>>()?);
            }
            if !judges {
                return Err(Broken::Idle { package: package.clone() });
            }
        }
        let ignored = ignored(document);
        for finding in &mut found {
            if is_ignored(&finding.id, &ignored) {
                finding.level = FindingLevel::Ignored;
            }
        }
        found.extend(ignored.contains(&GUARD).then(not_to_be_ignored));
        found.sort_by(|a, b| (b.level, &a.id, &a.subject).cmp(&(a.level, &b.id, &b.subject)));
        Ok(found)
    }

    /// Lower-case hex SHA-256 of all rules in force, wherever their files lie.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut texts: Vec<&(String, String)> = self.texts.iter().collect();
        texts.sort();
        digest::sha256_hex(serde_json::json!(texts).to_string().as_bytes())
    }

    /// Whether another package uses this one: then it need not judge by itself.
    fn helps(&self, package: &str) -> bool {
        let goes_on = |rest: &str| rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        let uses = |text: &str| text.match_indices(package).any(|(at, _)| !goes_on(&text[at + package.len()..]));
        self.texts.iter().any(|(other, text)| other != package && uses(text))
    }
}

/// The ids that a document's file wants to be ignored.
fn ignored(document: &serde_json::Value) -> Vec<&str> {
    let listed = document.pointer("/spec/policies/ignore").and_then(serde_json::Value::as_array);
    listed.into_iter().flatten().filter_map(serde_json::Value::as_str).collect()
}

/// Whether a list of ids to be ignored takes a rule's force away. Nobody ignores the guard by accident: what may be destroyed is
/// named, one by one.
fn is_ignored<T: AsRef<str>>(id: &str, ignored: &[T]) -> bool {
    id != GUARD && ignored.iter().any(|named| named.as_ref() == id)
}

fn not_to_be_ignored() -> Finding {
    Finding {
        id: GUARD.to_owned(),
        level: FindingLevel::Warn,
        message: format!("`policies.ignore` names {GUARD}, which cannot be ignored: it still holds"),
        remedy: "take it out of `policies.ignore`, and name what may be destroyed with --allow-destroy".to_owned(),
        subject: Some("policies.ignore".to_owned()),
    }
}

/// Compiles a module into the engine; gives back its package, as `data.…`.
fn add(engine: &mut Engine, module: &Module) -> Result<String, Broken> {
    let added = engine.add_policy(module.name.clone(), module.text.clone());
    added.map_err(|error| Broken::Compile { name: module.name.clone(), reason: error.to_string() })
}

/// The members of a set rule; nothing when the package has no such rule.
fn entries(engine: &mut Engine, package: &str, rule: &str) -> Result<Option<Vec<Value>>, Broken> {
    let failed = |reason: String| Broken::Evaluate { package: package.to_owned(), reason };
    let results = engine.eval_query(format!("{package}.{rule}"), false).map_err(|error| failed(error.to_string()))?;
    let value =
        results.result.into_iter().next().and_then(|row| row.expressions.into_iter().next()).map(|expression| expression.value);
    match value {
        None | Some(Value::Undefined) => Ok(None),
        Some(Value::Set(set)) => Ok(Some(set.iter().cloned().collect())),
        Some(other) => Err(Broken::Shape { package: package.to_owned(), found: format!("`{rule}` as {other}") }),
    }
}

fn finding(package: &str, level: FindingLevel, entry: &Value) -> Result<Finding, Broken> {
    let text = |key: &str| entry[key].as_string().ok().map(ToString::to_string);
    match (text("id"), text("message"), text("remedy")) {
        (Some(id), Some(message), Some(remedy)) => Ok(Finding { id, level, message, remedy, subject: text("subject") }),
        _ => Err(Broken::Shape { package: package.to_owned(), found: entry.to_string() }),
    }
}

#[cfg(test)]
mod tests;
