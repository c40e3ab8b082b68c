//! The data collection chain: endpoint, rule, association (contract §3.4-§3.6, C4-C6).

use serde_json::Value;

use crate::azure::Write;
use crate::base::{ArmId, Kind};
use crate::desired::{AssociationWish, EndpointWish, RuleWish};
use crate::event::UnitId;
use crate::execute::engine::Outcome;
use crate::execute::retry::patiently;
use crate::execute::{Error, Hands};
use crate::plan::diff::{endpoint, rule};

pub(super) async fn put_endpoint(unit: &UnitId, wish: &EndpointWish, hands: &Hands) -> Result<Outcome, Error> {
    let kind = Kind::DataCollectionEndpoint;
    patiently(hands, unit, false, || async {
        if hands.azure.get(&wish.id, kind).await?.is_some_and(|seen| endpoint::matches(&seen)) {
            return Ok(());
        }
        hands.write(unit, put(&wish.id, kind, wish.body())).await?;
        let seen = hands.need(&wish.id, kind).await?;
        endpoint::matches(&seen).then_some(()).ok_or_else(|| not_read_back(&wish.id, "no ingestion address"))
    })
    .await?;
    Ok(Outcome::proven(format!("`{}` exists and has an ingestion address", wish.id.name())))
}

pub(super) async fn put_rule(unit: &UnitId, wish: &RuleWish, hands: &Hands) -> Result<Outcome, Error> {
    let kind = Kind::DataCollectionRule;
    patiently(hands, unit, false, || async {
        if hands.azure.get(&wish.id, kind).await?.is_some_and(|seen| rule::differences(wish, &seen).is_empty()) {
            return Ok(());
        }
        hands.write(unit, put(&wish.id, kind, wish.body())).await?;
        let seen = hands.need(&wish.id, kind).await?;
        match rule::differences(wish, &seen).first() {
            None => Ok(()),
            Some(change) => Err(not_read_back(&wish.id, &format!("another `{}`", change.field))),
        }
    })
    .await?;
    Ok(Outcome::proven(format!("`{}` sends the Prometheus stream to `{}`", wish.id.name(), wish.workspace.name())))
}

pub(super) async fn put_association(unit: &UnitId, wish: &AssociationWish, hands: &Hands) -> Result<Outcome, Error> {
    let kind = Kind::DataCollectionRuleAssociation;
    let points = |body: &Value| {
        body["properties"]["dataCollectionRuleId"].as_str().is_some_and(|id| wish.rule.as_str().eq_ignore_ascii_case(id))
    };
    patiently(hands, unit, false, || async {
        match hands.azure.get(&wish.id, kind).await? {
            Some(seen) if points(&seen.body) => return Ok(()),
            // The az CLI's name is taken by an association that leads elsewhere: somebody's second destination, not ours to take.
            Some(_) => {
                return Err(Error::Moved(format!(
                    "`{}` exists and leads to another workspace; remove it or adopt that workspace",
                    wish.id
                )));
            }
            None => hands.write(unit, put(&wish.id, kind, wish.body())).await?,
        }
        let seen = hands.need(&wish.id, kind).await?;
        points(&seen.body).then_some(()).ok_or_else(|| not_read_back(&wish.id, "another rule"))
    })
    .await?;
    Ok(Outcome::proven(format!("`{}` leads to workspace `{}`", wish.id.name(), wish.workspace.name())))
}

fn put(id: &ArmId, kind: Kind, body: Value) -> Write {
    Write::put(id.clone(), kind, body)
}

fn not_read_back(id: &ArmId, shows: &str) -> Error {
    Error::NotReadBack { what: id.name().to_owned(), shows: shows.to_owned() }
}
