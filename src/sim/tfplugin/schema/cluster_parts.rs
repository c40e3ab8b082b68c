//! Tables of the larger blocks of `azurerm_kubernetes_cluster` (azurerm 5.2.0).

use super::Type::{Bool, Number, NumberSet, Text, TextList, TextSet};
use super::{Block, Codec, computed, list, optional, required, set, settled};

/// `auto_scaler_profile`.
pub(super) const AUTO_SCALER: Block = Block {
    attributes: &[
        optional("balance_similar_node_groups", Bool).at("/balance-similar-node-groups", Codec::Word).or_bool(false),
        optional("daemonset_eviction_for_empty_nodes_enabled", Bool)
            .at("/daemonset-eviction-for-empty-nodes", Codec::Same)
            .or_bool(false),
        optional("daemonset_eviction_for_occupied_nodes_enabled", Bool)
            .at("/daemonset-eviction-for-occupied-nodes", Codec::Same)
            .or_bool(true),
        settled("empty_bulk_delete_max", Text).at("/max-empty-bulk-delete", Codec::Same),
        optional("expander", Text).at("/expander", Codec::Same).or_text("random"),
        optional("ignore_daemonsets_utilization_enabled", Bool).at("/ignore-daemonsets-utilization", Codec::Same).or_bool(false),
        settled("max_graceful_termination_sec", Text).at("/max-graceful-termination-sec", Codec::Same),
        optional("max_node_provisioning_time", Text).at("/max-node-provision-time", Codec::Same).or_text("15m"),
        optional("max_unready_nodes", Number).at("/ok-total-unready-count", Codec::Figure).or_number(3),
        optional("max_unready_percentage", Number).at("/max-total-unready-percentage", Codec::Figure).or_number(45),
        settled("new_pod_scale_up_delay", Text).at("/new-pod-scale-up-delay", Codec::Same),
        settled("scale_down_delay_after_add", Text).at("/scale-down-delay-after-add", Codec::Same),
        settled("scale_down_delay_after_delete", Text).at("/scale-down-delay-after-delete", Codec::Same),
        settled("scale_down_delay_after_failure", Text).at("/scale-down-delay-after-failure", Codec::Same),
        settled("scale_down_unneeded", Text).at("/scale-down-unneeded-time", Codec::Same),
        settled("scale_down_unready", Text).at("/scale-down-unready-time", Codec::Same),
        settled("scale_down_utilization_threshold", Text).at("/scale-down-utilization-threshold", Codec::Same),
        settled("scan_interval", Text).at("/scan-interval", Codec::Same),
        optional("skip_nodes_with_local_storage", Bool).at("/skip-nodes-with-local-storage", Codec::Word),
        optional("skip_nodes_with_system_pods", Bool).at("/skip-nodes-with-system-pods", Codec::Word).or_bool(true),
    ],
    blocks: &[],
};

/// `network_profile`.
pub(super) const NETWORK: Block = Block {
    attributes: &[
        settled("dns_service_ip", Text).at("/dnsServiceIP", Codec::Same).fixed(),
        settled("ip_versions", TextList).at("/ipFamilies", Codec::Same).fixed(),
        optional("load_balancer_sku", Text).at("/loadBalancerSku", Codec::Lower).or_text("standard").fixed(),
        optional("network_data_plane", Text).at("/networkDataplane", Codec::Same).or_text("azure").leaves("azure"),
        settled("network_mode", Text).at("/networkMode", Codec::Same).fixed(),
        required("network_plugin", Text).at("/networkPlugin", Codec::Same).fixed(),
        optional("network_plugin_mode", Text).at("/networkPluginMode", Codec::Same).enters("overlay"),
        settled("network_policy", Text).at("/networkPolicy", Codec::Same).leaves(""),
        optional("outbound_type", Text).at("/outboundType", Codec::Same).or_text("loadBalancer"),
        settled("pod_cidr", Text).at("/podCidr", Codec::Same).fixed(),
        settled("pod_cidrs", TextList).at("/podCidrs", Codec::Same).fixed(),
        settled("service_cidr", Text).at("/serviceCidr", Codec::Same).fixed(),
        settled("service_cidrs", TextList).at("/serviceCidrs", Codec::Same).fixed(),
    ],
    blocks: &[
        list(
            "advanced_networking",
            0,
            1,
            &Block {
                attributes: &[
                    optional("observability_enabled", Bool).at("/observability/enabled", Codec::Same).or_bool(false),
                    optional("security_enabled", Bool).at("/security/enabled", Codec::Same).or_bool(false),
                ],
                blocks: &[],
            },
        )
        .enabled("/enabled"),
        list(
            "load_balancer_profile",
            0,
            1,
            &Block {
                attributes: &[
                    optional("backend_pool_type", Text).at("/backendPoolType", Codec::Same).or_text("NodeIPConfiguration"),
                    computed("effective_outbound_ips", TextSet).at("/effectiveOutboundIPs", Codec::References),
                    optional("idle_timeout_in_minutes", Number).at("/idleTimeoutInMinutes", Codec::Same).or_number(30),
                    settled("managed_outbound_ip_count", Number).at("/managedOutboundIPs/count", Codec::Same),
                    settled("managed_outbound_ipv6_count", Number).at("/managedOutboundIPs/countIPv6", Codec::Same),
                    optional("outbound_ip_address_ids", TextSet).at("/outboundIPs/publicIPs", Codec::References),
                    optional("outbound_ip_prefix_ids", TextSet).at("/outboundIPPrefixes/publicIPPrefixes", Codec::References),
                    optional("outbound_ports_allocated", Number).at("/allocatedOutboundPorts", Codec::Same).or_number(0),
                ],
                blocks: &[],
            },
        )
        .computed()
        .fixed_presence(),
        list(
            "nat_gateway_profile",
            0,
            1,
            &Block {
                attributes: &[
                    computed("effective_outbound_ips", TextSet).at("/effectiveOutboundIPs", Codec::References),
                    optional("idle_timeout_in_minutes", Number).at("/idleTimeoutInMinutes", Codec::Same).or_number(4),
                    settled("managed_outbound_ip_count", Number).at("/managedOutboundIPProfile/count", Codec::Same),
                ],
                blocks: &[],
            },
        )
        .computed()
        .fixed_presence(),
    ],
};

/// `maintenance_window`.
pub(super) const WINDOW: Block = Block {
    attributes: &[],
    blocks: &[
        set("allowed", 0, 0, &Block { attributes: &[required("day", Text), required("hours", NumberSet)], blocks: &[] }),
        set("not_allowed", 0, 0, &Block { attributes: &[required("end", Text), required("start", Text)], blocks: &[] }),
    ],
};

/// `maintenance_window_auto_upgrade` and `maintenance_window_node_os`.
pub(super) const SCHEDULE: Block = Block {
    attributes: &[
        optional("day_of_month", Number),
        optional("day_of_week", Text),
        required("duration", Number),
        required("frequency", Text),
        required("interval", Number),
        settled("start_date", Text),
        optional("start_time", Text),
        optional("utc_offset", Text),
        optional("week_index", Text),
    ],
    blocks: &[set("not_allowed", 0, 0, &Block { attributes: &[required("end", Text), required("start", Text)], blocks: &[] })],
};
