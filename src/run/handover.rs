//! `handoff apply`: somebody who has the rights carries out what somebody else wrote down, and nothing else. Needs no stack: no file of
//! it, no terraform, no journal. The acts are done by the same engine and steps as everywhere.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::provision::Answer;
use super::reviewed::age;
use super::stop::{Stop, exit_code};
use super::{problem, trace};
use crate::azure::{self, Azure, CredentialSource};
use crate::base::{Clock, Cloud};
use crate::event::{Event, HandedOff, Handoff, Outcome, Phase, Report, Stream};
use crate::execute::{self, Hands};
use crate::observe;
use crate::plan::{self, Approved, Checked, Plan};

/// Who carries it out, and with what.
#[derive(Clone, Debug)]
pub struct Helper {
    /// The cloud.
    pub cloud: Cloud,
    /// Who signs in.
    pub credential: CredentialSource,
    /// The one HTTP client.
    pub http: reqwest::Client,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Where events go.
    pub events: Stream,
    /// The user wants to stop.
    pub cancel: CancellationToken,
    /// The user wants to stop and says so again.
    pub again: CancellationToken,
}

/// A handoff that was read, and what the user asked for.
pub struct Handed<'a> {
    /// The file.
    pub file: PathBuf,
    /// What is in it.
    pub content: Handoff,
    /// Its digest.
    pub digest: String,
    /// How old it may be.
    pub max_age: Duration,
    /// Shows what would be done.
    pub show: &'a (dyn Fn(&Handoff, &Plan<Checked>) + Send + Sync),
    /// Asks whether it may be done. May block.
    pub ask: &'a (dyn Fn(&Plan<Approved>) -> Answer + Send + Sync),
}

impl std::fmt::Debug for Handed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handed").field("file", &self.file).field("digest", &self.digest).finish_non_exhaustive()
    }
}

/// Carries a handoff out. Errors are in the report.
pub async fn hand_over(helper: &Helper, handed: &Handed<'_>) -> Report {
    let began = Instant::now();
    let mut report = Report::new("handoff apply");
    report.stack = Some(handed.content.stack.clone());
    let file = Some(handed.file.display().to_string());
    report.handoff = Some(HandedOff { file, digest: handed.digest.clone(), content: handed.content.clone() });
    let ended = work(helper, handed, &mut report).await;
    report.result = match ended {
        Ok(outcome) => outcome,
        Err(stop) => {
            report.diagnostics.extend(stop.problems);
            stop.outcome
        }
    };
    report.exit_code = exit_code(report.result);
    report.durations.total = began.elapsed().max(Duration::from_millis(1));
    report
}

async fn work(helper: &Helper, handed: &Handed<'_>, report: &mut Report) -> Result<Outcome, Stop> {
    let handoff = &handed.content;
    belongs_here(helper, handed)?;
    let azure = Azure::connect(azure::Settings::new(
        helper.cloud.clone(),
        helper.credential.clone(),
        helper.http.clone(),
        helper.clock.clone(),
    ))?;
    report.correlation_id = Some(azure.correlation_id().to_string());
    azure.warm_up().await?;
    let me = azure.who_am_i().await?;
    if !me.tenant_id.eq_ignore_ascii_case(&handoff.tenant) {
        let cause = format!("tenant: it is for `{}`, and you are signed in to `{}`", handoff.tenant, me.tenant_id);
        return Err(unfit(handed, &[cause], "sign in to the tenant that it is for (`ARM_TENANT_ID`, or `az login --tenant`)"));
    }
    let started = Instant::now();
    let standing = observe::standing(&azure, handoff).await;
    report.durations.observe = started.elapsed();
    if !standing.moved.is_empty() {
        return Err(unfit(handed, &standing.moved, "have it made anew with `aksight handoff --out FILE`"));
    }
    standing.unknown.iter().for_each(|why| helper.events.warn(format!("not looked at before: {why}")));
    let plan = plan::handoff::plan(handoff, &standing.there, helper.clock.now()).checked(Vec::new());
    report.plan = plan.summary();
    report.units = plan.lines();
    (handed.show)(handoff, &plan);
    let plan = plan.approve(&[])?;
    if !plan.has_work() {
        return Ok(Outcome::Unchanged);
    }
    let answer = tokio::task::block_in_place(|| (handed.ask)(&plan));
    if !answer.is_yes("the handoff")? {
        report.next.push("nothing was changed; run the same command again when it is wanted".to_owned());
        return Ok(Outcome::Planned);
    }
    carry_out(helper, azure, handoff, &plan, report).await
}

async fn carry_out(
    helper: &Helper,
    azure: Azure,
    handoff: &Handoff,
    plan: &Plan<Approved>,
    report: &mut Report,
) -> Result<Outcome, Stop> {
    helper.events.emit(Event::Phase { phase: Phase::Execute });
    let hands = Hands {
        azure,
        stack: None,
        intent: None,
        subscription: handoff.subscription.clone(),
        clock: helper.clock.clone(),
        events: helper.events.clone(),
        cancel: helper.cancel.clone(),
        again: helper.again.clone(),
    };
    let started = Instant::now();
    let done = async { execute::run(plan, &hands).await.map_err(|error| Stop::failed(problem::of_step(None, &error))) };
    let execution = trace::during("execute", done).await?;
    report.durations.execute = started.elapsed();
    report.units.clone_from(&execution.units);
    if helper.cancel.is_cancelled() {
        return Err(Stop::interrupted());
    }
    if execution.failures.is_empty() {
        report.next.push("tell whoever asked: the command that waited goes on when it is run again".to_owned());
        return Ok(Outcome::Changed);
    }
    let problems = execution.failures.iter().map(|(unit, error)| problem::of_step(Some(unit), error)).collect();
    let withheld = execution.failures.iter().all(|(_, error)| error.is_withheld());
    report.next.push(
        "run the same command again, once the cause is removed or as somebody who has the right: what is done stays done"
            .to_owned(),
    );
    Err(Stop { outcome: if withheld { Outcome::Waiting } else { Outcome::Failed }, problems })
}

/// Whether the file is for this place, as far as that can be said before anybody signs in.
fn belongs_here(helper: &Helper, handed: &Handed<'_>) -> Result<(), Stop> {
    let handoff = &handed.content;
    if handoff.rehearsal {
        let cause = "it was made in a rehearsal: its ids are none of Azure's".to_owned();
        return Err(unfit(handed, &[cause], "make one without `--simulate`"));
    }
    if (handoff.cloud.as_str(), handoff.arm.as_str()) != (&helper.cloud.environment, &helper.cloud.arm) {
        let cause = format!(
            "cloud: it is for `{}` ({}), and you are at `{}` ({})",
            handoff.cloud, handoff.arm, helper.cloud.environment, helper.cloud.arm
        );
        return Err(unfit(handed, &[cause], "a cloud that is known by its metadata host alone needs `ARM_METADATA_HOSTNAME`"));
    }
    match age(handoff.made_at, helper.clock.now(), handed.max_age) {
        Some(cause) => Err(unfit(handed, &[cause], "have it made anew with `aksight handoff --out FILE`")),
        None => Ok(()),
    }
}

fn unfit(handed: &Handed<'_>, causes: &[String], hint: &str) -> Stop {
    Stop::failed(problem::unfit_handoff(&handed.file, causes, hint))
}
