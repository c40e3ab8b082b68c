//! The fleet's own keys. The bodies of stacks are checked once they are put together.

use serde_json::Value;

use crate::base::{ArmId, Kind};
use crate::diag::{Code, Diagnostic};
use crate::spec::source::{Source, dotted, escape};
use crate::spec::suggest;

/// The sections of a stack that defaults, overlays and stacks may write.
pub(super) const SECTIONS: [&str; 9] =
    ["azure", "cluster", "monitoring", "grafana", "terraform", "delivery", "verification", "policies", "reconcile"];

/// The fleet's keys, read.
#[derive(Debug, Default)]
pub(super) struct Shape {
    pub(super) name: String,
    pub(super) stacks: Vec<Entry>,
    pub(super) rings: Vec<String>,
    pub(super) halt: bool,
    pub(super) at_once: usize,
    pub(super) at_once_per_subscription: usize,
    /// The stack that makes the shared workspace and Grafana.
    pub(super) shared_stack: Option<String>,
    /// The ids of what is shared.
    pub(super) shared_workspace: Option<String>,
    pub(super) shared_grafana: Option<String>,
}

/// One line of `stacks`.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) pointer: String,
    pub(super) file: Option<String>,
    pub(super) overlays: Vec<String>,
    pub(super) ring: Option<usize>,
}

/// Reads the keys and reports what is wrong with them.
pub(super) fn check(document: &Value, source: &Source, found: &mut Vec<Diagnostic>) -> Shape {
    let mut reader = Reader { document, source, found };
    reader.keys(
        "",
        &["apiVersion", "kind", "metadata", "defaults", "overlays", "shared", "rings", "haltOnFailure", "concurrency", "stacks"],
    );
    reader.keys("/metadata", &["name"]);
    reader.keys("/defaults", &SECTIONS);
    reader.keys("/shared", &["stack", "workspaceId", "grafanaId"]);
    reader.keys("/concurrency", &["total", "perSubscription"]);
    if document["apiVersion"] != "aksight/v1" {
        reader.wrong("/apiVersion", "must be `aksight/v1`");
    }
    let overlays: Vec<String> = reader.names_of("/overlays");
    for overlay in &overlays {
        reader.keys(&format!("/overlays/{}", escape(overlay)), &SECTIONS);
    }
    let rings = reader.texts("/rings");
    let mut shape = Shape {
        name: reader.text("/metadata/name").unwrap_or_default(),
        halt: document["haltOnFailure"].as_bool().unwrap_or(true),
        at_once: reader.count("/concurrency/total", 4),
        at_once_per_subscription: reader.count("/concurrency/perSubscription", 2),
        shared_stack: reader.text("/shared/stack"),
        ..Shape::default()
    };
    if shape.name.is_empty() {
        reader.wrong("/metadata", "must have a `name`");
    }
    let entries = document["stacks"].as_array().map_or(0, Vec::len);
    if entries == 0 {
        reader.wrong("/stacks", "must list at least one stack");
    }
    for index in 0..entries {
        let entry = reader.entry(index, &overlays, &rings);
        shape.stacks.extend(entry);
    }
    shape.rings = rings;
    shared(&mut shape, &mut reader);
    shape
}

/// What is shared: existing ones by id, or those of one of the stacks.
fn shared(shape: &mut Shape, reader: &mut Reader<'_, '_>) {
    shape.shared_workspace = reader.text("/shared/workspaceId");
    shape.shared_grafana = reader.text("/shared/grafanaId");
    let Some(name) = shape.shared_stack.clone() else { return };
    if shape.shared_workspace.is_some() || shape.shared_grafana.is_some() {
        reader.wrong("/shared", "names either a stack or ids, not both");
    }
    let Some(entry) = shape.stacks.iter().find(|entry| entry.name == name) else {
        let names: Vec<&str> = shape.stacks.iter().map(|entry| entry.name.as_str()).collect();
        let told = reader.problem("/shared/stack", Code::SpecValue, &format!("names no stack of the fleet: `{name}`"));
        let told = suggest::nearest(&name, names)
            .map(|meant| format!("did you mean `{meant}`?"))
            .into_iter()
            .fold(told, Diagnostic::hint);
        reader.found.push(told);
        return;
    };
    if entry.file.is_some() {
        reader.wrong("/shared/stack", "must be a stack that is written in this file");
        return;
    }
    let value = super::layers::Layers::new(reader.document, reader.source).of(&entry.pointer, &entry.overlays).0;
    let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str);
    let (Some(subscription), Some(group)) = (text("/azure/subscription"), text("/azure/resourceGroup")) else {
        reader.wrong("/shared/stack", "must name a stack whose `azure.subscription` and `azure.resourceGroup` are written");
        return;
    };
    let group = ArmId::of_group(subscription, group);
    let own = |place: &str, kind: Kind| {
        let name = text(&format!("{place}/name")).map(|name| group.resource(kind.resource_type(), name).to_string());
        name.or_else(|| text(&format!("{place}/id")).map(str::to_owned))
    };
    shape.shared_workspace = own("/monitoring/workspace", Kind::MonitorWorkspace);
    shape.shared_grafana = own("/grafana", Kind::Grafana);
}

struct Reader<'a, 'b> {
    document: &'a Value,
    source: &'a Source,
    found: &'b mut Vec<Diagnostic>,
}

impl Reader<'_, '_> {
    fn problem(&self, pointer: &str, code: Code, what: &str) -> Diagnostic {
        Diagnostic::error(code, format!("`{}` {what}", dotted(pointer))).at(self.source.span(pointer))
    }

    fn wrong(&mut self, pointer: &str, what: &str) {
        let told = self.problem(pointer, Code::SpecValue, what);
        self.found.push(told);
    }

    /// A mapping with these keys and no others.
    fn keys(&mut self, pointer: &str, known: &[&str]) {
        let Some(there) = self.document.pointer(pointer).filter(|there| !there.is_null()) else { return };
        let Some(all) = there.as_object() else {
            let told = self.problem(pointer, Code::SpecType, "must be a mapping");
            self.found.push(told);
            return;
        };
        for key in all.keys().filter(|key| !known.contains(&key.as_str())) {
            let place = if pointer.is_empty() { "the file".to_owned() } else { format!("`{}`", dotted(pointer)) };
            let told = Diagnostic::error(Code::SpecUnknownKey, format!("{place} has no key `{key}`"));
            let told = told.at(self.source.key_span(&format!("{pointer}/{}", escape(key))));
            let told = match suggest::nearest(key, known.iter().copied()) {
                Some(meant) => told.hint(format!("did you mean `{meant}`?")),
                None => told,
            };
            self.found.push(told.hint(format!("known keys are {}", suggest::list(known).replace(" or ", " and "))));
        }
    }

    fn text(&mut self, pointer: &str) -> Option<String> {
        match self.document.pointer(pointer)? {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            _ => {
                let told = self.problem(pointer, Code::SpecType, "must be text");
                self.found.push(told);
                None
            }
        }
    }

    fn texts(&mut self, pointer: &str) -> Vec<String> {
        let count = match self.document.pointer(pointer) {
            None | Some(Value::Null) => 0,
            Some(Value::Array(items)) => items.len(),
            Some(_) => {
                let told = self.problem(pointer, Code::SpecType, "must be a list");
                self.found.push(told);
                0
            }
        };
        (0..count).filter_map(|index| self.text(&format!("{pointer}/{index}"))).collect()
    }

    fn names_of(&self, pointer: &str) -> Vec<String> {
        self.document.pointer(pointer).and_then(Value::as_object).map(|all| all.keys().cloned().collect()).unwrap_or_default()
    }

    fn count(&mut self, pointer: &str, usual: usize) -> usize {
        let Some(there) = self.document.pointer(pointer) else { return usual };
        let count = there.as_u64().and_then(|count| usize::try_from(count).ok()).filter(|count| (1..=256).contains(count));
        count.unwrap_or_else(|| {
            let told = self.problem(pointer, Code::SpecValue, "must be a number from 1 to 256");
            self.found.push(told);
            usual
        })
    }

    fn entry(&mut self, index: usize, overlays: &[String], rings: &[String]) -> Option<Entry> {
        let pointer = format!("/stacks/{index}");
        let known: Vec<&str> = ["name", "file", "overlays", "ring"].into_iter().chain(SECTIONS).collect();
        self.keys(&pointer, &known);
        let at = |key: &str| format!("{pointer}/{key}");
        let Some(name) = self.text(&at("name")).filter(|name| !name.is_empty()) else {
            self.wrong(&pointer, "must have a `name`");
            return None;
        };
        let file = self.text(&at("file"));
        let written = self.document.pointer(&pointer).and_then(Value::as_object);
        if let (Some(_), Some(section)) = (&file, SECTIONS.iter().find(|key| written.is_some_and(|all| all.contains_key(**key))))
        {
            self.wrong(&at(section), "cannot be written beside `file`: the file says it all");
        }
        let named = self.texts(&at("overlays"));
        for (nth, overlay) in named.iter().enumerate().filter(|(_, name)| !overlays.contains(name)) {
            let told =
                self.problem(&format!("{}/{nth}", at("overlays")), Code::SpecValue, &format!("names no overlay: `{overlay}`"));
            let all: Vec<&str> = overlays.iter().map(String::as_str).collect();
            let told = if all.is_empty() { told } else { told.hint(format!("the overlays are {}", suggest::list(&all))) };
            self.found.push(told);
        }
        let ring = self.text(&at("ring")).and_then(|ring| {
            let found = rings.iter().position(|known| *known == ring);
            if found.is_none() {
                self.wrong(&at("ring"), &format!("is none of `rings`: `{ring}`"));
            }
            found
        });
        Some(Entry { name, pointer, file, overlays: named, ring })
    }
}
