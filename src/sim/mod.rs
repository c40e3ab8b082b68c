//! Annex: the embedded Azure and the stand-in provider. Imports floor 0 only and shares no request types with the client.

pub mod effects;
pub mod grafana;
pub mod kube;
pub mod planes;
pub mod prometheus;
pub mod runcommand;
