//! What one look leaves for the next: where answers were found, and what need not be asked again. Never what the answers were.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::prepare::replace;
use super::setup::{Outside, make_private};
use crate::base::clock::Timestamp;
use crate::base::digest;
use crate::desired::Desired;
use crate::execute::TAKEN_UP;
use crate::journal::{self, Journal};
use crate::observe::Known;
use crate::observed::{Observed, RuleTemplate, Sight};
use crate::verify::Shortcut;

/// The journal's name for it.
const MEMORY: &str = "memory";
/// Microsoft's recommended rules are asked for again after this time.
const RECOMMENDED_FOR: Duration = Duration::from_hours(24);

/// What the journal of a stack remembers for the next look.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Memory {
    /// The settings that the agents have taken up; kept under a name of its own, because who awaits them notes it, too.
    #[serde(skip)]
    taken_up: Option<String>,
    /// The cluster was looked into over its API server.
    pub(super) by_api_server: bool,
    /// Where Grafana answered.
    pub(super) shortcut: Option<Shortcut>,
    /// Microsoft's rules as they were kept; read when they are needed.
    #[serde(skip)]
    recommended: OnceLock<Option<Vec<RuleTemplate>>>,
}

#[derive(Serialize, Deserialize)]
struct Recommended {
    at: Timestamp,
    rules: Vec<RuleTemplate>,
}

impl Memory {
    /// What the last look left; nothing in a new stack.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub(super) async fn recall(journal: &Journal) -> Result<Self, journal::Error> {
        let kept = journal.output(MEMORY).await?;
        let memory: Self = kept.and_then(|kept| serde_json::from_value(kept).ok()).unwrap_or_default();
        let taken_up = journal.output(TAKEN_UP).await?;
        Ok(Self { taken_up: taken_up.and_then(|version| Some(version.as_str()?.to_owned())), ..memory })
    }

    /// What need not be asked again.
    pub(super) fn known(&self, outside: &Outside, desired: &Desired) -> Known {
        Known { taken_up: self.taken_up.clone(), recommended: self.recommended(outside, desired).clone() }
    }

    fn recommended(&self, outside: &Outside, desired: &Desired) -> &Option<Vec<RuleTemplate>> {
        self.recommended.get_or_init(|| kept_recommendations(outside, desired))
    }

    /// Keeps what the next look can use.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub(super) async fn keep(
        outside: &Outside,
        desired: &Desired,
        observed: &Observed,
        shortcut: Option<Shortcut>,
    ) -> Result<(), journal::Error> {
        let before = &outside.memory;
        let put = |name, value| async move {
            outside.journal.put_output(&outside.run, name, &value, outside.setup().clock.now()).await
        };
        let by_api_server = outside.credential.is_there();
        let now = Self { by_api_server, shortcut: shortcut.or_else(|| before.shortcut.clone()), ..before.clone() };
        if now != *before {
            put(MEMORY, json!(now)).await?;
        }
        let has_taken = observed.agents.seen().is_some_and(|agents| agents.settings_taken_up == Some(true));
        let settings = observed.settings.seen().filter(|map| has_taken && before.taken_up.as_ref() != Some(&map.version));
        if let Some(settings) = settings {
            put(TAKEN_UP, json!(settings.version)).await?;
        }
        if let Sight::Present(rules) = &observed.recommendations
            && before.recommended(outside, desired).as_ref() != Some(rules)
        {
            keep_recommended(outside, desired, rules);
        }
        Ok(())
    }
}

/// The file with the recommended rules of a workspace's region: they are the same for all stacks there.
fn recommended_file(outside: &Outside, desired: &Desired) -> PathBuf {
    let setup = outside.setup();
    // The region of a workspace that terraform does not create is not known before it was read.
    let made = desired.terraform.values().any(|id| *id == desired.workspace);
    let place = if made { desired.location.as_str() } else { desired.workspace.as_str() };
    // Every rehearsal has an Azure of its own, at another address each time.
    let (base, cloud) = if setup.rehearsal { (&setup.directory, "") } else { (&setup.cache, setup.cloud.arm.as_str()) };
    let name = digest::sha256_hex(format!("{cloud} {}", place.to_ascii_lowercase()).as_bytes());
    base.join("recommended-rules").join(format!("{}.json", &name[..16]))
}

fn kept_recommendations(outside: &Outside, desired: &Desired) -> Option<Vec<RuleTemplate>> {
    let kept: Recommended = serde_json::from_slice(&std::fs::read(recommended_file(outside, desired)).ok()?).ok()?;
    let age = outside.setup().clock.now().duration_since(kept.at);
    let fresh = !age.is_negative() && Duration::try_from(age).is_ok_and(|age| age < RECOMMENDED_FOR);
    (fresh && !kept.rules.is_empty()).then_some(kept.rules)
}

/// A cache that cannot be written is asked for anew the next time; nothing depends on it.
fn keep_recommended(outside: &Outside, desired: &Desired, rules: &[RuleTemplate]) {
    let file = recommended_file(outside, desired);
    let kept = Recommended { at: outside.setup().clock.now(), rules: rules.to_vec() };
    let made = file.parent().map_or(Ok(()), make_private);
    if let Err(error) = made.and_then(|()| replace(&file, json!(kept).to_string().as_bytes())) {
        tracing::debug!("the recommended rules are not kept: {error}");
    }
}
