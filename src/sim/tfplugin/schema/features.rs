//! Table of the provider's `features` block (azurerm 5.2.0).

use super::Type::{Bool, Text};
use super::{Block, list, optional, required};

/// The switches of azurerm; the stand-in honours `resource_group`.
pub(super) const FEATURES: Block = Block {
    attributes: &[
        optional("persist_id_on_create_before_polling_for_completion", Bool),
        optional("skip_import_check_on_create_and_allow_overwriting_existing_resources", Bool),
    ],
    blocks: &[
        list(
            "api_management",
            0,
            0,
            &Block {
                attributes: &[optional("purge_soft_delete_on_destroy", Bool), optional("recover_soft_deleted", Bool)],
                blocks: &[],
            },
        ),
        list(
            "app_configuration",
            0,
            0,
            &Block {
                attributes: &[optional("purge_soft_delete_on_destroy", Bool), optional("recover_soft_deleted", Bool)],
                blocks: &[],
            },
        ),
        list("application_insights", 0, 0, &Block { attributes: &[optional("disable_generated_rule", Bool)], blocks: &[] }),
        list("cognitive_account", 0, 0, &Block { attributes: &[optional("purge_soft_delete_on_destroy", Bool)], blocks: &[] }),
        list("databricks_workspace", 0, 0, &Block { attributes: &[optional("force_delete", Bool)], blocks: &[] }),
        list(
            "enhanced_validation",
            0,
            0,
            &Block {
                attributes: &[
                    optional("locations", Bool),
                    optional("preflight_enabled", Bool),
                    optional("preflight_location_fallback", Text),
                    optional("resource_providers", Bool),
                ],
                blocks: &[],
            },
        ),
        list(
            "key_vault",
            0,
            0,
            &Block {
                attributes: &[
                    optional("purge_soft_delete_on_destroy", Bool),
                    optional("purge_soft_deleted_certificates_on_destroy", Bool),
                    optional("purge_soft_deleted_hardware_security_module_keys_on_destroy", Bool),
                    optional("purge_soft_deleted_hardware_security_modules_on_destroy", Bool),
                    optional("purge_soft_deleted_keys_on_destroy", Bool),
                    optional("purge_soft_deleted_secrets_on_destroy", Bool),
                    optional("recover_soft_deleted_certificates", Bool),
                    optional("recover_soft_deleted_hardware_security_module_keys", Bool),
                    optional("recover_soft_deleted_key_vaults", Bool),
                    optional("recover_soft_deleted_keys", Bool),
                    optional("recover_soft_deleted_secrets", Bool),
                ],
                blocks: &[],
            },
        ),
        list(
            "log_analytics_workspace",
            0,
            0,
            &Block { attributes: &[optional("permanently_delete_on_destroy", Bool)], blocks: &[] },
        ),
        list(
            "machine_learning",
            0,
            0,
            &Block { attributes: &[optional("purge_soft_deleted_workspace_on_destroy", Bool)], blocks: &[] },
        ),
        list("managed_disk", 0, 0, &Block { attributes: &[optional("expand_without_downtime", Bool)], blocks: &[] }),
        list(
            "netapp",
            0,
            0,
            &Block {
                attributes: &[
                    optional("delete_backups_on_backup_vault_destroy", Bool),
                    optional("prevent_volume_destruction", Bool),
                ],
                blocks: &[],
            },
        ),
        list(
            "postgresql_flexible_server",
            0,
            0,
            &Block { attributes: &[optional("restart_server_on_configuration_value_change", Bool)], blocks: &[] },
        ),
        list(
            "recovery_service",
            0,
            0,
            &Block {
                attributes: &[
                    optional("purge_protected_items_from_vault_on_destroy", Bool),
                    optional("vm_backup_stop_protection_and_retain_data_on_destroy", Bool),
                    optional("vm_backup_suspend_protection_and_retain_data_on_destroy", Bool),
                ],
                blocks: &[],
            },
        ),
        list(
            "recovery_services_vaults",
            0,
            0,
            &Block { attributes: &[optional("recover_soft_deleted_backup_protected_vm", Bool)], blocks: &[] },
        ),
        list(
            "resource_group",
            0,
            0,
            &Block { attributes: &[optional("prevent_deletion_if_contains_resources", Bool)], blocks: &[] },
        ),
        list("servicebus", 0, 0, &Block { attributes: &[optional("auto_delete_subscription_default_rule", Bool)], blocks: &[] }),
        list("storage", 0, 0, &Block { attributes: &[optional("data_plane_available", Bool)], blocks: &[] }),
        list("subscription", 0, 0, &Block { attributes: &[optional("prevent_cancellation_on_destroy", Bool)], blocks: &[] }),
        list(
            "template_deployment",
            0,
            0,
            &Block { attributes: &[required("delete_nested_items_during_deletion", Bool)], blocks: &[] },
        ),
        list(
            "virtual_machine",
            0,
            0,
            &Block {
                attributes: &[
                    optional("delete_os_disk_on_deletion", Bool),
                    optional("detach_implicit_data_disk_on_deletion", Bool),
                    optional("skip_shutdown_and_force_delete", Bool),
                ],
                blocks: &[],
            },
        ),
        list(
            "virtual_machine_scale_set",
            0,
            0,
            &Block {
                attributes: &[
                    optional("force_delete", Bool),
                    optional("reimage_on_manual_upgrade", Bool),
                    optional("roll_instances_when_required", Bool),
                    optional("scale_to_zero_before_deletion", Bool),
                ],
                blocks: &[],
            },
        ),
    ],
};
