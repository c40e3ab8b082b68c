//! The kinds of objects this API server knows: for discovery, addressing and short names.

/// One kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// API group, empty for the core group.
    pub group: &'static str,
    /// Version.
    pub version: &'static str,
    /// Plural name, as in the path.
    pub plural: &'static str,
    /// Singular name.
    pub singular: &'static str,
    /// Kind, as in the body.
    pub kind: &'static str,
    /// What people type instead.
    pub short: &'static [&'static str],
    /// Whether it lives in a namespace.
    pub namespaced: bool,
}

const fn kind(
    group: &'static str,
    version: &'static str,
    names: (&'static str, &'static str, &'static str),
    short: &'static [&'static str],
    namespaced: bool,
) -> Kind {
    Kind { group, version, plural: names.0, singular: names.1, kind: names.2, short, namespaced }
}

/// All of them. The custom ones are those that Cilium, ACNS and the metrics add-on install (contract §5.7, §7.5).
pub const KINDS: &[Kind] = &[
    kind("", "v1", ("configmaps", "configmap", "ConfigMap"), &["cm"], true),
    kind("", "v1", ("namespaces", "namespace", "Namespace"), &["ns"], false),
    kind("", "v1", ("nodes", "node", "Node"), &["no"], false),
    kind("", "v1", ("pods", "pod", "Pod"), &["po"], true),
    kind("", "v1", ("services", "service", "Service"), &["svc"], true),
    kind("", "v1", ("events", "event", "Event"), &["ev"], true),
    kind("apps", "v1", ("deployments", "deployment", "Deployment"), &["deploy"], true),
    kind("apps", "v1", ("daemonsets", "daemonset", "DaemonSet"), &["ds"], true),
    kind("cilium.io", "v2", ("ciliumnetworkpolicies", "ciliumnetworkpolicy", "CiliumNetworkPolicy"), &["cnp", "ciliumnp"], true),
    kind(
        "cilium.io",
        "v2",
        ("ciliumclusterwidenetworkpolicies", "ciliumclusterwidenetworkpolicy", "CiliumClusterwideNetworkPolicy"),
        &["ccnp"],
        false,
    ),
    kind(
        "acn.azure.com",
        "v1alpha1",
        ("containernetworkmetrics", "containernetworkmetric", "ContainerNetworkMetric"),
        &[],
        false,
    ),
    kind("acn.azure.com", "v1alpha1", ("containernetworklogs", "containernetworklog", "ContainerNetworkLog"), &[], false),
    kind("azmonitoring.coreos.com", "v1", ("podmonitors", "podmonitor", "PodMonitor"), &[], true),
    kind("azmonitoring.coreos.com", "v1", ("servicemonitors", "servicemonitor", "ServiceMonitor"), &[], true),
];

impl Kind {
    /// `group/version`, or the version alone for the core group.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }

    /// The name with its group, as messages spell it: `deployments.apps`.
    pub fn qualified(&self) -> String {
        if self.group.is_empty() { self.plural.to_owned() } else { format!("{}.{}", self.plural, self.group) }
    }
}

/// The kind at a path.
pub fn at_path(group: &str, version: &str, plural: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.group == group && kind.version == version && kind.plural == plural)
}

/// The kind of a body.
pub fn of_body(api_version: &str, name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.api_version() == api_version && kind.kind == name)
}

/// The kind a person means: plural, singular, short or qualified name, or the kind itself.
pub fn meant(word: &str) -> Option<&'static Kind> {
    let word = word.to_ascii_lowercase();
    let bare = |kind: &Kind| {
        kind.plural == word
            || kind.singular == word
            || kind.short.contains(&word.as_str())
            || kind.kind.eq_ignore_ascii_case(&word)
    };
    let qualified = |kind: &Kind| {
        word == kind.qualified()
            || word == format!("{}.{}.{}", kind.plural, kind.version, kind.group)
            || word == format!("{}.{}", kind.singular, kind.group)
    };
    KINDS.iter().find(|kind| bare(kind) || qualified(kind))
}
