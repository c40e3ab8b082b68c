//! ARM itself: a plain function from a request and the world to an answer. It knows no sockets; the server beside it does.

pub mod memory;

use jiff::Timestamp;
use serde_json::Value;

use super::effects::access::Caller;
use super::effects::delays::Delays;
use super::planes::router::Audience;
use super::world::World;

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
pub struct Setting<'a> {
    /// The address of everything that is served, without trailing `/`: `https://localhost:20443`.
    pub base_url: &'a str,
    /// The certificate authority's PEM, for kubeconfigs.
    pub ca_pem: &'a str,
    /// The one tenant.
    pub tenant: &'a str,
    /// The one subscription.
    pub subscription: &'a str,
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

/// Answers one request and changes the world as it says.
pub fn answer(world: &mut World, setting: &Setting, call: &Call) -> Reply {
    let _ = (world, setting, call);
    Reply { status: 404, ..Reply::default() }
}
