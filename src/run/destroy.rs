//! `destroy` and `disable`: take a stack, or its metrics, away in rounds of look, plan, consent and work until nothing is left. The
//! same engine, guard, policies and journal as `provision`; a run that was broken off is taken up by the next.

use super::provision::{Answer, judge_failures};
use super::setup::{Outside, Setup};
use super::stop::Stop;
use super::survey::{Next, without_terraform};
use super::tally::Tally;
use super::{frame, judge, outputs, prepare, problem, resume, snapshot, trace};
use crate::base::{ArmId, Kind};
use crate::desired::{Desired, resolve};
use crate::diag::{Code, Diagnostic};
use crate::event::{Action, Event, Outcome, Phase, Report};
use crate::observe::Known;
use crate::observed::{Observed, Sight, Surroundings};
use crate::plan::{self, Approved, Checked, Plan};
use crate::policy::Policies;
use crate::spec::Spec;
use crate::terraform::{Message, Watch};
use crate::{execute, hcl, observe};

/// Two rounds are the rule: one that works and one that finds nothing left.
const MOST_ROUNDS: u32 = 5;

/// What is to be taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The whole stack.
    Stack,
    /// The metrics add-on and what carries its data; cluster, workspace and Grafana stay.
    Metrics,
}

impl Reach {
    /// The journal's name for the last copy.
    const fn snapshot(self) -> &'static str {
        match self {
            Self::Stack => "snapshot",
            Self::Metrics => "snapshot_of_metrics",
        }
    }
}

/// What the user asked for.
pub struct Destruction<'a> {
    /// What is to go.
    pub reach: Reach,
    /// Whether the workspace and Grafana may go with all that is in them.
    pub include_data: bool,
    /// Whether a snapshot is written before.
    pub snapshot: bool,
    /// Shows the plan.
    pub show: &'a (dyn Fn(&Plan<Checked>) + Send + Sync),
    /// Asks whether it may be carried out. May block.
    pub ask: &'a (dyn Fn(&Plan<Approved>) -> Answer + Send + Sync),
}

impl std::fmt::Debug for Destruction<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Destruction");
        shown.field("reach", &self.reach).field("include_data", &self.include_data).finish_non_exhaustive()
    }
}

/// Takes away what aksight made, all of it or as much as was asked for. Errors are in the report.
pub async fn destroy(spec: &Spec, setup: Setup, wants: &Destruction<'_>) -> Report {
    frame::run(spec, setup, async |outside, tally| rounds(outside, spec, wants, tally).await).await
}

/// One look at the stack and around it.
struct Look {
    observed: Observed,
    around: Surroundings,
    orphans: Vec<ArmId>,
}

async fn rounds(outside: &Outside, spec: &Spec, wants: &Destruction<'_>, tally: &mut Tally) -> Result<Outcome, Stop> {
    let setup = outside.setup();
    let desired = resolve(spec, &setup.subscription);
    let policies = judge::policies(spec, &setup.base)?;
    if wants.reach == Reach::Stack {
        prepare::write_files(outside, spec)?;
        // Imports of an interrupted creation have no business in a destruction: what terraform does not know goes by REST.
        resume::forget(outside, hcl::render_imports(&[]).name)?;
    }
    outside.azure.warm_up().await?;
    for round in 1..=MOST_ROUNDS {
        tally.start_lap();
        let (look, plan) = match wants.reach {
            Reach::Stack => {
                let look = trace::during("observe", Box::pin(look(outside, &desired))).await?;
                let draw = || plan::teardown(&desired, &look.observed, &look.around, &look.orphans);
                let plan = trace::phase("plan").in_scope(draw)?;
                (look, plan)
            }
            Reach::Metrics => {
                let look = trace::during("observe", Box::pin(look_at_metrics(outside, &desired))).await?;
                let draw = || plan::without_metrics(&desired, &look.observed, &look.around);
                let plan = trace::phase("plan").in_scope(draw)?;
                (look, plan)
            }
        };
        tally.add_lap(Phase::Observe);
        if !plan.has_work() {
            tally.planned(&plan);
            return Ok(if tally.has_written() { Outcome::Changed } else { Outcome::Unchanged });
        }
        let approved = approve(&desired, &look, plan, &policies, spec, wants, tally, round)?;
        if round == 1 {
            let answer = tokio::task::block_in_place(|| (wants.ask)(&approved));
            if !answer.is_yes("the plan")? {
                tally.report.next.push("nothing was taken away".to_owned());
                return Ok(Outcome::Planned);
            }
            keep_copy(outside, &look, wants, tally).await?;
        } else {
            setup.events.note(format!("round {round}: finishing what is left"));
        }
        tally.start_lap();
        setup.events.emit(Event::Phase { phase: Phase::Execute });
        let work = async {
            let done = execute::run(&approved, &outside.hands()).await;
            done.map_err(|error| Stop::failed(problem::of_step(None, &error)))
        };
        let execution = trace::during("execute", work).await?;
        tally.add_lap(Phase::Execute);
        tally.executed(&execution);
        judge_failures(outside, &execution, round, tally).await?;
        settle_orphans(outside, &look.orphans).await?;
    }
    Err(Stop::failed(
        Diagnostic::error(Code::AzureConflict, format!("after {MOST_ROUNDS} rounds something is still there"))
            .hint("somebody or something makes it again: see which units appear again and again"),
    ))
}

async fn look(outside: &Outside, desired: &Desired) -> Result<Look, Stop> {
    let setup = outside.setup();
    setup.events.emit(Event::Phase { phase: Phase::Observe });
    let known = Known::default();
    let (observed, view) = tokio::join!(without_terraform(outside, desired, &known, Next::Nothing), terraform(outside));
    let mut observed = observed?;
    let view = view?;
    let around = observe::surroundings(desired, observed.workspace.seen(), &outside.azure).await;
    let known = |address: &str| view.resources.iter().any(|one| one.address == address);
    let mut orphans = Vec::new();
    for creation in outside.journal.expected_creations().await? {
        let Some(id) = creation.id.as_deref().and_then(|id| ArmId::parse(id).ok()) else { continue };
        let Some(kind) = Kind::of(&id).filter(|_| !known(&creation.address)) else { continue };
        if outside.azure.get(&id, kind).await?.is_some() {
            orphans.push(id);
        }
    }
    observed.terraform = Sight::Present(view);
    Ok(Look { observed, around, orphans })
}

/// The same without terraform, which has no part in it.
async fn look_at_metrics(outside: &Outside, desired: &Desired) -> Result<Look, Stop> {
    outside.setup().events.emit(Event::Phase { phase: Phase::Observe });
    let observed = without_terraform(outside, desired, &Known::default(), Next::Nothing).await?;
    let around = observe::surroundings(desired, observed.workspace.seen(), &outside.azure).await;
    Ok(Look { observed, around, orphans: Vec::new() })
}

async fn terraform(outside: &Outside) -> Result<crate::observed::tfplan::TerraformView, Stop> {
    let setup = outside.setup();
    prepare::init(outside).await?;
    let silent = |_: Message| {};
    let watch = || Watch { on: &silent, cancel: &setup.cancel, again: &setup.again };
    match observe::terraform_destroy(&outside.terraform, &outside.plan_file, watch()).await {
        Ok(view) => Ok(view),
        Err(error) => {
            prepare::mend(outside, error).await?;
            Ok(observe::terraform_destroy(&outside.terraform, &outside.plan_file, watch()).await?)
        }
    }
}

/// Lets the plan through: nothing foreign in the way, data only by name, then policies and guard, which are told that everything
/// else of this plan is meant.
#[expect(clippy::too_many_arguments, reason = "the whole of one decision, read top to bottom")]
fn approve(
    desired: &Desired,
    look: &Look,
    plan: Plan<plan::Draft>,
    policies: &Policies,
    spec: &Spec,
    wants: &Destruction<'_>,
    tally: &mut Tally,
    round: u32,
) -> Result<Plan<Approved>, Stop> {
    // Without a resource group that goes as a whole nothing of others is in the way.
    let foreign = match wants.reach {
        Reach::Stack => plan::foreign(desired, &look.observed, &look.around, &plan),
        Reach::Metrics => Vec::new(),
    };
    let goes = |unit: &&plan::Unit| unit.action == Action::Delete;
    let address = |unit: &plan::Unit| unit.id.as_str().trim_start_matches("terraform:").to_owned();
    let mut doomed: Vec<String> = plan.units.iter().filter(goes).map(address).collect();
    doomed.extend(look.orphans.iter().map(ToString::to_string));
    let plan = judge::review(policies, plan, spec, &look.observed, &doomed)?;
    tally.planned(&plan);
    if round == 1 {
        (wants.show)(&plan);
    }
    let mut problems: Vec<Diagnostic> = foreign.iter().map(in_the_way).collect();
    if !wants.include_data {
        problems.extend(doomed.iter().filter(|address| plan::WITH_DATA.contains(&address.as_str())).map(|one| holds_data(one)));
    }
    if !problems.is_empty() {
        return Err(Stop { outcome: Outcome::Denied, problems });
    }
    Ok(plan.approve(&doomed)?)
}

fn in_the_way(foreign: &plan::Foreign) -> Diagnostic {
    Diagnostic::error(Code::GuardRefused, format!("`{}` is not this stack's and in the way", foreign.id.name()))
        .caused_by(foreign.why.clone())
        .about(foreign.id.to_string())
        .hint("move it elsewhere or delete it yourself, then run the same command again")
}

fn holds_data(address: &str) -> Diagnostic {
    let what = if address == crate::desired::address::WORKSPACE {
        "every metric in it would be lost: a workspace has no soft delete"
    } else {
        "its dashboards, alert rules and users would be lost"
    };
    Diagnostic::error(Code::GuardRefused, format!("`{address}` holds data"))
        .caused_by(what)
        .about(address.to_owned())
        .hint("if that is wanted: `--include-data`")
}

async fn keep_copy(outside: &Outside, look: &Look, wants: &Destruction<'_>, tally: &mut Tally) -> Result<(), Stop> {
    let finished = outputs::last_kept(outside).await?;
    // A destruction that was broken off has its copy already, and may have taken away the role to make another.
    let name = wants.reach.snapshot();
    let copied = outside.journal.output_written(name).await?.is_some_and(|copied| finished.is_none_or(|at| at < copied));
    if !wants.snapshot || copied {
        return Ok(());
    }
    let view = look.observed.terraform.seen();
    let grafana = view.is_some_and(|view| view.resources.iter().any(|one| one.address == crate::desired::address::GRAFANA));
    // A Grafana whose provision never came to its end lets nobody in yet: there is nothing to lose, and no role to read it with.
    let directory = snapshot::take(outside, &look.observed, grafana && finished.is_some()).await?;
    let told = match (wants.reach, snapshot::monitors(outside, &look.observed, &directory).await?) {
        (_, 1..) => format!("a copy of settings, roles and users' scrape configurations is in `{}`", directory.display()),
        (Reach::Stack, 0) => format!("a copy of settings, roles and dashboards is in `{}`", directory.display()),
        (Reach::Metrics, 0) => format!("a copy of settings and roles is in `{}`", directory.display()),
    };
    outside.setup().events.note(told.clone());
    let now = outside.setup().clock.now();
    outside.journal.put_output(&outside.run, name, &serde_json::json!(directory), now).await?;
    tally.report.next.push(told);
    Ok(())
}

/// An orphan that is gone is nobody's expectation any more.
async fn settle_orphans(outside: &Outside, orphans: &[ArmId]) -> Result<(), Stop> {
    for creation in outside.journal.expected_creations().await? {
        if creation.id.as_deref().and_then(|id| ArmId::parse(id).ok()).is_some_and(|id| orphans.contains(&id)) {
            outside.journal.settle_creation(&creation.address).await?;
        }
    }
    Ok(())
}
