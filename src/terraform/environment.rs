//! The environment of the child: the user's own, minus what would change the meaning of our commands.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use crate::base::Secret;

/// The value of one variable.
#[derive(Clone, Debug)]
pub enum Value {
    /// May be seen.
    Plain(OsString),
    /// Must not be seen; `Debug` hides it.
    Secret(Secret),
}

/// The variables that the child gets. `Debug` prints names only, because an inherited value may be secret as well.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<OsString, Value>);

/// Variables of the user that are not passed on, with the reason. `TF_CLI_ARGS` stands for its whole family.
///
/// Everything else is honoured: `TF_CLI_CONFIG_FILE`, `TF_PLUGIN_CACHE_DIR`, `TF_LOG`, `TF_VAR_*`, proxies, `SSL_CERT_FILE`, `ARM_*`.
const DROPPED: [(&str, &str); 5] = [
    ("TF_CLI_ARGS", "adds arguments behind our back"),
    ("TF_WORKSPACE", "selects another state than the one that was planned"),
    ("TF_DATA_DIR", "two stacks would share one `.terraform`, and what it is initialised for could not be known"),
    ("TF_FORCE_LOCAL_BACKEND", "puts the state elsewhere than the configuration says"),
    ("TF_INPUT", "nobody is there to answer; we set it"),
];

/// Variables that we set, on every command.
const SET: [(&str, &str); 3] = [("TF_IN_AUTOMATION", "1"), ("TF_INPUT", "0"), ("CHECKPOINT_DISABLE", "1")];

impl Environment {
    /// Takes a snapshot of an environment, without the variables that would change what our commands mean.
    pub fn from_snapshot(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let kept = variables.into_iter().filter(|(name, _)| match reason_to_drop(name) {
            Some(reason) => {
                tracing::debug!(name = %name.display(), reason, "a variable of the user is not passed on");
                false
            }
            None => true,
        });
        let mut all = Self(kept.map(|(name, value)| (name, Value::Plain(value))).collect());
        for (name, value) in SET {
            all.set(name, Value::Plain(value.into()));
        }
        all
    }

    /// Adds or replaces a variable.
    pub fn set(&mut self, name: impl Into<OsString>, value: Value) {
        self.0.insert(name.into(), value);
    }

    /// Takes a variable away.
    pub fn remove(&mut self, name: &str) {
        self.0.remove(OsStr::new(name));
    }

    pub(super) fn apply_to(&self, command: &mut tokio::process::Command) {
        command.env_clear();
        for (name, value) in &self.0 {
            match value {
                Value::Plain(text) => command.env(name, text),
                Value::Secret(secret) => command.env(name, secret.expose()),
            };
        }
    }
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

fn reason_to_drop(name: &OsStr) -> Option<&'static str> {
    // Windows does not tell large letters from small ones in these names.
    let name = name.to_str()?.to_ascii_uppercase();
    let family = if name.starts_with("TF_CLI_ARGS_") { "TF_CLI_ARGS" } else { &name };
    DROPPED.iter().find(|(dropped, _)| *dropped == family).map(|(_, reason)| *reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_what_changes_our_commands_and_keeps_the_rest() {
        let names =
            ["TF_CLI_ARGS_plan", "tf_cli_args", "TF_WORKSPACE", "Tf_Data_Dir", "TF_CLI_CONFIG_FILE", "ARM_CLIENT_ID", "TF_LOG"];
        let kept = Environment::from_snapshot(names.map(|name| (name.into(), "x".into())));
        insta::assert_snapshot!(format!("{kept:?}"), @r#"["ARM_CLIENT_ID", "CHECKPOINT_DISABLE", "TF_CLI_CONFIG_FILE", "TF_INPUT", "TF_IN_AUTOMATION", "TF_LOG"]"#);
    }

    #[test]
    fn debug_shows_no_value() {
        let mut env = Environment::from_snapshot([("ARM_CLIENT_SECRET".into(), "hunter2".into())]);
        env.set("TOKEN", Value::Secret(Secret::new("hunter3".into())));
        assert!(!format!("{env:?} {:?}", Value::Secret(Secret::new("hunter3".into()))).contains("hunter"));
    }
}
