//! Tables of the provider block, the resource group, the workspace and the client configuration (azurerm 5.2.0).

use super::Type::{Bool, Text, TextList, TextMap};
use super::features::FEATURES;
use super::{Block, Codec, TIMEOUTS, TIMEOUTS_READ, computed, list, optional, required, settled};

/// `provider "azurerm"`.
pub(in crate::sim::tfplugin) const PROVIDER: Block = Block {
    attributes: &[
        optional("ado_pipeline_service_connection_id", Text),
        optional("auxiliary_tenant_ids", TextList),
        optional("client_certificate", Text),
        optional("client_certificate_password", Text),
        optional("client_certificate_path", Text),
        optional("client_id", Text),
        optional("client_id_file_path", Text),
        optional("client_secret", Text),
        optional("client_secret_file_path", Text),
        optional("disable_correlation_request_id", Bool),
        optional("disable_terraform_partner_id", Bool),
        optional("environment", Text),
        optional("metadata_host", Text),
        optional("msi_api_version", Text),
        optional("msi_endpoint", Text),
        optional("oidc_request_token", Text),
        optional("oidc_request_url", Text),
        optional("oidc_token", Text),
        optional("oidc_token_file_path", Text),
        optional("partner_id", Text),
        optional("resource_provider_registrations", Text),
        optional("resource_providers_to_register", TextList),
        optional("storage_use_azuread", Bool),
        optional("subscription_id", Text),
        optional("tenant_id", Text),
        optional("use_aks_workload_identity", Bool),
        optional("use_cli", Bool),
        optional("use_msi", Bool),
        optional("use_oidc", Bool),
    ],
    blocks: &[list("features", 0, 0, &FEATURES)],
};

/// `azurerm_resource_group`.
pub(in crate::sim::tfplugin) const RESOURCE_GROUP: Block = Block {
    attributes: &[
        settled("id", Text).kept(),
        required("location", Text).fixed().at("/location", Codec::Place),
        optional("managed_by", Text).at("/managedBy", Codec::Same).fixed(),
        required("name", Text).fixed().at("/name", Codec::Same),
        optional("tags", TextMap).at("/tags", Codec::Same),
    ],
    blocks: &[TIMEOUTS],
};

/// `azurerm_monitor_workspace`.
pub(in crate::sim::tfplugin) const MONITOR_WORKSPACE: Block = Block {
    attributes: &[
        computed("default_data_collection_endpoint_id", Text)
            .at("/properties/defaultIngestionSettings/dataCollectionEndpointResourceId", Codec::Same),
        computed("default_data_collection_rule_id", Text)
            .at("/properties/defaultIngestionSettings/dataCollectionRuleResourceId", Codec::Same),
        settled("id", Text).kept(),
        required("location", Text).fixed().at("/location", Codec::Place),
        required("name", Text).fixed().at("/name", Codec::Same),
        optional("public_network_access_enabled", Bool).at("/properties/publicNetworkAccess", Codec::Switch).or_bool(true),
        computed("query_endpoint", Text).at("/properties/metrics/prometheusQueryEndpoint", Codec::Same),
        required("resource_group_name", Text).fixed().kept(),
        optional("tags", TextMap).at("/tags", Codec::Same),
    ],
    blocks: &[TIMEOUTS],
};

/// `data "azurerm_client_config"`.
pub(in crate::sim::tfplugin) const CLIENT_CONFIG: Block = Block {
    attributes: &[
        computed("client_id", Text),
        settled("id", Text),
        computed("object_id", Text),
        computed("subscription_id", Text),
        computed("tenant_id", Text),
    ],
    blocks: &[TIMEOUTS_READ],
};
