//! What is handed off, what it says, and what a forger cannot do with it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::base::ArmObject;
use crate::desired::resolve;
use crate::event::Asker;
use crate::observed::tfplan::TerraformView;
use crate::observed::{Assignment, Principal, Scope};
use crate::plan::draft;
use crate::plan::draft::TERRAFORM;

const SUBSCRIPTION: &str = "00000000-0000-4000-8000-000000000001";
const ME: &str = "00000000-0000-4000-8000-0000000000aa";
const GRAFANA: &str = "00000000-0000-4000-8000-0000000000bb";

/// The quickstart's wish, and the world: empty, or with everything that terraform makes.
fn stage(made: bool) -> (Desired, Observed) {
    let spec = crate::spec::read(include_str!("../../../terraform/examples/quickstart/aksight.yaml"), "aksight.yaml").unwrap();
    let desired = resolve(&spec, SUBSCRIPTION);
    let there = |id: &ArmId, body: Value| {
        if made { Sight::Present(ArmObject { id: id.clone(), body, etag: None }) } else { Sight::Absent }
    };
    let states = if made {
        desired.providers.iter().map(|one| (one.to_lowercase(), "Registered".to_owned())).collect()
    } else {
        BTreeMap::new()
    };
    let observed = Observed {
        at: "2026-01-02T03:04:05Z".parse().unwrap(),
        registrations: Sight::Present(states),
        group: there(&desired.group, json!({})),
        cluster: there(&desired.cluster, json!({"location": "westeurope"})),
        workspace: there(&desired.workspace, json!({"location": "westeurope"})),
        grafana: there(&desired.grafana.id, json!({"identity": {"type": "SystemAssigned", "principalId": GRAFANA}})),
        endpoint: Sight::Absent,
        rule: Sight::Absent,
        associations: Sight::Absent,
        recommendations: Sight::Absent,
        rule_groups: Sight::Absent,
        assignments: BTreeMap::new(),
        me: Sight::Present(Principal { object_id: ME.into(), kind: PrincipalKind::ServicePrincipal, name: Some("ci".into()) }),
        settings: Sight::Absent,
        agents: Sight::Absent,
        terraform: Sight::Present(TerraformView::read(json!({"resource_changes": if made { json!([]) } else { json!([
            {"address": "azurerm_resource_group.this", "mode": "managed", "change": {"actions": ["create"], "before": null, "after": {}}}]) }}))),
    };
    (desired, observed)
}

fn taken(desired: &Desired, observed: &Observed) -> (Vec<Act>, Vec<Later>) {
    acts(&draft(desired, observed).unwrap(), desired, observed, |_| true)
}

/// What an application hands off when all resources are there.
pub(crate) fn sample() -> Handoff {
    let (desired, observed) = stage(true);
    let (acts, later) = taken(&desired, &observed);
    Handoff {
        stack: "quickstart".into(),
        made_at: observed.at,
        made_by: "ada@here".into(),
        made_with: "0".into(),
        tenant: "00000000-0000-4000-8000-0000000000ee".into(),
        cloud: "public".into(),
        arm: "https://management.azure.com".into(),
        subscription: SUBSCRIPTION.into(),
        rehearsal: false,
        asked_by: Asker { object_id: ME.into(), kind: PrincipalKind::ServicePrincipal, name: Some("ci".into()) },
        acts,
        later,
    }
}

#[test]
fn first_the_registrations_and_once_there_are_ids_all_the_roles() {
    let (desired, observed) = stage(false);
    let (now, later) = taken(&desired, &observed);
    assert_eq!((now.len(), later.len()), (desired.providers.len(), desired.roles.len()));
    assert!(now.iter().all(|act| act.waiting.contains(&UnitId::new(TERRAFORM))), "{now:?}");
    let why: Vec<&str> = later.iter().map(|later| later.why.as_str()).collect();
    let grafana = "`amg-quickstart` does not exist yet";
    let workspace = "`amw-quickstart` does not exist yet";
    assert_eq!(why, [workspace, "the identity of Grafana `amg-quickstart` does not exist yet", grafana, workspace]);

    let (desired, mut observed) = stage(true);
    let (now, later) = taken(&desired, &observed);
    assert_eq!((now.len(), later), (desired.roles.len(), Vec::new()));
    // What somebody assigned already, under whatever name, is handed off no more.
    let theirs = Assignment {
        id: desired.subscription.resource("Microsoft.Authorization/roleAssignments", "theirs"),
        scope: Scope::Within(desired.subscription.clone()),
        principal: GRAFANA.to_uppercase(),
        role: Role::MonitoringReader.guid().into(),
    };
    observed.assignments.insert(desired.subscription.clone(), Sight::Present(vec![theirs]));
    assert_eq!(taken(&desired, &observed).0.len(), desired.roles.len() - 1);
    // A principal that may assign roles has nothing to hand off.
    let plan = draft(&desired, &observed).unwrap();
    assert_eq!(acts(&plan, &desired, &observed, |right| right.action.ends_with("/register/action")), (Vec::new(), Vec::new()));
}

/// A Grafana that terraform is about to replace gets another identity.
#[test]
fn what_is_about_to_be_replaced_is_not_handed_off() {
    let (desired, mut observed) = stage(true);
    let change = json!({"address": "azurerm_dashboard_grafana.this", "mode": "managed",
        "change": {"actions": ["delete", "create"], "before": {}, "after": {}}});
    observed.terraform = Sight::Present(TerraformView::read(json!({"resource_changes": [change]})));
    let (now, later) = taken(&desired, &observed);
    let units = |ids: Vec<&UnitId>| ids.into_iter().map(|id| id.as_str().to_owned()).collect::<Vec<_>>();
    assert_eq!(units(now.iter().map(|act| &act.unit).collect()), ["role:me-reads-workspace"]);
    assert_eq!(later.len(), 3);
}

#[test]
fn an_act_says_all_there_is_to_say() {
    let handoff = sample();
    assert_eq!(contradictions(&handoff), Vec::<String>::new());
    insta::assert_json_snapshot!(handoff.acts[0]);
    let (desired, observed) = stage(false);
    insta::assert_json_snapshot!(taken(&desired, &observed).0[0]);
}

/// Each value of an act, altered by itself, contradicts the rest or is one that a reader sees.
#[test]
fn nothing_in_an_act_can_be_altered_by_itself() {
    let whole = json!(sample());
    let free = ["title", "why", "waiting", "unit"];
    let paths = leaves(&whole["acts"][0], String::new());
    assert!(paths.len() > 12, "{paths:?}");
    for path in paths.iter().filter(|path| !free.iter().any(|name| path.starts_with(&format!("/{name}")))) {
        let mut other = whole.clone();
        let value = other["acts"][0].pointer_mut(path).unwrap();
        *value = match value.as_str().unwrap() {
            "monitoring-data-reader" => json!("grafana-admin"),
            "ServicePrincipal" => json!("User"),
            "grafana-identity" => json!("asker"),
            text => json!(format!("{text}0")),
        };
        let Ok(read) = serde_json::from_value::<Handoff>(other) else { continue };
        // Who Grafana is, is looked up when the act is carried out.
        let found = contradictions(&read);
        assert!(!found.is_empty() || path == "/do/principal/of", "{path}");
    }
}

fn leaves(value: &Value, path: String) -> Vec<String> {
    match value {
        Value::Object(map) => map.iter().flat_map(|(key, value)| leaves(value, format!("{path}/{key}"))).collect(),
        Value::String(_) => vec![path],
        _ => Vec::new(),
    }
}

#[test]
fn who_writes_a_handoff_of_his_own_gains_little() {
    let forged = |change: &dyn Fn(&mut Handoff)| {
        let mut handoff = sample();
        change(&mut handoff);
        contradictions(&handoff)
    };
    // A role of aksight's for somebody who does not ask.
    let said = forged(&|handoff| {
        let scope = ArmId::of_subscription(SUBSCRIPTION);
        let doing = assign(&scope, Role::GrafanaAdmin, (GRAFANA.into(), PrincipalKind::User), Holder::Asker);
        handoff.acts[0] = act(UnitId::new("role:x"), "x".into(), "y".into(), Vec::new(), doing);
    });
    assert_eq!(said, ["act `role:x`: its parts say different things"]);
    let twice = forged(&|handoff| handoff.acts.push(handoff.acts[0].clone()));
    assert_eq!(twice.len(), 1);
    // Words that would paint over others.
    let painted = forged(&|handoff| handoff.acts[0].why = "fine\u{1b}[2K".into());
    assert_eq!(painted, ["a text holds characters that cannot be shown"]);
    assert_eq!(forged(&|handoff| handoff.stack = "a\u{202e}b".into()).len(), 1);
    let elsewhere = forged(&|handoff| {
        let doing = Doing::RegisterProvider { namespace: "Microsoft.X; rm".into(), scope: ArmId::of_subscription(SUBSCRIPTION) };
        handoff.acts[0] = act(UnitId::new("provider:x"), "x".into(), "y".into(), Vec::new(), doing);
    });
    assert_eq!(elsewhere.len(), 1);
}

#[test]
fn words_are_quoted_for_a_shell() {
    assert_eq!(
        words_of(&["az", "a b", "", "it's", "$(x)", "/a/B-1_2.c:d=e,@f"]),
        r"az 'a b' '' 'it'\''s' '$(x)' /a/B-1_2.c:d=e,@f"
    );
}

#[test]
fn its_plan_does_what_is_left_and_nothing_else() {
    let handoff = sample();
    let there = BTreeMap::from([(handoff.acts[0].unit.clone(), "assigned as `x`".to_owned())]);
    let plan = plan(&handoff, &there, handoff.made_at);
    let work: Vec<bool> = plan.units.iter().map(|unit| unit.step.is_some()).collect();
    assert_eq!(work, [false, true, true, true]);
    assert!(plan.units.iter().filter_map(|unit| unit.step.as_ref()).all(|step| matches!(step, Step::AssignRole { .. })));
    assert!(plan.checked(Vec::new()).approve(&[]).is_ok());
}
