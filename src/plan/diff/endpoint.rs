//! The data collection endpoint (contract §3.4).

use crate::base::ArmObject;
use crate::desired::EndpointWish;
use crate::event::{Action, Owner};
use crate::observed::Sight;
use crate::plan::draft::{self, DCE};
use crate::plan::{Step, Unit};

/// The endpoint's unit. `in_use` is the endpoint of somebody else's rule that already does the work, so that none of ours is needed.
pub fn unit(wish: &EndpointWish, seen: &Sight<ArmObject>, in_use: Option<&str>) -> Unit {
    let title = "data collection endpoint";
    if let Some(name) = in_use {
        return Unit::unchanged(DCE, title, Owner::Rest, format!("the rule in use receives through `{name}`"));
    }
    let unit = match seen.seen() {
        Some(endpoint) if matches(endpoint) => {
            Unit::unchanged(DCE, title, Owner::Rest, format!("`{}` exists and has an ingestion address", wish.id.name()))
        }
        found => {
            let why = if found.is_some() { "it has no ingestion address" } else { "it does not exist" };
            let action = if found.is_some() { Action::Update } else { Action::Create };
            Unit::needing(
                DCE,
                title,
                Owner::Rest,
                action,
                format!("`{}`: {why}", wish.id.name()),
                Step::PutEndpoint(wish.clone()),
            )
        }
    };
    unit.touching(&wish.id).after(draft::TERRAFORM, "terraform creates the resource group and the workspace")
}

/// Whether an endpoint can take metrics. Its region cannot change, so a foreign one under our name is used as it is.
#[must_use]
pub fn matches(endpoint: &ArmObject) -> bool {
    endpoint.text("/properties/metricsIngestion/endpoint").is_some_and(|address| !address.is_empty())
}
