//! Azure Managed Grafana's own API (contract §6.5): content that integrations bring, and queries with Grafana's identity.

pub mod api;
pub mod dashboards;
pub mod frames;
pub mod state;
