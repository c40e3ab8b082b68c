//! What a configuration makes of a state, the way azurerm's older plugin SDK plans it.
//!
//! Defaults are written out; what the service settles keeps its value, or is unknown while the resource is new; an argument that
//! the configuration does not mention counts as null, so that what somebody else switched on is planned away. Values that are
//! empty either way (null, "", false, 0) never differ.

use std::collections::BTreeMap;

use super::schema::{Attribute, Block, Codec, Default, Force, Nested, Nesting, Presence, Type};
use super::value::Value;

/// One step of a path into a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// An attribute or a block by name.
    Name(&'static str),
    /// An element of a list.
    Index(usize),
}

/// A planned state and the paths that force a new resource.
#[derive(Debug, PartialEq)]
pub(super) struct Plan {
    pub(super) state: Value,
    pub(super) replace: Vec<Vec<Step>>,
}

/// Plans `config` over `prior`, which is null for a new resource.
pub(super) fn plan(block: &Block, prior: &Value, config: &Value) -> Plan {
    let state = level(block, prior, config, *prior != Value::Null);
    let mut replace = Vec::new();
    if *prior != Value::Null {
        forced(block, prior, &state, &mut Vec::new(), &mut replace);
    }
    Plan { state, replace }
}

/// `old` says whether the service has already settled what this level leaves open.
fn level(block: &Block, prior: &Value, config: &Value, old: bool) -> Value {
    let attributes = block.attributes.iter().map(|attribute| {
        (attribute.name.to_owned(), argument(attribute, prior.get(attribute.name), config.get(attribute.name), old))
    });
    let blocks = block
        .blocks
        .iter()
        .map(|nested| (nested.name.to_owned(), repeated(nested, prior.get(nested.name), config.get(nested.name), old)));
    Value::Map(attributes.chain(blocks).collect::<BTreeMap<_, _>>())
}

fn argument(attribute: &Attribute, prior: &Value, config: &Value, old: bool) -> Value {
    match config {
        Value::Null => match attribute.default {
            Default::Text(text) => Value::Text(text.to_owned()),
            Default::Bool(truth) => Value::Bool(truth),
            Default::Number(number) => Value::Number(number.into()),
            Default::None if attribute.computed && !old => Value::Unknown,
            Default::None if attribute.computed || prior.is_zero() => prior.clone(),
            Default::None => Value::Null,
        },
        written if same(attribute, prior, written) => prior.clone(),
        // azurerm keeps regions in one spelling, in the plan too.
        Value::Text(written) if attribute.codec == Codec::Place => Value::Text(place(written)),
        written => written.clone(),
    }
}

/// Whether the service's spelling and the configuration's mean the same.
fn same(attribute: &Attribute, prior: &Value, written: &Value) -> bool {
    match (attribute.codec, prior.text(), written.text()) {
        (Codec::Place, Some(prior), Some(written)) => place(prior) == place(written),
        (Codec::Lower, Some(prior), Some(written)) => prior.eq_ignore_ascii_case(written),
        _ if matches!(attribute.kind, Type::TextSet | Type::NumberSet) => {
            let (prior, written) = (prior.items(), written.items());
            prior.len() == written.len() && written.iter().all(|item| prior.contains(item))
        }
        _ => false,
    }
}

/// A region in the spelling that azurerm keeps.
pub(super) fn place(text: &str) -> String {
    text.replace(' ', "").to_lowercase()
}

fn repeated(nested: &Nested, prior: &Value, config: &Value, old: bool) -> Value {
    match (nested.nesting, config) {
        (Nesting::Single, _) | (_, Value::Unknown) => config.clone(),
        (_, config) if config.items().is_empty() && nested.computed => {
            if old {
                Value::List(prior.items().to_vec())
            } else {
                Value::Unknown
            }
        }
        (_, config) => Value::List(
            config
                .items()
                .iter()
                .enumerate()
                .map(|(index, item)| {
                    let prior = prior.items().get(index).cloned().unwrap_or_default();
                    let known = old && prior != Value::Null;
                    level(nested.block, &prior, item, known || nested.presence == Presence::Apart && old)
                })
                .collect(),
        ),
    }
}

fn forced(block: &Block, prior: &Value, planned: &Value, path: &mut Vec<Step>, replace: &mut Vec<Vec<Step>>) {
    for attribute in block.attributes {
        let (was, is) = (prior.get(attribute.name), planned.get(attribute.name));
        if forces(attribute.force, was, is) {
            replace.push(extended(path, Step::Name(attribute.name)));
        }
    }
    for nested in block.blocks {
        let (was, is) = (prior.get(nested.name), planned.get(nested.name));
        let appeared = was.items().len() != is.items().len() && *is != Value::Unknown;
        if nested.fixed && was != is && (appeared || !was.items().is_empty()) || nested.fixed_presence && appeared {
            replace.push(extended(path, Step::Name(nested.name)));
        }
        path.push(Step::Name(nested.name));
        for (index, (was, is)) in was.items().iter().zip(is.items()).enumerate() {
            path.push(Step::Index(index));
            forced(nested.block, was, is, path, replace);
            path.pop();
        }
        path.pop();
    }
}

fn forces(force: Force, was: &Value, is: &Value) -> bool {
    if was == is || was.is_zero() && is.is_zero() {
        return false;
    }
    match force {
        Force::Never => false,
        Force::Always => true,
        Force::Leaving(old) => !was.is_zero() && was.text() != Some(old),
        Force::Entering(new) => !is.text().is_some_and(|is| is.eq_ignore_ascii_case(new)),
    }
}

fn extended(path: &[Step], step: Step) -> Vec<Step> {
    path.iter().cloned().chain([step]).collect()
}
