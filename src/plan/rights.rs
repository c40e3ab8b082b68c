//! Which rights a unit of a plan needs, and which units a principal may not carry out.
//!
//! The one place that maps steps to actions. An action is the resource's type with `write`, `delete` or the name of a POST (Microsoft:
//! "Azure permissions", one page per provider); what is beyond that has its source beside it. Reads are not judged here: what may not
//! be read, the look before has not seen and says so.

use std::collections::BTreeMap;

use super::{Step, Unit};
use crate::base::{ArmId, Kind, Role};
use crate::event::{Action, MissingRight, UnitId};
use crate::observed::{Permission, Sight};
use crate::spec::file::Delivery;

/// An action at a scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Right {
    /// `Microsoft.Monitor/accounts/write`.
    pub action: String,
    /// The resource that it is about, which may not exist yet.
    pub scope: ArmId,
    /// Whether it is an action on a data plane.
    pub data: bool,
    /// The least of Azure's own roles that carries it.
    pub role: &'static str,
}

/// A need: any one of these rights fulfils it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need(pub Vec<Right>);

impl Right {
    fn arm(action: impl Into<String>, scope: &ArmId) -> Self {
        Self { action: action.into(), scope: scope.clone(), data: false, role: "Contributor" }
    }

    /// Writes a resource of a kind.
    fn write(kind: Kind, scope: &ArmId) -> Self {
        Self::arm(format!("{}/write", kind.resource_type()), scope)
    }

    /// As a report tells it.
    #[must_use]
    pub fn missing(&self) -> MissingRight {
        MissingRight { action: self.action.clone(), scope: self.scope.to_string(), role: self.role }
    }
}

impl From<Right> for Need {
    fn from(right: Right) -> Self {
        Self(vec![right])
    }
}

/// Handing out the user's credential of a cluster.
const CREDENTIAL: &str = "Microsoft.ContainerService/managedClusters/listClusterUserCredential/action";
/// Running a command in a cluster (contract §0.4).
const COMMAND: &str = "Microsoft.ContainerService/managedClusters/runcommand/action";
/// Assigning a role.
const ASSIGN: &str = "Microsoft.Authorization/roleAssignments/write";

/// What the unit needs beyond reading; nothing for one that writes nothing. `subscription` is the stack's, `delivery` the file's.
#[must_use]
pub fn needs(unit: &Unit, subscription: &ArmId, delivery: Delivery) -> Vec<Need> {
    match &unit.step {
        Some(step) => of_step(step, unit.action, subscription, delivery),
        None => unit.touches.as_ref().map(|id| of_resource(id, unit.action)).unwrap_or_default(),
    }
}

fn of_step(step: &Step, action: Action, subscription: &ArmId, delivery: Delivery) -> Vec<Need> {
    let written = |kind: Kind, id: &ArmId| vec![Right::write(kind, id).into()];
    match step {
        // One that is being registered is only waited for.
        Step::RegisterProvider { .. } if !action.writes() => Vec::new(),
        Step::RegisterProvider { namespace } => vec![Right::arm(format!("{namespace}/register/action"), subscription).into()],
        // Its resources are units of their own.
        Step::ApplyTerraform => Vec::new(),
        Step::EnsureGrafanaIdentity { grafana }
        | Step::IntegrateWorkspaces { grafana, .. }
        | Step::RemoveIntegration { grafana, .. } => written(Kind::Grafana, grafana),
        Step::PutEndpoint(wish) => written(Kind::DataCollectionEndpoint, &wish.id),
        // ARM looks at what a body refers to, too (contract §3.5: `LinkedAuthorizationFailed`).
        Step::PutRule(wish) => vec![
            Right::write(Kind::DataCollectionRule, &wish.id).into(),
            Need::from(Right { role: "Reader", ..Right::arm("Microsoft.Monitor/accounts/read", &wish.workspace) }),
        ],
        Step::PutAssociation(wish) => written(Kind::DataCollectionRuleAssociation, &wish.id),
        Step::EnableMetrics(wish) => written(Kind::ManagedCluster, &wish.cluster),
        Step::SetPolicyMode { cluster, .. } | Step::DisableMetrics { cluster } => written(Kind::ManagedCluster, cluster),
        Step::PutRecordingRules(wish) => written(Kind::PrometheusRuleGroup, &wish.group),
        Step::AssignRole { scope, .. } => {
            vec![Right { role: "Role Based Access Control Administrator", ..Right::arm(ASSIGN, scope) }.into()]
        }
        Step::MergeSettings { cluster, .. } | Step::AwaitPickup { cluster } => vec![way_in(cluster, delivery)],
        Step::Remove { id } => of_resource(id, Action::Delete),
    }
}

/// The way into a cluster: through the API server, by run-command, or whichever is open.
fn way_in(cluster: &ArmId, delivery: Delivery) -> Need {
    let credential = || Right { role: "Azure Kubernetes Service Cluster User Role", ..Right::arm(CREDENTIAL, cluster) };
    let command = || Right { role: "Azure Kubernetes Service Cluster Admin Role", ..Right::arm(COMMAND, cluster) };
    match delivery {
        Delivery::Auto => Need(vec![credential(), command()]),
        Delivery::Kubernetes => credential().into(),
        Delivery::RunCommand => command().into(),
    }
}

/// A resource that terraform writes or that is removed. azurerm reads a cluster together with its user's credential.
fn of_resource(id: &ArmId, action: Action) -> Vec<Need> {
    let Some(kind) = Kind::of(id) else { return Vec::new() };
    let of_type = match kind {
        Kind::ResourceGroup => "Microsoft.Resources/subscriptions/resourceGroups",
        other => other.resource_type(),
    };
    let verbs: &[&str] = match action {
        Action::Unchanged | Action::Wait => &[],
        Action::Create | Action::Update => &["write"],
        Action::Replace => &["delete", "write"],
        Action::Delete => &["delete"],
    };
    let mut needs: Vec<Need> = verbs.iter().map(|verb| Right::arm(format!("{of_type}/{verb}"), id).into()).collect();
    if kind == Kind::ManagedCluster && action.writes() && action != Action::Delete {
        let role = "Azure Kubernetes Service Cluster User Role";
        needs.push(Right { role, ..Right::arm(CREDENTIAL, id) }.into());
    }
    needs
}

/// The right to put the nodes of a new cluster into an existing subnet (Microsoft: "Azure CNI Overlay", prerequisites; ARM refuses the
/// cluster with `LinkedAuthorizationFailed` without it).
#[must_use]
pub fn joins(subnet: &ArmId) -> Right {
    Right { role: "Network Contributor", ..Right::arm("Microsoft.Network/virtualNetworks/subnets/join/action", subnet) }
}

/// The right to read a workspace's data, which no role of ARM's carries (contract §0.4).
#[must_use]
pub fn reads_data(workspace: &ArmId) -> Right {
    let role = Role::MonitoringDataReader.name();
    let action = "Microsoft.Monitor/accounts/data/metrics/read".to_owned();
    Right { action, scope: workspace.clone(), data: true, role }
}

/// The right to administer what lies inside a Grafana.
#[must_use]
pub fn administers(grafana: &ArmId) -> Right {
    let action = "Microsoft.Dashboard/grafana/ActAsGrafanaAdmin/action".to_owned();
    Right { action, scope: grafana.clone(), data: true, role: Role::GrafanaAdmin.name() }
}

/// What a principal may do, scope by scope, as far as it could be asked.
#[derive(Clone, Copy, Debug)]
pub struct Held<'a>(pub &'a BTreeMap<ArmId, Sight<Vec<Permission>>>);

/// Whether somebody has a right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement<'a> {
    /// Yes.
    Allowed,
    /// No; this is the scope that was asked.
    Denied(&'a ArmId),
    /// Nobody could look, for this reason.
    Unknown(&'a str),
}

impl<'a> Held<'a> {
    /// Judges a right at its scope; for what does not exist yet at the nearest scope above that does.
    #[must_use]
    pub fn judge(self, right: &Right) -> Judgement<'a> {
        let above = self.0.iter().filter(|(scope, sight)| scope.contains(&right.scope) && **sight != Sight::Absent);
        match above.max_by_key(|(scope, _)| scope.as_str().len()) {
            Some((scope, Sight::Present(entries))) => {
                let allows = |entry: &Permission| {
                    if right.data { entry.allows_data(&right.action) } else { entry.allows(&right.action) }
                };
                if entries.iter().any(allows) { Judgement::Allowed } else { Judgement::Denied(scope) }
            }
            Some((_, Sight::Unknown(why))) => Judgement::Unknown(why),
            Some((_, Sight::Absent)) | None => Judgement::Unknown("no scope above it was asked"),
        }
    }

    /// The rights of a need when none of them is there; nothing when one is, or when it cannot be told.
    fn lacks(self, need: &Need) -> Option<Right> {
        let denied = |right: &&Right| matches!(self.judge(right), Judgement::Denied(_));
        need.0.iter().all(|right| denied(&right)).then(|| need.0.first().cloned()).flatten()
    }

    /// Why it cannot be told whether a need is fulfilled.
    fn doubts(self, need: &Need) -> Option<&'a str> {
        let judged: Vec<Judgement<'a>> = need.0.iter().map(|right| self.judge(right)).collect();
        if judged.contains(&Judgement::Allowed) {
            return None;
        }
        judged.iter().find_map(|one| if let Judgement::Unknown(why) = one { Some(*why) } else { None })
    }
}

/// A unit that a principal may not carry out, or of which that cannot be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lack {
    /// The unit.
    pub unit: UnitId,
    /// What a person calls it.
    pub title: String,
    /// The rights that are missing.
    pub rights: Vec<Right>,
    /// Why nothing is known about other rights that it needs.
    pub unknown: Option<String>,
}

/// The units that a principal may not carry out, in the order given.
#[must_use]
pub fn lacking<'u>(
    units: impl IntoIterator<Item = &'u Unit>,
    held: Held<'_>,
    subscription: &ArmId,
    delivery: Delivery,
) -> Vec<Lack> {
    let judged = units.into_iter().map(|unit| {
        let needs = needs(unit, subscription, delivery);
        Lack {
            unit: unit.id.clone(),
            title: unit.title.clone(),
            rights: needs.iter().filter_map(|need| held.lacks(need)).collect(),
            unknown: needs.iter().find_map(|need| held.doubts(need)).map(str::to_owned),
        }
    });
    judged.filter(|lack| !lack.rights.is_empty() || lack.unknown.is_some()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::event::Owner;
    use crate::plan::PrincipalRef;

    fn subscription() -> ArmId {
        ArmId::of_subscription("s")
    }

    fn group() -> ArmId {
        ArmId::of_group("s", "rg")
    }

    fn workspace() -> ArmId {
        group().resource(Kind::MonitorWorkspace.resource_type(), "w")
    }

    fn cluster() -> ArmId {
        group().resource(Kind::ManagedCluster.resource_type(), "c")
    }

    fn entry(actions: &[&str], not: &[&str]) -> Permission {
        Permission::read(&json!({"actions": actions, "notActions": not}))
    }

    fn contributor() -> Permission {
        entry(&["*"], &["Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write"])
    }

    fn unit(id: &str, step: Step) -> Unit {
        Unit::needing(id, id, Owner::Rest, Action::Create, "", step)
    }

    fn grant(id: &str, scope: &ArmId) -> Unit {
        let principal = PrincipalRef::Object { id: "me".into(), kind: crate::observed::PrincipalKind::User };
        unit(id, Step::AssignRole { scope: scope.clone(), role: Role::MonitoringDataReader, principal })
    }

    fn terraform(id: &ArmId, action: Action) -> Unit {
        Unit { action, ..Unit::unchanged("terraform:x", "x", Owner::Terraform, "").touching(id) }
    }

    fn lacks(units: &[Unit], held: &[(ArmId, Sight<Vec<Permission>>)], delivery: Delivery) -> Vec<Lack> {
        let held = held.iter().cloned().collect();
        lacking(units, Held(&held), &subscription(), delivery)
    }

    #[test]
    fn a_contributor_lacks_the_roles_and_nothing_else() {
        let held = [(subscription(), Sight::Present(vec![contributor()])), (group(), Sight::Absent)];
        let units = [
            unit("provider:x", Step::RegisterProvider { namespace: "Microsoft.Monitor".into() }),
            terraform(&group(), Action::Create),
            terraform(&cluster(), Action::Create),
            grant("role:me", &workspace()),
            unit("settings", Step::AwaitPickup { cluster: cluster() }),
        ];
        let found = lacks(&units, &held, Delivery::Auto);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].unit.as_str(), found[0].rights[0].action.as_str()), ("role:me", ASSIGN));
        assert_eq!(found[0].rights[0].role, "Role Based Access Control Administrator");
    }

    #[test]
    fn the_nearest_scope_that_exists_decides() {
        let rbac = || entry(&["*/read", ASSIGN], &[]);
        let at_workspace = [
            (subscription(), Sight::Present(vec![entry(&["*/read"], &[])])),
            (workspace(), Sight::Present(vec![contributor(), rbac()])),
        ];
        let units = [grant("role:w", &workspace()), grant("role:s", &subscription())];
        let found = lacks(&units, &at_workspace, Delivery::Auto);
        assert_eq!(found.iter().map(|lack| lack.unit.as_str()).collect::<Vec<_>>(), ["role:s"]);
        // Not seen: neither a lack nor none.
        let dark = [(subscription(), Sight::Unknown("403".to_owned()))];
        let found = lacks(&units, &dark, Delivery::Auto);
        assert!(found.iter().all(|lack| lack.rights.is_empty() && lack.unknown.as_deref() == Some("403")), "{found:?}");
    }

    #[test]
    fn one_way_into_the_cluster_is_enough_unless_the_file_chooses() {
        let held = [(subscription(), Sight::Present(vec![entry(&["*/read", COMMAND], &[])]))];
        let units = [unit("settings", Step::AwaitPickup { cluster: cluster() })];
        assert_eq!(lacks(&units, &held, Delivery::Auto), []);
        assert_eq!(lacks(&units, &held, Delivery::RunCommand), []);
        assert_eq!(lacks(&units, &held, Delivery::Kubernetes)[0].rights[0].action, CREDENTIAL);
    }

    #[test]
    fn what_is_replaced_is_deleted_too_and_what_stays_needs_nothing() {
        let actions = |action| {
            let needs = needs(&terraform(&workspace(), action), &subscription(), Delivery::Auto);
            needs.iter().map(|need| need.0[0].action.rsplit('/').next().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(actions(Action::Replace), ["delete", "write"]);
        assert_eq!(actions(Action::Update), ["write"]);
        assert!(actions(Action::Unchanged).is_empty());
        let waiting =
            Unit { action: Action::Wait, ..unit("p", Step::RegisterProvider { namespace: "Microsoft.Monitor".into() }) };
        assert!(needs(&waiting, &subscription(), Delivery::Auto).is_empty());
    }

    #[test]
    fn the_right_to_data_is_not_the_right_to_everything() {
        let held = BTreeMap::from([(subscription(), Sight::Present(vec![entry(&["*"], &[])]))]);
        assert!(matches!(Held(&held).judge(&reads_data(&workspace())), Judgement::Denied(_)));
        let data = Permission::read(&json!({"dataActions": ["Microsoft.Monitor/accounts/data/metrics/read"]}));
        let held = BTreeMap::from([(subscription(), Sight::Present(vec![data]))]);
        assert_eq!(Held(&held).judge(&reads_data(&workspace())), Judgement::Allowed);
        assert!(matches!(Held(&held).judge(&administers(&workspace())), Judgement::Denied(_)));
    }
}
