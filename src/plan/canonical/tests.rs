//! What counts as the same plan, what is told when it is not, and what a later round may finish.

use std::marker::PhantomData;

use proptest::prelude::*;

use super::*;
use crate::base::ArmId;
use crate::event::{Change, Owner};
use crate::plan::{Draft, Step};

fn unit(id: &str, action: Action, field: &str) -> Unit {
    let step = Step::AwaitPickup { cluster: ArmId::of_subscription("s") };
    Unit::needing(id, id, Owner::Rest, action, "why", step).with_changes(vec![Change::new(field, Some("a"), Some("b"))])
}

fn plan(units: Vec<Unit>) -> Plan<Draft> {
    Plan {
        stack: "s".into(),
        seen_at: "2026-01-01T00:00:00Z".parse().unwrap(),
        units,
        blind_spots: Vec::new(),
        findings: Vec::new(),
        stage: PhantomData,
    }
}

fn short(units: Vec<Unit>) -> BTreeMap<String, Value> {
    canonical(&plan(units), None)
}

fn any_units() -> impl Strategy<Value = Vec<Unit>> {
    let action = prop::sample::select(vec![Action::Unchanged, Action::Wait, Action::Create, Action::Update, Action::Delete]);
    let one = (action, "[a-z]{1,4}", any::<bool>());
    prop::collection::vec(one, 1..6).prop_map(|all| {
        let units = all.into_iter().enumerate().map(|(number, (action, field, chained))| {
            let unit = unit(&format!("u{number}"), action, &field);
            if chained && number > 0 { unit.after(&format!("u{}", number - 1), "test") } else { unit }
        });
        units.collect()
    })
}

proptest! {
    /// Evidence, titles, times and the order of listing are no part of it; everything else is.
    #[test]
    fn what_is_shown_beside_a_plan_does_not_count(units in any_units(), other in "[a-z]{0,8}") {
        let before = short(units.clone());
        let mut shown: Vec<Unit> = units.clone();
        shown.reverse();
        for unit in &mut shown {
            unit.reason.clone_from(&other);
            unit.title.clone_from(&other);
        }
        prop_assert_eq!(moved(&before, &short(shown)), Vec::<String>::new());
        // What was stored as text is the same when it is read.
        let read: BTreeMap<String, Value> = serde_json::from_str(&json!(before).to_string()).unwrap();
        prop_assert_eq!(json!(read).to_string(), json!(before).to_string());
    }

    #[test]
    fn what_differs_is_named(units in any_units(), which in any::<prop::sample::Index>(), how in 0..6usize) {
        let before = short(units.clone());
        let mut changed = units;
        let at = which.index(changed.len());
        let id = changed[at].id.to_string();
        match how {
            0 => changed[at].action = if changed[at].action == Action::Replace { Action::Create } else { Action::Replace },
            1 => changed[at].changes[0].after = Some("c".into()),
            2 => changed[at].step = None,
            3 => changed[at].touches = Some(ArmId::of_subscription("t")),
            4 => changed[at] = changed[at].clone().after("elsewhere", "test"),
            _ => drop(changed.remove(at)),
        }
        let told = moved(&before, &short(changed));
        prop_assert_eq!(told.len(), 1, "{:?}", told);
        prop_assert!(told[0].starts_with(&format!("`{id}`: ")) && told[0].contains("expected"), "{:?}", told);
    }
}

#[test]
fn a_difference_says_what_was_expected_and_what_is() {
    let before = short(vec![Unit::unchanged("dcr", "rule", Owner::Rest, "")]);
    let told = moved(&before, &short(vec![unit("dcr", Action::Update, "endpoint")]));
    insta::assert_snapshot!(told.join("\n"), @"`dcr`: expected unchanged, now update (endpoint a → b)");
    let told = moved(&short(vec![unit("dcr", Action::Update, "x")]), &short(vec![unit("dcr", Action::Update, "y")]));
    insta::assert_snapshot!(told.join("\n"), @"`dcr`: changes[0].field: expected `x`, now `y`");
}

/// Values of what terraform would create and ids of what it would change have no line; they count all the same.
#[test]
fn the_values_of_a_creation_count() {
    let view = |name: &str| {
        TerraformView::read(json!({"resource_changes": [{"address": "a.b", "mode": "managed",
            "change": {"actions": ["create"], "before": null, "after": {"name": name}, "after_unknown": {"id": true}}}]}))
    };
    let mut one = unit("terraform:a.b", Action::Create, "x");
    one.changes.clear();
    let plan = plan(vec![one]);
    assert!(moved(&canonical(&plan, Some(&view("n"))), &canonical(&plan, Some(&view("n")))).is_empty());
    assert_eq!(moved(&canonical(&plan, Some(&view("n"))), &canonical(&plan, Some(&view("m")))).len(), 1);
    let changes = |id: &str| {
        TerraformView::read(json!({"resource_changes": [{"address": "a.b", "mode": "managed",
            "change": {"actions": ["update"], "before": {"id": id, "x": 1}, "after": {"id": id, "x": 2}}}]}))
    };
    assert_eq!(moved(&canonical(&plan, Some(&changes("/ours"))), &canonical(&plan, Some(&changes("/theirs")))).len(), 1);
}

#[test]
fn finishing_is_covered_and_anything_else_is_beyond() {
    let reviewed = short(vec![
        unit("made", Action::Create, "x"),
        unit("changed", Action::Update, "x"),
        Unit::unchanged("as-wished", "", Owner::Rest, ""),
    ]);
    let rest = |units| beyond(&reviewed, &short(units));
    assert!(rest(vec![unit("made", Action::Create, "x"), unit("changed", Action::Update, "x")]).is_empty());
    assert!(rest(vec![unit("made", Action::Update, "y"), unit("changed", Action::Wait, "y")]).is_empty());
    assert!(rest(vec![Unit::unchanged("new", "", Owner::Rest, "")]).is_empty());
    for other in [
        unit("made", Action::Delete, "x"),
        Unit { step: Some(Step::DisableMetrics { cluster: ArmId::of_subscription("s") }), ..unit("made", Action::Create, "x") },
        unit("made", Action::Create, "x").touching(&ArmId::of_subscription("t")),
        unit("changed", Action::Update, "y"),
        unit("changed", Action::Replace, "x"),
        unit("as-wished", Action::Update, "x"),
        unit("new", Action::Create, "x"),
    ] {
        assert_eq!(rest(vec![other.clone()]).len(), 1, "{other:?}");
    }
}

/// Only privileged acts may have been done by somebody else in the meantime.
#[test]
fn an_act_that_somebody_did_is_settled_and_nothing_else_is() {
    let act = |action| {
        let step = Step::RegisterProvider { namespace: "Microsoft.Monitor".into() };
        Unit { step: (action != Action::Unchanged).then_some(step), ..unit("provider:x", action, "f") }
    };
    let reviewed = short(vec![act(Action::Create), unit("dcr", Action::Create, "f")]);
    let now = short(vec![act(Action::Unchanged), unit("dcr", Action::Create, "f")]);
    assert!(!moved(&reviewed, &now).is_empty());
    assert_eq!(settled(&reviewed, &now), now);
    let further = short(vec![act(Action::Unchanged), unit("dcr", Action::Unchanged, "f")]);
    assert_eq!(moved(&settled(&reviewed, &further), &further).len(), 1);
    // What is still to be done is compared as ever.
    assert_eq!(settled(&reviewed, &reviewed), reviewed);
}
