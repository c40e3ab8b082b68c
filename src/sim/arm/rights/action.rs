//! The action that a request is, and the scope that it is judged at.

use crate::sim::arm::Call;
use crate::sim::arm::address::{Address, Place, spelled};

/// What is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// `Microsoft.ContainerService/managedClusters/write`.
    pub action: String,
    /// The scope as ARM spells it.
    pub scope: String,
}

/// Names of actions as Azure spells them, where callers write theirs in other cases.
const SPELLINGS: [&str; 4] = ["runcommand", "listClusterUserCredential", "listClusterAdminCredential", "checkNameAvailability"];

/// What a request is judged by; nothing for what everybody may ask: who is there at all, what one may oneself, how an operation
/// goes that one was told the address of.
pub fn of(call: &Call, address: &Address, subscription: &str) -> Option<Asked> {
    let at_subscription = |action: String| Asked { action, scope: format!("/subscriptions/{subscription}") };
    let resources = |rest: &str| Some(at_subscription(format!("Microsoft.Resources/subscriptions/{rest}")));
    match address {
        Address::Subscription => resources("read"),
        Address::Locations => resources("locations/read"),
        Address::Providers | Address::Provider { action: None, .. } => resources("providers/read"),
        Address::Provider { namespace, action: Some(action) } => Some(at_subscription(format!("{namespace}/{action}/action"))),
        Address::Group(place) => {
            let verb = verb(call);
            Some(Asked { action: format!("Microsoft.Resources/subscriptions/resourcegroups/{verb}"), scope: place.id.clone() })
        }
        Address::Resource(place) => Some(Asked { action: format!("{}/{}", type_of(place), verb(call)), scope: place.id.clone() }),
        Address::Action { place, action } => {
            let action = SPELLINGS.into_iter().find(|known| known.eq_ignore_ascii_case(action)).unwrap_or(action);
            Some(Asked { action: format!("{}/{action}/action", type_of(place)), scope: place.id.clone() })
        }
        // Lists show what may be read: they are judged row by row.
        Address::Groups
        | Address::Everything(_)
        | Address::Collection { .. }
        | Address::Tenants
        | Address::Subscriptions
        | Address::Operation { .. }
        | Address::Nothing => None,
    }
}

fn verb(call: &Call) -> &'static str {
    match call.method.as_str() {
        "PUT" | "PATCH" => "write",
        "DELETE" => "delete",
        _ => "read",
    }
}

/// The type of a resource as its namespace spells it.
fn type_of(place: &Place) -> String {
    spelled(&format!("{}/{}", place.namespace, place.of_type)).to_owned()
}

/// What whoever reads a resource of this lower-case id is judged by.
pub fn reading(key: &str) -> String {
    let Some((_, rest)) = key.rsplit_once("/providers/") else {
        return "Microsoft.Resources/subscriptions/resourcegroups/read".to_owned();
    };
    let mut parts = rest.split('/');
    let namespace = parts.next().unwrap_or_default().to_owned();
    let of_type = parts.step_by(2).fold(namespace, |all, kind| all + "/" + kind);
    format!("{}/read", spelled(&of_type))
}
