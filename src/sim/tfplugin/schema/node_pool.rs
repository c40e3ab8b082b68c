//! Table of `default_node_pool` (azurerm 5.2.0).

use super::Type::{Bool, Number, Text, TextList, TextMap, TextSet};
use super::{Block, Codec, list, optional, required, settled};

/// `default_node_pool`.
pub(super) const NODE_POOL: Block = Block {
    attributes: &[
        optional("auto_scaling_enabled", Bool).at("/enableAutoScaling", Codec::Same),
        optional("capacity_reservation_group_id", Text).at("/capacityReservationGroupID", Codec::Same).fixed(),
        optional("fips_enabled", Bool).at("/enableFIPS", Codec::Same),
        optional("gpu_driver", Text).at("/gpuProfile/driver", Codec::Same).fixed(),
        optional("gpu_instance", Text).at("/gpuInstanceProfile", Codec::Same).fixed(),
        optional("host_encryption_enabled", Bool).at("/enableEncryptionAtHost", Codec::Same),
        optional("host_group_id", Text).at("/hostGroupID", Codec::Same).fixed(),
        settled("kubelet_disk_type", Text),
        optional("max_count", Number),
        settled("max_pods", Number),
        optional("min_count", Number),
        required("name", Text).fixed(),
        settled("node_count", Number).at("/count", Codec::Same),
        settled("node_labels", TextMap),
        optional("node_public_ip_enabled", Bool).at("/enableNodePublicIP", Codec::Same),
        optional("node_public_ip_prefix_id", Text).at("/nodePublicIPPrefixID", Codec::Same).fixed(),
        optional("only_critical_addons_enabled", Bool).at("/nodeTaints", Codec::CriticalTaint),
        settled("orchestrator_version", Text),
        settled("os_disk_size_gb", Number).at("/osDiskSizeGB", Codec::Same),
        optional("os_disk_type", Text).or_text("Managed"),
        settled("os_sku", Text).at("/osSKU", Codec::Same),
        optional("pod_subnet_id", Text).at("/podSubnetID", Codec::Same),
        optional("proximity_placement_group_id", Text).at("/proximityPlacementGroupID", Codec::Same).fixed(),
        optional("scale_down_mode", Text).or_text("Delete"),
        optional("snapshot_id", Text).at("/creationData/sourceResourceId", Codec::Same),
        optional("tags", TextMap),
        optional("temporary_name_for_rotation", Text).kept(),
        optional("type", Text).or_text("VirtualMachineScaleSets").fixed(),
        optional("ultra_ssd_enabled", Bool).at("/enableUltraSSD", Codec::Same).or_bool(false),
        settled("vm_size", Text).at("/vmSize", Codec::Same),
        optional("vnet_subnet_id", Text).at("/vnetSubnetID", Codec::Same),
        settled("workload_runtime", Text),
        optional("zones", TextSet).at("/availabilityZones", Codec::Same),
    ],
    blocks: &[
        list(
            "kubelet_config",
            0,
            1,
            &Block {
                attributes: &[
                    optional("allowed_unsafe_sysctls", TextSet),
                    optional("container_log_max_files", Number),
                    optional("container_log_max_size_mb", Number).at("/containerLogMaxSizeMB", Codec::Same),
                    optional("cpu_cfs_quota_enabled", Bool).at("/cpuCfsQuota", Codec::Same).or_bool(true),
                    optional("cpu_cfs_quota_period", Text),
                    optional("cpu_manager_policy", Text),
                    optional("image_gc_high_threshold", Number),
                    optional("image_gc_low_threshold", Number),
                    optional("pod_max_pid", Number).at("/podMaxPids", Codec::Same),
                    optional("topology_manager_policy", Text),
                ],
                blocks: &[],
            },
        ),
        list(
            "linux_os_config",
            0,
            1,
            &Block {
                attributes: &[
                    optional("swap_file_size_mb", Number).at("/swapFileSizeMB", Codec::Same),
                    optional("transparent_huge_page", Text).at("/transparentHugePageEnabled", Codec::Same),
                    optional("transparent_huge_page_defrag", Text),
                ],
                blocks: &[list(
                    "sysctl_config",
                    0,
                    1,
                    &Block {
                        attributes: &[
                            optional("fs_aio_max_nr", Number),
                            optional("fs_file_max", Number),
                            optional("fs_inotify_max_user_watches", Number),
                            optional("fs_nr_open", Number),
                            optional("kernel_threads_max", Number),
                            optional("net_core_netdev_max_backlog", Number),
                            optional("net_core_optmem_max", Number),
                            optional("net_core_rmem_default", Number),
                            optional("net_core_rmem_max", Number),
                            optional("net_core_somaxconn", Number),
                            optional("net_core_wmem_default", Number),
                            optional("net_core_wmem_max", Number),
                            optional("net_ipv4_ip_local_port_range_max", Number).at("/netIpv4IpLocalPortRange", Codec::High),
                            optional("net_ipv4_ip_local_port_range_min", Number).at("/netIpv4IpLocalPortRange", Codec::Low),
                            optional("net_ipv4_neigh_default_gc_thresh1", Number),
                            optional("net_ipv4_neigh_default_gc_thresh2", Number),
                            optional("net_ipv4_neigh_default_gc_thresh3", Number),
                            optional("net_ipv4_tcp_fin_timeout", Number),
                            optional("net_ipv4_tcp_keepalive_intvl", Number),
                            optional("net_ipv4_tcp_keepalive_probes", Number),
                            optional("net_ipv4_tcp_keepalive_time", Number),
                            optional("net_ipv4_tcp_max_syn_backlog", Number),
                            optional("net_ipv4_tcp_max_tw_buckets", Number),
                            optional("net_ipv4_tcp_tw_reuse", Bool),
                            optional("net_netfilter_nf_conntrack_buckets", Number),
                            optional("net_netfilter_nf_conntrack_max", Number),
                            optional("vm_max_map_count", Number),
                            optional("vm_swappiness", Number),
                            optional("vm_vfs_cache_pressure", Number),
                        ],
                        blocks: &[],
                    },
                )
                .at("/sysctls")],
            },
        )
        .at("/linuxOSConfig"),
        list(
            "node_network_profile",
            0,
            1,
            &Block {
                attributes: &[
                    optional("application_security_group_ids", TextList).at("/applicationSecurityGroups", Codec::Same),
                    optional("node_public_ip_tags", TextMap).at("/nodePublicIPTags", Codec::Tags),
                ],
                blocks: &[list(
                    "allowed_host_ports",
                    0,
                    0,
                    &Block {
                        attributes: &[optional("port_end", Number), optional("port_start", Number), optional("protocol", Text)],
                        blocks: &[],
                    },
                )],
            },
        ),
        list(
            "upgrade_settings",
            0,
            1,
            &Block {
                attributes: &[
                    optional("drain_timeout_in_minutes", Number),
                    required("max_surge", Text),
                    optional("node_soak_duration_in_minutes", Number),
                    optional("undrainable_node_behavior", Text).at("/undrainableNodeBehavior", Codec::Same),
                ],
                blocks: &[],
            },
        )
        .filled(),
    ],
};
