//! The recommended recording rules (contract §3.7, C7, C8).

use crate::azure::Write;
use crate::base::{ArmId, ArmObject, Kind};
use crate::desired::RecordingRulesWish;
use crate::event::UnitId;
use crate::execute::engine::Outcome;
use crate::execute::retry::patiently;
use crate::execute::{Error, Hands};
use crate::observed::RuleTemplate;
use crate::plan::diff::rule_groups::{GroupWrite, writes};

pub(super) async fn put(unit: &UnitId, wish: &RecordingRulesWish, hands: &Hands) -> Result<Outcome, Error> {
    let workspace = hands.need(&wish.workspace, Kind::MonitorWorkspace).await?;
    let region = workspace.location().ok_or_else(|| Error::Gone { resource: wish.workspace.clone() })?;
    let templates = patiently(hands, unit, false, || recommended(&wish.workspace, hands)).await?;
    if templates.is_empty() {
        return Ok(Outcome::proven("the workspace recommends no recording rules"));
    }
    for write in writes(wish, &region, &templates, &existing(wish, hands).await?) {
        hands.events.progress(unit, format!("writing `{}`", write.id.name()));
        patiently(hands, unit, false, || put_group(unit, &write, hands)).await?;
    }
    match writes(wish, &region, &templates, &existing(wish, hands).await?).first() {
        None => Ok(Outcome::proven(format!("all {} recommended groups are there with their rules", templates.len()))),
        Some(left) => Err(Error::NotReadBack { what: left.id.name().to_owned(), shows: "other rules".into() }),
    }
}

async fn put_group(unit: &UnitId, write: &GroupWrite, hands: &Hands) -> Result<(), Error> {
    hands.write(unit, Write::put(write.id.clone(), Kind::PrometheusRuleGroup, write.body.clone())).await
}

async fn recommended(workspace: &ArmId, hands: &Hands) -> Result<Vec<RuleTemplate>, Error> {
    let entries = hands.azure.list(workspace, Kind::AlertRuleRecommendations, None).await?;
    Ok(entries.iter().filter_map(RuleTemplate::read).collect())
}

async fn existing(wish: &RecordingRulesWish, hands: &Hands) -> Result<Vec<ArmObject>, Error> {
    let entries = hands.azure.list(&wish.group, Kind::PrometheusRuleGroup, None).await?;
    let object = |body: serde_json::Value| Some(ArmObject { id: ArmId::parse(body["id"].as_str()?).ok()?, body, etag: None });
    Ok(entries.into_iter().filter_map(object).collect())
}
