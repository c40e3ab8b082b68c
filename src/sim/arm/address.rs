//! What a path means. Paths are compared without case, as ARM does.

/// A resource's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The resource's id, lower-case.
    pub key: String,
    /// Its id in ARM's own spelling: known parts canonical, names as the caller wrote them.
    pub id: String,
    /// What it lies in or is attached to, lower-case: a group, a parent, a subscription, another resource.
    pub parent: String,
    /// Namespace, lower-case.
    pub namespace: String,
    /// The type below the namespace, lower-case: `managedclusters/agentpools`.
    pub of_type: String,
    /// Its name as the caller wrote it.
    pub name: String,
    /// Whether it hangs on a resource of another namespace.
    pub attached: bool,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// `/tenants`.
    Tenants,
    /// `/subscriptions`.
    Subscriptions,
    /// `/subscriptions/{s}`.
    Subscription,
    /// `/subscriptions/{s}/locations`.
    Locations,
    /// `/subscriptions/{s}/providers`.
    Providers,
    /// `/subscriptions/{s}/providers/{ns}[/register]`.
    Provider {
        /// As the caller wrote it.
        namespace: String,
        /// `register` or `unregister`.
        action: Option<String>,
    },
    /// `/subscriptions/{s}/resourcegroups`.
    Groups,
    /// A resource group.
    Group(Place),
    /// `/subscriptions/{s}[/resourcegroups/{rg}]/resources`: everything below.
    Everything(String),
    /// A long-running operation's status or result.
    Operation {
        /// Its id.
        id: String,
        /// Whether the result is asked for (`Location`) and not the status (`Azure-AsyncOperation`).
        result: bool,
    },
    /// A resource.
    Resource(Place),
    /// All resources of a type at a scope.
    Collection {
        /// The scope, lower-case.
        scope: String,
        /// `namespace/type`, lower-case.
        of_type: String,
    },
    /// An action on a resource.
    Action {
        /// The resource.
        place: Place,
        /// Its name, lower-case.
        action: String,
    },
    /// Nothing that ARM knows.
    Nothing,
}

/// Canonical spellings of types; what is not in the list keeps the caller's.
const SPELLINGS: [&str; 16] = [
    "Microsoft.ContainerService/managedClusters",
    "Microsoft.ContainerService/managedClusters/agentPools",
    "Microsoft.ContainerService/managedClusters/commandResults",
    "Microsoft.Monitor/accounts",
    "Microsoft.Dashboard/grafana",
    "Microsoft.Insights/dataCollectionEndpoints",
    "Microsoft.Insights/dataCollectionRules",
    "Microsoft.Insights/dataCollectionRuleAssociations",
    "Microsoft.AlertsManagement/prometheusRuleGroups",
    "Microsoft.Authorization/roleAssignments",
    "Microsoft.Authorization/roleDefinitions",
    "Microsoft.Management/managementGroups",
    "Microsoft.Insights/actionGroups",
    "Microsoft.Network/virtualNetworks",
    "Microsoft.Network/virtualNetworks/subnets",
    "Microsoft.ManagedIdentity/userAssignedIdentities",
];

/// A type's canonical spelling.
pub fn spelled(of_type: &str) -> &str {
    SPELLINGS.into_iter().find(|known| known.eq_ignore_ascii_case(of_type)).unwrap_or(of_type)
}

/// Reads a path. `posts` says whether the method is POST: then an odd end is an action and not a collection.
pub fn read(path: &str, posts: bool) -> Address {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let lower: Vec<String> = parts.iter().map(|part| part.to_ascii_lowercase()).collect();
    let words: Vec<&str> = lower.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["tenants"] => Address::Tenants,
        ["subscriptions"] => Address::Subscriptions,
        ["subscriptions", _] => Address::Subscription,
        ["subscriptions", _, "locations"] => Address::Locations,
        ["subscriptions", _, "providers"] => Address::Providers,
        ["subscriptions", _, "providers", _] => Address::Provider { namespace: parts[3].to_owned(), action: None },
        ["subscriptions", _, "providers", _, action @ ("register" | "unregister")] => {
            Address::Provider { namespace: parts[3].to_owned(), action: Some((*action).to_owned()) }
        }
        ["subscriptions", _, "resourcegroups"] => Address::Groups,
        ["subscriptions", subscription, "resourcegroups", _] => Address::Group(group(subscription, parts[3])),
        ["subscriptions", _, "resources"] | ["subscriptions", _, "resourcegroups", _, "resources"] => {
            Address::Everything(format!("/{}", words[..words.len() - 1].join("/")))
        }
        [.., "locations", _, kind @ ("operations" | "operationresults"), id] => {
            Address::Operation { id: (*id).to_owned(), result: *kind == "operationresults" }
        }
        _ => below(&parts, &words, posts),
    }
}

fn group(subscription: &str, name: &str) -> Place {
    let id = format!("/subscriptions/{subscription}/resourceGroups/{name}");
    Place {
        key: id.to_ascii_lowercase(),
        id,
        parent: format!("/subscriptions/{subscription}"),
        namespace: "microsoft.resources".to_owned(),
        of_type: "resourcegroups".to_owned(),
        name: name.to_owned(),
        attached: false,
    }
}

fn below(parts: &[&str], words: &[&str], posts: bool) -> Address {
    let Some(at) = words.iter().rposition(|word| *word == "providers") else { return Address::Nothing };
    let (scope, rest) = (&words[..at], &words[at + 1..]);
    let scope_key = if scope.is_empty() { String::new() } else { format!("/{}", scope.join("/")) };
    let Some((namespace, chain)) = rest.split_first() else { return Address::Nothing };
    if chain.is_empty() {
        return Address::Nothing;
    }
    let pairs = chain.len() / 2;
    let of_type = chain.iter().step_by(2).take(chain.len().div_ceil(2)).copied().collect::<Vec<_>>();
    if chain.len() % 2 == 0 {
        return place(parts, words, at, pairs).map_or(Address::Nothing, Address::Resource);
    }
    if posts {
        let action = (*chain.last().unwrap_or(&"")).to_owned();
        return place(parts, words, at, pairs).map_or(Address::Nothing, |place| Address::Action { place, action });
    }
    if chain.len() == 1 {
        return Address::Collection { scope: scope_key, of_type: format!("{namespace}/{}", of_type.join("/")) };
    }
    let parent = format!("{scope_key}/providers/{namespace}/{}", chain[..chain.len() - 1].join("/"));
    Address::Collection { scope: parent, of_type: format!("{namespace}/{}", of_type.join("/")) }
}

/// The resource made of the first `pairs` of type and name behind the `providers` at `at`.
fn place(parts: &[&str], words: &[&str], at: usize, pairs: usize) -> Option<Place> {
    if pairs == 0 {
        return None;
    }
    let (first, end) = (at + 2, at + 2 + 2 * pairs);
    let types: Vec<&str> = words[first..end].iter().step_by(2).copied().collect();
    let of_type = types.join("/");
    let full = format!("{}/{of_type}", words[at + 1]);
    let canonical = spelled(&full);
    let mut spelling = canonical.split('/');
    let namespace = spelling.next().unwrap_or_default().to_owned();
    let tail: String = spelling
        .zip(parts[first + 1..end].iter().step_by(2))
        .fold(String::new(), |all, (kind, name)| all + "/" + kind + "/" + name);
    let scope = scope_id(&parts[..at], &words[..at]);
    let parent_end = if pairs > 1 { end - 2 } else { at };
    let parent = if parent_end == 0 { String::new() } else { format!("/{}", words[..parent_end].join("/")) };
    Some(Place {
        key: format!("/{}", words[..end].join("/")),
        id: format!("{scope}/providers/{namespace}{tail}"),
        parent,
        namespace: words[at + 1].to_owned(),
        of_type,
        name: parts[end - 1].to_owned(),
        attached: words[..at].contains(&"providers"),
    })
}

/// A scope in ARM's spelling.
fn scope_id(parts: &[&str], words: &[&str]) -> String {
    if let Some(at) = words.iter().rposition(|word| *word == "providers")
        && let Some(place) = place(parts, words, at, (words.len().saturating_sub(at + 2)) / 2)
    {
        return place.id;
    }
    let spelled = parts.iter().zip(words).map(|(part, word)| if *word == "resourcegroups" { "resourceGroups" } else { part });
    spelled.fold(String::new(), |all, part| all + "/" + part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_out_in_arms_spelling() {
        let Address::Resource(place) =
            read("/subscriptions/S/resourcegroups/Rg/providers/microsoft.CONTAINERservice/MANAGEDclusters/C/agentpools/P", false)
        else {
            panic!("a resource")
        };
        assert_eq!(
            place.id,
            "/subscriptions/S/resourceGroups/Rg/providers/Microsoft.ContainerService/managedClusters/C/agentPools/P"
        );
        assert_eq!(place.of_type, "managedclusters/agentpools");
        assert!(place.parent.ends_with("/managedclusters/c"));
        assert!(!place.attached);
    }

    #[test]
    fn what_hangs_on_a_resource_has_it_as_parent() {
        let cluster = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/c";
        let path = format!("{cluster}/providers/microsoft.insights/datacollectionruleassociations/a");
        let Address::Resource(place) = read(&path, false) else { panic!("a resource") };
        assert_eq!((place.parent, place.attached), (cluster.to_lowercase(), true));
        let expected = format!("{cluster}/providers/Microsoft.Insights/dataCollectionRuleAssociations/a");
        assert_eq!(place.id, expected);
        let Address::Collection { scope, of_type } = read(path.trim_end_matches("/a"), false) else { panic!("a collection") };
        assert_eq!((scope, of_type.as_str()), (cluster.to_lowercase(), "microsoft.insights/datacollectionruleassociations"));
    }

    #[test]
    fn actions_operations_and_scopes_are_told_apart() {
        let cluster = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/c";
        assert!(matches!(read(&format!("{cluster}/runCommand"), true), Address::Action { action, .. } if action == "runcommand"));
        assert!(
            matches!(read(&format!("{cluster}/commandResults/1"), false), Address::Resource(place) if place.of_type == "managedclusters/commandresults")
        );
        let operation = "/subscriptions/s/providers/Microsoft.X/locations/l/operations/42";
        assert_eq!(read(operation, false), Address::Operation { id: "42".into(), result: false });
        let Address::Resource(role) = read("/subscriptions/s/providers/Microsoft.Authorization/roleAssignments/g", false) else {
            panic!("a resource")
        };
        assert_eq!((role.parent.as_str(), role.attached), ("/subscriptions/s", false));
        assert_eq!(
            read("/subscriptions/s/resourceGroups/rg/resources", false),
            Address::Everything("/subscriptions/s/resourcegroups/rg".into())
        );
        assert_eq!(read("/nothing/here", false), Address::Nothing);
    }
}
