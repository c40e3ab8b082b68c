//! `drift`: what is not as the file says, since when and by whom. Reads only; what it finds is remembered, so that drift which
//! comes back is recognised.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::{OptionFuture, join_all};
use serde_json::{Value, json};

use super::provision::look;
use super::setup::{Outside, Setup};
use super::stop::Stop;
use super::survey::{Next, without_terraform};
use super::tally::Tally;
use super::{frame, judge, outputs, prepare, trace, verify};
use crate::base::clock::Timestamp;
use crate::base::{ArmId, Kind, digest};
use crate::desired::{Desired, resolve};
use crate::event::{Depth, DriftClass, DriftItem, DriftReport, Event, Outcome, Phase, Report, UnitLine};
use crate::journal::{self, Episode, Seen};
use crate::kube::FIELD_MANAGER;
use crate::observed::{Observed, SettingsMap};
use crate::plan;
use crate::spec::Spec;
use crate::verify::{Proof, shortcut};

/// How far back the Activity Log is asked; Azure keeps it for 90 days.
const LOOK_BACK: Duration = Duration::from_hours(14 * 24);
/// Drift that comes back within this time is called recurring.
const WEEK: Duration = Duration::from_hours(7 * 24);

/// What a look for drift saw.
pub(super) struct Look {
    pub(super) desired: Desired,
    pub(super) observed: Observed,
    pub(super) found: DriftReport,
    /// When each drift that counts began, by key.
    pub(super) episodes: BTreeMap<String, Episode>,
    /// What was asked for the proof meanwhile.
    pub(super) proof: Option<Proof>,
}

impl Look {
    /// What is to be acted upon.
    pub(super) fn to_mend(&self) -> impl Iterator<Item = &DriftItem> {
        self.found.items.iter().filter(|item| item.counts())
    }
}

/// Looks for drift and changes nothing.
pub async fn drift(spec: &Spec, setup: Setup, depth: Depth) -> Report {
    let work = async |outside: &Outside, tally: &mut Tally| {
        let look = detect(outside, spec, depth, Next::Nothing, tally).await?;
        if look.to_mend().next().is_none() {
            return Ok(Outcome::Unchanged);
        }
        tally.report.next.push("mend it with `aksight reconcile --heal`".to_owned());
        Ok(Outcome::Drifted)
    };
    frame::run(spec, setup, work).await
}

/// One look, with who and when, remembered in the journal and told in the report. `next` is what follows when nothing drifted.
pub(super) async fn detect(outside: &Outside, spec: &Spec, depth: Depth, next: Next, tally: &mut Tally) -> Result<Look, Stop> {
    let desired = resolve(spec, &outside.setup().subscription);
    tally.start_lap();
    let Found { observed, items, mut blind, lines, proof } = match depth {
        Depth::Fast => fast(outside, &desired, next).await?,
        Depth::Deep => deep(outside, spec, &desired, next).await?,
    };
    tally.add_lap(Phase::Observe);
    blind.sort();
    let mut items = attribute(outside, &observed, items).await;
    let episodes = remember(outside, depth, &items, blind.is_empty()).await?;
    for item in &mut items {
        if let Some(episode) = episodes.get(&item.key()) {
            item.times_this_week = episode.times;
            item.since = item.since.or(Some(episode.began));
        }
    }
    items.sort_by_key(|item| (!item.counts(), item.class, item.unit.clone(), item.field.clone()));
    let found = DriftReport { depth, swept: false, plan: saved(outside, depth, &items).await?, items };
    tally.report.plan.blind_spots = blind;
    tally.looked(lines);
    tally.report.outputs = outputs::of(&desired, &observed, &outside.setup().cloud);
    tally.report.drift = Some(found.clone());
    Ok(Look { desired, observed, found, episodes, proof })
}

/// What a look found, before anybody asks who and when.
struct Found {
    observed: Observed,
    items: Vec<DriftItem>,
    blind: Vec<String>,
    lines: Vec<UnitLine>,
    proof: Option<Proof>,
}

async fn fast(outside: &Outside, desired: &Desired, next: Next) -> Result<Found, Stop> {
    outside.setup().events.emit(Event::Phase { phase: Phase::Observe });
    let memory = &outside.memory;
    let known = memory.known(outside, desired);
    // Without an address to ask at, the whole proof will be wanted.
    let sign_in = if next == Next::Proof && memory.shortcut.is_none() { Next::Work } else { Next::Nothing };
    let look = async {
        outside.azure.warm_up().await?;
        let ahead = OptionFuture::from(memory.by_api_server.then(|| outside.credential.fetch_ahead(desired.entra)));
        let (observed, _) = tokio::join!(trace::during("observe", without_terraform(outside, desired, &known, sign_in)), ahead);
        observed
    };
    let ask = verify::ask_shortly(outside, desired, next == Next::Proof);
    let (observed, answered) = tokio::join!(Box::pin(look), Box::pin(ask));
    let observed = observed?;
    let proof = answered.and_then(|answered| shortcut::judge(&answered, desired, &observed));
    let plan = trace::phase("plan").in_scope(|| plan::draft(desired, &observed))?;
    let items = plan::drift(desired, &observed, &plan);
    let unasked = |spot: &String| !spot.starts_with("terraform:");
    let lines = plan.lines();
    Ok(Found { observed, items, blind: plan.blind_spots.into_iter().filter(unasked).collect(), lines, proof })
}

async fn deep(outside: &Outside, spec: &Spec, desired: &Desired, next: Next) -> Result<Found, Stop> {
    let policies = judge::policies(spec, &outside.setup().base)?;
    prepare::write_files(outside, spec)?;
    let (observed, proof, plan) = look(outside, spec, desired, &policies, (&[], next)).await?;
    let items = plan::drift(desired, &observed, &plan);
    let lines = plan.lines();
    Ok(Found { observed, items, blind: plan.blind_spots, lines, proof })
}

/// Asks who wrote what differs: the Activity Log for Azure, the API server's field managers for the cluster. What cannot be read
/// stays unknown; drift is drift without it.
async fn attribute(outside: &Outside, observed: &Observed, mut items: Vec<DriftItem>) -> Vec<DriftItem> {
    let me = observed.me.seen().map(|me| me.object_id.clone());
    let mut asked: Vec<String> = items.iter().map(|item| item.resource.clone()).filter(|id| id.starts_with('/')).collect();
    asked.sort();
    asked.dedup();
    let answers = join_all(asked.into_iter().map(|resource| {
        let me = me.clone();
        async move {
            let writer = last_writer(outside, &resource, me.as_deref()).await;
            (resource, writer)
        }
    }));
    let writers: BTreeMap<String, Option<(String, Timestamp)>> = answers.await.into_iter().collect();
    let map = plan::settings_map();
    for item in &mut items {
        let writer = if item.resource == map {
            observed.settings.seen().and_then(|settings| key_writer(item, settings))
        } else {
            writers.get(&item.resource).cloned().flatten()
        };
        if let Some((by, since)) = writer {
            (item.by, item.since) = (Some(by), Some(since));
        }
    }
    items
}

/// Who wrote the data key of the settings that an item is about: somebody else than us, if it is an addition. Of what is gone
/// nobody is the owner any more; of the map as a whole the last who wrote anything counts.
fn key_writer(item: &DriftItem, settings: &SettingsMap) -> Option<(String, Timestamp)> {
    if item.field == "*" {
        return settings.written.clone();
    }
    let writers = settings.writers.get(item.field.split('/').next()?)?;
    let ours = |who: &str| item.class == DriftClass::ForeignAddition && who == FIELD_MANAGER;
    writers.iter().rev().find(|(who, _)| !ours(who)).cloned()
}

/// The last who wrote to a resource, somebody else than us if there is one.
async fn last_writer(outside: &Outside, resource: &str, me: Option<&str>) -> Option<(String, Timestamp)> {
    let id = ArmId::parse(resource).ok()?;
    let subscription = ArmId::of_subscription(id.subscription()?);
    let now = outside.setup().clock.now();
    // An id cannot hold a quote: it was parsed.
    let filter = format!("eventTimestamp ge '{}' and eventTimestamp le '{now}' and resourceUri eq '{id}'", now - LOOK_BACK);
    let lines = match outside.azure.list(&subscription, Kind::ActivityLog, Some(&filter)).await {
        Ok(lines) => lines,
        Err(error) => {
            outside.setup().events.note(format!("the Activity Log of `{}` cannot be read: {error}", id.name()));
            return None;
        }
    };
    let writes: Vec<(String, Timestamp)> = lines.iter().filter_map(write).collect();
    let others = writes.iter().filter(|(who, _)| me.is_none_or(|me| !who.eq_ignore_ascii_case(me)));
    others.max_by_key(|(_, at)| *at).or_else(|| writes.iter().max_by_key(|(_, at)| *at)).cloned()
}

/// A line of the Activity Log that stands for a change that was made.
fn write(line: &Value) -> Option<(String, Timestamp)> {
    let operation = line["operationName"]["value"].as_str()?.to_ascii_lowercase();
    let failed = line["status"]["value"].as_str().is_some_and(|status| status.eq_ignore_ascii_case("Failed"));
    let changes = operation.ends_with("/write") || operation.ends_with("/delete") || operation.ends_with("/action");
    let who = line["caller"].as_str().filter(|who| !who.is_empty())?;
    (changes && !failed).then_some((who.to_owned(), line["eventTimestamp"].as_str()?.parse().ok()?))
}

async fn remember(
    outside: &Outside,
    depth: Depth,
    items: &[DriftItem],
    complete: bool,
) -> Result<BTreeMap<String, Episode>, journal::Error> {
    let seen: Vec<Seen> =
        items.iter().filter(|item| item.counts()).map(|item| Seen { key: item.key(), by: item.by.clone() }).collect();
    let now = outside.setup().clock.now();
    outside.journal.drift_seen(&outside.run, word(depth), &seen, complete, (now - WEEK, now)).await
}

/// All that was drifted is as the file says now.
pub(super) async fn mended(outside: &Outside) -> Result<(), journal::Error> {
    let now = outside.setup().clock.now();
    outside.journal.drift_seen(&outside.run, word(Depth::Deep), &[], true, (now - WEEK, now)).await.map(drop)
}

const fn word(depth: Depth) -> &'static str {
    match depth {
        Depth::Fast => "fast",
        Depth::Deep => "deep",
    }
}

/// Keeps what would be mended under a name that is made of it: another world has another name.
async fn saved(outside: &Outside, depth: Depth, items: &[DriftItem]) -> Result<Option<String>, journal::Error> {
    let mend: Vec<Value> =
        items.iter().filter(|item| item.counts()).map(|item| json!([item.unit, item.field, item.expected, item.found])).collect();
    if mend.is_empty() {
        return Ok(None);
    }
    let content = json!({"stack": outside.setup().directory, "depth": depth, "mend": mend});
    let id = digest::sha256_hex(content.to_string().as_bytes())[..12].to_owned();
    let now = outside.setup().clock.now();
    let kept = json!({"at": now, "depth": depth, "items": items});
    outside.journal.put_output(&outside.run, &plan_name(&id), &kept, now).await?;
    Ok(Some(id))
}

/// What a saved plan would mend, as it was kept: `at`, `depth`, `items` and, if it destroys something, `destroys`.
///
/// # Errors
/// The journal cannot be read.
pub async fn saved_plan(journal: &journal::Journal, id: &str) -> Result<Option<Value>, journal::Error> {
    journal.output(&plan_name(id)).await
}

/// The journal's name of a saved plan.
pub(super) fn plan_name(id: &str) -> String {
    format!("plan:{id}")
}
