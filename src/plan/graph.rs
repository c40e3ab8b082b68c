//! The order of a plan: a directed acyclic graph of units.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::algo::toposort;
use petgraph::graph::{DiGraph, NodeIndex};

use super::Unit;
use crate::event::UnitId;

/// A plan whose edges bite their own tail; a mistake in this program, found before anything runs.
#[derive(Debug, thiserror::Error)]
#[error("the plan's order has a cycle through `{0}`")]
pub struct Cycle(pub UnitId);

/// What is ready, what is done, what must not run any more.
#[derive(Debug)]
pub struct Order {
    waiting: BTreeMap<UnitId, BTreeSet<UnitId>>,
}

impl Order {
    /// The order of the units that have a step. Edges to units without one are satisfied from the start.
    ///
    /// # Errors
    /// [`Cycle`] when the edges contradict each other.
    pub fn of(units: &[Unit]) -> Result<Self, Cycle> {
        sort(units)?;
        let with_step: BTreeSet<&UnitId> = units.iter().filter(|unit| unit.step.is_some()).map(|unit| &unit.id).collect();
        let waiting =
            units.iter().filter(|unit| unit.step.is_some()).map(|unit| (unit.id.clone(), needs(unit, units, &with_step)));
        Ok(Self { waiting: waiting.collect() })
    }

    /// Takes every unit out that waits for nothing, in id order.
    pub fn take_ready(&mut self) -> Vec<UnitId> {
        let ready: Vec<UnitId> = self.waiting.iter().filter(|(_, needs)| needs.is_empty()).map(|(id, _)| id.clone()).collect();
        for id in &ready {
            self.waiting.remove(id);
        }
        ready
    }

    /// A unit ended well: whoever waited for it waits no more.
    pub fn done(&mut self, unit: &UnitId) {
        self.waiting.values_mut().for_each(|needs| {
            needs.remove(unit);
        });
    }

    /// A unit failed: takes out and returns everything that needs it, directly or through others.
    pub fn block_after(&mut self, unit: &UnitId) -> Vec<UnitId> {
        let mut lost = vec![unit.clone()];
        let mut at = 0;
        while at < lost.len() {
            let blocked: Vec<UnitId> =
                self.waiting.iter().filter(|(_, needs)| needs.contains(&lost[at])).map(|(id, _)| id.clone()).collect();
            for id in blocked {
                self.waiting.remove(&id);
                lost.push(id);
            }
            at += 1;
        }
        lost.split_off(1)
    }

    /// Takes out and returns everything that has not started.
    pub fn drain(&mut self) -> Vec<UnitId> {
        std::mem::take(&mut self.waiting).into_keys().collect()
    }
}

/// The units with a step that `unit` waits for: directly, or through units without a step.
fn needs(unit: &Unit, units: &[Unit], with_step: &BTreeSet<&UnitId>) -> BTreeSet<UnitId> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&UnitId> = unit.after.iter().map(|edge| &edge.unit).collect();
    while let Some(id) = open.pop() {
        if with_step.contains(id) {
            found.insert(id.clone());
        } else if let Some(passed) = units.iter().find(|other| other.id == *id) {
            open.extend(passed.after.iter().map(|edge| &edge.unit));
        }
    }
    found
}

/// The units in an order that respects every edge, ties as given.
///
/// # Errors
/// [`Cycle`] when there is none.
pub(super) fn sort(units: &[Unit]) -> Result<Vec<Unit>, Cycle> {
    let mut graph: DiGraph<usize, ()> = DiGraph::new();
    // petgraph sorts later nodes first among equals, so they go in backwards to come out as given.
    let nodes: BTreeMap<&UnitId, NodeIndex> =
        units.iter().enumerate().rev().map(|(index, unit)| (&unit.id, graph.add_node(index))).collect();
    for unit in units {
        for edge in &unit.after {
            if let (Some(from), Some(to)) = (nodes.get(&edge.unit), nodes.get(&unit.id)) {
                graph.add_edge(*from, *to, ());
            }
        }
    }
    let sorted = toposort(&graph, None).map_err(|cycle| Cycle(units[graph[cycle.node_id()]].id.clone()))?;
    Ok(sorted.into_iter().map(|node| units[graph[node]].clone()).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::ArmId;
    use crate::event::{Action, Owner};
    use crate::plan::Step;

    fn unit(id: &str, after: &[&str], step: bool) -> Unit {
        let mut unit = Unit::unchanged(id, id, Owner::Rest, "");
        if step {
            unit.action = Action::Create;
            unit.step = Some(Step::AwaitPickup { cluster: ArmId::of_subscription("s") });
        }
        after.iter().fold(unit, |unit, other| unit.after(other, "test"))
    }

    fn names(ids: &[UnitId]) -> Vec<&str> {
        ids.iter().map(UnitId::as_str).collect()
    }

    #[test]
    fn an_unchanged_unit_passes_its_needs_on() {
        let units = [unit("a", &[], true), unit("b", &["a"], false), unit("c", &["b"], true)];
        let mut order = Order::of(&units).unwrap();
        assert_eq!(names(&order.take_ready()), ["a"]);
        assert!(order.take_ready().is_empty());
        order.done(&UnitId::new("a"));
        assert_eq!(names(&order.take_ready()), ["c"]);
    }

    #[test]
    fn a_failure_blocks_what_needs_it_and_nothing_else() {
        let units = [unit("a", &[], true), unit("b", &["a"], true), unit("c", &["b"], true), unit("d", &[], true)];
        let mut order = Order::of(&units).unwrap();
        assert_eq!(names(&order.take_ready()), ["a", "d"]);
        assert_eq!(names(&order.block_after(&UnitId::new("a"))), ["b", "c"]);
        assert!(order.drain().is_empty());
    }

    #[test]
    fn a_cycle_is_found_before_anything_runs() {
        assert!(Order::of(&[unit("a", &["b"], true), unit("b", &["a"], true)]).is_err());
    }

    proptest! {
        #[test]
        fn every_unit_runs_once_and_after_what_it_needs(edges in prop::collection::vec((0usize..8, 0usize..8), 0..20)) {
            let names: Vec<String> = (0..8).map(|n| format!("u{n}")).collect();
            let units: Vec<Unit> = (0..8)
                .map(|n| {
                    let after: Vec<&str> = edges.iter().filter(|(a, b)| *b == n && a < b).map(|(a, _)| names[*a].as_str()).collect();
                    unit(&names[n], &after, n % 3 != 0)
                })
                .collect();
            let mut order = Order::of(&units).unwrap();
            let mut ran: Vec<UnitId> = Vec::new();
            loop {
                let ready = order.take_ready();
                if ready.is_empty() { break; }
                for id in ready {
                    let unit = units.iter().find(|u| u.id == id).unwrap();
                    for edge in &unit.after {
                        let needs_step = units.iter().any(|u| u.id == edge.unit && u.step.is_some());
                        prop_assert!(!needs_step || ran.contains(&edge.unit));
                    }
                    order.done(&id);
                    ran.push(id);
                }
            }
            prop_assert_eq!(ran.len(), units.iter().filter(|u| u.step.is_some()).count());
        }
    }
}
