//! Annex: the embedded Azure and the stand-in provider. Imports floor 0 only and shares no request types with the client.
//!
//! The data planes: `effects` turns causes into histories, `planes` holds the state and the routes, and `kube`, `runcommand`,
//! `prometheus` and `grafana` answer from it as plain functions from request to answer. `tfplugin`
//! is the other side: a Terraform provider that asks the embedded ARM as azurerm asks Azure.

pub mod arm;
pub mod effects;
pub mod grafana;
pub mod kube;
pub mod planes;
pub mod prometheus;
pub mod runcommand;
pub mod server;
pub mod tfplugin;
pub mod world;
