//! `/metadata/endpoints`: what azurerm and az learn about a cloud (contract §9.8).

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use serde_json::{Value, json};

use super::Shared;

/// Describes the cloud: one object for the newer versions, a list for the older ones.
pub(super) async fn endpoints(State(shared): State<Arc<Shared>>, Query(query): Query<Vec<(String, String)>>) -> Json<Value> {
    let (base, host) = (&shared.base_url, shared.base_url.trim_start_matches("https://"));
    let cloud = json!({
        "name": "AzureCloud", "portal": base, "resourceManager": base, "graph": base, "microsoftGraphResourceId": base, "gallery": base,
        "batch": "https://batch.core.windows.net/", "sqlManagement": base, "vmImageAliasDoc": base, "media": base, "activeDirectoryDataLake": base,
        "resourceManagerEndpoint": base,
        "authentication": {"loginEndpoint": base, "audiences": ["https://management.azure.com", "https://management.core.windows.net/"],
            "tenant": "common", "identityProvider": "AAD"},
        "suffixes": {"storage": "core.windows.net", "keyVaultDns": "vault.azure.net", "acrLoginServer": "azurecr.io", "sqlServerHostname": "database.windows.net",
            "storageSyncEndpointSuffix": "afs.azure.net", "mhsmDns": "managedhsm.azure.net", "azureFrontDoorEndpointSuffix": "azurefd.net",
            "attestationEndpoint": "attest.azure.net", "synapseAnalytics": "dev.azuresynapse.net", "azureDataLakeStoreFileSystem": "azuredatalakestore.net",
            "azureDataLakeAnalyticsCatalogAndJob": "azuredatalakeanalytics.net", "mysqlServerEndpoint": "mysql.database.azure.com",
            "postgresqlServerEndpoint": "postgres.database.azure.com", "mariadbServerEndpoint": "mariadb.database.azure.com"},
        "ossrdbmsResourceId": "https://ossrdbms-aad.database.windows.net", "logAnalyticsResourceId": "https://api.loganalytics.io",
        "synapseAnalyticsResourceId": "https://dev.azuresynapse.net", "appInsightsResourceId": "https://api.applicationinsights.io",
        "attestationResourceId": "https://attest.azure.net", "appInsightsTelemetryChannelResourceId": format!("https://{host}/v2/track"),
    });
    let version =
        query.iter().find(|(name, _)| name.eq_ignore_ascii_case("api-version")).map_or("", |(_, version)| version.as_str());
    Json(if version >= "2022-01-01" { cloud } else { json!([cloud]) })
}
