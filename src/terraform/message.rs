//! The events of the program's machine-readable UI (`-json`), read tolerantly: what is unknown is kept, never refused.
//!
//! Source of the vocabulary: the documentation of the machine-readable UI, version 1.2, and runs of 1.11.4.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value as Json;

use super::diagnostic::TfDiagnostic;

/// What the program does to a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing.
    NoOp,
    /// Make it.
    Create,
    /// Read a data source.
    Read,
    /// Change it in place.
    Update,
    /// Destroy it and make it again, in either order.
    Replace,
    /// Destroy it.
    Delete,
    /// Take it into the state.
    Import,
    /// Give it another address.
    Move,
    /// Drop it from the state and leave it alone in Azure.
    Forget,
    /// A word of a newer program.
    Other(String),
}

impl Action {
    fn read(word: &str) -> Self {
        match word {
            "noop" => Self::NoOp,
            "create" => Self::Create,
            "read" => Self::Read,
            "update" => Self::Update,
            "replace" => Self::Replace,
            "delete" => Self::Delete,
            "import" => Self::Import,
            "move" => Self::Move,
            "remove" | "forget" => Self::Forget,
            other => Self::Other(other.to_owned()),
        }
    }

    /// Whether something that exists in Azure is lost by it.
    pub fn destroys(&self) -> bool {
        matches!(self, Self::Delete | Self::Replace)
    }
}

/// A change of one resource: planned by us, or made by somebody else (drift).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Terraform address.
    pub address: String,
    /// Resource type, e.g. `azurerm_kubernetes_cluster`.
    pub resource_type: String,
    /// What is to be done, or was done.
    pub action: Action,
    /// Why, in the program's word (`cannot_update`, `tainted`, …).
    pub reason: Option<String>,
    /// Address it had before, when it moves.
    pub previous_address: Option<String>,
}

/// Counts at the end of a plan, apply or destroy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// `plan`, `apply` or `destroy`.
    pub operation: String,
    /// Resources to make, or made.
    pub add: u64,
    /// Resources to change in place, or changed.
    pub change: u64,
    /// Resources to take into the state, or taken.
    pub import: u64,
    /// Resources to destroy, or destroyed.
    pub remove: u64,
}

/// An output as the event stream shows it. Values are left out on purpose: read them with `output`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputChange {
    /// Whether the configuration calls it sensitive.
    pub sensitive: bool,
    /// What happens to it; absent after an apply.
    pub action: Option<Action>,
}

/// One event while the program works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// First line of every stream.
    Version {
        /// Version of the program.
        terraform: String,
        /// Version of the event vocabulary.
        ui: String,
    },
    /// A change that the plan contains.
    Planned(Change),
    /// A change that somebody made outside of terraform.
    Drift(Change),
    /// The counts.
    Summary(Summary),
    /// Work on a resource begins.
    Started {
        /// Terraform address.
        address: String,
        /// What is being done.
        action: Action,
    },
    /// Work on a resource goes on; comes about every ten seconds.
    Progress {
        /// Terraform address.
        address: String,
        /// What is being done.
        action: Action,
        /// Time since it began.
        elapsed: Duration,
    },
    /// Work on a resource is done.
    Completed {
        /// Terraform address.
        address: String,
        /// What was done.
        action: Action,
        /// Id of the resource, an ARM id for azurerm.
        id: Option<String>,
        /// Time it took.
        elapsed: Duration,
    },
    /// Work on a resource failed; the reason follows as a diagnostic.
    Failed {
        /// Terraform address.
        address: String,
        /// What was being done.
        action: Action,
        /// Time since it began.
        elapsed: Duration,
    },
    /// The state lock is held by somebody; waiting for it up to the lock time-out.
    WaitingForLock,
    /// Reading a resource begins.
    Refreshing {
        /// Terraform address.
        address: String,
    },
    /// Reading a resource is done.
    Refreshed {
        /// Terraform address.
        address: String,
    },
    /// A provisioner speaks.
    Provisioner {
        /// Terraform address.
        address: String,
        /// What it printed.
        output: String,
    },
    /// The outputs, without their values.
    Outputs(BTreeMap<String, OutputChange>),
    /// An error or a warning.
    Diagnostic(TfDiagnostic),
    /// A sentence for people: init's steps, log lines, plain text.
    Note(String),
    /// From this driver: the interrupt was sent, the program is tidying up.
    Interrupting,
    /// From this driver: the interrupted program has not ended yet.
    StillWaiting {
        /// Time since the interrupt.
        elapsed: Duration,
    },
    /// From this driver: a second cancellation came; we go on waiting, because ending the program now would lose its state and keep its lock.
    WaitingAnyway,
    /// An event that this version does not know.
    Other {
        /// Its `type`.
        kind: String,
        /// Its sentence for people.
        text: String,
    },
}

impl Message {
    /// Reads one line of the stream. A line that is no JSON object is a [`Message::Note`]; an empty one is nothing.
    pub fn read(line: &str) -> Option<Self> {
        let line = line.trim_end();
        if plain(line).trim().is_empty() {
            return None;
        }
        match serde_json::from_str::<Json>(line) {
            Ok(json) if json.is_object() => Some(Self::from_json(&json)),
            _ => Some(Self::Note(plain(line))),
        }
    }

    fn from_json(json: &Json) -> Self {
        let kind = text(json, "/type");
        let address = || text(json, "/hook/resource/addr");
        let action = || Action::read(&text(json, "/hook/action"));
        let elapsed = || Duration::from_secs(json.pointer("/hook/elapsed_seconds").and_then(Json::as_u64).unwrap_or(0));
        match kind.as_str() {
            "version" => Self::Version {
                terraform: some(json, "/terraform").unwrap_or_else(|| text(json, "/tofu")),
                ui: text(json, "/ui"),
            },
            "planned_change" => Self::Planned(change(json)),
            "resource_drift" => Self::Drift(change(json)),
            "change_summary" => Self::Summary(summary(json)),
            "apply_start" => Self::Started { address: address(), action: action() },
            "apply_progress" => Self::Progress { address: address(), action: action(), elapsed: elapsed() },
            "apply_complete" => {
                Self::Completed { address: address(), action: action(), id: some(json, "/hook/id_value"), elapsed: elapsed() }
            }
            "apply_errored" => Self::Failed { address: address(), action: action(), elapsed: elapsed() },
            "state_lock_acquire" => Self::WaitingForLock,
            "refresh_start" => Self::Refreshing { address: address() },
            "refresh_complete" => Self::Refreshed { address: address() },
            "provision_progress" => Self::Provisioner { address: address(), output: text(json, "/hook/output") },
            "outputs" => Self::Outputs(outputs(json)),
            "diagnostic" => Self::Diagnostic(TfDiagnostic::from_json(json.get("diagnostic").unwrap_or(&Json::Null))),
            "init_output" | "log" => Self::Note(text(json, "/@message").trim().to_owned()),
            _ => Self::Other { kind, text: text(json, "/@message") },
        }
    }
}

/// The text without control characters and colour codes: some lines of `init -json` are coloured text in spite of `-no-color`.
fn plain(line: &str) -> String {
    let mut rest = line.chars();
    let mut text = String::new();
    while let Some(c) = rest.next() {
        if c == '\u{1b}' {
            rest.by_ref().find(char::is_ascii_alphabetic);
        } else if !c.is_control() {
            text.push(c);
        }
    }
    text
}

fn some(json: &Json, pointer: &str) -> Option<String> {
    json.pointer(pointer).and_then(Json::as_str).map(str::to_owned)
}

fn text(json: &Json, pointer: &str) -> String {
    some(json, pointer).unwrap_or_default()
}

fn change(json: &Json) -> Change {
    Change {
        address: text(json, "/change/resource/addr"),
        resource_type: text(json, "/change/resource/resource_type"),
        action: Action::read(&text(json, "/change/action")),
        reason: some(json, "/change/reason"),
        previous_address: some(json, "/change/previous_resource/addr"),
    }
}

fn summary(json: &Json) -> Summary {
    let count = |key: &str| json.pointer(&format!("/changes/{key}")).and_then(Json::as_u64).unwrap_or(0);
    Summary {
        operation: text(json, "/changes/operation"),
        add: count("add"),
        change: count("change"),
        import: count("import"),
        remove: count("remove"),
    }
}

fn outputs(json: &Json) -> BTreeMap<String, OutputChange> {
    let read = |value: &Json| OutputChange {
        sensitive: value.get("sensitive").and_then(Json::as_bool).unwrap_or(true),
        action: value.get("action").and_then(Json::as_str).map(Action::read),
    };
    let all = json.get("outputs").and_then(Json::as_object);
    all.map(|map| map.iter().map(|(name, value)| (name.clone(), read(value))).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_a_planned_replacement_with_its_reason() {
        let line = r#"{"type":"planned_change","change":{"resource":{"addr":"azurerm_dashboard_grafana.this","resource_type":"azurerm_dashboard_grafana"},"action":"replace","reason":"cannot_update"}}"#;
        let Some(Message::Planned(change)) = Message::read(line) else { panic!("a planned change") };
        assert!(change.action.destroys());
        assert_eq!(change.reason.as_deref(), Some("cannot_update"));
    }

    #[test]
    fn values_of_outputs_never_leave_the_stream() {
        let line = r#"{"type":"outputs","outputs":{"key":{"sensitive":true,"value":"hunter2","action":"create"}}}"#;
        assert!(!format!("{:?}", Message::read(line)).contains("hunter2"));
    }

    #[test]
    fn keeps_what_it_does_not_know() {
        let read = Message::read(r#"{"type":"dance","@message":"la la"}"#);
        assert_eq!(read, Some(Message::Other { kind: "dance".into(), text: "la la".into() }));
        assert_eq!(Message::read("│ Warning: box"), Some(Message::Note("│ Warning: box".into())));
        assert_eq!(Message::read("\u{1b}[0m\u{1b}[32mSuccess\u{1b}[0m"), Some(Message::Note("Success".into())));
        assert_eq!(Message::read("  "), None);
    }

    proptest! {
        #[test]
        fn no_line_can_upset_the_reader(line in ".*") {
            let read = Message::read(&line);
            if let Some(Message::Note(text)) = &read {
                prop_assert!(!text.chars().any(char::is_control));
            }
            prop_assert!(read.is_some() || plain(&line).trim().is_empty());
        }
    }
}
