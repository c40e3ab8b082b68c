//! `handoff`: one look, and what of the plan waits for somebody who has the rights, as a file for that person.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::setup::{Outside, Setup};
use super::stop::Stop;
use super::tally::Tally;
use super::{frame, plan, problem};
use crate::azure;
use crate::bundle;
use crate::desired::resolve;
use crate::event::{Asker, HandedOff, Handoff, Outcome, Report};
use crate::observe;
use crate::observed::PrincipalKind;
use crate::plan::handoff::{acts, scopes};
use crate::plan::rights::{Held, Judgement, Right};
use crate::spec::Spec;

/// What the user asked for.
#[derive(Clone, Debug, Default)]
pub struct Handing {
    /// The file that it goes into; nothing when it is only shown.
    pub out: Option<PathBuf>,
    /// Whether acts are handed off, too, that the signed-in principal may do itself.
    pub all: bool,
}

/// Finds out what is to be handed off, and writes it down. Reads only. Gives back the text of the file, too, when there is anything.
pub async fn handoff(spec: &Spec, setup: Setup, handing: &Handing) -> (Option<String>, Report) {
    let mut text = None;
    let work = async |outside: &Outside, tally: &mut Tally| {
        text = write_down(outside, spec, handing, tally).await?;
        Ok(if text.is_some() { Outcome::Waiting } else { Outcome::Unchanged })
    };
    let report = frame::run(spec, setup, work).await;
    (text, report)
}

/// The text of the file; nothing when nothing is to be handed off.
async fn write_down(outside: &Outside, spec: &Spec, handing: &Handing, tally: &mut Tally) -> Result<Option<String>, Stop> {
    let setup = outside.setup();
    let (plan, observed) = Box::pin(plan::draw(outside, spec, &[], tally)).await?;
    let desired = resolve(spec, &setup.subscription);
    let rights = if handing.all { BTreeMap::new() } else { observe::permissions(&outside.azure, &scopes(&desired)).await };
    // What cannot be told is handed off as well: who carries it out sees whether it is needed.
    let lacks = |right: &Right| Held(&rights).judge(right) != Judgement::Allowed;
    let (acts, later) = acts(&plan, &desired, &observed, lacks);
    if acts.is_empty() && later.is_empty() {
        return Ok(None);
    }
    let me = outside.azure.who_am_i().await?;
    let kind = match me.kind {
        azure::PrincipalKind::User => PrincipalKind::User,
        azure::PrincipalKind::ServicePrincipal => PrincipalKind::ServicePrincipal,
    };
    let handoff = Handoff {
        stack: desired.stack.clone(),
        made_at: observed.at,
        made_by: setup.who.clone(),
        made_with: env!("CARGO_PKG_VERSION").to_owned(),
        tenant: me.tenant_id,
        cloud: setup.cloud.environment.clone(),
        arm: setup.cloud.arm.clone(),
        subscription: setup.subscription.clone(),
        rehearsal: setup.rehearsal,
        asked_by: Asker { object_id: me.object_id, kind, name: me.display },
        acts,
        later,
    };
    let unwritable = |file: &PathBuf, error| Stop::failed(problem::of_handoff(file, &error));
    let nowhere = PathBuf::from("-");
    let (text, digest) = bundle::handoff::text(&handoff).map_err(|error| unwritable(&nowhere, error))?;
    if let Some(file) = &handing.out {
        bundle::handoff::write(file, &text).map_err(|error| unwritable(file, error))?;
    }
    let file = handing.out.as_ref().map(|file| file.display().to_string());
    tally.report.next.extend(next(&handoff, file.as_deref(), &digest));
    tally.report.handoff = Some(HandedOff { file, digest, content: handoff });
    Ok(Some(text))
}

/// What to do next.
fn next(handoff: &Handoff, file: Option<&str>, digest: &str) -> Vec<String> {
    let mut next = Vec::new();
    if !handoff.acts.is_empty() {
        next.push(match file {
            // With the digest, which is no secret: then it is this file, whoever can write to it.
            Some(file) => {
                format!("somebody who has the rights reviews it, then: `aksight handoff apply {file} --digest {digest}`")
            }
            None => "write it down for somebody who has the rights: `aksight handoff --out FILE`".to_owned(),
        });
    }
    let after = if handoff.later.is_empty() { "it goes on from there" } else { "what could not be handed off yet can be then" };
    next.push(format!("then run `aksight provision` again: {after}"));
    next
}
