//! Floor 2: the user's file. YAML with positions in, a typed and checked spec out, all problems at once.

pub mod file;
mod fleet;

mod check;
mod checked;
mod reference;
mod schema;
mod source;
mod structure;
mod suggest;
mod template;
mod yaml;

#[cfg(test)]
mod tests;

pub use check::provider::grafana_majors;
pub use check::targets::{CONTROL as CONTROL_PLANE_TARGETS, DATA as SCRAPE_TARGETS, POD_ANNOTATIONS};
pub use checked::{Backend, Placement, Spec};
pub use fleet::{Fleet, FleetStack, fleet_schema, is_fleet, read_fleet};
pub use reference::reference_markdown;
pub use schema::schema;
pub use source::Source;
pub use template::{InitAnswers, StateAnswers, template};

use crate::diag::{Code, Diagnostic};

/// Reads and checks a file. `file_name` is how messages call it.
///
/// # Errors
/// Everything that is wrong, in the order of the file, warnings included. At least one of them is an error.
pub fn read(text: &str, file_name: &str) -> Result<Spec, Vec<Diagnostic>> {
    let document = yaml::parse(text, file_name).map_err(|fatal| vec![*fatal])?;
    read_document(document.value, document.problems, Source::new(file_name, document.places))
}

/// Checks a stack's document, wherever its parts stand.
fn read_document(value: serde_json::Value, problems: Vec<Diagnostic>, source: Source) -> Result<Spec, Vec<Diagnostic>> {
    let shaped = structure::shape(value, &source);
    let mut found = problems;
    found.extend(shaped.problems);
    let stack = match serde_json::from_value::<file::Stack>(shaped.value) {
        Ok(stack) => stack,
        Err(why) => {
            if !found.iter().any(Diagnostic::is_error) {
                found.push(Diagnostic::error(Code::SpecType, why.to_string()).at(source.span("")));
            }
            return Err(in_order(found));
        }
    };
    let untouched = |pointer: &str| {
        !shaped.touched.iter().any(|touched| structure::within(pointer, touched) || structure::within(touched, pointer))
    };
    let meaning = check::all(&stack, &source).into_iter();
    found.extend(meaning.filter(|(pointer, _)| untouched(pointer)).map(|(_, diagnostic)| diagnostic));
    let found = in_order(found);
    if found.iter().any(Diagnostic::is_error) {
        return Err(found);
    }
    let span = source.span("");
    Spec::assemble(stack, source, found)
        .ok_or_else(|| vec![Diagnostic::error(Code::SpecValue, "the file passed all checks and still cannot be used").at(span)])
}

fn in_order(mut found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    found.sort_by_key(|diagnostic| diagnostic.span.as_ref().map(|span| (span.line, span.column)));
    found
}
