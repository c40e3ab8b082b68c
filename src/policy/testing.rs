//! Tests of rules: every rule of a package whose name begins with `test_` must be true.

use regorus::{Engine, Value};
use serde::Serialize;

use super::{Broken, Module, add, shipped};

/// How a test ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TestResult {
    /// Its package, without `data.`.
    pub package: String,
    /// Its name.
    pub name: String,
    /// Whether it is true.
    pub passed: bool,
    /// Why it could not be evaluated.
    pub reason: Option<String>,
}

/// Runs the shipped tests and those in `modules`, over the shipped rules and those in `modules`.
///
/// # Errors
/// A module cannot be compiled.
pub fn test(modules: &[Module]) -> Result<Vec<TestResult>, Broken> {
    let mut engine = Engine::new();
    let all = [shipped::rules(), shipped::tests(), modules.to_vec()].concat();
    let mut packages: Vec<(String, Vec<String>)> = Vec::new();
    for module in &all {
        let package = add(&mut engine, module)?;
        packages.push((package, names(&module.text)));
    }
    Ok(packages
        .iter()
        .flat_map(|(package, names)| names.iter().map(|name| one(&mut engine, package, name)).collect::<Vec<_>>())
        .collect())
}

/// The names of the tests in a source: a rule begins its line.
fn names(text: &str) -> Vec<String> {
    let name = |line: &str| {
        let word: String = line.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        word.starts_with("test_").then_some(word)
    };
    let mut found: Vec<String> = text.lines().filter_map(name).collect();
    found.dedup();
    found
}

fn one(engine: &mut Engine, package: &str, name: &str) -> TestResult {
    let (passed, reason) = match engine.eval_rule(format!("{package}.{name}")) {
        Ok(value) => (value == Value::from(true), None),
        Err(error) => (false, Some(error.to_string())),
    };
    TestResult { package: package.trim_start_matches("data.").to_owned(), name: name.to_owned(), passed, reason }
}
