//! A config map as it was read: the whole object, so that whatever others put on it is written back.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Error;
use super::access::legal;
use crate::base::clock::Timestamp;

/// A config map, existing or about to exist.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigMap {
    body: Value,
}

/// The name under which aksight writes to the API server.
pub const FIELD_MANAGER: &str = "aksight";

/// What `kubectl apply` keeps for itself; sending it back would nest it.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

impl ConfigMap {
    /// One that does not exist yet.
    #[must_use]
    pub fn new(namespace: &str, name: &str) -> Self {
        Self {
            body: json!({
                "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": {},
            }),
        }
    }

    /// One that was read.
    pub(super) fn read(body: Value) -> Result<Self, Error> {
        let map = Self { body };
        if map.body["kind"] != "ConfigMap" || map.name().is_empty() || map.resource_version().is_none() {
            return Err(Error::ReadAnswer { reason: "it is not a config map with name and resourceVersion".to_owned() });
        }
        Ok(map)
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.metadata("name").unwrap_or_default()
    }

    /// The namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.metadata("namespace").unwrap_or_default()
    }

    /// The version that was read; nothing when it does not exist yet.
    #[must_use]
    pub fn resource_version(&self) -> Option<&str> {
        self.metadata("resourceVersion").filter(|version| !version.is_empty())
    }

    /// Which object this is and which version of it was read, `uid/resourceVersion`: versions of different clusters, or of an object
    /// that was deleted and made again, are never the same.
    #[must_use]
    pub fn version(&self) -> String {
        format!("{}/{}", self.metadata("uid").unwrap_or_default(), self.resource_version().unwrap_or_default())
    }

    /// The text entries.
    #[must_use]
    pub fn data(&self) -> BTreeMap<String, String> {
        texts(&self.body["data"])
    }

    /// The annotations.
    #[must_use]
    pub fn annotations(&self) -> BTreeMap<String, String> {
        texts(&self.body["metadata"]["annotations"])
    }

    /// The same object with other text entries; everything else stays.
    #[must_use]
    pub fn with_data(mut self, data: &BTreeMap<String, String>) -> Self {
        self.body["data"] = json!(data);
        self
    }

    /// When it was last written, if the API server told who wrote what; its creation would be too early a moment to conclude
    /// anything from.
    #[must_use]
    pub fn changed_at(&self) -> Option<Timestamp> {
        let writes = self.body["metadata"]["managedFields"].as_array()?;
        writes.iter().filter_map(|write| write["time"].as_str()?.parse().ok()).max()
    }

    /// Which field manager wrote it last, and when; known under the same condition.
    #[must_use]
    pub fn last_writer(&self) -> Option<(String, Timestamp)> {
        let writes = self.body["metadata"]["managedFields"].as_array()?;
        writes.iter().filter_map(dated).max_by_key(|write: &(String, Timestamp)| write.1)
    }

    /// Who has written each key of the data, oldest first; known under the same condition. A key that nobody owns any more, such as
    /// one that was removed, is not among them.
    #[must_use]
    pub fn writers(&self) -> BTreeMap<String, Vec<(String, Timestamp)>> {
        let mut all: BTreeMap<String, Vec<(String, Timestamp)>> = BTreeMap::new();
        for write in self.body["metadata"]["managedFields"].as_array().into_iter().flatten() {
            let Some(write_of) = dated(write) else { continue };
            let keys = write["fieldsV1"]["f:data"].as_object().into_iter().flatten();
            for key in keys.filter_map(|(key, _)| key.strip_prefix("f:")) {
                all.entry(key.to_owned()).or_default().push(write_of.clone());
            }
        }
        for writes in all.values_mut() {
            writes.sort_by_key(|(_, at)| *at);
        }
        all
    }

    /// The object for the API server.
    pub(super) fn body(&self) -> &Value {
        &self.body
    }

    /// The object for `kubectl apply`: labels and annotations of others stay in, because apply removes what it once applied and
    /// no longer finds; what only the server writes is left out; the resource version stays in as the lock.
    pub(super) fn manifest(&self) -> Value {
        let mut body = self.body.clone();
        if let Some(metadata) = body["metadata"].as_object_mut() {
            metadata.retain(|key, _| {
                !matches!(key.as_str(), "uid" | "creationTimestamp" | "managedFields" | "selfLink" | "generation")
            });
            if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
                annotations.retain(|key, _| key != LAST_APPLIED);
                if annotations.is_empty() {
                    metadata.remove("annotations");
                }
            }
        }
        body
    }

    /// `namespace/name`, both checked.
    pub(super) fn path(&self) -> Result<(&str, &str), Error> {
        Ok((legal(self.namespace())?, legal(self.name())?))
    }

    fn metadata(&self, key: &str) -> Option<&str> {
        self.body["metadata"][key].as_str()
    }
}

/// An entry of the managed fields: who, and when.
fn dated(write: &Value) -> Option<(String, Timestamp)> {
    Some((write["manager"].as_str()?.to_owned(), write["time"].as_str()?.parse().ok()?))
}

fn texts(value: &Value) -> BTreeMap<String, String> {
    let none = Map::new();
    let entries = value.as_object().unwrap_or(&none);
    entries.iter().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read() -> ConfigMap {
        ConfigMap::read(json!({
            "apiVersion": "v1", "kind": "ConfigMap", "binaryData": {"theirs": "AA=="}, "data": {"a": "1"},
            "metadata": {"name": "m", "namespace": "kube-system", "resourceVersion": "7", "uid": "u", "labels": {"team": "x"},
                "annotations": {LAST_APPLIED: "{}", "theirs": "yes"}, "ownerReferences": [{"name": "o"}],
                "managedFields": [{"time": "2026-11-20T10:00:00Z"}, {"time": "2026-11-20T11:00:00Z"}, {}]},
        }))
        .unwrap()
    }

    #[test]
    fn what_others_put_on_the_object_stays_in_the_manifest() {
        let map = read().with_data(&BTreeMap::from([("b".to_owned(), "2".to_owned())]));
        assert_eq!(
            map.manifest(),
            json!({
                "apiVersion": "v1", "kind": "ConfigMap", "binaryData": {"theirs": "AA=="}, "data": {"b": "2"},
                "metadata": {"name": "m", "namespace": "kube-system", "resourceVersion": "7", "labels": {"team": "x"},
                    "annotations": {"theirs": "yes"}, "ownerReferences": [{"name": "o"}]},
            })
        );
    }

    #[test]
    fn the_last_write_is_known_where_the_server_tells() {
        assert_eq!(read().changed_at(), "2026-11-20T11:00:00Z".parse().ok());
        assert_eq!(ConfigMap::new("a", "b").changed_at(), None);
    }

    #[test]
    fn every_key_has_its_writers() {
        let entry = |manager: &str, time: &str, fields: Value| json!({"manager": manager, "time": time, "fieldsV1": fields});
        let map =
            ConfigMap::read(json!({"kind": "ConfigMap", "metadata": {"name": "m", "resourceVersion": "7", "managedFields": [
                entry("kubectl-edit", "2026-11-20T12:00:00Z", json!({"f:data": {"f:a": {}}})),
                entry("aksight", "2026-11-20T10:00:00Z", json!({"f:data": {".": {}, "f:a": {}, "f:b": {}}})),
                entry("labeller", "2026-11-20T13:00:00Z", json!({"f:metadata": {"f:labels": {"f:a": {}}}})),
            ]}}))
            .unwrap();
        let told = |key: &str| map.writers()[key].iter().map(|(who, _)| who.clone()).collect::<Vec<_>>();
        assert_eq!((told("a"), told("b")), (vec!["aksight".to_owned(), "kubectl-edit".to_owned()], vec!["aksight".to_owned()]));
        assert_eq!(map.last_writer().unwrap().0, "labeller");
        assert_eq!(ConfigMap::new("a", "b").writers().len(), 0);
    }

    #[test]
    fn what_is_no_config_map_is_refused() {
        assert!(ConfigMap::read(json!({"kind": "Status"})).is_err());
        assert!(ConfigMap::new("kube-system", "a; rm -rf /").path().is_err());
        assert!(ConfigMap::new("", "a").path().is_err());
    }
}
