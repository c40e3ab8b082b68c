//! A plan in a file: what it must say about itself, and how it is written.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::judge;
use super::prepare::lock_text;
use super::problem;
use super::setup::Outside;
use super::stop::Stop;
use super::tally::Tally;
use crate::base::digest::sha256_hex;
use crate::bundle::{self, Bytes, Content, Facts, Recipient, StateMark};
use crate::event::SavedPlan;
use crate::observed::Observed;
use crate::plan::{self, Plan};
use crate::spec::Spec;
use crate::terraform::{self, Message, Watch};

/// Where a plan is to be saved.
#[derive(Clone, Debug)]
pub struct Save {
    /// The file.
    pub file: PathBuf,
    /// Whom it is encrypted to; nobody means that it is not.
    pub recipients: Vec<Recipient>,
    /// Whether sensitive values may be in it in clear.
    pub plain: bool,
}

/// What a plan depends on, as far as it can be said without a look at the world.
pub(super) fn facts(outside: &Outside, spec: &Spec, policies: &str) -> Facts {
    let setup = outside.setup();
    Facts {
        stack: spec.stack.metadata.name.clone(),
        subscription: setup.subscription.clone(),
        // A rehearsal's Azure has another address each time; which cloud it plays says enough.
        cloud: setup.cloud.environment.clone(),
        rehearsal: setup.rehearsal,
        aksight: env!("CARGO_PKG_VERSION").to_owned(),
        terraform: outside.terraform.engine(),
        spec: digest(&json!(spec.stack)),
        policies: policies.to_owned(),
        providers: String::new(),
        world: String::new(),
        state: None,
    }
}

/// The rest: what is known once terraform has planned. `units` is the plan in canonical form.
pub(super) async fn complete(outside: &Outside, facts: Facts, units: &Value) -> Result<Facts, Stop> {
    let providers = sha256_hex(lock_text(outside).as_bytes());
    Ok(Facts { providers, world: digest(units), state: state(outside).await?, ..facts })
}

pub(super) fn digest(value: &Value) -> String {
    sha256_hex(value.to_string().as_bytes())
}

async fn state(outside: &Outside) -> Result<Option<StateMark>, terraform::Error> {
    let setup = outside.setup();
    let silent = |_: Message| {};
    let mark = outside.terraform.state_mark(Watch { on: &silent, cancel: &setup.cancel, again: &setup.again }).await?;
    Ok(mark.map(|(lineage, serial)| StateMark { lineage, serial }))
}

/// Writes the plan that terraform has just drawn, with everything that it depends on.
///
/// # Errors
/// It would hold secrets in clear, terraform's part cannot be read, or the file cannot be written.
pub(super) async fn save<S>(
    outside: &Outside,
    spec: &Spec,
    (plan, observed): (&Plan<S>, &Observed),
    allowed: &[String],
    save: &Save,
    tally: &mut Tally,
) -> Result<(), Stop> {
    let setup = outside.setup();
    let view = observed.terraform.seen();
    let secrets: Vec<String> = view.map(|view| plan::secrets(&view.raw)).unwrap_or_default().into_iter().collect();
    if save.recipients.is_empty() && !save.plain && !secrets.is_empty() {
        return Err(Stop::failed(problem::of_secrets(&save.file, &secrets)));
    }
    let policies = judge::policies(spec, &setup.base)?.digest();
    let units = plan::canonical(plan, view);
    let terraform = match view.filter(|view| view.has_changes) {
        Some(_) => Some(Bytes(std::fs::read(&outside.plan_file).map_err(|source| terraform::Error::Io {
            action: "read",
            path: outside.plan_file.clone(),
            source,
        })?)),
        None => None,
    };
    let content = Content {
        made_at: observed.at,
        made_by: setup.who.clone(),
        facts: complete(outside, facts(outside, spec, &policies), &json!(units)).await?,
        spec: json!(spec.stack),
        units,
        allow_destroy: allowed.to_vec(),
        lock_file: lock_text(outside),
        terraform,
    };
    let written = bundle::write(&save.file, &content, &save.recipients);
    let digest = written.map_err(|error| Stop::failed(problem::of_bundle(&save.file, &error)))?;
    let file = save.file.display().to_string();
    // With the digest, which is no secret: then it is this plan, whoever can write to the file.
    tally.report.next.push(format!("once it is reviewed: `aksight provision --plan {file} --digest {digest}`"));
    tally.report.saved_plan = Some(SavedPlan {
        file,
        digest,
        made_at: content.made_at,
        made_by: content.made_by,
        encrypted: !save.recipients.is_empty(),
        applied: false,
    });
    Ok(())
}
