//! A large world out of a small one: a stack that was really provisioned in the embedded Azure, many times under other names.

use std::collections::BTreeSet;

use regex::{Captures, Regex};
use serde_json::{Map, Value, json};

/// A stack that has a subscription for itself, and what its names have in common.
pub(crate) struct Original<'a> {
    /// The world as it is kept on disk.
    pub(crate) world: &'a Value,
    /// The subscription's GUID.
    pub(crate) subscription: &'a str,
    /// Part of the name of everything that is the stack's alone.
    pub(crate) name: &'a str,
    /// GUIDs that are not the stack's: the tenant, whoever is signed in.
    pub(crate) foreign: &'a [&'a str],
}

/// Where a copy goes.
#[derive(Clone, Debug)]
pub(crate) struct Copy {
    /// Takes the place of [`Original::name`].
    pub(crate) name: String,
    /// The subscription's GUID.
    pub(crate) subscription: String,
}

impl Original<'_> {
    /// The world with the copies in the original's place. What others have stays; the copies' clusters are empty inside.
    pub(crate) fn copied(&self, copies: &[Copy]) -> Value {
        let guid = Regex::new("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").unwrap();
        let prefix = format!("/subscriptions/{}", self.subscription);
        let all = self.world["resources"].as_object().unwrap();
        let (ours, others): (Vec<_>, Vec<_>) = all.iter().partition(|(id, _)| id.starts_with(&prefix));
        let others: Map<String, Value> = others.into_iter().map(|(id, body)| (id.clone(), body.clone())).collect();
        let foreign = self.not_ours(&guid, &others, &ours);
        let mut resources = others;
        let templates: Vec<(&String, String)> = ours.iter().map(|(id, body)| (*id, body.to_string())).collect();
        for (number, copy) in copies.iter().enumerate() {
            let renamed = |text: &str| {
                let other = |found: &Captures| match &found[0] {
                    own if own == self.subscription => copy.subscription.clone(),
                    kept if foreign.contains(kept) => kept.to_owned(),
                    own => format!("{}{number:08x}", &own[..28]),
                };
                guid.replace_all(text, other).replace(self.name, &copy.name)
            };
            for (id, text) in &templates {
                resources.insert(renamed(id), serde_json::from_str(&renamed(text)).unwrap());
            }
        }
        let mut world = self.world.clone();
        world["resources"] = Value::Object(resources);
        for kind in world["planes"].as_object_mut().unwrap().values_mut().filter_map(Value::as_object_mut) {
            kind.retain(|id, _| !id.starts_with(&prefix));
        }
        let registered = world["memory"]["registered"].as_object_mut().unwrap();
        let of_original: Vec<(String, Value)> = registered.clone().into_iter().collect();
        for subscription in copies.iter().map(|copy| &copy.subscription).collect::<BTreeSet<_>>() {
            let theirs = of_original.iter().filter_map(|(key, since)| {
                let namespace = key.strip_prefix(self.subscription)?;
                Some((format!("{subscription}{namespace}"), since.clone()))
            });
            registered.extend(theirs);
        }
        world["memory"]["operations"] = json!({});
        world["memory"]["activity"] = json!([]);
        world
    }

    /// GUIDs that every copy keeps: role definitions, what others use too, and assignments among others.
    fn not_ours(&self, guid: &Regex, others: &Map<String, Value>, ours: &[(&String, &Value)]) -> BTreeSet<String> {
        let within = |text: &str| guid.find_iter(text).map(|found| found.as_str().to_owned()).collect::<BTreeSet<_>>();
        let mut foreign: BTreeSet<String> = self.foreign.iter().map(|text| (*text).to_owned()).collect();
        foreign.extend(others.iter().flat_map(|(id, body)| within(&format!("{id} {body}"))));
        let definition = Regex::new("roleDefinitions/([0-9a-f-]{36})").unwrap();
        for (id, body) in ours {
            let text = body.to_string();
            foreign.extend(definition.captures_iter(&text).map(|found| found[1].to_owned()));
            // An assignment at the subscription whose holder is somebody else's is there once, however many copies there are.
            let holder = body["properties"]["principalId"].as_str().unwrap_or_default();
            if !id.contains(self.name) && foreign.contains(holder) {
                foreign.extend(id.rsplit('/').next().map(str::to_owned));
            }
        }
        foreign.remove(self.subscription);
        foreign
    }
}
