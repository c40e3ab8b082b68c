//! What one workspace holds: the series of every cluster that reaches it, and what recording rules add.

use std::collections::BTreeSet;

use promql_parser::parser::{Expr, VectorSelector};
use promql_parser::util::{ExprVisitor, walk_expr};

use crate::sim::effects::cluster::Cluster;
use crate::sim::effects::rules::{Rule, RuleBook};
use crate::sim::effects::series::{Origin, Series};
use crate::sim::planes::{Planes, View};

/// How deep recording rules may build on each other before they are taken for a circle.
const DEPTH: usize = 4;

/// One workspace's view of the world.
pub struct Workspace<'a> {
    planes: &'a Planes,
    view: &'a View<'a>,
    id: &'a str,
    clusters: Vec<(Cluster, &'a str)>,
}

impl<'a> Workspace<'a> {
    /// The workspace of this lower-case id.
    pub fn new(planes: &'a Planes, view: &'a View<'a>, id: &'a str) -> Self {
        let clusters = planes
            .clusters()
            .filter(|(_, plane)| plane.life.concerns(id))
            .filter_map(|(cluster, _)| Some((Cluster::read(view.resources.get(cluster)?)?, cluster)))
            .collect();
        Self { planes, view, id, clusters }
    }

    fn origins(&self) -> impl Iterator<Item = Origin<'_>> {
        self.clusters.iter().filter_map(|(cluster, id)| {
            let life = &self.planes.cluster(id)?.life;
            Some(Origin { cluster, life, delays: self.view.delays, now: self.view.now })
        })
    }

    /// All series of a metric.
    pub fn series(&self, name: &str) -> Vec<Series> {
        self.series_at(name, DEPTH)
    }

    fn series_at(&self, name: &str, depth: usize) -> Vec<Series> {
        let mut found: Vec<Series> = self.origins().flat_map(|origin| origin.series(name, self.id)).collect();
        let rules = self.planes.rules(self.id).map(RuleBook::rules).unwrap_or_default();
        for (rule, first) in
            rules.iter().filter(|(rule, first)| rule.record.eq_ignore_ascii_case(name) && *first <= self.view.now)
        {
            found.extend(self.recorded(rule, depth).into_iter().filter_map(|source| source.recorded(&rule.record, *first)));
        }
        let mut seen = BTreeSet::new();
        found.retain(|series| seen.insert((series.name.clone(), series.labels.clone())) || series.name != name);
        found
    }

    /// The series a rule is built on: those of the first metric in its expression, limited to the rule's cluster.
    fn recorded(&self, rule: &Rule, depth: usize) -> Vec<Series> {
        let Some(source) = metrics(&rule.expression).into_iter().next().filter(|_| depth > 0) else { return Vec::new() };
        let mut found = self.series_at(&source, depth - 1);
        found.retain(|series| rule.cluster.as_ref().is_none_or(|cluster| series.labels.get("cluster") == Some(cluster)));
        found
    }

    /// The names of all metrics with samples.
    pub fn names(&self) -> BTreeSet<String> {
        let mut names: BTreeSet<String> = self.origins().flat_map(|origin| origin.names(self.id)).map(str::to_owned).collect();
        let rules = self.planes.rules(self.id).map(RuleBook::rules).unwrap_or_default();
        names.extend(rules.iter().map(|(rule, _)| &rule.record).filter(|name| !self.series(name).is_empty()).cloned());
        names
    }
}

/// The metric names of an expression, in order; none when it is not PromQL.
pub fn metrics(expression: &str) -> Vec<String> {
    struct Names(Vec<String>);
    impl Names {
        fn take(&mut self, selector: &VectorSelector) {
            self.0.extend(super::select::metric_name(selector).ok());
        }
    }
    impl ExprVisitor for Names {
        type Error = std::convert::Infallible;
        fn pre_visit(&mut self, expression: &Expr) -> Result<bool, Self::Error> {
            match expression {
                Expr::VectorSelector(selector) => self.take(selector),
                Expr::MatrixSelector(matrix) => self.take(&matrix.vs),
                _ => {}
            }
            Ok(true)
        }
    }
    let mut names = Names(Vec::new());
    if let Ok(parsed) = super::eval::parse(expression) {
        let Ok(_) = walk_expr(&mut names, &parsed);
    }
    names.0
}
