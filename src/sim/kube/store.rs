//! The objects of one cluster, with the rules of an API server: resource versions, conflicts, generations.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::kinds::Kind;
use super::managed::{self, Writer};
use super::patch;
use super::status::Refusal;
use crate::sim::effects::cluster::uid;

/// How the body of a `PATCH` is meant, told by its content type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchStyle {
    /// `application/merge-patch+json`.
    Merge,
    /// `application/strategic-merge-patch+json`.
    Strategic,
    /// `application/json-patch+json`.
    Json,
    /// `application/apply-patch+yaml`: creates what is missing.
    Apply,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Entry {
    object: Value,
    /// Made by the cluster itself: its status is kept up to date and it goes when its cause goes.
    system: bool,
}

/// All objects of a cluster.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Store {
    revision: u64,
    objects: BTreeMap<String, Entry>,
}

fn key(kind: &Kind, namespace: &str, name: &str) -> String {
    format!("{}/{}/{name}", kind.qualified(), if kind.namespaced { namespace } else { "" })
}

impl Store {
    /// The revision of the last write.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The objects of a kind, in one namespace or in all.
    pub fn list(&self, kind: &Kind, namespace: Option<&str>) -> Vec<&Value> {
        let prefix = match namespace {
            Some(namespace) if kind.namespaced => format!("{}/{namespace}/", kind.qualified()),
            _ => format!("{}/", kind.qualified()),
        };
        self.objects
            .range(prefix.clone()..)
            .take_while(|(key, _)| key.starts_with(&prefix))
            .map(|(_, entry)| &entry.object)
            .collect()
    }

    /// One object.
    pub fn get(&self, kind: &Kind, namespace: &str, name: &str) -> Result<&Value, Refusal> {
        self.objects.get(&key(kind, namespace, name)).map(|entry| &entry.object).ok_or_else(|| Refusal::not_found(kind, name))
    }

    /// Creates an object.
    pub fn create(&mut self, kind: &Kind, namespace: &str, body: Value, by: Writer) -> Result<Value, Refusal> {
        let name = body.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default().to_owned();
        self.check(kind, namespace, &name, &body)?;
        if self.objects.contains_key(&key(kind, namespace, &name)) {
            return Err(Refusal::exists(kind, &name));
        }
        if body.pointer("/metadata/resourceVersion").and_then(Value::as_str).is_some_and(|version| !version.is_empty()) {
            return Err(Refusal::bad_request("resourceVersion should not be set on objects to be created"));
        }
        Ok(self.insert(kind, namespace, &name, body, by, false))
    }

    /// Replaces an object; a `resourceVersion` in the body must be the present one.
    pub fn replace(&mut self, kind: &Kind, namespace: &str, name: &str, body: Value, by: Writer) -> Result<Value, Refusal> {
        self.check(kind, namespace, name, &body)?;
        if body.pointer("/metadata/name").and_then(Value::as_str) != Some(name) {
            return Err(Refusal::bad_request("the name of the object does not match the name on the URL"));
        }
        let present = self.get(kind, namespace, name)?.clone();
        self.write(kind, namespace, name, (&present, body), by)
    }

    /// Patches an object.
    pub fn patch(
        &mut self,
        kind: &Kind,
        namespace: &str,
        name: &str,
        style: PatchStyle,
        change: &Value,
        by: Writer,
    ) -> Result<Value, Refusal> {
        let present = match self.get(kind, namespace, name) {
            Ok(present) => present.clone(),
            Err(_) if style == PatchStyle::Apply => {
                let mut body = change.clone();
                patch::merge(&mut body, &json!({"metadata": {"name": name}}));
                return self.create(kind, namespace, body, by);
            }
            Err(refusal) => return Err(refusal),
        };
        let mut wanted = present.clone();
        match style {
            PatchStyle::Merge => patch::merge(&mut wanted, change),
            PatchStyle::Strategic | PatchStyle::Apply => patch::strategic(&mut wanted, change),
            PatchStyle::Json => patch::json_patch(&mut wanted, change).map_err(|why| Refusal::invalid(kind, name, &why))?,
        }
        self.check(kind, namespace, name, &wanted)?;
        self.write(kind, namespace, name, (&present, wanted), by)
    }

    /// Deletes an object and returns it.
    pub fn delete(&mut self, kind: &Kind, namespace: &str, name: &str) -> Result<Value, Refusal> {
        let gone = self.objects.remove(&key(kind, namespace, name)).ok_or_else(|| Refusal::not_found(kind, name))?;
        self.revision += 1;
        Ok(gone.object)
    }

    /// Removes every object of an API group, as the removal of its kinds does.
    pub fn forget_group(&mut self, group: &str) {
        let before = self.objects.len();
        let prefix = format!("{group}/");
        self.objects.retain(|_, entry| !entry.object["apiVersion"].as_str().is_some_and(|version| version.starts_with(&prefix)));
        self.revision += u64::from(self.objects.len() < before);
    }

    fn check(&self, kind: &Kind, namespace: &str, name: &str, body: &Value) -> Result<(), Refusal> {
        if !super::legal_name(name) {
            return Err(Refusal::invalid(
                kind,
                name,
                &format!(
                    "metadata.name: Invalid value: \"{name}\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.'"
                ),
            ));
        }
        let named = body.pointer("/metadata/namespace").and_then(Value::as_str);
        if kind.namespaced && named.is_some_and(|named| named != namespace) {
            return Err(Refusal::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            ));
        }
        let spelled = (body.get("apiVersion").and_then(Value::as_str), body.get("kind").and_then(Value::as_str));
        if spelled.0.is_some_and(|version| version != kind.api_version()) || spelled.1.is_some_and(|name| name != kind.kind) {
            return Err(Refusal::bad_request(format!("the object provided is not a {} of {}", kind.kind, kind.api_version())));
        }
        let namespace_missing = kind.namespaced && !self.objects.contains_key(&format!("namespaces//{namespace}"));
        if namespace_missing {
            return Err(Refusal { code: 404, reason: "NotFound", message: format!("namespaces \"{namespace}\" not found") });
        }
        if kind.kind == "ConfigMap" {
            let strings = body.get("data").and_then(Value::as_object).is_none_or(|data| data.values().all(Value::is_string));
            if !strings {
                return Err(Refusal::bad_request(
                    "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: json: cannot unmarshal into Go struct field ConfigMap.data of type string",
                ));
            }
        }
        Ok(())
    }

    /// Puts an object in the place of the present one.
    fn write(
        &mut self,
        kind: &Kind,
        namespace: &str,
        name: &str,
        (present, mut wanted): (&Value, Value),
        by: Writer,
    ) -> Result<Value, Refusal> {
        let version =
            |object: &Value| object.pointer("/metadata/resourceVersion").and_then(Value::as_str).unwrap_or_default().to_owned();
        let asked = version(&wanted);
        if !asked.is_empty() && asked != version(present) {
            return Err(Refusal::conflict(kind, name));
        }
        complete(kind, namespace, name, &mut wanted);
        for kept in ["uid", "creationTimestamp", "resourceVersion", "generation", "managedFields"] {
            if let Some(value) = present["metadata"].get(kept) {
                wanted["metadata"][kept] = value.clone();
            }
        }
        if present.get("status").is_some() && wanted.get("status").is_none() {
            wanted["status"] = present["status"].clone();
        }
        if wanted == *present {
            return Ok(wanted);
        }
        if wanted.get("spec") != present.get("spec") {
            let generation = present.pointer("/metadata/generation").and_then(Value::as_u64).unwrap_or(1);
            wanted["metadata"]["generation"] = json!(generation + 1);
        }
        if kind.kind == "ConfigMap" {
            managed::record(Some(present), &mut wanted, by);
        }
        self.revision += 1;
        wanted["metadata"]["resourceVersion"] = json!(self.revision.to_string());
        if let Some(entry) = self.objects.get_mut(&key(kind, namespace, name)) {
            entry.object = wanted.clone();
        }
        Ok(wanted)
    }

    fn insert(&mut self, kind: &Kind, namespace: &str, name: &str, mut object: Value, by: Writer, system: bool) -> Value {
        self.revision += 1;
        complete(kind, namespace, name, &mut object);
        let unique = self.revision.to_string();
        object["metadata"]["uid"] = json!(uid(&[&kind.qualified(), namespace, name, &unique]));
        object["metadata"]["creationTimestamp"] = json!(by.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
        object["metadata"]["resourceVersion"] = json!(unique);
        if object.get("spec").is_some() {
            object["metadata"]["generation"] = json!(1);
        }
        if kind.kind == "ConfigMap" {
            managed::record(None, &mut object, by);
        }
        self.objects.insert(key(kind, namespace, name), Entry { object: object.clone(), system });
        object
    }

    /// Brings the cluster's own objects in line with what it runs: creates, updates status, removes. What people wrote into
    /// their metadata and templates stays.
    pub fn sync(&mut self, wanted: Vec<(&'static Kind, &'static str, Value, Timestamp)>) {
        let mut present: std::collections::BTreeSet<String> = std::collections::BTreeSet::new();
        for (kind, namespace, object, since) in wanted {
            let name = object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default().to_owned();
            let key = key(kind, namespace, &name);
            present.insert(key.clone());
            let Some(entry) = self.objects.get_mut(&key) else {
                let by = Writer { manager: "kube-controller-manager", applies: false, now: since };
                self.insert(kind, namespace, &name, object, by, true);
                continue;
            };
            let mut status = object.get("status").cloned().unwrap_or(Value::Null);
            if status.get("observedGeneration").is_some() {
                status["observedGeneration"] = entry.object["metadata"]["generation"].clone();
            }
            if !status.is_null() && entry.object.get("status") != Some(&status) {
                self.revision += 1;
                entry.object["status"] = status;
                entry.object["metadata"]["resourceVersion"] = json!(self.revision.to_string());
            }
        }
        self.objects.retain(|key, entry| !entry.system || present.contains(key));
    }
}

/// Fills in what the server always fills in.
fn complete(kind: &Kind, namespace: &str, name: &str, object: &mut Value) {
    let given = match object.take() {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    let mut fields = Map::new();
    fields.insert("apiVersion".to_owned(), json!(kind.api_version()));
    fields.insert("kind".to_owned(), json!(kind.kind));
    let mut metadata = given.get("metadata").and_then(Value::as_object).cloned().unwrap_or_default();
    metadata.insert("name".to_owned(), json!(name));
    if kind.namespaced {
        metadata.insert("namespace".to_owned(), json!(namespace));
    }
    metadata.shift_remove("managedFields");
    fields.insert("metadata".to_owned(), Value::Object(metadata));
    for (key, value) in given {
        fields.entry(key).or_insert(value);
    }
    *object = Value::Object(fields);
}

#[cfg(test)]
mod tests {
    use super::super::kinds::meant;
    use super::*;

    const ME: Writer<'_> = Writer { manager: "me", applies: false, now: Timestamp::UNIX_EPOCH };

    fn store() -> Store {
        let mut store = Store::default();
        let namespaces = meant("ns").unwrap();
        store.sync(vec![(namespaces, "", json!({"metadata": {"name": "kube-system"}}), Timestamp::UNIX_EPOCH)]);
        store
    }

    fn map(data: &Value) -> Value {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": data})
    }

    #[test]
    fn a_stale_version_conflicts_and_the_present_one_does_not() {
        let (mut store, cm) = (store(), meant("cm").unwrap());
        let first = store.create(cm, "kube-system", map(&json!({"a": "1"})), ME).unwrap();
        let mut changed = first.clone();
        changed["data"]["a"] = json!("2");
        let second = store.replace(cm, "kube-system", "m", changed.clone(), ME).unwrap();
        assert_ne!(first["metadata"]["resourceVersion"], second["metadata"]["resourceVersion"]);
        assert_eq!(store.replace(cm, "kube-system", "m", changed, ME).unwrap_err().code, 409);
        assert_eq!(store.create(cm, "kube-system", map(&json!({})), ME).unwrap_err().reason, "AlreadyExists");
    }

    #[test]
    fn an_equal_write_changes_nothing() {
        let (mut store, cm) = (store(), meant("cm").unwrap());
        store.create(cm, "kube-system", map(&json!({"a": "1"})), ME).unwrap();
        let before = store.revision();
        store.replace(cm, "kube-system", "m", map(&json!({"a": "1"})), ME).unwrap();
        assert_eq!(store.revision(), before);
    }

    #[test]
    fn apply_creates_and_merges() {
        let (mut store, cm) = (store(), meant("cm").unwrap());
        for data in [json!({"a": "1"}), json!({"b": "2"})] {
            store.patch(cm, "kube-system", "m", PatchStyle::Apply, &map(&data), ME).unwrap();
        }
        assert_eq!(store.get(cm, "kube-system", "m").unwrap()["data"], json!({"a": "1", "b": "2"}));
    }

    #[test]
    fn data_is_text_and_namespaces_exist() {
        let (mut store, cm) = (store(), meant("cm").unwrap());
        assert_eq!(store.create(cm, "kube-system", map(&json!({"a": 1})), ME).unwrap_err().code, 400);
        assert_eq!(store.create(cm, "nowhere", map(&json!({})), ME).unwrap_err().code, 404);
    }
}
