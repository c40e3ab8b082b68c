//! `kind: Fleet`: many stacks from one file, with defaults and overlays.
//!
//! A stack of a fleet is put together from layers (the fleet's defaults, the overlays it names, what it says itself) and then read by
//! the same checks as a file of its own; every value keeps the place where it was written, so a mistake in an overlay is told there.

mod layers;
mod rules;
mod schema;
mod shape;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::source::Source;
use super::yaml;
use super::{Spec, in_order, read, read_document};
use crate::diag::{Code, Diagnostic};
use layers::Layers;

pub use schema::fleet_schema;

/// A fleet file is larger than a stack's.
const MOST_NODES: usize = 2_000_000;

/// A fleet, read and checked.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// What it is called.
    pub name: String,
    /// The stacks, in the order of the file.
    pub stacks: Vec<FleetStack>,
    /// The rings in their order; a stack without one belongs to the last.
    pub rings: Vec<String>,
    /// Whether a ring that fails keeps the next from starting.
    pub halt: bool,
    /// How many stacks are worked on at the same time.
    pub at_once: usize,
    /// How many of them in one subscription.
    pub at_once_per_subscription: usize,
}

/// A stack of a fleet.
#[derive(Clone, Debug)]
pub struct FleetStack {
    /// Its file, relative to the fleet's; nothing for one that is written in the fleet.
    pub file: Option<String>,
    /// Which ring it belongs to, an index into [`Fleet::rings`]; 0 without rings.
    pub ring: usize,
    /// Whether others use its workspace or Grafana: it comes before all rings.
    pub first: bool,
    /// What it shall be.
    pub spec: Spec,
}

impl FleetStack {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.spec.stack.metadata.name
    }
}

impl Fleet {
    /// Leaves the stacks whose names match one of the patterns (`*` and `?`); all without patterns.
    ///
    /// # Errors
    /// A pattern that matches none.
    pub fn only(mut self, patterns: &[String]) -> Result<Self, Box<Diagnostic>> {
        for pattern in patterns {
            if !self.stacks.iter().any(|stack| matches(pattern, stack.name())) {
                let told = Diagnostic::error(Code::Usage, format!("no stack of the fleet is called `{pattern}`"));
                let names: Vec<&str> = self.stacks.iter().take(12).map(FleetStack::name).collect();
                return Err(Box::new(told.hint(format!("its stacks are {}", super::suggest::list(&names)))));
            }
        }
        self.stacks.retain(|stack| patterns.is_empty() || patterns.iter().any(|pattern| matches(pattern, stack.name())));
        Ok(self)
    }
}

/// Whether a name fits a pattern with `*` and `?`.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.chars().next() {
        None => name.is_empty(),
        Some('*') => {
            let rest = &pattern[1..];
            name.char_indices().map(|(at, _)| at).chain([name.len()]).any(|at| matches(rest, &name[at..]))
        }
        Some(sign) => name.chars().next().is_some_and(|first| {
            (sign == '?' || sign == first) && matches(&pattern[sign.len_utf8()..], &name[first.len_utf8()..])
        }),
    }
}

/// Whether a text is a fleet's file and not a stack's: it says so itself.
#[must_use]
pub fn is_fleet(text: &str) -> bool {
    text.trim_start_matches('\u{feff}').lines().any(|line| {
        let line = line.split('#').next().unwrap_or_default();
        line.strip_prefix("kind:").is_some_and(|kind| kind.trim().trim_matches(['"', '\'']) == "Fleet")
    })
}

/// Reads and checks a fleet. `open` gives the text of a stack's file, its path as written.
///
/// # Errors
/// Everything that is wrong, of the fleet and of all its stacks.
pub fn read_fleet(text: &str, file_name: &str, open: &dyn Fn(&str) -> std::io::Result<String>) -> Result<Fleet, Vec<Diagnostic>> {
    let document = yaml::parse_up_to(text, file_name, MOST_NODES).map_err(|fatal| vec![*fatal])?;
    let source = Source::new(file_name, document.places);
    let mut found = document.problems;
    let shape = shape::check(&document.value, &source, &mut found);
    let layers = Layers::new(&document.value, &source);
    let mut stacks = Vec::new();
    let mut told: BTreeMap<String, (Diagnostic, Vec<String>)> = BTreeMap::new();
    for entry in &shape.stacks {
        let read = if let Some(file) = &entry.file {
            from_file(file, &entry.pointer, &source, open)
        } else {
            let (mut value, places) = layers.of(&entry.pointer, &entry.overlays);
            share(&mut value, entry.name.as_str(), &shape);
            read_document(value, Vec::new(), Source::new(file_name, places))
        };
        match read {
            Ok(spec) => stacks.push(FleetStack {
                file: entry.file.clone(),
                ring: entry.ring.unwrap_or(shape.rings.len().saturating_sub(1)),
                first: shape.shared_stack.as_deref() == Some(entry.name.as_str()),
                spec,
            }),
            Err(problems) => {
                for problem in problems {
                    let key = format!("{:?} {}", problem.span, problem.summary);
                    told.entry(key).or_insert_with(|| (problem, Vec::new())).1.push(entry.name.clone());
                }
            }
        }
    }
    found.extend(told.into_values().map(|(problem, names)| concerning(problem, &names, shape.stacks.len())));
    found.extend(rules::check(&stacks, &shape, &source));
    if found.iter().any(Diagnostic::is_error) {
        return Err(in_order(found));
    }
    Ok(Fleet {
        name: shape.name,
        stacks,
        rings: shape.rings,
        halt: shape.halt,
        at_once: shape.at_once,
        at_once_per_subscription: shape.at_once_per_subscription,
    })
}

fn from_file(
    file: &str,
    pointer: &str,
    source: &Source,
    open: &dyn Fn(&str) -> std::io::Result<String>,
) -> Result<Spec, Vec<Diagnostic>> {
    match open(file) {
        Ok(text) => read(&text, file),
        Err(error) => {
            let told = Diagnostic::error(Code::SpecUnreadable, format!("`{file}` cannot be read")).caused_by(error.to_string());
            let told = told.at(source.span(&format!("{pointer}/file")));
            Err(vec![told.hint("paths count from the directory of the fleet's file")])
        }
    }
}

/// Gives a stack that has no workspace or Grafana of its own the shared one.
fn share(value: &mut Value, name: &str, shape: &shape::Shape) {
    if shape.shared_stack.as_deref() == Some(name) {
        return;
    }
    for (section, place, id) in
        [("monitoring", "/monitoring/workspace", &shape.shared_workspace), ("grafana", "/grafana", &shape.shared_grafana)]
    {
        let Some(id) = id else { continue };
        let own = value.pointer(place).is_some_and(|there| there.get("name").is_some() || there.get("id").is_some());
        if own || !value.is_object() {
            continue;
        }
        if value.get(section).is_none_or(Value::is_null) {
            value[section] = json!({});
        }
        let target = if section == "monitoring" { &mut value[section]["workspace"] } else { &mut value[section] };
        if target.is_null() {
            *target = json!({});
        }
        if target.is_object() {
            target["id"] = json!(id);
        }
    }
}

/// Says which stacks a problem concerns, when it is not all of them.
fn concerning(problem: Diagnostic, names: &[String], of: usize) -> Diagnostic {
    const MOST: usize = 5;
    if names.len() == of && of > 1 {
        return problem.hint("it concerns every stack of the fleet");
    }
    let mut listed = names.iter().take(MOST).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if names.len() > MOST {
        listed = format!("{listed} and {} more", names.len() - MOST);
    }
    problem.hint(format!("it concerns {listed}"))
}
