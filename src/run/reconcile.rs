//! `reconcile`: look for drift, mend what may be mended, prove that data arrives. For a timer: nobody is asked.
//!
//! What destroys something, what a policy denies and what the file does not allow to be healed becomes a plan that waits for
//! approval, never an action. Drift that keeps coming back is not fought: healing waits longer each time.

use std::time::Duration;

use serde_json::{Value, json};

use super::drift::{self, Look, detect, plan_name};
use super::provision::{Answer, Wants, rounds};
use super::setup::{Outside, Setup};
use super::stop::Stop;
use super::survey::Next;
use super::tally::Tally;
use super::{frame, verify};
use crate::base::clock::Timestamp;
use crate::diag::{Code, Diagnostic};
use crate::event::{Depth, DriftClass, DriftItem, Outcome, Report};
use crate::plan::{Approved, Checked, Plan, destructions};
use crate::spec::Spec;

/// What the user asked for.
#[derive(Clone, Debug, Default)]
pub struct Healing {
    /// How closely to look.
    pub depth: Depth,
    /// Whether drift is mended; else it is only told.
    pub heal: bool,
    /// The name of the saved plan that somebody approved.
    pub approved: Option<String>,
    /// Whether the data shall be proven to arrive.
    pub verify: bool,
}

/// So often within a week the same drift is healed at once.
const PATIENCE: u32 = 3;
/// The wait before the next healing; it doubles each time.
const FIRST_WAIT: Duration = Duration::from_hours(2);
const LONGEST_WAIT: Duration = Duration::from_hours(48);

/// Reconciles a stack once.
pub async fn reconcile(spec: &Spec, setup: Setup, healing: &Healing) -> Report {
    frame::run(spec, setup, async |outside, tally| once(outside, spec, healing, tally).await).await
}

pub(super) async fn once(outside: &Outside, spec: &Spec, healing: &Healing, tally: &mut Tally) -> Result<Outcome, Stop> {
    let next = if healing.verify { Next::Proof } else { Next::Nothing };
    let look = detect(outside, spec, healing.depth, next, tally).await?;
    let Some(id) = look.found.plan.clone() else {
        if let Some(stale) = healing.approved.as_ref() {
            outside.setup().events.note(format!("nothing is left of the approved plan `{stale}` to be mended"));
        }
        return verify::prove(outside, (&look.desired, &look.observed), healing.verify, look.proof, tally).await;
    };
    tally.report.plan.findings.clear();
    if !healing.heal {
        tally.report.next.push("mend it with `aksight reconcile --heal`".to_owned());
        return Ok(Outcome::Drifted);
    }
    let approved = match &healing.approved {
        Some(approved) if *approved == id => true,
        Some(approved) => return Err(waits(&id, &format!("the approved plan `{approved}` no longer fits: the world has moved"))),
        None => false,
    };
    if !approved {
        if let Some(item) = look.to_mend().find(|item| !may_heal(spec, item)) {
            let what =
                format!("healing would take away `{}` of {}, and `reconcile.heal` does not allow that", item.field, item.unit);
            return Err(waits(&id, &what));
        }
        if let Some((item, until)) = look.to_mend().find_map(|item| Some((item, wait_until(&look, item, outside)?))) {
            held(outside, item, until);
            tally.report.next.push(format!("heal it at once with `aksight reconcile --heal --approve {id}`"));
            return Ok(Outcome::Drifted);
        }
    }
    mend(outside, spec, healing, &id, approved, tally).await
}

async fn mend(
    outside: &Outside,
    spec: &Spec,
    healing: &Healing,
    id: &str,
    approved: bool,
    tally: &mut Tally,
) -> Result<Outcome, Stop> {
    let doomed = std::sync::Mutex::new(Vec::new());
    let show = |plan: &Plan<Checked>| {
        if let Ok(mut doomed) = doomed.lock() {
            *doomed = destructions(plan).into_iter().map(|one| one.address).collect();
        }
    };
    let ask = |_: &Plan<Approved>| Answer::Yes;
    let allow_destroy = if approved { allowed(outside, id).await? } else { Vec::new() };
    let wants = Wants { allow_destroy, reviewed: None, verify: healing.verify, show: &show, ask: &ask };
    let ended = rounds(outside, spec, &wants, tally).await;
    match ended {
        Ok(outcome) => {
            drift::mended(outside).await?;
            Ok(outcome)
        }
        Err(stop) if stop.outcome == Outcome::Denied && !approved => {
            let doomed = doomed.into_inner().unwrap_or_default();
            keep_doomed(outside, id, doomed).await?;
            let mut waiting = waits(id, "mending it needs somebody's approval");
            waiting.problems.extend(stop.problems);
            Err(waiting)
        }
        Err(stop) => Err(stop),
    }
}

/// A plan that waits for somebody.
fn waits(id: &str, why: &str) -> Stop {
    let problem = Diagnostic::error(Code::NeedsAnswer, format!("the plan `{id}` waits for somebody's approval"));
    let problem = problem.caused_by(why.to_owned()).hint(format!("look at it, then: aksight reconcile --heal --approve {id}"));
    Stop { outcome: Outcome::Waiting, problems: vec![problem] }
}

/// Whether the file lets drift of this class be healed without asking.
fn may_heal(spec: &Spec, item: &DriftItem) -> bool {
    let heal = &spec.stack.reconcile.heal;
    match item.class {
        DriftClass::Drift => heal.drift,
        DriftClass::ForeignAddition => heal.foreign_additions,
        DriftClass::Pending => true,
    }
}

/// Until when drift that keeps coming back is left alone.
fn wait_until(look: &Look, item: &DriftItem, outside: &Outside) -> Option<Timestamp> {
    let episode = look.episodes.get(&item.key())?;
    let until = episode.began + waiting_time(episode.times)?;
    (until > outside.setup().clock.now()).then_some(until)
}

/// How long the `times`th occurrence within a week waits before it is healed.
fn waiting_time(times: u32) -> Option<Duration> {
    let doublings = times.checked_sub(PATIENCE + 1)?;
    Some(FIRST_WAIT.saturating_mul(2_u32.saturating_pow(doublings)).min(LONGEST_WAIT))
}

fn held(outside: &Outside, item: &DriftItem, until: Timestamp) {
    let by = item.by.as_deref().map(|by| format!(", by `{by}`")).unwrap_or_default();
    outside.setup().events.warn(format!(
        "`{}` of {} drifted for the {} time this week{by}: somebody else manages it too; it is not healed before {until:.0}",
        item.field,
        item.unit,
        ordinal(item.times_this_week),
    ));
}

fn ordinal(number: u32) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

/// Adds to a saved plan what it would destroy, so that approving it names these things.
async fn keep_doomed(outside: &Outside, id: &str, doomed: Vec<String>) -> Result<(), Stop> {
    let mut kept = outside.journal.output(&plan_name(id)).await?.unwrap_or_else(|| json!({}));
    kept["destroys"] = json!(doomed);
    outside.journal.put_output(&outside.run, &plan_name(id), &kept, outside.setup().clock.now()).await?;
    Ok(())
}

/// What an approved plan may destroy: what it said it would when it was made to wait, in whichever run that was.
async fn allowed(outside: &Outside, id: &str) -> Result<Vec<String>, Stop> {
    let kept = outside.journal.outputs(&plan_name(id)).await?;
    let named = |kept: &Value| kept["destroys"].as_array().cloned();
    let found = kept.iter().find_map(named).unwrap_or_default();
    Ok(found.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fourth_time_in_a_week_waits_and_each_further_one_longer() {
        let hours = |times| waiting_time(times).map(|time| time.as_secs() / 3600);
        assert_eq!([1, 3, 4, 5, 6, 40].map(hours), [None, None, Some(2), Some(4), Some(8), Some(48)]);
        assert_eq!([1, 2, 3, 4, 11, 22, 113].map(ordinal), ["1st", "2nd", "3rd", "4th", "11th", "22nd", "113th"]);
    }
}
