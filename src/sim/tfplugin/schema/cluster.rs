//! Table of `azurerm_kubernetes_cluster`'s top level (azurerm 5.2.0).

use super::Type::{Bool, Number, Text, TextList, TextMap, TextSet};
use super::cluster_parts::{AUTO_SCALER, NETWORK, SCHEDULE, WINDOW};
use super::node_pool::NODE_POOL;
use super::{Block, Codec, IDENTITIES, KUBE_CONFIGS, TIMEOUTS, computed, list, optional, required, settled};

/// `azurerm_kubernetes_cluster`, schema version 2.
pub(in crate::sim::tfplugin) const CLUSTER: Block = Block {
    attributes: &[
        optional("ai_toolchain_operator_enabled", Bool).at("/properties/aiToolchainOperatorProfile/enabled", Codec::Same),
        optional("automatic_upgrade_channel", Text).at("/properties/autoUpgradeProfile/upgradeChannel", Codec::Unless("none")),
        optional("azure_policy_enabled", Bool).at("/properties/addonProfiles/azurepolicy/enabled", Codec::Same),
        optional("cost_analysis_enabled", Bool).at("/properties/metricsProfile/costAnalysis/enabled", Codec::Same),
        computed("current_kubernetes_version", Text).at("/properties/currentKubernetesVersion", Codec::Same),
        optional("custom_ca_trust_certificates_base64", TextList)
            .at("/properties/securityProfile/customCATrustCertificates", Codec::Same),
        optional("disk_encryption_set_id", Text).at("/properties/diskEncryptionSetID", Codec::Same).fixed(),
        optional("dns_prefix", Text).at("/properties/dnsPrefix", Codec::Same).fixed(),
        optional("dns_prefix_private_cluster", Text).at("/properties/fqdnSubdomain", Codec::Same).fixed(),
        optional("edge_zone", Text).at("/extendedLocation/name", Codec::Same).fixed(),
        computed("fqdn", Text).at("/properties/fqdn", Codec::Same),
        optional("http_application_routing_enabled", Bool)
            .at("/properties/addonProfiles/httpApplicationRouting/enabled", Codec::Same),
        computed("http_application_routing_zone_name", Text)
            .at("/properties/addonProfiles/httpApplicationRouting/config/HTTPApplicationRoutingZoneName", Codec::Same),
        settled("id", Text).kept(),
        optional("image_cleaner_enabled", Bool).at("/properties/securityProfile/imageCleaner/enabled", Codec::Same),
        optional("image_cleaner_interval_hours", Number)
            .at("/properties/securityProfile/imageCleaner/intervalHours", Codec::Same),
        computed("kube_admin_config", KUBE_CONFIGS).sensitive().kept(),
        computed("kube_admin_config_raw", Text).sensitive().kept(),
        computed("kube_config", KUBE_CONFIGS).sensitive().kept(),
        computed("kube_config_raw", Text).sensitive().kept(),
        settled("kubernetes_version", Text).at("/properties/kubernetesVersion", Codec::Same),
        optional("local_account_disabled", Bool).at("/properties/disableLocalAccounts", Codec::Same),
        required("location", Text).fixed().at("/location", Codec::Place),
        required("name", Text).fixed().at("/name", Codec::Same),
        optional("node_os_upgrade_channel", Text)
            .at("/properties/autoUpgradeProfile/nodeOSUpgradeChannel", Codec::Same)
            .or_text("NodeImage"),
        settled("node_resource_group", Text).at("/properties/nodeResourceGroup", Codec::Same).fixed(),
        computed("node_resource_group_id", Text).kept(),
        optional("oidc_issuer_enabled", Bool).at("/properties/oidcIssuerProfile/enabled", Codec::Same).or_bool(true),
        computed("oidc_issuer_url", Text).at("/properties/oidcIssuerProfile/issuerURL", Codec::Same),
        optional("open_service_mesh_enabled", Bool).at("/properties/addonProfiles/openServiceMesh/enabled", Codec::Same),
        computed("portal_fqdn", Text).at("/properties/azurePortalFQDN", Codec::Same),
        optional("private_cluster_enabled", Bool)
            .at("/properties/apiServerAccessProfile/enablePrivateCluster", Codec::Same)
            .or_bool(false)
            .fixed(),
        optional("private_cluster_public_fqdn_enabled", Bool)
            .at("/properties/apiServerAccessProfile/enablePrivateClusterPublicFQDN", Codec::Same)
            .or_bool(false),
        settled("private_dns_zone_id", Text).at("/properties/apiServerAccessProfile/privateDNSZone", Codec::Same).fixed(),
        computed("private_fqdn", Text).at("/properties/privateFQDN", Codec::Same),
        required("resource_group_name", Text).fixed().kept(),
        optional("role_based_access_control_enabled", Bool).at("/properties/enableRBAC", Codec::Same).or_bool(true).fixed(),
        optional("run_command_enabled", Bool)
            .at("/properties/apiServerAccessProfile/disableRunCommand", Codec::Inverse)
            .or_bool(true),
        optional("sku_tier", Text).at("/sku/tier", Codec::Same).or_text("Free"),
        optional("support_plan", Text).at("/properties/supportPlan", Codec::Same).or_text("KubernetesOfficial"),
        optional("tags", TextMap).at("/tags", Codec::Same),
        optional("workload_identity_enabled", Bool)
            .at("/properties/securityProfile/workloadIdentity/enabled", Codec::Same)
            .or_bool(false),
    ],
    blocks: &[
        list(
            "aci_connector_linux",
            0,
            1,
            &Block {
                attributes: &[
                    computed("connector_identity", IDENTITIES).at("/identity", Codec::Identities),
                    required("subnet_name", Text).at("/config/SubnetName", Codec::Same),
                ],
                blocks: &[],
            },
        )
        .at("/properties/addonProfiles/aciConnectorLinux")
        .enabled("/enabled"),
        list(
            "api_server_access_profile",
            0,
            1,
            &Block {
                attributes: &[
                    optional("authorized_ip_ranges", TextSet).at("/authorizedIPRanges", Codec::Same),
                    optional("subnet_id", Text),
                    optional("virtual_network_integration_enabled", Bool)
                        .at("/enableVnetIntegration", Codec::Same)
                        .or_bool(false),
                ],
                blocks: &[],
            },
        )
        .at("/properties/apiServerAccessProfile")
        .filled(),
        list("auto_scaler_profile", 0, 1, &AUTO_SCALER).at("/properties/autoScalerProfile").computed(),
        list(
            "azure_active_directory_role_based_access_control",
            0,
            1,
            &Block {
                attributes: &[
                    optional("admin_group_object_ids", TextList).at("/adminGroupObjectIDs", Codec::Same),
                    optional("azure_rbac_enabled", Bool).at("/enableAzureRBAC", Codec::Same),
                    settled("tenant_id", Text).at("/tenantID", Codec::Same),
                ],
                blocks: &[],
            },
        )
        .at("/properties/aadProfile"),
        list(
            "bootstrap_profile",
            0,
            1,
            &Block {
                attributes: &[optional("artifact_source", Text).or_text("Direct"), optional("container_registry_id", Text)],
                blocks: &[],
            },
        )
        .at("/properties/bootstrapProfile")
        .computed(),
        list(
            "confidential_computing",
            0,
            1,
            &Block {
                attributes: &[required("sgx_quote_helper_enabled", Bool).at("/config/ACCSGXQuoteHelperEnabled", Codec::Word)],
                blocks: &[],
            },
        )
        .at("/properties/addonProfiles/ACCSGXDeviceConnector")
        .enabled("/enabled"),
        list("default_node_pool", 1, 1, &NODE_POOL).at("/properties/agentPoolProfiles/0"),
        list(
            "http_proxy_config",
            0,
            1,
            &Block {
                attributes: &[
                    optional("http_proxy", Text),
                    optional("https_proxy", Text),
                    optional("no_proxy", TextSet),
                    optional("trusted_ca", Text).sensitive().at("/trustedCa", Codec::Same),
                ],
                blocks: &[],
            },
        )
        .at("/properties/httpProxyConfig"),
        list(
            "identity",
            0,
            1,
            &Block {
                attributes: &[
                    optional("identity_ids", TextSet).at("/userAssignedIdentities", Codec::Keys),
                    computed("principal_id", Text),
                    computed("tenant_id", Text),
                    required("type", Text),
                ],
                blocks: &[],
            },
        )
        .at("/identity")
        .named(),
        list(
            "ingress_application_gateway",
            0,
            1,
            &Block {
                attributes: &[
                    computed("effective_gateway_id", Text).at("/config/effectiveApplicationGatewayId", Codec::Same),
                    optional("gateway_id", Text).at("/config/applicationGatewayId", Codec::Same),
                    optional("gateway_name", Text).at("/config/applicationGatewayName", Codec::Same),
                    computed("ingress_application_gateway_identity", IDENTITIES).at("/identity", Codec::Identities),
                    optional("subnet_cidr", Text).at("/config/subnetCIDR", Codec::Same),
                    optional("subnet_id", Text).at("/config/subnetId", Codec::Same),
                ],
                blocks: &[],
            },
        )
        .at("/properties/addonProfiles/ingressApplicationGateway")
        .enabled("/enabled"),
        list(
            "key_management_service",
            0,
            1,
            &Block {
                attributes: &[
                    required("key_vault_key_id", Text).at("/keyId", Codec::Same),
                    optional("key_vault_network_access", Text).at("/keyVaultNetworkAccess", Codec::Same).or_text("Public"),
                ],
                blocks: &[],
            },
        )
        .at("/properties/securityProfile/azureKeyVaultKms")
        .enabled("/enabled"),
        list(
            "key_vault_secrets_provider",
            0,
            1,
            &Block {
                attributes: &[
                    computed("secret_identity", IDENTITIES).at("/identity", Codec::Identities),
                    optional("secret_rotation_enabled", Bool).at("/config/enableSecretRotation", Codec::Word),
                    optional("secret_rotation_interval", Text).at("/config/rotationPollInterval", Codec::Same).or_text("2m"),
                ],
                blocks: &[],
            },
        )
        .at("/properties/addonProfiles/azureKeyvaultSecretsProvider")
        .enabled("/enabled"),
        list(
            "kubelet_identity",
            0,
            1,
            &Block {
                attributes: &[
                    settled("client_id", Text).at("/clientId", Codec::Same).fixed(),
                    settled("object_id", Text).at("/objectId", Codec::Same).fixed(),
                    settled("user_assigned_identity_id", Text).at("/resourceId", Codec::Same).fixed(),
                ],
                blocks: &[],
            },
        )
        .at("/properties/identityProfile/kubeletidentity")
        .computed(),
        list(
            "linux_profile",
            0,
            1,
            &Block {
                attributes: &[required("admin_username", Text).fixed()],
                blocks: &[list("ssh_key", 1, 1, &Block { attributes: &[required("key_data", Text).fixed()], blocks: &[] })
                    .at("/ssh/publicKeys")
                    .array()],
            },
        )
        .at("/properties/linuxProfile"),
        list("maintenance_window", 0, 1, &WINDOW).apart(),
        list("maintenance_window_auto_upgrade", 0, 1, &SCHEDULE).apart(),
        list("maintenance_window_node_os", 0, 1, &SCHEDULE).apart(),
        list(
            "microsoft_defender",
            0,
            1,
            &Block {
                attributes: &[required("log_analytics_workspace_id", Text).at("/logAnalyticsWorkspaceResourceId", Codec::Same)],
                blocks: &[],
            },
        )
        .at("/properties/securityProfile/defender")
        .enabled("/securityMonitoring/enabled"),
        list(
            "monitor_metrics",
            0,
            1,
            &Block {
                attributes: &[
                    optional("annotations_allowed", Text).at("/kubeStateMetrics/metricAnnotationsAllowList", Codec::Same),
                    optional("labels_allowed", Text).at("/kubeStateMetrics/metricLabelsAllowlist", Codec::Same),
                ],
                blocks: &[],
            },
        )
        .at("/properties/azureMonitorProfile/metrics")
        .enabled("/enabled"),
        list("network_profile", 0, 1, &NETWORK).at("/properties/networkProfile").computed().fixed_presence(),
        list(
            "node_provisioning_profile",
            1,
            1,
            &Block {
                attributes: &[optional("default_node_pools", Text).or_text("Auto"), optional("mode", Text).or_text("Manual")],
                blocks: &[],
            },
        )
        .at("/properties/nodeProvisioningProfile"),
        list(
            "oms_agent",
            0,
            1,
            &Block {
                attributes: &[
                    required("log_analytics_workspace_id", Text).at("/config/logAnalyticsWorkspaceResourceID", Codec::Same),
                    optional("msi_auth_for_monitoring_enabled", Bool).at("/config/useAADAuth", Codec::Word),
                    computed("oms_agent_identity", IDENTITIES).at("/identity", Codec::Identities),
                ],
                blocks: &[],
            },
        )
        .at("/properties/addonProfiles/omsagent")
        .enabled("/enabled"),
        list(
            "service_mesh_profile",
            0,
            1,
            &Block {
                attributes: &[
                    optional("external_ingress_gateway_enabled", Bool)
                        .at("/istio/components/ingressGateways", Codec::Gateway("External")),
                    optional("internal_ingress_gateway_enabled", Bool)
                        .at("/istio/components/ingressGateways", Codec::Gateway("Internal")),
                    required("mode", Text).at("/mode", Codec::Same),
                    required("revisions", TextList).at("/istio/revisions", Codec::Same),
                ],
                blocks: &[list(
                    "certificate_authority",
                    0,
                    1,
                    &Block {
                        attributes: &[
                            required("cert_chain_object_name", Text),
                            required("cert_object_name", Text),
                            required("key_object_name", Text),
                            required("key_vault_id", Text),
                            required("root_cert_object_name", Text),
                        ],
                        blocks: &[],
                    },
                )
                .at("/istio/certificateAuthority/plugin")],
            },
        )
        .at("/properties/serviceMeshProfile")
        .named(),
        list(
            "service_principal",
            0,
            1,
            &Block {
                attributes: &[
                    required("client_id", Text),
                    required("client_secret", Text).sensitive().at("/secret", Codec::Same).kept_too(),
                ],
                blocks: &[],
            },
        )
        .at("/properties/servicePrincipalProfile"),
        list(
            "storage_profile",
            0,
            1,
            &Block {
                attributes: &[
                    optional("blob_driver_enabled", Bool).at("/blobCSIDriver/enabled", Codec::Same).or_bool(false),
                    optional("disk_driver_enabled", Bool).at("/diskCSIDriver/enabled", Codec::Same).or_bool(true),
                    optional("file_driver_enabled", Bool).at("/fileCSIDriver/enabled", Codec::Same).or_bool(true),
                    optional("snapshot_controller_enabled", Bool).at("/snapshotController/enabled", Codec::Same).or_bool(true),
                ],
                blocks: &[],
            },
        )
        .at("/properties/storageProfile")
        .declared(),
        TIMEOUTS,
        list(
            "upgrade_override",
            0,
            1,
            &Block {
                attributes: &[
                    optional("effective_until", Text).at("/until", Codec::Same),
                    required("force_upgrade_enabled", Bool).at("/forceUpgrade", Codec::Same),
                ],
                blocks: &[],
            },
        )
        .at("/properties/upgradeSettings/overrideSettings"),
        list(
            "web_app_routing",
            0,
            1,
            &Block {
                attributes: &[
                    optional("default_nginx_controller", Text)
                        .at("/nginx/defaultIngressControllerType", Codec::Same)
                        .or_text("AnnotationControlled"),
                    required("dns_zone_ids", TextList).at("/dnsZoneResourceIds", Codec::Same),
                    computed("web_app_routing_identity", IDENTITIES).at("/identity", Codec::Identities),
                ],
                blocks: &[],
            },
        )
        .at("/properties/ingressProfile/webAppRouting")
        .enabled("/enabled"),
        list(
            "windows_profile",
            0,
            1,
            &Block {
                attributes: &[
                    required("admin_password", Text).sensitive().kept_too(),
                    required("admin_username", Text).fixed(),
                    optional("license", Text).at("/licenseType", Codec::Same),
                ],
                blocks: &[list(
                    "gmsa",
                    0,
                    1,
                    &Block {
                        attributes: &[
                            required("dns_server", Text),
                            required("root_domain", Text).at("/rootDomainName", Codec::Same),
                        ],
                        blocks: &[],
                    },
                )
                .at("/gmsaProfile")
                .enabled("/enabled")],
            },
        )
        .at("/properties/windowsProfile")
        .computed(),
        list(
            "workload_autoscaler_profile",
            0,
            1,
            &Block {
                attributes: &[
                    optional("keda_enabled", Bool).at("/keda/enabled", Codec::Same).or_bool(false),
                    optional("vertical_pod_autoscaler_enabled", Bool)
                        .at("/verticalPodAutoscaler/enabled", Codec::Same)
                        .or_bool(false),
                ],
                blocks: &[],
            },
        )
        .at("/properties/workloadAutoScalerProfile")
        .filled(),
    ],
};
