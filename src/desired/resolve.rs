//! From the checked file to the wish: every default that is a decision is made here.

use std::collections::BTreeMap;

use super::fragment::{Fragment, Plane, Target, Wish};
use super::wish::{Desired, GrafanaWish, MetricsWish, RecordingRulesWish, RoleHolder, RoleWish, VerificationWish};
use super::{address, declared};
use crate::base::{ArmId, Kind, Role};
use crate::observed::PrincipalKind;
use crate::spec::{Placement, Spec, file};

/// Namespaces that the stack needs, in Azure's spelling (contract §1.1).
const PROVIDERS: [&str; 9] = [
    "Microsoft.ContainerService",
    "Microsoft.Network",
    "Microsoft.Compute",
    "Microsoft.Storage",
    "Microsoft.ManagedIdentity",
    "microsoft.insights",
    "Microsoft.AlertsManagement",
    "Microsoft.Monitor",
    "Microsoft.Dashboard",
];

/// The wish of a stack in a subscription (a GUID: the file's own, or the one that is signed in to).
#[must_use]
pub fn resolve(spec: &Spec, subscription: &str) -> Desired {
    let stack = &spec.stack;
    let group = ArmId::of_group(subscription, &stack.azure.resource_group);
    let place = |placement: &Placement, kind: Kind| match placement {
        Placement::Create(name) => group.resource(kind.resource_type(), name),
        Placement::Existing(id) => id.clone(),
    };
    let cluster = group.resource(Kind::ManagedCluster.resource_type(), &stack.cluster.name);
    let workspace = place(&spec.workspace, Kind::MonitorWorkspace);
    let grafana = place(&spec.grafana, Kind::Grafana);
    let subscription = ArmId::of_subscription(subscription);
    Desired {
        stack: stack.metadata.name.clone(),
        location: spec.location.clone(),
        providers: PROVIDERS.to_vec(),
        entra: stack.cluster.entra.is_some(),
        metrics: metrics(&stack.monitoring, &cluster),
        policy_mode: stack.cluster.acns.policy_mode.map(|mode| mode.as_str().to_owned()),
        recording_rules: stack.monitoring.recording_rules.enabled.then(|| RecordingRulesWish {
            group: group.clone(),
            cluster: cluster.clone(),
            workspace: workspace.clone(),
            cluster_label: label_of(stack),
            windows: stack.monitoring.recording_rules.windows,
        }),
        roles: roles(stack, &subscription, &cluster, &workspace, &grafana),
        fragments: fragments(&stack.monitoring),
        cluster_label: label_of(stack),
        verification: VerificationWish { enabled: stack.verification.enabled, bound: spec.bound, inside: true },
        declared: declared::fields(spec),
        terraform: addresses(spec, &group, &cluster, &workspace, &grafana),
        grafana: GrafanaWish {
            id: grafana,
            integrations: std::iter::once(workspace.clone()).chain(spec.integrations.iter().cloned()).collect(),
        },
        subscription,
        group,
        cluster,
        workspace,
    }
}

/// The `cluster` label: the cluster's name, or the alias with `_` for whatever is not alphanumeric (contract §5.6).
fn label_of(stack: &file::Stack) -> String {
    match &stack.monitoring.cluster_alias {
        Some(alias) => alias.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect(),
        None => stack.cluster.name.clone(),
    }
}

fn metrics(monitoring: &file::Monitoring, cluster: &ArmId) -> MetricsWish {
    MetricsWish {
        cluster: cluster.clone(),
        labels: monitoring.metrics.kube_state_metrics.labels.clone(),
        annotations: monitoring.metrics.kube_state_metrics.annotations.clone(),
        control_plane: monitoring.metrics.control_plane.as_ref().map(|plane| plane.enabled),
    }
}

/// The role with which the settings are written into a cluster whose access Azure's roles decide.
pub const WRITES_SETTINGS: &str = "me-writes-settings";

fn roles(stack: &file::Stack, subscription: &ArmId, cluster: &ArmId, workspace: &ArmId, grafana: &ArmId) -> Vec<RoleWish> {
    let wish = |slug: String, scope: &ArmId, role, holder, why| RoleWish { slug, scope: scope.clone(), role, holder, why };
    let mut all = vec![
        wish(
            "grafana-reads-workspace".into(),
            workspace,
            Role::MonitoringDataReader,
            RoleHolder::Grafana,
            "without it every panel answers 403",
        ),
        wish(
            "grafana-reads-subscription".into(),
            subscription,
            Role::MonitoringReader,
            RoleHolder::Grafana,
            "Azure Monitor and Resource Graph panels need it",
        ),
    ];
    if stack.grafana.include_me {
        all.push(wish(
            "me-administers-grafana".into(),
            grafana,
            Role::GrafanaAdmin,
            RoleHolder::Me,
            "you could not sign in without it",
        ));
    }
    if stack.verification.enabled {
        let why = "proving the data asks the workspace, and Owner does not carry that right";
        all.push(wish("me-reads-workspace".into(), workspace, Role::MonitoringDataReader, RoleHolder::Me, why));
    }
    if stack.cluster.entra.as_ref().is_some_and(|entra| entra.azure_rbac) {
        let why = "Azure's roles decide inside the cluster, and Owner does not carry the right to write the settings there";
        all.push(wish(WRITES_SETTINGS.into(), cluster, Role::AksRbacWriter, RoleHolder::Me, why));
    }
    let lists = [
        (&stack.grafana.admins, Role::GrafanaAdmin, "admin"),
        (&stack.grafana.editors, Role::GrafanaEditor, "editor"),
        (&stack.grafana.viewers, Role::GrafanaViewer, "viewer"),
    ];
    for (people, role, word) in lists {
        for person in people {
            let holder = RoleHolder::Listed {
                id: person.object_id().to_owned(),
                kind: kind(person.kind()),
                name: person.name().map(str::to_owned),
            };
            all.push(wish(format!("{word}-{}", person.object_id()), grafana, role, holder, "listed in the file"));
        }
    }
    all
}

const fn kind(kind: file::PrincipalType) -> PrincipalKind {
    match kind {
        file::PrincipalType::User => PrincipalKind::User,
        file::PrincipalType::Group => PrincipalKind::Group,
        file::PrincipalType::ServicePrincipal => PrincipalKind::ServicePrincipal,
    }
}

/// What the features want in the settings ConfigMap: the network pack's keep-list, and what the file says.
fn fragments(monitoring: &file::Monitoring) -> Vec<Fragment> {
    let metrics = &monitoring.metrics;
    let pattern = metrics.keep_lists.get(Target::HUBBLE.name()).map_or("hubble.*", String::as_str);
    let network = Fragment {
        author: "network".into(),
        reason: "the minimal profile drops hubble_flows_processed_total".into(),
        wishes: Wish::hubble(pattern).to_vec(),
    };
    let mut wishes = Vec::new();
    let planes = [(Plane::Data, &metrics.targets, &metrics.keep_lists)];
    let control = metrics.control_plane.as_ref().map(|plane| (Plane::Control, &plane.targets, &plane.keep_lists));
    for (plane, targets, keep_lists) in planes.into_iter().chain(control) {
        let named = |name: &String| Target::named(plane, name);
        wishes.extend(targets.iter().filter_map(|(name, on)| Some(Wish::Scrape(named(name)?, *on))));
        let keep = |(name, pattern): (&String, &String)| {
            let target = named(name).filter(|target| *target != Target::HUBBLE)?;
            Some(Wish::Keep { target, pattern: pattern.clone(), names: Vec::new() })
        };
        wishes.extend(keep_lists.iter().filter_map(keep));
    }
    wishes.extend(
        metrics
            .intervals
            .iter()
            .filter_map(|(name, every)| Some(Wish::Interval(Target::named(Plane::Data, name)?, every.clone()))),
    );
    if !metrics.pod_annotation_namespaces.is_empty() {
        wishes.push(Wish::PodAnnotations(metrics.pod_annotation_namespaces.clone()));
    }
    if !metrics.minimal_profile {
        wishes.push(Wish::MinimalProfile(Plane::Data, false));
    }
    wishes.extend(monitoring.cluster_alias.clone().map(Wish::ClusterAlias));
    let own = Fragment { author: "monitoring".into(), reason: "written in aksight.yaml".into(), wishes };
    std::iter::once(network).chain((!own.wishes.is_empty()).then_some(own)).collect()
}

/// The addresses in the generated HCL with the id each stands for.
fn addresses(spec: &Spec, group: &ArmId, cluster: &ArmId, workspace: &ArmId, grafana: &ArmId) -> BTreeMap<String, ArmId> {
    let created = |placement: &Placement| matches!(placement, Placement::Create(_));
    let rows = [
        (address::GROUP, true, group),
        (address::CLUSTER, true, cluster),
        (address::WORKSPACE, created(&spec.workspace), workspace),
        (address::GRAFANA, created(&spec.grafana), grafana),
    ];
    rows.into_iter().filter(|row| row.1).map(|(address, _, id): (&str, _, _)| (address.to_owned(), id.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{CONTROL_PLANE_TARGETS, SCRAPE_TARGETS};

    fn quickstart() -> Spec {
        crate::spec::read(include_str!("../../terraform/examples/quickstart/aksight.yaml"), "aksight.yaml").unwrap()
    }

    #[test]
    fn the_file_and_the_fragments_know_the_same_targets() {
        let names = |plane| Target::all(plane).map(Target::name).collect::<Vec<_>>();
        assert!(SCRAPE_TARGETS.iter().all(|name| names(Plane::Data).contains(name)));
        assert!(CONTROL_PLANE_TARGETS.iter().all(|name| names(Plane::Control).contains(name)));
    }

    #[test]
    fn the_short_file_wishes_for_flows_and_for_the_rights_to_prove_them() {
        let desired = resolve(&quickstart(), "00000000-0000-0000-0000-000000000001");
        let slugs: Vec<&str> = desired.roles.iter().map(|role| role.slug.as_str()).collect();
        assert_eq!(
            slugs,
            ["grafana-reads-workspace", "grafana-reads-subscription", "me-administers-grafana", "me-reads-workspace"]
        );
        assert_eq!(desired.fragments.len(), 1);
        assert_eq!(desired.terraform.len(), 4);
        assert_eq!(desired.grafana.integrations, std::slice::from_ref(&desired.workspace));
    }
}
