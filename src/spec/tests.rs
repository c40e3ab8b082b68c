//! What people get to read, from text to message.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

const GOOD: &str = "\
apiVersion: aksight/v1
kind: Stack
metadata:
  name: demo
azure:
  location: westeurope
  resourceGroup: rg-demo
cluster:
  name: aks-demo
monitoring:
  workspace:
    name: amw-demo
grafana:
  name: amg-demo
";

/// Every problem as `line:column message`, hints below.
fn told(text: &str) -> String {
    let found = match read(text, "aksight.yaml") {
        Ok(spec) => spec.warnings,
        Err(found) => {
            assert!(found.iter().any(Diagnostic::is_error));
            found
        }
    };
    let mut out = String::new();
    for one in found {
        let level = if one.is_error() { "" } else { "warning: " };
        let span = one.span.expect("every problem has a place");
        writeln!(out, "{}:{} {} {level}{}", span.line, span.column, one.code, one.summary).unwrap();
        for hint in one.hints {
            writeln!(out, "    {hint}").unwrap();
        }
    }
    out
}

/// The good file with one text replaced.
fn with(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    told(&GOOD.replacen(from, to, 1))
}

/// The good file with lines added at the end of a section.
fn cluster(lines: &str) -> String {
    with("  name: aks-demo\n", &format!("  name: aks-demo\n{lines}"))
}

#[test]
fn the_short_file_is_enough() {
    let spec = read(GOOD, "aksight.yaml").unwrap();
    assert_eq!(spec.warnings, vec![]);
    assert_eq!(spec.workspace, Placement::Create("amw-demo".into()));
    assert_eq!(spec.dns_service_ip.to_string(), "10.0.0.10");
    assert_eq!((spec.grafana_major.as_str(), spec.bound.as_secs()), ("12", 1200));
    assert_eq!(spec.span("/cluster/name").to_string(), "aksight.yaml:9:9");
    assert_eq!(spec.span("/cluster/network/podCidr").to_string(), "aksight.yaml:8:1");
}

/// Several bad files in one snapshot, each under a heading.
fn each(cases: &[(&str, String)]) -> String {
    cases.iter().fold(String::new(), |mut out, (name, told)| {
        write!(out, "-- {name}\n{told}").unwrap();
        out
    })
}

#[test]
fn yaml_that_cannot_be_read() {
    insta::assert_snapshot!(each(&[
        ("empty", told("")),
        ("only a comment", told("# later\n")),
        ("a list", told("- a\n")),
        ("tab", told("apiVersion: aksight/v1\nmetadata:\n\tname: x\n")),
        ("open quote", told("apiVersion: \"aksight/v1\nkind: Stack\n")),
        ("colon in a value", told("apiVersion: aksight: v1\n")),
        ("star", with("location: westeurope", "location: *west")),
        ("twice", with("  location: westeurope\n", "  location: westeurope\n  location: eastus\n")),
        ("two documents", told(&format!("{GOOD}---\n{GOOD}"))),
        ("tag", with("name: aks-demo", "name: !vault aks-demo")),
        ("list as key", with("  name: aks-demo", "  ? [a]\n  : b\n  name: aks-demo")),
        ("alias in itself", with("metadata:\n", "metadata: &me\n  again: *me\n")),
    ]), @r#"
    -- empty
    1:1 AKS-0106 the file is empty
        `aksight init` writes a file to start from
    -- only a comment
    1:1 AKS-0106 the file is empty
        `aksight init` writes a file to start from
    -- a list
    1:1 AKS-0106 the file must be a mapping of keys to values
        `aksight init` writes a file to start from
    -- tab
    3:2 AKS-0101 this is not YAML: tabs disallowed within this context (block indentation)
        indent with blanks
    -- open quote
    1:13 AKS-0101 this is not YAML: invalid indentation in quoted scalar
        look at this line and the one before: indentation, a missing blank after `:`, a quote that is not closed
    -- colon in a value
    1:20 AKS-0101 this is not YAML: mapping values are not allowed in this context
        look at this line and the one before: indentation, a missing blank after `:`, a quote that is not closed
    -- star
    6:13 AKS-0101 this is not YAML: while parsing node, found unknown anchor
        put text that starts with `*` in quotes
    -- twice
    7:3 AKS-0102 `location` is written twice, first in line 6
        remove one of them
    -- two documents
    15:1 AKS-0103 one file holds one stack, but a second document begins here
        put every stack into a file of its own
    -- tag
    9:16 AKS-0103 the tag `!vault` is not known here
        leave the tag out, and put text that starts with `!` in quotes
    -- list as key
    9:5 AKS-0103 a key must be plain text
        write `key: value`
    -- alias in itself
    4:10 AKS-0103 the alias repeats a value that contains it
        write the value out
    "#);
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table")]
fn the_wrong_shape() {
    insta::assert_snapshot!(each(&[
        ("not our format", told("apiVersion: v1\nkind: ConfigMap\n")),
        ("slip in a key", with("  location:", "  loction:")),
        ("another style", with("  resourceGroup:", "  resource_group:")),
        ("stranger", with("  name: aks-demo\n", "  name: aks-demo\n  banana: 1\n")),
        ("wrong level", with("  name: aks-demo\n", "  name: aks-demo\n  podCidr: 10.1.0.0/16\n")),
        ("missing section", with("grafana:\n  name: amg-demo\n", "")),
        ("empty section", with("grafana:\n  name: amg-demo\n", "grafana:\n")),
        ("yes", cluster("  private: yes\n")),
        ("true as text", with("name: aks-demo", "name: true")),
        ("list for text", with("name: aks-demo", "name: [aks]")),
        ("text for mapping", cluster("  network: big\n")),
        ("text for optional mapping", cluster("  entra: on\n")),
        ("inside an optional mapping", cluster("  entra: {adminGroup: [x]}\n")),
        ("choice", cluster("  tier: standard\n  upgradeChannel: weekly\n")),
        ("number in quotes", cluster("  nodePool: {count: \"3\"}\n")),
        ("out of limits", cluster("  nodePool: {count: 0, maxPods: 500}\n")),
        ("empty tag", with("rg-demo\n", "rg-demo\n  tags:\n    team:\n")),
        ("principal", with("name: amg-demo", "name: amg-demo\n  admins:\n  - {objectId: 8, typ: User}\n  - [a]")),
    ]), @r#"
    -- not our format
    1:13 AKS-0107 `apiVersion` must be `aksight/v1`, found `v1`
    2:7 AKS-0107 `kind` must be `Stack`, found `ConfigMap`
    -- slip in a key
    6:3 AKS-0104 `azure` has no key `loction`
        did you mean `location`?
        known keys are `cloud`, `tenant`, `subscription`, `location`, `resourceGroup` and `tags`
    -- another style
    7:3 AKS-0104 `azure` has no key `resource_group`
        did you mean `resourceGroup`?
        known keys are `cloud`, `tenant`, `subscription`, `location`, `resourceGroup` and `tags`
    -- stranger
    10:3 AKS-0104 `cluster` has no key `banana`
        known keys are `name`, `kubernetesVersion`, `tier`, `nodePool`, `network`, `private`, `authorizedIpRanges`, `acns`, `entra`, `upgradeChannel` and `nodeOsUpgradeChannel`
    -- wrong level
    10:3 AKS-0104 `cluster` has no key `podCidr`
        it belongs to `cluster.network`
        known keys are `name`, `kubernetesVersion`, `tier`, `nodePool`, `network`, `private`, `authorizedIpRanges`, `acns`, `entra`, `upgradeChannel` and `nodeOsUpgradeChannel`
    -- missing section
    1:1 AKS-0105 `grafana` is missing
        add `grafana`: Who sees them, and where.
    -- empty section
    1:1 AKS-0105 `grafana` is missing
        add `grafana`: Who sees them, and where.
    -- yes
    10:12 AKS-0106 `cluster.private` must be `true` or `false`, found `yes`
        YAML 1.2 reads `yes`, `no`, `on` and `off` as text: write `true` or `false`
    -- true as text
    9:9 AKS-0106 `cluster.name` must be text, found `true`
        put it in quotes if this is the text you mean
    -- list for text
    9:3 AKS-0106 `cluster.name` must be text, found a list
    -- text for mapping
    10:12 AKS-0106 `cluster.network` must be a mapping, found `big`
    -- text for optional mapping
    10:10 AKS-0106 `cluster.entra` must be a mapping, found `on`
    -- inside an optional mapping
    10:11 AKS-0104 `cluster.entra` has no key `adminGroup`
        did you mean `adminGroups`?
        known keys are `azureRbac`, `adminGroups` and `localAccounts`
    -- choice
    10:9 AKS-0107 `cluster.tier` must be one of `Free`, `Standard` or `Premium`, found `standard`
        did you mean `Standard`?
    11:19 AKS-0107 `cluster.upgradeChannel` must be one of `patch`, `rapid`, `node-image` or `stable`, found `weekly`
    -- number in quotes
    10:21 AKS-0106 `cluster.nodePool.count` must be a whole number, found `3`
        leave the quotes out
    -- out of limits
    10:21 AKS-0107 `cluster.nodePool.count` must be at least 1, found 0
    10:33 AKS-0107 `cluster.nodePool.maxPods` must be at most 250, found 500
    -- empty tag
    9:9 AKS-0106 `azure.tags.team` must be text, found nothing
    -- principal
    16:19 AKS-0104 `grafana.admins[0]` has no key `typ`
        did you mean `type`?
        known keys are `objectId`, `type` and `name`
    17:5 AKS-0106 `grafana.admins[1]` must be an object id, or a mapping with `objectId` and `type`, found a list
    "#);
}

#[test]
fn names_and_ids() {
    insta::assert_snapshot!(each(&[
        ("stack", with("name: demo", "name: Demo_1")),
        ("group", with("rg-demo", "rg/demo.")),
        ("cluster", with("aks-demo", "aks.demo-")),
        ("cluster too long", with("aks-demo", &"a".repeat(64))),
        ("cluster long", with("aks-demo", &"a".repeat(40))),
        ("pool", cluster("  nodePool: {name: System-Pool, vmSize: 'Standard D4s'}\n")),
        ("workspace", with("amw-demo", "amw_demo")),
        ("grafana", with("amg-demo", "1-grafana-with-a-long-name")),
        ("region", with("westeurope", "west-europe")),
        ("unknown region", with("westeurope", "westeurop")),
        ("region of another cloud", with("westeurope", "usgovvirginia")),
        ("guids", with("azure:\n", "azure:\n  tenant: contoso.onmicrosoft.com\n  subscription: 1234\n")),
        ("id of another type", with("name: amw-demo", "id: /subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/r/providers/Microsoft.OperationalInsights/workspaces/w")),
        ("no id", with("name: amg-demo", "id: my-grafana")),
        ("tags", with("rg-demo\n", "rg-demo\n  tags: {'a/b': x, Team: a, team: b, azure-x: y}\n")),
    ]), @r#"
    -- stack
    4:9 AKS-0108 `metadata.name` must be 1 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends; found `Demo_1`
    -- group
    7:18 AKS-0108 `azure.resourceGroup` must be 1 to 90 letters, digits, `_`, `-`, `.`, `(` and `)`, without `.` at the end; found `rg/demo.`
    -- cluster
    9:9 AKS-0108 `cluster.name` must be 1 to 63 letters, digits, `_` and `-`, with a letter or digit at both ends; found `aks.demo-`
    -- cluster too long
    9:9 AKS-0108 `cluster.name` must be 1 to 63 letters, digits, `_` and `-`, with a letter or digit at both ends; found 64 characters
    9:9 AKS-0118 warning: `cluster.name` is long: the name of the data collection endpoint keeps its first 26 characters only, and a cluster of this resource group that begins alike would share the endpoint
        choose a shorter name, or one that differs earlier
    -- cluster long
    9:9 AKS-0118 warning: `cluster.name` is long: the name of the data collection endpoint keeps its first 26 characters only, and a cluster of this resource group that begins alike would share the endpoint
        choose a shorter name, or one that differs earlier
    -- pool
    10:20 AKS-0108 `cluster.nodePool.name` must be 1 to 12 lower-case letters and digits, a letter first; found `System-Pool`
    10:41 AKS-0108 `cluster.nodePool.vmSize` must be the name of a machine size such as `Standard_D4s_v5`; `az vm list-sizes` lists them; found `Standard D4s`
    -- workspace
    12:11 AKS-0108 `monitoring.workspace.name` must be 4 to 63 letters, digits and hyphens, with a letter or digit at both ends; found `amw_demo`
    -- grafana
    14:9 AKS-0108 `grafana.name` must be 2 to 23 letters, digits and hyphens, a letter first, a letter or digit last; found 26 characters
    -- region
    6:13 AKS-0108 `azure.location` must be a region such as `westeurope`, in letters and digits; found `west-europe`
        `az account list-locations -o table` lists the regions
    -- unknown region
    6:13 AKS-0108 warning: `azure.location` is not a region that aksight knows, found `westeurop`
        did you mean `westeurope`?
    -- region of another cloud
    6:13 AKS-0114 warning: `azure.location` is a region of another cloud, found `usgovvirginia`
        set `azure.cloud: usgovernment`
    -- guids
    6:11 AKS-0109 `azure.tenant` must be the id of an Entra tenant, a GUID such as `00000000-0000-0000-0000-000000000000`; found `contoso.onmicrosoft.com`
    7:17 AKS-0109 `azure.subscription` must be the id of a subscription, a GUID such as `00000000-0000-0000-0000-000000000000`; found `1234`
    -- id of another type
    12:9 AKS-0109 `monitoring.workspace.id` must be `/subscriptions/…/resourceGroups/…/providers/Microsoft.Monitor/accounts/…`, found the id of `Microsoft.OperationalInsights/workspaces`
        `az resource list --query "[].id"` prints the ids of your resources
    -- no id
    14:7 AKS-0109 `grafana.id` must be `/subscriptions/…/resourceGroups/…/providers/Microsoft.Dashboard/grafana/…`: `my-grafana` is not a resource id: it must start with `/subscriptions/`
        `az resource list --query "[].id"` prints the ids of your resources
    -- tags
    8:17 AKS-0116 `azure.tags.a/b` needs a key without `<`, `>`, `%`, `&`, `\`, `?` and `/`; found the key `a/b`
    8:35 AKS-0116 `azure.tags.team` differs from another tag in upper and lower case only, which Azure ignores
    8:47 AKS-0116 `azure.tags.azure-x` needs a key that does not start with `microsoft`, `azure` or `windows`, which Azure reserves; found the key `azure-x`
    "#);
}

#[test]
fn rules_of_the_cluster() {
    insta::assert_snapshot!(each(&[
        ("version", cluster("  kubernetesVersion: v1.33\n")),
        ("old version", cluster("  kubernetesVersion: 1.28\n")),
        ("both counts", cluster("  nodePool: {count: 2, min: 1, max: 3}\n")),
        ("half an autoscaler", cluster("  nodePool: {min: 1}\n")),
        ("upside down", cluster("  nodePool: {min: 5, max: 3}\n")),
        ("zones and surge", cluster("  nodePool: {zones: [1, 1, 4], maxSurge: 0%}\n")),
        ("overlap", cluster("  network: {podCidr: 10.0.0.0/8}\n")),
        ("not a range", cluster("  network: {podCidr: 10.244.0.0, serviceCidr: 10.0.1.0/16}\n")),
        ("reserved", cluster("  network: {serviceCidr: 172.30.0.0/20}\n")),
        ("no room", cluster("  nodePool: {min: 1, max: 20}\n  network: {podCidr: 10.244.0.0/20}\n")),
        ("dns outside", cluster("  network: {dnsServiceIp: 10.1.0.10}\n")),
        ("dns first", cluster("  network: {dnsServiceIp: 10.0.0.1}\n")),
        ("routes", cluster("  network: {outboundType: userDefinedRouting}\n")),
        ("private and public", cluster("  private: true\n  authorizedIpRanges: [203.0.113.7, 203.0.113.7/24, home]\n")),
        ("security", cluster("  acns: {policyMode: L7}\n")),
        ("images", cluster("  upgradeChannel: node-image\n  nodeOsUpgradeChannel: None\n")),
        ("nobody", cluster("  entra: {azureRbac: false, localAccounts: false}\n")),
        ("nothing to see", cluster("  acns: {observability: false}\n")),
    ]), @r#"
    -- version
    10:22 AKS-0115 `cluster.kubernetesVersion` must be a version such as `1.33` or `1.33.5`, found `v1.33`
        `az aks get-versions -l REGION -o table` lists the versions
    -- old version
    10:22 AKS-0115 `cluster.kubernetesVersion` must be 1.29 or newer for ACNS, found `1.28`
    -- both counts
    10:3 AKS-0114 `cluster.nodePool` takes either `count`, or `min` and `max`, not both
    -- half an autoscaler
    10:3 AKS-0105 `cluster.nodePool` needs both `min` and `max` for the autoscaler
    -- upside down
    10:19 AKS-0107 `cluster.nodePool.min` must not be above `max`, found 5 above 3
    -- zones and surge
    10:25 AKS-0107 `cluster.nodePool.zones[1]` repeats zone `1`
    10:28 AKS-0107 `cluster.nodePool.zones[2]` must be one of `1`, `2` or `3`, found `4`
    10:42 AKS-0107 `cluster.nodePool.maxSurge` must be a number of nodes such as `1` or a percentage such as `10%`, found `0%`
    -- overlap
    10:3 AKS-0110 `cluster.network.serviceCidr` overlaps `cluster.network.podCidr`: `10.0.0.0/16` and `10.0.0.0/8`
    10:22 AKS-0110 `cluster.network.podCidr` must not overlap `10.224.0.0/12`, the network that AKS creates for the nodes; found `10.0.0.0/8`
    -- not a range
    10:22 AKS-0110 `cluster.network.podCidr` must be an IPv4 range such as `10.244.0.0/16`, found `10.244.0.0`
    10:47 AKS-0110 `cluster.network.serviceCidr` must start at the first address of its range, found `10.0.1.0/16`
        write `10.0.0.0/16`
    -- reserved
    10:26 AKS-0110 `cluster.network.serviceCidr` must not overlap `172.30.0.0/16`, which AKS reserves; found `172.30.0.0/20`
    -- no room
    11:22 AKS-0110 `cluster.network.podCidr` has room for 16 nodes of a /24 each, but the pool may have 20; found `10.244.0.0/20`
        choose a larger range, such as a /16 for 256 nodes
    -- dns outside
    10:27 AKS-0110 `cluster.network.dnsServiceIp` must lie within `cluster.network.serviceCidr` (`10.0.0.0/16`), found `10.1.0.10`
    -- dns first
    10:27 AKS-0110 `cluster.network.dnsServiceIp` must not be the first address of the range, which is the Kubernetes API's; found `10.0.0.1`
    -- routes
    10:27 AKS-0114 `cluster.network.outboundType` needs a subnet of your own, which has the routes or the gateway
        add `cluster.nodePool.subnetId`, or choose `loadBalancer`
    -- private and public
    11:3 AKS-0114 `cluster.authorizedIpRanges` excludes `cluster.private: true`
        a private API server has no public address to protect: remove one of the two
    11:24 AKS-0110 `cluster.authorizedIpRanges[0]` must be a range, found `203.0.113.7`
        write `203.0.113.7/32`
    11:37 AKS-0110 `cluster.authorizedIpRanges[1]` must start at the first address of its range, found `203.0.113.7/24`
        write `203.0.113.0/24`
    11:53 AKS-0110 `cluster.authorizedIpRanges[2]` must be an IPv4 range such as `203.0.113.0/24`, found `home`
    -- security
    10:22 AKS-0114 `cluster.acns.policyMode` `L7` needs ACNS security
        add `security: true` beside it
    -- images
    11:25 AKS-0114 `cluster.nodeOsUpgradeChannel` must be `NodeImage` when `upgradeChannel` is `node-image`
        remove this line, or choose another `upgradeChannel`
    -- nobody
    10:3 AKS-0114 `cluster.entra` leaves nobody who may administer the cluster
        name `adminGroups`, or set `azureRbac: true`
    -- nothing to see
    10:25 AKS-0114 warning: `cluster.acns.observability` is off, so there are no network metrics and nothing to prove
        switch it on, or set `verification.enabled: false`
    "#);
}

/// The good file with lines below `monitoring.metrics`.
fn metrics(lines: &str) -> String {
    with("    name: amw-demo\n", &format!("    name: amw-demo\n  metrics:\n{lines}"))
}

/// The good file with lines at its end, which is inside `grafana`.
fn end(lines: &str) -> String {
    told(&format!("{GOOD}{lines}"))
}

#[test]
fn rules_of_monitoring() {
    insta::assert_snapshot!(each(&[
        ("both", with("    name: amw-demo\n", "    name: amw-demo\n    id: x\n")),
        ("neither", with("  workspace:\n    name: amw-demo\n", "  workspace: {}\n")),
        ("target", metrics("    targets: {networkObservabilityHubble: true, podannotations: true, foo: true}\n")),
        ("look-ahead", metrics("    keepLists: {kubelet: '(?!a).*'}\n")),
        ("reference", metrics("    keepLists: {kubelet: '(a)\\1'}\n")),
        ("open group", metrics("    keepLists: {kubelet: 'kubelet_('}\n")),
        ("empty", metrics("    keepLists: {kubelet: ''}\n")),
        ("interval", metrics("    intervals: {kubelet: 30, cadvisor: 1 minute}\n")),
        ("namespace", metrics("    podAnnotationNamespaces: ['team-.*']\n")),
        ("labels", metrics("    kubeStateMetrics: {labels: 'pods=app', annotations: 'pods=[*]'}\n")),
        ("control plane", metrics("    controlPlane: {targets: {etcdd: true}, keepLists: {etcd: '['}}\n")),
        ("alias", with("monitoring:\n", "monitoring:\n  clusterAlias: my cluster\n")),
    ]), @r#"
    -- both
    11:3 AKS-0114 `monitoring.workspace` takes either `name`, to create one, or `id`, to use one that exists, not both
    13:9 AKS-0109 `monitoring.workspace.id` must be `/subscriptions/…/resourceGroups/…/providers/Microsoft.Monitor/accounts/…`: `x` is not a resource id: it must start with `/subscriptions/`
        `az resource list --query "[].id"` prints the ids of your resources
    -- neither
    11:14 AKS-0105 `monitoring.workspace` needs `name`, to create one, or `id`, to use one that exists
    -- target
    14:43 AKS-0113 `monitoring.metrics.targets.networkObservabilityHubble` is not a scrape target, found `networkObservabilityHubble`
        did you mean `networkobservabilityHubble`?
    14:65 AKS-0113 `monitoring.metrics.targets.podannotations` cannot be switched
        it has no switch: name the namespaces under `monitoring.metrics.podAnnotationNamespaces`
    14:76 AKS-0113 `monitoring.metrics.targets.foo` is not a scrape target, found `foo`
        targets are `kubelet`, `coredns`, `cadvisor`, `kubeproxy`, `apiserver`, `kubestate`, `nodeexporter`, `windowsexporter`, `windowskubeproxy`, `kappiebasic`, `networkobservabilityRetina`, `networkobservabilityHubble`, `networkobservabilityCilium`, `acstor-capacity-provisioner`, `acstor-metrics-exporter`, `local-csi-driver`, `ztunnel`, `istio-cni`, `dcgmexporter` and `prometheuscollectorhealth`
    -- look-ahead
    14:26 AKS-0111 `monitoring.metrics.keepLists.kubelet` is not a regular expression that the agents can read (RE2): look-around, including look-ahead and look-behind, is not supported
        one bad expression makes the agents drop all keep-lists, and every metric is sent and paid for
    -- reference
    14:26 AKS-0111 `monitoring.metrics.keepLists.kubelet` is not a regular expression that the agents can read (RE2): backreferences are not supported
        one bad expression makes the agents drop all keep-lists, and every metric is sent and paid for
    -- open group
    14:26 AKS-0111 `monitoring.metrics.keepLists.kubelet` is not a regular expression that the agents can read (RE2): unclosed group
        one bad expression makes the agents drop all keep-lists, and every metric is sent and paid for
    -- empty
    14:26 AKS-0111 `monitoring.metrics.keepLists.kubelet` is not a regular expression that the agents can read (RE2): it is empty, which keeps nothing of its own: leave the key out
        one bad expression makes the agents drop all keep-lists, and every metric is sent and paid for
    -- interval
    14:26 AKS-0112 `monitoring.metrics.intervals.kubelet` must be a duration such as `30s`, `1m30s` or `2h`, found `30`
    14:40 AKS-0112 `monitoring.metrics.intervals.cadvisor` must be a duration such as `30s`, `1m30s` or `2h`, found `1 minute`
    -- namespace
    14:31 AKS-0108 `monitoring.metrics.podAnnotationNamespaces[0]` must be 1 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends; found `team-.*`
    -- labels
    14:32 AKS-0107 `monitoring.metrics.kubeStateMetrics.labels` must look like `pods=[app,team],namespaces=[*]`: `pods=app` has no `=[`
    14:57 AKS-0107 warning: `monitoring.metrics.kubeStateMetrics.annotations` takes every one of the annotations
        every new value makes a new series: name the ones that you use
    -- control plane
    14:37 AKS-0113 `monitoring.metrics.controlPlane.targets.etcdd` is not a scrape target, found `etcdd`
        did you mean `etcd`?
    14:62 AKS-0111 `monitoring.metrics.controlPlane.keepLists.etcd` is not a regular expression that the agents can read (RE2): unclosed character class
        one bad expression makes the agents drop all keep-lists, and every metric is sent and paid for
    -- alias
    11:17 AKS-0108 `monitoring.clusterAlias` must be 1 to 63 letters, digits, `_` and `-`, with a letter or digit at both ends, since the agents rewrite anything else; found `my cluster`
    "#);
}

#[test]
fn rules_of_grafana() {
    insta::assert_snapshot!(each(&[
        ("version", end("  majorVersion: 11\n")),
        ("version of the provider", end("  majorVersion: 13\nterraform: {providerVersion: '>= 4.62, < 5.0'}\n")),
        ("existing", with("  name: amg-demo\n", "  id: /subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/r/providers/Microsoft.Dashboard/grafana/g\n  size: X1\n")),
        ("people", end("  admins: [jane@contoso.com, 0f]\n  viewers:\n  - {objectId: 0f, type: Group}\n")),
        ("nobody", end("  includeMe: false\n")),
        ("integrations", end("  integrations: [amw-other]\n")),
    ]), @r#"
    -- version
    15:17 AKS-0115 `grafana.majorVersion` must be `12` or `13` for azurerm `~> 5.2`, found `11`
    -- version of the provider
    15:17 AKS-0115 `grafana.majorVersion` must be `12` for azurerm `>= 4.62, < 5.0`, found `13`
        `terraform.providerVersion: "~> 5.2"` knows it
    -- existing
    15:9 AKS-0114 `grafana.size` belongs to a Grafana that is created, but `grafana.id` is set
        an existing Grafana keeps its settings: remove this line
    -- people
    15:12 AKS-0109 `grafana.admins[0]` must be an object id, found a sign-in name
        `az ad user show --id jane@contoso.com --query id` prints it
    15:30 AKS-0109 `grafana.admins[1]` must be an object id, a GUID such as `00000000-0000-0000-0000-000000000000`; found `0f`
    17:16 AKS-0109 `grafana.viewers[0].objectId` must be an object id, a GUID such as `00000000-0000-0000-0000-000000000000`; found `0f`
    17:16 AKS-0114 warning: `grafana.viewers[0].objectId` is listed under `admins` already
        the higher role includes the lower: keep one of them
    -- nobody
    15:14 AKS-0114 warning: `grafana.includeMe` is off and nobody else is named, so nobody can open Grafana
        name `admins`, or leave `includeMe` at its default
    -- integrations
    15:18 AKS-0109 `grafana.integrations[0]` must be `/subscriptions/…/resourceGroups/…/providers/Microsoft.Monitor/accounts/…`: `amw-other` is not a resource id: it must start with `/subscriptions/`
        `az resource list --query "[].id"` prints the ids of your resources
    "#);
}

#[test]
fn rules_of_running() {
    insta::assert_snapshot!(each(&[
        ("versions", end("terraform: {version: '< 1.5', providerVersion: latest}\n")),
        ("old provider", end("terraform: {providerVersion: '~> 4.0'}\n")),
        ("local", end("terraform: {backend: {container: state}}\n")),
        ("remote", end("terraform: {backend: {type: azurerm, storageAccount: My-Account, container: a--b, key: /x}}\n")),
        ("variables", end("terraform: {variables: {count: '1', location: here, 1a: x, db_password: hunter2}}\n")),
        ("secret", end("terraform: {variables: {connection: 'AccountKey=abc'}}\n")),
        ("bound", end("verification: {bound: twenty}\n")),
        ("policies", end("policies: {directories: [''], ingestion: {minInterval: 5}}\n")),
        ("delivery", end("delivery: run command\n")),
    ]), @r#"
    -- versions
    15:22 AKS-0115 `terraform.version` must allow 1.9 or newer, found `< 1.5`
    15:48 AKS-0115 `terraform.providerVersion` is not a version constraint, found `latest`
        write `~> 5.2`, or `>= 4.62, < 5.0`
    -- old provider
    15:30 AKS-0115 `terraform.providerVersion` allows releases before 4.62, which lack what is generated, found `~> 4.0`
        write `~> 5.2`, or `>= 4.62, < 5.0`
    -- local
    15:34 AKS-0114 `terraform.backend.container` belongs to a backend of type `azurerm`
        write `type: azurerm`, or remove this line
    -- remote
    15:13 AKS-0105 `terraform.backend.resourceGroup` is needed for a backend of type `azurerm`
    15:54 AKS-0108 `terraform.backend.storageAccount` must be 3 to 24 lower-case letters and digits; found `My-Account`
    15:77 AKS-0108 `terraform.backend.container` must not have two hyphens in a row
    15:88 AKS-0108 `terraform.backend.key` must be 1 to 1024 characters, without `/` first and without `.` or `/` last
    -- variables
    15:32 AKS-0108 `terraform.variables.count` is a name that Terraform reserves
    15:47 AKS-0108 `terraform.variables.location` is declared by the generated files already
        set the key of `azure` or `cluster` that it stands for, or choose another name
    15:57 AKS-0108 `terraform.variables.1a` must be letters, digits, `_` and `-`, with a letter or `_` first
    15:73 AKS-0117 `terraform.variables.db_password` sounds like a secret, and Terraform would keep it in its state
        remove it, and set `TF_VAR_db_password` in the environment
    -- secret
    15:37 AKS-0117 `terraform.variables.connection` holds what looks like a secret
        remove it, change it where it is valid, and pass it by the environment: `ARM_CLIENT_SECRET`, `TF_VAR_…`
    -- bound
    15:23 AKS-0112 `verification.bound` must be a duration such as `30s`, `1m30s` or `2h`, found `twenty`
    -- policies
    15:26 AKS-0107 `policies.directories[0]` must not be empty
    15:56 AKS-0112 `policies.ingestion.minInterval` must be a duration such as `30s`, `1m30s` or `2h`, found `5`
    -- delivery
    15:11 AKS-0107 `delivery` must be one of `auto`, `run-command` or `kubernetes`, found `run command`
        did you mean `run-command`?
    "#);
}

#[test]
fn one_problem_does_not_hide_another() {
    let text = GOOD
        .replace("  location: westeurope\n", "  lokation: westeurope\n")
        .replace("aks-demo\n", "aks_demo_\n  tier: Gold\n  network: {podCidr: 10.0.0.0/16}\n")
        .replace("amg-demo\n", "amg-demo\n  majorVersion: 9\n");
    insta::assert_snapshot!(told(&text), @r#"
    6:3 AKS-0104 `azure` has no key `lokation`
        did you mean `location`?
        known keys are `cloud`, `tenant`, `subscription`, `location`, `resourceGroup` and `tags`
    9:9 AKS-0108 `cluster.name` must be 1 to 63 letters, digits, `_` and `-`, with a letter or digit at both ends; found `aks_demo_`
    10:9 AKS-0107 `cluster.tier` must be one of `Free`, `Standard` or `Premium`, found `Gold`
    11:3 AKS-0110 `cluster.network.serviceCidr` overlaps `cluster.network.podCidr`: `10.0.0.0/16` and `10.0.0.0/16`
    17:17 AKS-0115 `grafana.majorVersion` must be `12` or `13` for azurerm `~> 5.2`, found `9`
    "#);
}

/// As editors on Windows write it: other line ends, and a mark before the first character.
#[test]
fn how_lines_end_changes_nothing() {
    let wrong = GOOD.replace("  name: aks-demo\n", "  name: aks-demo\n  # why\n  tier: golden\n  nodes:\n    min: many\n");
    for text in [GOOD, &wrong] {
        let plain = told(text);
        assert_eq!(told(&text.replace('\n', "\r\n")), plain);
        assert_eq!(told(&format!("\u{feff}{text}")), plain);
    }
    let fleet = "\u{feff}kind: Fleet\r\n";
    assert!(is_fleet(fleet) && is_fleet("apiVersion: x\r\nkind: Fleet\r\n"));
}

#[test]
fn a_version_without_quotes_keeps_its_spelling() {
    let spec = read(&GOOD.replace("aks-demo\n", "aks-demo\n  kubernetesVersion: 1.30\n"), "f").unwrap();
    assert_eq!(spec.stack.cluster.kubernetes_version.as_deref(), Some("1.30"));
    let spec = read(&format!("{GOOD}  majorVersion: 13\n"), "f").unwrap();
    assert_eq!(spec.grafana_major, "13");
}

#[test]
fn anchors_and_merges_are_read() {
    let text = GOOD
        .replace("rg-demo\n", "rg-demo\n  tags: &tags {team: a}\n")
        .replace("  name: amg-demo\n", "  name: amg-demo\nterraform:\n  variables:\n    <<: *tags\n    more: b\n");
    let spec = read(&text, "f").unwrap();
    let variables: Vec<_> = spec.stack.terraform.variables.keys().map(String::as_str).collect();
    assert_eq!(variables, ["more", "team"]);
}

#[test]
fn aliases_do_not_grow_without_end() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let list = vec![format!("*a{}", level - 1); 8].join(", ");
        writeln!(text, "a{level}: &a{level} [{list}]").unwrap();
    }
    insta::assert_snapshot!(told(&text), @r#"
    6:10 AKS-0103 the aliases repeat too much
    "#);
    insta::assert_snapshot!(told(&"[".repeat(5000)), @r#"
    1:256 AKS-0101 this is not YAML: recursion limit exceeded
        look at this line and the one before: indentation, a missing blank after `:`, a quote that is not closed
    "#);
}

#[test]
fn secrets_are_not_repeated() {
    assert!(!end("terraform: {variables: {db_password: hunter2, x: 'AccountKey=abc'}}\n").contains("hunter2"));
    assert!(!end("terraform: {variables: {x: 'AccountKey=abc'}}\n").contains("abc"));
}

#[test]
fn the_schema_can_be_used() {
    assert!(jsonschema::meta::is_valid(schema()));
    assert!(jsonschema::validator_for(schema()).is_ok());
}

const QUICKSTART: &str = include_str!("../../terraform/examples/quickstart/aksight.yaml");
const COMPLETE: &str = include_str!("../../terraform/examples/complete/aksight.yaml");

#[test]
fn the_quickstart_is_short_and_sound() {
    assert_eq!(told(QUICKSTART), "");
    assert!(QUICKSTART.lines().count() <= 16);
}

/// Only one of two alternatives can be shown, and a subnet would have to exist.
#[test]
fn the_complete_example_is_sound_and_shows_every_key() {
    assert_eq!(told(COMPLETE), "");
    let spec = read(COMPLETE, "f").unwrap();
    let left_out: Vec<_> = schema::leaves().into_iter().filter(|pointer| !spec.source.writes(pointer)).collect();
    assert_eq!(left_out, ["/cluster/nodePool/count", "/cluster/nodePool/subnetId", "/monitoring/workspace/id", "/grafana/id"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn arbitrary_text_is_refused_without_panic(text in "[ -~\n\t:\\[\\]{}&*!|>'\"#%@`,?ä\u{2028}-]{0,80}") {
        prop_assert!(read(&text, "f").is_err());
    }

    /// Good files with a wound: no panic, and whatever is refused names a place within the file.
    #[test]
    fn wounded_files_are_told_with_places(at in 0..GOOD.len(), cut in 0..12_usize, put in "[a-zA-Z0-9 :\n\\[\\]{}&*'\"<-]{0,8}") {
        let end = (at + cut).min(GOOD.len());
        let text = format!("{}{put}{}", &GOOD[..at], &GOOD[end..]);
        if let Err(found) = read(&text, "f") {
            prop_assert!(found.iter().any(Diagnostic::is_error));
            let lines = text.lines().count() + 1;
            prop_assert!(found.iter().all(|one| one.span.as_ref().is_none_or(|span| (1..=lines).contains(&span.line))));
        }
    }
}
