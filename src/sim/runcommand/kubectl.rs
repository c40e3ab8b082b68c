//! kubectl, as far as run-command needs it: `get`, `apply`, `create`, `replace`, `patch`, `delete`, `annotate`, `rollout`, `version`.
//! Messages are kubectl's own, because callers read them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::arguments::Arguments;
use crate::sim::kube::kinds::{Kind, meant, of_body};
use crate::sim::kube::managed::Writer;
use crate::sim::kube::status::Refusal;
use crate::sim::kube::store::{PatchStyle, Store};
use crate::sim::kube::{patch, selector};

/// What a program printed and how it ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
    /// Exit code.
    pub code: i32,
}

/// What the command may touch.
pub struct Session<'a> {
    /// The cluster's objects.
    pub store: &'a mut Store,
    /// The files beside the command.
    pub files: &'a BTreeMap<String, Vec<u8>>,
    /// Kubernetes version of the server.
    pub version: &'a str,
    /// Who is refused everything, when somebody is.
    pub stranger: Option<&'a str>,
    /// The hour.
    pub now: Timestamp,
    /// Set when the command waited for a rollout.
    pub waited: bool,
}

enum Failure {
    /// An error of kubectl itself, printed as it is.
    Local(String),
    /// A refusal by the server.
    Server(Refusal),
}

/// The object after a write, and the word for what was done.
type Done = Result<(Value, &'static str), Failure>;

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Server(refusal)
    }
}

fn local<T>(message: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Local(message.into()))
}

impl Session<'_> {
    /// Runs `kubectl {words}`.
    pub fn kubectl(&mut self, words: &[String]) -> Output {
        let arguments = match Arguments::parse(words) {
            Ok(arguments) => arguments,
            Err(message) => return failed(String::new(), &message),
        };
        let mut out = String::new();
        let result = match arguments.words.first().map(String::as_str) {
            Some("get") => self.get(&arguments, &mut out),
            Some("apply") => self.each_document(&arguments, &mut out, Self::apply),
            Some("create") => self.each_document(&arguments, &mut out, Self::create),
            Some("replace") => self.each_document(&arguments, &mut out, Self::replace),
            Some("patch") => self.patch(&arguments, &mut out),
            Some("delete") => self.delete(&arguments, &mut out),
            Some("annotate") => self.annotate(&arguments, &mut out),
            Some("rollout") => self.rollout(&arguments, &mut out),
            Some("version") => {
                say(&mut out, &format!("Client Version: v1.33.2\nServer Version: v{}", self.version));
                Ok(())
            }
            Some(other) => local(format!("error: unknown command \"{other}\" for \"kubectl\"")),
            None => local("error: a command is needed"),
        };
        match result {
            Ok(()) => Output { out, err: String::new(), code: 0 },
            Err(Failure::Local(message)) => failed(out, &message),
            Err(Failure::Server(refusal)) => failed(out, &format!("Error from server ({}): {}", refusal.reason, refusal.message)),
        }
    }

    fn permit(&self, kind: &Kind, name: &str, verb: &str, namespace: &str) -> Result<(), Failure> {
        match self.stranger {
            Some(user) => Err(Refusal::forbidden(kind, name, user, verb, kind.namespaced.then_some(namespace)).into()),
            None => Ok(()),
        }
    }

    fn get(&self, arguments: &Arguments, out: &mut String) -> Result<(), Failure> {
        if arguments.is_set("watch") {
            return local("error: watching does not work in this rehearsal");
        }
        let namespace = arguments.value("namespace").unwrap_or("default");
        let mut found = Vec::new();
        let wanted = named(arguments.words.get(1..).unwrap_or_default())?;
        let single = matches!(wanted.as_slice(), [(_, Some(_))]);
        let mut failures = Vec::new();
        for (kind, name) in wanted {
            self.permit(kind, name.unwrap_or_default(), if name.is_some() { "get" } else { "list" }, namespace)?;
            let Some(name) = name else {
                let place = (!arguments.is_set("all-namespaces")).then_some(namespace);
                let chosen = self.store.list(kind, place).into_iter().filter(|object| {
                    selector::labels(arguments.value("selector").unwrap_or_default(), object)
                        && selector::fields(arguments.value("field-selector").unwrap_or_default(), object)
                });
                found.extend(chosen.cloned());
                continue;
            };
            match self.store.get(kind, namespace, name) {
                Ok(object) => found.push(object.clone()),
                Err(_) if arguments.is_set("ignore-not-found") => {}
                Err(refusal) => failures.push(refusal),
            }
        }
        print(arguments, &found, single, out)?;
        failures.into_iter().next().map_or(Ok(()), |refusal| Err(refusal.into()))
    }

    fn each_document(
        &mut self,
        arguments: &Arguments,
        out: &mut String,
        act: fn(&mut Self, &'static Kind, &str, &Value, Option<&str>) -> Done,
    ) -> Result<(), Failure> {
        let files = arguments.values("filename");
        if files.is_empty() {
            return local("error: must specify one of -f and -k");
        }
        for file in files {
            let Some(bytes) = self.files.get(file.trim_start_matches("./")) else {
                return local(format!("error: the path \"{file}\" does not exist"));
            };
            for document in documents(file, &String::from_utf8_lossy(bytes))? {
                let kind = kind_of(file, &document)?;
                let own = document.pointer("/metadata/namespace").and_then(Value::as_str);
                let namespace = own.or(arguments.value("namespace")).unwrap_or("default").to_owned();
                let name = document.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default().to_owned();
                self.permit(kind, &name, "patch", &namespace)?;
                let (object, done) = act(self, kind, &namespace, &document, arguments.value("field-manager"))?;
                report(arguments, kind, &object, &name, done, out)?;
            }
        }
        Ok(())
    }

    /// Whoever kubectl writes as, unless it is told a name.
    fn writer<'n>(&self, named: Option<&'n str>, usual: &'static str) -> Writer<'n> {
        Writer { manager: named.unwrap_or(usual), applies: false, now: self.now }
    }

    fn create(&mut self, kind: &'static Kind, namespace: &str, document: &Value, manager: Option<&str>) -> Done {
        let by = self.writer(manager, "kubectl-create");
        Ok((self.store.create(kind, namespace, document.clone(), by)?, "created"))
    }

    fn replace(&mut self, kind: &'static Kind, namespace: &str, document: &Value, manager: Option<&str>) -> Done {
        let by = self.writer(manager, "kubectl-replace");
        let name = document.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok((self.store.replace(kind, namespace, &name, document.clone(), by)?, "replaced"))
    }

    /// Client-side apply: a three-way merge of what was applied last, what is there, and what is wanted.
    fn apply(&mut self, kind: &'static Kind, namespace: &str, document: &Value, manager: Option<&str>) -> Done {
        const LAST: &str = "kubectl.kubernetes.io/last-applied-configuration";
        let by = self.writer(manager, "kubectl-client-side-apply");
        let name = document.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut wanted = document.clone();
        wanted["metadata"]["annotations"][LAST] = json!(format!("{document}\n"));
        let Ok(present) = self.store.get(kind, namespace, &name).cloned() else {
            return Ok((self.store.create(kind, namespace, wanted, by)?, "created"));
        };
        let last: Value = present["metadata"]["annotations"]
            .get(LAST)
            .and_then(|text| serde_json::from_str(text.as_str()?).ok())
            .unwrap_or(Value::Null);
        drop_missing(&last, document, &mut wanted);
        let after = self.store.patch(kind, namespace, &name, PatchStyle::Strategic, &wanted, by)?;
        let same = after["metadata"]["resourceVersion"] == present["metadata"]["resourceVersion"];
        Ok((after, if same { "unchanged" } else { "configured" }))
    }

    fn patch(&mut self, arguments: &Arguments, out: &mut String) -> Result<(), Failure> {
        let namespace = arguments.value("namespace").unwrap_or("default");
        let text = match (arguments.value("patch"), arguments.value("patch-file")) {
            (Some(text), _) => text.to_owned(),
            (None, Some(file)) => match self.files.get(file) {
                Some(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                None => return local(format!("error: the path \"{file}\" does not exist")),
            },
            (None, None) => return local("error: must specify --patch or --patch-file containing the contents of the patch"),
        };
        let style = match arguments.value("type").unwrap_or("strategic") {
            "merge" => PatchStyle::Merge,
            "json" => PatchStyle::Json,
            "strategic" => PatchStyle::Strategic,
            other => return local(format!("error: --type must be one of [json merge strategic], not \"{other}\"")),
        };
        let change: Value = match serde_saphyr::from_str(&text) {
            Ok(change) => change,
            Err(why) => return local(format!("error: unable to parse \"{text}\": {why}")),
        };
        for (kind, name) in named(arguments.words.get(1..).unwrap_or_default())? {
            let Some(name) = name else { return local("error: resource(s) were provided, but no name was specified") };
            self.permit(kind, name, "patch", namespace)?;
            let before = self.store.get(kind, namespace, name)?["metadata"]["resourceVersion"].clone();
            let after = self.store.patch(
                kind,
                namespace,
                name,
                style,
                &change,
                self.writer(arguments.value("field-manager"), "kubectl-patch"),
            )?;
            let done = if after["metadata"]["resourceVersion"] == before { "patched (no change)" } else { "patched" };
            report(arguments, kind, &after, name, done, out)?;
        }
        Ok(())
    }

    fn delete(&mut self, arguments: &Arguments, out: &mut String) -> Result<(), Failure> {
        let namespace = arguments.value("namespace").unwrap_or("default");
        for (kind, name) in named(arguments.words.get(1..).unwrap_or_default())? {
            let Some(name) = name else { return local("error: resource(s) were provided, but no name was specified") };
            self.permit(kind, name, "delete", namespace)?;
            match self.store.delete(kind, namespace, name) {
                Ok(_) => say(out, &format!("{} \"{name}\" deleted", dotted(kind))),
                Err(_) if arguments.is_set("ignore-not-found") => {}
                Err(refusal) => return Err(refusal.into()),
            }
        }
        Ok(())
    }

    fn annotate(&mut self, arguments: &Arguments, out: &mut String) -> Result<(), Failure> {
        let namespace = arguments.value("namespace").unwrap_or("default");
        let (changes, objects): (Vec<String>, Vec<String>) = arguments
            .words
            .get(1..)
            .unwrap_or_default()
            .iter()
            .cloned()
            .partition(|word| word.contains('=') || word.ends_with('-'));
        let mut annotations = Map::new();
        for change in &changes {
            match change.split_once('=') {
                Some((key, value)) => annotations.insert(key.to_owned(), json!(value)),
                None => annotations.insert(change.trim_end_matches('-').to_owned(), Value::Null),
            };
        }
        if annotations.is_empty() {
            return local("error: at least one annotation update is required");
        }
        for (kind, name) in named(&objects)? {
            let Some(name) = name else {
                return local("error: one or more resources must be specified as <resource> <name> or <resource>/<name>");
            };
            self.permit(kind, name, "patch", namespace)?;
            let present = self.store.get(kind, namespace, name)?;
            let taken = annotations.iter().find(|(key, value)| {
                let now = present["metadata"]["annotations"].get(key.as_str());
                !value.is_null() && now.is_some_and(|now| now != *value)
            });
            if let Some((key, _)) = taken.filter(|_| !arguments.is_set("overwrite")) {
                return local(format!(
                    "error: --overwrite is false but found the following declared annotation(s): '{key}' already has a value"
                ));
            }
            let change = json!({"metadata": {"annotations": annotations}});
            let after = self.store.patch(
                kind,
                namespace,
                name,
                PatchStyle::Merge,
                &change,
                self.writer(arguments.value("field-manager"), "kubectl-annotate"),
            )?;
            report(arguments, kind, &after, name, "annotated", out)?;
        }
        Ok(())
    }

    fn rollout(&mut self, arguments: &Arguments, out: &mut String) -> Result<(), Failure> {
        let namespace = arguments.value("namespace").unwrap_or("default");
        let verb = arguments.words.get(1).map(String::as_str).unwrap_or_default();
        let wanted = named(arguments.words.get(2..).unwrap_or_default())?;
        for (kind, name) in wanted {
            let Some(name) = name else { return local("error: required resource not specified") };
            if kind.group != "apps" {
                return local(format!("error: {} \"{name}\" rolling update is not supported", dotted(kind)));
            }
            self.permit(kind, name, if verb == "restart" { "patch" } else { "get" }, namespace)?;
            match verb {
                "restart" => {
                    let stamp = self.now.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
                    let change = json!({"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": stamp}}}}});
                    self.store.patch(kind, namespace, name, PatchStyle::Merge, &change, self.writer(None, "kubectl-rollout"))?;
                    say(out, &format!("{}/{name} restarted", dotted(kind)));
                }
                "status" => {
                    self.store.get(kind, namespace, name)?;
                    self.waited = true;
                    say(
                        out,
                        &match kind.kind {
                            "DaemonSet" => format!("daemon set \"{name}\" successfully rolled out"),
                            _ => format!("deployment \"{name}\" successfully rolled out"),
                        },
                    );
                }
                other => return local(format!("error: unknown command \"{other}\" for \"kubectl rollout\"")),
            }
        }
        Ok(())
    }
}

fn say(out: &mut String, line: &str) {
    out.push_str(line);
    out.push('\n');
}

fn failed(out: String, message: &str) -> Output {
    Output { out, err: format!("{message}\n"), code: 1 }
}

/// The name in front of an object's own name: `configmap`, `deployment.apps`.
fn dotted(kind: &Kind) -> String {
    if kind.group.is_empty() { kind.singular.to_owned() } else { format!("{}.{}", kind.singular, kind.group) }
}

/// Reads `pods`, `cm,ds`, `cm NAME…` or `deploy/NAME ds/NAME…`.
fn named(words: &[String]) -> Result<Vec<(&'static Kind, Option<&str>)>, Failure> {
    let find = |word: &str| {
        meant(word).ok_or_else(|| Failure::Local(format!("error: the server doesn't have a resource type \"{word}\"")))
    };
    if words.iter().any(|word| word.contains('/')) {
        return words
            .iter()
            .map(|word| match word.split_once('/') {
                Some((kind, name)) => Ok((find(kind)?, Some(name))),
                None => local("error: there is no need to specify a resource type as a separate argument when passing arguments in resource/name form"),
            })
            .collect();
    }
    let Some((kinds, names)) = words.split_first() else {
        return local("error: You must specify the type of resource to get.");
    };
    let mut found = Vec::new();
    for kind in kinds.split(',') {
        let kind = find(kind)?;
        if names.is_empty() {
            found.push((kind, None));
        }
        found.extend(names.iter().map(|name| (kind, Some(name.as_str()))));
    }
    Ok(found)
}

fn documents(file: &str, text: &str) -> Result<Vec<Value>, Failure> {
    let mut found = Vec::new();
    let mut current = String::new();
    for line in text.lines().chain(std::iter::once("---")) {
        if line.trim_end() != "---" {
            current.push_str(line);
            current.push('\n');
            continue;
        }
        let content = current.lines().any(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
        if content {
            match serde_saphyr::from_str::<Value>(&current) {
                Ok(value) => found.push(value),
                Err(why) => return local(format!("error: error parsing {file}: error converting YAML to JSON: {why}")),
            }
        }
        current.clear();
    }
    if found.is_empty() {
        return local("error: no objects passed to apply");
    }
    Ok(found)
}

fn kind_of(file: &str, document: &Value) -> Result<&'static Kind, Failure> {
    let text = |key: &str| document.get(key).and_then(Value::as_str).unwrap_or_default();
    let (version, kind) = (text("apiVersion"), text("kind"));
    of_body(version, kind).ok_or_else(|| {
        Failure::Local(format!(
            "error: resource mapping not found for name: \"{}\" namespace: \"{}\" from \"{file}\": no matches for kind \"{kind}\" in version \
             \"{version}\"\nensure CRDs are installed first",
            document.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default(),
            document.pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or_default(),
        ))
    })
}

/// Writes `null` into `wanted` for what was applied last and is no longer asked for.
fn drop_missing(last: &Value, asked: &Value, wanted: &mut Value) {
    let (Value::Object(last), Value::Object(asked)) = (last, asked) else { return };
    for (key, value) in last {
        match asked.get(key) {
            None => patch::merge(wanted, &json!({key: null})),
            Some(inner) => {
                if let Some(place) = wanted.get_mut(key) {
                    drop_missing(value, inner, place);
                }
            }
        }
        if asked.get(key).is_none()
            && let Value::Object(fields) = wanted
        {
            fields.insert(key.clone(), Value::Null);
        }
    }
}

fn report(arguments: &Arguments, kind: &Kind, object: &Value, name: &str, done: &str, out: &mut String) -> Result<(), Failure> {
    if arguments.value("output").is_some() {
        return print(arguments, std::slice::from_ref(object), true, out);
    }
    say(out, &format!("{}/{name} {done}", dotted(kind)));
    Ok(())
}

fn print(arguments: &Arguments, objects: &[Value], single: bool, out: &mut String) -> Result<(), Failure> {
    let hide = |object: &Value| {
        let mut shown = object.clone();
        if let Some(metadata) = shown["metadata"].as_object_mut() {
            metadata.shift_remove("managedFields");
        }
        shown
    };
    let shown: Vec<Value>;
    let objects = if arguments.is_set("show-managed-fields") {
        objects
    } else {
        shown = objects.iter().map(hide).collect();
        &shown
    };
    let listed = || match objects {
        [only] if single => only.clone(),
        _ => json!({"apiVersion": "v1", "items": objects, "kind": "List", "metadata": {"resourceVersion": ""}}),
    };
    match arguments.value("output") {
        // Nothing found and nothing missed: kubectl prints nothing at all.
        _ if single && objects.is_empty() => {}
        Some("json") => say(out, &format!("{:#}", listed())),
        Some("yaml") => match serde_saphyr::to_string(&listed()) {
            Ok(text) => out.push_str(&text),
            Err(why) => return local(format!("error: {why}")),
        },
        Some("name") => {
            for (kind, name) in objects.iter().filter_map(identity) {
                say(out, &format!("{}/{name}", dotted(kind)));
            }
        }
        None | Some("wide") => table(arguments, objects, out),
        Some(other) => return local(format!("error: unable to match a printer suitable for the output format \"{other}\"")),
    }
    Ok(())
}

fn identity(object: &Value) -> Option<(&'static Kind, &str)> {
    let kind = of_body(object.get("apiVersion")?.as_str()?, object.get("kind")?.as_str()?)?;
    Some((kind, object.pointer("/metadata/name")?.as_str()?))
}

fn table(arguments: &Arguments, objects: &[Value], out: &mut String) {
    let names: Vec<&str> = objects.iter().filter_map(identity).map(|(_, name)| name).collect();
    let width = names.iter().map(|name| name.len()).max().unwrap_or(0).max(4);
    if !names.is_empty() && !arguments.is_set("no-headers") {
        say(out, &format!("{:width$}   CREATED", "NAME"));
    }
    for (name, object) in names.iter().zip(objects) {
        let created = object.pointer("/metadata/creationTimestamp").and_then(Value::as_str).unwrap_or_default();
        say(out, &format!("{name:width$}   {created}"));
    }
}
