//! `doctor`: whether a run could succeed, found out by reading alone. It takes no lock, keeps no journal and starts no terraform but to
//! ask for its version.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use serde_json::Value;

use super::setup::{Setup, engine};
use super::{judge, problem};
use crate::azure::{self, Azure};
use crate::base::ArmId;
use crate::desired::{Desired, resolve};
use crate::diag::Diagnostic;
use crate::event::{DoctorReport, Point, Topic};
use crate::kube::{Door, Error as KubeError};
use crate::observe::{self, Known};
use crate::observed::Sight;
use crate::plan::{draft, preflight};
use crate::spec::Spec;
use crate::spec::file::BackendType;
use crate::terraform;

/// Examines a stack. Nothing here is an error: whatever cannot be found out is a point of the report.
pub async fn doctor(spec: &Spec, setup: &Setup) -> DoctorReport {
    let began = Instant::now();
    let desired = resolve(spec, &setup.subscription);
    let (tools, azure) = tokio::join!(tools(spec, setup), Box::pin(azure(spec, setup, &desired)));
    let points = tools.into_iter().chain(azure).collect();
    DoctorReport::new(&spec.stack.metadata.name, setup.rehearsal, points, began.elapsed())
}

/// A diagnostic as a point: its first hint is what to do.
fn broken(topic: Topic, subject: &str, told: &Diagnostic) -> Point {
    let causes = told.causes.iter().map(|cause| format!(": {cause}"));
    let point = Point::missing(topic, subject, told.summary.clone() + &causes.collect::<String>());
    match told.hints.first() {
        Some(hint) => point.remedy(hint.clone()),
        None => point,
    }
}

async fn tools(spec: &Spec, setup: &Setup) -> Vec<Point> {
    let engine = engine(spec);
    let found = terraform::find(engine, None, setup.search_path.as_deref(), &setup.cache, &setup.environment).await;
    let terraform = match found {
        Ok(binary) => Point::ok(
            Topic::Tools,
            engine.program(),
            format!("{} {} at {}", engine.program(), binary.version, binary.path.display()),
        ),
        Err(error) => broken(Topic::Tools, engine.program(), &problem::of_terraform(&error)),
    };
    let file = Point::ok(Topic::Tools, "file", format!("stack `{}` is valid", spec.stack.metadata.name));
    let warnings = spec.warnings.iter().map(|told| {
        let point = Point::warning(Topic::Tools, "file", told.summary.clone());
        told.hints.first().map_or(point.clone(), |hint| point.remedy(hint.clone()))
    });
    let policies = match judge::policies(spec, &setup.base) {
        Ok(_) => vec![Point::ok(Topic::Tools, "policies", "every rule can be evaluated")],
        Err(stop) => stop.problems.iter().map(|told| broken(Topic::Tools, "policies", told)).collect(),
    };
    [terraform, file].into_iter().chain(warnings).chain(policies).collect()
}

async fn azure(spec: &Spec, setup: &Setup, desired: &Desired) -> Vec<Point> {
    let method = setup.credential.method();
    let settings = azure::Settings::new(setup.cloud.clone(), setup.credential.clone(), setup.http.clone(), setup.clock.clone());
    let signed_in = async {
        let azure = Azure::connect(settings)?;
        let me = azure.who_am_i().await?;
        Ok::<_, azure::Error>((azure, me))
    };
    let (azure, me) = match signed_in.await {
        Ok(signed_in) => signed_in,
        Err(error) => {
            let others = [Topic::Providers, Topic::Rights, Topic::Names, Topic::Region, Topic::Quotas];
            let others = others.map(|topic| Point::unknown(topic, "azure", "nobody is signed in"));
            return std::iter::once(broken(Topic::SignIn, method, &problem::of_azure(&error))).chain(others).collect();
        }
    };
    let who = me.display.as_deref().unwrap_or(&me.object_id);
    let told = format!("by {method} as {who} (object id {}) into {}", me.object_id, desired.subscription);
    let mut points = vec![Point::ok(Topic::SignIn, method, told)];
    let state = state(spec, setup);
    let scopes = preflight::scopes(spec, desired);
    let known = Known::default();
    let door = closed();
    let (observed, seen) = tokio::join!(
        Box::pin(observe::look(desired, &azure, &door, &known, setup.clock.now())),
        observe::preflight(desired, &azure, &scopes, &spec.stack.cluster.node_pool.vm_size, state),
    );
    match draft(desired, &observed) {
        Ok(plan) => {
            let scene = preflight::Scene { spec, desired, observed: &observed, preflight: &seen };
            points.extend(preflight::points(scene, &plan));
        }
        Err(error) => points.push(broken(Topic::Tools, "file", &problem::of_undrawable(&error))),
    }
    points
}

/// The inside of the cluster is left alone: a look into it may be a command, which takes its time and its right.
fn closed() -> Door {
    Door::new(|_| async {
        Err(KubeError::Unreachable { server: "the cluster".to_owned(), source: "doctor does not look into clusters".into() })
    })
}

/// The ids in terraform's state where it is a file of ours.
fn state(spec: &Spec, setup: &Setup) -> Sight<Vec<ArmId>> {
    let local = setup.rehearsal || spec.stack.terraform.backend.kind == BackendType::Local;
    if setup.store.shared().is_some() || !local {
        return Sight::Unknown("terraform's state is kept elsewhere".to_owned());
    }
    let path = setup.directory.join("terraform/terraform.tfstate");
    match read_state(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Sight::Absent,
        Err(error) => Sight::Unknown(format!("`{}`: {error}", path.display())),
        Ok(ids) => Sight::Present(ids.into_iter().collect()),
    }
}

fn read_state(path: &Path) -> std::io::Result<BTreeSet<ArmId>> {
    let state: Value = serde_json::from_slice(&std::fs::read(path)?)?;
    let resources = state["resources"].as_array().into_iter().flatten().filter(|resource| resource["mode"] == "managed");
    let instances = resources.flat_map(|resource| resource["instances"].as_array().into_iter().flatten());
    Ok(instances.filter_map(|instance| ArmId::parse(instance["attributes"]["id"].as_str()?).ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_tells_what_is_ours() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("terraform.tfstate");
        assert_eq!(read_state(&path).unwrap_err().kind(), std::io::ErrorKind::NotFound);
        let group = "/subscriptions/s/resourceGroups/rg";
        let state = serde_json::json!({"version": 4, "resources": [
            {"mode": "managed", "type": "azurerm_resource_group", "instances": [{"attributes": {"id": group}}]},
            {"mode": "data", "type": "azurerm_client_config", "instances": [{"attributes": {"id": "x"}}]}]});
        std::fs::write(&path, state.to_string()).unwrap();
        assert_eq!(read_state(&path).unwrap().into_iter().collect::<Vec<_>>(), [ArmId::parse(group).unwrap()]);
        std::fs::write(&path, "half").unwrap();
        assert!(read_state(&path).is_err());
    }
}
