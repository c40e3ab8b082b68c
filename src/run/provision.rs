//! `provision`: rounds of look, plan, consent and work until nothing is left to do, then the proof.
//!
//! A second look follows every round that wrote, because some wishes can only be judged once others are fulfilled, and because only
//! a plan without changes proves that the work is done.

use super::reviewed::{PlanFile, Review, Reviewed};
use super::setup::{Outside, Setup};
use super::stop::Stop;
use super::survey::{Next, survey};
use super::tally::Tally;
use super::{frame, judge, outputs, prepare, problem, resume, trace, verify};
use crate::base::Class;
use crate::desired::{Desired, resolve};
use crate::diag::{Code, Diagnostic};
use crate::event::{Event, Outcome, Phase, Report, UnitId};
use crate::execute::{self, Execution};
use crate::observed::Observed;
use crate::plan::{self, Approved, Checked, Plan};
use crate::policy::Policies;
use crate::spec::Spec;
use crate::verify::Proof;

/// Two rounds are the rule: one that works and one that finds nothing left. More mean that somebody else writes too.
const MOST_ROUNDS: u32 = 5;

/// What a person says to a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Do it.
    Yes,
    /// Do not.
    No,
    /// Nobody is there to ask.
    Nobody,
    /// Neither: the question was broken off, as by Ctrl-C.
    BrokenOff,
}

impl Answer {
    /// Whether `what` may be done.
    ///
    /// # Errors
    /// It was not decided.
    pub(super) fn is_yes(self, what: &str) -> Result<bool, Stop> {
        match self {
            Self::Yes => Ok(true),
            Self::No => Ok(false),
            Self::Nobody => Err(Stop::unasked(what)),
            Self::BrokenOff => Err(Stop::interrupted()),
        }
    }
}

/// What the user asked for.
pub struct Wants<'a> {
    /// Terraform addresses or unit ids that may be destroyed.
    pub allow_destroy: Vec<String>,
    /// The reviewed plan that is to be carried out instead of one that is drawn now. Then nobody is asked: the review was the consent.
    pub reviewed: Option<Reviewed>,
    /// Whether the data shall be proven to arrive.
    pub verify: bool,
    /// Shows a plan with work. Called before the guard has its say.
    pub show: &'a (dyn Fn(&Plan<Checked>) + Send + Sync),
    /// Asks whether a plan may be carried out. May block.
    pub ask: &'a (dyn Fn(&Plan<Approved>) -> Answer + Send + Sync),
}

impl std::fmt::Debug for Wants<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wants").field("allow_destroy", &self.allow_destroy).field("verify", &self.verify).finish_non_exhaustive()
    }
}

/// Makes the stack what the file says, and proves that data arrives. Errors are in the report.
pub async fn provision(spec: &Spec, setup: Setup, wants: &Wants<'_>) -> Report {
    let work = async |outside: &Outside, tally: &mut Tally| match &wants.reviewed {
        Some(reviewed) => {
            let review = Review::open(reviewed, tally)?;
            Box::pin(as_reviewed(outside, spec, wants, &review, tally)).await
        }
        None => rounds(outside, spec, wants, tally).await,
    };
    frame::run(spec, setup, work).await
}

pub(super) async fn rounds(outside: &Outside, spec: &Spec, wants: &Wants<'_>, tally: &mut Tally) -> Result<Outcome, Stop> {
    let setup = outside.setup();
    let desired = resolve(spec, &setup.subscription);
    let policies = judge::policies(spec, &setup.base)?;
    prepare::write_files(outside, spec)?;
    // A stack that was proven before is likely to be as it was: then the proof is asked for while terraform plans.
    let mut next = if outside.memory.shortcut.is_some() && wants.verify { Next::Proof } else { Next::Work };
    for round in 1..=MOST_ROUNDS {
        tally.start_lap();
        let (observed, proof, plan) = look(outside, spec, &desired, &policies, (&wants.allow_destroy, next)).await?;
        tally.add_lap(Phase::Observe);
        tally.planned(&plan);
        tally.report.outputs = outputs::of(&desired, &observed, &outside.setup().cloud);
        if !plan.has_work() {
            return verify::prove(outside, (&desired, &observed), wants.verify, proof, tally).await;
        }
        next = Next::Work;
        let Some(approved) = consent(plan, wants, round, setup)? else { return Ok(declined(tally)) };
        tally.start_lap();
        let execution = carry_out(outside, &desired, &approved, None).await?;
        tally.add_lap(Phase::Execute);
        tally.executed(&execution);
        judge_failures(outside, &execution, round, tally).await?;
    }
    Err(unsettled())
}

fn unsettled() -> Stop {
    let summary = format!("the stack does not settle: after {MOST_ROUNDS} rounds there is still work");
    let hint = "somebody or something else writes to the same resources: see which units appear again and again";
    Stop::failed(Diagnostic::error(Code::AzureConflict, summary).hint(hint))
}

/// The same rounds under a reviewed plan: the first carries out that plan and no other, later ones finish it and nothing else.
async fn as_reviewed(
    outside: &Outside,
    spec: &Spec,
    wants: &Wants<'_>,
    review: &Review<'_>,
    tally: &mut Tally,
) -> Result<Outcome, Stop> {
    let setup = outside.setup();
    let desired = resolve(spec, &setup.subscription);
    let policies = judge::policies(spec, &setup.base)?;
    review.begin(outside, spec, &policies).await?;
    prepare::write_files(outside, spec)?;
    for round in 1..=MOST_ROUNDS {
        tally.start_lap();
        let (observed, _, plan) = look(outside, spec, &desired, &policies, (review.allowed(), Next::Work)).await?;
        tally.add_lap(Phase::Observe);
        tally.planned(&plan);
        tally.report.outputs = outputs::of(&desired, &observed, &setup.cloud);
        if !plan.has_work() {
            if round == 1 {
                setup.events.note("nothing is left of the reviewed plan to be done");
            }
            return verify::prove(outside, (&desired, &observed), wants.verify, None, tally).await;
        }
        let (approved, file) = if round == 1 {
            let (plan, file) = review.take_up(outside, (spec, &desired, &policies), observed, &plan).await?;
            (wants.show)(&plan);
            (plan.approve(review.allowed())?, file)
        } else {
            setup.events.note(format!("round {round}: finishing what is left of the reviewed plan"));
            let approved = plan.approve(review.allowed())?;
            review.covers(&approved, observed.terraform.seen())?;
            (approved, None)
        };
        tally.start_lap();
        tally.applies_saved_plan();
        let execution = carry_out(outside, &desired, &approved, file.as_ref()).await?;
        drop(file);
        tally.add_lap(Phase::Execute);
        tally.executed(&execution);
        review.judge(&execution)?;
        judge_failures(outside, &execution, round, tally).await?;
    }
    Err(unsettled())
}

/// One look and what follows from it.
pub(super) async fn look(
    outside: &Outside,
    spec: &Spec,
    desired: &Desired,
    policies: &Policies,
    (allowed, next): (&[String], Next),
) -> Result<(Observed, Option<Proof>, Plan<Checked>), Stop> {
    resume::reclaim(outside).await?;
    let (observed, proof) = trace::during("observe", Box::pin(survey(outside, desired, next))).await?;
    resume::settle(outside, &observed).await?;
    resume::refuse_foreign(desired, &observed)?;
    let draw = || judge::review(policies, plan::draft(desired, &observed)?, spec, &observed, allowed);
    let plan = trace::phase("plan").in_scope(draw)?;
    Ok((observed, proof, plan))
}

/// Lets a plan through guard and policies, and asks. Later rounds finish what the first was approved for: they are not asked about
/// again, but guard and policies judge them like the first.
fn consent(plan: Plan<Checked>, wants: &Wants<'_>, round: u32, setup: &Setup) -> Result<Option<Plan<Approved>>, Stop> {
    if round == 1 {
        (wants.show)(&plan);
    }
    let approved = plan.approve(&wants.allow_destroy)?;
    if round > 1 {
        setup.events.note(format!("round {round}: the world has moved, finishing what is left"));
        return Ok(Some(approved));
    }
    let answer = tokio::task::block_in_place(|| (wants.ask)(&approved));
    Ok(answer.is_yes("the plan")?.then_some(approved))
}

fn declined(tally: &mut Tally) -> Outcome {
    tally.report.next.push("nothing was changed; run the same command again when the plan is wanted".to_owned());
    Outcome::Planned
}

/// `file` is terraform's part of the plan, when it is not the one that was drawn last.
async fn carry_out(
    outside: &Outside,
    desired: &Desired,
    plan: &Plan<Approved>,
    file: Option<&PlanFile>,
) -> Result<Execution, Stop> {
    resume::expect(outside, desired, plan).await?;
    outside.setup().events.emit(Event::Phase { phase: Phase::Execute });
    let mut hands = outside.hands();
    if let (Some(file), Some(stack)) = (file, &mut hands.stack) {
        stack.plan_file.clone_from(&file.0);
    }
    let work = async { execute::run(plan, &hands).await.map_err(|error| Stop::failed(problem::of_step(None, &error))) };
    let execution = trace::during("execute", work).await?;
    resume::not_begun(outside, &execution).await?;
    Ok(execution)
}

/// Decides after a round with failures: once more when waiting or looking again may cure all of them, else stop and say why.
pub(super) async fn judge_failures(outside: &Outside, execution: &Execution, round: u32, tally: &mut Tally) -> Result<(), Stop> {
    if outside.setup().cancel.is_cancelled() {
        return Err(Stop::interrupted());
    }
    for (_, error) in &execution.failures {
        if let execute::Error::Terraform(crate::terraform::Error::AlreadyExists { address, .. }) = error {
            // Somebody else made it between plan and apply: it must not be imported as ours.
            outside.journal.settle_creation(address).await?;
        }
    }
    let (mut withheld, failed): (Vec<&Failure>, Vec<&Failure>) =
        execution.failures.iter().partition(|(_, error)| error.is_withheld());
    let told = |(unit, error): &&Failure| problem::of_step(Some(unit), error);
    let mut problems: Vec<Diagnostic> = failed.iter().map(told).collect();
    if failed.is_empty() && (withheld.is_empty() || (round < MOST_ROUNDS && execution.has_done())) {
        // What waits for somebody else ends the run only when there is nothing left that this one may do.
        return Ok(());
    }
    if round < MOST_ROUNDS && !failed.is_empty() && failed.iter().all(|(_, error)| may_pass(&error.class())) {
        outside.setup().events.warn(format!("{}; looking again", problems[0].summary));
        return Ok(());
    }
    withheld.sort_by(|one, other| one.0.cmp(&other.0));
    problems.extend(withheld.iter().map(told));
    if failed.is_empty() {
        tally.report.next.extend(HAND_OFF.map(str::to_owned));
        return Err(Stop { outcome: Outcome::Waiting, problems });
    }
    tally.report.next.push("run the same command again once the cause is removed: what is done stays done".to_owned());
    let locked = execution.failures.iter().any(|(_, error)| error.class() == Class::Locked);
    Err(Stop { outcome: if locked { Outcome::Locked } else { Outcome::Failed }, problems })
}

type Failure = (UnitId, execute::Error);

/// What follows when acts wait for somebody who has the right.
const HAND_OFF: [&str; 3] = [
    "hand it off: `aksight handoff --out handoff.json` writes down what waits, for review",
    "somebody who has the rights carries it out: `aksight handoff apply handoff.json`, or the `az` commands in the file",
    "then run the same command again: it goes on from there",
];

const fn may_pass(class: &Class) -> bool {
    matches!(class, Class::Transient | Class::Throttled(_) | Class::Busy | Class::NotYet | Class::Conflict)
}
