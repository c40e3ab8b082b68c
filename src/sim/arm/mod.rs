//! ARM itself: a plain function from a request and the world to an answer. It knows no sockets; the server beside it does.

pub mod activity;
pub mod address;
pub mod graph;
pub mod groups;
pub mod kinds;
pub mod memory;
pub mod offers;
pub mod operations;
pub mod register;
pub mod reply;
pub mod resources;
pub mod rights;
pub mod subscription;
pub mod versions;

use jiff::Timestamp;
use serde_json::Value;

use super::effects::access::Caller;
use super::effects::delays::Delays;
use super::planes::View;
use super::planes::router::Audience;
use super::world::World;
use address::{Address, Place};
use reply::Refusal;
use rights::{Rights, must_be_allowed, shown};

/// A request whose token was valid for ARM.
#[derive(Clone, Debug)]
pub struct Call {
    /// `GET`, `PUT`, …
    pub method: String,
    /// The path as sent, percent-decoded, without query.
    pub path: String,
    /// The query, decoded, in order.
    pub query: Vec<(String, String)>,
    /// Header names in lower case with their values.
    pub headers: Vec<(String, String)>,
    /// The body; null when there was none.
    pub body: Value,
    /// Who asks.
    pub caller: Caller,
}

/// Where and when this happens.
#[derive(Clone, Copy)]
pub struct Setting<'a> {
    /// The address of everything that is served, without trailing `/`: `https://localhost:20443`.
    pub base_url: &'a str,
    /// The certificate authority's PEM, for kubeconfigs.
    pub ca_pem: &'a str,
    /// The one tenant.
    pub tenant: &'a str,
    /// Object id of the principal that owns all subscriptions.
    pub owner: &'a str,
    /// The subscription that is spoken of.
    pub subscription: &'a str,
    /// All there are.
    pub subscriptions: &'a [String],
    /// The hour.
    pub now: Timestamp,
    /// The pace of cause and effect.
    pub delays: &'a Delays,
    /// Seconds of real life that pass in one second here: 1.0 is real time, 0.01 a hundred times faster.
    pub pace: f64,
    /// Tells whom a token stands for, for the `clusterToken` of run-command.
    pub recognise: &'a dyn Fn(&str, Audience) -> Option<Caller>,
}

/// ARM's answer. Bodies of errors are ARM's `{"error": {"code", "message"}}`.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers beside `content-type` and the request ids, which the server adds.
    pub headers: Vec<(String, String)>,
    /// The body, when there is one.
    pub body: Option<Value>,
}

impl Call {
    /// The `api-version` that was asked for; empty when there was none.
    pub fn version(&self) -> &str {
        self.parameter("api-version").unwrap_or_default()
    }

    /// A query parameter, named without case.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Whether it may change something: queries are sent as POST too.
    pub fn changes(&self) -> bool {
        !matches!(self.method.as_str(), "GET" | "HEAD") && !graph::is_asked(self)
    }

    /// Whether it hands out a credential: an action for the Activity Log, and nothing that changes the world.
    pub fn lends(&self) -> bool {
        self.path.to_ascii_lowercase().ends_with("credential")
    }

    /// A header, named in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Answers one request and changes the world as it says.
pub fn answer(world: &mut World, setting: &Setting, call: &Call) -> Reply {
    let ended = operations::settle(world, setting.now);
    world.resources.date(setting.now, setting.delays.graph);
    let reply = route(world, setting, call).unwrap_or_else(Reply::from);
    if call.changes() {
        activity::note(world, setting, call, reply.status);
        world.resources.date(setting.now, setting.delays.graph);
    }
    // Looking at every cluster is dear in a large world, and whoever only reads ARM gives no cause to.
    if (call.changes() && !call.lends()) || ended {
        let World { resources, planes, .. } = world;
        planes.observe(&View { resources, now: setting.now, delays: setting.delays });
    }
    reply
}

fn route(world: &mut World, setting: &Setting, call: &Call) -> Result<Reply, Refusal> {
    must_be_versioned(call)?;
    let rights = Rights::of(world, setting, &call.caller);
    if graph::is_asked(call) {
        return Ok(graph::answer(world, setting, call, &rights));
    }
    let address = address::read(&call.path, call.method == "POST");
    must_be_ours(setting, call)?;
    let here = format!("/subscriptions/{}", setting.subscription);
    if activity::is_asked(call) {
        must_be_allowed(&rights, call, "Microsoft.Insights/eventtypes/values/read", &here)?;
        return activity::answer(world, setting, call);
    }
    rights::judge(&rights, setting, call, &address)?;
    match address {
        Address::Tenants => Ok(subscription::tenants(setting)),
        Address::Subscriptions => Ok(subscription::all(setting, &rights)),
        Address::Subscription => Ok(reply::body(200, subscription::described(setting))),
        Address::Locations => Ok(subscription::locations(setting)),
        Address::Providers => Ok(subscription::providers(world, setting, call.parameter("$select"))),
        Address::Provider { namespace, action } => subscription::one_provider(world, setting, &namespace, action.as_deref()),
        Address::Groups => {
            let action = "Microsoft.Resources/subscriptions/resourcegroups/read";
            shown(&rights, call, action, &here, groups::list(world, setting))
        }
        Address::Group(place) => groups::answer(world, setting, call, &place),
        Address::Everything(scope) => {
            let action = "Microsoft.Resources/subscriptions/resources/read";
            shown(&rights, call, action, &scope, resources::everything(world, &scope))
        }
        Address::Operation { id, result } => operations::look(world, setting, &id, result),
        Address::Collection { scope, of_type } => collection(world, setting, call, &rights, (&scope, &of_type)),
        Address::Action { place, action } if call.method == "POST" => {
            kinds::actions::answer(world, setting, call, &place, &action)
        }
        Address::Resource(place) => resource(world, setting, call, &place),
        Address::Action { .. } | Address::Nothing => Err(reply::refuse(404, "NotFound", "The request path is not known.")),
    }
}

fn resource(world: &mut World, setting: &Setting, call: &Call, place: &Place) -> Result<Reply, Refusal> {
    match place.of_type.as_str() {
        "roledefinitions" if place.namespace == "microsoft.authorization" && call.method == "GET" => {
            return rights::definition(&place.name);
        }
        "managedclusters/agentpools" => return kinds::pools::answer(world, setting, call, place),
        "managedclusters/commandresults" => return kinds::actions::result(world, setting, place),
        _ => {}
    }
    match call.method.as_str() {
        "GET" => resources::get(world, call, place),
        "HEAD" => Ok(reply::bare(if world.resources.contains_key(&place.key) { 204 } else { 404 })),
        "PUT" => resources::put(world, setting, call, place),
        "PATCH" => resources::patch(world, setting, call, place),
        "DELETE" => resources::delete(world, setting, call, place),
        _ => Err(reply::refuse(405, "MethodNotAllowed", "The method is not allowed on this resource.")),
    }
}

fn collection(
    world: &World,
    setting: &Setting,
    call: &Call,
    rights: &Rights,
    (scope, of_type): (&str, &str),
) -> Result<Reply, Refusal> {
    let action = format!("{}/read", address::spelled(of_type));
    if of_type == "microsoft.authorization/permissions" {
        return rights::permissions(world, rights, scope);
    }
    if !rights.reach(scope) {
        must_be_allowed(rights, call, &action, scope)?;
    }
    match of_type {
        "microsoft.authorization/roleassignments" => {
            must_be_allowed(rights, call, &action, scope)?;
            Ok(kinds::roles::list(world, scope, call.parameter("$filter")))
        }
        "microsoft.authorization/roledefinitions" => Ok(rights::definitions(call.parameter("$filter"))),
        "microsoft.alertsmanagement/alertrulerecommendations" if world.resources.contains_key(scope) => {
            must_be_allowed(rights, call, &action, scope)?;
            Ok(reply::page(kinds::rule_groups::recommended()))
        }
        "microsoft.compute/skus"
        | "microsoft.compute/locations/usages"
        | "microsoft.network/locations/usages"
        | "microsoft.containerservice/locations/kubernetesversions" => {
            must_be_allowed(rights, call, &action, scope)?;
            subscription::must_be_registered(world, setting, of_type.split('/').next().unwrap_or_default())?;
            match of_type {
                "microsoft.compute/skus" => Ok(offers::sizes(call.parameter("$filter"))),
                "microsoft.containerservice/locations/kubernetesversions" => Ok(offers::kubernetes_versions()),
                usages => offers::usages(world, setting, call, usages.split('/').next().unwrap_or_default()),
            }
        }
        "microsoft.insights/datacollectionrules/associations" => {
            must_be_allowed(rights, call, &action, scope)?;
            kinds::collection::users(world, scope)
        }
        "microsoft.containerservice/managedclusters/agentpools" => {
            must_be_allowed(rights, call, &action, scope)?;
            kinds::pools::list(world, scope)
        }
        _ => shown(rights, call, &action, scope, resources::list(world, call, scope, of_type)?),
    }
}

/// Every request names a version, as `2025-10-01` or `2025-10-01-preview`.
fn must_be_versioned(call: &Call) -> Result<(), Refusal> {
    let version = call.version();
    if version.is_empty() {
        let message = "The api-version query parameter (?api-version=) is required for all requests.";
        return Err(reply::refuse(400, "MissingApiVersionParameter", message));
    }
    let day = version.strip_suffix("-preview").unwrap_or(version);
    let sound = day.len() == 10
        && day.bytes().enumerate().all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() });
    if sound {
        Ok(())
    } else {
        Err(reply::refuse(400, "InvalidApiVersionParameter", format!("The api-version '{version}' is invalid.")))
    }
}

/// A subscription that is not there.
fn must_be_ours(setting: &Setting, call: &Call) -> Result<(), Refusal> {
    let mut parts = call.path.split('/').filter(|part| !part.is_empty());
    match (parts.next(), parts.next()) {
        (Some(first), Some(asked))
            if first.eq_ignore_ascii_case("subscriptions") && !asked.eq_ignore_ascii_case(setting.subscription) =>
        {
            Err(reply::refuse(404, "SubscriptionNotFound", format!("The subscription '{asked}' could not be found.")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
