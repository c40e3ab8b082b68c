package aksight.destroy_test

import data.aksight.destroy

cluster := "azurerm_kubernetes_cluster.this"

test_a_replacement_is_denied if {
	some finding in destroy.deny with input as {"resources": [{"address": cluster, "action": "replace"}]}
	finding.id == "AKS-POL-001"
	finding.subject == "azurerm_kubernetes_cluster.this"
}

test_a_deletion_in_terraforms_own_plan_is_denied_too if {
	change := {"address": cluster, "change": {"actions": ["delete"]}}
	count(destroy.deny) == 1 with input as {"resources": [], "terraform": {"resource_changes": [change]}}
}

test_a_replacement_in_terraforms_own_plan_is_denied_too if {
	change := {"address": cluster, "change": {"actions": ["delete", "create"]}}
	some finding in destroy.deny with input as {"resources": [], "terraform": {"resource_changes": [change]}}
	contains(finding.message, "replace")
}

test_what_was_named_may_go if {
	count(destroy.deny) == 0 with input as {"resources": [{"address": cluster, "action": "delete"}], "allow_destroy": [cluster]}
}

test_an_update_may_pass if {
	count(destroy.deny) == 0 with input as {"resources": [{"address": cluster, "action": "update"}]}
}

test_what_holds_nothing_may_go if {
	count(destroy.deny) == 0 with input as {"resources": [{"address": "azurerm_resource_provider_registration.x", "action": "delete"}]}
}

test_a_cluster_inside_a_module_is_protected_too if {
	address := "module.net[\"a.b\"].azurerm_kubernetes_cluster.this[\"x.y\"]"
	change := {"address": address, "change": {"actions": ["create", "delete"]}}
	count(destroy.deny) == 1 with input as {"resources": [], "terraform": {"resource_changes": [change]}}
}

test_a_module_of_that_name_is_no_cluster if {
	address := "module.azurerm_kubernetes_cluster.random_id.this"
	count(destroy.deny) == 0 with input as {"resources": [{"address": address, "action": "delete"}]}
}
