//! A reviewed plan on its way to be carried out: what is carried out is what was reviewed, or nothing.
//!
//! The world is looked at anew and the plan drawn anew. Both must come to what the file holds, item by item. Then the plan is drawn
//! once more, from the terraform plan in the file, and that one is judged and carried out.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::setup::Outside;
use super::stop::Stop;
use super::tally::Tally;
use super::{judge, prepare, problem, saved};
use crate::base::clock::Timestamp;
use crate::bundle::{self, Content, Facts, Identities, Loaded};
use crate::desired::Desired;
use crate::event::{Outcome, SavedPlan};
use crate::execute::{self, Execution};
use crate::observed::tfplan::TerraformView;
use crate::observed::{Observed, Sight};
use crate::plan::{self, Approved, Checked, Plan};
use crate::policy::Policies;
use crate::spec::Spec;
use crate::terraform::{self, Message, Watch};

/// A reviewed plan that is to be carried out.
#[derive(Debug)]
pub struct Reviewed {
    /// The file.
    pub file: PathBuf,
    /// What opens it, if it is encrypted.
    pub identities: Option<Identities>,
    /// How old it may be.
    pub max_age: Duration,
    /// The digest that it must have.
    pub digest: Option<String>,
}

/// Clocks of two machines differ by less than this.
const SKEW: Duration = Duration::from_mins(5);

/// A reviewed plan that was read.
pub(super) struct Review<'a> {
    wanted: &'a Reviewed,
    loaded: Loaded,
}

/// Terraform's plan out of the file, in a file of its own while it is needed: it can hold secrets.
pub(super) struct PlanFile(pub(super) PathBuf);

impl Drop for PlanFile {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            tracing::warn!("`{}` cannot be removed: {error}", self.0.display());
        }
    }
}

impl<'a> Review<'a> {
    /// Reads the file, and notes it in the report.
    pub(super) fn open(wanted: &'a Reviewed, tally: &mut Tally) -> Result<Self, Stop> {
        let unusable = |error| Stop::failed(problem::of_bundle(&wanted.file, &error));
        let loaded = bundle::read(&wanted.file, wanted.identities.as_ref()).map_err(unusable)?;
        let content = &loaded.content;
        tally.report.saved_plan = Some(SavedPlan {
            file: wanted.file.display().to_string(),
            digest: loaded.digest.clone(),
            made_at: content.made_at,
            made_by: content.made_by.clone(),
            encrypted: loaded.encrypted,
            applied: false,
        });
        match &wanted.digest {
            Some(digest) if !digest.eq_ignore_ascii_case(&loaded.digest) => {
                Err(unusable(bundle::Error::Altered { expected: digest.clone(), found: loaded.digest.clone() }))
            }
            _ => Ok(Self { wanted, loaded }),
        }
    }

    fn content(&self) -> &Content {
        &self.loaded.content
    }

    /// What may be destroyed was named when the plan was drawn.
    pub(super) fn allowed(&self) -> &[String] {
        &self.content().allow_destroy
    }

    fn moved(&self, causes: &[String]) -> Stop {
        Stop { outcome: Outcome::Waiting, problems: vec![problem::moved(&self.wanted.file, causes)] }
    }

    /// Before anything is asked of Azure: place, file, versions, policies and age. Brings the providers' lock file along when there is
    /// none.
    pub(super) async fn begin(&self, outside: &Outside, spec: &Spec, policies: &Policies) -> Result<(), Stop> {
        let (stored, now) = (&self.content().facts, saved::facts(outside, spec, &policies.digest()));
        let elsewhere = place(stored, &now);
        if !elsewhere.is_empty() {
            return Err(Stop::failed(problem::elsewhere(&self.wanted.file, &elsewhere)));
        }
        let mut causes = tools(stored, &now);
        if stored.spec != now.spec {
            causes.extend(file(&self.content().spec, &json!(spec.stack)));
        }
        causes.extend(age(self.content().made_at, outside.setup().clock.now(), self.wanted.max_age));
        if !causes.is_empty() {
            return Err(self.moved(&causes));
        }
        prepare::bring_providers(outside, &self.content().lock_file).await
    }

    /// After a look that leaves something to do: the plan of the file, judged, and terraform's part of it, if the world is as it was.
    pub(super) async fn take_up(
        &self,
        outside: &Outside,
        (spec, desired, policies): (&Spec, &Desired, &Policies),
        mut observed: Observed,
        fresh: &Plan<Checked>,
    ) -> Result<(Plan<Checked>, Option<PlanFile>), Stop> {
        let now = plan::canonical(fresh, observed.terraform.seen());
        let units = &plan::settled(&self.content().units, &now);
        let mut causes = plan::moved(units, &now);
        let facts = saved::facts(outside, spec, &policies.digest());
        let facts = saved::complete(outside, facts, &json!(now)).await?;
        causes.extend(rest(&self.expected(units), &facts));
        if !causes.is_empty() {
            return Err(self.moved(&causes));
        }
        let mut file = None;
        let mut causes = Vec::new();
        if let Some(fresh) = observed.terraform.seen().filter(|view| view.has_changes) {
            let (unpacked, view) = self.unpack(outside).await?;
            // The plan file has a configuration of its own, in which a provisioner could be hidden.
            let foreign = plan::leaves(&fresh.raw["configuration"], &view.raw["configuration"]);
            causes.extend(foreign.into_iter().take(10).map(|leaf| format!("configuration of terraform's plan, {}", leaf.path)));
            file = Some(unpacked);
            observed.terraform = Sight::Present(view);
        }
        let stored = judge::review(policies, plan::draft(desired, &observed)?, spec, &observed, self.allowed())?;
        causes.extend(plan::moved(units, &plan::canonical(&stored, observed.terraform.seen())));
        if causes.is_empty() {
            return Ok((stored, file));
        }
        Err(Stop::failed(problem::inconsistent(&self.wanted.file, &causes)))
    }

    /// The facts of the file, when `units` are its units as far as nobody has settled them in the meantime.
    fn expected(&self, units: &BTreeMap<String, Value>) -> Facts {
        let facts = self.content().facts.clone();
        let world = saved::digest(&json!(self.content().units));
        // A digest that was not that of the units stays what it is, and is found to differ.
        if world == facts.world { Facts { world: saved::digest(&json!(units)), ..facts } } else { facts }
    }

    /// Terraform's plan out of the file, and what it says.
    async fn unpack(&self, outside: &Outside) -> Result<(PlanFile, TerraformView), Stop> {
        let setup = outside.setup();
        let inconsistent = |cause: String| Stop::failed(problem::inconsistent(&self.wanted.file, &[cause]));
        let Some(bytes) = &self.content().terraform else {
            return Err(inconsistent("terraform has work in it, and its plan file is not there".to_owned()));
        };
        let file = PlanFile(outside.terraform.dir().join("reviewed.tfplan"));
        let written = prepare::replace(&file.0, &bytes.0);
        written.map_err(|source| terraform::Error::Io { action: "write", path: file.0.clone(), source })?;
        let silent = |_: Message| {};
        let watch = Watch { on: &silent, cancel: &setup.cancel, again: &setup.again };
        match outside.terraform.show(&file.0, watch).await {
            Ok(document) => Ok((file, TerraformView::read(document))),
            Err(terraform::Error::Stopped { diagnostics, .. }) => {
                let first = diagnostics.iter().find(|found| found.is_error()).map(|found| found.summary.clone());
                Err(inconsistent(format!("terraform cannot read its plan file: {}", first.unwrap_or_default())))
            }
            Err(other) => Err(other.into()),
        }
    }

    /// After the plan was carried out: terraform's own word that the world has moved is ours, too.
    pub(super) fn judge(&self, execution: &Execution) -> Result<(), Stop> {
        let stale = |(_, error): &(_, execute::Error)| matches!(error, execute::Error::Terraform(terraform::Error::StalePlan));
        if execution.failures.iter().any(stale) {
            return Err(self.moved(&["terraform's state, after the last look: terraform refuses its plan as stale".to_owned()]));
        }
        Ok(())
    }

    /// A later round finishes what was reviewed, and does nothing else.
    pub(super) fn covers(&self, plan: &Plan<Approved>, terraform: Option<&TerraformView>) -> Result<(), Stop> {
        let beyond = plan::beyond(&self.content().units, &plan::canonical(plan, terraform));
        if beyond.is_empty() { Ok(()) } else { Err(self.moved(&beyond)) }
    }
}

/// Where the plan belongs.
fn place(stored: &Facts, now: &Facts) -> Vec<String> {
    let azure = |facts: &Facts| if facts.rehearsal { "a rehearsal" } else { "Azure itself" };
    let pairs = [
        ("stack", stored.stack.as_str(), now.stack.as_str()),
        ("subscription", &stored.subscription, &now.subscription),
        ("cloud", &stored.cloud, &now.cloud),
        ("place", azure(stored), azure(now)),
    ];
    differing(&pairs)
}

/// What it was made with.
fn tools(stored: &Facts, now: &Facts) -> Vec<String> {
    let pairs =
        [("version of aksight", stored.aksight.as_str(), now.aksight.as_str()), ("terraform", &stored.terraform, &now.terraform)];
    let mut causes = differing(&pairs);
    if stored.policies != now.policies {
        causes.push(format!("policies: expected digest `{}`, now `{}`", short(&stored.policies), short(&now.policies)));
    }
    causes
}

/// What is known after the look, but for the units.
fn rest(stored: &Facts, now: &Facts) -> Vec<String> {
    let mut causes = Vec::new();
    if stored.providers != now.providers {
        causes.push(format!(
            "providers' lock file: expected digest `{}`, now `{}`",
            short(&stored.providers),
            short(&now.providers)
        ));
    }
    if stored.world != now.world {
        causes.push(format!("the world: expected digest `{}`, now `{}`", short(&stored.world), short(&now.world)));
    }
    if stored.state != now.state {
        let told = |facts: &Facts| match &facts.state {
            Some(mark) => format!("`{}` at serial {}", mark.lineage, mark.serial),
            None => "none".to_owned(),
        };
        causes.push(format!("terraform's state: expected {}, now {}", told(stored), told(now)));
    }
    causes
}

fn differing(pairs: &[(&str, &str, &str)]) -> Vec<String> {
    let told =
        |(name, stored, now): &(&str, &str, &str)| (stored != now).then(|| format!("{name}: expected `{stored}`, now `{now}`"));
    pairs.iter().filter_map(told).collect()
}

fn short(digest: &str) -> String {
    digest.chars().take(12).collect()
}

/// What the file says now that it did not say.
fn file(stored: &Value, now: &Value) -> Vec<String> {
    let told: Vec<String> = plan::leaves(stored, now).into_iter().take(10).map(|leaf| format!("the file, {leaf}")).collect();
    if told.is_empty() { vec!["the file: it does not have the digest of its review".to_owned()] } else { told }
}

pub(super) fn age(made: Timestamp, now: Timestamp, most: Duration) -> Option<String> {
    let old = now.duration_since(made);
    match Duration::try_from(old) {
        Ok(old) if old <= most => None,
        Ok(_) => Some(format!("time: it was made at {made:.0}, more than {} ago (`--max-age`)", spoken(most))),
        Err(_) if Duration::try_from(-old).is_ok_and(|ahead| ahead <= SKEW) => None,
        Err(_) => Some(format!("time: it was made at {made:.0}, which is still to come: a clock is wrong")),
    }
}

/// A duration as it is given: `24h`.
fn spoken(time: Duration) -> String {
    jiff::SignedDuration::try_from(time).map_or_else(|_| format!("{time:?}"), |time| format!("{time:#}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::UnitId;

    /// Terraform's word that its plan is stale is told like every other move of the world.
    #[test]
    fn terraforms_own_refusal_is_ours() {
        let wanted = Reviewed { file: "a.plan".into(), identities: None, max_age: Duration::ZERO, digest: None };
        let facts = Facts {
            stack: String::new(),
            subscription: String::new(),
            cloud: String::new(),
            rehearsal: true,
            aksight: String::new(),
            terraform: String::new(),
            spec: String::new(),
            policies: String::new(),
            providers: String::new(),
            world: String::new(),
            state: None,
        };
        let content = Content {
            made_at: Timestamp::UNIX_EPOCH,
            made_by: String::new(),
            facts,
            spec: Value::Null,
            units: BTreeMap::new(),
            allow_destroy: Vec::new(),
            lock_file: String::new(),
            terraform: None,
        };
        let review = Review { wanted: &wanted, loaded: Loaded { content, digest: String::new(), encrypted: false } };
        let failed = |error| Execution { units: Vec::new(), failures: vec![(UnitId::new("terraform"), error)] };
        let stop = review.judge(&failed(terraform::Error::StalePlan.into())).unwrap_err();
        assert_eq!((stop.outcome, stop.problems[0].code.as_str()), (Outcome::Waiting, "AKS-0703"));
        assert!(stop.problems[0].causes[0].starts_with("moved: terraform's state"), "{stop:?}");
        assert!(review.judge(&failed(execute::Error::Cancelled)).is_ok());
    }

    #[test]
    fn a_plan_ages() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let made = at("2026-01-01T00:00:00Z");
        let day = Duration::from_hours(24);
        assert_eq!(age(made, at("2026-01-02T00:00:00Z"), day), None);
        insta::assert_snapshot!(age(made, at("2026-01-02T00:00:01Z"), day).unwrap(), @"time: it was made at 2026-01-01T00:00:00Z, more than 24h ago (`--max-age`)");
        assert_eq!(age(made, at("2025-12-31T23:56:00Z"), day), None);
        assert!(age(made, at("2025-12-31T23:54:00Z"), day).unwrap().contains("still to come"));
    }
}
